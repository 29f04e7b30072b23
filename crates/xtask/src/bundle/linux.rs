//! What a Linux package carries: the worker, `libmlx.so` and its BLAS.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::process::{cargo, check};
use crate::workspace::Workspace;

/// Builds the worker and puts it and its libraries into `staged`.
pub fn stage(workspace: &Workspace, staged: &Path) -> Result<()> {
    check(cargo().args(["build", "--release", "--locked", "--package", "shorn-cli"]))?;
    strip(&super::stage_worker(workspace, staged)?)?;
    let relocatable = tempfile::tempdir()?;
    copy_mlx(workspace, relocatable.path())?;
    flatten(relocatable.path(), &staged.join("lib"))
}

/// Takes the lines of the source out of a program, three quarters of it; names stay, for what a crash writes.
pub fn strip(program: &Path) -> Result<()> {
    check(Command::new("strip").arg("--strip-debug").arg(program))
}

#[cfg(target_os = "linux")]
fn copy_mlx(workspace: &Workspace, to: &Path) -> Result<()> {
    crate::mlx::copy_into(&crate::mlx::install(workspace, crate::mlx::Backend::Cpu)?, to)
}

#[cfg(not(target_os = "linux"))]
fn copy_mlx(_: &Workspace, _: &Path) -> Result<()> {
    anyhow::bail!("a Linux package is made on Linux")
}

/// Lays all libraries into one folder, as `/usr/lib/shorn` wants it.
///
/// The wheel keeps its BLAS in a folder two levels above `libmlx.so`. That would be `/usr` here, and Tauri's bundler
/// cannot pack the links that would hide it: so `libmlx.so` is told to look beside itself, as its BLAS already does.
fn flatten(relocatable: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    let mut folders = vec![relocatable.join("mlx/lib")];
    for entry in fs::read_dir(relocatable)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "libs") {
            folders.push(path);
        }
    }
    for folder in folders {
        for entry in fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
            let path = entry?.path();
            if let Some(name) = path.file_name().filter(|_| path.is_file()) {
                fs::copy(&path, to.join(name))?;
            }
        }
    }
    check(Command::new("patchelf").args(["--set-rpath", "$ORIGIN"]).arg(to.join("libmlx.so")))
        .context("libmlx.so cannot be told where its BLAS is: install patchelf")
}
