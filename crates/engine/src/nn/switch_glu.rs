//! The experts of one layer: many gated MLPs, a few of which see each row.

use mlx_rs::Array;
use mlx_rs::ops::{concatenate, gather_mm};
use shorn_checkpoint::Quantization;

use super::linear::join_packed;
use super::swiglu;
use crate::error::LoadError;
use crate::mlx::{self, Packed, Result};
use crate::weights::Weights;

/// From this many row-expert pairs on, pairs are sorted by expert, so that each expert's weights are read once.
const SORT_FROM: usize = 64;

/// A linear layer for each expert.
#[derive(Debug)]
enum SwitchLinear {
    /// `[experts, in, out]`, a view of the stored weights.
    Dense { transposed: Array },
    /// `[experts, out, in]`, packed.
    Quantized { packed: Packed, quantization: Quantization },
}

impl SwitchLinear {
    fn load(
        weights: &mut Weights,
        path: &str,
        experts: u32,
        inputs: u32,
        outputs: u32,
    ) -> Result<Self, LoadError> {
        let (experts, rows) = (experts as i32, outputs as i32);
        match weights.quantization(path, inputs)? {
            Some(quantization) => {
                let packed = weights.packed(path, &[experts, rows], inputs, quantization)?;
                Ok(Self::Quantized { packed, quantization })
            }
            None => {
                let weight = weights.experts(&format!("{path}.weight"), &[experts, rows, inputs as i32])?;
                let transposed = weight.swap_axes(-1, -2)?;
                Ok(Self::Dense { transposed })
            }
        }
    }

    /// One layer with the outputs of both, when their weights are stored alike.
    fn join(&self, next: &Self) -> Result<Option<Self>> {
        match (self, next) {
            (Self::Dense { transposed: a }, Self::Dense { transposed: b }) => {
                let weight = concatenate(&[a.swap_axes(-1, -2)?, b.swap_axes(-1, -2)?], 1)?;
                Ok(Some(Self::Dense { transposed: weight.swap_axes(-1, -2)? }))
            }
            (
                Self::Quantized { packed: a, quantization },
                Self::Quantized { packed: b, quantization: other },
            ) if quantization == other => {
                let packed = join_packed(a, b, 1)?;
                Ok(Some(Self::Quantized { packed, quantization: *quantization }))
            }
            _ => Ok(None),
        }
    }

    fn forward(&self, x: &Array, indices: &Array, sorted: bool) -> Result<Array> {
        match self {
            Self::Dense { transposed } => Ok(gather_mm(x, transposed, None, indices, sorted)?),
            Self::Quantized { packed, quantization } => {
                mlx::gather_qmm(x, packed, *quantization, indices, sorted)
            }
        }
    }

    fn arrays(&self) -> Vec<&Array> {
        match self {
            Self::Dense { transposed } => vec![transposed],
            Self::Quantized { packed, .. } => packed.arrays().collect(),
        }
    }
}

/// Gate and up projections: one matrix for each expert, or two where they are quantized differently.
#[derive(Debug)]
enum GateUp {
    Joined(SwitchLinear),
    Apart { gate: SwitchLinear, up: SwitchLinear },
}

/// All experts of a layer.
#[derive(Debug)]
pub(crate) struct SwitchGlu {
    gate_up: GateUp,
    down: SwitchLinear,
}

impl SwitchGlu {
    /// The experts at `path`.
    pub fn load(
        weights: &mut Weights,
        path: &str,
        experts: u32,
        hidden: u32,
        width: u32,
    ) -> Result<Self, LoadError> {
        let gate = SwitchLinear::load(weights, &format!("{path}.gate_proj"), experts, hidden, width)?;
        let up = SwitchLinear::load(weights, &format!("{path}.up_proj"), experts, hidden, width)?;
        let gate_up = match gate.join(&up)? {
            Some(joined) => GateUp::Joined(joined),
            None => GateUp::Apart { gate, up },
        };
        let down = SwitchLinear::load(weights, &format!("{path}.down_proj"), experts, width, hidden)?;
        Ok(Self { gate_up, down })
    }

    /// Each row through its experts: `x` is `[rows, hidden]`, `indices` `[rows, k]`, the result `[rows, k, hidden]`.
    pub fn forward(&self, x: &Array, indices: &Array) -> Result<Array> {
        let (rows, hidden) = (x.dim(0), x.dim(1));
        let k = indices.dim(1);
        if indices.size() < SORT_FROM {
            let y = self.apply(&x.reshape(&[rows, 1, 1, hidden])?, indices, false)?;
            return Ok(y.reshape(&[rows, k, hidden])?);
        }
        let flat = indices.reshape(&[rows * k])?;
        let order = mlx_rs::ops::argsort_axis(&flat, 0)?;
        let back = mlx_rs::ops::argsort_axis(&order, 0)?;
        let row_of_pair = order.floor_divide(Array::from_slice(&[k as u32], &[1]))?;
        let x = x.take_axis(&row_of_pair, 0)?.reshape(&[rows * k, 1, hidden])?;
        let y = self.apply(&x, &flat.take_axis(&order, 0)?, true)?;
        Ok(y.take_axis(&back, 0)?.reshape(&[rows, k, hidden])?)
    }

    fn apply(&self, x: &Array, indices: &Array, sorted: bool) -> Result<Array> {
        let gate_up = match &self.gate_up {
            GateUp::Joined(joined) => joined.forward(x, indices, sorted)?,
            GateUp::Apart { gate, up } => {
                let gate = gate.forward(x, indices, sorted)?;
                concatenate(&[gate, up.forward(x, indices, sorted)?], -1)?
            }
        };
        self.down.forward(&swiglu(&gate_up)?, indices, sorted)
    }

    /// The arrays to be evaluated on loading.
    pub fn arrays(&self) -> Vec<&Array> {
        let mut arrays = match &self.gate_up {
            GateUp::Joined(joined) => joined.arrays(),
            GateUp::Apart { gate, up } => {
                let mut arrays = gate.arrays();
                arrays.extend(up.arrays());
                arrays
            }
        };
        arrays.extend(self.down.arrays());
        arrays
    }
}
