//! Gemma's format, well formed and not.

use serde_json::json;

use super::*;

fn arguments(text: &str) -> String {
    let outcome = of(ToolFormat::Gemma).parse(&format!("<|tool_call>call:typed{text}<tool_call|>"));
    assert_eq!(outcome.content(), "", "{text}");
    outcome.arguments().to_owned()
}

#[test]
fn keys_are_bare_and_strings_have_their_token() {
    assert_eq!(arguments("{a:<|\"|>x<|\"|>,b-c:5,d:true}"), r#"{"a":"x","b-c":5,"d":true}"#);
    assert_eq!(arguments("{<|\"|>a<|\"|>:[<|\"|>x<|\"|>,{k:1.5}]}"), r#"{"a":["x",{"k":1.5}]}"#);
    assert_eq!(arguments("{}"), "{}");
}

#[test]
fn strings_have_no_escapes() {
    assert_eq!(
        arguments("{a:<|\"|>C:\\new \"q\" 'r' {x}, y:1<|\"|>}"),
        r#"{"a":"C:\\new \"q\" 'r' {x}, y:1"}"#
    );
    assert_eq!(arguments("{a:<|\"|>a\n\tb<|\"|>}"), r#"{"a":"a\n\tb"}"#);
}

#[test]
fn a_token_inside_a_string_that_ends_nothing_is_text() {
    assert_eq!(arguments("{a:<|\"|>the <|\"|> token, I mean<|\"|>}"), r#"{"a":"the <|\"|> token, I mean"}"#);
    assert_eq!(arguments("{a:<|\"|>a <|tool_call> b<|\"|>}"), r#"{"a":"a <|tool_call> b"}"#);
}

#[test]
fn strings_in_other_quotes_and_pythons_words_are_understood() {
    assert_eq!(arguments("{a:\"x\\n\",b:'y',c:None,d:True}"), r#"{"a":"x\n","b":"y","c":null,"d":true}"#);
}

#[test]
fn a_number_waits_for_its_end() {
    let mut parser = OutputParser::new(ToolFormat::Gemma, Reasoning::None, &tools());
    parser.push("<|tool_call>call:read{offset:");
    assert_eq!(parser.push("108."), []);
    let json = parser.push("5,");
    assert_eq!(json, [Delta::ToolCallArguments { index: 0, json: "108.5".to_owned() }]);
}

#[test]
fn missing_marks_are_supplied() {
    for text in
        ["<|tool_call>call:read{path:<|\"|>a<|\"|>}", "<|tool_call>read{path:<|\"|>a<|\"|>}<tool_call|>"]
    {
        assert_eq!(of(ToolFormat::Gemma).parse(text).calls(), [("read", json!({"path": "a"}))], "{text}");
    }
    for text in ["{path:<|\"|>a<|\"|>", "{path:<|\"|>a", "{path:<|\"|>a<|\"|>}}"] {
        let outcome = of(ToolFormat::Gemma).parse(&format!("<|tool_call>call:read{text}"));
        assert_eq!(outcome.calls(), [("read", json!({"path": "a"}))], "{text}");
    }
}

#[test]
fn reasoning_is_a_channel() {
    let setup = of(ToolFormat::Gemma).reasoning(Reasoning::MayBegin);
    let outcome = setup.parse("<|channel>thought\nHm <b>.\n<channel|>Yes.<|tool_call>call:now{}<tool_call|>");
    assert_eq!((outcome.reply.reasoning.as_str(), outcome.content()), ("Hm <b>.", "Yes."));
    assert_eq!(outcome.calls().len(), 1);
}

#[test]
fn what_is_no_call_stays_text() {
    for text in
        ["<|tool_call>", "<|tool_call>call:read(path)", "A call is <|tool_call>call:NAME{} so.", "<|\"|>"]
    {
        let outcome = of(ToolFormat::Gemma).parse(text);
        assert_eq!((outcome.content(), outcome.calls().len()), (text, 0));
    }
}
