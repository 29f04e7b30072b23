//! HTTP requests for the tests.
#![allow(dead_code, reason = "each test file uses a part")]

use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use serde_json::{Value, json};
use shorn_tests::server::{Server, copy_folder, random_model};

/// A chat request with one user message.
pub fn chat(content: &str, more: Value) -> Value {
    let mut body = json!({"messages": [{"role": "user", "content": content}], "seed": 1});
    for (key, value) in more.as_object().unwrap() {
        body[key] = value.clone();
    }
    body
}

/// Posts a chat request and returns status and body.
pub async fn post(server: &Server, body: &Value) -> (u16, Value) {
    let url = server.url("/v1/chat/completions");
    let response = reqwest::Client::new().post(url).json(body).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

/// Posts JSON.
pub async fn post_to(server: &Server, path: &str, body: &Value) -> (u16, Value) {
    let response = reqwest::Client::new().post(server.url(path)).json(body).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

/// A copy of the model with random weights.
pub fn copy_random_model(folder: &Path) {
    copy_folder(&random_model(), folder);
}

/// Gets JSON.
pub async fn get(server: &Server, path: &str) -> (u16, Value) {
    let response = reqwest::get(server.url(path)).await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

/// A stream of server-sent events.
pub struct Events {
    stream: std::pin::Pin<Box<dyn futures_util::Stream<Item = reqwest::Result<Vec<u8>>> + Send>>,
    text: String,
    /// Comment lines seen so far.
    pub comments: usize,
    /// The last event's name, where it has one.
    pub name: Option<String>,
}

impl Events {
    /// Posts a streamed chat request.
    pub async fn post(server: &Server, body: Value) -> Self {
        Self::post_to(server, "/v1/chat/completions", body).await
    }

    /// Posts a streamed request.
    pub async fn post_to(server: &Server, path: &str, mut body: Value) -> Self {
        body["stream"] = json!(true);
        let response = reqwest::Client::new().post(server.url(path)).json(&body).send().await.unwrap();
        assert_eq!(response.status(), 200, "{}", response.text().await.unwrap());
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let stream = response.bytes_stream().map(|bytes| bytes.map(|bytes| bytes.to_vec()));
        Self { stream: Box::pin(stream), text: String::new(), comments: 0, name: None }
    }

    /// The data of the next event; `None` at the end of the stream.
    pub async fn next(&mut self) -> Option<String> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let event = event.to_owned();
                self.text = rest.to_owned();
                let field =
                    |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
                self.name = field("event: ");
                match field("data: ") {
                    Some(data) => return Some(data),
                    None => self.comments += usize::from(event.starts_with(':')),
                }
                continue;
            }
            let bytes = self.stream.next().await?.ok()?;
            self.text.push_str(std::str::from_utf8(&bytes).unwrap());
        }
    }

    /// All chunks up to the end. The stream must end with `[DONE]`.
    pub async fn chunks(mut self) -> Vec<Value> {
        let mut chunks = Vec::new();
        while let Some(data) = self.next().await {
            if data == "[DONE]" {
                assert_eq!(self.next().await, None);
                return chunks;
            }
            chunks.push(serde_json::from_str(&data).unwrap());
        }
        panic!("the stream ended without [DONE]: {chunks:?}");
    }
}

/// A reply put together from its chunks.
#[derive(Debug, Default, PartialEq)]
pub struct Streamed {
    pub content: String,
    pub reasoning: String,
    /// Name and arguments.
    pub calls: Vec<(String, String)>,
    pub finish: Option<String>,
    pub usage: Option<Value>,
}

impl Streamed {
    pub fn of(chunks: &[Value]) -> Self {
        let mut reply = Self::default();
        for chunk in chunks {
            if !chunk["usage"].is_null() {
                reply.usage = Some(chunk["usage"].clone());
            }
            let choice = &chunk["choices"][0];
            let delta = &choice["delta"];
            reply.content.push_str(delta["content"].as_str().unwrap_or_default());
            reply.reasoning.push_str(delta["reasoning_content"].as_str().unwrap_or_default());
            for call in delta["tool_calls"].as_array().into_iter().flatten() {
                let index = call["index"].as_u64().unwrap() as usize;
                let function = &call["function"];
                if let Some(name) = function["name"].as_str() {
                    assert_eq!(index, reply.calls.len());
                    assert!(call["id"].is_string() && call["type"] == "function");
                    reply.calls.push((name.to_owned(), String::new()));
                }
                reply.calls[index].1.push_str(function["arguments"].as_str().unwrap());
            }
            reply.finish = choice["finish_reason"].as_str().map(str::to_owned).or(reply.finish);
        }
        reply
    }
}

/// Waits until a condition holds.
pub async fn eventually<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let patience = Instant::now() + Duration::from_secs(20);
    while !holds().await {
        assert!(Instant::now() < patience, "never came true: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Requests that the worker has, as the status says.
pub async fn running(server: &Server) -> u64 {
    get(server, "/api/status").await.1["model"]["running"].as_u64().unwrap()
}

/// The worker's process id, as the status says.
pub async fn worker(server: &Server) -> Option<u64> {
    get(server, "/api/status").await.1["model"]["worker"].as_u64()
}

/// Waits until the model answers.
pub async fn ready(server: &Server) {
    eventually("the model is ready", || async { get(server, "/health").await.0 == 200 }).await;
}
