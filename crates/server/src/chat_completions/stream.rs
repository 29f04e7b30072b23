//! The reply as server-sent events, each a chunk of it.

use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use serde::Serialize;
use shorn_chat::output::Delta;
use shorn_runtime::CompletedRequest;
use tokio_stream::wrappers::ReceiverStream;

use super::Context;
use super::response::{Logprobs, TokenLogprob, Usage, call_id};
use crate::reply::{ReplyEnd, ReplyEvent};
use crate::turn::Events;

/// A comment goes out whenever nothing else has for so long; agents give up on a silent stream.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

#[derive(Serialize)]
struct Chunk<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: Vec<Choice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Usage>,
    /// What the request cost, beyond what OpenAI counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    shorn: Option<&'a CompletedRequest>,
}

#[derive(Serialize)]
struct Choice<'a> {
    index: u32,
    delta: ChunkDelta<'a>,
    logprobs: Option<Logprobs>,
    finish_reason: Option<&'a str>,
}

/// What a chunk adds to the message.
#[derive(Serialize, Default)]
struct ChunkDelta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<[ChunkToolCall<'a>; 1]>,
}

#[derive(Serialize)]
struct ChunkToolCall<'a> {
    index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    function: ChunkFunction<'a>,
}

#[derive(Serialize)]
struct ChunkFunction<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    arguments: &'a str,
}

/// Sends the reply as it comes: a chunk with the role, one for each delta, one with the finish reason, one with token
/// counts if asked for, and `[DONE]`.
pub(super) fn streamed(context: Context, first: Option<ReplyEvent>, events: Events) -> Response {
    let mut encoder = Encoder { context, logprobs: Vec::new() };
    let role = ChunkDelta { role: Some("assistant"), content: Some(""), ..ChunkDelta::default() };
    let opening = encoder.chunk(role, None);
    let events = futures_util::stream::iter(first).chain(ReceiverStream::new(events));
    let rest = events.flat_map(move |event| futures_util::stream::iter(encoder.encode(event)));
    let stream = futures_util::stream::iter([opening]).chain(rest).map(Ok::<_, Infallible>);
    Sse::new(stream).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response()
}

struct Encoder {
    context: Context,
    /// Log-probabilities that the next chunk takes along.
    logprobs: Vec<TokenLogprob>,
}

impl Encoder {
    fn encode(&mut self, event: ReplyEvent) -> Vec<Event> {
        match event {
            ReplyEvent::Delta(delta) => self.delta(&delta).into_iter().collect(),
            ReplyEvent::Logprobs { token, logprobs } => {
                self.logprobs.push(self.context.logprob(token, &logprobs));
                Vec::new()
            }
            ReplyEvent::Begun => Vec::new(),
            ReplyEvent::End(end) => self.end(&end),
        }
    }

    fn delta(&mut self, delta: &Delta) -> Option<Event> {
        let call = |index, id, name: Option<_>, arguments| ChunkDelta {
            tool_calls: Some([ChunkToolCall {
                index,
                kind: name.map(|_| "function"),
                id,
                function: ChunkFunction { name, arguments },
            }]),
            ..ChunkDelta::default()
        };
        let delta = match delta {
            Delta::Content(text) => ChunkDelta { content: Some(text), ..ChunkDelta::default() },
            Delta::Reasoning(text) => ChunkDelta { reasoning_content: Some(text), ..ChunkDelta::default() },
            Delta::ToolCallStart { index, name } => call(*index, Some(call_id()), Some(name.as_str()), ""),
            Delta::ToolCallArguments { index, json } => call(*index, None, None, json),
            Delta::ToolCallEnd { .. } => return None,
        };
        Some(self.chunk(delta, None))
    }

    fn end(&mut self, end: &ReplyEnd) -> Vec<Event> {
        if let Some(error) = end.finish.error() {
            // The status has gone out: an error event, and no finish reason that would make a part look whole.
            return vec![Event::default().data(error.to_event_data())];
        }
        let mut events = vec![self.chunk(ChunkDelta::default(), Some(end.finish.name()))];
        if self.context.include_usage {
            let usage = Chunk {
                choices: Vec::new(),
                usage: end.record.report.as_ref().map(Usage::from),
                shorn: Some(&end.record),
                ..self.empty_chunk()
            };
            events.push(event(&usage));
        }
        events.push(Event::default().data("[DONE]"));
        events
    }

    fn chunk(&mut self, delta: ChunkDelta<'_>, finish_reason: Option<&str>) -> Event {
        let logprobs = std::mem::take(&mut self.logprobs);
        let logprobs = (!logprobs.is_empty()).then_some(Logprobs { content: logprobs });
        let choice = Choice { index: 0, delta, logprobs, finish_reason };
        event(&Chunk { choices: vec![choice], ..self.empty_chunk() })
    }

    fn empty_chunk(&self) -> Chunk<'_> {
        Chunk {
            id: &self.context.id,
            object: "chat.completion.chunk",
            created: self.context.created,
            model: self.context.model.name(),
            choices: Vec::new(),
            usage: None,
            shorn: None,
        }
    }
}

fn event(chunk: &Chunk<'_>) -> Event {
    Event::default().data(serde_json::to_string(chunk).unwrap_or_default())
}
