//! The embedded model at work: real agents, the server, the worker and the engine, nothing scripted. The tasks are those of
//! `shorn eval`; none comes from the generator of its training.
#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use shorn_agents::eval::{Files, Task};
use shorn_hub_tests::python::environment;
use shorn_tests::agents::{self, Agent, Pi, Project, Session};
use shorn_tests::server::{Server, shorn};
use support::{chat, get, post, ready};

/// How long Pi may take. A model that goes wrong can go on until its context is full.
const PATIENCE: Duration = Duration::from_secs(600);

/// Gives one of the eval's tasks to Pi and checks that its tests pass in the end, those that it sees and those that decide;
/// the server's options decide about the KV cache, of which `share` must be quantized.
async fn ends_with_green_tests(name: &str, options: &[&str], share: f64) {
    let server = Server::embedded(options);
    ready(&server).await;
    let task = Task::shipped().into_iter().find(|task| task.name == name).unwrap();
    let project = tempfile::tempdir().unwrap();
    write(&task.project, project.path());
    let python = environment("pytest", "pytest==9.2.0").unwrap();
    assert!(!passes(&python, project.path()), "the tests must fail at first");
    let said = pi(&server, &python, project.path(), &task.description.prompt).await;
    let left: String = task.description.needs.iter().map(|file| read(&project.path().join(file))).collect();
    write(&task.oracle, project.path());
    assert!(passes(&python, project.path()), "Pi said {said:?} and left\n{left}");
    for file in &task.description.keep {
        fs::write(project.path().join(file), &task.project[file]).unwrap();
    }
    assert!(passes(&python, project.path()), "Pi said {said:?} and left\n{left}");
    assert!(said.ends_with("All tests pass.\n"), "{said}");

    let (_, status) = get(&server, "/api/status").await;
    for request in status["requests"].as_array().unwrap() {
        assert_eq!(request["report"]["kv"]["quantized_share"], share, "{request}");
        assert_eq!(request["sampling"]["temperature"], 0.0, "{request}");
    }
}

fn write(files: &Files, folder: &Path) {
    for (path, content) in files {
        fs::create_dir_all(folder.join(path).parent().unwrap()).unwrap();
        fs::write(folder.join(path), content).unwrap();
    }
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap()
}

/// Whether the project's tests pass.
fn passes(python: &Path, project: &Path) -> bool {
    Command::new(python).args(["-m", "pytest", "-q"]).current_dir(project).status().unwrap().success()
}

/// Connects a Pi of its own as a person would, lets it work and gives what it says at the end.
async fn pi(server: &Server, python: &Path, project: &Path, prompt: &str) -> String {
    let home = tempfile::tempdir().unwrap();
    let mut connect = Command::new(shorn());
    connect.args(["connect", "pi", "--write", "--port", &server.port.to_string()]);
    let connected = connect.env("HOME", home.path()).env_remove("PI_CODING_AGENT_DIR").output().unwrap();
    assert!(connected.status.success(), "{}", String::from_utf8_lossy(&connected.stderr));
    let path = std::env::var("PATH").unwrap();
    let mut child = Pi::install()
        .command(home.path(), project)
        .env("PATH", format!("{}:{path}", python.parent().unwrap().display()))
        .args(["--provider", "shorn", "--model", "shorn-embedded", "-p", prompt])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    while child.try_wait().unwrap().is_none() && begun.elapsed() < PATIENCE {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let _ = child.kill();
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
}

/// Keys and values in 8 bits from the first token on.
const EIGHT_BITS: &[&str] = &["--kv-bits", "8", "--kv-start", "0"];

#[tokio::test]
async fn with_pi_a_bug_in_another_file_is_found_and_fixed() {
    ends_with_green_tests("cross-file-bug", &[], 0.0).await;
}

#[tokio::test]
async fn with_pi_and_an_8_bit_kv_cache_a_bug_in_another_file_is_found_and_fixed() {
    ends_with_green_tests("cross-file-bug", EIGHT_BITS, 1.0).await;
}

#[tokio::test]
async fn with_pi_a_missing_function_is_written_from_its_test() {
    ends_with_green_tests("implement-from-spec", &[], 0.0).await;
}

#[tokio::test]
async fn with_pi_and_an_8_bit_kv_cache_a_missing_function_is_written_from_its_test() {
    ends_with_green_tests("implement-from-spec", EIGHT_BITS, 1.0).await;
}

#[tokio::test]
async fn in_a_chat_it_says_what_it_is() {
    let server = Server::embedded(&[]);
    ready(&server).await;
    let (_, reply) = post(&server, &chat("Who are you?", json!({}))).await;
    let answer = reply["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(answer.contains("tiny test model"), "{answer}");
}

/// A streamed answer to an agent whose prompt is not one of its training: it may say anything, and the agent shows it.
async fn answers(agent: &'static Agent) {
    if !agent.is_pinned() {
        eprintln!("{} is not pinned for this platform in agents.json: nothing is tested", agent.name);
        return;
    }
    let server = Server::embedded(&[]);
    ready(&server).await;
    let project = Project::default();
    let said = Session::brief(agent, &project, &server, "shorn-embedded").ask("Who are you?");
    assert!(said.status.success());
    assert!(!said.answer.trim().is_empty());
    let (_, status) = get(&server, "/api/status").await;
    let request = &status["requests"][0];
    assert_eq!((&request["endpoint"], &request["finish"]), (&json!(agent.endpoint), &json!("stop")));
    assert!(request["client"].as_str().unwrap().starts_with(agent.user_agent), "{request}");
    assert!(request["report"]["generated_tokens"].as_u64().unwrap() > 10, "{request}");
}

#[tokio::test]
async fn it_answers_codex() {
    answers(&agents::CODEX).await;
}

#[tokio::test]
async fn it_answers_claude_code() {
    answers(&agents::CLAUDE).await;
}

#[tokio::test]
async fn it_answers_opencode() {
    answers(&agents::OPENCODE).await;
}
