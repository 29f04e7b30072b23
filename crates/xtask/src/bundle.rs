//! `cargo xtask bundle`: what people install, and a check that it runs on a machine that never built it.
//!
//! The bundler is Tauri's. It gets, in `src-tauri/bundle/staged`, what Cargo's part of the app does not have: the worker
//! `shorn` and what MLX needs at run time. A plain `cargo build` needs none of it, because only the configuration that
//! is merged in here (`src-tauri/bundle/*.json5`) names it.

mod check;
mod cli;
mod linux;
mod macos;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::process::{check, output};
use crate::workspace::Workspace;

pub use check::check_package;
pub use cli::tauri_cli;

/// Builds everything and makes the packages of this platform.
pub fn bundle(workspace: &Workspace) -> Result<()> {
    crate::npm::prepare(workspace)?;
    crate::front_end::build(workspace)?;
    let staged = workspace.root.join("src-tauri/bundle/staged");
    // An older package would be checked and published with the new one.
    for old in [&staged, &workspace.target_directory.join("release/bundle")] {
        if old.exists() {
            fs::remove_dir_all(old)?;
        }
    }
    fs::create_dir_all(&staged)?;
    match cfg!(target_os = "macos") {
        true => macos::stage(workspace, &staged)?,
        false => linux::stage(workspace, &staged)?,
    }
    check(tauri(workspace, "build")?.args(["--no-bundle", "--", "--locked"]))?;
    if cfg!(target_os = "linux") {
        linux::strip(&workspace.target_directory.join("release/shorn-app"))?;
    }
    check(&mut tauri(workspace, "bundle")?)?;
    for package in packages(workspace)? {
        let megabytes = fs::metadata(&package)?.len() as f64 / 1e6;
        eprintln!("{} ({megabytes:.1} MB)", package.display());
    }
    Ok(())
}

/// A command of Tauri's, with what a package has beyond a plain build.
fn tauri(workspace: &Workspace, command: &str) -> Result<Command> {
    let folder = workspace.root.join("src-tauri/bundle");
    let platform = if cfg!(target_os = "macos") { "macos" } else { "linux" };
    let mut tauri = tauri_cli(workspace)?;
    tauri.args([command, "--ci"]);
    for overlay in ["common", platform] {
        tauri.arg("--config").arg(folder.join(overlay).with_extension("json5"));
    }
    macos::unset_empty_secrets(&mut tauri);
    Ok(tauri)
}

/// Puts the released `shorn` where the bundler looks for it: with the target's name, which it takes off again.
fn stage_worker(workspace: &Workspace, staged: &Path) -> Result<PathBuf> {
    let built = workspace.target_directory.join("release/shorn");
    let to = staged.join(format!("shorn-{}", target_triple()?));
    fs::copy(&built, &to).with_context(|| format!("cannot copy {}", built.display()))?;
    Ok(to)
}

/// The platform that this compiler builds for when it is not told.
fn target_triple() -> Result<String> {
    let version = String::from_utf8(output("rustc", &[], &["-vV"])?)?;
    let triple = version.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(triple.context("rustc -vV names no host")?.to_owned())
}

/// The files that people download.
fn packages(workspace: &Workspace) -> Result<Vec<PathBuf>> {
    let kind = if cfg!(target_os = "macos") { "dmg" } else { "deb" };
    let folder = workspace.target_directory.join("release/bundle").join(kind);
    let mut found = Vec::new();
    for entry in
        fs::read_dir(&folder).with_context(|| format!("nothing was bundled: no {}", folder.display()))?
    {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == kind) {
            found.push(path);
        }
    }
    ensure!(!found.is_empty(), "there is no .{kind} in {}", folder.display());
    Ok(found)
}
