//! The API over the real engine and a model with random weights.
#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

mod support;

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use shorn_tests::server::{Server, checkpoint, never_ends};
use support::{Events, Streamed, chat, copy_random_model, eventually, get, post, post_to, ready, running};

#[tokio::test]
async fn a_reply_is_the_same_streamed_and_not_and_counts_its_tokens() {
    let server = Server::start(&[]);
    ready(&server).await;
    let body = chat("Write a function.", json!({"max_tokens": 20}));
    let (status, whole) = post(&server, &body).await;
    assert_eq!(status, 200);
    let message = &whole["choices"][0]["message"];
    assert_eq!(message["role"], "assistant");
    assert_eq!(whole["object"], "chat.completion");
    assert_eq!(whole["choices"][0]["finish_reason"], "length");
    assert_eq!(whole["usage"]["completion_tokens"], 20);

    let mut streamed = body.clone();
    streamed["stream_options"] = json!({"include_usage": true});
    let chunks = Events::post(&server, streamed).await.chunks().await;
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    assert!(chunks.iter().all(|chunk| chunk["object"] == "chat.completion.chunk"));
    let streamed = Streamed::of(&chunks);
    assert_eq!(streamed.content, message["content"]);
    assert_eq!(streamed.finish.as_deref(), Some("length"));
    let usage = streamed.usage.unwrap();
    assert_eq!(usage["completion_tokens"], 20);
    assert_eq!(usage["prompt_tokens"], whole["usage"]["prompt_tokens"]);
    // The second request found the first one's cache.
    let cached = usage["prompt_tokens_details"]["cached_tokens"].as_u64().unwrap();
    assert_eq!(cached, usage["prompt_tokens"].as_u64().unwrap() - 1);
}

#[tokio::test]
async fn every_reply_reports_its_cost_and_the_kv_cache_that_was_used() {
    let server = Server::start(&["--kv-bits", "8", "--kv-start", "0"]);
    ready(&server).await;
    let (_, whole) = post(&server, &chat("Hello.", json!({"max_tokens": 5, "temperature": 0.3}))).await;
    let report = &whole["shorn"];
    assert_eq!(report["report"]["kv"]["kind"]["quantized"]["key_bits"], 8);
    assert_eq!(report["report"]["kv"]["quantized_share"], 1.0);
    // Two layers of two heads: 2 * 2 * 2 * (64 + 8) bytes.
    assert!(report["kv"].as_str().unwrap().contains("0.6 kB/token"), "{}", report["kv"]);
    for figure in ["time_to_first_token", "prefill_tokens_per_second", "decode_tokens_per_second"] {
        assert!(report[figure].as_f64().unwrap() > 0.0, "{figure}");
    }
    assert!(report["report"]["peak_memory"].as_u64().unwrap() > 400_000);
    assert_eq!(report["sampling_origins"]["temperature"], "request");
    assert_eq!(report["sampling_origins"]["top_k"], "generation_config");
    assert_eq!(report["sampling_origins"]["min_p"], "default");

    let (_, status) = get(&server, "/api/status").await;
    assert_eq!(status["requests"][0]["id"], whole["id"]);
    assert!(status["system"]["worker_footprint"].as_u64().unwrap() > 1_000_000);
    for part in [
        "in ",
        "(0 cached), out 5",
        "TTFT",
        "prefill",
        "decode",
        "peak",
        "KV 8-bit/64 from 0, 100 % of bytes",
    ] {
        assert!(server.log().contains(part), "no `{part}` in the log");
    }
}

#[tokio::test]
async fn the_model_list_tells_the_real_context_and_the_kv_cache() {
    let server = Server::start(&["--context-length", "2048", "--kv-bits", "4", "--kv-group-size", "32"]);
    ready(&server).await;
    let (status, models) = get(&server, "/v1/models").await;
    assert_eq!(status, 200);
    let model = &models["data"][0];
    assert_eq!(model["id"], "random-coder");
    assert_eq!(model["context_length"], 2048);
    assert_eq!(model["max_context_length"], 65536);
    assert_eq!(model["kv_cache"]["quantized"]["key_bits"], 4);
    assert_eq!(get(&server, "/v1/models/random-coder").await.1["id"], "random-coder");
    assert_eq!(get(&server, "/v1/models/org/other").await.0, 404);
}

#[tokio::test]
async fn a_turn_that_repeats_the_last_one_computes_only_what_is_new() {
    let server = Server::start(&[]);
    ready(&server).await;
    let first = json!([{"role": "system", "content": "You are a coding agent. ".repeat(20)},
        {"role": "user", "content": "Begin."}]);
    let body = json!({"messages": first, "max_tokens": 8, "temperature": 0});
    let (_, reply) = post(&server, &body).await;
    let mut messages = first.as_array().unwrap().clone();
    messages.push(reply["choices"][0]["message"].clone());
    messages.push(json!({"role": "user", "content": "Go on."}));
    let (_, next) = post(&server, &json!({"messages": messages, "max_tokens": 8, "temperature": 0})).await;
    let prompt = reply["usage"]["prompt_tokens"].as_u64().unwrap();
    let cached = next["usage"]["prompt_tokens_details"]["cached_tokens"].as_u64().unwrap();
    assert!(cached >= prompt, "{cached} cached of a first prompt of {prompt}");
}

#[tokio::test]
async fn four_clients_at_once_get_what_each_gets_alone() {
    let server = Server::start(&["--prompt-cache", "0"]);
    ready(&server).await;
    let bodies: Vec<Value> = (0..4)
        .map(|n| {
            let more = match n {
                0 => json!({"temperature": 0}),
                1 => json!({"kv_bits": 8, "kv_start": 0, "temperature": 0}),
                2 => json!({"temperature": 0.9, "repetition_penalty": 1.2}),
                _ => json!({"kv_key_bits": 8, "kv_value_bits": 4, "kv_group_size": 32, "kv_start": 100}),
            };
            let mut body = chat(&"Some words to read. ".repeat(10 * n + 1), more);
            body["max_tokens"] = json!(20 + 5 * n);
            body
        })
        .collect();
    let together = futures_util::future::join_all(bodies.iter().map(|body| post(&server, body))).await;
    for (body, (_, together)) in bodies.iter().zip(together) {
        let (_, alone) = post(&server, body).await;
        assert_eq!(together["choices"][0]["message"], alone["choices"][0]["message"]);
        assert_eq!(together["shorn"]["report"]["kv"]["kind"], alone["shorn"]["report"]["kv"]["kind"]);
    }
}

#[tokio::test]
async fn stop_strings_end_the_reply_and_are_not_part_of_it() {
    let server = Server::start(&[]);
    ready(&server).await;
    let body = chat("Hello.", json!({"max_tokens": 60, "temperature": 0}));
    let (_, whole) = post(&server, &body).await;
    let text = whole["choices"][0]["message"]["content"].as_str().unwrap();
    let letters: Vec<char> = text.chars().collect();
    let stop: String = letters[letters.len() / 2..letters.len() / 2 + 2].iter().collect();
    let mut stopped = body.clone();
    stopped["stop"] = json!([stop]);
    let (_, stopped) = post(&server, &stopped).await;
    assert_eq!(stopped["choices"][0]["finish_reason"], "stop");
    let expected = &text[..text.find(&stop).unwrap()];
    assert_eq!(stopped["choices"][0]["message"]["content"], expected);
}

#[tokio::test]
async fn logprobs_come_with_their_tokens() {
    let server = Server::start(&[]);
    ready(&server).await;
    let more = json!({"max_tokens": 3, "temperature": 0, "logprobs": true, "top_logprobs": 2});
    let (_, whole) = post(&server, &chat("Hello.", more)).await;
    let content = whole["choices"][0]["logprobs"]["content"].as_array().unwrap();
    assert_eq!(content.len(), 3);
    for token in content {
        let best = &token["top_logprobs"][0];
        assert_eq!(token["token"], best["token"]);
        assert_eq!(token["logprob"], best["logprob"]);
        assert!(token["logprob"].as_f64().unwrap() <= 0.0);
    }
}

#[tokio::test]
async fn a_prompt_beyond_the_context_is_refused_before_anything_is_sent_in_the_words_that_make_agents_compact()
 {
    let server = Server::start(&["--context-length", "100"]);
    ready(&server).await;
    for stream in [false, true] {
        let (status, error) = post(&server, &chat(&"word ".repeat(200), json!({"stream": stream}))).await;
        assert_eq!(status, 400);
        let error = &error["error"];
        assert_eq!(error["code"], "context_length_exceeded");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("prompt is too long") && message.contains("100 maximum"), "{message}");
        assert!(message.contains("exceeds the available context size"), "{message}");
    }
}

#[tokio::test]
async fn a_prompt_whose_kv_cache_does_not_fit_into_memory_is_refused_in_the_same_words_in_each_dialect() {
    // Weights of 0.5 MB, and 2 KB for each token.
    let server = Server::start(&["--memory-limit", "3", "--anyway"]);
    ready(&server).await;
    let text = "word ".repeat(2000);
    let messages = json!([{"role": "user", "content": text}]);
    for stream in [false, true] {
        for (path, body) in [
            ("/v1/chat/completions", json!({"messages": messages})),
            ("/v1/responses", json!({"input": text})),
            ("/v1/messages", json!({"messages": messages, "max_tokens": 9})),
        ] {
            let mut body = body;
            body["model"] = json!("default");
            body["stream"] = json!(stream);
            let (status, reply) = post_to(&server, path, &body).await;
            let error = &reply["error"];
            assert_eq!((status, &error["type"]), (400, &json!("invalid_request_error")), "{path}: {reply}");
            let message = error["message"].as_str().unwrap();
            assert!(message.contains("prompt is too long: the KV cache of "), "{path}: {message}");
            assert!(message.contains("exceeds the available context size"), "{path}: {message}");
            if path != "/v1/messages" {
                assert_eq!(error["code"], "context_length_exceeded", "{path}: {reply}");
            }
        }
    }
    let (status, _) = post(&server, &chat("Hello.", json!({"max_tokens": 2}))).await;
    assert_eq!(status, 200, "a shorter one is answered");
}

#[tokio::test]
async fn what_cannot_be_done_is_refused_in_openais_shape_with_the_field() {
    let server = Server::start(&[]);
    ready(&server).await;
    let image = json!([{"type": "image_url", "image_url": {"url": "http://127.0.0.1:1/x.png"}}]);
    let cases = [
        (json!({"model": "gpt-4o"}), 404, "model"),
        (json!({"temperature": 101}), 400, "temperature"),
        (json!({"top_p": -1}), 400, "top_p"),
        (json!({"logit_bias": {"999999": 1}}), 400, "logit_bias"),
        (json!({"response_format": {"type": "json_schema"}}), 400, "response_format"),
        (json!({"kv_bits": 8, "kv_group_size": 128}), 400, "kv_group_size"),
        (json!({"messages": [{"role": "user", "content": image}]}), 400, "messages[0].content[0]"),
    ];
    for (more, expected, parameter) in cases {
        let (status, error) = post(&server, &chat("Hi.", more.clone())).await;
        assert_eq!(status, expected, "{more}: {error}");
        assert_eq!(error["error"]["param"], parameter, "{more}: {error}");
        assert!(error["error"]["type"].is_string());
    }
    let (_, refused) = post(&server, &chat("Hi.", json!({"kv_bits": 8, "kv_group_size": 128}))).await;
    let reason = refused["error"]["message"].as_str().unwrap();
    assert!(reason.contains("head dimension 64") && reason.contains("32 or 64"), "{reason}");
    // And the server is as well as before.
    assert_eq!(post(&server, &chat("Hi.", json!({"max_tokens": 2}))).await.0, 200);
}

#[tokio::test]
async fn bodies_that_are_no_chat_request_are_refused_and_huge_ones_too() {
    let server = Server::start(&[]);
    let client = reqwest::Client::new();
    let url = server.url("/v1/chat/completions");
    for body in ["", "{", "null", "[1]", "{\"messages\": 5}", "\u{0}\u{1}"] {
        let response = client.post(&url).body(body).send().await.unwrap();
        assert_eq!(response.status(), 400, "{body:?}");
        let error: Value = response.json().await.unwrap();
        assert!(error["error"]["message"].is_string());
    }
    let response = client.post(&url).body(vec![b' '; 40 << 20]).send().await.unwrap();
    assert_eq!(response.status(), 413);
    let error: Value = response.json().await.unwrap();
    assert!(error["error"]["message"].as_str().unwrap().contains("32 MB"));
}

#[tokio::test]
async fn a_foreign_host_or_origin_is_refused_on_every_route() {
    let server = Server::start(&[]);
    let client = reqwest::Client::new();
    for path in ["/health", "/v1/models", "/api/status", "/v1/chat/completions", "/nothing"] {
        let foreign_host = client.get(server.url(path)).header("host", "evil.example").send();
        assert_eq!(foreign_host.await.unwrap().status(), 403, "{path}");
        let foreign_origin = client.get(server.url(path)).header("origin", "https://evil.example").send();
        assert_eq!(foreign_origin.await.unwrap().status(), 403, "{path}");
    }
    for host in ["127.0.0.1", "localhost", "[::1]"] {
        let url = format!("http://{host}:{}/health", server.port);
        assert!(reqwest::get(url).await.unwrap().status() != 403, "{host}");
    }
}

#[tokio::test]
async fn a_key_is_asked_for_when_one_is_set() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "secret\n").unwrap();
    let server = Server::start(&["--api-key-file", file.path().to_str().unwrap()]);
    let client = reqwest::Client::new();
    assert_eq!(client.get(server.url("/v1/models")).send().await.unwrap().status(), 401);
    let with_key = client.get(server.url("/v1/models")).bearer_auth("secret").send();
    assert_eq!(with_key.await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_client_that_hangs_up_frees_its_sequence_streamed_or_not() {
    let server = Server::start(&[]);
    ready(&server).await;
    for stream in [true, false] {
        let body = chat(
            "Tell me a long story.",
            json!({"stream": stream, "temperature": 1.0, "logit_bias": never_ends()}),
        );
        let request = reqwest::Client::new().post(server.url("/v1/chat/completions")).json(&body).send();
        let request = tokio::spawn(async move {
            let response = request.await.unwrap();
            response.bytes().await.unwrap();
        });
        eventually("the request runs", || async { running(&server).await == 1 }).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(!request.is_finished(), "the reply is too short for this test");
        let hung_up = Instant::now();
        request.abort();
        eventually("the sequence is free", || async { running(&server).await == 0 }).await;
        assert!(hung_up.elapsed() < Duration::from_secs(2), "{:?}", hung_up.elapsed());
        eventually("it is reported", || async {
            get(&server, "/api/status").await.1["requests"][0]["finish"] == "cancelled"
        })
        .await;
        let (_, status) = get(&server, "/api/status").await;
        assert!(status["requests"][0]["report"]["generated_tokens"].as_u64().unwrap() > 10);
    }
}

#[tokio::test]
async fn a_template_that_never_ends_is_an_error_within_a_second() {
    let folder = tempfile::tempdir().unwrap();
    copy_random_model(folder.path());
    let endless = "{%- for a in range(99999) %}{%- for b in range(99999) %}{%- for c in range(99999) %}x\
                   {%- endfor %}{%- endfor %}{%- endfor %}{{ messages[0].content }}";
    std::fs::write(folder.path().join("chat_template.jinja"), endless).unwrap();
    let server = Server::start(&["--model", folder.path().to_str().unwrap()]);
    ready(&server).await;
    let begun = Instant::now();
    let (status, error) = post(&server, &chat("Hi.", json!({}))).await;
    assert_eq!(status, 400);
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    assert!(error["error"]["message"].as_str().unwrap().contains("template"), "{error}");
}

#[tokio::test]
async fn a_model_without_a_template_is_refused_at_the_start_by_name() {
    let folder = checkpoint("qwen3_moe-4bit");
    let output = std::process::Command::new(shorn_tests::server::shorn())
        .args(["serve", "--port", "0", "--model", folder.to_str().unwrap()])
        .env("SHORN_HOME", std::env::temp_dir())
        .output()
        .unwrap();
    assert!(!output.status.success());
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(message.contains("chat template") && message.contains("qwen3_moe-4bit"), "{message}");
}

#[tokio::test]
async fn a_port_that_is_taken_is_said_with_who_holds_it() {
    let server = Server::start(&[]);
    let output = std::process::Command::new(shorn_tests::server::shorn())
        .args(["serve", "--port", &server.port.to_string()])
        .env("SHORN_HOME", std::env::temp_dir())
        .output()
        .unwrap();
    assert!(!output.status.success());
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    let holder = format!("shorn (process {})", server.id());
    assert!(message.contains(&holder) && message.contains("--port"), "{message}");
}

#[tokio::test]
async fn the_network_is_not_let_in_without_a_key() {
    let output = std::process::Command::new(shorn_tests::server::shorn())
        .args(["serve", "--host", "0.0.0.0", "--port", "0"])
        .env("SHORN_HOME", std::env::temp_dir())
        .env_remove("SHORN_API_KEY")
        .output()
        .unwrap();
    assert!(!output.status.success());
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(message.contains("SHORN_API_KEY"), "{message}");
}
