//! `POST /v1/messages` and `POST /v1/messages/count_tokens`: Anthropic's Messages.
//!
//! Any model name that begins with `claude-` stands for the model that a person chose: Claude Code asks for small
//! models of Anthropic's beside the one that it was told to use. The reply says which model it came from.

mod content;
mod errors;
mod models;
mod request;
mod response;
mod stream;
mod tools;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;

use crate::app::{App, render};
use crate::body::WholeBody;
use crate::error::ApiError;
use crate::served::ServedModel;
use crate::turn::{Origin, first_event};
pub use errors::in_own_shape;
pub use models::{ModelInfo, ModelList, asks_for_own_shape};
#[cfg(test)]
pub use request::fields;
use request::{CountRequest, MessagesRequest};

/// What both forms of the reply need to know.
struct Context {
    model: Arc<ServedModel>,
    id: String,
}

/// The route of a reply.
pub async fn messages(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    WholeBody(body): WholeBody,
) -> Result<Response, ApiError> {
    let origin = Origin::new("/v1/messages", "msg_", &headers);
    let MessagesRequest { model, turn } = MessagesRequest::parse(&body)?;
    drop(body);
    let model = model_for(&app, &model).await?;
    let stream = turn.stream;
    let mut events = turn.begin(app, &model, &origin).await?;
    let context = Context { model, id: origin.id };
    if !stream {
        return response::whole(&context, events).await;
    }
    let first = first_event(&mut events).await?;
    Ok(stream::streamed(&context, first, events))
}

/// How many tokens a conversation is.
#[derive(Serialize)]
pub struct TokenCount {
    input_tokens: usize,
}

/// The route that counts: the conversation is rendered and tokenized as for a reply.
pub async fn count_tokens(
    State(app): State<Arc<App>>,
    WholeBody(body): WholeBody,
) -> Result<Json<TokenCount>, ApiError> {
    let CountRequest { model, conversation } = CountRequest::parse(&body)?;
    let model = model_for(&app, &model).await?;
    let prompt = render(model, Arc::new(conversation)).await?;
    Ok(Json(TokenCount { input_tokens: prompt.tokens.len() }))
}

/// The model of a name; Anthropic's names stand for the one that a person chose, unless one of that name is served.
async fn model_for(app: &App, asked: &str) -> Result<Arc<ServedModel>, ApiError> {
    let anthropics = asked.starts_with("claude-") && app.served_as(Some(asked)).is_none();
    app.model_for((!anthropics).then_some(asked)).await
}
