//! Anthropic's Messages over HTTP: what goes over the wire, what happens when something fails, and Anthropic's own
//! Python client.
#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

mod support;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use serde_json::{Value, json};
use shorn_tests::conformance;
use shorn_tests::script::{Answer, Script};
use shorn_tests::server::{Server, random_model};
use support::{copy_random_model, eventually, get, post_to, ready, running};

const MESSAGES: &str = "/v1/messages";

const REPLY: &str = "<think>\nTwo files.\n</think>\n\nI read them.\n\n<tool_call>\n<function=read>\n\
    <parameter=path>\nü.txt\n</parameter>\n</function>\n</tool_call>\n<tool_call>\n<function=read>\n\
    <parameter=path>\nb.txt\n</parameter>\n</function>\n</tool_call>";

/// A copy of the random model whose template says that the model reasons.
fn reasoning_model() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy_random_model(folder.path());
    let template = folder.path().join("chat_template.jinja");
    let thinks = "{# enable_thinking: <think> and </think> #}";
    let text = fs::read_to_string(random_model().join("chat_template.jinja")).unwrap();
    fs::write(template, text + thinks).unwrap();
    folder
}

/// A server with that model, called `reasoning`, and scripted answers.
fn reasoning(script: &Script, model: &Path) -> Server {
    Server::scripted(
        script,
        &["--model", model.to_str().unwrap(), "--name", "reasoning", "--context-length", "4000"],
    )
}

fn body(more: Value) -> Value {
    let schema = json!({"type": "object", "properties": {"path": {"type": "string"}}});
    let mut body = json!({
        "model": "claude-any", "max_tokens": 500, "messages": [{"role": "user", "content": "Read a and b."}],
        "tools": [{"name": "read", "input_schema": schema}]
    });
    for (key, value) in more.as_object().unwrap() {
        body[key] = value.clone();
    }
    body
}

async fn post(server: &Server, body: &Value) -> (u16, Value) {
    post_to(server, MESSAGES, body).await
}

/// A streamed reply: the names of events with their data.
struct Events {
    stream: std::pin::Pin<Box<dyn futures_util::Stream<Item = reqwest::Result<Vec<u8>>> + Send>>,
    text: String,
}

impl Events {
    async fn post(server: &Server, mut body: Value) -> Self {
        body["stream"] = json!(true);
        let url = server.url("/v1/messages?beta=true");
        let request =
            reqwest::Client::new().post(url).header("anthropic-beta", "effort-2025-11-24").json(&body);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200, "{}", response.text().await.unwrap());
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let stream = response.bytes_stream().map(|bytes| bytes.map(|bytes| bytes.to_vec()));
        Self { stream: Box::pin(stream), text: String::new() }
    }

    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let (name, data) = event.strip_prefix("event: ").unwrap().split_once("\ndata: ").unwrap();
                let data: Value = serde_json::from_str(data).unwrap();
                assert_eq!(data["type"], name);
                self.text = rest.to_owned();
                return Some(data);
            }
            let bytes = self.stream.next().await?.ok()?;
            self.text.push_str(std::str::from_utf8(&bytes).unwrap());
        }
    }

    async fn all(mut self) -> Vec<Value> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        events
    }
}

fn of_type<'a>(events: &'a [Value], kind: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["type"] == kind).collect()
}

#[tokio::test]
async fn a_whole_reply() {
    let model = reasoning_model();
    let server = reasoning(&Script::answers([REPLY]), model.path());
    let (_, reply) = post(&server, &body(json!({}))).await;
    insta::assert_json_snapshot!(reply, {
        ".id" => "[id]", ".shorn" => "[report]", ".content[].id" => "[id]",
    });
}

#[tokio::test]
async fn a_streamed_reply() {
    let model = reasoning_model();
    let server = reasoning(&Script::answers([REPLY]), model.path());
    let events = Events::post(&server, body(json!({}))).await.all().await;
    insta::assert_json_snapshot!(events, {
        "[].message.id" => "[id]", "[].shorn" => "[report]", "[].content_block.id" => "[id]",
    });
}

#[tokio::test]
async fn a_call_that_is_cut_off_is_never_complete() {
    let mut script = Script::answers([REPLY]);
    script.answers[0].cut_after = Some(48);
    let model = reasoning_model();
    let server = reasoning(&script, model.path());

    let events = Events::post(&server, body(json!({}))).await.all().await;
    assert_eq!(of_type(&events, "message_delta")[0]["delta"]["stop_reason"], "max_tokens");
    let last_begun = of_type(&events, "content_block_start").pop().unwrap();
    assert_eq!(last_begun["content_block"]["type"], "tool_use");
    let ended = of_type(&events, "content_block_stop");
    assert!(ended.iter().all(|end| end["index"] != last_begun["index"]), "{events:?}");

    let (_, whole) = post(&server, &body(json!({}))).await;
    assert_eq!(whole["stop_reason"], "max_tokens");
    let blocks = whole["content"].as_array().unwrap();
    let begun = of_type(&events, "content_block_start").len();
    assert_eq!(
        of_type(blocks, "tool_use").len(),
        begun - 3,
        "all but thinking, text and the one that was cut off"
    );
    assert!(blocks.last().unwrap()["text"].as_str().unwrap().contains("<function=read>"));
}

#[tokio::test]
async fn a_stop_sequence_is_named() {
    let server = Server::scripted(&Script::answers(["One. END two."]), &[]);
    let asked = body(json!({"stop_sequences": ["never", "END"]}));
    let (_, whole) = post(&server, &asked).await;
    assert_eq!((&whole["stop_reason"], &whole["stop_sequence"]), (&json!("stop_sequence"), &json!("END")));
    assert_eq!(whole["content"], json!([{"type": "text", "text": "One. "}]));
    let events = Events::post(&server, asked).await.all().await;
    let end = json!({"stop_reason": "stop_sequence", "stop_sequence": "END"});
    assert_eq!(of_type(&events, "message_delta")[0]["delta"], end);
}

#[tokio::test]
async fn errors_have_anthropics_shape_wherever_they_come_from() {
    let server = Server::scripted(&Script::answers(["Yes."]), &["--context-length", "300"]);
    ready(&server).await;
    let kind = |answer: &(u16, Value)| {
        let (status, body) = answer;
        assert_eq!(body["type"], "error", "{body}");
        assert!(body["request_id"].as_str().unwrap().starts_with("req_"), "{body}");
        (*status, body["error"]["type"].as_str().unwrap().to_owned())
    };
    let invalid = "invalid_request_error".to_owned();
    let long = body(json!({"messages": [{"role": "user", "content": "word ".repeat(400)}]}));
    let overflow = post(&server, &long).await;
    assert_eq!(kind(&overflow), (400, invalid.clone()));
    let message = overflow.1["error"]["message"].as_str().unwrap();
    assert!(
        message.starts_with("prompt is too long: ") && message.contains(" tokens > 300 maximum"),
        "{message}"
    );
    assert_eq!(kind(&post(&server, &body(json!({"max_tokens": "x"}))).await), (400, invalid.clone()));
    assert_eq!(
        kind(&post(&server, &body(json!({"model": "gpt-4o"}))).await),
        (404, "not_found_error".to_owned())
    );
    assert_eq!(
        kind(&post_to(&server, "/v1/messages/batches", &json!({})).await),
        (404, "not_found_error".to_owned())
    );
    assert_eq!(kind(&get(&server, MESSAGES).await), (405, invalid));
}

#[tokio::test]
async fn a_missing_key_is_anthropics_authentication_error() {
    let server = Server::scripted(&Script::answers(["Yes."]), &["--api-key", "secret"]);
    let (status, error) = post(&server, &body(json!({}))).await;
    assert_eq!((status, &error["error"]["type"]), (401, &json!("authentication_error")));
    let asked = reqwest::Client::new().post(server.url(MESSAGES)).header("x-api-key", "secret");
    assert_eq!(asked.json(&body(json!({}))).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn while_the_model_loads_a_request_is_told_to_come_back() {
    let script = Script { load_ms: 5000, ..Script::answers(["Hello."]) };
    let server = Server::scripted(&script, &["--load-wait", "100"]);
    let asked = reqwest::Client::new().post(server.url(MESSAGES)).json(&body(json!({})));
    let response = asked.send().await.unwrap();
    assert_eq!(response.status(), 503);
    assert!(response.headers()["retry-after"].to_str().unwrap().parse::<u64>().unwrap() >= 1);
    let error: Value = response.json().await.unwrap();
    assert_eq!(error["error"]["type"], "overloaded_error");
}

#[tokio::test]
async fn a_stream_is_kept_alive_with_pings_while_the_model_loads_and_reads() {
    let mut script = Script { load_ms: 12_000, ..Script::answers(["At last."]) };
    script.answers[0].prefill_ms = 6000;
    let server = Server::scripted(&script, &[]);
    let begun = Instant::now();
    let events = Events::post(&server, body(json!({}))).await;
    assert!(begun.elapsed() < Duration::from_secs(12), "headers go out before it is loaded");
    let events = events.all().await;
    assert_eq!(events[0]["type"], "message_start");
    assert!(!of_type(&events, "ping").is_empty(), "{events:?}");
    assert_eq!(events.last().unwrap()["type"], "message_stop");
}

#[tokio::test]
async fn a_worker_that_dies_in_mid_stream_is_an_error_event_and_no_end() {
    let mut script = Script::answers([REPLY]);
    script.answers[0].die_after = Some(5);
    let server = Server::scripted(&script, &[]);
    let events = Events::post(&server, body(json!({}))).await.all().await;
    let last = events.last().unwrap();
    assert_eq!((&last["type"], &last["error"]["type"]), (&json!("error"), &json!("api_error")));
    assert!(last["error"]["message"].as_str().unwrap().starts_with("server error"), "{last}");
    assert!(of_type(&events, "message_stop").is_empty() && of_type(&events, "message_delta").is_empty());
}

#[tokio::test]
async fn a_client_that_hangs_up_ends_the_request() {
    let mut script = Script::answers(["word ".repeat(400)]);
    script.answers[0].token_ms = 100;
    let server = Server::scripted(&script, &[]);
    let mut events = Events::post(&server, body(json!({}))).await;
    while events.next().await.unwrap()["type"] != "content_block_delta" {}
    assert_eq!(running(&server).await, 1);
    drop(events);
    eventually("the request ended", || async {
        get(&server, "/api/status").await.1["requests"][0]["finish"] == "cancelled"
    })
    .await;
    assert_eq!(running(&server).await, 0);
}

#[tokio::test]
async fn the_real_engine_answers_counts_and_tells_what_it_had_in_its_cache() {
    let server = Server::start(&[]);
    ready(&server).await;
    let asked = body(json!({"max_tokens": 4, "temperature": 0, "messages": [
        {"role": "user", "content": [{"type": "text", "text": "Read a and b."}]},
        {"role": "system", "content": "Today is Monday."}
    ]}));
    let (status, count) = post_to(&server, "/v1/messages/count_tokens", &asked).await;
    let prompt = count["input_tokens"].as_u64().unwrap();
    assert!(status == 200 && prompt > 10, "{count}");
    let (_, first) = post(&server, &asked).await;
    let usage = |fresh: u64, cached: u64, output: &Value| {
        json!({"input_tokens": fresh, "cache_creation_input_tokens": 0, "cache_read_input_tokens": cached,
            "output_tokens": output})
    };
    assert_eq!(first["usage"], usage(prompt, 0, &first["shorn"]["report"]["generated_tokens"]));
    assert_eq!(first["model"], "random-coder", "the reply says which model answered");

    let events = Events::post(&server, asked).await.all().await;
    let end = of_type(&events, "message_delta")[0];
    let cached = end["shorn"]["report"]["cached_tokens"].as_u64().unwrap();
    assert!(cached > 0, "{end}");
    assert_eq!(end["usage"], usage(prompt - cached, cached, &end["usage"]["output_tokens"]));
}

#[tokio::test]
async fn models_are_listed_in_anthropics_form_to_anthropics_clients() {
    let server = Server::scripted(&Script::answers(["Yes."]), &[]);
    let list = reqwest::Client::new().get(server.url("/v1/models?limit=1000"));
    let list = list.header("anthropic-version", "2023-06-01").send().await.unwrap();
    insta::assert_json_snapshot!(list.json::<Value>().await.unwrap(), { ".data[].created_at" => "[time]" });
}

#[test]
fn anthropics_own_client_takes_every_object_and_event() {
    let model = reasoning_model();
    let answers = vec![
        Answer::text(REPLY),
        Answer::text(REPLY),
        Answer::text("There is nothing in them."),
        Answer { cut_after: Some(48), ..Answer::text(REPLY) },
        Answer { die_after: Some(20), ..Answer::text(REPLY) },
        Answer::text("Never asked for."),
    ];
    let server = reasoning(&Script { answers, ..Script::default() }, model.path());
    conformance::check("anthropic", "anthropic_messages", &[&server.url("")]);
}
