//! `generation_config.json`: how the model's makers want it sampled.

use std::path::Path;

use serde_json::Value;

use crate::CheckpointError;
use crate::config::{read_json, token_ids};

/// The sampling values that the file gives; `None` where it gives none.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GenerationConfig {
    /// Softmax temperature; 0 for `do_sample: false`.
    pub temperature: Option<f32>,
    /// Nucleus mass.
    pub top_p: Option<f32>,
    /// Number of candidates.
    pub top_k: Option<u32>,
    /// Smallest probability relative to the best candidate's.
    pub min_p: Option<f32>,
    /// Divisor for logits of tokens already seen.
    pub repetition_penalty: Option<f32>,
    /// Token ids that end a reply.
    pub eos_token_ids: Vec<u32>,
}

impl GenerationConfig {
    /// Reads the file; an empty configuration when there is none.
    ///
    /// # Errors
    /// When the file is not a JSON object or a value is outside its range.
    pub fn read(path: &Path) -> Result<Self, CheckpointError> {
        if !path.exists() {
            return Ok(Self::default());
        }
        let value = read_json(path)?;
        let number = |field: &str, low: f64, high: f64| match value.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(found) => match found.as_f64().filter(|number| (low..=high).contains(number)) {
                Some(number) => Ok(Some(number)),
                None => {
                    let problem = format!("must be a number from {low} to {high}, not {found}");
                    Err(CheckpointError::field(path, field, &problem))
                }
            },
        };
        let float = |number: Option<f64>| number.map(|number| number as f32);
        let greedy = value.get("do_sample") == Some(&Value::Bool(false));
        let temperature = float(number("temperature", 0.0, 100.0)?);
        Ok(Self {
            temperature: if greedy { Some(0.0) } else { temperature },
            top_p: float(number("top_p", 0.0, 1.0)?),
            // Zero and -1 are both in use for "no limit".
            top_k: number("top_k", -1.0, f64::from(u32::MAX))?.map(|top_k| top_k.max(0.0) as u32),
            min_p: float(number("min_p", 0.0, 1.0)?),
            repetition_penalty: float(number("repetition_penalty", 0.01, 100.0)?),
            eos_token_ids: token_ids(path, "eos_token_id", value.get("eos_token_id"))?,
        })
    }
}
