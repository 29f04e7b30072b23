//! Searching the Hub.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::RepositoryName;
use crate::fit::ModelFacts;

/// In which order models are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum SearchOrder {
    /// What many people look at now.
    #[default]
    Trending,
    /// Most downloads in the last thirty days.
    Downloads,
    /// Last changed.
    Updated,
    /// Smallest download; the Hub knows no such order, so this is the order within the most downloaded ones.
    Size,
}

/// What to look for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct Search {
    /// Words of the name; empty for all models in MLX format.
    #[serde(default)]
    pub text: String,
    /// The order.
    #[serde(default)]
    pub order: SearchOrder,
    /// Where to go on: [`SearchPage::next`] of the page before.
    #[serde(default)]
    #[ts(optional)]
    pub page: Option<String>,
}

/// A page of models.
#[derive(Debug, Clone, PartialEq, Default, Serialize, TS)]
pub struct SearchPage {
    /// The models, in order.
    pub models: Vec<FoundModel>,
    /// What to ask for the next page with; `None` on the last.
    pub next: Option<String>,
}

/// A model on the Hub, from its list of files and its `config.json`. `None` is what these do not tell.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
pub struct FoundModel {
    /// Its name.
    pub name: RepositoryName,
    /// Downloads in the last thirty days.
    pub downloads: u64,
    /// When it was last changed, as the Hub says it (ISO 8601).
    pub updated: Option<String>,
    /// Whether its licence has to be accepted on the Hub first.
    pub gated: bool,
    /// The family: `model_type` of its configuration.
    pub family: Option<String>,
    /// How many parameters it has.
    pub parameters: Option<u64>,
    /// Bits of a quantized weight.
    pub bits: Option<u32>,
    /// Weights that share one scale.
    pub group_size: Option<u32>,
    /// Bytes to download: the files that are needed and no others.
    pub download_bytes: Option<u64>,
    /// Longest context that it was made for, in tokens.
    pub context_length: Option<u32>,
    /// Whether it can be loaded here.
    pub support: Support,
    /// What is needed to tell whether it fits into memory.
    #[serde(skip)]
    #[ts(skip)]
    pub facts: Option<ModelFacts>,
}

/// Whether a model on the Hub can be loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Support {
    /// Its family is supported.
    Supported,
    /// It cannot be loaded.
    Unsupported {
        /// Why.
        why: String,
    },
    /// Its files could not be looked at.
    Unknown {
        /// Why.
        why: String,
    },
}
