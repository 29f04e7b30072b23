//! The cache that the Hub's tools share: `models--org--name` with `refs`, `snapshots/COMMIT` and `blobs`.
//!
//! A snapshot's files are links to blobs, and snapshots of one model share the blobs that did not change.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use std::{fs, io};

use shorn_checkpoint::model_name;

use super::contents::Contents;
use super::state::{self, LibraryState};
use super::{Entry, EntryKind, Lead, Origin, Scan, entries};

/// What the names of a model's folder in the cache begin with.
pub(super) const REPOSITORY_PREFIX: &str = "models--";

/// Adds the models of the cache: of each the snapshot that `refs/main` names, else the newest.
pub(super) fn scan(scan: &mut Scan, root: &Path) {
    for entry in scan.list(root) {
        if !entry.name.starts_with(REPOSITORY_PREFIX) {
            continue;
        }
        match entry.lead(&scan.roots) {
            Lead::Nowhere => {}
            Lead::Out(target) => {
                let name = name_of(&entry.name);
                scan.add_link(name, &entry.path, Origin::HuggingFace, &target);
            }
            Lead::Folder => add(scan, &entry),
        }
    }
}

fn add(scan: &mut Scan, entry: &Entry) {
    let name = name_of(&entry.name);
    let repository = entry.path.as_path();
    if let Some(link) = ["blobs", "snapshots"].iter().find(|folder| repository.join(folder).is_symlink()) {
        let why = format!("its folder {link} is a link; put the folder itself in its place");
        return scan.add(name, repository, Origin::HuggingFace, 0, LibraryState::Unsupported { why });
    }
    let found = Partial::of(repository).and_then(|partial| Ok((partial, current_snapshot(repository)?)));
    let (partial, snapshot) = match found {
        Ok(found) => found,
        Err(error) => {
            let state = LibraryState::unreadable(repository, &error);
            return scan.add(name, repository, Origin::HuggingFace, 0, state);
        }
    };
    let Some(snapshot) = snapshot else {
        // Only what a lookup left behind: nothing was downloaded.
        if partial.files == 0 {
            return;
        }
        let state = LibraryState::Incomplete { missing: "no file has arrived yet".to_owned() };
        return scan.add(name, repository, Origin::HuggingFace, partial.bytes, state);
    };
    let (bytes, state) = match Contents::of(&snapshot, &scan.roots) {
        Ok(contents) => (contents.bytes() + partial.bytes, state::of(&snapshot, &contents, partial.files)),
        Err(error) => (0, LibraryState::unreadable(&snapshot, &error)),
    };
    scan.add(name, &snapshot, Origin::HuggingFace, bytes, state);
}

fn name_of(folder: &str) -> String {
    model_name(Path::new(folder))
}

/// Blobs whose download did not end.
struct Partial {
    files: usize,
    bytes: u64,
}

impl Partial {
    fn of(repository: &Path) -> io::Result<Self> {
        let blobs = if_there(entries(&repository.join("blobs")))?;
        let whole: HashSet<&str> = blobs.iter().map(|blob| blob.name.as_str()).collect();
        let mut partial = Self { files: 0, bytes: 0 };
        for blob in blobs.iter().filter(|blob| blob.kind == EntryKind::File) {
            // `ETAG.incomplete` or `ETAG.RANDOM.incomplete`. A later try may have brought the whole blob: then this is
            // a leftover, and nothing is missing.
            let Some(rest) = blob.name.strip_suffix(".incomplete") else { continue };
            let etag = rest.split('.').next().unwrap_or(rest);
            if !whole.contains(etag) {
                partial.files += 1;
                partial.bytes += blob.path.metadata()?.len();
            }
        }
        Ok(partial)
    }
}

/// A snapshot of a model in the cache.
pub(super) struct Snapshot {
    /// Its folder's name.
    pub commit: String,
    /// Its folder.
    pub directory: PathBuf,
    changed: SystemTime,
}

/// All snapshots of a model, oldest first. Links are none, and none lie behind one.
pub(super) fn snapshots(repository: &Path) -> io::Result<Vec<Snapshot>> {
    let mut found = Vec::new();
    let folder = repository.join("snapshots");
    if folder.is_symlink() {
        return Ok(found);
    }
    for entry in if_there(entries(&folder))? {
        if entry.kind == EntryKind::Folder {
            let changed = entry.path.metadata()?.modified()?;
            found.push(Snapshot { commit: entry.name, directory: entry.path, changed });
        }
    }
    found.sort_by(|a, b| (a.changed, &a.commit).cmp(&(b.changed, &b.commit)));
    Ok(found)
}

fn current_snapshot(repository: &Path) -> io::Result<Option<PathBuf>> {
    let mut snapshots = snapshots(repository)?;
    let main = fs::read_to_string(repository.join("refs/main")).unwrap_or_default();
    let current = snapshots.iter().position(|snapshot| snapshot.commit == main.trim());
    let current = current.or(snapshots.len().checked_sub(1));
    Ok(current.map(|index| snapshots.swap_remove(index).directory))
}

/// A folder that does not exist has no entries.
fn if_there(entries: io::Result<Vec<Entry>>) -> io::Result<Vec<Entry>> {
    match entries {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries,
    }
}
