//! Python programs that know better than we do: the official package of an API, a test of its document, the renderer that
//! templates are written for. Each in exactly the version that is pinned.

use std::path::{Path, PathBuf};
use std::process::Command;

use shorn_hub_tests::python::environment;

/// Runs `tests/conformance/SCRIPT.py` with the packages of `tests/conformance/PACKAGE.txt`; it ends at the first warning.
pub fn check(package: &str, script: &str, arguments: &[&str]) {
    succeed(Command::new(python(package)).args(["-W", "error"]).arg(path(script, "py")).args(arguments));
}

/// The same, warnings aside. Returns what it prints.
pub fn output(package: &str, script: &str, arguments: &[&str]) -> String {
    succeed(Command::new(python(package)).arg(path(script, "py")).args(arguments))
}

/// The Python that has the packages of `tests/conformance/PACKAGE.txt`.
fn python(package: &str) -> PathBuf {
    environment(package, &std::fs::read_to_string(path(package, "txt")).unwrap()).unwrap()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance")
}

fn path(name: &str, extension: &str) -> PathBuf {
    folder().join(name).with_extension(extension)
}

fn succeed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let (out, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?} found something wrong:\n{out}\n{said}");
    out.into_owned()
}

/// Has schemathesis make up requests by the document at an address, so many of each operation beside those that its schema's
/// limits give, always the same ones. Returns how many it were.
///
/// # Panics
/// When an answer is a server error, or not what the document says.
pub fn schemathesis(document: &str, of_each: usize) -> usize {
    let workplace = tempfile::tempdir().unwrap();
    let count = workplace.path().join("count");
    succeed(
        Command::new(python("schemathesis").with_file_name("schemathesis"))
            .arg("--config-file")
            .arg(path("schemathesis", "toml"))
            .args(["run", document, "--seed", "1", "--max-examples", &of_each.to_string()])
            .env("SCHEMATHESIS_HOOKS", "openapi_hooks")
            .env("PYTHONPATH", folder())
            .env("SHORN_REQUEST_COUNT", &count)
            // It keeps what it found in a folder here.
            .current_dir(workplace.path()),
    );
    std::fs::read_to_string(count).unwrap().parse().unwrap()
}
