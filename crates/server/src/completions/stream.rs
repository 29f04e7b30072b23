//! The reply as server-sent events, each a chunk of it.

use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use tokio_stream::wrappers::ReceiverStream;

use super::Context;
use super::response::{Choice, Completion, finish_reason, text};
use crate::chat_completions::Usage;
use crate::reply::{ReplyEnd, ReplyEvent};
use crate::turn::Events;

/// A comment goes out whenever nothing else has for so long.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// Sends the reply as it comes: a chunk for the prompt if it is to be repeated, one for each delta, one with the finish
/// reason, one with token counts if asked for, and `[DONE]`.
pub(super) fn streamed(context: Context, first: Option<ReplyEvent>, events: Events) -> Response {
    let mut encoder = Encoder { context };
    let echo = std::mem::take(&mut encoder.context.echo);
    let opening = (!echo.is_empty()).then(|| encoder.chunk(echo, None));
    let events = futures_util::stream::iter(first).chain(ReceiverStream::new(events));
    let rest = events.flat_map(move |event| futures_util::stream::iter(encoder.encode(event)));
    let stream = futures_util::stream::iter(opening).chain(rest).map(Ok::<_, Infallible>);
    Sse::new(stream).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response()
}

struct Encoder {
    context: Context,
}

impl Encoder {
    fn encode(&mut self, event: ReplyEvent) -> Vec<Event> {
        match event {
            ReplyEvent::Delta(delta) => vec![self.chunk(text(delta), None)],
            ReplyEvent::Logprobs { token, logprobs } => {
                self.context.logprobs.push(token, &logprobs);
                Vec::new()
            }
            ReplyEvent::Begun => Vec::new(),
            ReplyEvent::End(end) => self.end(&end),
        }
    }

    fn end(&mut self, end: &ReplyEnd) -> Vec<Event> {
        if let Some(error) = end.finish.error() {
            // The status has gone out: an error event, and no finish reason that would make a part look whole.
            return vec![Event::default().data(error.to_event_data())];
        }
        let mut events = vec![self.chunk(String::new(), Some(finish_reason(&end.finish)))];
        if self.context.include_usage {
            let usage = end.record.report.as_ref().map(Usage::from);
            events.push(event(&Completion { usage, shorn: Some(&end.record), ..self.context.completion() }));
        }
        events.push(Event::default().data("[DONE]"));
        events
    }

    fn chunk(&mut self, text: String, finish_reason: Option<&'static str>) -> Event {
        let choice = Choice { index: 0, text, logprobs: self.context.logprobs.take(), finish_reason };
        event(&Completion { choices: vec![choice], ..self.context.completion() })
    }
}

fn event(chunk: &Completion<'_>) -> Event {
    Event::default().data(serde_json::to_string(chunk).unwrap_or_default())
}
