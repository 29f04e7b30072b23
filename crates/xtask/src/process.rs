//! Running other programs, with errors that name what was run.

use std::ffi::OsStr;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// Runs `program` to its end; anything but success is an error.
pub fn run<S: AsRef<OsStr>>(program: &str, arguments: &[S]) -> Result<()> {
    check(Command::new(program).args(arguments))
}

/// Runs a prepared command to its end; anything but success is an error.
pub fn check(command: &mut Command) -> Result<()> {
    let program = command.get_program().display().to_string();
    let status = command.status().with_context(|| format!("cannot run {program}"))?;
    if !status.success() {
        bail!("{program} ended with {status}");
    }
    Ok(())
}

/// Runs `program` and returns its standard output.
pub fn output(program: &str, options: &[&str], arguments: &[&str]) -> Result<Vec<u8>> {
    let output = Command::new(program)
        .args(options)
        .args(arguments)
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot run {program}"))?;
    if !output.status.success() {
        bail!("{program} {} ended with {}", arguments.join(" "), output.status);
    }
    Ok(output.stdout)
}

/// The Cargo that runs this.
pub fn cargo() -> Command {
    Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()))
}
