//! The models that are served, the machine around them, and the snapshot of it all.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{Notify, watch};

use crate::model::{Model, ModelId, ModelPhase, ModelSpec, ModelState};
use crate::platform::Machine;
use crate::requests::{CompletedRequest, in_bytes};
use crate::snapshot::{Pressure, Snapshot};
use crate::supervisor::{Command, Supervisor};
use crate::worker::WorkerCommand;

/// How often the machine's memory is looked at, beside every change of a model.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A handle on everything that runs.
#[derive(Debug, Clone)]
pub struct Runtime {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    worker: WorkerCommand,
    places: Mutex<Places>,
    /// Told of every change of a model.
    changed: Arc<Notify>,
    snapshot: watch::Sender<Snapshot>,
}

/// Where models are.
#[derive(Debug, Default)]
struct Places {
    /// The one that a person chose.
    chosen: Option<Model>,
    /// Those that requests named.
    others: Vec<Model>,
}

impl Runtime {
    /// Starts to keep the snapshot, with no model yet.
    pub fn start(worker: WorkerCommand) -> Self {
        let mut machine = Machine::new();
        let first = Snapshot {
            version: env!("CARGO_PKG_VERSION"),
            model: None,
            others: Vec::new(),
            system: machine.memory(&[]),
            requests: Arc::default(),
        };
        let shared = Arc::new(Shared {
            worker,
            places: Mutex::default(),
            changed: Arc::default(),
            snapshot: watch::Sender::new(first),
        });
        tokio::spawn(follow(Arc::downgrade(&shared), shared.changed.clone(), machine));
        Self { shared }
    }

    /// Begins to load the model that a person chose, once the one before it is unloaded; that one's requests end with
    /// an error.
    pub fn choose(&self, spec: ModelSpec) -> Model {
        let mut places = self.shared.places();
        let before = places.chosen.take();
        let model = self.begin(spec, before);
        places.chosen = Some(model.clone());
        model
    }

    /// Begins to load a model beside the chosen one, because a request named it.
    pub fn add(&self, spec: ModelSpec) -> Model {
        let model = self.begin(spec, None);
        self.shared.places().others.push(model.clone());
        model
    }

    /// Unloads a model that was [added](Self::add), for good.
    pub async fn remove(&self, model: &Model) {
        model.retire().await;
        let id = model.id();
        self.shared.places().others.retain(|other| other.id() != id);
        self.shared.changed.notify_one();
    }

    fn begin(&self, spec: ModelSpec, replaced: Option<Model>) -> Model {
        let changed = self.shared.changed.clone();
        let model = Supervisor::begin(spec, self.shared.worker.clone(), replaced, changed);
        self.shared.changed.notify_one();
        model
    }

    /// The model that a person chose.
    pub fn chosen(&self) -> Option<Model> {
        self.shared.places().chosen.clone()
    }

    /// Unloads every model; returns when they are gone.
    pub async fn unload_all(&self) {
        let models: Vec<Model> = {
            let places = self.shared.places();
            places.chosen.iter().chain(&places.others).cloned().collect()
        };
        for model in models {
            model.unload().await;
        }
    }

    /// The snapshot, now and as it changes.
    pub fn snapshot(&self) -> watch::Receiver<Snapshot> {
        self.shared.snapshot.subscribe()
    }

    /// The snapshot now. Its models are never behind what a client has been told, which those of the watched one can be
    /// for a moment.
    pub fn now(&self) -> Snapshot {
        let (model, others) = self.shared.states();
        Snapshot { model, others, ..self.shared.snapshot.borrow().clone() }
    }

    /// Notes a request that ended: one line in the log, and its place among the last requests.
    pub fn completed(&self, request: CompletedRequest) {
        tracing::info!(target: "shorn::request", "{}", request.line());
        self.shared.snapshot.send_modify(|snapshot| Arc::make_mut(&mut snapshot.requests).add(request));
    }
}

impl Shared {
    fn places(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The chosen model, and the others that are loaded or failed, last used first.
    fn states(&self) -> (Option<ModelState>, Vec<ModelState>) {
        let places = self.places();
        let state = |model: &Model| model.state.borrow().clone();
        let mut others: Vec<ModelState> = places.others.iter().map(state).collect();
        others.retain(|other| !matches!(other.phase, ModelPhase::Stopped { why: None }));
        others.sort_by_key(|other| std::cmp::Reverse(other.last_used));
        (places.chosen.as_ref().map(state), others)
    }

    fn model(&self, id: ModelId) -> Option<Model> {
        let places = self.places();
        places.chosen.iter().chain(&places.others).find(|model| model.id() == id).cloned()
    }
}

/// Writes the models' states and the machine's memory into the snapshot until the runtime is gone, and gives back what
/// can be spared when the machine runs out of memory.
async fn follow(shared: Weak<Shared>, changed: Arc<Notify>, mut machine: Machine) {
    let mut tick = tokio::time::interval(LOOK_EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let model_changed = tokio::select! {
            () = changed.notified() => true,
            _ = tick.tick() => false,
        };
        let Some(shared) = shared.upgrade() else { return };
        let (model, others) = shared.states();
        let models = || model.iter().chain(&others);
        let workers: Vec<u32> = models().filter_map(|model| model.worker).collect();
        let memory = machine.memory(&workers);
        if memory.is_some_and(|memory| memory.pressure == Some(Pressure::Critical)) {
            models().for_each(|model| drop_kept_caches(&shared, model));
        }
        shared.snapshot.send_if_modified(|snapshot| {
            let changed = model_changed || snapshot.system != memory;
            snapshot.model = model;
            snapshot.others = others;
            snapshot.system = memory;
            changed
        });
    }
}

fn drop_kept_caches(shared: &Shared, model: &ModelState) {
    let kept = model.memory.prompt_cache;
    if kept > 0
        && let Some(handle) = shared.model(model.id)
    {
        tracing::warn!("memory is short: {} of kept KV caches of {} are dropped", in_bytes(kept), model.name);
        let _ = handle.commands.send(Command::ClearPromptCache);
    }
}
