//! The real window: what only the whole app can show.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

use std::time::Duration;

use serde_json::{Value, json};
use shorn_hub_tests::{FakeHub, Fault};
use shorn_tests::server::{never_ends, random_model, shorn, shorn_app};
use shorn_tests::session::Session;
use shorn_tests::window::Window;

const NAVIGATION: &str = "nav";
const DIALOG: &str = "[role=dialog]";

#[tokio::test]
async fn a_person_loads_a_model_with_an_8_bit_cache_connects_pi_and_quits() {
    let window = Window::open_in(Session::with_random_model(&json!({"load_at_start": false})), &[]).await;

    // The load dialog, with an 8-bit KV cache from the first token.
    window.press(NAVIGATION, "Models").await;
    window.wait_for_text("random-coder").await;
    window.press("main", "Load: random-coder").await;
    window.wait_for(DIALOG).await;
    window.press(DIALOG, "KV cache quantization").await;
    window.fill(DIALOG, "Start quantizing at", "0").await;
    window.press(DIALOG, "Load").await;
    let loaded = eventually(async || status(&window.session).await["model"]["phase"]["phase"] == "ready");
    assert!(loaded.await, "{}", window.text().await);
    let kv = json!({"quantized": {"key_bits": 8, "value_bits": 8, "group_size": 64, "start": 0}});
    assert_eq!(status(&window.session).await["model"]["settings"]["kv"], kv);

    // A request over HTTP: the gauge shows its cache while it runs, the table the request when it has ended.
    window.press(NAVIGATION, "Home").await;
    window.wait_for_text("8-bit").await;
    let body = json!({"messages": [{"role": "user", "content": "Hello."}], "max_tokens": 2000, "logit_bias": never_ends()});
    let url = format!("http://127.0.0.1:{}/v1/chat/completions", window.session.port);
    let request = reqwest::Client::new().post(url).header("user-agent", "smoke/1.0").json(&body).send();
    let gauge =
        "const kv = document.querySelector('[data-segment=kv]'); return Boolean(kv) && kv.offsetWidth > 0";
    let (reply, shown) = tokio::join!(request, window.eventually(gauge, Vec::new()));
    assert!(shown, "the gauge has no KV segment:\n{}", window.text().await);
    let reply: Value = reply.unwrap().json().await.unwrap();
    assert_eq!(reply["shorn"]["report"]["kv"]["kind"]["quantized"]["key_bits"], 8);
    window.wait_for_text("smoke").await;

    // Pi's file.
    window.press(NAVIGATION, "Connect").await;
    window.press("main", "Add to my Pi").await;
    let file = window.session.home.join(".pi/agent/models.json");
    assert!(eventually(async || file.is_file()).await, "{}", window.text().await);
    let written: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let provider = &written["providers"]["shorn"];
    assert_eq!(provider["baseUrl"], format!("http://127.0.0.1:{}/v1", window.session.port));
    assert_eq!(provider["models"][0]["id"], "random-coder");

    // The eval's tasks, which the shell knows.
    window.press(NAVIGATION, "Eval").await;
    window.wait_for_text("12 of 12 tasks").await;
    window.wait_for_text("None yet.").await;

    // Quitting leaves nothing behind.
    let session = &window.session;
    let app = session.processes_of("shorn-app");
    assert_eq!((app.len(), session.processes_of("shorn").len()), (1, 1), "the app and its worker");
    terminate(app[0]);
    let ended = eventually(async || session.processes().is_empty()).await;
    assert!(ended, "left behind: {}", left_behind(session));
}

#[tokio::test]
async fn a_chat_and_every_view_work_in_the_real_web_view() {
    // At temperature 0 its answer to this is a long one.
    let session = Session::with_random_model(&json!({}));
    let settings = session.home.join("data/settings");
    std::fs::create_dir(&settings).unwrap();
    let saved = json!({"sampling": {"temperature": 0}});
    std::fs::write(settings.join("random-coder.json"), saved.to_string()).unwrap();
    let window = Window::open_in(session, &[]).await;
    window.wait_for_text("random-coder").await;
    window.press(NAVIGATION, "Chat").await;
    window.fill("main", "Message", "Hello.").await;
    window.press("main", "Send").await;
    let begun = "return (document.querySelector('[role=log]')?.innerText.length ?? 0) > 100";
    assert!(window.eventually(begun, Vec::new()).await, "no answer:\n{}", window.text().await);
    window.press("main", "Stop").await;
    window.wait_for_text("tok/s").await;
    window.press(NAVIGATION, "Settings").await;
    window.wait_for_text("Launch at login").await;
    window.press(NAVIGATION, "Connect").await;
    window.wait_for_text("models.json").await;
}

#[tokio::test]
async fn the_menu_says_what_is_served_and_does_what_it_says() {
    let session = Session::start(&json!({}));
    let tray = session.tray_host();
    let mut app = session.command(shorn_app());
    let mut app = app.arg("--hidden").arg("--worker").arg(shorn()).spawn().unwrap();
    tray.wait_for(&format!("Server: running on port {}", session.port));
    tray.wait_for("shorn-embedded, KV cache unquantized");
    tray.wait_for("Memory: ");
    assert!(session.processes_of("WebKit").is_empty(), "a hidden start has no web view");

    // A second start ends at once and shows the window of the first.
    let second = session.command(shorn_app()).arg("--worker").arg(shorn()).status().unwrap();
    assert!(second.success());
    assert!(eventually(async || session.has_window()).await, "no window");
    // Closing it hides it. A window that is still being made does not hear that it is to close: press again.
    let closed = eventually(async || {
        session.close_window();
        !session.has_window()
    });
    assert!(closed.await, "the window is still there");
    assert!(session.status().await.is_some(), "the app has ended with its window");

    tray.choose("Stop Server");
    tray.wait_for("Server: stopped");
    assert!(session.status().await.is_none());
    tray.choose("Start Server");
    tray.wait_for("Server: running");
    tray.choose("Unload Model");
    tray.wait_for("shorn-embedded: unloaded");
    // The recent models are below their own line, and the embedded one is the only one.
    let recent = tray.menu().into_iter().filter(|(_, line)| line == "shorn-embedded").count();
    assert_eq!(recent, 1);
    tray.choose("Quit Shorn");
    let ended = eventually(async || session.processes().is_empty()).await;
    assert!(ended, "left behind: {}", left_behind(&session));
    assert!(app.wait().unwrap().success());
}

#[tokio::test]
async fn without_an_icon_closing_the_window_quits() {
    let session = Session::start(&json!({}));
    let mut app = session.command(shorn_app());
    let mut app = app.arg("--no-tray").arg("--worker").arg(shorn()).spawn().unwrap();
    assert!(eventually(async || session.has_window()).await, "no window");
    assert!(eventually(async || session.status().await.is_some()).await, "no server");
    let ended = eventually(async || {
        session.close_window();
        session.processes().is_empty()
    });
    let ended = ended.await;
    assert!(ended, "left behind: {}", left_behind(&session));
    assert!(app.wait().unwrap().success());
}

#[tokio::test]
async fn a_person_finds_downloads_and_loads_a_model() {
    let hub = FakeHub::start().await.unwrap();
    hub.add_folder("mlx-community/Tiny-4bit", &random_model()).unwrap();
    let window = Window::open(&json!({"load_at_start": false}), &[("HF_ENDPOINT", &hub.endpoint())]).await;
    window.press(NAVIGATION, "Models").await;
    window.fill("main", "Words of the name", "tiny").await;
    window.press("main", "Download: mlx-community/Tiny-4bit").await;
    window.press("main", "Load: mlx-community/Tiny-4bit").await;
    window.wait_for(DIALOG).await;
    window.press(DIALOG, "Load").await;
    let loaded =
        eventually(async || status(&window.session).await["model"]["name"] == "mlx-community/Tiny-4bit");
    assert!(loaded.await, "{}", window.text().await);
    let refs = window.session.home.join("hub/models--mlx-community--Tiny-4bit/refs/main");
    assert!(refs.is_file(), "it is not in the Hugging Face cache");
}

#[tokio::test]
async fn a_download_is_in_the_menu_while_it_runs_and_announced_when_it_is_done() {
    let hub = FakeHub::start().await.unwrap();
    hub.add_folder("mlx-community/Tiny-4bit", &random_model()).unwrap();
    hub.fail(Fault::BytesPerSecond(200_000));
    let session = Session::start(&json!({}));
    let (tray, notifications) = (session.tray_host(), session.notification_host());
    let mut app = session.command(shorn_app());
    app.env("HF_ENDPOINT", hub.endpoint()).arg("--hidden").arg("--worker").arg(shorn());
    let mut app = app.spawn().unwrap();
    tray.wait_for("Server: running");
    let url = format!("http://127.0.0.1:{}/api/models/download", session.port);
    let body = json!({"model": "mlx-community/Tiny-4bit"});
    let begun = reqwest::Client::new().post(url).json(&body).send().await.unwrap();
    assert_eq!(begun.status(), 200);
    tray.wait_for("Downloading Tiny-4bit");
    hub.heal();
    let told = || notifications.shown().iter().any(|text| text.contains("mlx-community/Tiny-4bit is ready"));
    assert!(eventually(async || told()).await, "{:?}", notifications.shown());
    let in_menu = || tray.menu().iter().any(|(_, line)| line.contains("Downloading"));
    assert!(eventually(async || !in_menu()).await, "{:?}", tray.menu());
    tray.choose("Quit Shorn");
    assert!(app.wait().unwrap().success());
}

/// The processes that are there, by name and state.
fn left_behind(session: &Session) -> String {
    let status =
        |process: &u32| std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let lines = |text: String| text.lines().take(3).collect::<Vec<_>>().join(", ");
    session.processes().iter().map(|process| lines(status(process)) + "; ").collect()
}

fn terminate(process: u32) {
    assert!(std::process::Command::new("kill").arg(process.to_string()).status().unwrap().success());
}

async fn status(session: &Session) -> Value {
    session.status().await.unwrap()
}

async fn eventually(holds: impl AsyncFn() -> bool) -> bool {
    for _ in 0..600 {
        if holds().await {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    false
}
