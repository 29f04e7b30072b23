//! `POST /v1/completions`: OpenAI's older route. The model goes on with a text; no chat template, no tools.

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
use crate::turn::{Origin, TurnInput, first_event};
use request::CompletionRequest;
#[cfg(test)]
pub use request::fields;

/// What both forms of the reply need to know.
struct Context {
    model: Arc<ServedModel>,
    id: String,
    /// Seconds since 1970.
    created: u64,
    /// The prompt, where the reply is to begin with it.
    echo: String,
    include_usage: bool,
}

/// The route.
pub async fn completions(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    WholeBody(body): WholeBody,
) -> Result<Response, ApiError> {
    let origin = Origin::new("/v1/completions", "cmpl-", &headers);
    let CompletionRequest { model, turn, choices, echo, include_usage } = CompletionRequest::parse(&body)?;
    drop(body);
    let model = app.model_for(model.as_deref()).await?;
    let echo = match &turn.input {
        TurnInput::Text(text) if echo => text.clone(),
        TurnInput::Tokens(tokens) if echo => model.chat.tokenizer().decode(tokens, false),
        _ => String::new(),
    };
    let stream = turn.stream;
    let begun = turn.begin_choices(choices, &app, &model, &origin).await;
    let mut replies = begun.map_err(|error| error.with_messages_named("prompt"))?;
    let created = crate::clock::seconds_since_1970();
    let context = Context { model, id: origin.id, created, echo, include_usage };
    if !stream {
        return response::whole(context, replies).await;
    }
    let first = first_event(&mut replies[0]).await?;
    Ok(stream::streamed(context, first, replies))
}
