//! Bringing one file of a model.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::cache::Repository;
use super::interruption::{Interruption, Trouble, blocking, unless_stopped};
use super::lock::BlobLock;
use super::partial::{self, Partial};
use super::plan::{Blob, Plan};
use super::receive::{Failure, Receiving};
use super::retry::{Deadline, Timing, Tries};
use super::{DownloadProblem, ProblemCode};
use crate::remote::{Delivered, FileResponse, Hub, HubError, RepositoryName};

/// After so many answers in a row that were not the part that was asked for, the whole file is asked for.
const OTHER_PARTS: u32 = 2;

/// What all files of a model need.
pub(super) struct Transfers {
    pub hub: Hub,
    pub name: RepositoryName,
    pub repository: Repository,
    pub plan: Arc<Plan>,
    pub timing: Timing,
    pub stop: CancellationToken,
}

impl Transfers {
    /// Brings a file, verifies it, and lets the snapshot lead to it.
    pub async fn bring(&self, index: usize) -> Result<(), Interruption> {
        let blob = &self.plan.blobs[index];
        blob.activity.begin();
        let brought = Transfer { all: self, blob, index }.run().await;
        blob.activity.end();
        brought
    }
}

/// One file.
struct Transfer<'a> {
    all: &'a Transfers,
    blob: &'a Blob,
    index: usize,
}

impl Transfer<'_> {
    async fn run(&self) -> Result<(), Interruption> {
        let mut lock = self.lock().await?;
        if !self.is_there().await? {
            let partial = self.partial(lock).await?;
            lock = self.complete(partial).await?;
        }
        self.blob.set_done(self.blob.bytes);
        self.blob.set_verified(true);
        let (repository, plan, index) = (self.all.repository.clone(), self.all.plan.clone(), self.index);
        blocking(move || {
            // Until then nobody else links it.
            let _lock = lock;
            repository.link(&plan.commit, &plan.blobs[index])
        })
        .await??;
        Ok(())
    }

    /// Takes the file's lock. While another program has it, what it downloads will be of use here, too.
    async fn lock(&self) -> Result<BlobLock, Interruption> {
        let path = self.all.repository.lock(&self.blob.digest);
        loop {
            let lock = BlobLock::try_take(&path).map_err(|error| DownloadProblem::file(&path, &error))?;
            if let Some(lock) = lock {
                self.blob.activity.begin();
                return Ok(lock);
            }
            let until = Deadline::after(self.all.timing.first_pause);
            self.blob.activity.wait("another program is downloading this file", until);
            unless_stopped(&self.all.stop, until.passed()).await?;
        }
    }

    /// Whether the right file is there under its final name. One that was not verified by this download is verified
    /// now: another program may have left anything there.
    async fn is_there(&self) -> Result<bool, Interruption> {
        let (blob, bytes) = (self.blob, self.blob.bytes);
        let Some(path) = self.all.repository.whole(&self.all.plan.commit, blob) else {
            blob.set_verified(false);
            return Ok(false);
        };
        blob.set_done(bytes);
        if blob.is_verified() {
            return Ok(true);
        }
        let (digest, stop, at) = (blob.digest.clone(), self.all.stop.clone(), path.clone());
        let verified = blocking(move || partial::verify(&at, &digest, bytes, || stop.is_cancelled())).await?;
        let right = verified.map_err(|error| DownloadProblem::file(&path, &error))??;
        if !right {
            tracing::warn!(path = %path.display(), "this file is not what the Hub has, and is downloaded again");
        }
        Ok(right)
    }

    async fn partial(&self, lock: BlobLock) -> Result<Partial, Interruption> {
        let path = self.all.repository.partial(&self.blob.digest);
        let (digest, bytes, stop) = (self.blob.digest.clone(), self.blob.bytes, self.all.stop.clone());
        let at = path.clone();
        let opened = blocking(move || Partial::open(at, digest, bytes, lock, || stop.is_cancelled())).await?;
        let partial = opened.map_err(|error| DownloadProblem::file(&path, &error))??;
        self.blob.set_done(partial.length());
        Ok(partial)
    }

    /// Tries until the file is whole and has its final name.
    async fn complete(&self, mut partial: Partial) -> Result<BlobLock, Interruption> {
        let mut tries = Tries::new(self.all.timing);
        let (mut other_parts, mut other_files) = (0, 0);
        loop {
            let before = partial.length();
            let result;
            (partial, result) = match partial.missing() {
                0 => match self.finish(partial).await? {
                    (partial, true) => return Ok(partial.into_lock()),
                    (partial, false) => {
                        (partial, Err(Failure::OtherFile("its hash is another one".to_owned())))
                    }
                },
                _ => self.attempt(partial, other_parts < OTHER_PARTS).await?,
            };
            if partial.length() > before {
                tries.progress();
                other_parts = 0;
            }
            let trouble = match result {
                Ok(()) if partial.missing() == 0 => continue,
                Ok(()) if partial.length() > before => {
                    DownloadProblem::new(ProblemCode::Network, "the answer ended early").into()
                }
                Err(Failure::Interrupted(interruption)) => return Err(interruption),
                Err(Failure::Trouble(trouble)) => trouble,
                Err(Failure::OtherPart(problem)) => {
                    other_parts += 1;
                    problem.into()
                }
                // An answer without anything in it says that the file ends here.
                other => {
                    other_files += 1;
                    let why = match other {
                        Err(Failure::OtherFile(why)) => why,
                        _ => format!("it has {before} bytes"),
                    };
                    partial = self.discard(partial, &why, other_files).await?;
                    continue;
                }
            };
            trouble.wait(&mut tries, &self.blob.activity, &self.all.stop).await?;
        }
    }

    /// Asks for what is missing, or for the whole file.
    async fn attempt(
        &self,
        partial: Partial,
        only_missing: bool,
    ) -> Result<(Partial, Result<(), Failure>), Interruption> {
        let start = if only_missing { partial.length() } else { 0 };
        let asked =
            self.all.hub.open(&self.all.name, &self.all.plan.commit, &self.blob.paths[0], start, None);
        let response = match unless_stopped(&self.all.stop, asked).await? {
            Ok(response) => response,
            Err(error @ HubError::BadAnswer { .. }) if start > 0 => {
                return Ok((partial, Err(Failure::OtherPart(error.into()))));
            }
            Err(error) => return Ok((partial, Err(Failure::Trouble(Trouble::of(error)?)))),
        };
        let known = match self.begins_where_it_should(&response, partial.length()) {
            Ok(known) => known,
            Err(failure) => return Ok((partial, Err(failure))),
        };
        let receiving = Receiving {
            response,
            known,
            plan: self.all.plan.clone(),
            index: self.index,
            stall: self.all.timing.stall,
            stop: self.all.stop.clone(),
        };
        let runtime = Handle::current();
        let mut partial = partial;
        blocking(move || {
            let received = receiving.run(&mut partial, &runtime);
            (partial, received)
        })
        .await
    }

    /// How many bytes at the beginning of an answer are there already: it must begin either where the partial file
    /// ends, or with the file.
    ///
    /// `If-Range` is not sent: the commit is pinned and the hash decides, while the tags of delivery networks may
    /// differ from one machine to the next, and would have gigabytes sent again for nothing.
    fn begins_where_it_should(&self, response: &FileResponse, there: u64) -> Result<u64, Failure> {
        let other_part = |what: String| {
            let message =
                format!("the Hub was asked for the part of a file from byte {there} on, and sent {what}");
            Failure::OtherPart(DownloadProblem::new(ProblemCode::Hub, message))
        };
        let (start, file_bytes) = match response.delivered {
            Delivered::Whole => (0, None),
            Delivered::Part(range) => (range.start, range.file_bytes),
            Delivered::NotSatisfiable { .. } => {
                return Err(other_part("word that the file has no such bytes".to_owned()));
            }
        };
        if let Some(bytes) = file_bytes.filter(|&bytes| bytes != self.blob.bytes) {
            return Err(Failure::OtherFile(format!("it has {bytes} bytes and not {}", self.blob.bytes)));
        }
        if let Some(etag) = response.linked_etag.as_ref().filter(|etag| *etag != self.blob.digest.hex()) {
            return Err(Failure::OtherFile(format!("the Hub knows it by another hash now, {etag}")));
        }
        match start {
            0 => Ok(there),
            start if start == there => Ok(0),
            start => Err(other_part(format!("one from byte {start} on"))),
        }
    }

    /// Gives a file that has all its bytes its final name, if its hash is right.
    async fn finish(&self, mut partial: Partial) -> Result<(Partial, bool), Interruption> {
        let path = self.all.repository.blob(&self.blob.digest);
        let at = path.clone();
        let (partial, finished) = blocking(move || {
            let finished = partial.finish(&at);
            (partial, finished)
        })
        .await?;
        Ok((partial, finished.map_err(|error| DownloadProblem::file(&path, &error))?))
    }

    /// Throws away what is there of a file that is another one than the Hub's list has: once, for what is wrong may be
    /// what was there.
    async fn discard(&self, mut partial: Partial, why: &str, times: u32) -> Result<Partial, Interruption> {
        let path: PathBuf = partial.path().to_owned();
        tracing::warn!(path = %path.display(), why, times, "what arrived is not what the Hub's list has");
        let (partial, discarded) = blocking(move || {
            let discarded = partial.discard();
            (partial, discarded)
        })
        .await?;
        discarded.map_err(|error| DownloadProblem::file(&path, &error))?;
        self.blob.set_done(0);
        if times < 2 {
            return Ok(partial);
        }
        let message = format!(
            "{}: what arrives is not what the Hub's list has, twice in a row: {why}; try again later, and if that does \
             not help, tell the owner of the model or of the network in between",
            self.blob.paths[0].as_str(),
        );
        Err(DownloadProblem::new(ProblemCode::Corrupt, message).into())
    }
}
