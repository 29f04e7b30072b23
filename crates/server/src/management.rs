//! `/api/models`: what is on this disk, what it would take, and loading and unloading it.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use shorn_checkpoint::{KvCache, KvQuantization};
use shorn_hub::fit::{Fit, FitOptions, KvChoice, fit, kv_choices};
use shorn_hub::library::Library;
use shorn_protocol::LoadSettings;
use shorn_runtime::{LoadOptions, ModelPhase, ModelState, Runtime};

use crate::app::App;
use crate::body;
use crate::error::ApiError;
use crate::kv_fields::{BitsField, KvFields};

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

/// What a load would take.
#[derive(Serialize)]
pub struct Estimate {
    model: String,
    /// The settings, with nothing left open.
    settings: LoadSettings,
    fit: Fit,
    /// What other widths of the KV cache would take, with the same group size and start.
    kv_choices: Vec<KvChoice>,
}

/// Every model on this disk.
pub async fn library(State(app): State<Arc<App>>) -> Result<Json<Library>, ApiError> {
    Ok(Json(app.library().await?))
}

/// Loads a model in place of the present one; answers when it is loaded. What the body leaves open comes from the
/// settings saved for the model.
pub async fn load(State(app): State<Arc<App>>, body: Bytes) -> Result<Json<ModelState>, ApiError> {
    let body: LoadBody = body::parse(&body, "a load request")?;
    let options = body.options()?;
    let (name, directory) = app.find(&body.model).await?;
    let model = app.load(name, directory, options).await?;
    loaded(&app.runtime, |state| state.id == model.spec.id).await.map(Json)
}

/// What a load with these settings would take, and whether this machine has it; nothing is loaded.
pub async fn estimate(State(app): State<Arc<App>>, body: Bytes) -> Result<Json<Estimate>, ApiError> {
    let body: LoadBody = body::parse(&body, "a load request")?;
    let options = body.options()?;
    let (name, directory) = app.find(&body.model).await?;
    let model = app.open(name, directory, options).await?;
    let settings = model.spec.settings.clone();
    let machine = app.machine(settings.memory_limit)?;
    let facts = model.facts();
    let planned = FitOptions::one_context(settings.context_length, settings.kv);
    let fit =
        fit(&facts, &planned, &machine).map_err(|refusal| ApiError::bad_request(refusal.to_string()))?;
    let (group_size, start) = match settings.kv {
        KvCache::Quantized(quantization) => (quantization.group_size, quantization.start),
        KvCache::Dense => (KvQuantization::DEFAULT_GROUP_SIZE, KvQuantization::DEFAULT_START),
    };
    let kv_choices = kv_choices(&facts, settings.context_length, group_size, start);
    Ok(Json(Estimate { model: model.name().to_owned(), settings, fit, kv_choices }))
}

/// Waits until the chosen model is loaded or has failed to.
async fn loaded(runtime: &Runtime, is_ours: impl Fn(&ModelState) -> bool) -> Result<ModelState, ApiError> {
    let mut state = runtime.model().state();
    // The supervisor may not have heard of it yet.
    let begun = |state: &Option<ModelState>| state.as_ref().is_some_and(&is_ours);
    let gone = |_| ApiError::server_error("the server is shutting down");
    state.wait_for(begun).await.map_err(gone)?;
    let ended = |state: &Option<ModelState>| match state {
        Some(state) => !is_ours(state) || !matches!(state.phase, ModelPhase::Loading { .. }),
        None => true,
    };
    let state = state.wait_for(ended).await.map_err(gone)?.clone();
    match state.filter(is_ours) {
        Some(ModelState { phase: ModelPhase::Stopped { why: Some(why) }, .. }) => {
            Err(ApiError::server_error(why))
        }
        Some(state @ ModelState { phase: ModelPhase::Ready(_), .. }) => Ok(state),
        _ => Err(ApiError::server_error("the load was given up: another was asked for, or an unload")),
    }
}

/// Unloads the model; the next request loads it again.
pub async fn unload(State(app): State<Arc<App>>) -> Json<Option<ModelState>> {
    app.runtime.model().unload().await;
    Json(app.runtime.model().state().borrow().clone())
}
