//! `cargo xtask bundle --check`: a package, as on a machine that never built it.
//!
//! What was built finds its libraries in several places of the builder's machine, so it starts there whatever the
//! package lacks. Here those places are hidden, the packaged worker answers a request with the embedded model, and the
//! packaged app draws its window and answers one, too.

mod linux;
mod macos;
mod program;
mod request;
mod screen;

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::json;

use crate::workspace::Workspace;
use program::Program;

/// How long anything may take that happens once: a shared machine without a GPU starts WebKit slowly.
const PATIENCE: Duration = Duration::from_secs(60);

/// An unpacked package.
struct Package {
    worker: PathBuf,
    app: PathBuf,
    /// What MLX must compute on.
    backend: &'static str,
}

/// Checks the package of this platform; it must have been built.
pub fn check_package(workspace: &Workspace) -> Result<()> {
    match cfg!(target_os = "macos") {
        true => macos::check(workspace),
        false => linux::check(workspace),
    }
}

/// The worker serves the embedded model and answers a request. `prepare` makes the command that runs a program.
fn check_worker(package: &Package, prepare: impl Fn(&PathBuf) -> Command) -> Result<()> {
    let home = tempfile::tempdir()?;
    let mut command = prepare(&package.worker);
    command.args(["serve", "--port", "0"]).env("SHORN_HOME", home.path());
    let mut server = Program::start("the packaged shorn", command)?;
    let line = server.line_with("serving ", PATIENCE)?;
    let port = port_in(&line).with_context(|| format!("no port in `{line}`"))?;
    request::chat("the packaged shorn", port, package.backend)?;
    server.end(PATIENCE)
}

/// The app starts its own server and worker, and answers a request; then `look` at it, and it ends.
fn check_app(
    package: &Package,
    prepare: impl Fn(&PathBuf) -> Command,
    look: impl FnOnce(&mut Program) -> Result<()>,
) -> Result<()> {
    let home = tempfile::tempdir()?;
    let port = free_port()?;
    fs::write(home.path().join("app.json"), json!({ "port": port }).to_string())?;
    let mut command = prepare(&package.app);
    command.env("SHORN_HOME", home.path());
    let mut app = Program::start("the packaged shorn-app", command)?;
    look(&mut app)?;
    app.is_running()?;
    request::chat("the packaged app", port, package.backend)?;
    app.end(PATIENCE)
}

/// A port that nothing listens on.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// The port in `serving NAME on http://127.0.0.1:PORT/v1`.
fn port_in(line: &str) -> Option<u16> {
    let (_, address) = line.rsplit_once("http://")?;
    let (host, _) = address.split_once('/')?;
    host.rsplit_once(':')?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_read_from_the_log() {
        let line = "2026-11-23T04:00:00Z  INFO shorn: serving tiny on http://127.0.0.1:40123/v1";
        assert_eq!(port_in(line), Some(40123));
        assert_eq!(port_in("serving tiny on http://[::1]:40123/v1"), Some(40123));
        assert_eq!(port_in("loading"), None);
    }
}
