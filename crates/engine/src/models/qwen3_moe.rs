//! Qwen3 with a mixture of experts: Qwen3-Coder-30B-A3B and its kin.

use mlx_rs::Array;
use mlx_rs::ops::{argpartition_axis, softmax_axis};
use shorn_checkpoint::{ExpertsConfig, Qwen3MoeConfig};

use super::qwen3::{Decoder, FeedForward};
use super::{Model, OnGroup};
use crate::batch::Batch;
use crate::error::LoadError;
use crate::kv::KvLayout;
use crate::mlx::{self, Result};
use crate::nn::{Linear, Mlp, SwitchGlu};
use crate::weights::Weights;

/// The family with experts.
pub(super) struct Qwen3Moe {
    decoder: Decoder<SparseOrDense>,
}

/// Some layers may have a plain MLP.
enum SparseOrDense {
    Sparse(SparseMoe),
    Dense(Mlp),
}

/// A router and its experts.
struct SparseMoe {
    router: Linear,
    experts: SwitchGlu,
    per_token: i32,
    normalise: bool,
}

impl Qwen3Moe {
    pub fn load(
        config: &Qwen3MoeConfig,
        weights: &mut Weights<'_>,
        on_group: &mut OnGroup<'_>,
    ) -> Result<Self, LoadError> {
        let hidden = config.decoder.hidden_size;
        let decoder = Decoder::load(&config.decoder, weights, on_group, |weights, layer, path| {
            Ok(if config.has_experts[layer] {
                SparseOrDense::Sparse(SparseMoe::load(&config.experts, weights, path, hidden)?)
            } else {
                SparseOrDense::Dense(Mlp::load(weights, path, hidden, config.decoder.intermediate_size)?)
            })
        })?;
        Ok(Self { decoder })
    }
}

impl Model for Qwen3Moe {
    fn embed(&self, ids: &Array) -> Result<Array> {
        self.decoder.embedding.forward(ids)
    }

    fn layer(&self, index: usize, x: &Array, batch: &mut Batch<'_>) -> Result<Array> {
        self.decoder.layer(index, x, batch)
    }

    fn logits(&self, x: &Array) -> Result<Array> {
        self.decoder.logits(x)
    }

    fn kv_layout(&self) -> &[KvLayout] {
        &self.decoder.kv_layout
    }
}

impl FeedForward for SparseOrDense {
    fn forward(&self, x: &Array) -> Result<Array> {
        match self {
            Self::Sparse(moe) => moe.forward(x),
            Self::Dense(mlp) => mlp.forward(x),
        }
    }

    fn arrays(&self) -> Vec<&Array> {
        match self {
            Self::Sparse(moe) => {
                let mut arrays = moe.router.arrays();
                arrays.extend(moe.experts.arrays());
                arrays
            }
            Self::Dense(mlp) => mlp.arrays(),
        }
    }
}

impl SparseMoe {
    fn load(
        config: &ExpertsConfig,
        weights: &mut Weights<'_>,
        path: &str,
        hidden: u32,
    ) -> Result<Self, LoadError> {
        let (experts, width) = (config.num_experts, config.moe_intermediate_size);
        Ok(Self {
            router: Linear::load(weights, &format!("{path}.gate"), hidden, experts)?,
            experts: SwitchGlu::load(weights, &format!("{path}.switch_mlp"), experts, hidden, width)?,
            per_token: config.num_experts_per_tok as i32,
            normalise: config.norm_topk_prob,
        })
    }

    fn forward(&self, x: &Array) -> Result<Array> {
        let (rows, hidden) = (x.dim(0), x.dim(1));
        let (chosen, weights) = self.route(&self.router.forward(x)?)?;
        let outputs = self.experts.forward(x, &chosen)?;
        // The weighted sum over a row's experts, as a product: [rows, 1, k] @ [rows, k, hidden].
        let weights = weights.reshape(&[rows, 1, self.per_token])?;
        Ok(weights.matmul(&outputs)?.reshape(&[rows, hidden])?)
    }

    /// Router logits, `[rows, experts]`, to each row's experts and their weights, `[rows, k]`.
    fn route(&self, logits: &Array) -> Result<(Array, Array)> {
        let (rows, experts) = (logits.dim(0), logits.dim(1));
        let best_last = argpartition_axis(logits, -self.per_token, -1)?;
        let chosen = mlx::slice(&best_last, &[0, experts - self.per_token], &[rows, experts])?;
        if self.normalise {
            // Softmax over all experts, then scaling the chosen ones to sum to one, is the softmax of the chosen ones.
            let weights = softmax_axis(logits.take_along_axis(&chosen, -1)?, -1, true)?;
            return Ok((chosen, weights));
        }
        let weights = softmax_axis(logits, -1, true)?.take_along_axis(&chosen, -1)?;
        Ok((chosen, weights))
    }
}
