//! Deleting a model: what belongs to it and nothing else.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::{fs, io};

use super::contents::bytes_under;
use super::hugging_face::{REPOSITORY_PREFIX, Snapshot, snapshots};
use super::{Folders, LibraryModel, Origin, plain};

/// Why a model was not deleted. Unless it says [`DeleteError::Failed`], nothing was.
#[derive(Debug, thiserror::Error)]
pub enum DeleteError {
    /// The folder lies somewhere else, perhaps behind a link.
    #[error(
        "{directory} is not a model inside {folder}, so nothing was deleted; delete it with the program it belongs to",
        directory = .directory.display(),
        folder = .folder.display()
    )]
    NotInFolder {
        /// What was to be deleted.
        directory: PathBuf,
        /// Where a model of its origin has to lie.
        folder: PathBuf,
    },
    /// It came with Shorn.
    #[error("this model is part of Shorn and takes no room of yours; there is nothing to delete")]
    Embedded,
    /// The folder is gone, or holds something else by now.
    #[error("{path} is not what it was when the models were listed; list them again", path = .path.display())]
    Changed {
        /// The folder.
        path: PathBuf,
    },
    /// The system refused. Deleting again continues where this ended.
    #[error("{path}: cannot be deleted: {source}; check its permissions and delete the model again", path = .path.display())]
    Failed {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Deletes a model and returns the bytes that this freed.
///
/// In the Hugging Face cache that is the snapshot with those blobs that no other snapshot of the model uses, or all of
/// the model with its last snapshot; elsewhere the folder. A link is removed, never what it leads to. The model must
/// not be loaded and no download of it may run: neither is looked at here.
///
/// # Errors
/// When the folder does not lie inside the folder of its origin, or the system refuses.
pub fn delete(folders: &Folders, model: &LibraryModel) -> Result<u64, DeleteError> {
    let folder = match model.origin {
        Origin::Own => &folders.own,
        Origin::HuggingFace => &folders.hugging_face,
        Origin::LmStudio => &folders.lm_studio,
        Origin::Embedded => return Err(DeleteError::Embedded),
    };
    let place = Place::of(folder, &model.directory)?;
    let parts: Vec<&str> = place.parts.iter().map(String::as_str).collect();
    let is_repository = |name: &str| name.starts_with(REPOSITORY_PREFIX);
    match (model.origin, parts.as_slice()) {
        (Origin::HuggingFace, [repository]) if is_repository(repository) => place.delete_repository(),
        (Origin::HuggingFace, [repository, "snapshots", commit]) if is_repository(repository) => {
            delete_snapshot(&place, commit)
        }
        (Origin::Own | Origin::LmStudio, [_] | [_, _])
            if place.is_link() || plain::is_model(&place.directory) =>
        {
            place.remove(&place.directory)
        }
        _ => Err(place.refusal()),
    }
}

/// A model's folder, inside the folder of its origin.
struct Place {
    /// The folder of its origin, without links.
    root: PathBuf,
    /// The model's folder; nothing above its last part is a link.
    directory: PathBuf,
    /// The names between the two.
    parts: Vec<String>,
}

impl Place {
    fn of(folder: &Path, directory: &Path) -> Result<Self, DeleteError> {
        let refusal =
            || DeleteError::NotInFolder { directory: directory.to_owned(), folder: folder.to_owned() };
        let (Some(parent), Some(name)) = (directory.parent(), directory.file_name()) else {
            return Err(refusal());
        };
        let root = resolve(folder)?;
        let real = resolve(parent)?.join(name);
        let inside = directory.strip_prefix(folder).or_else(|_| directory.strip_prefix(&root));
        let inside = inside.map_err(|_| refusal())?;
        // They differ where `..` or a link stands between the two, even one that stays inside.
        if root.join(inside) != real || inside.components().next().is_none() {
            return Err(refusal());
        }
        let text = |part: Component<'_>| part.as_os_str().to_str().map(str::to_owned);
        let parts: Option<Vec<String>> = inside.components().map(text).collect();
        let parts = parts.filter(|parts| parts.iter().all(|part| !part.starts_with('.')));
        let parts = parts.ok_or_else(refusal)?;
        match fs::symlink_metadata(&real) {
            Ok(_) => Ok(Self { directory: real, root, parts }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(DeleteError::Changed { path: real }),
            Err(source) => Err(DeleteError::Failed { path: real, source }),
        }
    }

    fn is_link(&self) -> bool {
        fs::symlink_metadata(&self.directory).is_ok_and(|metadata| metadata.is_symlink())
    }

    fn refusal(&self) -> DeleteError {
        DeleteError::NotInFolder { directory: self.directory.clone(), folder: self.root.clone() }
    }

    /// A model in the cache without any snapshot, or a link in its place.
    fn delete_repository(&self) -> Result<u64, DeleteError> {
        if !self.is_link() && !at(&self.directory, snapshots(&self.directory))?.is_empty() {
            // It was listed before its first file arrived.
            return Err(DeleteError::Changed { path: self.directory.clone() });
        }
        self.remove(&self.directory)
    }

    /// Removes a folder with all that is in it, or a link.
    fn remove(&self, path: &Path) -> Result<u64, DeleteError> {
        if fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink()) {
            at(path, fs::remove_file(path))?;
            return Ok(0);
        }
        let bytes = at(path, bytes_under(path))?;
        at(path, fs::remove_dir_all(path))?;
        Ok(bytes)
    }
}

/// Deletes one snapshot of a model in the cache.
fn delete_snapshot(place: &Place, commit: &str) -> Result<u64, DeleteError> {
    if place.is_link() {
        return Err(place.refusal());
    }
    let repository = place.root.join(&place.parts[0]);
    let (doomed, kept): (Vec<Snapshot>, Vec<Snapshot>) =
        at(&repository, snapshots(&repository))?.into_iter().partition(|snapshot| snapshot.commit == commit);
    if doomed.is_empty() {
        return Err(place.refusal());
    }
    match kept.is_empty() {
        true => place.remove(&repository),
        false => take_out(place, commit, &kept),
    }
}

/// Deletes what an unfinished download has brought of a commit: its snapshot, with those blobs that no other snapshot uses.
/// What other tools have begun there stays.
pub(crate) fn delete_unfinished(cache: &Path, snapshot: &Path) -> Result<(), DeleteError> {
    let place = Place::of(cache, snapshot)?;
    let [name, _, commit] = place.parts.as_slice() else { return Err(place.refusal()) };
    if place.is_link() {
        return Err(place.refusal());
    }
    let repository = place.root.join(name);
    let mut kept = at(&repository, snapshots(&repository))?;
    kept.retain(|snapshot| snapshot.commit != *commit);
    take_out(&place, commit, &kept)?;
    // An empty folder would look like a model that is still to come. One that is not empty stays.
    for empty in ["snapshots", "blobs", "refs", ""] {
        let _ = fs::remove_dir(repository.join(empty));
    }
    Ok(())
}

/// Takes a snapshot out of a model of which other snapshots may be kept.
fn take_out(place: &Place, commit: &str, kept: &[Snapshot]) -> Result<u64, DeleteError> {
    let repository = place.root.join(&place.parts[0]);
    // All is read before anything is deleted: a blob whose users are not known is kept.
    let blobs = repository.join("blobs");
    let mut doomed_blobs = blobs_used(&place.directory, &blobs)?;
    for snapshot in kept {
        for blob in blobs_used(&snapshot.directory, &blobs)?.keys() {
            doomed_blobs.remove(blob);
        }
    }
    let references = references_to(&repository.join("refs"), commit)?;

    // The blobs go first: if it ends half-way, what is left shows as incomplete and can be deleted again.
    let mut bytes = 0;
    for (blob, size) in &doomed_blobs {
        at(blob, fs::remove_file(blob))?;
        bytes += size;
    }
    bytes += place.remove(&place.directory)?;
    for reference in &references {
        at(reference, fs::remove_file(reference))?;
    }
    // What the Hub's tools noted about files that this commit does not have.
    let notes = repository.join(".no_exist");
    let not_there = notes.join(commit);
    if !notes.is_symlink() && fs::symlink_metadata(&not_there).is_ok() {
        bytes += place.remove(&not_there)?;
    }
    Ok(bytes)
}

/// The blobs that a snapshot's links lead to, with their sizes. Links to anywhere else are none of ours.
fn blobs_used(snapshot: &Path, blobs: &Path) -> Result<BTreeMap<PathBuf, u64>, DeleteError> {
    let mut used = BTreeMap::new();
    let mut folders = vec![snapshot.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in at(&folder, fs::read_dir(&folder))? {
            let path = at(&folder, entry)?.path();
            let kind = at(&path, fs::symlink_metadata(&path))?;
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_symlink() {
                let target = match path.canonicalize() {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    target => at(&path, target)?,
                };
                let metadata = at(&target, fs::symlink_metadata(&target))?;
                if target.parent() == Some(blobs) && metadata.is_file() {
                    used.insert(target, metadata.len());
                }
            }
        }
    }
    Ok(used)
}

/// The files below `refs` that name a commit. What lies behind a link is none of the model's.
fn references_to(refs: &Path, commit: &str) -> Result<Vec<PathBuf>, DeleteError> {
    let mut found = Vec::new();
    if refs.is_symlink() {
        return Ok(found);
    }
    let mut folders = vec![refs.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => at(&folder, entries)?,
        };
        for entry in entries {
            let path = at(&folder, entry)?.path();
            let metadata = at(&path, fs::symlink_metadata(&path))?;
            if metadata.is_dir() {
                folders.push(path);
            } else if metadata.is_file() && at(&path, fs::read_to_string(&path))?.trim() == commit {
                found.push(path);
            }
        }
    }
    Ok(found)
}

fn resolve(path: &Path) -> Result<PathBuf, DeleteError> {
    path.canonicalize().map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => DeleteError::Changed { path: path.to_owned() },
        _ => DeleteError::Failed { path: path.to_owned(), source },
    })
}

fn at<T>(path: &Path, result: io::Result<T>) -> Result<T, DeleteError> {
    result.map_err(|source| DeleteError::Failed { path: path.to_owned(), source })
}
