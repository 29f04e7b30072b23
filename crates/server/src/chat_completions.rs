//! `POST /v1/chat/completions`: OpenAI's Chat Completions.

mod request;
mod response;
mod stream;

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;

use crate::app::App;
use crate::body::WholeBody;
use crate::error::ApiError;
use crate::served::ServedModel;
use crate::turn::{Origin, first_event};
pub(crate) use request::{StreamOptions, one_or_many, text_of};
pub(crate) use response::{Records, Usage, usage};

use request::ChatRequest;
#[cfg(test)]
pub use request::fields;

/// What both forms of the reply need to know.
struct Context {
    model: Arc<ServedModel>,
    id: String,
    created: u64,
    include_usage: bool,
}

/// The route.
pub async fn chat_completions(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    WholeBody(body): WholeBody,
) -> Result<Response, ApiError> {
    let origin = Origin::new("/v1/chat/completions", "chatcmpl-", &headers);
    let ChatRequest { model, turn, choices, include_usage } = ChatRequest::parse(&body)?;
    drop(body);
    let model = app.model_for(model.as_deref()).await?;
    let stream = turn.stream;
    let mut replies = turn.begin_choices(choices, &app, &model, &origin).await?;
    let context =
        Context { model, id: origin.id, created: crate::clock::seconds_since_1970(), include_usage };
    if !stream {
        return response::whole(&context, replies).await;
    }
    let first = first_event(&mut replies[0]).await?;
    Ok(stream::streamed(context, first, replies))
}
