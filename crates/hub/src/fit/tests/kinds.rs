//! Layers that keep something else than the keys and values of every token.

use super::*;
use crate::fit::kv::sliding_capacity;
use crate::fit::shape::tests::{deepseek_v3, gemma4_31b, gpt_oss_20b, qwen3_next};

fn facts(config: &Value) -> ModelFacts {
    ModelFacts::from_config(&config.to_string(), 10 << 30).unwrap()
}

#[track_caller]
fn estimate(config: &Value, context_length: u32, kv: KvCache) -> Fit {
    fit(&facts(config), &FitOptions::one_context(context_length, kv), &mac_of_64()).unwrap()
}

/// The states of Qwen3-Next's 36 recurrent layers: 3 inputs of a convolution over 8,192 channels in 16 bits, and 32
/// matrices of 128 x 128 in 32 bits.
const NEXT_STATES: u64 = 36 * (3 * 8192 * 2 + 32 * 128 * 128 * 4);

#[test]
fn a_latent_cache_takes_the_70272_bytes_a_token_that_its_authors_publish() {
    // Insights into DeepSeek-V3 (arXiv 2505.09343), table 1: 70.272 KB.
    let fit = estimate(&deepseek_v3(), 131_072, KvCache::Dense);
    assert_eq!(fit.kv_dense_bytes_per_token, 70_272);
    assert_eq!(fit.kv_unquantized_bytes_per_token, 70_272);
    assert_eq!((fit.kv, fit.kv_fixed), (131_072 * 70_272, 0));
}

#[test]
fn a_latent_cache_cannot_be_quantized_and_says_so() {
    let options = FitOptions::one_context(32_768, quantized(8, 0));
    let refusal = fit(&facts(&deepseek_v3()), &options, &mac_of_64()).unwrap_err().to_string();
    assert!(refusal.contains("deepseek_v3") && refusal.contains("choose an unquantized"), "{refusal}");
    let choices = kv_choices(&facts(&deepseek_v3()), 32_768, 64.try_into().unwrap(), 0);
    assert!(choices[0].refused.is_none() && choices[1..].iter().all(|choice| choice.refused.is_some()));
}

#[test]
fn of_a_hybrid_only_the_attention_layers_grow_and_are_quantized() {
    let dense = estimate(&qwen3_next(), 262_144, KvCache::Dense);
    // 12 layers with 2 heads of 256, keys and values, in 2 bytes.
    assert_eq!(dense.kv_dense_bytes_per_token, 24_576);
    assert_eq!((dense.kv, dense.kv_fixed), (262_144 * 24_576 + NEXT_STATES, NEXT_STATES));
    let eight = estimate(&qwen3_next(), 262_144, quantized(8, 5000));
    assert_eq!(eight.kv_quantized_bytes_per_token as f64 / 24_576.0, 0.53125);
    assert_eq!(eight.kv, 262_144 * eight.kv_quantized_bytes_per_token + NEXT_STATES);
    assert_eq!(eight.kv_unquantized_bytes_per_token, 0, "states do not grow with tokens");
}

#[test]
fn sliding_layers_stop_growing_at_their_window_and_one_chunk() {
    let kv = |context| estimate(&gpt_oss_20b(), context, KvCache::Dense);
    let (short, long) = (kv(8192), kv(131_072));
    assert_eq!(short.kv_fixed, long.kv_fixed);
    // 12 layers with 8 heads of 64, keys and values, in 2 bytes.
    let row = 12 * 8 * 64 * 2 * 2;
    assert_eq!(long.kv_dense_bytes_per_token, row);
    assert_eq!(long.kv_fixed, row * u64::from(largest_capacity(sliding_capacity(128))));
    assert_eq!(long.kv, row * 131_072 + long.kv_fixed);
    // 1,000 tokens of a context this short: windows are never full.
    assert_eq!(kv(1000).kv_fixed, row * u64::from(largest_capacity(1000)));
}

#[test]
fn layers_of_different_heads_are_counted_each_as_it_is() {
    let fit = estimate(&gemma4_31b(), 131_072, KvCache::Dense);
    // 10 layers with 4 heads of 512; 50 with 16 heads of 256 and windows of 1,024.
    assert_eq!(fit.kv_dense_bytes_per_token, 10 * 4 * 512 * 2 * 2);
    assert_eq!(fit.kv_fixed, 50 * 16 * 256 * 2 * 2 * u64::from(largest_capacity(1024 + 2048)));
    // The largest layers, twice: those with windows, until the others are longer.
    let largest = (4 * 512 * 2 * 2 * 131_072_u64).max(fit.kv_fixed / 50);
    assert_eq!(fit.kv_rebuild, 2 * largest);
}

#[test]
fn a_group_size_has_to_fill_the_heads_of_layers_that_are_quantized_and_no_others() {
    let mut config = gemma4_31b();
    config["text_config"]["head_dim"] = json!(80);
    let options = FitOptions::one_context(8192, quantized(8, 0));
    assert!(fit(&facts(&config), &options, &mac_of_64()).is_ok(), "sliding layers stay as they are");
    config["text_config"]["global_head_dim"] = json!(80);
    let refusal = fit(&facts(&config), &options, &mac_of_64()).unwrap_err().to_string();
    assert!(refusal.contains("64") && refusal.contains("80"), "{refusal}");
}

#[test]
fn what_is_needed_grows_with_the_context_for_every_kind_of_layer() {
    for config in [gpt_oss_20b(), gemma4_31b(), qwen3_next(), deepseek_v3()] {
        let model = facts(&config);
        for kv in [KvCache::Dense, quantized(8, 5000), quantized(2, 0)] {
            let total = |context| {
                let options = FitOptions::one_context(context, kv);
                Needs::of(&model, &options, &mac_of_64()).total()
            };
            let totals: Vec<u64> = (1..=256).map(|step| total(step * 512)).collect();
            assert!(totals.is_sorted(), "{} {kv}", model.shape.family);
        }
    }
}

#[test]
fn a_token_reads_windows_states_and_latents_as_they_are() {
    let read = |config: &Value, kv, cached| {
        let model = facts(config);
        let bandwidth = apple_chip_bandwidth("Apple M4 Max").unwrap();
        decode_speed_estimate(&model, &kv, cached, bandwidth).bytes_per_token - model.active_weights_bytes
    };
    let row = 12 * 8 * 64 * 2 * 2;
    assert_eq!(read(&gpt_oss_20b(), KvCache::Dense, 100), 100 * 2 * row);
    assert_eq!(read(&gpt_oss_20b(), KvCache::Dense, 10_000), (10_000 + 128) * row);
    assert_eq!(read(&qwen3_next(), KvCache::Dense, 0), NEXT_STATES);
    assert_eq!(read(&qwen3_next(), quantized(8, 0), 1000), NEXT_STATES + 1000 * 13_056);
    assert_eq!(read(&deepseek_v3(), KvCache::Dense, 1000), 1000 * 70_272);
}
