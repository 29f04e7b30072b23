//! What a macOS app carries: the worker and MLX's Metal kernels.
//!
//! MLX is linked into the worker, but its kernels are a file, `mlx.metallib`. The path that is compiled in is a folder of
//! the machine that built it, so the app has the file in `Contents/Resources` and the worker says so to MLX.
//!
//! Packages are signed ad hoc unless the environment says otherwise; Tauri's bundler reads:
//!
//! | variable | for |
//! |---|---|
//! | `APPLE_SIGNING_IDENTITY` | "Developer ID Application: NAME (TEAM)", in the keychain or in the next two |
//! | `APPLE_CERTIFICATE`, `APPLE_CERTIFICATE_PASSWORD` | the certificate with its key as base64 of a .p12, for CI |
//! | `APPLE_API_ISSUER`, `APPLE_API_KEY`, `APPLE_API_KEY_PATH` | notarization with a key of App Store Connect |
//! | `APPLE_ID`, `APPLE_PASSWORD`, `APPLE_TEAM_ID` | notarization with an account instead |

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::process::cargo;
use crate::workspace::Workspace;

/// Builds the worker and puts it and the kernels that it was built with into `staged`.
pub fn stage(workspace: &Workspace, staged: &Path) -> Result<()> {
    let kernels = build_worker()?.join("mlx.metallib");
    super::stage_worker(workspace, staged)?;
    fs::copy(&kernels, staged.join("mlx.metallib"))
        .with_context(|| format!("cannot copy {}", kernels.display()))?;
    Ok(())
}

/// CI sets a variable for each secret; one that is empty would be taken for an identity.
pub fn unset_empty_secrets(tauri: &mut Command) {
    for (name, value) in std::env::vars_os() {
        if value.is_empty() && name.to_string_lossy().starts_with("APPLE_") {
            tauri.env_remove(name);
        }
    }
}

/// Builds the worker and returns the folder into which `mlx-sys` put the kernels.
pub fn build_worker() -> Result<PathBuf> {
    let json = "--message-format=json-render-diagnostics";
    let build = cargo()
        .args(["build", "--release", "--locked", "--package", "shorn-cli", json])
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo")?;
    ensure!(build.status.success(), "cargo ended with {}", build.status);
    let folder =
        build_folder(&String::from_utf8(build.stdout)?).context("Cargo names no build of mlx-sys")?;
    let cache = folder.join("build/CMakeCache.txt");
    let text = fs::read_to_string(&cache).with_context(|| format!("cannot read {}", cache.display()))?;
    metal_path(&text).with_context(|| format!("{} names no MLX_METAL_PATH", cache.display()))
}

/// A line of Cargo's `--message-format=json`.
#[derive(Deserialize)]
struct Message {
    reason: String,
    package_id: Option<String>,
    out_dir: Option<PathBuf>,
}

/// Where the build script of `mlx-sys` worked.
fn build_folder(messages: &str) -> Option<PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Message>(line).ok())
        .filter(|message| message.reason == "build-script-executed")
        .find(|message| message.package_id.as_ref().is_some_and(|id| id.contains("mlx-sys@")))
        .and_then(|message| message.out_dir)
}

/// The folder for the kernels, as CMake remembers it: `mlx-sys` chooses one in the builder's home, named by a hash.
fn metal_path(cmake_cache: &str) -> Option<PathBuf> {
    let line = cmake_cache.lines().find(|line| line.starts_with("MLX_METAL_PATH:"))?;
    Some(PathBuf::from(line.split_once('=')?.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_build_folder_of_mlx_sys_is_found_among_cargos_messages() {
        let messages = concat!(
            r#"{"reason":"compiler-artifact","package_id":"registry+https://x#mlx-sys@0.7.0"}"#,
            "\n",
            r#"{"reason":"build-script-executed","package_id":"registry+https://x#serde@1.0.0","out_dir":"/a"}"#,
            "\n",
            r#"{"reason":"build-script-executed","package_id":"registry+https://x#mlx-sys@0.7.0","out_dir":"/b"}"#,
            "\n",
        );
        assert_eq!(build_folder(messages), Some(PathBuf::from("/b")));
    }

    #[test]
    fn the_folder_of_the_kernels_is_what_cmake_was_told() {
        let cache =
            "MLX_BUILD_METAL:UNINITIALIZED=ON\nMLX_METAL_PATH:UNINITIALIZED=/Users/a b/.mlx/lib/0123\n";
        assert_eq!(metal_path(cache), Some(PathBuf::from("/Users/a b/.mlx/lib/0123")));
    }
}
