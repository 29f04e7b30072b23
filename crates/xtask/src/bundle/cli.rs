//! Tauri's command line, from the lock file at the root.

use std::process::Command;

use anyhow::Result;

use crate::front_end;
use crate::workspace::Workspace;

/// The `tauri` command, to be run at the root.
pub fn tauri_cli(workspace: &Workspace) -> Result<Command> {
    front_end::install(&workspace.root)?;
    let mut command = Command::new(workspace.root.join("node_modules/.bin/tauri"));
    command.current_dir(&workspace.root);
    Ok(command)
}
