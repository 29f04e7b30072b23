//! What a download consists of, and how far it is.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::retry::Deadline;
use super::{DownloadFile, DownloadProblem, ProblemCode, Retrying};
use crate::remote::{Digest, RemoteFile, RemoteModel, RemotePath};

/// The files of a commit, largest first, with what is there of each.
#[derive(Debug)]
pub(super) struct Plan {
    pub commit: String,
    pub blobs: Vec<Blob>,
    /// Bytes that have come over the network.
    received: AtomicU64,
}

/// A file, known by its hash; in a repository it may have several names.
#[derive(Debug)]
pub(super) struct Blob {
    pub digest: Digest,
    pub bytes: u64,
    pub paths: Vec<RemotePath>,
    /// Bytes on this disk.
    done: AtomicU64,
    verified: AtomicBool,
    pub activity: Activity,
}

impl Plan {
    /// The plan for a model.
    pub fn new(model: &RemoteModel) -> Result<Self, DownloadProblem> {
        let files = model.needed_files();
        if !files.iter().any(|file| file.path.as_str().ends_with(".safetensors")) {
            let why = "it has no weights in safetensors format; choose a version of this model in MLX format";
            return Err(DownloadProblem::new(ProblemCode::Refused, why));
        }
        Ok(Self::of(model.commit.clone(), files.into_iter().cloned()))
    }

    /// The plan for these files.
    pub fn of(commit: String, files: impl IntoIterator<Item = RemoteFile>) -> Self {
        let mut blobs: BTreeMap<String, Blob> = BTreeMap::new();
        for RemoteFile { path, bytes, digest } in files {
            let blob = blobs.entry(digest.hex().to_owned()).or_insert_with(|| Blob::new(digest, bytes));
            blob.paths.push(path);
        }
        let mut blobs: Vec<Blob> = blobs.into_values().collect();
        blobs.sort_by_cached_key(|blob| (Reverse(blob.bytes), blob.paths.clone()));
        Self { commit, blobs, received: AtomicU64::new(0) }
    }

    /// What an earlier run has verified needs no second look.
    pub fn trust(&self, earlier: &Self) {
        let verified = |blob: &&Blob| blob.is_verified();
        for known in earlier.blobs.iter().filter(verified) {
            if let Some(blob) = self.blobs.iter().find(|blob| blob.digest == known.digest) {
                blob.set_verified(true);
            }
        }
    }

    /// Bytes in all.
    pub fn bytes(&self) -> u64 {
        self.blobs.iter().map(|blob| blob.bytes).sum()
    }

    /// Bytes on this disk.
    pub fn done(&self) -> u64 {
        self.blobs.iter().map(Blob::done).sum()
    }

    /// Bytes that have come over the network.
    pub fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    pub fn add_received(&self, bytes: u64) {
        self.received.fetch_add(bytes, Ordering::Relaxed);
    }

    /// All files, largest first.
    pub fn files(&self) -> Vec<DownloadFile> {
        let of = |blob: &Blob, path: &RemotePath| DownloadFile {
            path: path.as_str().to_owned(),
            bytes: blob.bytes,
            done: blob.done(),
            verified: blob.is_verified(),
        };
        self.blobs.iter().flat_map(|blob| blob.paths.iter().map(move |path| of(blob, path))).collect()
    }
}

impl Blob {
    fn new(digest: Digest, bytes: u64) -> Self {
        Self {
            digest,
            bytes,
            paths: Vec::new(),
            done: AtomicU64::new(0),
            verified: AtomicBool::new(false),
            activity: Activity::default(),
        }
    }

    /// Bytes on this disk.
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    pub fn set_done(&self, bytes: u64) {
        self.done.store(bytes, Ordering::Relaxed);
    }

    /// Whether it is whole and its hash is right.
    pub fn is_verified(&self) -> bool {
        self.verified.load(Ordering::Relaxed)
    }

    pub fn set_verified(&self, verified: bool) {
        self.verified.store(verified, Ordering::Relaxed);
    }
}

/// What a part of a download is at.
#[derive(Debug, Default)]
pub(super) struct Activity(Mutex<Doing>);

#[derive(Debug, Default)]
enum Doing {
    /// It has not begun, or is done.
    #[default]
    Nothing,
    Something,
    /// It waits to try again.
    Waiting {
        why: String,
        until: Deadline,
    },
}

impl Activity {
    pub fn begin(&self) {
        self.set(Doing::Something);
    }

    pub fn wait(&self, why: &str, until: Deadline) {
        self.set(Doing::Waiting { why: why.to_owned(), until });
    }

    pub fn end(&self) {
        self.set(Doing::Nothing);
    }

    fn set(&self, doing: Doing) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = doing;
    }

    /// Why nothing happens at the moment: there is a reason when all of these that have begun wait, and it is that of
    /// the first to go on.
    pub fn retrying<'a>(all: impl IntoIterator<Item = &'a Self>) -> Option<Retrying> {
        let mut first: Option<Retrying> = None;
        for activity in all {
            match &*activity.0.lock().unwrap_or_else(PoisonError::into_inner) {
                Doing::Nothing => {}
                Doing::Something => return None,
                Doing::Waiting { why, until } => {
                    let seconds = until.left().as_secs_f64().ceil() as u64;
                    if first.as_ref().is_none_or(|first| seconds < first.seconds) {
                        first = Some(Retrying { why: why.clone(), seconds });
                    }
                }
            }
        }
        first
    }
}
