//! `shorn search`: models on the Hub, and which of them can run here.

use anyhow::Result;
use clap::ValueEnum;
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use serde::Serialize;
use shorn_hub::fit::{LongestFit, Machine, Verdict, longest_fit};
use shorn_hub::remote::{FoundModel, Hub, Search, SearchOrder, Support};
use shorn_runtime::in_bytes;

use crate::hub::{block_on, hub, in_tokens, machine, say_if_token_was_refused};
use crate::inspect::in_billions;

#[derive(clap::Args)]
pub struct Arguments {
    /// Words of the name; without any, all models in MLX format.
    text: Vec<String>,
    /// The order.
    #[arg(long, value_enum, default_value = "trending")]
    sort: Sort,
    /// How many models to list.
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Sort {
    /// What many people look at now.
    Trending,
    /// Most downloads in the last thirty days.
    Downloads,
    /// Last changed.
    Updated,
    /// Smallest download, among the most downloaded.
    Size,
}

/// A model, and the settings with which it fits best.
#[derive(Serialize)]
struct Row {
    #[serde(flatten)]
    model: FoundModel,
    /// `None` where its files or this system do not tell.
    fit: Option<LongestFit>,
}

/// Prints what is found.
pub fn search(arguments: &Arguments) -> Result<()> {
    let rows = block_on(async {
        let hub = hub()?;
        let models = find(&hub, arguments).await?;
        say_if_token_was_refused(&hub);
        // Whatever is free at this moment: a model is for longer than that.
        let machine = machine()?.map(|machine| Machine { available: None, ..machine });
        let row = |model: FoundModel| {
            let fit = machine.zip(model.facts.as_ref()).map(|(machine, facts)| longest_fit(facts, &machine));
            Row { model, fit }
        };
        Ok(models.into_iter().map(row).collect::<Vec<_>>())
    })?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&rows)?);
    } else if rows.is_empty() {
        println!("the Hub has no models in MLX format with these words in their names");
    } else {
        println!("{}", table(&rows));
    }
    Ok(())
}

/// As many pages as it takes.
async fn find(hub: &Hub, arguments: &Arguments) -> Result<Vec<FoundModel>> {
    let order = match arguments.sort {
        Sort::Trending => SearchOrder::Trending,
        Sort::Downloads => SearchOrder::Downloads,
        Sort::Updated => SearchOrder::Updated,
        Sort::Size => SearchOrder::Size,
    };
    let mut search = Search { text: arguments.text.join(" "), order, page: None };
    let mut models = Vec::new();
    while models.len() < arguments.limit {
        let page = hub.search(&search).await?;
        models.extend(page.models);
        search.page = page.next;
        if search.page.is_none() {
            break;
        }
    }
    models.truncate(arguments.limit);
    Ok(models)
}

fn table(rows: &[Row]) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(["model", "parameters", "bits", "download", "context", "fits here with", "why not"]);
    for Row { model, fit } in rows {
        let or_dash = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
        table.add_row([
            model.name.to_string(),
            or_dash(model.parameters.map(in_billions)),
            or_dash(model.bits.map(|bits| bits.to_string())),
            or_dash(model.download_bytes.map(in_bytes)),
            or_dash(model.context_length.map(in_tokens)),
            or_dash(fit.as_ref().and_then(settings)),
            why_not(&model.support, fit.as_ref()),
        ]);
    }
    table
}

/// The settings with which it fits, if it does.
fn settings(fit: &LongestFit) -> Option<String> {
    let tight = match fit.fit.verdict {
        Verdict::TooLarge => return None,
        Verdict::Tight => ", just",
        Verdict::Fits => "",
    };
    Some(format!("{} context, KV cache {}{tight}", in_tokens(fit.context_length), fit.kv))
}

fn why_not(support: &Support, fit: Option<&LongestFit>) -> String {
    match (support, fit) {
        (Support::Unsupported { why } | Support::Unknown { why }, _) => why.clone(),
        (Support::Supported, Some(LongestFit { fit, .. })) if fit.verdict == Verdict::TooLarge => {
            format!("it takes at least {}, and {} may be used", in_bytes(fit.total), in_bytes(fit.limit))
        }
        (Support::Supported, _) => String::new(),
    }
}
