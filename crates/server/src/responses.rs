//! `POST /v1/responses`: OpenAI's Responses, and `GET` and `DELETE` of those that are kept.

mod input;
mod items;
mod output;
mod raw_input;
mod request;
mod response;
mod store;
mod stream;
mod tools;

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;
use serde_json::Value;

use crate::app::App;
use crate::body::WholeBody;
use crate::error::ApiError;
use crate::path::Path;
use crate::served::ServedModel;
use crate::turn::{Origin, first_event};
use output::Output;
use request::{ResponsesRequest, Settings};

#[cfg(test)]
pub use request::fields;
pub use store::ResponseStore;

/// A response on its way.
struct Responding {
    app: Arc<App>,
    model: Arc<ServedModel>,
    id: String,
    /// Seconds since 1970.
    created: u64,
    settings: Settings,
    output: Output,
    /// The request's own items, where the response is to be kept.
    keep: Option<Vec<Value>>,
}

/// What is said of a response that is gone.
#[derive(Serialize)]
pub struct Deleted {
    id: String,
    object: &'static str,
    deleted: bool,
}

/// `POST /v1/responses`
///
/// # Errors
/// As a status of its own until the stream has begun, and as `response.failed` from then on.
pub async fn create(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    WholeBody(body): WholeBody,
) -> Result<Response, ApiError> {
    let origin = Origin::new("/v1/responses", "resp_", &headers);
    let request = ResponsesRequest::parse(&body, &app.responses)?;
    drop(body);
    let model = app.model_for(request.model.as_deref()).await?;
    let stream = request.turn.stream;
    let begun = request.turn.begin(app.clone(), &model, &origin).await;
    let mut events = begun.map_err(|error| error.with_messages_named("input"))?;
    let responding = Responding {
        app,
        model,
        id: origin.id,
        created: crate::clock::seconds_since_1970(),
        settings: request.settings,
        output: Output::new(request.tools),
        keep: request.keep,
    };
    if !stream {
        return response::whole(responding, events).await;
    }
    let first = first_event(&mut events).await?;
    Ok(stream::streamed(responding, first, events))
}

/// `GET /v1/responses/{id}`
///
/// # Errors
/// 404 when it is not kept.
pub async fn retrieve(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, ApiError> {
    if query.is_some_and(|query| query.split('&').any(|field| field == "stream=true")) {
        let message = "stream: a response that is kept is returned whole; leave it out";
        return Err(ApiError::bad_parameter("stream", message));
    }
    app.responses.get(&id).map(Json).ok_or_else(|| ApiError::response_not_found(&id))
}

/// `DELETE /v1/responses/{id}`
///
/// # Errors
/// 404 when it is not kept.
pub async fn delete(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Json<Deleted>, ApiError> {
    match app.responses.delete(&id) {
        true => Ok(Json(Deleted { id, object: "response", deleted: true })),
        false => Err(ApiError::response_not_found(&id)),
    }
}
