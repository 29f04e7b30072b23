//! Downloading one model.

use std::path::PathBuf;
use std::sync::Arc;

use futures_util::{StreamExt, stream};
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

use super::cache::Repository;
use super::interruption::{Interruption, Trouble, blocking, unless_stopped};
use super::plan::{Activity, Plan};
use super::retry::{Timing, Tries};
use super::transfer::Transfers;
use super::{DownloadProblem, disk};
use crate::remote::{Hub, HubError, RemoteModel, RepositoryName};

/// Files that arrive at the same time: one connection seldom fills the line, and many would only share it.
const PARALLEL: usize = 3;

/// The branch whose files are downloaded.
pub(super) const BRANCH: &str = "main";

/// Everything to download one model.
pub(super) struct Job {
    pub hub: Hub,
    pub name: RepositoryName,
    pub cache: PathBuf,
    pub timing: Timing,
    /// What an earlier run planned: its commit is gone on with, and what it verified is not verified again.
    pub earlier: Option<Arc<Plan>>,
    /// What is done before there is a plan.
    pub preparing: Arc<Activity>,
    pub events: UnboundedSender<Event>,
    pub stop: CancellationToken,
}

/// What happens on the way.
#[derive(Debug)]
pub(super) enum Event {
    /// The Hub has been asked.
    Planned(Arc<Plan>),
    /// A file is whole.
    Verified,
}

impl Job {
    /// Downloads the model and gives its folder.
    pub async fn run(self) -> Result<PathBuf, Interruption> {
        self.preparing.begin();
        let model = self.ask().await?;
        let plan = Plan::new(&model)?;
        if let Some(earlier) = &self.earlier {
            plan.trust(earlier);
        }
        let (plan, repository) = self.look_at_disk(plan).await?;
        // The receiver may be gone when the program ends.
        let _ = self.events.send(Event::Planned(plan.clone()));
        self.preparing.end();
        self.bring_all(&plan, &repository).await?;
        let commit = plan.commit.clone();
        let directory = repository.shown_snapshot(&commit);
        blocking(move || {
            repository.write_reference(BRANCH, &commit).and_then(|()| repository.remove_partials())
        })
        .await??;
        Ok(directory)
    }

    /// Asks for the model at the commit of an earlier run, or at that of the branch if there is none or it is gone.
    async fn ask(&self) -> Result<RemoteModel, Interruption> {
        let mut tries = Tries::new(self.timing);
        let mut revision = self.earlier.as_ref().map_or(BRANCH, |earlier| &earlier.commit);
        loop {
            match unless_stopped(&self.stop, self.hub.model(&self.name, revision)).await? {
                Ok(model) => return Ok(model),
                Err(HubError::NotFound { .. }) if revision != BRANCH => revision = BRANCH,
                Err(error) => Trouble::of(error)?.wait(&mut tries, &self.preparing, &self.stop).await?,
            }
        }
    }

    /// Counts what is there, and refuses what would not fit.
    async fn look_at_disk(&self, plan: Plan) -> Result<(Arc<Plan>, Repository), Interruption> {
        let (cache, name) = (self.cache.clone(), self.name.clone());
        let looked = blocking(move || -> Result<_, DownloadProblem> {
            let repository = Repository::open(&cache, &name)?;
            for blob in &plan.blobs {
                blob.set_done(repository.bytes_there(&plan.commit, blob));
            }
            disk::check(repository.folder(), plan.bytes() - plan.done())?;
            Ok((Arc::new(plan), repository))
        });
        Ok(looked.await??)
    }

    async fn bring_all(&self, plan: &Arc<Plan>, repository: &Repository) -> Result<(), Interruption> {
        let transfers = Transfers {
            hub: self.hub.clone(),
            name: self.name.clone(),
            repository: repository.clone(),
            plan: plan.clone(),
            timing: self.timing,
            stop: self.stop.child_token(),
        };
        let bring = |index| transfers.bring(index);
        let mut brought = stream::iter(0..plan.blobs.len()).map(bring).buffer_unordered(PARALLEL);
        let mut first = Ok(());
        while let Some(result) = brought.next().await {
            match result {
                Ok(()) => {
                    let _ = self.events.send(Event::Verified);
                }
                // The others end by themselves then: each at a point where nothing is left half-done.
                Err(interruption) => {
                    transfers.stop.cancel();
                    first = first.and(Err(interruption));
                }
            }
        }
        first
    }
}
