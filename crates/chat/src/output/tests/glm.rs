//! GLM's format, well formed and not.

use serde_json::json;

use super::*;

fn glm() -> Setup {
    of(ToolFormat::Glm)
}

fn assert_reads_a(text: &str) {
    let outcome = glm().parse(text);
    assert_eq!(outcome.calls(), [("read", json!({"path": "a"}))], "{text}");
    assert_eq!(outcome.content(), "", "{text}");
}

fn assert_text(text: &str) {
    let outcome = glm().parse(text);
    assert_eq!((outcome.content(), outcome.calls().len()), (text, 0));
}

#[test]
fn tags_stand_on_lines_or_close_together() {
    assert_reads_a("<tool_call>read\n<arg_key>path</arg_key>\n<arg_value>a</arg_value>\n</tool_call>");
    assert_reads_a("<tool_call>read<arg_key>path</arg_key><arg_value>a</arg_value></tool_call>");
}

#[test]
fn white_space_in_a_value_is_the_values() {
    let text = "<tool_call>write<arg_key>content</arg_key><arg_value>\n  a\n</arg_value></tool_call>";
    assert_eq!(glm().parse(text).argument("content"), "\n  a\n");
}

#[test]
fn missing_and_drifted_tags_are_supplied() {
    assert_reads_a("<tool_call>read<arg_key>path<arg_value>a</arg_value></tool_call>");
    assert_reads_a("<tool_call>read<arg_key>path</arg_key><arg_value>a</tool_call>");
    assert_reads_a("<tool_call>read<arg_key>path</arg_key><arg_value>a</arg_value_1></tool_call>");
    assert_reads_a("<tool_call>read<arg_key>path</arg_key><arg_value>a</arg_value>");
    assert_reads_a("<tool_call>read<arg_key>path</arg_key><arg_value>a");
}

#[test]
fn a_missing_end_of_value_is_supplied_by_the_next_key_on_a_line() {
    let text = "<tool_call>write\n<arg_key>path</arg_key>\n<arg_value>a\n<arg_key>content</arg_key>\n\
                <arg_value>b</arg_value>\n</tool_call>";
    assert_eq!(glm().parse(text).calls(), [("write", json!({"path": "a\n", "content": "b"}))]);
}

#[test]
fn a_call_without_arguments_ends_at_once() {
    for text in ["<tool_call>now</tool_call>", "<tool_call>now\n</tool_call>", "<tool_call>now\n"] {
        assert_eq!(glm().parse(text).calls(), [("now", json!({}))], "{text}");
    }
}

#[test]
fn prose_about_the_format_stays_text() {
    assert_text("A call begins with <tool_call>.");
    assert_text("<tool_call>read a file");
    assert_text("<tool_call>read\nand so on");
    assert_text("Write `<tool_call>name<arg_key>`.");
    assert_text("```\n<tool_call>name<arg_key>key</arg_key>\n```");
    assert_text("</tool_call> </arg_value>");
}

#[test]
fn an_object_in_the_tags_is_read_as_one() {
    assert_reads_a("<tool_call>{\"name\": \"read\", \"arguments\": {\"path\": \"a\"}}</tool_call>");
}

#[test]
fn a_value_may_quote_a_call_on_a_line() {
    let quoted = "<tool_call>now</tool_call>";
    let text = format!(
        "<tool_call>write<arg_key>content</arg_key><arg_value>a\n{quoted}\nb</arg_value></tool_call>"
    );
    assert_eq!(glm().parse(&text).argument("content"), format!("a\n{quoted}\nb"));
}
