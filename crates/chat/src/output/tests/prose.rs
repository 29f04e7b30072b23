//! Text that mentions the format without using it.

use super::*;

fn assert_text(setup: &Setup, text: &str) {
    let outcome = setup.parse(text);
    assert_eq!(outcome.content(), text);
    assert!(outcome.calls().is_empty(), "{:?}", outcome.deltas);
}

#[test]
fn text_without_calls_stays_to_the_byte() {
    for text in [
        "",
        "Hello.",
        "\n\n",
        " a\n\n\nb \n",
        "a < b && c > d",
        "</tool_call>",
        "<",
        "<tool",
        "<<<>>>",
        "é<日本>🚀",
    ] {
        assert_text(&qwen(), text);
        assert_text(&hermes(), text);
    }
}

#[test]
fn a_mention_of_the_tags_is_text() {
    for text in [
        "Use `<tool_call>` to call a tool.",
        "It writes <tool_call>\n and then text.",
        "The tag <function=read> names the tool.",
        "Say `<tool_call><function=NAME>` inline.",
        "<tool_call><tool_call>",
        "a <tool_call>{ \"not\": \"a call\" }</tool_call> b",
    ] {
        assert_text(&qwen(), text);
    }
}

#[test]
fn a_function_alone_needs_a_line_of_its_own() {
    assert_text(&qwen(), "Then <function=read>\n<parameter=path>\na\n</parameter>\n</function> reads.");
}

#[test]
fn a_function_alone_may_be_indented() {
    let outcome = qwen().parse("So:\n  <function=now>\n</function>");
    assert_eq!((outcome.calls().len(), outcome.content()), (1, "So:\n  "));
}

#[test]
fn a_function_alone_in_a_code_fence_is_text() {
    assert_text(
        &qwen(),
        "Like this:\n```xml\n<function=read>\n<parameter=path>\na\n</parameter>\n</function>\n```\nDone.",
    );
}

#[test]
fn a_function_alone_after_a_code_fence_is_a_call() {
    let outcome = qwen().parse("```\ncode\n```\n<function=now>\n</function>");
    assert_eq!((outcome.calls().len(), outcome.content()), (1, "```\ncode\n```"));
}

#[test]
fn a_function_alone_of_an_unknown_tool_is_text() {
    assert_text(&qwen(), "<function=delete>\n<parameter=path>\na\n</parameter>\n</function>");
}

#[test]
fn a_block_of_an_unknown_tool_inside_a_line_or_fence_is_text() {
    assert_text(&qwen(), &format!("Example: {}", xml_call("example", &[("a", "1")])));
    assert_text(&qwen(), &format!("```\n{}\n```\n", xml_call("example", &[("a", "1")])));
}

#[test]
fn a_block_of_a_known_tool_is_a_call_anywhere() {
    assert_eq!(qwen().parse(&format!("Reading:{}", xml_call("now", &[]))).calls().len(), 1);
}

#[test]
fn without_tools_nothing_is_a_call() {
    let text = format!("a\n{}\n<function=read>\n</function>", xml_call("read", &[("path", "a")]));
    assert_text(&qwen().without_tools(), &text);
}

#[test]
fn without_a_format_nothing_is_a_call() {
    assert_text(&Setup { format: ToolFormat::None, ..qwen() }, &xml_call("read", &[("path", "a")]));
}

#[test]
fn a_function_alone_is_no_call_in_the_hermes_format() {
    assert_text(&hermes(), "<function=read>\n</function>");
}

#[test]
fn a_long_gap_after_the_tag_makes_it_text() {
    assert_text(&qwen(), &format!("<tool_call>{}<function=now>", " ".repeat(300)));
}

#[test]
fn text_streams_up_to_what_may_be_a_tag() {
    let mut parser = OutputParser::new(ToolFormat::QwenXml, Reasoning::None, &tools());
    let content = |text: &str| vec![Delta::Content(text.to_owned())];
    assert_eq!(parser.push("Hello\n"), content("Hello"));
    assert_eq!(parser.push("\nworld <b"), content("\n\nworld <b"));
    assert_eq!(parser.push(" <tool"), content(" "));
    assert_eq!(parser.push("box>"), content("<toolbox>"));
}
