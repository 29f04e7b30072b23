//! Where things are: the checkout, Cargo's target folder, and Cargo's copy of `mlx-sys`.

use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::process::output;

/// This checkout, as `cargo metadata` describes it.
pub struct Workspace {
    /// The folder of the workspace's `Cargo.toml`.
    pub root: PathBuf,
    /// Cargo's target folder.
    pub target_directory: PathBuf,
    packages: Vec<Package>,
    mlx_sys: OnceLock<MlxSys>,
}

/// The `mlx-sys` package that this workspace builds against.
pub struct MlxSys {
    /// Its version.
    pub version: String,
    /// The MLX version it pins, read from its own build files.
    pub mlx_version: String,
    /// The C API's source inside it.
    pub mlx_c: PathBuf,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    target_directory: PathBuf,
    workspace_root: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    manifest_path: PathBuf,
}

impl Workspace {
    /// Asks Cargo; downloads missing dependencies.
    pub fn load() -> Result<Self> {
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
        let metadata = output(&cargo, &["metadata"], &["--format-version=1", "--locked"])?;
        let metadata: Metadata = serde_json::from_slice(&metadata)?;
        Ok(Self {
            root: metadata.workspace_root,
            target_directory: metadata.target_directory,
            packages: metadata.packages,
            mlx_sys: OnceLock::new(),
        })
    }

    /// Cargo's copy of `mlx-sys`.
    pub fn mlx_sys(&self) -> Result<&MlxSys> {
        if let Some(found) = self.mlx_sys.get() {
            return Ok(found);
        }
        let package = self
            .packages
            .iter()
            .find(|package| package.name == "mlx-sys")
            .context("the workspace does not depend on mlx-sys")?;
        let mlx_c = package.manifest_path.with_file_name("src").join("mlx-c");
        let cmake = mlx_c.join("CMakeLists.txt");
        let text = fs::read_to_string(&cmake).with_context(|| format!("cannot read {}", cmake.display()))?;
        let mlx_version = text
            .lines()
            .find_map(|line| line.trim().strip_prefix("GIT_TAG v"))
            .map(|tag| tag.trim_end_matches(')').trim().to_owned())
            .with_context(|| format!("{} names no MLX version (GIT_TAG v...)", cmake.display()))?;
        let found = MlxSys { version: package.version.clone(), mlx_version, mlx_c };
        Ok(self.mlx_sys.get_or_init(|| found))
    }
}
