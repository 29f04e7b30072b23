//! Models that requests bring in, and what makes room for them.
#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

mod support;

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;
use shorn_tests::script::{Answer, Script};
use shorn_tests::server::Server;
use support::{chat, copy_random_model, get, post, post_to, ready};

/// A model whose weights take so many bytes, of which the disk holds nothing: only for a scripted worker.
fn heavy_model(folder: &Path, bytes: u64) {
    copy_random_model(folder);
    let bytes = bytes / 4 * 4;
    let weight = json!({"dtype": "F32", "shape": [bytes / 4], "data_offsets": [0, bytes]});
    let header = json!({"model.embed_tokens.weight": weight}).to_string();
    let file = folder.join("model.safetensors");
    let begin = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes()].concat();
    std::fs::write(&file, &begin).unwrap();
    let file = std::fs::File::options().write(true).open(&file).unwrap();
    file.set_len(begin.len() as u64 + bytes).unwrap();
}

#[tokio::test]
async fn a_request_that_names_a_model_on_disk_loads_it_once_with_its_saved_settings_beside_the_chosen_one() {
    let server = Server::start(&[]);
    copy_random_model(&server.home().join("models/org/Second"));
    let saved = json!({"load": {"context_length": 3000}});
    std::fs::create_dir_all(server.home().join("settings")).unwrap();
    std::fs::write(server.home().join("settings/org--Second.json"), saved.to_string()).unwrap();
    ready(&server).await;

    let ask = |name: &'static str| {
        let (server, body) = (&server, chat("Hello.", json!({"max_tokens": 2, "model": name})));
        async move { post(server, &body).await }
    };
    let replies =
        futures_util::future::join_all(["org/Second", "second", "Second", "org/Second"].map(ask)).await;
    for (status, reply) in replies {
        assert_eq!((status, &reply["model"]), (200, &json!("org/Second")), "{reply}");
    }
    assert_eq!(server.log().matches("a request names org/Second").count(), 1);
    let (_, status) = get(&server, "/api/status").await;
    let others = status["others"].as_array().unwrap();
    assert_eq!(others.len(), 1, "{others:?}");
    assert_eq!(others[0]["settings"]["context_length"], 3000);
    assert!(others[0]["idle_unload_seconds"].as_u64().unwrap() > 0);
    assert_eq!(status["model"]["name"], "random-coder");
    let (status, reply) = ask("default").await;
    assert_eq!((status, &reply["model"]), (200, &json!("random-coder")));

    let (_, models) = get(&server, "/v1/models").await;
    let loaded: Vec<_> = models["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|model| (model["id"].clone(), model["loaded"].clone()))
        .collect();
    let expected = [("random-coder", true), ("org/Second", true), ("shorn-embedded", false)];
    assert_eq!(loaded, expected.map(|(name, loaded)| (json!(name), json!(loaded))));

    let (status, state) = post_to(&server, "/api/models/unload", &json!({"model": "org/Second"})).await;
    assert_eq!((status, &state["phase"]["phase"]), (200, &json!("stopped")));
    assert_eq!(get(&server, "/api/status").await.1["others"], json!([]));
    assert_eq!(ask("org/Second").await.0, 200);
}

#[tokio::test]
async fn idle_models_make_room_least_recently_used_first_and_busy_ones_stay() {
    let answer = Answer { token_ms: 150, ..Answer::text("one two three four five six seven eight") };
    let server = Server::scripted(&Script { answers: vec![answer], ..Script::default() }, &[]);
    ready(&server).await;
    let (_, status) = get(&server, "/api/status").await;
    let memory = |field: &str| status["system"][field].as_u64().unwrap();
    let total = memory("total");
    let room = memory("available").min(total - (total / 4).clamp(2 << 30, 8 << 30));
    // Two fit, three do not.
    for name in ["a", "b", "c"] {
        heavy_model(&server.home().join("models/org").join(name), room / 10 * 4);
    }
    let ask = |name: &'static str| {
        let (server, body) = (&server, chat("Hello.", json!({"model": name})));
        async move { post(server, &body).await }
    };
    let loaded = || async {
        let (_, status) = get(&server, "/api/status").await;
        let names = status["others"].as_array().unwrap().iter().map(|model| model["name"].to_string());
        names.collect::<std::collections::BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(" ")
    };
    let (status, reply) = ask("org/a").await;
    assert_eq!(status, 200, "{reply}");
    assert_eq!(ask("org/b").await.0, 200);
    assert_eq!(loaded().await, r#""org/a" "org/b""#);
    assert_eq!(ask("org/a").await.0, 200);
    assert_eq!(ask("org/c").await.0, 200);
    assert_eq!(loaded().await, r#""org/a" "org/c""#);
    // Both work: nothing can be unloaded.
    let (a, c, b) = tokio::join!(ask("org/a"), ask("org/c"), async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        ask("org/b").await
    });
    assert_eq!((a.0, c.0), (200, 200));
    assert_eq!((b.0, &b.1["error"]["code"]), (503, &json!("does_not_fit")), "{}", b.1);
    assert_eq!(loaded().await, r#""org/a" "org/c""#);
}

#[tokio::test]
async fn a_streamed_request_is_kept_alive_while_its_model_loads() {
    let script = Script { load_ms: 12_000, ..Script::answers(["Hello."]) };
    let server = Server::scripted(&script, &[]);
    let body = chat("Hi.", json!({"stream": true}));
    let begun = Instant::now();
    let response =
        reqwest::Client::new().post(server.url("/v1/chat/completions")).json(&body).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(begun.elapsed() < Duration::from_millis(11_500), "the headers came after {:?}", begun.elapsed());
    let text = response.text().await.unwrap();
    assert!(text.contains("\"finish_reason\":\"stop\"") && text.ends_with("data: [DONE]\n\n"), "{text}");
}
