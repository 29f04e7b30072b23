//! The Hub's own library, `huggingface_hub` from PyPI, to check both ways that we mean the same.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The version that is pinned.
const HUGGINGFACE_HUB: &str = "2.4.0";

/// A Python that has the library.
pub struct Python {
    program: PathBuf,
}

impl Python {
    /// Makes a virtual environment in the cache folder, unless it is there.
    ///
    /// # Errors
    /// When it cannot be made: it needs Python 3.10 or newer with `venv`, and PyPI the first time.
    pub fn install() -> io::Result<Self> {
        let folder = cache_directory()?.join(format!("huggingface_hub-{HUGGINGFACE_HUB}"));
        fs::create_dir_all(&folder)?;
        // Tests run at the same time, in several processes.
        let lock = File::create(folder.with_extension("lock"))?;
        lock.lock()?;
        let program = folder.join("bin/python");
        if !folder.join("complete").exists() {
            run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
            let package = format!("huggingface_hub=={HUGGINGFACE_HUB}");
            run(Command::new(&program).args(["-m", "pip", "install", "--quiet", &package]))?;
            fs::write(folder.join("complete"), "")?;
        }
        Ok(Self { program })
    }

    /// Runs a script against a Hub, with this folder for `HF_HOME`, and gives what it prints.
    ///
    /// # Errors
    /// With what it says when it fails.
    pub fn run(&self, script: &str, endpoint: &str, home: &Path) -> io::Result<String> {
        let mut command = Command::new(&self.program);
        command
            .args(["-c", script])
            .env_clear()
            .env("HF_ENDPOINT", endpoint)
            .env("HF_HOME", home)
            .env("HF_HUB_DISABLE_TELEMETRY", "1");
        let output = run(&mut command)?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}

fn run(command: &mut Command) -> io::Result<Output> {
    let output = command.output()?;
    match output.status.success() {
        true => Ok(output),
        false => {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(io::Error::other(format!("{:?} failed:\n{said}", command.get_program())))
        }
    }
}

/// Where `cargo xtask` keeps what outlives a checkout.
fn cache_directory() -> io::Result<PathBuf> {
    if let Some(path) = std::env::var_os("XDG_CACHE_HOME").filter(|path| !path.is_empty()) {
        return Ok(PathBuf::from(path).join("shorn"));
    }
    let home = std::env::home_dir().ok_or_else(|| io::Error::other("HOME is not set"))?;
    Ok(home.join(".cache/shorn"))
}
