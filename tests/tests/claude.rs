//! The real Claude Code, pointed at the server by its environment.
#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

mod support;

use std::fs;
use std::path::Path;
use std::process::Output;

use shorn_tests::agents::Claude;
use shorn_tests::script::{Answer, Script};
use shorn_tests::server::Server;
use support::{get, ready};

/// Tabs, both kinds of quotes, backslashes, characters of one to four bytes, an empty line.
const BEFORE: &str = "def greet(name):\n\tprint(\"hello, \" + name)\n\n\ndef main():\n\tgreet('you')\n";
const OLD: &str = "def greet(name):\n\tprint(\"hello, \" + name)";
const NEW: &str = "def greet(name):\n\t\"\"\"Says 'hi' in three ways: \\n, <b>, café 日本 🎉.\"\"\"\n\n\tprint(f\"hi,\\t{name}\")";

/// Runs Claude Code in print mode in `project`.
fn claude(server: &Server, project: &Path, prompt: &str) -> Output {
    let home = tempfile::tempdir().unwrap();
    let mut command = Claude::install().command(&server.url(""), "random-coder", home.path(), project);
    let output = command.arg(prompt).output().unwrap();
    eprintln!("{}", String::from_utf8_lossy(&output.stderr));
    output
}

fn call(function: &str, parameters: &[(&str, &str)]) -> String {
    let parameters: String = parameters
        .iter()
        .map(|(name, value)| format!("<parameter={name}>\n{value}\n</parameter>\n"))
        .collect();
    format!("<tool_call>\n<function={function}>\n{parameters}</function>\n</tool_call>")
}

#[tokio::test]
async fn a_whole_session_reads_edits_over_several_lines_and_concludes() {
    let project = tempfile::tempdir().unwrap();
    let file = project.path().canonicalize().unwrap().join("greet.py");
    fs::write(&file, BEFORE).unwrap();
    let path = file.to_str().unwrap();
    let script = Script::answers([
        format!("I look at the file first.\n\n{}", call("Read", &[("file_path", path)])),
        call("Edit", &[("file_path", path), ("old_string", OLD), ("new_string", NEW)]),
        "It greets in three ways now: 日本 🎉.".to_owned(),
    ]);
    let server = Server::scripted(&script, &[]);
    ready(&server).await;
    let output = claude(&server, project.path(), "Make greet.py greet in three ways.");
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}");
    assert!(said.contains("It greets in three ways now: 日本 🎉."), "{said}");
    assert_eq!(fs::read_to_string(&file).unwrap(), BEFORE.replace(OLD, NEW));

    let (_, status) = get(&server, "/api/status").await;
    let requests = status["requests"].as_array().unwrap();
    assert_eq!(requests.len(), 3);
    assert!(requests.iter().all(|request| request["client"].as_str().unwrap().starts_with("claude-cli/")));
    assert!(requests.iter().all(|request| request["endpoint"] == "/v1/messages"));
    assert_eq!(requests[1]["finish"], "tool_calls");
}

#[tokio::test]
async fn a_call_that_is_cut_off_touches_no_file() {
    let project = tempfile::tempdir().unwrap();
    let file = project.path().canonicalize().unwrap().join("new.py");
    let long = "x = 1\n".repeat(200);
    let write = call("Write", &[("file_path", file.to_str().unwrap()), ("content", &long)]);
    let cut = Answer { cut_after: Some(200), ..Answer::text(write) };
    let server = Server::scripted(&Script { answers: vec![cut], ..Script::default() }, &[]);
    ready(&server).await;
    claude(&server, project.path(), "Write a long file.");
    assert!(!file.exists());
    let (_, status) = get(&server, "/api/status").await;
    assert_eq!(status["requests"][0]["finish"], "length");
}
