//! Replies that have to follow a grammar, from the real engine and a model that knows nothing: what it writes is valid
//! only because nothing else is possible.
#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

mod support;

use futures_util::StreamExt;
use futures_util::stream;
use serde_json::{Map, Value, json};
use shorn_tests::conformance;
use shorn_tests::loops;
use shorn_tests::server::Server;
use support::{Events, Streamed, chat, post, post_to, ready};

/// Settings under which every token is about as likely as every other.
fn anything(more: Value) -> Value {
    let mut body = chat("Say something.", more);
    for (field, value) in [("temperature", json!(3)), ("top_k", json!(0)), ("top_p", json!(1))] {
        body[field] = value;
    }
    if body.get("max_tokens").is_none() {
        body["max_tokens"] = json!(1500);
    }
    body
}

fn json_schema(schema: &Value) -> Value {
    json!({"type": "json_schema", "json_schema": {"name": "answer", "strict": true, "schema": schema}})
}

fn check(schema: &Value, json: &str) {
    let value: Value = serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {json}"));
    if let Err(error) = jsonschema::validator_for(schema).unwrap().validate(&value) {
        panic!("{error}\nin {json}\nof {schema}");
    }
}

/// A schema by its number, the same in every run.
fn schema(number: usize) -> Value {
    fn value(number: &mut usize, depth: usize) -> Value {
        let choice = *number % if depth == 0 { 6 } else { 9 };
        *number = *number / 3 + 7 * depth;
        match choice {
            0 => json!({"type": "string", "maxLength": 12}),
            1 => json!({"type": "integer", "minimum": -3, "maximum": 70_000}),
            2 => json!({"type": "boolean"}),
            3 => json!({"enum": ["red", "dark green", 7, null]}),
            4 => json!({"type": "number", "exclusiveMinimum": 0, "maximum": 1}),
            5 => json!({"type": "string", "format": "date"}),
            6 => json!({"type": "array", "items": value(number, depth - 1), "minItems": 1, "maxItems": 3}),
            7 => json!({"anyOf": [value(number, depth - 1), {"type": "null"}]}),
            _ => object(number, depth - 1),
        }
    }
    fn object(number: &mut usize, depth: usize) -> Value {
        let names = ["name", "Größe", "is \"new\"", "items"];
        let names = &names[..1 + *number % names.len()];
        let properties: Map<String, Value> =
            names.iter().map(|name| ((*name).to_owned(), value(number, depth))).collect();
        json!({"type": "object", "properties": properties, "required": names, "additionalProperties": false})
    }
    object(&mut (number * 31 + 5), 3)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_knows_nothing_follows_every_schema() {
    let server = Server::start(&[]);
    ready(&server).await;
    let count = loops(300);
    let server = &server;
    let finishes: Vec<String> = stream::iter(0..count)
        .map(|number| async move {
            let schema = schema(number);
            let body = anything(json!({"response_format": json_schema(&schema), "seed": number}));
            let (status, reply) = post(server, &body).await;
            assert_eq!(status, 200, "{reply} of {schema}");
            let choice = &reply["choices"][0];
            let finish = choice["finish_reason"].as_str().unwrap().to_owned();
            let grammar = &reply["shorn"]["report"]["grammar"];
            assert!(
                grammar["tokens"].as_u64().unwrap() > 0 && grammar["seconds"].as_f64().unwrap() > 0.0,
                "{grammar}"
            );
            if finish == "stop" {
                check(&schema, choice["message"]["content"].as_str().unwrap());
            }
            finish
        })
        .buffer_unordered(4)
        .collect()
        .await;
    // A limit on tokens may cut a long one off, and then says so.
    assert!(finishes.iter().all(|finish| finish == "stop" || finish == "length"), "{finishes:?}");
    let whole = finishes.iter().filter(|finish| *finish == "stop").count();
    assert!(whole * 10 >= count * 8, "{whole} of {count}");
}

#[tokio::test]
async fn a_reply_that_is_cut_off_says_so() {
    let server = Server::start(&[]);
    let schema = json!({"type": "object", "properties": {"text": {"type": "string", "minLength": 500}},
        "required": ["text"], "additionalProperties": false});
    let body = anything(json!({"response_format": json_schema(&schema), "max_tokens": 20}));
    let (_, reply) = post(&server, &body).await;
    assert_eq!(reply["choices"][0]["finish_reason"], "length", "{reply}");
}

#[tokio::test]
async fn json_mode_gives_an_object_also_in_a_stream() {
    let server = Server::start(&[]);
    let body = anything(json!({"response_format": {"type": "json_object"}, "seed": 4}));
    let chunks = Events::post(&server, body).await.chunks().await;
    let reply = Streamed::of(&chunks);
    if reply.finish.as_deref() == Some("stop") {
        check(&json!({"type": "object"}), &reply.content);
    }
    assert!(reply.content.starts_with('{'), "{}", reply.content);
}

fn tools() -> Value {
    let parameters = json!({"type": "object", "properties": {
        "path": {"type": "string", "maxLength": 30}, "line": {"type": "integer"},
        "mode": {"type": "string", "enum": ["insert", "replace"]}},
        "required": ["path", "mode"], "additionalProperties": false});
    let function = json!({"name": "edit", "parameters": parameters});
    json!([
        {"type": "function", "function": function},
        {"type": "function", "function": {"name": "now", "parameters": {"type": "object", "properties": {},
            "additionalProperties": false}}},
    ])
}

fn check_call(name: &str, arguments: &str) {
    let tools = tools();
    let known = tools.as_array().unwrap().iter().find(|tool| tool["function"]["name"] == name);
    check(&known.unwrap_or_else(|| panic!("{name} is no tool"))["function"]["parameters"], arguments);
}

#[tokio::test]
async fn a_call_that_is_required_is_made() {
    let server = Server::start(&[]);
    for seed in 0..8 {
        let body = anything(json!({"tools": tools(), "tool_choice": "required", "seed": seed}));
        let (status, reply) = post(&server, &body).await;
        assert_eq!(status, 200, "{reply}");
        let message = &reply["choices"][0]["message"];
        assert_eq!(reply["choices"][0]["finish_reason"], "tool_calls", "{reply}");
        assert_eq!(message["content"], Value::Null);
        for call in message["tool_calls"].as_array().unwrap() {
            check_call(
                call["function"]["name"].as_str().unwrap(),
                call["function"]["arguments"].as_str().unwrap(),
            );
        }
    }
}

#[tokio::test]
async fn a_named_tool_is_called_in_every_dialect() {
    let server = Server::start(&[]);
    let named = json!({"type": "function", "function": {"name": "edit"}});
    let body =
        anything(json!({"tools": tools(), "tool_choice": named, "stream_options": {"include_usage": true}}));
    let reply = Streamed::of(&Events::post(&server, body).await.chunks().await);
    assert_eq!(reply.calls.len(), 1, "{reply:?}");
    assert_eq!(reply.calls[0].0, "edit");
    check_call("edit", &reply.calls[0].1);

    let function = &tools()[0]["function"];
    let body = json!({"input": "Say something.", "temperature": 3, "top_k": 0, "top_p": 1, "max_output_tokens": 1500,
        "tools": [{"type": "function", "name": "edit", "parameters": function["parameters"]}],
        "tool_choice": {"type": "function", "name": "edit"}, "seed": 3});
    let (status, reply) = post_to(&server, "/v1/responses", &body).await;
    assert_eq!(status, 200, "{reply}");
    let output = reply["output"].as_array().unwrap();
    assert_eq!((output.len(), &output[0]["type"]), (1, &json!("function_call")), "{reply}");
    assert_eq!(reply["tool_choice"], body["tool_choice"]);
    check_call("edit", output[0]["arguments"].as_str().unwrap());

    let body = json!({"model": "claude-x", "max_tokens": 1500, "temperature": 1, "top_k": 0,
        "messages": [{"role": "user", "content": "Say something."}],
        "tools": [{"name": "edit", "input_schema": function["parameters"]}],
        "tool_choice": {"type": "tool", "name": "edit"}});
    let (status, reply) = post_to(&server, "/v1/messages", &body).await;
    assert_eq!(status, 200, "{reply}");
    assert_eq!(reply["stop_reason"], "tool_use", "{reply}");
    check_call("edit", &reply["content"][0]["input"].to_string());
}

#[tokio::test]
async fn a_schema_that_cannot_be_guaranteed_is_refused_by_its_part() {
    let server = Server::start(&[]);
    let schema = json!({"type": "object", "properties": {"tags": {"type": "array", "uniqueItems": true}}});
    let expected = "properties.tags";
    let body = anything(json!({"response_format": json_schema(&schema)}));
    let (status, error) = post(&server, &body).await;
    assert_eq!((status, &error["error"]["param"]), (400, &json!("response_format")), "{error}");
    let message = error["error"]["message"].as_str().unwrap();
    assert!(message.contains(expected) && message.contains("uniqueItems"), "{message}");

    let format = json!({"type": "json_schema", "name": "x", "schema": schema});
    let (status, error) =
        post_to(&server, "/v1/responses", &json!({"input": "x", "text": {"format": format}})).await;
    assert_eq!((status, &error["error"]["param"]), (400, &json!("text.format")), "{error}");

    let body = json!({"model": "claude-x", "max_tokens": 5, "messages": [{"role": "user", "content": "x"}],
        "output_config": {"format": {"type": "json_schema", "schema": schema}}});
    let (status, error) = post_to(&server, "/v1/messages", &body).await;
    assert_eq!(status, 400, "{error}");
    assert!(error["error"]["message"].as_str().unwrap().contains(expected), "{error}");

    let strict =
        json!([{"type": "function", "function": {"name": "tag", "strict": true, "parameters": schema}}]);
    let (status, error) = post(&server, &anything(json!({"tools": strict}))).await;
    assert_eq!((status, &error["error"]["param"]), (400, &json!("tools")), "{error}");
    assert!(error["error"]["message"].as_str().unwrap().contains("`tag`: properties.tags"), "{error}");
}

#[tokio::test]
async fn several_replies_to_one_prompt_differ_and_share_it() {
    let server = Server::start(&[]);
    let question = "word ".repeat(200);
    let body = json!({"messages": [{"role": "user", "content": question}], "n": 3, "seed": 5, "temperature": 3,
        "top_k": 0, "top_p": 1, "max_tokens": 12});
    let (status, reply) = post(&server, &body).await;
    assert_eq!(status, 200, "{reply}");
    let choices = reply["choices"].as_array().unwrap();
    let texts: Vec<&Value> = choices.iter().map(|choice| &choice["message"]["content"]).collect();
    assert_eq!(texts.len(), 3);
    assert!(texts[0] != texts[1] && texts[1] != texts[2] && texts[0] != texts[2], "{texts:?}");
    assert_eq!(choices.iter().map(|choice| choice["index"].as_u64().unwrap()).collect::<Vec<_>>(), [0, 1, 2]);

    let records = reply["shorn"].as_array().unwrap();
    let generated: u64 =
        records.iter().map(|record| record["report"]["generated_tokens"].as_u64().unwrap()).sum();
    let prompt = records[0]["report"]["prompt_tokens"].as_u64().unwrap();
    assert_eq!(reply["usage"]["completion_tokens"], generated);
    assert_eq!(reply["usage"]["prompt_tokens"], prompt);
    assert_eq!(reply["usage"]["total_tokens"], prompt + generated);
    let computed: Vec<u64> =
        records.iter().map(|record| prompt - record["report"]["cached_tokens"].as_u64().unwrap()).collect();
    // Whichever came first.
    let mut computed = computed;
    computed.sort_unstable();
    assert_eq!(computed, [1, 1, prompt], "the prompt is computed once");

    let mut alone = body.clone();
    alone["n"] = json!(1);
    alone["seed"] = json!(6);
    let (_, second) = post(&server, &alone).await;
    assert_eq!(&second["choices"][0]["message"]["content"], texts[1], "a reply has a seed of its own");
}

#[tokio::test]
async fn several_replies_come_in_one_stream() {
    let server = Server::start(&[]);
    let body = json!({"messages": [{"role": "user", "content": "hi"}], "n": 2, "seed": 5, "temperature": 3,
        "top_k": 0, "top_p": 1, "max_tokens": 12, "stream_options": {"include_usage": true}});
    let (_, whole) = post(&server, &body).await;
    let chunks = Events::post(&server, body).await.chunks().await;
    for index in 0..2 {
        let own: Vec<&Value> = chunks
            .iter()
            .flat_map(|chunk| chunk["choices"].as_array().unwrap())
            .filter(|choice| choice["index"] == index)
            .collect();
        let text: String = own.iter().filter_map(|choice| choice["delta"]["content"].as_str()).collect();
        assert_eq!(whole["choices"][index]["message"]["content"], text);
        assert_eq!(own.last().unwrap()["finish_reason"], whole["choices"][index]["finish_reason"]);
    }
    assert_eq!(chunks.last().unwrap()["usage"]["completion_tokens"], whole["usage"]["completion_tokens"]);

    let body =
        json!({"prompt": "def f", "n": 2, "best_of": 2, "seed": 1, "temperature": 3, "top_k": 0, "top_p": 1});
    let (status, whole) = post_to(&server, "/v1/completions", &body).await;
    assert_eq!((status, whole["choices"].as_array().unwrap().len()), (200, 2), "{whole}");
    let chunks = Events::post_to(&server, "/v1/completions", body).await.chunks().await;
    for index in 0..2 {
        let choices = chunks.iter().flat_map(|chunk| chunk["choices"].as_array().unwrap());
        let own = choices.filter(|choice| choice["index"] == index);
        let text: String = own.filter_map(|choice| choice["text"].as_str()).collect();
        assert_eq!(whole["choices"][index]["text"], text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_packages_parse_what_they_asked_for() {
    let server = Server::start(&[]);
    ready(&server).await;
    let urls = [server.url("/v1"), server.url("")];
    tokio::task::spawn_blocking(move || {
        conformance::check("openai", "openai_structured", &[&urls[0]]);
        conformance::check("anthropic", "anthropic_structured", &[&urls[1]]);
    })
    .await
    .unwrap();
}
