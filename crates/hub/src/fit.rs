//! Whether a model fits into this machine's memory, and what would make it fit.
//!
//! An estimate from the model's shapes and from how the engine takes memory, rounded up where it cannot be exact.
//! What a loaded model really holds is measured by the engine.

mod advice;
mod kv;
mod limit;
mod longest;
mod shape;
mod speed;
mod workspace;

use std::num::NonZeroU32;

use serde::Serialize;
use shorn_checkpoint::{Checkpoint, Dtype, KvCache, KvRefusal};
use ts_rs::TS;

pub use advice::Advice;
pub use kv::{KvChoice, kv_choices};
pub use limit::{BindingLimit, GuardLevel, Machine, MemoryLimit};
pub use longest::{LongestFit, longest_fit};
pub use shape::{
    DeltaNet, Experts, FeedForward, Heads, Latent, Layer, LayerKind, ModelShape, PerLayerEmbedding,
    ShapeError,
};
pub use speed::{
    DecodeSpeedEstimate, MemoryBandwidth, apple_chip, apple_chip_bandwidth, decode_speed_estimate,
};

/// Buffers that MLX keeps for re-use: the engine's `BUFFER_CACHE_BYTES`.
const BUFFER_CACHE_BYTES: u64 = 512 << 20;

/// Past this share of the limit a model fits only just: other programs take and give memory all the time.
const TIGHT_FROM: f64 = 0.9;

/// What has to be known about a model, on this disk or on the Hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelFacts {
    /// Its shape.
    pub shape: ModelShape,
    /// Bytes of all tensors. The engine keeps them as they are in the files, except unquantized experts in 16 bits on
    /// a machine without a GPU, which it widens to 32.
    pub weights_bytes: u64,
    /// Bytes of the tensors that one token reads: of the experts those that see it, of the embedding one row.
    pub active_weights_bytes: u64,
}

impl ModelFacts {
    /// The facts of an opened checkpoint.
    pub fn of(checkpoint: &Checkpoint) -> Self {
        // Weights in 32 bits make activations in 32 bits; all others, block floats among them, make 16.
        let activation_bytes = if checkpoint.activation_dtype() == Some(Dtype::F32) { 4 } else { 2 };
        let shape = ModelShape::of(&checkpoint.config, activation_bytes);
        Self {
            weights_bytes: checkpoint.tensors.bytes(),
            active_weights_bytes: speed::active_weights_bytes(checkpoint, &shape),
            shape,
        }
    }

    /// The facts of a model whose tensor headers are not at hand: from the text of its `config.json` and the bytes of
    /// all its safetensors files, whose headers are too small to matter.
    ///
    /// # Errors
    /// Names the family or the field that does not tell what is needed.
    pub fn from_config(config: &str, safetensors_bytes: u64) -> Result<Self, ShapeError> {
        let (shape, active) = shape::with_active_share(config)?;
        Ok(Self {
            shape,
            weights_bytes: safetensors_bytes,
            active_weights_bytes: active.of(safetensors_bytes),
        })
    }
}

/// How a model would be loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FitOptions {
    /// Longest context in tokens.
    pub context_length: u32,
    /// The KV cache.
    pub kv: KvCache,
    /// How many requests are counted with a full context each.
    ///
    /// The load dialog counts one, whatever number of requests may run at a time: the engine takes memory for a
    /// context only as it fills, and before it takes more it drops kept caches and in the end stops the newest
    /// request. Who wants several agents to fill theirs at the same time counts as many.
    pub full_contexts: NonZeroU32,
}

impl FitOptions {
    /// One full context.
    pub fn one_context(context_length: u32, kv: KvCache) -> Self {
        Self { context_length, kv, full_contexts: NonZeroU32::MIN }
    }
}

/// Whether a model fits. All sizes in bytes.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
pub struct Fit {
    /// The weights.
    pub weights: u64,
    /// What one token takes in an unquantized KV cache. Layers that do not keep every token are in `kv_fixed` instead.
    pub kv_dense_bytes_per_token: u64,
    /// What one token takes once the KV cache is quantized; the same as unquantized where it never is.
    pub kv_quantized_bytes_per_token: u64,
    /// Of both, what is in layers that cannot be quantized.
    pub kv_unquantized_bytes_per_token: u64,
    /// The KV caches of all counted contexts at their largest, with the room that the engine allocates ahead. Before
    /// quantization begins a cache is unquantized, and a short quantized context can be smaller than that.
    pub kv: u64,
    /// Of `kv`, what does not grow with the context and is never quantized: the windows of sliding layers once they are
    /// full, and the states of recurrent ones.
    pub kv_fixed: u64,
    /// The layers that are there twice while one cache grows or is quantized.
    pub kv_rebuild: u64,
    /// Activations of one prefill step behind a nearly full context.
    pub prefill_workspace: u64,
    /// Freed buffers that MLX keeps for re-use.
    pub buffer_cache: u64,
    /// All together: weights, KV caches, MLX's buffers, and the larger of the workspace and the rebuild, which never
    /// happen at the same time. Caches kept for later requests are not counted: they are dropped when memory is needed.
    pub total: u64,
    /// What may be taken.
    pub limit: u64,
    /// Where the limit comes from.
    pub binding: BindingLimit,
    /// Whether the total is within the limit.
    pub verdict: Verdict,
    /// What would make it fit, each computed; empty when it fits.
    pub advice: Vec<Advice>,
}

/// Whether a model fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// With room to spare.
    Fits,
    /// Within the limit, but with less than a tenth of it left.
    Tight,
    /// It would take more than the limit.
    TooLarge,
}

/// Why options cannot be, for this model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FitRefusal {
    /// The KV cache.
    #[error(transparent)]
    Kv(#[from] KvRefusal),
    /// Nothing in the model keeps keys and values of every token as they are.
    #[error("no layer of a {0} model has a KV cache that can be quantized; choose an unquantized KV cache")]
    NothingToQuantize(String),
    /// The context length.
    #[error(
        "context length must be from 1 to {longest} (max_position_embeddings of this model), not {asked}"
    )]
    ContextLength {
        /// What was asked for, in tokens.
        asked: u32,
        /// What the model was made for, in tokens.
        longest: u32,
    },
}

/// Estimates what a model takes when loaded with these options, and whether this machine has it.
///
/// # Errors
/// When the model cannot take the options, whatever the machine.
pub fn fit(model: &ModelFacts, options: &FitOptions, machine: &Machine) -> Result<Fit, FitRefusal> {
    let longest = model.shape.context_length;
    if options.context_length == 0 || options.context_length > longest {
        return Err(FitRefusal::ContextLength { asked: options.context_length, longest });
    }
    kv::check(model, &options.kv)?;
    Ok(estimate(model, options, machine))
}

/// The estimate for options that the model can take.
fn estimate(model: &ModelFacts, options: &FitOptions, machine: &Machine) -> Fit {
    let needs = Needs::of(model, options, machine);
    let limit = machine.limit();
    let verdict = match needs.total() {
        total if total > limit.bytes => Verdict::TooLarge,
        total if total as f64 > limit.bytes as f64 * TIGHT_FROM => Verdict::Tight,
        _ => Verdict::Fits,
    };
    let per_token = kv::TokenBytes::of(model, &options.kv);
    Fit {
        weights: needs.weights,
        kv_dense_bytes_per_token: per_token.dense,
        kv_quantized_bytes_per_token: per_token.quantized,
        kv_unquantized_bytes_per_token: per_token.unquantizable,
        kv: needs.kv,
        kv_fixed: needs.kv_fixed,
        kv_rebuild: needs.kv_rebuild,
        prefill_workspace: needs.prefill_workspace,
        buffer_cache: BUFFER_CACHE_BYTES,
        total: needs.total(),
        limit: limit.bytes,
        binding: limit.binding,
        verdict,
        advice: match verdict {
            Verdict::TooLarge => advice::advice(model, options, machine),
            Verdict::Fits | Verdict::Tight => Vec::new(),
        },
    }
}

/// What options ask for, in bytes.
struct Needs {
    weights: u64,
    kv: u64,
    kv_fixed: u64,
    kv_rebuild: u64,
    prefill_workspace: u64,
}

impl Needs {
    /// The options must be possible for the model.
    fn of(model: &ModelFacts, options: &FitOptions, machine: &Machine) -> Self {
        let one = kv::full_context(model, options.context_length, &options.kv);
        let contexts = u64::from(options.full_contexts.get());
        Self {
            weights: model.weights_bytes,
            kv: one.bytes.saturating_mul(contexts),
            kv_fixed: one.fixed.saturating_mul(contexts),
            kv_rebuild: one.rebuild,
            prefill_workspace: workspace::prefill(model, options, machine.has_gpu()),
        }
    }

    fn total(&self) -> u64 {
        [self.kv, self.kv_rebuild.max(self.prefill_workspace), BUFFER_CACHE_BYTES]
            .into_iter()
            .fold(self.weights, u64::saturating_add)
    }
}

/// Bytes in words, as everywhere in Shorn: a gigabyte is 10^9 bytes.
fn gigabytes(bytes: u64) -> String {
    format!("{:.1} GB", bytes as f64 / 1e9)
}

#[cfg(test)]
mod tests;
