//! Models on the Hub, and what they would be on this machine.

use std::path::PathBuf;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use serde::Serialize;
use shorn_checkpoint::KvCache;
use shorn_hub::fit::{
    BindingLimit, DecodeSpeedEstimate, Machine, ModelFacts, Verdict, apple_chip_bandwidth,
    decode_speed_estimate, longest_fit,
};
use shorn_hub::library::{LibraryModel, LibraryState};
use shorn_hub::recommended::{Recommendation, recommended};
use shorn_hub::remote::{FoundModel, HubError, RepositoryName, Search};
use ts_rs::TS;

use crate::app::App;
use crate::error::ApiError;

/// Decode speed is estimated behind so many tokens: about where an agent's first turns are.
const SPEED_AT: u32 = 8192;

/// A page of models on the Hub.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
pub struct HubPage {
    /// The models, in order.
    pub models: Vec<HubModel>,
    /// What to ask for the next page with; `None` on the last.
    pub next: Option<String>,
}

/// A model on the Hub, and what it would be on this machine.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
pub struct HubModel {
    /// What it is.
    #[serde(flatten)]
    pub model: FoundModel,
    /// Whether it fits this machine; `None` where its files do not tell.
    pub fit: Option<HubFit>,
    /// Its folder, where it is on this disk and whole.
    pub directory: Option<String>,
}

/// Whether a model on the Hub would fit, with the settings that keep the longest context: an unquantized KV cache if
/// that is possible, else the widest that is.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
pub struct HubFit {
    /// Whether it fits with these settings.
    pub verdict: Verdict,
    /// The KV cache.
    pub kv: KvCache,
    /// The same in words.
    pub kv_summary: String,
    /// The context length in tokens.
    pub context_length: u32,
    /// Bytes of weights, KV cache and workspace.
    pub total: u64,
    /// What a model may take.
    pub limit: u64,
    /// Where the limit comes from.
    pub binding: BindingLimit,
    /// How fast it would decode, by the memory's bandwidth: an estimate. `None` where that is not known.
    pub speed: Option<DecodeSpeedEstimate>,
}

/// A model that is recommended for coding.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
pub struct RecommendedModel {
    /// The model.
    pub name: RepositoryName,
    /// Memory of the machines that it is meant for, in gigabytes.
    pub memory_gigabytes: u32,
    /// Why this one.
    pub reason: String,
    /// Bytes to download.
    pub download_bytes: u64,
    /// Longest context that it was made for, in tokens.
    pub context_length: u32,
    /// Whether it fits this machine.
    pub fit: Option<HubFit>,
    /// Whether it is for machines with as much memory as this one.
    pub for_this_machine: bool,
    /// Its folder, where it is on this disk and whole.
    pub directory: Option<String>,
}

impl App {
    /// A page of models on the Hub.
    ///
    /// # Errors
    /// When the Hub cannot be reached, or refuses.
    pub async fn search_hub(&self, search: &Search) -> Result<HubPage, HubError> {
        let (page, on_disk) = tokio::join!(self.hub.search(search), self.on_disk());
        let page = page?;
        let describe = |model: FoundModel| HubModel {
            fit: model.facts.as_ref().and_then(|facts| self.hub_fit(facts)),
            directory: on_disk.directory_of(&model.name),
            model,
        };
        Ok(HubPage { models: page.models.into_iter().map(describe).collect(), next: page.next })
    }

    /// The models that are recommended for coding, the first choice first.
    pub async fn recommended(&self) -> Vec<RecommendedModel> {
        let on_disk = self.on_disk().await;
        let machine = self.runtime.now().system.map_or(0, |memory| memory.total.div_ceil(1 << 30));
        let sizes = recommended().iter().map(|model| model.memory_gigabytes);
        // Machines have a little less than they are sold with where part of it is the graphics chip's.
        let this_size = sizes.filter(|&size| u64::from(size) <= machine + 1).max();
        let describe = |model: &Recommendation| RecommendedModel {
            name: model.name.clone(),
            memory_gigabytes: model.memory_gigabytes,
            reason: model.reason.clone(),
            download_bytes: model.download_bytes,
            context_length: model.facts.shape.context_length,
            fit: self.hub_fit(&model.facts),
            for_this_machine: this_size == Some(model.memory_gigabytes),
            directory: on_disk.directory_of(&model.name),
        };
        recommended().iter().map(describe).collect()
    }

    /// What a model would be on this machine when nothing else is loaded, whatever is free at this moment.
    fn hub_fit(&self, facts: &ModelFacts) -> Option<HubFit> {
        let memory = self.runtime.now().system?;
        let policy = self.memory_policy();
        let machine = Machine {
            total: memory.total,
            gpu_limit: memory.gpu_limit,
            available: None,
            ours: 0,
            reserve: policy.guard.reserve(memory.total),
            chosen: policy.limit,
        };
        let longest = longest_fit(facts, &machine);
        let bandwidth = shorn_runtime::chip_name().and_then(|chip| apple_chip_bandwidth(&chip));
        let cached = SPEED_AT.min(longest.context_length);
        Some(HubFit {
            verdict: longest.fit.verdict,
            kv: longest.kv,
            kv_summary: longest.kv.to_string(),
            context_length: longest.context_length,
            total: longest.fit.total,
            limit: longest.fit.limit,
            binding: longest.fit.binding,
            speed: bandwidth.map(|bandwidth| decode_speed_estimate(facts, &longest.kv, cached, bandwidth)),
        })
    }

    async fn on_disk(&self) -> OnDisk {
        let library = self.library().await.unwrap_or_default();
        let ready = |model: &LibraryModel| matches!(model.state, LibraryState::Ready { .. });
        OnDisk(library.models.into_iter().filter(ready).map(|model| (model.name, model.directory)).collect())
    }
}

/// Names and folders of whole models.
struct OnDisk(Vec<(String, PathBuf)>);

impl OnDisk {
    fn directory_of(&self, name: &RepositoryName) -> Option<String> {
        let found = self.0.iter().find(|(known, _)| known == name.as_str());
        found.map(|(_, directory)| directory.display().to_string())
    }
}

/// The route of the search.
pub async fn search(
    State(app): State<Arc<App>>,
    search: Result<Query<Search>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<HubPage>, ApiError> {
    let Query(search) = search.map_err(|error| ApiError::bad_request(error.body_text()))?;
    Ok(Json(app.search_hub(&search).await?))
}

/// The route of the recommended models.
pub async fn list_recommended(State(app): State<Arc<App>>) -> Json<Vec<RecommendedModel>> {
    Json(app.recommended().await)
}
