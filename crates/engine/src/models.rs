//! Model families. Each is one short file that reads like the paper; a registry maps the configuration to it.

mod qwen3;
mod qwen3_moe;

use mlx_rs::Array;
use shorn_checkpoint::{Checkpoint, Family};

use crate::batch::Batch;
use crate::error::LoadError;
use crate::kv::KvLayout;
use crate::mlx::Result;
use crate::weights::Weights;

/// A decoder: rows of token ids in, rows of logits out. Layers are called one by one, so that the caller decides how
/// many are evaluated together.
pub(crate) trait Model {
    /// Token ids, `[rows]`, to activations, `[rows, hidden]`.
    fn embed(&self, ids: &Array) -> Result<Array>;

    /// One layer: `[rows, hidden]` to `[rows, hidden]`, appending to the caches of the batch.
    fn layer(&self, index: usize, x: &Array, batch: &mut Batch<'_>) -> Result<Array>;

    /// Final norm and output projection: `[rows, hidden]` to `[rows, vocabulary]`.
    fn logits(&self, x: &Array) -> Result<Array>;

    /// What each layer's cache holds.
    fn kv_layout(&self) -> &[KvLayout];
}

/// Groups of arrays that loading evaluates together: the embedding, each layer, the head.
pub(crate) type OnGroup<'a> = dyn FnMut(&Weights<'_>, &[&Array]) -> Result<(), LoadError> + 'a;

/// Builds the model that the configuration names, calling `on_group` after each part so that weights are read in
/// pieces.
pub(crate) fn load(
    checkpoint: &Checkpoint,
    weights: &mut Weights<'_>,
    on_group: &mut OnGroup<'_>,
) -> Result<Box<dyn Model>, LoadError> {
    Ok(match &checkpoint.config.family {
        Family::Qwen3(config) => Box::new(qwen3::Qwen3::load(config, weights, on_group)?),
        Family::Qwen3Moe(config) => Box::new(qwen3_moe::Qwen3Moe::load(config, weights, on_group)?),
    })
}
