//! Choosing a model: what it would take, whether this machine has that, and loading it. One way for the window, the
//! command line and HTTP.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use shorn_chat::model::ChatModel;
use shorn_checkpoint::{KvCache, KvQuantization};
use shorn_hub::fit::{Fit, FitOptions, GuardLevel, KvChoice, Machine, MemoryLimit, Verdict, fit, kv_choices};
use shorn_protocol::{Generate, LoadSettings};
use shorn_runtime::{
    Generation, LoadOptions, Model, ModelId, ModelPhase, ModelSpec, ModelState, SavedSettings, Unavailable,
    in_bytes,
};
use ts_rs::TS;

use crate::app::App;
use crate::error::ApiError;
use crate::served::{LoadPlan, ServedModel, ServedModelError};

/// How long a model that a request brought in stays loaded without another one, where nothing is saved for it.
const BROUGHT_IN_FOR: Duration = Duration::from_secs(60 * 60);

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

    /// What a load would take in place of the chosen model, and whether this machine has it; nothing is loaded and nothing
    /// saved.
    ///
    /// # Errors
    /// Names the file or the option, and what to do; also where the system does not tell its memory.
    pub async fn estimate(&self, request: &LoadRequest) -> Result<Estimate, LoadError> {
        let plan = self.plan(request).await?;
        let gone: Vec<ModelId> = self.runtime.chosen().iter().map(Model::id).collect();
        let fit = self.fit(&plan, &gone).ok_or(LoadError::MemoryUnknown)?;
        let settings = plan.spec.settings.clone();
        let (group_size, start) = match settings.kv {
            KvCache::Quantized(quantization) => (quantization.group_size, quantization.start),
            KvCache::Dense => (KvQuantization::DEFAULT_GROUP_SIZE, KvQuantization::DEFAULT_START),
        };
        let kv_choices = kv_choices(&plan.facts, settings.context_length, group_size, start);
        Ok(Estimate { model: plan.spec.name, settings, fit, kv_choices })
    }

    /// Opens a model and begins to load it in place of the chosen one. Where the model cannot be opened, cannot take
    /// the options or does not fit, the chosen one stays.
    ///
    /// # Errors
    /// Names the file or the option, and what to do; also when it does not fit.
    pub async fn load(&self, request: LoadRequest) -> Result<Arc<ServedModel>, LoadError> {
        let _one_at_a_time = self.loading.lock().await;
        let plan = self.plan(&request).await?;
        // The same model may be here because a request brought it in.
        let same = |served: &Arc<ServedModel>| served.directory() == plan.spec.settings.directory;
        let twin = self.served().others.iter().find(|other| same(other)).cloned();
        let chosen = self.served().chosen.clone();
        let gone: Vec<_> = chosen.iter().chain(&twin).cloned().collect();
        plan.check_memory_limit()?;
        if !request.anyway {
            self.make_room(&plan, gone).await?;
        }
        let LoadRequest { save, anyway, .. } = request;
        let (plan, chat) = self.open(plan, save).await?;
        if let Some(twin) = twin {
            self.send_away(&twin).await;
        }
        let model = self.runtime.choose(plan.spec.clone());
        let served = Arc::new(ServedModel::new(model, plan, chat, anyway));
        self.served_mut().chosen = Some(served.clone());
        Ok(served)
    }

    /// Begins to load a model because a request named it: beside the chosen one, or as the chosen one where there is none.
    pub(crate) async fn bring_in(
        &self,
        name: String,
        directory: PathBuf,
    ) -> Result<Arc<ServedModel>, LoadError> {
        let options = LoadOptions::default();
        let request = LoadRequest { name, directory, options, save: None, anyway: false };
        if self.served().chosen.is_none() {
            return self.load(request).await;
        }
        let _one_at_a_time = self.loading.lock().await;
        // Of several requests that name it at the same time the first brings it in.
        if let Some(served) = self.served_as(Some(&request.name)) {
            return Ok(served);
        }
        self.forget_unloaded().await;
        let mut plan = self.plan(&request).await?;
        plan.spec.idle_unload.get_or_insert(BROUGHT_IN_FOR);
        let limit = self.make_room(&plan, Vec::new()).await?;
        keep_within(&mut plan.spec, limit);
        let (plan, chat) = self.open(plan, None).await?;
        tracing::info!("a request names {}: it is loaded", plan.spec.name);
        let model = self.runtime.add(plan.spec.clone());
        let served = Arc::new(ServedModel::new(model, plan, chat, false));
        self.served_mut().others.push(served.clone());
        Ok(served)
    }

    /// Starts a request, loading its model first if it is unloaded. `patience` is how long to wait for a load; as long as
    /// it takes when `None`.
    pub(crate) async fn generate(
        &self,
        served: &ServedModel,
        request: Generate,
        patience: Option<Duration>,
    ) -> Result<Generation, ApiError> {
        loop {
            match served.model.generate(request.clone(), patience).await {
                Err(Unavailable::Unloaded) => self.reload(served).await?,
                outcome => return Ok(outcome?),
            }
        }
    }

    /// Begins to load a served model again, if it still has room.
    async fn reload(&self, served: &ServedModel) -> Result<(), ApiError> {
        let _one_at_a_time = self.loading.lock().await;
        let is_unloaded = matches!(served.model.state().borrow().phase, ModelPhase::Stopped { .. });
        if is_unloaded {
            if !served.anyway {
                let room = self.make_room(&served.plan, Vec::new()).await;
                room.map_err(|error| ApiError::no_room(error.to_string()))?;
            }
            served.model.reload().await?;
        }
        Ok(())
    }

    /// Makes sure that a planned model fits once those in `gone` are unloaded, unloading idle ones, the least recently used
    /// first, where it would not. Returns how much it may take; `None` where nobody keeps watch.
    async fn make_room(
        &self,
        plan: &LoadPlan,
        mut gone: Vec<Arc<ServedModel>>,
    ) -> Result<Option<u64>, LoadError> {
        if self.memory_policy().guard == GuardLevel::Off {
            return Ok(None);
        }
        let ids = |gone: &[Arc<ServedModel>]| gone.iter().map(|served| served.model.id()).collect::<Vec<_>>();
        let with = |gone: &[Arc<ServedModel>]| self.fit(plan, &ids(gone));
        let Some(mut fit) = with(&gone) else { return Ok(None) };
        let mut idle = self.idle_besides(plan, &ids(&gone));
        let stay = gone.len();
        if fit.verdict == Verdict::TooLarge {
            // Nothing is unloaded in vain.
            let all: Vec<_> = gone.iter().chain(&idle).cloned().collect();
            fit = with(&all).unwrap_or(fit);
            if fit.verdict == Verdict::TooLarge {
                return Err(LoadError::DoesNotFit(Box::new(fit)));
            }
            idle.reverse();
            while let Some(next) = idle.pop() {
                gone.push(next);
                fit = with(&gone).unwrap_or(fit);
                if fit.verdict != Verdict::TooLarge {
                    break;
                }
            }
        }
        for served in gone.drain(stay..) {
            tracing::info!("{} is idle and is unloaded to make room for {}", served.name(), plan.spec.name);
            self.send_away(&served).await;
        }
        Ok(Some(fit.limit))
    }

    /// Idle models other than the planned one and those in `gone`, the least recently used first.
    fn idle_besides(&self, plan: &LoadPlan, gone: &[ModelId]) -> Vec<Arc<ServedModel>> {
        let served = self.served();
        let mut idle: Vec<_> = served
            .iter()
            .filter(|served| served.plan.spec.id != plan.spec.id && !gone.contains(&served.model.id()))
            .filter(|served| served.model.state().borrow().is_idle())
            .cloned()
            .collect();
        idle.sort_by_key(|served| served.model.state().borrow().last_used);
        idle
    }

    /// Unloads a model: the chosen one stays chosen, another is forgotten.
    async fn send_away(&self, served: &ServedModel) {
        let id = served.model.id();
        if self.served().chosen.as_ref().is_some_and(|chosen| chosen.model.id() == id) {
            served.model.unload().await;
        } else {
            self.served_mut().others.retain(|other| other.model.id() != id);
            self.runtime.remove(&served.model).await;
        }
    }

    /// Forgets models that requests brought in and that are unloaded by now.
    async fn forget_unloaded(&self) {
        let is_unloaded = |served: &&Arc<ServedModel>| {
            matches!(served.model.state().borrow().phase, ModelPhase::Stopped { why: None })
        };
        let unloaded: Vec<_> = self.served().others.iter().filter(is_unloaded).cloned().collect();
        for served in unloaded {
            self.send_away(&served).await;
        }
    }

    /// Unloads the chosen model; the next request loads it again.
    pub async fn unload(&self) {
        if let Some(chosen) = self.runtime.chosen() {
            chosen.unload().await;
        }
    }

    /// Unloads a model that a request brought in, by its folder.
    pub async fn unload_other(&self, directory: &Path) {
        let _no_load_meanwhile = self.loading.lock().await;
        let found = self.served().others.iter().find(|other| other.directory() == directory).cloned();
        if let Some(served) = found {
            self.send_away(&served).await;
        }
    }

    /// Reads the text side of a planned model, and keeps its settings if they are to be remembered.
    async fn open(
        &self,
        plan: LoadPlan,
        save: Option<SavedSettings>,
    ) -> Result<(LoadPlan, ChatModel), ServedModelError> {
        let data_directory = self.data_directory.clone();
        blocking(move || {
            // A tokenizer of many megabytes takes its time.
            let chat = ChatModel::from_folder(&plan.spec.settings.directory)?;
            if let Some(save) = save {
                save.write(&data_directory, &plan.spec.name)?;
            }
            Ok((plan, chat))
        })
        .await
    }

    /// Waits until a model whose load was begun is loaded.
    ///
    /// # Errors
    /// When that fails or is given up.
    pub async fn loaded(&self, served: &ServedModel) -> Result<ModelState, LoadError> {
        let mut state = served.model.state();
        let ended = state.wait_for(|state| !matches!(state.phase, ModelPhase::Loading { .. })).await;
        let state = ended.map_err(|_| LoadError::ShuttingDown)?.clone();
        match state.phase {
            ModelPhase::Stopped { why: Some(why) } => Err(LoadError::Failed(why)),
            ModelPhase::Stopped { why: None } => Err(LoadError::GivenUp),
            _ => Ok(state),
        }
    }

    /// How much memory a load in place of the chosen model could have now; `None` where the system does not tell.
    pub fn memory_limit(&self) -> Option<MemoryLimit> {
        let gone: Vec<ModelId> = self.runtime.chosen().iter().map(Model::id).collect();
        self.machine(self.memory_policy().limit, &gone).map(|machine| machine.limit())
    }

    /// Estimates a planned model: it can take its options, so only the machine is in question.
    fn fit(&self, plan: &LoadPlan, gone: &[ModelId]) -> Option<Fit> {
        let settings = &plan.spec.settings;
        let machine = self.machine(settings.memory_limit, gone)?;
        fit(&plan.facts, &FitOptions::one_context(settings.context_length, settings.kv), &machine).ok()
    }

    /// The memory that a load could have once the models in `gone` are unloaded.
    fn machine(&self, chosen: Option<u64>, gone: &[ModelId]) -> Option<Machine> {
        let snapshot = self.runtime.now();
        let memory = snapshot.system?;
        let models = || snapshot.model.iter().chain(&snapshot.others);
        // A GPU with memory of its own tells it through a worker that has loaded.
        let from_worker = models().find_map(|model| match &model.phase {
            ModelPhase::Ready(loaded) if loaded.backend != "cpu" && model.settings.memory_limit.is_none() => {
                Some(loaded.memory_limit)
            }
            _ => None,
        });
        let ours = models().filter(|model| gone.contains(&model.id)).map(ModelState::held).sum();
        // What stays takes its part of every bound; one that is still loading will have its weights.
        let (mut staying, mut still_to_come) = (0, 0);
        for model in models().filter(|model| !gone.contains(&model.id)) {
            let weights = self.weights_of(model);
            staying += model.held().max(weights);
            still_to_come += weights.saturating_sub(model.held());
        }
        Some(Machine {
            total: memory.total.saturating_sub(staying),
            gpu_limit: memory.gpu_limit.or(from_worker).map(|limit| limit.saturating_sub(staying)),
            available: Some(memory.available.saturating_sub(still_to_come)),
            ours,
            reserve: self.memory_policy().guard.reserve(memory.total),
            chosen,
        })
    }

    /// Bytes of weights that a model has or is about to have.
    fn weights_of(&self, model: &ModelState) -> u64 {
        if matches!(model.phase, ModelPhase::Stopped { .. }) {
            return 0;
        }
        let served = self.served();
        let planned = served.iter().find(|served| served.model.id() == model.id);
        planned.map_or(0, |served| served.plan.facts.weights_bytes)
    }
}

/// Keeps a model that is loaded beside others within what was left for it.
fn keep_within(spec: &mut ModelSpec, limit: Option<u64>) {
    let memory_limit = &mut spec.settings.memory_limit;
    *memory_limit = match (*memory_limit, limit) {
        (Some(chosen), Some(left)) => Some(chosen.min(left)),
        (chosen, left) => chosen.or(left),
    };
}

/// Reads files away from the threads that serve connections.
async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, ServedModelError> + Send + 'static,
) -> Result<T, ServedModelError> {
    tokio::task::spawn_blocking(read).await.map_err(|_| ServedModelError::ReaderFailed)?
}
