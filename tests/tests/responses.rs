//! `POST /v1/responses`: a scripted worker for the form, the real engine for the rest.
#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

mod support;

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use shorn_tests::conformance;
use shorn_tests::script::{Answer, Script};
use shorn_tests::server::Server;
use support::{Events, copy_random_model, eventually, get, post_to, ready, running};

const PATH: &str = "/v1/responses";

const PATCH: &str = "*** \"x\"\n+\ta";

/// Reasoning, text, a call of a function and one of a custom tool.
fn answer() -> String {
    format!(
        "<think>\nWhich file?\n</think>\n\nI fix it.\n\n{}\n{}",
        call("read", "path", "a.py"),
        call("apply_patch", "input", PATCH)
    )
}

fn call(name: &str, key: &str, value: &str) -> String {
    format!(
        "<tool_call>\n<function={name}>\n<parameter={key}>\n{value}\n</parameter>\n</function>\n</tool_call>"
    )
}

fn tools() -> Value {
    let parameters = json!({"type": "object", "properties": {"path": {"type": "string"}}});
    let close = json!({"type": "function", "name": "close", "parameters": parameters});
    json!([
        {"type": "function", "name": "read", "strict": false, "parameters": parameters},
        {"type": "custom", "name": "apply_patch", "description": "Patches files."},
        {"type": "namespace", "name": "agents", "description": "Other agents.", "tools": [close]},
        {"type": "web_search"}
    ])
}

fn body(more: Value) -> Value {
    let mut body = json!({"input": "Fix it.", "tools": tools()});
    for (key, value) in more.as_object().unwrap() {
        body[key] = value.clone();
    }
    body
}

/// A scripted server whose model may think: its template is the random model's with a word of `</think>`.
fn thinking(script: &Script, options: &[&str]) -> (Server, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("thinker");
    copy_random_model(&model);
    let template = model.join("chat_template.jinja");
    let text = std::fs::read_to_string(&template).unwrap();
    std::fs::write(template, text + "{#- Reasoning ends with </think>. -#}").unwrap();
    let model = ["--model", model.to_str().unwrap()];
    (Server::scripted(script, &[&model, options].concat()), folder)
}

async fn respond(server: &Server, body: &Value) -> Value {
    let (status, response) = post_to(server, PATH, body).await;
    assert_eq!(status, 200, "{response}");
    response
}

/// All events. Each has its type as its name, and its number.
async fn events(server: &Server, body: Value) -> Vec<Value> {
    let mut stream = Events::post_to(server, PATH, body).await;
    let mut events: Vec<Value> = Vec::new();
    while let Some(data) = stream.next().await {
        let event: Value = serde_json::from_str(&data).unwrap();
        assert_eq!(event["type"].as_str(), stream.name.as_deref());
        assert_eq!(event["sequence_number"], events.len());
        events.push(event);
    }
    assert_eq!(stream.comments, 0);
    events
}

fn named<'a>(events: &'a [Value], name: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["type"] == name).collect()
}

#[tokio::test]
async fn a_whole_response() {
    let (server, _model) = thinking(&Script::answers([answer()]), &[]);
    let response =
        respond(&server, &body(json!({"instructions": "Be brief.", "metadata": {"a": "b"}}))).await;
    insta::assert_json_snapshot!(response, {
        ".id" => "[id]", ".created_at" => "[time]", ".completed_at" => "[time]", ".shorn" => "[report]",
        ".output[].id" => "[id]", ".output[].call_id" => "[id]",
    });
}

#[tokio::test]
async fn a_streamed_response() {
    let (server, _model) = thinking(&Script::answers([answer()]), &[]);
    let events = events(&server, body(json!({}))).await;
    insta::assert_json_snapshot!(events, {
        "[].item_id" => "[id]", "[].item.id" => "[id]", "[].item.call_id" => "[id]",
        "[].response" => "[response]",
    });
    // What is snapshotted once is the same here.
    let whole = respond(&server, &body(json!({}))).await;
    let last = &events.last().unwrap()["response"];
    for field in ["status", "model", "tools", "instructions", "incomplete_details", "error"] {
        assert_eq!(last[field], whole[field], "{field}");
    }
    let done: Vec<&Value> =
        named(&events, "response.output_item.done").iter().map(|done| &done["item"]).collect();
    assert_eq!(done, last["output"].as_array().unwrap().iter().collect::<Vec<_>>());
    let item = |id: &Value| done.iter().any(|item| item["id"] == *id);
    assert!(events.iter().all(|event| event["item_id"].is_null() || item(&event["item_id"])));
}

#[tokio::test]
async fn openais_package_reads_every_object_and_every_event() {
    let mut script = Script::answers(vec![answer(); 5]);
    script.answers[4] = Answer {
        cut_after: Some(60),
        ..Answer::text(format!("I.\n\n{}", call("apply_patch", "input", &PATCH.repeat(20))))
    };
    let (server, _model) = thinking(&script, &["--context-length", "8192"]);
    let url = server.url("/v1");
    let check = move || conformance::check("openai", "openai_responses", &[&url]);
    tokio::task::spawn_blocking(check).await.unwrap();
}

#[tokio::test]
async fn a_tool_in_a_namespace_is_called_by_its_own_name() {
    let server = Server::scripted(&Script::answers([call("agents__close", "path", "a")]), &[]);
    let response = respond(&server, &body(json!({}))).await;
    let item = &response["output"][0];
    assert_eq!((&item["name"], &item["namespace"]), (&json!("close"), &json!("agents")));
    assert_eq!(item["arguments"], r#"{"path":"a"}"#);
}

#[tokio::test]
async fn a_call_that_is_cut_off_is_incomplete_and_never_done() {
    for name in ["read", "apply_patch"] {
        let text = format!("I.\n\n{}", call(name, "input", &"x = 1\n".repeat(50)));
        let script = Script {
            answers: vec![Answer { cut_after: Some(60), ..Answer::text(text) }],
            ..Script::default()
        };
        let server = Server::scripted(&script, &[]);
        let events = events(&server, body(json!({}))).await;
        let done: Vec<&Value> =
            named(&events, "response.output_item.done").iter().map(|e| &e["item"]["type"]).collect();
        assert_eq!(done, ["message"]);
        assert!(named(&events, "response.function_call_arguments.done").is_empty());
        assert!(named(&events, "response.custom_tool_call_input.done").is_empty());
        let last = events.last().unwrap();
        assert_eq!(last["type"], "response.incomplete");
        assert_eq!(last["response"]["incomplete_details"]["reason"], "max_output_tokens");
        assert_eq!(last["response"]["output"][1]["status"], "incomplete");

        let whole = respond(&server, &body(json!({}))).await;
        assert_eq!(
            (&whole["status"], &whole["output"][1]["status"]),
            (&json!("incomplete"), &json!("incomplete"))
        );
        // Going on from it does not stumble over half a call.
        let on = respond(&server, &json!({"input": "Go on.", "previous_response_id": whole["id"]})).await;
        assert_eq!(on["previous_response_id"], whole["id"]);
    }
}

#[tokio::test]
async fn one_call_at_a_time_is_kept_to() {
    let server = Server::scripted(&Script::answers([answer()]), &[]);
    let response = respond(&server, &body(json!({"parallel_tool_calls": false}))).await;
    let calls =
        response["output"].as_array().unwrap().iter().filter(|item| item["type"] != "message").count();
    assert_eq!((calls, &response["status"]), (1, &json!("completed")));
}

#[tokio::test]
async fn a_worker_that_dies_fails_the_response_and_leaves_nothing_done() {
    let mut script = Script::answers(["This answer is never finished."]);
    script.answers[0].die_after = Some(3);
    let server = Server::scripted(&script, &[]);
    let events = events(&server, body(json!({}))).await;
    let last = events.last().unwrap();
    assert_eq!((&last["type"], &last["response"]["status"]), (&json!("response.failed"), &json!("failed")));
    let error = &last["response"]["error"];
    assert_eq!(error["code"], "server_error");
    assert!(error["message"].as_str().unwrap().contains("signal 6"), "{error}");
    assert!(named(&events, "response.output_item.done").is_empty());
    let id = last["response"]["id"].as_str().unwrap();
    assert_eq!(get(&server, &format!("{PATH}/{id}")).await.0, 404, "what failed is not kept");
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_an_error_of_openais_form() {
    let server = Server::start(&["--context-length", "256"]);
    ready(&server).await;
    let long = body(json!({"input": "word ".repeat(500)}));
    for stream in [false, true] {
        let mut long = long.clone();
        long["stream"] = json!(stream);
        let (status, error) = post_to(&server, PATH, &long).await;
        let error = &error["error"];
        assert_eq!(
            (status, &error["code"], &error["param"]),
            (400, &json!("context_length_exceeded"), &json!("input"))
        );
        assert!(error["message"].as_str().unwrap().contains("prompt is too long: "), "{error}");
    }
    let (status, error) = post_to(&server, PATH, &body(json!({"model": "gpt-4o"}))).await;
    assert_eq!((status, &error["error"]["code"]), (404, &json!("model_not_found")));
    let (status, error) =
        post_to(&server, PATH, &body(json!({"input": [{"type": "computer_call_output"}]}))).await;
    assert_eq!((status, &error["error"]["param"]), (400, &json!("input[0]")));
    let (status, error) = post_to(&server, PATH, &body(json!({"previous_response_id": "resp_gone"}))).await;
    assert_eq!((status, &error["error"]["code"]), (400, &json!("previous_response_not_found")));
    let (status, error) = get(&server, &format!("{PATH}/resp_gone")).await;
    assert_eq!((status, &error["error"]["code"]), (404, &json!("response_not_found")));
    assert_eq!(get(&server, PATH).await.0, 405);
}

#[tokio::test]
async fn while_it_loads_a_request_that_is_not_streamed_is_told_to_come_back() {
    let script = Script { load_ms: 3000, ..Script::answers(["Hello."]) };
    let server = Server::scripted(&script, &["--load-wait", "100"]);
    let response = reqwest::Client::new().post(server.url(PATH)).json(&body(json!({}))).send().await.unwrap();
    assert_eq!(response.status(), 503);
    assert!(response.headers().contains_key("retry-after"));
    assert_eq!(response.json::<Value>().await.unwrap()["error"]["code"], "model_loading");
}

#[tokio::test]
async fn a_stream_is_kept_alive_by_events_while_the_model_loads_and_reads() {
    let mut script = Script { load_ms: 16_000, ..Script::answers(["At last."]) };
    script.answers[0].prefill_ms = 6_000;
    let server = Server::scripted(&script, &[]);
    let begun = Instant::now();
    let events = events(&server, body(json!({}))).await;
    assert!(begun.elapsed() > Duration::from_secs(21), "{:?}", begun.elapsed());
    // One that always comes, one while it loads, one while it reads.
    assert!(named(&events, "response.in_progress").len() >= 3);
    assert_eq!(events.last().unwrap()["type"], "response.completed");
}

#[tokio::test]
async fn a_client_that_hangs_up_ends_its_request() {
    let mut script = Script::answers(["word ".repeat(500)]);
    script.answers[0].token_ms = 50;
    let server = Server::scripted(&script, &[]);
    ready(&server).await;
    for stream in [true, false] {
        let request =
            reqwest::Client::new().post(server.url(PATH)).json(&body(json!({"stream": stream}))).send();
        let request = tokio::spawn(async move { request.await.unwrap().bytes().await.map(|_| ()) });
        eventually("the request runs", || async { running(&server).await == 1 }).await;
        request.abort();
        eventually("it is reported", || async {
            get(&server, "/api/status").await.1["requests"][0]["finish"] == "cancelled"
        })
        .await;
    }
}

#[tokio::test]
async fn a_reply_is_the_same_streamed_and_not_and_counts_its_tokens() {
    let server = Server::start(&[]);
    ready(&server).await;
    let body =
        json!({"input": "Write a function.", "max_output_tokens": 20, "temperature": 0, "store": false});
    let whole = respond(&server, &body).await;
    assert_eq!((&whole["status"], &whole["usage"]["output_tokens"]), (&json!("incomplete"), &json!(20)));
    let events = events(&server, body).await;
    let deltas = named(&events, "response.output_text.delta");
    let text: String = deltas.iter().map(|event| event["delta"].as_str().unwrap()).collect();
    assert_eq!(text, whole["output"][0]["content"][0]["text"]);
    let usage = &events.last().unwrap()["response"]["usage"];
    assert_eq!(usage["input_tokens"], whole["usage"]["input_tokens"]);
    // The second request found the first one's cache.
    let cached = usage["input_tokens_details"]["cached_tokens"].as_u64().unwrap();
    assert_eq!(cached, usage["input_tokens"].as_u64().unwrap() - 1);
    let id = whole["id"].as_str().unwrap();
    assert_eq!(get(&server, &format!("{PATH}/{id}")).await.0, 404, "store: false keeps nothing");
}

#[tokio::test]
async fn what_goes_on_from_a_kept_response_computes_only_what_is_new() {
    let server = Server::start(&[]);
    ready(&server).await;
    let settings =
        json!({"max_output_tokens": 8, "temperature": 0, "instructions": "You are an agent. ".repeat(20)});
    let request = |input: &str, previous: &Value| {
        let mut body = settings.clone();
        body["input"] = json!(input);
        body["previous_response_id"] = previous.clone();
        body
    };
    let first = respond(&server, &request("Begin.", &Value::Null)).await;
    let second = respond(&server, &request("Go on.", &first["id"])).await;
    let cached = second["usage"]["input_tokens_details"]["cached_tokens"].as_u64().unwrap();
    assert!(cached >= first["usage"]["input_tokens"].as_u64().unwrap(), "{second}");
    // The same as sending it all again.
    let mut all = settings.clone();
    let said = &first["output"][0];
    all["input"] =
        json!([{"role": "user", "content": "Begin."}, said, {"role": "user", "content": "Go on."}]);
    let again = respond(&server, &all).await;
    assert_eq!(again["usage"]["input_tokens"], second["usage"]["input_tokens"]);
    assert_eq!(again["output"][0]["content"], second["output"][0]["content"]);
    // By reference to its item too.
    all["input"][1] = json!({"type": "item_reference", "id": said["id"]});
    assert_eq!(respond(&server, &all).await["usage"]["input_tokens"], second["usage"]["input_tokens"]);
}
