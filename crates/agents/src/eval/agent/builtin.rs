//! Shorn's own agent: a conversation with four tools, for machines without Node.
//!
//! It runs in its cell, so what its tools may touch is not decided here. `RESULTS.md` has every answer of its tools.

mod tools;

use std::io::Write;

use anyhow::{Context, Result, bail};
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::eval::reply::Reply;
use crate::eval::task::RecordingTool;
use tools::Tools;

const SYSTEM: &str = include_str!("system.md");
const TOOLS: &str = include_str!("tools.json");

/// Tokens of one reply: room for a whole file, and an end for a model that does not find one.
const LONGEST_REPLY: u32 = 8192;

/// What it is started with.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::eval) struct Session {
    pub(in crate::eval) model: String,
    pub(in crate::eval) key: String,
    pub(in crate::eval) prompt: String,
    /// What `run_tests` runs.
    pub(in crate::eval) test: Option<String>,
    /// A tool of the task.
    pub(in crate::eval) tool: Option<RecordingTool>,
}

/// Works on the project in the current folder until the model calls no more tools. Each call's end is a line of JSON on
/// standard output, in the form of Pi's.
///
/// # Errors
/// When the model cannot be asked.
pub(in crate::eval) async fn work(port: u16, session: Session) -> Result<()> {
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build()?;
    let url = format!("http://127.0.0.1:{port}/v1/chat/completions");
    let mut schemas: Vec<Value> = serde_json::from_str(TOOLS)?;
    schemas.extend(session.tool.as_ref().map(RecordingTool::schema));
    let tools = Tools { project: std::env::current_dir()?, test: session.test, recording: session.tool };
    let mut messages = vec![
        json!({ "role": "system", "content": SYSTEM.trim_end() }),
        json!({ "role": "user", "content": session.prompt }),
    ];
    loop {
        let body = json!({
            "model": session.model, "messages": messages, "tools": schemas, "stream": true,
            "max_tokens": LONGEST_REPLY,
        });
        let reply = ask(client.post(&url).bearer_auth(&session.key).json(&body)).await?;
        messages.push(reply.message());
        if reply.calls.is_empty() {
            return Ok(());
        }
        for call in reply.calls.values() {
            let answer = tools.call(&call.name, &call.arguments).await;
            let failed = answer.is_err();
            let event = json!({ "type": "tool_execution_end", "toolName": call.name, "isError": failed });
            writeln!(std::io::stdout(), "{event}")?;
            let content = answer.unwrap_or_else(|problem| format!("Error: {problem}"));
            messages.push(json!({ "role": "tool", "tool_call_id": call.id, "content": content }));
        }
    }
}

async fn ask(request: reqwest::RequestBuilder) -> Result<Reply> {
    let response = request.send().await.context("the model cannot be reached")?;
    if !response.status().is_success() {
        bail!("the model's server answers {}: {}", response.status(), response.text().await?);
    }
    let mut reply = Reply::default();
    let mut stream = response.bytes_stream();
    while let Some(bytes) = stream.next().await {
        reply.push(&bytes.context("the reply broke off")?);
    }
    match &reply.error {
        Some(error) => bail!("{error}"),
        None if !reply.complete => bail!("the reply broke off"),
        None => Ok(reply),
    }
}
