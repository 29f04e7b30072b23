//! What the arithmetic needs to know of a model's architecture, from `config.json` alone.

mod families;
mod fields;
mod layer;
mod precision;
mod weights;

use serde_json::{Map, Value};
use shorn_checkpoint::{Family, ModelConfig};

pub use layer::{DeltaNet, Experts, FeedForward, Heads, Latent, Layer, LayerKind};

use precision::Precisions;

/// The shape of a model. The engine need not have its family: whether it can be loaded is told elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelShape {
    /// `model_type` of the configuration.
    pub family: String,
    /// Width of the residual stream.
    pub hidden_size: u32,
    /// Rows of the embedding.
    pub vocab_size: u32,
    /// Whether the output projection is the embedding.
    pub tied_embedding: bool,
    /// Longest context the model was made for, in tokens.
    pub context_length: u32,
    /// Bytes of an activation, and of an element of an unquantized KV cache.
    pub activation_bytes: u64,
    /// A second embedding with a row for each layer, where the family has one.
    pub per_layer_embedding: Option<PerLayerEmbedding>,
    /// The layers, first to last.
    pub layers: Vec<Layer>,
}

/// An embedding that gives every layer an input of its own (Gemma's small models).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PerLayerEmbedding {
    /// Rows.
    pub vocab_size: u32,
    /// Elements for one layer.
    pub width: u32,
}

/// Why a model's shape cannot be told from its configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// It is no configuration.
    #[error("config.json: must be a JSON object: {0}")]
    NotAnObject(String),
    /// What its layers keep is not known.
    #[error("config.json: model_type: what `{model_type}` keeps in memory is not known; known are {known}")]
    UnknownFamily {
        /// What the configuration names.
        model_type: String,
        /// The families that are known.
        known: String,
    },
    /// A field is missing or cannot be.
    #[error("config.json: {field}: {problem}")]
    Field {
        /// The field, as a path from the top of the file.
        field: String,
        /// What was found and what was expected.
        problem: String,
    },
}

impl ShapeError {
    fn field(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Field { field: field.into(), problem: problem.into() }
    }
}

impl ModelShape {
    /// Reads the text of a `config.json`.
    ///
    /// Activations have 4 bytes where `dtype` (or `torch_dtype`) is float32, and 2 otherwise: converters keep weights
    /// in 16 bits unless they are told not to.
    ///
    /// # Errors
    /// Names the family or the field. Nothing is guessed: only defaults that a family's own configuration class has are
    /// filled in.
    pub fn parse(config: &str) -> Result<Self, ShapeError> {
        families::shape(&object(config)?)
    }

    /// The shape of a model that the engine can load. The activations' width comes from its tensors.
    pub fn of(config: &ModelConfig, activation_bytes: u64) -> Self {
        let (decoder, moe) = match &config.family {
            Family::Qwen3(decoder) => (decoder, None),
            Family::Qwen3Moe(moe) => (&moe.decoder, Some(moe)),
        };
        let heads = Heads::new(decoder.num_attention_heads, decoder.num_key_value_heads, decoder.head_dim);
        let layer = |index: usize| {
            let experts = moe.filter(|moe| moe.has_experts.get(index).copied().unwrap_or_default());
            let feed_forward = match experts {
                None => FeedForward::dense(decoder.intermediate_size),
                Some(moe) => FeedForward::sparse(Experts {
                    count: moe.experts.num_experts,
                    per_token: moe.experts.num_experts_per_tok,
                    width: moe.experts.moe_intermediate_size,
                }),
            };
            Layer { kind: LayerKind::Attention(heads), feed_forward }
        };
        Self {
            family: config.model_type.clone(),
            hidden_size: decoder.hidden_size,
            vocab_size: decoder.vocab_size,
            tied_embedding: decoder.tie_word_embeddings,
            context_length: decoder.max_position_embeddings,
            activation_bytes,
            per_layer_embedding: None,
            layers: (0..decoder.num_hidden_layers as usize).map(layer).collect(),
        }
    }

    /// How many parameters the weight matrices have. Norms, biases and other vectors, less than a thousandth, are left
    /// out; so is what is no part of the text model.
    pub fn parameters(&self) -> u64 {
        weights::count(self, &Precisions::none()).parameters
    }

    /// How many of the parameters one token reads: of the experts those that see it, of an embedding one row.
    pub fn active_parameters(&self) -> u64 {
        weights::count(self, &Precisions::none()).active_parameters
    }

    /// The experts of the layers that have some; in all families that are known they are alike.
    pub fn experts(&self) -> Option<Experts> {
        self.layers.iter().find_map(|layer| layer.feed_forward.experts)
    }
}

/// The shape of a configuration, and which share of the weights' bytes one token reads.
pub(super) fn with_active_share(config: &str) -> Result<(ModelShape, ActiveShare), ShapeError> {
    let config = object(config)?;
    let shape = families::shape(&config)?;
    let count = weights::count(&shape, &Precisions::parse(&config, shape.activation_bytes)?);
    Ok((shape, ActiveShare { active: count.active_bytes, all: count.bytes }))
}

/// The share of the weights' bytes that one token reads. A share, because the files' bytes are known better than what
/// each matrix takes.
pub(super) struct ActiveShare {
    active: u128,
    all: u128,
}

impl ActiveShare {
    pub(super) fn of(&self, bytes: u64) -> u64 {
        // The counts of the largest model there could be leave more than enough bits for this product.
        let active = u128::from(bytes).saturating_mul(self.active) / self.all.max(1);
        u64::try_from(active).map_or(bytes, |active| active.min(bytes))
    }
}

fn object(config: &str) -> Result<Map<String, Value>, ShapeError> {
    serde_json::from_str(config).map_err(|error| ShapeError::NotAnObject(error.to_string()))
}

#[cfg(test)]
pub(super) mod tests;
