//! The format read off template and prompt.

use super::*;
use crate::template::ChatTemplate;

fn format(source: &str) -> ToolFormat {
    ToolFormat::detect(&ChatTemplate::from_source(source).unwrap())
}

#[test]
fn the_format_is_the_one_the_template_teaches() {
    assert_eq!(format("Write <tool_call>\n<function=NAME>\n<parameter=KEY>"), ToolFormat::QwenXml);
    assert_eq!(format("Write <tool_call>\n{\"name\": NAME, \"arguments\": OBJECT}"), ToolFormat::HermesJson);
}

#[test]
fn the_prompts_end_tells_whether_reasoning_has_begun() {
    let template = ChatTemplate::from_source("<think></think>").unwrap();
    let after = |prompt| Reasoning::after_prompt(&template, prompt);
    assert_eq!(after("<|im_start|>assistant\n<think>\n"), Reasoning::Begun { newline: true });
    assert_eq!(after("<|im_start|>assistant\n<think>"), Reasoning::Begun { newline: false });
    assert_eq!(after("<|im_start|>assistant\n<think>\n\n</think>\n\n"), Reasoning::MayBegin);
    assert_eq!(after("<|im_start|>assistant\n"), Reasoning::MayBegin);
}

#[test]
fn a_template_without_the_tags_has_no_reasoning() {
    let template = ChatTemplate::from_source("plain").unwrap();
    assert_eq!(Reasoning::after_prompt(&template, "<|im_start|>assistant\n"), Reasoning::None);
}
