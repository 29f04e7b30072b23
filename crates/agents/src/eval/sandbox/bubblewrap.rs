//! Linux: bubblewrap gives a process its own view of the files, its own processes and its own network.
//!
//! Landlock alone would not do: Debian 12's kernel has no rules for networks in it.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use super::{Cell, Door, Executable, Program, SOCKET, View};

const PROGRAM: &str = "bwrap";

/// What belongs to the system and to nobody in particular.
const SYSTEM: [&str; 9] =
    ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/opt", "/nix/store", "/etc/alternatives"];

/// What programs look up there.
const LOOKED_UP: [&str; 8] = [
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/nsswitch.conf",
    "/etc/hosts",
    "/etc/passwd",
    "/etc/group",
    "/etc/ssl",
    "/etc/python3",
];

/// A network without anything but a loopback of its own, processes that see and outlive none but their own kind, no
/// capabilities, no terminal. As somebody else than root bubblewrap adds a user namespace by itself.
const NAMESPACES: [&str; 8] = [
    "--unshare-ipc",
    "--unshare-net",
    "--unshare-pid",
    "--unshare-uts",
    "--die-with-parent",
    "--new-session",
    "--cap-drop",
    "ALL",
];

/// Whether it is there and may do its work.
pub(super) fn try_out() -> Result<(), String> {
    let mut command = std::process::Command::new(PROGRAM);
    command.args(NAMESPACES).args(["--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--", "true"]);
    match command.stdin(Stdio::null()).output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(format!(
                "bubblewrap is installed and does not work ({}); the system has to let you make user namespaces",
                said.trim()
            ))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err("bubblewrap is not installed; `apt install bubblewrap` does that".to_owned())
        }
        Err(error) => Err(format!("bubblewrap cannot be run: {error}")),
    }
}

/// The same places for every task, so that prompts that name them are the same, too.
pub(super) fn view() -> View {
    View {
        project: "/project".into(),
        home: "/home/agent".into(),
        temporary: "/tmp".into(),
        oracle: "/oracle".into(),
    }
}

pub(super) fn command(cell: &Cell, program: &Program, view: &View, folder: &Path) -> io::Result<Command> {
    let mut command = Command::new(PROGRAM);
    command.args(NAMESPACES);
    for path in SYSTEM.iter().map(Path::new) {
        match path.read_link() {
            Ok(target) => _ = command.arg("--symlink").args([&target, path]),
            Err(_) => _ = command.arg("--ro-bind-try").args([path, path]),
        }
    }
    for path in LOOKED_UP {
        command.args(["--ro-bind-try", path, path]);
    }
    command.args(["--proc", "/proc", "--dev", "/dev"]);
    let mut bind = |option: &str, from: &Path, to: &Path| _ = command.arg(option).args([from, to]);
    bind("--bind", &cell.private.join("tmp"), &view.temporary);
    bind("--bind", &cell.private.join("home"), &view.home);
    for path in &cell.readable {
        bind("--ro-bind", path, path);
    }
    bind("--bind", &cell.project, &view.project);
    if let Some(oracle) = &cell.oracle {
        bind("--ro-bind", oracle, &view.oracle);
    }
    if let Some(Door::Socket(folder)) = &cell.door {
        bind("--ro-bind", folder, Path::new(SOCKET).parent().unwrap_or(Path::new("/")));
    }
    command.args(["--remount-ro", "/", "--chdir"]).arg(folder);
    match &program.executable {
        Executable::File(file) => _ = command.stdin(Stdio::null()).arg("--").arg(file),
        // Its standard input is the executable, and the process that reads it there is the first of its namespace: no
        // other holds that file open, and this one lets nobody look into it.
        Executable::Shorn(file) => {
            command.stdin(File::open(file)?);
            command.args(["--as-pid-1", "--", "/proc/self/fd/0"]);
        }
    }
    command.args(&program.arguments);
    Ok(command)
}

/// The folders of the libraries that an executable needs and the system does not have in its usual places.
pub(in crate::eval) fn library_folders(executable: &Path) -> Vec<PathBuf> {
    let output = std::process::Command::new("ldd").arg(executable).output();
    let said = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let found = said.lines().filter_map(|line| {
        let (_, path) = line.split_once("=> ")?;
        let path = Path::new(path.split(" (").next()?).canonicalize().ok()?;
        Some(path.parent()?.to_owned())
    });
    let mut folders: Vec<PathBuf> = found.filter(|folder| !is_of_system(folder)).collect();
    folders.sort();
    folders.dedup();
    folders
}

/// Whether a confined process sees a path in any case.
pub(in crate::eval) fn is_of_system(path: &Path) -> bool {
    SYSTEM.iter().any(|system| path.starts_with(system))
}
