//! The buffers of one layer.
//!
//! MLX writes into a buffer in place only if nobody else holds it when the write is evaluated. A cache's buffers
//! therefore have one owner: whoever clones a handle here must drop it before the next step is scheduled.

use mlx_rs::ops::{quantize, zeros_dtype};
use mlx_rs::{Array, Dtype};
use shorn_checkpoint::{KvQuantization, Quantization, QuantizationMode};

use crate::mlx::{self, Packed, Result};

/// Sizes and dtype of one layer's keys and values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KvLayout {
    pub kv_heads: i32,
    pub head_dim: i32,
    /// Activation dtype.
    pub dtype: Dtype,
}

/// How keys and values of a cache are quantized.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KvFormat {
    pub keys: Quantization,
    pub values: Quantization,
}

impl From<KvQuantization> for KvFormat {
    fn from(kv: KvQuantization) -> Self {
        let affine = |bits: shorn_checkpoint::KvBits| Quantization {
            bits: bits.get(),
            group_size: kv.group_size.get(),
            mode: QuantizationMode::Affine,
        };
        Self { keys: affine(kv.key_bits), values: affine(kv.value_bits) }
    }
}

/// Keys and values with room for `capacity` tokens, `[1, kv_heads, capacity, ..]` each.
#[derive(Debug, Clone)]
pub(crate) enum Buffers {
    /// In the activation dtype.
    Dense { keys: Array, values: Array },
    /// Packed along the head dimension.
    Quantized { keys: Packed, values: Packed, format: KvFormat },
}

/// What attention reads: keys and values of all tokens so far, as views.
#[derive(Debug)]
pub(crate) enum Context {
    /// `[1, kv_heads, tokens, head_dim]`.
    Dense { keys: Array, values: Array },
    /// The same, packed.
    Quantized { keys: Packed, values: Packed, format: KvFormat },
}

impl Buffers {
    /// Empty buffers in the activation dtype.
    pub fn dense(layout: KvLayout, capacity: i32) -> Result<Self> {
        let shape = [1, layout.kv_heads, capacity, layout.head_dim];
        let zeros = || zeros_dtype(&shape, layout.dtype);
        Ok(Self::Dense { keys: zeros()?, values: zeros()? })
    }

    /// Tokens there is room for.
    pub fn capacity(&self) -> i32 {
        match self {
            Self::Dense { keys, .. } => keys.dim(2),
            Self::Quantized { keys, .. } => keys.words.dim(2),
        }
    }

    /// All arrays.
    pub fn arrays(&self) -> Vec<&Array> {
        match self {
            Self::Dense { keys, values } => vec![keys, values],
            Self::Quantized { keys, values, .. } => keys.arrays().chain(values.arrays()).collect(),
        }
    }

    /// Bytes of the buffers, from their shapes and dtypes.
    pub fn bytes(&self) -> u64 {
        self.arrays().iter().map(|array| array.nbytes() as u64).sum()
    }

    /// Writes keys and values, `[1, kv_heads, n, head_dim]`, behind the first `len` tokens and returns views of all
    /// tokens up to them. There must be room.
    pub fn append(&mut self, len: i32, new_keys: &Array, new_values: &Array) -> Result<Context> {
        let end = len + new_keys.dim(2);
        match self {
            Self::Dense { keys, values } => {
                *keys = write(keys, new_keys, len)?;
                *values = write(values, new_values, len)?;
                Ok(Context::Dense { keys: first(keys, end)?, values: first(values, end)? })
            }
            Self::Quantized { keys, values, format } => {
                let new_keys = pack(new_keys, format.keys)?;
                let new_values = pack(new_values, format.values)?;
                *keys = write_packed(keys, &new_keys, len)?;
                *values = write_packed(values, &new_values, len)?;
                Ok(Context::Quantized {
                    keys: keys.map(|array| first(array, end))?,
                    values: values.map(|array| first(array, end))?,
                    format: *format,
                })
            }
        }
    }

    /// A copy with another capacity that holds the first `len` tokens.
    pub fn copy(&self, len: i32, capacity: i32) -> Result<Self> {
        match self {
            Self::Dense { keys, values } => {
                Ok(Self::Dense { keys: resize(keys, len, capacity)?, values: resize(values, len, capacity)? })
            }
            Self::Quantized { keys, values, format } => Ok(Self::Quantized {
                keys: keys.map(|array| resize(array, len, capacity))?,
                values: values.map(|array| resize(array, len, capacity))?,
                format: *format,
            }),
        }
    }

    /// The first `len` tokens quantized, with another capacity. Dense buffers only; others come back as they are.
    pub fn quantized(&self, format: KvFormat, len: i32, capacity: i32) -> Result<Self> {
        let Self::Dense { keys, values } = self else { return Ok(self.clone()) };
        let convert = |array: &Array, quantization| {
            pack(&first(array, len)?, quantization)?.map(|array| resize(array, len, capacity))
        };
        Ok(Self::Quantized {
            keys: convert(keys, format.keys)?,
            values: convert(values, format.values)?,
            format,
        })
    }
}

fn pack(array: &Array, quantization: Quantization) -> Result<Packed> {
    let (words, scales, biases) = quantize(array, quantization.group_size as i32, quantization.bits as i32)?;
    Ok(Packed { words, scales, biases: Some(biases) })
}

fn write_packed(buffer: &Packed, update: &Packed, at: i32) -> Result<Packed> {
    let biases = match (&buffer.biases, &update.biases) {
        (Some(buffer), Some(update)) => Some(write(buffer, update, at)?),
        _ => None,
    };
    Ok(Packed {
        words: write(&buffer.words, &update.words, at)?,
        scales: write(&buffer.scales, &update.scales, at)?,
        biases,
    })
}

/// `buffer` with `update` written at token `at`.
fn write(buffer: &Array, update: &Array, at: i32) -> Result<Array> {
    let [heads, tokens, width] = [update.dim(1), update.dim(2), update.dim(3)];
    mlx::slice_update(buffer, update, &[0, 0, at, 0], &[1, heads, at + tokens, width])
}

/// The first `len` tokens, as a view.
fn first(buffer: &Array, len: i32) -> Result<Array> {
    mlx::slice(buffer, &[0, 0, 0, 0], &[1, buffer.dim(1), len, buffer.dim(3)])
}

/// A new buffer with the first `len` tokens of another.
fn resize(buffer: &Array, len: i32, capacity: i32) -> Result<Array> {
    let empty = zeros_dtype(&[1, buffer.dim(1), capacity, buffer.dim(3)], buffer.dtype())?;
    if len == 0 { Ok(empty) } else { write(&empty, &first(buffer, len)?, 0) }
}
