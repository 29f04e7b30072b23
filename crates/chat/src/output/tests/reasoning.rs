//! Reasoning before the text.

use super::*;

fn assert_split(reasoning: Reasoning, text: &str, thought: &str, content: &str) {
    let outcome = qwen().reasoning(reasoning).parse(text);
    assert_eq!((outcome.reply.reasoning.as_str(), outcome.content()), (thought, content), "{text:?}");
}

const BEGUN: Reasoning = Reasoning::Begun { newline: true };

#[test]
fn reasoning_that_the_model_opens() {
    assert_split(Reasoning::MayBegin, "<think>\nHm.\n</think>\n\nYes.", "Hm.", "Yes.");
    assert_split(Reasoning::MayBegin, "\n<think>Hm.</think>Yes.", "Hm.", "Yes.");
}

#[test]
fn reasoning_that_the_prompt_opened() {
    assert_split(BEGUN, "Hm.\n</think>\n\nYes.", "Hm.", "Yes.");
    assert_split(Reasoning::Begun { newline: false }, "\nHm.\n</think>\n\nYes.", "Hm.", "Yes.");
}

#[test]
fn reasoning_that_prompt_and_model_opened() {
    assert_split(BEGUN, "<think>\nHm.\n</think>\n\nYes.", "Hm.", "Yes.");
}

#[test]
fn only_the_newlines_of_the_markup_are_taken() {
    assert_split(BEGUN, "\nHm.\n\n</think>\n\n\nYes.", "\nHm.\n", "\nYes.");
    assert_split(Reasoning::MayBegin, "<think>\n\n Hm. \n</think>Yes.", "\n Hm. ", "Yes.");
}

#[test]
fn empty_reasoning_gives_no_delta() {
    let outcome = qwen().reasoning(Reasoning::MayBegin).parse("<think>\n\n</think>\n\nYes.");
    assert_eq!(outcome.deltas, [Delta::Content("Yes.".to_owned())]);
}

#[test]
fn an_answer_without_reasoning_is_content() {
    assert_split(Reasoning::MayBegin, "Yes.", "", "Yes.");
    assert_split(Reasoning::MayBegin, "  <thinking>", "", "  <thinking>");
    assert_split(Reasoning::MayBegin, " \n", "", " \n");
}

#[test]
fn a_later_tag_is_text() {
    assert_split(
        Reasoning::MayBegin,
        "Models write <think> and </think>.",
        "",
        "Models write <think> and </think>.",
    );
    assert_split(BEGUN, "Hm.</think>a <think> b </think> c", "Hm.", "a <think> b </think> c");
}

#[test]
fn a_model_that_does_not_reason_writes_text() {
    assert_split(Reasoning::None, "<think>\nHm.\n</think>\n\nYes.", "", "<think>\nHm.\n</think>\n\nYes.");
}

#[test]
fn reasoning_that_never_ends_is_reasoning() {
    assert_split(BEGUN, "Hm. </thin", "Hm. </thin", "");
    assert_split(BEGUN, "Hm.\n", "Hm.\n", "");
}

#[test]
fn no_call_begins_inside_reasoning() {
    let call = xml_call("now", &[]);
    let outcome =
        qwen().reasoning(BEGUN).parse(&format!("I could write\n{call}\nthere.\n</think>\n\n{call}"));
    assert_eq!(outcome.reply.reasoning, format!("I could write\n{call}\nthere."));
    assert_eq!(outcome.calls().len(), 1);
}

#[test]
fn a_call_right_after_reasoning_is_a_call() {
    let outcome = qwen().reasoning(BEGUN).parse("Hm.\n</think>\n\n<function=now>\n</function>");
    assert_eq!((outcome.calls().len(), outcome.content()), (1, ""));
}

#[test]
fn reasoning_streams_up_to_what_may_be_its_end() {
    let mut parser = OutputParser::new(ToolFormat::QwenXml, BEGUN, &tools());
    let reasoning = |text: &str| vec![Delta::Reasoning(text.to_owned())];
    assert_eq!(parser.push("Let me see"), reasoning("Let me see"));
    assert_eq!(parser.push(".\n"), reasoning("."));
    assert_eq!(parser.push("</thi"), []);
    assert_eq!(parser.push("s>"), reasoning("\n</this>"));
}
