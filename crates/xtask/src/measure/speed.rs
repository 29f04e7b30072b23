//! Speed beside mlx-lm: the same weights, the same MLX, in turns. Ratios are mlx-lm's time over ours: above 1 is faster.

use anyhow::Result;
use serde::Deserialize;
use serde_json::{Value, json};

use super::reference::{Paced, Reference};
use super::statistics::{median, ratio};
use super::{Measuring, numbers};

/// Times that each comparison is made: many short turns, because machines slow down and recover over seconds.
const PAIRS: usize = 25;

/// Tokens decoded in one turn by a model whose step takes long.
const FEW_TOKENS: u32 = 9;
/// And by one whose step is short.
const MANY_TOKENS: u32 = 400;

/// Tokens of a prompt.
const PROMPT: u32 = 64;

#[derive(Deserialize)]
struct Decoded {
    seconds: Vec<f64>,
}

#[derive(Deserialize)]
struct Prefilled {
    seconds: f64,
}

#[derive(Deserialize)]
struct Overhead {
    build_seconds: Vec<f64>,
}

pub fn measure(measuring: &Measuring) -> Result<Value> {
    let mut reference = Reference::start(&measuring.python)?;
    let mut results = serde_json::Map::new();
    for (name, checkpoint, context, tokens, kv_bits) in [
        ("decode, mid-size model, context 64", "mid", 64, FEW_TOKENS, None),
        ("decode, mid-size model, context 64, 8-bit KV", "mid", 64, FEW_TOKENS, Some(8)),
        ("decode, mid-size model, context 4096", "mid", 4096, FEW_TOKENS, None),
        ("decode, mid-size model, context 4096, 8-bit KV", "mid", 4096, FEW_TOKENS, Some(8)),
        ("decode, 1-layer model", "1-layer", 16, MANY_TOKENS, None),
        ("decode, 1-layer model, 8-bit KV", "1-layer", 16, MANY_TOKENS, Some(8)),
        ("decode, 48-layer model", "48-layer", 16, FEW_TOKENS * 4, None),
    ] {
        eprintln!("{name}");
        let figures = decode(measuring, &mut reference, checkpoint, context, tokens, kv_bits)?;
        results.insert(name.to_owned(), figures);
    }
    let name = format!("prefill, mid-size model, {PROMPT} tokens");
    eprintln!("{name}");
    results.insert(name, prefill(measuring, &mut reference, "mid", PROMPT)?);
    eprintln!("building a step");
    results.insert("building one decode step, 48-layer model".to_owned(), build(measuring, &mut reference)?);
    Ok(results.into())
}

fn decode(
    measuring: &Measuring,
    reference: &mut Reference,
    checkpoint: &str,
    context: u32,
    tokens: u32,
    kv_bits: Option<u32>,
) -> Result<Value> {
    let folder = reference.checkpoint(checkpoint)?;
    reference.ask::<Value>("load", &json!(folder))?;
    let (depth, generate) = (context.to_string(), tokens.to_string());
    let mut options = vec!["--depth", &depth, "--prompt", "2", "--generate", &generate];
    let bits = kv_bits.map(|bits| bits.to_string());
    if let Some(bits) = &bits {
        options.extend(["--kv-bits", bits, "--kv-start", "0"]);
    }
    let mut paced = Paced::start(&measuring.shorn, &folder, &options)?;
    let mut pairs = Vec::new();
    for _ in 0..PAIRS {
        let argument = json!({"context": context, "tokens": tokens, "kv_bits": kv_bits});
        let theirs: Decoded = reference.ask("decode", &argument)?;
        let ours = median(&numbers(&paced.run()?["step_milliseconds"]));
        pairs.push((median(&theirs.seconds) * 1e3, ours));
    }
    Ok(compared(&pairs, "ms per token"))
}

fn prefill(measuring: &Measuring, reference: &mut Reference, checkpoint: &str, prompt: u32) -> Result<Value> {
    let folder = reference.checkpoint(checkpoint)?;
    reference.ask::<Value>("load", &json!(folder))?;
    let options = ["--prompt", &prompt.to_string(), "--generate", "2"];
    let mut paced = Paced::start(&measuring.shorn, &folder, &options)?;
    let mut pairs = Vec::new();
    for _ in 0..PAIRS {
        let theirs: Prefilled = reference.ask("prefill", &json!({"prompt": prompt}))?;
        let ours = paced.run()?["prefill_seconds"].as_f64().unwrap_or(f64::NAN);
        pairs.push((theirs.seconds * 1e3, ours * 1e3));
    }
    Ok(compared(&pairs, "ms to the first token"))
}

fn build(measuring: &Measuring, reference: &mut Reference) -> Result<Value> {
    let folder = reference.checkpoint("48-layer")?;
    reference.ask::<Value>("load", &json!(folder))?;
    let options = ["--depth", "16", "--prompt", "2", "--generate", "60"];
    let mut paced = Paced::start(&measuring.shorn, &folder, &options)?;
    let mut pairs = Vec::new();
    for _ in 0..PAIRS {
        let theirs: Overhead = reference.ask("overhead", &json!({"tokens": 60}))?;
        let ours = median(&numbers(&paced.run()?["build_milliseconds"]));
        pairs.push((median(&theirs.build_seconds) * 1e3, ours));
    }
    let mut figures = compared(&pairs, "ms to build a step");
    let (theirs, ours): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
    figures["ours as a share of mlx-lm's"] = json!(median(&ours) / median(&theirs));
    Ok(figures)
}

fn compared(pairs: &[(f64, f64)], unit: &str) -> Value {
    let (theirs, ours): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
    json!({
        "unit": unit,
        "mlx-lm, median": median(&theirs),
        "ours, median": median(&ours),
        "speed-up, ratio of medians with 95 % interval": ratio(pairs),
        "pairs": pairs,
    })
}
