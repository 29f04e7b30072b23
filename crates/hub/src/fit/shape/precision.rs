//! How many bytes a matrix takes, by the `quantization` object of `config.json`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::ShapeError;

/// What a matrix is for, where its name alone does not tell it apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    /// It belongs to the routed experts.
    Expert,
    /// It chooses experts.
    Router,
    /// Anything else.
    Other,
}

/// How the elements of a matrix are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Precision {
    /// As activations are.
    Whole,
    /// Packed, with scales (and biases) for groups of inputs.
    Quantized { bits: u64, group_size: u64, bytes_per_group: u64 },
}

/// Which matrix: layer, role and, but for routers, the last part of its path.
type Key = (Option<usize>, Role, String);

/// The precision of every matrix.
pub(super) struct Precisions {
    whole_bytes: u64,
    default: Precision,
    exceptions: BTreeMap<Key, Precision>,
}

impl Precisions {
    /// Nothing is quantized.
    pub fn none() -> Self {
        Self { whole_bytes: 2, default: Precision::Whole, exceptions: BTreeMap::new() }
    }

    /// Reads `quantization`: one setting for all, and exceptions by module path.
    pub fn parse(config: &Map<String, Value>, activation_bytes: u64) -> Result<Self, ShapeError> {
        let whole = Self { whole_bytes: activation_bytes, ..Self::none() };
        let table = match config.get("quantization") {
            Some(Value::Object(table)) => table,
            Some(Value::Null) | None => {
                let method = config.get("quantization_config").and_then(|value| value.get("quant_method"));
                return match method {
                    None => Ok(whole),
                    Some(method) => Err(ShapeError::field(
                        "quantization_config.quant_method",
                        format!("{method} weights are not in MLX format; use a model converted for MLX"),
                    )),
                };
            }
            Some(_) => {
                return Err(ShapeError::field("quantization", "must be an object with bits and group_size"));
            }
        };
        let default = setting("quantization", table, activation_bytes)?;
        let mut exceptions = BTreeMap::new();
        for (path, value) in table {
            let precision = match value {
                Value::Object(table) => setting(&format!("quantization.{path}"), table, activation_bytes)?,
                Value::Bool(false) => Precision::Whole,
                _ => continue,
            };
            exceptions.insert(key(path), precision);
        }
        Ok(Self { default, exceptions, ..whole })
    }

    /// Bytes of a matrix with so many elements. MLX leaves a matrix as it is when groups do not fill its `inputs`.
    pub fn bytes(&self, layer: Option<usize>, role: Role, name: &str, elements: u64, inputs: u64) -> u128 {
        let name = if role == Role::Router { String::new() } else { name.to_owned() };
        let exception = self.exceptions.get(&(layer, role, name)).copied();
        let elements = u128::from(elements);
        match exception.unwrap_or(self.default) {
            Precision::Quantized { bits, group_size, bytes_per_group }
                if inputs.is_multiple_of(group_size) =>
            {
                let groups = elements / u128::from(group_size);
                elements * u128::from(bits) / 8 + groups * u128::from(bytes_per_group)
            }
            Precision::Whole | Precision::Quantized { .. } => elements * u128::from(self.whole_bytes),
        }
    }
}

/// The key of a module's path, such as `model.layers.3.mlp.switch_mlp.up_proj`.
fn key(path: &str) -> Key {
    let parts: Vec<&str> = path.split('.').collect();
    let layer = parts.iter().position(|&part| part == "layers");
    let layer = layer.and_then(|at| parts.get(at + 1)?.parse().ok());
    let name = parts.last().copied().unwrap_or_default();
    if ["switch_mlp", "switch_glu", "experts"].iter().any(|stack| parts.contains(stack)) {
        return (layer, Role::Expert, name.to_owned());
    }
    // The names of routers differ from family to family.
    if matches!(name, "gate" | "router") || parts.contains(&"router") {
        return (layer, Role::Router, String::new());
    }
    (layer, Role::Other, name.to_owned())
}

fn setting(field: &str, table: &Map<String, Value>, activation_bytes: u64) -> Result<Precision, ShapeError> {
    let number = |name: &str, allowed: &[u64]| {
        let found = table.get(name).and_then(Value::as_u64);
        found.filter(|number| allowed.contains(number)).ok_or_else(|| {
            let found = table.get(name).map_or("nothing".to_owned(), Value::to_string);
            ShapeError::field(format!("{field}.{name}"), format!("must be one of {allowed:?}, not {found}"))
        })
    };
    let bytes_per_group = match table.get("mode").map(|mode| mode.as_str().unwrap_or_default()) {
        // A scale and a bias.
        None | Some("affine") => 2 * activation_bytes,
        // A shared exponent, or a scale in 8 bits.
        Some("mxfp4" | "mxfp8" | "nvfp4") => 1,
        Some(other) => {
            let problem = format!("`{other}` is not one of affine, mxfp4, mxfp8, nvfp4");
            return Err(ShapeError::field(format!("{field}.mode"), problem));
        }
    };
    let (bits, group_size) =
        (number("bits", &[2, 3, 4, 5, 6, 8])?, number("group_size", &[16, 32, 64, 128])?);
    Ok(Precision::Quantized { bits, group_size, bytes_per_group })
}
