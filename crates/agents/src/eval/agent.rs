//! Agents: how each is started on a task, and what its events tell.

pub(super) mod builtin;
mod pi;

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::PathBuf;

use serde::Deserialize;

use super::inside::InsideAgent;
use super::report::AgentKind;
use super::sandbox::View;
use super::server::ModelServer;
use super::task::Task;
use builtin::Session;

pub use pi::{NoPi, PiProgram};

/// An agent that can be tried.
#[derive(Debug, Clone)]
pub enum Agent {
    /// Shorn's own.
    BuiltIn,
    /// Pi.
    Pi(PiProgram),
    /// Any program. It is given the prompt as its last argument and, in `OPENAI_BASE_URL`, `OPENAI_API_KEY` and
    /// `OPENAI_MODEL`, where the model is.
    Other {
        /// The program.
        program: PathBuf,
        /// What comes before the prompt.
        arguments: Vec<String>,
    },
}

/// Where an agent finds the model: the meter's port and key.
#[derive(Debug, Clone)]
pub(super) struct Access {
    pub(super) base_url: String,
    pub(super) key: String,
}

/// An agent about to work on a task.
pub(super) struct Start {
    pub(super) inside: InsideAgent,
    /// Environment variables beside those that all agents have.
    pub(super) variables: Vec<(OsString, OsString)>,
}

impl Agent {
    /// For reports.
    pub fn kind(&self) -> AgentKind {
        match self {
            Self::BuiltIn => AgentKind::BuiltIn,
            Self::Pi(_) => AgentKind::Pi,
            Self::Other { .. } => AgentKind::Other,
        }
    }

    /// Files and folders that it reads beside the system's.
    pub(super) fn readable(&self) -> Vec<PathBuf> {
        match self {
            Self::BuiltIn => Vec::new(),
            Self::Pi(pi) => pi.folders.clone(),
            Self::Other { program, .. } => vec![program.clone()],
        }
    }

    /// Puts what it needs into its `home`, and says how it is started.
    pub(super) fn start(
        &self,
        task: &Task,
        server: &ModelServer,
        access: &Access,
        home: &std::path::Path,
        view: &View,
    ) -> io::Result<Start> {
        let prompt = task.description.prompt.clone();
        Ok(match self {
            Self::BuiltIn => {
                let session = Session {
                    model: server.model.clone(),
                    key: access.key.clone(),
                    prompt,
                    test: task.description.test.clone(),
                    tool: task.description.tool.clone(),
                };
                Start { inside: InsideAgent::BuiltIn(Box::new(session)), variables: Vec::new() }
            }
            Self::Pi(pi) => {
                pi::connect(server, access, home)?;
                if let Some(tool) = &task.description.tool {
                    fs::write(home.join(".pi/agent").join(pi::EXTENSION), pi::extension(tool))?;
                }
                pi.start(&server.model, prompt, task.description.tool.is_some(), view)
            }
            Self::Other { program, arguments } => {
                let mut arguments = arguments.clone();
                arguments.push(prompt);
                let variables = [
                    ("OPENAI_BASE_URL", access.base_url.as_str()),
                    ("OPENAI_API_KEY", access.key.as_str()),
                    ("OPENAI_MODEL", server.model.as_str()),
                ];
                let variables = variables.map(|(name, value)| (name.into(), value.into())).to_vec();
                Start { inside: InsideAgent::Program { program: program.clone(), arguments }, variables }
            }
        })
    }
}

/// A line of an agent's output, in the form of Pi's JSON mode, which ours has too.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    tool_name: String,
    #[serde(default)]
    is_error: bool,
}

/// Whether a line of output says that a tool could not do what it was called for. A command that ends with an error did
/// run: tests that fail are no failed call.
pub(super) fn tells_failed_call(line: &str) -> bool {
    serde_json::from_str::<Event>(line)
        .is_ok_and(|event| event.kind == "tool_execution_end" && event.is_error && event.tool_name != "bash")
}
