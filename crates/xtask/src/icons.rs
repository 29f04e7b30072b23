//! `cargo xtask icons`: the committed pictures in `icons`, made anew from their SVG sources.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::bundle::tauri_cli;
use crate::process::check;
use crate::workspace::Workspace;

/// What bundles for macOS and Linux need of all that `tauri icon` makes from `app.svg`.
const APP: &[&str] = &["32x32.png", "128x128.png", "128x128@2x.png", "icon.png", "icon.icns"];

/// The menu bar's pictures: black and transparent, so that macOS can paint them in its own colour.
const TRAY: &[&str] = &["tray-stopped", "tray-serving"];

/// A menu-bar picture is 18 points high: 36 pixels on a Retina display.
const TRAY_PIXELS: &str = "36";

/// Makes them. The result is repeatable: `git status` shows no change when no source has changed.
pub fn make(workspace: &Workspace) -> Result<()> {
    let icons = workspace.root.join("icons");
    let made = tempfile::tempdir()?;
    check(tauri_cli(workspace)?.arg("icon").arg(icons.join("app.svg")).arg("--output").arg(made.path()))?;
    for name in APP {
        take(&made.path().join(name), &icons.join(name))?;
    }
    let icns = icons.join("icon.icns");
    fs::write(&icns, in_order(&fs::read(&icns)?).context("tauri icon made no .icns")?)?;
    for name in TRAY {
        let source = icons.join(name).with_extension("svg");
        let mut command = tauri_cli(workspace)?;
        check(command.arg("icon").arg(source).args(["--png", TRAY_PIXELS]).arg("--output").arg(made.path()))?;
        let picture = made.path().join(format!("{TRAY_PIXELS}x{TRAY_PIXELS}.png"));
        take(&picture, &icons.join(name).with_extension("png"))?;
    }
    Ok(())
}

fn take(made: &Path, to: &Path) -> Result<()> {
    fs::copy(made, to).with_context(|| format!("tauri icon did not make {}", made.display()))?;
    Ok(())
}

/// An icns file with its pictures in one order; Tauri's differs from run to run. The file is a mark and its size, each of
/// 4 bytes, then for each picture its kind, its size with these 8 bytes, and its content.
fn in_order(icns: &[u8]) -> Option<Vec<u8>> {
    let (head, mut rest) = icns.split_at_checked(8)?;
    let mut pictures = Vec::new();
    while !rest.is_empty() {
        let size = u32::from_be_bytes(rest.get(4..8)?.try_into().ok()?) as usize;
        let (picture, others) = rest.split_at_checked(size.max(8))?;
        pictures.push(picture);
        rest = others;
    }
    pictures.sort_unstable();
    Some([&[head], pictures.as_slice()].concat().concat())
}
