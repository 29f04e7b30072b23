//! The coding eval: real tasks, a real agent, and tests that decide.
//!
//! A [`Task`] is a small project and tests that the agent does not see. For each task and KV cache the project is copied,
//! an [`Agent`] works on the copy in a [`Sandbox`], and then the tests run, in a sandbox too. All that an agent can reach
//! is a meter, which passes its requests on to the server and counts what the server reports of them. What comes of it is
//! an [`EvalRun`], kept in the [`EvalHistory`].

mod agent;
mod check;
mod history;
mod inside;
mod judge;
mod meter;
mod python;
mod reply;
mod report;
mod run;
mod sandbox;
mod server;
mod task;
mod workspace;

pub use agent::{Agent, NoPi, PiProgram};
pub use check::{Check, check};
pub use history::{EvalHistory, HistoryError};
pub use inside::run_inside;
pub use python::{NoPython, Python};
pub use report::{
    AgentKind, Confinement, CurrentTask, EvalProgress, EvalRun, EvalSetup, FailureReason, LastEval, Outcome,
    RunEnd, SettingResult, TaskName, TaskResult, Usage,
};
pub use run::Eval;
pub use sandbox::{NoSandbox, Sandbox};
pub use server::{ModelServer, ServerError};
pub use task::{Description, Files, RecordingTool, Task, TaskError};
