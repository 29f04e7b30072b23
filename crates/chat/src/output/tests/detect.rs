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
    assert_eq!(format("Write <tool_call>NAME<arg_key>arguments</arg_key>"), ToolFormat::Glm);
    assert_eq!(format("<|start|>assistant<|channel|>final<|message|>"), ToolFormat::Harmony);
    assert_eq!(format("{{ '[TOOL_CALLS]' + name + '[ARGS]' + arguments }}"), ToolFormat::Mistral);
    assert_eq!(
        format("<|start_header_id|>Write {\"name\": NAME, \"parameters\": OBJECT}"),
        ToolFormat::LlamaJson
    );
    assert_eq!(format("<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>NAME"), ToolFormat::DeepSeek);
    assert_eq!(format("{% set token = '｜DSML｜' %}Write <{{ token }}invoke>"), ToolFormat::DeepSeekDsml);
    assert_eq!(format("Write <minimax:tool_call>"), ToolFormat::MiniMax);
    assert_eq!(format("{{ '<|tool_call>call:' + name }}"), ToolFormat::Gemma);
    assert_eq!(format("Write <|tool_call_start|>[f(arguments)]<|tool_call_end|>"), ToolFormat::Lfm2);
}

#[test]
fn a_template_that_teaches_nothing_known_has_no_format() {
    assert_eq!(format("No tools."), ToolFormat::None);
    assert_eq!(format("Write <tool_call>CALL</tool_call>"), ToolFormat::None);
}

#[test]
fn a_format_is_chosen_by_its_name() {
    for format in ToolFormat::ALL {
        assert_eq!(format.to_string().parse(), Ok(format));
    }
}

#[test]
fn an_unknown_name_is_answered_with_the_known_ones() {
    let error = "qwen".parse::<ToolFormat>().unwrap_err().to_string();
    assert!(error.contains("\"qwen\"") && error.contains("qwen-xml, hermes-json, glm"), "{error}");
}

#[test]
fn the_prompts_end_tells_whether_reasoning_has_begun() {
    let template = ChatTemplate::from_source("<think></think>").unwrap();
    let after = |prompt| Reasoning::after_prompt(ToolFormat::None, &template, prompt);
    assert_eq!(after("<|im_start|>assistant\n<think>\n"), Reasoning::Begun { newline: true });
    assert_eq!(after("<|im_start|>assistant\n<think>"), Reasoning::Begun { newline: false });
    assert_eq!(after("<|im_start|>assistant\n<think>\n\n</think>\n\n"), Reasoning::MayBegin);
    assert_eq!(after("<|im_start|>assistant\n"), Reasoning::MayBegin);
}

#[test]
fn other_formats_have_other_tags_of_reasoning() {
    let after = |format, source, prompt| {
        Reasoning::after_prompt(format, &ChatTemplate::from_source(source).unwrap(), prompt)
    };
    assert_eq!(after(ToolFormat::Mistral, "[THINK][/THINK]", "[/INST]"), Reasoning::MayBegin);
    assert_eq!(
        after(ToolFormat::Gemma, "<channel|>", "model\n<|channel>thought\n<channel|>"),
        Reasoning::MayBegin
    );
    let begun = Reasoning::Begun { newline: true };
    assert_eq!(after(ToolFormat::Gemma, "<channel|>", "model\n<|channel>thought\n"), begun);
}

#[test]
fn a_template_without_the_tags_has_no_reasoning() {
    let template = ChatTemplate::from_source("plain").unwrap();
    assert_eq!(
        Reasoning::after_prompt(ToolFormat::None, &template, "<|im_start|>assistant\n"),
        Reasoning::None
    );
}
