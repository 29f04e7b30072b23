//! The reply as server-sent events, each a chunk of it.

use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use serde::Serialize;
use shorn_chat::output::Delta;

use super::Context;
use super::response::{Logprobs, Records, TokenLogprob, Usage, call_id, usage};
use crate::choices::merged;
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
    shorn: Option<Records<'a>>,
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

/// Sends the replies as they come: for each a chunk with the role, one for each delta, and one with the finish reason; in
/// the end one with token counts if asked for, and `[DONE]`.
pub(super) fn streamed(context: Context, first: Option<ReplyEvent>, replies: Vec<Events>) -> Response {
    let choices = replies.iter().map(|_| ChoiceState::default()).collect();
    let mut encoder = Encoder { context, choices, failed: false };
    let role = || ChunkDelta { role: Some("assistant"), content: Some(""), ..ChunkDelta::default() };
    let opening: Vec<Event> = (0..replies.len()).map(|index| encoder.chunk(index, role(), None)).collect();
    let rest = merged(first, replies)
        .flat_map(move |(index, event)| futures_util::stream::iter(encoder.encode(index, event)));
    let stream = futures_util::stream::iter(opening).chain(rest).map(Ok::<_, Infallible>);
    Sse::new(stream).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response()
}

struct Encoder {
    context: Context,
    choices: Vec<ChoiceState>,
    /// Whether one has failed: that is the end of all.
    failed: bool,
}

/// One reply on its way.
#[derive(Default)]
struct ChoiceState {
    /// Log-probabilities that the next chunk takes along.
    logprobs: Vec<TokenLogprob>,
    end: Option<Box<ReplyEnd>>,
}

impl Encoder {
    fn encode(&mut self, index: usize, event: ReplyEvent) -> Vec<Event> {
        match event {
            _ if self.failed => Vec::new(),
            ReplyEvent::Delta(delta) => self.delta(index, &delta).into_iter().collect(),
            ReplyEvent::Logprobs { token, logprobs } => {
                let logprob = self.context.logprob(token, &logprobs);
                self.choices[index].logprobs.push(logprob);
                Vec::new()
            }
            ReplyEvent::Begun => Vec::new(),
            ReplyEvent::End(end) => self.end(index, end),
        }
    }

    fn delta(&mut self, index: usize, delta: &Delta) -> Option<Event> {
        let call = |number, id, name: Option<_>, arguments| ChunkDelta {
            tool_calls: Some([ChunkToolCall {
                index: number,
                kind: name.map(|_| "function"),
                id,
                function: ChunkFunction { name, arguments },
            }]),
            ..ChunkDelta::default()
        };
        let delta = match delta {
            Delta::Content(text) => ChunkDelta { content: Some(text), ..ChunkDelta::default() },
            Delta::Reasoning(text) => ChunkDelta { reasoning_content: Some(text), ..ChunkDelta::default() },
            Delta::ToolCallStart { index: number, name } => {
                call(*number, Some(call_id()), Some(name.as_str()), "")
            }
            Delta::ToolCallArguments { index: number, json } => call(*number, None, None, json),
            Delta::ToolCallEnd { .. } => return None,
        };
        Some(self.chunk(index, delta, None))
    }

    fn end(&mut self, index: usize, end: Box<ReplyEnd>) -> Vec<Event> {
        if let Some(error) = end.finish.error() {
            // The status has gone out: an error event, and no finish reason that would make a part look whole.
            self.failed = true;
            return vec![Event::default().data(error.to_event_data())];
        }
        let mut events = vec![self.chunk(index, ChunkDelta::default(), Some(end.finish.name()))];
        self.choices[index].end = Some(end);
        let ends: Vec<&ReplyEnd> = self.choices.iter().filter_map(|choice| choice.end.as_deref()).collect();
        if ends.len() < self.choices.len() {
            return events;
        }
        if self.context.include_usage {
            let chunk = Chunk {
                choices: Vec::new(),
                usage: usage(ends.iter().copied()),
                shorn: Some(Records::of(ends.iter().copied())),
                ..self.empty_chunk()
            };
            events.push(event(&chunk));
        }
        events.push(Event::default().data("[DONE]"));
        events
    }

    fn chunk(&mut self, index: usize, delta: ChunkDelta<'_>, finish_reason: Option<&str>) -> Event {
        let logprobs = std::mem::take(&mut self.choices[index].logprobs);
        let logprobs = (!logprobs.is_empty()).then_some(Logprobs { content: logprobs });
        let choice = Choice { index: index as u32, delta, logprobs, finish_reason };
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
