//! The real Codex, pointed at the server by a `config.toml`.
#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

mod support;

use std::fs;
use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::json;
use shorn_tests::agents::Codex;
use shorn_tests::script::{Answer, Script};
use shorn_tests::server::Server;
use support::{get, ready};

const BEFORE: &str = "def greet(name):\n\tprint(\"hello, \" + name)\n";

/// Tabs, both kinds of quotes, backslashes, characters of one to four bytes.
const PATCH: &str = "*** Begin Patch\n*** Update File: greet.py\n@@\n def greet(name):\n-\tprint(\"hello, \" + name)\n\
    +\tprint(f\"hi,\\t{name}: \\n, <b>, café 日本 🎉\", 'x')\n*** End Patch";

const AFTER: &str = "def greet(name):\n\tprint(f\"hi,\\t{name}: \\n, <b>, café 日本 🎉\", 'x')\n";

/// A home with what Codex needs to know: where the server is, and what its model can do.
fn home(server: &Server) -> tempfile::TempDir {
    // Codex does not like a home in the folder for temporary files.
    let home = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let catalog = home.path().join("models.json");
    let model = json!({
        "slug": "random-coder", "display_name": "Shorn", "supported_reasoning_levels": [],
        "shell_type": "unified_exec", "visibility": "list", "supported_in_api": true, "priority": 1,
        "support_verbosity": false, "truncation_policy": {"mode": "tokens", "limit": 10000},
        "experimental_supported_tools": [], "base_instructions": "You are a coding agent.",
        "context_window": 65536, "apply_patch_tool_type": "freeform", "supports_parallel_tool_calls": true,
        "input_modalities": ["text"],
    });
    fs::write(&catalog, json!({"models": [model]}).to_string()).unwrap();
    let config = format!(
        r#"
        model = "random-coder"
        model_provider = "shorn"
        model_catalog_json = "{}"
        check_for_update_on_startup = false
        web_search = "disabled"
        [model_providers.shorn]
        name = "shorn"
        base_url = "{}"
        wire_api = "responses"
        [features]
        plugins = false
        apps = false
        remote_plugin = false
        [analytics]
        enabled = false
        "#,
        catalog.display(),
        server.url("/v1"),
    );
    fs::write(home.path().join("config.toml"), config).unwrap();
    home
}

fn codex(server: &Server, project: &Path, prompt: &str) -> Output {
    let home = home(server);
    let mut command = Codex::install().command(home.path(), project);
    let output = command.arg(prompt).stdin(Stdio::null()).output().unwrap();
    eprintln!("{}", String::from_utf8_lossy(&output.stderr));
    output
}

fn call(function: &str, key: &str, value: &str) -> String {
    format!(
        "<tool_call>\n<function={function}>\n<parameter={key}>\n{value}\n</parameter>\n</function>\n</tool_call>"
    )
}

#[tokio::test]
async fn a_whole_session_runs_a_command_lands_a_patch_to_the_byte_and_concludes() {
    let project = tempfile::tempdir().unwrap();
    let file = project.path().join("greet.py");
    fs::write(&file, BEFORE).unwrap();
    let script = Script::answers([
        format!("I look first.\n\n{}", call("exec_command", "cmd", "cat greet.py > seen.txt; cat greet.py")),
        call("apply_patch", "input", PATCH),
        "It greets anew: 日本 🎉.".to_owned(),
    ]);
    let server = Server::scripted(&script, &[]);
    ready(&server).await;
    let output = codex(&server, project.path(), "Make greet.py greet anew.");
    assert!(output.status.success());
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("It greets anew: 日本 🎉."), "{said}");
    assert_eq!(fs::read_to_string(project.path().join("seen.txt")).unwrap(), BEFORE);
    assert_eq!(fs::read_to_string(&file).unwrap(), AFTER);

    let (_, status) = get(&server, "/api/status").await;
    let requests = status["requests"].as_array().unwrap();
    assert_eq!(requests.len(), 3);
    assert!(requests.iter().all(|request| request["endpoint"] == "/v1/responses"));
    assert_eq!(requests[1]["finish"], "tool_calls");
}

#[tokio::test]
async fn a_patch_that_is_cut_off_touches_no_file() {
    let project = tempfile::tempdir().unwrap();
    let file = project.path().join("greet.py");
    fs::write(&file, BEFORE).unwrap();
    let patch = PATCH.replace("*** End", &("+x = 1\n".repeat(100) + "*** End"));
    let text = call("apply_patch", "input", &patch);
    let script =
        Script { answers: vec![Answer { cut_after: Some(200), ..Answer::text(text) }], ..Script::default() };
    let server = Server::scripted(&script, &[]);
    ready(&server).await;
    let output = codex(&server, project.path(), "Make greet.py greet anew.");
    assert!(!output.status.success());
    assert_eq!(fs::read_to_string(&file).unwrap(), BEFORE);
    let (_, status) = get(&server, "/api/status").await;
    assert_eq!(status["requests"][0]["finish"], "length");
}
