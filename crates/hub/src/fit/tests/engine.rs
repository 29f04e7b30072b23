//! The arithmetic beside the engine: its constants as they stand in its source, and what it was measured to take.

use super::*;
use crate::fit::workspace::{layer_activations, prefill};

/// The value of a constant in a source file of the engine, which cannot be linked here because it needs MLX.
fn engine_constant(file: &str, name: &str) -> u64 {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../engine/src").join(file);
    let source = fs::read_to_string(&path).unwrap();
    let line = source.lines().find(|line| line.contains(&format!("const {name}:")));
    let line = line.unwrap_or_else(|| panic!("{} has no constant {name}", path.display()));
    let value = line.split('=').nth(1).unwrap().trim().trim_end_matches(';');
    let product = value.split("<<").map(|part| part.trim().replace('_', "").parse::<u64>().unwrap());
    product.reduce(|value, shift| value << shift).unwrap()
}

#[test]
fn the_engines_constants_are_those_of_this_arithmetic() {
    let chunk = engine_constant("kv/sequence.rs", "PREFILL_CHUNK");
    assert_eq!(chunk, u64::from(crate::fit::kv::PREFILL_CHUNK));
    let layers = engine_constant("kv/sequence.rs", "LAYERS_AT_A_TIME");
    assert_eq!(layers, crate::fit::kv::LAYERS_AT_A_TIME);
    assert_eq!(engine_constant("load.rs", "BUFFER_CACHE_BYTES"), BUFFER_CACHE_BYTES);
    assert_eq!(engine_constant("nn/attention.rs", "SCORE_BYTES"), 32 << 20);
    assert_eq!(engine_constant("step.rs", "LAYERS_PER_GROUP"), 2);
}

#[test]
fn the_engines_rule_for_room_is_the_one_of_this_arithmetic() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../engine/src/kv/sequence.rs");
    let source = fs::read_to_string(path).unwrap();
    let rule = source.split("fn capacity_for").nth(1).unwrap();
    assert!(rule.contains("(tokens / 8 / 256 * 256).clamp(256, 4096)"), "look at `step_for` again: {rule}");
}

#[test]
fn rooms_are_those_that_were_measured() {
    // docs/measurements/memory.json: tokens in use, and bytes allocated at 8,192 bytes a token.
    assert_eq!(u64::from(capacity_for(115)) * 8192, 2_097_152);
    assert_eq!(u64::from(capacity_for(16_435)) * 8192, 150_994_944);
}

/// The model "kv-heavy" of `cargo xtask measure memory`: 8 layers in float32, on the processor.
fn kv_heavy() -> ModelShape {
    let shape = shape(&json!({
        "model_type": "qwen3_moe", "hidden_size": 128, "num_hidden_layers": 8, "intermediate_size": 256,
        "num_attention_heads": 2, "num_key_value_heads": 2, "head_dim": 64, "rms_norm_eps": 1e-6,
        "rope_theta": 10_000_000, "vocab_size": 512, "max_position_embeddings": 32_768, "num_experts": 4,
        "num_experts_per_tok": 2, "moe_intermediate_size": 64, "norm_topk_prob": true
    }));
    ModelShape { activation_bytes: 4, ..shape }
}

#[test]
fn the_estimate_of_a_prefill_is_above_what_was_measured_and_not_far() {
    let model = ModelFacts { shape: kv_heavy(), weights_bytes: 0, active_weights_bytes: 0 };
    // docs/measurements/memory.json: peak bytes above the weights of a prefill to 16,385 tokens.
    let measured = [
        (KvCache::Dense, 448_980_040),
        (quantized(8, 0), 358_600_792),
        (quantized(4, 0), 336_609_344),
        (quantized(8, 5000), 357_402_997),
    ];
    for (kv, measured) in measured {
        let options = FitOptions::one_context(16_387, kv);
        let cache = full_context(&model, 16_387, &kv).bytes;
        let estimate = cache + prefill(&model, &options, false);
        let share = estimate as f64 / f64::from(measured);
        assert!((1.0..1.3).contains(&share), "{kv}: {share} of what was measured");
    }
}

#[test]
fn a_layers_activations_are_of_the_size_that_was_measured() {
    // Measured on a GPU: 48 layers of this model held 8.6 GB when a chunk of 2,048 was evaluated as one graph.
    let shape = shape(&qwen3_coder());
    let share = layer_activations(&facts(&shape), 2048) as f64 / (8.6e9 / 48.0);
    assert!((1.0..2.0).contains(&share), "{share} of what was measured");
}

#[test]
fn a_fused_kernel_needs_no_scores_and_a_quantized_cache_two_slabs() {
    let shape = shape(&qwen3_coder());
    let model = facts(&shape);
    let workspace = |kv, has_gpu| prefill(&model, &FitOptions::one_context(262_144, kv), has_gpu);
    let dense = workspace(KvCache::Dense, true);
    assert_eq!(dense, 4 * layer_activations(&model, 2048));
    // Keys and values of 4 heads of 128 in 2 bytes, for every token: half a gibibyte.
    assert_eq!(workspace(quantized(8, 0), true) - dense, 2 * (GIB / 2));
    assert_eq!(workspace(quantized(8, 262_144), true), dense, "never quantized, never unpacked");
    // 16 rows of scores of 32 heads over 262,144 tokens in 4 bytes, in 8 copies.
    assert_eq!(workspace(KvCache::Dense, false) - dense, 8 * (GIB / 2));
}
