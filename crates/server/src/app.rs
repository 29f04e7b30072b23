//! What every route needs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use shorn_chat::conversation::Conversation;
use shorn_chat::model::{ChatError, Prompt};
use shorn_checkpoint::model_name;
use shorn_hub::fit::{Machine, default_reserve};
use shorn_hub::library::{Folders, Library};
use shorn_runtime::{LoadOptions, ModelPhase, Runtime};
use tokio::sync::watch;

use crate::error::ApiError;
use crate::served::{ServedModel, ServedModelError};

/// The state shared by all routes: what runs, and the model that requests are for.
#[derive(Debug)]
pub struct App {
    /// What runs.
    pub runtime: Runtime,
    data_directory: PathBuf,
    folders: Folders,
    served: watch::Sender<Option<Arc<ServedModel>>>,
    /// Held while a model is chosen, so that `served` and the runtime agree on the last one.
    loading: tokio::sync::Mutex<()>,
}

impl App {
    /// An app without a model; `data_directory` holds what was saved for models, `folders` the models.
    pub fn new(runtime: Runtime, data_directory: PathBuf, folders: Folders) -> Self {
        let (served, loading) = (watch::Sender::new(None), tokio::sync::Mutex::default());
        Self { runtime, data_directory, folders, served, loading }
    }

    /// Opens a model without loading it.
    ///
    /// # Errors
    /// Names the file or the option, and what to do.
    pub async fn open(
        &self,
        name: String,
        directory: PathBuf,
        options: LoadOptions,
    ) -> Result<ServedModel, ServedModelError> {
        let data_directory = self.data_directory.clone();
        // A tokenizer of many megabytes takes its time.
        let open = move || ServedModel::open(name, &directory, &options, &data_directory);
        tokio::task::spawn_blocking(open).await.map_err(|_| ServedModelError::ReaderFailed)?
    }

    /// Opens a model and begins to load it in place of the present one. Where the model cannot be opened or cannot take
    /// the options, the present one stays.
    ///
    /// # Errors
    /// As [`App::open`].
    pub async fn load(
        &self,
        name: String,
        directory: PathBuf,
        options: LoadOptions,
    ) -> Result<Arc<ServedModel>, ServedModelError> {
        let _one_at_a_time = self.loading.lock().await;
        let model = Arc::new(self.open(name, directory, options).await?);
        // In this order: a request that finds the new model finds its load begun.
        self.runtime.model().load(model.spec.clone());
        self.served.send_replace(Some(model.clone()));
        Ok(model)
    }

    /// The memory that a load could have, taking over what the present model has.
    ///
    /// # Errors
    /// 500 where the system does not tell its memory.
    pub fn machine(&self, chosen: Option<u64>) -> Result<Machine, ApiError> {
        let snapshot = self.runtime.now();
        let memory =
            snapshot.system.ok_or_else(|| ApiError::server_error("this system does not tell its memory"))?;
        // What the device recommends is known from the worker, once one has loaded.
        let gpu_limit = snapshot.model.as_ref().and_then(|model| match &model.phase {
            ModelPhase::Ready(loaded) if loaded.backend != "cpu" && model.settings.memory_limit.is_none() => {
                Some(loaded.memory_limit)
            }
            _ => None,
        });
        Ok(Machine {
            total: memory.total,
            gpu_limit,
            available: Some(memory.available),
            ours: memory.worker_footprint.unwrap_or(0),
            reserve: default_reserve(memory.total),
            chosen,
        })
    }

    /// The models on this disk.
    ///
    /// # Errors
    /// 500 when the scan fails.
    pub async fn library(&self) -> Result<Library, ApiError> {
        let folders = self.folders.clone();
        let scan = tokio::task::spawn_blocking(move || shorn_hub::library::scan(&folders));
        scan.await.map_err(|_| ApiError::server_error("looking for models failed"))
    }

    /// Name and folder of a model that is named as in the library or by its folder.
    ///
    /// # Errors
    /// 404 when there is none.
    pub async fn find(&self, model: &str) -> Result<(String, PathBuf), ApiError> {
        if let Ok(served) = self.model_named(Some(model)) {
            return Ok((model.to_owned(), served.spec.settings.directory.clone()));
        }
        let path = Path::new(model);
        if path.is_absolute() && path.is_dir() {
            return Ok((model_name(path), path.to_owned()));
        }
        let found = self.library().await?.models.into_iter().find(|known| known.name == model);
        found.map(|found| (found.name, found.directory)).ok_or_else(|| ApiError::model_not_on_disk(model))
    }

    /// The model that requests are for.
    ///
    /// # Errors
    /// 503 when there is none.
    pub fn model(&self) -> Result<Arc<ServedModel>, ApiError> {
        self.served.borrow().clone().ok_or_else(ApiError::no_model)
    }

    /// The model that a request names, or the one that is served when it names none.
    ///
    /// # Errors
    /// 404 when another one is served, 503 when none is.
    pub fn model_named(&self, asked: Option<&str>) -> Result<Arc<ServedModel>, ApiError> {
        let model = self.model()?;
        match asked.filter(|asked| *asked != model.name()) {
            Some(asked) => Err(ApiError::model_not_found(asked, model.name())),
            None => Ok(model),
        }
    }
}

/// Renders and tokenizes a conversation, away from the threads that serve connections: a long prompt takes
/// milliseconds, a hostile template up to its limit.
///
/// # Errors
/// 400 with what the template says.
pub async fn render(model: Arc<ServedModel>, conversation: Conversation) -> Result<Prompt, ApiError> {
    let rendered = tokio::task::spawn_blocking(move || model.chat.prompt(&conversation)).await;
    match rendered {
        Ok(Ok(prompt)) => Ok(prompt),
        Ok(Err(error @ ChatError::Template(_))) => {
            Err(ApiError::bad_parameter("messages", error.to_string()))
        }
        Ok(Err(error)) => Err(ApiError::server_error(error.to_string())),
        Err(_) => Err(ApiError::server_error("rendering the conversation failed")),
    }
}
