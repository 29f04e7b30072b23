//! Where sampling values come from: the request, then what was saved for the model, then its makers, then a default.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use shorn_checkpoint::GenerationConfig;
use shorn_protocol::Sampling;
use ts_rs::TS;

use crate::load_options::LoadOptions;

/// Who decided a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(rename = "SamplingOrigin")]
pub enum Origin {
    /// The request.
    Request,
    /// The model's saved settings.
    Saved,
    /// The model's `generation_config.json`.
    GenerationConfig,
    /// Nobody: the field's own default.
    Default,
}

/// Sampling values of a request or of saved settings; `None` where it says nothing.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, TS)]
#[serde(default, deny_unknown_fields)]
pub struct RequestedSampling {
    /// See [`Sampling::temperature`].
    pub temperature: Option<f32>,
    /// See [`Sampling::top_p`].
    pub top_p: Option<f32>,
    /// See [`Sampling::top_k`].
    pub top_k: Option<u32>,
    /// See [`Sampling::min_p`].
    pub min_p: Option<f32>,
    /// See [`Sampling::repetition_penalty`].
    pub repetition_penalty: Option<f32>,
    /// See [`Sampling::presence_penalty`].
    pub presence_penalty: Option<f32>,
    /// See [`Sampling::frequency_penalty`].
    pub frequency_penalty: Option<f32>,
    /// See [`Sampling::seed`].
    pub seed: Option<u64>,
    /// Tokens to generate at most.
    pub max_tokens: Option<u32>,
}

/// What a person saved for a model: a JSON file named after it in `settings` of the data directory.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, TS)]
#[serde(default, deny_unknown_fields)]
pub struct SavedSettings {
    /// Sampling values for requests that leave them out.
    pub sampling: RequestedSampling,
    /// How to load it where a load does not say.
    pub load: LoadOptions,
}

/// Sampling values with nothing left open, and who decided each.
#[derive(Debug, Clone, PartialEq)]
pub struct ResolvedSampling {
    /// The values.
    pub sampling: Sampling,
    /// Tokens to generate at most; `None` for the rest of the context.
    pub max_tokens: Option<u32>,
    /// Who decided each value, by its name.
    pub origins: BTreeMap<&'static str, Origin>,
}

/// Why saved settings cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("{path}: cannot be read: {source}", path = .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file cannot be written.
    #[error("{path}: cannot be written: {source}", path = .path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not what it should be.
    #[error("{path}: {source}; correct it, or delete it to go back to defaults", path = .path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// There is no home folder to keep settings in.
    #[error("no place for settings: neither SHORN_HOME nor HOME is set")]
    NoHome,
}

/// Where Shorn keeps its files: `SHORN_HOME`, else the system's place for application data.
///
/// # Errors
/// When there is no home folder.
pub fn data_directory() -> Result<PathBuf, SettingsError> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(directory) = set("SHORN_HOME") {
        return Ok(directory);
    }
    let home = set("HOME").ok_or(SettingsError::NoHome)?;
    Ok(match cfg!(target_os = "macos") {
        true => home.join("Library/Application Support/Shorn"),
        false => set("XDG_DATA_HOME").unwrap_or_else(|| home.join(".local/share")).join("shorn"),
    })
}

impl SavedSettings {
    /// What is saved for a model; nothing when there is no file.
    ///
    /// # Errors
    /// When there is a file and it cannot be used.
    pub fn read(data_directory: &Path, model: &str) -> Result<Self, SettingsError> {
        let path = Self::path(data_directory, model);
        match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text)
                .map_err(|source| SettingsError::Invalid { path: path.clone(), source }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(source) => Err(SettingsError::Unreadable { path, source }),
        }
    }

    /// Keeps the settings of a model, whole or not at all.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, data_directory: &Path, model: &str) -> Result<(), SettingsError> {
        let path = Self::path(data_directory, model);
        let write = || {
            let text = serde_json::to_string_pretty(self)?;
            let folder = path.parent().unwrap_or(data_directory);
            fs::create_dir_all(folder)?;
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            file.write_all(text.as_bytes())?;
            file.as_file().sync_all()?;
            file.persist(&path)?;
            Ok(())
        };
        write().map_err(|source: io::Error| SettingsError::Unwritable { path: path.clone(), source })
    }

    /// The file of a model. Slashes of names like `org/model` become `--`, as in the Hugging Face cache.
    pub fn path(data_directory: &Path, model: &str) -> PathBuf {
        data_directory.join("settings").join(format!("{}.json", model.replace('/', "--")))
    }
}

impl RequestedSampling {
    /// Fills in what the request leaves out.
    pub fn resolve(
        &self,
        saved: &SavedSettings,
        generation: &GenerationConfig,
        logit_bias: Vec<(u32, f32)>,
        logprobs: Option<u8>,
    ) -> ResolvedSampling {
        let saved = &saved.sampling;
        let mut origins = BTreeMap::new();
        let default = Sampling::default();
        let random_seed = || getrandom::u64().unwrap_or(0);
        let sampling = Sampling {
            temperature: pick(
                &mut origins,
                "temperature",
                [self.temperature, saved.temperature, generation.temperature],
                default.temperature,
            ),
            top_p: pick(&mut origins, "top_p", [self.top_p, saved.top_p, generation.top_p], default.top_p),
            top_k: pick(&mut origins, "top_k", [self.top_k, saved.top_k, generation.top_k], default.top_k),
            min_p: pick(&mut origins, "min_p", [self.min_p, saved.min_p, generation.min_p], default.min_p),
            repetition_penalty: pick(
                &mut origins,
                "repetition_penalty",
                [self.repetition_penalty, saved.repetition_penalty, generation.repetition_penalty],
                default.repetition_penalty,
            ),
            presence_penalty: pick(
                &mut origins,
                "presence_penalty",
                [self.presence_penalty, saved.presence_penalty, None],
                default.presence_penalty,
            ),
            frequency_penalty: pick(
                &mut origins,
                "frequency_penalty",
                [self.frequency_penalty, saved.frequency_penalty, None],
                default.frequency_penalty,
            ),
            logit_bias,
            seed: pick(&mut origins, "seed", [self.seed, saved.seed, None], random_seed()),
            logprobs,
        };
        let max_tokens = [self.max_tokens.map(Some), saved.max_tokens.map(Some), None];
        let max_tokens = pick(&mut origins, "max_tokens", max_tokens, None);
        ResolvedSampling { sampling, max_tokens, origins }
    }
}

/// The first value there is, noting whose it was.
fn pick<T>(
    origins: &mut BTreeMap<&'static str, Origin>,
    name: &'static str,
    candidates: [Option<T>; 3],
    default: T,
) -> T {
    let known = [Origin::Request, Origin::Saved, Origin::GenerationConfig];
    let found =
        candidates.into_iter().zip(known).find_map(|(value, origin)| value.map(|value| (value, origin)));
    let (value, origin) = found.unwrap_or((default, Origin::Default));
    origins.insert(name, origin);
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_comes_from_the_first_that_has_it_and_says_from_where() {
        let request = RequestedSampling { temperature: Some(0.2), ..RequestedSampling::default() };
        let saved = SavedSettings {
            sampling: RequestedSampling {
                temperature: Some(0.5),
                top_k: Some(7),
                max_tokens: Some(99),
                ..RequestedSampling::default()
            },
            ..SavedSettings::default()
        };
        let generation =
            GenerationConfig { top_k: Some(20), top_p: Some(0.8), ..GenerationConfig::default() };
        let resolved = request.resolve(&saved, &generation, Vec::new(), None);
        let Sampling { temperature, top_k, top_p, min_p, .. } = resolved.sampling;
        assert_eq!((temperature, top_k, top_p, min_p), (0.2, 7, 0.8, 0.0));
        assert_eq!(resolved.max_tokens, Some(99));
        assert_eq!(resolved.origins["temperature"], Origin::Request);
        assert_eq!(resolved.origins["top_k"], Origin::Saved);
        assert_eq!(resolved.origins["top_p"], Origin::GenerationConfig);
        assert_eq!(resolved.origins["min_p"], Origin::Default);
    }

    #[test]
    fn a_request_without_a_word_is_sampled_at_temperature_one_with_a_seed_of_its_own() {
        let resolve = || {
            let (saved, generation) = (SavedSettings::default(), GenerationConfig::default());
            RequestedSampling::default().resolve(&saved, &generation, Vec::new(), None)
        };
        assert_eq!(resolve().sampling.temperature, 1.0);
        assert_ne!(resolve().sampling.seed, resolve().sampling.seed);
    }

    #[test]
    fn saved_settings_with_a_mistake_are_refused_by_file_and_field() {
        let directory = tempfile::tempdir().unwrap();
        let path = SavedSettings::path(directory.path(), "org/model");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, r#"{"sampling": {"temprature": 0.3}}"#).unwrap();
        let message = SavedSettings::read(directory.path(), "org/model").unwrap_err().to_string();
        assert!(message.contains("org--model.json") && message.contains("temprature"), "{message}");
        assert_eq!(SavedSettings::read(directory.path(), "other").unwrap(), SavedSettings::default());
    }
}
