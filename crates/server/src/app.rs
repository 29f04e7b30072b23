//! What every route needs.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use shorn_chat::conversation::Conversation;
use shorn_chat::model::{ChatError, Prompt};
use shorn_checkpoint::model_name;
use shorn_hub::library::{DeleteError, Folders, Library, LibraryModel};
use shorn_runtime::{ModelPhase, Runtime, SavedSettings, SettingsError};
use tokio::sync::watch;

use crate::error::ApiError;
use crate::load::MemoryPolicy;
use crate::served::ServedModel;

/// The state shared by all routes: what runs, and the model that requests are for.
#[derive(Debug)]
pub struct App {
    /// What runs.
    pub runtime: Runtime,
    pub(crate) data_directory: PathBuf,
    folders: RwLock<Folders>,
    memory: RwLock<MemoryPolicy>,
    /// Names and folders of the models that were last listed.
    known: RwLock<Vec<(String, PathBuf)>>,
    pub(crate) served: watch::Sender<Option<Arc<ServedModel>>>,
    /// Held while a model is chosen, so that `served` and the runtime agree on the last one.
    pub(crate) loading: tokio::sync::Mutex<()>,
}

impl App {
    /// An app without a model; `data_directory` holds what was saved for models, `folders` the models.
    pub fn new(runtime: Runtime, data_directory: PathBuf, folders: Folders) -> Self {
        Self {
            runtime,
            data_directory,
            folders: RwLock::new(folders),
            memory: RwLock::default(),
            known: RwLock::default(),
            served: watch::Sender::new(None),
            loading: tokio::sync::Mutex::default(),
        }
    }

    /// Where models are looked for.
    pub fn folders(&self) -> Folders {
        self.folders.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Looks for models in other folders from now on.
    pub fn set_folders(&self, folders: Folders) {
        *self.folders.write().unwrap_or_else(PoisonError::into_inner) = folders;
    }

    /// What models may take.
    pub fn memory_policy(&self) -> MemoryPolicy {
        *self.memory.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Decides what models may take that are loaded from now on.
    pub fn set_memory_policy(&self, policy: MemoryPolicy) {
        *self.memory.write().unwrap_or_else(PoisonError::into_inner) = policy;
    }

    /// What is saved for a model.
    ///
    /// # Errors
    /// When there is a file and it cannot be used.
    pub fn saved_settings(&self, name: &str) -> Result<SavedSettings, SettingsError> {
        SavedSettings::read(&self.data_directory, name)
    }

    /// The models on this disk.
    ///
    /// # Errors
    /// 500 when the scan fails.
    pub async fn library(&self) -> Result<Library, ApiError> {
        let folders = self.folders();
        let scan = tokio::task::spawn_blocking(move || shorn_hub::library::scan(&folders));
        let library = scan.await.map_err(|_| ApiError::server_error("looking for models failed"))?;
        let known =
            library.models.iter().map(|model| (model.name.clone(), model.directory.clone())).collect();
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = known;
        Ok(library)
    }

    /// Deletes a model from this disk and returns the bytes that this freed.
    ///
    /// # Errors
    /// When it is loaded, or its files are not where a model of its origin lies, or the system refuses.
    pub async fn delete(&self, model: LibraryModel) -> Result<u64, DeleteModelError> {
        // A load that begins now would find its files gone.
        let _no_load_meanwhile = self.loading.lock().await;
        let state = self.runtime.model().state().borrow().clone();
        if state.is_some_and(|state| {
            state.directory == model.directory && !matches!(state.phase, ModelPhase::Stopped { .. })
        }) {
            return Err(DeleteModelError::InUse);
        }
        let folders = self.folders();
        let delete = move || shorn_hub::library::delete(&folders, &model);
        tokio::task::spawn_blocking(delete)
            .await
            .map_err(|_| DeleteModelError::Interrupted)?
            .map_err(Into::into)
    }

    /// Name and folder of a model that is named as in the library or by its folder.
    ///
    /// # Errors
    /// 404 when there is none.
    pub async fn find(&self, model: &str) -> Result<(String, PathBuf), ApiError> {
        if let Ok(served) = self.model_named(Some(model)) {
            return Ok((model.to_owned(), served.plan.spec.settings.directory.clone()));
        }
        let path = Path::new(model);
        // Listing them all again takes a while and a dialog asks at every change: the last list comes first.
        if let Some(found) = self.known(model) {
            return Ok(found);
        }
        self.library().await?;
        match self.known(model) {
            Some(found) => Ok(found),
            None if path.is_absolute() && path.is_dir() => Ok((model_name(path), path.to_owned())),
            None => Err(ApiError::model_not_on_disk(model)),
        }
    }

    /// The same from the last list, unless it is gone since.
    fn known(&self, model: &str) -> Option<(String, PathBuf)> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let is_it = |(name, directory): &&(String, PathBuf)| name == model || directory == Path::new(model);
        known.iter().find(is_it).filter(|(_, directory)| directory.is_dir()).cloned()
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

/// Why a model was not deleted.
#[derive(Debug, thiserror::Error)]
pub enum DeleteModelError {
    /// It is loaded.
    #[error("this model is loaded; unload it first")]
    InUse,
    /// Its files stay.
    #[error(transparent)]
    Refused(#[from] DeleteError),
    /// The deleting thread gave up.
    #[error("deleting the model was interrupted; list the models again to see what is left")]
    Interrupted,
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
