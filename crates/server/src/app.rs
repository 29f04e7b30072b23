//! What every route needs.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use shorn_chat::conversation::Conversation;
use shorn_chat::model::{ChatError, Prompt};
use shorn_checkpoint::model_name;
use shorn_hub::download::{Download, Downloads};
use shorn_hub::library::{DeleteError, Folders, Library, LibraryModel, LibraryState};
use shorn_hub::remote::Hub;
use shorn_runtime::{ModelPhase, Runtime, SavedSettings, SettingsError};
use tokio::sync::watch;

use crate::error::ApiError;
use crate::load::{LoadError, MemoryPolicy};
use crate::responses::ResponseStore;
use crate::reuse::Sessions;
use crate::served::ServedModel;

/// The name by which requests ask for the model that a person chose.
const DEFAULT: &str = "default";

/// How long a request that is not streamed waits for a load before it is told to come back: agents give up on an answer
/// without a first byte after five minutes.
const LOAD_WAIT: Duration = Duration::from_secs(280);

/// The state shared by all routes: what runs, and the models that requests are for.
#[derive(Debug)]
pub struct App {
    /// What runs.
    pub runtime: Runtime,
    pub(crate) data_directory: PathBuf,
    folders: RwLock<Folders>,
    memory: RwLock<MemoryPolicy>,
    /// The models that were last listed.
    known: RwLock<Vec<LibraryModel>>,
    pub(crate) served: RwLock<Served>,
    /// Held while a model is chosen, brought in or deleted, so that each finds the memory and the files that it counted
    /// on.
    pub(crate) loading: tokio::sync::Mutex<()>,
    pub(crate) load_wait: Duration,
    pub(crate) hub: Hub,
    /// Downloads from the Hub.
    pub downloads: Downloads,
    /// What `POST /v1/responses` keeps for later requests.
    pub(crate) responses: ResponseStore,
    /// The last requests, which later ones are compared with.
    pub(crate) sessions: Sessions,
}

/// The models that requests are for.
#[derive(Debug, Default)]
pub(crate) struct Served {
    /// The one that a person chose.
    pub chosen: Option<Arc<ServedModel>>,
    /// Those that requests brought in.
    pub others: Vec<Arc<ServedModel>>,
}

impl Served {
    pub fn iter(&self) -> impl Iterator<Item = &Arc<ServedModel>> {
        self.chosen.iter().chain(&self.others)
    }
}

impl App {
    /// An app without a model; `data_directory` holds what was saved for models, `folders` the models, and `hub` has more
    /// of them. Downloads of the queue in the file called `queue` go on; no two programs may have the same one.
    pub fn new(runtime: Runtime, data_directory: PathBuf, folders: Folders, hub: Hub, queue: &str) -> Self {
        let queue = data_directory.join(queue);
        let downloads = Downloads::start(hub.clone(), folders.hugging_face.clone(), queue);
        Self {
            runtime,
            data_directory,
            folders: RwLock::new(folders),
            memory: RwLock::default(),
            known: RwLock::default(),
            served: RwLock::default(),
            loading: tokio::sync::Mutex::default(),
            load_wait: LOAD_WAIT,
            hub,
            downloads,
            responses: ResponseStore::default(),
            sessions: Sessions::default(),
        }
    }

    /// Another time that a request which is not streamed waits for a load before it is told to come back.
    pub fn with_load_wait(self, load_wait: Duration) -> Self {
        Self { load_wait, ..self }
    }

    /// Where models are looked for.
    pub fn folders(&self) -> Folders {
        self.folders.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Looks for models in other folders, and downloads into them, from now on.
    pub fn set_folders(&self, folders: Folders) {
        self.downloads.set_cache(folders.hugging_face.clone());
        *self.folders.write().unwrap_or_else(PoisonError::into_inner) = folders;
    }

    /// The Hub.
    pub fn hub(&self) -> &Hub {
        &self.hub
    }

    /// The downloads, now and as they change.
    pub fn downloads(&self) -> watch::Receiver<Arc<Vec<Download>>> {
        self.downloads.watch()
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
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = library.models.clone();
        Ok(library)
    }

    /// Deletes a model from this disk and returns the bytes that this freed.
    ///
    /// # Errors
    /// When it is loaded, or its files are not where a model of its origin lies, or the system refuses.
    pub async fn delete(&self, model: LibraryModel) -> Result<u64, DeleteModelError> {
        // A load that begins now would find its files gone.
        let _no_load_meanwhile = self.loading.lock().await;
        let in_use = self.served().iter().any(|served| {
            served.directory() == model.directory
                && !matches!(served.model.state().borrow().phase, ModelPhase::Stopped { .. })
        });
        if in_use {
            return Err(DeleteModelError::InUse);
        }
        let folders = self.folders();
        let delete = move || shorn_hub::library::delete(&folders, &model);
        tokio::task::spawn_blocking(delete)
            .await
            .map_err(|_| DeleteModelError::Interrupted)?
            .map_err(Into::into)
    }

    /// Name and folder of a model that is named as in the library, by the last part of that name, or by its folder.
    ///
    /// # Errors
    /// 404 when there is none, or several have that short name.
    pub async fn find(&self, model: &str) -> Result<(String, PathBuf), ApiError> {
        if let Some(served) = self.served_as(Some(model)) {
            return Ok((served.name().to_owned(), served.directory().to_owned()));
        }
        let path = Path::new(model);
        // Listing them all again takes a while and a dialog asks at every change: the last list comes first.
        if let Some(found) = self.known(model)? {
            return Ok((found.name, found.directory));
        }
        self.library().await?;
        match self.known(model)? {
            Some(found) => Ok((found.name, found.directory)),
            None if path.is_absolute() && path.is_dir() => Ok((model_name(path), path.to_owned())),
            None => Err(ApiError::model_not_on_disk(model)),
        }
    }

    /// The same from the last list, unless it is gone since.
    fn known(&self, model: &str) -> Result<Option<LibraryModel>, ApiError> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let there = || known.iter().filter(|known| known.directory.is_dir());
        let is_it = |known: &&LibraryModel| known.name == model || known.directory == Path::new(model);
        if let Some(found) = there().find(is_it) {
            return Ok(Some(found.clone()));
        }
        let mut short = there().filter(|known| is_short_name(model, &known.name));
        match (short.next(), short.next()) {
            (Some(first), Some(second)) if first.name != second.name => {
                Err(ApiError::ambiguous_model(model, &first.name, &second.name))
            }
            (found, _) => Ok(found.cloned()),
        }
    }

    /// The model that a person chose.
    ///
    /// # Errors
    /// 503 when there is none.
    pub fn model(&self) -> Result<Arc<ServedModel>, ApiError> {
        self.served().chosen.clone().ok_or_else(ApiError::no_model)
    }

    /// The model that a request is for. One that is on this disk and not loaded is brought in, with what is saved for it.
    ///
    /// # Errors
    /// 404 when there is no such model, 503 when it names none and none is chosen, or when it does not fit beside those
    /// that are busy.
    pub async fn model_for(&self, asked: Option<&str>) -> Result<Arc<ServedModel>, ApiError> {
        if let Some(served) = self.served_as(asked) {
            return Ok(served);
        }
        let Some(asked) = asked.filter(|asked| *asked != DEFAULT) else { return Err(ApiError::no_model()) };
        if self.known(asked)?.is_none() {
            self.library().await?;
        }
        match self.known(asked)? {
            Some(LibraryModel { name, directory, state: LibraryState::Ready { .. }, .. }) => {
                self.bring_in(name, directory).await.map_err(|error| match error {
                    LoadError::DoesNotFit(_) => ApiError::no_room(error.to_string()),
                    error => error.into(),
                })
            }
            Some(model) => Err(ApiError::model_not_usable(&model)),
            None => Err(ApiError::model_not_found(asked)),
        }
    }

    /// The model that goes by a name, if it is served: its own, the last part of it, its folder, or `default`.
    pub(crate) fn served_as(&self, asked: Option<&str>) -> Option<Arc<ServedModel>> {
        let served = self.served();
        let Some(asked) = asked else { return served.chosen.clone() };
        let named = |is_it: &dyn Fn(&ServedModel) -> bool| served.iter().find(|model| is_it(model)).cloned();
        named(&|model| model.name() == asked || model.directory() == Path::new(asked))
            .or_else(|| served.chosen.clone().filter(|_| asked == DEFAULT))
            .or_else(|| named(&|model| is_short_name(asked, model.name())))
    }

    pub(crate) fn served(&self) -> std::sync::RwLockReadGuard<'_, Served> {
        self.served.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn served_mut(&self) -> std::sync::RwLockWriteGuard<'_, Served> {
        self.served.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a name is the last part of a model's name, in any case.
fn is_short_name(asked: &str, name: &str) -> bool {
    name.rsplit('/').next().is_some_and(|last| last.eq_ignore_ascii_case(asked))
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
pub async fn render(model: Arc<ServedModel>, conversation: Arc<Conversation>) -> Result<Prompt, ApiError> {
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

/// Tokenizes a text that no template wrote, with the special tokens that the tokenizer itself puts before it, away from
/// the threads that serve connections.
///
/// # Errors
/// 500 when the tokenizer fails.
pub async fn tokenize(model: Arc<ServedModel>, text: String) -> Result<Vec<u32>, ApiError> {
    let tokenize = move || model.chat.tokenizer().encode_with_special_tokens(&text);
    let tokenized = tokio::task::spawn_blocking(tokenize).await;
    let failed = |why: String| ApiError::server_error(why);
    tokenized
        .map_err(|_| failed("tokenizing the prompt failed".to_owned()))?
        .map_err(|error| failed(error.to_string()))
}
