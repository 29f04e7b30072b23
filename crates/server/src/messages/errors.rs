//! Errors in Anthropic's shape: `{"type": "error", "error": {"type", "message"}, "request_id"}`.
//!
//! Overload and loading stay 503 and do not become Anthropic's own 529: Claude Code waits as long as `Retry-After` says
//! only with 429 and 503, and tries again after half a second with others. The type is `overloaded_error` in both.

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use serde::Serialize;

use super::models::asks_for_own_shape;
use crate::error::ApiError;

/// Where Anthropic's clients look for the id of a request.
const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");

/// The body of an error, and the data of an `error` event.
#[derive(Serialize)]
pub(super) struct ErrorObject<'a> {
    /// Always `error`.
    #[serde(rename = "type")]
    kind: &'static str,
    error: ErrorDetail<'a>,
    /// The id that the response has in its header; none in a stream, whose headers are gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

#[derive(Serialize)]
struct ErrorDetail<'a> {
    /// Anthropic's class of error.
    #[serde(rename = "type")]
    kind: &'static str,
    /// What happened and what to do.
    message: &'a str,
}

impl<'a> ErrorObject<'a> {
    pub(super) fn new(error: &'a ApiError, request_id: Option<&'a str>) -> Self {
        let detail = ErrorDetail { kind: kind_of(error.status()), message: error.message() };
        Self { kind: "error", error: detail, request_id }
    }
}

/// Anthropic's class of error for a status.
fn kind_of(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "authentication_error",
        StatusCode::FORBIDDEN => "permission_error",
        StatusCode::NOT_FOUND => "not_found_error",
        StatusCode::PAYLOAD_TOO_LARGE => "request_too_large",
        StatusCode::TOO_MANY_REQUESTS => "rate_limit_error",
        StatusCode::SERVICE_UNAVAILABLE => "overloaded_error",
        status if status.is_client_error() => "invalid_request_error",
        _ => "api_error",
    }
}

/// Middleware around everything, the guard too: gives the request an id, and writes the error of one of Anthropic's
/// clients in the shape that they read.
pub async fn in_own_shape(request: Request, next: Next) -> Response {
    let own = request.uri().path().starts_with("/v1/messages") || asks_for_own_shape(request.headers());
    let mut response = next.run(request).await;
    if !own {
        return response;
    }
    let id = format!("req_{}", uuid::Uuid::new_v4().simple());
    if let Some(error) = response.extensions_mut().remove::<ApiError>() {
        let body = serde_json::to_vec(&ErrorObject::new(&error, Some(&id))).unwrap_or_default();
        let (mut parts, _) = response.into_parts();
        parts.headers.remove(header::CONTENT_LENGTH);
        response = Response::from_parts(parts, body.into());
    }
    response.headers_mut().extend(HeaderValue::try_from(id).ok().map(|id| (REQUEST_ID, id)));
    response
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use shorn_runtime::Unavailable;

    use super::*;

    fn json(error: &ApiError, id: Option<&str>) -> String {
        serde_json::to_string(&ErrorObject::new(error, id)).unwrap()
    }

    #[test]
    fn an_error_has_anthropics_shape() {
        assert_eq!(
            json(&ApiError::bad_request("no."), Some("req_1")),
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"no."},"request_id":"req_1"}"#
        );
    }

    #[test]
    fn each_status_has_anthropics_class() {
        let loading = Unavailable::Loading { percent: 50, retry_after: Duration::from_secs(1) };
        for (error, kind) in [
            (ApiError::unauthorized(), "authentication_error"),
            (ApiError::forbidden("x"), "permission_error"),
            (ApiError::model_not_found("x"), "not_found_error"),
            (ApiError::wrong_method("GET", "/v1/messages"), "invalid_request_error"),
            (ApiError::too_large(1 << 20), "request_too_large"),
            (ApiError::context_length_exceeded(9, 8), "invalid_request_error"),
            (ApiError::server_error("x"), "api_error"),
            (loading.into(), "overloaded_error"),
        ] {
            assert!(json(&error, None).contains(&format!("\"type\":\"{kind}\"")), "{error:?}");
        }
    }
}
