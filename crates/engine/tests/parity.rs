//! The engine against mlx-lm: logits at every position, and greedy continuations token for token.
//!
//! References are computed by `tests/fixtures/make_checkpoints.py` with mlx-lm's own classes and `generate_step`.

#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

mod support;

use shorn_checkpoint::{KvCache, KvQuantization};
use support::{Reference, generate, greedy, load};

const PROMPTS: [usize; 4] = [1, 7, 64, 300];

/// Largest distance of logits at a position, relative to their length.
const TOLERANCE: f64 = 1e-3;

fn quantized(bits: u32, group_size: u32, start: u32) -> KvCache {
    KvCache::Quantized(KvQuantization {
        key_bits: bits.try_into().unwrap(),
        value_bits: bits.try_into().unwrap(),
        group_size: group_size.try_into().unwrap(),
        start,
    })
}

fn check_logits(name: &str, tolerance: f64) {
    let reference = Reference::read(name);
    let mut engine = load(name);
    for n in PROMPTS {
        let logits = engine.logits(&reference.prompt[..n]).unwrap();
        assert_eq!(logits.len(), n);
        for (position, (ours, theirs)) in logits.iter().zip(&reference.logits).enumerate() {
            let distance = support::relative_distance(ours, theirs);
            assert!(distance < tolerance, "{name}, {n} tokens, position {position}: {distance:e}");
        }
    }
}

fn check_continuations(name: &str) {
    let reference = Reference::read(name);
    let mut engine = load(name);
    let mut cases = vec![("dense".to_owned(), KvCache::Dense)];
    for bits in [8, 4] {
        for group in [64, 32] {
            for start in [0, 16] {
                cases.push((format!("kv{bits}g{group}s{start}"), quantized(bits, group, start)));
            }
        }
    }
    for (case, kv) in cases {
        for n in PROMPTS {
            engine.clear_prompt_cache();
            let request = greedy(&reference.prompt[..n], kv, 32);
            let tokens = generate(&mut engine, vec![request]).remove(0).tokens;
            let (theirs, leads) = reference.continuation(&format!("{case}/n{n}"));
            // Where the reference itself has a tie, what follows may differ: that happens in 16 bits only.
            let clear = leads.iter().take_while(|lead| **lead > 0.0).count();
            assert!(clear == 32 || name.ends_with("bfloat16"), "{name} {case} n{n}: a tie in the reference");
            assert_eq!(tokens[..clear], theirs[..clear], "{name} {case} n{n}");
        }
    }
}

macro_rules! parity {
    ($($module:ident: $name:literal, $tolerance:expr;)*) => {$(
        mod $module {
            #[test]
            fn logits_at_every_position_are_those_of_mlx_lm() {
                super::check_logits($name, $tolerance);
            }

            #[test]
            fn greedy_continuations_are_those_of_mlx_lm_for_every_kv_setting() {
                super::check_continuations($name);
            }
        }
    )*};
}

parity! {
    qwen3_moe_4_bit: "qwen3_moe-4bit", super::TOLERANCE;
    qwen3_moe_unquantized_tied_and_partly_dense: "qwen3_moe-float32", super::TOLERANCE;
    qwen3_moe_mixed_widths: "qwen3_moe-mixed", super::TOLERANCE;
    qwen3_16_bit_tied: "qwen3-bfloat16", 1e-2;
    qwen3_8_bit_yarn_heads_of_128: "qwen3-yarn-8bit", super::TOLERANCE;
    qwen3_mxfp4: "qwen3-mxfp4", super::TOLERANCE;
}
