//! MLX for Linux: what `mlx-sys`' build script does on Apple platforms, done once, outside the checkout.
//!
//! `mlx-sys` declares `links = "mlx"`, and Cargo lets a configuration file stand in for the build script of such a
//! package. This module produces what that override names and writes the override:
//!
//! - `libmlx.so` with its headers, from the PyPI wheel of the MLX version that `mlx-sys` pins ([`wheel`]);
//! - `libmlxc.a`, the C API compiled from the source inside Cargo's own copy of `mlx-sys` ([`mlx_c`]);
//! - `bindings.rs`, bindgen's output for its headers ([`bindings`]).
//!
//! One cache folder serves all checkouts. Its name holds everything that decides its content, so a change is a new
//! path and Cargo rebuilds what links it. On macOS there is nothing to do: `mlx-sys` builds MLX itself.

mod bindings;
mod mlx_c;
mod wheel;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::cache::cache_directory;
use crate::workspace::{MlxSys, Workspace};

/// The compute backend of the prebuilt MLX.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Backend {
    /// The processor: package `mlx-cpu`.
    Cpu,
    /// An NVIDIA GPU through CUDA 13: package `mlx-cuda-13`.
    Cuda,
}

impl Backend {
    fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
        }
    }

    fn package(self) -> &'static str {
        match self {
            Self::Cpu => "mlx-cpu",
            Self::Cuda => "mlx-cuda-13",
        }
    }
}

/// Everything that shapes the content of the cache folder besides versions: part of its name.
const RECIPE: &[&str] = &[
    include_str!("mlx.rs"),
    include_str!("mlx/wheel.rs"),
    include_str!("mlx/mlx_c.rs"),
    include_str!("mlx/bindings.rs"),
    include_str!("mlx/shim/format"),
    include_str!("mlx/shim/half.cpp"),
];

/// What a finished cache folder holds, checked each time before it is used.
#[derive(Serialize, Deserialize)]
struct Manifest {
    mlx: String,
    wheel: String,
    /// sha256 by path below the folder.
    files: BTreeMap<String, String>,
}

/// Makes MLX available to Cargo in this checkout and returns the folder it lives in.
///
/// Idempotent: when the cache folder is whole and the override already names it, this only checks hashes.
pub fn install(workspace: &Workspace, backend: Backend) -> Result<PathBuf> {
    refuse_rustflags()?;
    let folder = provide(workspace.mlx_sys()?, backend)?;
    link_into_target(&workspace.target_directory, &folder)?;
    write_if_changed(&workspace.root.join(".cargo/mlx.toml"), &cargo_override(&folder))?;
    Ok(folder)
}

/// Copies what a `shorn` executable in `DIR/bin` needs at run time into `DIR`, with relative links only.
///
/// The wheel keeps its layout (MLX looks for its BLAS and, on CUDA, for headers relative to `libmlx.so`):
/// `DIR/mlx/lib/libmlx.so`, and `DIR/lib/shorn` points at that folder.
pub fn copy_into(folder: &Path, directory: &Path) -> Result<()> {
    fs::create_dir_all(directory.join("lib"))?;
    for entry in fs::read_dir(folder.join("wheel"))? {
        let entry = entry?;
        let to = directory.join(entry.file_name());
        if to.exists() {
            fs::remove_dir_all(&to)?;
        }
        copy_tree(&entry.path(), &to)?;
    }
    replace_link(Path::new("../mlx/lib"), &directory.join("lib/shorn"))
}

/// `RUSTFLAGS` replaces the rpath of `.cargo/config.toml`; nothing linked under it would start.
fn refuse_rustflags() -> Result<()> {
    for name in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS"] {
        ensure!(
            std::env::var_os(name).is_none_or(|flags| flags.is_empty()),
            "{name} is set, and would replace the flags by which executables find libmlx.so: unset it"
        );
    }
    Ok(())
}

fn provide(mlx_sys: &MlxSys, backend: Backend) -> Result<PathBuf> {
    let cache = cache_directory()?.join("mlx");
    fs::create_dir_all(&cache).with_context(|| format!("cannot create {}", cache.display()))?;
    let recipe = sha256_hex(RECIPE.concat().as_bytes());
    let arch = std::env::consts::ARCH;
    let name = format!("mlx-sys-{}-{}-{arch}-{}", mlx_sys.version, backend.name(), &recipe[..12]);
    let folder = cache.join(&name);

    let lock = fs::File::create(cache.join(format!("{name}.lock")))?;
    lock.lock()?;
    match check(&folder, &mlx_sys.mlx_version) {
        Ok(true) => return Ok(folder),
        Ok(false) => {}
        Err(damage) => {
            eprintln!("rebuilding {}: {damage:#}", folder.display());
            fs::remove_dir_all(&folder)?;
        }
    }

    let making = tempfile::Builder::new().prefix("making-").tempdir_in(&cache)?;
    let wheel = wheel::fetch(backend.package(), &mlx_sys.mlx_version, &making.path().join("wheel"))?;
    fs::create_dir(making.path().join("lib"))?;
    fs::create_dir(making.path().join("out"))?;
    let include = making.path().join("wheel/mlx/include");
    mlx_c::compile(&mlx_sys.mlx_c, &include, &making.path().join("lib/libmlxc.a"))?;
    bindings::generate(&mlx_sys.mlx_c, &making.path().join("out/bindings.rs"))?;

    let mut manifest = Manifest { mlx: mlx_sys.mlx_version.clone(), wheel, files: BTreeMap::new() };
    for path in ["wheel/mlx/lib/libmlx.so", "lib/libmlxc.a", "out/bindings.rs"] {
        manifest.files.insert(path.into(), sha256_hex(&fs::read(making.path().join(path))?));
    }
    fs::write(making.path().join("manifest.json"), serde_json::to_string_pretty(&manifest)?)?;
    fs::rename(making.keep(), &folder)?;
    Ok(folder)
}

/// Whether the folder is whole: `Ok(false)` when it is not there, an error when it is damaged.
fn check(folder: &Path, mlx_version: &str) -> Result<bool> {
    if !folder.exists() {
        return Ok(false);
    }
    let manifest: Manifest = serde_json::from_slice(&fs::read(folder.join("manifest.json"))?)?;
    ensure!(manifest.mlx == mlx_version, "it holds MLX {}, not {mlx_version}", manifest.mlx);
    for (path, expected) in &manifest.files {
        ensure!(&sha256_hex(&fs::read(folder.join(path))?) == expected, "{path} has changed");
    }
    Ok(true)
}

fn cargo_override(folder: &Path) -> String {
    let triple = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let folder = folder.display();
    format!(
        "# Written by `cargo xtask mlx`; stands in for mlx-sys' build script.\n\
         [target.{triple}.mlx]\n\
         rustc-link-search = [\"native={folder}/lib\", \"native={folder}/wheel/mlx/lib\"]\n\
         rustc-link-lib = [\"static=mlxc\", \"dylib=mlx\", \"dylib=stdc++\"]\n\
         rustc-env = {{ OUT_DIR = \"{folder}/out\" }}\n"
    )
}

fn link_into_target(target: &Path, folder: &Path) -> Result<()> {
    fs::create_dir_all(target)?;
    replace_link(&folder.join("wheel/mlx"), &target.join("mlx"))
}

fn replace_link(to: &Path, at: &Path) -> Result<()> {
    if fs::read_link(at).is_ok_and(|present| present == to) {
        return Ok(());
    }
    if at.symlink_metadata().is_ok() {
        fs::remove_file(at)?;
    }
    symlink(to, at).with_context(|| format!("cannot link {} to {}", at.display(), to.display()))
}

fn write_if_changed(path: &Path, content: &str) -> Result<()> {
    if fs::read_to_string(path).is_ok_and(|present| present == content) {
        return Ok(());
    }
    fs::write(path, content).with_context(|| format!("cannot write {}", path.display()))
}

fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_tree(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}

pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
