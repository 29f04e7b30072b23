//! What keeps an agent, and the code that it wrote, to the task's copy and the model.
//!
//! A confined process writes below the task's copy, a home and a temporary folder of its own, and nowhere else; reads
//! the system's programs and libraries and what it is given; reaches the model and nothing else of any network; and
//! ends, with everything that it started, when its time is over or its first process ends.

mod bubblewrap;
mod leftovers;
mod process;
mod seatbelt;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::report::Confinement;

pub(super) use bubblewrap::{is_of_system, library_folders};
pub(super) use process::{Ended, run};

/// How processes are confined on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sandbox {
    /// By bubblewrap.
    Bubblewrap,
    /// By `sandbox-exec`.
    Seatbelt,
    /// Not at all. An agent can then do whatever the person can: read and write all of their files, reach every
    /// network. Only its time and its turns are limited, and what it leaves running is looked for and ended.
    Unconfined,
}

/// Nothing confines processes here.
#[derive(Debug, thiserror::Error)]
#[error(
    "agents cannot be confined on this machine: {why}. Without that, an agent can read and write all of your files and \
     reach every network; if you accept that, run it with --unconfined"
)]
pub struct NoSandbox {
    why: String,
}

impl Sandbox {
    /// What this machine has, tried out.
    ///
    /// # Errors
    /// When there is nothing, or it does not work; says what to do.
    pub fn find() -> Result<Self, NoSandbox> {
        let (sandbox, tried) = if cfg!(target_os = "macos") {
            (Self::Seatbelt, seatbelt::try_out())
        } else {
            (Self::Bubblewrap, bubblewrap::try_out())
        };
        tried.map(|()| sandbox).map_err(|why| NoSandbox { why })
    }

    /// For reports.
    pub fn confinement(self) -> Confinement {
        match self {
            Self::Bubblewrap => Confinement::Bubblewrap,
            Self::Seatbelt => Confinement::Seatbelt,
            Self::Unconfined => Confinement::None,
        }
    }

    /// Whether a confined process has a network of its own, so that the model comes to it through a socket file.
    pub(super) fn has_own_network(self) -> bool {
        self == Self::Bubblewrap
    }

    /// The places as a process in this cell sees them.
    pub(super) fn view(self, cell: &Cell) -> View {
        match self {
            Self::Bubblewrap => bubblewrap::view(),
            Self::Seatbelt | Self::Unconfined => View {
                project: cell.project.clone(),
                home: cell.private.join("home"),
                temporary: cell.private.join("tmp"),
                oracle: cell.oracle.clone().unwrap_or_default(),
            },
        }
    }

    /// A command that runs `program` in this cell, in a folder of its view.
    pub(super) fn command(self, cell: &Cell, program: &Program, folder: &Path) -> std::io::Result<Command> {
        let mut command = match self {
            Self::Bubblewrap => bubblewrap::command(cell, program, &self.view(cell), folder)?,
            Self::Seatbelt => seatbelt::command(cell, program),
            Self::Unconfined => {
                let mut command = Command::new(program.file());
                command.args(&program.arguments);
                command
            }
        };
        let view = self.view(cell);
        command
            .env_clear()
            .env("HOME", &view.home)
            .env("TMPDIR", &view.temporary)
            .env("LANG", "C.UTF-8")
            .env("COLUMNS", "80")
            .env(leftovers::MARK, &cell.mark)
            .envs(program.variables.iter().map(|(name, value)| (name, value)));
        if self != Self::Bubblewrap {
            command.current_dir(folder).stdin(std::process::Stdio::null()).process_group(0);
        }
        Ok(command)
    }
}

/// What a confined process has.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    /// It may write here: the task's copy.
    pub(super) project: PathBuf,
    /// It may write below `home` and `tmp` of this folder.
    pub(super) private: PathBuf,
    /// It may read these, beside the system's own programs and libraries.
    pub(super) readable: Vec<PathBuf>,
    /// It may read this: the tests that decide.
    pub(super) oracle: Option<PathBuf>,
    /// The model, if it may reach it.
    pub(super) door: Option<Door>,
    /// By what its processes are known.
    pub(super) mark: String,
}

/// Where the model is reached.
#[derive(Debug, Clone)]
pub(super) enum Door {
    /// A folder with the file of a socket.
    Socket(PathBuf),
    /// A port of 127.0.0.1.
    Port(u16),
}

/// Places as a confined process sees them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct View {
    pub(super) project: PathBuf,
    pub(super) home: PathBuf,
    pub(super) temporary: PathBuf,
    pub(super) oracle: PathBuf,
}

/// The model's socket as a process with its own network sees it.
pub(super) const SOCKET: &str = "/run/shorn/model";

/// The socket's name in its folder.
pub(super) const SOCKET_NAME: &str = "model";

/// What runs in a cell.
#[derive(Debug, Clone)]
pub(super) struct Program {
    pub(super) executable: Executable,
    pub(super) arguments: Vec<OsString>,
    /// Environment variables beside those that all have.
    pub(super) variables: Vec<(OsString, OsString)>,
}

/// The file of a program.
#[derive(Debug, Clone)]
pub(super) enum Executable {
    /// A file that the process can see.
    File(PathBuf),
    /// The `shorn` executable. It holds the shipped tasks with their answers, so where that is possible the process
    /// gets it as an open file and does not see it among its files.
    Shorn(PathBuf),
}

impl Program {
    fn file(&self) -> &Path {
        match &self.executable {
            Executable::File(path) | Executable::Shorn(path) => path,
        }
    }
}
