//! What the tiny coder gets done, by KV cache: tasks that its training has not seen, with the eval's built-in agent and
//! with Pi.

use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::Measuring;
use crate::cache::cache_directory;
use crate::process::check;

/// Who works, on how many tasks, and with which KV caches.
const RUNS: &[(&str, usize, &str)] = &[("built-in", 100, "16,8,k8v4,4,3,2"), ("pi", 20, "16,8")];

/// How long the server may take to load the embedded model.
const PATIENCE: Duration = Duration::from_secs(60);

/// Serves the embedded model and runs the eval on it.
pub fn measure(measuring: &Measuring) -> Result<Value> {
    let root = &measuring.workspace.root;
    let python = python(&root.join("tests/tiny-coder"))?;
    let home = tempfile::tempdir()?;
    let server = Server::start(&measuring.shorn, home.path())?;
    let mut results = Vec::new();
    for (agent, count, kv) in RUNS {
        let tasks = home.path().join(format!("tasks-{agent}"));
        let script = root.join("tests/tiny-coder/heldout.py");
        check(Command::new(&python).arg("-B").arg(script).arg(&tasks).args(["--count", &count.to_string()]))?;
        let mut eval = Command::new(&measuring.shorn);
        eval.arg("eval").arg("--tasks").arg(&tasks).args(["--agent", agent, "--kv", kv, "--json"]);
        eval.args(["--port", &server.port.to_string()]).arg("--python").arg(&python);
        if *agent == "pi" {
            let (node, script) = pi(&python, &root.join("tests/tiny-coder"))?;
            let path = std::env::var_os("PATH").unwrap_or_default();
            let folders = node.parent().map(Path::to_owned).into_iter().chain(std::env::split_paths(&path));
            eval.env("PATH", std::env::join_paths(folders)?).arg("--pi").arg(script);
        }
        let output = eval.env("SHORN_HOME", home.path()).stderr(Stdio::inherit()).output()?;
        if !output.status.success() {
            bail!("shorn eval ended with {}", output.status);
        }
        let run: Value = serde_json::from_slice(&output.stdout).context("shorn eval gave no JSON")?;
        let settings = run["settings"].as_array().context("a run without settings")?;
        results.extend(settings.iter().map(|setting| summary(agent, setting)));
    }
    Ok(results.into())
}

/// One row: who worked with which KV cache, how many tasks passed, and what it took.
fn summary(agent: &str, setting: &Value) -> Value {
    let tasks = setting["tasks"].as_array().map(Vec::as_slice).unwrap_or_default();
    let passed = |task: &&Value| task["outcome"]["kind"] == "passed";
    let sum = |field: &str| tasks.iter().filter_map(|task| task[field].as_f64()).sum::<f64>();
    let longest = tasks.iter().filter_map(|task| task["context_tokens"].as_u64()).max();
    let failed: Vec<&Value> = tasks.iter().filter(|task| !passed(task)).map(|task| &task["task"]).collect();
    json!({
        "agent": agent,
        "kv": setting["kv"],
        "tasks": tasks.len(),
        "passed": tasks.iter().filter(passed).count(),
        "turns": sum("turns"),
        "calls_that_failed": sum("failed_calls"),
        "seconds": sum("seconds").round(),
        "longest_context": longest,
        "failed": failed,
    })
}

/// The Node and the script of the Pi that the tests have fetched.
fn pi(python: &Path, scripts: &Path) -> Result<(PathBuf, PathBuf)> {
    let question = "import record_pi; print('\\n'.join(record_pi.pi_command()))";
    let asked = Command::new(python).args(["-B", "-c", question]).current_dir(scripts).output()?;
    let said = String::from_utf8(asked.stdout)?;
    let mut lines = said.lines().map(PathBuf::from);
    let (Some(node), Some(script)) = (lines.next(), lines.next()) else { bail!("record_pi.py names no Pi") };
    if !script.is_file() {
        bail!("there is no {}: `cargo test -p shorn-tests --test pi` fetches it", script.display());
    }
    Ok((node, script))
}

/// A Python with what the generator of tasks needs, made on first use.
fn python(scripts: &Path) -> Result<PathBuf> {
    let wanted = ["jinja2==", "pytest=="];
    let requirements = fs::read_to_string(scripts.join("requirements.txt"))?;
    let packages: Vec<&str> =
        requirements.lines().filter(|line| wanted.iter().any(|name| line.starts_with(name))).collect();
    let folder = cache_directory()?.join(format!("held-out-{}", packages.join("-").replace("==", "-")));
    let python = folder.join("bin/python");
    if !folder.join("complete").exists() {
        check(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
        check(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(packages))?;
        fs::write(folder.join("complete"), "")?;
    }
    Ok(python)
}

/// A running `shorn serve` with the embedded model, ended when this is dropped.
struct Server {
    child: Child,
    port: u16,
}

impl Server {
    fn start(shorn: &Path, home: &Path) -> Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut command = Command::new(shorn);
        command.args(["serve", "--port", &port.to_string()]).env("SHORN_HOME", home);
        let server = Self { child: command.stderr(Stdio::null()).spawn()?, port };
        let begun = Instant::now();
        while !server.is_ready() {
            if begun.elapsed() > PATIENCE {
                bail!("the server did not load the embedded model within {} seconds", PATIENCE.as_secs());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(server)
    }

    /// Whether `/health` says that the model is ready.
    fn is_ready(&self) -> bool {
        use std::io::Write;
        let Ok(mut stream) = std::net::TcpStream::connect(("127.0.0.1", self.port)) else { return false };
        let request = format!("GET /health HTTP/1.0\r\nHost: 127.0.0.1:{}\r\n\r\n", self.port);
        let mut reply = String::new();
        stream.write_all(request.as_bytes()).is_ok()
            && stream.read_to_string(&mut reply).is_ok()
            && reply.contains("\"phase\":\"ready\"")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
