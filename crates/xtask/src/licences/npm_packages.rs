//! The npm packages that are in the front end as it ships.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::{Component, text};
use crate::front_end;
use crate::process::check;
use crate::workspace::Workspace;

#[derive(Deserialize)]
struct Manifest {
    version: String,
    /// Some packages only have the file.
    license: Option<String>,
    author: Option<Author>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Author {
    Line(String),
    Parts { name: String },
}

#[derive(Deserialize)]
struct SourceMap {
    sources: Vec<String>,
}

/// All of them: what the lock file holds is mostly tools, so the bundle itself is asked, by its source map.
pub fn components(workspace: &Workspace) -> Result<Vec<Component>> {
    let ui = workspace.root.join("ui");
    let built = tempfile::tempdir()?;
    front_end::install(&ui)?;
    check(
        Command::new(ui.join("node_modules/.bin/vite"))
            .args(["build", "--sourcemap", "--logLevel", "error", "--emptyOutDir", "--outDir"])
            .arg(built.path())
            .current_dir(&ui),
    )?;
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(built.path().join("assets"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "map") {
            let map: SourceMap = serde_json::from_slice(&fs::read(&path)?)?;
            names.extend(map.sources.iter().filter_map(|source| package_of(source)).map(str::to_owned));
        }
    }
    names.iter().map(|name| component(&ui.join("node_modules").join(name), name)).collect()
}

/// `svelte` for `../../node_modules/svelte/src/internal/client/dom.js`.
fn package_of(source: &str) -> Option<&str> {
    let (_, inside) = source.rsplit_once("node_modules/")?;
    let names = if inside.starts_with('@') { 2 } else { 1 };
    let end = inside.match_indices('/').nth(names - 1)?.0;
    Some(&inside[..end])
}

fn component(folder: &std::path::Path, name: &str) -> Result<Component> {
    let path = folder.join("package.json");
    let manifest = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let manifest: Manifest =
        serde_json::from_slice(&manifest).with_context(|| format!("cannot use {}", path.display()))?;
    let author = manifest.author.map(|author| match author {
        Author::Line(name) | Author::Parts { name } => name,
    });
    let files = text::files_in(folder)?;
    let declared = manifest.license.or_else(|| text::licence_of(&files).map(str::to_owned));
    Ok(Component {
        name: format!("{name} {}", manifest.version),
        licence: declared.with_context(|| format!("{name} declares no licence"))?,
        authors: author.into_iter().collect(),
        files,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_names_its_package() {
        assert_eq!(package_of("../../node_modules/svelte/src/a.js"), Some("svelte"));
        assert_eq!(package_of("../node_modules/@floating-ui/dom/dist/a.mjs"), Some("@floating-ui/dom"));
        assert_eq!(package_of("../node_modules/a/node_modules/b/c.js"), Some("b"));
        assert_eq!(package_of("../../src/main.ts"), None);
    }
}
