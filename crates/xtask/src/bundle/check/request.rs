//! One request over HTTP, with curl: the chores need no HTTP client of their own.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::PATIENCE;
use crate::process::output;

/// Seconds for a request; the first one waits for the model to be loaded.
const SECONDS: &str = "60";

/// Asks the model that `who` serves for a few tokens and makes sure that they came from `backend`.
pub fn chat(who: &str, port: u16, backend: &str) -> Result<()> {
    let model = served_model(port)?;
    let body = json!({
        "model": model,
        "messages": [{ "role": "user", "content": "hello" }],
        "max_tokens": 8,
    });
    let reply = send(port, "/v1/chat/completions", Some(&body))?;
    let tokens = reply["usage"]["completion_tokens"].as_u64().unwrap_or(0);
    ensure!(tokens > 0, "the reply has no tokens: {reply}");
    let status = send(port, "/api/status", None)?;
    let used = status["model"]["phase"]["backend"].as_str().unwrap_or("nothing");
    ensure!(used == backend, "MLX computed on {used} and not on {backend}: {status}");
    eprintln!("{who} answered with {tokens} tokens of {model}, computed on {backend}");
    Ok(())
}

/// The model that the server names; the app begins to load one after its server answers.
fn served_model(port: u16) -> Result<String> {
    let until = Instant::now() + PATIENCE;
    loop {
        let models = send(port, "/v1/models", None)?;
        if let Some(model) = models["data"][0]["id"].as_str() {
            return Ok(model.to_owned());
        }
        ensure!(Instant::now() < until, "no model is served");
        thread::sleep(Duration::from_millis(250));
    }
}

fn send(port: u16, path: &str, body: Option<&Value>) -> Result<Value> {
    let url = format!("http://127.0.0.1:{port}{path}");
    let mut arguments = vec!["--silent", "--show-error", "--fail-with-body", "--max-time", SECONDS, &url];
    // The server may not listen yet.
    arguments.extend(["--retry", SECONDS, "--retry-delay", "1", "--retry-connrefused"]);
    let body = body.map(Value::to_string);
    if let Some(body) = &body {
        arguments.extend(["--header", "Content-Type: application/json", "--data", body]);
    }
    let reply = output("curl", &[], &arguments)?;
    serde_json::from_slice(&reply).with_context(|| format!("{url} did not answer in JSON"))
}
