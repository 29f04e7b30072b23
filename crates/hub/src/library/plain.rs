//! Model folders as they are: `org/name` or `name` inside a folder.

use std::path::Path;

use super::contents::Contents;
use super::hugging_face::REPOSITORY_PREFIX;
use super::state::{self, LibraryState};
use super::{Entry, EntryKind, Lead, Origin, Scan, entries};

/// Names of unfinished downloads end so, in Shorn's and the Hub's tools, and in LM Studio.
const UNFINISHED: [&str; 2] = [".incomplete", ".part"];

/// Adds the models of a folder.
pub(super) fn scan(scan: &mut Scan, root: &Path, origin: Origin) {
    for entry in scan.list(root) {
        let name = entry.name.clone();
        // LM Studio's folder may be set to the cache itself, which is listed as what it is.
        if name.starts_with(REPOSITORY_PREFIX) || !enter(scan, &entry, &name, origin) {
            continue;
        }
        if is_model(&entry.path) {
            add(scan, name, &entry.path, origin);
            continue;
        }
        for inner in scan.list(&entry.path) {
            let name = format!("{name}/{}", inner.name);
            if enter(scan, &inner, &name, origin) && is_model(&inner.path) {
                add(scan, name, &inner.path, origin);
            }
        }
    }
}

/// Whether an entry can be looked into; a link out of the model folders is noted instead.
fn enter(scan: &mut Scan, entry: &Entry, name: &str, origin: Origin) -> bool {
    match entry.lead(&scan.roots) {
        Lead::Folder => true,
        Lead::Nowhere => false,
        Lead::Out(target) => {
            scan.add_link(name.to_owned(), &entry.path, origin, &target);
            false
        }
    }
}

/// Whether files of a model lie directly in the folder.
pub(super) fn is_model(directory: &Path) -> bool {
    let Ok(entries) = entries(directory) else { return false };
    entries.iter().filter(|entry| entry.kind != EntryKind::Folder).any(|entry| {
        let name = entry.name.as_str();
        name == "config.json"
            || [".safetensors", ".gguf"].into_iter().chain(UNFINISHED).any(|end| name.ends_with(end))
    })
}

/// Adds the model in a folder.
pub(super) fn add(scan: &mut Scan, name: String, directory: &Path, origin: Origin) {
    let (bytes, state) = match Contents::of(directory, &scan.roots) {
        Ok(contents) => (contents.bytes(), state::of(directory, &contents, unfinished(&contents))),
        Err(error) => (0, LibraryState::unreadable(directory, &error)),
    };
    scan.add(name, directory, origin, bytes, state);
}

/// How many files of a folder belong to downloads that did not end.
pub(super) fn unfinished(contents: &Contents) -> usize {
    contents.files.iter().filter(|name| UNFINISHED.iter().any(|end| name.ends_with(end))).count()
}
