//! The crates that are linked into `shorn` and `shorn-app`.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::{Component, text};
use crate::process::output;

/// Where packages are made for. Asked for both on each, so that the file is the same wherever it is written.
const TARGETS: &[&str] = &["aarch64-apple-darwin", "x86_64-unknown-linux-gnu"];

/// The programs in the packages.
const PROGRAMS: &[&str] = &["shorn-cli", "shorn-app"];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    authors: Vec<String>,
    manifest_path: PathBuf,
    /// Nothing for a crate of this workspace.
    source: Option<String>,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<Kind>,
}

#[derive(Deserialize)]
struct Kind {
    /// Nothing for what is linked; else "build" or "dev".
    kind: Option<String>,
}

/// All of them, for all targets.
pub fn components() -> Result<Vec<Component>> {
    let mut found = BTreeMap::new();
    for target in TARGETS {
        let arguments = ["metadata", "--format-version=1", "--locked", "--filter-platform", target];
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        let metadata: Metadata = serde_json::from_slice(&output(&cargo, &[], &arguments)?)?;
        for package in linked(&metadata)? {
            let name = format!("{} {}", package.name, package.version);
            if package.source.is_some() && !found.contains_key(&name) {
                found.insert(name.clone(), component(name, package)?);
            }
        }
    }
    Ok(found.into_values().collect())
}

/// The packages that the programs link: no build scripts, no tests, no macros of the compiler.
fn linked(metadata: &Metadata) -> Result<Vec<&Package>> {
    let packages: HashMap<&str, &Package> =
        metadata.packages.iter().map(|package| (package.id.as_str(), package)).collect();
    let nodes: HashMap<&str, &Node> =
        metadata.resolve.nodes.iter().map(|node| (node.id.as_str(), node)).collect();
    let programs = metadata.packages.iter().filter(|package| PROGRAMS.contains(&package.name.as_str()));
    let mut open: Vec<&str> = programs.map(|package| package.id.as_str()).collect();
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    while let Some(id) = open.pop() {
        let package = packages.get(id).with_context(|| format!("cargo metadata lacks {id}"))?;
        let is_macro =
            package.targets.iter().any(|target| target.kind.iter().any(|kind| kind == "proc-macro"));
        if is_macro || !seen.insert(id) {
            continue;
        }
        found.push(*package);
        for dependency in nodes.get(id).map_or(&[][..], |node| &node.deps) {
            if dependency.dep_kinds.iter().any(|kind| kind.kind.is_none()) {
                open.push(&dependency.pkg);
            }
        }
    }
    Ok(found)
}

fn component(name: String, package: &Package) -> Result<Component> {
    let folder = package.manifest_path.parent().context("a manifest without a folder")?;
    Ok(Component {
        licence: package.license.clone().with_context(|| format!("{name} declares no licence"))?,
        name,
        authors: package.authors.clone(),
        files: text::files_in(folder)?,
    })
}
