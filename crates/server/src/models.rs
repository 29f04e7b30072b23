//! `GET /v1/models`: what is served, with its real context and the KV cache it is loaded with.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde::Serialize;
use shorn_checkpoint::KvCache;

use crate::app::App;
use crate::error::ApiError;
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
    /// Tokens, as loaded.
    context_length: u32,
    /// Tokens, as the model was made.
    max_context_length: u32,
    /// Whether it thinks before it answers and can be told not to: its template knows `enable_thinking`.
    reasoning: bool,
    /// The KV cache of requests that ask for no other.
    kv_cache: KvCache,
    /// The same in words.
    kv_cache_summary: String,
    /// Bytes that a token takes in that cache before and after its start threshold.
    kv_bytes_per_token: shorn_checkpoint::KvBytes,
}

/// The route of the list; empty until a model is chosen.
pub async fn models(State(app): State<Arc<App>>) -> Json<Models> {
    let data = app.model().map_or_else(|_| Vec::new(), |model| vec![describe(&model)]);
    Json(Models { object: "list", data })
}

/// The route of one model; names may hold slashes.
pub async fn model(State(app): State<Arc<App>>, Path(name): Path<String>) -> Result<Json<Model>, ApiError> {
    Ok(Json(describe(&*app.model_named(Some(&name))?)))
}

fn describe(model: &ServedModel) -> Model {
    let kv = model.plan.spec.settings.kv;
    Model {
        id: model.name().to_owned(),
        object: "model",
        created: model.created,
        owned_by: "shorn",
        display_name: model.name().to_owned(),
        context_length: model.context_length(),
        max_context_length: model.plan.config.context_length(),
        reasoning: model.reasons(),
        kv_cache: kv,
        kv_cache_summary: kv.to_string(),
        kv_bytes_per_token: model
            .plan
            .config
            .kv_bytes_per_token(&kv, model.plan.facts.shape.activation_bytes),
    }
}
