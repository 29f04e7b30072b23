//! Whether a model's folder can be loaded, and if not, why.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use serde::Serialize;
use serde_json::Value;
use shorn_checkpoint::{Checkpoint, CheckpointError, Dtype, ModelConfig};
use ts_rs::TS;

use super::contents::Contents;

/// Whether a model can be loaded.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum LibraryState {
    /// Its files agree with each other and are there in full.
    Ready {
        /// What it is.
        summary: ModelSummary,
    },
    /// Files are missing or unfinished; downloading it again or resuming the download mends it.
    Incomplete {
        /// What is missing, in words.
        missing: String,
    },
    /// Shorn cannot load it, and no download changes that.
    Unsupported {
        /// What is in the way and what to do, in words.
        why: String,
    },
}

/// What a model is, from its configuration and tensor headers.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
pub struct ModelSummary {
    /// `model_type` of its configuration, such as `qwen3_moe`.
    pub family: String,
    /// Number of parameters; a quantized weight counts as the weights it stands for.
    pub parameters: u64,
    /// Bytes of all tensors.
    pub weights_bytes: u64,
    /// Bits that a parameter takes on average, scales included.
    pub bits_per_weight: f64,
    /// How the weights are kept, in words: `4-bit affine in groups of 64`, or `bfloat16, not quantized`.
    pub quantization: String,
    /// Longest context the model was made for, in tokens.
    pub context_length: u32,
}

impl LibraryState {
    pub(super) fn unreadable(path: &Path, error: &io::Error) -> Self {
        let why = format!("{} cannot be read: {error}; check its permissions", path.display());
        Self::Unsupported { why }
    }

    fn incomplete(missing: impl Into<String>) -> Self {
        Self::Incomplete { missing: missing.into() }
    }

    fn unsupported(why: impl Into<String>) -> Self {
        Self::Unsupported { why: why.into() }
    }
}

/// Judges a folder. `unfinished` is the number of files whose download did not end.
///
/// What no download can mend is said first: nobody should wait for the rest of a model that cannot run.
pub(super) fn of(directory: &Path, contents: &Contents, unfinished: usize) -> LibraryState {
    if let Some((name, target)) = contents.outside.first() {
        return LibraryState::unsupported(format!(
            "{name} is a link out of the model folders, to {}; put the file itself in its place",
            target.display()
        ));
    }
    if let Some(name) = contents.special.first() {
        return LibraryState::unsupported(format!("{name} is neither a file nor a folder; remove it"));
    }
    if contents.has("config.json")
        && let Err(error) = ModelConfig::read(&directory.join("config.json"))
    {
        return LibraryState::unsupported(error.to_string());
    }
    match missing(contents, unfinished) {
        Some(missing) => LibraryState::incomplete(missing),
        None => whole(directory, contents),
    }
}

/// What links and unfinished downloads say is missing.
fn missing(contents: &Contents, unfinished: usize) -> Option<String> {
    let mut parts = Vec::new();
    if let Some(first) = contents.broken.first() {
        parts.push(match contents.broken.len() {
            1 => first.clone(),
            more => format!("{more} files, {first} first"),
        });
    }
    match unfinished {
        0 => {}
        1 => parts.push("the rest of 1 file".to_owned()),
        more => parts.push(format!("the rest of {more} files")),
    }
    (!parts.is_empty()).then(|| parts.join(" and "))
}

/// Judges a folder with nothing unfinished in it.
fn whole(directory: &Path, contents: &Contents) -> LibraryState {
    if contents.ending(".safetensors").is_empty() {
        if let Some(format) = other_format(contents) {
            return LibraryState::unsupported(format!(
                "its weights are in {format} format; choose a version of this model in MLX format (safetensors)"
            ));
        }
        return match contents.has("config.json") {
            true => LibraryState::incomplete("its weights (model.safetensors)"),
            false => {
                LibraryState::unsupported("it has no config.json and no weights in MLX format (safetensors)")
            }
        };
    }
    match Checkpoint::open(directory) {
        // Nothing can be said to a model without its tokenizer.
        Ok(_) if !contents.has("tokenizer.json") => LibraryState::incomplete("tokenizer.json"),
        Ok(checkpoint) => LibraryState::Ready { summary: summary(&checkpoint) },
        Err(error) => refused(&error),
    }
}

/// Weights that other programs read.
fn other_format(contents: &Contents) -> Option<&'static str> {
    let formats = [
        (".gguf", "GGUF"),
        (".bin", "PyTorch"),
        (".pt", "PyTorch"),
        (".pth", "PyTorch"),
        (".onnx", "ONNX"),
        (".npz", "NumPy"),
        (".h5", "TensorFlow"),
        (".msgpack", "Flax"),
    ];
    formats.into_iter().find(|(suffix, _)| !contents.ending(suffix).is_empty()).map(|(_, format)| format)
}

fn refused(error: &CheckpointError) -> LibraryState {
    match error {
        CheckpointError::Missing { path, .. } => LibraryState::incomplete(file_name(path)),
        CheckpointError::Damaged { path, problem } => {
            LibraryState::incomplete(format!("a whole {}: {problem}", file_name(path)))
        }
        CheckpointError::Tensor { path, .. } => match cut_short(path) {
            Some((bytes, expected)) => LibraryState::incomplete(format!(
                "the rest of {}: it has {bytes} of {expected} bytes",
                file_name(path)
            )),
            None => LibraryState::unsupported(error.to_string()),
        },
        CheckpointError::Unreadable { .. }
        | CheckpointError::Field { .. }
        | CheckpointError::UnsupportedFamily { .. } => LibraryState::unsupported(error.to_string()),
    }
}

/// The bytes that a safetensors file has and those that its header asks for, when they are too few.
///
/// A file that ends too early shows as a tensor outside of it; whether it does decides between "download it again" and
/// "this will never work".
fn cut_short(path: &Path) -> Option<(u64, u64)> {
    let mut file = File::open(path).ok()?;
    let bytes = file.metadata().ok()?.len();
    let mut length = [0; 8];
    file.read_exact(&mut length).ok()?;
    let length = u64::from_le_bytes(length);
    let mut header = Vec::new();
    file.take(length.min(bytes)).read_to_end(&mut header).ok()?;
    let header: Value = serde_json::from_slice(&header).ok()?;
    let end = |tensor: &Value| tensor.get("data_offsets")?.get(1)?.as_u64();
    let data = header.as_object()?.values().filter_map(end).max()?;
    let expected = data.checked_add(length)?.checked_add(8)?;
    (bytes < expected).then_some((bytes, expected))
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

fn summary(checkpoint: &Checkpoint) -> ModelSummary {
    let (parameters, weights_bytes) = (checkpoint.parameters(), checkpoint.tensors.bytes());
    ModelSummary {
        family: checkpoint.config.model_type.clone(),
        parameters,
        weights_bytes,
        bits_per_weight: match parameters {
            0 => 0.0,
            _ => weights_bytes as f64 * 8.0 / parameters as f64,
        },
        quantization: quantization(checkpoint),
        context_length: checkpoint.config.context_length(),
    }
}

fn quantization(checkpoint: &Checkpoint) -> String {
    let table = &checkpoint.config.quantization;
    let Some(default) = table.default_setting() else {
        return format!("{}, not quantized", dtype_name(checkpoint.activation_dtype()));
    };
    let exceptions = match table.exceptions() {
        0 => String::new(),
        1 => ", 1 matrix otherwise".to_owned(),
        count => format!(", {count} matrices otherwise"),
    };
    let (bits, group_size, mode) = (default.bits, default.group_size, default.mode.name());
    format!("{bits}-bit {mode} in groups of {group_size}{exceptions}")
}

fn dtype_name(dtype: Option<Dtype>) -> String {
    match dtype {
        Some(Dtype::BF16) => "bfloat16".to_owned(),
        Some(Dtype::F16) => "float16".to_owned(),
        Some(Dtype::F32) => "float32".to_owned(),
        Some(other) => other.to_string(),
        None => "unknown dtype".to_owned(),
    }
}
