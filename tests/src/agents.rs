//! Real coding agents from npm, in exactly the versions that `agents.json` pins, and how each of them differs: where its
//! configuration lies, how it is called, and what its tools are.

mod claude;
mod codex;
mod opencode;
mod packages;
mod pi;
mod session;

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

pub use claude::CLAUDE;
pub use codex::CODEX;
pub use opencode::OPENCODE;
pub use pi::{PI, Pi};
pub use session::{Project, Said, Session};

/// One agent, as the scenarios see it.
pub struct Agent {
    /// What people call it.
    pub name: &'static str,
    /// Its command.
    command: &'static str,
    /// The path of the API that it calls.
    pub endpoint: &'static str,
    /// How its `User-Agent` begins.
    pub user_agent: &'static str,
    /// Its program, and what comes before all arguments; fetched, unless it is there. `None` where it is not pinned for
    /// this platform.
    program: fn() -> Option<Vec<PathBuf>>,
    /// Writes its configuration into its home.
    configure: fn(&Setup),
    /// How it is asked something in print mode; `true` when that goes on with its last session.
    call: fn(&Setup, prompt: &str, goes_on: bool) -> Call,
    /// The model's text to read a file.
    pub read: fn(&Path) -> String,
    /// The model's text to write a file.
    pub write: fn(&Path, content: &str) -> String,
    /// The model's text to replace whole lines of a file.
    pub edit: fn(&Path, old: &str, new: &str) -> String,
    /// How it is brought to compact.
    pub compaction: Compaction,
}

/// What it takes for an agent to compact its session when it reads a file of 5,800 tokens for the second time, and how it
/// goes about it.
#[derive(Debug, Clone, Copy)]
pub struct Compaction {
    /// Tokens that the model takes.
    pub context: u32,
    /// Tokens that the agent is told.
    pub told: u32,
    /// How many replies it has by then.
    pub after: usize,
    /// How many summaries it asks for.
    pub summaries: usize,
    /// How the process ends that goes on from them.
    pub exit_code: i32,
}

/// Where an agent works, and what it is told of the server.
pub struct Setup {
    /// Its home folder.
    home: PathBuf,
    /// The folder that it works in.
    project: PathBuf,
    /// The server's address, without a path.
    server: String,
    /// The model's name.
    model: String,
    /// What the model takes.
    limits: Limits,
    /// Without tools and with a short system prompt, for a model that takes a minute to read the usual ones.
    brief: bool,
}

/// What an agent is told that the model takes, in tokens.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Context.
    pub context: u32,
    /// Tokens of one reply.
    pub reply: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { context: 65_536, reply: 8_192 }
    }
}

/// Arguments, and the whole of the environment beside `PATH` and `HOME`.
struct Call {
    arguments: Vec<OsString>,
    environment: Vec<(&'static str, OsString)>,
}

impl Call {
    fn new<A: Into<OsString>>(arguments: impl IntoIterator<Item = A>) -> Self {
        Self { arguments: arguments.into_iter().map(Into::into).collect(), environment: Vec::new() }
    }

    fn environment<V: Into<OsString>>(self, variables: impl IntoIterator<Item = (&'static str, V)>) -> Self {
        let environment = variables.into_iter().map(|(name, value)| (name, value.into())).collect();
        Self { environment, ..self }
    }
}

impl Agent {
    /// Whether it is pinned for this platform.
    pub fn is_pinned(&self) -> bool {
        (self.program)().is_some()
    }
}

/// Puts an agent's command into a folder, as its installation puts it on the `PATH`; false where the agent is not pinned
/// for this platform.
pub fn put_command(name: &str, folder: &Path) -> bool {
    let agent = [&PI, &CODEX, &CLAUDE, &OPENCODE].into_iter().find(|agent| agent.command == name);
    let Some(program) = agent.and_then(|agent| (agent.program)()) else { return false };
    let program: String = program.iter().map(|part| format!("'{}' ", part.display())).collect();
    let command = folder.join(name);
    fs::write(&command, format!("#!/bin/sh\nexec {program}\"$@\"\n")).unwrap();
    fs::set_permissions(command, fs::Permissions::from_mode(0o755)).unwrap();
    true
}

/// A tool call in the words of the embedded model's template.
pub fn tool_call(function: &str, parameters: &[(&str, &str)]) -> String {
    let parameters: String = parameters
        .iter()
        .map(|(name, value)| format!("<parameter={name}>\n{value}\n</parameter>\n"))
        .collect();
    format!("<tool_call>\n<function={function}>\n{parameters}</function>\n</tool_call>")
}

/// A path as a tool takes it.
fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
