//! The weight matrices of a shape: how many parameters they have, and which of their bytes one token reads.

use super::precision::{Precisions, Role};
use super::{FeedForward, Layer, LayerKind, ModelShape};

/// Weights in numbers.
#[derive(Default)]
pub(super) struct Count {
    pub parameters: u64,
    pub active_parameters: u64,
    pub bytes: u128,
    pub active_bytes: u128,
}

/// A weight matrix `[outputs, inputs]`, or several in one tensor.
struct Matrix {
    /// The last part of its module's path.
    name: &'static str,
    role: Role,
    outputs: u64,
    inputs: u64,
    /// How many there are, and how many one token reads.
    copies: u64,
    read: u64,
}

impl Matrix {
    fn new(name: &'static str, outputs: u64, inputs: u64) -> Self {
        Self { name, role: Role::Other, outputs, inputs, copies: 1, read: 1 }
    }

    /// Rows of an embedding; the output projection is read whole where it is the same tensor.
    fn embedding(name: &'static str, rows: u32, width: u64, read_whole: bool) -> Self {
        let (copies, read) = (rows.into(), if read_whole { rows.into() } else { 1 });
        Self { copies, read, ..Self::new(name, 1, width) }
    }
}

/// Counts all matrices.
pub(super) fn count(shape: &ModelShape, precisions: &Precisions) -> Count {
    let mut count = Count::default();
    let mut add = |layer: Option<usize>, matrix: Matrix| {
        let elements = matrix.outputs.saturating_mul(matrix.inputs);
        let bytes = precisions.bytes(layer, matrix.role, matrix.name, elements, matrix.inputs);
        let times = |copies: u64| (elements.saturating_mul(copies), bytes.saturating_mul(copies.into()));
        let ((parameters, bytes), (active_parameters, active_bytes)) =
            (times(matrix.copies), times(matrix.read));
        count.parameters = count.parameters.saturating_add(parameters);
        count.active_parameters = count.active_parameters.saturating_add(active_parameters);
        count.bytes = count.bytes.saturating_add(bytes);
        count.active_bytes = count.active_bytes.saturating_add(active_bytes);
    };
    let hidden = u64::from(shape.hidden_size);
    add(None, Matrix::embedding("embed_tokens", shape.vocab_size, hidden, shape.tied_embedding));
    if !shape.tied_embedding {
        add(None, Matrix::new("lm_head", shape.vocab_size.into(), hidden));
    }
    for (index, layer) in shape.layers.iter().enumerate() {
        for matrix in attention(layer, hidden).into_iter().chain(feed_forward(layer, hidden)) {
            add(Some(index), matrix);
        }
    }
    if let Some(per_layer) = shape.per_layer_embedding {
        let (layers, width) = (shape.layers.len() as u64, u64::from(per_layer.width));
        let all = layers.saturating_mul(width);
        add(None, Matrix::embedding("embed_tokens_per_layer", per_layer.vocab_size, all, false));
        add(None, Matrix::new("per_layer_model_projection", all, hidden));
        for index in 0..shape.layers.len() {
            add(Some(index), Matrix::new("per_layer_input_gate", width, hidden));
            add(Some(index), Matrix::new("per_layer_projection", hidden, width));
        }
    }
    count
}

fn attention(layer: &Layer, hidden: u64) -> Vec<Matrix> {
    match layer.kind {
        LayerKind::Attention(heads) | LayerKind::Sliding { heads, .. } => {
            let (queries, keys) = (heads.query_width(), heads.kv_width());
            let values = (!heads.values_from_keys).then(|| Matrix::new("v_proj", keys, hidden));
            let mut matrices = vec![
                Matrix::new("q_proj", if heads.gated { 2 * queries } else { queries }, hidden),
                Matrix::new("k_proj", keys, hidden),
                Matrix::new("o_proj", hidden, queries),
            ];
            matrices.extend(values);
            matrices
        }
        LayerKind::Borrowing(heads) => {
            let queries = heads.query_width();
            vec![Matrix::new("q_proj", queries, hidden), Matrix::new("o_proj", hidden, queries)]
        }
        LayerKind::Latent(latent) => {
            let heads = u64::from(latent.heads);
            let queries = heads.saturating_mul(latent.key_dim());
            let values = heads.saturating_mul(latent.v_head_dim.into());
            let rank = u64::from(latent.kv_lora_rank);
            let mut matrices = match latent.q_lora_rank {
                None => vec![Matrix::new("q_proj", queries, hidden)],
                Some(rank) => vec![
                    Matrix::new("q_a_proj", rank.into(), hidden),
                    Matrix::new("q_b_proj", queries, rank.into()),
                ],
            };
            matrices.extend([
                Matrix::new("kv_a_proj_with_mqa", latent.width(), hidden),
                // mlx-lm keeps `kv_b_proj` as two.
                Matrix::new("embed_q", heads.saturating_mul(latent.qk_nope_head_dim.into()), rank),
                Matrix::new("unembed_out", values, rank),
                Matrix::new("o_proj", hidden, values),
            ]);
            matrices
        }
        LayerKind::Recurrent(net) => vec![
            Matrix::new("in_proj_qkv", net.conv_width(), hidden),
            Matrix::new("in_proj_z", net.value_width(), hidden),
            Matrix::new("in_proj_b", net.value_heads.into(), hidden),
            Matrix::new("in_proj_a", net.value_heads.into(), hidden),
            Matrix::new("out_proj", hidden, net.value_width()),
        ],
    }
}

fn feed_forward(layer: &Layer, hidden: u64) -> Vec<Matrix> {
    let FeedForward { width, experts } = layer.feed_forward;
    let gated = |width: u64| {
        [
            Matrix::new("gate_proj", width, hidden),
            Matrix::new("up_proj", width, hidden),
            Matrix::new("down_proj", hidden, width),
        ]
    };
    let mut matrices = Vec::new();
    if width > 0 {
        matrices.extend(gated(width.into()));
    }
    if let Some(experts) = experts {
        matrices.push(Matrix { role: Role::Router, ..Matrix::new("gate", experts.count.into(), hidden) });
        let (copies, read) = (experts.count.into(), experts.per_token.into());
        let stacked = |matrix| Matrix { role: Role::Expert, copies, read, ..matrix };
        matrices.extend(gated(experts.width.into()).map(stacked));
    }
    matrices
}
