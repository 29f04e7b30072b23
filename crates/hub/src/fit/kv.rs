//! What KV caches take, by the engine's own rules of allocation.

use serde::Serialize;
use shorn_checkpoint::{KvBits, KvCache, KvGroupSize, KvQuantization, KvRefusal};
use ts_rs::TS;

use super::{FitRefusal, Heads, LayerKind, ModelFacts};

/// Prompt tokens of one prefill step, and the distance of the points at which a cache may be quantized: the engine's
/// `PREFILL_CHUNK`.
pub(super) const PREFILL_CHUNK: u32 = 2048;

/// Layers whose old and new buffers are there together: the engine's `LAYERS_AT_A_TIME`.
pub(super) const LAYERS_AT_A_TIME: u64 = 2;

/// What one context takes once it is full, in bytes.
pub(super) struct FullContext {
    /// The buffers at their largest.
    pub bytes: u64,
    /// Of these, what no longer grows with the context: full windows, and states.
    pub fixed: u64,
    /// What is there twice while they grow or are quantized.
    pub rebuild: u64,
}

/// Whether the model can take a setting. Only layers that keep the keys and values of every token can be quantized, and
/// groups must fill their heads.
pub(super) fn check(model: &ModelFacts, kv: &KvCache) -> Result<(), FitRefusal> {
    let KvCache::Quantized(quantization) = kv else { return Ok(()) };
    let group_size = quantization.group_size.get();
    let head_dims = model.shape.layers.iter().filter_map(|layer| match layer.kind {
        LayerKind::Attention(heads) => Some(heads.head_dim),
        _ => None,
    });
    let head_dims: Vec<u32> = head_dims.collect();
    if head_dims.is_empty() {
        return Err(FitRefusal::NothingToQuantize(model.shape.family.clone()));
    }
    match head_dims.into_iter().find(|head_dim| !head_dim.is_multiple_of(group_size)) {
        Some(head_dim) => Err(KvRefusal::GroupSize { group_size, head_dim }.into()),
        None => Ok(()),
    }
}

/// Bytes that one more token takes in all layers that keep every token.
pub(super) struct TokenBytes {
    /// While nothing is quantized.
    pub dense: u64,
    /// Once the setting applies.
    pub quantized: u64,
    /// Of both, what is in layers that cannot be quantized.
    pub unquantizable: u64,
}

impl TokenBytes {
    pub fn of(model: &ModelFacts, kv: &KvCache) -> Self {
        let mut bytes = Self { dense: 0, quantized: 0, unquantizable: 0 };
        for layer in &model.shape.layers {
            let (dense, quantized) = match layer.kind {
                LayerKind::Attention(heads) => (dense_row(model, &heads), row(model, &heads, kv)),
                LayerKind::Latent(latent) => {
                    let row = latent.width() * model.shape.activation_bytes;
                    bytes.unquantizable = bytes.unquantizable.saturating_add(row);
                    (row, row)
                }
                LayerKind::Sliding { .. } | LayerKind::Borrowing(_) | LayerKind::Recurrent(_) => (0, 0),
            };
            bytes.dense = bytes.dense.saturating_add(dense);
            bytes.quantized = bytes.quantized.saturating_add(quantized);
        }
        bytes
    }
}

/// Bytes of one token's keys and values in one layer.
fn dense_row(model: &ModelFacts, heads: &Heads) -> u64 {
    heads.kv_width().saturating_mul(2 * model.shape.activation_bytes)
}

/// The same with a setting: packed elements and, for each group, a scale and a bias as wide as an activation.
fn row(model: &ModelFacts, heads: &Heads, kv: &KvCache) -> u64 {
    let KvCache::Quantized(quantization) = kv else { return dense_row(model, heads) };
    let head_dim = u64::from(heads.head_dim);
    let packed = u64::from(quantization.key_bits.get() + quantization.value_bits.get());
    let groups = head_dim / u64::from(quantization.group_size.get());
    let head = head_dim * packed / 8 + 2 * groups * 2 * model.shape.activation_bytes;
    u64::from(heads.kv_heads).saturating_mul(head)
}

/// The cost of a full context. The model must be able to take the setting.
pub(super) fn full_context(model: &ModelFacts, context_length: u32, kv: &KvCache) -> FullContext {
    let end = match quantized_from(context_length, kv) {
        None => Buffers::of(model, context_length, &KvCache::Dense),
        Some(_) => Buffers::of(model, context_length, kv),
    };
    // Before quantization begins the cache is unquantized. A point at which the engine quantizes comes less than one
    // chunk after the threshold.
    let before = quantized_from(context_length, kv).map(|start| {
        let dense = start.saturating_add(PREFILL_CHUNK).min(context_length);
        Buffers::of(model, dense, &KvCache::Dense)
    });
    let before = before.as_ref().unwrap_or(&end);
    let layers = model.shape.layers.len().max(1) as u64;
    FullContext {
        bytes: end.bytes().max(before.bytes()),
        fixed: end.fixed,
        rebuild: end.largest.max(before.largest).saturating_mul(LAYERS_AT_A_TIME.min(layers)),
    }
}

/// The buffers of one sequence, in bytes.
struct Buffers {
    /// Of the layers that keep every token.
    growing: u64,
    /// Of the others.
    fixed: u64,
    /// Of the largest layer.
    largest: u64,
}

impl Buffers {
    /// The buffers at their largest on the way to so many tokens.
    fn of(model: &ModelFacts, tokens: u32, kv: &KvCache) -> Self {
        let mut buffers = Self { growing: 0, fixed: 0, largest: 0 };
        let room = |row: u64, tokens| row.saturating_mul(largest_capacity(tokens).into());
        for layer in &model.shape.layers {
            let (bytes, grows) = match layer.kind {
                LayerKind::Attention(heads) => (room(row(model, &heads, kv), tokens), true),
                LayerKind::Latent(latent) => {
                    (room(latent.width() * model.shape.activation_bytes, tokens), true)
                }
                LayerKind::Sliding { heads, window } => {
                    (room(dense_row(model, &heads), tokens.min(sliding_capacity(window))), false)
                }
                LayerKind::Recurrent(net) => (net.state_bytes(model.shape.activation_bytes), false),
                LayerKind::Borrowing(_) => (0, false),
            };
            let part = if grows { &mut buffers.growing } else { &mut buffers.fixed };
            *part = part.saturating_add(bytes);
            buffers.largest = buffers.largest.max(bytes);
        }
        buffers
    }

    fn bytes(&self) -> u64 {
        self.growing.saturating_add(self.fixed)
    }
}

/// The most tokens that a sliding layer holds: while a chunk of the prompt is added, its first token still sees a
/// window back (as in mlx-lm's `RotatingKVCache`).
pub(super) fn sliding_capacity(window: u32) -> u32 {
    window.saturating_add(PREFILL_CHUNK)
}

/// Bytes of the cache that one token reads behind so many others.
pub(super) fn bytes_read(model: &ModelFacts, kv: &KvCache, cached_tokens: u32) -> u64 {
    let kv = match kv {
        KvCache::Quantized(quantization) if quantization.start <= cached_tokens => *kv,
        KvCache::Quantized(_) | KvCache::Dense => KvCache::Dense,
    };
    let tokens = u64::from(cached_tokens);
    let layers = model.shape.layers.iter().map(|layer| match layer.kind {
        LayerKind::Attention(heads) => row(model, &heads, &kv).saturating_mul(tokens),
        LayerKind::Latent(latent) => (latent.width() * model.shape.activation_bytes).saturating_mul(tokens),
        LayerKind::Sliding { heads, window } => {
            dense_row(model, &heads).saturating_mul(tokens.min(window.into()))
        }
        LayerKind::Recurrent(net) => net.state_bytes(model.shape.activation_bytes),
        // It reads what its lender reads, soon after: counted there.
        LayerKind::Borrowing(_) => 0,
    });
    layers.fold(0, u64::saturating_add)
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
        .map(|kv| match check(model, &kv) {
            Err(refusal) => {
                KvChoice { kv, bytes_per_token: None, bytes: None, refused: Some(refusal.to_string()) }
            }
            Ok(()) => {
                let per_token = TokenBytes::of(model, &kv).quantized;
                let bytes = full_context(model, context_length, &kv).bytes;
                KvChoice { kv, bytes_per_token: Some(per_token), bytes: Some(bytes), refused: None }
            }
        })
        .collect()
}
