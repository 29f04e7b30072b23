//! What a step takes beyond the weights and the caches. `cargo xtask measure memory` compares the same with mlx-lm.

#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

mod support;

use std::ops::ControlFlow;
use std::path::Path;

use shorn_checkpoint::{KvCache, KvQuantization};
use shorn_engine::{Engine, Event};
use shorn_protocol::LoadSettings;
use support::{greedy, settings, take_turn};

fn eight_bits() -> KvCache {
    KvCache::Quantized(KvQuantization {
        key_bits: 8.try_into().unwrap(),
        value_bits: 8.try_into().unwrap(),
        group_size: 64.try_into().unwrap(),
        start: 0,
    })
}

/// The random model of the whole-product tests, 2 layers with 4 query heads and 2 KV heads of 64, its context long enough to weigh something.
fn load(kv: KvCache) -> Engine {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/random-coder");
    let settings = LoadSettings { kv, context_length: 16384, ..settings(&folder) };
    Engine::load(settings, &mut |_, _| ControlFlow::Continue(())).unwrap()
}

/// So many tokens that are no particular text.
fn tokens(count: u32) -> Vec<u32> {
    (0..count).map(|index| index * 7 % 250).collect()
}

#[test]
fn decoding_appends_in_place() {
    let _turn = take_turn();
    for (kv, layers_copied) in [(KvCache::Dense, 0), (eight_bits(), 1)] {
        let mut engine = load(kv);
        engine.cache_noise(&tokens(8000)).unwrap();
        engine.submit(greedy(&tokens(8001), kv, 50)).unwrap();
        let mut steps = 0;
        while !engine.is_idle() {
            let decoded = engine.step().iter().any(|event| matches!(event, Event::Token { .. }));
            steps += usize::from(decoded);
            // The first step may have made room for the reply; the last one gives the cache away.
            if steps <= 1 || engine.is_idle() {
                continue;
            }
            let memory = engine.memory();
            let workspace = engine.last_peak() - memory.mlx_active;
            // Scores of 4 heads and one row. On the processor MLX's quantized product also copies the operand that it
            // works on, keys or values of one layer, because a cache with room to grow is not contiguous.
            let copied = layers_copied * memory.kv_allocated / 2;
            assert!(workspace < 500_000 + copied, "{kv}: {workspace} bytes beyond {memory:?}");
        }
        assert!(steps > 40);
    }
}

#[test]
fn a_long_prefill_never_holds_the_whole_score_matrix_and_takes_less_over_a_quantized_cache() {
    let _turn = take_turn();
    let (depth, rows) = (6000, 2048);
    let mut peaks = Vec::new();
    for kv in [KvCache::Dense, eight_bits()] {
        let mut engine = load(kv);
        engine.cache_noise(&tokens(depth)).unwrap();
        engine.submit(greedy(&tokens(depth + rows + 1), kv, 1)).unwrap();
        let mut peak = 0;
        while !engine.is_idle() {
            engine.step();
            peak = peak.max(engine.last_peak());
        }
        peaks.push(peak - engine.memory().weights);
    }
    let [dense, quantized] = peaks[..] else { panic!() };
    let scores = u64::from(rows) * u64::from(depth + rows) * 4 * 4;
    assert!(dense < scores / 2, "{dense} bytes beyond the weights, a score matrix has {scores}");
    assert!(quantized < dense, "{quantized} bytes with 8 bits, {dense} without");
}
