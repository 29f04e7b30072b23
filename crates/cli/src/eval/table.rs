//! What an eval found out, for terminals.

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use shorn_agents::eval::{
    AgentKind, Check, Confinement, EvalRun, FailureReason, Outcome, RunEnd, SettingResult, Task, TaskResult,
};
use shorn_checkpoint::KvCache;
use shorn_runtime::in_bytes;

/// The tasks there are.
pub fn of_tasks(tasks: &[Task]) -> String {
    let mut table = plain(["task", "what it is", "what it tells"]);
    for task in tasks {
        table.add_row([&task.name, &task.description.title, &task.description.checks]);
    }
    table.to_string()
}

/// Whether tasks are as they must be.
pub fn of_checks(checks: &[Check]) -> String {
    let word = |outcome: &Outcome| match outcome {
        Outcome::Passed => "passes".to_owned(),
        Outcome::Failed { .. } => "fails".to_owned(),
    };
    let mut table = plain(["task", "", "doing nothing", "the solution", "files beside those it needs"]);
    for check in checks {
        let verdict = if check.is_sound() { "sound" } else { "NOT SOUND" };
        let (nothing, solution) = (word(&check.nothing), word(&check.solution));
        table.add_row([check.task.clone(), verdict.to_owned(), nothing, solution, check.differs.join(", ")]);
    }
    table.to_string()
}

/// A whole run: its tasks for each KV cache, and the KV caches beside each other.
pub fn of_run(run: &EvalRun) -> String {
    let mut parts =
        vec![format!("{} with {}, {}", run.model, agent(run.agent), confinement(run.confinement))];
    for setting in &run.settings {
        parts.push(format!("KV cache {}", setting.kv));
        parts.push(of_setting(setting));
        let failures = setting.tasks.iter().filter_map(|task| match &task.outcome {
            Outcome::Failed { detail, .. } => Some(format!("{}: {}", task.task, detail.trim())),
            Outcome::Passed => None,
        });
        parts.extend(failures);
    }
    parts.push(of_settings(run));
    parts.join("\n\n")
}

fn of_setting(setting: &SettingResult) -> String {
    let mut table = plain([
        "task",
        "",
        "seconds",
        "turns",
        "in",
        "cached",
        "out",
        "tok/s",
        "peak",
        "calls unread",
        "calls failed",
        "extra files",
    ]);
    for task in &setting.tasks {
        let usage = &task.usage;
        table.add_row([
            task.task.clone(),
            outcome(task),
            format!("{:.1}", task.seconds),
            usage.turns.to_string(),
            usage.prompt_tokens.to_string(),
            usage.cached_tokens.to_string(),
            usage.generated_tokens.to_string(),
            usage.decode_tokens_per_second.map_or("-".to_owned(), |rate| format!("{rate:.1}")),
            in_bytes(usage.peak_memory),
            usage.unparsed_calls.to_string(),
            task.failed_calls.to_string(),
            task.extra_files.join(", "),
        ]);
    }
    table.to_string()
}

/// What a person chooses a KV cache by: what passed, beside what it took at the longest context.
fn of_settings(run: &EvalRun) -> String {
    let mut table = plain(["KV cache", "passed", "longest context", "KV cache there", "peak memory"]);
    for setting in &run.settings {
        let longest = setting.longest().map(|task| &task.usage);
        let peak = setting.tasks.iter().map(|task| task.usage.peak_memory).max();
        table.add_row([
            setting.kv.to_string(),
            format!("{} of {}", setting.passed(), setting.tasks.len()),
            longest.map_or("-".to_owned(), |usage| format!("{} tokens", usage.context_tokens)),
            longest.map_or("-".to_owned(), |usage| in_bytes(usage.kv_bytes)),
            peak.map_or("-".to_owned(), in_bytes),
        ]);
    }
    table.to_string()
}

/// Past runs, a line each.
pub fn of_runs(runs: &[EvalRun]) -> String {
    if runs.is_empty() {
        return "there are no past runs".to_owned();
    }
    let mut table = plain(["run", "model", "agent", "KV cache: passed", "minutes", "end"]);
    for run in runs {
        let passed = run
            .settings
            .iter()
            .map(|setting| format!("{}: {} of {}", setting.kv, setting.passed(), setting.tasks.len()));
        let end = match &run.end {
            Some(RunEnd::Completed) => "completed".to_owned(),
            Some(RunEnd::Cancelled) => "stopped".to_owned(),
            Some(RunEnd::Failed { why }) => why.clone(),
            None => "-".to_owned(),
        };
        table.add_row([
            run.id.clone(),
            run.model.clone(),
            agent(run.agent).to_owned(),
            passed.collect::<Vec<_>>().join("\n"),
            format!("{:.1}", run.seconds / 60.0),
            end,
        ]);
    }
    table.to_string()
}

/// A task that is done, while others go on.
pub fn line(setting: &SettingResult, task: &TaskResult) -> String {
    let kv = match setting.kv {
        KvCache::Dense => String::new(),
        kv => format!(" with a KV cache {kv}"),
    };
    format!("{} {}{kv}: {} turns, {:.1} s", outcome(task), task.task, task.usage.turns, task.seconds)
}

fn plain<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(header);
    table
}

fn outcome(task: &TaskResult) -> String {
    let word = match &task.outcome {
        Outcome::Passed => "passed",
        Outcome::Failed { reason, .. } => match reason {
            FailureReason::Tests => "failed",
            FailureReason::Tampered => "failed: tampered",
            FailureReason::TimeLimit => "failed: time",
            FailureReason::TurnLimit => "failed: turns",
            FailureReason::Agent => "failed: agent",
        },
    };
    word.to_owned()
}

fn agent(agent: AgentKind) -> &'static str {
    match agent {
        AgentKind::BuiltIn => "the built-in agent",
        AgentKind::Pi => "Pi",
        AgentKind::Other => "another agent",
    }
}

fn confinement(confinement: Confinement) -> &'static str {
    match confinement {
        Confinement::Bubblewrap => "confined by bubblewrap",
        Confinement::Seatbelt => "confined by Seatbelt",
        Confinement::None => "not confined",
    }
}
