//! The `shorn` command, put where a terminal finds it.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{AppError, ErrorCode};

/// Makes a link to `program` called `shorn` in the first of `folders` that can be written, and returns its path. A link
/// of ours that is there already, or the program itself on the `search_path`, is enough.
///
/// # Errors
/// When something else called `shorn` is in the way, or no folder can be written.
pub(crate) fn install(
    program: &Path,
    folders: &[PathBuf],
    search_path: Option<&OsStr>,
) -> Result<PathBuf, AppError> {
    let program = program.canonicalize().map_err(|error| failed(program, &error))?;
    let is_ours = |path: &Path| path.canonicalize().is_ok_and(|found| found == program);
    let searched: Vec<PathBuf> =
        search_path.map(|path| std::env::split_paths(path).collect()).unwrap_or_default();
    if let Some(there) = searched.iter().map(|folder| folder.join("shorn")).find(|path| is_ours(path)) {
        return Ok(there);
    }
    let mut last = None;
    for folder in folders {
        let link = folder.join("shorn");
        if is_ours(&link) {
            return Ok(link);
        }
        match put(&program, &link) {
            Ok(()) => return Ok(link),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let message = format!("{} is something else; rename it and try again", link.display());
                return Err(AppError::new(ErrorCode::File, message));
            }
            Err(error) => last = Some(failed(&link, &error)),
        }
    }
    Err(last.unwrap_or_else(|| AppError::new(ErrorCode::File, "there is no folder for commands")))
}

fn put(program: &Path, link: &Path) -> io::Result<()> {
    if let Some(folder) = link.parent() {
        fs::create_dir_all(folder)?;
    }
    // A link that leads to a `shorn` of an older place of the app is ours to replace.
    if fs::read_link(link).is_ok_and(|target| target.file_name() == Some(OsStr::new("shorn"))) {
        fs::remove_file(link)?;
    }
    std::os::unix::fs::symlink(program, link)
}

fn failed(path: &Path, error: &io::Error) -> AppError {
    AppError::new(ErrorCode::File, format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(folder: &Path) -> PathBuf {
        let program = folder.join("app/shorn");
        fs::create_dir_all(folder.join("app")).unwrap();
        fs::write(&program, "program").unwrap();
        program.canonicalize().unwrap()
    }

    #[test]
    fn the_first_folder_that_can_be_written_gets_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let program = program(folder.path());
        fs::write(folder.path().join("file"), "").unwrap();
        let folders = [folder.path().join("file/bin"), folder.path().join("new/bin")];
        let link = install(&program, &folders, None).unwrap();
        assert_eq!(link, folder.path().join("new/bin/shorn"));
        assert_eq!(link.canonicalize().unwrap(), program);
        assert_eq!(install(&program, &folders, None).unwrap(), link);
    }

    #[test]
    fn a_link_to_an_older_place_is_replaced_and_anything_else_stays() {
        let folder = tempfile::tempdir().unwrap();
        let program = program(folder.path());
        let bin = folder.path().join("bin");
        fs::create_dir(&bin).unwrap();
        std::os::unix::fs::symlink(folder.path().join("gone/shorn"), bin.join("shorn")).unwrap();
        let link = install(&program, std::slice::from_ref(&bin), None).unwrap();
        assert_eq!(link.canonicalize().unwrap(), program);

        fs::remove_file(&link).unwrap();
        fs::write(&link, "somebody's").unwrap();
        let error = install(&program, &[bin], None).unwrap_err();
        assert!(error.message.contains("rename it"), "{error}");
        assert_eq!(fs::read_to_string(&link).unwrap(), "somebody's");
    }

    #[test]
    fn a_program_that_a_terminal_finds_needs_no_link() {
        let folder = tempfile::tempdir().unwrap();
        let program = program(folder.path());
        let path = folder.path().join("app");
        assert_eq!(install(&program, &[], Some(path.as_os_str())).unwrap().canonicalize().unwrap(), program);
    }
}
