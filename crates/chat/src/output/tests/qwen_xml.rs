//! The Qwen3-Coder format, well formed and not.

use serde_json::json;

use super::*;

#[test]
fn a_call_as_the_template_writes_it() {
    let outcome = qwen().parse(&xml_call("read", &[("path", "src/a.rs"), ("offset", "12")]));
    assert_eq!(outcome.arguments(), r#"{"path":"src/a.rs","offset":12}"#);
    assert_eq!(outcome.content(), "");
}

#[test]
fn a_string_argument_streams_as_it_comes() {
    let mut parser = OutputParser::new(ToolFormat::QwenXml, Reasoning::None, &tools());
    parser.push("<tool_call>\n<function=write>\n<parameter=content>\n");
    let json = |deltas: Vec<Delta>| match &deltas[..] {
        [Delta::ToolCallArguments { json, .. }] => json.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(json(parser.push("let x")), "let x");
    assert_eq!(json(parser.push(" = \"1\";\n")), " = \\\"1\\\";");
    assert_eq!(json(parser.push("if a </para")), "\\nif a ");
    assert_eq!(json(parser.push("graph> b")), "</paragraph> b");
}

#[test]
fn a_typed_argument_waits_for_its_end() {
    let mut parser = OutputParser::new(ToolFormat::QwenXml, Reasoning::None, &tools());
    parser.push("<tool_call>\n<function=read>\n<parameter=offset>\n");
    assert_eq!(parser.push("1"), []);
    assert_eq!(parser.push("2"), []);
    let deltas = parser.push("\n</parameter>\n<parameter=path>");
    assert_eq!(deltas, [Delta::ToolCallArguments { index: 0, json: r#"12,"path":""#.to_owned() }]);
}

#[test]
fn the_name_goes_out_as_soon_as_it_is_known() {
    let mut parser = OutputParser::new(ToolFormat::QwenXml, Reasoning::None, &tools());
    assert_eq!(parser.push("<tool_call>\n<function=rea"), []);
    assert_eq!(parser.push("d>"), [Delta::ToolCallStart { index: 0, name: "read".to_owned() }]);
}

#[test]
fn text_before_between_and_after_is_kept() {
    let call = xml_call("now", &[]);
    let outcome = qwen().parse(&format!("One.\n\n{call}\nTwo. {call} Three.\n"));
    assert_eq!(outcome.content(), "One.\nTwo.  Three.\n");
    assert_eq!(outcome.calls(), [("now", json!({})), ("now", json!({}))]);
}

#[test]
fn at_most_two_newlines_before_a_call_belong_to_it() {
    let call = xml_call("now", &[]);
    for (before, content) in
        [("a", "a"), ("a\n", "a"), ("a\n\n", "a"), ("a\n\n\n", "a\n"), ("\n\n \n", "\n\n ")]
    {
        assert_eq!(qwen().parse(&format!("{before}{call}")).content(), content);
    }
}

#[test]
fn white_space_after_the_last_call_is_content() {
    assert_eq!(qwen().parse(&format!("{}\n", xml_call("now", &[]))).content(), "\n");
}

#[test]
fn several_calls_follow_each_other() {
    let text = [xml_call("read", &[("path", "a")]), xml_call("read", &[("path", "b")])].join("\n");
    let outcome = qwen().parse(&text);
    assert_eq!(outcome.calls(), [("read", json!({"path": "a"})), ("read", json!({"path": "b"}))]);
    assert_eq!(outcome.content(), "");
}

#[test]
fn one_block_may_hold_several_functions() {
    let text = "<tool_call>\n<function=read>\n<parameter=path>\na\n</parameter>\n</function>\n<function=now>\n\
                </function>\n</tool_call>";
    assert_eq!(qwen().parse(text).calls(), [("read", json!({"path": "a"})), ("now", json!({}))]);
}

#[test]
fn a_call_without_parameters_has_an_empty_object() {
    for body in ["\n", "", "\n\n"] {
        let text = format!("<tool_call>\n<function=now>{body}</function>\n</tool_call>");
        assert_eq!(qwen().parse(&text).arguments(), "{}");
    }
}

#[test]
fn parameters_may_stand_inline() {
    let text = "<tool_call><function=read><parameter=path>src/a.rs</parameter><parameter=offset>1</parameter>\
                </function></tool_call>";
    assert_eq!(qwen().parse(text).arguments(), r#"{"path":"src/a.rs","offset":1}"#);
}

#[test]
fn white_space_between_tags_is_markup() {
    let text = "<tool_call>  \n\n<function=read> \n <parameter=path>\na\n</parameter> \n\n </function> \n </tool_call>";
    let outcome = qwen().parse(text);
    assert_eq!((outcome.arguments(), outcome.content()), (r#"{"path":"a"}"#, ""));
}

#[test]
fn names_may_stand_in_quotes() {
    let text =
        "<tool_call>\n<function=\"read\">\n<parameter='path'>\na\n</parameter>\n</function>\n</tool_call>";
    assert_eq!(qwen().parse(text).calls(), [("read", json!({"path": "a"}))]);
}

#[test]
fn a_tag_may_end_with_its_line() {
    let text = "<tool_call>\n<function=read\n<parameter=path\na\n</parameter>\n</function>\n</tool_call>";
    assert_eq!(qwen().parse(text).calls(), [("read", json!({"path": "a"}))]);
}

#[test]
fn a_function_alone_is_a_call() {
    let text = "I look.\n\n<function=read>\n<parameter=path>\na\n</parameter>\n</function>";
    let outcome = qwen().parse(text);
    assert_eq!((outcome.arguments(), outcome.content()), (r#"{"path":"a"}"#, "I look."));
}

#[test]
fn a_function_alone_may_have_the_end_of_a_block() {
    let text = "<function=read>\n<parameter=path>\na\n</parameter>\n</function>\n</tool_call>";
    let outcome = qwen().parse(text);
    assert_eq!((outcome.arguments(), outcome.content()), (r#"{"path":"a"}"#, ""));
}

#[test]
fn functions_alone_may_follow_each_other() {
    let function = "<function=read>\n<parameter=path>\na\n</parameter>\n</function>";
    let outcome = qwen().parse(&format!("{function}\n{function}\n\nDone."));
    assert_eq!(outcome.calls().len(), 2);
    assert_eq!(outcome.content(), "\n\nDone.");
}

#[test]
fn a_function_alone_may_begin_where_another_ended() {
    let outcome = qwen().parse("Now: \n<function=now></function><function=now></function>");
    assert_eq!((outcome.calls().len(), outcome.content()), (2, "Now: "));
}

#[test]
fn a_missing_end_of_parameter_is_supplied_by_the_next() {
    let text = "<tool_call>\n<function=write>\n<parameter=path>\na\n<parameter=content>\nb\n</parameter>\n</function>\n\
                </tool_call>";
    assert_eq!(qwen().parse(text).arguments(), r#"{"path":"a","content":"b"}"#);
}

#[test]
fn a_missing_end_of_parameter_is_supplied_by_the_function() {
    let text = "<tool_call>\n<function=read>\n<parameter=path>\na\n</function>\n</tool_call>";
    assert_eq!(qwen().parse(text).arguments(), r#"{"path":"a"}"#);
}

#[test]
fn missing_ends_of_parameter_and_function_are_supplied_by_the_block() {
    let text = "<tool_call>\n<function=read>\n<parameter=path>\na\n</tool_call>";
    assert_eq!(qwen().parse(text).arguments(), r#"{"path":"a"}"#);
}

#[test]
fn drifted_ends_of_parameters_count() {
    for close in ["</parameter1>", "</parameter_path>", "</parameter=path>", "</parameter", "</parameters>"] {
        let text = format!(
            "<tool_call>\n<function=write>\n<parameter=path>\na\n{close}\n<parameter=content>\nb\n{close}\n</function>\n</tool_call>"
        );
        assert_eq!(qwen().parse(&text).arguments(), r#"{"path":"a","content":"b"}"#, "{close}");
    }
}

#[test]
fn a_missing_end_of_function_is_supplied_by_the_block() {
    let text = "<tool_call>\n<function=read>\n<parameter=path>\na\n</parameter>\n</tool_call>";
    let outcome = qwen().parse(text);
    assert_eq!((outcome.arguments(), outcome.content()), (r#"{"path":"a"}"#, ""));
}

#[test]
fn a_missing_end_of_function_is_supplied_by_the_next() {
    let text = "<tool_call>\n<function=read>\n<parameter=path>\na\n</parameter>\n<function=now>\n</function>\n</tool_call>";
    assert_eq!(qwen().parse(text).calls(), [("read", json!({"path": "a"})), ("now", json!({}))]);
}

#[test]
fn a_missing_end_of_block_is_supplied_by_the_end() {
    for end in ["", "\n"] {
        let text =
            format!("<tool_call>\n<function=read>\n<parameter=path>\na\n</parameter>\n</function>{end}");
        let outcome = qwen().parse(&text);
        assert_eq!((outcome.arguments(), outcome.content()), (r#"{"path":"a"}"#, ""));
    }
}

#[test]
fn a_missing_end_of_block_before_text_loses_no_text() {
    let text = "<tool_call>\n<function=read>\n<parameter=path>\na\n</parameter>\n</function>\nNow I wait.";
    let outcome = qwen().parse(text);
    assert_eq!((outcome.arguments(), outcome.content()), (r#"{"path":"a"}"#, "\nNow I wait."));
}

#[test]
fn a_natural_end_completes_a_call_whose_header_is_complete() {
    for (text, arguments) in [
        ("<tool_call>\n<function=read>", "{}"),
        ("<tool_call>\n<function=read>\n<parameter=path>", r#"{"path":""}"#),
        ("<tool_call>\n<function=read>\n<parameter=path>\nsrc/a", r#"{"path":"src/a"}"#),
        ("<tool_call>\n<function=read>\n<parameter=path>\nsrc/a\n</parameter>", r#"{"path":"src/a"}"#),
    ] {
        assert_eq!(qwen().parse(text).arguments(), arguments, "{text:?}");
    }
}

#[test]
fn a_header_that_is_not_complete_is_text() {
    for text in [
        "<tool_call>",
        "<tool_call>\n<function=rea",
        "a\n<function=read",
        "<tool_call>\n<function=>\n</function>",
    ] {
        let outcome = qwen().parse(text);
        assert_eq!((outcome.content(), outcome.calls().len()), (text, 0));
    }
}

#[test]
fn an_unknown_tool_in_a_block_is_a_call_that_the_agent_answers() {
    let outcome = qwen().parse(&xml_call("delete", &[("path", "a"), ("force", "true")]));
    assert_eq!(outcome.calls(), [("delete", json!({"path": "a", "force": "true"}))]);
}

#[test]
fn of_two_values_for_a_parameter_the_first_counts_and_the_second_is_kept_as_text() {
    let outcome = qwen().parse(&xml_call("read", &[("path", "a"), ("path", "b")]));
    assert_eq!(outcome.arguments(), r#"{"path":"a"}"#);
    assert_eq!(outcome.content(), "<parameter=path>\nb\n</parameter>");
}

#[test]
fn text_between_parameters_comes_after_the_call() {
    let text = "<tool_call>\n<function=write>\nI write.\n<parameter=path>\na\n</parameter>\n</function>\n</tool_call>";
    let outcome = qwen().parse(text);
    assert_eq!((outcome.arguments(), outcome.content()), (r#"{"path":"a"}"#, "I write.\n"));
    assert!(matches!(outcome.deltas.last(), Some(Delta::Content(_))));
}

#[test]
fn a_json_object_in_the_block_is_read_as_one() {
    let text = "<tool_call>\n{\"name\": \"read\", \"arguments\": {\"path\": \"a\"}}\n</tool_call>";
    assert_eq!(qwen().parse(text).calls(), [("read", json!({"path": "a"}))]);
}

#[test]
fn prefixes_of_tool_names_are_not_confused() {
    let setup = qwen().with_tool(tool("read_file", json!({})));
    let text = [xml_call("read_file", &[]), xml_call("read", &[])].join("\n");
    let outcome = setup.parse(&text);
    assert_eq!(outcome.calls().iter().map(|call| call.0).collect::<Vec<_>>(), ["read_file", "read"]);
}
