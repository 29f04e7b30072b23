//! Values that are hard to tell from the markup around them.

use serde_json::json;

use super::*;

/// Parses a `write` of this content, which has to come through to the byte.
fn assert_written(content: &str) {
    for text in [
        xml_call("write", &[("path", "a"), ("content", content)]),
        xml_call("write", &[("content", content), ("path", "a")]),
        xml_call("write", &[("path", "a"), ("content", content)]).replacen("<tool_call>\n", "", 1),
        [xml_call("write", &[("path", "a"), ("content", content)]), xml_call("now", &[])].join("\n"),
    ] {
        let outcome = qwen().parse(&text);
        assert_eq!(outcome.calls()[0], ("write", json!({"path": "a", "content": content})), "in {text:?}");
        assert_eq!(outcome.content(), "", "in {text:?}");
    }
}

#[test]
fn white_space_is_kept_to_the_byte() {
    for content in ["", " ", "\n", "\n\n", "  indented\n    more\n", "\tx\r\ny \n", "\n\na\n\n"] {
        assert_written(content);
    }
}

#[test]
fn code_is_kept_to_the_byte() {
    for content in [
        "fn main() {\n    println!(\"a \\\"b\\\" {}\\n\", 'c');\n}",
        "C:\\path\\new\\table",
        "<html>\n<body class='a'>&amp;</body>\n</html>",
        "if (a<b && c>d) { x <<= 2; }",
        "ü 日本語 🚀 \u{2028}\u{0}\u{7}",
        "{\"a\": [1, 2, {\"b\": null}]}",
    ] {
        assert_written(content);
    }
}

#[test]
fn tags_without_a_continuation_are_text() {
    for content in [
        "a </parameter> b",
        "a </parameter>\nb",
        "</parameter>",
        "x\n</parameter>",
        "</parameter>\n</parameter>",
        "let close = \"</parameter>\\n</function>\\n</tool_call>\";",
        "a </function> b",
        "a\n</function>\nb",
        "a </tool_call> b",
        "a\n</tool_call>\nb",
        "<tool_call>",
        "a <parameter=b> c",
        "a\n<parameter=x>\nb",
        "</parameter",
        "</parameter1> x",
        "</para",
    ] {
        assert_written(content);
    }
}

#[test]
fn a_whole_closing_sequence_with_text_behind_it_is_text() {
    assert_written("It ends with </parameter></function></tool_call> as a rule.");
    assert_written("x\n</parameter>\n</function>\n</tool_call>\ny");
    assert_written("x\n</parameter>\n</function>\ny");
}

#[test]
fn a_quoted_call_is_text() {
    assert_written(&format!(
        "# Format\n\n{}\n\nThat is all.\n",
        xml_call("read", &[("path", "x"), ("offset", "1")])
    ));
    assert_written(&format!("{}\n{}", xml_call("read", &[("path", "x")]), xml_call("now", &[])));
    assert_written("<tool_call><function=read><parameter=path>x</parameter></function></tool_call>\n");
}

#[test]
fn a_quoted_beginning_of_a_call_is_text() {
    assert_eq!(
        qwen()
            .parse(&xml_call("write", &[("content", "<function=read>\n<parameter=path>\nx")]))
            .argument("content"),
        "<function=read>\n<parameter=path>\nx"
    );
}

#[test]
fn what_cannot_be_told_apart_ends_the_value() {
    // The value quotes the end of one call and the beginning of another. Nothing tells them from real ones.
    let content =
        "a\n</parameter>\n</function>\n</tool_call>\n<tool_call>\n<function=read>\n<parameter=path>\nb";
    let outcome = qwen().parse(&xml_call("write", &[("content", content)]));
    assert_eq!(outcome.calls(), [("write", json!({"content": "a"})), ("read", json!({"path": "b"}))]);
}

#[test]
fn text_after_a_call_is_no_part_of_its_last_value() {
    let call = xml_call("read", &[("path", "a")]);
    let outcome = qwen().parse(&format!("{call}\nNow I wait.\n{call}\nAnd again."));
    assert_eq!(outcome.calls(), [("read", json!({"path": "a"})), ("read", json!({"path": "a"}))]);
    assert_eq!(outcome.content(), "\nNow I wait.\nAnd again.");
}

#[test]
fn a_parameter_that_the_tool_lacks_closes_nothing() {
    let text = "<tool_call>\n<function=write>\n<parameter=content>\nthen\n<parameter=NAME>\nfollows\n</parameter>\n\
                </function>\n</tool_call>";
    assert_eq!(qwen().parse(text).argument("content"), "then\n<parameter=NAME>\nfollows");
}

#[test]
fn a_value_may_hold_both_text_and_the_missing_end() {
    let text =
        "<tool_call>\n<function=write>\n<parameter=content>\na </parameter> b\n</function>\n</tool_call>";
    assert_eq!(qwen().parse(text).argument("content"), "a </parameter> b");
}

#[test]
fn a_typed_value_may_hold_tags_too() {
    let edits = r#"[{"oldText":"</parameter>\n</function>","newText":"<parameter=path>"}]"#;
    let outcome = qwen().parse(&xml_call("edit", &[("path", "a"), ("edits", edits)]));
    assert_eq!(outcome.arguments(), format!(r#"{{"path":"a","edits":{edits}}}"#));
}

#[test]
fn a_closing_tag_inside_a_line_does_not_stop_the_stream() {
    let mut parser = OutputParser::new(ToolFormat::QwenXml, Reasoning::None, &tools());
    parser.push("<tool_call>\n<function=write>\n<parameter=content>\n");
    let json = "A `</tool_call>` or `</function>` or `</parameter>` ends it. ";
    assert_eq!(parser.push(json), [Delta::ToolCallArguments { index: 0, json: json.to_owned() }]);
}

#[test]
fn many_unsure_ends_take_linear_time() {
    // Each call quotes an unclosed one, so each could send the parser back from the end.
    let call = xml_call("write", &[("content", "<function=read>\nx")]);
    let text = vec![call; 2000].join("\n");
    let outcome = qwen().parse_pieces(&[&text]);
    assert!(!outcome.reply.tool_calls.is_empty());
}

#[test]
fn long_values_come_through() {
    let spaces = " ".repeat(100_000);
    let lines = "let x = \"<a>\"; // 日本\n".repeat(40_000);
    for content in [spaces, lines] {
        let text = xml_call("write", &[("content", &content)]);
        for size in [1, 1000, text.len()] {
            let pieces = pieces_of(&text, size);
            assert!(qwen().parse_pieces(&pieces).argument("content") == content);
        }
    }
}

fn pieces_of(text: &str, size: usize) -> Vec<&str> {
    let mut rest = text;
    let mut pieces = Vec::new();
    while !rest.is_empty() {
        let (piece, tail) = rest.split_at(rest.ceil_char_boundary(size.min(rest.len())));
        pieces.push(piece);
        rest = tail;
    }
    pieces
}
