//! What happens when the worker fails.
#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

mod support;

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use shorn_tests::loops;
use shorn_tests::script::{Answer, Script};
use shorn_tests::server::{Server, never_ends};
use support::{Events, chat, eventually, get, post, ready, worker};

/// Kills a process that the server under test started.
fn kill(process: u64) {
    assert!(Command::new("kill").args(["-9", &process.to_string()]).status().unwrap().success());
}

/// A reply that goes on until it is ended: no end tokens.
fn endless() -> Value {
    chat("Go on.", json!({"logit_bias": never_ends(), "temperature": 1.0}))
}

#[tokio::test]
async fn a_worker_killed_in_mid_stream_is_an_error_to_its_client_and_the_next_request_works() {
    let server = Server::start(&[]);
    ready(&server).await;
    for round in 0..loops(20) {
        let mut events = Events::post(&server, endless()).await;
        for _ in 0..10 {
            events.next().await.unwrap();
        }
        let process = worker(&server).await.unwrap();
        kill(process);
        let mut last = String::new();
        while let Some(data) = events.next().await {
            last = data;
        }
        let error: Value = serde_json::from_str(&last).unwrap();
        let message = error["error"]["message"].as_str().unwrap();
        assert!(message.contains("signal 9"), "round {round}: {message}");
        assert_eq!(error["error"]["type"], "server_error");
        let (_, status) = get(&server, "/api/status").await;
        assert!(status["model"]["phase"]["why"].as_str().unwrap().contains("signal 9"), "round {round}");

        let (status, reply) = post(&server, &chat("Hi.", json!({"max_tokens": 3}))).await;
        assert_eq!(status, 200, "round {round}: {reply}");
        assert_ne!(worker(&server).await, Some(process));
    }
}

#[tokio::test]
async fn a_worker_killed_under_a_reply_that_is_not_streamed_is_a_500_and_the_next_request_works() {
    let server = Server::start(&[]);
    ready(&server).await;
    let reply = tokio::spawn({
        let url = server.url("/v1/chat/completions");
        async move { reqwest::Client::new().post(url).json(&endless()).send().await.unwrap().status() }
    });
    eventually("it runs", || async { support::running(&server).await == 1 }).await;
    kill(worker(&server).await.unwrap());
    assert_eq!(reply.await.unwrap(), 500);
    assert_eq!(post(&server, &chat("Hi.", json!({"max_tokens": 3}))).await.0, 200);
}

#[tokio::test]
async fn a_killed_server_leaves_no_worker_behind() {
    let server = Server::start(&[]);
    ready(&server).await;
    let process = worker(&server).await.unwrap();
    drop(server);
    let alive = || Command::new("kill").args(["-0", &process.to_string()]).output().unwrap().status.success();
    eventually("the worker is gone", || async { !alive() }).await;
}

#[tokio::test]
async fn while_it_loads_requests_are_told_to_come_back_and_health_says_so() {
    let script = Script { load_ms: 3000, ..Script::answers(["Hello."]) };
    let server = Server::scripted(&script, &["--load-wait", "100"]);
    let (status, health) = get(&server, "/health").await;
    assert_eq!((status, &health["status"]), (503, &json!("loading")));
    let url = server.url("/v1/chat/completions");
    let response = reqwest::Client::new().post(url).json(&chat("Hi.", json!({}))).send().await.unwrap();
    assert_eq!(response.status(), 503);
    let retry_after: u64 = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!(retry_after >= 1);
    let error: Value = response.json().await.unwrap();
    assert_eq!(error["error"]["code"], "model_loading");
    ready(&server).await;
    assert_eq!(post(&server, &chat("Hi.", json!({}))).await.1["choices"][0]["message"]["content"], "Hello.");
}

#[tokio::test]
async fn a_request_waits_for_a_load_that_does_not_take_long() {
    let script = Script { load_ms: 1000, ..Script::answers(["Hello."]) };
    let server = Server::scripted(&script, &[]);
    let (status, reply) = post(&server, &chat("Hi.", json!({}))).await;
    assert_eq!((status, &reply["choices"][0]["message"]["content"]), (200, &json!("Hello.")));
}

#[tokio::test]
async fn a_model_that_cannot_be_loaded_says_why_and_is_tried_again_with_pauses() {
    let script =
        Script { load_error: Some("the weights are made of cheese".to_owned()), ..Script::default() };
    let server = Server::scripted(&script, &[]);
    server.wait_for_log("cheese");
    let mut pauses = Vec::new();
    for _ in 0..4 {
        let (status, error) = post(&server, &chat("Hi.", json!({}))).await;
        assert_eq!(status, 503);
        let message = error["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.contains("made of cheese"), "{message}");
        pauses.push(message);
    }
    assert!(pauses.iter().any(|message| message.contains("again in")), "{pauses:?}");
    let (status, health) = get(&server, "/health").await;
    assert_eq!((status, &health["status"]), (503, &json!("failed")));
}

#[tokio::test]
async fn a_worker_that_dies_by_itself_is_reported_and_replaced() {
    let mut script = Script::answers(["This answer is never finished.", "Back again."]);
    script.answers[0].die_after = Some(3);
    let server = Server::scripted(&script, &[]);
    let mut events = Events::post(&server, chat("Hi.", json!({}))).await;
    let mut last = String::new();
    while let Some(data) = events.next().await {
        last = data;
    }
    assert!(last.contains("server error") && last.contains("signal 6"), "{last}");
    let (_, status) = get(&server, "/api/status").await;
    assert!(status["model"]["phase"]["why"].as_str().unwrap().contains("signal 6"));
    eventually("it is reported", || async {
        get(&server, "/api/status").await.1["requests"][0]["finish"] == "error"
    })
    .await;
}

#[tokio::test]
async fn a_request_that_the_worker_refuses_is_a_400_streamed_or_not() {
    let refuse = Some("the KV cache does not fit".to_owned());
    let script = Script { answers: vec![Answer { refuse, ..Answer::default() }], ..Script::default() };
    let server = Server::scripted(&script, &[]);
    for stream in [false, true] {
        let (status, error) = post(&server, &chat("Hi.", json!({"stream": stream}))).await;
        assert_eq!(status, 400);
        assert!(error["error"]["message"].as_str().unwrap().contains("does not fit"));
    }
}

#[tokio::test]
async fn a_long_prefill_is_kept_alive_with_comments() {
    let mut script = Script::answers(["At last."]);
    script.answers[0].prefill_ms = 11_000;
    let server = Server::scripted(&script, &[]);
    ready(&server).await;
    let begun = Instant::now();
    let mut events = Events::post(&server, chat("Hi.", json!({}))).await;
    assert!(begun.elapsed() < Duration::from_secs(2), "headers go out at once");
    while events.next().await.is_some() {}
    assert!(events.comments >= 2, "{} comments", events.comments);
}
