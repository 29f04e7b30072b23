//! The Hub of the tests behaves as huggingface.co does, and its faults are what they are called.

#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use shorn_hub_tests::{FakeFile, FakeHub, Fault, Gate, Place};

const SIZE: u64 = 3_000_000;

async fn hub() -> FakeHub {
    let hub = FakeHub::start().await.unwrap();
    let weights = FakeFile::synthetic("model.safetensors", 7, SIZE);
    hub.add("org/name", [FakeFile::text("config.json", "{}"), weights]);
    hub
}

async fn get(hub: &FakeHub, path: &str) -> Response {
    Client::new().get(format!("{}{path}", hub.endpoint())).send().await.unwrap()
}

async fn get_weights(hub: &FakeHub, range: &str) -> Response {
    let url = format!("{}/org/name/resolve/main/model.safetensors", hub.endpoint());
    Client::new().get(url).header("range", range).send().await.unwrap()
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers()[name].to_str().unwrap()
}

/// What arrives until the end or an error.
async fn bytes_until_error(mut response: Response) -> (u64, bool) {
    let mut bytes = 0;
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => bytes += chunk.len() as u64,
            Ok(None) => return (bytes, false),
            Err(_) => return (bytes, true),
        }
    }
}

#[tokio::test]
async fn a_large_file_is_redirected_with_its_hash_and_size_and_arrives_whole() {
    let hub = hub().await;
    let url = format!("{}/org/name/resolve/main/model.safetensors", hub.endpoint());
    let asked = Client::builder().redirect(Policy::none()).build().unwrap().head(&url).send().await.unwrap();
    let sha256 = FakeFile::synthetic("model.safetensors", 7, SIZE).sha256();
    assert_eq!(asked.status(), StatusCode::FOUND);
    assert_eq!(header(&asked, "x-linked-etag"), format!("\"{sha256}\""));
    assert_eq!(header(&asked, "x-linked-size"), SIZE.to_string());
    assert_eq!(header(&asked, "x-repo-commit").len(), 40);
    assert!(header(&asked, "location").starts_with(&format!("http://{}/", hub.cdn())));

    let whole = Client::new().get(&url).send().await.unwrap().bytes().await.unwrap();
    assert_eq!(FakeFile::new("model.safetensors", whole).sha256(), sha256);
    assert_eq!(hub.sent("model.safetensors"), SIZE);
}

#[tokio::test]
async fn a_range_is_the_same_bytes_as_in_the_whole() {
    let hub = hub().await;
    let whole = get_weights(&hub, "bytes=0-").await.bytes().await.unwrap();
    for start in [1_u64, 1_048_576, 1_048_580, 2_999_999] {
        let part = get_weights(&hub, &format!("bytes={start}-")).await;
        assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
        assert_eq!(header(&part, "content-range"), format!("bytes {start}-{}/{SIZE}", SIZE - 1));
        assert_eq!(part.bytes().await.unwrap(), whole.slice(start as usize..));
    }
    assert_eq!(get_weights(&hub, "bytes=3000000-").await.status(), StatusCode::RANGE_NOT_SATISFIABLE);
}

#[tokio::test]
async fn a_cut_comes_after_exactly_so_many_bytes_and_only_so_often() {
    let hub = hub().await;
    hub.fail(Fault::CutAfter(1_234_567).on("model.safetensors").times(1));
    assert_eq!(bytes_until_error(get_weights(&hub, "bytes=0-").await).await, (1_234_567, true));
    assert_eq!(bytes_until_error(get_weights(&hub, "bytes=0-").await).await, (SIZE, false));
}

#[tokio::test]
async fn lengths_lie_only_about_the_file() {
    let hub = hub().await;
    hub.fail(Fault::ShorterBody(10).times(1));
    assert_eq!(bytes_until_error(get_weights(&hub, "bytes=0-").await).await, (SIZE - 10, false));
    hub.fail(Fault::LongerBody(10).times(1));
    assert_eq!(bytes_until_error(get_weights(&hub, "bytes=0-").await).await, (SIZE + 10, false));
}

#[tokio::test]
async fn answers_to_a_range_can_be_wrong() {
    let hub = hub().await;
    hub.fail(Fault::WrongContentRange.times(1));
    let wrong = get_weights(&hub, "bytes=100-").await;
    assert_eq!(header(&wrong, "content-range"), format!("bytes 101-{SIZE}/{SIZE}"));
    hub.fail(Fault::IgnoredRange.times(1));
    assert_eq!(get_weights(&hub, "bytes=100-").await.status(), StatusCode::OK);
    hub.fail(Fault::RangeNotSatisfiable.times(1));
    assert_eq!(get_weights(&hub, "bytes=100-").await.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    hub.fail(Fault::ExpiredUrl.times(1));
    assert_eq!(get_weights(&hub, "bytes=100-").await.status(), StatusCode::FORBIDDEN);
    hub.fail(Fault::Status(503).at(Place::Cdn).times(1));
    assert_eq!(get_weights(&hub, "bytes=100-").await.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(get_weights(&hub, "bytes=100-").await.status(), StatusCode::PARTIAL_CONTENT);
}

#[tokio::test]
async fn a_flipped_byte_is_another_one() {
    let hub = hub().await;
    let right = get_weights(&hub, "bytes=0-").await.bytes().await.unwrap();
    hub.fail(Fault::FlippedByte(1_500_000));
    let wrong = get_weights(&hub, "bytes=0-").await.bytes().await.unwrap();
    let differ: Vec<usize> = (0..right.len()).filter(|&index| right[index] != wrong[index]).collect();
    assert_eq!(differ, [1_500_000]);
}

#[tokio::test]
async fn going_offline_breaks_what_is_under_way_and_coming_back_keeps_the_ports() {
    let hub = hub().await;
    hub.fail(Fault::StallAfter(1000).times(1));
    let mut stalled = get_weights(&hub, "bytes=0-").await;
    assert!(stalled.chunk().await.is_ok());
    hub.set_online(false);
    assert!(bytes_until_error(stalled).await.1);
    assert!(Client::new().get(hub.endpoint()).send().await.is_err());
    hub.set_online(true);
    assert_eq!(get_weights(&hub, "bytes=0-").await.status(), StatusCode::PARTIAL_CONTENT);
}

#[tokio::test]
async fn a_gated_repository_is_seen_but_not_read() {
    let hub = hub().await;
    hub.change("org/name", |repository| repository.gate = Gate::Manual);
    assert_eq!(get(&hub, "/api/models/org/name").await.status(), StatusCode::OK);
    let refused = get(&hub, "/org/name/resolve/main/config.json").await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(header(&refused, "x-error-code"), "GatedRepo");
}

#[tokio::test]
async fn the_api_lists_files_with_sizes_and_hashes() {
    let hub = hub().await;
    let text = get(&hub, "/api/models/org/name/revision/main?blobs=true").await.text().await.unwrap();
    let info: serde_json::Value = serde_json::from_str(&text).unwrap();
    // git's own name of a file of two bytes, `{}`.
    assert_eq!(info["siblings"][0]["blobId"], "9e26dfeeb6e641a33dae4961196235bdb965b21b");
    assert_eq!(info["siblings"][1]["lfs"]["size"], SIZE);
}

#[tokio::test]
async fn every_request_is_on_record() {
    let hub = hub().await;
    get_weights(&hub, "bytes=5-").await.bytes().await.unwrap();
    let requests = hub.requests();
    let places: Vec<_> =
        requests.iter().map(|request| (request.is_cdn(), request.status, request.start())).collect();
    assert_eq!(places, [(false, 302, 5), (true, 206, 5)]);
    assert!(requests.iter().all(|request| request.file.as_deref() == Some("model.safetensors")));
}
