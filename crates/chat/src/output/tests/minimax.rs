//! MiniMax' format, well formed and not.

use serde_json::json;

use super::*;

fn assert_reads_a(text: &str) {
    let outcome = of(ToolFormat::MiniMax).parse(text);
    assert_eq!(outcome.calls(), [("read", json!({"path": "a"}))], "{text}");
    assert_eq!(outcome.content(), "", "{text}");
}

const READ: &str = "<invoke name=\"read\">\n<parameter name=\"path\">a</parameter>\n</invoke>";

#[test]
fn a_call_as_the_template_writes_it() {
    assert_reads_a(&format!("<minimax:tool_call>\n{READ}\n</minimax:tool_call>"));
}

#[test]
fn a_block_may_hold_several_calls() {
    let outcome =
        of(ToolFormat::MiniMax).parse(&format!("<minimax:tool_call>\n{READ}\n{READ}\n</minimax:tool_call>"));
    assert_eq!((outcome.calls().len(), outcome.content()), (2, ""));
}

#[test]
fn a_call_may_stand_without_its_block() {
    assert_reads_a(READ);
    assert_reads_a(&format!("{READ}\n</minimax:tool_call>"));
}

#[test]
fn missing_and_drifted_tags_are_supplied() {
    for text in [
        "<invoke name='read'><parameter name=path>a</parameter></invoke></minimax:tool_call>",
        "<invoke name=\"read\"><parameter name=\"path\">a</invoke></minimax:tool_call>",
        "<invoke name=\"read\"><parameter name=\"path\">a</parameter1></minimax:tool_call>",
        "<invoke name=\"read\"><parameter name=\"path\">a</parameter></invoke>",
        "<invoke name=\"read\"><parameter name=\"path\">a</parameter>",
        "<invoke name=\"read\"><parameter name=\"path\">a",
    ] {
        assert_reads_a(&format!("<minimax:tool_call>{text}"));
    }
}

#[test]
fn an_invoke_in_the_middle_of_a_line_is_text() {
    let text = format!("Write {READ}.");
    assert_eq!(of(ToolFormat::MiniMax).parse(&text).content(), text);
}
