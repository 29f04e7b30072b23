//! Search and downloads over HTTP, by the real server from a Hub on loopback.
#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

mod support;

use serde_json::{Value, json};
use shorn_hub_tests::{FakeHub, Fault};
use shorn_tests::server::{Server, random_model};
use support::{chat, eventually, get, post, post_to, ready};

const NAME: &str = "mlx-community/Tiny-4bit";

async fn server_with_hub() -> (FakeHub, Server) {
    let hub = FakeHub::start().await.unwrap();
    hub.add_folder(NAME, &random_model()).unwrap();
    let server = Server::start_with(&[("HF_ENDPOINT", &hub.endpoint())], &[]);
    (hub, server)
}

#[tokio::test]
async fn a_download_tells_how_it_goes_and_what_it_brought_answers_requests() {
    let (_hub, server) = server_with_hub().await;
    ready(&server).await;
    let url = server.url("/api/models/download");
    let response = reqwest::Client::new().post(url).json(&json!({"model": NAME})).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let text = response.text().await.unwrap();
    let events: Vec<Value> = text
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .map(|data| serde_json::from_str(data).unwrap())
        .collect();
    let last = events.last().unwrap();
    assert_eq!(last["state"]["state"], "ready", "{text}");
    assert_eq!(last["done"], last["bytes"]);
    assert!(last["files"].as_array().unwrap().iter().all(|file| file["verified"] == true), "{last}");

    let (status, reply) = post(&server, &chat("Hello.", json!({"model": NAME, "max_tokens": 2}))).await;
    assert_eq!((status, &reply["model"]), (200, &json!(NAME)), "{reply}");
    let (_, found) = get(&server, "/api/hub/models?text=tiny").await;
    assert_eq!(found["models"][0]["directory"], last["state"]["directory"], "{found}");
}

#[tokio::test]
async fn a_download_pauses_goes_on_and_is_cancelled() {
    let (hub, server) = server_with_hub().await;
    hub.fail(Fault::StallAfter(1000).on("model.safetensors"));
    let body = json!({"model": NAME});
    let url = server.url("/api/models/download");
    let hung_up = reqwest::Client::new().post(url).json(&body).send().await.unwrap();
    drop(hung_up);
    let state = async || get(&server, "/api/models/download").await.1[0]["state"]["state"].clone();
    let act = async |action: &str| {
        let url = server.url(&format!("/api/models/download/{action}"));
        reqwest::Client::new().post(url).json(&body).send().await.unwrap().status()
    };
    eventually("it arrives", async || state().await == "downloading").await;
    assert_eq!(act("pause").await, 202);
    eventually("it is paused", async || state().await == "paused").await;
    hub.heal();
    assert_eq!(act("resume").await, 202);
    eventually("it is ready", async || state().await == "ready").await;
    assert_eq!(act("dismiss").await, 202);
    let gone = async || get(&server, "/api/models/download").await.1 == json!([]);
    eventually("it is off the list", gone).await;
    let (status, error) = post_to(&server, "/api/models/download/cancel", &body).await;
    assert_eq!((status, &error["error"]["param"]), (404, &json!("model")));
}

#[tokio::test]
async fn what_is_wrong_with_a_download_is_said() {
    let (_hub, server) = server_with_hub().await;
    let bad = json!({"model": "no name"});
    let (status, error) = post_to(&server, "/api/models/download", &bad).await;
    assert_eq!((status, &error["error"]["param"]), (400, &json!("model")), "{error}");
    let url = server.url("/api/models/download");
    let missing = json!({"model": "nobody/nothing"});
    let text = reqwest::Client::new().post(url).json(&missing).send().await.unwrap().text().await.unwrap();
    assert!(text.contains(r#""code":"not_found""#), "{text}");
}

#[tokio::test]
async fn the_recommended_models_say_what_they_would_be_here() {
    let (_hub, server) = server_with_hub().await;
    ready(&server).await;
    let (status, models) = get(&server, "/api/hub/recommended").await;
    assert_eq!(status, 200);
    let first = &models[0];
    assert_eq!(first["name"], "mlx-community/Qwen3-Coder-30B-A3B-Instruct-4bit");
    assert!(first["fit"]["total"].as_u64().unwrap() > 17_000_000_000, "{first}");
    assert!(models.as_array().unwrap().iter().any(|model| model["for_this_machine"] == true), "{models}");
}
