//! A run: each task with each KV cache, one after the other.

use std::io;
use std::path::PathBuf;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use shorn_checkpoint::KvCache;
use tokio::sync::watch;

use super::agent::{Access, Agent, tells_failed_call};
use super::inside::Inside;
use super::judge::judge;
use super::meter::{Meter, Overrides};
use super::python::Python;
use super::report::{
    CurrentTask, EvalProgress, EvalRun, FailureReason, Outcome, RunEnd, SettingResult, TaskResult,
};
use super::sandbox::{self, Cell, Door, Ended, Executable, Program, SOCKET, SOCKET_NAME, Sandbox};
use super::server::ModelServer;
use super::task::Task;
use super::workspace::Workspace;

/// Where an agent finds the model in a network of its own.
const INNER_PORT: u16 = 1234;

/// The end of an agent's output that a report has.
const SHOWN_OUTPUT: usize = 1_000;

/// What an eval consists of.
#[derive(Debug, Clone)]
pub struct Eval {
    /// The server and its model.
    pub server: ModelServer,
    /// Who works.
    pub agent: Agent,
    /// On what.
    pub tasks: Vec<Task>,
    /// With which KV caches in turn; with the one that the model was loaded with when there are none.
    pub kv: Vec<KvCache>,
    /// The sampling temperature; the model's own when `None`.
    pub temperature: Option<f64>,
    /// What confines agent and tests.
    pub sandbox: Sandbox,
    /// What runs the tests.
    pub python: Python,
    /// The `shorn` executable, which is what runs first in an agent's cell.
    pub shorn: PathBuf,
}

impl Eval {
    /// The run before its first task.
    pub fn begin(&self) -> watch::Sender<EvalProgress> {
        let started = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let run = EvalRun {
            id: jiff::Timestamp::now().strftime("%Y-%m-%dT%H-%M-%S.%3fZ").to_string(),
            started: u64::try_from(started.as_millis()).unwrap_or(u64::MAX),
            seconds: 0.0,
            model: self.server.model.clone(),
            agent: self.agent.kind(),
            confinement: self.sandbox.confinement(),
            temperature: self.temperature,
            tasks: self.tasks.iter().map(Task::in_words).collect(),
            settings: Vec::new(),
            end: None,
        };
        watch::Sender::new(EvalProgress { run, current: None })
    }

    /// Runs to the end, or until `stop` resolves; how it stands is in `progress`, which [`Self::begin`] made.
    pub async fn run(
        &self,
        progress: &watch::Sender<EvalProgress>,
        stop: impl Future<Output = ()>,
    ) -> EvalRun {
        let began = Instant::now();
        let end = tokio::select! {
            outcome = self.all(progress) => match outcome {
                Ok(()) => RunEnd::Completed,
                Err(why) => RunEnd::Failed { why },
            },
            () = stop => RunEnd::Cancelled,
        };
        progress.send_modify(|progress| {
            progress.current = None;
            progress.run.seconds = began.elapsed().as_secs_f64();
            progress.run.end = Some(end);
        });
        progress.borrow().run.clone()
    }

    async fn all(&self, progress: &watch::Sender<EvalProgress>) -> Result<(), String> {
        let mut readable = self.agent.readable();
        readable.extend(self.python.folders.iter().cloned());
        let libraries = sandbox::library_folders(&self.shorn);
        readable.extend(libraries.iter().cloned());
        let kv: Vec<_> =
            if self.kv.is_empty() { vec![None] } else { self.kv.iter().copied().map(Some).collect() };
        for kv in kv {
            let kv = self.server.try_out(kv).await.map_err(|error| error.to_string())?;
            progress.send_modify(|progress| {
                progress.run.settings.push(SettingResult { kv, tasks: Vec::new() });
            });
            for task in &self.tasks {
                let attempt = Attempt { eval: self, task, kv, readable: &readable, libraries: &libraries };
                let result = attempt.run(progress).await;
                let result = result.map_err(|error| format!("task {}: {error}", task.name))?;
                progress.send_modify(|progress| {
                    if let Some(setting) = progress.run.settings.last_mut() {
                        setting.tasks.push(result);
                    }
                });
            }
        }
        Ok(())
    }
}

/// One task with one KV cache.
struct Attempt<'a> {
    eval: &'a Eval,
    task: &'a Task,
    kv: KvCache,
    /// What the agent may read.
    readable: &'a [PathBuf],
    /// Folders of libraries that `shorn` needs.
    libraries: &'a [PathBuf],
}

impl Attempt<'_> {
    /// # Errors
    /// When this machine fails; not when agent or model do.
    async fn run(&self, progress: &watch::Sender<EvalProgress>) -> io::Result<TaskResult> {
        let Eval { sandbox, python, .. } = self.eval;
        let workspace = Workspace::new(self.task)?;
        let meter = self.meter(&workspace).await?;
        let began = Instant::now();
        let mut failed_calls = 0;
        let work = self.work(&workspace, &meter, || failed_calls += 1);
        let ended = watched(work, &meter, self.task, self.kv, progress).await?;
        let seconds = began.elapsed().as_secs_f64();
        let counted = meter.counted();
        drop(meter);
        let touched = workspace.touched(self.task)?;
        let failed = |reason, detail: String| Outcome::Failed { reason, detail };
        let outcome = if let Some(kept) = touched.iter().find(|path| self.task.keeps(path)) {
            failed(FailureReason::Tampered, format!("{} was changed and must stay as it is", kept.display()))
        } else if ended.status.is_none() {
            let limit = self.task.description.seconds;
            failed(FailureReason::TimeLimit, format!("the agent was ended after {limit} seconds"))
        } else if counted.over_limit {
            let limit = self.task.description.turns;
            failed(FailureReason::TurnLimit, format!("the agent was not done after {limit} turns"))
        } else if let Some(error) = counted.error {
            failed(FailureReason::Agent, error)
        } else if ended.status.is_some_and(|status| !status.success()) || counted.usage.turns == 0 {
            failed(FailureReason::Agent, format!("the agent failed: {}", end_of(&ended.output)))
        } else {
            judge(*sandbox, python, self.task, &workspace, &counted.answer).await?
        };
        let needed = &self.task.description.needs;
        let extra = touched.iter().filter(|path| !needed.contains(path));
        Ok(TaskResult {
            task: self.task.name.clone(),
            outcome,
            seconds,
            usage: counted.usage,
            failed_calls,
            extra_files: extra.map(|path| path.display().to_string()).collect(),
        })
    }

    async fn meter(&self, workspace: &Workspace) -> io::Result<Meter> {
        let overrides = Overrides { kv: self.kv, temperature: self.eval.temperature };
        let (server, turns) = (&self.eval.server, self.task.description.turns);
        if self.eval.sandbox.has_own_network() {
            Meter::on_socket(&workspace.door().join(SOCKET_NAME), server, overrides, turns)
        } else {
            Meter::on_loopback(server, overrides, turns).await
        }
    }

    /// The agent at work, to its end.
    async fn work(
        &self,
        workspace: &Workspace,
        meter: &Meter,
        mut on_failed_call: impl FnMut(),
    ) -> io::Result<Ended> {
        let Eval { sandbox, agent, server, python, shorn, .. } = self.eval;
        let (port, socket, door) = match meter.port() {
            Some(port) => (port, None, Door::Port(port)),
            None => (INNER_PORT, Some(PathBuf::from(SOCKET)), Door::Socket(workspace.door())),
        };
        let cell = Cell {
            project: workspace.project(),
            private: workspace.agent(),
            readable: self.readable.to_vec(),
            oracle: None,
            door: Some(door),
            mark: uuid::Uuid::new_v4().to_string(),
        };
        let view = sandbox.view(&cell);
        let home = cell.private.join("home");
        let access = Access { base_url: format!("http://127.0.0.1:{port}/v1"), key: meter.key().to_owned() };
        let start = agent.start(self.task, server, &access, &home, &view)?;
        python.put_into(&home.join(".local/bin"))?;
        let inside = Inside { socket, port, agent: start.inside };
        let path = format!("{}/.local/bin:/usr/local/bin:/usr/bin:/bin", view.home.display());
        let mut variables = start.variables;
        variables.extend(python.variables());
        variables.push(("PATH".into(), path.into()));
        if !self.libraries.is_empty() {
            let folders = std::env::join_paths(self.libraries).map_err(io::Error::other)?;
            variables.push(("LD_LIBRARY_PATH".into(), folders));
        }
        let program = Program {
            executable: Executable::Shorn(shorn.clone()),
            arguments: vec!["eval-agent".into(), serde_json::to_string(&inside)?.into()],
            variables,
        };
        let command = sandbox.command(&cell, &program, &view.project)?;
        let on_line = |line: &str| {
            if tells_failed_call(line) {
                on_failed_call();
            }
        };
        sandbox::run(*sandbox, &cell, command, self.task.time_limit(), Some(on_line)).await
    }
}

/// Waits for an agent while the progress says how many turns it has had.
async fn watched<T>(
    work: impl Future<Output = T>,
    meter: &Meter,
    task: &Task,
    kv: KvCache,
    progress: &watch::Sender<EvalProgress>,
) -> T {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let started = u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX);
    let mut turns = meter.turns();
    let mut work = std::pin::pin!(work);
    loop {
        let now = *turns.borrow_and_update();
        let current = CurrentTask { task: task.name.clone(), kv, started, turns: now };
        progress.send_modify(|progress| progress.current = Some(current));
        tokio::select! {
            done = &mut work => return done,
            _ = turns.changed() => {}
        }
    }
}

/// The end of what an agent wrote.
fn end_of(output: &str) -> &str {
    let output = output.trim_end();
    &output[output.ceil_char_boundary(output.len().saturating_sub(SHOWN_OUTPUT))..]
}
