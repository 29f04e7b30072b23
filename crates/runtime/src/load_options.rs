//! How to load a model: what a person chose, over what was saved for it, over defaults.

use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use shorn_checkpoint::{KvCache, KvRefusal, ModelConfig};
use shorn_protocol::LoadSettings;
use ts_rs::TS;

use crate::model::ModelSpec;

/// Requests that run at the same time where nobody chose.
const MAX_CONCURRENT: u32 = 4;

/// What can be chosen when a model is loaded; `None` where nothing was.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, TS)]
#[serde(default, deny_unknown_fields)]
pub struct LoadOptions {
    /// Longest context in tokens; the model's own where nobody chose.
    pub context_length: Option<u32>,
    /// The KV cache; unquantized where nobody chose.
    pub kv: Option<KvCache>,
    /// Requests that run at the same time; more wait.
    pub max_concurrent: Option<u32>,
    /// Bytes of KV caches kept for later requests; a quarter of what the weights leave where nobody chose.
    pub prompt_cache_bytes: Option<u64>,
    /// Bytes that the model may take in all; what the device recommends where nobody chose.
    pub memory_limit: Option<u64>,
    /// Seconds without a request after which the model is unloaded; never for 0 and where nobody chose.
    pub idle_seconds: Option<u32>,
}

/// Why a model cannot be loaded as chosen.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum BadLoadOption {
    /// Longer than the model was made for.
    #[error("context length must be from 1 to {longest}, which is this model's context; not {asked}")]
    ContextLength {
        /// What was chosen.
        asked: u32,
        /// The model's own, in tokens.
        longest: u32,
    },
    /// None at all.
    #[error("max concurrent requests must be at least 1")]
    MaxConcurrent,
    /// Less than its weights.
    #[error("memory limit must be at least {weights} bytes, which are this model's weights; not {asked}")]
    MemoryLimit {
        /// What was chosen, in bytes.
        asked: u64,
        /// Bytes of the weights.
        weights: u64,
    },
    /// The model cannot take this KV cache.
    #[error(transparent)]
    Kv(#[from] KvRefusal),
}

impl BadLoadOption {
    /// The option that is wrong, by its name.
    pub fn option(&self) -> &'static str {
        match self {
            Self::ContextLength { .. } => "context_length",
            Self::MaxConcurrent => "max_concurrent",
            Self::MemoryLimit { .. } => "memory_limit",
            Self::Kv(_) => "kv",
        }
    }
}

impl LoadOptions {
    /// These, and what `saved` says where they are silent.
    pub fn or(&self, saved: &Self) -> Self {
        Self {
            context_length: self.context_length.or(saved.context_length),
            kv: self.kv.or(saved.kv),
            max_concurrent: self.max_concurrent.or(saved.max_concurrent),
            prompt_cache_bytes: self.prompt_cache_bytes.or(saved.prompt_cache_bytes),
            memory_limit: self.memory_limit.or(saved.memory_limit),
            idle_seconds: self.idle_seconds.or(saved.idle_seconds),
        }
    }

    /// The model in `directory`, to be loaded like this.
    ///
    /// # Errors
    /// When the model cannot take an option.
    pub fn resolve(
        &self,
        name: String,
        directory: &Path,
        config: &ModelConfig,
    ) -> Result<ModelSpec, BadLoadOption> {
        let longest = config.context_length();
        let context_length = self.context_length.unwrap_or(longest);
        if context_length == 0 || context_length > longest {
            return Err(BadLoadOption::ContextLength { asked: context_length, longest });
        }
        let max_concurrent = self.max_concurrent.unwrap_or(MAX_CONCURRENT);
        if max_concurrent == 0 {
            return Err(BadLoadOption::MaxConcurrent);
        }
        let kv = self.kv.unwrap_or_default();
        config.check_kv(&kv)?;
        let settings = LoadSettings {
            directory: directory.to_owned(),
            kv,
            context_length,
            max_concurrent,
            prompt_cache_bytes: self.prompt_cache_bytes,
            memory_limit: self.memory_limit,
        };
        let seconds = self.idle_seconds.filter(|seconds| *seconds > 0);
        let idle_unload = seconds.map(|seconds| Duration::from_secs(seconds.into()));
        Ok(ModelSpec::new(name, settings, idle_unload))
    }
}
