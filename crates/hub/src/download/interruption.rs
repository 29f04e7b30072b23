//! What keeps a download from going on, and waiting for it to be over.

use std::future::Future;
use std::panic;
use std::time::Duration;

use tokio::task::{JoinError, spawn_blocking};
use tokio_util::sync::CancellationToken;

use super::DownloadProblem;
use super::partial::Stopped;
use super::plan::Activity;
use super::retry::{Deadline, Tries};
use crate::remote::HubError;

/// Why a download does not go on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Interruption {
    /// Somebody wanted it to stop.
    Stopped,
    /// It cannot go on.
    Problem(DownloadProblem),
}

impl From<DownloadProblem> for Interruption {
    fn from(problem: DownloadProblem) -> Self {
        Self::Problem(problem)
    }
}

impl From<Stopped> for Interruption {
    fn from(_: Stopped) -> Self {
        Self::Stopped
    }
}

/// Something that may be over soon.
#[derive(Debug)]
pub(super) struct Trouble {
    /// What it is called when it is not over after all.
    pub problem: DownloadProblem,
    /// When the Hub wants to be asked again.
    pub retry_after: Option<Duration>,
}

impl From<DownloadProblem> for Trouble {
    fn from(problem: DownloadProblem) -> Self {
        Self { problem, retry_after: None }
    }
}

impl Trouble {
    /// The trouble that an answer of the Hub is.
    ///
    /// # Errors
    /// When asking again would change nothing.
    pub fn of(error: HubError) -> Result<Self, Interruption> {
        let (transient, retry_after) = (error.is_transient(), error.retry_after());
        let problem = DownloadProblem::from(error);
        if transient { Ok(Self { problem, retry_after }) } else { Err(problem.into()) }
    }

    /// Waits until it is time for the next try.
    pub async fn wait(
        self,
        tries: &mut Tries,
        activity: &Activity,
        stop: &CancellationToken,
    ) -> Result<(), Interruption> {
        let Some(pause) = tries.pause(self.retry_after) else { return Err(self.problem.into()) };
        let until = Deadline::after(pause);
        tracing::info!(problem = %self.problem, ?pause, "a download waits to try again");
        activity.wait(&self.problem.message, until);
        unless_stopped(stop, until.passed()).await?;
        activity.begin();
        Ok(())
    }
}

/// Does something that can be dropped half-way, until it is done or somebody wants it to stop.
pub(super) async fn unless_stopped<T>(
    stop: &CancellationToken,
    future: impl Future<Output = T>,
) -> Result<T, Interruption> {
    stop.run_until_cancelled(future).await.ok_or(Interruption::Stopped)
}

/// Does something with files on a thread that may wait for the disk.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Interruption> {
    spawn_blocking(work).await.map_err(|error: JoinError| match error.try_into_panic() {
        Ok(panic) => panic::resume_unwind(panic),
        // The program is ending.
        Err(_) => Interruption::Stopped,
    })
}
