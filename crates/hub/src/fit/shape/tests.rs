//! Shapes beside what others publish: parameters on model cards, files on the Hub, KV caches in papers.

use std::path::Path;

use serde_json::json;
use shorn_checkpoint::Checkpoint;

use super::*;
use crate::fit::ModelFacts;

#[track_caller]
fn shape(config: &Value) -> ModelShape {
    ModelShape::parse(&config.to_string()).unwrap()
}

fn refusal(config: &Value) -> String {
    ModelShape::parse(&config.to_string()).unwrap_err().to_string()
}

/// A configuration with other values in some fields; `null` takes a field out.
fn with(mut config: Value, changes: Value) -> Value {
    let (fields, Value::Object(changes)) = (config.as_object_mut().unwrap(), changes) else { panic!() };
    fields.extend(changes);
    fields.retain(|_, value| !value.is_null());
    config
}

#[track_caller]
fn assert_billions(parameters: u64, published: f64) {
    let share = parameters as f64 / (published * 1e9);
    assert!((0.98..1.02).contains(&share), "{parameters} parameters, {published} billion are published");
}

pub(in crate::fit) fn qwen3_coder() -> Value {
    json!({
        "model_type": "qwen3_moe", "hidden_size": 2048, "num_hidden_layers": 48, "intermediate_size": 5472,
        "num_attention_heads": 32, "num_key_value_heads": 4, "head_dim": 128, "vocab_size": 151_936,
        "max_position_embeddings": 262_144, "num_experts": 128, "num_experts_per_tok": 8,
        "moe_intermediate_size": 768, "tie_word_embeddings": false, "torch_dtype": "bfloat16",
        "quantization": {"group_size": 64, "bits": 4}
    })
}

pub(in crate::fit) fn qwen3_8b() -> Value {
    json!({
        "model_type": "qwen3", "hidden_size": 4096, "num_hidden_layers": 36, "intermediate_size": 12_288,
        "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 151_936,
        "max_position_embeddings": 40_960, "tie_word_embeddings": false,
        "quantization": {"group_size": 64, "bits": 4}
    })
}

pub(in crate::fit) fn qwen3_next() -> Value {
    json!({
        "model_type": "qwen3_next", "hidden_size": 2048, "num_hidden_layers": 48, "intermediate_size": 5120,
        "num_attention_heads": 16, "num_key_value_heads": 2, "head_dim": 256, "vocab_size": 151_936,
        "max_position_embeddings": 262_144, "full_attention_interval": 4, "linear_num_value_heads": 32,
        "linear_num_key_heads": 16, "linear_key_head_dim": 128, "linear_value_head_dim": 128,
        "linear_conv_kernel_dim": 4, "num_experts": 512, "num_experts_per_tok": 10, "decoder_sparse_step": 1,
        "moe_intermediate_size": 512, "shared_expert_intermediate_size": 512, "mlp_only_layers": []
    })
}

pub(in crate::fit) fn gpt_oss_20b() -> Value {
    json!({
        "model_type": "gpt_oss", "hidden_size": 2880, "num_hidden_layers": 24, "intermediate_size": 2880,
        "num_attention_heads": 64, "num_key_value_heads": 8, "head_dim": 64, "vocab_size": 201_088,
        "max_position_embeddings": 131_072, "sliding_window": 128, "num_local_experts": 32,
        "num_experts_per_tok": 4, "layer_types": sliding_layers(12, 2)
    })
}

pub(in crate::fit) fn deepseek_v3() -> Value {
    json!({
        "model_type": "deepseek_v3", "hidden_size": 7168, "num_hidden_layers": 61, "intermediate_size": 18_432,
        "num_attention_heads": 128, "num_key_value_heads": 128, "q_lora_rank": 1536, "kv_lora_rank": 512,
        "qk_rope_head_dim": 64, "qk_nope_head_dim": 128, "v_head_dim": 128, "vocab_size": 129_280,
        "max_position_embeddings": 163_840, "n_routed_experts": 256, "n_shared_experts": 1,
        "num_experts_per_tok": 8, "moe_intermediate_size": 2048, "first_k_dense_replace": 3, "moe_layer_freq": 1
    })
}

pub(in crate::fit) fn gemma4_31b() -> Value {
    json!({
        "model_type": "gemma4", "tie_word_embeddings": true, "text_config": {
            "model_type": "gemma4_text", "hidden_size": 5376, "num_hidden_layers": 60, "intermediate_size": 21_504,
            "num_attention_heads": 32, "num_key_value_heads": 16, "num_global_key_value_heads": 4,
            "head_dim": 256, "global_head_dim": 512, "attention_k_eq_v": true, "enable_moe_block": false,
            "hidden_size_per_layer_input": 0, "num_kv_shared_layers": 0, "use_double_wide_mlp": false,
            "sliding_window": 1024, "vocab_size": 262_144, "max_position_embeddings": 262_144,
            "layer_types": sliding_layers(10, 6)
        }
    })
}

/// Sliding layers, each group ending with a full one.
fn sliding_layers(groups: usize, group: usize) -> Vec<&'static str> {
    let mut types = vec!["sliding_attention"; groups * group];
    types.iter_mut().skip(group - 1).step_by(group).for_each(|last| *last = "full_attention");
    types
}

#[test]
fn parameters_are_those_of_the_model_cards() {
    let llama_8b = json!({
        "model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32, "intermediate_size": 14_336,
        "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 128_256,
        "max_position_embeddings": 131_072
    });
    let qwen2_coder_7b = json!({
        "model_type": "qwen2", "hidden_size": 3584, "num_hidden_layers": 28, "intermediate_size": 18_944,
        "num_attention_heads": 28, "num_key_value_heads": 4, "vocab_size": 152_064,
        "max_position_embeddings": 32_768, "sliding_window": 131_072, "use_sliding_window": false
    });
    let mistral_small = json!({
        "model_type": "mistral3", "text_config": {
            "model_type": "mistral", "hidden_size": 5120, "num_hidden_layers": 40, "intermediate_size": 32_768,
            "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 131_072,
            "max_position_embeddings": 131_072
        }
    });
    let gemma3_27b = json!({
        "model_type": "gemma3", "text_config": {
            "hidden_size": 5376, "num_hidden_layers": 62, "intermediate_size": 21_504, "num_attention_heads": 32,
            "num_key_value_heads": 16, "head_dim": 128, "sliding_window": 1024
        }
    });
    let glm_air = json!({
        "model_type": "glm4_moe", "hidden_size": 4096, "num_hidden_layers": 46, "intermediate_size": 10_944,
        "num_attention_heads": 96, "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 151_552,
        "max_position_embeddings": 131_072, "n_routed_experts": 128, "n_shared_experts": 1,
        "num_experts_per_tok": 8, "moe_intermediate_size": 1408, "first_k_dense_replace": 1
    });
    let cases = [
        (llama_8b, 8.03),
        (qwen2_coder_7b, 7.61),
        (qwen3_8b(), 8.19),
        (qwen3_coder(), 30.53),
        (qwen3_next(), 80.0),
        (gpt_oss_20b(), 20.9),
        (deepseek_v3(), 671.0),
        (minimax_m2(), 229.0),
        (gemma4_31b(), 30.7),
        // The text model alone, without what sees images.
        (mistral_small, 23.57),
        (gemma3_27b, 27.0),
        (glm_air, 106.0),
    ];
    for (config, published) in cases {
        assert_billions(shape(&config).parameters(), published);
    }
}

fn minimax_m2() -> Value {
    json!({
        "model_type": "minimax_m2", "hidden_size": 3072, "num_hidden_layers": 62, "intermediate_size": 1536,
        "num_attention_heads": 48, "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 200_064,
        "max_position_embeddings": 196_608, "num_local_experts": 256, "num_experts_per_tok": 8,
        "shared_intermediate_size": 0
    })
}

#[test]
fn active_parameters_are_those_of_the_model_cards() {
    // The cards count the embedding as a whole, a token reads one row of it.
    let active = |config: &Value| {
        let shape = shape(config);
        shape.active_parameters() + u64::from(shape.vocab_size) * u64::from(shape.hidden_size)
    };
    assert_billions(active(&qwen3_coder()), 3.35);
    // gpt-oss' card counts the output projection and not the embedding.
    assert_billions(shape(&gpt_oss_20b()).active_parameters(), 3.6);
    assert_billions(active(&deepseek_v3()), 37.5);
}

#[test]
fn weights_take_the_bytes_of_the_files_on_the_hub() {
    let bytes = |config: &Value| {
        let shape = shape(config);
        weights::count(&shape, &Precisions::parse(config.as_object().unwrap(), 2).unwrap()).bytes as f64
    };
    // model.safetensors of mlx-community/Qwen3-8B-4bit at commit 545dc42.
    let share = bytes(&qwen3_8b()) / 4_607_835_174.0;
    assert!((0.999..1.001).contains(&share), "{share} of the file");
    // Measured on a GPU: 17.17 GB of Qwen3-Coder-30B-A3B-Instruct-4bit.
    let share = bytes(&qwen3_coder()) / 17.17e9;
    assert!((0.999..1.001).contains(&share), "{share} of the files");
}

fn fixture(name: &str) -> (Checkpoint, String) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/checkpoints").join(name);
    let config = std::fs::read_to_string(folder.join("config.json")).unwrap();
    (Checkpoint::open(&folder).unwrap(), config)
}

const FIXTURES: [&str; 6] = [
    "qwen3-bfloat16",
    "qwen3-mxfp4",
    "qwen3-yarn-8bit",
    "qwen3_moe-4bit",
    "qwen3_moe-float32",
    "qwen3_moe-mixed",
];

#[test]
fn a_model_has_the_same_shape_on_the_hub_as_on_this_disk() {
    for name in FIXTURES {
        let (checkpoint, config) = fixture(name);
        assert_eq!(ModelShape::parse(&config).unwrap(), ModelShape::of(&checkpoint.config, 2), "{name}");
    }
}

#[test]
fn without_headers_the_active_weights_are_within_3_percent() {
    for name in FIXTURES {
        let (checkpoint, config) = fixture(name);
        let on_disk = ModelFacts::of(&checkpoint);
        let files: u64 =
            checkpoint.tensors.files().iter().map(|file| file.file.metadata().unwrap().len()).sum();
        let on_the_hub = ModelFacts::from_config(&config, files).unwrap();
        let share = on_the_hub.active_weights_bytes as f64 / on_disk.active_weights_bytes as f64;
        assert!((0.97..1.03).contains(&share), "{name}: {share} of what the headers say");
    }
}

#[test]
fn of_qwen3_coders_17_gigabytes_a_token_reads_less_than_two() {
    let facts = ModelFacts::from_config(&qwen3_coder().to_string(), 17_170_000_000).unwrap();
    // 3.04 billion of 30.5 billion parameters, all in 4.5 bits.
    let share = facts.active_weights_bytes as f64 / (3.042e9 * 4.5 / 8.0);
    assert!((0.99..1.01).contains(&share), "{}", facts.active_weights_bytes);
}

#[test]
fn experts_in_fewer_bits_than_the_rest_are_counted_as_they_are() {
    let mut quantization = json!({"group_size": 32, "bits": 4, "mode": "mxfp4"});
    for layer in 0..24 {
        for name in ["q_proj", "k_proj", "v_proj", "o_proj"] {
            quantization[format!("model.layers.{layer}.self_attn.{name}")] =
                json!({"group_size": 64, "bits": 8});
        }
        quantization[format!("model.layers.{layer}.mlp.router")] = json!({"group_size": 64, "bits": 8});
    }
    for name in ["model.embed_tokens", "lm_head"] {
        quantization[name] = json!({"group_size": 64, "bits": 8});
    }
    let config = with(gpt_oss_20b(), json!({ "quantization": quantization }));
    // mlx-community/gpt-oss-20b-MXFP4-Q8 has 12.1 GB. Of its 19.1 billion parameters in experts an eighth are read.
    let facts = ModelFacts::from_config(&config.to_string(), 12_100_000_000).unwrap();
    let experts = 19.1e9 / 8.0 * 4.25 / 8.0;
    let rest = (20.9e9 - 19.1e9 - 0.579e9) * 8.5 / 8.0;
    let share = facts.active_weights_bytes as f64 / (experts + rest);
    assert!((0.97..1.03).contains(&share), "{share}");
}

#[test]
fn layers_alternate_as_each_family_has_them() {
    let kinds = |config: &Value| -> Vec<LayerKind> {
        shape(config).layers.into_iter().map(|layer| layer.kind).collect()
    };
    let is_full = |kind: &LayerKind| matches!(kind, LayerKind::Attention(_));
    let next = kinds(&qwen3_next());
    assert_eq!(next.iter().filter(|kind| is_full(kind)).count(), 12);
    assert!(matches!(next[0], LayerKind::Recurrent(_)) && is_full(&next[3]));
    let oss = kinds(&gpt_oss_20b());
    assert!(matches!(oss[0], LayerKind::Sliding { window: 128, .. }) && is_full(&oss[1]));
    let LayerKind::Attention(global) = kinds(&gemma4_31b())[5] else { panic!("the sixth layer is full") };
    assert_eq!((global.kv_heads, global.head_dim), (4, 512));
    assert!(kinds(&deepseek_v3()).iter().all(|kind| matches!(kind, LayerKind::Latent(_))));
}

#[test]
fn a_hybrids_layers_may_be_listed_by_name() {
    let types = [["linear_attention"; 3].as_slice(), &["full_attention"]].concat().repeat(12);
    let listed = with(qwen3_next(), json!({"full_attention_interval": null, "layer_types": types}));
    assert_eq!(shape(&listed), shape(&qwen3_next()));
}

#[test]
fn gemmas_last_layers_borrow_keys_and_values() {
    let mut config = gemma4_31b();
    config["text_config"]["num_kv_shared_layers"] = json!(20);
    config["text_config"]["use_double_wide_mlp"] = json!(true);
    let layers = shape(&config).layers;
    assert!(matches!(layers[39].kind, LayerKind::Sliding { .. }) && layers[39].feed_forward.width == 21_504);
    assert!(matches!(layers[40].kind, LayerKind::Borrowing(_)) && layers[40].feed_forward.width == 43_008);
}

#[test]
fn a_second_embedding_is_counted_and_one_row_of_it_read() {
    let mut config = gemma4_31b();
    let before = shape(&config);
    config["text_config"]["hidden_size_per_layer_input"] = json!(256);
    config["text_config"]["vocab_size_per_layer_input"] = json!(262_144);
    let after = shape(&config);
    let (rows, all, others) = (262_144, 60 * 256, 3 * 60 * 256 * 5376);
    assert_eq!(after.parameters() - before.parameters(), rows * all + others);
    assert_eq!(after.active_parameters() - before.active_parameters(), all + others);
}

#[test]
fn what_a_text_model_inside_another_lacks_is_named_with_its_place() {
    let mut config = gemma4_31b();
    config["text_config"].as_object_mut().unwrap().remove("hidden_size");
    assert!(refusal(&config).contains("text_config.hidden_size"), "{}", refusal(&config));
}

#[test]
fn every_field_that_is_needed_is_named_when_it_is_missing() {
    let cases = [
        (qwen3_coder(), "moe_intermediate_size"),
        (qwen3_next(), "linear_conv_kernel_dim"),
        (qwen3_next(), "full_attention_interval"),
        (gpt_oss_20b(), "layer_types"),
        (gpt_oss_20b(), "head_dim"),
        (gpt_oss_20b(), "sliding_window"),
        (deepseek_v3(), "kv_lora_rank"),
        (deepseek_v3(), "max_position_embeddings"),
        (minimax_m2(), "num_local_experts"),
        (qwen3_8b(), "vocab_size"),
        (qwen3_8b(), "num_hidden_layers"),
    ];
    for (config, field) in cases {
        let message = refusal(&with(config, json!({ field: null })));
        assert!(message.contains(&format!("config.json: {field}: ")), "{field}: {message}");
    }
}

#[test]
fn values_that_cannot_be_are_refused_by_their_field() {
    let cases = [
        (json!({"num_hidden_layers": 1_000_000}), "num_hidden_layers"),
        (json!({"hidden_size": 0}), "hidden_size"),
        (json!({"head_dim": "128"}), "head_dim"),
        (json!({"num_key_value_heads": 7}), "num_key_value_heads"),
        (json!({"num_experts_per_tok": 129}), "num_experts_per_tok"),
        (json!({"tie_word_embeddings": "no"}), "tie_word_embeddings"),
    ];
    for (change, field) in cases {
        let message = refusal(&with(qwen3_coder(), change));
        assert!(message.contains(&format!("config.json: {field}: ")), "{field}: {message}");
    }
    let too_few = with(gpt_oss_20b(), json!({"layer_types": ["full_attention"]}));
    assert!(refusal(&too_few).contains("layer_types: has 1 entries for 24 layers"));
    let unknown = with(gpt_oss_20b(), json!({"layer_types": vec!["chunked_attention"; 24]}));
    assert!(refusal(&unknown).contains("chunked_attention"));
}

#[test]
fn a_quantization_that_cannot_be_is_refused_by_its_field() {
    let refusal = |changes| {
        let config = with(qwen3_coder(), changes).to_string();
        ModelFacts::from_config(&config, 1).unwrap_err().to_string()
    };
    let bits = json!({"quantization": {"group_size": 64, "bits": 7}});
    assert!(refusal(bits).contains("quantization.bits: must be one of"));
    let mode = json!({"quantization": {"group_size": 64, "bits": 4, "mode": "q4_k"}});
    assert!(refusal(mode).contains("quantization.mode: `q4_k`"));
    let other = json!({"quantization": null, "quantization_config": {"quant_method": "awq"}});
    assert!(refusal(other).contains("converted for MLX"));
}

#[test]
fn a_family_that_is_not_known_is_named_with_those_that_are() {
    let message = refusal(&json!({"model_type": "mamba2"}));
    assert!(message.contains("mamba2") && message.contains("qwen3_5_moe"), "{message}");
    assert!(refusal(&json!({})).contains("model_type"));
    assert!(refusal(&json!([])).contains("JSON object"));
}
