//! The Debian package, unpacked, with the checkout and the caches hidden.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::program::Program;
use super::screen::Screen;
use super::{PATIENCE, Package, check_app, check_worker};
use crate::cache::cache_directory;
use crate::process::{check as run, output};
use crate::workspace::Workspace;

/// Mounts an empty file system over each argument up to `--`, then becomes the rest.
const HIDE: &str =
    r#"while [ "$1" != -- ]; do mount -t tmpfs none "$1" || exit 1; shift; done; shift; exec "$@""#;

/// What WebKit and GTK read.
const DRAW_WITHOUT_GPU: &[&str] =
    &["WEBKIT_DISABLE_COMPOSITING_MODE", "WEBKIT_DISABLE_DMABUF_RENDERER", "LIBGL_ALWAYS_SOFTWARE"];

/// Checks the packages that were built.
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
        check_window(workspace, &package, prepare)?;
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

/// A display and a bus for the app; it must draw its window.
fn check_window(
    workspace: &Workspace,
    package: &Package,
    prepare: impl Fn(&PathBuf) -> Command,
) -> Result<()> {
    let mut screen = Screen::start(PATIENCE)?;
    let mut command = Command::new("dbus-daemon");
    command.args(["--session", "--nofork", "--print-address"]);
    let mut bus = Program::start("dbus-daemon", command)?;
    let address = bus.line_with("unix:", PATIENCE)?;
    let display = screen.display.clone();
    // WebKit keeps its files there.
    let home = tempfile::tempdir()?;
    let prepare = |program: &PathBuf| {
        let mut command = prepare(program);
        command
            .env("HOME", home.path())
            .env("DISPLAY", &display)
            .env("DBUS_SESSION_BUS_ADDRESS", &address)
            .env("NO_AT_BRIDGE", "1");
        // WebKit draws with the processor: there is no GPU behind this screen.
        for name in DRAW_WITHOUT_GPU {
            command.env(name, "1");
        }
        command
    };
    check_app(package, prepare, |app| {
        let colours = screen.wait_for_window(app, PATIENCE)?;
        screen.save(&workspace.target_directory.join("release/bundle/screen.xwd"))?;
        eprintln!("the packaged app drew its window ({colours} colours)");
        Ok(())
    })
}
