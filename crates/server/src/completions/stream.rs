//! The reply as server-sent events, each a chunk of it.

use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;

use super::Context;
use super::response::{Choice, Completion, LogprobsReader, finish_reason, text};
use crate::chat_completions::{Records, usage};
use crate::choices::merged;
use crate::reply::{ReplyEnd, ReplyEvent};
use crate::turn::Events;

/// A comment goes out whenever nothing else has for so long.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// Sends the replies as they come: for each a chunk for the prompt if it is to be repeated, one for each delta, and one
/// with the finish reason; in the end one with token counts if asked for, and `[DONE]`.
pub(super) fn streamed(context: Context, first: Option<ReplyEvent>, replies: Vec<Events>) -> Response {
    let state = |_| ChoiceState { logprobs: LogprobsReader::new(context.model.chat.tokenizer()), end: None };
    let choices: Vec<ChoiceState> = replies.iter().map(state).collect();
    let echoed = if context.echo.is_empty() { 0 } else { choices.len() };
    let mut encoder = Encoder { context, choices, failed: false };
    let opening: Vec<Event> =
        (0..echoed).map(|index| encoder.chunk(index, encoder.context.echo.clone(), None)).collect();
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
struct ChoiceState {
    logprobs: LogprobsReader,
    end: Option<Box<ReplyEnd>>,
}

impl Encoder {
    fn encode(&mut self, index: usize, event: ReplyEvent) -> Vec<Event> {
        match event {
            _ if self.failed => Vec::new(),
            ReplyEvent::Delta(delta) => vec![self.chunk(index, text(delta), None)],
            ReplyEvent::Logprobs { token, logprobs } => {
                self.choices[index].logprobs.push(token, &logprobs);
                Vec::new()
            }
            ReplyEvent::Begun => Vec::new(),
            ReplyEvent::End(end) => self.end(index, end),
        }
    }

    fn end(&mut self, index: usize, end: Box<ReplyEnd>) -> Vec<Event> {
        if let Some(error) = end.finish.error() {
            // The status has gone out: an error event, and no finish reason that would make a part look whole.
            self.failed = true;
            return vec![Event::default().data(error.to_event_data())];
        }
        let mut events = vec![self.chunk(index, String::new(), Some(finish_reason(&end.finish)))];
        self.choices[index].end = Some(end);
        let ends: Vec<&ReplyEnd> = self.choices.iter().filter_map(|choice| choice.end.as_deref()).collect();
        if ends.len() < self.choices.len() {
            return events;
        }
        if self.context.include_usage {
            let shorn = Some(Records::of(ends.iter().copied()));
            let usage = usage(ends.iter().copied());
            events.push(event(&Completion { usage, shorn, ..self.context.completion() }));
        }
        events.push(Event::default().data("[DONE]"));
        events
    }

    fn chunk(&mut self, index: usize, text: String, finish_reason: Option<&'static str>) -> Event {
        let logprobs = self.choices[index].logprobs.take();
        let choice = Choice { index: index as u32, text, logprobs, finish_reason };
        event(&Completion { choices: vec![choice], ..self.context.completion() })
    }
}

fn event(chunk: &Completion<'_>) -> Event {
    Event::default().data(serde_json::to_string(chunk).unwrap_or_default())
}
