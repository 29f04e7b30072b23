//! How weights are quantized: what `config.json` says, and what the tensors' shapes say.

use std::collections::BTreeMap;
use std::path::Path;

use safetensors::Dtype;
use serde_json::{Map, Value};

use crate::CheckpointError;
use crate::tensors::TensorEntry;

/// Widths and group sizes that MLX has kernels for.
const BITS: &[u64] = &[2, 3, 4, 5, 6, 8];
const GROUP_SIZES: &[u64] = &[16, 32, 64, 128];

/// Number format of quantized weights, by MLX's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum QuantizationMode {
    /// Integers with a scale and a bias for each group.
    Affine,
    /// 4-bit floats, one shared exponent for 32.
    Mxfp4,
    /// 8-bit floats, one shared exponent for 32.
    Mxfp8,
    /// 4-bit floats, one 8-bit float scale for 16.
    Nvfp4,
}

impl QuantizationMode {
    /// MLX's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Affine => "affine",
            Self::Mxfp4 => "mxfp4",
            Self::Mxfp8 => "mxfp8",
            Self::Nvfp4 => "nvfp4",
        }
    }
}

/// How one weight is quantized.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Quantization {
    /// Width of an element.
    pub bits: u32,
    /// Elements along the input dimension that share a scale.
    pub group_size: u32,
    /// Number format.
    pub mode: QuantizationMode,
}

/// The `quantization` object of `config.json`: one setting for all, and exceptions by module path.
#[derive(Debug, Clone, Default)]
pub struct QuantizationTable {
    default: Option<Quantization>,
    exceptions: BTreeMap<String, Quantization>,
}

impl QuantizationTable {
    /// The setting for all weights that have none of their own; `None` for an unquantized model.
    pub fn default_setting(&self) -> Option<Quantization> {
        self.default
    }

    /// How the weight at a module `path` is quantized, read off the shapes of its packed weight and its scales.
    ///
    /// # Errors
    /// When shapes and `in_features` leave no valid setting, or one that contradicts what the configuration states for
    /// this very path. (The global setting may differ: converters do not list every exception.)
    pub fn of(
        &self,
        path: &str,
        in_features: u32,
        weight: &TensorEntry,
        scales: &TensorEntry,
    ) -> Result<Quantization, String> {
        let last = |entry: &TensorEntry| entry.shape.last().map_or(0, |&size| size as u64);
        let (words, groups, inputs) = (last(weight), last(scales), u64::from(in_features));
        let mode_of = |bits, group_size| match (scales.dtype == Dtype::U8, bits, group_size) {
            (false, _, _) => Some(QuantizationMode::Affine),
            (true, 4, 16) => Some(QuantizationMode::Nvfp4),
            (true, 4, 32) => Some(QuantizationMode::Mxfp4),
            (true, 8, 32) => Some(QuantizationMode::Mxfp8),
            (true, _, _) => None,
        };
        let exact = |dividend: u64, divisor: u64| {
            (divisor > 0 && dividend.is_multiple_of(divisor)).then(|| dividend / divisor)
        };
        let found = exact(words * 32, inputs)
            .zip(exact(inputs, groups))
            .filter(|(bits, group_size)| BITS.contains(bits) && GROUP_SIZES.contains(group_size))
            .and_then(|(bits, group_size)| {
                let mode = mode_of(bits, group_size)?;
                Some(Quantization { bits: bits as u32, group_size: group_size as u32, mode })
            })
            .ok_or_else(|| {
                format!(
                    "packed rows of {words} words with {groups} scales are no quantization of {in_features} inputs"
                )
            })?;
        match self.exceptions.get(path) {
            Some(stated) if *stated != found => Err(format!(
                "config.json states {} bits in groups of {}, its shape is that of {} bits in groups of {}",
                stated.bits, stated.group_size, found.bits, found.group_size
            )),
            _ => Ok(found),
        }
    }

    /// How many matrices have a setting of their own that differs from the global one.
    pub fn exceptions(&self) -> usize {
        self.exceptions.values().filter(|setting| Some(**setting) != self.default).count()
    }

    /// What the configuration states for a module path.
    pub fn stated(&self, path: &str) -> Option<Quantization> {
        self.exceptions.get(path).copied().or(self.default)
    }

    pub(crate) fn parse(file: &Path, config: &Map<String, Value>) -> Result<Self, CheckpointError> {
        // Converters write the object under both names; a `quantization_config` alone may be another tool's format.
        let Some(value) = config.get("quantization") else {
            return match config.get("quantization_config").and_then(|value| value.get("quant_method")) {
                Some(method) => Err(CheckpointError::field(
                    file,
                    "quantization_config.quant_method",
                    &format!("{method} weights are not in MLX format; use a model converted for MLX"),
                )),
                None => Ok(Self::default()),
            };
        };
        let Value::Object(table) = value else {
            return Err(CheckpointError::field(
                file,
                "quantization",
                "must be an object with bits and group_size",
            ));
        };
        let mut parsed =
            Self { default: Some(setting(file, "quantization", table)?), exceptions: BTreeMap::new() };
        for (path, value) in table {
            match value {
                Value::Object(exception) => {
                    let setting = setting(file, &format!("quantization.{path}"), exception)?;
                    parsed.exceptions.insert(path.clone(), setting);
                }
                // `false` keeps a layer unquantized: it then has no scales, which is what counts.
                Value::Bool(_) | Value::Null | Value::Number(_) | Value::String(_) => {}
                Value::Array(_) => {
                    return Err(CheckpointError::field(
                        file,
                        &format!("quantization.{path}"),
                        "must be an object or false",
                    ));
                }
            }
        }
        Ok(parsed)
    }
}

fn setting(file: &Path, field: &str, object: &Map<String, Value>) -> Result<Quantization, CheckpointError> {
    let mode = match object.get("mode").map(|mode| mode.as_str().unwrap_or_default()) {
        None | Some("affine") => QuantizationMode::Affine,
        Some("mxfp4") => QuantizationMode::Mxfp4,
        Some("mxfp8") => QuantizationMode::Mxfp8,
        Some("nvfp4") => QuantizationMode::Nvfp4,
        Some(other) => {
            let problem = format!("`{other}` is not one of affine, mxfp4, mxfp8, nvfp4");
            return Err(CheckpointError::field(file, &format!("{field}.mode"), &problem));
        }
    };
    let number = |name: &str| object.get(name).and_then(Value::as_u64).unwrap_or(0);
    let (bits, group_size) = (number("bits"), number("group_size"));
    let (bits_allowed, groups_allowed): (&[u64], &[u64]) = match mode {
        QuantizationMode::Affine => (BITS, GROUP_SIZES),
        QuantizationMode::Mxfp4 => (&[4], &[32]),
        QuantizationMode::Mxfp8 => (&[8], &[32]),
        QuantizationMode::Nvfp4 => (&[4], &[16]),
    };
    for (name, value, allowed) in [("bits", bits, bits_allowed), ("group_size", group_size, groups_allowed)] {
        if !allowed.contains(&value) {
            let found = object.get(name).map_or("nothing".into(), Value::to_string);
            let problem = format!("must be one of {allowed:?} for {} weights, not {found}", mode.name());
            return Err(CheckpointError::field(file, &format!("{field}.{name}"), &problem));
        }
    }
    Ok(Quantization { bits: bits as u32, group_size: group_size as u32, mode })
}
