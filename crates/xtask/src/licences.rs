//! `cargo xtask licences`: THIRD_PARTY.md, the licences of everything that the packages carry.
//!
//! Where a component offers a choice, one licence is chosen. A text that many share stands in the file once, after the
//! names and copyright notices of all who use it.

mod crates;
mod expression;
mod native;
mod npm_packages;
mod text;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

use anyhow::{Context, Result, bail};

use crate::workspace::Workspace;
use text::Text;

/// Something that others made and that the packages carry.
pub struct Component {
    /// With its version and, where it is not in all packages, in which.
    name: String,
    /// An SPDX expression, as its makers declare it.
    licence: String,
    /// Its makers, for when no file of it names them.
    authors: Vec<String>,
    /// What its licence files and notices say.
    files: Vec<String>,
}

/// Writes the file, or with `check` compares it.
pub fn licences(workspace: &Workspace, check: bool) -> Result<()> {
    let mut components = native::components(&workspace.mlx_sys()?.mlx_version);
    components.extend(crates::components()?);
    components.extend(npm_packages::components(workspace)?);
    let document = document(&components)?;
    let path = workspace.root.join("THIRD_PARTY.md");
    if !check {
        fs::write(&path, &document)?;
        let kilobytes = document.len() / 1000;
        eprintln!("{}: {} components, {kilobytes} kB", path.display(), components.len());
    } else if fs::read_to_string(&path).unwrap_or_default() != document {
        bail!("THIRD_PARTY.md is not what the lock files say: run `cargo xtask licences`");
    }
    Ok(())
}

/// Who uses a text.
struct Group {
    licence: &'static str,
    /// The text as one of them has it.
    body: String,
    /// Name and copyright notices.
    users: Vec<(String, String)>,
}

fn document(components: &[Component]) -> Result<String> {
    let mut groups: BTreeMap<(&str, String), Group> = BTreeMap::new();
    let mut without_text = Vec::new();
    for component in components {
        for licence in expression::choose(&component.licence)
            .with_context(|| format!("{} has the licence `{}`", component.name, component.licence))?
        {
            match Text::find(licence, &component.files) {
                Some(text) => add(&mut groups, licence, component, text),
                None => without_text.push((component, licence)),
            }
        }
        for notice in component.files.iter().filter(|file| text::is_notice(file)) {
            let body = notice.trim().to_owned();
            add(&mut groups, "Notice", component, Text { notices: String::new(), key: body.clone(), body });
        }
    }
    // Who has no text of its own has the most common one, with its makers named.
    for (component, licence) in without_text {
        let common =
            groups.values().filter(|group| group.licence == licence).max_by_key(|group| group.users.len());
        let body = common
            .map(|group| group.body.clone())
            .with_context(|| format!("{} has no text of {licence}, nor has another", component.name))?;
        let notices = text::notice_of_authors(licence, &component.name, &component.authors);
        add(&mut groups, licence, component, Text { notices, key: text::key_of(licence, &body), body });
    }
    render(groups.into_values().collect())
}

fn add(
    groups: &mut BTreeMap<(&str, String), Group>,
    licence: &'static str,
    component: &Component,
    text: Text,
) {
    let group = groups.entry((licence, text.key)).or_insert_with(|| Group {
        licence,
        body: text.body,
        users: Vec::new(),
    });
    group.users.push((component.name.clone(), text.notices));
}

fn render(mut groups: Vec<Group>) -> Result<String> {
    groups.sort_by_key(|group| (group.licence, std::cmp::Reverse(group.users.len()), group.body.clone()));
    let mut document = String::from(
        "# Third-party software\n\n\
         Shorn's packages carry the software below, under these licences. `cargo xtask licences` writes this file from\n\
         the lock files. Their sources, used unchanged, are at https://crates.io and https://www.npmjs.com under the names\n\
         and versions given, and at https://github.com/ml-explore/mlx.\n",
    );
    for mut group in groups {
        group.users.sort();
        group.users.dedup();
        write!(document, "\n## {}\n\n", group.licence)?;
        let (silent, noticed): (Vec<_>, Vec<_>) = group.users.iter().partition(|user| user.1.is_empty());
        for (name, notices) in noticed {
            writeln!(document, "- {name}: {notices}")?;
        }
        if !silent.is_empty() {
            let names: Vec<&str> = silent.iter().map(|user| user.0.as_str()).collect();
            writeln!(document, "- {}", names.join(", "))?;
        }
        write!(document, "\n```text\n{}\n```\n", group.body)?;
    }
    Ok(document)
}
