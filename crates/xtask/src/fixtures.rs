//! `cargo xtask fixtures`: makes the committed checkpoints anew, with the pinned reference implementation.

use std::process::Command;

use anyhow::Result;

use crate::measure::python;
use crate::process::check;
use crate::workspace::Workspace;

/// The scripts that make them.
const SCRIPTS: &[&str] = &["tests/fixtures/make_checkpoints.py", "tests/fixtures/random-coder/make.py"];

/// Runs the scripts. Their results are repeatable: `git status` shows no change afterwards.
pub fn make(workspace: &Workspace) -> Result<()> {
    let python = python(&workspace.mlx_sys()?.mlx_version)?;
    for script in SCRIPTS {
        eprintln!("{script}");
        check(Command::new(&python).arg("-B").arg(workspace.root.join(script)))?;
    }
    Ok(())
}
