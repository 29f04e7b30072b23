//! What the tests try a part of, in full: the API's document beside its answers, properties of the output parsers, fuzzing,
//! and the time that parsers take for long texts.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::fuzz::fuzz;
use crate::process::cargo;
use crate::workspace::Workspace;

/// Seconds for which each output format is fuzzed.
const FUZZING: u64 = 600;

/// Requests that schemathesis makes up by the document at `/openapi.json`.
pub fn schemathesis(workspace: &Workspace) -> Result<Value> {
    crate::npm::prepare(workspace)?;
    let said = whole("shorn-tests", &["--test", "openapi", "--", "--nocapture"])?;
    let requests = said.lines().find_map(|line| line.strip_suffix(" requests"));
    let requests: u64 = requests.context("the test told no number of requests")?.trim().parse()?;
    Ok(json!({ "requests": requests, "server errors": 0, "undocumented answers": 0 }))
}

/// Texts for each property and format.
pub fn properties(_: &Workspace) -> Result<Value> {
    whole("shorn-chat", &["--lib", "output::tests::any_text"])?;
    Ok(json!({ "cases of each property, for each format": 200_000, "failures": 0 }))
}

/// Inputs for each format.
pub fn fuzzing(workspace: &Workspace) -> Result<Value> {
    // For a shorter look.
    let seconds = std::env::var("SHORN_FUZZ_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    fuzz(workspace, seconds.unwrap_or(FUZZING))
}

/// Milliseconds for one, two and four megabytes, for each format and for texts made to be hard for it.
pub fn parsers(_: &Workspace) -> Result<Value> {
    let said = cargo()
        .args(["run", "--quiet", "--release", "--package", "shorn-chat", "--example", "parse_speed"])
        .output()?;
    serde_json::from_slice(&said.stdout).with_context(|| String::from_utf8_lossy(&said.stderr).into_owned())
}

/// Runs tests with all their rounds, optimized. Returns what they say.
fn whole(package: &str, arguments: &[&str]) -> Result<String> {
    let mut test = cargo();
    test.args(["test", "--release", "--package", package]).args(arguments).env("SHORN_FULL_LOOPS", "1");
    let output = test.output()?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    anyhow::ensure!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    Ok(said)
}
