//! What a prefill step takes beside the weights and the KV caches.

use super::kv::{self, PREFILL_CHUNK};
use super::{FitOptions, ModelFacts};

/// Layers whose activations are there at the same time: the engine evaluates `LAYERS_PER_GROUP`, two, together, and two
/// such groups are in flight.
const LAYERS_IN_FLIGHT: u64 = 4;

/// Unpacked slabs of a quantized cache that are there at the same time: that of the layer which computes, and that of
/// the layer which was unpacked ahead of it.
const SLABS_IN_FLIGHT: u64 = 2;

/// Bytes of scores that the engine lets one block of rows have where attention is not one kernel: its `SCORE_BYTES`.
const SCORE_BYTES: u64 = 32 << 20;

/// Fewest rows of such a block.
const FEWEST_BLOCK_ROWS: u64 = 16;

/// Copies of a block's scores that MLX makes (masked, shifted, as exponentials, as weights). Measured: the prefill rows of
/// `docs/measurements/memory.json` leave 252 to 270 MB beside cache and activations.
const SCORE_COPIES: u64 = 8;

/// Bytes that a prefill step takes behind a nearly full context.
///
/// Prompt rows of all requests share one step of at most [`PREFILL_CHUNK`] rows, so this does not grow with their number.
pub(super) fn prefill(model: &ModelFacts, options: &FitOptions, has_gpu: bool) -> u64 {
    let rows = u64::from(options.context_length.min(PREFILL_CHUNK));
    let activations = layer_activations(model, rows).saturating_mul(LAYERS_IN_FLIGHT);
    activations.saturating_add(slabs(model, options)).saturating_add(scores(model, options, rows, has_gpu))
}

/// Activations of one layer: those of its attention or of what follows it, whichever are more.
pub(super) fn layer_activations(model: &ModelFacts, rows: u64) -> u64 {
    let decoder = model.decoder();
    let hidden = u64::from(decoder.hidden_size);
    let head_dim = u64::from(decoder.head_dim);
    let queries = u64::from(decoder.num_attention_heads) * head_dim;
    let keys = u64::from(decoder.num_key_value_heads) * head_dim;
    // The residual stream and its norm, queries with keys and values, queries and keys normalised and rotated, and what
    // attention gives, once as it comes and once with heads side by side.
    let attention = 2 * hidden + (queries + 2 * keys) + 2 * (queries + keys) + 2 * queries;
    // Gate and up, their product, and the result.
    let gated = |width: u64| 3 * width + hidden;
    let feed_forward = match model.experts() {
        None => gated(decoder.intermediate_size.into()),
        // Rows are gathered for each of their experts, and put back in order at the end.
        Some(experts) => {
            let pairs = u64::from(experts.num_experts_per_tok);
            let sparse = pairs * (gated(experts.moe_intermediate_size.into()) + 2 * hidden);
            sparse.max(gated(decoder.intermediate_size.into()))
        }
    };
    rows.saturating_mul(attention.max(feed_forward)).saturating_mul(model.activation_bytes)
}

/// A quantized cache is unpacked for many rows, one layer at a time.
fn slabs(model: &ModelFacts, options: &FitOptions) -> u64 {
    if kv::quantized_from(options.context_length, &options.kv).is_none() {
        return 0;
    }
    let decoder = model.decoder();
    let keys = u64::from(decoder.num_key_value_heads) * u64::from(decoder.head_dim);
    let slab = (2 * keys * model.activation_bytes).saturating_mul(options.context_length.into());
    slab.saturating_mul(SLABS_IN_FLIGHT)
}

/// Scores, where attention is not one kernel.
fn scores(model: &ModelFacts, options: &FitOptions, rows: u64, has_gpu: bool) -> u64 {
    let decoder = model.decoder();
    // The engine's `attention_is_fused` for an Apple GPU; MLX on NVIDIA fuses these heads too.
    if has_gpu && matches!(decoder.head_dim, 64 | 80 | 128) {
        return 0;
    }
    let row = u64::from(decoder.num_attention_heads) * u64::from(options.context_length) * 4;
    let block = SCORE_BYTES.max(FEWEST_BLOCK_ROWS.saturating_mul(row)).min(rows.saturating_mul(row));
    block.saturating_mul(SCORE_COPIES)
}
