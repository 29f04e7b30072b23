//! The embedded model at work: the real Pi, the server, the worker and the engine, nothing scripted. The projects are
//! written here, none comes from the generator of its training.
#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use shorn_hub_tests::python::environment;
use shorn_tests::agents::Pi;
use shorn_tests::server::{Server, shorn};
use support::{chat, get, post, ready};

/// What a task's project is made of, its prompt, and how the file that is wrong must read in the end.
struct Task {
    files: &'static [(&'static str, &'static str)],
    test: (&'static str, &'static str),
    prompt: &'static str,
    repaired: (&'static str, &'static str),
}

/// The test fails in `cart.py`, the cause is in `price.py`.
const CROSS_FILE_BUG: Task = Task {
    files: &[
        (
            "cart.py",
            "from price import line_total\n\n\ndef cart_total(lines):\n    \"\"\"Return the sum of the line totals.\"\"\"\n    \
             return line_total(lines)\n",
        ),
        (
            "price.py",
            "def line_total(lines):\n    \"\"\"Return the sum of first times second number over the pairs of lines.\"\"\"\n    \
             total = 0\n    for left, right in lines:\n        total += left + right\n    return total\n",
        ),
    ],
    test: (
        "test_cart.py",
        "from cart import cart_total\n\n\ndef test_cart_total():\n    assert cart_total([(2, 10), (3, 5)]) == 35\n",
    ),
    prompt: "The test in test_cart.py fails. Find the cause and fix it.",
    repaired: ("price.py", "        total += left * right\n"),
};

/// The test says what a function must do that is not there yet.
const IMPLEMENT_FROM_SPEC: Task = Task {
    files: &[(
        "badge.py",
        "def badge_letters(label):\n    \"\"\"Return the first letters of the words of label.\"\"\"\n    \
         raise NotImplementedError\n\n\ndef loud_label(label):\n    \"\"\"Return label in upper case.\"\"\"\n    \
         return label.upper()\n",
    )],
    test: (
        "test_badge.py",
        "from badge import badge_letters\n\n\ndef test_badge_letters():\n    \
         assert badge_letters('ada king lovelace') == 'akl'\n",
    ),
    prompt: "Implement what is missing so that test_badge.py passes.",
    repaired: ("badge.py", "    return ''.join(word[0] for word in label.split())\n"),
};

/// How long Pi may take. A model that goes wrong can go on until its context is full.
const PATIENCE: Duration = Duration::from_secs(600);

/// Gives the task to Pi and checks that its tests, as they were, pass in the end; the server's options decide about the
/// KV cache, of which `share` must be quantized.
async fn ends_with_green_tests(task: &Task, options: &[&str], share: f64) {
    let server = Server::embedded(options);
    ready(&server).await;
    let project = tempfile::tempdir().unwrap();
    for (path, text) in task.files.iter().chain([&task.test]) {
        fs::write(project.path().join(path), text).unwrap();
    }
    let python = environment("pytest", "pytest==9.2.0").unwrap();
    assert!(!passes(&python, project.path()), "the tests must fail at first");
    let said = pi(&server, &python, project.path(), task.prompt).await;
    let (path, line) = task.repaired;
    let repaired = fs::read_to_string(project.path().join(path)).unwrap();
    assert!(repaired.contains(line), "Pi said {said:?} and left {path} as\n{repaired}");
    fs::write(project.path().join(task.test.0), task.test.1).unwrap();
    assert!(passes(&python, project.path()));
    assert!(said.ends_with("All tests pass.\n"), "{said}");

    let (_, status) = get(&server, "/api/status").await;
    for request in status["requests"].as_array().unwrap() {
        assert_eq!(request["report"]["kv"]["quantized_share"], share, "{request}");
        assert_eq!(request["sampling"]["temperature"], 0.0, "{request}");
    }
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
    ends_with_green_tests(&CROSS_FILE_BUG, &[], 0.0).await;
}

#[tokio::test]
async fn with_pi_and_an_8_bit_kv_cache_a_bug_in_another_file_is_found_and_fixed() {
    ends_with_green_tests(&CROSS_FILE_BUG, EIGHT_BITS, 1.0).await;
}

#[tokio::test]
async fn with_pi_a_missing_function_is_written_from_its_test() {
    ends_with_green_tests(&IMPLEMENT_FROM_SPEC, &[], 0.0).await;
}

#[tokio::test]
async fn with_pi_and_an_8_bit_kv_cache_a_missing_function_is_written_from_its_test() {
    ends_with_green_tests(&IMPLEMENT_FROM_SPEC, EIGHT_BITS, 1.0).await;
}

#[tokio::test]
async fn in_a_chat_it_says_what_it_is() {
    let server = Server::embedded(&[]);
    ready(&server).await;
    let (_, reply) = post(&server, &chat("Who are you?", json!({}))).await;
    let answer = reply["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(answer.contains("tiny test model"), "{answer}");
}
