//! Files of other programs: read whole, replaced whole, never seen half written.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Why a file cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file cannot be read.
    #[error("{path}: cannot be read: {source}", path = .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file cannot be written; it is as it was.
    #[error("{path}: cannot be written: {source}; nothing was changed", path = .path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is a link to nothing. Where it should lead is not for us to make up.
    #[error(
        "{path}: is a link to {target}, which does not exist; bring that file back or delete the link",
        path = .path.display(),
        target = .target.display()
    )]
    DanglingLink {
        /// The link.
        path: PathBuf,
        /// What it points to.
        target: PathBuf,
    },
    /// Somebody else wrote the file between our reading and our writing; theirs was kept.
    #[error("{path}: was changed by another program just now; nothing was changed, try again", path = .path.display())]
    ChangedMeanwhile {
        /// The file.
        path: PathBuf,
    },
}

/// The file to read and replace: behind a link, what it points to, so that the link stays one.
pub(crate) fn behind_links(path: &Path) -> Result<PathBuf, FileError> {
    let Ok(target) = fs::read_link(path) else { return Ok(path.to_owned()) };
    match fs::canonicalize(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(FileError::DanglingLink { path: path.to_owned(), target })
        }
        found => found.map_err(|source| FileError::Unreadable { path: path.to_owned(), source }),
    }
}

/// The bytes of a file; `None` when there is none.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>, FileError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(FileError::Unreadable { path: path.to_owned(), source }),
    }
}

/// Puts `bytes` in the place of what was read, all or nothing; the file keeps its mode. A new file is for its owner's
/// eyes only, because there may be a key in it.
pub(crate) fn replace(path: &Path, as_read: Option<&[u8]>, bytes: &[u8]) -> Result<(), FileError> {
    let unwritable = |source| FileError::Unwritable { path: path.to_owned(), source };
    let permissions = match as_read {
        Some(_) => Some(fs::metadata(path).map_err(unwritable)?.permissions()),
        None => None,
    };
    // Renaming over a write-protected file works; but somebody has protected it.
    if permissions.as_ref().is_some_and(Permissions::readonly) {
        return Err(unwritable(io::Error::new(io::ErrorKind::PermissionDenied, "it is write-protected")));
    }
    let temporary = written_beside(path, bytes, permissions).map_err(unwritable)?;
    if read(path)?.as_deref() != as_read {
        return Err(FileError::ChangedMeanwhile { path: path.to_owned() });
    }
    persist(temporary, path).map_err(unwritable)
}

/// Keeps `bytes`, which were read from `original`, as `copy`, with the mode of `original`.
pub(crate) fn keep_copy(original: &Path, bytes: &[u8], copy: &Path) -> Result<(), FileError> {
    let kept = fs::metadata(original)
        .and_then(|metadata| written_beside(copy, bytes, Some(metadata.permissions())))
        .and_then(|temporary| persist(temporary, copy));
    kept.map_err(|source| FileError::Unwritable { path: copy.to_owned(), source })
}

/// Deletes a file.
pub(crate) fn delete(path: &Path) -> Result<(), FileError> {
    fs::remove_file(path).map_err(|source| FileError::Unwritable { path: path.to_owned(), source })
}

/// A finished temporary file in the folder of `path`: only within one folder is a rename all or nothing.
fn written_beside(
    path: &Path,
    bytes: &[u8],
    permissions: Option<Permissions>,
) -> io::Result<tempfile::NamedTempFile> {
    let folder = folder(path);
    fs::create_dir_all(folder)?;
    let mut temporary = tempfile::Builder::new().prefix(".shorn-").tempfile_in(folder)?;
    temporary.write_all(bytes)?;
    if let Some(permissions) = permissions {
        temporary.as_file().set_permissions(permissions)?;
    }
    temporary.as_file().sync_all()?;
    Ok(temporary)
}

fn persist(temporary: tempfile::NamedTempFile, path: &Path) -> io::Result<()> {
    temporary.persist(path)?;
    // The new name itself reaches the disk with its folder.
    File::open(folder(path))?.sync_all()
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_changed_since_it_was_read_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("models.json");
        fs::write(&path, "theirs").unwrap();
        let error = replace(&path, Some(b"as read"), b"ours").unwrap_err();
        assert!(matches!(error, FileError::ChangedMeanwhile { .. }), "{error}");
        let error = replace(&folder.path().join("models.json"), None, b"ours").unwrap_err();
        assert!(error.to_string().ends_with("nothing was changed, try again"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "theirs");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");
    }

    #[test]
    fn a_write_protected_file_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("models.json");
        fs::write(&path, "{}").unwrap();
        let mut permissions = fs::metadata(&path).unwrap().permissions();
        permissions.set_readonly(true);
        fs::set_permissions(&path, permissions).unwrap();
        let error = replace(&path, Some(b"{}"), b"ours").unwrap_err();
        assert!(error.to_string().contains("it is write-protected; nothing was changed"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "{}");
    }
}
