//! What a cache really is, and what re-using one does.

#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

mod support;

use shorn_checkpoint::{KvCache, KvQuantization};
use shorn_protocol::EffectiveKvKind;
use support::{Reference, generate, greedy, load};

fn eight_bits(start: u32) -> KvCache {
    KvCache::Quantized(KvQuantization {
        key_bits: 8.try_into().unwrap(),
        value_bits: 8.try_into().unwrap(),
        group_size: 64.try_into().unwrap(),
        start,
    })
}

#[test]
fn eight_bits_take_their_exact_share_of_the_dense_bytes_in_float32_and_in_16_bits() {
    for (name, share) in [("qwen3_moe-4bit", 0.28125), ("qwen3-bfloat16", 0.53125)] {
        let prompt = Reference::read(name).prompt;
        let mut engine = load(name);
        let requests =
            vec![greedy(&prompt[..50], KvCache::Dense, 4), greedy(&prompt[..50], eight_bits(0), 4)];
        let together = generate(&mut engine, requests);
        let (dense, quantized) = (&together[0].report.kv, &together[1].report.kv);
        assert_eq!(quantized.tokens, dense.tokens);
        assert_eq!(quantized.bytes_per_token() / dense.bytes_per_token(), share, "{name}, together");
        assert_eq!(quantized.quantized_share, 1.0);

        engine.clear_prompt_cache();
        let alone = generate(&mut engine, vec![greedy(&prompt[..50], eight_bits(0), 4)]).remove(0);
        assert_eq!(alone.report.kv.bytes_in_use, quantized.bytes_in_use, "{name}, alone");
    }
}

#[test]
fn a_cache_below_its_start_says_that_it_is_dense() {
    let prompt = Reference::read("qwen3_moe-4bit").prompt;
    let mut engine = load("qwen3_moe-4bit");
    let report = generate(&mut engine, vec![greedy(&prompt[..50], eight_bits(5000), 4)]).remove(0).report;
    assert_eq!(report.kv.kind, EffectiveKvKind::Dense { bits: 32 });
    assert!(report.kv.to_string().contains("8-bit/64 from 5000 not reached"), "{}", report.kv);
}

#[test]
fn the_next_turn_computes_only_what_is_new_and_gives_the_same_tokens() {
    let prompt = Reference::read("qwen3_moe-4bit").prompt;
    let mut engine = load("qwen3_moe-4bit");
    let first = generate(&mut engine, vec![greedy(&prompt[..100], KvCache::Dense, 10)]).remove(0);
    let mut next: Vec<u32> = prompt[..100].to_vec();
    next.extend(&first.tokens);
    next.extend(&prompt[200..220]);

    let turn = generate(&mut engine, vec![greedy(&next, KvCache::Dense, 10)]).remove(0);
    // The last token of the reply was chosen but never computed.
    assert_eq!(turn.report.cached_tokens, 109);
    engine.clear_prompt_cache();
    let fresh = generate(&mut engine, vec![greedy(&next, KvCache::Dense, 10)]).remove(0);
    assert_eq!(fresh.report.cached_tokens, 0);
    assert_eq!(turn.tokens, fresh.tokens);
}

#[test]
fn the_same_prompt_again_computes_its_last_token_only() {
    let prompt = Reference::read("qwen3_moe-4bit").prompt;
    let mut engine = load("qwen3_moe-4bit");
    let first = generate(&mut engine, vec![greedy(&prompt[..100], KvCache::Dense, 8)]).remove(0);
    let again = generate(&mut engine, vec![greedy(&prompt[..100], KvCache::Dense, 8)]).remove(0);
    assert_eq!(again.report.cached_tokens, 99);
    assert_eq!(again.tokens, first.tokens);
}

#[test]
fn a_session_that_shares_only_the_beginning_leaves_the_other_its_cache() {
    let prompt: Vec<u32> = (0..1500).map(|n| (n * 31 + n / 7) % 240).collect();
    let mut engine = load("qwen3_moe-4bit");
    generate(&mut engine, vec![greedy(&prompt[..1400], KvCache::Dense, 2)]);
    let mut other = prompt[..200].to_vec();
    other.extend((0..60).map(|n| (n * 17) % 240));
    let forked = generate(&mut engine, vec![greedy(&other, KvCache::Dense, 6)]).remove(0);
    assert_eq!(forked.report.cached_tokens, 200);
    let back = generate(&mut engine, vec![greedy(&prompt[..1450], KvCache::Dense, 2)]).remove(0);
    assert_eq!(back.report.cached_tokens, 1400);

    engine.clear_prompt_cache();
    let fresh = generate(&mut engine, vec![greedy(&other, KvCache::Dense, 6)]).remove(0);
    assert_eq!(forked.tokens, fresh.tokens);
}

#[test]
fn caches_of_another_kv_setting_are_not_reused() {
    let prompt = Reference::read("qwen3_moe-4bit").prompt;
    let mut engine = load("qwen3_moe-4bit");
    generate(&mut engine, vec![greedy(&prompt[..100], KvCache::Dense, 2)]);
    let quantized = generate(&mut engine, vec![greedy(&prompt[..100], eight_bits(0), 2)]).remove(0);
    assert_eq!(quantized.report.cached_tokens, 0);
}

#[test]
fn a_quantized_cache_is_reused_as_it_is() {
    let prompt = Reference::read("qwen3_moe-4bit").prompt;
    let mut engine = load("qwen3_moe-4bit");
    generate(&mut engine, vec![greedy(&prompt[..100], eight_bits(0), 2)]);
    let next = generate(&mut engine, vec![greedy(&prompt[..200], eight_bits(0), 2)]).remove(0);
    assert_eq!(next.report.cached_tokens, 100);
    assert_eq!(next.report.kv.quantized_share, 1.0);
}

#[test]
fn the_budget_drops_the_least_recently_used_cache() {
    let prompt: Vec<u32> = (0..1200).map(|n| (n * 31 + n / 7) % 240).collect();
    let settings = shorn_protocol::LoadSettings {
        // Two caches of 256 tokens with 2,048 bytes each, not three.
        prompt_cache_bytes: Some(2 * 256 * 2048 + 1000),
        ..support::settings(&support::folder("qwen3_moe-4bit"))
    };
    let mut engine =
        shorn_engine::Engine::load(settings, &mut |_, _| std::ops::ControlFlow::Continue(())).unwrap();
    for start in [0, 400, 800] {
        generate(&mut engine, vec![greedy(&prompt[start..start + 100], KvCache::Dense, 2)]);
    }
    assert!(engine.memory().prompt_cache <= 2 * 256 * 2048 + 1000);
    let cached = |engine: &mut shorn_engine::Engine, start: usize| {
        let request = greedy(&prompt[start..start + 100], KvCache::Dense, 2);
        generate(engine, vec![request]).remove(0).report.cached_tokens
    };
    assert_eq!(cached(&mut engine, 800), 99);
    assert_eq!(cached(&mut engine, 0), 0);
}
