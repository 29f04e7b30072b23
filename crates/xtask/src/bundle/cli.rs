//! Tauri's command line, from the lock file at the root.

use std::process::Command;
use std::sync::OnceLock;

use anyhow::Result;

use crate::process::check;
use crate::workspace::Workspace;

/// Installed once per run: `npm ci` takes a second or two.
static INSTALLED: OnceLock<()> = OnceLock::new();

/// The `tauri` command, to be run at the root.
pub fn tauri_cli(workspace: &Workspace) -> Result<Command> {
    if INSTALLED.get().is_none() {
        check(Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(&workspace.root))?;
        INSTALLED.get_or_init(|| ());
    }
    let mut command = Command::new(workspace.root.join("node_modules/.bin/tauri"));
    command.current_dir(&workspace.root);
    Ok(command)
}
