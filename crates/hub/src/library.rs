//! The models on this disk: Shorn's own folder, the Hugging Face cache, LM Studio's folder, and the embedded model.
//!
//! Only headers are read, and no link is followed out of these folders.

mod contents;
mod delete;
mod folders;
mod hugging_face;
mod import;
mod plain;
mod state;

use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use ts_rs::TS;

pub(crate) use delete::delete_unfinished;
pub use delete::{DeleteError, delete};
pub use folders::Folders;
pub use import::{ImportError, import};
pub use state::{LibraryState, ModelSummary};

/// Whose folder a model lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(rename = "LibraryOrigin")]
pub enum Origin {
    /// Shorn's own folder: `org/name`, or `name`.
    Own,
    /// The cache that the Hub's tools share: `models--org--name/snapshots/COMMIT`.
    HuggingFace,
    /// LM Studio's models folder: `publisher/name`.
    LmStudio,
    /// Shorn itself: the tiny coder, which shows that everything works.
    Embedded,
}

/// A model folder on this disk.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
pub struct LibraryModel {
    /// `org/name`, or `name` where there is no organisation.
    pub name: String,
    /// The folder with its files; in the Hugging Face cache the snapshot.
    pub directory: PathBuf,
    /// Whose folder it lies in.
    pub origin: Origin,
    /// Bytes that its files take on disk. Links into the model folders are followed and each file behind them counts
    /// once; parts of an unfinished download count too.
    pub bytes: u64,
    /// Whether it can be loaded.
    pub state: LibraryState,
}

/// What a scan found.
#[derive(Debug, Clone, PartialEq, Default, Serialize, TS)]
pub struct Library {
    /// All models, by name.
    pub models: Vec<LibraryModel>,
    /// Folders that are there and cannot be listed, so that models in them are missing above.
    pub unreadable: Vec<UnreadableFolder>,
}

/// A folder that cannot be listed.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
pub struct UnreadableFolder {
    /// The folder.
    pub directory: PathBuf,
    /// What the system said.
    pub why: String,
}

/// Lists the models in all folders. A folder that does not exist holds none.
///
/// Each model's configuration and tensor headers are read, never its weights.
pub fn scan(folders: &Folders) -> Library {
    let mut scan = Scan { roots: Roots::of(folders), library: Library::default() };
    plain::scan(&mut scan, &folders.own, Origin::Own);
    hugging_face::scan(&mut scan, &folders.hugging_face);
    plain::scan(&mut scan, &folders.lm_studio, Origin::LmStudio);
    if let Some(embedded) = &folders.embedded {
        plain::add(&mut scan, crate::embedded::NAME.to_owned(), embedded, Origin::Embedded);
    }
    let key = |model: &LibraryModel| (model.name.to_lowercase(), model.origin, model.directory.clone());
    scan.library.models.sort_by_cached_key(key);
    scan.library
}

/// A scan under way.
struct Scan {
    roots: Roots,
    library: Library,
}

impl Scan {
    /// The entries of a folder that are not hidden, by name; none when it does not exist. What else goes wrong is
    /// noted.
    fn list(&mut self, directory: &Path) -> Vec<Entry> {
        match entries(directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => {
                let (directory, why) = (directory.to_owned(), error.to_string());
                self.library.unreadable.push(UnreadableFolder { directory, why });
                Vec::new()
            }
        }
    }

    fn add(&mut self, name: String, directory: &Path, origin: Origin, bytes: u64, state: LibraryState) {
        let directory = directory.to_owned();
        self.library.models.push(LibraryModel { name, directory, origin, bytes, state });
    }

    /// Adds a link that stands where a model or an organisation should be and leads out of the model folders.
    fn add_link(&mut self, name: String, link: &Path, origin: Origin, target: &Path) {
        let why = format!(
            "it is a link out of the model folders, to {}; move the model here, or choose that place as a model folder",
            target.display()
        );
        self.add(name, link, origin, 0, LibraryState::Unsupported { why });
    }
}

/// The folders with every link in their own paths resolved.
struct Roots(Vec<PathBuf>);

impl Roots {
    fn of(folders: &Folders) -> Self {
        let all =
            [&folders.own, &folders.hugging_face, &folders.lm_studio].into_iter().chain(&folders.embedded);
        Self(all.filter_map(|folder| folder.canonicalize().ok()).collect())
    }

    /// Whether a path without links lies in one of the folders.
    fn contain(&self, path: &Path) -> bool {
        self.0.iter().any(|root| path.starts_with(root))
    }
}

/// An entry of a folder.
struct Entry {
    name: String,
    path: PathBuf,
    kind: EntryKind,
}

/// What an entry is, before any link is followed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum EntryKind {
    File,
    Folder,
    Link,
    /// A pipe, socket or device.
    Other,
}

/// The entries of a folder that are not hidden and whose names are text, by name.
fn entries(directory: &Path) -> io::Result<Vec<Entry>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        // A model's files and folders have names that are text; others are not ours to judge.
        let Ok(name) = entry.file_name().into_string() else { continue };
        if name.starts_with('.') {
            continue;
        }
        let kind = entry.file_type()?;
        let kind = match (kind.is_symlink(), kind.is_dir(), kind.is_file()) {
            (true, ..) => EntryKind::Link,
            (_, true, _) => EntryKind::Folder,
            (_, _, true) => EntryKind::File,
            _ => EntryKind::Other,
        };
        found.push(Entry { name, path: entry.path(), kind });
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// Where a folder's entry leads.
enum Lead {
    /// To a folder within the model folders, itself or behind a link.
    Folder,
    /// Out of the model folders.
    Out(PathBuf),
    /// To nothing that could hold a model.
    Nowhere,
}

impl Entry {
    fn lead(&self, roots: &Roots) -> Lead {
        match self.kind {
            EntryKind::Folder => Lead::Folder,
            EntryKind::File | EntryKind::Other => Lead::Nowhere,
            EntryKind::Link => match self.path.canonicalize() {
                Ok(target) if !roots.contain(&target) => Lead::Out(target),
                Ok(target) if target.is_dir() => Lead::Folder,
                _ => Lead::Nowhere,
            },
        }
    }
}

#[cfg(test)]
mod tests;
