//! The exact form of what goes over the wire, against a scripted worker. What differs from run to run is blanked out.
#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

mod support;

use serde_json::{Value, json};
use shorn_tests::script::Script;
use shorn_tests::server::Server;
use support::{Events, chat, get, post, ready};

const TEXT: &str = "Yes.\n\n<tool_call>\n<function=read>\n<parameter=path>\na.txt\n</parameter>\n</function>\n\
    </tool_call>";

fn body() -> Value {
    let parameters = json!({"type": "object", "properties": {"path": {"type": "string"}}});
    let tool = json!({"type": "function", "function": {"name": "read", "parameters": parameters}});
    chat("Read a.txt.", json!({"tools": [tool], "stream_options": {"include_usage": true}}))
}

#[tokio::test]
async fn a_whole_reply() {
    let server = Server::scripted(&Script::answers([TEXT]), &[]);
    let (_, reply) = post(&server, &body()).await;
    insta::assert_json_snapshot!(reply, {
        ".id" => "[id]", ".created" => "[time]", ".shorn" => "[report]", ".choices[].message.tool_calls[].id" => "[id]",
    });
}

#[tokio::test]
async fn a_streamed_reply() {
    let server = Server::scripted(&Script::answers([TEXT]), &[]);
    let chunks = Events::post(&server, body()).await.chunks().await;
    insta::assert_json_snapshot!(chunks, {
        "[].id" => "[id]", "[].created" => "[time]", "[].shorn" => "[report]",
        "[].choices[].delta.tool_calls[].id" => "[id]",
    });
}

#[tokio::test]
async fn the_report_of_a_request() {
    let server = Server::scripted(&Script::answers(["Yes."]), &[]);
    let (_, reply) = post(&server, &body()).await;
    insta::assert_json_snapshot!(reply["shorn"], {
        ".id" => "[id]", ".arrived" => "[time]", ".time_to_first_token" => "[seconds]",
        ".decode_tokens_per_second" => "[rate]", ".report.decode_seconds" => "[seconds]",
    });
}

#[tokio::test]
async fn an_error() {
    let server = Server::scripted(&Script::answers(["Yes."]), &[]);
    let (_, error) = post(&server, &chat("Hi.", json!({"model": "gpt-4o"}))).await;
    insta::assert_json_snapshot!(error);
}

#[tokio::test]
async fn the_list_of_models() {
    let server = Server::scripted(&Script::answers(["Yes."]), &["--kv-bits", "8"]);
    ready(&server).await;
    insta::assert_json_snapshot!(get(&server, "/v1/models").await.1, { ".data[].created" => "[time]" });
}
