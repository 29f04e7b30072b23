//! A program that runs beside the check and ends with it.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};

use crate::process::check;

/// A running program, killed when dropped. What it writes, to either stream, is kept as lines.
pub struct Program {
    name: &'static str,
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Program {
    /// Starts it; `name` is for errors.
    pub fn start(name: &'static str, mut command: Command) -> Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        let (sender, lines) = channel();
        let streams: [Option<Box<dyn Read + Send>>; 2] = [
            child.stdout.take().map(|stream| Box::new(stream) as Box<dyn Read + Send>),
            child.stderr.take().map(|stream| Box::new(stream) as Box<dyn Read + Send>),
        ];
        for stream in streams.into_iter().flatten() {
            let sender = sender.clone();
            thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    if sender.send(line).is_err() {
                        return;
                    }
                }
            });
        }
        Ok(Self { name, child, lines, seen: Vec::new() })
    }

    /// Waits for a line that holds `part`.
    pub fn line_with(&mut self, part: &str, patience: Duration) -> Result<String> {
        let until = Instant::now() + patience;
        loop {
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    self.seen.push(line.clone());
                    if line.contains(part) {
                        return Ok(line);
                    }
                }
                Err(RecvTimeoutError::Timeout) => return Err(self.failure(&format!("never wrote `{part}`"))),
                Err(RecvTimeoutError::Disconnected) => return Err(self.failure("ended")),
            }
        }
    }

    /// An error when it has ended.
    pub fn is_running(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => Err(self.failure(&format!("ended with {status}"))),
        }
    }

    /// Asks it to end, as the system does at shutdown; it must do so, without an error.
    pub fn end(&mut self, patience: Duration) -> Result<()> {
        self.is_running()?;
        check(Command::new("kill").arg(self.child.id().to_string()))?;
        let until = Instant::now() + patience;
        while Instant::now() < until {
            if let Some(status) = self.child.try_wait()? {
                return match status.success() {
                    true => Ok(()),
                    false => Err(self.failure(&format!("ended with {status}"))),
                };
            }
            thread::sleep(Duration::from_millis(50));
        }
        Err(self.failure("was asked to end and did not"))
    }

    /// What happened, with all that the program wrote.
    fn failure(&mut self, what: &str) -> anyhow::Error {
        self.seen.extend(self.lines.try_iter());
        anyhow!("{} {what}; it wrote:\n{}", self.name, self.seen.join("\n"))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
