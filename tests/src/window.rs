//! The app in a real window: a display, a session bus, a tray host or none, and a WebDriver client.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::{Value, json};

use crate::server::{free_port, shorn, shorn_app};

/// The version that is installed for the tests.
const TAURI_DRIVER: &str = "2.1.0";

/// How long the window is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// The running app, and what drives its window.
pub struct Window {
    /// Finds and presses what is in the window.
    pub client: Client,
    /// The port of the app's server.
    pub port: u16,
    /// The person's home folder.
    pub home: PathBuf,
    driver: Driver,
    _folder: tempfile::TempDir,
}

/// `tauri-driver` with a display and a bus of its own. They end with it.
struct Driver(Child);

impl Drop for Driver {
    fn drop(&mut self) {
        // Its group: xvfb-run, the bus, the driver, and the app if that is still there.
        let group = format!("-{}", self.0.id());
        let _ = Command::new("kill").args(["-TERM", "--", &group]).status();
        let _ = self.0.wait();
    }
}

impl Window {
    /// Starts the app with these settings, over those of a person who has taken the first steps.
    pub async fn open(settings: &Value, environment: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().to_owned();
        let data = home.join("data");
        fs::create_dir(&data).unwrap();
        let port = free_port();
        let mut all = json!({"port": port, "first_start_done": true});
        all.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        fs::write(data.join("app.json"), all.to_string()).unwrap();

        let driver_port = free_port();
        let driver = Driver(start_driver(driver_port, &home, environment));
        let client = connect(driver_port).await;
        let window = Self { client, port, home, driver, _folder: folder };
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

    /// The process of the app.
    pub fn process(&self) -> u32 {
        let own = processes_named("shorn-app", &self.home);
        assert_eq!(own.len(), 1, "processes of the app: {own:?}");
        own[0]
    }

    /// The processes of the app, its worker and its web view that are still there.
    pub fn processes(&self) -> Vec<u32> {
        ["shorn-app", "shorn", "WebKit"].iter().flat_map(|name| processes_named(name, &self.home)).collect()
    }

    /// Ends what drives the window, and with it the display.
    pub fn close(self) {
        drop(self.driver);
    }
}

/// Processes by the beginning of their executable's name and the data folder in their environment.
fn processes_named(name: &str, home: &Path) -> Vec<u32> {
    let folder = format!("SHORN_HOME={}", home.join("data").display());
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let is_it = |process: &u32| {
        let executable = fs::read_link(format!("/proc/{process}/exe")).unwrap_or_default();
        let environment = fs::read(format!("/proc/{process}/environ")).unwrap_or_default();
        let file = executable.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let ours = String::from_utf8_lossy(&environment).split('\0').any(|entry| entry == folder);
        ours && if name == "WebKit" {
            file.starts_with(name) && file.contains("Process")
        } else {
            file == name
        }
    };
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(is_it).collect()
}

fn start_driver(port: u16, home: &Path, environment: &[(&str, &str)]) -> Child {
    let mut command = Command::new("dbus-run-session");
    command.args(["--", "xvfb-run", "--auto-servernum", "--server-args", "-screen 0 1280x900x24"]);
    command.arg(tauri_driver()).args([
        "--port",
        &port.to_string(),
        "--native-port",
        &free_port().to_string(),
    ]);
    command
        .env("HOME", home)
        .env("SHORN_HOME", home.join("data"))
        .env("HF_HUB_CACHE", home.join("hub"))
        .env("LMSTUDIO_HOME", home.join("lm-studio"))
        .env_remove("PI_CODING_AGENT_DIR")
        .env_remove("XDG_DATA_HOME")
        // What WebKitGTK needs without a graphics card (tauri#15936).
        .env("NO_AT_BRIDGE", "1")
        .env("WEBKIT_DISABLE_COMPOSITING_MODE", "1")
        .env("WEBKIT_DISABLE_DMABUF_RENDERER", "1")
        .env("LIBGL_ALWAYS_SOFTWARE", "1")
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(fs::File::create(home.join("driver.log")).unwrap())
        .process_group(0);
    command.spawn().unwrap()
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
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.unwrap_or_else(|| PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache"));
    let folder = cache.join(format!("shorn/tauri-driver-{TAURI_DRIVER}"));
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
