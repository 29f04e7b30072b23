//! The app's window, driven by WebDriver.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::{Value, json};

use crate::server::{free_port, shorn, shorn_app};
use crate::session::{PATIENCE, Session, cache};

/// The version that is installed for the tests.
const TAURI_DRIVER: &str = "2.1.0";

/// The running app, and what drives its window.
pub struct Window {
    /// Finds and presses what is in the window.
    pub client: Client,
    /// Where it runs. Ends after the driver.
    pub session: Session,
    _driver: Driver,
}

/// `tauri-driver` and the driver behind it.
struct Driver(Child);

impl Drop for Driver {
    fn drop(&mut self) {
        let group = format!("-{}", self.0.id());
        let _ = Command::new("kill").args(["-TERM", "--", &group]).status();
        let _ = self.0.wait();
    }
}

impl Window {
    /// Starts the app with these settings in a session of its own.
    pub async fn open(settings: &Value, environment: &[(&str, &str)]) -> Self {
        Self::open_in(Session::start(settings), environment).await
    }

    /// The same in a session that is there.
    pub async fn open_in(session: Session, environment: &[(&str, &str)]) -> Self {
        let port = free_port();
        let mut command = session.command(tauri_driver());
        command.args(["--port", &port.to_string(), "--native-port", &free_port().to_string()]);
        command.envs(environment.iter().copied()).process_group(0);
        let log = fs::File::create(session.home.join("driver.log")).unwrap();
        let driver = Driver(command.stdout(Stdio::null()).stderr(log).spawn().unwrap());
        let window = Self { client: connect(port).await, session, _driver: driver };
        window.wait_for("main").await;
        window
    }

    /// Waits for an element by its CSS selector.
    pub async fn wait_for(&self, selector: &str) -> fantoccini::elements::Element {
        let found = self.client.wait().at_most(PATIENCE).for_element(Locator::Css(selector)).await;
        found.unwrap_or_else(|error| panic!("no `{selector}` in the window: {error}"))
    }

    /// Presses the button (or switch, or link) with this accessible name, inside what the selector finds.
    pub async fn press(&self, within: &str, name: &str) {
        let found = self.eventually(
            "const [within, name] = arguments; \
             const all = document.querySelectorAll(`${within} :is(button, summary, input, [role=switch])`); \
             const label = (e) => e.getAttribute('aria-label') ?? e.labels?.[0]?.textContent ?? e.textContent; \
             const element = [...all].find((e) => label(e).trim() === name && !e.disabled); \
             element?.click(); return element !== undefined;",
            vec![json!(within), json!(name)],
        );
        let found = found.await;
        assert!(found, "there is no `{name}` to press in `{within}`");
    }

    /// Types into the field with this accessible name, in place of what is there.
    pub async fn fill(&self, within: &str, name: &str, value: &str) {
        let found = self.eventually(
            "const [within, name, value] = arguments; \
             const label = (e) => e.getAttribute('aria-label') ?? e.labels?.[0]?.textContent ?? ''; \
             const element = [...document.querySelectorAll(`${within} :is(input, textarea)`)] \
               .find((e) => label(e).trim() === name); \
             if (!element) return false; \
             element.value = value; \
             element.dispatchEvent(new Event('input', { bubbles: true })); \
             element.dispatchEvent(new Event('change', { bubbles: true })); \
             return true;",
            vec![json!(within), json!(name), json!(value)],
        );
        let found = found.await;
        assert!(found, "there is no field `{name}` in `{within}`");
    }

    /// What is written in the window.
    pub async fn text(&self) -> String {
        let text = self.client.execute("return document.body.innerText", Vec::new()).await.unwrap();
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until a text is in the window.
    pub async fn wait_for_text(&self, wanted: &str) {
        let there =
            self.eventually("return document.body.innerText.includes(arguments[0])", vec![json!(wanted)]);
        if !there.await {
            panic!("no `{wanted}` in the window:\n{}", self.text().await);
        }
    }

    /// Runs a script until it returns true.
    pub async fn eventually(&self, script: &str, arguments: Vec<Value>) -> bool {
        let patience = Instant::now() + PATIENCE;
        loop {
            let holds = self.client.execute(script, arguments.clone()).await.unwrap();
            if holds == json!(true) || Instant::now() > patience {
                return holds == json!(true);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// A session on the window, as soon as the driver answers.
async fn connect(port: u16) -> Client {
    let options = json!({"application": shorn_app(), "args": ["--worker", shorn()]});
    let capabilities = json!({"tauri:options": options}).as_object().unwrap().clone();
    let patience = Instant::now() + PATIENCE;
    loop {
        let mut builder = ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new());
        builder.capabilities(capabilities.clone());
        match builder.connect(&format!("http://127.0.0.1:{port}")).await {
            Ok(client) => return client,
            Err(error) if Instant::now() > patience => panic!("no session on the window: {error}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
}

/// Tauri's WebDriver proxy, built once into the cache folder.
fn tauri_driver() -> PathBuf {
    let folder = cache().join(format!("shorn/tauri-driver-{TAURI_DRIVER}"));
    fs::create_dir_all(&folder).unwrap();
    let lock = fs::File::create(folder.join("lock")).unwrap();
    lock.lock().unwrap();
    let program = folder.join("bin/tauri-driver");
    if !program.is_file() {
        let mut cargo = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()));
        cargo.args(["install", "--quiet", "--locked", "tauri-driver", "--version", TAURI_DRIVER, "--root"]);
        assert!(cargo.arg(&folder).status().unwrap().success(), "tauri-driver cannot be installed");
    }
    program
}
