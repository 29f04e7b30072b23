use mlx_rs::Array;
use shorn_checkpoint::Quantization;

use crate::error::LoadError;
use crate::mlx::{self, Packed, Result};
use crate::weights::Weights;

/// A table of token vectors, which may also be the output projection.
#[derive(Debug)]
pub(crate) enum Embedding {
    /// `[vocabulary, hidden]`, and the same transposed.
    Dense { weight: Array, transposed: Array },
    /// The table packed.
    Quantized { packed: Packed, quantization: Quantization },
}

impl Embedding {
    /// The table at `path`.
    pub fn load(weights: &mut Weights, path: &str, vocabulary: u32, hidden: u32) -> Result<Self, LoadError> {
        match weights.quantization(path, hidden)? {
            Some(quantization) => {
                let packed = weights.packed(path, &[vocabulary as i32], hidden, quantization)?;
                Ok(Self::Quantized { packed, quantization })
            }
            None => {
                let weight = weights.dense(&format!("{path}.weight"), &[vocabulary as i32, hidden as i32])?;
                let transposed = weight.transpose()?;
                Ok(Self::Dense { weight, transposed })
            }
        }
    }

    /// `ids`, `[rows]` and each below the vocabulary, to `[rows, hidden]`.
    pub fn forward(&self, ids: &Array) -> Result<Array> {
        match self {
            Self::Dense { weight, .. } => Ok(weight.take_axis(ids, 0)?),
            Self::Quantized { packed, quantization } => {
                let rows = packed.map(|array| Ok(array.take_axis(ids, 0)?))?;
                mlx::dequantize(&rows, *quantization)
            }
        }
    }

    /// The table as output projection: `[rows, hidden]` to `[rows, vocabulary]`.
    pub fn project(&self, x: &Array) -> Result<Array> {
        match self {
            Self::Dense { transposed, .. } => Ok(x.matmul(transposed)?),
            Self::Quantized { packed, quantization } => mlx::quantized_matmul(x, packed, *quantization, true),
        }
    }

    /// The arrays to be evaluated on loading.
    pub fn arrays(&self) -> Vec<&Array> {
        match self {
            Self::Dense { transposed, .. } => vec![transposed],
            Self::Quantized { packed, .. } => packed.arrays().collect(),
        }
    }
}
