//! Refusals, in the Hub's words: the status, `X-Error-Code`, `X-Error-Message`, and the message again as JSON.

use axum::Json;
use axum::extract::Request as HttpRequest;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::fault::Fault;
use crate::repository::{Gate, Repository};
use crate::state::State;

/// A request that is refused.
pub(crate) struct Refusal {
    status: u16,
    /// Empty where the Hub sends none.
    code: &'static str,
    message: String,
    retry_after: Option<u64>,
    reset: Option<u64>,
}

impl Refusal {
    pub fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), retry_after: None, reset: None }
    }

    pub fn revision(revision: &str) -> Self {
        Self::new(404, "RevisionNotFound", format!("Invalid rev id: {revision}"))
    }

    pub fn entry() -> Self {
        Self::new(404, "EntryNotFound", "Entry not found")
    }

    fn bad_token() -> Self {
        Self::new(401, "", "Invalid credentials in Authorization header")
    }

    /// Without a token the Hub does not say whether there is such a repository.
    fn no_repository(authorized: bool) -> Self {
        match authorized {
            true => Self::new(404, "RepoNotFound", "Repository not found"),
            false => Self::new(401, "", "Invalid username or password."),
        }
    }

    fn gated(name: &str, authorized: bool) -> Self {
        let message = match authorized {
            true => format!(
                "Access to model {name} is restricted and you are not in the authorized list. Visit \
                 https://huggingface.co/{name} to ask for access."
            ),
            false => format!(
                "Access to model {name} is restricted. You must have access to it and be authenticated to access it. \
                 Please log in."
            ),
        };
        Self::new(if authorized { 403 } else { 401 }, "GatedRepo", message)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(json!({ "error": self.message }))).into_response();
        let mut insert = |name: &'static str, value: String| {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(name, value);
            }
        };
        insert("x-error-message", self.message);
        if !self.code.is_empty() {
            insert("x-error-code", self.code.to_owned());
        }
        if let Some(seconds) = self.retry_after {
            insert("retry-after", seconds.to_string());
        }
        if let Some(seconds) = self.reset {
            insert("ratelimit", format!("\"api\";r=0;t={seconds}"));
        }
        response
    }
}

/// The token of a request, if it carries one.
fn bearer(request: &HttpRequest) -> Option<&str> {
    request.headers().get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

/// What a fault answers in place of the Hub.
pub(crate) fn refusal_of(fault: Fault, request: &HttpRequest, name: &str) -> Refusal {
    let authorized = bearer(request).is_some();
    match fault {
        Fault::Unauthorized if authorized => Refusal::bad_token(),
        Fault::Unauthorized => Refusal::no_repository(false),
        Fault::Forbidden => Refusal::gated(name, true),
        Fault::NotFound => Refusal::entry(),
        Fault::RateLimited { retry_after, reset } => {
            let message = "We had to rate limit you. Please try again later.";
            Refusal { retry_after, reset, ..Refusal::new(429, "", message) }
        }
        Fault::Status(status) => {
            Refusal::new(status, "", "Internal Error - We're working hard to fix this as soon as possible!")
        }
        _ => Refusal::new(500, "", "a fault that does not belong here"),
    }
}

/// The repository, if whoever asks may see it, or (`read`) read its files.
pub(crate) fn check_access<'a>(
    state: &'a State,
    request: &HttpRequest,
    name: &str,
    read: bool,
) -> Result<&'a Repository, Refusal> {
    let token = bearer(request);
    let access = token.map(|token| state.tokens.get(token).ok_or_else(Refusal::bad_token)).transpose()?;
    let named = access.is_some_and(|names| names.contains(name));
    let missing = || Refusal::no_repository(token.is_some());
    let repository = state.repositories.get(name).filter(|one| !one.private || named).ok_or_else(missing)?;
    if read && repository.gate != Gate::Open && !named {
        return Err(Refusal::gated(name, token.is_some()));
    }
    Ok(repository)
}
