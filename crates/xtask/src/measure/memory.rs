//! Memory beside mlx-lm: what decoding and prefilling take beyond the weights.

use anyhow::Result;
use serde::Deserialize;
use serde_json::{Value, json};

use super::reference::Reference;
use super::statistics::median;
use super::{Measuring, numbers};

/// Tokens in the cache when decoding is measured.
const DEEP: u32 = 16384;
/// Tokens in the cache when the last chunk of a prefill is measured, and its rows.
const DEPTH: u32 = 14336;
const CHUNK: u32 = 2048;

#[derive(Deserialize)]
struct Decoded {
    seconds: Vec<f64>,
    peak: u64,
    live: u64,
}

#[derive(Deserialize)]
struct Chunk {
    seconds: f64,
    peak: u64,
}

pub fn measure(measuring: &Measuring) -> Result<Value> {
    let mut reference = Reference::start(&measuring.python)?;
    let mut results = serde_json::Map::new();
    let folder = reference.checkpoint("kv-heavy")?;
    reference.ask::<Value>("load", &json!(folder))?;
    for (kv, bits) in [("unquantized KV", None), ("8-bit KV", Some(8)), ("4-bit KV", Some(4))] {
        let kv_options = kv_options(bits);
        let kv_options: Vec<&str> = kv_options.iter().map(String::as_str).collect();
        let mut depths = serde_json::Map::new();
        for context in [64, DEEP] {
            let argument = json!({"context": context, "tokens": 50, "kv_bits": bits});
            let theirs: Decoded = reference.ask("decode", &argument)?;
            let depth = context.to_string();
            let options = [&["--depth", &depth, "--prompt", "2", "--generate", "50"], &*kv_options].concat();
            let ours = &measuring.bench(&folder, &options)?["runs"][0];
            depths.insert(
                format!("context {context}"),
                json!({
                    "ours": {
                        "live bytes": ours["live_above_weights"],
                        "peak bytes": ours["decode_peak_above_weights"],
                        "ms per token": median(&numbers(&ours["step_milliseconds"])),
                        "KV": ours["report"]["kv"],
                    },
                    "mlx-lm": {
                        "live bytes": theirs.live,
                        "peak bytes": theirs.peak,
                        "ms per token": median(&theirs.seconds) * 1e3,
                    },
                }),
            );
        }
        results.insert(format!("decode, {kv}"), depths.into());

        let argument = json!({"depth": DEPTH, "rows": CHUNK, "kv_bits": bits});
        let theirs: Chunk = reference.ask("chunk", &argument)?;
        // One token more: the last one is a step of its own.
        let (depth, rows) = (DEPTH.to_string(), (CHUNK + 1).to_string());
        let options = [&["--depth", &depth, "--prompt", &rows, "--generate", "2"], &*kv_options].concat();
        let ours = &measuring.bench(&folder, &options)?["runs"][0];
        let peak = ours["prefill_peak_above_weights"].as_u64().unwrap_or(0);
        results.insert(
            format!("prefill of {CHUNK} tokens behind {DEPTH}, {kv}"),
            json!({
                "ours": {"peak bytes": peak, "seconds": ours["prefill_seconds"]},
                "mlx-lm": {"peak bytes": theirs.peak, "seconds": theirs.seconds},
                "our peak as a share of mlx-lm's": peak as f64 / theirs.peak as f64,
            }),
        );
    }
    let prompt = DEEP.to_string();
    let whole = measuring.bench(&folder, &["--prompt", &prompt, "--generate", "2", "--kv-bits", "8"])?;
    let whole = &whole["runs"][0];
    results.insert(
        format!("prefill of {DEEP} tokens from nothing, 8-bit KV from 5000"),
        json!({"peak bytes": whole["prefill_peak_above_weights"], "seconds": whole["prefill_seconds"]}),
    );
    Ok(results.into())
}

fn kv_options(bits: Option<u32>) -> Vec<String> {
    match bits {
        None => Vec::new(),
        Some(bits) => ["--kv-bits", &bits.to_string(), "--kv-start", "0"].map(str::to_owned).to_vec(),
    }
}
