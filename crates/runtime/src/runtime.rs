//! One model, the machine around it, and the snapshot of both.

use std::sync::Arc;
use std::time::Duration;

use shorn_protocol::Generate;
use tokio::sync::{mpsc, watch};

use crate::model::{Generation, Model, ModelSpec, Unavailable};
use crate::platform::Machine;
use crate::requests::{CompletedRequest, RequestLog};
use crate::snapshot::Snapshot;
use crate::worker::WorkerCommand;

/// How often the machine's memory is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A handle on everything that runs.
#[derive(Debug, Clone)]
pub struct Runtime {
    model: Model,
    completed: mpsc::UnboundedSender<CompletedRequest>,
    snapshot: watch::Receiver<Snapshot>,
}

impl Runtime {
    /// Starts to supervise a model and to keep the snapshot.
    pub fn start(spec: ModelSpec, worker: WorkerCommand) -> Self {
        let model = Model::supervise(spec, worker);
        let (completed, inbox) = mpsc::unbounded_channel();
        let mut machine = Machine::new();
        let first = Snapshot {
            version: env!("CARGO_PKG_VERSION"),
            model: model.state().borrow().clone(),
            system: machine.memory(None),
            requests: Arc::default(),
        };
        let (published, snapshot) = watch::channel(first);
        tokio::spawn(keep_snapshot(model.state(), inbox, machine, published));
        Self { model, completed, snapshot }
    }

    /// The model.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The snapshot, now and as it changes.
    pub fn snapshot(&self) -> watch::Receiver<Snapshot> {
        self.snapshot.clone()
    }

    /// Starts a request.
    ///
    /// # Errors
    /// As [`Model::generate`].
    pub async fn generate(&self, request: Generate) -> Result<Generation, Unavailable> {
        self.model.generate(request).await
    }

    /// Notes a request that ended: one line in the log, and its place among the last requests.
    pub fn completed(&self, request: CompletedRequest) {
        tracing::info!(target: "shorn::request", "{}", request.line());
        let _ = self.completed.send(request);
    }
}

async fn keep_snapshot(
    mut model: watch::Receiver<crate::ModelState>,
    mut completed: mpsc::UnboundedReceiver<CompletedRequest>,
    mut machine: Machine,
    published: watch::Sender<Snapshot>,
) {
    let mut tick = tokio::time::interval(LOOK_EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut log = RequestLog::default();
    loop {
        tokio::select! {
            request = completed.recv() => match request {
                Some(request) => {
                    log.add(request);
                    let requests = Arc::new(log.clone());
                    published.send_modify(|snapshot| snapshot.requests = requests);
                }
                None => return,
            },
            changed = model.changed() => {
                if changed.is_err() {
                    return;
                }
                let state = model.borrow_and_update().clone();
                published.send_modify(|snapshot| snapshot.model = state);
            }
            _ = tick.tick() => {
                let worker = model.borrow().worker;
                let memory = machine.memory(worker);
                published.send_if_modified(|snapshot| {
                    let changed = snapshot.system != memory;
                    snapshot.system = memory;
                    changed
                });
            }
        }
    }
}
