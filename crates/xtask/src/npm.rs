//! What `npm start` and `npm test` do once the prerequisites are there.

use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::front_end;
use crate::process::{cargo, check};
use crate::workspace::Workspace;

/// Set for `cargo test` to have the window's types written instead of compared.
const WRITE_TYPES: &str = "SHORN_WRITE_TYPES";

/// `npm start`: builds and starts the app, or where there is no display or `server` is asked for, the server alone.
pub fn start(workspace: &Workspace, server: bool, options: &[String]) -> Result<ExitCode> {
    let app = !server && has_display();
    if !server && !app {
        eprintln!("There is no display: this is `shorn serve`, the server without the app.");
    }
    prepare(workspace)?;
    let release = workspace.target_directory.join("release");
    let mut program = if app {
        front_end::build(workspace)?;
        check(cargo().args(["build", "--release", "--package", "shorn-cli", "--package", "shorn-app"]))?;
        Command::new(release.join("shorn-app"))
    } else {
        check(cargo().args(["build", "--release", "--package", "shorn-cli"]))?;
        let mut shorn = Command::new(release.join("shorn"));
        shorn.arg("serve");
        shorn
    };
    let status = program.args(options).status()?;
    // Ctrl-C ends both; that is no failure of this command.
    Ok(status.code().map_or(ExitCode::SUCCESS, |code| ExitCode::from(code as u8)))
}

/// Whether a window can be opened here. npm.mjs asks the same before it installs what a window needs.
fn has_display() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    cfg!(target_os = "macos") || set("DISPLAY") || set("WAYLAND_DISPLAY")
}

/// `npm test`: format, lints and every test, of the front end and the window too, and what is generated is current.
pub fn test(workspace: &Workspace) -> Result<()> {
    prepare(workspace)?;
    // It is compiled into the app.
    front_end::build(workspace)?;
    check(cargo().args(["fmt", "--all", "--check"]))?;
    check(cargo().args(["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"]))?;
    check(cargo().args(["test", "--workspace"]))?;
    crate::fuzz::fuzz(workspace, crate::fuzz::IN_TESTS)?;
    check(
        cargo()
            .args(["doc", "--workspace", "--no-deps", "--document-private-items"])
            .env("RUSTDOCFLAGS", "-Dwarnings"),
    )?;
    front_end::test(workspace)?;
    crate::licences::licences(workspace, true)?;
    crate::workflows::lint(workspace)
}

/// Writes the window's types anew from those of Rust.
pub fn types() -> Result<()> {
    check(
        cargo()
            .args(["test", "--quiet", "--package", "shorn-desktop", "--test", "typescript"])
            .env(WRITE_TYPES, "1"),
    )
}

/// Takes the pictures of the README from the running app.
pub fn screenshots(workspace: &Workspace) -> Result<()> {
    prepare(workspace)?;
    front_end::build(workspace)?;
    check(cargo().args(["test", "--workspace", "--test", "screenshots", "--", "--ignored"]))
}

/// Makes MLX available where its crate does not build it.
pub fn prepare(workspace: &Workspace) -> Result<()> {
    #[cfg(target_os = "linux")]
    crate::mlx::install(workspace, crate::mlx::Backend::Cpu)?;
    #[cfg(not(target_os = "linux"))]
    let _ = workspace;
    Ok(())
}
