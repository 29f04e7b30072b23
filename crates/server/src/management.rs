//! `/api/models`: what is on this disk, what it would take, and loading and unloading it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use shorn_hub::library::Library;
use shorn_runtime::{LoadOptions, ModelState};

use crate::app::App;
use crate::body::{self, WholeBody};
use crate::error::ApiError;
use crate::kv_fields::{BitsField, KvFields};
use crate::load::{Estimate, LoadRequest};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LoadBody {
    /// The model's name in the library, or a folder.
    model: String,
    context_length: Option<u32>,
    kv_bits: Option<BitsField>,
    kv_key_bits: Option<u32>,
    kv_value_bits: Option<u32>,
    kv_group_size: Option<u32>,
    kv_start: Option<u32>,
    max_concurrent: Option<u32>,
    prompt_cache_bytes: Option<u64>,
    memory_limit: Option<u64>,
    idle_seconds: Option<u32>,
    /// Load it although it does not fit into memory.
    #[serde(default)]
    anyway: bool,
}

impl LoadBody {
    fn options(&self) -> Result<LoadOptions, ApiError> {
        let kv = KvFields {
            bits: self.kv_bits.clone(),
            key_bits: self.kv_key_bits,
            value_bits: self.kv_value_bits,
            group_size: self.kv_group_size,
            start: self.kv_start,
        };
        Ok(LoadOptions {
            context_length: self.context_length,
            kv: kv.setting()?,
            max_concurrent: self.max_concurrent,
            prompt_cache_bytes: self.prompt_cache_bytes,
            memory_limit: self.memory_limit,
            idle_seconds: self.idle_seconds,
        })
    }
}

/// Every model on this disk.
pub async fn library(State(app): State<Arc<App>>) -> Result<Json<Library>, ApiError> {
    Ok(Json(app.library().await?))
}

/// Loads a model in place of the present one; answers when it is loaded. What the body leaves open comes from the
/// settings saved for the model.
pub async fn load(
    State(app): State<Arc<App>>,
    WholeBody(body): WholeBody,
) -> Result<Json<ModelState>, ApiError> {
    let model = app.load(request(&app, &body).await?).await?;
    Ok(Json(app.loaded(&model).await?))
}

/// What a load with these settings would take, and whether this machine has it; nothing is loaded.
pub async fn estimate(
    State(app): State<Arc<App>>,
    WholeBody(body): WholeBody,
) -> Result<Json<Estimate>, ApiError> {
    Ok(Json(app.estimate(&request(&app, &body).await?).await?))
}

async fn request(app: &App, body: &[u8]) -> Result<LoadRequest, ApiError> {
    let body: LoadBody = body::parse(body, "a load request")?;
    let options = body.options()?;
    let (name, directory) = app.find(&body.model).await?;
    Ok(LoadRequest { name, directory, options, save: None, anyway: body.anyway })
}

/// The fields of the body of a load.
#[cfg(test)]
pub fn load_fields() -> &'static [&'static str] {
    body::fields::<LoadBody>()
}

/// Those of an unload.
#[cfg(test)]
pub fn unload_fields() -> &'static [&'static str] {
    body::fields::<UnloadBody>()
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct UnloadBody {
    /// The model that is meant; the chosen one when left out.
    model: Option<String>,
}

/// Unloads a model; the next request loads it again.
pub async fn unload(
    State(app): State<Arc<App>>,
    WholeBody(body): WholeBody,
) -> Result<Json<Option<ModelState>>, ApiError> {
    let body = if body.is_empty() { UnloadBody::default() } else { body::parse(&body, "an unload request")? };
    let Some(served) = app.served_as(body.model.as_deref()) else {
        return body.model.map_or(Ok(Json(None)), |model| Err(ApiError::model_not_loaded(&model)));
    };
    served.model.unload().await;
    let state = served.model.state().borrow().clone();
    Ok(Json(Some(state)))
}
