//! The app without its window: what the load dialog, the gauge and the views ask for, against a real worker.
#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};
use shorn_desktop::{
    Added, Agent, AgentStatus, ChatEvent, ChatMessage, ChatRole, Desktop, ErrorCode, LoadRequest, ModelPhase,
    ModelState, PortCheck, Removed, ServerState, Start,
};
use shorn_tests::server::{
    RANDOM_MODEL, add_random_model, copy_folder, free_port, never_ends, random_model, shorn,
};
use support::eventually;

/// A desktop with a data folder, a home and a port of its own.
struct App {
    desktop: Desktop,
    folder: tempfile::TempDir,
    port: u16,
}

impl App {
    fn new() -> Self {
        Self::with(shorn(), &json!({}))
    }

    fn with(worker: PathBuf, settings: &Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let data = folder.path().join("data");
        fs::create_dir(&data).unwrap();
        add_random_model(&data);
        let mut all = json!({"port": port, "folders": {
            "own": data.join("models"), "hugging_face": data.join("hub"), "lm_studio": data.join("lm-studio"),
        }});
        all.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        fs::write(data.join("app.json"), all.to_string()).unwrap();
        let home = folder.path().to_owned();
        let desktop = Desktop::new(Start { data_directory: data, home, worker }).unwrap();
        Self { desktop, folder, port }
    }

    /// With the server started.
    async fn serving() -> Self {
        let app = Self::new();
        app.desktop.start_server().await.unwrap();
        app
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The folder of the model with random weights, as the library says.
    async fn random(&self) -> String {
        self.in_library(RANDOM_MODEL).await
    }

    /// A model's folder, as the library says.
    async fn in_library(&self, name: &str) -> String {
        let library = self.desktop.library().await.unwrap();
        let model = library.models.iter().find(|model| model.name == name).unwrap();
        model.directory.display().to_string()
    }

    /// Loads the random model as the dialog would, with some of its fields.
    async fn load(&self, load: Value) -> ModelState {
        let request = self.request(load, json!({})).await;
        self.desktop.load(request).await.unwrap()
    }

    async fn request(&self, load: Value, sampling: Value) -> LoadRequest {
        let model = self.random().await;
        let request =
            json!({"model": model, "settings": {"load": load, "sampling": sampling}, "anyway": false});
        serde_json::from_value(request).unwrap()
    }

    fn model(&self) -> ModelState {
        self.desktop.snapshot().runtime.model.unwrap()
    }

    /// A chat completion over HTTP, as long as it may be.
    async fn complete(&self, body: &Value) -> Value {
        let mut whole =
            json!({"messages": [{"role": "user", "content": "Hello."}], "logit_bias": never_ends()});
        whole.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        let url = format!("http://127.0.0.1:{}/v1/chat/completions", self.port);
        reqwest::Client::new().post(url).json(&whole).send().await.unwrap().json().await.unwrap()
    }
}

fn quantized(key_bits: u32, value_bits: u32, group_size: u32, start: u32) -> Value {
    json!({"quantized": {"key_bits": key_bits, "value_bits": value_bits, "group_size": group_size, "start": start}})
}

#[tokio::test]
async fn the_context_length_of_the_dialog_is_that_of_the_worker() {
    let app = App::serving().await;
    let ModelPhase::Ready(loaded) = app.load(json!({"context_length": 777})).await.phase else {
        panic!("loaded")
    };
    assert_eq!(loaded.context_length, 777);
    let reply = app.complete(&json!({"messages": [{"role": "user", "content": "word ".repeat(2000)}]})).await;
    assert_eq!(reply["error"]["code"], "context_length_exceeded", "{reply}");
}

#[tokio::test]
async fn bits_and_group_size_of_the_dialog_are_those_of_the_live_cache() {
    let app = App::serving().await;
    for (keys, values, group) in [(8, 8, 64), (6, 6, 64), (4, 4, 32), (3, 3, 64), (2, 2, 32), (8, 4, 32)] {
        app.load(json!({"kv": quantized(keys, values, group, 0)})).await;
        let reply = app.complete(&json!({"max_tokens": 3})).await;
        let expected = json!({"quantized": {"key_bits": keys, "value_bits": values, "group_size": group}});
        assert_eq!(reply["shorn"]["report"]["kv"]["kind"], expected);
    }
    app.load(json!({"kv": "dense"})).await;
    let reply = app.complete(&json!({"max_tokens": 3})).await;
    assert_eq!(reply["shorn"]["report"]["kv"]["quantized_share"], 0.0);
}

#[tokio::test]
async fn the_cache_is_quantized_from_the_number_of_tokens_that_the_dialog_says() {
    let app = App::serving().await;
    app.load(json!({"kv": quantized(8, 8, 64, 100)})).await;
    let short = app.complete(&json!({"max_tokens": 4})).await;
    let long = app.complete(&json!({"max_tokens": 120})).await;
    let kind = |reply: &Value| reply["shorn"]["report"]["kv"]["kind"].clone();
    assert!(kind(&short).get("dense").is_some(), "{}", kind(&short));
    assert!(kind(&long).get("quantized").is_some(), "{}", kind(&long));
}

#[tokio::test]
async fn with_one_concurrent_request_the_second_waits() {
    let app = App::serving().await;
    app.load(json!({"max_concurrent": 1})).await;
    let body = json!({"max_tokens": 200});
    tokio::join!(app.complete(&body), app.complete(&body));
    let requests = app.desktop.snapshot().runtime.requests;
    let reports: Vec<_> = requests.iter().filter_map(|request| request.report.clone()).collect();
    let longest_wait = reports.iter().map(|report| report.queue_seconds).fold(0.0, f64::max);
    let shortest_decode = reports.iter().map(|report| report.decode_seconds).fold(f64::MAX, f64::min);
    assert!(
        longest_wait > shortest_decode / 2.0,
        "waited {longest_wait} s, the other took {shortest_decode} s"
    );
}

#[tokio::test]
async fn an_idle_model_is_unloaded_after_the_dialogs_time() {
    let app = App::serving().await;
    let state = app.load(json!({"idle_seconds": 1})).await;
    assert!(matches!(state.phase, ModelPhase::Ready(_)));
    eventually("it is unloaded", || async { matches!(app.model().phase, ModelPhase::Stopped { why: None }) })
        .await;
}

#[tokio::test]
async fn the_prompt_cache_budget_of_the_dialog_is_kept() {
    let app = App::serving().await;
    let prompt = json!({"messages": [{"role": "user", "content": "word ".repeat(200)}], "max_tokens": 2});
    for (budget, kept) in [(0_u64, false), (50_000_000, true)] {
        let ModelPhase::Ready(loaded) = app.load(json!({"prompt_cache_bytes": budget})).await.phase else {
            panic!("loaded")
        };
        assert_eq!(loaded.prompt_cache_bytes, budget);
        app.complete(&prompt).await;
        let again = app.complete(&prompt).await;
        let cached = again["shorn"]["report"]["cached_tokens"].as_u64().unwrap();
        assert_eq!(cached > 100, kept, "{cached} tokens came from a cache of {budget} bytes");
    }
}

#[tokio::test]
async fn the_seed_of_the_dialog_makes_answers_repeatable() {
    let app = App::serving().await;
    let request = app.request(json!({"prompt_cache_bytes": 0}), json!({"seed": 7})).await;
    app.desktop.load(request).await.unwrap();
    let text = |reply: Value| reply["choices"][0]["message"]["content"].clone();
    let body = json!({"max_tokens": 30, "temperature": 1.0});
    let (first, second) = (app.complete(&body).await, app.complete(&body).await);
    assert_eq!(first["shorn"]["sampling"]["seed"], 7);
    assert_eq!(first["shorn"]["sampling_origins"]["seed"], "saved");
    assert_eq!(text(first), text(second));
}

#[tokio::test]
async fn what_the_dialog_loaded_with_is_remembered_and_a_refused_load_changes_nothing() {
    let app = App::serving().await;
    app.load(json!({"context_length": 4096, "kv": quantized(8, 8, 64, 0)})).await;
    let model = app.random().await;
    let saved = app.desktop.saved_settings(&model).await.unwrap();
    assert_eq!(saved.load.context_length, Some(4096));

    // Its heads are 64 wide.
    let request = app.request(json!({"kv": quantized(8, 8, 128, 0)}), json!({})).await;
    let error = app.desktop.load(request).await.unwrap_err();
    assert_eq!((error.code, error.field.as_deref()), (ErrorCode::BadOption, Some("kv")));
    assert_eq!(app.desktop.saved_settings(&model).await.unwrap(), saved);
    assert_eq!(app.model().settings.context_length, 4096);
    assert_eq!(app.desktop.settings().recent.len(), 1);
}

#[tokio::test]
async fn what_does_not_fit_is_refused_with_figures_and_loaded_anyway_when_that_is_asked_for() {
    let app = App::serving().await;
    let mut request = app.request(json!({"memory_limit": 300_000_000}), json!({})).await;
    let error = app.desktop.load(request.clone()).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::DoesNotFit);
    assert!(error.message.contains("300.0 MB"), "{error}");
    assert!(app.desktop.snapshot().runtime.model.is_none());
    request.anyway = true;
    assert!(matches!(app.desktop.load(request).await.unwrap().phase, ModelPhase::Ready(_)));
}

#[tokio::test]
async fn with_the_guard_off_nothing_is_refused() {
    let app = App::with(shorn(), &json!({"guard": "off"}));
    let request = app.request(json!({"memory_limit": 300_000_000}), json!({})).await;
    assert!(matches!(app.desktop.load(request).await.unwrap().phase, ModelPhase::Ready(_)));
}

#[tokio::test]
async fn a_load_can_be_cancelled() {
    let folder = tempfile::tempdir().unwrap();
    let worker = folder.path().join("worker");
    fs::write(&worker, "#!/bin/sh\nexec sleep 60\n").unwrap();
    fs::set_permissions(&worker, fs::Permissions::from_mode(0o755)).unwrap();
    let app = App::with(worker, &json!({}));
    let request = app.request(json!({}), json!({})).await;
    let cancel = async {
        eventually("the load begins", || async { app.desktop.snapshot().runtime.model.is_some() }).await;
        app.desktop.cancel_load().await;
    };
    let (loaded, ()) = tokio::join!(app.desktop.load(request), cancel);
    assert_eq!(loaded.unwrap_err().code, ErrorCode::LoadCancelled);
    assert!(matches!(app.model().phase, ModelPhase::Stopped { why: None }));
}

#[tokio::test]
async fn the_estimate_is_what_a_full_cache_measures() {
    let app = App::serving().await;
    let model = app.random().await;
    // Long enough that a quantized cache outweighs the first chunk of a prompt, which is unquantized.
    let messages = json!([{"role": "user", "content": "word ".repeat(2600)}]);
    for kv in [json!("dense"), quantized(8, 8, 64, 0)] {
        let options = json!({"context_length": 8192, "kv": kv});
        let estimate =
            app.desktop.estimate(&model, serde_json::from_value(options.clone()).unwrap()).await.unwrap();
        app.load(options).await;
        let measured = app.model().memory;
        assert_close("weights", estimate.fit.weights, measured.weights);
        let reply = app.complete(&json!({"messages": messages, "max_tokens": 8192, "temperature": 0})).await;
        assert_eq!(reply["usage"]["total_tokens"], 8192, "{reply}");
        let allocated = reply["shorn"]["report"]["kv"]["bytes_allocated"].as_u64().unwrap();
        assert_close("KV", estimate.fit.kv, allocated);
    }
}

/// Within 3 %.
fn assert_close(what: &str, estimated: u64, measured: u64) {
    let ratio = estimated as f64 / measured as f64;
    assert!((0.97..=1.03).contains(&ratio), "{what}: {estimated} estimated, {measured} measured");
}

#[tokio::test]
async fn the_gauge_grows_at_every_sample_of_a_long_reply_and_says_what_the_api_says() {
    let app = App::serving().await;
    app.load(json!({"kv": quantized(8, 8, 64, 0)})).await;
    let url = format!("http://127.0.0.1:{}/api/status", app.port);
    let samples = Mutex::new(Vec::new());
    let sample = async {
        loop {
            let before = app.model().memory;
            let status: Value = reqwest::get(&url).await.unwrap().json().await.unwrap();
            let after = app.model().memory;
            // Between two equal looks nothing has moved.
            if before == after && before.kv_in_use > 0 {
                assert_eq!(status["model"]["memory"]["kv_in_use"], before.kv_in_use);
                samples.lock().unwrap().push(before.kv_in_use);
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    };
    let body = json!({"max_tokens": 2000, "temperature": 0});
    tokio::select! {
        reply = app.complete(&body) => assert_eq!(reply["usage"]["completion_tokens"], 2000),
        () = sample => {}
    }
    let samples = samples.lock().unwrap();
    assert!(samples.len() >= 3, "{samples:?}");
    assert!(samples.is_sorted_by(|a, b| a < b), "{samples:?}");
}

#[tokio::test]
async fn the_server_stops_starts_and_moves_with_its_port() {
    let app = App::serving().await;
    let answers =
        |port: u16| async move { reqwest::get(format!("http://127.0.0.1:{port}/api/status")).await.is_ok() };
    assert!(answers(app.port).await);
    app.desktop.stop_server().await;
    assert!(!answers(app.port).await);
    assert_eq!(app.desktop.snapshot().server, ServerState::Stopped);
    app.desktop.start_server().await.unwrap();
    let other = free_port();
    let Value::Object(change) = json!({"port": other}) else { unreachable!() };
    app.desktop.change_settings(change).await.unwrap();
    assert!(answers(other).await && !answers(app.port).await);
}

#[tokio::test]
async fn a_port_that_is_taken_is_named_with_its_holder_and_a_free_one() {
    let app = App::new();
    let _held = std::net::TcpListener::bind(("127.0.0.1", app.port)).unwrap();
    let PortCheck::Taken { holder, free_port, .. } = app.desktop.check_port(app.port) else {
        panic!("taken")
    };
    assert!(holder.contains(&std::process::id().to_string()), "{holder}");
    let error = app.desktop.start_server().await.unwrap_err();
    assert_eq!(error.code, ErrorCode::PortTaken { port: app.port, holder, free_port });
    assert!(matches!(app.desktop.snapshot().server, ServerState::Failed { .. }));
    let Value::Object(change) = json!({"port": free_port}) else { unreachable!() };
    app.desktop.change_settings(change).await.unwrap();
    app.desktop.start_server().await.unwrap();
}

#[tokio::test]
async fn at_start_the_last_model_is_loaded_and_a_missing_one_is_said() {
    let app = App::new();
    app.desktop.begin().await;
    assert_eq!(app.model().name, "shorn-embedded");
    assert!(matches!(app.desktop.snapshot().server, ServerState::Running { .. }));
    app.desktop.end().await;
    assert!(matches!(app.model().phase, ModelPhase::Stopped { .. }));

    let recent = json!([{"name": "org/gone", "directory": "/nowhere/gone"}]);
    let app = App::with(shorn(), &json!({"recent": recent}));
    app.desktop.begin().await;
    let problem = app.desktop.snapshot().problem.unwrap();
    assert_eq!(problem.code, ErrorCode::ModelNotFound);
    assert!(problem.message.contains("/nowhere/gone"), "{problem}");
}

#[tokio::test]
async fn settings_that_cannot_be_read_are_still_said_after_the_first_load() {
    let app = App::with(shorn(), &json!({"port": 0}));
    app.load(json!({})).await;
    let problem = app.desktop.snapshot().problem.unwrap();
    assert!(problem.message.contains("app.json.unreadable"), "{problem}");
}

#[tokio::test]
async fn a_model_is_deleted_unless_it_is_loaded_or_part_of_shorn() {
    let app = App::new();
    let folder = app.data().join("models/org/copy");
    copy_folder(&random_model(), &folder);
    let library = app.desktop.library().await.unwrap();
    assert_eq!(
        library.models.iter().map(|model| model.name.as_str()).collect::<Vec<_>>(),
        ["org/copy", RANDOM_MODEL, "shorn-embedded"]
    );
    let directory = folder.display().to_string();
    let request = json!({"model": directory, "settings": {}, "anyway": false});
    app.desktop.load(serde_json::from_value(request).unwrap()).await.unwrap();
    assert_eq!(app.model().name, "org/copy");
    assert_eq!(app.desktop.delete_model(&directory).await.unwrap_err().code, ErrorCode::ModelInUse);
    app.desktop.unload().await;
    assert!(app.desktop.delete_model(&directory).await.unwrap() > 400_000);
    assert!(!folder.exists() && app.desktop.settings().recent.is_empty());
    let embedded = app.in_library("shorn-embedded").await;
    assert_eq!(app.desktop.delete_model(&embedded).await.unwrap_err().code, ErrorCode::File);
}

#[tokio::test]
async fn agents_get_the_address_and_the_context_that_are_there_now() {
    let folder = tempfile::tempdir().unwrap();
    let mut app = App::serving().await;
    app.desktop = app.desktop.with_agent_environment(shorn_agents::Environment::with_home(folder.path()));
    for agent in Agent::ALL {
        assert_eq!(app.desktop.agent_config(agent).unwrap_err().code, ErrorCode::Unavailable);
    }
    app.load(json!({"context_length": 8192})).await;
    for agent in Agent::ALL {
        assert_eq!(app.desktop.connect_agent(agent).unwrap(), Added::Created);
    }
    let path = folder.path().join(".pi/agent/models.json");
    let written = fs::read_to_string(&path).unwrap();
    let config = app.desktop.agent_config(Agent::Pi).unwrap();
    assert_eq!(written, config.text());
    assert_eq!(config.command, "pi --provider shorn --model random-coder");
    let provider = &serde_json::from_str::<Value>(&written).unwrap()["providers"]["shorn"];
    assert_eq!(provider["baseUrl"], format!("http://127.0.0.1:{}/v1", app.port));
    assert_eq!(provider["models"][0]["contextWindow"], 8192);
    let all_are_current = |app: &App, current: bool| {
        let connected = AgentStatus::Connected { model: Some(RANDOM_MODEL.to_owned()), current };
        app.desktop.agents().iter().all(|agent| agent.status == connected)
    };
    assert!(all_are_current(&app, true), "{:?}", app.desktop.agents());
    app.load(json!({"context_length": 4096})).await;
    assert!(all_are_current(&app, false), "{:?}", app.desktop.agents());
    for agent in Agent::ALL {
        assert_eq!(app.desktop.disconnect_agent(agent).unwrap(), Removed::Deleted);
    }
    assert!(!path.exists());
}

#[tokio::test]
async fn a_chat_goes_through_the_server_and_a_stop_ends_it_with_its_record() {
    let app = App::serving().await;
    let question = [ChatMessage { role: ChatRole::User, content: "Hello.".to_owned() }];
    let error = app.desktop.chat(&question, |_| {}).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Unavailable);

    app.load(json!({"context_length": 256})).await;
    let mut events = Vec::new();
    app.desktop.chat(&question, |event| events.push(event)).await.unwrap();
    let Some(ChatEvent::Finished { request }) = events.last() else { panic!("{events:?}") };
    assert_eq!(
        (request.client.as_deref(), request.endpoint.as_str()),
        (Some("Shorn chat"), "/v1/chat/completions")
    );
    assert!(events.iter().any(|event| matches!(event, ChatEvent::Content { .. })));

    // At temperature 0 its answer to this is a long one.
    let request = app.request(json!({}), json!({"temperature": 0})).await;
    app.desktop.load(request).await.unwrap();
    let mut events = Vec::new();
    let on_event = |event| {
        app.desktop.stop_chat();
        events.push(event);
    };
    app.desktop.chat(&question, on_event).await.unwrap();
    let Some(ChatEvent::Finished { request }) = events.last() else { panic!("{events:?}") };
    assert_eq!(request.finish, "cancelled");
}

/// What the eval's tests run with.
const PYTEST: &str = include_str!("eval/requirements.txt");

#[tokio::test]
async fn an_eval_is_started_once_followed_stopped_and_kept() {
    let mut app = App::serving().await;
    let python = shorn_hub_tests::python::environment("pytest", PYTEST).unwrap();
    let path =
        std::env::join_paths([python.parent().unwrap(), "/usr/bin".as_ref(), "/bin".as_ref()]).unwrap();
    let environment = shorn_agents::Environment::with_home(app.folder.path()).with_search_path(path);
    app.desktop = app.desktop.with_agent_environment(environment);
    let setup = app.desktop.eval_setup().await.unwrap();
    assert_eq!(setup.missing, Vec::<String>::new());
    assert!(setup.tasks.len() >= 12);

    let request = json!({"agent": "built_in", "tasks": [], "kv": [quantized(8, 8, 64, 0)]});
    let request = || serde_json::from_value(request.clone()).unwrap();
    let unloaded = app.desktop.start_eval(request()).await.unwrap_err();
    assert_eq!(unloaded.code, ErrorCode::Unavailable, "{unloaded}");
    app.load(json!({"context_length": 16384})).await;
    app.desktop.start_eval(request()).await.unwrap();
    let again = app.desktop.start_eval(request()).await.unwrap_err();
    assert!(again.message.contains("runs already"), "{again}");
    let first_turn = || {
        let eval = app.desktop.snapshot().eval?;
        eval.current.filter(|current| current.turns > 0)
    };
    eventually("the model is asked", || async { first_turn().is_some() }).await;

    app.desktop.cancel_eval();
    eventually("the run is kept", || async { !app.desktop.evals().await.unwrap().is_empty() }).await;
    let runs = app.desktop.evals().await.unwrap();
    let shown = app.desktop.snapshot().eval.unwrap().run;
    assert_eq!((runs.len(), &runs[0]), (1, &shown));
    assert_eq!(serde_json::to_value(&shown.end).unwrap(), json!({"kind": "cancelled"}));
    // A run that was stopped says nothing of the KV cache.
    let last = app.desktop.last_eval(RANDOM_MODEL, shown.settings[0].kv).await.unwrap();
    assert_eq!(last, None);
    app.desktop.delete_eval(&shown.id).await.unwrap();
    assert!(app.desktop.evals().await.unwrap().is_empty());
}
