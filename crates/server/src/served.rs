//! A model that is served, as far as it is known without loading it: its text side and its limits.

use std::path::Path;

use shorn_chat::model::{ChatError, ChatModel};
use shorn_checkpoint::{Checkpoint, CheckpointError, GenerationConfig, ModelConfig};
use shorn_hub::fit::ModelFacts;
use shorn_runtime::{BadLoadOption, LoadOptions, Model, ModelSpec, SavedSettings, SettingsError};

/// A model and how it is to be loaded, with nothing left open: what can be told without its text side.
#[derive(Debug)]
pub struct LoadPlan {
    /// Its name, its id, and how it is loaded.
    pub spec: ModelSpec,
    /// `config.json`.
    pub config: ModelConfig,
    /// `generation_config.json`.
    pub generation: GenerationConfig,
    /// What a person saved for it.
    pub saved: SavedSettings,
    /// What estimates need to know of it.
    pub facts: ModelFacts,
}

impl LoadPlan {
    /// Reads a model's configuration and headers. `saved` fills in what `options` leave open.
    ///
    /// # Errors
    /// Names the file or the option, and what to do.
    pub fn new(
        name: String,
        directory: &Path,
        options: &LoadOptions,
        saved: SavedSettings,
    ) -> Result<Self, ServedModelError> {
        let checkpoint = Checkpoint::open(directory)?;
        let spec = options.or(&saved.load).resolve(name, directory, &checkpoint.config)?;
        let facts = ModelFacts::of(&checkpoint);
        let (config, generation) = (checkpoint.config, checkpoint.generation);
        Ok(Self { spec, config, generation, saved, facts })
    }

    /// What the worker would refuse, said before the present model is unloaded for it.
    ///
    /// # Errors
    /// When the weights alone are more than the model may take.
    pub(crate) fn check_memory_limit(&self) -> Result<(), ServedModelError> {
        let weights = self.facts.weights_bytes;
        match self.spec.settings.memory_limit {
            Some(limit) if limit < weights => {
                Err(BadLoadOption::MemoryLimit { asked: limit, weights }.into())
            }
            _ => Ok(()),
        }
    }
}

/// Template, tokenizer and configuration of a model, how it is loaded, and the handle on it.
#[derive(Debug)]
pub struct ServedModel {
    /// The handle.
    pub model: Model,
    /// How it is loaded.
    pub plan: LoadPlan,
    /// Template, tokenizer and formats.
    pub chat: ChatModel,
    /// Seconds since 1970 when it was opened.
    pub created: u64,
    /// Whether it is loaded although it does not fit.
    pub(crate) anyway: bool,
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
    /// A model that is loaded, or about to be.
    pub(crate) fn new(model: Model, plan: LoadPlan, chat: ChatModel, anyway: bool) -> Self {
        Self { model, plan, chat, created: crate::clock::seconds_since_1970(), anyway }
    }

    /// Its name in the API.
    pub fn name(&self) -> &str {
        &self.plan.spec.name
    }

    /// Its folder.
    pub fn directory(&self) -> &Path {
        &self.plan.spec.settings.directory
    }

    /// Tokens of context that it is loaded with.
    pub fn context_length(&self) -> u32 {
        self.plan.spec.settings.context_length
    }

    /// Whether it thinks before it answers and can be told not to: its template knows `enable_thinking`.
    pub fn reasons(&self) -> bool {
        self.chat.template().source().contains("enable_thinking")
    }
}
