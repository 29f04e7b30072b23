//! Rotary position embedding, as configured.

use std::path::Path;

use serde_json::{Map, Value};

use crate::CheckpointError;

/// Base and scaling of the rotary embedding.
#[derive(Debug, Clone, PartialEq)]
pub struct RopeConfig {
    /// Base of the frequencies (`rope_theta`).
    pub theta: f32,
    /// How positions beyond the training length are handled.
    pub scaling: RopeScaling,
}

/// Position scaling, by the names of `rope_scaling.rope_type`.
#[derive(Debug, Clone, PartialEq)]
pub enum RopeScaling {
    /// None.
    Default,
    /// Positions divided by a factor.
    Linear {
        /// The divisor.
        factor: f32,
    },
    /// YaRN (Peng et al., 2023).
    Yarn {
        /// How much longer than trained.
        factor: f32,
        /// Context the model was trained with, in tokens.
        original_max_position_embeddings: u32,
        /// Rotations above which a frequency is left alone.
        beta_fast: f32,
        /// Rotations below which a frequency is divided by the factor.
        beta_slow: f32,
        /// Numerator of the attention scaling.
        mscale: f32,
        /// Denominator of the attention scaling.
        mscale_all_dim: f32,
    },
}

impl RopeConfig {
    /// Reads `rope_theta` and `rope_scaling`, or both from `rope_parameters` (transformers 5 nests them there).
    pub(crate) fn parse(file: &Path, config: &Map<String, Value>) -> Result<Self, CheckpointError> {
        let nested = config.get("rope_parameters").and_then(Value::as_object);
        let theta = config
            .get("rope_theta")
            .or_else(|| nested.and_then(|nested| nested.get("rope_theta")))
            .and_then(Value::as_f64)
            .filter(|theta| theta.is_finite() && *theta > 1.0)
            .ok_or_else(|| CheckpointError::field(file, "rope_theta", "must be a number greater than 1"))?;
        let scaling = match config.get("rope_scaling") {
            None | Some(Value::Null) => match nested {
                Some(nested) => scaling(file, "rope_parameters", nested)?,
                None => RopeScaling::Default,
            },
            Some(Value::Object(object)) => scaling(file, "rope_scaling", object)?,
            Some(_) => return Err(CheckpointError::field(file, "rope_scaling", "must be an object or null")),
        };
        Ok(Self { theta: theta as f32, scaling })
    }
}

fn scaling(file: &Path, field: &str, object: &Map<String, Value>) -> Result<RopeScaling, CheckpointError> {
    let number = |name: &str, default: Option<f64>| {
        let value = match object.get(name) {
            None => default,
            Some(value) => value.as_f64(),
        };
        value
            .filter(|value| value.is_finite() && *value > 0.0 && *value <= 1e9)
            .map(|value| value as f32)
            .ok_or_else(|| {
                CheckpointError::field(file, &format!("{field}.{name}"), "must be a positive number")
            })
    };
    let kind = object.get("rope_type").or_else(|| object.get("type")).map(|kind| kind.as_str());
    match kind {
        None | Some(Some("default")) => Ok(RopeScaling::Default),
        Some(Some("linear")) => Ok(RopeScaling::Linear { factor: number("factor", None)? }),
        Some(Some("yarn")) => Ok(RopeScaling::Yarn {
            factor: number("factor", None)?,
            original_max_position_embeddings: number("original_max_position_embeddings", Some(4096.0))?
                as u32,
            beta_fast: number("beta_fast", Some(32.0))?,
            beta_slow: number("beta_slow", Some(1.0))?,
            mscale: number("mscale", Some(1.0))?,
            // Zero is the usual value and means: no denominator.
            mscale_all_dim: match object.get("mscale_all_dim").and_then(Value::as_f64) {
                None | Some(0.0) => 0.0,
                Some(_) => number("mscale_all_dim", None)?,
            },
        }),
        Some(other) => {
            let found = other.unwrap_or("something that is no string");
            let problem = format!("`{found}` is not supported; supported are default, linear, yarn");
            Err(CheckpointError::field(file, &format!("{field}.rope_type"), &problem))
        }
    }
}
