//! Taking a model from a plain folder into Shorn's own: copied whole, or not at all.

use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use shorn_checkpoint::model_name;

use super::contents::Contents;
use super::hugging_face::REPOSITORY_PREFIX;
use super::state::{self, LibraryState};
use super::{EntryKind, Folders, Library, LibraryModel, Origin, Roots, Scan, entries, plain};

/// Names of copies that are not whole yet begin so; a scan does not see them.
const UNFINISHED_PREFIX: &str = ".importing-";

/// Longest part of a name, in bytes: what file systems allow, less the prefix.
const LONGEST_PART: usize = 200;

/// Why a folder was not imported. Nothing was changed that anybody sees.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// There is no such folder.
    #[error("{path} is not a folder that can be read; choose the folder that holds the model's files", path = .path.display())]
    NotAFolder {
        /// What was chosen.
        path: PathBuf,
    },
    /// The name cannot be one of a model.
    #[error(
        "`{name}` cannot be a model's name: it must be NAME or ORGANISATION/NAME, without `..` and not beginning with a dot"
    )]
    Name {
        /// What was chosen.
        name: String,
    },
    /// Something has the name.
    #[error("{path} is there already; choose another name, or delete it first", path = .path.display())]
    Exists {
        /// What is there.
        path: PathBuf,
    },
    /// The folder holds the place that it would be copied to.
    #[error("{folder} holds Shorn's own models; choose the folder of one model", folder = .folder.display())]
    HoldsOwnFolder {
        /// What was chosen.
        folder: PathBuf,
    },
    /// It is not a model that can be loaded.
    #[error("{folder} is not a model that can be loaded: {why}", folder = .folder.display())]
    NotReady {
        /// What was chosen.
        folder: PathBuf,
        /// What is missing or in the way.
        why: String,
    },
    /// A link that is no file of the model.
    #[error("{name} is a link to {target}, which is no file of this model; put the file itself in its place", target = .target.display())]
    Link {
        /// The link, from the chosen folder.
        name: String,
        /// Where it leads.
        target: PathBuf,
    },
    /// Another import has the same name.
    #[error("`{name}` is being imported already; wait until that is done")]
    UnderWay {
        /// The name.
        name: String,
    },
    /// The copy would not fit.
    #[error(
        "the copy takes {needed:.1} GB and the disk has {free:.1} GB free; make room and import the model again",
        needed = *.needed as f64 / 1e9,
        free = *.free as f64 / 1e9
    )]
    DiskFull {
        /// Bytes of the model.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// The system refused.
    #[error("{path}: cannot be imported: {source}; nothing was changed", path = .path.display())]
    Failed {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Copies a folder with a model into Shorn's own folder, where the file system can by sharing blocks (APFS).
///
/// `name` is `name` or `org/name`; without one it is that of the model in the Hugging Face cache or LM Studio's folder,
/// else the folder's own. The folder must be one that [`scan`](super::scan) would call ready. Links to files inside the
/// folder, and those of a snapshot to its model's blobs, are copied as files; others are refused. Hidden files are left
/// out. Nothing is overwritten, and until all is copied nothing is visible: an import that was interrupted leaves a hidden
/// folder that the next one of the same name begins anew.
///
/// # Errors
/// Says what is in the way and what to do.
pub fn import(folders: &Folders, source: &Path, name: Option<&str>) -> Result<LibraryModel, ImportError> {
    let not_a_folder = || ImportError::NotAFolder { path: source.to_owned() };
    let source = source.canonicalize().ok().filter(|source| source.is_dir()).ok_or_else(not_a_folder)?;
    let name = match name {
        Some(name) => name.to_owned(),
        None => default_name(folders, &source),
    };
    let (organisation, own_name) = parts(&name)?;
    at(&folders.own, fs::create_dir_all(&folders.own))?;
    let own = at(&folders.own, folders.own.canonicalize())?;
    if own.starts_with(&source) {
        return Err(ImportError::HoldsOwnFolder { folder: source });
    }
    let roots = Roots::of_source(&source);
    let bytes = judge(&source, &roots)?;

    let parent = parent(&own, organisation)?;
    let target = parent.join(own_name);
    let unfinished = Unfinished::begin(&parent, own_name, &name)?;
    if fs::symlink_metadata(&target).is_ok() {
        return Err(ImportError::Exists { path: target });
    }
    check_room(&source, &unfinished.directory, bytes)?;
    copy_folder(&source, &unfinished.directory, "", &roots)?;
    // What was copied is judged again: the folder may have changed meanwhile.
    judge(&unfinished.directory, &Roots(vec![unfinished.directory.clone()]))?;
    at(&target, fs::rename(&unfinished.directory, &target))?;
    at(&parent, File::open(&parent).and_then(|parent| parent.sync_all()))?;

    let mut scan = Scan { roots: Roots::of(folders), library: Library::default() };
    let listed = folders.own.join(&name);
    plain::add(&mut scan, name, &listed, Origin::Own);
    let gone = || ImportError::Failed { path: target, source: io::ErrorKind::NotFound.into() };
    scan.library.models.pop().ok_or_else(gone)
}

impl Roots {
    /// Where links of a model's folder may lead: inside it, and from a snapshot to the blobs of its model.
    fn of_source(source: &Path) -> Self {
        let snapshots = source.parent().filter(|parent| parent.file_name() == Some(OsStr::new("snapshots")));
        let repository = snapshots.and_then(Path::parent);
        // A `blobs` that is a link itself is somebody else's folder.
        let blobs = repository.map(|repository| repository.join("blobs"));
        let blobs = blobs.filter(|blobs| blobs.canonicalize().is_ok_and(|real| real == *blobs));
        Self([source.to_owned()].into_iter().chain(blobs).collect())
    }
}

/// `org/name` of a model in the Hugging Face cache or LM Studio's folder, else the folder's own name.
fn default_name(folders: &Folders, source: &Path) -> String {
    let lm_studio = folders.lm_studio.canonicalize().ok();
    let inside = lm_studio.and_then(|root| source.strip_prefix(root).ok().map(Path::to_owned));
    match inside.as_deref().and_then(Path::to_str) {
        Some(inside) if inside.split('/').count() == 2 => inside.to_owned(),
        _ => model_name(source),
    }
}

/// The organisation, if any, and the model's own name.
fn parts(name: &str) -> Result<(Option<&str>, &str), ImportError> {
    let is_part = |part: &str| {
        !part.is_empty()
            && part.len() <= LONGEST_PART
            && !part.starts_with('.')
            && part.trim() == part
            && !part.contains(|letter: char| letter.is_control() || "/\\:".contains(letter))
    };
    let (organisation, own) = match name.split_once('/') {
        Some((organisation, own)) => (Some(organisation), own),
        None => (None, name),
    };
    // A scan leaves the cache's folders to the cache.
    let is_cache = name.starts_with(REPOSITORY_PREFIX);
    match !is_cache && is_part(own) && organisation.is_none_or(is_part) {
        true => Ok((organisation, own)),
        false => Err(ImportError::Name { name: name.to_owned() }),
    }
}

/// The folder that the model's folder will lie in, without links.
fn parent(own: &Path, organisation: Option<&str>) -> Result<PathBuf, ImportError> {
    let Some(organisation) = organisation else { return Ok(own.to_owned()) };
    let parent = own.join(organisation);
    match fs::create_dir(&parent) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        created => at(&parent, created)?,
    }
    // A link could lead anywhere, and below a model no other is found.
    let metadata = at(&parent, fs::symlink_metadata(&parent))?;
    match metadata.is_dir() && !plain::is_model(&parent) {
        true => Ok(parent),
        false => Err(ImportError::Exists { path: parent }),
    }
}

/// Whether a folder is a model that can be loaded: as a scan judges it. Returns the bytes of its files.
fn judge(folder: &Path, roots: &Roots) -> Result<u64, ImportError> {
    let contents = at(folder, Contents::of(folder, roots))?;
    if let Some((name, target)) = contents.outside.first() {
        return Err(ImportError::Link { name: name.clone(), target: target.clone() });
    }
    let unfinished = plain::unfinished(&contents);
    let why = match state::of(folder, &contents, unfinished) {
        LibraryState::Ready { .. } => return Ok(contents.bytes()),
        LibraryState::Incomplete { missing } => format!("{missing} is missing"),
        LibraryState::Unsupported { why } => why,
    };
    Err(ImportError::NotReady { folder: folder.to_owned(), why })
}

/// A copy under way: a hidden folder beside the target, locked, and removed unless it was renamed.
struct Unfinished {
    directory: PathBuf,
    _lock: File,
}

impl Unfinished {
    fn begin(parent: &Path, own_name: &str, name: &str) -> Result<Self, ImportError> {
        let directory = parent.join(format!("{UNFINISHED_PREFIX}{own_name}"));
        match fs::create_dir(&directory) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            created => at(&directory, created)?,
        }
        let lock = at(&directory, File::open(&directory))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(ImportError::UnderWay { name: name.to_owned() }),
            Err(TryLockError::Error(source)) => return Err(ImportError::Failed { path: directory, source }),
        }
        let unfinished = Self { directory, _lock: lock };
        // What an import left that was killed. Links in it are removed, not followed.
        for entry in at(&unfinished.directory, fs::read_dir(&unfinished.directory))? {
            let entry = at(&unfinished.directory, entry)?;
            let path = entry.path();
            match at(&path, entry.file_type())?.is_dir() {
                true => at(&path, fs::remove_dir_all(&path))?,
                false => at(&path, fs::remove_file(&path))?,
            }
        }
        Ok(unfinished)
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // Nobody can be told any more; what stays is hidden, and the next import begins by removing it.
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// Refuses what the disk has no room for. On a Mac a copy on the same volume takes none.
fn check_room(source: &Path, target: &Path, needed: u64) -> Result<(), ImportError> {
    use std::os::unix::fs::MetadataExt;

    let device = |path: &Path| at(path, path.metadata()).map(|metadata| metadata.dev());
    if cfg!(target_os = "macos") && device(source)? == device(target)? {
        return Ok(());
    }
    let disk = at(target, rustix::fs::statvfs(target).map_err(io::Error::from))?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    if needed > free { Err(ImportError::DiskFull { needed, free }) } else { Ok(()) }
}

/// Copies a folder's files with those of the folders in it, and has them written through.
fn copy_folder(source: &Path, target: &Path, prefix: &str, roots: &Roots) -> Result<(), ImportError> {
    for entry in at(source, entries(source))? {
        let name = format!("{prefix}{}", entry.name);
        let copy = target.join(&entry.name);
        let file = match entry.kind {
            EntryKind::Folder => {
                at(&copy, fs::create_dir(&copy))?;
                copy_folder(&entry.path, &copy, &format!("{name}/"), roots)?;
                continue;
            }
            EntryKind::File => entry.path,
            EntryKind::Link | EntryKind::Other => {
                let real = at(&entry.path, entry.path.canonicalize())?;
                if !roots.contain(&real) || !real.is_file() {
                    return Err(ImportError::Link { name, target: real });
                }
                real
            }
        };
        at(&file, fs::copy(&file, &copy))?;
        at(&copy, File::open(&copy).and_then(|copy| copy.sync_all()))?;
    }
    at(target, File::open(target).and_then(|target| target.sync_all()))
}

fn at<T>(path: &Path, result: io::Result<T>) -> Result<T, ImportError> {
    result.map_err(|source| ImportError::Failed { path: path.to_owned(), source })
}
