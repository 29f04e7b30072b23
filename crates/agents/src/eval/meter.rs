//! The one way from an agent to the model: it passes chat completions on to the server and counts.
//!
//! Nothing else of the server is to be had through it, and the server's key stays on this side. It sets what the agent
//! cannot be told to send (the KV cache, the temperature), ends the session at the turn limit, and reads the reports
//! that come with the replies. So every agent is measured the same way, by what the server says.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use futures_util::StreamExt;
use serde_json::{Map, Value, json};
use shorn_checkpoint::KvCache;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::reply::{Reply, message_of};
use super::report::Usage;
use super::server::ModelServer;

/// A session's request carries the whole conversation.
const LONGEST_BODY: usize = 64 << 20;

/// What requests are sent with, whatever the agent asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Overrides {
    pub(super) kv: KvCache,
    pub(super) temperature: Option<f64>,
}

impl Overrides {
    /// Puts them into a request.
    pub(super) fn set(&self, body: &mut Map<String, Value>) {
        match &self.kv {
            KvCache::Dense => _ = body.insert("kv_bits".into(), "off".into()),
            KvCache::Quantized(kv) => {
                body.insert("kv_key_bits".into(), kv.key_bits.get().into());
                body.insert("kv_value_bits".into(), kv.value_bits.get().into());
                body.insert("kv_group_size".into(), kv.group_size.get().into());
                body.insert("kv_start".into(), kv.start.into());
            }
        }
        if let Some(temperature) = self.temperature {
            body.insert("temperature".into(), temperature.into());
        }
    }
}

/// Passes on and counts for one session; ends when dropped.
#[derive(Debug)]
pub(super) struct Meter {
    session: Arc<Session>,
    /// The port on 127.0.0.1, where it listens on one.
    port: Option<u16>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Session {
    server: ModelServer,
    overrides: Overrides,
    turn_limit: u32,
    /// What the agent must send: others on this machine can reach the port.
    key: String,
    client: reqwest::Client,
    counted: Mutex<Counted>,
    turns: watch::Sender<u32>,
}

/// What has come together.
#[derive(Debug, Clone, Default)]
pub(super) struct Counted {
    pub(super) usage: Usage,
    /// Seconds and tokens that the decode rate is of.
    decoded: (f64, u64),
    /// What the model said last without calling a tool.
    pub(super) answer: String,
    /// Whether a request came after the last turn.
    pub(super) over_limit: bool,
    /// The last thing that went wrong between here and the server.
    pub(super) error: Option<String>,
}

impl Meter {
    /// Listens on a Unix socket, for an agent in a network of its own.
    pub(super) fn on_socket(
        path: &Path,
        server: &ModelServer,
        overrides: Overrides,
        turn_limit: u32,
    ) -> std::io::Result<Self> {
        let session = Session::new(server, overrides, turn_limit)?;
        let listener = UnixListener::bind(path)?;
        let router = router(session.clone());
        let task = tokio::spawn(async move { _ = axum::serve(listener, router).await });
        Ok(Self { session, port: None, task })
    }

    /// Listens on a port of 127.0.0.1.
    pub(super) async fn on_loopback(
        server: &ModelServer,
        overrides: Overrides,
        turn_limit: u32,
    ) -> std::io::Result<Self> {
        let session = Session::new(server, overrides, turn_limit)?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = Some(listener.local_addr()?.port());
        let router = router(session.clone());
        let task = tokio::spawn(async move { _ = axum::serve(listener, router).await });
        Ok(Self { session, port, task })
    }

    /// The key that the agent must send.
    pub(super) fn key(&self) -> &str {
        &self.session.key
    }

    /// The port on 127.0.0.1, where it listens on one.
    pub(super) fn port(&self) -> Option<u16> {
        self.port
    }

    /// How many turns there were.
    pub(super) fn turns(&self) -> watch::Receiver<u32> {
        self.session.turns.subscribe()
    }

    /// What has come together so far.
    pub(super) fn counted(&self) -> Counted {
        self.session.counted().clone()
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Session {
    fn new(server: &ModelServer, overrides: Overrides, turn_limit: u32) -> std::io::Result<Arc<Self>> {
        let client = server.client().map_err(std::io::Error::other)?;
        Ok(Arc::new(Self {
            server: server.clone(),
            overrides,
            turn_limit,
            key: Uuid::new_v4().to_string(),
            client,
            counted: Mutex::default(),
            turns: watch::Sender::default(),
        }))
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is a turn left; one is taken.
    fn take_turn(&self) -> bool {
        let mut counted = self.counted();
        counted.over_limit = counted.usage.turns >= self.turn_limit;
        if !counted.over_limit {
            counted.usage.turns += 1;
            self.turns.send_replace(counted.usage.turns);
        }
        !counted.over_limit
    }

    /// The reply ended, or broke off.
    fn note(&self, reply: &Reply) {
        let mut counted = self.counted();
        let usage = &mut counted.usage;
        usage.unparsed_calls += u32::from(reply.has_unparsed_call());
        if let Some(report) = &reply.report {
            usage.prompt_tokens += u64::from(report.prompt_tokens);
            usage.cached_tokens += u64::from(report.cached_tokens);
            usage.generated_tokens += u64::from(report.generated_tokens);
            usage.peak_memory = usage.peak_memory.max(report.peak_memory);
            if report.kv.tokens >= usage.context_tokens {
                (usage.context_tokens, usage.kv_bytes) = (report.kv.tokens, report.kv.bytes_in_use);
            }
            let (seconds, tokens) = &mut counted.decoded;
            *seconds += report.decode_seconds;
            *tokens += u64::from(report.generated_tokens.saturating_sub(1));
            let rate = (*seconds > 0.0).then(|| *tokens as f64 / *seconds);
            counted.usage.decode_tokens_per_second = rate;
        }
        if let Some(answer) = reply.answer() {
            counted.answer = answer;
        }
        counted.error = reply.error.clone();
    }
}

fn router(session: Arc<Session>) -> Router {
    Router::new()
        .route("/v1/chat/completions", post(chat_completions))
        .layer(DefaultBodyLimit::max(LONGEST_BODY))
        .with_state(session)
}

async fn chat_completions(State(session): State<Arc<Session>>, headers: HeaderMap, body: Bytes) -> Response {
    let key =
        headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    if key != Some(session.key.as_str()) {
        return refusal(StatusCode::UNAUTHORIZED, "this is not the key that the agent was given");
    }
    let Ok(mut body) = serde_json::from_slice::<Map<String, Value>>(&body) else {
        return refusal(StatusCode::BAD_REQUEST, "the body is no JSON object");
    };
    if !session.take_turn() {
        let message = format!("the task's limit of {} turns is reached", session.turn_limit);
        return refusal(StatusCode::BAD_REQUEST, &message);
    }
    session.overrides.set(&mut body);
    body.insert("stream".into(), true.into());
    body.insert("stream_options".into(), json!({ "include_usage": true }));
    let request = session.server.request(&session.client, "/chat/completions").json(&body);
    match request.send().await {
        Ok(reply) if reply.status().is_success() => pass_on(session, reply),
        Ok(reply) => {
            let status = reply.status();
            let text = reply.text().await.unwrap_or_default();
            session.counted().error = Some(format!("the server refused: {}", message_of(&text)));
            (status, [(header::CONTENT_TYPE, "application/json")], text).into_response()
        }
        Err(error) => {
            let message = format!("the server does not answer: {error}");
            session.counted().error = Some(message.clone());
            refusal(StatusCode::BAD_GATEWAY, &message)
        }
    }
}

/// The reply, byte for byte, read on the way.
fn pass_on(session: Arc<Session>, reply: reqwest::Response) -> Response {
    let mut reader = NotedReply { session, reply: Reply::default() };
    let stream = reply.bytes_stream().map(move |bytes| {
        match &bytes {
            Ok(bytes) => reader.reply.push(bytes),
            Err(error) => reader.reply.error = Some(format!("the reply broke off: {error}")),
        }
        bytes
    });
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(stream)).into_response()
}

/// Counts a reply when it ends, also when the agent hangs up.
struct NotedReply {
    session: Arc<Session>,
    reply: Reply,
}

impl Drop for NotedReply {
    fn drop(&mut self) {
        self.session.note(&self.reply);
    }
}

fn refusal(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "error": { "message": message, "type": "invalid_request_error" } })))
        .into_response()
}
