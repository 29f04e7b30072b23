//! Models on the Hub, and what they would be on this machine.

use serde::Serialize;
use shorn_checkpoint::KvCache;
use shorn_hub::fit::{BindingLimit, DecodeSpeedEstimate, Verdict};
use shorn_hub::remote::{FoundModel, RepositoryName};
use ts_rs::TS;

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
