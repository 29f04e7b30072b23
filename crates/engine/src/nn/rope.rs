//! Rotary position embedding (Su et al., 2021), with the scalings that configurations name.

use std::f32::consts::PI;

use mlx_rs::{Array, fast};
use shorn_checkpoint::{RopeConfig, RopeScaling};

use crate::mlx::Result;

/// Rotates heads by their positions.
#[derive(Debug)]
pub(crate) struct Rope {
    dims: i32,
    base: f32,
    /// Factor on positions.
    scale: f32,
    /// Periods in place of the base's, `[dims / 2]`.
    periods: Option<Array>,
    /// Factor on the rotated vectors.
    magnitude: f32,
}

impl Rope {
    /// For heads of `head_dim` elements, all of which rotate.
    pub fn new(config: &RopeConfig, head_dim: u32) -> Self {
        let mut rope =
            Self { dims: head_dim as i32, base: config.theta, scale: 1.0, periods: None, magnitude: 1.0 };
        match config.scaling {
            RopeScaling::Default => {}
            RopeScaling::Linear { factor } => rope.scale = 1.0 / factor,
            RopeScaling::Yarn {
                factor,
                original_max_position_embeddings,
                beta_fast,
                beta_slow,
                mscale,
                mscale_all_dim,
            } => {
                let original = original_max_position_embeddings as f32;
                let periods = yarn_periods(config.theta, head_dim, factor, original, beta_fast, beta_slow);
                rope.periods = Some(Array::from_slice(&periods, &[periods.len() as i32]));
                rope.magnitude = yarn_magnitude(factor, mscale) / yarn_magnitude(factor, mscale_all_dim);
            }
        }
        rope
    }

    /// `[1, heads, length, head_dim]`, of which the first position is `offset`.
    pub fn forward(&self, x: &Array, offset: i32) -> Result<Array> {
        let scaled;
        let x = if self.magnitude == 1.0 {
            x
        } else {
            scaled = x.multiply(Array::from_f32(self.magnitude).as_dtype(x.dtype())?)?;
            &scaled
        };
        let base = if self.periods.is_some() { None } else { Some(self.base) };
        Ok(fast::rope(x, self.dims, false, base, self.scale, offset, self.periods.as_ref())?)
    }
}

/// YaRN's periods: short ones as trained, long ones stretched by `factor`, and a ramp between (Peng et al., 2023,
/// section 3.2, as mlx-lm 0.32 computes it).
fn yarn_periods(theta: f32, dims: u32, factor: f32, original: f32, fast: f32, slow: f32) -> Vec<f32> {
    let dims_f = dims as f32;
    let correction = |rotations: f32| dims_f * (original / (rotations * 2.0 * PI)).ln() / (2.0 * theta.ln());
    let low = correction(fast).floor().max(0.0);
    let high = correction(slow).ceil().min(dims_f - 1.0);
    let width = if high > low { high - low } else { 0.001 };
    (0..dims / 2)
        .map(|index| {
            let trained = theta.powf(2.0 * index as f32 / dims_f);
            let stretched = factor * trained;
            let keep = 1.0 - ((index as f32 - low) / width).clamp(0.0, 1.0);
            stretched * trained / (stretched * keep + trained * (1.0 - keep))
        })
        .collect()
}

fn yarn_magnitude(factor: f32, mscale: f32) -> f32 {
    if factor <= 1.0 { 1.0 } else { 0.1 * mscale * factor.ln() + 1.0 }
}
