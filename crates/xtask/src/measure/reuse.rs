//! What agents' turns find in the prompt cache: sessions of the real agents, as the tests run them, whose figures become a
//! table in docs/reuse.md too.

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value};

use crate::process::{cargo, check};
use crate::workspace::Workspace;

/// Tells the tests where to put their figures.
const FOLDER: &str = "SHORN_REUSE";

/// The tests that have figures.
const TESTS: &str = "each_turn_finds_the_last_one";

pub fn measure(workspace: &Workspace) -> Result<Value> {
    let folder = workspace.target_directory.join("reuse");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder)?;
    let run =
        ["test", "--workspace", "--test", "agents", TESTS, "--", "--include-ignored", "--test-threads", "1"];
    check(cargo().args(run).env(FOLDER, &folder))?;
    let mut agents = Map::new();
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        agents.insert(name, serde_json::from_slice(&fs::read(&path)?)?);
    }
    if agents.is_empty() {
        bail!("the tests left no figures in {}", folder.display());
    }
    agents.sort_keys();
    let path = workspace.root.join("docs/reuse.md");
    fs::write(&path, page(&agents)?).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(agents.into())
}

/// The page with its tables.
fn page(agents: &Map<String, Value>) -> Result<String> {
    let mut page = String::from(INTRODUCTION);
    page.push_str("| turn |");
    agents.keys().for_each(|name| _ = write!(page, " {name} |"));
    page.push_str("\n|---|");
    page.push_str(&"---|".repeat(agents.len()));
    let turns = agents.values().filter_map(Value::as_array).map(Vec::len).max().unwrap_or(0);
    for turn in 1..turns {
        write!(page, "\n| {} |", turn + 1)?;
        for figures in agents.values() {
            let figure = |name: &str| figures[turn][name].as_u64().context("a turn without its figures");
            let (cached, repeated) = (figure("cached_tokens")?, figure("repeated_tokens")?);
            let share = 100.0 * cached as f64 / repeated as f64;
            write!(page, " {share:.1} % of {repeated} |")?;
        }
    }
    page.push('\n');
    Ok(page)
}

const INTRODUCTION: &str = "\
# What an agent's turn finds in the prompt cache

Written by `cargo xtask measure reuse`; the figures are in [measurements/reuse.json](measurements/reuse.json), and `npm test`
runs the same sessions, but for opencode's, and fails below 95 %.

Each agent works through a session of ten turns (requests): two tasks, the second in a new process that goes on with the
first. Its replies are a script's, written as models write: reasoning, words before a call, two calls in one reply, edits
of several lines. The engine is the real one with the test model: it computes every prompt and reply, and counts itself what
its prompt cache held. Token counts are those of the test model's small vocabulary, several times those of a real one.

A cell says how much of what could be reused was: tokens from the prompt cache, of the tokens that the turn before had
computed, in its prompt and in its reply. No session changes what was said before, so all of these mean the same.

";
