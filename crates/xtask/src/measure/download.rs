//! Downloads beside what a shell can do: `curl | tee FILE | sha256sum`. Ratios are its time over ours: above 1 is
//! faster.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::statistics::{median, ratio};
use crate::process::{cargo, check};
use crate::workspace::Workspace;

/// The size of the file.
const BYTES: u64 = 1_000_000_000;

/// Times that the comparison is made.
const PAIRS: usize = 9;

const MODEL: &str = "org/model";

pub fn measure(workspace: &Workspace) -> Result<Value> {
    check(cargo().args(["build", "--release", "--package", "shorn-hub-tests", "--bins"]))?;
    let programs = workspace.target_directory.join("release");
    let hub = FakeHub::start(&programs.join("fake-hub"))?;
    let (mut pairs, mut synced, mut peaks) = (Vec::new(), Vec::new(), Vec::new());
    for pair in 0..PAIRS {
        eprintln!("pair {} of {PAIRS}", pair + 1);
        let (ours, peak) = pull(&programs.join("pull"), &hub)?;
        pairs.push((curl(&hub, "")?, ours));
        synced.push((curl(&hub, "; sync \"$FILE\"")?, ours));
        peaks.push(peak);
    }
    let (curl, ours): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    let peak =
        |of: fn(&Peak) -> u64| median(&peaks.iter().map(|peak| megabytes(of(peak))).collect::<Vec<_>>());
    let per_second = |seconds: &[f64]| megabytes(BYTES) / median(seconds);
    Ok(json!({
        "bytes": BYTES,
        "ours": {
            "seconds": ours,
            "megabytes per second": per_second(&ours),
            "peak resident megabytes": {
                "when a tenth was there": peak(|peak| peak.tenth),
                "at the end": peak(|peak| peak.end),
            },
        },
        "curl | tee | sha256sum": { "seconds": curl, "megabytes per second": per_second(&curl) },
        "our speed over that of curl | tee | sha256sum": ratio(&pairs),
        "the same, where the file is synced to the disk as ours is": ratio(&synced),
    }))
}

/// Peak resident memory in bytes.
struct Peak {
    tenth: u64,
    end: u64,
}

/// Downloads with `pull`: seconds, and memory.
fn pull(program: &Path, hub: &FakeHub) -> Result<(f64, Peak)> {
    let folder = tempfile::tempdir()?;
    let start = Instant::now();
    let mut process = Command::new(program)
        .args([&hub.endpoint, &folder.path().join("hub").display().to_string()])
        .args([&folder.path().join("queue.json").display().to_string(), MODEL, "--linger"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run {}", program.display()))?;
    let states = BufReader::new(process.stdout.take().context("its output is a pipe")?);
    let mut peak = Peak { tenth: 0, end: 0 };
    let mut seconds = None;
    for state in states.lines() {
        let state: Value = serde_json::from_str(&state?)?;
        if peak.tenth == 0 && state["done"].as_u64().unwrap_or(0) >= BYTES / 10 {
            peak.tenth = peak_memory(&process)?;
        }
        if state["state"]["state"] == "ready" {
            seconds = Some(start.elapsed().as_secs_f64());
            peak.end = peak_memory(&process)?;
            drop(process.stdin.take());
        }
    }
    process.wait()?;
    Ok((seconds.context("the download failed")?, peak))
}

/// Downloads with `curl`: seconds.
fn curl(hub: &FakeHub, then: &str) -> Result<f64> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("model.safetensors");
    let script = format!("curl -sfL \"$URL\" | tee \"$FILE\" | sha256sum > /dev/null{then}");
    let start = Instant::now();
    check(
        Command::new("sh")
            .args(["-c", &script])
            .env("URL", format!("{}/{MODEL}/resolve/main/model.safetensors", hub.endpoint))
            .env("FILE", &file),
    )?;
    let seconds = start.elapsed().as_secs_f64();
    match fs::metadata(&file)?.len() {
        BYTES => Ok(seconds),
        bytes => bail!("curl brought {bytes} bytes"),
    }
}

/// `VmHWM` of Linux.
fn peak_memory(process: &Child) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", process.id()))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes =
        line.and_then(|line| line.trim().strip_suffix(" kB")).context("no VmHWM in its status")?;
    Ok(kilobytes.trim().parse::<u64>()? * 1024)
}

/// A Hub with one model of one large file.
struct FakeHub {
    process: Child,
    endpoint: String,
}

impl FakeHub {
    fn start(program: &Path) -> Result<Self> {
        let mut process = Command::new(program)
            .args(["--synthetic", &format!("{MODEL}={BYTES}")])
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot run {}", program.display()))?;
        let mut endpoint = String::new();
        BufReader::new(process.stdout.take().context("its output is a pipe")?).read_line(&mut endpoint)?;
        Ok(Self { process, endpoint: endpoint.trim().to_owned() })
    }
}

impl Drop for FakeHub {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
