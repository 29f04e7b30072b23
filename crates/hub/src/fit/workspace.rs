//! What a prefill step takes beside the weights and the KV caches.

use super::kv::{self, PREFILL_CHUNK};
use super::{FeedForward, FitOptions, LayerKind, ModelFacts};

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

/// Activations of one layer, the largest: those of its attention or of what follows it, whichever are more.
pub(super) fn layer_activations(model: &ModelFacts, rows: u64) -> u64 {
    let hidden = u64::from(model.shape.hidden_size);
    let layers = model.shape.layers.iter();
    let widest =
        layers.map(|layer| mixing(&layer.kind, hidden).max(feed_forward(&layer.feed_forward, hidden)));
    rows.saturating_mul(widest.max().unwrap_or(0)).saturating_mul(model.shape.activation_bytes)
}

/// Elements for one row while a layer mixes tokens.
fn mixing(kind: &LayerKind, hidden: u64) -> u64 {
    // The residual stream and its norm.
    let stream = 2 * hidden;
    match kind {
        LayerKind::Attention(heads) | LayerKind::Sliding { heads, .. } | LayerKind::Borrowing(heads) => {
            let (queries, keys) = (heads.query_width(), heads.kv_width());
            let gate = if heads.gated { queries } else { 0 };
            // Queries with keys and values, queries and keys normalised and rotated, and what attention gives, once as
            // it comes and once with heads side by side.
            stream + gate + (queries + 2 * keys) + 2 * (queries + keys) + 2 * queries
        }
        LayerKind::Latent(latent) => {
            let heads = u64::from(latent.heads);
            let queries = heads * latent.key_dim();
            stream + 3 * queries + 2 * latent.width() + 2 * heads * u64::from(latent.v_head_dim)
        }
        // The convolution's inputs, outputs and what their activation gives; gates; what the state gives, normalised.
        LayerKind::Recurrent(net) => stream + 3 * net.conv_width() + 3 * net.value_width(),
    }
}

/// Elements for one row after that.
fn feed_forward(feed_forward: &FeedForward, hidden: u64) -> u64 {
    // Gate and up, their product, and the result.
    let gated = |width: u32| 3 * u64::from(width) + hidden;
    let dense = match feed_forward.width {
        0 => 0,
        width => gated(width),
    };
    // Rows are gathered for each of their experts, and put back in order at the end.
    let sparse = feed_forward
        .experts
        .map_or(0, |experts| u64::from(experts.per_token).saturating_mul(gated(experts.width) + 2 * hidden));
    dense.max(sparse)
}

/// A quantized cache is unpacked for many rows, and so is a latent one: one layer at a time.
fn slabs(model: &ModelFacts, options: &FitOptions) -> u64 {
    let quantized = kv::quantized_from(options.context_length, &options.kv).is_some();
    let rows = model.shape.layers.iter().map(|layer| match layer.kind {
        LayerKind::Attention(heads) if quantized => 2 * heads.kv_width(),
        LayerKind::Latent(latent) => {
            u64::from(latent.heads).saturating_mul(latent.key_dim() + u64::from(latent.v_head_dim))
        }
        _ => 0,
    });
    let row = rows.max().unwrap_or(0).saturating_mul(model.shape.activation_bytes);
    row.saturating_mul(options.context_length.into()).saturating_mul(SLABS_IN_FLIGHT)
}

/// Scores, where attention is not one kernel.
fn scores(model: &ModelFacts, options: &FitOptions, rows: u64, has_gpu: bool) -> u64 {
    let context = options.context_length;
    let layers = model.shape.layers.iter().filter_map(|layer| match layer.kind {
        LayerKind::Attention(heads) | LayerKind::Borrowing(heads) => {
            Some((heads.query_heads, u64::from(heads.head_dim), context))
        }
        LayerKind::Sliding { heads, window } => {
            let seen = context.min(kv::sliding_capacity(window));
            Some((heads.query_heads, u64::from(heads.head_dim), seen))
        }
        LayerKind::Latent(latent) => Some((latent.heads, latent.key_dim(), context)),
        LayerKind::Recurrent(_) => None,
    });
    // The engine's `attention_is_fused` for an Apple GPU; MLX on NVIDIA fuses these heads too.
    let unfused = layers.filter(|(_, head_dim, _)| !(has_gpu && matches!(head_dim, 64 | 80 | 128)));
    let blocks = unfused.map(|(heads, _, seen)| {
        let row = u64::from(heads).saturating_mul(seen.into()).saturating_mul(4);
        SCORE_BYTES.max(FEWEST_BLOCK_ROWS.saturating_mul(row)).min(rows.saturating_mul(row))
    });
    blocks.max().unwrap_or(0).saturating_mul(SCORE_COPIES)
}
