//! The model that is served, as far as it is known without loading it: its text side and its limits.

use std::path::Path;

use shorn_chat::model::{ChatError, ChatModel};
use shorn_checkpoint::{Checkpoint, CheckpointError, GenerationConfig, ModelConfig};
use shorn_hub::fit::ModelFacts;
use shorn_runtime::{BadLoadOption, LoadOptions, ModelSpec, SavedSettings, SettingsError};

/// Template, tokenizer and configuration of a model, and how it is loaded.
#[derive(Debug)]
pub struct ServedModel {
    /// Its name, its id, and how it is loaded.
    pub spec: ModelSpec,
    /// Template, tokenizer and formats.
    pub chat: ChatModel,
    /// `config.json`.
    pub config: ModelConfig,
    /// `generation_config.json`.
    pub generation: GenerationConfig,
    sizes: Sizes,
    /// What a person saved for it.
    pub saved: SavedSettings,
    /// Seconds since 1970 when it was opened.
    pub created: u64,
}

/// What [`ModelFacts`] says beside the configuration.
#[derive(Debug)]
struct Sizes {
    weights_bytes: u64,
    active_weights_bytes: u64,
    activation_bytes: u64,
}

/// Why a model cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServedModelError {
    /// Its configuration cannot be used.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// Its template or tokenizer cannot be used.
    #[error(transparent)]
    Chat(#[from] ChatError),
    /// Its saved settings cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A reader of its files gave up in a way that says nothing.
    #[error("the model's template or tokenizer cannot be read: its reader failed; fetch the model again")]
    ReaderFailed,
    /// It cannot be loaded as chosen.
    #[error(transparent)]
    Option(#[from] BadLoadOption),
}

impl ServedModel {
    /// Reads what is needed from the model's folder. `data_directory` holds saved settings, which fill in what `options`
    /// leave open.
    ///
    /// # Errors
    /// Names the file or the option, and what to do.
    pub fn open(
        name: String,
        directory: &Path,
        options: &LoadOptions,
        data_directory: &Path,
    ) -> Result<Self, ServedModelError> {
        let checkpoint = Checkpoint::open(directory)?;
        let saved = SavedSettings::read(data_directory, &name)?;
        let spec = options.or(&saved.load).resolve(name, directory, &checkpoint.config)?;
        let ModelFacts { weights_bytes, active_weights_bytes, activation_bytes, .. } =
            ModelFacts::of(&checkpoint);
        Ok(Self {
            spec,
            chat: ChatModel::from_folder(directory)?,
            config: checkpoint.config,
            generation: checkpoint.generation,
            sizes: Sizes { weights_bytes, active_weights_bytes, activation_bytes },
            saved,
            created: crate::clock::seconds_since_1970(),
        })
    }

    /// What estimates need to know of it.
    pub fn facts(&self) -> ModelFacts<'_> {
        let Sizes { weights_bytes, active_weights_bytes, activation_bytes } = self.sizes;
        ModelFacts { config: &self.config, weights_bytes, active_weights_bytes, activation_bytes }
    }

    /// Its name in the API.
    pub fn name(&self) -> &str {
        &self.spec.name
    }

    /// Tokens of context that it is loaded with.
    pub fn context_length(&self) -> u32 {
        self.spec.settings.context_length
    }
}
