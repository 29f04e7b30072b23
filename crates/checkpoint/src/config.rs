//! `config.json`, typed by model family.

mod qwen3;
mod qwen3_moe;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

pub use qwen3::Qwen3Config;
pub use qwen3_moe::{ExpertsConfig, Qwen3MoeConfig};

use crate::{CheckpointError, QuantizationTable};

/// Larger JSON files are refused; the largest configuration in the field has some hundred kilobytes.
const MAX_JSON_BYTES: u64 = 16 << 20;

/// The bound on every size in a configuration: products of three of them fit in 64 bits.
const MAX_SIZE: u32 = 1 << 21;

/// What `config.json` says.
#[derive(Debug, Clone)]
pub struct ModelConfig {
    /// `model_type`, as written.
    pub model_type: String,
    /// The family's own fields.
    pub family: Family,
    /// How weights are quantized.
    pub quantization: QuantizationTable,
    /// Token ids that end a reply.
    pub eos_token_ids: Vec<u32>,
}

/// The model families that the engine has.
#[derive(Debug, Clone)]
pub enum Family {
    /// Qwen3, dense.
    Qwen3(Qwen3Config),
    /// Qwen3 with a mixture of experts, Qwen3-Coder-30B-A3B among them.
    Qwen3Moe(Qwen3MoeConfig),
}

/// What a layer keeps between tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayerKind {
    /// Keys and values of every token.
    Attention {
        /// Number of key-value heads.
        kv_heads: u32,
        /// Elements of one key or value.
        head_dim: u32,
    },
}

impl ModelConfig {
    /// Reads and checks the file.
    ///
    /// # Errors
    /// Names the field and what was expected.
    pub fn read(path: &Path) -> Result<Self, CheckpointError> {
        Self::parse(path, &read_json(path)?)
    }

    /// Checks what the file holds. `path` is what errors call it: it need not be on this disk.
    ///
    /// # Errors
    /// As of [`Self::read`].
    pub fn parse(path: &Path, value: &Value) -> Result<Self, CheckpointError> {
        let Value::Object(object) = value else {
            return Err(CheckpointError::field(path, "config", "must be a JSON object"));
        };
        let model_type = match object.get("model_type") {
            Some(Value::String(name)) => name.clone(),
            _ => return Err(CheckpointError::field(path, "model_type", "must be a string")),
        };
        let family = match model_type.as_str() {
            "qwen3" => Family::Qwen3(Qwen3Config::parse(path, object)?),
            "qwen3_moe" => Family::Qwen3Moe(Qwen3MoeConfig::parse(path, object)?),
            _ => {
                return Err(CheckpointError::UnsupportedFamily {
                    path: path.to_owned(),
                    model_type,
                    supported: "qwen3, qwen3_moe".into(),
                });
            }
        };
        Ok(Self {
            model_type,
            family,
            quantization: QuantizationTable::parse(path, object)?,
            eos_token_ids: token_ids(path, "eos_token_id", object.get("eos_token_id"))?,
        })
    }

    /// What each layer keeps, first to last.
    pub fn layers(&self) -> Vec<LayerKind> {
        let decoder = self.decoder();
        let kind = LayerKind::Attention { kv_heads: decoder.num_key_value_heads, head_dim: decoder.head_dim };
        vec![kind; decoder.num_hidden_layers as usize]
    }

    /// Longest context the model was made for, in tokens.
    pub fn context_length(&self) -> u32 {
        self.decoder().max_position_embeddings
    }

    /// Number of rows of the embedding: token ids are below it.
    pub fn vocab_size(&self) -> u32 {
        self.decoder().vocab_size
    }

    fn decoder(&self) -> &Qwen3Config {
        match &self.family {
            Family::Qwen3(config) => config,
            Family::Qwen3Moe(config) => &config.decoder,
        }
    }
}

/// Reads a JSON file of bounded size.
pub(crate) fn read_json(path: &Path) -> Result<Value, CheckpointError> {
    let unreadable = |source| CheckpointError::Unreadable { path: path.to_owned(), source };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(CheckpointError::Missing {
                path: path.to_owned(),
                remedy: "choose a folder that holds a model in MLX format".into(),
            });
        }
        Err(error) => return Err(unreadable(error)),
    };
    let mut text = Vec::new();
    file.take(MAX_JSON_BYTES + 1).read_to_end(&mut text).map_err(unreadable)?;
    if text.len() as u64 > MAX_JSON_BYTES {
        return Err(CheckpointError::field(
            path,
            "file",
            "has more than 16 MB, too much for a configuration",
        ));
    }
    serde_json::from_slice(&text)
        .map_err(|error| CheckpointError::field(path, "file", &format!("is not JSON: {error}")))
}

/// Parses a family's fields; an error names the field.
fn parse_fields<T: DeserializeOwned>(path: &Path, object: &Map<String, Value>) -> Result<T, CheckpointError> {
    serde_path_to_error::deserialize(Value::Object(object.clone())).map_err(|error| {
        let field = error.path().to_string();
        CheckpointError::field(path, if field == "." { "config" } else { &field }, &error.inner().to_string())
    })
}

/// One id, a list of ids, or nothing.
pub(crate) fn token_ids(
    path: &Path,
    field: &str,
    value: Option<&Value>,
) -> Result<Vec<u32>, CheckpointError> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Ids {
        One(u32),
        Many(Vec<u32>),
        None(()),
    }
    let Some(value) = value else { return Ok(Vec::new()) };
    match Ids::deserialize(value) {
        Ok(Ids::One(id)) => Ok(vec![id]),
        Ok(Ids::Many(ids)) => Ok(ids),
        Ok(Ids::None(())) => Ok(Vec::new()),
        Err(_) => Err(CheckpointError::field(
            path,
            field,
            &format!("must be a token id or a list of token ids, not {value}"),
        )),
    }
}

/// Checks that a size is at least 1 and within what any real model has.
fn check_size(path: &Path, field: &str, size: u32) -> Result<(), CheckpointError> {
    if (1..=MAX_SIZE).contains(&size) {
        return Ok(());
    }
    Err(CheckpointError::field(path, field, &format!("must be from 1 to {MAX_SIZE}, not {size}")))
}

#[cfg(test)]
mod tests;
