//! mlx-lm in a Python process of its own, pinned to the MLX that the engine links.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::cache::cache_directory;
use crate::process::{check, run};

/// The last mlx-lm whose quantized experts run on MLX 0.32.2.
pub const MLX_LM: &str = "0.32.0";

/// A virtual environment with the reference implementation, made on first use.
pub fn python(mlx_version: &str) -> Result<PathBuf> {
    let folder = cache_directory()?.join(format!("reference-mlx-{mlx_version}-mlx-lm-{MLX_LM}"));
    let python = folder.join("bin/python");
    if folder.join("complete").exists() {
        return Ok(python);
    }
    eprintln!("installing mlx-lm {MLX_LM} with mlx {mlx_version}");
    let path = folder.display().to_string();
    run("python3", &["-m", "venv", "--clear", &path])
        .context("the reference needs Python 3.10 or newer (Debian: apt-get install python3-venv)")?;
    let mlx = if cfg!(target_os = "linux") { "mlx[cpu]" } else { "mlx" };
    let packages = [format!("{mlx}=={mlx_version}"), format!("mlx-lm=={MLX_LM}"), "numpy".to_owned()];
    check(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(packages))?;
    fs::write(folder.join("complete"), "")?;
    Ok(python)
}

/// A program that answers each line on its standard input with a line of JSON; it ends when this is dropped.
struct Session {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Session {
    fn start(command: &mut Command) -> Result<Self> {
        let started = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = started.with_context(|| format!("cannot start {command:?}"))?;
        let (to, from) = child.stdin.take().zip(child.stdout.take()).context("a child without pipes")?;
        Ok(Self { child, to, from: BufReader::new(from) })
    }

    fn ask<T: DeserializeOwned>(&mut self, line: &str) -> Result<T> {
        writeln!(self.to, "{line}")?;
        let mut answer = String::new();
        self.from.read_line(&mut answer)?;
        serde_json::from_str(&answer).with_context(|| format!("no answer to {line:?}"))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `shorn bench` in turns with the reference: loaded and warmed up once, like it.
pub struct Paced(Session);

impl Paced {
    /// Loads the model in `folder`.
    pub fn start(shorn: &Path, folder: &Path, options: &[&str]) -> Result<Self> {
        let mut command = Command::new(shorn);
        Ok(Self(Session::start(command.arg("bench").arg(folder).arg("--paced").args(options))?))
    }

    /// One run.
    pub fn run(&mut self) -> Result<Value> {
        self.0.ask("")
    }
}

/// A running reference.
pub struct Reference(Session);

impl Reference {
    /// Starts the process.
    pub fn start(python: &Path) -> Result<Self> {
        Ok(Self(Session::start(Command::new(python).args(["-c", include_str!("reference.py")]))?))
    }

    /// Sends one command and reads its answer.
    pub fn ask<T: DeserializeOwned>(&mut self, command: &str, argument: &Value) -> Result<T> {
        self.0.ask(&json!({ command: argument }).to_string())
    }

    /// The folder of a checkpoint for measurements, made on first use.
    pub fn checkpoint(&mut self, name: &str) -> Result<PathBuf> {
        let folder = cache_directory()?.join("measure").join(name);
        if !folder.exists() {
            let making = folder.with_extension("making");
            let _ = fs::remove_dir_all(&making);
            self.ask::<Value>("make", &json!({"name": name, "into": making}))?;
            fs::rename(&making, &folder)?;
        }
        Ok(folder)
    }
}
