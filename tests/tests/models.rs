//! Models on disk, and changing the served one over HTTP.
#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

mod support;

use std::time::Duration;

use serde_json::{Value, json};
use shorn_tests::server::{Server, checkpoint, never_ends};
use support::{chat, copy_random_model, eventually, get, post, post_to, ready, worker};

#[tokio::test]
async fn a_load_takes_every_setting_and_the_worker_reports_them() {
    let server = Server::start(&[]);
    ready(&server).await;
    let settings = json!({
        "model": "random-coder", "context_length": 4096, "kv_key_bits": 8, "kv_value_bits": 4,
        "kv_group_size": 32, "kv_start": 0, "max_concurrent": 2, "prompt_cache_bytes": 1_000_000,
        "memory_limit": 2_000_000_000, "idle_seconds": 600,
    });
    let (status, state) = post_to(&server, "/api/models/load", &settings).await;
    assert_eq!(status, 200, "{state}");
    assert_eq!(state["settings"]["max_concurrent"], 2);
    assert_eq!(state["idle_unload_seconds"], 600);
    assert_eq!(state["phase"]["context_length"], 4096);
    assert_eq!(state["phase"]["prompt_cache_bytes"], 1_000_000);
    assert_eq!(state["phase"]["memory_limit"], 2_000_000_000);

    let (_, reply) = post(&server, &chat("Hello.", json!({"max_tokens": 4}))).await;
    let kind = &reply["shorn"]["report"]["kv"]["kind"]["quantized"];
    assert_eq!(
        (&kind["key_bits"], &kind["value_bits"], &kind["group_size"]),
        (&json!(8), &json!(4), &json!(32))
    );

    // The same model without quantization: a request can also ask for that by itself.
    let off = json!({"max_tokens": 4, "kv_bits": "off"});
    let (_, reply) = post(&server, &chat("Hello.", off)).await;
    assert_eq!(reply["shorn"]["report"]["kv"]["quantized_share"], 0.0);
}

#[tokio::test]
async fn another_model_takes_the_place_of_the_served_one() {
    let server = Server::start(&[]);
    ready(&server).await;
    let before = worker(&server).await.unwrap();
    let copy = tempfile::tempdir().unwrap();
    let folder = copy.path().join("another");
    copy_random_model(&folder);
    let (status, state) = post_to(&server, "/api/models/load", &json!({"model": folder})).await;
    assert_eq!((status, &state["name"]), (200, &json!("another")));
    assert_ne!(worker(&server).await.unwrap(), before);
    let (status, _) = post(&server, &chat("Hello.", json!({"max_tokens": 4, "model": "another"}))).await;
    assert_eq!(status, 200);
    let (status, error) = post(&server, &chat("Hello.", json!({"model": "nobody/nothing"}))).await;
    assert_eq!((status, &error["error"]["code"]), (404, &json!("model_not_found")));
}

#[tokio::test]
async fn the_metrics_are_those_of_the_snapshot() {
    let server = Server::start(&[]);
    ready(&server).await;
    post(&server, &chat("Hello.", json!({"max_tokens": 3}))).await;
    let text = reqwest::get(server.url("/metrics")).await.unwrap().text().await.unwrap();
    let (_, status) = get(&server, "/api/status").await;
    let weights = &status["model"]["memory"]["weights"];
    let line = format!("shorn_model_memory_bytes{{model=\"random-coder\",kind=\"weights\"}} {weights}");
    assert!(text.contains(&line), "{line} is not in:\n{text}");
    let generated = "shorn_generated_tokens_total{model=\"random-coder\",endpoint=\"/v1/chat/completions\",finish=\"length\"} 3";
    assert!(text.contains(generated), "{text}");
    assert!(text.ends_with("# EOF\n"));
}

#[tokio::test]
async fn a_load_that_does_not_fit_is_refused_unless_it_says_anyway() {
    let server = Server::start(&[]);
    ready(&server).await;
    let before = worker(&server).await;
    let mut settings = json!({"model": "random-coder", "memory_limit": 300_000_000});
    let (status, error) = post_to(&server, "/api/models/load", &settings).await;
    assert_eq!((status, &error["error"]["code"]), (400, &json!("does_not_fit")), "{error}");
    assert_eq!(worker(&server).await, before);
    settings["anyway"] = json!(true);
    let (status, state) = post_to(&server, "/api/models/load", &settings).await;
    assert_eq!((status, &state["phase"]["memory_limit"]), (200, &json!(300_000_000)), "{state}");
}

#[tokio::test]
async fn a_load_that_cannot_be_is_refused_by_field_and_the_served_model_stays() {
    let server = Server::start(&[]);
    ready(&server).await;
    let before = worker(&server).await;
    let without_template = checkpoint("qwen3_moe-4bit");
    for (settings, status, field, words) in [
        (json!({"model": "random-coder", "kv_bits": 8, "kv_group_size": 128}), 400, "kv", "head dimension"),
        (json!({"model": "random-coder", "kv_bits": 5}), 400, "kv_bits", "2, 3, 4, 6 or 8"),
        (json!({"model": "random-coder", "kv_bits": "some"}), 400, "kv_bits", "\"off\""),
        (json!({"model": "random-coder", "context_length": 1_000_000}), 400, "context_length", "65536"),
        (json!({"model": "random-coder", "max_concurrent": 0}), 400, "max_concurrent", "at least 1"),
        (json!({"model": "random-coder", "flash_attention": true}), 400, "flash_attention", "unknown field"),
        (json!({"model": "nobody/nothing"}), 404, "model", "nobody/nothing"),
        (json!({"model": without_template}), 400, "model", "tokenizer"),
    ] {
        let (answered, error) = post_to(&server, "/api/models/load", &settings).await;
        assert_eq!(answered, status, "{settings}: {error}");
        let message = error["error"]["message"].as_str().unwrap();
        assert!(message.contains(words), "{settings}: {message}");
        assert_eq!(error["error"]["param"], field, "{error}");
    }
    assert_eq!(worker(&server).await, before);
    assert_eq!(post(&server, &chat("Hello.", json!({"max_tokens": 2}))).await.0, 200);
}

#[tokio::test]
async fn an_unloaded_model_is_gone_and_comes_back_with_the_next_request() {
    let server = Server::start(&[]);
    ready(&server).await;
    let (status, state) = post_to(&server, "/api/models/unload", &json!({})).await;
    assert_eq!((status, &state["phase"]["phase"], &state["worker"]), (200, &json!("stopped"), &Value::Null));
    assert_eq!(get(&server, "/health").await.1["status"], "stopped");
    assert_eq!(post(&server, &chat("Hello.", json!({"max_tokens": 2}))).await.0, 200);
    assert!(worker(&server).await.is_some());
}

#[tokio::test]
async fn a_model_that_nobody_uses_is_unloaded_after_its_time_and_not_while_it_works() {
    let server = Server::start(&["--idle-unload", "1"]);
    ready(&server).await;
    // Takes longer than the pause.
    let long = chat("Hello.", json!({"max_tokens": 600, "logit_bias": never_ends()}));
    let (status, reply) = post(&server, &long).await;
    assert_eq!((status, &reply["usage"]["completion_tokens"]), (200, &json!(600)));
    eventually("the worker is gone", || async { worker(&server).await.is_none() }).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(post(&server, &chat("Hello.", json!({"max_tokens": 2}))).await.0, 200);
}

#[tokio::test]
async fn what_is_saved_for_a_model_fills_in_what_a_load_leaves_open() {
    let server = Server::start(&[]);
    ready(&server).await;
    let saved = json!({"load": {"context_length": 3000, "max_concurrent": 3}});
    let settings = server.home().join("settings/random-coder.json");
    std::fs::create_dir_all(settings.parent().unwrap()).unwrap();
    std::fs::write(settings, saved.to_string()).unwrap();
    let load = json!({"model": "random-coder", "max_concurrent": 1});
    let (_, state) = post_to(&server, "/api/models/load", &load).await;
    assert_eq!(state["settings"]["context_length"], 3000);
    assert_eq!(state["settings"]["max_concurrent"], 1);
}

#[tokio::test]
async fn the_models_on_disk_are_listed_with_what_is_wrong_with_them() {
    let server = Server::start(&[]);
    ready(&server).await;
    let models = server.home().join("models/org");
    std::fs::create_dir_all(models.join("broken")).unwrap();
    std::fs::write(models.join("broken/config.json"), "{").unwrap();
    let (status, library) = get(&server, "/api/models").await;
    assert_eq!(status, 200);
    let broken = library["models"].as_array().unwrap().iter().find(|model| model["name"] == "org/broken");
    assert!(broken.unwrap()["state"].to_string().contains("config.json"), "{library}");
}

#[tokio::test]
async fn an_estimate_says_what_a_load_would_take_and_agrees_with_what_is_measured() {
    let server = Server::start(&[]);
    ready(&server).await;
    let load = json!({"model": "random-coder", "context_length": 4096, "kv_bits": 8, "kv_start": 0});
    let (status, estimate) = post_to(&server, "/api/models/estimate", &load).await;
    assert_eq!(status, 200, "{estimate}");
    assert_eq!(estimate["fit"]["verdict"], "fits");
    let refused = &estimate["kv_choices"].as_array().unwrap()[0];
    assert_eq!(refused["kv"], "dense");

    post_to(&server, "/api/models/load", &load).await;
    let prompt = "word ".repeat(1000);
    let (status, reply) = post(&server, &chat(&prompt, json!({"max_tokens": 2}))).await;
    assert_eq!(status, 200, "{reply}");
    let kv = &reply["shorn"]["report"]["kv"];
    let per_token = kv["bytes_in_use"].as_f64().unwrap() / kv["tokens"].as_f64().unwrap();
    assert_eq!(per_token, estimate["fit"]["kv_quantized_bytes_per_token"].as_f64().unwrap());
    let weights = get(&server, "/api/status").await.1["model"]["memory"]["weights"].as_f64().unwrap();
    let estimated = estimate["fit"]["weights"].as_f64().unwrap();
    assert!((weights / estimated - 1.0).abs() < 0.03, "{weights} measured, {estimated} estimated");
}
