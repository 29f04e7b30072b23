//! The app's front end: `ui`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context, Result};

use crate::process::check;
use crate::workspace::Workspace;

/// What a build reads, in `ui`.
const SOURCES: &[&str] =
    &["src", "index.html", "package.json", "package-lock.json", "vite.config.ts", "tsconfig.json"];

/// Builds what the window shows, into `ui/dist`, which is compiled into the app. Where that is newer than its sources it
/// stays: the app would be linked anew, which takes minutes.
pub fn build(workspace: &Workspace) -> Result<()> {
    let folder = workspace.root.join("ui");
    let built = fs::metadata(folder.join("dist/index.html")).and_then(|page| page.modified());
    let changed = SOURCES.iter().map(|source| newest(&folder.join(source))).collect::<Result<Vec<_>>>()?;
    if built.is_ok_and(|built| changed.iter().all(|changed| *changed < built)) {
        return Ok(());
    }
    install(&folder)?;
    npm(&folder, &["run", "--silent", "build"])
}

/// When a file, or anything in a folder, was last changed.
fn newest(path: &Path) -> Result<SystemTime> {
    let unreadable = || format!("cannot read {}", path.display());
    let metadata = fs::metadata(path).with_context(unreadable)?;
    let mut newest_change = metadata.modified().with_context(unreadable)?;
    if metadata.is_dir() {
        for entry in fs::read_dir(path).with_context(unreadable)? {
            newest_change = newest_change.max(newest(&entry?.path())?);
        }
    }
    Ok(newest_change)
}

/// Types, components, and every view in a real browser, against the fake backend.
pub fn test(workspace: &Workspace) -> Result<()> {
    let folder = workspace.root.join("ui");
    install(&folder)?;
    for script in ["check", "test", "test:browser"] {
        npm(&folder, &["run", script])?;
    }
    Ok(())
}

/// Installs what the lock file names, unless that is there.
pub fn install(folder: &Path) -> Result<()> {
    let lock = folder.join("package-lock.json");
    let stamp: PathBuf = folder.join("node_modules/.shorn-installed");
    let wanted = fs::read(&lock).with_context(|| format!("cannot read {}", lock.display()))?;
    if fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    npm(folder, &["ci", "--no-audit", "--no-fund"])?;
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))
}

fn npm(folder: &Path, arguments: &[&str]) -> Result<()> {
    check(Command::new("npm").args(arguments).current_dir(folder))
}
