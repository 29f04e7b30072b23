//! The queue on disk, so that downloads go on after a restart.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::plan::Plan;
use crate::remote::{Digest, RemoteFile, RemotePath, RepositoryName};

/// The only form of the file so far.
const VERSION: u32 = 1;

/// A download that has not ended.
#[derive(Debug, Clone)]
pub(super) struct Waiting {
    pub name: RepositoryName,
    pub paused: bool,
    /// The commit and its files, once the Hub was asked.
    pub plan: Option<Arc<Plan>>,
}

/// Reads the queue. A file that cannot be used is put aside with a warning, and the queue is empty then: what the
/// downloads have brought is in the cache all the same.
pub(super) fn read(path: &Path) -> Vec<Waiting> {
    let read = fs::read(path).map_err(Unusable::Unread).and_then(|text| parse(&text));
    match read {
        Ok(waiting) => waiting,
        Err(Unusable::Unread(error)) if error.kind() == ErrorKind::NotFound => Vec::new(),
        Err(unusable) => {
            let kept = match put_aside(path) {
                Ok(aside) => format!("it is kept as {}", aside.display()),
                Err(error) => format!("it cannot be put aside: {error}"),
            };
            tracing::warn!(
                "{}: the queue of downloads cannot be used: {unusable}; {kept}; download the models again, what has \
                 arrived is used",
                path.display()
            );
            Vec::new()
        }
    }
}

/// The queue as text.
pub(super) fn text(waiting: impl IntoIterator<Item = Waiting>) -> String {
    let downloads = waiting.into_iter().map(SavedDownload::of).collect();
    serde_json::to_string_pretty(&SavedQueue { version: VERSION, downloads })
        .expect("names and numbers can be written as JSON")
}

/// Writes it, whole or not at all.
pub(super) fn write(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error("{0}")]
    Unread(io::Error),
    #[error("{0}")]
    Damaged(#[from] serde_json::Error),
    #[error("it has version {0}, and this Shorn knows version {VERSION}")]
    Version(u32),
    #[error("{0}")]
    Name(String),
}

/// What every version has.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

#[derive(Serialize, Deserialize)]
struct SavedQueue {
    version: u32,
    downloads: Vec<SavedDownload>,
}

#[derive(Serialize, Deserialize)]
struct SavedDownload {
    name: RepositoryName,
    paused: bool,
    commit: Option<String>,
    files: Vec<SavedFile>,
}

#[derive(Serialize, Deserialize)]
struct SavedFile {
    path: String,
    bytes: u64,
    #[serde(flatten)]
    digest: SavedDigest,
    done: u64,
    verified: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SavedDigest {
    Sha256(String),
    GitSha1(String),
}

fn parse(text: &[u8]) -> Result<Vec<Waiting>, Unusable> {
    let Versioned { version } = serde_json::from_slice(text)?;
    if version != VERSION {
        return Err(Unusable::Version(version));
    }
    let queue: SavedQueue = serde_json::from_slice(text)?;
    queue.downloads.into_iter().map(SavedDownload::waiting).collect()
}

/// Renames a file to a name that no other has.
fn put_aside(path: &Path) -> io::Result<PathBuf> {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let aside = path.with_extension(format!("json.unreadable-{seconds}"));
    fs::rename(path, &aside)?;
    Ok(aside)
}

impl SavedDownload {
    fn of(waiting: Waiting) -> Self {
        let files = waiting.plan.iter().flat_map(|plan| &plan.blobs).flat_map(|blob| {
            blob.paths.iter().map(|path| SavedFile {
                path: path.as_str().to_owned(),
                bytes: blob.bytes,
                digest: SavedDigest::of(&blob.digest),
                done: blob.done(),
                verified: blob.is_verified(),
            })
        });
        Self {
            files: files.collect(),
            name: waiting.name,
            paused: waiting.paused,
            commit: waiting.plan.as_ref().map(|plan| plan.commit.clone()),
        }
    }

    fn waiting(self) -> Result<Waiting, Unusable> {
        let Self { name, paused, commit, files } = self;
        let Some(commit) = commit else { return Ok(Waiting { name, paused, plan: None }) };
        let remote: Result<Vec<RemoteFile>, Unusable> = files.iter().map(SavedFile::remote).collect();
        let plan = Plan::of(hex(&commit, 40)?, remote?);
        for (blob, saved) in plan.blobs.iter().flat_map(|blob| files.iter().map(move |saved| (blob, saved))) {
            if saved.digest.hex() == blob.digest.hex() {
                blob.set_done(saved.done);
                blob.set_verified(saved.verified);
            }
        }
        Ok(Waiting { name, paused, plan: Some(Arc::new(plan)) })
    }
}

impl SavedFile {
    fn remote(&self) -> Result<RemoteFile, Unusable> {
        let path = RemotePath::new(&self.path).map_err(Unusable::Name)?;
        let digest = match &self.digest {
            SavedDigest::Sha256(digest) => Digest::Sha256(hex(digest, 64)?),
            SavedDigest::GitSha1(digest) => Digest::GitSha1(hex(digest, 40)?),
        };
        Ok(RemoteFile { path, bytes: self.bytes, digest })
    }
}

impl SavedDigest {
    fn of(digest: &Digest) -> Self {
        match digest {
            Digest::Sha256(hex) => Self::Sha256(hex.clone()),
            Digest::GitSha1(hex) => Self::GitSha1(hex.clone()),
        }
    }

    fn hex(&self) -> &str {
        match self {
            Self::Sha256(hex) | Self::GitSha1(hex) => hex,
        }
    }
}

/// Digits that become a file's name in the cache.
fn hex(text: &str, count: usize) -> Result<String, Unusable> {
    let right = text.len() == count && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    right
        .then(|| text.to_owned())
        .ok_or_else(|| Unusable::Name(format!("`{text}` is not {count} hexadecimal digits")))
}

#[cfg(test)]
mod tests;
