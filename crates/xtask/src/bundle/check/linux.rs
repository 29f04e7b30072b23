//! The Debian package, unpacked, with the checkout and the caches hidden.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::program::Program;
use super::screen::Screen;
use super::{PATIENCE, Package, check_worker};
use crate::cache::cache_directory;
use crate::process::{check as run, output};
use crate::workspace::Workspace;

/// Mounts an empty file system over each argument up to `--`, then becomes the rest.
const HIDE: &str =
    r#"while [ "$1" != -- ]; do mount -t tmpfs none "$1" || exit 1; shift; done; shift; exec "$@""#;

pub fn check(workspace: &Workspace) -> Result<()> {
    let packages = super::super::packages(workspace)?;
    for package in &packages {
        let folder = tempfile::tempdir()?;
        run(Command::new("dpkg-deb").arg("--extract").arg(package).arg(folder.path()))?;
        let programs = folder.path().join("usr/bin");
        let package =
            Package { worker: programs.join("shorn"), app: programs.join("shorn-app"), backend: "cpu" };
        let hidden = hidden(workspace)?;
        let prepare = |program: &PathBuf| without(&hidden, program);
        check_worker(&package, prepare)?;
        check_app(workspace, &package, prepare)?;
    }
    Ok(())
}

/// The folders in which what was built here would find its libraries.
fn hidden(workspace: &Workspace) -> Result<Vec<PathBuf>> {
    let mut folders = vec![cache_directory()?];
    if !workspace.target_directory.starts_with(&workspace.root) {
        folders.push(workspace.target_directory.clone());
    }
    folders.push(workspace.root.clone());
    Ok(folders)
}

/// A command that runs `program` with `folders` empty, for it alone: a mount namespace of its own.
fn without(folders: &[PathBuf], program: &Path) -> Command {
    let mut command = Command::new("unshare");
    command.arg("--mount");
    if !is_root() {
        command.arg("--map-root-user");
    }
    command.args(["--", "sh", "-c", HIDE, "sh"]).args(folders).arg("--").arg(program);
    command.current_dir("/");
    command
}

fn is_root() -> bool {
    output("id", &[], &["-u"]).is_ok_and(|id| id.trim_ascii() == b"0")
}

/// The app draws its window, and ends when it is asked to.
fn check_app(workspace: &Workspace, package: &Package, prepare: impl Fn(&PathBuf) -> Command) -> Result<()> {
    let home = tempfile::tempdir()?;
    let mut screen = Screen::start(PATIENCE)?;
    let mut bus = Program::start("dbus-daemon", {
        let mut command = Command::new("dbus-daemon");
        command.args(["--session", "--nofork", "--print-address"]);
        command
    })?;
    let address = bus.line_with("unix:", PATIENCE)?;
    let mut command = prepare(&package.app);
    command.env("SHORN_HOME", home.path().join("shorn")).env("HOME", home.path());
    command.env("DISPLAY", &screen.display).env("DBUS_SESSION_BUS_ADDRESS", address);
    command.env("NO_AT_BRIDGE", "1");
    // WebKit draws with the processor: there is no GPU behind this screen.
    for name in ["WEBKIT_DISABLE_COMPOSITING_MODE", "WEBKIT_DISABLE_DMABUF_RENDERER", "LIBGL_ALWAYS_SOFTWARE"]
    {
        command.env(name, "1");
    }
    let mut app = Program::start("the packaged shorn-app", command)?;
    let colours = screen.wait_for_window(&mut app, PATIENCE)?;
    screen.save(&workspace.target_directory.join("release/bundle/screen.xwd"))?;
    eprintln!("the packaged app drew its window ({colours} colours)");
    app.end(PATIENCE).context("the app does not end")
}
