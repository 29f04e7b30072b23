//! Fields of a configuration, each checked as it is read.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::layer::{Experts, Heads, Latent};
use super::{DeltaNet, ShapeError};

/// The bound on every size in a configuration: products of three of them fit in 64 bits.
const MAX_SIZE: u32 = 1 << 21;

/// The bound on layers, which are kept in a list; the deepest models have some two hundred.
const MAX_LAYERS: u32 = 4096;

/// The bound on context lengths.
const MAX_CONTEXT: u32 = 1 << 28;

/// The fields of a model's text part.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    /// Where its numbers are: `text_config` in a model that sees images too, else the file's top.
    own: &'a Map<String, Value>,
    /// The file's top.
    top: &'a Map<String, Value>,
    nested: bool,
}

impl<'a> Fields<'a> {
    pub fn of(config: &'a Map<String, Value>) -> Self {
        match config.get("text_config") {
            Some(Value::Object(own)) => Self { own, top: config, nested: true },
            _ => Self { own: config, top: config, nested: false },
        }
    }

    /// An error about a field.
    pub fn wrong(&self, name: &str, problem: impl Into<String>) -> ShapeError {
        let prefix = if self.nested { "text_config." } else { "" };
        ShapeError::field(format!("{prefix}{name}"), problem)
    }

    fn value(&self, name: &str) -> Option<&'a Value> {
        self.own.get(name).filter(|value| !value.is_null())
    }

    /// Some fields stand inside or outside of `text_config`, depending on who wrote the file.
    fn value_anywhere(&self, name: &str) -> Option<&'a Value> {
        self.value(name).or_else(|| self.top.get(name).filter(|value| !value.is_null()))
    }

    fn checked(&self, name: &str, value: &Value, least: u32, most: u32) -> Result<u32, ShapeError> {
        let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
        number
            .filter(|number| (least..=most).contains(number))
            .ok_or_else(|| self.wrong(name, format!("must be a number from {least} to {most}, not {value}")))
    }

    fn missing(&self, name: &str) -> ShapeError {
        self.wrong(name, "is missing, and what the model needs cannot be told without it")
    }

    /// A size that may be left out.
    pub fn optional(&self, name: &str) -> Result<Option<u32>, ShapeError> {
        self.value(name).map(|value| self.checked(name, value, 1, MAX_SIZE)).transpose()
    }

    /// A size.
    pub fn size(&self, name: &str) -> Result<u32, ShapeError> {
        self.optional(name)?.ok_or_else(|| self.missing(name))
    }

    /// A number that may be 0.
    pub fn number(&self, name: &str) -> Result<u32, ShapeError> {
        self.number_or(name, None)?.ok_or_else(|| self.missing(name))
    }

    /// A number that may be 0 or left out.
    pub fn number_or(&self, name: &str, default: Option<u32>) -> Result<Option<u32>, ShapeError> {
        let found = self.value(name).map(|value| self.checked(name, value, 0, MAX_SIZE)).transpose()?;
        Ok(found.or(default))
    }

    /// How many layers there are.
    pub fn layer_count(&self) -> Result<u32, ShapeError> {
        let name = "num_hidden_layers";
        let value = self.value(name).ok_or_else(|| self.missing(name))?;
        self.checked(name, value, 1, MAX_LAYERS)
    }

    /// The longest context in tokens.
    pub fn context_length(&self, default: Option<u32>) -> Result<u32, ShapeError> {
        let name = "max_position_embeddings";
        let found = self.value(name).map(|value| self.checked(name, value, 1, MAX_CONTEXT)).transpose()?;
        found.or(default).ok_or_else(|| self.missing(name))
    }

    pub fn vocab_size(&self, default: Option<u32>) -> Result<u32, ShapeError> {
        let name = "vocab_size";
        let found =
            self.value_anywhere(name).map(|value| self.checked(name, value, 1, MAX_SIZE)).transpose()?;
        found.or(default).ok_or_else(|| self.missing(name))
    }

    fn bool(&self, name: &str, value: Option<&Value>) -> Result<Option<bool>, ShapeError> {
        let wrong = |value: &Value| self.wrong(name, format!("must be true or false, not {value}"));
        value.map(|value| value.as_bool().ok_or_else(|| wrong(value))).transpose()
    }

    pub fn flag(&self, name: &str) -> Result<Option<bool>, ShapeError> {
        self.bool(name, self.value(name))
    }

    pub fn tied_embedding(&self, default: bool) -> Result<bool, ShapeError> {
        let name = "tie_word_embeddings";
        Ok(self.bool(name, self.value_anywhere(name))?.unwrap_or(default))
    }

    /// Bytes of an activation.
    pub fn activation_bytes(&self) -> u64 {
        let dtype = self.value_anywhere("dtype").or_else(|| self.value_anywhere("torch_dtype"));
        if dtype.and_then(Value::as_str) == Some("float32") { 4 } else { 2 }
    }

    /// The kind of each layer by its name in the file, where the file lists them.
    pub fn layer_types(&self) -> Result<Option<Vec<&'a str>>, ShapeError> {
        let name = "layer_types";
        let Some(value) = self.value(name) else { return Ok(None) };
        let types = value.as_array().map(|types| types.iter().map(Value::as_str).collect::<Option<Vec<_>>>());
        let types = types.flatten().ok_or_else(|| self.wrong(name, "must be a list of names"))?;
        let layers = self.layer_count()?;
        match u32::try_from(types.len()) {
            Ok(length) if length == layers => Ok(Some(types)),
            _ => Err(self.wrong(name, format!("has {} entries for {layers} layers", types.len()))),
        }
    }

    /// Layers by their index.
    pub fn indices(&self, name: &str) -> Result<BTreeSet<u32>, ShapeError> {
        let Some(value) = self.value(name) else { return Ok(BTreeSet::new()) };
        let entries = value.as_array().ok_or_else(|| self.wrong(name, "must be a list of layers"))?;
        entries.iter().map(|entry| self.checked(name, entry, 0, MAX_LAYERS)).collect()
    }

    /// Heads of attention in a family whose heads need not share out the residual stream.
    pub fn heads_as_stated(&self) -> Result<Heads, ShapeError> {
        self.size("head_dim")?;
        self.heads()
    }

    /// Heads of attention. Where no `head_dim` is stated they share out the residual stream.
    pub fn heads(&self) -> Result<Heads, ShapeError> {
        let query_heads = self.size("num_attention_heads")?;
        let kv_heads = self.optional("num_key_value_heads")?.unwrap_or(query_heads);
        if !query_heads.is_multiple_of(kv_heads) {
            let problem = format!("{kv_heads} does not divide num_attention_heads {query_heads}");
            return Err(self.wrong("num_key_value_heads", problem));
        }
        let head_dim = match self.optional("head_dim")? {
            Some(head_dim) => head_dim,
            None => self.size("hidden_size")? / query_heads,
        };
        match head_dim {
            0 => Err(self.wrong("head_dim", "is missing, and hidden_size is less than num_attention_heads")),
            _ => Ok(Heads::new(query_heads, kv_heads, head_dim)),
        }
    }

    /// Multi-head latent attention.
    pub fn latent(&self) -> Result<Latent, ShapeError> {
        Ok(Latent {
            heads: self.size("num_attention_heads")?,
            kv_lora_rank: self.size("kv_lora_rank")?,
            qk_rope_head_dim: self.size("qk_rope_head_dim")?,
            qk_nope_head_dim: self.size("qk_nope_head_dim")?,
            v_head_dim: self.size("v_head_dim")?,
            q_lora_rank: self.optional("q_lora_rank")?,
        })
    }

    /// A gated delta net.
    pub fn delta_net(&self) -> Result<DeltaNet, ShapeError> {
        Ok(DeltaNet {
            key_heads: self.size("linear_num_key_heads")?,
            value_heads: self.size("linear_num_value_heads")?,
            key_dim: self.size("linear_key_head_dim")?,
            value_dim: self.size("linear_value_head_dim")?,
            kernel: self.size("linear_conv_kernel_dim")?,
        })
    }

    /// Experts, by the names that the family has for their number and width, and for how many see a token.
    pub fn experts(&self, count: &str, per_token: &str, width: &str) -> Result<Experts, ShapeError> {
        let experts =
            Experts { count: self.size(count)?, per_token: self.size(per_token)?, width: self.size(width)? };
        if experts.per_token > experts.count {
            let problem = format!("{} exceeds {count} {}", experts.per_token, experts.count);
            return Err(self.wrong(per_token, problem));
        }
        Ok(experts)
    }
}
