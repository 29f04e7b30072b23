//! An MLX-format model folder, read and checked without MLX.
//!
//! [`Checkpoint::open`] reads `config.json`, `generation_config.json` and the headers of the safetensors files, and
//! checks them against each other and against the files' sizes. What it returns can be trusted: nothing behind it is
//! read, allocated or computed from a number that was not checked. Weights themselves are read by the engine.
//!
//! [`KvCache`] holds the KV-cache settings that a person can choose; one that cannot be valid cannot be built, and
//! [`ModelConfig::check_kv`] says whether this model can take it.

mod config;
mod error;
mod generation;
mod kv;
mod quantization;
mod rope;
mod tensors;

use std::path::{Path, PathBuf};

pub use config::{ExpertsConfig, Family, LayerKind, ModelConfig, Qwen3Config, Qwen3MoeConfig};
pub use error::CheckpointError;
pub use generation::GenerationConfig;
pub use kv::{KvBits, KvBytes, KvCache, KvGroupSize, KvQuantization, KvRefusal};
pub use quantization::{Quantization, QuantizationMode, QuantizationTable};
pub use rope::{RopeConfig, RopeScaling};
pub use safetensors::Dtype;
pub use tensors::{TensorEntry, TensorFile, Tensors};

/// The name of a model folder: `org/name` inside the Hugging Face cache, else the folder's own name.
pub fn model_name(directory: &Path) -> String {
    let directory = directory.canonicalize().unwrap_or_else(|_| directory.to_owned());
    let in_cache = directory.ancestors().find_map(|ancestor| {
        let name = ancestor.file_name()?.to_str()?.strip_prefix("models--")?;
        Some(name.replacen("--", "/", 1))
    });
    let own = || directory.file_name().map(|name| name.to_string_lossy().into_owned());
    in_cache.or_else(own).unwrap_or_else(|| "model".to_owned())
}

/// A model folder whose files agree with each other.
#[derive(Debug)]
pub struct Checkpoint {
    /// The folder.
    pub directory: PathBuf,
    /// `config.json`.
    pub config: ModelConfig,
    /// What `generation_config.json` says, empty when there is none.
    pub generation: GenerationConfig,
    /// Token ids that end a reply, from `generation_config.json`, else from `config.json`.
    pub eos_token_ids: Vec<u32>,
    /// The tensors of all safetensors files.
    pub tensors: Tensors,
}

impl Checkpoint {
    /// Reads and checks the folder.
    ///
    /// # Errors
    /// Names the file, the field or tensor, and what to do about it.
    pub fn open(directory: &Path) -> Result<Self, CheckpointError> {
        let config = ModelConfig::read(&directory.join("config.json"))?;
        let generation = GenerationConfig::read(&directory.join("generation_config.json"))?;
        let mut eos_token_ids = generation.eos_token_ids.clone();
        if eos_token_ids.is_empty() {
            eos_token_ids.clone_from(&config.eos_token_ids);
        }
        let tensors = Tensors::read(directory)?;
        Ok(Self { directory: directory.to_owned(), config, generation, eos_token_ids, tensors })
    }

    /// The dtype that activations and an unquantized KV cache have: that of the embedding's output. Where its scales are
    /// no floating-point numbers (mxfp4, nvfp4), that of the norms.
    pub fn activation_dtype(&self) -> Option<Dtype> {
        let floating = |dtype: &Dtype| matches!(dtype, Dtype::F32 | Dtype::F16 | Dtype::BF16);
        let names = ["model.embed_tokens.scales", "model.embed_tokens.weight", "model.norm.weight"];
        names.into_iter().filter_map(|name| self.tensors.get(name)).map(|entry| entry.dtype).find(floating)
    }

    /// How many parameters the model has; a quantized weight counts as the weights it stands for.
    pub fn parameters(&self) -> u64 {
        self.tensors
            .iter()
            .filter(|(name, _)| !name.ends_with(".scales") && !name.ends_with(".biases"))
            .map(|(name, entry)| {
                let path = name.strip_suffix(".weight").unwrap_or(name);
                let scales = self.tensors.get(&format!("{path}.scales"));
                match scales.zip(self.config.quantization.stated(path)) {
                    Some((scales, stated)) => scales.elements() * u64::from(stated.group_size),
                    None => entry.elements(),
                }
            })
            .sum()
    }
}
