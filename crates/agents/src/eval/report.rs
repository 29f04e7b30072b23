//! What an eval found out.

use serde::{Deserialize, Serialize};
use shorn_checkpoint::KvCache;
use ts_rs::TS;

/// The agent that works on the tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(rename = "EvalAgent")]
pub enum AgentKind {
    /// Shorn's own, which needs nothing installed.
    BuiltIn,
    /// Pi in print mode.
    Pi,
    /// A program of the person's own.
    Other,
}

/// What keeps agent and tests to the task's copy and the model's port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Confinement {
    /// bubblewrap: namespaces of Linux.
    Bubblewrap,
    /// macOS' Seatbelt, by `sandbox-exec`.
    Seatbelt,
    /// Nothing: they could do whatever the person can.
    None,
}

/// One run over the tasks, for one or several KV caches. While it runs, as far as it has come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct EvalRun {
    /// Tells runs apart, and sorts by time.
    pub id: String,
    /// Milliseconds since 1970 when it began.
    pub started: u64,
    /// Seconds that it took.
    pub seconds: f64,
    /// The model's name.
    pub model: String,
    /// Who worked.
    pub agent: AgentKind,
    /// What confined it.
    pub confinement: Confinement,
    /// The sampling temperature; the model's own when `None`.
    pub temperature: Option<f64>,
    /// The tasks of the run, in their order.
    pub tasks: Vec<TaskName>,
    /// What came of it, for each KV cache in turn.
    pub settings: Vec<SettingResult>,
    /// How it ended; `None` while it runs.
    pub end: Option<RunEnd>,
}

/// A task, by name and for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(rename = "EvalTask")]
pub struct TaskName {
    /// The name of its folder.
    pub name: String,
    /// In a few words.
    pub title: String,
    /// What it tells about a model.
    pub checks: String,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[ts(rename = "EvalEnd")]
pub enum RunEnd {
    /// All tasks were tried.
    Completed,
    /// A person ended it.
    Cancelled,
    /// It could not go on.
    Failed {
        /// Why, and what to do.
        why: String,
    },
}

/// What came of the tasks with one KV cache.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(rename = "EvalSetting")]
pub struct SettingResult {
    /// The KV cache that was asked for.
    pub kv: KvCache,
    /// The tasks that were tried so far, in their order.
    pub tasks: Vec<TaskResult>,
}

impl SettingResult {
    /// Tasks that passed.
    pub fn passed(&self) -> usize {
        self.tasks.iter().filter(|task| task.outcome == Outcome::Passed).count()
    }

    /// The task that filled the KV cache the most.
    pub fn longest(&self) -> Option<&TaskResult> {
        self.tasks.iter().max_by_key(|task| task.usage.context_tokens)
    }
}

/// What came of one task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(rename = "EvalTaskResult")]
pub struct TaskResult {
    /// The name of the task.
    pub task: String,
    /// Whether it was done.
    pub outcome: Outcome,
    /// Seconds that the agent took.
    pub seconds: f64,
    /// What the model was asked for it.
    #[serde(flatten)]
    #[ts(flatten)]
    pub usage: Usage,
    /// Tool calls that could be read and then failed: a path that is not there, an edit that does not fit.
    pub failed_calls: u32,
    /// Files that were added, changed or deleted beyond those that the task needs.
    pub extra_files: Vec<String>,
}

/// What a task's requests came to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, TS)]
#[ts(rename = "EvalUsage")]
pub struct Usage {
    /// Replies of the model.
    pub turns: u32,
    /// Prompt tokens, over all turns.
    pub prompt_tokens: u64,
    /// Of these, tokens that were in the prompt cache.
    pub cached_tokens: u64,
    /// Tokens that the model wrote, over all turns.
    pub generated_tokens: u64,
    /// Generated tokens per second over all turns, each turn's first token left out; `None` when there was nothing to
    /// measure.
    pub decode_tokens_per_second: Option<f64>,
    /// Highest MLX memory during any turn, in bytes; everything that was loaded counts.
    pub peak_memory: u64,
    /// Most tokens in the KV cache.
    pub context_tokens: u32,
    /// Bytes that those took.
    pub kv_bytes: u64,
    /// Replies with something that was meant as a tool call and could not be read as one.
    pub unparsed_calls: u32,
}

/// Whether a task was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[ts(rename = "EvalOutcome")]
pub enum Outcome {
    /// Its tests say so.
    Passed,
    /// It was not.
    Failed {
        /// In one word.
        reason: FailureReason,
        /// What there is to say: the end of the tests' output, the file, the error.
        detail: String,
    },
}

/// Why a task failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(rename = "EvalFailure")]
pub enum FailureReason {
    /// The task's tests do not pass.
    Tests,
    /// A file that must stay as it is was changed: tests, above all.
    Tampered,
    /// The agent took too long.
    TimeLimit,
    /// The model was asked too often.
    TurnLimit,
    /// The agent failed, or the model's server did.
    Agent,
}

/// How an eval stands, for who watches it.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
pub struct EvalProgress {
    /// The run as far as it has come.
    pub run: EvalRun,
    /// What is being worked on; `None` before the first task and after the last.
    pub current: Option<CurrentTask>,
}

/// The task that is being worked on.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[ts(rename = "EvalCurrentTask")]
pub struct CurrentTask {
    /// Its name.
    pub task: String,
    /// The KV cache.
    pub kv: KvCache,
    /// Milliseconds since 1970 when it began.
    pub started: u64,
    /// Replies of the model so far.
    pub turns: u32,
}

/// The newest result for a model with one KV cache.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct LastEval {
    /// The run that it is of.
    pub run: String,
    /// Milliseconds since 1970 when that began.
    pub started: u64,
    /// Who worked.
    pub agent: AgentKind,
    /// The KV cache of the run.
    pub kv: KvCache,
    /// Tasks that passed.
    pub passed: usize,
    /// Tasks that were tried.
    pub total: usize,
}

/// Whether evals can run here, and what they would be.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
pub struct EvalSetup {
    /// The tasks that are part of Shorn.
    pub tasks: Vec<TaskName>,
    /// The agents that are there.
    pub agents: Vec<AgentKind>,
    /// What is missing, and what to do about it; nothing where an eval can run.
    pub missing: Vec<String>,
}
