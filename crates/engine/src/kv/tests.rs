use mlx_rs::{Array, Dtype};
use proptest::prelude::*;
use shorn_checkpoint::{KvBits, KvCache, KvGroupSize, KvQuantization};
use shorn_protocol::EffectiveKvKind;

use super::*;
use crate::backend::Backend;
use crate::mlx;
use crate::nn::Attention;

/// Repeatable values in [-1, 1).
fn noise(shape: &[i32], seed: u32) -> Array {
    let count = shape.iter().product::<i32>() as usize;
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    let values: Vec<f32> = (0..count)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        })
        .collect();
    Array::from_slice(&values, shape)
}

fn settings(key_bits: u32, value_bits: u32, group_size: u32, start: u32) -> KvCache {
    KvCache::Quantized(KvQuantization {
        key_bits: key_bits.try_into().unwrap(),
        value_bits: value_bits.try_into().unwrap(),
        group_size: group_size.try_into().unwrap(),
        start,
    })
}

fn layout(head_dim: i32) -> Vec<KvLayout> {
    vec![KvLayout { kv_heads: 1, head_dim, dtype: Dtype::Float32 }]
}

/// Appends `tokens` tokens of noise to the only layer, as a step does.
fn append(kv: &mut SequenceKv, tokens: i32, seed: u32) -> Context {
    let shape = [1, 1, tokens, 128];
    kv.reserve(kv.len() + tokens).unwrap();
    let context = kv.append(0, &noise(&shape, seed), &noise(&shape, seed + 1)).unwrap();
    kv.advance(tokens);
    context
}

/// After how many tokens mlx-lm's `generate_step` quantizes: it looks after every prefill chunk and after every step.
fn reference_point(origin: i32, prompt: i32, start: i32, end: i32) -> Option<i32> {
    let mut len = origin;
    while prompt - len > 1 {
        len += PREFILL_CHUNK.min(prompt - len - 1);
        if len >= start {
            return Some(len);
        }
    }
    (prompt..=end).find(|len| *len >= start)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn a_cache_is_quantized_where_mlx_lm_quantizes_it_however_rows_are_scheduled(
        origin in 0..300_i32,
        more in 1..5000_i32,
        start in 0..6000_u32,
        pieces in prop::collection::vec(1..3000_i32, 1..20),
    ) {
        let prompt = origin + more;
        let kv_settings = settings(8, 8, 64, start);
        let mut kv = SequenceKv::new(&layout(128), kv_settings).unwrap();
        if origin > 0 {
            // What an earlier request left.
            kv.begin_prompt(origin + 1, 0).unwrap();
            append(&mut kv, origin, 1);
        }
        kv.begin_prompt(prompt, 0).unwrap();
        let end = prompt + 20;
        let mut converted_at = None;
        let mut pieces = pieces.iter().cycle();
        while kv.len() < end {
            let rows = match prompt - kv.len() {
                left if left > 1 => (*pieces.next().unwrap()).min(kv.prefill_stop() - kv.len()),
                _ => 1,
            };
            append(&mut kv, rows, 3);
            let due = kv.converts_after(kv.len());
            let converted = kv.convert_if_due().unwrap();
            prop_assert_eq!(due, converted);
            if converted {
                prop_assert!(converted_at.is_none(), "converted twice");
                converted_at = Some(kv.len());
            }
        }
        prop_assert_eq!(converted_at, reference_point(origin, prompt, start as i32, end));
    }
}

#[test]
fn growing_forking_and_truncating_keep_what_is_there() {
    for kv_settings in [KvCache::Dense, settings(8, 4, 64, 0)] {
        let mut kv = SequenceKv::new(&layout(128), kv_settings).unwrap();
        kv.begin_prompt(200, 0).unwrap();
        append(&mut kv, 199, 5);
        kv.convert_if_due().unwrap();
        append(&mut kv, 1, 9);
        let before = keys(&mut kv, 150);
        kv.reserve(5000).unwrap();
        let mut fork = kv.fork(150).unwrap();
        assert_eq!(fork.len(), 150);
        assert_eq!(keys(&mut fork, 150), before);
        append(&mut fork, 7, 11);
        kv.truncate(150);
        assert_eq!(kv.len(), 150);
        assert_eq!(keys(&mut kv, 150), before, "the fork has buffers of its own");
    }
}

/// The first `len` keys as floats.
fn keys(kv: &mut SequenceKv, len: i32) -> Vec<f32> {
    let zero = Array::zeros::<f32>(&[1, 1, 1, 128]).unwrap();
    let position = kv.len();
    kv.hold();
    kv.reserve(position + 1).unwrap();
    let context = kv.append(0, &zero, &zero).unwrap();
    let keys = match context {
        Context::Dense { keys, .. } => keys,
        Context::Quantized { keys, format, .. } => mlx::dequantize(&keys, format.keys).unwrap(),
    };
    let keys = mlx::read::<f32>(&mlx::slice(&keys, &[0, 0, 0, 0], &[1, 1, len, 128]).unwrap()).unwrap();
    kv.restore();
    keys
}

#[test]
fn taking_back_a_built_step_restores_the_cache() {
    let mut kv = SequenceKv::new(&layout(128), KvCache::Dense).unwrap();
    kv.begin_prompt(10, 20).unwrap();
    append(&mut kv, 9, 1);
    let before = keys(&mut kv, 9);
    kv.hold();
    append(&mut kv, 1, 77);
    kv.restore();
    assert_eq!(kv.len(), 9);
    assert_eq!(keys(&mut kv, 9), before);
}

#[test]
fn attention_over_every_pair_of_widths_is_that_over_the_dequantized_cache() {
    let attention = Attention { backend: Backend::current(), evaluates_blocks: true };
    for key_bits in KvBits::ALL {
        for value_bits in KvBits::ALL {
            for group_size in KvGroupSize::ALL {
                for rows in [1, 5] {
                    let kv_settings = settings(key_bits.get(), value_bits.get(), group_size.get(), 0);
                    let mut kv = SequenceKv::new(&layout(128), kv_settings).unwrap();
                    kv.begin_prompt(31, 0).unwrap();
                    append(&mut kv, 30, 1);
                    assert!(kv.convert_if_due().unwrap());
                    let context = append(&mut kv, rows, 21);
                    let EffectiveKvKind::Quantized { key_bits: k, value_bits: v, group_size: g } =
                        kv.effective().kind
                    else {
                        panic!("not quantized")
                    };
                    assert_eq!((k, v, g), (key_bits.get(), value_bits.get(), group_size.get()));

                    let queries = noise(&[1, 4, rows, 128], 3);
                    let ours = mlx::read::<f32>(&attention.attend(&queries, &context, 0.1).unwrap()).unwrap();
                    let Context::Quantized { keys, values, format } = &context else { panic!() };
                    let keys = mlx::read::<f32>(&mlx::dequantize(keys, format.keys).unwrap()).unwrap();
                    let values = mlx::read::<f32>(&mlx::dequantize(values, format.values).unwrap()).unwrap();
                    let queries = mlx::read::<f32>(&queries).unwrap();
                    let plain = plain_attention(&queries, &keys, &values, rows as usize, 0.1);
                    for (ours, plain) in ours.iter().zip(&plain) {
                        assert!((ours - plain).abs() < 1e-4, "{kv_settings}: {ours} {plain}");
                    }
                }
            }
        }
    }
}

/// Causal attention written out, for heads of 128 and one key head.
fn plain_attention(queries: &[f32], keys: &[f32], values: &[f32], rows: usize, scale: f32) -> Vec<f32> {
    let tokens = keys.len() / 128;
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let mut output = Vec::new();
    for (index, query) in queries.chunks(128).enumerate() {
        let seen = tokens - rows + index % rows + 1;
        let scores: Vec<f32> = keys.chunks(128).take(seen).map(|key| dot(query, key) * scale).collect();
        let most = scores.iter().copied().fold(f32::MIN, f32::max);
        let weights: Vec<f32> = scores.iter().map(|score| (score - most).exp()).collect();
        let total: f32 = weights.iter().sum();
        for element in 0..128 {
            let sum: f32 =
                weights.iter().zip(values.chunks(128)).map(|(weight, value)| weight * value[element]).sum();
            output.push(sum / total);
        }
    }
    output
}

#[test]
fn attention_in_blocks_of_rows_is_attention_at_once() {
    // 2 heads over 9,000 tokens: 1,200 rows pass the bound on scores and are taken in blocks.
    let (rows, tokens) = (1200, 9000);
    let attention = Attention { backend: Backend::current(), evaluates_blocks: true };
    let context =
        Context::Dense { keys: noise(&[1, 1, tokens, 64], 1), values: noise(&[1, 1, tokens, 64], 2) };
    let queries = noise(&[1, 2, rows, 64], 3);
    let blocks = mlx::read::<f32>(&attention.attend(&queries, &context, 0.125).unwrap()).unwrap();
    let Context::Dense { keys, values } = &context else { panic!() };
    let mask = mlx_rs::fast::ScaledDotProductAttentionMask::Causal;
    let once =
        mlx_rs::fast::scaled_dot_product_attention(&queries, keys, values, 0.125, Some(mask), None).unwrap();
    let once = mlx::read::<f32>(&once).unwrap();
    let worst = blocks.iter().zip(&once).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(worst < 1e-5, "{worst}");
}
