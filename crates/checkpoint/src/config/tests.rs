use std::fs;

use serde_json::json;

use super::*;
use crate::{KvCache, KvQuantization, RopeScaling};

/// The configuration of Qwen3-Coder-30B-A3B-Instruct-4bit, as far as it is read.
fn qwen3_coder() -> Value {
    json!({
        "model_type": "qwen3_moe", "hidden_size": 2048, "num_hidden_layers": 48, "intermediate_size": 5472,
        "num_attention_heads": 32, "num_key_value_heads": 4, "head_dim": 128, "rms_norm_eps": 1e-6,
        "rope_theta": 10_000_000, "rope_scaling": null, "vocab_size": 151_936, "tie_word_embeddings": false,
        "max_position_embeddings": 262_144, "num_experts": 128, "num_experts_per_tok": 8,
        "moe_intermediate_size": 768, "norm_topk_prob": true, "decoder_sparse_step": 1, "mlp_only_layers": [],
        "eos_token_id": [151_645, 151_643],
        "quantization": {"group_size": 64, "bits": 4, "model.layers.0.mlp.gate": {"group_size": 64, "bits": 8}}
    })
}

fn read(config: &Value) -> Result<ModelConfig, CheckpointError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.json");
    fs::write(&path, config.to_string()).unwrap();
    ModelConfig::read(&path)
}

fn refusal(field: &str, value: Value) -> String {
    let mut config = qwen3_coder();
    config[field] = value;
    read(&config).unwrap_err().to_string()
}

#[test]
fn qwen3_coder_is_understood() {
    let config = read(&qwen3_coder()).unwrap();
    assert_eq!(config.layers(), vec![LayerKind::Attention { kv_heads: 4, head_dim: 128 }; 48]);
    assert_eq!(config.context_length(), 262_144);
    assert_eq!(config.eos_token_ids, [151_645, 151_643]);
    assert_eq!(config.quantization.stated("model.layers.0.mlp.gate").unwrap().bits, 8);
    assert_eq!(config.quantization.stated("lm_head").unwrap().bits, 4);
}

#[test]
fn kv_bytes_of_qwen3_coder_are_the_published_98_kilobytes_and_fall_to_53_percent_at_8_bits() {
    let config = read(&qwen3_coder()).unwrap();
    let eight = KvQuantization {
        key_bits: 8.try_into().unwrap(),
        value_bits: 8.try_into().unwrap(),
        group_size: 64.try_into().unwrap(),
        start: 0,
    };
    let bytes = config.kv_bytes_per_token(&KvCache::Quantized(eight), 2);
    assert_eq!(bytes.dense, 98_304);
    assert_eq!(bytes.quantized as f64 / bytes.dense as f64, 0.53125);
}

#[test]
fn a_group_size_that_does_not_divide_the_head_dimension_is_refused_with_what_would_do() {
    let mut config = qwen3_coder();
    config["head_dim"] = json!(96);
    let config = read(&config).unwrap();
    let quantization = KvQuantization {
        key_bits: 8.try_into().unwrap(),
        value_bits: 8.try_into().unwrap(),
        group_size: 64.try_into().unwrap(),
        start: 0,
    };
    let refusal = config.check_kv(&KvCache::Quantized(quantization)).unwrap_err().to_string();
    assert!(refusal.contains("64") && refusal.contains("96") && refusal.contains("choose 32"), "{refusal}");
}

#[test]
fn a_missing_field_is_named() {
    let mut config = qwen3_coder();
    config.as_object_mut().unwrap().remove("hidden_size");
    assert!(read(&config).unwrap_err().to_string().contains("hidden_size"));
}

#[test]
fn a_field_of_the_wrong_type_is_named() {
    assert!(refusal("num_hidden_layers", json!("48")).contains("num_hidden_layers"));
    assert!(refusal("mlp_only_layers", json!([1, -2])).contains("mlp_only_layers[1]"));
}

#[test]
fn sizes_out_of_range_are_refused() {
    assert!(refusal("num_attention_heads", json!(0)).contains("num_attention_heads"));
    assert!(refusal("vocab_size", json!(4_000_000_000_u32)).contains("vocab_size"));
    assert!(refusal("num_key_value_heads", json!(5)).contains("does not divide"));
    assert!(refusal("num_experts_per_tok", json!(129)).contains("exceeds num_experts"));
}

#[test]
fn an_unknown_family_says_which_are_supported() {
    let message = refusal("model_type", json!("mamba"));
    assert!(message.contains("mamba") && message.contains("qwen3_moe"), "{message}");
}

#[test]
fn an_impossible_quantization_is_refused_with_its_field() {
    let quantization = json!({"group_size": 64, "bits": 7});
    assert!(refusal("quantization", quantization).contains("quantization.bits"));
}

#[test]
fn weights_in_another_tools_format_are_refused() {
    let mut config = qwen3_coder();
    config.as_object_mut().unwrap().remove("quantization");
    config["quantization_config"] = json!({"quant_method": "awq"});
    assert!(read(&config).unwrap_err().to_string().contains("awq"));
}

#[test]
fn rope_scaling_is_read_from_either_place() {
    let mut config = qwen3_coder();
    config["rope_scaling"] =
        json!({"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768});
    let Family::Qwen3Moe(family) = read(&config).unwrap().family else { panic!() };
    assert!(matches!(family.decoder.rope.scaling, RopeScaling::Yarn { factor: 4.0, .. }));

    let mut config = qwen3_coder();
    config.as_object_mut().unwrap().remove("rope_theta");
    config["rope_parameters"] = json!({"rope_theta": 5e6, "rope_type": "linear", "factor": 2.0});
    let Family::Qwen3Moe(family) = read(&config).unwrap().family else { panic!() };
    assert_eq!(family.decoder.rope.theta, 5e6);
    assert_eq!(family.decoder.rope.scaling, RopeScaling::Linear { factor: 2.0 });
}
