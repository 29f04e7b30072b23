//! What a request says when it reuses less of the KV cache than it could: each single change is named for what it is.
#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

mod support;

use std::fs;

use serde_json::{Value, json};
use shorn_tests::script::{Answer, Script};
use shorn_tests::server::{Server, random_model};
use support::{Events, copy_random_model, get, post, post_to, ready, running};

/// A conversation in which another server's model has called a tool.
fn conversation() -> Value {
    let words = |what: &str| format!("{what}. ").repeat(20);
    let arguments = r#"{"path":"a.rs","limit":10,"note":"x"}"#;
    let call =
        json!({"id": "call_1", "type": "function", "function": {"name": "read", "arguments": arguments}});
    json!({
        "max_tokens": 200, "temperature": 0, "seed": 1,
        "messages": [
            {"role": "system", "content": words("You are a coding agent")},
            {"role": "user", "content": words("Read the file")},
            {"role": "assistant", "content": "I read it.", "reasoning_content": "A file, then.", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call_1", "content": words("fn main")},
            {"role": "user", "content": words("Go on")},
        ],
        "tools": [tool("read", "Reads a file."), tool("write", "Writes a file.")],
    })
}

fn tool(name: &str, description: &str) -> Value {
    let properties =
        json!({"path": {"type": "string", "description": "Where."}, "limit": {"type": "number"}});
    let parameters = json!({"type": "object", "properties": properties});
    json!({"type": "function", "function": {"name": name, "description": description, "parameters": parameters}})
}

fn answer() -> Script {
    Script { engine: true, ..Script::letters(["It is done, and the file is as it should be."]) }
}

/// A server whose model has another template, and a scripted worker.
fn with_template(change: impl Fn(String) -> String, script: &Script) -> (tempfile::TempDir, Server) {
    let folder = tempfile::tempdir().unwrap();
    copy_random_model(folder.path());
    let template = fs::read_to_string(random_model().join("chat_template.jinja")).unwrap();
    fs::write(folder.path().join("chat_template.jinja"), change(template)).unwrap();
    let server = Server::scripted(script, &["--model", folder.path().to_str().unwrap()]);
    (folder, server)
}

/// The random model's template, with the reasoning of all replies.
fn keeping_reasoning(template: String) -> String {
    let reply = "'<|im_start|>assistant\\n' + (message.content or '')";
    let reasoning = "'<|im_start|>assistant\\n<think>\\n' + (message.reasoning_content or '') + '\\n</think>\\n\\n' + \
                     (message.content or '')";
    assert!(template.contains(reply));
    template.replace(reply, reasoning)
}

/// What a second request says of the cache that is the first one, changed, as part of the session `name`.
async fn second(server: &Server, name: &str, change: impl FnOnce(&mut Value)) -> Value {
    let mut body = conversation();
    body["prompt_cache_key"] = json!(name);
    let (status, first) = post(server, &body).await;
    assert_eq!(
        (status, &first["shorn"]["cache"]),
        (200, &Value::Null),
        "{name}: the first has none before it"
    );
    // What this conversation adds is of no interest: the reply comes back as it was sent.
    body["messages"].as_array_mut().unwrap().push(first["choices"][0]["message"].clone());
    body["messages"].as_array_mut().unwrap().push(json!({"role": "user", "content": "And now?"}));
    change(&mut body);
    let (status, second) = post(server, &body).await;
    assert_eq!(status, 200, "{name}: {second}");
    second["shorn"]["cache"].clone()
}

/// The cause and where it is.
#[track_caller]
fn assert_named(cache: &Value, cause: &str, field: Option<&str>) {
    let miss = &cache["miss"];
    assert_eq!((&miss["cause"], &miss["field"]), (&json!(cause), &json!(field)), "{cache:#}");
    assert!(miss["lost_tokens"].as_u64().unwrap() > 0 && !miss["explanation"].as_str().unwrap().is_empty());
}

#[tokio::test]
async fn a_session_that_only_goes_on_misses_nothing() {
    let server = Server::scripted(&answer(), &[]);
    ready(&server).await;
    let cache = second(&server, "goes on", |_| {}).await;
    assert_eq!(cache["miss"], Value::Null, "{cache:#}");
    assert_eq!(cache["recognised_by"], "session_id");
    assert_eq!(cache["unchanged_tokens"], cache["known_tokens"]);
    assert_eq!(cache["cached_tokens"], cache["known_tokens"]);
    let spaces = |body: &mut Value| {
        let arguments = r#"{ "path": "a.rs", "limit": 10, "note": "\u0078" }"#;
        body["messages"][2]["tool_calls"][0]["function"]["arguments"] = json!(arguments);
    };
    assert_eq!(second(&server, "spaces in arguments", spaces).await["miss"], Value::Null);
}

#[tokio::test]
async fn each_single_change_in_a_request_is_named() {
    type Change = fn(&mut Value);
    let changes: [(&str, Option<&str>, Change); 17] = [
        ("system_changed", Some("messages[0].content"), |body| replace(body, 0, "coding", "careful")),
        ("message_changed", Some("messages[1].content"), |body| replace(body, 1, "the file", "a file")),
        ("message_changed", Some("messages[3].content"), |body| replace(body, 3, "main", "start")),
        ("white_space", Some("messages[1].content"), |body| replace(body, 1, ". ", ".  ")),
        ("reply_changed", Some("messages[5].content"), |body| replace(body, 5, "It is", "Is it")),
        ("argument_order", Some("messages[2].tool_calls[0].arguments"), |body| {
            arguments(body, r#"{"note":"x","path":"a.rs","limit":10}"#);
        }),
        ("number_format", Some("messages[2].tool_calls[0].arguments"), |body| {
            arguments(body, r#"{"path":"a.rs","limit":10.0,"note":"x"}"#);
        }),
        ("arguments_changed", Some("messages[2].tool_calls[0].arguments"), |body| {
            arguments(body, r#"{"path":"b.rs","limit":10,"note":"x"}"#);
        }),
        ("tool_order", Some("tools[0]"), |body| body["tools"].as_array_mut().unwrap().swap(0, 1)),
        ("tool_list", Some("tools[2]"), |body| {
            body["tools"].as_array_mut().unwrap().push(tool("edit", "Edits."));
        }),
        ("tool_list", Some("tools[1]"), |body| _ = body["tools"].as_array_mut().unwrap().pop()),
        ("tool_schema", Some("tools[1].function.parameters.properties.path.description"), |body| {
            body["tools"][1]["function"]["parameters"]["properties"]["path"]["description"] =
                json!("Whither.");
        }),
        ("tool_schema", Some("tools[0].function.parameters.properties"), |body| {
            let path = json!({"type": "string", "description": "Where."});
            let properties = json!({"limit": {"type": "number"}, "path": path});
            body["tools"][0]["function"]["parameters"]["properties"] = properties;
        }),
        ("message_inserted", Some("messages[1]"), |body| {
            messages(body).insert(1, json!({"role": "user", "content": "By the way."}));
        }),
        ("message_removed", Some("messages[1]"), |body| _ = messages(body).remove(1)),
        ("compaction", Some("messages[1]"), |body| {
            messages(body).drain(1..);
            messages(body).push(json!({"role": "user", "content": "What happened so far: a file was read."}));
        }),
        ("kv_changed", None, |body| {
            body["kv_bits"] = json!(8);
            body["kv_start"] = json!(0);
        }),
    ];
    let server = Server::scripted(&answer(), &[]);
    ready(&server).await;
    for (index, (cause, field, change)) in changes.into_iter().enumerate() {
        let cache = second(&server, &format!("{index} {cause}"), change).await;
        assert_named(&cache, cause, field);
    }
}

fn messages(body: &mut Value) -> &mut Vec<Value> {
    body["messages"].as_array_mut().unwrap()
}

fn replace(body: &mut Value, message: usize, old: &str, new: &str) {
    let content = &mut body["messages"][message]["content"];
    let text = content.as_str().unwrap();
    assert!(text.contains(old), "{text}");
    *content = json!(text.replacen(old, new, 1));
}

fn arguments(body: &mut Value, arguments: &str) {
    body["messages"][2]["tool_calls"][0]["function"]["arguments"] = json!(arguments);
}

#[tokio::test]
async fn the_text_around_a_difference_is_shown_as_it_was_and_is_and_not_logged() {
    let server = Server::scripted(&answer(), &[]);
    ready(&server).await;
    let cache = second(&server, "excerpt", |body| replace(body, 1, "the file", "a secret")).await;
    let shown = |name: &str| cache["miss"][name].as_str().unwrap().to_owned();
    assert!(
        shown("before").starts_with("Read the file.") && shown("now").starts_with("Read a secret."),
        "{cache}"
    );
    assert!(shown("before").chars().count() < 100);
    server.wait_for_log("cache miss: message_changed at messages[1].content, ");
    let log = server.log();
    assert!(!log.contains("secret") && !log.contains("Read the file"), "{log}");
    let (_, status) = get(&server, "/api/status").await;
    assert_eq!(status["requests"][0]["cache"], cache);
}

#[tokio::test]
async fn what_is_unchanged_is_counted_up_to_the_change() {
    let server = Server::scripted(&answer(), &[]);
    ready(&server).await;
    let early = second(&server, "early", |body| replace(body, 1, "the file", "a file")).await;
    let late = second(&server, "late", |body| replace(body, 3, "main", "start")).await;
    let unchanged = |cache: &Value| cache["unchanged_tokens"].as_u64().unwrap();
    assert!(
        unchanged(&early) < unchanged(&late) && unchanged(&late) < late["known_tokens"].as_u64().unwrap()
    );
    for cache in [early, late] {
        assert!(cache["cached_tokens"].as_u64().unwrap() * 100 >= unchanged(&cache) * 95, "{cache}");
    }
}

#[tokio::test]
async fn reasoning_that_a_client_drops_from_a_reply_of_another_server_is_named() {
    let (_folder, server) = with_template(keeping_reasoning, &answer());
    ready(&server).await;
    let drop =
        |body: &mut Value| _ = body["messages"][2].as_object_mut().unwrap().remove("reasoning_content");
    assert_named(&second(&server, "a", drop).await, "reasoning_dropped", Some("messages[2].reasoning"));
    let change = |body: &mut Value| body["messages"][2]["reasoning_content"] = json!("Two files, then.");
    assert_named(&second(&server, "b", change).await, "reasoning_changed", Some("messages[2].reasoning"));
}

#[tokio::test]
async fn reasoning_that_a_template_drops_is_named() {
    let script = Script {
        engine: true,
        ..Script::letters(["<think>\nI think a while about this file.\n</think>\n\nIt is done."])
    };
    let thinks = |template: String| template + "{# <think> and </think> #}";
    let (_folder, server) = with_template(thinks, &script);
    ready(&server).await;
    let cache = second(&server, "template", |_| {}).await;
    assert_named(&cache, "reasoning_dropped", Some("messages[5].reasoning"));
    assert!(
        cache["cached_tokens"].as_u64().unwrap() * 100 >= cache["unchanged_tokens"].as_u64().unwrap() * 95
    );
}

#[tokio::test]
async fn a_template_that_writes_the_time_is_named() {
    let clock = |template: String| {
        "{{- '<|im_start|>system\\nNow: ' + strftime_now('%H:%M:%S.%f') + '<|im_end|>\\n' }}".to_owned()
            + &template
    };
    let (_folder, server) = with_template(clock, &answer());
    ready(&server).await;
    let cache = second(&server, "time", |_| {}).await;
    assert_named(&cache, "template_date", None);
    assert!(cache["miss"]["now"].as_str().unwrap().contains(": "), "{cache}");
}

#[tokio::test]
async fn a_template_that_moves_something_and_one_with_settings_are_named() {
    let moves = |template: String| {
        template.replace(
            "'<|im_start|>user\\n' + message.content",
            "('Last:' if loop.revindex <= 2 else '') + '<|im_start|>user\\n' + message.content",
        )
    };
    let (_folder, server) = with_template(moves, &answer());
    ready(&server).await;
    assert_named(&second(&server, "moves", |_| {}).await, "template_rewrites", None);

    let effort = |template: String| {
        "{{- '<|im_start|>system\\nEffort: ' + (reasoning_effort or 'none') + '<|im_end|>\\n' }}".to_owned()
            + &template
    };
    let (_folder, server) = with_template(effort, &answer());
    ready(&server).await;
    let change = |body: &mut Value| body["reasoning_effort"] = json!("high");
    let cache = second(&server, "effort", change).await;
    assert_named(&cache, "template_settings", Some("chat_template_kwargs.reasoning_effort"));
}

#[tokio::test]
async fn a_cache_that_was_given_up_is_named() {
    let forgetting = Answer { forget: true, ..Answer::text("It is done.") };
    let answers = vec![Answer::text("It is done."), forgetting];
    let script = Script { answers, engine: true, ..Script::default() };
    let server = Server::scripted(&script, &[]);
    ready(&server).await;
    let cache = second(&server, "scripted", |_| {}).await;
    assert_named(&cache, "evicted", None);
    assert_eq!(cache["cached_tokens"], 0);
    // The real engine without room for any cache.
    let server = Server::start(&["--prompt-cache", "0"]);
    ready(&server).await;
    assert_named(&second(&server, "real", |body| body["max_tokens"] = json!(4)).await, "evicted", None);
}

#[tokio::test]
async fn another_model_and_one_that_was_loaded_again_are_named() {
    let server = Server::scripted(&answer(), &[]);
    copy_random_model(&server.home().join("models/org/Second"));
    ready(&server).await;
    let other = second(&server, "other", |body| body["model"] = json!("org/Second")).await;
    assert_named(&other, "other_model", None);

    let mut body = conversation();
    body["prompt_cache_key"] = json!("again");
    post(&server, &body).await;
    post_to(&server, "/api/models/unload", &json!({})).await;
    let (_, reply) = post(&server, &body).await;
    assert_named(&reply["shorn"]["cache"], "model_reloaded", None);
}

#[tokio::test]
async fn a_request_that_is_not_over_and_a_reply_that_was_cut_off_are_named() {
    let slow = Answer { token_ms: 50, ..Answer::text("It takes a while. ".repeat(30)) };
    let answers = vec![slow, Answer::text("It is done.")];
    let script = Script { answers, engine: true, ..Script::default() };
    let server = Server::scripted(&script, &[]);
    ready(&server).await;
    let mut body = conversation();
    body["prompt_cache_key"] = json!("running");
    let mut first = Events::post(&server, body.clone()).await;
    for _ in 0..3 {
        first.next().await.unwrap();
    }
    // The scripted worker answers one request at a time: the first ends while the second waits for its tokens.
    let second = tokio::spawn({
        let (url, body) = (server.url("/v1/chat/completions"), body.clone());
        async move {
            reqwest::Client::new().post(url).json(&body).send().await.unwrap().json::<Value>().await.unwrap()
        }
    });
    support::eventually("both are there", || async { running(&server).await == 2 }).await;
    drop(first);
    assert_named(&second.await.unwrap()["shorn"]["cache"], "still_running", None);

    let server = Server::scripted(
        &Script { engine: true, ..Script::letters(["It is done, and the file is as it should be. STOP"]) },
        &[],
    );
    ready(&server).await;
    let cut = second_with_stop(&server).await;
    assert_named(&cut, "reply_not_kept", Some("messages[5]"));
}

/// A session whose first reply was ended by a stop string.
async fn second_with_stop(server: &Server) -> Value {
    let mut body = conversation();
    body["stop"] = json!(["STOP"]);
    let (_, first) = post(server, &body).await;
    assert_eq!(first["choices"][0]["message"]["content"], "It is done, and the file is as it should be. ");
    messages(&mut body).push(first["choices"][0]["message"].clone());
    messages(&mut body).push(json!({"role": "user", "content": "And now?"}));
    let cache = post(server, &body).await.1["shorn"]["cache"].clone();
    assert_eq!(cache["recognised_by"], "same_beginning");
    cache
}

#[tokio::test]
async fn sessions_of_their_own_are_kept_apart() {
    let server = Server::scripted(&answer(), &[]);
    ready(&server).await;
    let mut body = conversation();
    body["prompt_cache_key"] = json!("one");
    post(&server, &body).await;
    body["prompt_cache_key"] = json!("two");
    assert_eq!(post(&server, &body).await.1["shorn"]["cache"], Value::Null);
    // A request for a title, with the session's id and nothing else in common.
    let title =
        json!({"prompt_cache_key": "one", "messages": [{"role": "user", "content": "A title, please."}]});
    assert_eq!(post(&server, &title).await.1["shorn"]["cache"], Value::Null);
}
