//! Linear layers without bias, dense or quantized.

use mlx_rs::Array;
use mlx_rs::ops::concatenate;
use shorn_checkpoint::Quantization;

use crate::error::LoadError;
use crate::mlx::{self, Packed, Result};
use crate::weights::Weights;

/// `x @ w.T`.
#[derive(Debug)]
pub(crate) enum Linear {
    /// `w.T`: `[in, out]`, a view of the stored weight.
    Dense { transposed: Array },
    /// `w` packed: `[out, in]`.
    Quantized { packed: Packed, quantization: Quantization },
}

impl Linear {
    /// The layer at `path`, with its shape checked.
    pub fn load(weights: &mut Weights, path: &str, inputs: u32, outputs: u32) -> Result<Self, LoadError> {
        let (rows, columns) = (outputs as i32, inputs);
        match weights.quantization(path, columns)? {
            Some(quantization) => {
                let packed = weights.packed(path, &[rows], columns, quantization)?;
                Ok(Self::Quantized { packed, quantization })
            }
            None => {
                let weight = weights.dense(&format!("{path}.weight"), &[rows, columns as i32])?;
                Ok(Self::Dense { transposed: weight.transpose()? })
            }
        }
    }

    /// `[rows, in]` to `[rows, out]`.
    pub fn forward(&self, x: &Array) -> Result<Array> {
        match self {
            Self::Dense { transposed } => Ok(x.matmul(transposed)?),
            Self::Quantized { packed, quantization } => mlx::quantized_matmul(x, packed, *quantization, true),
        }
    }

    /// The arrays to be evaluated on loading.
    pub fn arrays(&self) -> Vec<&Array> {
        match self {
            Self::Dense { transposed } => vec![transposed],
            Self::Quantized { packed, .. } => packed.arrays().collect(),
        }
    }

    /// One layer with the outputs of both, when their weights are stored alike.
    fn join(&self, next: &Self) -> Result<Option<Self>> {
        match (self, next) {
            (Self::Dense { transposed: a }, Self::Dense { transposed: b }) if a.dtype() == b.dtype() => {
                let weight = concatenate(&[a.transpose()?, b.transpose()?], 0)?;
                Ok(Some(Self::Dense { transposed: weight.transpose()? }))
            }
            (
                Self::Quantized { packed: a, quantization },
                Self::Quantized { packed: b, quantization: other },
            ) if quantization == other && a.scales.dtype() == b.scales.dtype() => {
                let packed = join_packed(a, b, 0)?;
                Ok(Some(Self::Quantized { packed, quantization: *quantization }))
            }
            _ => Ok(None),
        }
    }
}

/// Two packed weights as one, along `axis`.
pub(super) fn join_packed(a: &Packed, b: &Packed, axis: i32) -> Result<Packed> {
    let biases = match (&a.biases, &b.biases) {
        (Some(a), Some(b)) => Some(concatenate(&[a, b], axis)?),
        _ => None,
    };
    Ok(Packed {
        words: concatenate(&[&a.words, &b.words], axis)?,
        scales: concatenate(&[&a.scales, &b.scales], axis)?,
        biases,
    })
}

/// Several linear layers of the same input. Neighbours that are quantized alike are one matrix, so that a step launches
/// one kernel where the checkpoint has three.
#[derive(Debug)]
pub(crate) struct JoinedLinear {
    parts: Vec<Linear>,
}

impl JoinedLinear {
    /// The layers at `path`.`name` with their numbers of outputs, in order.
    pub fn load(
        weights: &mut Weights,
        path: &str,
        inputs: u32,
        layers: &[(&str, u32)],
    ) -> Result<Self, LoadError> {
        let mut parts: Vec<Linear> = Vec::new();
        for (name, outputs) in layers {
            let layer = Linear::load(weights, &format!("{path}.{name}"), inputs, *outputs)?;
            let joined = match parts.last() {
                Some(last) => last.join(&layer)?,
                None => None,
            };
            match (joined, parts.last_mut()) {
                (Some(joined), Some(last)) => *last = joined,
                _ => parts.push(layer),
            }
        }
        Ok(Self { parts })
    }

    /// `[rows, in]` to the outputs side by side, `[rows, sum of outs]`.
    pub fn forward(&self, x: &Array) -> Result<Array> {
        if let [only] = self.parts.as_slice() {
            return only.forward(x);
        }
        let outputs: Vec<Array> = self.parts.iter().map(|part| part.forward(x)).collect::<Result<_>>()?;
        Ok(concatenate(&outputs, -1)?)
    }

    /// The arrays to be evaluated on loading.
    pub fn arrays(&self) -> Vec<&Array> {
        self.parts.iter().flat_map(Linear::arrays).collect()
    }
}
