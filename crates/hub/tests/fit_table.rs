//! `docs/fit.md` is what the arithmetic says: `cargo xtask fit-table` writes it, this test compares.
#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

use std::fmt::Write;
use std::path::Path;

use shorn_checkpoint::{KvCache, KvQuantization};
use shorn_hub::fit::{Fit, FitOptions, Machine, ModelFacts, Verdict, fit};
use shorn_hub::recommended::{Recommendation, TYPICAL_MACS, TypicalMac, recommended};

/// Set to write the file.
const WRITE: &str = "SHORN_WRITE_FIT_TABLE";

const HEADER: &str = "\
# What fits on which Mac

Generated from `shorn_hub::recommended` by `cargo xtask fit-table`; `npm test` fails when it is behind.

How much memory each recommended model takes in all (weights, the KV cache of one full context, workspace and MLX's
buffers) by context length and KV cache, and the smallest Mac that has it, with nothing else loaded and the default guard.
These are estimates, rounded up where they cannot be exact; `shorn fit` and the load dialog use the same arithmetic with
what the machine at hand has free. A quantized KV cache is kept in groups of 64 and begins at 5,000 tokens. A gigabyte (GB)
is 10^9 bytes, but a Mac's memory is counted as it is sold.
";

#[test]
fn the_table_in_docs_is_what_the_arithmetic_says() {
    let text = table();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/fit.md");
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(&path, text).unwrap();
        return;
    }
    let present = std::fs::read_to_string(&path).unwrap();
    assert!(present == text, "docs/fit.md is behind the arithmetic: run `cargo xtask fit-table`");
}

fn table() -> String {
    let mut text = format!("{HEADER}\n| Mac | a model may take |\n| --- | --- |\n");
    for mac in TYPICAL_MACS {
        let limit = in_gigabytes(mac.machine().limit().bytes);
        writeln!(text, "| {} GB | {limit} |", mac.memory_gigabytes).unwrap();
    }
    for model in recommended() {
        write_model(&mut text, model);
    }
    text
}

fn write_model(text: &mut String, model: &Recommendation) {
    let name = &model.name;
    write!(text, "\n## [{name}](https://huggingface.co/{name})\n\n").unwrap();
    let (download, memory) = (in_gigabytes(model.download_bytes), model.memory_gigabytes);
    writeln!(text, "For {memory} GB; {download} to download. {}\n", model.reason).unwrap();
    let settings = [("unquantized", None), ("8 bits", Some((8, 8))), ("keys 8, values 4 bits", Some((8, 4)))];
    let settings =
        settings.into_iter().chain([("4 bits", Some((4, 4)))]).map(|(words, bits)| (words, kv(bits)));
    let settings: Vec<_> = settings.collect();
    let words: Vec<&str> = settings.iter().map(|(words, _)| *words).collect();
    writeln!(text, "| context | {} |\n|{}", words.join(" | "), " --- |".repeat(words.len() + 1)).unwrap();
    for context_length in contexts(&model.facts) {
        write!(text, "| {} |", in_thousands(context_length)).unwrap();
        for (_, kv) in &settings {
            write!(text, " {} |", cell(&model.facts, context_length, *kv)).unwrap();
        }
        text.push('\n');
    }
}

/// 8K, 32K, 128K and 256K as far as the model goes, and its own longest.
fn contexts(model: &ModelFacts) -> Vec<u32> {
    let longest = model.shape.context_length;
    let mut contexts: Vec<u32> =
        [8192, 32_768, 131_072, 262_144, longest].into_iter().filter(|&context| context <= longest).collect();
    contexts.dedup();
    contexts
}

fn kv(bits: Option<(u32, u32)>) -> KvCache {
    let Some((keys, values)) = bits else { return KvCache::Dense };
    KvCache::Quantized(KvQuantization {
        key_bits: keys.try_into().unwrap(),
        value_bits: values.try_into().unwrap(),
        group_size: KvQuantization::DEFAULT_GROUP_SIZE,
        start: KvQuantization::DEFAULT_START,
    })
}

fn cell(model: &ModelFacts, context_length: u32, kv: KvCache) -> String {
    let on = |machine: &Machine| -> Fit {
        fit(model, &FitOptions::one_context(context_length, kv), machine).unwrap()
    };
    let has_it = |mac: &&TypicalMac| on(&mac.machine()).verdict != Verdict::TooLarge;
    let total = in_gigabytes(on(&TYPICAL_MACS[0].machine()).total);
    match TYPICAL_MACS.iter().find(has_it) {
        Some(mac) => format!("{total}, from {} GB", mac.memory_gigabytes),
        None => format!("{total}, none of these"),
    }
}

fn in_gigabytes(bytes: u64) -> String {
    format!("{:.1} GB", bytes as f64 / 1e9)
}

fn in_thousands(tokens: u32) -> String {
    format!("{},{:03}", tokens / 1000, tokens % 1000)
}
