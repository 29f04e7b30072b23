//! The real Pi coding agent, pointed at the server by a `models.json`.
#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use shorn_tests::agents::Pi;
use shorn_tests::script::Script;
use shorn_tests::server::{Server, shorn};
use support::{get, ready};

/// Tabs, both kinds of quotes, backslashes, characters of one to four bytes, an empty line.
const BEFORE: &str = "def greet(name):\n\tprint(\"hello, \" + name)\n\n\ndef main():\n\tgreet('you')\n";
const OLD: &str = "def greet(name):\n\tprint(\"hello, \" + name)\n";
const NEW: &str = "def greet(name):\n\t\"\"\"Says 'hi' in three ways: \\n, <b>, café 日本 🎉.\"\"\"\n\n\tprint(f\"hi,\\t{name}\")\n";

/// Connects a Pi of its own to the server as a person would, with so many tokens for each reply, and runs it in print
/// mode in `project`.
fn pi(server: &Server, project: &Path, max_tokens: Option<u32>, prompt: &str) -> Output {
    let home = tempfile::tempdir().unwrap();
    let connect = connect(server, home.path(), &["--write"]);
    assert!(connect.status.success(), "{}", String::from_utf8_lossy(&connect.stderr));
    if let Some(max_tokens) = max_tokens {
        let models = home.path().join(".pi/agent/models.json");
        let mut text: Value = serde_json::from_slice(&fs::read(&models).unwrap()).unwrap();
        text["providers"]["shorn"]["models"][0]["maxTokens"] = json!(max_tokens);
        fs::write(models, text.to_string()).unwrap();
    }
    let output = Pi::install()
        .command(home.path(), project)
        .args(["--provider", "shorn", "--model", "random-coder", "-p", prompt])
        .output()
        .unwrap();
    eprintln!("{}", String::from_utf8_lossy(&output.stderr));
    output
}

/// `shorn connect pi` for a home folder.
fn connect(server: &Server, home: &Path, options: &[&str]) -> Output {
    let port = server.port.to_string();
    let mut shorn = Command::new(shorn());
    shorn.args(["connect", "pi", "--port", &port]).args(options);
    shorn.env("HOME", home).env_remove("PI_CODING_AGENT_DIR").output().unwrap()
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
    let file = project.path().join("greet.py");
    fs::write(&file, BEFORE).unwrap();
    let edits = json!([{"oldText": OLD, "newText": NEW}]).to_string();
    let script = Script::answers([
        format!("I look at the file first.\n\n{}", call("read", &[("path", "greet.py")])),
        // Without its opening tag, as this family often writes it.
        call("edit", &[("path", "greet.py"), ("edits", &edits)]).replace("<tool_call>\n", ""),
        "It greets in three ways now: 日本 🎉.".to_owned(),
    ]);
    let server = Server::scripted(&script, &[]);
    ready(&server).await;
    let output = pi(&server, project.path(), None, "Make greet.py greet in three ways.");
    assert!(output.status.success());
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("It greets in three ways now: 日本 🎉."), "{said}");
    assert_eq!(fs::read_to_string(&file).unwrap(), BEFORE.replace(OLD, NEW));

    let (_, status) = get(&server, "/api/status").await;
    let requests = status["requests"].as_array().unwrap();
    assert_eq!(requests.len(), 3);
    assert!(requests.iter().all(|request| request["client"].as_str().unwrap().starts_with("pi/")));
    assert_eq!(requests[1]["finish"], "tool_calls");
}

#[tokio::test]
async fn a_call_that_is_cut_off_touches_no_file() {
    let project = tempfile::tempdir().unwrap();
    let file = project.path().join("greet.py");
    fs::write(&file, BEFORE).unwrap();
    let long = "x = 1\n".repeat(200);
    let server =
        Server::scripted(&Script::answers([call("write", &[("path", "greet.py"), ("content", &long)])]), &[]);
    ready(&server).await;
    pi(&server, project.path(), Some(48), "Write a long file.");
    assert_eq!(fs::read_to_string(&file).unwrap(), BEFORE);
    assert_eq!(fs::read_dir(project.path()).unwrap().count(), 1);
    let (_, status) = get(&server, "/api/status").await;
    assert_eq!(status["requests"][0]["finish"], "length");
}

#[tokio::test]
async fn pi_gets_a_streamed_answer_from_the_real_engine() {
    let server = Server::start(&["--kv-bits", "8", "--kv-start", "0"]);
    ready(&server).await;
    let project = tempfile::tempdir().unwrap();
    pi(&server, project.path(), Some(48), "What is this?");
    let (_, status) = get(&server, "/api/status").await;
    let requests = status["requests"].as_array().unwrap();
    let request = requests.last().unwrap();
    assert!(request["client"].as_str().unwrap().starts_with("pi/"));
    let report = &request["report"];
    assert!(report["prompt_tokens"].as_u64().unwrap() > 1000);
    assert!(report["generated_tokens"].as_u64().unwrap() > 0);
    assert_eq!(report["kv"]["quantized_share"], 1.0);
}

#[tokio::test]
async fn connecting_prints_adds_and_takes_out_again_and_leaves_the_rest_of_the_file_alone() {
    let server = Server::start(&["--context-length", "8000"]);
    ready(&server).await;
    let home = tempfile::tempdir().unwrap();
    let printed = connect(&server, home.path(), &[]);
    let printed: Value = serde_json::from_slice(&printed.stdout).unwrap();
    let provider = &printed["providers"]["shorn"];
    assert_eq!(provider["baseUrl"], server.url("/v1"));
    assert_eq!(provider["models"][0]["id"], "random-coder");
    assert_eq!(provider["models"][0]["contextWindow"], 8000);
    assert_eq!(provider["models"][0]["maxTokens"], 2000);
    assert!(!home.path().join(".pi").exists(), "printing writes nothing");

    let models = home.path().join(".pi/agent/models.json");
    fs::create_dir_all(models.parent().unwrap()).unwrap();
    let before = "{\n\t// mine\n\t\"providers\": {\n\t\t\"other\": {},\n\t},\n}\n";
    fs::write(&models, before).unwrap();
    assert!(connect(&server, home.path(), &["--write"]).status.success());
    let after = fs::read_to_string(&models).unwrap();
    assert!(
        after.contains("// mine") && after.contains("\"shorn\"") && after.contains("\"other\": {}"),
        "{after}"
    );
    assert!(connect(&server, home.path(), &["--remove"]).status.success());
    assert_eq!(fs::read_to_string(&models).unwrap(), before);
}
