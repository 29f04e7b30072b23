//! `cargo xtask screenshots`: every view of the running app, light and dark, into `docs/images`.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a broken run may panic")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use shorn_tests::window::Window;

#[tokio::test]
#[ignore = "writes docs/images; run it with `cargo xtask screenshots`"]
async fn every_view_light_and_dark() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/images");
    std::fs::create_dir_all(&folder).unwrap();
    for (scheme, theme) in [("light", "Adwaita"), ("dark", "Adwaita:dark")] {
        let pictures = Pictures { folder: folder.clone(), scheme };
        let theme = [("GTK_THEME", theme), ("GDK_SCALE", "2")];
        let window = Window::open(&json!({"first_start_done": false}), &theme).await;
        pictures.take(&window, "first-start").await;
        drop(window);

        // A limit that is small enough for a small model to be seen.
        let window = Window::open(&json!({"memory_limit": 2_000_000_000_u64, "port": 1234}), &theme).await;
        window.wait_for_text("shorn-embedded").await;
        for words in [400, 1200] {
            complete(&window, words, 64).await;
        }
        let (_, ()) = tokio::join!(complete(&window, 3000, 200), async {
            tokio::time::sleep(Duration::from_secs(16)).await;
            pictures.take(&window, "home").await;
        });
        window.press("nav", "Models").await;
        window.wait_for_text("Built in").await;
        pictures.take(&window, "models").await;
        window.press("main", "Options: shorn-embedded").await;
        window.press("[role=dialog]", "KV cache quantization").await;
        window.wait_for_text("KV cache per token").await;
        pictures.take(&window, "load").await;
        window.press("[role=dialog]", "Cancel").await;
        window.press("nav", "Connect").await;
        window.wait_for_text("models.json").await;
        pictures.take(&window, "connect").await;
        window.press("nav", "Chat").await;
        window.fill("main", "Message", "Write a haiku about yaks.").await;
        window.press("main", "Send").await;
        window.wait_for_text("tok/s").await;
        pictures.take(&window, "chat").await;
        window.press("nav", "Settings").await;
        window.wait_for_text("Launch at login").await;
        pictures.take(&window, "settings").await;
    }
}

/// Where pictures go, and what they are called.
struct Pictures {
    folder: PathBuf,
    scheme: &'static str,
}

impl Pictures {
    async fn take(&self, window: &Window, view: &str) {
        // What moves comes to rest.
        tokio::time::sleep(Duration::from_millis(600)).await;
        let picture = window.session.picture();
        std::fs::write(self.folder.join(format!("{view}-{}.png", self.scheme)), picture).unwrap();
    }
}

async fn complete(window: &Window, words: usize, tokens: u32) {
    let messages = json!([{"role": "user", "content": "word ".repeat(words)}]);
    let body =
        json!({"messages": messages, "max_tokens": tokens, "temperature": 0, "kv_bits": 8, "kv_start": 0});
    let url = format!("http://127.0.0.1:{}/v1/chat/completions", window.session.port);
    let request = reqwest::Client::new().post(url).header("user-agent", "pi/1.5.2").json(&body);
    let _: Value = request.send().await.unwrap().json().await.unwrap();
}
