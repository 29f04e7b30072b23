//! Real agents at work: Pi, Codex, Claude Code and opencode, each in a project of its own, with the script's replies in
//! place of a model's and everything else as shipped. The same scenarios for each.
#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

mod support;

use std::path::PathBuf;

use serde_json::Value;
use shorn_tests::agents::{self, Agent, Compaction, Limits, Project, Session};
use shorn_tests::reuse::{self, Turn, title};
use shorn_tests::script::{Answer, Script};
use shorn_tests::server::Server;
use support::{get, ready};

/// Every scenario for an agent.
macro_rules! scenarios {
    ($name:ident, $agent:expr) => {
        mod $name {
            #[tokio::test]
            async fn a_whole_session_reads_writes_edits_and_concludes() {
                super::a_whole_session(&$agent).await;
            }

            #[tokio::test]
            async fn a_prompt_that_is_too_long_makes_it_compact_and_go_on() {
                super::a_session_that_outgrows_the_context(&$agent).await;
            }

            #[tokio::test]
            async fn a_model_that_cannot_be_loaded_yet_is_asked_again() {
                super::a_model_that_loads_at_the_third_attempt(&$agent).await;
            }

            #[tokio::test]
            async fn a_worker_that_dies_in_mid_stream_is_survived() {
                super::a_worker_that_dies(&$agent).await;
            }

            #[tokio::test]
            async fn a_call_that_is_cut_off_touches_no_file() {
                super::a_call_that_is_cut_off(&$agent).await;
            }
        }
    };
}

/// What the script says when it is asked to sum a session up.
const SUMMARY: &str = "The person wants big.txt read; it was read once.";

/// Turns of a session whose reuse is looked at.
const TURNS: usize = 10;

/// Where `cargo xtask measure reuse` wants the figures.
const REUSE: &str = "SHORN_REUSE";

scenarios!(pi, shorn_tests::agents::PI);
scenarios!(codex, shorn_tests::agents::CODEX);
scenarios!(claude, shorn_tests::agents::CLAUDE);
scenarios!(opencode, shorn_tests::agents::OPENCODE);

/// Tabs, both kinds of quotes, backslashes, characters of one to four bytes, an empty line.
const BEFORE: &str = "def greet(name):\n\tprint(\"hello, \" + name)\n\n\ndef main():\n\tgreet('you')\n";
const OLD: &str = "def greet(name):\n\tprint(\"hello, \" + name)";
const NEW: &str = "def greet(name):\n\t\"\"\"Says 'hi' in three ways: \\n, <b>, café 日本 🎉.\"\"\"\n\n\tprint(f\"hi,\\t{name}\")";
const NOTES: &str = "# Notes\n\n\t- \"C:\\new\\table\" and 'é'\n";

/// An agent and the project that it works in.
struct Scene {
    project: Project,
    agent: &'static Agent,
}

impl Scene {
    /// `None` where the agent is not pinned for this platform.
    fn of(agent: &'static Agent) -> Option<Self> {
        if !agent.is_pinned() {
            eprintln!("{} is not pinned for this platform in agents.json: nothing is tested", agent.name);
            return None;
        }
        Some(Self { project: Project::default(), agent })
    }

    /// A server that answers so, with a session of the agent on it.
    async fn serve(&self, script: Script, options: &[&str], limits: Limits) -> (Server, Session) {
        let server = Server::scripted_thinker(&Script { asides: vec![title()], ..script }, options);
        let session = Session::new(self.agent, &self.project, &server, "thinker", limits);
        (server, session)
    }
}

/// What the server noted, the newest first.
async fn requests(server: &Server) -> Vec<Value> {
    let (_, status) = get(server, "/api/status").await;
    status["requests"].as_array().unwrap().clone()
}

#[test]
fn each_turn_finds_the_last_one_in_the_prompt_cache_of_pi() {
    turns_that_are_reused(&agents::PI);
}

#[test]
fn each_turn_finds_the_last_one_in_the_prompt_cache_of_codex() {
    turns_that_are_reused(&agents::CODEX);
}

#[test]
fn each_turn_finds_the_last_one_in_the_prompt_cache_of_claude_code() {
    turns_that_are_reused(&agents::CLAUDE);
}

#[test]
#[ignore = "its prompts of 17,000 tokens take a small machine minutes; cargo xtask measure reuse runs it"]
fn each_turn_finds_the_last_one_in_the_prompt_cache_of_opencode() {
    turns_that_are_reused(&agents::OPENCODE);
}

async fn a_whole_session(agent: &'static Agent) {
    let Some(scene) = Scene::of(agent) else { return };
    let file = scene.project.put("greet.py", BEFORE);
    let notes = scene.project.file("notes.md");
    let script = Script::answers([
        format!(
            "<think>\nWhere is the greeting?\n</think>\n\nI look first.\n\n{}\n{}",
            (agent.read)(&file),
            (agent.write)(&notes, NOTES)
        ),
        (agent.edit)(&file, OLD, NEW),
        "<think>\nDone.\n</think>\n\nIt greets in three ways now: 日本 🎉.".to_owned(),
    ]);
    let (server, mut session) = scene.serve(script, &[], Limits::default()).await;
    ready(&server).await;
    let said = session.ask("Make greet.py greet in three ways.");
    assert!(said.status.success());
    assert!(said.answer.contains("It greets in three ways now: 日本 🎉."), "{}", said.answer);
    assert_eq!(scene.project.get("greet.py"), BEFORE.replace(OLD, NEW));
    assert_eq!(scene.project.get("notes.md"), NOTES);

    let exchanges = server.exchanges();
    let last = &exchanges.last().unwrap().prompt;
    assert!(last.contains("print(\"hello, \" + name)"), "what was read came back");
    assert!(last.contains("<think>\nWhere is the greeting?\n</think>"), "what was thought came back");
    let requests = requests(&server).await;
    for request in &requests {
        assert_eq!(request["endpoint"], agent.endpoint);
        assert!(request["client"].as_str().unwrap().starts_with(agent.user_agent), "{request}");
    }
    assert_eq!(requests.iter().filter(|request| request["finish"] == "tool_calls").count(), 2);
}

/// Pi, Claude Code and opencode compact when the server says that the prompt is too long; Codex then gives up, and
/// compacts before, by what the server says the last turn took.
async fn a_session_that_outgrows_the_context(agent: &'static Agent) {
    let Some(scene) = Scene::of(agent) else { return };
    let big = scene.project.put("big.txt", &"0123456789 abcdefghij\n".repeat(300));
    let Compaction { context, told, after, summaries, exit_code } = agent.compaction;
    let mut replies = vec![
        (agent.read)(&big),
        "I have read it.".to_owned(),
        (agent.read)(&big),
        "I have read it again.".to_owned(),
    ];
    // Claude Code asks again for a summary without these tags.
    let summary = format!("<analysis>\nA short session.\n</analysis>\n\n<summary>\n{SUMMARY}\n</summary>");
    replies.splice(after..after, vec![summary; summaries]);
    let context = context.to_string();
    let limits = Limits { context: told, ..Limits::default() };
    let (server, mut session) =
        scene.serve(Script::answers(replies), &["--context-length", &context], limits).await;
    ready(&server).await;
    assert!(session.ask("Read big.txt.").answer.contains("I have read it."));
    let said = session.ask("Read big.txt again.");
    assert!(said.answer.contains("I have read it again."), "{}", said.answer);
    assert_eq!(said.status.code(), Some(exit_code));
    let exchanges = server.exchanges();
    assert_eq!(exchanges.iter().filter(|exchange| !exchange.aside).count(), 4 + summaries);
    assert!(exchanges.last().unwrap().prompt.contains(SUMMARY), "the session went on from the summary");
}

async fn a_model_that_loads_at_the_third_attempt(agent: &'static Agent) {
    let Some(scene) = Scene::of(agent) else { return };
    let load_error = Some("the disk was not there yet".to_owned());
    let script = Script { load_error, failing_loads: Some(2), ..Script::answers(["Here I am."]) };
    let (server, mut session) = scene.serve(script, &[], Limits::default()).await;
    server.wait_for_log("the disk was not there yet");
    let said = session.ask("Are you there?");
    assert!(said.status.success());
    assert!(said.answer.contains("Here I am."), "{}", said.answer);
    let requests = requests(&server).await;
    let finishes: Vec<_> = requests.iter().map(|request| &request["finish"]).collect();
    assert_eq!(*finishes.last().unwrap(), "error", "the first one was refused: {finishes:?}");
    assert_eq!(finishes[0], "stop");
}

async fn a_worker_that_dies(agent: &'static Agent) {
    let Some(scene) = Scene::of(agent) else { return };
    let file = scene.project.file("greet.py");
    let write = (agent.write)(&file, BEFORE);
    let dies = Answer { die_after: Some(40), ..Answer::text(format!("I write it.\n\n{write}")) };
    let answers = vec![dies, Answer::text(write), Answer::text("It is written.")];
    let (server, mut session) =
        scene.serve(Script { answers, ..Script::default() }, &[], Limits::default()).await;
    ready(&server).await;
    let said = session.ask("Write greet.py.");
    assert!(said.status.success());
    assert!(said.answer.contains("It is written."), "{}", said.answer);
    assert_eq!(scene.project.get("greet.py"), BEFORE);
    assert!(server.log().contains("signal 6"), "the worker died");
}

async fn a_call_that_is_cut_off(agent: &'static Agent) {
    let Some(scene) = Scene::of(agent) else { return };
    let write = (agent.write)(&scene.project.file("long.py"), &"x = 1\n".repeat(200));
    let cut = Answer { cut_after: Some(200), ..Answer::text(write) };
    let answers = vec![cut, Answer::text("It was too long.")];
    let (server, mut session) =
        scene.serve(Script { answers, ..Script::default() }, &[], Limits::default()).await;
    ready(&server).await;
    // Codex ends with an error, the others tell the model.
    session.ask("Write a long file.");
    assert_eq!(scene.project.files(), [""; 0]);
    assert!(requests(&server).await.iter().any(|request| request["finish"] == "length"));
}

fn turns_that_are_reused(agent: &'static Agent) {
    if Scene::of(agent).is_none() {
        return;
    }
    let turns = reuse::session(agent, TURNS);
    if let Some(folder) = std::env::var_os(REUSE) {
        let file = PathBuf::from(folder).join(agent.name).with_extension("json");
        std::fs::write(file, serde_json::to_vec(&turns).unwrap()).unwrap();
    }
    let reuse: Vec<f64> = turns.iter().filter_map(Turn::reuse).collect();
    assert_eq!(reuse.len(), TURNS - 1);
    assert!(reuse.iter().all(|reuse| *reuse >= 0.95), "{reuse:.3?} of {turns:#?}");
}
