use mlx_rs::{Array, ops::sigmoid};

use super::{JoinedLinear, Linear};
use crate::error::LoadError;
use crate::mlx::{self, Result};
use crate::weights::Weights;

/// The gated MLP of a dense layer.
#[derive(Debug)]
pub(crate) struct Mlp {
    gate_up: JoinedLinear,
    down: Linear,
}

impl Mlp {
    /// The MLP at `path`.
    pub fn load(weights: &mut Weights, path: &str, hidden: u32, width: u32) -> Result<Self, LoadError> {
        let gate_up = JoinedLinear::load(weights, path, hidden, &[("gate_proj", width), ("up_proj", width)])?;
        let down = Linear::load(weights, &format!("{path}.down_proj"), width, hidden)?;
        Ok(Self { gate_up, down })
    }

    /// `[rows, hidden]` to `[rows, hidden]`.
    pub fn forward(&self, x: &Array) -> Result<Array> {
        self.down.forward(&swiglu(&self.gate_up.forward(x)?)?)
    }

    /// The arrays to be evaluated on loading.
    pub fn arrays(&self) -> Vec<&Array> {
        let mut arrays = self.gate_up.arrays();
        arrays.extend(self.down.arrays());
        arrays
    }
}

/// `silu(gate) * up` (Shazeer, 2020), for gate and up side by side in the last dimension.
pub(crate) fn swiglu(gate_up: &Array) -> Result<Array> {
    let stop = gate_up.shape().to_vec();
    let last = stop.len() - 1;
    let width = stop[last] / 2;
    let mut middle = stop.clone();
    middle[last] = width;
    let mut start = vec![0; stop.len()];
    let gate = mlx::slice(gate_up, &start, &middle)?;
    start[last] = width;
    let up = mlx::slice(gate_up, &start, &stop)?;
    Ok(gate.multiply(sigmoid(&gate)?)?.multiply(up)?)
}
