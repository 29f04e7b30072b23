//! The folder that outlives checkouts: MLX, the reference implementation, checkpoints for measurements.

use std::path::PathBuf;

use anyhow::{Result, bail};

/// `XDG_CACHE_HOME/shorn`, else `~/.cache/shorn`.
pub fn cache_directory() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("XDG_CACHE_HOME").filter(|path| !path.is_empty()) {
        return Ok(PathBuf::from(path).join("shorn"));
    }
    match std::env::var_os("HOME") {
        Some(home) => Ok(PathBuf::from(home).join(".cache/shorn")),
        None => bail!("neither XDG_CACHE_HOME nor HOME is set: no place for what is downloaded"),
    }
}
