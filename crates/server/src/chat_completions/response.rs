//! The reply as one JSON object, and the parts that its chunks share with it.

use axum::Json;
use axum::response::{IntoResponse, Response};
use futures_util::future::try_join_all;
use serde::Serialize;
use shorn_chat::output;
use shorn_protocol::{RequestReport, TokenLogprobs};
use shorn_runtime::CompletedRequest;

use super::Context;
use crate::choices::together;
use crate::error::ApiError;
use crate::reply::{ReplyEnd, ReplyEvent};
use crate::turn::Events;

#[derive(Serialize)]
struct ChatCompletion<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: Vec<Choice>,
    usage: Option<Usage>,
    /// What the request cost, beyond what OpenAI counts.
    shorn: Records<'a>,
}

/// What is noted of a request's reply, or of each of several.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Records<'a> {
    One(&'a CompletedRequest),
    Many(Vec<&'a CompletedRequest>),
}

impl<'a> Records<'a> {
    /// Those of replies in their order.
    pub(crate) fn of(ends: impl IntoIterator<Item = &'a ReplyEnd>) -> Self {
        let mut records: Vec<_> = ends.into_iter().map(|end| &end.record).collect();
        match records.pop() {
            Some(only) if records.is_empty() => Self::One(only),
            last => Self::Many(records.into_iter().chain(last).collect()),
        }
    }
}

/// The token counts of replies together.
pub(crate) fn usage<'a>(ends: impl IntoIterator<Item = &'a ReplyEnd>) -> Option<Usage> {
    let reports = ends.into_iter().filter_map(|end| end.record.report.as_ref());
    together(reports).as_ref().map(Usage::from)
}

#[derive(Serialize)]
struct Choice {
    index: u32,
    message: AssistantMessage,
    logprobs: Option<Logprobs>,
    finish_reason: &'static str,
}

#[derive(Serialize)]
struct AssistantMessage {
    role: &'static str,
    content: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<ToolCall>,
}

#[derive(Serialize)]
struct ToolCall {
    id: String,
    #[serde(rename = "type")]
    kind: &'static str,
    function: Function,
}

#[derive(Serialize)]
struct Function {
    name: String,
    arguments: String,
}

/// Token counts.
#[derive(Serialize)]
pub(crate) struct Usage {
    prompt_tokens: u32,
    completion_tokens: u32,
    total_tokens: u32,
    prompt_tokens_details: PromptTokensDetails,
}

#[derive(Serialize)]
struct PromptTokensDetails {
    cached_tokens: u32,
}

impl From<&RequestReport> for Usage {
    fn from(report: &RequestReport) -> Self {
        Self {
            prompt_tokens: report.prompt_tokens,
            completion_tokens: report.generated_tokens,
            total_tokens: report.prompt_tokens + report.generated_tokens,
            prompt_tokens_details: PromptTokensDetails { cached_tokens: report.cached_tokens },
        }
    }
}

/// Log-probabilities of tokens.
#[derive(Serialize)]
pub(super) struct Logprobs {
    pub content: Vec<TokenLogprob>,
}

/// One token's.
#[derive(Serialize)]
pub(super) struct TokenLogprob {
    #[serde(flatten)]
    token: Alternative,
    top_logprobs: Vec<Alternative>,
}

#[derive(Serialize)]
struct Alternative {
    token: String,
    logprob: f32,
    bytes: Vec<u8>,
}

impl Context {
    /// A token's log-probabilities in OpenAI's form.
    pub(super) fn logprob(&self, token: u32, logprobs: &TokenLogprobs) -> TokenLogprob {
        let alternative = |token: u32, logprob: f32| {
            let text = self.model.chat.tokenizer().decode(&[token], false);
            Alternative { bytes: text.clone().into_bytes(), token: text, logprob }
        };
        TokenLogprob {
            token: alternative(token, logprobs.logprob),
            top_logprobs: logprobs.top.iter().map(|(token, logprob)| alternative(*token, *logprob)).collect(),
        }
    }
}

/// A new id for a tool call.
pub(super) fn call_id() -> String {
    format!("call_{}", uuid::Uuid::new_v4().simple())
}

/// Waits for the whole of every reply.
pub(super) async fn whole(context: &Context, replies: Vec<Events>) -> Result<Response, ApiError> {
    let replies = replies.into_iter().enumerate().map(|(index, events)| choice(context, index, events));
    let (choices, ends): (Vec<Choice>, Vec<Box<ReplyEnd>>) = try_join_all(replies).await?.into_iter().unzip();
    let ends = || ends.iter().map(Box::as_ref);
    let completion = ChatCompletion {
        id: &context.id,
        object: "chat.completion",
        created: context.created,
        model: context.model.name(),
        choices,
        usage: usage(ends()),
        shorn: Records::of(ends()),
    };
    Ok(Json(completion).into_response())
}

/// Waits for one reply.
async fn choice(
    context: &Context,
    index: usize,
    mut events: Events,
) -> Result<(Choice, Box<ReplyEnd>), ApiError> {
    let mut reply = output::Reply::default();
    let mut logprobs: Vec<TokenLogprob> = Vec::new();
    let mut end = loop {
        match events.recv().await {
            Some(ReplyEvent::Delta(delta)) => reply.push(delta),
            Some(ReplyEvent::Logprobs { token, logprobs: found }) => {
                logprobs.push(context.logprob(token, &found));
            }
            Some(ReplyEvent::Begun) => {}
            Some(ReplyEvent::End(end)) => break end,
            None => return Err(ApiError::server_error("the reply ended without a word")),
        }
    };
    if let Some(error) = end.finish.error() {
        return Err(error);
    }
    reply.finish(output::Finished { deltas: Vec::new(), unfinished_call: end.unfinished_call.take() });
    let tool_calls: Vec<ToolCall> = reply
        .tool_calls
        .into_iter()
        .map(|call| ToolCall {
            id: call_id(),
            kind: "function",
            function: Function { name: call.name, arguments: call.arguments },
        })
        .collect();
    let choice = Choice {
        index: index as u32,
        message: AssistantMessage {
            role: "assistant",
            // As OpenAI has it: a reply that only calls tools has no content.
            content: (!reply.content.is_empty() || tool_calls.is_empty()).then_some(reply.content),
            reasoning_content: (!reply.reasoning.is_empty()).then_some(reply.reasoning),
            tool_calls,
        },
        logprobs: (!logprobs.is_empty()).then_some(Logprobs { content: logprobs }),
        finish_reason: end.finish.name(),
    };
    Ok((choice, end))
}
