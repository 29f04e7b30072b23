//! One request over HTTP, with curl: the chores need no HTTP client of their own.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::process::output;

/// Seconds for a request; the first one waits for the model to be loaded.
const SECONDS: &str = "60";

/// Asks the model that is served for a few tokens and makes sure that they came from `backend`.
pub fn chat(port: u16, backend: &str) -> Result<()> {
    let models = send(port, "/v1/models", None)?;
    let model = models["data"][0]["id"].as_str().context("no model is served")?;
    let body = json!({
        "model": model,
        "messages": [{ "role": "user", "content": "hello" }],
        "max_tokens": 8,
    });
    let reply = send(port, "/v1/chat/completions", Some(&body))?;
    let tokens = reply["usage"]["completion_tokens"].as_u64().unwrap_or(0);
    ensure!(tokens > 0, "the reply has no tokens: {reply}");
    let status = send(port, "/api/status", None)?;
    let used = status["model"]["backend"].as_str().unwrap_or("nothing");
    ensure!(used == backend, "MLX computed on {used} and not on {backend}: {status}");
    eprintln!("the packaged worker answered with {tokens} tokens of {model}, computed on {backend}");
    Ok(())
}

fn send(port: u16, path: &str, body: Option<&Value>) -> Result<Value> {
    let url = format!("http://127.0.0.1:{port}{path}");
    let mut arguments = vec!["--silent", "--show-error", "--fail-with-body", "--max-time", SECONDS, &url];
    let body = body.map(Value::to_string);
    if let Some(body) = &body {
        arguments.extend(["--header", "Content-Type: application/json", "--data", body]);
    }
    let reply = output("curl", &[], &arguments)?;
    serde_json::from_slice(&reply).with_context(|| format!("{url} did not answer in JSON"))
}
