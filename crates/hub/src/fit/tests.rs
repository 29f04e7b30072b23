mod advice;
mod engine;
mod kinds;
mod longest;
mod speed;

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use shorn_checkpoint::{KvGroupSize, KvQuantization, ModelConfig};

use super::kv::{capacity_for, full_context, largest_capacity};
use super::*;

const GIB: u64 = 1 << 30;

/// The configuration of Qwen3-Coder-30B-A3B-Instruct-4bit, as far as it is read.
fn qwen3_coder() -> Value {
    json!({
        "model_type": "qwen3_moe", "hidden_size": 2048, "num_hidden_layers": 48, "intermediate_size": 5472,
        "num_attention_heads": 32, "num_key_value_heads": 4, "head_dim": 128, "rms_norm_eps": 1e-6,
        "rope_theta": 10_000_000, "vocab_size": 151_936, "max_position_embeddings": 262_144, "num_experts": 128,
        "num_experts_per_tok": 8, "moe_intermediate_size": 768, "norm_topk_prob": true,
        "quantization": {"group_size": 64, "bits": 4}
    })
}

fn shape(value: &Value) -> ModelShape {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.json");
    fs::write(&path, value.to_string()).unwrap();
    ModelShape::of(&ModelConfig::read(&path).unwrap(), 2)
}

/// 30B parameters in 4 bits: 17.17 GB of weights, measured on a GPU.
fn facts(shape: &ModelShape) -> ModelFacts {
    ModelFacts { shape: shape.clone(), weights_bytes: 17_170_000_000, active_weights_bytes: 1_900_000_000 }
}

fn quantized(bits: u32, start: u32) -> KvCache {
    let bits = bits.try_into().unwrap();
    let group_size = KvQuantization::DEFAULT_GROUP_SIZE;
    KvCache::Quantized(KvQuantization { key_bits: bits, value_bits: bits, group_size, start })
}

/// A Mac with nothing else in memory.
fn mac(total: u64, gpu_limit: u64) -> Machine {
    let reserve = GuardLevel::Balanced.reserve(total);
    Machine { total, gpu_limit: Some(gpu_limit), available: Some(total), ours: 0, reserve, chosen: None }
}

fn mac_of_64() -> Machine {
    mac(64 * GIB, 48 * GIB)
}

#[test]
fn qwen3_coder_takes_98304_bytes_a_token_and_24_gib_at_its_full_context() {
    let shape = shape(&qwen3_coder());
    let fit = fit(&facts(&shape), &FitOptions::one_context(262_144, KvCache::Dense), &mac_of_64()).unwrap();
    assert_eq!(fit.kv_dense_bytes_per_token, 98_304);
    assert_eq!(fit.kv_quantized_bytes_per_token, 98_304);
    assert_eq!(fit.kv, 24 * GIB);
}

#[test]
fn in_8_bits_the_full_context_takes_12_and_three_quarters_gib() {
    let shape = shape(&qwen3_coder());
    let options = FitOptions::one_context(262_144, quantized(8, 5000));
    let fit = fit(&facts(&shape), &options, &mac_of_64()).unwrap();
    // 8 bits and, for 64 elements, two numbers in 16 bits: 8.5 of 16 bits.
    assert_eq!(fit.kv_quantized_bytes_per_token, 52_224);
    assert_eq!(fit.kv as f64 / GIB as f64, 12.75);
}

#[test]
fn a_token_takes_what_the_checkpoint_says_in_every_setting() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.json");
    fs::write(&path, qwen3_coder().to_string()).unwrap();
    let config = ModelConfig::read(&path).unwrap();
    for kv in kv_choices(&facts(&shape(&qwen3_coder())), 4096, 32.try_into().unwrap(), 0) {
        let expected = config.kv_bytes_per_token(&kv.kv, 2).quantized;
        assert_eq!(kv.bytes_per_token, Some(expected), "{}", kv.kv);
    }
}

#[test]
fn a_total_is_its_parts_with_the_workspace_and_the_rebuild_never_at_once() {
    let shape = shape(&qwen3_coder());
    for kv in [KvCache::Dense, quantized(4, 0)] {
        let fit = fit(&facts(&shape), &FitOptions::one_context(262_144, kv), &mac_of_64()).unwrap();
        let most = fit.prefill_workspace.max(fit.kv_rebuild);
        assert_eq!(fit.total, fit.weights + fit.kv + most + fit.buffer_cache);
        assert_eq!(fit.kv_rebuild, fit.kv / 24, "2 of 48 layers are there twice");
    }
}

#[test]
fn several_full_contexts_are_counted_as_such_and_share_the_workspace() {
    let shape = shape(&qwen3_coder());
    let one = FitOptions::one_context(32_768, KvCache::Dense);
    let four = FitOptions { full_contexts: NonZeroU32::new(4).unwrap(), ..one };
    let model = facts(&shape);
    let [one, four] = [one, four].map(|options| fit(&model, &options, &mac_of_64()).unwrap());
    assert_eq!(four.kv, 4 * one.kv);
    assert_eq!(four.total - one.total, 3 * one.kv);
}

#[test]
fn before_the_threshold_a_cache_is_counted_unquantized() {
    let shape = shape(&qwen3_coder());
    let kv = |context, kv| full_context(&facts(&shape), context, &kv).bytes;
    let dense = |tokens| kv(tokens, KvCache::Dense);
    assert_eq!(kv(8192, quantized(2, 8192)), dense(8192), "a context this short is never quantized");
    // 2-bit/64 takes 2.5 of 16 bits: 16,384 such tokens take less than the 7,048 that may come before.
    assert_eq!(kv(16_384, quantized(2, 5000)), dense(5000 + 2048));
    assert!(kv(16_384, quantized(2, 0)) < dense(5000));
    assert_eq!(kv(65_536, quantized(8, 5000)), 65_536 * 52_224);
}

#[test]
fn the_most_room_that_is_ever_made_is_found_for_every_length() {
    let mut most = 0;
    for tokens in 1..70_000 {
        most = most.max(capacity_for(tokens));
        assert_eq!(largest_capacity(tokens), most, "{tokens} tokens");
    }
    assert_eq!(capacity_for(8191), 8448);
    assert_eq!(largest_capacity(262_144), 262_144);
}

#[test]
fn what_is_needed_grows_with_the_context() {
    let shape = shape(&qwen3_coder());
    let model = facts(&shape);
    for kv in [KvCache::Dense, quantized(8, 5000), quantized(2, 5000), quantized(2, 0)] {
        let total = |context| Needs::of(&model, &FitOptions::one_context(context, kv), &mac_of_64()).total();
        let totals: Vec<u64> = (1..=1024).map(|step| total(step * 256)).collect();
        assert!(totals.is_sorted(), "{kv}");
    }
}

#[test]
fn the_limit_is_the_smallest_bound_and_named() {
    let machine = mac_of_64();
    let limit = |machine: Machine| (machine.limit().bytes / GIB, machine.limit().binding);
    assert_eq!(limit(machine), (48, BindingLimit::GpuLimit));
    assert_eq!(limit(Machine { gpu_limit: None, ..machine }), (56, BindingLimit::TotalMinusReserve));
    assert_eq!(limit(Machine { reserve: 20 * GIB, ..machine }), (44, BindingLimit::TotalMinusReserve));
    assert_eq!(limit(Machine { reserve: 100 * GIB, ..machine }), (0, BindingLimit::TotalMinusReserve));
    let busy = Machine { available: Some(10 * GIB), ..machine };
    assert_eq!(limit(busy), (10, BindingLimit::AvailableNow));
    assert_eq!(limit(Machine { ours: 20 * GIB, ..busy }), (30, BindingLimit::AvailableNow));
    assert_eq!(limit(Machine { ours: 60 * GIB, ..busy }), (48, BindingLimit::GpuLimit));
    assert_eq!(limit(Machine { available: None, ..machine }), (48, BindingLimit::GpuLimit));
}

#[test]
fn a_chosen_limit_stands_in_place_of_the_gpus_and_is_named_too() {
    let limit = |chosen| {
        let limit = Machine { chosen: Some(chosen * GIB), ..mac_of_64() }.limit();
        (limit.bytes / GIB, limit.binding)
    };
    assert_eq!(limit(20), (20, BindingLimit::Chosen));
    assert_eq!(limit(52), (52, BindingLimit::Chosen), "past the recommendation: the engine takes it too");
    assert_eq!(limit(60), (56, BindingLimit::TotalMinusReserve));
}

#[test]
fn the_reserve_is_a_quarter_within_bounds_and_other_levels_keep_less_or_more() {
    let reserves = |level: GuardLevel| [8, 16, 32, 128].map(|total| level.reserve(total * GIB) / GIB);
    assert_eq!(reserves(GuardLevel::Balanced), [2, 4, 8, 8]);
    assert_eq!(reserves(GuardLevel::Relaxed), [1, 2, 4, 4]);
    assert_eq!(reserves(GuardLevel::Strict), [3, 6, 12, 16]);
    assert_eq!(reserves(GuardLevel::Off), [0; 4]);
}

#[test]
fn a_verdict_is_tight_in_the_last_tenth_of_the_limit() {
    let shape = shape(&qwen3_coder());
    let model = facts(&shape);
    let options = FitOptions::one_context(32_768, KvCache::Dense);
    let total = fit(&model, &options, &mac_of_64()).unwrap().total;
    let verdict = |limit: u64| fit(&model, &options, &mac(512 * GIB, limit)).unwrap().verdict;
    assert_eq!(verdict(total - 1), Verdict::TooLarge);
    assert_eq!(verdict(total), Verdict::Tight);
    assert_eq!(verdict(total / 100 * 108), Verdict::Tight);
    assert_eq!(verdict(total / 100 * 112), Verdict::Fits);
}

#[test]
fn options_that_the_model_cannot_take_are_refused() {
    let mut value = qwen3_coder();
    value["head_dim"] = json!(96);
    let shape = shape(&value);
    let refusal = |options| fit(&facts(&shape), &options, &mac_of_64()).unwrap_err().to_string();
    let message = refusal(FitOptions::one_context(4096, quantized(8, 0)));
    assert!(message.contains("96") && message.contains("choose 32"), "{message}");
    let message = refusal(FitOptions::one_context(262_145, KvCache::Dense));
    assert!(message.contains("262144") && message.contains("262145"), "{message}");
    assert!(refusal(FitOptions::one_context(0, KvCache::Dense)).contains("not 0"));
}

#[test]
fn the_dialogs_choices_come_with_their_bytes() {
    let shape = shape(&qwen3_coder());
    let choices = kv_choices(&facts(&shape), 262_144, 64.try_into().unwrap(), 5000);
    // Bits of an element with its share of a scale and a bias, in sixteenths of the unquantized 24 GiB.
    let expected = [16.0, 8.5, 6.5, 4.5, 3.5, 2.5].map(|bits| Some((24.0 / 16.0 * bits * GIB as f64) as u64));
    assert_eq!(choices.iter().map(|choice| choice.bytes).collect::<Vec<_>>(), expected);
    assert_eq!(choices[0].kv, KvCache::Dense);
    assert_eq!(choices[1].kv, quantized(8, 5000));
    assert!(choices.iter().all(|choice| choice.refused.is_none()));
}

#[test]
fn choices_that_a_model_cannot_take_say_why_and_have_no_bytes() {
    let mut value = qwen3_coder();
    value["head_dim"] = json!(64);
    let shape = shape(&value);
    let choices = kv_choices(&facts(&shape), 262_144, KvGroupSize::try_from(128).unwrap(), 0);
    assert!(choices[0].refused.is_none() && choices[0].bytes == Some(12 * GIB));
    for choice in &choices[1..] {
        let refused = choice.refused.as_deref().unwrap();
        assert!(refused.contains("128") && refused.contains("choose 32 or 64"), "{refused}");
        assert_eq!((choice.bytes, choice.bytes_per_token), (None, None));
    }
}

#[test]
fn the_window_gets_verdicts_and_bounds_in_snake_case() {
    let shape = shape(&qwen3_coder());
    let options = FitOptions::one_context(262_144, KvCache::Dense);
    let fit = serde_json::to_value(fit(&facts(&shape), &options, &mac(16 * GIB, 11 * GIB)).unwrap()).unwrap();
    assert_eq!((&fit["verdict"], &fit["binding"]), (&json!("too_large"), &json!("gpu_limit")));
}

#[test]
fn facts_come_from_a_checkpoint() {
    let open = |name: &str| {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/checkpoints");
        Checkpoint::open(&fixtures.join(name)).unwrap()
    };
    let checkpoint = open("qwen3_moe-float32");
    let model = ModelFacts::of(&checkpoint);
    assert_eq!((model.weights_bytes, model.shape.activation_bytes), (checkpoint.tensors.bytes(), 4));
    // Layer 1 has 4 experts of 3 matrices of 64 x 32, of which 2 see a token; all in 4 bytes, the embedding is tied.
    assert_eq!(model.weights_bytes - model.active_weights_bytes, 2 * 3 * 64 * 32 * 4);
    // The scales of block floats are bytes; the norms, here in 32 bits, decide on the activations.
    assert_eq!(ModelFacts::of(&open("qwen3-mxfp4")).shape.activation_bytes, 4);
    // Untied: of 256 rows of the embedding, one is read.
    let checkpoint = open("qwen3-yarn-8bit");
    let model = ModelFacts::of(&checkpoint);
    let embedding = checkpoint.tensors.iter().filter(|(name, _)| name.starts_with("model.embed_tokens."));
    let embedding: u64 = embedding.map(|(_, entry)| entry.bytes).sum();
    assert_eq!(model.weights_bytes - model.active_weights_bytes, embedding / 256 * 255);
}
