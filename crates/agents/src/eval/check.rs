//! Whether a task can tell a model that did it from one that did not.

use std::io;

use serde::Serialize;

use super::judge::judge;
use super::python::Python;
use super::report::Outcome;
use super::sandbox::Sandbox;
use super::task::Task;
use super::workspace::{self, Workspace};

/// What a task's tests say of two attempts without an agent.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Check {
    /// The task.
    pub task: String,
    /// Of the project as it is given: must not pass.
    pub nothing: Outcome,
    /// Of the reference solution: must pass.
    pub solution: Outcome,
    /// What a solution needs to touch by `task.toml` and the reference does not, or the other way about; must be empty.
    pub differs: Vec<String>,
}

impl Check {
    /// Whether the task is as it must be.
    pub fn is_sound(&self) -> bool {
        self.nothing != Outcome::Passed && self.solution == Outcome::Passed && self.differs.is_empty()
    }
}

/// Has a task's tests judge doing nothing, and its reference solution.
///
/// # Errors
/// When this machine fails.
pub async fn check(task: &Task, sandbox: Sandbox, python: &Python) -> io::Result<Check> {
    let nothing = judge(sandbox, python, task, &Workspace::new(task)?, "").await?;
    let workspace = Workspace::new(task)?;
    workspace::write(&task.solution, &workspace.project())?;
    let touched = workspace.touched(task)?;
    let solution = judge(sandbox, python, task, &workspace, &task.description.answer).await?;
    let needs = task.description.needs.iter().cloned().collect();
    let mut differs: Vec<String> =
        touched.symmetric_difference(&needs).map(|path| path.display().to_string()).collect();
    differs.extend(touched.iter().filter(|path| task.keeps(path)).map(|path| path.display().to_string()));
    Ok(Check { task: task.name.clone(), nothing, solution, differs })
}
