//! The reply as one JSON object, and the parts that its chunks share with it.

use std::collections::BTreeMap;

use axum::Json;
use axum::response::{IntoResponse, Response};
use futures_util::future::try_join_all;
use serde::Serialize;
use shorn_chat::output::Delta;
use shorn_chat::tokenizer::{Detokenizer, Tokenizer};
use shorn_protocol::TokenLogprobs;

use super::Context;
use crate::chat_completions::{Records, Usage, usage};
use crate::error::ApiError;
use crate::reply::{Finish, ReplyEnd, ReplyEvent};
use crate::turn::Events;

/// A completion, or a chunk of one.
#[derive(Serialize)]
pub(super) struct Completion<'a> {
    pub id: &'a str,
    pub object: &'static str,
    /// Seconds since 1970.
    pub created: u64,
    pub model: &'a str,
    /// One for each reply, or none in the chunk of token counts.
    pub choices: Vec<Choice>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// What the request cost, beyond what OpenAI counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shorn: Option<Records<'a>>,
}

/// The reply, or what a chunk adds to it.
#[derive(Serialize)]
pub(super) struct Choice {
    pub index: u32,
    pub text: String,
    pub logprobs: Option<Logprobs>,
    pub finish_reason: Option<&'static str>,
}

/// Log-probabilities in columns, each with an entry for every token.
#[derive(Debug, Default, PartialEq, Serialize)]
pub(super) struct Logprobs {
    pub tokens: Vec<String>,
    token_logprobs: Vec<f32>,
    /// The best ones and the token itself, by text; of those with the same text, the best.
    top_logprobs: Vec<BTreeMap<String, f32>>,
    /// Where in the reply's text the token begins, in characters.
    text_offset: Vec<usize>,
}

/// Writes log-probabilities in OpenAI's older form.
pub(super) struct LogprobsReader {
    tokenizer: Tokenizer,
    detokenizer: Detokenizer,
    /// Characters so far.
    offset: usize,
    ready: Logprobs,
}

impl LogprobsReader {
    /// For one reply.
    pub fn new(tokenizer: &Tokenizer) -> Self {
        let detokenizer = Detokenizer::new(tokenizer);
        Self { tokenizer: tokenizer.clone(), detokenizer, offset: 0, ready: Logprobs::default() }
    }

    /// Adds a token.
    pub fn push(&mut self, token: u32, logprobs: &TokenLogprobs) {
        let text = |token: u32| self.tokenizer.decode(&[token], false);
        let mut top = BTreeMap::new();
        for (token, logprob) in logprobs.top.iter().chain(&[(token, logprobs.logprob)]) {
            top.entry(text(*token)).or_insert(*logprob);
        }
        self.ready.tokens.push(text(token));
        self.ready.token_logprobs.push(logprobs.logprob);
        self.ready.top_logprobs.push(top);
        self.ready.text_offset.push(self.offset);
        // A token outside the vocabulary has no text.
        self.offset += self.detokenizer.push(token).map_or(0, |text| text.chars().count());
    }

    /// What has been added since the last call, if anything.
    pub fn take(&mut self) -> Option<Logprobs> {
        let ready = std::mem::take(&mut self.ready);
        (!ready.tokens.is_empty()).then_some(ready)
    }
}

impl Context {
    /// A completion without a choice.
    pub(super) fn completion(&self) -> Completion<'_> {
        Completion {
            id: &self.id,
            object: "text_completion",
            created: self.created,
            model: self.model.name(),
            choices: Vec::new(),
            usage: None,
            shorn: None,
        }
    }
}

/// The text that a delta adds: without reasoning and tools, all is content.
pub(super) fn text(delta: Delta) -> String {
    match delta {
        Delta::Content(text) => text,
        Delta::Reasoning(_)
        | Delta::ToolCallStart { .. }
        | Delta::ToolCallArguments { .. }
        | Delta::ToolCallEnd { .. } => String::new(),
    }
}

/// OpenAI's `finish_reason` of a reply that did not fail.
pub(super) fn finish_reason(finish: &Finish) -> &'static str {
    if *finish == Finish::Length { "length" } else { "stop" }
}

/// Waits for the whole of every reply.
pub(super) async fn whole(context: Context, replies: Vec<Events>) -> Result<Response, ApiError> {
    let replies = replies.into_iter().enumerate().map(|(index, events)| choice(&context, index, events));
    let (choices, ends): (Vec<Choice>, Vec<Box<ReplyEnd>>) = try_join_all(replies).await?.into_iter().unzip();
    let ends = || ends.iter().map(Box::as_ref);
    let completion = Completion {
        choices,
        usage: usage(ends()),
        shorn: Some(Records::of(ends())),
        ..context.completion()
    };
    Ok(Json(completion).into_response())
}

/// Waits for one reply.
async fn choice(
    context: &Context,
    index: usize,
    mut events: Events,
) -> Result<(Choice, Box<ReplyEnd>), ApiError> {
    let mut reply = context.echo.clone();
    let mut logprobs = LogprobsReader::new(context.model.chat.tokenizer());
    let end = loop {
        match events.recv().await {
            Some(ReplyEvent::Delta(delta)) => reply.push_str(&text(delta)),
            Some(ReplyEvent::Logprobs { token, logprobs: found }) => logprobs.push(token, &found),
            Some(ReplyEvent::Begun) => {}
            Some(ReplyEvent::End(end)) => break end,
            None => return Err(ApiError::server_error("the reply ended without a word")),
        }
    };
    if let Some(error) = end.finish.error() {
        return Err(error);
    }
    let finish_reason = Some(finish_reason(&end.finish));
    let choice = Choice { index: index as u32, text: reply, logprobs: logprobs.take(), finish_reason };
    Ok((choice, end))
}
