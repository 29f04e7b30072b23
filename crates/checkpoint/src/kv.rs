//! The KV-cache settings a person can choose, and what they cost.

use std::fmt;

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::config::{LayerKind, ModelConfig};

/// Width of a quantized key or value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(try_from = "u32", into = "u32")]
#[ts(type = "2 | 3 | 4 | 6 | 8")]
pub struct KvBits(u32);

impl KvBits {
    /// All widths there are.
    pub const ALL: [Self; 5] = [Self(2), Self(3), Self(4), Self(6), Self(8)];

    /// The width in bits.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for KvBits {
    type Error = String;

    fn try_from(bits: u32) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|known| known.0 == bits);
        found.ok_or_else(|| format!("KV cache bits must be 2, 3, 4, 6 or 8, not {bits}"))
    }
}

impl From<KvBits> for u32 {
    fn from(bits: KvBits) -> Self {
        bits.0
    }
}

/// How many neighbouring elements share one scale and one bias.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(try_from = "u32", into = "u32")]
#[ts(type = "32 | 64 | 128")]
pub struct KvGroupSize(u32);

impl KvGroupSize {
    /// All sizes there are.
    pub const ALL: [Self; 3] = [Self(32), Self(64), Self(128)];

    /// The size in elements.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for KvGroupSize {
    type Error = String;

    fn try_from(size: u32) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|known| known.0 == size);
        found.ok_or_else(|| format!("KV cache group size must be 32, 64 or 128, not {size}"))
    }
}

impl From<KvGroupSize> for u32 {
    fn from(size: KvGroupSize) -> Self {
        size.0
    }
}

/// How a KV cache is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum KvCache {
    /// In the model's activation dtype.
    #[default]
    Dense,
    /// Dense until a number of tokens is reached, quantized from then on.
    Quantized(KvQuantization),
}

/// Affine quantization of keys and values along the head dimension.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
pub struct KvQuantization {
    /// Width of keys.
    pub key_bits: KvBits,
    /// Width of values.
    pub value_bits: KvBits,
    /// Elements that share a scale.
    pub group_size: KvGroupSize,
    /// Tokens in the cache from which it is quantized.
    pub start: u32,
}

impl KvQuantization {
    /// Group size where none is chosen: mlx-lm's.
    pub const DEFAULT_GROUP_SIZE: KvGroupSize = KvGroupSize(64);
    /// Start threshold where none is chosen, in tokens: mlx-lm's.
    pub const DEFAULT_START: u32 = 5000;
}

impl fmt::Display for KvCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dense => f.write_str("unquantized"),
            Self::Quantized(quantization) => quantization.fmt(f),
        }
    }
}

impl fmt::Display for KvQuantization {
    /// `8-bit/64 from 5000`, or `8-bit keys, 4-bit values/64 from 5000`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (keys, values) = (self.key_bits.get(), self.value_bits.get());
        if keys == values {
            write!(f, "{keys}-bit")?;
        } else {
            write!(f, "{keys}-bit keys, {values}-bit values")?;
        }
        write!(f, "/{} from {}", self.group_size.get(), self.start)
    }
}

/// Why a model cannot take a KV-cache setting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KvRefusal {
    /// Groups run along the head dimension and must fill it.
    #[error(
        "KV cache group size {group_size} does not divide this model's head dimension {head_dim}; \
         choose {}",
        alternatives(*.head_dim)
    )]
    GroupSize {
        /// The size that was asked for.
        group_size: u32,
        /// The model's head dimension.
        head_dim: u32,
    },
}

fn alternatives(head_dim: u32) -> String {
    let fitting: Vec<String> = KvGroupSize::ALL
        .into_iter()
        .filter(|size| head_dim.is_multiple_of(size.get()))
        .map(|size| size.get().to_string())
        .collect();
    if fitting.is_empty() { "an unquantized KV cache".into() } else { fitting.join(" or ") }
}

/// What one more token costs in a KV cache, by arithmetic (what a cache really holds is read from its arrays).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KvBytes {
    /// Bytes per token before the start threshold, or for ever when nothing is quantized.
    pub dense: u64,
    /// Bytes per token once quantized; the same as `dense` for [`KvCache::Dense`].
    pub quantized: u64,
}

impl ModelConfig {
    /// Whether every attention layer of this model can take the setting.
    ///
    /// # Errors
    /// Says why not and what would do.
    pub fn check_kv(&self, kv: &KvCache) -> Result<(), KvRefusal> {
        let KvCache::Quantized(quantization) = kv else { return Ok(()) };
        let group_size = quantization.group_size.get();
        for layer in self.layers() {
            let LayerKind::Attention { head_dim, .. } = layer;
            if !head_dim.is_multiple_of(group_size) {
                return Err(KvRefusal::GroupSize { group_size, head_dim });
            }
        }
        Ok(())
    }

    /// Bytes that one token takes in the KV cache, all layers together.
    ///
    /// A quantized row of `d` elements takes `d * bits / 8` bytes and, for each group, a scale and a bias in the
    /// activation dtype (`activation_bytes` wide).
    pub fn kv_bytes_per_token(&self, kv: &KvCache, activation_bytes: u64) -> KvBytes {
        let mut bytes = KvBytes { dense: 0, quantized: 0 };
        for layer in self.layers() {
            let LayerKind::Attention { kv_heads, head_dim } = layer;
            let (heads, dim) = (u64::from(kv_heads), u64::from(head_dim));
            let dense = heads.saturating_mul(dim).saturating_mul(2 * activation_bytes);
            bytes.dense = bytes.dense.saturating_add(dense);
            let quantized = match kv {
                KvCache::Dense => dense,
                KvCache::Quantized(quantization) => {
                    let packed = u64::from(quantization.key_bits.get() + quantization.value_bits.get());
                    let groups = dim / u64::from(quantization.group_size.get());
                    heads.saturating_mul(dim * packed / 8 + 2 * groups * 2 * activation_bytes)
                }
            };
            bytes.quantized = bytes.quantized.saturating_add(quantized);
        }
        bytes
    }
}
