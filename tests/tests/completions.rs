//! `POST /v1/completions`: a scripted worker for the form, the real engine for the rest.
#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

mod support;

use serde_json::{Value, json};
use shorn_tests::conformance;
use shorn_tests::script::Script;
use shorn_tests::server::{Server, never_ends};
use support::{Events, get, post_to, ready};

const PATH: &str = "/v1/completions";

/// A request whose reply is always the same and does not end before its limit: no end tokens.
fn greedy(prompt: &str, max_tokens: u32) -> Value {
    let logit_bias = never_ends();
    json!({"prompt": prompt, "temperature": 0, "max_tokens": max_tokens, "logit_bias": logit_bias})
}

async fn complete(server: &Server, body: Value) -> Value {
    let (status, reply) = post_to(server, PATH, &body).await;
    assert_eq!(status, 200, "{reply}");
    reply
}

#[tokio::test]
async fn a_whole_reply() {
    let server = Server::scripted(&Script::answers([" 1\n"]), &[]);
    let reply = complete(&server, json!({"prompt": "return", "echo": true})).await;
    insta::assert_json_snapshot!(reply, { ".id" => "[id]", ".created" => "[time]", ".shorn" => "[report]" });
}

#[tokio::test]
async fn a_streamed_reply() {
    let server = Server::scripted(&Script::answers([" 1\n"]), &[]);
    let body = json!({"prompt": "return", "echo": true, "stream_options": {"include_usage": true}});
    let chunks = Events::post_to(&server, PATH, body).await.chunks().await;
    insta::assert_json_snapshot!(chunks, { "[].id" => "[id]", "[].created" => "[time]", "[].shorn" => "[report]" });
}

#[tokio::test]
async fn openais_package_reads_every_reply() {
    let server = Server::scripted(&Script::answers(["\n    return 1"]), &[]);
    let url = server.url("/v1");
    let check = move || conformance::check("openai", "openai_completions", &[&url]);
    tokio::task::spawn_blocking(check).await.unwrap();
}

#[tokio::test]
async fn nothing_is_read_as_reasoning_or_as_a_call() {
    let text = "<think>\n</think>\n<tool_call>\n<function=read>\n</function>\n</tool_call>";
    let server = Server::scripted(&Script::answers([text]), &[]);
    assert_eq!(complete(&server, json!({"prompt": "x"})).await["choices"][0]["text"], text);
}

#[tokio::test]
async fn a_text_and_its_tokens_give_the_same_and_no_template_is_between() {
    let server = Server::start(&[]);
    ready(&server).await;
    let mut body = greedy("def f(x):\n", 12);
    let text = complete(&server, body.clone()).await;
    let prompt_tokens = text["usage"]["prompt_tokens"].as_u64().unwrap();
    assert!(prompt_tokens < 12, "{prompt_tokens} tokens: a template would be longer");
    assert_eq!(text["usage"]["completion_tokens"], 12);
    assert_eq!(text["choices"][0]["finish_reason"], "length");
    let tokenizer =
        shorn_chat::tokenizer::Tokenizer::from_folder(&shorn_tests::server::random_model()).unwrap();
    body["prompt"] = json!(tokenizer.encode("def f(x):\n").unwrap());
    let tokens = complete(&server, body).await;
    assert_eq!(tokens["choices"], text["choices"]);
    assert_eq!(tokens["usage"]["prompt_tokens"], prompt_tokens);
}

#[tokio::test]
async fn a_reply_is_the_same_streamed_and_not() {
    let server = Server::start(&[]);
    ready(&server).await;
    let body = greedy("import", 20);
    let whole = complete(&server, body.clone()).await;
    let chunks = Events::post_to(&server, PATH, body).await.chunks().await;
    let text: String = chunks.iter().map(|chunk| chunk["choices"][0]["text"].as_str().unwrap()).collect();
    assert_eq!(text, whole["choices"][0]["text"]);
    assert_eq!(chunks.last().unwrap()["choices"][0]["finish_reason"], "length");
}

#[tokio::test]
async fn log_probabilities_come_in_columns_that_spell_the_text() {
    let server = Server::start(&[]);
    ready(&server).await;
    let mut body = greedy("import", 6);
    body["logprobs"] = json!(2);
    let whole = complete(&server, body.clone()).await;
    let choice = &whole["choices"][0];
    let logprobs = &choice["logprobs"];
    let tokens: Vec<&str> =
        logprobs["tokens"].as_array().unwrap().iter().map(|token| token.as_str().unwrap()).collect();
    assert_eq!(tokens.len(), 6);
    for column in ["token_logprobs", "top_logprobs", "text_offset"] {
        assert_eq!(logprobs[column].as_array().unwrap().len(), 6, "{column}");
    }
    for (index, token) in tokens.iter().enumerate() {
        let own = logprobs["token_logprobs"][index].as_f64().unwrap();
        // Greedy: the token is the best of those beside it.
        let top = logprobs["top_logprobs"][index].as_object().unwrap();
        assert_eq!(top[*token].as_f64().unwrap(), own, "{top:?}");
        assert!(top.values().all(|other| other.as_f64().unwrap() <= own), "{top:?}");
    }
    assert_eq!(logprobs["text_offset"][0], 0);
    let chunks = Events::post_to(&server, PATH, body).await.chunks().await;
    let streamed = chunks.iter().filter_map(|chunk| chunk["choices"][0]["logprobs"]["tokens"].as_array());
    assert_eq!(streamed.flatten().collect::<Vec<_>>(), tokens);
}

#[tokio::test]
async fn a_stop_string_ends_the_reply_before_it() {
    let server = Server::scripted(&Script::answers(["one\ntwo\nthree"]), &[]);
    let reply = complete(&server, json!({"prompt": "x", "stop": "\nthree"})).await;
    assert_eq!(reply["choices"][0]["text"], "one\ntwo");
    assert_eq!(reply["choices"][0]["finish_reason"], "stop");
}

#[tokio::test]
async fn what_is_wrong_with_a_prompt_is_said() {
    let server = Server::start(&["--context-length", "256"]);
    ready(&server).await;
    for (prompt, word) in [
        (json!([7, 4_000_000]), "4000000"),
        (json!(""), "at least one token"),
        (json!([]), "at least one token"),
        (json!("word ".repeat(500)), "prompt is too long"),
    ] {
        let (status, error) = post_to(&server, PATH, &json!({"prompt": prompt})).await;
        assert_eq!((status, &error["error"]["param"]), (400, &json!("prompt")), "{error}");
        assert!(error["error"]["message"].as_str().unwrap().contains(word), "{error}");
    }
    let (status, _) = get(&server, PATH).await;
    assert_eq!(status, 405);
}
