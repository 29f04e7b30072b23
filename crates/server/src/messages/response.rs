//! The reply as one JSON object, and the parts that its events share with it.

use axum::Json;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::value::RawValue;
use shorn_chat::output::Delta;
use shorn_protocol::RequestReport;
use shorn_runtime::CompletedRequest;

use super::Context;
use crate::error::ApiError;
use crate::reply::{Finish, ReplyEnd, ReplyEvent};
use crate::turn::Events;

/// What clients send back with the reasoning. Without a signature some send it as text, or not at all.
pub(super) const SIGNATURE: &str = "c2hvcm4=";

/// A reply, whole or as far as it is known at its beginning.
#[derive(Serialize)]
pub(super) struct Message<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    role: &'static str,
    /// The model that answered, whatever name it was asked for by.
    model: &'a str,
    pub content: Vec<Block>,
    #[serde(flatten)]
    pub ending: Ending<'a>,
    pub usage: Usage,
    /// What the request cost, beyond what Anthropic counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shorn: Option<&'a CompletedRequest>,
}

/// A part of a reply.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Block {
    Thinking { thinking: String, signature: String },
    Text { text: String },
    ToolUse { id: String, name: String, input: Box<RawValue> },
}

/// How a reply ended; nothing while it goes on.
#[derive(Default, Serialize)]
pub(super) struct Ending<'a> {
    stop_reason: Option<StopReason>,
    /// The one of `stop_sequences` that ended it.
    stop_sequence: Option<&'a str>,
}

/// Why a reply ended.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum StopReason {
    EndTurn,
    ToolUse,
    /// The limit of tokens or the end of the context.
    MaxTokens,
    StopSequence,
}

impl<'a> From<&'a ReplyEnd> for Ending<'a> {
    /// The ending of a reply that did not fail.
    fn from(end: &'a ReplyEnd) -> Self {
        let stop_reason = match end.finish {
            Finish::ToolCalls => StopReason::ToolUse,
            Finish::Length => StopReason::MaxTokens,
            _ if end.stopped_by.is_some() => {
                return Self {
                    stop_reason: Some(StopReason::StopSequence),
                    stop_sequence: end.stopped_by.as_deref(),
                };
            }
            _ => StopReason::EndTurn,
        };
        Self { stop_reason: Some(stop_reason), stop_sequence: None }
    }
}

/// Token counts. Anthropic's input tokens are those that were not read from the cache.
#[derive(Default, Serialize)]
pub(super) struct Usage {
    input_tokens: u32,
    /// Always 0: every prompt is kept, and what that costs is no part of a price.
    cache_creation_input_tokens: u32,
    cache_read_input_tokens: u32,
    output_tokens: u32,
}

impl From<&RequestReport> for Usage {
    fn from(report: &RequestReport) -> Self {
        Self {
            input_tokens: report.prompt_tokens.saturating_sub(report.cached_tokens),
            cache_creation_input_tokens: 0,
            cache_read_input_tokens: report.cached_tokens,
            output_tokens: report.generated_tokens,
        }
    }
}

/// A new id for a call.
pub(super) fn call_id() -> String {
    format!("toolu_{}", uuid::Uuid::new_v4().simple())
}

/// The blocks of a reply, in the order in which the model wrote them.
#[derive(Default)]
struct Blocks {
    blocks: Vec<Block>,
    /// Name and arguments of the call that has begun and not ended.
    open: Option<(String, String)>,
}

impl Blocks {
    fn push(&mut self, delta: Delta) -> Result<(), ApiError> {
        match delta {
            Delta::Reasoning(more) => match self.blocks.last_mut() {
                Some(Block::Thinking { thinking, .. }) => thinking.push_str(&more),
                _ => {
                    let signature = SIGNATURE.to_owned();
                    self.blocks.push(Block::Thinking { thinking: more, signature });
                }
            },
            Delta::Content(more) => self.text(more),
            Delta::ToolCallStart { name, .. } => self.open = Some((name, String::new())),
            Delta::ToolCallArguments { json, .. } => {
                if let Some((_, arguments)) = &mut self.open {
                    arguments.push_str(&json);
                }
            }
            Delta::ToolCallEnd { .. } => {
                if let Some((name, arguments)) = self.open.take() {
                    let input = RawValue::from_string(arguments);
                    let input =
                        input.map_err(|_| ApiError::server_error("a call's arguments are no JSON"))?;
                    self.blocks.push(Block::ToolUse { id: call_id(), name, input });
                }
            }
        }
        Ok(())
    }

    fn text(&mut self, more: String) {
        match self.blocks.last_mut() {
            Some(Block::Text { text }) => text.push_str(&more),
            _ => self.blocks.push(Block::Text { text: more }),
        }
    }
}

/// Waits for the whole reply. The text of a call that was cut off is text: no agent executes half of it.
pub(super) async fn whole(context: &Context, mut events: Events) -> Result<Response, ApiError> {
    let mut blocks = Blocks::default();
    let end = loop {
        match events.recv().await {
            Some(ReplyEvent::Delta(delta)) => blocks.push(delta)?,
            Some(ReplyEvent::Begun | ReplyEvent::Logprobs { .. }) => {}
            Some(ReplyEvent::End(end)) => break end,
            None => return Err(ApiError::server_error("the reply ended without a word")),
        }
    };
    if let Some(error) = end.finish.error() {
        return Err(error);
    }
    end.unfinished_call.iter().for_each(|text| blocks.text(text.clone()));
    let message = Message {
        content: blocks.blocks,
        ending: Ending::from(&*end),
        usage: end.record.report.as_ref().map(Usage::from).unwrap_or_default(),
        shorn: Some(&end.record),
        ..Message::begun(context)
    };
    Ok(Json(message).into_response())
}

impl<'a> Message<'a> {
    /// A reply of which nothing is known yet.
    pub(super) fn begun(context: &'a Context) -> Self {
        Self {
            id: &context.id,
            kind: "message",
            role: "assistant",
            model: context.model.name(),
            content: Vec::new(),
            ending: Ending::default(),
            usage: Usage::default(),
            shorn: None,
        }
    }
}
