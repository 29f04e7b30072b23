//! Requests as HTTP clients may send them, beyond what the ones in other tests do.
#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};
use shorn_tests::script::Script;
use shorn_tests::server::Server;

/// Sends bytes and returns all that comes back; the request has to ask for the connection's end.
fn raw(server: &Server, request: &[&[u8]]) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    for part in request {
        stream.write_all(part).unwrap();
        stream.flush().unwrap();
    }
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8(answer).unwrap()
}

fn head(server: &Server, line: &str, fields: &str) -> Vec<u8> {
    let port = server.port;
    format!("{line} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n{fields}\r\n").into_bytes()
}

fn body() -> Vec<u8> {
    json!({"messages": [{"role": "user", "content": "hi"}]}).to_string().into_bytes()
}

const CHAT: &str = "POST /v1/chat/completions?beta=true";

fn server() -> Server {
    Server::scripted(&Script::answers(["Hello."]), &[])
}

fn says_hello(answer: &str) {
    assert!(answer.contains("HTTP/1.1 200") && answer.contains("Hello."), "{answer}");
}

#[test]
fn a_chunked_body_is_read() {
    let server = server();
    let body = body();
    let (first, second) = body.split_at(10);
    let chunk = |bytes: &[u8]| [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat();
    let fields = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n";
    let parts = [head(&server, CHAT, fields), chunk(first), chunk(second), b"0\r\n\r\n".to_vec()];
    says_hello(&raw(&server, &parts.each_ref().map(Vec::as_slice)));
}

#[test]
fn a_client_that_waits_for_leave_to_send_its_body_gets_it() {
    let server = server();
    let body = body();
    let fields = format!("Content-Length: {}\r\nExpect: 100-continue\r\n", body.len());
    let answer = raw(&server, &[&head(&server, CHAT, &fields), &body]);
    assert!(answer.starts_with("HTTP/1.1 100"), "{answer}");
    says_hello(&answer);
}

#[tokio::test]
async fn a_gzip_body_is_unpacked_within_the_same_bound() {
    let server = server();
    let url = server.url("/v1/chat/completions");
    let post = |bytes: Vec<u8>| {
        reqwest::Client::new().post(&url).header("content-encoding", "gzip").body(bytes).send()
    };
    let reply = post(stored(&body())).await.unwrap();
    assert_eq!(reply.status(), 200);
    let reply: Value = reply.json().await.unwrap();
    assert_eq!(reply["choices"][0]["message"]["content"], "Hello.");
    assert_eq!(post(b"no gzip".to_vec()).await.unwrap().status(), 400);
    assert_eq!(post(stored(&vec![b' '; 33 << 20])).await.unwrap().status(), 413);
}

#[test]
fn probes_are_answered_at_once() {
    let server = server();
    let ask = |line: &str| raw(&server, &[&head(&server, line, "")]);
    let models = ask("HEAD /v1/models");
    assert!(models.starts_with("HTTP/1.1 200") && models.ends_with("\r\n\r\n"), "{models}");
    for (line, status) in [
        ("HEAD /api/hello", "404"),
        ("HEAD /v1/chat/completions", "405"),
        ("OPTIONS /v1/chat/completions", "405"),
        ("GET /v1/messages?beta=true", "405"),
    ] {
        let answer = ask(line);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{line}: {answer}");
    }
}

/// A gzip file that holds the bytes as they are (RFC 1952, with stored blocks of RFC 1951).
fn stored(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let blocks: Vec<&[u8]> = bytes.chunks(0xffff).collect();
    for (index, block) in blocks.iter().enumerate() {
        let length = block.len() as u16;
        gzip.push(u8::from(index + 1 == blocks.len()));
        gzip.extend([length.to_le_bytes(), (!length).to_le_bytes()].concat());
        gzip.extend_from_slice(block);
    }
    gzip.extend(crc32(bytes).to_le_bytes());
    gzip.extend((bytes.len() as u32).to_le_bytes());
    gzip
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1)))
    })
}
