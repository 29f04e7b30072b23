//! A desktop session of a test's own: a display, a bus, a home folder, and a tray host where one is wanted.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use zbus::blocking::{Connection, Proxy, connection};
use zbus::zvariant::OwnedValue;

use crate::server::{RANDOM_MODEL, add_random_model, free_port};

/// How long anything is waited for.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The display, the bus and the folders of one person. All end with it.
pub struct Session {
    /// The home folder.
    pub home: PathBuf,
    /// The port of the app's server.
    pub port: u16,
    display: String,
    bus_address: String,
    children: Vec<Child>,
    _folder: tempfile::TempDir,
}

impl Drop for Session {
    fn drop(&mut self) {
        for process in self.processes() {
            let _ = Command::new("kill").args(["-KILL", &process.to_string()]).stderr(Stdio::null()).status();
        }
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Session {
    /// A session of a person who has taken the app's first steps and last used the model with random weights, with some
    /// of the app's settings.
    pub fn with_random_model(settings: &Value) -> Self {
        let session = Self::start(settings);
        let data = session.home.join("data");
        let directory = add_random_model(&data);
        let file = data.join("app.json");
        let mut all: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        all["recent"] = json!([{"name": RANDOM_MODEL, "directory": directory}]);
        fs::write(file, all.to_string()).unwrap();
        session
    }

    /// A session of a person who has taken the app's first steps, with some of the app's settings.
    pub fn start(settings: &Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().to_owned();
        fs::create_dir(home.join("data")).unwrap();
        let mut all = json!({"port": free_port(), "first_start_done": true});
        all.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        let port = u16::try_from(all["port"].as_u64().unwrap()).unwrap();
        fs::write(home.join("data/app.json"), all.to_string()).unwrap();

        let own_bus = ["--session", "--nofork", "--print-address"];
        let (bus, bus_address) = first_line(Command::new("dbus-daemon").args(own_bus));
        // Without `-noreset` it begins anew when a test's look at the windows was its only client, and drops who connects then.
        let screen = ["-screen", "0", "1920x1400x24", "-nolisten", "tcp", "-noreset", "-displayfd", "1"];
        let (display_server, display) = first_line(Command::new("Xvfb").args(screen));
        let (display, children) = (format!(":{display}"), vec![bus, display_server]);
        Self { home, port, display, bus_address, children, _folder: folder }
    }

    /// A program in this session.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env("DISPLAY", &self.display)
            .env("DBUS_SESSION_BUS_ADDRESS", &self.bus_address)
            .env("HOME", &self.home)
            .env("SHORN_HOME", self.home.join("data"))
            .env("HF_HUB_CACHE", self.home.join("hub"))
            .env("LMSTUDIO_HOME", self.home.join("lm-studio"))
            // Rust's own tools go on being found where they are.
            .env("CARGO_HOME", tool_folder("CARGO_HOME", ".cargo"))
            .env("RUSTUP_HOME", tool_folder("RUSTUP_HOME", ".rustup"))
            .env("XDG_CACHE_HOME", cache())
            .env_remove("WAYLAND_DISPLAY")
            .env_remove("PI_CODING_AGENT_DIR")
            .env_remove("XDG_DATA_HOME")
            .env_remove("SHORN_API_KEY")
            // What WebKitGTK needs without a graphics card (tauri#15936).
            .env("NO_AT_BRIDGE", "1")
            .env("WEBKIT_DISABLE_COMPOSITING_MODE", "1")
            .env("WEBKIT_DISABLE_DMABUF_RENDERER", "1")
            .env("LIBGL_ALWAYS_SOFTWARE", "1")
            .stdin(Stdio::null());
        command
    }

    /// What a panel does: it takes icons. Start it before the app.
    pub fn tray_host(&self) -> TrayHost {
        TrayHost::start(&self.bus_address)
    }

    /// What shows notifications. Start it before the app.
    pub fn notification_host(&self) -> NotificationHost {
        NotificationHost::start(&self.bus_address)
    }

    /// `GET /api/status` of the app's server; `None` while it does not answer.
    pub async fn status(&self) -> Option<Value> {
        let url = format!("http://127.0.0.1:{}/api/status", self.port);
        reqwest::get(url).await.ok()?.json().await.ok()
    }

    /// The app's window as a PNG.
    pub fn picture(&self) -> Vec<u8> {
        crate::display::picture(&self.display)
    }

    /// Whether the app's window can be seen.
    pub fn has_window(&self) -> bool {
        crate::display::has_window(&self.display)
    }

    /// Closes the app's window, if it can be seen, as the button in its title does.
    pub fn close_window(&self) {
        crate::display::close_window(&self.display);
    }

    /// The processes of the app, its worker and its web view that are there.
    pub fn processes(&self) -> Vec<u32> {
        ["shorn-app", "shorn", "WebKit"].iter().flat_map(|name| self.processes_of(name)).collect()
    }

    /// Processes in this session whose executable is called so; `WebKit` stands for all of the web view's.
    pub fn processes_of(&self, name: &str) -> Vec<u32> {
        let folder = format!("SHORN_HOME={}", self.home.join("data").display());
        let is_it = |process: &u32| {
            let executable = fs::read_link(format!("/proc/{process}/exe")).unwrap_or_default();
            let environment = fs::read(format!("/proc/{process}/environ")).unwrap_or_default();
            let file = executable.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let ours = String::from_utf8_lossy(&environment).split('\0').any(|entry| entry == folder);
            let named = if name == "WebKit" {
                file.starts_with(name) && file.ends_with("Process")
            } else {
                file == name
            };
            ours && named
        };
        let entries = fs::read_dir("/proc").unwrap().flatten();
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(is_it).collect()
    }
}

/// Starts a program and reads the first line that it prints.
fn first_line(command: &mut Command) -> (Child, String) {
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (child, line.trim().to_owned())
}

/// Where things are kept that outlive tests.
pub fn cache() -> PathBuf {
    let set = std::env::var_os("XDG_CACHE_HOME").filter(|path| !path.is_empty()).map(PathBuf::from);
    set.unwrap_or_else(|| tool_folder("", ".cache"))
}

fn tool_folder(variable: &str, below_home: &str) -> PathBuf {
    let set = (!variable.is_empty()).then(|| std::env::var_os(variable)).flatten();
    set.map_or_else(|| Path::new(&std::env::var_os("HOME").unwrap()).join(below_home), PathBuf::from)
}

/// What shows tray icons, as far as the app can tell.
pub struct TrayHost {
    bus: Connection,
    item: Arc<Mutex<Option<Item>>>,
}

/// A registered icon: who has it, and where.
#[derive(Clone)]
struct Item {
    owner: String,
    path: String,
}

struct Watcher(Arc<Mutex<Option<Item>>>);

#[zbus::interface(name = "org.kde.StatusNotifierWatcher")]
impl Watcher {
    fn register_status_notifier_item(
        &mut self,
        path: String,
        #[zbus(header)] header: zbus::message::Header<'_>,
    ) {
        let owner = header.sender().unwrap().to_string();
        *self.0.lock().unwrap() = Some(Item { owner, path });
    }

    #[zbus(property)]
    fn is_status_notifier_host_registered(&self) -> bool {
        true
    }

    #[zbus(property)]
    fn protocol_version(&self) -> i32 {
        0
    }

    #[zbus(property)]
    fn registered_status_notifier_items(&self) -> Vec<String> {
        Vec::new()
    }
}

/// What shows notifications, as far as the app can tell.
pub struct NotificationHost {
    shown: Arc<Mutex<Vec<String>>>,
    _bus: Connection,
}

struct Notifications(Arc<Mutex<Vec<String>>>);

#[zbus::interface(name = "org.freedesktop.Notifications")]
impl Notifications {
    #[allow(clippy::too_many_arguments, reason = "the interface has them")]
    fn notify(
        &mut self,
        _app_name: String,
        _replaces: u32,
        _icon: String,
        summary: String,
        body: String,
        _actions: Vec<String>,
        _hints: HashMap<String, OwnedValue>,
        _expire: i32,
    ) -> u32 {
        self.0.lock().unwrap().push(format!("{summary}: {body}"));
        1
    }

    fn get_capabilities(&self) -> Vec<String> {
        vec!["body".to_owned()]
    }

    fn get_server_information(&self) -> (String, String, String, String) {
        let words = ["shorn-tests", "Shorn", "1", "1.2"];
        words.map(str::to_owned).into()
    }
}

impl NotificationHost {
    fn start(bus_address: &str) -> Self {
        let shown = Arc::default();
        let builder = connection::Builder::address(bus_address).unwrap();
        let builder = builder.name("org.freedesktop.Notifications").unwrap();
        let notifications = Notifications(Arc::clone(&shown));
        let bus = builder.serve_at("/org/freedesktop/Notifications", notifications).unwrap().build().unwrap();
        Self { shown, _bus: bus }
    }

    /// Title and text of each, in order.
    pub fn shown(&self) -> Vec<String> {
        self.shown.lock().unwrap().clone()
    }
}

/// An item of a menu: id, properties, children.
type Node = (i32, HashMap<String, OwnedValue>, Vec<OwnedValue>);

impl TrayHost {
    fn start(bus_address: &str) -> Self {
        let item = Arc::new(Mutex::new(None));
        let builder = connection::Builder::address(bus_address).unwrap();
        let builder = builder.name("org.kde.StatusNotifierWatcher").unwrap();
        let bus = builder.serve_at("/StatusNotifierWatcher", Watcher(item.clone())).unwrap().build().unwrap();
        Self { bus, item }
    }

    /// The menu's lines from top to bottom, those of submenus included: id and text.
    pub fn menu(&self) -> Vec<(i32, String)> {
        let Some(menu) = self.menu_proxy() else { return Vec::new() };
        let layout = (0_i32, -1_i32, Vec::<&str>::new());
        let answer: zbus::Result<(u32, Node)> = menu.call("GetLayout", &layout);
        let mut lines = Vec::new();
        if let Ok((_, root)) = answer {
            collect(root, &mut lines);
        }
        lines
    }

    /// Waits for a line that holds a text, and returns its id.
    pub fn wait_for(&self, text: &str) -> i32 {
        let patience = Instant::now() + PATIENCE;
        loop {
            let menu = self.menu();
            if let Some((id, _)) = menu.iter().find(|(_, line)| line.contains(text)) {
                return *id;
            }
            assert!(Instant::now() < patience, "no `{text}` in the menu: {menu:?}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Chooses the line that holds a text.
    pub fn choose(&self, text: &str) {
        let id = self.wait_for(text);
        let event = (id, "clicked", zbus::zvariant::Value::from(0_i32), 0_u32);
        let _: () = self.menu_proxy().unwrap().call("Event", &event).unwrap();
    }

    fn menu_proxy(&self) -> Option<Proxy<'static>> {
        let Item { owner, path } = self.item.lock().unwrap().clone()?;
        let item = Proxy::new(&self.bus, owner.clone(), path, "org.kde.StatusNotifierItem").ok()?;
        let menu: zbus::zvariant::OwnedObjectPath = item.get_property("Menu").ok()?;
        Proxy::new(&self.bus, owner, menu, "com.canonical.dbusmenu").ok()
    }
}

fn collect((id, properties, children): Node, lines: &mut Vec<(i32, String)>) {
    if let Some(label) = properties.get("label").and_then(|label| <&str>::try_from(label).ok()) {
        // An underscore marks a key.
        lines.push((id, label.replace("__", "_")));
    }
    for child in children {
        if let Ok(node) = Node::try_from(child) {
            collect(node, lines);
        }
    }
}
