//! The response object, and the reply as that one object.

use axum::Json;
use axum::response::IntoResponse;
use serde::Serialize;
use serde_json::Value;
use shorn_protocol::RequestReport;
use shorn_runtime::CompletedRequest;

use super::Responding;
use super::items::{Item, Status};
use super::request::Settings;
use crate::error::ApiError;
use crate::reply::{Finish, ReplyEnd, ReplyEvent};
use crate::turn::Events;

/// A response as it is now.
#[derive(Serialize)]
pub struct Response<'a> {
    id: &'a str,
    object: &'static str,
    /// Seconds since 1970.
    created_at: u64,
    /// Seconds since 1970.
    completed_at: Option<u64>,
    status: Status,
    /// Why it failed.
    error: Option<ResponseError<'a>>,
    /// Why it was cut off.
    incomplete_details: Option<IncompleteDetails>,
    model: &'a str,
    output: &'a [Item],
    usage: Option<Usage>,
    #[serde(flatten)]
    settings: &'a Settings,
    /// What the request cost, beyond what OpenAI counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    shorn: Option<&'a CompletedRequest>,
}

/// Why a response failed.
#[derive(Serialize)]
struct ResponseError<'a> {
    /// What programs look at.
    code: &'static str,
    /// What happened.
    message: &'a str,
}

#[derive(Serialize)]
struct IncompleteDetails {
    reason: &'static str,
}

/// Token counts.
#[derive(Serialize)]
struct Usage {
    input_tokens: u32,
    input_tokens_details: InputTokensDetails,
    output_tokens: u32,
    output_tokens_details: OutputTokensDetails,
    total_tokens: u32,
}

#[derive(Serialize)]
struct InputTokensDetails {
    /// Tokens that the prompt cache held.
    cached_tokens: u32,
    /// Always 0: OpenAI bills for these, and here nothing is billed.
    cache_write_tokens: u32,
}

#[derive(Serialize)]
struct OutputTokensDetails {
    /// Always 0: tokens are not counted by what they turn out to be, and an estimate would look like a count. They are
    /// among the output tokens.
    reasoning_tokens: u32,
}

impl From<&RequestReport> for Usage {
    fn from(report: &RequestReport) -> Self {
        Self {
            input_tokens: report.prompt_tokens,
            input_tokens_details: InputTokensDetails {
                cached_tokens: report.cached_tokens,
                cache_write_tokens: 0,
            },
            output_tokens: report.generated_tokens,
            output_tokens_details: OutputTokensDetails { reasoning_tokens: 0 },
            total_tokens: report.prompt_tokens + report.generated_tokens,
        }
    }
}

impl Responding {
    /// The response while there is more to come.
    pub fn in_progress(&self) -> Response<'_> {
        Response {
            id: &self.id,
            object: "response",
            created_at: self.created,
            completed_at: None,
            status: Status::InProgress,
            error: None,
            incomplete_details: None,
            model: self.model.name(),
            output: &[],
            usage: None,
            settings: &self.settings,
            shorn: None,
        }
    }

    /// The response when its reply has ended; `error` says why if it failed.
    pub fn ended<'a>(&'a self, end: &'a ReplyEnd, error: Option<&'a ApiError>) -> Response<'a> {
        let status = if error.is_some() { Status::Failed } else { status(end) };
        Response {
            completed_at: (status == Status::Completed).then(crate::clock::seconds_since_1970),
            status,
            error: error.map(|error| ResponseError { code: code(error), message: error.message() }),
            incomplete_details: (status == Status::Incomplete)
                .then_some(IncompleteDetails { reason: "max_output_tokens" }),
            output: self.output.items(),
            usage: end.record.report.as_ref().map(Usage::from),
            shorn: Some(&end.record),
            ..self.in_progress()
        }
    }

    /// Keeps the response for later requests, if it is to be kept.
    pub fn keep(&mut self, response: Value) {
        if let Some(input) = self.keep.take() {
            let previous = self.settings.previous_response_id.clone();
            self.app.responses.keep(self.id.clone(), previous, input, response);
        }
    }
}

/// How a reply ended that did not fail. One that ends within a call was cut off, whatever ended it.
pub fn status(end: &ReplyEnd) -> Status {
    match end.finish {
        Finish::Stop | Finish::ToolCalls if end.unfinished_call.is_none() => Status::Completed,
        _ => Status::Incomplete,
    }
}

/// The code of an error within a response. OpenAI knows only these two for what can happen here, and Codex the third.
fn code(error: &ApiError) -> &'static str {
    match error.code() {
        Some(code @ "context_length_exceeded") => code,
        _ if error.status().is_client_error() => "invalid_prompt",
        _ => "server_error",
    }
}

/// Waits for the whole reply.
///
/// # Errors
/// When it fails.
pub async fn whole(
    mut responding: Responding,
    mut events: Events,
) -> Result<axum::response::Response, ApiError> {
    let end = loop {
        match events.recv().await {
            Some(ReplyEvent::Delta(delta)) => _ = responding.output.push(delta),
            Some(ReplyEvent::Begun | ReplyEvent::Logprobs { .. }) => {}
            Some(ReplyEvent::End(end)) => break end,
            None => return Err(ApiError::server_error("the reply ended without a word")),
        }
    };
    if let Some(error) = end.finish.error() {
        return Err(error);
    }
    responding.output.end(status(&end));
    let response = serde_json::to_value(responding.ended(&end, None)).unwrap_or_default();
    responding.keep(response.clone());
    Ok(Json(response).into_response())
}
