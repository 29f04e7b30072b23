//! What runs first in an agent's cell: `shorn` again, with one argument that says what to do.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::{ExitCode, Stdio};

use serde::{Deserialize, Serialize};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, UnixStream};
use tokio::process::Command;

use super::agent::builtin::{self, Session};

/// What to do in the cell.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Inside {
    /// The model's socket, to be had at the port.
    pub(super) socket: Option<PathBuf>,
    /// The port of 127.0.0.1 where the agent finds the model.
    pub(super) port: u16,
    /// The agent.
    pub(super) agent: InsideAgent,
}

/// An agent, as seen from the inside.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum InsideAgent {
    /// Another program.
    Program { program: PathBuf, arguments: Vec<String> },
    /// Ours.
    BuiltIn(Box<Session>),
}

/// Runs an agent in the cell that `shorn` was put into; `what` is what `Inside` says, as JSON.
///
/// # Errors
/// When that cannot be read, the port cannot be had, or the agent does not start.
pub fn run_inside(what: &str) -> anyhow::Result<ExitCode> {
    let inside: Inside = serde_json::from_str(what)?;
    // Its own executable is open here, and the agent must not look into it by way of this process.
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(run(inside))
}

async fn run(inside: Inside) -> anyhow::Result<ExitCode> {
    if let Some(socket) = inside.socket {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, inside.port)).await?;
        tokio::spawn(lead_to(listener, socket));
    }
    match inside.agent {
        InsideAgent::BuiltIn(session) => {
            builtin::work(inside.port, *session).await?;
            Ok(ExitCode::SUCCESS)
        }
        InsideAgent::Program { program, arguments } => {
            let mut command = Command::new(program);
            command.args(arguments).stdin(Stdio::null()).env_remove("LD_LIBRARY_PATH");
            let status = command.status().await?;
            let code = status.code().and_then(|code| u8::try_from(code).ok());
            Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
        }
    }
}

/// Joins each connection to the port with one to the socket.
async fn lead_to(listener: TcpListener, socket: PathBuf) {
    while let Ok((mut near, _)) = listener.accept().await {
        let socket = socket.clone();
        tokio::spawn(async move {
            if let Ok(mut far) = UnixStream::connect(socket).await {
                _ = copy_bidirectional(&mut near, &mut far).await;
            }
        });
    }
}
