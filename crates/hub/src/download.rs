//! Downloads from the Hub into the Hugging Face cache, so that other programs find what Shorn downloads, and Shorn what
//! they do.
//!
//! - One task owns the queue; models come one after the other, three files of one at a time, largest first.
//! - A file arrives in one partial file, written as it comes. Whatever interrupts it (a lost network, sleep, a killed
//!   program, an address that has expired), it goes on where the partial file ends.
//! - Nothing has its final name before its hash is right: verify, sync, rename, link into the snapshot, and at the end
//!   `refs/main`.
//! - A download is pinned to the commit that the Hub named first, across pauses and restarts.

mod cache;
mod digest;
mod disk;
mod interruption;
mod job;
mod lock;
mod partial;
mod plan;
mod problem;
mod queue;
mod queue_file;
mod receive;
mod retry;
mod speed;
mod state;
mod transfer;

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};

pub use retry::Timing;
pub use state::{Download, DownloadFile, DownloadProblem, DownloadState, ProblemCode, Retrying};

use crate::remote::{Hub, RepositoryName};
use queue::{Command, Queue};

/// The downloads of this program: a handle on the task that owns them.
#[derive(Debug, Clone)]
pub struct Downloads {
    commands: mpsc::UnboundedSender<Command>,
    published: watch::Receiver<Arc<Vec<Download>>>,
}

impl Downloads {
    /// Goes on with the downloads of `queue_file`, which belongs to this program alone. `cache` is the folder called
    /// `hub` of the Hugging Face cache. The task ends with [`Self::stop`], or when every handle is dropped.
    ///
    /// # Panics
    /// Outside of a tokio runtime with time and I/O.
    pub fn start(hub: Hub, cache: PathBuf, queue_file: PathBuf) -> Self {
        Self::start_with(hub, cache, queue_file, Timing::default())
    }

    /// [`Self::start`] with another patience, for tests.
    ///
    /// # Panics
    /// As there.
    pub fn start_with(hub: Hub, cache: PathBuf, queue_file: PathBuf, timing: Timing) -> Self {
        let (commands, received) = mpsc::unbounded_channel();
        let (sender, published) = watch::channel(Arc::default());
        tokio::spawn(Queue::new(hub, cache, queue_file, timing, sender).run(received));
        Self { commands, published }
    }

    /// Puts a model at the end of the queue. One that is in it already stays where it is; one that failed or was
    /// paused is resumed, and one that is ready is brought up to date.
    pub fn add(&self, name: RepositoryName) {
        self.tell(Command::Add(name));
    }

    /// Stops a download without losing what has arrived. It stays paused over restarts.
    pub fn pause(&self, name: &RepositoryName) {
        self.tell(Command::Pause(name.clone()));
    }

    /// Goes on with a download that was paused or failed.
    pub fn resume(&self, name: &RepositoryName) {
        self.tell(Command::Resume(name.clone()));
    }

    /// Takes a download off the list and removes what it has brought, except files that another version of the model uses.
    /// Returns when that is done.
    pub async fn cancel(&self, name: &RepositoryName) {
        let (done, is_done) = oneshot::channel();
        self.tell(Command::Cancel(name.clone(), done));
        let _ = is_done.await;
    }

    /// Takes a download that has ended off the list.
    pub fn dismiss(&self, name: &RepositoryName) {
        self.tell(Command::Dismiss(name.clone()));
    }

    /// All downloads, in the order of the queue; progress comes at most four times a second.
    pub fn watch(&self) -> watch::Receiver<Arc<Vec<Download>>> {
        self.published.clone()
    }

    /// Downloads that begin or go on from now on go into another cache.
    pub fn set_cache(&self, cache: PathBuf) {
        self.tell(Command::SetCache(cache));
    }

    /// Stops, for [`Self::start`] to go on another time. Returns when nothing is written any more.
    pub async fn stop(&self) {
        let (done, is_done) = oneshot::channel();
        self.tell(Command::Stop(done));
        let _ = is_done.await;
    }

    /// After [`Self::stop`] there is nobody to tell.
    fn tell(&self, command: Command) {
        let _ = self.commands.send(command);
    }
}
