//! The tiny coder's training, in small. It needs PyTorch, which on Linux comes with 2.5 GB of CUDA's libraries unless
//! `PIP_EXTRA_INDEX_URL` names PyTorch's index of CPU builds: a step of its own in CI, left out of `npm test`.
#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

use std::path::Path;
use std::process::Command;

use shorn_hub_tests::python::environment;

/// Runs a script of `tests/tiny-coder`.
fn run(script: &str, arguments: &[&str]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tiny-coder");
    let requirements = std::fs::read_to_string(folder.join("requirements.txt")).unwrap();
    let python = environment("tiny-coder", &requirements).unwrap();
    let mut command = Command::new(python);
    command.arg("-B").arg(folder.join(script)).args(arguments);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script} failed:\n{said}");
}

#[test]
#[ignore = "fetches PyTorch"]
fn twenty_steps_on_the_cpu_lower_the_loss() {
    run("train.py", &["--smoke"]);
}

#[test]
#[ignore = "fetches PyTorch"]
fn its_network_computes_what_that_of_transformers_computes() {
    run("check_model.py", &[]);
}
