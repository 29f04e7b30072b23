//! What lies in a model's folder, and where its links lead.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use super::{EntryKind, Roots, entries};

/// Folders inside a model's folder are looked into so deep; no model has more than a few.
const DEEPEST: usize = 6;

/// The files of a model's folder, with links resolved.
#[derive(Default)]
pub(super) struct Contents {
    /// Names of the files directly in the folder that can be read.
    pub files: Vec<String>,
    /// Links whose file is not there.
    pub broken: Vec<String>,
    /// Links that lead out of the model folders, and where to.
    pub outside: Vec<(String, PathBuf)>,
    /// Pipes, sockets and devices. Opening one could wait for ever.
    pub special: Vec<String>,
    /// Bytes of each file, by its path without links: what two links share is there once.
    sizes: HashMap<PathBuf, u64>,
}

impl Contents {
    /// Looks through a folder.
    pub fn of(directory: &Path, roots: &Roots) -> io::Result<Self> {
        let mut contents = Self::default();
        contents.add(directory, "", roots, 0)?;
        Ok(contents)
    }

    /// Bytes of all files, each once.
    pub fn bytes(&self) -> u64 {
        self.sizes.values().sum()
    }

    /// Whether a file of this name can be read.
    pub fn has(&self, name: &str) -> bool {
        self.files.iter().any(|file| file == name)
    }

    /// Names of the files that end so.
    pub fn ending(&self, suffix: &str) -> Vec<&str> {
        self.files.iter().filter(|name| name.ends_with(suffix)).map(String::as_str).collect()
    }

    fn add(&mut self, directory: &Path, prefix: &str, roots: &Roots, depth: usize) -> io::Result<()> {
        for entry in entries(directory)? {
            let name = format!("{prefix}{}", entry.name);
            let file = match entry.kind {
                EntryKind::Folder if depth < DEEPEST => {
                    self.add(&entry.path, &format!("{name}/"), roots, depth + 1)?;
                    continue;
                }
                EntryKind::Folder => continue,
                EntryKind::Other => {
                    self.special.push(name);
                    continue;
                }
                EntryKind::File => entry.path,
                EntryKind::Link => match entry.path.canonicalize() {
                    Ok(target) if !roots.contain(&target) => {
                        self.outside.push((name, target));
                        continue;
                    }
                    Ok(target) => target,
                    // Links in a circle are as good as broken ones.
                    Err(_) => {
                        self.broken.push(name);
                        continue;
                    }
                },
            };
            let metadata = file.metadata()?;
            if metadata.is_file() {
                self.sizes.insert(file, metadata.len());
                if depth == 0 {
                    self.files.push(name);
                }
            } else if !metadata.is_dir() {
                self.special.push(name);
            }
            // A link to a folder is left alone: no part of a model that can be loaded lies behind one.
        }
        Ok(())
    }
}

/// Bytes of all files under a folder; links count nothing.
pub(super) fn bytes_under(directory: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            bytes += bytes_under(&entry.path())?;
        } else if kind.is_file() {
            bytes += entry.metadata()?.len();
        }
    }
    Ok(bytes)
}
