//! Owns a model's worker: starts it, hands it requests, and cleans up when it dies.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use shorn_protocol::{Abort, FromWorker, Generate, MemoryFigures, PROTOCOL_VERSION, RequestId, ToWorker};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::Instant;

use crate::model::{Generation, GenerationEvent, Model, ModelPhase, ModelSpec, ModelState, Unavailable};
use crate::worker::{Worker, WorkerCommand};

/// Events that may wait for a slow client before its request is ended.
const EVENTS_IN_FLIGHT: usize = 4096;

/// Longest pause before a worker that keeps failing is started again.
const LONGEST_BACK_OFF: Duration = Duration::from_secs(60);

/// What a handle on a model asks for.
pub(crate) enum Command {
    Reload(oneshot::Sender<Result<(), Unavailable>>),
    Unload(oneshot::Sender<()>),
    Retire(oneshot::Sender<()>),
    Generate { request: Box<Generate>, reply: oneshot::Sender<Result<Generation, Unavailable>> },
    Abort(Abort),
    ClearPromptCache,
}

/// A request that waits for a load.
struct WaitingRequest {
    request: Box<Generate>,
    reply: oneshot::Sender<Result<Generation, Unavailable>>,
}

/// Owns the worker and every request on it.
pub(crate) struct Supervisor {
    spec: ModelSpec,
    command: WorkerCommand,
    commands: mpsc::WeakUnboundedSender<Command>,
    published: watch::Sender<ModelState>,
    /// Told of every change.
    changed: Arc<Notify>,
    worker: Option<Worker>,
    /// Whether the worker has loaded the model.
    ready: bool,
    /// Whether another model has taken its place.
    retired: bool,
    requests: HashMap<RequestId, mpsc::Sender<GenerationEvent>>,
    waiting: Vec<WaitingRequest>,
    next_id: u64,
    /// Failures since the last request that ended well.
    failures: u32,
    rest_until: Option<Instant>,
}

impl Supervisor {
    /// Begins to load a model, once the one that it replaces is unloaded.
    pub fn begin(
        spec: ModelSpec,
        command: WorkerCommand,
        replaced: Option<Model>,
        changed: Arc<Notify>,
    ) -> Model {
        let (commands, inbox) = mpsc::unbounded_channel();
        let (published, state) = watch::channel(ModelState::loading(&spec));
        let supervisor = Self {
            spec,
            command,
            commands: commands.downgrade(),
            published,
            changed,
            worker: None,
            ready: false,
            retired: false,
            requests: HashMap::new(),
            waiting: Vec::new(),
            next_id: 1,
            failures: 0,
            rest_until: None,
        };
        tokio::spawn(async move {
            if let Some(replaced) = replaced {
                replaced.retire().await;
            }
            supervisor.run(inbox).await;
        });
        Model { commands, state }
    }

    /// Obeys and hears until every handle on the model is gone.
    async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Command>) {
        self.start_worker().await;
        loop {
            let idle_at = self.idle_at();
            let idle = async {
                match idle_at {
                    Some(time) => tokio::time::sleep_until(time).await,
                    None => std::future::pending().await,
                }
            };
            let message = async {
                match &mut self.worker {
                    Some(worker) => worker.receive().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                command = inbox.recv() => match command {
                    Some(command) => self.obey(command).await,
                    None => break,
                },
                message = message => match message {
                    Some(message) => self.hear(message).await,
                    None => self.worker_is_gone(None).await,
                },
                () = idle => {
                    tracing::info!("{} was not used for a while and is unloaded", self.spec.name);
                    self.stop_worker("the model was unloaded").await;
                }
            }
        }
        if let Some(worker) = self.worker.take() {
            worker.end().await;
        }
    }

    async fn obey(&mut self, command: Command) {
        match command {
            Command::Reload(reply) => {
                let refusal = if self.retired { Some(Unavailable::Replaced) } else { self.resting() };
                let _ = reply.send(refusal.map_or(Ok(()), Err));
                if !self.retired && self.resting().is_none() {
                    self.start_worker().await;
                }
            }
            Command::Unload(done) => {
                self.stop_worker("the model was unloaded").await;
                let _ = done.send(());
            }
            Command::Retire(done) => {
                self.retired = true;
                self.stop_worker("another model was loaded").await;
                let _ = done.send(());
            }
            Command::Generate { request, reply } => {
                let waiting = WaitingRequest { request, reply };
                if self.ready {
                    self.start_request(waiting).await;
                } else if self.worker.is_some() {
                    self.waiting.push(waiting);
                } else {
                    let why = if self.retired { Unavailable::Replaced } else { Unavailable::Unloaded };
                    let _ = waiting.reply.send(Err(why));
                }
            }
            Command::Abort(abort) => {
                if self.requests.contains_key(&abort.id) {
                    self.send(&ToWorker::Abort(abort)).await;
                }
            }
            Command::ClearPromptCache => {
                if self.ready {
                    self.send(&ToWorker::ClearPromptCache).await;
                }
            }
        }
    }

    /// The pause after repeated failures, while it lasts.
    fn resting(&self) -> Option<Unavailable> {
        let left = self.rest_until?.checked_duration_since(Instant::now())?;
        let why = match &self.published.borrow().phase {
            ModelPhase::Stopped { why: Some(why) } => why.clone(),
            _ => "its worker failed".to_owned(),
        };
        // Whole seconds, rounded up: what Retry-After can say.
        let retry_after = Duration::from_secs(left.as_secs() + 1);
        Some(Unavailable::Failed { why, retry_after })
    }

    /// When the loaded model will have been idle for as long as it may be.
    fn idle_at(&self) -> Option<Instant> {
        let pause = self.spec.idle_unload?;
        (self.ready && self.requests.is_empty()).then(|| self.published.borrow().last_used + pause)
    }

    async fn start_worker(&mut self) {
        if self.worker.is_some() {
            return;
        }
        match Worker::start(&self.command) {
            Ok(worker) => {
                self.worker = Some(worker);
                self.publish(|state| state.phase = ModelPhase::Loading { done: 0, total: 0 });
                self.send(&ToWorker::Load(self.spec.settings.clone())).await;
            }
            Err(error) => {
                let program = self.command.program.display();
                let why = format!("cannot start the worker {program}: {error}");
                self.worker_is_gone(Some(why)).await;
            }
        }
    }

    async fn start_request(&mut self, waiting: WaitingRequest) {
        let WaitingRequest { mut request, reply } = waiting;
        let (Some(commands), false) = (self.commands.upgrade(), reply.is_closed()) else { return };
        let id = RequestId(self.next_id);
        self.next_id += 1;
        request.id = id;
        let (sender, events) = mpsc::channel(EVENTS_IN_FLIGHT);
        self.requests.insert(id, sender);
        self.publish_running();
        // If the caller has gone by now, dropping the generation aborts it.
        let _ = reply.send(Ok(Generation { id, events, commands }));
        self.send(&ToWorker::Generate(*request)).await;
    }

    /// A worker that cannot be written to is gone: reading from it will say so.
    async fn send(&mut self, message: &ToWorker) {
        if let Some(worker) = &mut self.worker
            && let Err(error) = worker.send(message).await
        {
            tracing::warn!("the worker does not listen: {error}");
        }
    }

    async fn hear(&mut self, message: FromWorker) {
        match message {
            FromWorker::Hello { version } if version != PROTOCOL_VERSION => {
                let why = format!("the worker speaks protocol {version}, this server {PROTOCOL_VERSION}");
                self.worker_is_gone(Some(why)).await;
            }
            FromWorker::Hello { .. } => {}
            FromWorker::LoadProgress { done, total } => {
                self.publish(|state| state.phase = ModelPhase::Loading { done, total });
            }
            FromWorker::Loaded(loaded) => {
                self.ready = true;
                self.rest_until = None;
                self.publish(|state| {
                    state.last_used = Instant::now();
                    state.memory = loaded.memory;
                    state.phase = ModelPhase::Ready(loaded);
                });
                for waiting in std::mem::take(&mut self.waiting) {
                    self.start_request(waiting).await;
                }
            }
            FromWorker::LoadFailed { message } => self.worker_is_gone(Some(message)).await,
            FromWorker::Memory(memory) => self.publish(|state| state.memory = memory),
            FromWorker::Prefill { id, done, total } => {
                self.pass_on(id, GenerationEvent::Prefill { done, total }).await;
            }
            FromWorker::Token { id, token, logprobs } => {
                self.pass_on(id, GenerationEvent::Token { token, logprobs }).await;
            }
            FromWorker::Finished { id, report, error } => {
                if error.is_none() {
                    self.failures = 0;
                }
                self.pass_on(id, GenerationEvent::Finished { report, error }).await;
                self.forget(id);
            }
            FromWorker::Refused { id, message } => {
                self.pass_on(id, GenerationEvent::Refused(message)).await;
                self.forget(id);
            }
        }
    }

    async fn pass_on(&mut self, id: RequestId, event: GenerationEvent) {
        let Some(sender) = self.requests.get(&id) else { return };
        match sender.try_send(event) {
            // A receiver that is gone has sent its abort.
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => {}
            Err(mpsc::error::TrySendError::Full(_)) => {
                tracing::warn!("a client takes its reply too slowly; its request is ended");
                self.forget(id);
                self.send(&ToWorker::Abort(Abort { id, complete: false })).await;
            }
        }
    }

    fn forget(&mut self, id: RequestId) {
        self.requests.remove(&id);
        self.publish(|state| state.last_used = Instant::now());
        self.publish_running();
    }

    /// Ends the worker because that was asked for.
    async fn stop_worker(&mut self, why: &str) {
        self.fail_all(why);
        if let Some(worker) = self.worker.take() {
            worker.end().await;
        }
        self.ready = false;
        self.publish(|state| state.phase = ModelPhase::Stopped { why: None });
    }

    /// Cleans up after a worker that died, or that failed for a reason that is known.
    async fn worker_is_gone(&mut self, reason: Option<String>) {
        let was_ready = std::mem::take(&mut self.ready);
        let ended = match self.worker.take() {
            Some(worker) => worker.end().await,
            None => String::new(),
        };
        let during = if was_ready { "while it served" } else { "while it loaded the model" };
        let why = reason.unwrap_or_else(|| format!("the worker process ended {during}: {ended}"));
        tracing::error!("{why}");
        self.failures += 1;
        self.rest_until = back_off(self.failures).map(|pause| Instant::now() + pause);
        self.publish(|state| state.phase = ModelPhase::Stopped { why: Some(why.clone()) });
        self.fail_all(&why);
    }

    fn fail_all(&mut self, why: &str) {
        for (_, sender) in self.requests.drain() {
            let _ = sender.try_send(GenerationEvent::WorkerDied(why.to_owned()));
        }
        for waiting in self.waiting.drain(..) {
            let retry_after = Duration::from_secs(1);
            let _ = waiting.reply.send(Err(Unavailable::Failed { why: why.to_owned(), retry_after }));
        }
        self.publish_running();
    }

    fn publish(&self, change: impl FnOnce(&mut ModelState)) {
        let worker = self.worker.as_ref().and_then(Worker::id);
        self.published.send_modify(|state| {
            state.worker = worker;
            if worker.is_none() {
                state.memory = MemoryFigures::default();
            }
            change(state);
        });
        self.changed.notify_one();
    }

    fn publish_running(&self) {
        let running = self.requests.len();
        self.publish(|state| state.running = running);
    }
}

/// No pause after the first failure, then 1, 2, 4, .. seconds.
fn back_off(failures: u32) -> Option<Duration> {
    let doublings = failures.checked_sub(2)?;
    let pause = Duration::from_secs(1_u64.checked_shl(doublings).unwrap_or(u64::MAX));
    Some(pause.min(LONGEST_BACK_OFF))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_failure_costs_no_pause_and_later_ones_double_up_to_a_minute() {
        let seconds: Vec<_> =
            (1..=9).map(|failures| back_off(failures).map_or(0, |pause| pause.as_secs())).collect();
        assert_eq!(seconds, [0, 1, 2, 4, 8, 16, 32, 60, 60]);
    }
}
