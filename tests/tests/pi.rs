//! What `shorn connect pi` writes, and the real Pi with the real engine. What it does with a capable model is in
//! `agents.rs`.
#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use shorn_tests::agents::{Limits, PI, Project, Session};
use shorn_tests::server::{Server, shorn};
use support::{get, ready};

/// `shorn connect pi` for a home folder.
fn connect(server: &Server, home: &Path, options: &[&str]) -> Output {
    let port = server.port.to_string();
    let mut shorn = Command::new(shorn());
    shorn.args(["connect", "pi", "--port", &port]).args(options);
    shorn.env("HOME", home).env_remove("PI_CODING_AGENT_DIR").output().unwrap()
}

#[tokio::test]
async fn pi_gets_a_streamed_answer_from_the_real_engine() {
    let server = Server::start(&["--kv-bits", "8", "--kv-start", "0"]);
    ready(&server).await;
    let limits = Limits { reply: 48, ..Limits::default() };
    Session::new(&PI, &Project::default(), &server, "random-coder", limits).ask("What is this?");
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
