//! Choosing a model: what it would take, whether this machine has that, and loading it. One way for the window, the
//! command line and HTTP.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;
use shorn_checkpoint::{KvCache, KvQuantization};
use shorn_hub::fit::{Fit, FitOptions, GuardLevel, KvChoice, Machine, MemoryLimit, Verdict, fit, kv_choices};
use shorn_protocol::LoadSettings;
use shorn_runtime::{LoadOptions, ModelPhase, ModelState, SavedSettings, in_bytes};
use ts_rs::TS;

use crate::app::App;
use crate::served::{LoadPlan, ServedModel, ServedModelError};

/// What a person decided about memory, for all models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MemoryPolicy {
    /// How much is left to other programs.
    pub guard: GuardLevel,
    /// Bytes that a model may take at most where its own settings do not say; what the GPU recommends when `None`.
    pub limit: Option<u64>,
}

/// What a load would take.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
pub struct Estimate {
    /// The model's name.
    pub model: String,
    /// The settings, with nothing left open.
    pub settings: LoadSettings,
    /// What they take, against what this machine has.
    pub fit: Fit,
    /// What other widths of the KV cache would take, with the same group size and start.
    pub kv_choices: Vec<KvChoice>,
}

/// Why a model is not loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It cannot be opened, or not with these options.
    #[error(transparent)]
    Model(#[from] ServedModelError),
    /// It would take more than there is.
    #[error("{}", does_not_fit(.0))]
    DoesNotFit(Box<Fit>),
    /// Nothing can be estimated.
    #[error("this system does not tell its memory, so what a model may take is not known")]
    MemoryUnknown,
    /// Its worker could not load it.
    #[error("{0}")]
    Failed(String),
    /// Another load or an unload came in between.
    #[error("the load was given up: another was asked for, or an unload")]
    GivenUp,
    /// Nothing is loaded any more.
    #[error("the server is shutting down")]
    ShuttingDown,
}

fn does_not_fit(fit: &Fit) -> String {
    let advice: Vec<&str> = fit.advice.iter().map(|advice| advice.words.as_str()).collect();
    let advice = if advice.is_empty() { "close other programs".to_owned() } else { advice.join("; or ") };
    let (total, limit) = (in_bytes(fit.total), in_bytes(fit.limit));
    format!("this would take {total} and a model may take {limit} now: {advice}; or load it anyway")
}

/// Which model to load and how.
#[derive(Debug, Clone)]
pub struct LoadRequest {
    /// The model's name.
    pub name: String,
    /// Its folder.
    pub directory: PathBuf,
    /// How; what they leave open comes from the settings saved for the model.
    pub options: LoadOptions,
    /// Takes the place of what is saved for the model, once the load is accepted.
    pub save: Option<SavedSettings>,
    /// Load it although it does not fit into memory.
    pub anyway: bool,
}

impl App {
    /// Settles how a model would be loaded.
    async fn plan(&self, request: &LoadRequest) -> Result<LoadPlan, ServedModelError> {
        let LoadRequest { name, directory, options, save, .. } = request.clone();
        let data_directory = self.data_directory.clone();
        let limit = self.memory_policy().limit;
        blocking(move || {
            let saved = match save {
                Some(saved) => saved,
                None => SavedSettings::read(&data_directory, &name)?,
            };
            let mut plan = LoadPlan::new(name, &directory, &options, saved)?;
            plan.spec.settings.memory_limit = plan.spec.settings.memory_limit.or(limit);
            Ok(plan)
        })
        .await
    }

    /// What a load would take, and whether this machine has it; nothing is loaded and nothing saved.
    ///
    /// # Errors
    /// Names the file or the option, and what to do; also where the system does not tell its memory.
    pub async fn estimate(&self, request: &LoadRequest) -> Result<Estimate, LoadError> {
        let plan = self.plan(request).await?;
        let fit = self.fit(&plan).ok_or(LoadError::MemoryUnknown)?;
        let settings = plan.spec.settings.clone();
        let (group_size, start) = match settings.kv {
            KvCache::Quantized(quantization) => (quantization.group_size, quantization.start),
            KvCache::Dense => (KvQuantization::DEFAULT_GROUP_SIZE, KvQuantization::DEFAULT_START),
        };
        let kv_choices = kv_choices(&plan.facts, settings.context_length, group_size, start);
        Ok(Estimate { model: plan.spec.name, settings, fit, kv_choices })
    }

    /// Opens a model and begins to load it in place of the present one. Where the model cannot be opened, cannot take
    /// the options or does not fit, the present one stays.
    ///
    /// # Errors
    /// Names the file or the option, and what to do; also when it does not fit.
    pub async fn load(&self, request: LoadRequest) -> Result<Arc<ServedModel>, LoadError> {
        let _one_at_a_time = self.loading.lock().await;
        let plan = self.plan(&request).await?;
        if !request.anyway
            && self.memory_policy().guard != GuardLevel::Off
            && let Some(fit) = self.fit(&plan).filter(|fit| fit.verdict == Verdict::TooLarge)
        {
            return Err(LoadError::DoesNotFit(Box::new(fit)));
        }
        let data_directory = self.data_directory.clone();
        let model = blocking(move || {
            // A tokenizer of many megabytes takes its time.
            let model = ServedModel::open(plan)?;
            if let Some(saved) = request.save {
                saved.write(&data_directory, model.name())?;
            }
            Ok(model)
        });
        let model = Arc::new(model.await?);
        // In this order: a request that finds the new model finds its load begun.
        self.runtime.model().load(model.plan.spec.clone());
        self.served.send_replace(Some(model.clone()));
        Ok(model)
    }

    /// Waits until a model whose load was begun is loaded.
    ///
    /// # Errors
    /// When that fails or is given up.
    pub async fn loaded(&self, model: &ServedModel) -> Result<ModelState, LoadError> {
        let is_ours = |state: &ModelState| state.id == model.plan.spec.id;
        let mut state = self.runtime.model().state();
        let gone = |_| LoadError::ShuttingDown;
        // The supervisor may not have heard of it yet. A later choice has a higher id.
        let heard =
            |state: &Option<ModelState>| state.as_ref().is_some_and(|state| state.id >= model.plan.spec.id);
        state.wait_for(heard).await.map_err(gone)?;
        let ended = |state: &Option<ModelState>| match state {
            Some(state) => !is_ours(state) || !matches!(state.phase, ModelPhase::Loading { .. }),
            None => true,
        };
        let state = state.wait_for(ended).await.map_err(gone)?.clone();
        match state.filter(is_ours) {
            Some(ModelState { phase: ModelPhase::Stopped { why: Some(why) }, .. }) => {
                Err(LoadError::Failed(why))
            }
            Some(state @ ModelState { phase: ModelPhase::Ready(_), .. }) => Ok(state),
            _ => Err(LoadError::GivenUp),
        }
    }

    /// How much memory a load could have now; `None` where the system does not tell.
    pub fn memory_limit(&self) -> Option<MemoryLimit> {
        self.machine(self.memory_policy().limit).map(|machine| machine.limit())
    }

    /// Estimates a planned model: it can take its options, so only the machine is in question.
    fn fit(&self, plan: &LoadPlan) -> Option<Fit> {
        let settings = &plan.spec.settings;
        let machine = self.machine(settings.memory_limit)?;
        fit(&plan.facts, &FitOptions::one_context(settings.context_length, settings.kv), &machine).ok()
    }

    /// The memory that a load could have, taking over what the present model has.
    fn machine(&self, chosen: Option<u64>) -> Option<Machine> {
        let snapshot = self.runtime.now();
        let memory = snapshot.system?;
        // A GPU with memory of its own tells it through a worker that has loaded.
        let from_worker = snapshot.model.as_ref().and_then(|model| match &model.phase {
            ModelPhase::Ready(loaded) if loaded.backend != "cpu" && model.settings.memory_limit.is_none() => {
                Some(loaded.memory_limit)
            }
            _ => None,
        });
        Some(Machine {
            total: memory.total,
            gpu_limit: memory.gpu_limit.or(from_worker),
            available: Some(memory.available),
            ours: memory.worker_footprint.unwrap_or(0),
            reserve: self.memory_policy().guard.reserve(memory.total),
            chosen,
        })
    }
}

/// Reads files away from the threads that serve connections.
async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, ServedModelError> + Send + 'static,
) -> Result<T, ServedModelError> {
    tokio::task::spawn_blocking(read).await.map_err(|_| ServedModelError::ReaderFailed)?
}
