//! `shorn rm`: deletes a model from this disk.

use std::io::{IsTerminal, Write};
use std::path::Path;

use anyhow::{Result, bail};
use shorn_hub::library::{LibraryModel, delete, scan};
use shorn_runtime::in_bytes;

use crate::hub::folders;
use crate::list::place;

#[derive(clap::Args)]
pub struct Arguments {
    /// The model's name as `shorn list` shows it, or its folder.
    #[arg(value_name = "NAME")]
    name: String,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

/// Asks, deletes, and says what that freed.
pub fn rm(arguments: &Arguments) -> Result<()> {
    let folders = folders()?;
    let models = scan(&folders).models;
    let model = find(&models, &arguments.name)?;
    if !arguments.yes && !agreed(model)? {
        println!("nothing was deleted");
        return Ok(());
    }
    let freed = delete(&folders, model)?;
    println!("deleted {}, {} are free again", model.name, in_bytes(freed));
    Ok(())
}

/// The model of that name or in that folder; a name may be there more than once.
fn find<'a>(models: &'a [LibraryModel], name: &str) -> Result<&'a LibraryModel> {
    let found: Vec<&LibraryModel> =
        models.iter().filter(|model| model.name == name || model.directory == Path::new(name)).collect();
    match found.as_slice() {
        [model] => Ok(model),
        [] => bail!("there is no model `{name}` on this disk; `shorn list` shows those that are"),
        several => {
            let folders: Vec<String> =
                several.iter().map(|model| format!("\n  {}", model.directory.display())).collect();
            bail!("`{name}` is there more than once; name one of these folders instead:{}", folders.concat())
        }
    }
}

fn agreed(model: &LibraryModel) -> Result<bool> {
    if !std::io::stdin().is_terminal() {
        bail!("nobody can be asked here, so nothing was deleted; say --yes to delete without a question");
    }
    let (size, place) = (in_bytes(model.bytes), place(model.origin));
    print!("delete {}, {size} in the folder of {place} ({})? [y/N] ", model.name, model.directory.display());
    std::io::stdout().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
