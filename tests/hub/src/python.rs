//! Python with pinned packages from PyPI: the official clients, to check that we mean the same as they do.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The Hub's own library.
const HUGGINGFACE_HUB: &str = "huggingface_hub==2.4.0";

/// The Python of a virtual environment with pinned packages, one on a line (as in a `requirements.txt`), made in the
/// cache folder unless it is there.
///
/// # Errors
/// When it cannot be made: it needs Python 3.10 or newer with `venv`, and PyPI the first time.
pub fn environment(name: &str, requirements: &str) -> io::Result<PathBuf> {
    let mut pins = DefaultHasher::new();
    requirements.hash(&mut pins);
    let folder = cache_directory()?.join("python").join(format!("{name}-{:016x}", pins.finish()));
    fs::create_dir_all(&folder)?;
    // Tests run at the same time, in several processes.
    let lock = File::create(folder.with_extension("lock"))?;
    lock.lock()?;
    let program = folder.join("bin/python");
    if !folder.join("complete").exists() {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
        let list = folder.join("requirements.txt");
        fs::write(&list, requirements)?;
        run(Command::new(&program).args(["-m", "pip", "install", "--quiet", "--requirement"]).arg(&list))?;
        fs::write(folder.join("complete"), "")?;
    }
    Ok(program)
}

/// A Python that has the Hub's own library.
pub struct Python {
    program: PathBuf,
}

impl Python {
    /// See [`environment`].
    ///
    /// # Errors
    /// As there.
    pub fn install() -> io::Result<Self> {
        Ok(Self { program: environment("huggingface_hub", HUGGINGFACE_HUB)? })
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
