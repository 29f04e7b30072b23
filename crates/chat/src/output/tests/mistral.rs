//! Mistral's formats, well formed and not.

use serde_json::json;

use super::*;

fn mistral() -> Setup {
    of(ToolFormat::Mistral)
}

fn assert_reads_a(text: &str) {
    let outcome = mistral().parse(text);
    assert_eq!(outcome.calls(), [("read", json!({"path": "a"}))], "{text}");
    assert_eq!(outcome.content(), "", "{text}");
}

#[test]
fn names_ids_and_arguments_have_marks() {
    assert_reads_a(r#"[TOOL_CALLS]read[ARGS]{"path": "a"}"#);
    assert_reads_a(r#"[TOOL_CALLS]read[CALL_ID]123456789[ARGS]{"path": "a"}"#);
    assert_reads_a(r#"[TOOL_CALLS] read [CALL_ID]aB3dE6gH9 [ARGS] {"path": "a"}"#);
}

#[test]
fn a_list_of_objects_is_read() {
    let call = r#"{"name": "read", "arguments": {"path": "a"}, "id": "123456789"}"#;
    assert_reads_a(&format!("[TOOL_CALLS][{call}]"));
    assert_reads_a(&format!("[TOOL_CALLS] [{call}"));
    assert_reads_a(&format!("[TOOL_CALLS]{call}"));
    let outcome = mistral().parse(&format!("[TOOL_CALLS][{call}, {call}]"));
    assert_eq!((outcome.calls().len(), outcome.content()), (2, ""));
}

#[test]
fn the_mark_of_arguments_may_be_missing() {
    assert_reads_a(r#"[TOOL_CALLS]read{"path": "a"}"#);
}

#[test]
fn arguments_in_a_string_are_not_encoded_twice() {
    assert_reads_a(r#"[TOOL_CALLS]read[ARGS]"{\"path\": \"a\"}""#);
}

#[test]
fn several_calls_each_have_the_mark() {
    let outcome = mistral().parse(r#"Both.[TOOL_CALLS]now[ARGS]{}[TOOL_CALLS]read[ARGS]{"path": "a"}"#);
    assert_eq!(outcome.calls(), [("now", json!({})), ("read", json!({"path": "a"}))]);
    assert_eq!(outcome.content(), "Both.");
}

#[test]
fn a_list_that_is_cut_short_by_another_call_is_closed() {
    let outcome = mistral().parse(r#"[TOOL_CALLS]read[ARGS]{"path": ["a"[TOOL_CALLS]now[ARGS]{}"#);
    assert_eq!(outcome.calls(), [("read", json!({"path": ["a"]})), ("now", json!({}))]);
}

#[test]
fn what_is_no_call_stays_text() {
    for text in [
        "[TOOL_CALLS]",
        "[TOOL_CALLS] begins a call.",
        "[TOOL_CALLS]read[ARGS]ls -la",
        "[TOOL_CALLS]read[ARGS]",
        "[1, 2] [TOOL] [x](y)",
        "[TOOL_CALLS][1, 2]",
        "Name: read{\"path\": \"a\"}",
    ] {
        let outcome = mistral().parse(text);
        assert_eq!((outcome.content(), outcome.calls().len()), (text, 0));
    }
}

#[test]
fn reasoning_stands_between_tags_of_its_own() {
    let setup = mistral().reasoning(Reasoning::MayBegin);
    let outcome = setup.parse("[THINK]Hm [1].\n[/THINK]\nYes.[TOOL_CALLS]now[ARGS]{}");
    assert_eq!((outcome.reply.reasoning.as_str(), outcome.content()), ("Hm [1].\n", "\nYes."));
    assert_eq!(outcome.calls().len(), 1);
}
