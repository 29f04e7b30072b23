//! The app's front end: `ui`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::process::check;
use crate::workspace::Workspace;

/// Builds what the window shows, into `ui/dist`, which is compiled into the app.
pub fn build(workspace: &Workspace) -> Result<()> {
    let folder = workspace.root.join("ui");
    install(&folder)?;
    npm(&folder, &["run", "--silent", "build"])
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
