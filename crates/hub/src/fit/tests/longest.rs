//! Each step of the rule, on both sides of its border.

use super::*;
use crate::fit::shape::tests::{deepseek_v3, qwen3_8b};

fn coder() -> ModelFacts {
    facts(&shape(&qwen3_coder()))
}

fn total(model: &ModelFacts, kv: KvCache, context_length: u32) -> u64 {
    fit(model, &FitOptions::one_context(context_length, kv), &mac_of_64()).unwrap().total
}

/// What is chosen on a Mac whose GPU recommends so many bytes.
fn chosen(model: &ModelFacts, gpu_limit: u64) -> (KvCache, u32, Verdict) {
    let found = longest_fit(model, &mac(512 * GIB, gpu_limit));
    assert_eq!(found.fit.total, total(model, found.kv, found.context_length), "figures and settings agree");
    (found.kv, found.context_length, found.fit.verdict)
}

#[test]
fn the_full_context_is_unquantized_where_that_fits() {
    let dense = total(&coder(), KvCache::Dense, 262_144);
    assert_eq!(chosen(&coder(), 2 * dense), (KvCache::Dense, 262_144, Verdict::Fits));
    assert_eq!(chosen(&coder(), dense), (KvCache::Dense, 262_144, Verdict::Tight));
    assert_eq!(chosen(&coder(), dense - 1).0, quantized(8, 5000));
}

#[test]
fn else_the_full_context_has_the_widest_cache_that_fits_down_to_4_bits() {
    for (bits, narrower) in [(8, Some(6)), (6, Some(4)), (4, None)] {
        let total = total(&coder(), quantized(bits, 5000), 262_144);
        assert_eq!(chosen(&coder(), total), (quantized(bits, 5000), 262_144, Verdict::Tight));
        let (kv, context_length, _) = chosen(&coder(), total - 1);
        match narrower {
            Some(bits) => assert_eq!((kv, context_length), (quantized(bits, 5000), 262_144)),
            None => assert!(context_length < 262_144 && kv == quantized(8, 5000), "never in 3 or 2 bits"),
        }
    }
}

#[test]
fn else_the_longest_context_in_8_bits_that_fits() {
    let limit = total(&coder(), quantized(8, 5000), 100 * 1024);
    assert_eq!(chosen(&coder(), limit), (quantized(8, 5000), 100 * 1024, Verdict::Tight));
    assert_eq!(chosen(&coder(), limit - 1).1, 99 * 1024);
}

#[test]
fn a_context_below_16384_tokens_is_too_large_with_the_figures_of_that_many() {
    let limit = total(&coder(), quantized(8, 5000), 16_384);
    assert_eq!(chosen(&coder(), limit), (quantized(8, 5000), 16_384, Verdict::Tight));
    assert_eq!(chosen(&coder(), limit - 1), (quantized(8, 5000), 16_384, Verdict::TooLarge));
    assert_eq!(chosen(&coder(), 1 << 30), (quantized(8, 5000), 16_384, Verdict::TooLarge));
}

#[test]
fn a_model_with_a_short_context_is_useful_as_it_is() {
    let mut value = qwen3_coder();
    value["max_position_embeddings"] = json!(4096);
    let model = facts(&shape(&value));
    let total = total(&model, KvCache::Dense, 4096);
    assert_eq!(chosen(&model, total), (KvCache::Dense, 4096, Verdict::Tight));
    assert_eq!(chosen(&model, 1 << 30), (quantized(8, 5000), 4096, Verdict::TooLarge));
}

#[test]
fn a_context_is_shortened_to_whole_steps_below_a_full_one_that_is_none() {
    let mut value = deepseek_v3();
    value["max_position_embeddings"] = json!(20_000);
    let model = ModelFacts::from_config(&value.to_string(), 10 << 30).unwrap();
    let limit = total(&model, KvCache::Dense, 20_000) - 1;
    assert_eq!(chosen(&model, limit).1, 19_456);
}

#[test]
fn a_cache_that_cannot_be_quantized_is_shortened_as_it_is() {
    let model = ModelFacts::from_config(&deepseek_v3().to_string(), 10 << 30).unwrap();
    let limit = total(&model, KvCache::Dense, 64 * 1024);
    assert_eq!(chosen(&model, limit), (KvCache::Dense, 64 * 1024, Verdict::Tight));
    assert_eq!(chosen(&model, 1 << 30), (KvCache::Dense, 16_384, Verdict::TooLarge));
}

#[test]
fn heads_that_64_do_not_fill_are_quantized_in_groups_of_32() {
    let mut value = qwen3_8b();
    value["head_dim"] = json!(96);
    let model = ModelFacts::from_config(&value.to_string(), 4_607_835_174).unwrap();
    let limit = total(&model, KvCache::Dense, 40_960) - 1;
    let KvCache::Quantized(kv) = chosen(&model, limit).0 else { panic!("it has to be quantized") };
    assert_eq!((kv.group_size.get(), kv.key_bits.get()), (32, 8));
}
