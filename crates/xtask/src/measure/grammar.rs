//! What following a JSON Schema costs, with a vocabulary of real size: 151,936 tokens, the most frequent words of the
//! Python sources on this machine. The model is one narrow layer, so that a step is short and the cost of masks shows; on a real model a step
//! takes ten times as long, and a mask as long as here.

use std::fs;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::reference::Reference;
use super::statistics::median;
use super::{Measuring, numbers};

/// Tokens of a reply.
const TOKENS: &str = "1000";

/// Runs of which medians are taken.
const RUNS: usize = 3;

pub fn measure(measuring: &Measuring) -> Result<Value> {
    let mut reference = Reference::start(&measuring.python)?;
    let folder = reference.checkpoint("vocabulary")?;
    drop(reference);
    let scratch = tempfile::tempdir()?;
    let mut results = serde_json::Map::new();
    let free = runs(measuring, &folder, None)?;
    results.insert("without a grammar".to_owned(), speed(&free));
    for (name, fields) in [("4 fields", 4), ("40 fields", 40), ("400 fields", 400)] {
        eprintln!("a schema of {name}");
        let path = scratch.path().join(format!("{fields}.json"));
        let text = schema(fields).to_string();
        fs::write(&path, &text)?;
        let followed = runs(measuring, &folder, Some(&path.display().to_string()))?;
        let mut figures = speed(&followed);
        figures["schema_bytes"] = json!(text.len());
        let cost = |run: &Value, field: &str| run["report"]["grammar"][field].as_f64();
        let microseconds = |field: &str| -> Vec<f64> {
            followed.iter().filter_map(|run| cost(run, field)).map(|seconds| seconds * 1e6).collect()
        };
        let means =
            followed.iter().filter_map(|run| Some(cost(run, "seconds")? / cost(run, "tokens")? * 1e6));
        figures["mask_microseconds_mean"] = json!(median(&means.collect::<Vec<_>>()));
        figures["mask_microseconds_slowest"] = json!(median(&microseconds("slowest_seconds")));
        figures["schema_to_first_mask_milliseconds"] =
            json!(median(&numbers_of(&followed, "grammar_seconds")) * 1e3);
        results.insert(format!("a schema of {name}"), figures);
    }
    Ok(results.into())
}

fn runs(measuring: &Measuring, folder: &std::path::Path, schema: Option<&str>) -> Result<Vec<Value>> {
    let mut runs = Vec::new();
    for _ in 0..RUNS {
        let mut options = vec!["--prompt", "16", "--generate", TOKENS];
        options.extend(schema.into_iter().flat_map(|schema| ["--schema", schema]));
        let measured = measuring.bench(folder, &options)?;
        runs.push(measured["runs"].get(0).context("a measurement without a run")?.clone());
    }
    Ok(runs)
}

fn speed(runs: &[Value]) -> Value {
    let steps: Vec<f64> = runs.iter().flat_map(|run| numbers(&run["step_milliseconds"])).collect();
    json!({
        "tokens_per_second": median(&numbers_of(runs, "decode_tokens_per_second")),
        "step_milliseconds": median(&steps),
        "tokens": runs.iter().filter_map(|run| run["report"]["generated_tokens"].as_u64()).collect::<Vec<_>>(),
        "tokens_built_ahead": runs.iter().filter_map(|run| run["report"]["ahead_tokens"].as_u64()).collect::<Vec<_>>(),
    })
}

fn numbers_of(runs: &[Value], field: &str) -> Vec<f64> {
    runs.iter().filter_map(|run| run[field].as_f64()).collect()
}

/// A list, long enough not to end, of objects with so many fields of all kinds.
fn schema(fields: usize) -> Value {
    let field = |index: usize| {
        let value = match index % 5 {
            0 => json!({"type": "string", "maxLength": 60}),
            1 => json!({"type": "integer", "minimum": 0, "maximum": 1000 + index}),
            2 => json!({"enum": ["read", "write", format!("kind {index}")]}),
            3 => json!({"type": "array", "items": {"type": "string", "maxLength": 20}, "maxItems": 5}),
            _ => json!({"anyOf": [{"type": "number"}, {"type": "null"}]}),
        };
        (format!("field_{index}"), value)
    };
    let properties: serde_json::Map<String, Value> = (0..fields).map(field).collect();
    let required: Vec<&String> = properties.keys().collect();
    let item = json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false});
    json!({"type": "array", "items": item, "minItems": 200})
}
