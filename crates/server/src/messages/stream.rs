//! The reply as server-sent events: blocks, each with a beginning, deltas and an end.

use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use serde::Serialize;
use serde_json::value::RawValue;
use shorn_chat::output::Delta;
use shorn_runtime::CompletedRequest;
use tokio_stream::wrappers::ReceiverStream;

use super::Context;
use super::errors::ErrorObject;
use super::response::{Block, Ending, Message, SIGNATURE, Usage, call_id};
use crate::reply::{ReplyEnd, ReplyEvent};
use crate::turn::Events;

/// A ping goes out whenever nothing else has for so long; agents give up on a silent stream.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// An event. Clients go by the name that the `event:` line gives it.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum StreamEvent<'a> {
    MessageStart {
        message: Message<'a>,
    },
    ContentBlockStart {
        index: usize,
        /// The block with nothing in it.
        content_block: Block,
    },
    ContentBlockDelta {
        index: usize,
        delta: BlockDelta<'a>,
    },
    /// The block is whole. A call without this must not be executed.
    ContentBlockStop {
        index: usize,
    },
    MessageDelta {
        delta: Ending<'a>,
        usage: Usage,
        /// What the request cost, beyond what Anthropic counts.
        shorn: &'a CompletedRequest,
    },
    MessageStop,
    Ping,
}

/// What a delta adds to a block.
#[derive(Serialize)]
#[serde(tag = "type")]
enum BlockDelta<'a> {
    #[serde(rename = "thinking_delta")]
    Thinking { thinking: &'a str },
    #[serde(rename = "signature_delta")]
    Signature { signature: &'static str },
    #[serde(rename = "text_delta")]
    Text { text: &'a str },
    #[serde(rename = "input_json_delta")]
    InputJson { partial_json: &'a str },
}

impl StreamEvent<'_> {
    fn name(&self) -> &'static str {
        match self {
            Self::MessageStart { .. } => "message_start",
            Self::ContentBlockStart { .. } => "content_block_start",
            Self::ContentBlockDelta { .. } => "content_block_delta",
            Self::ContentBlockStop { .. } => "content_block_stop",
            Self::MessageDelta { .. } => "message_delta",
            Self::MessageStop => "message_stop",
            Self::Ping => "ping",
        }
    }

    fn encode(&self) -> Event {
        named(self.name(), self)
    }
}

fn named(name: &str, data: &impl Serialize) -> Event {
    Event::default().event(name).data(serde_json::to_string(data).unwrap_or_default())
}

/// Sends the reply as it comes: the beginning of the message, its blocks one after the other, and how it ended. Tokens
/// are counted at the end: before, nothing has been read.
pub(super) fn streamed(context: &Context, first: Option<ReplyEvent>, events: Events) -> Response {
    let opening = StreamEvent::MessageStart { message: Message::begun(context) }.encode();
    let mut encoder = Encoder::default();
    let events = futures_util::stream::iter(first).chain(ReceiverStream::new(events));
    let rest = events.flat_map(move |event| futures_util::stream::iter(encoder.encode(event)));
    let stream = futures_util::stream::iter([opening]).chain(rest).map(Ok::<_, Infallible>);
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE).event(StreamEvent::Ping.encode());
    Sse::new(stream).keep_alive(keep_alive).into_response()
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Thinking,
    Text,
    ToolUse,
}

#[derive(Default)]
struct Encoder {
    /// The block that has begun and not ended, or the next one.
    index: usize,
    open: Option<Kind>,
    ready: Vec<Event>,
}

impl Encoder {
    fn encode(&mut self, event: ReplyEvent) -> Vec<Event> {
        match event {
            ReplyEvent::Begun | ReplyEvent::Logprobs { .. } => {}
            ReplyEvent::Delta(delta) => self.delta(&delta),
            ReplyEvent::End(end) => self.end(&end),
        }
        std::mem::take(&mut self.ready)
    }

    fn delta(&mut self, delta: &Delta) {
        match delta {
            Delta::Reasoning(thinking) => {
                self.enter(Kind::Thinking, || Block::Thinking {
                    thinking: String::new(),
                    signature: String::new(),
                });
                self.add(BlockDelta::Thinking { thinking });
            }
            Delta::Content(text) => {
                self.enter(Kind::Text, || Block::Text { text: String::new() });
                self.add(BlockDelta::Text { text });
            }
            Delta::ToolCallStart { name, .. } => {
                self.close();
                self.enter(Kind::ToolUse, || Block::ToolUse {
                    id: call_id(),
                    name: name.clone(),
                    input: RawValue::from_string("{}".to_owned()).unwrap_or_default(),
                });
            }
            Delta::ToolCallArguments { json, .. } => {
                self.add(BlockDelta::InputJson { partial_json: json });
            }
            Delta::ToolCallEnd { .. } => self.close(),
        }
    }

    fn end(&mut self, end: &ReplyEnd) {
        if let Some(error) = end.finish.error() {
            // The status has gone out: an error event, and no end that would make a part look whole.
            return self.ready.push(named("error", &ErrorObject::new(&error, None)));
        }
        // A call that was cut off stays open: it never becomes one that can be executed.
        if self.open != Some(Kind::ToolUse) {
            self.close();
        }
        self.send(&StreamEvent::MessageDelta {
            delta: Ending::from(end),
            usage: end.record.report.as_ref().map(Usage::from).unwrap_or_default(),
            shorn: &end.record,
        });
        self.send(&StreamEvent::MessageStop);
    }

    /// Begins a block, unless one of its kind is open.
    fn enter(&mut self, kind: Kind, empty: impl FnOnce() -> Block) {
        if self.open == Some(kind) {
            return;
        }
        self.close();
        self.open = Some(kind);
        self.send(&StreamEvent::ContentBlockStart { index: self.index, content_block: empty() });
    }

    fn add(&mut self, delta: BlockDelta<'_>) {
        self.send(&StreamEvent::ContentBlockDelta { index: self.index, delta });
    }

    fn close(&mut self) {
        let Some(kind) = self.open.take() else { return };
        if kind == Kind::Thinking {
            self.add(BlockDelta::Signature { signature: SIGNATURE });
        }
        self.send(&StreamEvent::ContentBlockStop { index: self.index });
        self.index += 1;
    }

    fn send(&mut self, event: &StreamEvent<'_>) {
        self.ready.push(event.encode());
    }
}
