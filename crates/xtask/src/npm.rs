//! What the two npm commands do once the prerequisites are there.

use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::process::check;
use crate::workspace::Workspace;

/// `npm start`: builds `shorn` and serves, by default the embedded model.
pub fn start(workspace: &Workspace, options: &[String]) -> Result<ExitCode> {
    prepare(workspace)?;
    check(cargo().args(["build", "--release", "--package", "shorn-cli"]))?;
    let mut shorn = Command::new(workspace.target_directory.join("release/shorn"));
    let status = shorn.arg("serve").args(options).status()?;
    // Ctrl-C ends both; that is no failure of this command.
    Ok(status.code().map_or(ExitCode::SUCCESS, |code| ExitCode::from(code as u8)))
}

/// `npm test`: format, lints and every test, of the front end too.
pub fn test(workspace: &Workspace) -> Result<()> {
    prepare(workspace)?;
    check(cargo().args(["fmt", "--all", "--check"]))?;
    check(cargo().args(["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"]))?;
    check(cargo().args(["test", "--workspace"]))?;
    check(
        cargo()
            .args(["doc", "--workspace", "--no-deps", "--document-private-items"])
            .env("RUSTDOCFLAGS", "-Dwarnings"),
    )?;
    test_front_end(workspace)
}

/// Types, components, and every view in a real browser, against the fake backend.
fn test_front_end(workspace: &Workspace) -> Result<()> {
    let commands: [&[&str]; 4] =
        [&["ci", "--no-audit", "--no-fund"], &["run", "check"], &["test"], &["run", "test:browser"]];
    for arguments in commands {
        check(Command::new("npm").args(arguments).current_dir(workspace.root.join("ui")))?;
    }
    Ok(())
}

/// Makes MLX available where its crate does not build it.
pub fn prepare(workspace: &Workspace) -> Result<()> {
    #[cfg(target_os = "linux")]
    crate::mlx::install(workspace, crate::mlx::Backend::Cpu)?;
    #[cfg(not(target_os = "linux"))]
    let _ = workspace;
    Ok(())
}

fn cargo() -> Command {
    Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()))
}
