//! Python programs that talk to the server through an official package of its API, in exactly the version that is pinned.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// OpenAI's package.
pub const OPENAI: &str = "openai==3.54.0";

/// Runs `tests/conformance/SCRIPT` with Python, which ends at the first warning, in an environment that holds a package.
pub fn check(package: &str, script: &str, arguments: &[&str]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance").join(script);
    let output =
        Command::new(python(package)).args(["-W", "error"]).arg(path).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{script} found something wrong:\n{said}");
}

/// The Python of a virtual environment with a package, made on first use.
fn python(package: &str) -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.unwrap_or_else(|| PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache"));
    let folder = cache.join("shorn/conformance").join(package);
    fs::create_dir_all(&folder).unwrap();
    let lock = fs::File::create(folder.with_extension("lock")).unwrap();
    lock.lock().unwrap();
    let python = folder.join("bin/python");
    if !folder.join("complete").exists() {
        let made = Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder).status();
        let made = made.is_ok_and(|status| status.success());
        assert!(
            made,
            "python3 -m venv failed: Python 3.10 or newer is needed (Debian: apt-get install python3-venv)"
        );
        let installed =
            Command::new(&python).args(["-m", "pip", "install", "--quiet", package]).status().unwrap();
        assert!(installed.success(), "pip could not install {package}: is there a network?");
        fs::write(folder.join("complete"), "").unwrap();
    }
    python
}
