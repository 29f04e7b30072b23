//! The layout of the Hugging Face cache, for writing.
//!
//! Of the crate `hf-hub` only the folder's name is used: its downloads cannot be verified or cancelled, and its `create_ref`
//! writes in place and through links.
//!
//! Nothing is written through a link out of the cache, whoever put it there.

use std::fs::{self, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use hf_hub::Repo;

use super::job::BRANCH;
use super::lock::BlobLock;
use super::plan::Blob;
use super::{DownloadProblem, ProblemCode};
use crate::library::delete_unfinished;
use crate::remote::{Digest, RepositoryName};

/// What the names of our unfinished blobs end with. huggingface_hub's end with `.incomplete` too, and so they show as
/// unfinished in the library; but none of them is ever called so, and thus nobody else writes to ours.
const PARTIAL: &str = ".shorn.incomplete";

/// A model's folder in the cache.
#[derive(Debug, Clone)]
pub(super) struct Repository {
    /// The cache, without links.
    cache: PathBuf,
    /// The model's folder, as the path of the cache was given.
    shown: PathBuf,
    /// `models--org--name`.
    folder: PathBuf,
    blobs: PathBuf,
    snapshots: PathBuf,
    refs: PathBuf,
    /// `.locks/models--org--name`.
    locks: PathBuf,
}

impl Repository {
    /// Makes the folders that are not there.
    pub fn open(cache: &Path, name: &RepositoryName) -> Result<Self, DownloadProblem> {
        let at = |error| DownloadProblem::file(cache, &error);
        let name = Repo::model(name.as_str().to_owned()).folder_name();
        let shown = cache.join(&name);
        fs::create_dir_all(cache).map_err(at)?;
        let cache = cache.canonicalize().map_err(at)?;
        let folder = subfolder(&cache, &cache, &name)?;
        Ok(Self {
            blobs: subfolder(&cache, &folder, "blobs")?,
            snapshots: subfolder(&cache, &folder, "snapshots")?,
            refs: subfolder(&cache, &folder, "refs")?,
            locks: subfolder(&cache, &subfolder(&cache, &cache, ".locks")?, &name)?,
            folder,
            shown,
            cache,
        })
    }

    /// The model's folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where a whole file lies.
    pub fn blob(&self, digest: &Digest) -> PathBuf {
        self.blobs.join(digest.hex())
    }

    /// Where a file lies while it arrives.
    pub fn partial(&self, digest: &Digest) -> PathBuf {
        self.blobs.join(format!("{}{PARTIAL}", digest.hex()))
    }

    /// What is locked while a blob is written.
    pub fn lock(&self, digest: &Digest) -> PathBuf {
        self.locks.join(format!("{}.lock", digest.hex()))
    }

    /// The folder of a commit.
    pub fn snapshot(&self, commit: &str) -> PathBuf {
        self.snapshots.join(commit)
    }

    /// The folder of a commit, as the path of the cache was given.
    pub fn shown_snapshot(&self, commit: &str) -> PathBuf {
        self.shown.join("snapshots").join(commit)
    }

    /// Bytes of a file on this disk: all, when it is there under its final name, else those of the partial.
    pub fn bytes_there(&self, commit: &str, blob: &Blob) -> u64 {
        if self.whole(commit, blob).is_some() {
            return blob.bytes;
        }
        let partial = fs::symlink_metadata(self.partial(&blob.digest));
        partial.map_or(0, |partial| if partial.is_file() { partial.len().min(blob.bytes) } else { 0 })
    }

    /// A file that is there under its final name with all its bytes, whoever brought it: the blob, or where there are
    /// no symbolic links the file in the snapshot. It may be a link of another tool within the cache.
    pub fn whole(&self, commit: &str, blob: &Blob) -> Option<PathBuf> {
        let snapshot = self.snapshot(commit);
        let places = blob.paths.iter().map(|path| snapshot.join(path.as_str()));
        std::iter::once(self.blob(&blob.digest)).chain(places).find(|place| {
            let real = place.canonicalize().ok().filter(|real| real.starts_with(&self.cache));
            let metadata = real.and_then(|real| real.metadata().ok());
            metadata.is_some_and(|metadata| metadata.is_file() && metadata.len() == blob.bytes)
        })
    }

    /// Lets a commit's files lead to a whole blob.
    pub fn link(&self, commit: &str, blob: &Blob) -> Result<(), DownloadProblem> {
        self.link_with(commit, blob, |target, link| symlink(target, link))
    }

    fn link_with(
        &self,
        commit: &str,
        blob: &Blob,
        symlink: impl Fn(&Path, &Path) -> io::Result<()>,
    ) -> Result<(), DownloadProblem> {
        let source = self.blob(&blob.digest);
        for (number, path) in blob.paths.iter().enumerate() {
            let mut folder = subfolder(&self.cache, &self.snapshots, commit)?;
            let mut target = PathBuf::from("../../blobs");
            let (folders, name) = path.as_str().rsplit_once('/').unwrap_or(("", path.as_str()));
            for part in folders.split('/').filter(|part| !part.is_empty()) {
                folder = subfolder(&self.cache, &folder, part)?;
                target = Path::new("..").join(target);
            }
            let (link, target) = (folder.join(name), target.join(blob.digest.hex()));
            let is_last = number + 1 == blob.paths.len();
            place(&source, &target, &link, is_last, &symlink)
                .map_err(|error| DownloadProblem::file(&link, &error))?;
        }
        Ok(())
    }

    /// Says that a branch is at a commit.
    pub fn write_reference(&self, branch: &str, commit: &str) -> Result<(), DownloadProblem> {
        let path = self.refs.join(branch);
        let write = || -> io::Result<()> {
            let mut file = tempfile::Builder::new()
                // What the umask leaves of it, as for every file of the cache.
                .permissions(Permissions::from_mode(0o666))
                .tempfile_in(&self.refs)?;
            file.write_all(commit.as_bytes())?;
            file.as_file().sync_all()?;
            file.persist(&path)?;
            Ok(())
        };
        write().map_err(|error| DownloadProblem::file(&path, &error))
    }

    /// Removes what a download of a commit has brought: its partial files and its snapshot, with the blobs that no other
    /// snapshot uses. A commit that was whole before the download stays.
    pub fn remove_unfinished(&self, commit: &str) -> Result<(), DownloadProblem> {
        self.remove_partials()?;
        let snapshot = self.snapshot(commit);
        let was_whole = fs::read_to_string(self.refs.join(BRANCH)).is_ok_and(|named| named.trim() == commit);
        if was_whole || !snapshot.is_dir() {
            return Ok(());
        }
        delete_unfinished(&self.cache, &snapshot)
            .map_err(|error| DownloadProblem::new(ProblemCode::File, error.to_string()))
    }

    /// Removes what has arrived of files that are not whole, except where another program is writing to it.
    pub fn remove_partials(&self) -> Result<(), DownloadProblem> {
        let at = |error| DownloadProblem::file(&self.blobs, &error);
        for entry in fs::read_dir(&self.blobs).map_err(at)? {
            let entry = entry.map_err(at)?;
            let name = entry.file_name();
            let Some(digest) = name.to_str().and_then(|name| name.strip_suffix(PARTIAL)) else { continue };
            let lock = self.locks.join(format!("{digest}.lock"));
            if let Some(_lock) =
                BlobLock::try_take(&lock).map_err(|error| DownloadProblem::file(&lock, &error))?
            {
                fs::remove_file(entry.path())
                    .map_err(|error| DownloadProblem::file(&entry.path(), &error))?;
            }
        }
        Ok(())
    }
}

/// A folder in another one, made if it is not there.
fn subfolder(cache: &Path, parent: &Path, name: &str) -> Result<PathBuf, DownloadProblem> {
    let path = parent.join(name);
    let at = |error| DownloadProblem::file(&path, &error);
    match fs::create_dir(&path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(at(error)),
        _ => {}
    }
    let real = path.canonicalize().map_err(at)?;
    if real.starts_with(cache) && real.is_dir() {
        return Ok(real);
    }
    let message = format!(
        "{} leads to {}, out of the Hugging Face cache, and nothing is written there; remove that link, or choose \
         another cache",
        path.display(),
        real.display()
    );
    Err(DownloadProblem::new(ProblemCode::Refused, message))
}

/// Puts a link to a blob in its place; where the disk knows no links the file itself, as huggingface_hub does. It is
/// copied unless that is the last of the places where it is wanted: there it is moved.
fn place(
    source: &Path,
    target: &Path,
    link: &Path,
    is_last: bool,
    symlink: &impl Fn(&Path, &Path) -> io::Result<()>,
) -> io::Result<()> {
    let present = fs::symlink_metadata(link);
    if fs::read_link(link).is_ok_and(|present| present == target) {
        return Ok(());
    }
    if present.as_ref().is_ok_and(fs::Metadata::is_file) && !source.exists() {
        // The file itself, from an earlier time.
        return Ok(());
    }
    if present.is_ok() {
        fs::remove_file(link)?;
    }
    match symlink(target, link) {
        // Linux says the one and macOS the other of a disk without links.
        Err(error) if matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::Unsupported) => {}
        done => return done,
    }
    if is_last {
        return fs::rename(source, link);
    }
    let name = link.file_name().unwrap_or_default().to_string_lossy();
    let copy = link.with_file_name(format!(".{name}.incomplete"));
    fs::copy(source, &copy)?;
    fs::rename(copy, link)
}

#[cfg(test)]
mod tests;
