//! A model that is served: its state, and requests on it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Serialize;
use shorn_protocol::{
    Abort, Failure, Generate, LoadSettings, LoadedModel, MemoryFigures, RequestId, RequestReport,
    TokenLogprobs,
};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;
use ts_rs::TS;

use crate::supervisor::Command;

/// Tells one choice of a model and its settings from another; later choices have higher ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, TS)]
#[serde(transparent)]
pub struct ModelId(u64);

/// A model to be served, and how.
#[derive(Debug, Clone)]
pub struct ModelSpec {
    /// Different for every spec that is made.
    pub id: ModelId,
    /// Its name in the API.
    pub name: String,
    /// How to load it.
    pub settings: LoadSettings,
    /// How long it stays loaded without a request; `None` for ever.
    pub idle_unload: Option<Duration>,
}

impl ModelSpec {
    /// A spec with an id of its own.
    pub fn new(name: String, settings: LoadSettings, idle_unload: Option<Duration>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self { id: ModelId(NEXT.fetch_add(1, Ordering::Relaxed)), name, settings, idle_unload }
    }
}

/// What there is to know about a model now.
#[derive(Debug, Clone, Serialize, TS)]
pub struct ModelState {
    /// Which choice of a model this is.
    pub id: ModelId,
    /// Its name in the API.
    pub name: String,
    /// Its folder.
    pub directory: PathBuf,
    /// How it is or would be loaded.
    pub settings: LoadSettings,
    /// Seconds that it stays loaded without a request; `None` for ever.
    pub idle_unload_seconds: Option<u64>,
    /// Where it stands.
    pub phase: ModelPhase,
    /// The worker's memory as it last said.
    pub memory: MemoryFigures,
    /// The worker's process.
    pub worker: Option<u32>,
    /// Requests that the worker has.
    pub running: usize,
    /// When its last request ended, or its load began.
    #[serde(skip)]
    #[ts(skip)]
    pub last_used: Instant,
}

impl ModelState {
    /// A model whose load begins.
    pub(crate) fn loading(spec: &ModelSpec) -> Self {
        Self {
            id: spec.id,
            name: spec.name.clone(),
            directory: spec.settings.directory.clone(),
            settings: spec.settings.clone(),
            idle_unload_seconds: spec.idle_unload.map(|pause| pause.as_secs()),
            phase: ModelPhase::Loading { done: 0, total: 0 },
            memory: MemoryFigures::default(),
            worker: None,
            running: 0,
            last_used: Instant::now(),
        }
    }

    /// Bytes of memory that its worker would give back.
    pub fn held(&self) -> u64 {
        self.memory.mlx_active + self.memory.mlx_cache
    }

    /// Whether it is loaded and nobody waits for it.
    pub fn is_idle(&self) -> bool {
        self.running == 0 && matches!(self.phase, ModelPhase::Ready(_))
    }
}

/// Where a model stands.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[serde(tag = "phase", rename_all = "snake_case")]
pub enum ModelPhase {
    /// No worker runs; the next request has one started.
    Stopped {
        /// Why, when it was not asked for.
        why: Option<String>,
    },
    /// Weights are being read.
    Loading {
        /// Bytes read.
        done: u64,
        /// Bytes in all.
        total: u64,
    },
    /// It answers.
    Ready(LoadedModel),
}

/// Why a request cannot be run now.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Unavailable {
    /// It is still loading.
    #[error("the model is loading ({percent} %); try again in {} s", retry_after.as_secs())]
    Loading {
        /// How far it is.
        percent: u64,
        /// When to come back.
        retry_after: Duration,
    },
    /// Its worker failed.
    #[error("the model is not available: {why}; it will be loaded again in {} s", retry_after.as_secs())]
    Failed {
        /// What happened.
        why: String,
        /// When to come back.
        retry_after: Duration,
    },
    /// It is unloaded, and has to be [loaded again](Model::reload) first.
    #[error("the model is unloaded")]
    Unloaded,
    /// Another model, or the same with other settings, has been chosen since the request was tokenized.
    #[error("another model was loaded while this request was read; send it again")]
    Replaced,
    /// The runtime is shutting down.
    #[error("the server is shutting down")]
    ShuttingDown,
}

/// What happens to a request.
#[derive(Debug, Clone, PartialEq)]
pub enum GenerationEvent {
    /// Part of its prompt is computed.
    Prefill {
        /// Prompt tokens in the cache.
        done: u32,
        /// Prompt tokens in all.
        total: u32,
    },
    /// It has a new token.
    Token {
        /// The token id.
        token: u32,
        /// Its log-probabilities, if asked for.
        logprobs: Option<TokenLogprobs>,
    },
    /// It ended; the last event.
    Finished {
        /// What it cost.
        report: RequestReport,
        /// What failed, when that is why.
        error: Option<Failure>,
    },
    /// The worker refused it; the last event.
    Refused(String),
    /// The worker died; the last event.
    WorkerDied(String),
}

/// A running request. Dropping it ends it.
#[derive(Debug)]
pub struct Generation {
    pub(crate) id: RequestId,
    pub(crate) events: mpsc::Receiver<GenerationEvent>,
    pub(crate) commands: mpsc::UnboundedSender<Command>,
}

impl Generation {
    /// The next event; `None` after the last, or when this side was too slow to take them.
    pub async fn next(&mut self) -> Option<GenerationEvent> {
        self.events.recv().await
    }

    /// Ends the request: its reply is complete, or not wanted any more. [`GenerationEvent::Finished`] follows.
    pub fn end(&self, complete: bool) {
        let _ = self.commands.send(Command::Abort(Abort { id: self.id, complete }));
    }
}

impl Drop for Generation {
    fn drop(&mut self) {
        // The supervisor ignores ids that it no longer knows.
        self.end(false);
    }
}

/// A handle on a model that is loaded, or was and can be again. It is unloaded for good when the last handle is gone.
#[derive(Debug, Clone)]
pub struct Model {
    pub(crate) commands: mpsc::UnboundedSender<Command>,
    pub(crate) state: watch::Receiver<ModelState>,
}

impl Model {
    /// Which choice of a model this is.
    pub fn id(&self) -> ModelId {
        self.state.borrow().id
    }

    /// The state, now and as it changes.
    pub fn state(&self) -> watch::Receiver<ModelState> {
        self.state.clone()
    }

    /// Begins to load it again where it is unloaded.
    ///
    /// # Errors
    /// While it rests after repeated failures, and when it has been retired.
    pub async fn reload(&self) -> Result<(), Unavailable> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(Command::Reload(reply)).map_err(|_| Unavailable::ShuttingDown)?;
        answer.await.unwrap_or(Err(Unavailable::ShuttingDown))
    }

    /// Ends the worker, also while it loads; returns when it is gone.
    pub async fn unload(&self) {
        self.stop(Command::Unload).await;
    }

    /// Unloads it for good: another model takes its place.
    pub(crate) async fn retire(&self) {
        self.stop(Command::Retire).await;
    }

    async fn stop(&self, command: impl FnOnce(oneshot::Sender<()>) -> Command) {
        let (done, gone) = oneshot::channel();
        if self.commands.send(command(done)).is_ok() {
            let _ = gone.await;
        }
    }

    /// Starts a request, once a load that is under way has ended. `patience` is how long to wait for that; for as long
    /// as it takes when `None`. The request's id is given here.
    ///
    /// # Errors
    /// When the model is unloaded, or is not loaded within that time.
    pub async fn generate(
        &self,
        request: Generate,
        patience: Option<Duration>,
    ) -> Result<Generation, Unavailable> {
        let (reply, answer) = oneshot::channel();
        let command = Command::Generate { request: Box::new(request), reply };
        self.commands.send(command).map_err(|_| Unavailable::ShuttingDown)?;
        let answer = async { answer.await.unwrap_or(Err(Unavailable::ShuttingDown)) };
        match patience {
            None => answer.await,
            Some(patience) => {
                tokio::time::timeout(patience, answer).await.unwrap_or_else(|_| Err(self.still_loading()))
            }
        }
    }

    fn still_loading(&self) -> Unavailable {
        let percent = match self.state.borrow().phase {
            ModelPhase::Loading { done, total } if total > 0 => done * 100 / total,
            _ => 0,
        };
        Unavailable::Loading { percent, retry_after: Duration::from_secs(if percent > 50 { 5 } else { 10 }) }
    }
}
