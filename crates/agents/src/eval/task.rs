//! Tasks: what an agent is given, and what tells whether it did it. `tasks/README.md` says how one is written.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use flate2::read::GzDecoder;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::report::TaskName;

static PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/tasks.json.gz"));

/// Texts by their path.
pub type Files = BTreeMap<PathBuf, String>;

/// One task.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// The name of its folder.
    pub name: String,
    /// What `task.toml` says.
    pub description: Description,
    /// What the agent is given.
    pub project: Files,
    /// Tests that the agent never sees.
    pub oracle: Files,
    /// Files of the reference solution, to be laid over the project.
    pub solution: Files,
}

/// What `task.toml` says.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// For people: the task in a few words.
    pub title: String,
    /// For people: what it tells about a model.
    pub checks: String,
    /// What the agent is told.
    pub prompt: String,
    /// The command that runs the project's tests, where there are any.
    pub test: Option<String>,
    /// Files that a good solution adds, changes or deletes.
    #[serde(default)]
    pub needs: Vec<PathBuf>,
    /// Files and folders that must stay as they are; `.` is everything.
    #[serde(default)]
    pub keep: Vec<PathBuf>,
    /// What the reference solution says at the end.
    #[serde(default)]
    pub answer: String,
    /// A tool that the agent has beside its own; what it is called with is what the task is about.
    pub tool: Option<RecordingTool>,
    /// Seconds that the agent has.
    pub seconds: u64,
    /// Replies of the model that the agent has.
    pub turns: u32,
}

/// A tool that writes its arguments, as JSON, to a file of the project.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordingTool {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The file.
    pub file: PathBuf,
    /// Its parameters: a JSON schema.
    pub parameters: Value,
}

impl RecordingTool {
    /// As it is offered to a model.
    pub(super) fn schema(&self) -> Value {
        let Self { name, description, parameters, .. } = self;
        json!({
            "type": "function",
            "function": { "name": name, "description": description, "parameters": parameters },
        })
    }

    /// What it answers.
    pub(super) fn done(&self) -> String {
        format!("Wrote {}.", self.file.display())
    }
}

/// Tasks could not be read.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// A file or folder.
    #[error("{path}: {source}", path = .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A `task.toml`.
    #[error("task {task}: {problem}")]
    Invalid {
        /// The task.
        task: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A name that was asked for.
    #[error("there is no task `{name}`; there are {}", .known.join(", "))]
    Unknown {
        /// The name.
        name: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// A folder without any.
    #[error("{path} holds no task: each is a folder with a task.toml", path = .path.display())]
    Empty {
        /// The folder.
        path: PathBuf,
    },
}

impl Task {
    /// The tasks that are part of Shorn, by name.
    ///
    /// # Panics
    /// Never: what the build has packed is tested.
    #[must_use]
    pub fn shipped() -> Vec<Self> {
        let mut text = String::new();
        let read = GzDecoder::new(PACKED).read_to_string(&mut text);
        read.expect("the build packed it");
        let files: Files = serde_json::from_str(&text).expect("the build wrote it");
        tasks(files).expect("a test reads all of them")
    }

    /// The tasks of a folder, by name.
    ///
    /// # Errors
    /// When a file cannot be read, or a task is not as it should be.
    pub fn read_all(folder: &Path) -> Result<Vec<Self>, TaskError> {
        let mut files = Files::new();
        read(folder, Path::new(""), &mut files)?;
        let tasks = tasks(files)?;
        if tasks.is_empty() { Err(TaskError::Empty { path: folder.to_owned() }) } else { Ok(tasks) }
    }

    /// Those of some tasks that are asked for, in that order; all of them when no name is given.
    ///
    /// # Errors
    /// When a name is not there.
    pub fn choose(tasks: Vec<Self>, names: &[String]) -> Result<Vec<Self>, TaskError> {
        if names.is_empty() {
            return Ok(tasks);
        }
        let find = |name: &String| {
            let found = tasks.iter().find(|task| task.name == *name).cloned();
            found.ok_or_else(|| TaskError::Unknown {
                name: name.clone(),
                known: tasks.iter().map(|task| task.name.clone()).collect(),
            })
        };
        names.iter().map(find).collect()
    }

    /// Its name, and what it is for people.
    pub fn in_words(&self) -> TaskName {
        let Description { title, checks, .. } = self.description.clone();
        TaskName { name: self.name.clone(), title, checks }
    }

    /// How long the agent has.
    pub fn time_limit(&self) -> Duration {
        Duration::from_secs(self.description.seconds)
    }

    /// Whether a file must stay as it is.
    pub fn keeps(&self, file: &Path) -> bool {
        self.description.keep.iter().any(|kept| kept == Path::new(".") || file.starts_with(kept))
    }
}

/// The tasks in files `NAME/task.toml`, `NAME/project/...` and so on.
fn tasks(files: Files) -> Result<Vec<Task>, TaskError> {
    let mut descriptions = BTreeMap::new();
    let mut folders: BTreeMap<(String, String), Files> = BTreeMap::new();
    for (path, text) in files {
        let mut parts = path.iter().map(|part| part.to_string_lossy().into_owned());
        let (Some(task), Some(part)) = (parts.next(), parts.next()) else { continue };
        let rest: PathBuf = parts.collect();
        if part == "task.toml" {
            descriptions.insert(task, text);
        } else {
            folders.entry((task, part)).or_default().insert(rest, text);
        }
    }
    let task = |(name, text): (String, String)| {
        let invalid = |problem: String| TaskError::Invalid { task: name.clone(), problem };
        let description = toml::from_str(&text).map_err(|error| invalid(format!("task.toml: {error}")))?;
        let mut folder = |part: &str| folders.remove(&(name.clone(), part.to_owned())).unwrap_or_default();
        let (project, oracle, solution) = (folder("project"), folder("oracle"), folder("solution"));
        if oracle.is_empty() {
            return Err(invalid(
                "there is nothing in oracle/, so nothing could tell whether it is done".to_owned(),
            ));
        }
        Ok(Task { name, description, project, oracle, solution })
    };
    descriptions.into_iter().map(task).collect()
}

fn read(folder: &Path, below: &Path, files: &mut Files) -> Result<(), TaskError> {
    let here = folder.join(below);
    let failed = |source| TaskError::File { path: here.clone(), source };
    for entry in fs::read_dir(&here).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = below.join(entry.file_name());
        if entry.file_name() == "__pycache__" || entry.file_name() == ".pytest_cache" {
            continue;
        }
        let path = entry.path();
        if path.is_dir() {
            read(folder, &name, files)?;
        } else {
            let text = fs::read_to_string(&path).map_err(|source| TaskError::File { path, source })?;
            files.insert(name, text);
        }
    }
    Ok(())
}
