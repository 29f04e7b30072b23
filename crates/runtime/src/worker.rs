//! A worker process and its pipes.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::Stdio;

use futures_util::{SinkExt, StreamExt};
use shorn_protocol::{FromWorker, MAX_FRAME_BYTES, ToWorker};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio_util::bytes::Bytes;
use tokio_util::codec::{FramedRead, FramedWrite, LengthDelimitedCodec};

/// How a worker is started.
#[derive(Debug, Clone)]
pub struct WorkerCommand {
    /// The executable.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
}

impl WorkerCommand {
    /// `shorn worker`, by the executable that is running now.
    ///
    /// # Errors
    /// When the system does not say which executable that is.
    pub fn this_executable() -> io::Result<Self> {
        Ok(Self { program: std::env::current_exe()?, arguments: vec!["worker".into()] })
    }
}

/// A running worker. It is killed when this is dropped.
pub(crate) struct Worker {
    child: Child,
    to: FramedWrite<ChildStdin, LengthDelimitedCodec>,
    from: FramedRead<ChildStdout, LengthDelimitedCodec>,
}

impl Worker {
    /// Starts the process; its log lines go to ours.
    pub fn start(command: &WorkerCommand) -> io::Result<Self> {
        let mut child = Command::new(&command.program)
            .args(&command.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let closed = || io::Error::new(io::ErrorKind::BrokenPipe, "the worker has no pipes");
        let (stdin, stdout) = child.stdin.take().zip(child.stdout.take()).ok_or_else(closed)?;
        tokio::spawn(pass_on_log(child.stderr.take().ok_or_else(closed)?));
        let codec = LengthDelimitedCodec::builder().max_frame_length(MAX_FRAME_BYTES).new_codec();
        Ok(Self { child, to: FramedWrite::new(stdin, codec.clone()), from: FramedRead::new(stdout, codec) })
    }

    /// The process id, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Sends one message.
    pub async fn send(&mut self, message: &ToWorker) -> io::Result<()> {
        self.to.send(Bytes::from(serde_json::to_vec(message)?)).await
    }

    /// The next message; `None` when the worker has closed its end or speaks something else.
    ///
    /// Cancelling the future loses nothing.
    pub async fn receive(&mut self) -> Option<FromWorker> {
        let frame = self.from.next().await?;
        match frame.map(|frame| serde_json::from_slice(&frame)) {
            Ok(Ok(message)) => Some(message),
            Ok(Err(error)) => {
                tracing::error!("the worker sent no message of this protocol: {error}");
                None
            }
            Err(error) => {
                tracing::error!("the worker's pipe broke: {error}");
                None
            }
        }
    }

    /// Ends the process if it still runs and says how it ended.
    pub async fn end(mut self) -> String {
        drop(self.to);
        let patience = std::time::Duration::from_millis(500);
        let status = match tokio::time::timeout(patience, self.child.wait()).await {
            Ok(status) => status,
            Err(_) => match self.child.kill().await {
                Ok(()) => self.child.wait().await,
                Err(error) => Err(error),
            },
        };
        match status {
            Ok(status) => describe(status),
            Err(error) => error.to_string(),
        }
    }
}

/// `exit code 3` or `signal 9 (killed: perhaps by the system for want of memory)`.
fn describe(status: std::process::ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(9)) => "signal 9 (killed, perhaps by the system for want of memory)".to_owned(),
        (None, Some(6)) => "signal 6 (aborted, as MLX does when the GPU is out of memory)".to_owned(),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => status.to_string(),
    }
}

async fn pass_on_log(stderr: ChildStderr) {
    let mut lines = BufReader::new(stderr).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        tracing::info!(target: "shorn::worker", "{line}");
    }
}
