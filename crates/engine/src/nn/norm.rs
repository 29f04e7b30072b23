use mlx_rs::{Array, fast};

use crate::error::LoadError;
use crate::mlx::Result;
use crate::weights::Weights;

/// Root-mean-square normalisation over the last dimension (Zhang and Sennrich, 2019).
#[derive(Debug)]
pub(crate) struct RmsNorm {
    weight: Array,
    eps: f32,
}

impl RmsNorm {
    /// The norm at `path`.
    pub fn load(weights: &mut Weights, path: &str, size: u32, eps: f32) -> Result<Self, LoadError> {
        let weight = weights.dense(&format!("{path}.weight"), &[size as i32])?;
        Ok(Self { weight, eps })
    }

    /// Any shape whose last dimension is the norm's.
    pub fn forward(&self, x: &Array) -> Result<Array> {
        Ok(fast::rms_norm(x, Some(&self.weight), self.eps)?)
    }

    /// The array to be evaluated on loading.
    pub fn array(&self) -> &Array {
        &self.weight
    }
}

/// The norms of queries and keys in one: each head's elements are normalised, then scaled by the weights of the query
/// norm or of the key norm. Bit for bit what two separate norms give, with half the operations.
#[derive(Debug)]
pub(crate) struct HeadNorm {
    /// `[query heads + key heads, head_dim]`.
    weight: Array,
    eps: f32,
}

impl HeadNorm {
    /// The norms at two paths, for so many heads each.
    pub fn load(
        weights: &mut Weights,
        parts: [(&str, u32); 2],
        head_dim: u32,
        eps: f32,
    ) -> Result<Self, LoadError> {
        let mut rows = Vec::new();
        for (path, heads) in parts {
            let weight = weights.dense(&format!("{path}.weight"), &[head_dim as i32])?;
            let shape = [heads as i32, head_dim as i32];
            rows.push(mlx_rs::ops::broadcast_to(&weight, &shape)?);
        }
        let weight = mlx_rs::ops::concatenate(&rows, 0)?;
        Ok(Self { weight, eps })
    }

    /// `[rows, heads, head_dim]`.
    pub fn forward(&self, x: &Array) -> Result<Array> {
        Ok(self.weight.multiply(fast::rms_norm(x, None, self.eps)?)?)
    }

    /// The array to be evaluated on loading.
    pub fn array(&self) -> &Array {
        &self.weight
    }
}
