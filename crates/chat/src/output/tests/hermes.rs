//! The Hermes format, well formed and not.

use serde_json::json;

use super::*;

fn block(json: &str) -> String {
    format!("<tool_call>\n{json}\n</tool_call>")
}

/// The only call in a block, which has to be a `read` of `a`.
fn assert_reads_a(json: &str) {
    let outcome = hermes().parse(&block(json));
    assert_eq!(outcome.calls(), [("read", json!({"path": "a"}))], "{json}");
    assert_eq!(outcome.content(), "", "{json}");
}

fn assert_text(text: &str) {
    let outcome = hermes().parse(text);
    assert_eq!((outcome.content(), outcome.calls().len()), (text, 0));
}

#[test]
fn a_call_as_the_template_writes_it() {
    let text =
        format!("I look.\n{}", block(r#"{"name": "read", "arguments": {"path": "a", "offset": 1.50}}"#));
    let outcome = hermes().parse(&text);
    assert_eq!((outcome.arguments(), outcome.content()), (r#"{"path":"a","offset":1.50}"#, "I look."));
}

#[test]
fn arguments_stream_as_they_come() {
    let mut parser = OutputParser::new(ToolFormat::HermesJson, Reasoning::None, &tools());
    assert_eq!(parser.push("<tool_call>\n{\"name\": \"write\", \"arguments\": "), []);
    let json = |deltas: Vec<Delta>| match deltas.last() {
        Some(Delta::ToolCallArguments { json, .. }) => json.clone(),
        _ => panic!("{deltas:?}"),
    };
    assert_eq!(json(parser.push("{\"content\": \"let ")), r#"{"content":"let"#);
    assert_eq!(json(parser.push("x\\")), " x");
    assert_eq!(json(parser.push("n = 1;")), "\\n = 1;");
}

#[test]
fn several_blocks_and_several_objects_in_one() {
    let one = r#"{"name": "read", "arguments": {"path": "a"}}"#;
    for text in [
        format!("{}\n{}", block(one), block(one)),
        block(&format!("{one}\n{one}")),
        block(&format!("{one}, {one}")),
        block(&format!("{one};{one}")),
        block(&format!("[{one}, {one}]")),
    ] {
        let outcome = hermes().parse(&text);
        assert_eq!(outcome.calls().len(), 2, "{text}");
        assert_eq!(outcome.content(), "", "{text}");
    }
}

#[test]
fn other_names_and_orders_are_understood() {
    assert_reads_a(r#"{"name": "read", "parameters": {"path": "a"}}"#);
    assert_reads_a(r#"{"name": "read", "input": {"path": "a"}}"#);
    assert_reads_a(r#"{"arguments": {"path": "a"}, "name": "read"}"#);
    assert_reads_a(r#"{"id": "1", "type": "function", "name": "read", "arguments": {"path": "a"}}"#);
    assert_reads_a(r#"{"type": "function", "function": {"name": "read", "arguments": {"path": "a"}}}"#);
}

#[test]
fn arguments_in_a_string_are_not_encoded_twice() {
    assert_reads_a(r#"{"name": "read", "arguments": "{\"path\": \"a\"}"}"#);
}

#[test]
fn no_arguments_are_an_empty_object() {
    for json in [
        r#"{"name": "now"}"#,
        r#"{"name": "now", "arguments": {}}"#,
        r#"{"name": "now", "arguments": null}"#,
        r#"{"name": "now", "arguments": ""}"#,
    ] {
        assert_eq!(hermes().parse(&block(json)).arguments(), "{}", "{json}");
    }
}

#[test]
fn broken_json_is_repaired() {
    assert_reads_a(r#"{"name": "read", "arguments": {"path": "a",},}"#);
    assert_reads_a(r#"{'name': 'read', 'arguments': {'path': 'a'}}"#);
    assert_reads_a(r#"{name: "read", arguments: {path: "a"}}"#);
    assert_reads_a("{\"name\": \"read\"\n \"arguments\": {\"path\": \"a\"}}");
    assert_reads_a(r#"{"name": "read", "arguments": {"path": "a"}}}"#);
}

#[test]
fn raw_control_characters_in_strings_are_escaped() {
    let outcome =
        hermes().parse(&block("{\"name\": \"write\", \"arguments\": {\"content\": \"a\n\tb\u{1}\"}}"));
    assert_eq!(outcome.argument("content"), "a\n\tb\u{1}");
}

#[test]
fn unescaped_quotes_in_strings_are_text() {
    let outcome = hermes()
        .parse(&block(r#"{"name": "write", "arguments": {"content": "say "hi", he said", "path": "a"}}"#));
    assert_eq!(outcome.argument("content"), r#"say "hi", he said"#);
    assert_eq!(outcome.argument("path"), "a");
}

#[test]
fn unescaped_code_in_a_string_is_text() {
    let json =
        r#"{"name": "write", "arguments": {"content": "const a = {"x": "y"};\nf(["z"]);", "path": "a"}}"#;
    assert_eq!(hermes().parse(&block(json)).argument("content"), "const a = {\"x\": \"y\"};\nf([\"z\"]);");
}

#[test]
fn escapes_are_kept_and_false_ones_are_text() {
    let outcome = hermes().parse(&block(
        r#"{"name": "write", "arguments": {"content": "\u00e9 \ud83d\ude80 \/ \d+ \' \ud83d \u12 \\n"}}"#,
    ));
    assert_eq!(outcome.argument("content"), "é 🚀 / \\d+ ' \u{FFFD} \\u12 \\n");
}

#[test]
fn the_end_of_a_block_inside_a_string_is_text() {
    let outcome = hermes()
        .parse(&block(r#"{"name": "write", "arguments": {"content": "a </tool_call> b", "path": "c"}}"#));
    assert_eq!(outcome.argument("content"), "a </tool_call> b");
}

#[test]
fn a_string_that_never_closes_ends_with_the_block() {
    let outcome = hermes().parse(&block(r#"{"name": "bash", "arguments": {"command": "ls -la}}"#));
    assert_eq!(outcome.argument("command"), "ls -la");
    let text = [block(r#"{"name": "bash", "arguments": {"command": "ls }}"#), block(r#"{"name": "now"}"#)]
        .join("\n");
    assert_eq!(hermes().parse(&text).calls(), [("bash", json!({"command": "ls"})), ("now", json!({}))]);
}

#[test]
fn a_truncated_object_is_completed_by_a_natural_end() {
    for (text, arguments) in [
        (r#"<tool_call>{"name": "read""#, "{}"),
        (r#"<tool_call>{"name": "read", "arguments": {"path": "a"#, r#"{"path":"a"}"#),
        (r#"<tool_call>{"name": "read", "arguments": {"path""#, r#"{"path":null}"#),
        (r#"<tool_call>{"name": "read", "arguments": {"path": "a","#, r#"{"path":"a"}"#),
        (r#"<tool_call>{"name": "read", "arguments": {"path": "a"}"#, r#"{"path":"a"}"#),
    ] {
        assert_eq!(hermes().parse(text).arguments(), arguments, "{text}");
    }
}

#[test]
fn missing_brackets_are_supplied_by_the_end_of_the_block() {
    assert_reads_a(r#"{"name": "read", "arguments": {"path": "a"}"#);
    assert_reads_a(r#"{"name": "read", "arguments": {"path": "a""#);
}

#[test]
fn what_is_no_call_stays_text() {
    for json in [
        "{}",
        r#"{"arguments": {"path": "a"}}"#,
        r#"{"name": 5}"#,
        r#"{"name": ""}"#,
        r#"{"name": "read", "arguments": [1]}"#,
        r#"{"name": "read", "arguments": "ls"}"#,
        "{ some code }",
        "{name: read}",
        "[1, 2]",
        "text",
        "",
    ] {
        assert_text(&format!("a\n{} b", block(json)));
    }
}

#[test]
fn rubbish_inside_the_arguments_becomes_strings() {
    let outcome =
        hermes().parse(&block(r#"{"name": "read", "arguments": {"path": what ever, "n": 01, "m": .5]}"#));
    let (name, arguments) = &outcome.calls()[0];
    assert_eq!((*name, arguments["path"].as_str()), ("read", Some("what")));
}

#[test]
fn of_two_values_for_a_key_the_first_counts() {
    let outcome = hermes()
        .parse(&block(r#"{"name": "read", "arguments": {"path": "a", "path": {"b": 1}, "offset": 1}}"#));
    assert_eq!(outcome.arguments(), r#"{"path":"a","offset":1}"#);
}

#[test]
fn deep_nesting_stays_readable() {
    let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
    let outcome = hermes().parse(&block(&format!(r#"{{"name": "read", "arguments": {{"path": {deep}}}}}"#)));
    assert_eq!(outcome.calls().len(), 1);
}

#[test]
fn a_function_in_the_block_is_read_as_one() {
    assert_eq!(hermes().parse(&xml_call("read", &[("path", "a")])).calls(), [("read", json!({"path": "a"}))]);
}

#[test]
fn text_after_the_object_without_an_end_tag_is_kept() {
    let outcome = hermes().parse("<tool_call>\n{\"name\": \"now\"}\nDone.");
    assert_eq!((outcome.calls().len(), outcome.content()), (1, "\nDone."));
}

#[test]
fn an_unknown_tool_is_a_call_at_the_start_of_a_line_only() {
    let json = r#"{"name": "delete", "arguments": {}}"#;
    assert_eq!(hermes().parse(&block(json)).calls().len(), 1);
    assert_text(&format!("Write {}.", block(json)));
}

#[test]
fn a_long_string_comes_through() {
    let content = "let x = \"<a>\";\n".repeat(20_000);
    let text = block(&json!({"name": "write", "arguments": {"content": content}}).to_string());
    assert!(hermes().parse_pieces(&[&text]).argument("content") == content);
    let pieces: Vec<&str> = text.split_inclusive(' ').collect();
    assert!(hermes().parse_pieces(&pieces).argument("content") == content);
}
