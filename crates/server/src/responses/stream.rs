//! The reply as server-sent events.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::Responding;
use super::items::{ItemEvent, Status};
use super::response::{self, status};
use crate::reply::{ReplyEnd, ReplyEvent};
use crate::turn::Events;

/// `response.in_progress` goes out whenever nothing else has for so long. Comments would not do: Codex does not take
/// them for a sign of life.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// An event with its number, which counts those of a stream from 0.
#[derive(Serialize)]
struct Numbered<T> {
    sequence_number: u64,
    #[serde(flatten)]
    event: T,
}

/// An event that says how the response is now.
#[derive(Serialize)]
struct ResponseEvent<'a> {
    #[serde(rename = "type")]
    name: &'static str,
    response: response::Response<'a>,
}

/// Sends the reply as it comes.
pub fn streamed(responding: Responding, first: Option<ReplyEvent>, events: Events) -> Response {
    let mut encoder = Encoder { responding, sent: 0 };
    let mut ready = VecDeque::from(encoder.opening());
    ready.extend(first.into_iter().flat_map(|event| encoder.encode(event)));
    let stream = futures_util::stream::unfold(
        (encoder, events, ready),
        async |(mut encoder, mut events, mut ready)| {
            loop {
                if let Some(event) = ready.pop_front() {
                    return Some((Ok::<_, Infallible>(event), (encoder, events, ready)));
                }
                match tokio::time::timeout(KEEP_ALIVE, events.recv()).await {
                    Ok(Some(event)) => ready.extend(encoder.encode(event)),
                    Ok(None) => return None,
                    Err(_) => ready.push_back(encoder.in_progress("response.in_progress")),
                }
            }
        },
    );
    Sse::new(stream).into_response()
}

struct Encoder {
    responding: Responding,
    /// Events sent so far.
    sent: u64,
}

impl Encoder {
    fn opening(&mut self) -> Vec<Event> {
        vec![self.in_progress("response.created"), self.in_progress("response.in_progress")]
    }

    fn encode(&mut self, event: ReplyEvent) -> Vec<Event> {
        match event {
            ReplyEvent::Delta(delta) => {
                let events = self.responding.output.push(delta);
                self.items(events)
            }
            ReplyEvent::Begun | ReplyEvent::Logprobs { .. } => Vec::new(),
            ReplyEvent::End(end) => self.end(&end),
        }
    }

    fn items(&mut self, events: Vec<ItemEvent>) -> Vec<Event> {
        events.into_iter().map(|event| self.event(event.name, &event)).collect()
    }

    fn in_progress(&mut self, name: &'static str) -> Event {
        let number = self.number();
        encoded(name, number, &ResponseEvent { name, response: self.responding.in_progress() })
    }

    /// The status has gone out: an error is an event, and nothing is done that was cut off by it.
    fn end(&mut self, end: &ReplyEnd) -> Vec<Event> {
        if let Some(error) = end.finish.error() {
            self.responding.output.end(Status::Incomplete);
            let number = self.number();
            let name = "response.failed";
            let response = self.responding.ended(end, Some(&error));
            return vec![encoded(name, number, &ResponseEvent { name, response })];
        }
        let status = status(end);
        let done = self.responding.output.end(status);
        let mut events = self.items(done);
        let name = if status == Status::Completed { "response.completed" } else { "response.incomplete" };
        let number = self.number();
        let response = self.responding.ended(end, None);
        let kept =
            self.responding.keep.is_some().then(|| serde_json::to_value(&response).unwrap_or_default());
        events.push(encoded(name, number, &ResponseEvent { name, response }));
        kept.into_iter().for_each(|response| self.responding.keep(response));
        events
    }

    fn event(&mut self, name: &'static str, event: &impl Serialize) -> Event {
        let number = self.number();
        encoded(name, number, event)
    }

    fn number(&mut self) -> u64 {
        self.sent += 1;
        self.sent - 1
    }
}

fn encoded(name: &str, sequence_number: u64, event: &impl Serialize) -> Event {
    let numbered = Numbered { sequence_number, event };
    Event::default().event(name).data(serde_json::to_string(&numbered).unwrap_or_default())
}
