//! How long a token takes from the engine to the client: `server-overhead SHORN WORKER`. Prints JSON, in microseconds.
//!
//! A worker without a model notes when it writes each token to its pipe; here it is noted when the chunk with that token
//! has come over HTTP. Between the two lie the pipe, the server with detokenizer, parser and encoder, and the loopback
//! interface.
#![allow(clippy::unwrap_used, reason = "a broken measurement may panic")]

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;

use futures_util::StreamExt;
use futures_util::future::join_all;
use serde_json::{Value, json};
use shorn_tests::overhead::{STAMPS, WORD, now};
use shorn_tests::server::Server;

/// Streams at the same time.
const STREAMS: [usize; 3] = [1, 8, 32];

/// Tokens of each stream.
const TOKENS: usize = 200;

/// Tokens measured at least.
const SAMPLES: usize = 3200;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let [shorn, worker] = std::env::args().skip(1).collect::<Vec<_>>().try_into().unwrap();
    let stamps = tempfile::NamedTempFile::new().unwrap();
    let mut command = Command::new(shorn);
    command.env(STAMPS, stamps.path());
    let server = Server::with(command, &["--worker", &worker, "--max-concurrent", "32"]);
    let (mut seed, mut results) = (0, serde_json::Map::new());
    // The first requests find cold paths.
    measure(&server, stamps.path(), 2, &mut seed).await;
    for streams in STREAMS {
        let mut delays = Vec::new();
        while delays.len() < SAMPLES {
            delays.extend(measure(&server, stamps.path(), streams, &mut seed).await);
        }
        delays.sort_unstable();
        let at = |share: f64| delays[((delays.len() - 1) as f64 * share) as usize] as f64 / 1000.0;
        results.insert(
            format!("{streams} streams"),
            json!({ "tokens": delays.len(), "median": at(0.5), "p99": at(0.99), "longest": at(1.0) }),
        );
    }
    println!("{}", Value::from(results));
}

/// Nanoseconds from the worker to here, for each token of so many streams. The first token of each is not counted: the
/// reply's headers go out with it.
async fn measure(server: &Server, stamps: &Path, streams: usize, seed: &mut u64) -> Vec<u64> {
    let client = reqwest::Client::new();
    let seeds = *seed..*seed + streams as u64;
    *seed = seeds.end;
    let arrivals = join_all(seeds.clone().map(|seed| arrivals(&client, server, seed))).await;
    let sent: HashMap<u64, Vec<u64>> = loop {
        let lines = std::fs::read_to_string(stamps).unwrap();
        let sent: HashMap<u64, Vec<u64>> =
            lines.lines().map(|line| serde_json::from_str::<(u64, Vec<u64>)>(line).unwrap()).collect();
        if seeds.clone().all(|seed| sent.contains_key(&seed)) {
            break sent;
        }
    };
    let pairs = seeds.zip(arrivals).flat_map(|(seed, arrivals)| {
        assert_eq!(arrivals.len(), TOKENS, "each token must come in a chunk of its own");
        sent[&seed].clone().into_iter().zip(arrivals).skip(1)
    });
    pairs.map(|(sent, arrived)| arrived.saturating_sub(sent)).collect()
}

/// When each token of a stream arrived. The request is an agent's: with a tool, so that the parser looks for calls.
async fn arrivals(client: &reqwest::Client, server: &Server, seed: u64) -> Vec<u64> {
    let parameters = json!({"type": "object", "properties": {"path": {"type": "string"}}});
    let body = json!({
        "messages": [{"role": "user", "content": "Hi."}],
        "tools": [{"type": "function", "function": {"name": "read", "parameters": parameters}}],
        "stream": true, "max_tokens": TOKENS, "seed": seed,
    });
    let reply = client.post(server.url("/v1/chat/completions")).json(&body).send().await.unwrap();
    assert!(reply.status().is_success(), "{}", reply.text().await.unwrap());
    let mut stream = reply.bytes_stream();
    let mut arrivals = Vec::with_capacity(TOKENS);
    let token = format!("{{\"content\":\"{WORD}\"}}");
    while let Some(bytes) = stream.next().await {
        let arrived = now();
        let tokens = String::from_utf8_lossy(&bytes.unwrap()).matches(&token).count();
        arrivals.extend(std::iter::repeat_n(arrived, tokens));
    }
    arrivals
}
