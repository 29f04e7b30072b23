//! The app in the disk image, with the kernels that MLX would find on the builder's machine hidden.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::{Package, check_app, check_worker};
use crate::bundle::macos::build_worker;
use crate::process::check as run;
use crate::workspace::Workspace;

/// Checks the packages that were built.
pub fn check(workspace: &Workspace) -> Result<()> {
    let kernels = build_worker()?;
    for package in super::super::packages(workspace)? {
        let folder = tempfile::tempdir()?;
        let app = take_out(&package, folder.path())?;
        run(Command::new("codesign").args(["--verify", "--deep", "--strict", "--verbose=2"]).arg(&app))?;
        let programs = app.join("Contents/MacOS");
        let package =
            Package { worker: programs.join("shorn"), app: programs.join("shorn-app"), backend: "metal" };
        let _hidden = Hidden::hide(&kernels)?;
        check_worker(&package, |program| Command::new(program))?;
        check_app(&package, |program| Command::new(program), |_| Ok(()))?;
    }
    Ok(())
}

/// Copies the app out of the disk image, as a person does.
fn take_out(image: &Path, to: &Path) -> Result<PathBuf> {
    let mounted = to.join("image");
    fs::create_dir(&mounted)?;
    run(Command::new("hdiutil")
        .args(["attach", "-quiet", "-nobrowse", "-readonly", "-mountpoint"])
        .arg(&mounted)
        .arg(image))?;
    let app = to.join("Shorn.app");
    let copied = run(Command::new("ditto").arg(mounted.join("Shorn.app")).arg(&app));
    run(Command::new("hdiutil").args(["detach", "-quiet"]).arg(&mounted))?;
    copied?;
    Ok(app)
}

/// A folder that has another name for as long as this lives.
struct Hidden {
    folder: PathBuf,
    renamed: PathBuf,
}

impl Hidden {
    fn hide(folder: &Path) -> Result<Self> {
        let renamed = folder.with_extension("hidden-by-bundle-check");
        fs::rename(folder, &renamed).with_context(|| format!("cannot rename {}", folder.display()))?;
        Ok(Self { folder: folder.to_owned(), renamed })
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        if let Err(error) = fs::rename(&self.renamed, &self.folder) {
            eprintln!("rename {} to {} yourself: {error}", self.renamed.display(), self.folder.display());
        }
    }
}
