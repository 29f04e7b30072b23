//! `GET /v1/models`: the models that requests can name, with their real context and the KV cache they are loaded with.
//! Anthropic's clients get them in Anthropic's form.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use shorn_checkpoint::{KvBytes, KvCache};
use shorn_hub::library::{LibraryModel, LibraryState, ModelSummary};
use shorn_runtime::ModelPhase;

use crate::app::App;
use crate::error::ApiError;
use crate::messages::{ModelInfo, ModelList, asks_for_own_shape};
use crate::path::Path;
use crate::served::ServedModel;

/// The list.
#[derive(Serialize)]
pub struct Models {
    object: &'static str,
    data: Vec<Model>,
}

/// One model, in OpenAI's form and with what agents need to know.
#[derive(Serialize)]
pub struct Model {
    id: String,
    object: &'static str,
    created: u64,
    owned_by: &'static str,
    display_name: String,
    /// Whether it is loaded; a request that names it loads it.
    loaded: bool,
    /// Tokens, as loaded; as the model was made where it is not.
    context_length: u32,
    /// Tokens, as the model was made.
    max_context_length: u32,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    details: Option<Details>,
}

/// What is known of a model whose settings are settled.
#[derive(Serialize)]
struct Details {
    /// Whether it thinks before it answers and can be told not to: its template knows `enable_thinking`.
    reasoning: bool,
    /// The KV cache of requests that ask for no other.
    kv_cache: KvCache,
    /// The same in words.
    kv_cache_summary: String,
    /// Bytes that a token takes in that cache before and after its start threshold.
    kv_bytes_per_token: KvBytes,
}

impl From<Model> for ModelInfo {
    fn from(model: Model) -> Self {
        Self::new(model.id, model.display_name, model.created, model.context_length)
    }
}

/// The route of the list.
pub async fn models(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Response, ApiError> {
    let data = all(&app).await?;
    if asks_for_own_shape(&headers) {
        let data = data.into_iter().map(ModelInfo::from).collect();
        return Ok(Json(ModelList::new(data)).into_response());
    }
    Ok(Json(Models { object: "list", data }).into_response())
}

/// The route of one model; names may hold slashes.
pub async fn model(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let model = one(&app, &name).await?;
    if asks_for_own_shape(&headers) {
        return Ok(Json(ModelInfo::from(model)).into_response());
    }
    Ok(Json(model).into_response())
}

/// The chosen model, those that requests brought in, then what is on this disk.
async fn all(app: &App) -> Result<Vec<Model>, ApiError> {
    let library = app.library().await?;
    let served: Vec<Arc<ServedModel>> = app.served().iter().cloned().collect();
    let is_served = |model: &LibraryModel| {
        served.iter().any(|served| served.directory() == model.directory || served.name() == model.name)
    };
    let mut data: Vec<Model> = served.iter().map(|served| describe(served)).collect();
    for model in library.models.iter().filter(|model| !is_served(model)) {
        if let LibraryState::Ready { summary } = &model.state
            && !data.iter().any(|listed| listed.id == model.name)
        {
            data.push(describe_on_disk(model, summary));
        }
    }
    Ok(data)
}

async fn one(app: &App, name: &str) -> Result<Model, ApiError> {
    if let Some(served) = app.served_as(Some(name)) {
        return Ok(describe(&served));
    }
    let library = app.library().await?;
    let found = library.models.iter().find(|model| model.name == name);
    match found.map(|model| (model, &model.state)) {
        Some((model, LibraryState::Ready { summary })) => Ok(describe_on_disk(model, summary)),
        Some((model, _)) => Err(ApiError::model_not_usable(model)),
        None => Err(ApiError::model_not_found(name)),
    }
}

fn describe(served: &ServedModel) -> Model {
    let kv = served.plan.spec.settings.kv;
    let facts = &served.plan.facts;
    Model {
        id: served.name().to_owned(),
        object: "model",
        created: served.created,
        owned_by: "shorn",
        display_name: served.name().to_owned(),
        loaded: matches!(served.model.state().borrow().phase, ModelPhase::Ready(_)),
        context_length: served.context_length(),
        max_context_length: served.plan.config.context_length(),
        details: Some(Details {
            reasoning: served.reasons(),
            kv_cache: kv,
            kv_cache_summary: kv.to_string(),
            kv_bytes_per_token: served.plan.config.kv_bytes_per_token(&kv, facts.shape.activation_bytes),
        }),
    }
}

fn describe_on_disk(model: &LibraryModel, summary: &ModelSummary) -> Model {
    let modified = std::fs::metadata(&model.directory).and_then(|metadata| metadata.modified()).ok();
    Model {
        id: model.name.clone(),
        object: "model",
        created: modified.map_or(0, crate::clock::seconds_of),
        owned_by: "shorn",
        display_name: model.name.clone(),
        loaded: false,
        context_length: summary.context_length,
        max_context_length: summary.context_length,
        details: None,
    }
}
