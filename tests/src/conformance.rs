//! Python programs that talk to the server through an official package of its API, in exactly the version that is pinned.

use std::path::Path;
use std::process::Command;

use shorn_hub_tests::python::environment;

/// Runs `tests/conformance/SCRIPT.py` with the packages of `tests/conformance/PACKAGE.txt`; it ends at the first warning.
pub fn check(package: &str, script: &str, arguments: &[&str]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance");
    let requirements = std::fs::read_to_string(folder.join(package).with_extension("txt")).unwrap();
    let python = environment(package, &requirements).unwrap();
    let script = folder.join(script).with_extension("py");
    let output = Command::new(python).args(["-W", "error"]).arg(&script).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{} found something wrong:\n{said}", script.display());
}
