use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{check_size, parse_fields};
use crate::{CheckpointError, RopeConfig};

/// Qwen3: grouped-query attention with normalised queries and keys, and a gated MLP. Names are those of the file.
#[derive(Debug, Clone)]
pub struct Qwen3Config {
    /// Width of the residual stream.
    pub hidden_size: u32,
    /// Number of layers.
    pub num_hidden_layers: u32,
    /// Width of the MLP.
    pub intermediate_size: u32,
    /// Query heads.
    pub num_attention_heads: u32,
    /// Key and value heads; divides the query heads.
    pub num_key_value_heads: u32,
    /// Elements of a head; even.
    pub head_dim: u32,
    /// Added to the mean square before the root.
    pub rms_norm_eps: f32,
    /// Rotary embedding.
    pub rope: RopeConfig,
    /// Rows of the embedding.
    pub vocab_size: u32,
    /// Whether the output projection is the embedding.
    pub tie_word_embeddings: bool,
    /// Longest context, in tokens.
    pub max_position_embeddings: u32,
}

#[derive(Deserialize)]
struct Fields {
    hidden_size: u32,
    num_hidden_layers: u32,
    intermediate_size: u32,
    num_attention_heads: u32,
    num_key_value_heads: Option<u32>,
    head_dim: Option<u32>,
    rms_norm_eps: f32,
    vocab_size: u32,
    #[serde(default)]
    tie_word_embeddings: bool,
    max_position_embeddings: u32,
    #[serde(default)]
    attention_bias: bool,
}

impl Qwen3Config {
    pub(super) fn parse(path: &Path, object: &Map<String, Value>) -> Result<Self, CheckpointError> {
        let fields: Fields = parse_fields(path, object)?;
        let heads = fields.num_attention_heads;
        let kv_heads = fields.num_key_value_heads.unwrap_or(heads);
        for (field, size) in [
            ("hidden_size", fields.hidden_size),
            ("num_hidden_layers", fields.num_hidden_layers),
            ("intermediate_size", fields.intermediate_size),
            ("num_attention_heads", heads),
            ("num_key_value_heads", kv_heads),
            ("vocab_size", fields.vocab_size),
        ] {
            check_size(path, field, size)?;
        }
        let head_dim = fields.head_dim.unwrap_or(fields.hidden_size / heads);
        check_size(path, "head_dim", head_dim)?;
        if !head_dim.is_multiple_of(2) {
            return Err(CheckpointError::field(path, "head_dim", &format!("must be even, not {head_dim}")));
        }
        if !heads.is_multiple_of(kv_heads) {
            let problem = format!("{kv_heads} does not divide num_attention_heads {heads}");
            return Err(CheckpointError::field(path, "num_key_value_heads", &problem));
        }
        if !(fields.rms_norm_eps > 0.0 && fields.rms_norm_eps < 1.0) {
            return Err(CheckpointError::field(path, "rms_norm_eps", "must be a small positive number"));
        }
        if fields.max_position_embeddings == 0 || fields.max_position_embeddings > 1 << 28 {
            return Err(CheckpointError::field(path, "max_position_embeddings", "must be from 1 to 2^28"));
        }
        if fields.attention_bias {
            return Err(CheckpointError::field(
                path,
                "attention_bias",
                "biased projections are not supported for this family",
            ));
        }
        Ok(Self {
            hidden_size: fields.hidden_size,
            num_hidden_layers: fields.num_hidden_layers,
            intermediate_size: fields.intermediate_size,
            num_attention_heads: heads,
            num_key_value_heads: kv_heads,
            head_dim,
            rms_norm_eps: fields.rms_norm_eps,
            rope: RopeConfig::parse(path, object)?,
            vocab_size: fields.vocab_size,
            tie_word_embeddings: fields.tie_word_embeddings,
            max_position_embeddings: fields.max_position_embeddings,
        })
    }
}
