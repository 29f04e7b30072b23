//! `shorn inspect`: what a model folder holds, without loading it.

use std::path::PathBuf;

use anyhow::Result;
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use shorn_checkpoint::{
    Checkpoint, Dtype, Family, KvBits, KvBytes, KvCache, KvGroupSize, KvQuantization, ModelConfig,
};
use shorn_runtime::in_bytes;

#[derive(clap::Args)]
pub struct Arguments {
    /// The model folder.
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// Print JSON instead of text.
    #[arg(long)]
    json: bool,
}

/// One KV-cache setting on this model.
#[derive(serde::Serialize)]
struct KvRow {
    setting: String,
    /// Bytes per token once quantized.
    bytes_per_token: u64,
    share_of_dense: f64,
    /// Why the model cannot take it.
    refused: Option<String>,
}

/// What is said about a model.
#[derive(serde::Serialize)]
struct Report {
    directory: PathBuf,
    architecture: String,
    layers: usize,
    parameters: u64,
    weights_bytes: u64,
    quantization: String,
    activation_dtype: String,
    context_length: u32,
    vocab_size: u32,
    eos_token_ids: Vec<u32>,
    kv: Vec<KvRow>,
}

/// Prints what the folder holds.
pub fn inspect(arguments: &Arguments) -> Result<()> {
    let checkpoint = Checkpoint::open(&arguments.directory)?;
    let report = report(&checkpoint);
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
        return Ok(());
    }
    println!("{}", report.directory.display());
    println!("architecture     {}, {} layers", report.architecture, report.layers);
    println!("parameters       {}", in_billions(report.parameters));
    println!("weights          {}, {}", in_bytes(report.weights_bytes), report.quantization);
    println!("activations      {}", report.activation_dtype);
    println!("context          {} tokens", report.context_length);
    println!("vocabulary       {} tokens, end tokens {:?}", report.vocab_size, report.eos_token_ids);
    println!("\nKV cache, by setting (bytes over all layers)");
    println!("{}", kv_table(&report));
    Ok(())
}

fn report(checkpoint: &Checkpoint) -> Report {
    let config = &checkpoint.config;
    let dtype = checkpoint.activation_dtype();
    let activation_bytes = dtype.map_or(2, |dtype| dtype.bitsize() as u64 / 8);
    Report {
        directory: checkpoint.directory.clone(),
        architecture: architecture(config),
        layers: config.layers().len(),
        parameters: checkpoint.parameters(),
        weights_bytes: checkpoint.tensors.bytes(),
        quantization: quantization(config),
        activation_dtype: dtype.map_or("unknown".to_owned(), |dtype: Dtype| dtype.to_string()),
        context_length: config.context_length(),
        vocab_size: config.vocab_size(),
        eos_token_ids: checkpoint.eos_token_ids.clone(),
        kv: kv_rows(config, activation_bytes),
    }
}

fn architecture(config: &ModelConfig) -> String {
    match &config.family {
        Family::Qwen3(_) => config.model_type.clone(),
        Family::Qwen3Moe(moe) => format!(
            "{}, {} experts of which {} see a token",
            config.model_type, moe.experts.num_experts, moe.experts.num_experts_per_tok
        ),
    }
}

fn quantization(config: &ModelConfig) -> String {
    match config.quantization.default_setting() {
        None => "not quantized".to_owned(),
        Some(default) => {
            let exceptions = match config.quantization.exceptions() {
                0 => String::new(),
                count => format!(", {count} matrices otherwise"),
            };
            let (bits, group, mode) = (default.bits, default.group_size, default.mode.name());
            format!("{bits}-bit {mode} in groups of {group}{exceptions}")
        }
    }
}

fn kv_rows(config: &ModelConfig, activation_bytes: u64) -> Vec<KvRow> {
    let mut settings = vec![KvCache::Dense];
    for group_size in KvGroupSize::ALL {
        for bits in KvBits::ALL.into_iter().rev() {
            let start = KvQuantization::DEFAULT_START;
            let quantization = KvQuantization { key_bits: bits, value_bits: bits, group_size, start };
            settings.push(KvCache::Quantized(quantization));
        }
    }
    settings
        .iter()
        .map(|setting| {
            let KvBytes { dense, quantized } = config.kv_bytes_per_token(setting, activation_bytes);
            KvRow {
                setting: match setting {
                    KvCache::Dense => "unquantized".to_owned(),
                    KvCache::Quantized(q) => format!("{}-bit/{}", q.key_bits.get(), q.group_size.get()),
                },
                bytes_per_token: quantized,
                share_of_dense: quantized as f64 / dense as f64,
                refused: config.check_kv(setting).err().map(|refusal| refusal.to_string()),
            }
        })
        .collect()
}

fn kv_table(report: &Report) -> Table {
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(["setting", "kB/token", "of dense", "32K context", "allowed"]);
    for row in &report.kv {
        let allowed = match &row.refused {
            None => "yes".to_owned(),
            Some(reason) => format!("no: {reason}"),
        };
        let figures = match &row.refused {
            None => [
                format!("{:.1}", row.bytes_per_token as f64 / 1e3),
                format!("{:.0} %", row.share_of_dense * 100.0),
                in_bytes(row.bytes_per_token * 32768),
            ],
            Some(_) => ["-".to_owned(), "-".to_owned(), "-".to_owned()],
        };
        let [per_token, share, at_32k] = figures;
        table.add_row([row.setting.clone(), per_token, share, at_32k, allowed]);
    }
    table
}

/// `30.53 billion`.
pub fn in_billions(parameters: u64) -> String {
    match parameters {
        0..1_000_000_000 => format!("{:.1} million", parameters as f64 / 1e6),
        _ => format!("{:.2} billion", parameters as f64 / 1e9),
    }
}
