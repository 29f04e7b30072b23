//! A task's copy, with a home and a temporary folder of its own, and what became of it.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::task::{Files, Task};

/// What Python leaves behind when it runs tests.
const LEFT_BY_TESTS: [&str; 2] = ["__pycache__", ".pytest_cache"];

/// Everything of one attempt at one task; gone with it.
#[derive(Debug)]
pub(super) struct Workspace {
    /// Readable by this user only.
    folder: TempDir,
}

impl Workspace {
    /// Copies a task's project, and nothing else of the task.
    pub(super) fn new(task: &Task) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("shorn-eval-").tempdir()?;
        let workspace = Self { folder };
        fs::create_dir(workspace.project())?;
        write(&task.project, &workspace.project())?;
        for part in ["agent", "judge"] {
            fs::create_dir_all(workspace.folder.path().join(part).join("home"))?;
            fs::create_dir_all(workspace.folder.path().join(part).join("tmp"))?;
        }
        fs::create_dir(workspace.door())?;
        Ok(workspace)
    }

    /// The copy that the agent works on.
    pub(super) fn project(&self) -> PathBuf {
        self.folder.path().join("project")
    }

    /// The folder of the model's socket.
    pub(super) fn door(&self) -> PathBuf {
        self.folder.path().join("door")
    }

    /// The folder with `home` and `tmp` of the agent.
    pub(super) fn agent(&self) -> PathBuf {
        self.folder.path().join("agent")
    }

    /// The folder with `home` and `tmp` of the tests that decide.
    pub(super) fn judge(&self) -> PathBuf {
        self.folder.path().join("judge")
    }

    /// Writes the tests that decide; the agent has ended.
    pub(super) fn reveal_oracle(&self, task: &Task, more: &Files) -> io::Result<PathBuf> {
        let oracle = self.folder.path().join("oracle");
        write(&task.oracle, &oracle)?;
        write(more, &oracle)?;
        Ok(oracle)
    }

    /// The files that were added, changed or deleted.
    pub(super) fn touched(&self, task: &Task) -> io::Result<BTreeSet<PathBuf>> {
        let mut there = BTreeSet::new();
        list(&self.project(), Path::new(""), &mut there)?;
        let gone = task.project.keys().filter(|path| !there.contains(*path)).cloned();
        let changed = there.iter().filter(|path| match task.project.get(*path) {
            None => true,
            Some(before) => !is_text(&self.project().join(path), before),
        });
        Ok(changed.cloned().chain(gone).collect())
    }
}

/// Writes files below a folder.
pub(super) fn write(files: &Files, folder: &Path) -> io::Result<()> {
    for (path, text) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap_or(folder))?;
        fs::write(path, text)?;
    }
    Ok(())
}

/// Every file below a folder. Links are not followed: an agent may have laid one.
fn list(root: &Path, below: &Path, files: &mut BTreeSet<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(root.join(below))? {
        let entry = entry?;
        let path = below.join(entry.file_name());
        if LEFT_BY_TESTS.iter().any(|name| entry.file_name() == *name) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            list(root, &path, files)?;
        } else {
            files.insert(path);
        }
    }
    Ok(())
}

/// Whether a file has this text, read without following a link, and only if it is as long.
fn is_text(path: &Path, text: &str) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_file() && found.len() == text.len() as u64)
        && fs::read(path).is_ok_and(|bytes| bytes == text.as_bytes())
}
