//! Decides whether a task is done: by tests that the agent has not seen, run after it has ended, confined and without a
//! network.

use std::io;
use std::time::Duration;

use super::python::Python;
use super::report::{FailureReason, Outcome};
use super::sandbox::{self, Cell, Executable, Program, Sandbox};
use super::task::{Files, Task};
use super::workspace::Workspace;

/// What the tests need to import the project. The project comes after pytest itself has been imported, so that nothing
/// in it can stand in for pytest, and its `conftest.py` and settings are not looked at.
const CONFTEST: &str = "\
import os
import sys

sys.path.insert(0, os.environ['SHORN_PROJECT'])
os.chdir(os.environ['SHORN_PROJECT'])
";

/// How long the tests have.
const TIME_LIMIT: Duration = Duration::from_secs(120);

/// The end of the tests' output that a report has.
const SHOWN_OUTPUT: usize = 2_000;

/// Runs a task's own tests on what is left of its project; `answer` is what the agent said last.
pub(super) async fn judge(
    sandbox: Sandbox,
    python: &Python,
    task: &Task,
    workspace: &Workspace,
    answer: &str,
) -> io::Result<Outcome> {
    let ours = Files::from([
        ("conftest.py".into(), CONFTEST.to_owned()),
        ("pytest.ini".into(), "[pytest]\n".to_owned()),
        ("answer.txt".into(), answer.to_owned()),
    ]);
    let oracle = workspace.reveal_oracle(task, &ours)?;
    let cell = Cell {
        project: workspace.project(),
        private: workspace.judge(),
        readable: python.folders.clone(),
        oracle: Some(oracle),
        door: None,
        mark: uuid::Uuid::new_v4().to_string(),
    };
    let view = sandbox.view(&cell);
    let settings = view.oracle.join("pytest.ini");
    let oracle = view.oracle.clone().into_os_string();
    let arguments = [
        "-m".into(),
        "pytest".into(),
        "-q".into(),
        "-c".into(),
        settings.into(),
        "--rootdir".into(),
        oracle.clone(),
        oracle,
    ];
    let mut variables = python.variables();
    variables.extend([
        ("PATH".into(), "/usr/local/bin:/usr/bin:/bin".into()),
        ("SHORN_PROJECT".into(), view.project.clone().into()),
        ("SHORN_ANSWER".into(), view.oracle.join("answer.txt").into()),
    ]);
    let executable = Executable::File(python.program.clone());
    let program = Program { executable, arguments: Vec::from(arguments), variables };
    // `-m` puts the working directory first among the places of modules: it must not be the project.
    let command = sandbox.command(&cell, &program, &view.oracle)?;
    let ended = sandbox::run(sandbox, &cell, command, TIME_LIMIT, None::<fn(&str)>).await?;
    let failed = |detail: String| Outcome::Failed { reason: FailureReason::Tests, detail };
    Ok(match ended.status {
        None => failed(format!("the tests did not end within {} seconds", TIME_LIMIT.as_secs())),
        // A program can end with success in the middle of the tests; that they passed is the last thing pytest says.
        Some(status)
            if status.success() && ended.output.trim_end().lines().last().is_some_and(tells_passed) =>
        {
            Outcome::Passed
        }
        Some(_) => {
            let output = ended.output.trim_end();
            let start = output.ceil_char_boundary(output.len().saturating_sub(SHOWN_OUTPUT));
            failed(output[start..].to_owned())
        }
    })
}

/// `3 passed in 0.01s`.
fn tells_passed(line: &str) -> bool {
    line.split_once(" passed in ").is_some_and(|(count, _)| count.parse::<u32>().is_ok_and(|count| count > 0))
}
