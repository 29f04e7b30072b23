//! The fields by which a body chooses a KV cache.

use serde::Deserialize;
use shorn_checkpoint::{KvBits, KvCache, KvGroupSize, KvQuantization};

use crate::error::ApiError;

/// Bits, or the word `off`.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum BitsField {
    /// A width.
    Bits(u32),
    /// Anything but `off` is refused.
    Word(String),
}

/// What a body says, field by field.
#[derive(Debug, Clone, Default)]
pub struct KvFields {
    /// Width of keys and values, or `off`.
    pub bits: Option<BitsField>,
    /// Width of keys.
    pub key_bits: Option<u32>,
    /// Width of values.
    pub value_bits: Option<u32>,
    /// Elements that share a scale.
    pub group_size: Option<u32>,
    /// Tokens in the cache from which it is quantized.
    pub start: Option<u32>,
}

impl KvFields {
    /// The cache they stand for, if they choose one.
    ///
    /// # Errors
    /// 400, naming the field.
    pub fn setting(&self) -> Result<Option<KvCache>, ApiError> {
        let bits = |name: &str, bits: Option<u32>| -> Result<Option<KvBits>, ApiError> {
            let parsed = bits.map(KvBits::try_from).transpose();
            parsed.map_err(|problem| ApiError::bad_parameter(name, format!("{name}: {problem}")))
        };
        let both = match &self.bits {
            Some(BitsField::Word(word)) if word == "off" => return Ok(Some(KvCache::Dense)),
            Some(BitsField::Word(word)) => {
                let message = format!("kv_bits must be 2, 3, 4, 6, 8 or \"off\", not `{word}`");
                return Err(ApiError::bad_parameter("kv_bits", message));
            }
            Some(BitsField::Bits(width)) => bits("kv_bits", Some(*width))?,
            None => None,
        };
        let key_bits = bits("kv_key_bits", self.key_bits)?.or(both);
        let value_bits = bits("kv_value_bits", self.value_bits)?.or(both);
        let (key_bits, value_bits) = match (key_bits, value_bits) {
            (Some(key_bits), Some(value_bits)) => (key_bits, value_bits),
            (None, None) => return Ok(None),
            _ => {
                let message = "kv_key_bits and kv_value_bits go together; or send kv_bits for both";
                return Err(ApiError::bad_parameter("kv_key_bits", message));
            }
        };
        let group_size = match self.group_size {
            None => KvQuantization::DEFAULT_GROUP_SIZE,
            Some(size) => KvGroupSize::try_from(size)
                .map_err(|problem| ApiError::bad_parameter("kv_group_size", problem))?,
        };
        let start = self.start.unwrap_or(KvQuantization::DEFAULT_START);
        Ok(Some(KvCache::Quantized(KvQuantization { key_bits, value_bits, group_size, start })))
    }
}
