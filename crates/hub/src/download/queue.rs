//! The task that owns all downloads.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::cache::Repository;
use super::interruption::{Interruption, blocking};
use super::job::{Event, Job};
use super::plan::{Activity, Plan};
use super::queue_file::{self, Waiting};
use super::retry::Timing;
use super::speed::Speed;
use super::{Download, DownloadProblem, DownloadState, ProblemCode, Retrying};
use crate::remote::{Hub, RepositoryName};

/// Progress is published so often.
const TICK: Duration = Duration::from_millis(250);

/// What can be asked of the queue.
pub(super) enum Command {
    Add(RepositoryName),
    Pause(RepositoryName),
    Resume(RepositoryName),
    Cancel(RepositoryName, oneshot::Sender<()>),
    Dismiss(RepositoryName),
    SetCache(PathBuf),
    Stop(oneshot::Sender<()>),
}

pub(super) struct Queue {
    hub: Hub,
    cache: PathBuf,
    file: PathBuf,
    timing: Timing,
    entries: Vec<Entry>,
    running: Option<Running>,
    published: watch::Sender<Arc<Vec<Download>>>,
}

/// A download in the list.
struct Entry {
    name: RepositoryName,
    state: DownloadState,
    plan: Option<Arc<Plan>>,
}

/// The download that is under way, or ends because somebody wanted it to stop.
struct Running {
    name: RepositoryName,
    /// What is done before there is a plan.
    preparing: Arc<Activity>,
    plan: Option<Arc<Plan>>,
    speed: Speed,
    events: mpsc::UnboundedReceiver<Event>,
    job: JoinHandle<Result<PathBuf, Interruption>>,
    stop: CancellationToken,
    /// Stops it when the program's runtime ends, too.
    _stop_at_end: DropGuard,
    /// Who waits for what has arrived to be removed once the job has ended.
    cancelled: Vec<oneshot::Sender<()>>,
}

impl Queue {
    /// Reads the queue as it was left.
    pub fn new(
        hub: Hub,
        cache: PathBuf,
        file: PathBuf,
        timing: Timing,
        published: watch::Sender<Arc<Vec<Download>>>,
    ) -> Self {
        let entry = |Waiting { name, paused, plan }| {
            let state = if paused { DownloadState::Paused } else { DownloadState::Queued };
            Entry { name, state, plan }
        };
        let entries = queue_file::read(&file).into_iter().map(entry).collect();
        let queue = Self { hub, cache, file, timing, entries, running: None, published };
        queue.publish();
        queue
    }

    /// Obeys until it is told to stop, or nobody is left to tell it.
    pub async fn run(mut self, mut commands: mpsc::UnboundedReceiver<Command>) {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let stopped = loop {
            self.start_next();
            self.publish();
            tokio::select! {
                command = commands.recv() => match command {
                    Some(Command::Stop(done)) => break Some(done),
                    Some(command) => self.obey(command).await,
                    None => break None,
                },
                event = next_event(&mut self.running) => match event {
                    Some(event) => self.happened(event),
                    None => self.ended().await,
                },
                _ = ticks.tick(), if self.running.is_some() => {
                    self.measure_speed();
                    continue;
                }
            }
            self.save().await;
        };
        if let Some(running) = &self.running {
            running.stop.cancel();
            while let Some(event) = next_event(&mut self.running).await {
                self.happened(event);
            }
            self.ended().await;
        }
        self.save().await;
        if let Some(done) = stopped {
            let _ = done.send(());
        }
    }

    async fn obey(&mut self, command: Command) {
        match command {
            Command::Add(name) => self.add(name),
            Command::Pause(name) => self.pause(&name),
            Command::Resume(name) => self.resume(&name),
            Command::Cancel(name, done) => self.cancel(name, done).await,
            Command::SetCache(cache) => self.cache = cache,
            Command::Dismiss(name) => {
                self.entries.retain(|entry| entry.name != name || !entry.state.is_ended());
            }
            Command::Stop(_) => {}
        }
    }

    fn add(&mut self, name: RepositoryName) {
        match self.entry(&name).map(|entry| &entry.state) {
            None => self.entries.push(Entry { name, state: DownloadState::Queued, plan: None }),
            // There may be a newer commit, or the model was deleted.
            Some(DownloadState::Ready { .. }) => {
                self.entries.retain(|entry| entry.name != name);
                self.entries.push(Entry { name, state: DownloadState::Queued, plan: None });
            }
            Some(_) => self.resume(&name),
        }
    }

    fn pause(&mut self, name: &RepositoryName) {
        let Some(entry) = self.entry(name) else { return };
        if entry.state.is_under_way() {
            entry.state = DownloadState::Paused;
            if let Some(running) = self.running.as_ref().filter(|running| running.name == *name) {
                running.stop.cancel();
            }
        }
    }

    fn resume(&mut self, name: &RepositoryName) {
        let Some(entry) = self.entry(name) else { return };
        if matches!(entry.state, DownloadState::Paused | DownloadState::Failed { .. }) {
            entry.state = DownloadState::Queued;
        }
    }

    async fn cancel(&mut self, name: RepositoryName, done: oneshot::Sender<()>) {
        let entry = self.entries.iter().position(|entry| entry.name == name);
        let entry = entry.map(|index| self.entries.remove(index));
        if let Some(running) = self.running.as_mut().filter(|running| running.name == name) {
            running.cancelled.push(done);
            running.stop.cancel();
            return;
        }
        self.publish();
        // Without a plan nothing was begun, and what is ready has no parts left.
        let unfinished = entry.filter(|entry| !matches!(entry.state, DownloadState::Ready { .. }));
        if let Some(plan) = unfinished.and_then(|entry| entry.plan) {
            self.remove_unfinished(&name, &plan).await;
        }
        let _ = done.send(());
    }

    async fn remove_unfinished(&self, name: &RepositoryName, plan: &Plan) {
        let (cache, at, commit) = (self.cache.clone(), name.clone(), plan.commit.clone());
        let removed = blocking(move || Repository::open(&cache, &at)?.remove_unfinished(&commit)).await;
        if let Ok(Err(problem)) = removed {
            tracing::warn!(%name, %problem, "what has arrived of a cancelled download stays");
        }
    }

    /// Starts the first that waits, when nothing runs.
    fn start_next(&mut self) {
        let next = self.entries.iter_mut().find(|entry| entry.state == DownloadState::Queued);
        let (None, Some(entry)) = (&self.running, next) else { return };
        entry.state = DownloadState::Preparing;
        let (preparing, stop) = (Arc::<Activity>::default(), CancellationToken::new());
        let (sender, events) = mpsc::unbounded_channel();
        let job = Job {
            hub: self.hub.clone(),
            name: entry.name.clone(),
            cache: self.cache.clone(),
            timing: self.timing,
            earlier: entry.plan.clone(),
            preparing: preparing.clone(),
            events: sender,
            stop: stop.clone(),
        };
        self.running = Some(Running {
            name: entry.name.clone(),
            preparing,
            plan: None,
            speed: Speed::default(),
            events,
            job: tokio::spawn(job.run()),
            _stop_at_end: stop.clone().drop_guard(),
            stop,
            cancelled: Vec::new(),
        });
    }

    fn happened(&mut self, event: Event) {
        let Some(running) = &mut self.running else { return };
        let Event::Planned(plan) = event else { return };
        running.plan = Some(plan.clone());
        // One of this name may have been added anew after this was cancelled.
        if running.cancelled.is_empty()
            && let Some(entry) = self.entries.iter_mut().find(|entry| entry.name == running.name)
        {
            entry.plan = Some(plan);
            if entry.state == DownloadState::Preparing {
                entry.state = DownloadState::Downloading;
            }
        }
    }

    /// The job has let go of everything it held.
    async fn ended(&mut self) {
        let Some(running) = self.running.take() else { return };
        let result = running.job.await.unwrap_or_else(|error| {
            let message = format!("Shorn made a mistake ({error}); resume, and please report this");
            Err(DownloadProblem::new(ProblemCode::File, message).into())
        });
        if !running.cancelled.is_empty() {
            if let Some(plan) = &running.plan {
                self.remove_unfinished(&running.name, plan).await;
            }
            for done in running.cancelled {
                let _ = done.send(());
            }
            return;
        }
        let Some(entry) = self.entry(&running.name) else { return };
        match result {
            Ok(directory) => entry.state = DownloadState::Ready { directory },
            // Who pauses sees it paused; the problem will show again.
            Err(Interruption::Problem(problem)) if entry.state != DownloadState::Paused => {
                tracing::warn!(name = %entry.name, %problem, "a download ended");
                entry.state = DownloadState::Failed { problem };
            }
            Err(_) => {}
        }
    }

    fn entry(&mut self, name: &RepositoryName) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.name == *name)
    }

    fn measure_speed(&mut self) {
        if let Some(running) = &mut self.running
            && let Some(plan) = &running.plan
        {
            running.speed.note(Instant::now(), plan.received());
        }
    }

    /// Shows how things stand, if that has changed.
    fn publish(&self) {
        let all: Vec<Download> = self.entries.iter().map(|entry| self.shown(entry)).collect();
        self.published.send_if_modified(|published| {
            let changed = **published != all;
            if changed {
                *published = Arc::new(all);
            }
            changed
        });
    }

    fn shown(&self, entry: &Entry) -> Download {
        let is_running = matches!(entry.state, DownloadState::Preparing | DownloadState::Downloading);
        let running = self.running.as_ref().filter(|running| is_running && running.name == entry.name);
        let plan = entry.plan.as_deref();
        let (bytes, done) = (plan.map(Plan::bytes), plan.map_or(0, Plan::done));
        let bytes_per_second = running.and_then(|running| running.speed.bytes_per_second());
        let left = bytes.unwrap_or(0).saturating_sub(done) as f64;
        Download {
            name: entry.name.clone(),
            commit: plan.map(|plan| plan.commit.clone()),
            state: entry.state.clone(),
            files: plan.map(Plan::files).unwrap_or_default(),
            bytes,
            done,
            bytes_per_second,
            seconds_left: bytes_per_second.map(|speed| (left / speed).ceil() as u64),
            retrying: running.and_then(Running::retrying),
        }
    }

    /// Keeps what has not ended.
    async fn save(&self) {
        let open = self.entries.iter().filter(|entry| !entry.state.is_ended());
        let waiting = open.map(|entry| Waiting {
            name: entry.name.clone(),
            paused: entry.state == DownloadState::Paused,
            plan: entry.plan.clone(),
        });
        let text = queue_file::text(waiting);
        let path = self.file.clone();
        if let Ok(Err(error)) = blocking(move || queue_file::write(&path, &text)).await {
            tracing::warn!(
                "{}: the queue of downloads cannot be written: {error}; after a restart it is as it was before",
                self.file.display()
            );
        }
    }
}

impl Running {
    fn retrying(&self) -> Option<Retrying> {
        let files = self.plan.iter().flat_map(|plan| &plan.blobs).map(|blob| &blob.activity);
        Activity::retrying(files.chain([&*self.preparing]))
    }
}

/// What happens next to the one that runs; `None` when it has ended, and never when none runs.
async fn next_event(running: &mut Option<Running>) -> Option<Event> {
    match running {
        Some(running) => running.events.recv().await,
        None => std::future::pending().await,
    }
}
