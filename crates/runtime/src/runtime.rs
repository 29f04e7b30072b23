//! The model that is served, the machine around it, and the snapshot of both.

use std::sync::Arc;
use std::time::Duration;

use shorn_protocol::Generate;
use tokio::sync::watch;

use crate::model::{Generation, Model, ModelId, Unavailable};
use crate::platform::Machine;
use crate::requests::{CompletedRequest, in_bytes};
use crate::snapshot::{Pressure, Snapshot};
use crate::supervisor::Command;
use crate::worker::WorkerCommand;

/// How often the machine's memory is looked at, beside every change of the model.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A handle on everything that runs.
#[derive(Debug, Clone)]
pub struct Runtime {
    model: Model,
    snapshot: watch::Sender<Snapshot>,
}

impl Runtime {
    /// Starts to keep the snapshot, with no model yet. `load_wait` is how long a request waits for a load to end before
    /// it is told to come back.
    pub fn start(worker: WorkerCommand, load_wait: Duration) -> Self {
        let model = Model::supervise(worker, load_wait);
        let mut machine = Machine::new();
        let first = Snapshot {
            version: env!("CARGO_PKG_VERSION"),
            model: None,
            others: Vec::new(),
            system: machine.memory(None),
            requests: Arc::default(),
        };
        let snapshot = watch::Sender::new(first);
        tokio::spawn(follow(model.clone(), machine, snapshot.clone()));
        Self { model, snapshot }
    }

    /// The model.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The snapshot, now and as it changes.
    pub fn snapshot(&self) -> watch::Receiver<Snapshot> {
        self.snapshot.subscribe()
    }

    /// The snapshot now. Its model is never behind what a client has been told, which the watched one can be for a moment.
    pub fn now(&self) -> Snapshot {
        Snapshot { model: self.model.state().borrow().clone(), ..self.snapshot.borrow().clone() }
    }

    /// Starts a request on the model with this id.
    ///
    /// # Errors
    /// As [`Model::generate`].
    pub async fn generate(&self, model: ModelId, request: Generate) -> Result<Generation, Unavailable> {
        self.model.generate(model, request).await
    }

    /// Notes a request that ended: one line in the log, and its place among the last requests.
    pub fn completed(&self, request: CompletedRequest) {
        tracing::info!(target: "shorn::request", "{}", request.line());
        self.snapshot.send_modify(|snapshot| Arc::make_mut(&mut snapshot.requests).add(request));
    }
}

/// Writes the model's state and the machine's memory into the snapshot until the model is gone, and gives back what can
/// be spared when the machine runs out of memory.
async fn follow(model: Model, mut machine: Machine, snapshot: watch::Sender<Snapshot>) {
    let mut model_state = model.state();
    // Only a weak handle, so that this task does not keep the model.
    let commands = model.commands.downgrade();
    drop(model);
    let mut tick = tokio::time::interval(LOOK_EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let model_changed = tokio::select! {
            changed = model_state.changed() => match changed {
                Ok(()) => true,
                Err(_) => return,
            },
            _ = tick.tick() => false,
        };
        let state = model_state.borrow_and_update().clone();
        let memory = machine.memory(state.as_ref().and_then(|state| state.worker));
        let kept = state.as_ref().map_or(0, |state| state.memory.prompt_cache);
        if kept > 0 && memory.is_some_and(|memory| memory.pressure == Some(Pressure::Critical)) {
            tracing::warn!("memory is short: {} of kept KV caches are dropped", in_bytes(kept));
            if let Some(commands) = commands.upgrade() {
                let _ = commands.send(Command::ClearPromptCache);
            }
        }
        snapshot.send_if_modified(|snapshot| {
            let changed = model_changed || snapshot.system != memory;
            snapshot.model = state;
            snapshot.system = memory;
            changed
        });
    }
}
