//! The coding eval, for the page that starts, follows and lists runs.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use serde::Deserialize;
use shorn_agents::eval::{
    Agent, AgentKind, Eval, EvalHistory, EvalProgress, EvalRun, EvalSetup, LastEval, ModelServer, PiProgram,
    Python, Sandbox, Task,
};
use shorn_checkpoint::KvCache;
use tokio::sync::{oneshot, watch};
use ts_rs::TS;

use crate::Desktop;
use crate::error::{AppError, ErrorCode};
use crate::http_server::ServerState;

/// An eval as the page asks for it.
#[derive(Debug, Clone, PartialEq, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct EvalRequest {
    /// Who works.
    pub agent: AgentKind,
    /// The tasks, by name; all of them when empty.
    pub tasks: Vec<String>,
    /// The KV caches, one after the other; the one that the model was loaded with when empty. A `start` of 0 lets short
    /// tasks say something about long ones.
    pub kv: Vec<KvCache>,
}

/// The eval that runs, or the last one that ran.
#[derive(Debug, Default)]
pub(crate) struct RunningEval {
    pub(crate) progress: watch::Sender<Option<EvalProgress>>,
    /// Dropped or sent to, it ends the run.
    stop: Mutex<Option<oneshot::Sender<()>>>,
}

impl RunningEval {
    /// Ends the run, if one is under way.
    pub(crate) fn stop(&self) {
        self.stop.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

impl Desktop {
    /// Whether an eval can run here, and with what.
    ///
    /// # Errors
    /// Our own.
    pub async fn eval_setup(&self) -> Result<EvalSetup, AppError> {
        let path = self.search_path();
        let look = move || {
            let pi = PiProgram::find(None, &path).ok().map(|_| AgentKind::Pi);
            let missing = [
                Sandbox::find().err().map(|problem| problem.to_string()),
                Python::find(&python(&path)).err().map(|problem| problem.to_string()),
            ];
            EvalSetup {
                tasks: Task::shipped().iter().map(Task::in_words).collect(),
                agents: [AgentKind::BuiltIn].into_iter().chain(pi).collect(),
                missing: missing.into_iter().flatten().collect(),
            }
        };
        tokio::task::spawn_blocking(look).await.map_err(|error| AppError::new(ErrorCode::Internal, error))
    }

    /// Starts an eval of the model that is served; how it goes is in the snapshot.
    ///
    /// # Errors
    /// When one runs already, the server does not answer or has no model, or something is missing on this machine.
    pub async fn start_eval(&self, request: EvalRequest) -> Result<(), AppError> {
        let eval = self.eval(request).await?;
        let (stop, stopped) = oneshot::channel::<()>();
        let progress = {
            let mut running = self.eval.stop.lock().unwrap_or_else(PoisonError::into_inner);
            if running.as_ref().is_some_and(|stop| !stop.is_closed()) {
                return Err(unavailable("an eval runs already; wait for its end or stop it"));
            }
            *running = Some(stop);
            eval.begin()
        };
        let (shown, history) = (self.eval.progress.clone(), self.eval_history());
        let mut changes = progress.subscribe();
        shown.send_replace(Some(changes.borrow_and_update().clone()));
        tokio::spawn(async move {
            let stop = async { _ = stopped.await };
            let show = async {
                while changes.changed().await.is_ok() {
                    shown.send_replace(Some(changes.borrow_and_update().clone()));
                }
            };
            let run = async {
                let run = eval.run(&progress, stop).await;
                drop(progress);
                run
            };
            let (run, ()) = tokio::join!(run, show);
            if let Err(error) = history.keep(&run) {
                tracing::warn!("the eval could not be kept: {error}");
            }
        });
        Ok(())
    }

    /// Ends the eval that runs, if one does. What it found out until then is kept.
    pub fn cancel_eval(&self) {
        self.eval.stop();
    }

    /// Past runs, newest first.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub async fn evals(&self) -> Result<Vec<EvalRun>, AppError> {
        self.eval_history().runs().map_err(|error| AppError::new(ErrorCode::File, error))
    }

    /// Forgets a past run.
    ///
    /// # Errors
    /// When its file cannot be deleted.
    pub async fn delete_eval(&self, id: &str) -> Result<(), AppError> {
        self.eval_history().delete(id).map_err(|error| AppError::new(ErrorCode::File, error))
    }

    /// The newest result for a model with a KV cache of these bits and groups.
    ///
    /// # Errors
    /// As [`Desktop::evals`].
    pub async fn last_eval(&self, model: &str, kv: KvCache) -> Result<Option<LastEval>, AppError> {
        self.eval_history().last(model, &kv).map_err(|error| AppError::new(ErrorCode::File, error))
    }

    async fn eval(&self, request: EvalRequest) -> Result<Eval, AppError> {
        let ServerState::Running { base_url, .. } = self.server.state().borrow().clone() else {
            return Err(unavailable("start the server first: agents reach the model through it"));
        };
        let path = self.search_path();
        let find = move || -> Result<(Sandbox, Python, Agent), AppError> {
            let agent = match request.agent {
                AgentKind::BuiltIn => Agent::BuiltIn,
                AgentKind::Pi => Agent::Pi(PiProgram::find(None, &path).map_err(unavailable)?),
                AgentKind::Other => {
                    return Err(unavailable("other agents are tried with `shorn eval --program`"));
                }
            };
            let python = Python::find(&python(&path)).map_err(unavailable)?;
            Ok((Sandbox::find().map_err(unavailable)?, python, agent))
        };
        let found = tokio::task::spawn_blocking(find).await;
        let (sandbox, python, agent) = found.map_err(|error| AppError::new(ErrorCode::Internal, error))??;
        Ok(Eval {
            server: ModelServer::at(base_url, self.settings().api_key).await.map_err(unavailable)?,
            agent,
            tasks: Task::choose(Task::shipped(), &request.tasks).map_err(unavailable)?,
            kv: request.kv,
            temperature: Some(0.0),
            sandbox,
            python,
            shorn: self.worker.clone(),
        })
    }

    fn eval_history(&self) -> EvalHistory {
        EvalHistory::new(&self.data_directory)
    }

    fn search_path(&self) -> OsString {
        self.agent_environment.search_path()
    }
}

/// The Python that runs tasks' tests: the first of a search path.
fn python(search_path: &OsStr) -> PathBuf {
    let mut found = std::env::split_paths(search_path).map(|folder| folder.join("python3"));
    found.find(|program| program.is_file()).unwrap_or_else(|| "python3".into())
}

fn unavailable(why: impl ToString) -> AppError {
    AppError::new(ErrorCode::Unavailable, why)
}
