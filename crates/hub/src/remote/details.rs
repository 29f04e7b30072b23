//! What can be said about a model from its list of files and its `config.json`.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use shorn_checkpoint::ModelConfig;

use super::hub::Hub;
use super::model::Safetensors;
use super::{HubError, RemoteModel, RepositoryName, Support};
use crate::fit::{ModelFacts, ModelShape};

/// So many models are remembered; then they are forgotten all at once, since asking again costs little.
const MAX_KNOWN: usize = 500;

/// A model on the Hub at one commit: what there is to know without its weights.
#[derive(Debug, Clone)]
pub struct Details {
    /// Its files.
    pub model: RemoteModel,
    /// `model_type` of its configuration.
    pub family: Option<String>,
    /// How many parameters it has; a quantized weight counts as the weights it stands for.
    pub parameters: Option<u64>,
    /// Bits of a quantized weight.
    pub bits: Option<u32>,
    /// Weights that share one scale.
    pub group_size: Option<u32>,
    /// Longest context that it was made for, in tokens.
    pub context_length: Option<u32>,
    /// Whether it can be loaded here.
    pub support: Support,
    /// What is needed to tell whether it fits into memory, or why that cannot be told.
    pub facts: Result<ModelFacts, String>,
}

/// Details that were asked for: of each model those of one commit.
#[derive(Debug, Default)]
pub(super) struct Known(HashMap<RepositoryName, Arc<Details>>);

impl Hub {
    /// What can be said about a model without its weights. What is known of a commit is not asked again.
    ///
    /// Of a gated model whose terms were not accepted the files can be listed, but not read: its support is unknown.
    ///
    /// # Errors
    /// See [`HubError`].
    pub async fn details(&self, name: &RepositoryName, revision: &str) -> Result<Arc<Details>, HubError> {
        if let Some(known) = self.known_at(name, revision) {
            return Ok(known);
        }
        let mut info = self.info(name, revision).await?;
        let tensors = info.safetensors.take().unwrap_or_default();
        let model = self.remote_model(name, info)?;
        let commit = model.commit.clone();
        if let Some(known) = self.known_at(name, &commit) {
            return Ok(known);
        }
        let config = match model.files.iter().any(|file| file.path.as_str() == "config.json") {
            true => match self.config(name, &commit).await {
                Ok(config) => Some(config),
                Err(error @ (HubError::Gated { .. } | HubError::Unauthorized { .. })) => {
                    return Ok(Arc::new(Details::unread(model, &tensors, &error)));
                }
                Err(error) => return Err(error),
            },
            false => None,
        };
        let details = Arc::new(Details::new(model, config.as_deref(), &tensors));
        let mut known = self.known();
        if known.0.len() >= MAX_KNOWN {
            known.0.clear();
        }
        known.0.insert(name.clone(), details.clone());
        Ok(details)
    }

    fn known_at(&self, name: &RepositoryName, commit: &str) -> Option<Arc<Details>> {
        self.known().0.get(name).filter(|known| known.model.commit == commit).cloned()
    }
}

impl Details {
    fn new(model: RemoteModel, config: Option<&str>, tensors: &Safetensors) -> Self {
        let value: Value = config.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let number = |value: &Value| value.as_u64().and_then(|number| u32::try_from(number).ok());
        // Models that see and hear keep the part for text in an object of its own.
        let anywhere = |name: &str| value.get(name).or_else(|| value.get("text_config")?.get(name));
        let quantization = &value["quantization"];
        let (bits, group_size) = (number(&quantization["bits"]), number(&quantization["group_size"]));
        Self {
            family: value["model_type"].as_str().map(str::to_owned),
            parameters: parameters(config, quantization, &tensors.parameters),
            bits,
            group_size,
            context_length: anywhere("max_position_embeddings").and_then(number),
            support: support(&model, config.map(|_| &value)),
            facts: match config {
                Some(config) => {
                    ModelFacts::from_config(config, weights_bytes(&model)).map_err(|error| error.to_string())
                }
                None => Err("it has no config.json".to_owned()),
            },
            model,
        }
    }

    /// The details of a model whose files cannot be read.
    fn unread(model: RemoteModel, tensors: &Safetensors, error: &HubError) -> Self {
        let why = error.to_string();
        let unknown = Support::Unknown { why: why.clone() };
        Self { support: unknown, facts: Err(why), ..Self::new(model, None, tensors) }
    }
}

fn weights_bytes(model: &RemoteModel) -> u64 {
    let weights = |path: &str| path.ends_with(".safetensors");
    model.needed_files().iter().filter(|file| weights(file.path.as_str())).map(|file| file.bytes).sum()
}

/// The verdict of the reader that loads models too, and of the library, which wants weights and a tokenizer.
fn support(model: &RemoteModel, config: Option<&Value>) -> Support {
    let unsupported = |why: &str| Support::Unsupported { why: why.to_owned() };
    let Some(config) = config else { return unsupported("it has no config.json") };
    if config.is_null() {
        return unsupported("its config.json is not JSON");
    }
    if let Err(error) = ModelConfig::parse(Path::new("config.json"), config) {
        return unsupported(&error.to_string());
    }
    let has = |ending: &str| model.needed_files().iter().any(|file| file.path.as_str().ends_with(ending));
    match (has(".safetensors"), has("tokenizer.json")) {
        (false, _) => unsupported("it has no weights in safetensors format"),
        (_, false) => unsupported("it has no tokenizer.json"),
        (true, true) => Support::Supported,
    }
}

/// How many parameters a model has, from the elements of its tensors by dtype, as the Hub counts them.
///
/// Packed weights are words of 32 bits there, and scales count as if they were weights. Where matrices have widths of
/// their own, and where the Hub has not counted, the shapes of the configuration tell.
fn parameters(config: Option<&str>, quantization: &Value, elements: &BTreeMap<String, u64>) -> Option<u64> {
    let mixed = quantization.as_object().is_some_and(|table| table.values().any(Value::is_object));
    if elements.is_empty() || mixed {
        let shape = config.and_then(|config| ModelShape::parse(config).ok());
        if let Some(shape) = shape {
            return Some(shape.parameters());
        }
    }
    if elements.is_empty() {
        return None;
    }
    let count = |dtype: &str| elements.get(dtype).copied().unwrap_or(0);
    let whole: u64 = ["F64", "F32", "F16", "BF16"].into_iter().map(count).sum();
    let size = |name: &str| quantization[name].as_u64().filter(|&size| size > 0);
    let Some((bits, group_size)) = size("bits").zip(size("group_size")) else {
        return Some(elements.values().sum());
    };
    let packed = count("U32").saturating_mul(32) / bits;
    // A scale and a bias for each group; the scales of block floats are bytes.
    let affine = matches!(quantization["mode"].as_str(), None | Some("affine"));
    let scales = if affine { 2 * (packed / group_size) } else { 0 };
    Some(packed + whole.saturating_sub(scales))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn counted(quantization: &Value, elements: &[(&str, u64)]) -> Option<u64> {
        let elements = elements.iter().map(|(dtype, count)| ((*dtype).to_owned(), *count)).collect();
        parameters(None, quantization, &elements)
    }

    #[test]
    fn packed_words_count_as_the_weights_they_stand_for() {
        // 640 weights of 4 bits in 80 words, with 10 scales and 10 biases, beside 7 weights that are not quantized.
        let affine = json!({"bits": 4, "group_size": 64});
        assert_eq!(counted(&affine, &[("U32", 80), ("BF16", 27)]), Some(647));
        // The scales of block floats are bytes.
        let block = json!({"bits": 4, "group_size": 32, "mode": "mxfp4"});
        assert_eq!(counted(&block, &[("U32", 80), ("U8", 20), ("BF16", 7)]), Some(647));
    }

    #[test]
    fn without_quantization_every_element_is_a_parameter() {
        assert_eq!(counted(&Value::Null, &[("BF16", 100), ("F32", 1)]), Some(101));
    }

    #[test]
    fn what_nobody_has_counted_is_not_guessed() {
        assert_eq!(counted(&Value::Null, &[]), None);
    }
}
