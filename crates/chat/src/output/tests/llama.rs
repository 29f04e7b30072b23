//! Llama-3's format, well formed and not.

use serde_json::json;

use super::*;

fn llama() -> Setup {
    of(ToolFormat::LlamaJson)
}

const READ: &str = r#"{"name": "read", "parameters": {"path": "a"}}"#;

fn assert_reads_a(text: &str) {
    let outcome = llama().parse(text);
    assert_eq!(outcome.calls(), [("read", json!({"path": "a"}))], "{text}");
    assert_eq!(outcome.content().trim_ascii(), "", "{text}");
}

fn assert_text(text: &str) {
    let outcome = llama().parse(text);
    assert_eq!((outcome.content(), outcome.calls().len()), (text, 0));
}

#[test]
fn an_object_is_the_whole_reply() {
    assert_reads_a(READ);
    assert_reads_a(&format!("\n\n{READ}\n"));
    assert_reads_a(&format!("<|python_tag|>{READ}"));
}

#[test]
fn other_shapes_of_the_object_are_understood() {
    assert_reads_a(r#"{"type": "function", "name": "read", "parameters": {"path": "a"}}"#);
    assert_reads_a(r#"{"name": "read", "arguments": {"path": "a"}}"#);
    assert_reads_a(r#"{"parameters": {"path": "a"}, "name": "read"}"#);
    assert_reads_a(r#"{"name": "read", "parameters": "{\"path\": \"a\"}"}"#);
}

#[test]
fn several_objects_stand_apart_by_semicolons() {
    let outcome = llama().parse(&format!("{READ}; {READ}"));
    assert_eq!((outcome.calls().len(), outcome.content()), (2, ""));
}

#[test]
fn after_text_only_the_tag_makes_a_call() {
    assert_text(&format!("I write {READ}."));
    let outcome = llama().parse(&format!("I look.\n<|python_tag|>{READ}"));
    assert_eq!((outcome.calls().len(), outcome.content()), (1, "I look."));
}

#[test]
fn an_answer_in_json_is_an_answer() {
    assert_text(r#"{"title": "read", "parameters": {"path": "a"}}"#);
    assert_text(r#"{"name": "Ada", "born": 1815}"#);
    assert_text(r#"{"name": "Ada", "parameters": {"born": 1815}}"#);
    assert_text(r#"{"name": 5"#);
    assert_text("{\n}");
    assert_text(r#"{"name": "read", "parameters": [1]}"#);
    assert_text("<|python_tag|>print(5)");
}

#[test]
fn an_answer_in_json_streams() {
    let mut parser = OutputParser::new(ToolFormat::LlamaJson, Reasoning::None, &tools());
    assert_eq!(parser.push("{\"ti"), [Delta::Content("{\"ti".to_owned())]);
}
