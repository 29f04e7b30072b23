//! Everything there is to show, at one moment.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;
use shorn_agents::eval::EvalProgress;
use shorn_hub::download::Download;
use shorn_hub::fit::MemoryLimit;
use shorn_runtime::Snapshot;
use tokio::time::Instant;
use ts_rs::TS;

use crate::Desktop;
use crate::error::AppError;
use crate::http_server::ServerState;

/// No two snapshots come closer together: memory changes with every token.
const SHORTEST_PAUSE: Duration = Duration::from_millis(250);

/// Everything there is to show at one moment; each one replaces the last.
#[derive(Debug, Clone, Serialize, TS)]
pub struct AppSnapshot {
    /// Milliseconds since 1970.
    pub taken: u64,
    /// What is loaded, the machine's memory, and the last requests.
    pub runtime: Snapshot,
    /// Whether the server answers.
    pub server: ServerState,
    /// What a model may take on this machine now; `None` where the system does not tell.
    pub limit: Option<MemoryLimit>,
    /// Downloads, in the order of the queue; those that ended stay until they are dismissed.
    pub downloads: Arc<Vec<Download>>,
    /// The eval that runs, or the last one that ran.
    pub eval: Option<EvalProgress>,
    /// Whether the machine is kept awake because something runs; `None` on a system without such a thing.
    pub keeps_awake: Option<bool>,
    /// Whether there is an icon in the menu bar.
    pub tray: bool,
    /// What went wrong that nobody was there to be told, such as the load at start.
    pub problem: Option<AppError>,
}

/// Snapshots as they come.
#[derive(Debug)]
pub struct Snapshots {
    pub(crate) runtime: tokio::sync::watch::Receiver<Snapshot>,
    pub(crate) server: tokio::sync::watch::Receiver<ServerState>,
    pub(crate) downloads: tokio::sync::watch::Receiver<Arc<Vec<Download>>>,
    pub(crate) eval: tokio::sync::watch::Receiver<Option<EvalProgress>>,
    pub(crate) shell: tokio::sync::watch::Receiver<ShellState>,
    pub(crate) not_before: Instant,
}

/// What only the shell knows, and what went wrong at start.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct ShellState {
    pub keeps_awake: Option<bool>,
    pub tray: bool,
    pub problem: Option<AppError>,
}

impl Snapshots {
    /// Waits for the next change, at most four times a second. `false` when there will be none.
    pub async fn changed(&mut self) -> bool {
        let goes_on = tokio::select! {
            changed = self.runtime.changed() => changed.is_ok(),
            changed = self.server.changed() => changed.is_ok(),
            changed = self.downloads.changed() => changed.is_ok(),
            changed = self.eval.changed() => changed.is_ok(),
            changed = self.shell.changed() => changed.is_ok(),
        };
        tokio::time::sleep_until(self.not_before).await;
        self.not_before = Instant::now() + SHORTEST_PAUSE;
        self.runtime.mark_unchanged();
        self.server.mark_unchanged();
        self.downloads.mark_unchanged();
        self.eval.mark_unchanged();
        self.shell.mark_unchanged();
        goes_on
    }
}

impl Desktop {
    /// The snapshot now.
    pub fn snapshot(&self) -> AppSnapshot {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let ShellState { keeps_awake, tray, problem } = self.shell.borrow().clone();
        AppSnapshot {
            taken: u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX),
            runtime: self.app.runtime.now(),
            server: self.server.state().borrow().clone(),
            limit: self.app.memory_limit(),
            downloads: self.app.downloads().borrow().clone(),
            eval: self.eval.progress.borrow().clone(),
            keeps_awake,
            tray,
            problem,
        }
    }

    /// Tells when there is a new snapshot.
    pub fn snapshots(&self) -> Snapshots {
        Snapshots {
            runtime: self.app.runtime.snapshot(),
            server: self.server.state(),
            downloads: self.app.downloads(),
            eval: self.eval.progress.subscribe(),
            shell: self.shell.subscribe(),
            not_before: Instant::now(),
        }
    }
}
