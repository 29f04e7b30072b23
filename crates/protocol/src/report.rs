use std::fmt;

use serde::{Deserialize, Serialize};
use shorn_checkpoint::KvCache;
use ts_rs::TS;

/// Why a reply ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// The model ended it, or a stop string did.
    Stop,
    /// The token limit or the end of the context.
    Length,
    /// The client went away or asked for it.
    Cancelled,
    /// Something failed.
    Error,
}

/// What one request cost, however it ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct RequestReport {
    /// Tokens of the prompt.
    pub prompt_tokens: u32,
    /// Of these, tokens whose keys and values were already there.
    pub cached_tokens: u32,
    /// Tokens generated, an end token included.
    pub generated_tokens: u32,
    /// Seconds spent waiting for a free place.
    pub queue_seconds: f64,
    /// Seconds from leaving the queue until the first token was known.
    pub prefill_seconds: f64,
    /// Seconds from the first token to the last.
    pub decode_seconds: f64,
    /// Of the tokens generated, those whose step was built while the step before it ran. None are while a request with a
    /// grammar runs: what may come next is known only once the last token is.
    pub ahead_tokens: u32,
    /// What following a grammar cost, if there was one.
    pub grammar: Option<GrammarCost>,
    /// Highest MLX memory during any step of this request, in bytes; everything that was loaded counts.
    pub peak_memory: u64,
    /// The cache as it really was when the request ended.
    pub kv: EffectiveKv,
    /// Why it ended.
    pub finish: FinishReason,
}

impl RequestReport {
    /// Seconds from the request's arrival at the engine to its first token; `None` when there was none.
    pub fn time_to_first_token(&self) -> Option<f64> {
        (self.generated_tokens > 0).then_some(self.queue_seconds + self.prefill_seconds)
    }

    /// Prompt tokens computed per second; `None` when there was no first token.
    pub fn prefill_tokens_per_second(&self) -> Option<f64> {
        let computed = f64::from(self.prompt_tokens - self.cached_tokens);
        (self.generated_tokens > 0 && self.prefill_seconds > 0.0).then(|| computed / self.prefill_seconds)
    }

    /// Tokens per second after the first one; `None` when there were fewer than two.
    pub fn decode_tokens_per_second(&self) -> Option<f64> {
        (self.generated_tokens > 1 && self.decode_seconds > 0.0)
            .then(|| f64::from(self.generated_tokens - 1) / self.decode_seconds)
    }
}

/// What it cost to know which tokens may come next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, TS)]
pub struct GrammarCost {
    /// Tokens that were chosen so.
    pub tokens: u32,
    /// Seconds in all.
    pub seconds: f64,
    /// Seconds for the slowest one.
    pub slowest_seconds: f64,
}

impl GrammarCost {
    /// Seconds a token; 0 when there was none.
    pub fn mean_seconds(&self) -> f64 {
        if self.tokens == 0 { 0.0 } else { self.seconds / f64::from(self.tokens) }
    }
}

/// A KV cache as its arrays say it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct EffectiveKv {
    /// What was asked for.
    pub requested: KvCache,
    /// Tokens in the cache.
    pub tokens: u32,
    /// How those are kept.
    pub kind: EffectiveKvKind,
    /// Bytes of the tokens in the cache, over all layers, from shapes and dtypes.
    pub bytes_in_use: u64,
    /// Bytes of the buffers, room to grow included.
    pub bytes_allocated: u64,
    /// Share of `bytes_in_use` that is quantized, from 0 to 1.
    pub quantized_share: f64,
}

/// How the keys and values of a cache are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum EffectiveKvKind {
    /// Nothing is cached yet.
    Empty,
    /// Floats of this many bits.
    Dense {
        /// Width of an element.
        bits: u32,
    },
    /// Integers with scales.
    Quantized {
        /// Width of a key.
        key_bits: u32,
        /// Width of a value.
        value_bits: u32,
        /// Elements that share a scale.
        group_size: u32,
    },
}

impl EffectiveKv {
    /// A cache that holds nothing.
    pub fn empty(requested: KvCache) -> Self {
        Self {
            requested,
            tokens: 0,
            kind: EffectiveKvKind::Empty,
            bytes_in_use: 0,
            bytes_allocated: 0,
            quantized_share: 0.0,
        }
    }

    /// Bytes per token over all layers.
    pub fn bytes_per_token(&self) -> f64 {
        if self.tokens == 0 { 0.0 } else { self.bytes_in_use as f64 / f64::from(self.tokens) }
    }
}

impl fmt::Display for EffectiveKv {
    /// `8-bit/64 from 5000, 100 % of bytes, 52.2 kB/token`, or what the cache is instead.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let per_token = self.bytes_per_token() / 1e3;
        match (self.kind, &self.requested) {
            (EffectiveKvKind::Empty, _) => f.write_str("empty"),
            (EffectiveKvKind::Dense { bits }, KvCache::Dense) => {
                write!(f, "{bits}-bit float, {per_token:.1} kB/token")
            }
            (EffectiveKvKind::Dense { bits }, KvCache::Quantized(quantization)) => {
                write!(f, "{bits}-bit float ({quantization} not reached), {per_token:.1} kB/token")
            }
            (EffectiveKvKind::Quantized { key_bits, value_bits, group_size }, requested) => {
                if key_bits == value_bits {
                    write!(f, "{key_bits}-bit/{group_size}")?;
                } else {
                    write!(f, "{key_bits}-bit keys, {value_bits}-bit values/{group_size}")?;
                }
                if let KvCache::Quantized(quantization) = requested {
                    write!(f, " from {}", quantization.start)?;
                }
                let share = self.quantized_share * 100.0;
                write!(f, ", {share:.0} % of bytes, {per_token:.1} kB/token")
            }
        }
    }
}
