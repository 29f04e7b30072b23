//! Tool calls from a scripted worker through the shipped detokenizer, parser and encoder.
#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

mod support;

use serde_json::{Value, json};
use shorn_tests::script::Script;
use shorn_tests::server::Server;
use support::{Events, Streamed, chat, post};

const CALL: &str = "I write it.\n\n<tool_call>\n<function=write>\n<parameter=path>\nsrc/ü.py\n</parameter>\n\
    <parameter=content>\ndef f():\n\treturn \"a\\n\" + '\\\\' # <b> 日本 🎉\n\n</parameter>\n\
    <parameter=mode>\n7\n</parameter>\n<parameter=force>\nFalse\n</parameter>\n</function>\n</tool_call>";

const CONTENT: &str = "def f():\n\treturn \"a\\n\" + '\\\\' # <b> 日本 🎉\n";

fn tools() -> Value {
    json!([{"type": "function", "function": {"name": "write", "parameters": {"type": "object", "properties": {
        "path": {"type": "string"}, "content": {"type": "string"},
        "mode": {"type": "integer"}, "force": {"type": "boolean"}}}}}])
}

fn body() -> Value {
    chat("Write it.", json!({"tools": tools(), "stream_options": {"include_usage": true}}))
}

#[tokio::test]
async fn a_call_arrives_whole_and_typed_streamed_and_not() {
    let server = Server::scripted(&Script::answers([CALL]), &[]);
    let expected = json!({"path": "src/ü.py", "content": CONTENT, "mode": 7, "force": false});

    let (_, whole) = post(&server, &body()).await;
    let choice = &whole["choices"][0];
    assert_eq!(choice["finish_reason"], "tool_calls");
    assert_eq!(choice["message"]["content"], "I write it.");
    let call = &choice["message"]["tool_calls"][0];
    assert_eq!(call["function"]["name"], "write");
    let arguments: Value = serde_json::from_str(call["function"]["arguments"].as_str().unwrap()).unwrap();
    assert_eq!(arguments, expected);

    let chunks = Events::post(&server, body()).await.chunks().await;
    let streamed = Streamed::of(&chunks);
    assert_eq!(streamed.finish.as_deref(), Some("tool_calls"));
    assert_eq!(streamed.content, "I write it.");
    assert_eq!(serde_json::from_str::<Value>(&streamed.calls[0].1).unwrap(), expected);
    // Arguments go out as they are generated, not at the end in one piece.
    let pieces = chunks.iter().filter(|chunk| chunk["choices"][0]["delta"]["tool_calls"].is_array()).count();
    assert!(pieces > 20, "{pieces} pieces");
}

#[tokio::test]
async fn a_call_that_is_cut_off_is_never_complete() {
    let mut script = Script::answers([CALL]);
    script.answers[0].cut_after = Some(60);
    let server = Server::scripted(&script, &[]);

    let streamed = Streamed::of(&Events::post(&server, body()).await.chunks().await);
    assert_eq!(streamed.finish.as_deref(), Some("length"));
    assert!(serde_json::from_str::<Value>(&streamed.calls[0].1).is_err(), "{}", streamed.calls[0].1);

    let (_, whole) = post(&server, &body()).await;
    let choice = &whole["choices"][0];
    assert_eq!(choice["finish_reason"], "length");
    assert!(choice["message"]["tool_calls"].is_null());
    // The cut may go through a character.
    let content = choice["message"]["content"].as_str().unwrap().trim_end_matches('\u{fffd}');
    assert!(content.contains("<function=write>") && CALL.starts_with(content), "{content}");
}

#[tokio::test]
async fn several_calls_come_in_order_unless_one_at_a_time_is_wanted() {
    let call = |path: &str| {
        format!(
            "<tool_call>\n<function=write>\n<parameter=path>\n{path}\n</parameter>\n</function>\n</tool_call>"
        )
    };
    let text = [call("a"), call("b")].join("\n");
    let server = Server::scripted(&Script::answers([text]), &[]);
    let both = Streamed::of(&Events::post(&server, body()).await.chunks().await);
    let paths: Vec<&str> = both.calls.iter().map(|(_, arguments)| arguments.as_str()).collect();
    assert_eq!(paths, [r#"{"path":"a"}"#, r#"{"path":"b"}"#]);

    let mut one = body();
    one["parallel_tool_calls"] = json!(false);
    let one = Streamed::of(&Events::post(&server, one).await.chunks().await);
    assert_eq!(one.calls.len(), 1);
    assert_eq!(one.finish.as_deref(), Some("tool_calls"));
}

#[tokio::test]
async fn with_tool_choice_none_the_same_text_is_text() {
    let server = Server::scripted(&Script::answers([CALL]), &[]);
    let mut body = body();
    body["tool_choice"] = json!("none");
    let (_, whole) = post(&server, &body).await;
    assert_eq!(whole["choices"][0]["message"]["content"], CALL);
    assert_eq!(whole["choices"][0]["finish_reason"], "stop");
}

#[tokio::test]
async fn a_stop_string_inside_a_call_leaves_it_unfinished() {
    let server = Server::scripted(&Script::answers([CALL]), &[]);
    let mut body = body();
    body["stop"] = json!(["return"]);
    let (_, whole) = post(&server, &body).await;
    assert!(whole["choices"][0]["message"]["tool_calls"].is_null());
    assert_eq!(whole["choices"][0]["finish_reason"], "stop");
}
