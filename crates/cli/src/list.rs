//! `shorn list`: the models on this disk.

use anyhow::Result;
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use shorn_hub::library::{Library, LibraryState, Origin, scan};
use shorn_runtime::in_bytes;

use crate::hub::{folders, in_tokens};
use crate::inspect::in_billions;

#[derive(clap::Args)]
pub struct Arguments {
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
}

/// Prints what is there.
pub fn list(arguments: &Arguments) -> Result<()> {
    let library = scan(&folders()?);
    for folder in &library.unreadable {
        eprintln!("warning: {} cannot be listed: {}", folder.directory.display(), folder.why);
    }
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&library)?);
    } else if library.models.is_empty() {
        println!("there are no models on this disk; find one with `shorn search`, get it with `shorn pull`");
    } else {
        println!("{}", table(&library));
    }
    Ok(())
}

fn table(library: &Library) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(["model", "size", "parameters", "weights", "context", "where", "state"]);
    for model in &library.models {
        let dash = || "-".to_owned();
        let [parameters, weights, context, state] = match &model.state {
            LibraryState::Ready { summary } => [
                in_billions(summary.parameters),
                summary.quantization.clone(),
                in_tokens(summary.context_length),
                "ready".to_owned(),
            ],
            LibraryState::Incomplete { missing } => {
                [dash(), dash(), dash(), format!("incomplete: {missing}")]
            }
            LibraryState::Unsupported { why } => [dash(), dash(), dash(), format!("cannot be loaded: {why}")],
        };
        let size = in_bytes(model.bytes);
        table.add_row([
            model.name.clone(),
            size,
            parameters,
            weights,
            context,
            place(model.origin).to_owned(),
            state,
        ]);
    }
    table
}

/// Whose folder it is.
pub fn place(origin: Origin) -> &'static str {
    match origin {
        Origin::Own => "Shorn",
        Origin::HuggingFace => "Hugging Face",
        Origin::LmStudio => "LM Studio",
        Origin::Embedded => "part of Shorn",
    }
}
