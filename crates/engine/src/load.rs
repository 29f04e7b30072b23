//! Loading a model: weights in pieces, with progress, a way to stop, and a first step that proves it computes.

use std::ops::ControlFlow;
use std::time::Instant;

use mlx_rs::transforms::eval;
use mlx_rs::{Array, memory};
use shorn_checkpoint::{Checkpoint, Family, KvCache};
use shorn_protocol::LoadSettings;

use crate::backend::Backend;
use crate::batch::{Batch, Segment};
use crate::error::LoadError;
use crate::kv::SequenceKv;
use crate::mlx;
use crate::models::{self, Model};
use crate::step::{self, WantedRows};
use crate::weights::Weights;

/// A model that computes, and what was learned while it was loaded.
pub(crate) struct Loaded {
    pub model: Box<dyn Model>,
    pub checkpoint: Checkpoint,
    pub backend: Backend,
    /// Bytes of the weights as they are in memory.
    pub weights: u64,
    pub memory_limit: u64,
    pub seconds: f64,
    pub notes: Vec<String>,
}

/// Bytes read and bytes in all; breaking stops the load.
pub type OnProgress<'a> = dyn FnMut(u64, u64) -> ControlFlow<()> + 'a;

/// Buffers that MLX may keep for re-use.
const BUFFER_CACHE_BYTES: usize = 512 << 20;

/// Loads the model that `settings` names.
pub(crate) fn load(settings: &LoadSettings, on_progress: &mut OnProgress<'_>) -> Result<Loaded, LoadError> {
    let begun = Instant::now();
    mlx::init()?;
    let checkpoint = Checkpoint::open(&settings.directory)?;
    check(settings, &checkpoint)?;
    let backend = Backend::current();
    let memory_limit = limit_memory(settings, &checkpoint, backend)?;
    let mut notes = Vec::new();

    let widen = backend.widens_dense_experts() && has_dense_16_bit_experts(&checkpoint);
    if widen {
        notes.push(
            "loaded as float32: this backend computes unquantized experts in no other dtype".to_owned(),
        );
    }
    let mut weights = Weights::open(&checkpoint, widen)?;
    let total = checkpoint.tensors.bytes();
    let mut loaded = 0;
    let model = models::load(&checkpoint, &mut weights, &mut |weights, arrays| {
        eval(arrays.iter().copied())?;
        mlx::synchronize()?;
        weights.check_reads()?;
        loaded += arrays.iter().map(|array| array.nbytes() as u64).sum::<u64>();
        match on_progress(loaded.min(total), total) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(LoadError::Cancelled),
        }
    })?;
    let unused = weights.unused().count();
    if unused > 0 {
        let first = weights.unused().min().unwrap_or_default().to_owned();
        notes.push(format!(
            "{unused} tensors are not part of this architecture and were left out, {first} first"
        ));
    }
    drop(weights);

    try_a_step(model.as_ref(), backend, &checkpoint)?;
    memory::clear_cache()?;
    Ok(Loaded {
        model,
        checkpoint,
        backend,
        weights: loaded,
        memory_limit,
        seconds: begun.elapsed().as_secs_f64(),
        notes,
    })
}

fn check(settings: &LoadSettings, checkpoint: &Checkpoint) -> Result<(), LoadError> {
    checkpoint.config.check_kv(&settings.kv)?;
    let longest = checkpoint.config.context_length();
    if settings.context_length == 0 || settings.context_length > longest {
        return Err(LoadError::Setting(format!(
            "context length must be from 1 to {longest} (max_position_embeddings of this model), not {}",
            settings.context_length
        )));
    }
    if settings.max_concurrent == 0 {
        return Err(LoadError::Setting("max concurrent requests must be at least 1".to_owned()));
    }
    Ok(())
}

/// Tells MLX how much it may hold, and refuses what cannot fit.
fn limit_memory(
    settings: &LoadSettings,
    checkpoint: &Checkpoint,
    backend: Backend,
) -> Result<u64, LoadError> {
    let limit = match settings.memory_limit.or_else(|| backend.recommended_memory()) {
        Some(limit) => limit,
        None => memory::memory_limit()? as u64,
    };
    let needed = checkpoint.tensors.bytes();
    if needed > limit {
        return Err(LoadError::Memory { needed: needed / 1_000_000, limit: limit / 1_000_000 });
    }
    // Past its limit MLX's scheduler waits for running work instead of piling up more. Never a wired limit: it is
    // behind kernel panics in the field.
    memory::set_memory_limit(limit as usize)?;
    memory::set_cache_limit(BUFFER_CACHE_BYTES)?;
    Ok(limit)
}

fn has_dense_16_bit_experts(checkpoint: &Checkpoint) -> bool {
    use shorn_checkpoint::Dtype;
    matches!(&checkpoint.config.family, Family::Qwen3Moe(_))
        && checkpoint.tensors.iter().any(|(name, entry)| {
            (name.contains(".switch_mlp.") || name.contains(".experts."))
                && name.ends_with(".weight")
                && matches!(entry.dtype, Dtype::F16 | Dtype::BF16)
        })
}

/// Runs a few tokens through the model: kernels are compiled, and weights that make no numbers are found now.
fn try_a_step(model: &dyn Model, backend: Backend, checkpoint: &Checkpoint) -> Result<(), LoadError> {
    let rows = checkpoint.config.vocab_size().min(4);
    let ids: Vec<u32> = (0..rows).collect();
    let ids = Array::from_slice(&ids, &[rows as i32]);
    let mut kv = SequenceKv::new(model.kv_layout(), KvCache::Dense)?;
    kv.reserve(rows as i32)?;
    let mut batch = Batch::new(backend, vec![Segment { rows: 0..rows as i32, kv: &mut kv }]);
    let x = step::forward(model, &ids, &mut batch, &WantedRows::All)?;
    let finite = mlx::read::<bool>(&model.logits(&x)?.is_finite()?.all(true)?)?;
    mlx::synchronize()?;
    if finite == [true] {
        return Ok(());
    }
    Err(LoadError::Setting(format!(
        "{}: the weights give logits that are no finite numbers; they are damaged, or not for this configuration",
        checkpoint.directory.display()
    )))
}
