//! macOS: `sandbox-exec` runs a program under a profile of Seatbelt.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use super::{Cell, Door, Program};

const PROGRAM: &str = "/usr/bin/sandbox-exec";

/// What holds for every task; what a task adds comes behind it.
const PROFILE: &str = include_str!("seatbelt.sb");

/// Whether it is there and may do its work.
pub(super) fn try_out() -> Result<(), String> {
    let mut command = std::process::Command::new(PROGRAM);
    match command.args(["-p", PROFILE, "/usr/bin/true"]).stdin(Stdio::null()).output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            Err(format!("sandbox-exec does not work: {}", String::from_utf8_lossy(&output.stderr).trim()))
        }
        Err(error) => Err(format!("{PROGRAM} cannot be run: {error}")),
    }
}

pub(super) fn command(cell: &Cell, program: &Program) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(["-p", &profile(cell, program.file())]).arg(program.file()).args(&program.arguments);
    command
}

/// The profile for one cell. Seatbelt looks at paths without links, and at the last rule that fits.
fn profile(cell: &Cell, program: &Path) -> String {
    let mut profile = PROFILE.to_owned();
    let mut allow = |what: &str, filter: &str, path: &Path| {
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let path = path.to_string_lossy().replace('\\', "\\\\").replace('"', "\\\"");
        profile.push_str(&format!("(allow {what} ({filter} \"{path}\"))\n"));
    };
    let writable: [PathBuf; 3] = [cell.project.clone(), cell.private.join("home"), cell.private.join("tmp")];
    for folder in &writable {
        allow("file-read* file-write*", "subpath", folder);
    }
    for path in cell.readable.iter().chain(&cell.oracle) {
        allow("file-read*", "subpath", path);
    }
    allow("file-read*", "literal", program);
    if let Some(Door::Port(port)) = cell.door {
        profile.push_str(&format!("(allow network-outbound (remote ip \"localhost:{port}\"))\n"));
    }
    profile
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_cannot_end_its_rule() {
        let cell = Cell {
            project: "/tmp/a\") (allow default) (\"".into(),
            private: "/tmp/b".into(),
            readable: Vec::new(),
            oracle: None,
            door: Some(Door::Port(4321)),
            mark: String::new(),
        };
        let profile = profile(&cell, Path::new("/bin/ls"));
        let own = profile.strip_prefix(PROFILE).unwrap();
        assert!(own.contains(r#"(subpath "/tmp/a\") (allow default) (\"")"#), "{own}");
        assert!(own.ends_with("(allow network-outbound (remote ip \"localhost:4321\"))\n"));
    }
}
