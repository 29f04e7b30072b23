//! What KV caches take, by the engine's own rules of allocation.

use serde::Serialize;
use shorn_checkpoint::{KvBits, KvCache, KvGroupSize, KvQuantization};
use ts_rs::TS;

use super::ModelFacts;

/// Prompt tokens of one prefill step, and the distance of the points at which a cache may be quantized: the engine's
/// `PREFILL_CHUNK`.
pub(super) const PREFILL_CHUNK: u32 = 2048;

/// Layers whose old and new buffers are there together: the engine's `LAYERS_AT_A_TIME`.
pub(super) const LAYERS_AT_A_TIME: u64 = 2;

/// What one context takes once it is full, in bytes.
pub(super) struct FullContext {
    /// The buffers at their largest.
    pub bytes: u64,
    /// What is there twice while they grow or are quantized.
    pub rebuild: u64,
}

/// The cost of a full context. The model must be able to take the setting.
pub(super) fn full_context(model: &ModelFacts, context_length: u32, kv: &KvCache) -> FullContext {
    let per_token = model.config.kv_bytes_per_token(kv, model.activation_bytes);
    let room = |bytes_per_token: u64, tokens| bytes_per_token.saturating_mul(largest_capacity(tokens).into());
    let bytes = match quantized_from(context_length, kv) {
        None => room(per_token.dense, context_length),
        // A point at which the engine quantizes comes less than one chunk after the threshold.
        Some(start) => {
            let dense = start.saturating_add(PREFILL_CHUNK).min(context_length);
            room(per_token.quantized, context_length).max(room(per_token.dense, dense))
        }
    };
    let layers = model.config.layers().len().max(1) as u64;
    FullContext { bytes, rebuild: bytes / layers * LAYERS_AT_A_TIME.min(layers) }
}

/// The tokens from which a context of this length is quantized; `None` when it never is. A cache holds at most one
/// token less than the context: the last token of a reply is never fed back.
pub(super) fn quantized_from(context_length: u32, kv: &KvCache) -> Option<u32> {
    match kv {
        KvCache::Quantized(KvQuantization { start, .. }) if *start < context_length => Some(*start),
        KvCache::Quantized(_) | KvCache::Dense => None,
    }
}

/// Tokens that the engine makes room for when it needs room for `tokens`: its `capacity_for`, steps of 256 for short
/// caches, of an eighth for longer ones, of 4,096 at most.
pub(super) fn capacity_for(tokens: u32) -> u32 {
    tokens.next_multiple_of(step_for(tokens))
}

fn step_for(tokens: u32) -> u32 {
    (tokens / 8 / 256 * 256).clamp(256, 4096)
}

/// The most room that the engine ever makes for a cache of up to `tokens` tokens. Steps widen with the length, so the
/// end of a narrower step's last multiple can lie past `capacity_for(tokens)`: 8,191 tokens get room for 8,448.
pub(super) fn largest_capacity(tokens: u32) -> u32 {
    let steps = (256..=step_for(tokens)).step_by(256);
    // The longest cache that is rounded up to a multiple of this step.
    let longest = |step: u32| match step {
        4096 => tokens,
        _ => tokens.min(8 * (step + 256) - 1),
    };
    steps.map(|step| capacity_for(longest(step))).max().unwrap_or(tokens)
}

/// One KV-cache setting of the load dialog on a model.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
pub struct KvChoice {
    /// The setting.
    pub kv: KvCache,
    /// Bytes that one token takes once the cache is quantized; `None` when the model cannot take the setting.
    pub bytes_per_token: Option<u64>,
    /// Bytes of a full context, as in [`Fit::kv`](super::Fit::kv); `None` when the model cannot take the setting.
    pub bytes: Option<u64>,
    /// Why the model cannot take the setting, and what would do.
    pub refused: Option<String>,
}

/// The settings of the load dialog, widest first: unquantized, then 8, 6, 4, 3 and 2 bits for keys and values alike.
pub fn kv_choices(
    model: &ModelFacts,
    context_length: u32,
    group_size: KvGroupSize,
    start: u32,
) -> Vec<KvChoice> {
    let quantized = KvBits::ALL.into_iter().rev().map(|bits| {
        KvCache::Quantized(KvQuantization { key_bits: bits, value_bits: bits, group_size, start })
    });
    let settings = std::iter::once(KvCache::Dense).chain(quantized);
    settings
        .map(|kv| match model.config.check_kv(&kv) {
            Err(refusal) => {
                KvChoice { kv, bytes_per_token: None, bytes: None, refused: Some(refusal.to_string()) }
            }
            Ok(()) => {
                let per_token = model.config.kv_bytes_per_token(&kv, model.activation_bytes);
                let bytes = full_context(model, context_length, &kv).bytes;
                KvChoice { kv, bytes_per_token: Some(per_token.quantized), bytes: Some(bytes), refused: None }
            }
        })
        .collect()
}
