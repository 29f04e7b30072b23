//! `shorn fit`: whether a model, on this disk or on the Hub, fits into this machine's memory.

use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Serialize;
use shorn_checkpoint::{Checkpoint, KvCache, model_name};
use shorn_hub::fit::{
    self, BindingLimit, DecodeSpeedEstimate, Fit, FitOptions, ModelFacts, Verdict, decode_speed_estimate,
};
use shorn_hub::library::{LibraryState, scan};
use shorn_hub::remote::{RepositoryName, Support};
use shorn_runtime::in_bytes;

use crate::hub::{bandwidth, block_on, folders, hub, in_tokens, machine, say_if_token_was_refused};
use crate::kv_arguments::KvArguments;

#[derive(clap::Args)]
pub struct Arguments {
    /// A model on the Hub or on this disk, as ORG/NAME, or a model folder.
    #[arg(value_name = "MODEL")]
    model: String,
    /// The context in tokens, as in 131072 or 128K; the model's own when not given.
    #[arg(long, value_name = "TOKENS", value_parser = tokens)]
    context: Option<u32>,
    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    kv: KvArguments,
}

/// What is said.
#[derive(Serialize)]
struct Report {
    model: String,
    /// Where its figures come from.
    source: Source,
    /// Why it could not be loaded even if it fits.
    not_supported: Option<String>,
    context_length: u32,
    kv: KvCache,
    fit: Fit,
    /// The processor that the speed is estimated for.
    processor: Option<&'static str>,
    /// At an empty and at a full context.
    speed: Option<[DecodeSpeedEstimate; 2]>,
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
enum Source {
    Disk,
    Hub,
}

/// A model whose figures are known.
struct Known {
    name: String,
    source: Source,
    facts: ModelFacts,
    not_supported: Option<String>,
}

/// Prints the parts, the total and the verdict.
pub fn fit(arguments: &Arguments) -> Result<()> {
    let report = block_on(report(arguments))?;
    match arguments.json {
        true => println!("{}", serde_json::to_string_pretty(&report)?),
        false => print(&report),
    }
    Ok(())
}

async fn report(arguments: &Arguments) -> Result<Report> {
    let machine = machine()?.context("this system does not tell its memory, so nothing can be estimated")?;
    let Known { name, source, facts, not_supported } = find(&arguments.model).await?;
    let kv = arguments.kv.setting().unwrap_or_default();
    let context_length = arguments.context.unwrap_or(facts.shape.context_length);
    let fit = fit::fit(&facts, &FitOptions::one_context(context_length, kv), &machine)?;
    let (processor, bandwidth) = bandwidth().unzip();
    let speed = bandwidth.map(|bandwidth| {
        [0, context_length].map(|cached_tokens| decode_speed_estimate(&facts, &kv, cached_tokens, bandwidth))
    });
    Ok(Report { model: name, source, not_supported, context_length, kv, fit, processor, speed })
}

/// A folder, else a whole model of that name on this disk, else one on the Hub.
async fn find(model: &str) -> Result<Known> {
    let directory = Path::new(model);
    if directory.is_dir() {
        return on_disk(directory, model_name(directory));
    }
    let ready = |found: &shorn_hub::library::LibraryModel| {
        found.name == model && matches!(found.state, LibraryState::Ready { .. })
    };
    if let Some(found) = scan(&folders()?).models.into_iter().find(ready) {
        return on_disk(&found.directory, found.name);
    }
    on_hub(&model.parse().with_context(|| format!("there is no folder and no model `{model}` on this disk"))?)
        .await
}

fn on_disk(directory: &Path, name: String) -> Result<Known> {
    let facts = ModelFacts::of(&Checkpoint::open(directory)?);
    Ok(Known { name, source: Source::Disk, facts, not_supported: None })
}

async fn on_hub(name: &RepositoryName) -> Result<Known> {
    let hub = hub()?;
    let details = hub.details(name, "main").await?;
    say_if_token_was_refused(&hub);
    let facts = match &details.facts {
        Ok(facts) => facts.clone(),
        Err(why) => bail!("what {name} takes cannot be told: {why}"),
    };
    let not_supported = match &details.support {
        Support::Supported => None,
        Support::Unsupported { why } | Support::Unknown { why } => Some(why.clone()),
    };
    Ok(Known { name: name.to_string(), source: Source::Hub, facts, not_supported })
}

fn print(report: &Report) {
    let Report { fit, context_length, .. } = report;
    let source = match report.source {
        Source::Disk => "on this disk",
        Source::Hub => "on the Hub; estimated from its configuration and the sizes of its files",
    };
    println!("{}, {source}", report.model);
    if let Some(why) = &report.not_supported {
        println!("it cannot be loaded here: {why}");
    }
    println!("context {} tokens, KV cache {}\n", in_tokens(*context_length), report.kv);
    let per_token = in_kilobytes(fit.kv_quantized_bytes_per_token);
    println!("weights          {}", in_bytes(fit.weights));
    println!("KV cache         {}, {per_token} a token", in_bytes(fit.kv));
    println!("its growth       {}", in_bytes(fit.kv_rebuild));
    println!("prefill          {}", in_bytes(fit.prefill_workspace));
    println!("freed buffers    {}", in_bytes(fit.buffer_cache));
    println!("total            {}  (of growth and prefill the larger)", in_bytes(fit.total));
    println!("may be used      {}  ({})", in_bytes(fit.limit), binding(fit.binding));
    println!("\n{}", verdict(fit));
    for advice in &fit.advice {
        println!("- {}", advice.words);
    }
    match (&report.speed, report.processor) {
        (Some([empty, full]), Some(processor)) => println!(
            "decode on {processor}, estimated: {} tokens/s at first, {} when the context is full",
            range(empty),
            range(full)
        ),
        _ => println!("decode speed: not known for this processor"),
    }
}

fn in_kilobytes(bytes: u64) -> String {
    format!("{:.1} kB", bytes as f64 / 1e3)
}

fn range(speed: &DecodeSpeedEstimate) -> String {
    format!("{:.0} to {:.0}", speed.slowest, speed.fastest)
}

fn binding(binding: BindingLimit) -> &'static str {
    match binding {
        BindingLimit::GpuLimit => "what the GPU recommends",
        BindingLimit::TotalMinusReserve => "this machine's memory without what stays with other programs",
        BindingLimit::AvailableNow => "what is available now; closing programs gives more",
        BindingLimit::Chosen => "what was chosen",
    }
}

fn verdict(fit: &Fit) -> String {
    match fit.verdict {
        Verdict::Fits => "it fits".to_owned(),
        Verdict::Tight => "it fits, but only just".to_owned(),
        Verdict::TooLarge => {
            let missing = in_bytes(fit.total.saturating_sub(fit.limit));
            match fit.advice.is_empty() {
                true => format!("it does not fit: {missing} are missing, and no setting changes that"),
                false => format!("it does not fit: {missing} are missing; any one of these makes it fit:"),
            }
        }
    }
}

/// `131072`, `128K` or `1M`.
fn tokens(text: &str) -> Result<u32, String> {
    let bad = || format!("`{text}` is no number of tokens: write it like 131072 or 128K");
    let (digits, unit) = match text.trim_end_matches(['k', 'K', 'm', 'M']) {
        digits if digits.len() == text.len() => (digits, 1),
        digits if text[digits.len()..].eq_ignore_ascii_case("k") => (digits, 1024),
        digits if text[digits.len()..].eq_ignore_ascii_case("m") => (digits, 1024 * 1024),
        _ => return Err(bad()),
    };
    digits.parse::<u32>().ok().and_then(|number| number.checked_mul(unit)).ok_or_else(bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_read_with_and_without_a_unit() {
        assert_eq!(tokens("4096"), Ok(4096));
        assert_eq!(tokens("128K"), Ok(131_072));
        assert_eq!(tokens("1m"), Ok(1_048_576));
        for bad in ["", "K", "12KK", "1.5K", "-1", "9999999M"] {
            assert!(tokens(bad).is_err(), "{bad}");
        }
    }
}
