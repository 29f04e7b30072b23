//! The document of the API beside what a server with the real engine answers.
#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

mod support;

use shorn_hub_tests::FakeHub;
use shorn_tests::server::Server;
use shorn_tests::{conformance, loops};
use support::ready;

/// Requests that must be made, with `SHORN_FULL_LOOPS`.
const REQUESTS: usize = 10_000;

/// Random requests of each operation, with `SHORN_FULL_LOOPS`.
const OF_EACH: usize = 440;

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_is_a_server_error_or_undocumented() {
    let hub = FakeHub::start().await.unwrap();
    let server = Server::start_with(&[("HF_ENDPOINT", &hub.endpoint())], &["--context-length", "2048"]);
    ready(&server).await;
    let document = server.url("/openapi.json");
    let requests = tokio::task::spawn_blocking(move || conformance::schemathesis(&document, loops(OF_EACH)));
    let requests = requests.await.unwrap();
    assert!(requests >= loops(REQUESTS), "{requests} requests only");
    println!("{requests} requests");
}
