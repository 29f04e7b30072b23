//! A confined process from its start to its end.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};

use super::{Cell, Sandbox, leftovers};

/// A longer line of output is cut into several.
const LONGEST_LINE: u64 = 1 << 22;

/// Output that is kept, from its end.
const KEPT_OUTPUT: usize = 8_000;

/// How a process ended.
#[derive(Debug)]
pub(in crate::eval) struct Ended {
    /// `None` when its time was over.
    pub(in crate::eval) status: Option<ExitStatus>,
    /// The end of what it wrote to standard error, and of its standard output where nobody takes that.
    pub(in crate::eval) output: String,
}

/// Runs a process to its end or that of its time; then ends all that it started. `on_line` gets the lines of its
/// standard output; without it they count as output. When this is dropped the process ends, too.
pub(in crate::eval) async fn run(
    sandbox: Sandbox,
    cell: &Cell,
    mut command: Command,
    limit: Duration,
    mut on_line: Option<impl FnMut(&str)>,
) -> io::Result<Ended> {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).spawn()?;
    let mut running = Running { child, sandbox, mark: cell.mark.clone() };
    let (out, err) = (running.child.stdout.take(), running.child.stderr.take());
    let (mut lines, mut errors) = (Tail::default(), Tail::default());
    let read = async {
        let out = each_line(out, |line| match &mut on_line {
            Some(on_line) => on_line(line),
            None => lines.push(line),
        });
        tokio::join!(out, each_line(err, |line| errors.push(line)));
    };
    let to_the_end = async {
        // What the first process leaves running would hold the pipes open.
        let ended = async {
            let status = running.child.wait().await;
            running.end();
            status
        };
        tokio::join!(ended, read).0
    };
    let status = match tokio::time::timeout(limit, to_the_end).await {
        Ok(status) => Some(status?),
        Err(_) => None,
    };
    running.end();
    _ = running.child.wait().await;
    Ok(Ended { status, output: lines.0 + &errors.0 })
}

async fn each_line(pipe: Option<impl AsyncRead + Unpin>, mut take: impl FnMut(&str)) {
    let Some(pipe) = pipe else { return };
    let mut pipe = BufReader::new(pipe);
    let mut line = Vec::new();
    // A pipe that breaks has ended.
    while (&mut pipe).take(LONGEST_LINE).read_until(b'\n', &mut line).await.unwrap_or(0) > 0 {
        take(&String::from_utf8_lossy(&line));
        line.clear();
    }
}

/// The end of a text.
#[derive(Default)]
struct Tail(String);

impl Tail {
    fn push(&mut self, text: &str) {
        self.0.push_str(text);
        if self.0.len() > 2 * KEPT_OUTPUT {
            let cut = self.0.ceil_char_boundary(self.0.len() - KEPT_OUTPUT);
            self.0.drain(..cut);
        }
    }
}

/// A process that does not outlive this, and leaves nothing behind.
struct Running {
    child: Child,
    sandbox: Sandbox,
    mark: String,
}

impl Running {
    fn end(&mut self) {
        if self.sandbox == Sandbox::Bubblewrap {
            // bubblewrap dies with us, the first process of its namespace with it, and with that all others.
            _ = self.child.start_kill();
            return;
        }
        let leader = self.child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        if let Some(leader) = leader {
            _ = kill_process_group(leader, Signal::KILL);
        }
        leftovers::end(&self.mark);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}
