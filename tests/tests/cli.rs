//! The `shorn` command, as a person types it.
#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

use std::process::{Command, Output};

use serde_json::Value;
use shorn_tests::server::{checkpoint, random_model, shorn};

fn run(arguments: &[&str]) -> Output {
    let home = tempfile::tempdir().unwrap();
    Command::new(shorn()).args(arguments).env("SHORN_HOME", home.path()).output().unwrap()
}

fn json(arguments: &[&str]) -> Value {
    let output = run(arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What a failed command says on standard error.
fn complaint(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

fn path(folder: std::path::PathBuf) -> String {
    folder.to_str().unwrap().to_owned()
}

#[test]
fn run_answers_in_the_terminal_and_reports_what_it_cost() {
    let model = path(random_model());
    let output = run(&[
        "run",
        &model,
        "Hello.",
        "--max-tokens",
        "12",
        "--seed",
        "1",
        "--kv-bits",
        "8",
        "--kv-start",
        "0",
    ]);
    assert!(output.status.success());
    assert!(!output.stdout.is_empty());
    let report = String::from_utf8(output.stderr).unwrap();
    for part in
        ["tokens in, 12 out", "first token after", "prefill", "decode", "peak", "KV 8-bit/64 from 0, 100 %"]
    {
        assert!(report.contains(part), "no `{part}`: {report}");
    }
    let again = run(&[
        "run",
        &model,
        "Hello.",
        "--max-tokens",
        "12",
        "--seed",
        "1",
        "--kv-bits",
        "8",
        "--kv-start",
        "0",
    ]);
    assert_eq!(output.stdout, again.stdout, "the same seed gives the same answer");
}

#[test]
fn inspect_tells_the_cost_of_every_kv_setting_and_why_one_is_not_allowed() {
    let report = json(&["inspect", &path(checkpoint("qwen3_moe-4bit")), "--json"]);
    assert_eq!(report["layers"], 2);
    assert_eq!(report["activation_dtype"], "F32");
    let row = |setting: &str| {
        let rows = report["kv"].as_array().unwrap();
        rows.iter().find(|row| row["setting"] == setting).unwrap().clone()
    };
    assert_eq!(row("unquantized")["bytes_per_token"], 2048);
    assert_eq!(row("8-bit/64")["share_of_dense"], 0.28125);
    assert!(row("8-bit/64")["refused"].is_null());
    assert!(row("8-bit/128")["refused"].as_str().unwrap().contains("head dimension 64"));
}

#[test]
fn bench_measures_what_it_says() {
    let model = path(random_model());
    let options = ["--prompt", "40", "--generate", "10", "--depth", "100", "--runs", "2", "--json"];
    let report = json(&[&["bench", &model], &options[..]].concat());
    assert_eq!(report["runs"].as_array().unwrap().len(), 2);
    let run = &report["runs"][0];
    assert_eq!(run["report"]["prompt_tokens"], 140);
    assert_eq!(run["report"]["cached_tokens"], 100);
    assert_eq!(run["report"]["generated_tokens"], 10);
    assert_eq!(run["step_milliseconds"].as_array().unwrap().len(), 9);
    assert!(run["prefill_tokens_per_second"].as_f64().unwrap() > 0.0);
    assert!(run["decode_peak_above_weights"].as_u64() >= run["live_above_weights"].as_u64());
    let table = run_text(&["bench", &model, "--prompt", "40", "--generate", "10", "--runs", "1"]);
    assert!(table.contains("tok/s") && table.contains("peak above weights"), "{table}");
}

fn run_text(arguments: &[&str]) -> String {
    String::from_utf8(run(arguments).stdout).unwrap()
}

#[test]
fn a_kv_setting_that_the_model_cannot_take_is_refused_with_the_reason() {
    let model = path(random_model());
    for command in
        [&["run", &model, "Hi."][..], &["bench", &model], &["serve", "--model", &model, "--port", "0"]]
    {
        let message = complaint(&[command, &["--kv-bits", "8", "--kv-group-size", "128"]].concat());
        assert!(
            message.contains("head dimension 64") && message.contains("32 or 64"),
            "{command:?}: {message}"
        );
    }
    assert!(complaint(&["run", &model, "Hi.", "--kv-bits", "5"]).contains("2, 3, 4, 6 or 8"));
    assert!(complaint(&["run", &model, "Hi.", "--kv-key-bits", "8"]).contains("--kv-value-bits"));
}

#[test]
fn a_folder_that_is_no_model_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().to_str().unwrap();
    assert!(complaint(&["inspect", folder]).contains("config.json"));
    let missing = format!("{folder}/missing");
    assert!(complaint(&["inspect", &missing]).contains(&missing));
    assert!(complaint(&["serve", "--model", folder, "--port", "0"]).contains(folder));
}

#[test]
fn a_context_longer_than_the_models_is_refused_with_the_longest_there_is() {
    let message = complaint(&["serve", "--port", "0", "--context-length", "100000"]);
    assert!(message.contains("32768"), "{message}");
}
