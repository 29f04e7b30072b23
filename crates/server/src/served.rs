//! The model that is served, as far as it is known without loading it: its text side and its limits.

use std::path::Path;

use shorn_chat::model::{ChatError, ChatModel};
use shorn_checkpoint::{Checkpoint, CheckpointError, GenerationConfig, ModelConfig};
use shorn_runtime::{SavedSettings, SettingsError};

/// Template, tokenizer and configuration of the served model.
#[derive(Debug)]
pub struct ServedModel {
    /// Its name in the API.
    pub name: String,
    /// Template, tokenizer and formats.
    pub chat: ChatModel,
    /// `config.json`.
    pub config: ModelConfig,
    /// `generation_config.json`.
    pub generation: GenerationConfig,
    /// Bytes of an activation, and of an element of an unquantized KV cache.
    pub activation_bytes: u64,
    /// What a person saved for it.
    pub saved: SavedSettings,
    /// Seconds since 1970 when it was opened.
    pub created: u64,
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
}

impl ServedModel {
    /// Reads what is needed from the model's folder; `data_directory` holds saved settings.
    ///
    /// # Errors
    /// Names the file and what to do.
    pub fn open(name: String, directory: &Path, data_directory: &Path) -> Result<Self, ServedModelError> {
        let checkpoint = Checkpoint::open(directory)?;
        let activation_bits = checkpoint.activation_dtype().map_or(16, |dtype| dtype.bitsize());
        Ok(Self {
            chat: ChatModel::from_folder(directory)?,
            config: checkpoint.config,
            generation: checkpoint.generation,
            activation_bytes: activation_bits as u64 / 8,
            saved: SavedSettings::read(data_directory, &name)?,
            name,
            created: crate::clock::seconds_since_1970(),
        })
    }
}
