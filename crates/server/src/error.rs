//! Errors in OpenAI's shape: `{"error": {"message", "type", "param", "code"}}`.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use shorn_hub::library::{LibraryModel, LibraryState};
use shorn_hub::remote::HubError;
use shorn_runtime::Unavailable;

use crate::load::LoadError;
use crate::served::ServedModelError;

/// An error as clients see it.
#[derive(Debug, Clone, PartialEq)]
pub struct ApiError {
    status: StatusCode,
    body: ErrorBody,
    retry_after: Option<Duration>,
}

/// The object under `error`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ErrorBody {
    /// What happened and what to do.
    pub message: String,
    /// OpenAI's class of error.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The field at fault.
    pub param: Option<String>,
    /// What programs look at.
    pub code: Option<&'static str>,
}

#[derive(Serialize)]
struct Envelope<'a> {
    error: &'a ErrorBody,
}

impl ApiError {
    fn new(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Self {
        let body = ErrorBody { message: message.into(), kind, param: None, code: None };
        Self { status, body, retry_after: None }
    }

    /// 400: the request as a whole, or a field of it, is wrong.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request_error", message)
    }

    /// 400, naming the field.
    pub fn bad_parameter(parameter: impl Into<String>, message: impl Into<String>) -> Self {
        let mut error = Self::bad_request(message);
        error.body.param = Some(parameter.into());
        error
    }

    /// 400: the prompt is longer than the context.
    pub fn context_length_exceeded(prompt: usize, context: u32) -> Self {
        Self::prompt_too_long(&format!("{prompt} tokens > {context} maximum"))
    }

    /// 400: the prompt does not fit. The words are those that make agents compact their history: Pi and Claude Code
    /// look for "prompt is too long" and "exceeds the available context size", Codex for the code.
    pub fn prompt_too_long(why: &str) -> Self {
        let message = format!("prompt is too long: {why}; it exceeds the available context size");
        let mut error = Self::bad_parameter("messages", message);
        error.body.code = Some("context_length_exceeded");
        error
    }

    /// 401: no key, or a wrong one.
    pub fn unauthorized() -> Self {
        let message =
            "this server asks for its key: send it as `Authorization: Bearer KEY` or `x-api-key: KEY`";
        let mut error = Self::new(StatusCode::UNAUTHORIZED, "authentication_error", message);
        error.body.code = Some("invalid_api_key");
        error
    }

    /// 403: not from there.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "permission_error", message)
    }

    /// 404: no such model.
    pub fn model_not_found(asked: &str) -> Self {
        Self::no_such_model(format!(
            "there is no model `{asked}` here; GET /v1/models lists those there are, and `default` is the one that is \
             chosen in Shorn"
        ))
    }

    /// 404: a short name that two models have.
    pub fn ambiguous_model(asked: &str, first: &str, second: &str) -> Self {
        Self::no_such_model(format!(
            "`{asked}` is the short name of {first} and of {second}; use the whole name of one of them"
        ))
    }

    /// 404: a model that is on this disk and cannot be loaded.
    pub fn model_not_usable(model: &LibraryModel) -> Self {
        let why = match &model.state {
            LibraryState::Ready { .. } => "it is not loaded".to_owned(),
            LibraryState::Incomplete { missing } => format!("it is incomplete: {missing} is missing"),
            LibraryState::Unsupported { why } => why.clone(),
        };
        Self::no_such_model(format!("the model `{}` cannot be loaded: {why}", model.name))
    }

    /// 404: a model that is not loaded.
    pub fn model_not_loaded(asked: &str) -> Self {
        Self::no_such_model(format!(
            "the model `{asked}` is not loaded; GET /api/status lists those that are"
        ))
    }

    /// 404: a download that is not there.
    pub fn no_download(asked: &str) -> Self {
        Self::no_such_model(format!("there is no download of `{asked}`; GET /api/models/download lists them"))
    }

    fn no_such_model(message: String) -> Self {
        let mut error = Self::new(StatusCode::NOT_FOUND, "invalid_request_error", message);
        error.body.param = Some("model".to_owned());
        error.body.code = Some("model_not_found");
        error
    }

    /// 404: no such model on this disk.
    pub fn model_not_on_disk(asked: &str) -> Self {
        let message = format!(
            "there is no model `{asked}` on this disk; GET /api/models lists those there are, and a folder can be \
             named by its absolute path"
        );
        Self::no_such_model(message)
    }

    /// 503: a request needs a model loaded that does not fit beside those that are busy.
    pub fn no_room(message: String) -> Self {
        let mut error = Self::new(StatusCode::SERVICE_UNAVAILABLE, "server_error", message);
        error.body.code = Some("does_not_fit");
        error.retry_after = Some(Duration::from_secs(10));
        error
    }

    /// 503: nothing is loaded.
    pub fn no_model() -> Self {
        let message = "no model is loaded; load one first";
        let mut error = Self::new(StatusCode::SERVICE_UNAVAILABLE, "server_error", message);
        error.body.code = Some("no_model");
        error
    }

    /// 404: no such response in the store.
    pub fn response_not_found(id: &str) -> Self {
        let message = format!(
            "there is no response `{id}` here: the last ones are kept in memory until Shorn quits, those sent with \
             `store`: false not at all"
        );
        let mut error = Self::new(StatusCode::NOT_FOUND, "invalid_request_error", message);
        error.body.code = Some("response_not_found");
        error
    }

    /// 400: a request goes on from what is not in the store.
    pub fn not_stored(parameter: impl Into<String>, id: &str) -> Self {
        let mut error = Self::bad_parameter(
            parameter,
            format!("`{id}` is not kept here (any more); send the whole conversation as `input` instead"),
        );
        error.body.code = Some("previous_response_not_found");
        error
    }

    /// 404: no such route.
    pub fn no_route(method: &str, path: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "invalid_request_error", format!("there is no {method} {path}"))
    }

    /// 405: the route takes other methods.
    pub fn wrong_method(method: &str, path: &str) -> Self {
        let message = format!("{path} does not take {method}");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "invalid_request_error", message)
    }

    /// 413: the body is beyond all reason.
    pub fn too_large(limit: usize) -> Self {
        let message = format!("the request body has more than {} MB", limit >> 20);
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "invalid_request_error", message)
    }

    /// 500: our own fault, or the engine's.
    pub fn server_error(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "server_error", message)
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// What went wrong, in words.
    pub fn message(&self) -> &str {
        &self.body.message
    }

    /// What programs look at.
    pub fn code(&self) -> Option<&'static str> {
        self.body.code
    }

    /// The same where a dialect has another name for the field that OpenAI's chat calls `messages`.
    pub fn with_messages_named(mut self, name: &str) -> Self {
        if self.body.param.as_deref() == Some("messages") {
            self.body.param = Some(name.to_owned());
        }
        self
    }

    /// The error as the data of an event in a stream that has begun.
    pub fn to_event_data(&self) -> String {
        serde_json::to_string(&Envelope { error: &self.body }).unwrap_or_default()
    }
}

impl From<Unavailable> for ApiError {
    fn from(unavailable: Unavailable) -> Self {
        let message = unavailable.to_string();
        let at = |status, code, retry_after| {
            let mut error = Self::new(status, "server_error", message.clone());
            error.body.code = Some(code);
            error.retry_after = retry_after;
            error
        };
        let busy = StatusCode::SERVICE_UNAVAILABLE;
        match unavailable {
            Unavailable::Loading { retry_after, .. } => at(busy, "model_loading", Some(retry_after)),
            Unavailable::Failed { retry_after, .. } => at(busy, "model_unavailable", Some(retry_after)),
            Unavailable::Unloaded => at(busy, "model_unloaded", Some(Duration::from_secs(1))),
            Unavailable::Replaced => at(busy, "model_replaced", None),
            Unavailable::ShuttingDown => at(busy, "shutting_down", None),
        }
    }
}

/// What the Hub says, passed on: 502 where it is not this server's fault.
impl From<HubError> for ApiError {
    fn from(error: HubError) -> Self {
        let mut api_error = Self::new(StatusCode::BAD_GATEWAY, "server_error", error.to_string());
        api_error.body.code = Some("hub");
        api_error.retry_after = error.retry_after();
        api_error
    }
}

impl From<ServedModelError> for ApiError {
    fn from(error: ServedModelError) -> Self {
        match error {
            ServedModelError::Option(error) => Self::bad_parameter(error.option(), error.to_string()),
            error => Self::bad_parameter("model", error.to_string()),
        }
    }
}

impl From<LoadError> for ApiError {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Model(error) => error.into(),
            LoadError::DoesNotFit(_) => {
                let mut error = Self::bad_parameter("model", format!("{error} (`anyway`: true)"));
                error.body.code = Some("does_not_fit");
                error
            }
            error => Self::server_error(error.to_string()),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(Envelope { error: &self.body })).into_response();
        if let Some(retry_after) = self.retry_after
            && let Ok(value) = HeaderValue::try_from(retry_after.as_secs().max(1).to_string())
        {
            response.headers_mut().insert(header::RETRY_AFTER, value);
        }
        // For a dialect that writes errors in a shape of its own.
        response.extensions_mut().insert(self);
        response
    }
}
