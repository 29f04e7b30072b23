//! What there is to know about a download.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::remote::RepositoryName;

/// A download, in the queue or done.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
pub struct Download {
    /// The model.
    pub name: RepositoryName,
    /// The commit that is downloaded; `None` until the Hub was asked.
    pub commit: Option<String>,
    /// Where it stands.
    pub state: DownloadState,
    /// Its files, largest first; empty until the Hub was asked.
    pub files: Vec<DownloadFile>,
    /// Bytes in all; `None` until the Hub was asked.
    pub bytes: Option<u64>,
    /// Bytes on this disk.
    pub done: u64,
    /// Bytes per second over the last seconds; `None` while nothing arrives.
    pub bytes_per_second: Option<f64>,
    /// Seconds left at that speed.
    pub seconds_left: Option<u64>,
    /// Why nothing arrives at the moment although it is under way, and what is done about it.
    pub retrying: Option<Retrying>,
}

/// One file of a download.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct DownloadFile {
    /// Its path in the repository.
    pub path: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Bytes on this disk.
    pub done: u64,
    /// Whether it is whole and its hash is right.
    pub verified: bool,
}

/// Where a download stands.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum DownloadState {
    /// Others go first.
    Queued,
    /// The Hub is asked for its files.
    Preparing,
    /// Files arrive.
    Downloading,
    /// A person paused it.
    Paused,
    /// It is whole, verified, and in the library.
    Ready {
        /// Its folder: the snapshot in the Hugging Face cache.
        directory: PathBuf,
    },
    /// It ended with a problem; what has arrived is kept, and resuming goes on from there.
    Failed {
        /// The problem.
        problem: DownloadProblem,
    },
}

impl DownloadState {
    /// Whether it is done, for good or ill.
    pub fn is_ended(&self) -> bool {
        matches!(self, Self::Ready { .. } | Self::Failed { .. })
    }

    /// Whether it arrives, or will by itself.
    pub fn is_under_way(&self) -> bool {
        matches!(self, Self::Queued | Self::Preparing | Self::Downloading)
    }
}

/// A pause after something went wrong that may be over soon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct Retrying {
    /// What went wrong.
    pub why: String,
    /// Seconds until the next try.
    pub seconds: u64,
}

/// Why a download ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, thiserror::Error)]
#[error("{message}")]
pub struct DownloadProblem {
    /// What kind it is.
    pub code: ProblemCode,
    /// What happened and what to do.
    pub message: String,
    /// A page where it can be put right, such as the one where a licence is accepted.
    pub link: Option<String>,
}

/// Kinds of problems that people do different things about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ProblemCode {
    /// There is no such repository, or it is private.
    NotFound,
    /// Its licence has to be accepted on the Hub.
    Gated,
    /// The token was refused.
    Unauthorized,
    /// The Hub could not be reached, or broke off again and again.
    Network,
    /// The Hub asks to come back later, or has an error of its own.
    Hub,
    /// What arrived is not what the Hub said it would be.
    Corrupt,
    /// The disk is full, or would be.
    DiskFull,
    /// Another program downloads the same file.
    Locked,
    /// A file cannot be written.
    File,
    /// The repository has names or contents that are refused.
    Refused,
}
