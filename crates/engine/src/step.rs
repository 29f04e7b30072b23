//! One pass of rows through the model.

use mlx_rs::Array;
use mlx_rs::transforms::{async_eval, eval};

use crate::batch::Batch;
use crate::mlx::Result;
use crate::models::Model;
use crate::sampling::{Sampled, Sampler, sample};

/// Steps of at least so many rows are evaluated a few layers at a time while they are built, which bounds the
/// activations that are alive at once. Smaller steps are built whole.
const MANY_ROWS: i32 = 64;

/// Layers of a large step that are evaluated together. Two groups are in flight at a time.
const LAYERS_PER_GROUP: usize = 2;

/// A step that was built; [`BuiltStep::schedule`] starts it.
pub(crate) struct BuiltStep {
    outputs: Vec<Array>,
    /// The chosen tokens, if any row asked for one.
    pub sampled: Option<Sampled>,
}

/// Rows of a step whose logits are wanted.
pub(crate) enum WantedRows {
    /// None: only caches are filled.
    None,
    /// Every row.
    All,
    /// These.
    Some(Vec<u32>),
}

/// Builds a step: `ids` (`[rows]`) through the model, appending to the caches of `batch`, and a token for each wanted
/// row, in the order of `samplers`.
pub(crate) fn build(
    model: &dyn Model,
    ids: &Array,
    batch: &mut Batch<'_>,
    wanted: &WantedRows,
    samplers: &mut [(&mut Sampler, u32)],
) -> Result<BuiltStep> {
    let x = forward(model, ids, batch, wanted)?;
    let x = match wanted {
        // The last layer's cache is all that is left to compute, and what follows its attention is never computed.
        WantedRows::None => {
            let last = model.kv_layout().len() - 1;
            let arrays = batch.segments.iter().flat_map(|segment| segment.kv.layer_arrays(last));
            return Ok(BuiltStep { outputs: arrays.cloned().collect(), sampled: None });
        }
        WantedRows::All => x,
        WantedRows::Some(rows) => x.take_axis(Array::from_slice(rows, &[rows.len() as i32]), 0)?,
    };
    let sampled = sample(&model.logits(&x)?, samplers)?;
    Ok(BuiltStep { outputs: Vec::new(), sampled: Some(sampled) })
}

/// `ids` (`[rows]`) through all layers, to `[rows, hidden]`. The caches of `batch` count the rows as theirs.
pub(crate) fn forward(
    model: &dyn Model,
    ids: &Array,
    batch: &mut Batch<'_>,
    wanted: &WantedRows,
) -> Result<Array> {
    let layers = model.kv_layout().len();
    let in_groups = ids.dim(0) >= MANY_ROWS;
    let mut x = model.embed(ids)?;
    let mut running: Option<Array> = None;
    for layer in 0..layers {
        // Where only caches are wanted, what the last layer attends to is never computed.
        batch.attention.evaluates_blocks = layer + 1 < layers || !matches!(wanted, WantedRows::None);
        x = model.layer(layer, &x, batch)?;
        if in_groups && (layer + 1) % LAYERS_PER_GROUP == 0 && layer + 1 < layers {
            async_eval([&x])?;
            if let Some(previous) = running.replace(x.clone()) {
                eval([&previous])?;
            }
        }
    }
    for segment in &mut batch.segments {
        segment.kv.advance(segment.rows.end - segment.rows.start);
    }
    Ok(x)
}

impl BuiltStep {
    /// Starts the step on the device. Nobody may hold the cache handles it was built from.
    pub fn schedule(&mut self) -> Result<()> {
        let outputs = std::mem::take(&mut self.outputs);
        match &self.sampled {
            Some(sampled) => Ok(async_eval(sampled.arrays())?),
            None => Ok(async_eval(&outputs)?),
        }
    }
}
