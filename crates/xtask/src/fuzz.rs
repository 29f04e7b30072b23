//! Fuzzing the output parsers with libFuzzer, on stable Rust: what cargo-fuzz does without a sanitizer, whose place safe
//! Rust's own checks take.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::process::{cargo, check, output};
use crate::workspace::Workspace;

/// The formats of tool calls, each fuzzed for itself.
const FORMATS: [&str; 11] = [
    "qwen-xml",
    "hermes-json",
    "glm",
    "harmony",
    "mistral",
    "llama-json",
    "deepseek",
    "deepseek-dsml",
    "minimax",
    "gemma",
    "lfm2",
];

/// Seconds for each format in `npm test`: about two minutes in all on two processors.
pub const IN_TESTS: u64 = 20;

/// Bytes of the longest input, which is parsed three times over.
const LONGEST: usize = 4096;

/// Megabytes that a run may have in all.
const MEMORY: usize = 512;

/// Megabytes that may be asked for at once: an input takes some kilobytes.
const ALLOCATION: usize = 16;

/// Seconds that the slowest input may take.
const PATIENCE: usize = 10;

/// What libFuzzer needs to see of the code: which edges are taken and what is compared.
const COVERAGE: [&str; 7] = [
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cllvm-args=-simplifycfg-branch-fold-threshold=0",
];

/// Fuzzes each format for so many seconds, as many at a time as there are processors. Returns what was done for each.
///
/// # Errors
/// When an input is found that breaks what must hold, with the file that holds it.
pub fn fuzz(workspace: &Workspace, seconds: u64) -> Result<Value> {
    let target = build(workspace)?;
    let folder = workspace.target_directory.join("fuzz");
    let waiting = Mutex::new(FORMATS.iter());
    let next = || waiting.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).next();
    let work = || -> Result<Vec<(String, Value)>> {
        std::iter::from_fn(next)
            .map(|format| Ok(((*format).to_owned(), run(&target, &folder, format, seconds)?)))
            .collect()
    };
    let processors = thread::available_parallelism()?.get();
    thread::scope(|scope| {
        let threads: Vec<_> = (0..processors).map(|_| scope.spawn(work)).collect();
        let done = threads.into_iter().map(|thread| match thread.join() {
            Ok(done) => done,
            Err(_) => bail!("a thread panicked"),
        });
        let done: Vec<(String, Value)> = done.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect();
        Ok(done.into_iter().collect::<serde_json::Map<_, _>>().into())
    })
}

/// Builds the fuzz target with coverage, apart from everything else that is built here.
fn build(workspace: &Workspace) -> Result<PathBuf> {
    let version = String::from_utf8(output("rustc", &[], &["--version", "--verbose"])?)?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc names no host")?;
    let folder = workspace.target_directory.join("fuzz");
    check(
        cargo()
            .args(["build", "--quiet", "--package", "shorn-chat-fuzz", "--profile", "fuzz"])
            // Without it build scripts and macros would have coverage too.
            .args(["--target", host, "--target-dir"])
            .arg(&folder)
            .env("CARGO_ENCODED_RUSTFLAGS", COVERAGE.join("\u{1f}")),
    )?;
    Ok(folder.join(host).join("fuzz/output"))
}

/// Fuzzes one format.
fn run(target: &Path, folder: &Path, format: &str, seconds: u64) -> Result<Value> {
    // Inputs that reached something new in earlier runs are where this one begins.
    let corpus = folder.join("corpus").join(format);
    fs::create_dir_all(&corpus)?;
    let log = folder.join(format!("{format}.log"));
    let status = Command::new(target)
        .args([
            format!("-max_total_time={seconds}"),
            format!("-max_len={LONGEST}"),
            format!("-rss_limit_mb={MEMORY}"),
            format!("-malloc_limit_mb={ALLOCATION}"),
            format!("-timeout={PATIENCE}"),
            format!("-artifact_prefix={}/found-{format}-", folder.display()),
            "-print_final_stats=1".to_owned(),
        ])
        .arg(&corpus)
        .env("SHORN_FUZZ_FORMAT", format)
        .stdout(Stdio::null())
        .stderr(File::create(&log)?)
        .status()
        .with_context(|| format!("cannot run {}", target.display()))?;
    let said = fs::read_to_string(&log)?;
    if !status.success() {
        let end: Vec<&str> = said.lines().rev().take(40).collect();
        let end: Vec<&str> = end.into_iter().rev().collect();
        bail!("fuzzing {format} found something ({}):\n{}", log.display(), end.join("\n"));
    }
    let figure = |name: &str| -> Result<u64> {
        let line = said.lines().find_map(|line| line.strip_prefix(&format!("stat::{name}:")));
        Ok(line.with_context(|| format!("{} has no {name}", log.display()))?.trim().parse()?)
    };
    let inputs = figure("number_of_executed_units")?;
    eprintln!("  {format}: {inputs} inputs in {seconds} s");
    Ok(json!({ "seconds": seconds, "inputs": inputs, "peak megabytes": figure("peak_rss_mb")? }))
}
