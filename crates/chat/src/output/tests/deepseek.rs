//! DeepSeek's formats with tokens of their own, well formed and not.

use serde_json::json;

use super::*;

fn deepseek() -> Setup {
    of(ToolFormat::DeepSeek)
}

fn assert_reads_a(text: &str) {
    let outcome = deepseek().parse(text);
    assert_eq!(outcome.calls(), [("read", json!({"path": "a"}))], "{text}");
    assert_eq!(outcome.content(), "", "{text}");
}

const OLD: &str =
    "<｜tool▁call▁begin｜>function<｜tool▁sep｜>read\n```json\n{\"path\": \"a\"}\n```<｜tool▁call▁end｜>";
const NEW: &str = "<｜tool▁call▁begin｜>read<｜tool▁sep｜>{\"path\": \"a\"}<｜tool▁call▁end｜>";

#[test]
fn old_and_new_calls_are_read() {
    assert_reads_a(&format!("<｜tool▁calls▁begin｜>{OLD}<｜tool▁calls▁end｜>"));
    assert_reads_a(&format!("<｜tool▁calls▁begin｜>{NEW}<｜tool▁calls▁end｜>"));
    assert_reads_a("<｜tool▁call▁begin｜>function<｜tool▁sep｜>read\n{\"path\": \"a\"}<｜tool▁call▁end｜>");
}

#[test]
fn a_block_may_hold_several_calls() {
    for call in [OLD, NEW] {
        let text = format!("Both.<｜tool▁calls▁begin｜>{call}\n{call}<｜tool▁calls▁end｜>");
        let outcome = deepseek().parse(&text);
        assert_eq!((outcome.calls().len(), outcome.content()), (2, "Both."), "{text}");
    }
}

#[test]
fn missing_marks_are_supplied() {
    assert_reads_a(NEW);
    assert_reads_a(
        "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>read<｜tool▁sep｜>{\"path\": \"a\"}<｜tool▁calls▁end｜>",
    );
    assert_reads_a("<｜tool▁call▁begin｜>read<｜tool▁sep｜>{\"path\": \"a\"}");
    assert_reads_a(
        "<｜tool▁call▁begin｜>read<｜tool▁sep｜>{\"path\": \"a<｜tool▁call▁end｜><｜tool▁calls▁end｜>"
            .replace("\"a<", "\"a\"<")
            .as_str(),
    );
    assert_reads_a(
        "<｜tool▁call▁begin｜>read<｜tool▁sep｜>{\"path\": \"a}<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
    );
}

#[test]
fn arguments_may_be_missing_or_text() {
    let now = deepseek().parse("<｜tool▁call▁begin｜>now<｜tool▁sep｜><｜tool▁call▁end｜>");
    assert_eq!((now.arguments(), now.content()), ("{}", ""));
    assert_reads_a("<｜tool▁call▁begin｜>read<｜tool▁sep｜>\"{\\\"path\\\": \\\"a\\\"}\"<｜tool▁call▁end｜>");
}

#[test]
fn a_tool_may_be_called_function() {
    let setup = deepseek().with_tool(tool("function", json!({})));
    let outcome = setup.parse("<｜tool▁call▁begin｜>function<｜tool▁sep｜>{}<｜tool▁call▁end｜>");
    assert_eq!(outcome.calls(), [("function", json!({}))]);
}

#[test]
fn what_is_no_call_stays_text() {
    for text in [
        "The token <｜tool▁calls▁begin｜> begins calls.",
        "<｜tool▁call▁begin｜>read<｜tool▁sep｜>ls -la<｜tool▁call▁end｜>",
        "<｜tool▁call▁begin｜>read<｜tool▁sep｜>\"ls\"<｜tool▁call▁end｜>",
        "<｜tool▁call▁begin｜>read a<｜tool▁sep｜>{}",
    ] {
        let outcome = deepseek().parse(text);
        assert_eq!((outcome.content(), outcome.calls().len()), (text, 0));
    }
}
