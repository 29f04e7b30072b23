//! The icon in the menu bar and its menu: built once, its items changed in place.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use shorn_desktop::{
    Agent, AppError, AppSettings, AppSnapshot, Desktop, Download, ModelPhase, ModelState, RecentModel,
    ServerState, in_bytes,
};
use tauri::async_runtime;
use tauri::image::Image;
use tauri::menu::{CheckMenuItem, IsMenuItem, Menu, MenuEvent, MenuItem, PredefinedMenuItem, Submenu};
use tauri::tray::{TrayIcon, TrayIconBuilder};
use tauri::{AppHandle, Manager, Wry};

use crate::app::quit;
use crate::{commands, window};

/// Outline: nothing is served.
const STOPPED: &[u8] = include_bytes!("../../icons/tray-stopped.png");
/// Filled: requests are answered.
const SERVING: &[u8] = include_bytes!("../../icons/tray-serving.png");

/// Where the line about downloads stands: behind those about server, model and memory.
const DOWNLOAD_POSITION: usize = 3;

/// Ids of the items that do something.
mod id {
    pub const OPEN: &str = "open";
    pub const SERVER: &str = "server";
    pub const UNLOAD: &str = "unload";
    pub const COPY_PI: &str = "copy-pi";
    pub const LOGIN: &str = "login";
    pub const SETTINGS: &str = "settings";
    pub const QUIT: &str = "quit";
    /// Followed by a model's folder.
    pub const LOAD: &str = "load:";
}

/// The icon and those items of its menu that change.
pub struct Tray {
    icon: TrayIcon,
    menu: Menu<Wry>,
    server_line: MenuItem<Wry>,
    model_line: MenuItem<Wry>,
    memory_line: MenuItem<Wry>,
    awake_line: MenuItem<Wry>,
    /// In the menu only while something is downloaded.
    download_line: MenuItem<Wry>,
    server: MenuItem<Wry>,
    recent: Submenu<Wry>,
    unload: MenuItem<Wry>,
    copy_pi: MenuItem<Wry>,
    login: CheckMenuItem<Wry>,
    shown: Option<Shown>,
}

/// What the menu says: it is only touched when that changes.
#[derive(Debug, Clone, PartialEq)]
struct Shown {
    serving: bool,
    running: bool,
    server_line: String,
    model_line: String,
    memory_line: String,
    awake_line: String,
    download_line: Option<String>,
    title: Option<String>,
    loaded: bool,
    chosen: bool,
    launch_at_login: bool,
    recent: Vec<RecentModel>,
}

/// Puts the icon into the menu bar. The app lives without it where that fails.
pub fn build(app: &AppHandle, settings: &AppSettings) -> Option<Tray> {
    // The library behind it on Linux panics where the system's part of it is missing.
    match catch_unwind(AssertUnwindSafe(|| Tray::new(app, settings))) {
        Ok(Ok(tray)) => Some(tray),
        Ok(Err(error)) => {
            tracing::warn!("there is no icon in the menu bar: {error}");
            None
        }
        Err(_) => {
            tracing::warn!("there is no icon in the menu bar: its library is not installed");
            None
        }
    }
}

impl Tray {
    fn new(app: &AppHandle, settings: &AppSettings) -> tauri::Result<Self> {
        let line = || MenuItem::new(app, "", false, None::<&str>);
        let item = |id, text: &str, key: Option<&str>| MenuItem::with_id(app, id, text, true, key);
        let (server_line, model_line, memory_line, awake_line) = (line()?, line()?, line()?, line()?);
        let download_line = line()?;
        let open = item(id::OPEN, "Open Shorn", None)?;
        let server = item(id::SERVER, "Start Server", None)?;
        let recent = Submenu::new(app, "Load Recent Model", true)?;
        let unload = item(id::UNLOAD, "Unload Model", None)?;
        let copy_pi = item(id::COPY_PI, "Copy Pi Configuration", None)?;
        let launch = settings.launch_at_login;
        let login = CheckMenuItem::with_id(app, id::LOGIN, "Launch at Login", true, launch, None::<&str>)?;
        let settings_item = item(id::SETTINGS, "Settings…", Some("CmdOrCtrl+,"))?;
        let quit = item(id::QUIT, "Quit Shorn", Some("CmdOrCtrl+Q"))?;
        let separators = [
            PredefinedMenuItem::separator(app)?,
            PredefinedMenuItem::separator(app)?,
            PredefinedMenuItem::separator(app)?,
        ];
        let mut items: Vec<&dyn IsMenuItem<Wry>> = vec![&server_line, &model_line, &memory_line];
        if cfg!(target_os = "macos") {
            items.push(&awake_line);
        }
        items.extend([
            &separators[0] as &dyn IsMenuItem<Wry>,
            &open,
            &server,
            &recent,
            &unload,
            &copy_pi,
            &separators[1],
            &login,
            &settings_item,
            &separators[2],
            &quit,
        ]);
        let menu = Menu::with_items(app, &items)?;
        let icon = TrayIconBuilder::with_id("shorn")
            .icon(Image::from_bytes(STOPPED)?)
            .icon_as_template(true)
            .menu(&menu)
            .on_menu_event(|app, event| clicked(app, &event))
            .build(app)?;
        Ok(Self {
            icon,
            server_line,
            model_line,
            memory_line,
            awake_line,
            download_line,
            menu,
            server,
            recent,
            unload,
            copy_pi,
            login,
            shown: None,
        })
    }

    /// Makes icon and menu say what the snapshot says.
    pub fn show(&mut self, app: &AppHandle, snapshot: &AppSnapshot, settings: &AppSettings) {
        let next = Shown::of(snapshot, settings);
        if self.shown.as_ref() == Some(&next) {
            return;
        }
        if let Err(error) = self.change(app, &next) {
            tracing::warn!("the menu cannot be changed: {error}");
        }
        self.shown = Some(next);
    }

    fn change(&self, app: &AppHandle, next: &Shown) -> tauri::Result<()> {
        let before = self.shown.as_ref();
        if before.is_none_or(|before| before.serving != next.serving) {
            let icon = Image::from_bytes(if next.serving { SERVING } else { STOPPED })?;
            self.icon.set_icon_with_as_template(Some(icon), true)?;
        }
        if before.is_none_or(|before| before.title != next.title) {
            self.icon.set_title(next.title.as_deref())?;
        }
        self.server_line.set_text(&next.server_line)?;
        self.model_line.set_text(&next.model_line)?;
        self.memory_line.set_text(&next.memory_line)?;
        self.awake_line.set_text(&next.awake_line)?;
        if let Some(line) = &next.download_line {
            self.download_line.set_text(line)?;
        }
        let is_there = before.is_some_and(|before| before.download_line.is_some());
        match (is_there, next.download_line.is_some()) {
            (false, true) => self.menu.insert(&self.download_line, DOWNLOAD_POSITION)?,
            (true, false) => self.menu.remove(&self.download_line)?,
            _ => {}
        }
        self.server.set_text(if next.running { "Stop Server" } else { "Start Server" })?;
        self.unload.set_enabled(next.loaded)?;
        self.copy_pi.set_enabled(next.chosen)?;
        self.login.set_checked(next.launch_at_login)?;
        if before.is_none_or(|before| before.recent != next.recent) {
            while self.recent.remove_at(0)?.is_some() {}
            for model in &next.recent {
                let id = format!("{}{}", id::LOAD, model.directory.display());
                self.recent.append(&MenuItem::with_id(app, id, &model.name, true, None::<&str>)?)?;
            }
            self.recent.set_enabled(!next.recent.is_empty())?;
        }
        Ok(())
    }
}

impl Shown {
    fn of(snapshot: &AppSnapshot, settings: &AppSettings) -> Self {
        let model = snapshot.runtime.model.as_ref();
        let running = matches!(snapshot.server, ServerState::Running { .. });
        let loaded = model.is_some_and(|model| !matches!(model.phase, ModelPhase::Stopped { .. }));
        let held: u64 = model.into_iter().chain(&snapshot.runtime.others).map(ModelState::held).sum();
        let limit = snapshot.limit.map(|limit| format!(" of {}", in_bytes(limit.bytes)));
        Self {
            serving: running && model.is_some_and(|model| matches!(model.phase, ModelPhase::Ready(_))),
            running,
            server_line: server_line(&snapshot.server),
            model_line: model.map_or_else(|| "No model is loaded".to_owned(), model_line),
            memory_line: format!("Memory: {}{}", in_bytes(held), limit.unwrap_or_default()),
            awake_line: match snapshot.keeps_awake {
                Some(true) => "Keeps this Mac awake while a model works".to_owned(),
                _ => "This Mac may sleep".to_owned(),
            },
            download_line: download_line(&snapshot.downloads),
            title: settings.memory_in_menu_bar.then(|| format!("{:.1} GB", held as f64 / 1e9)),
            loaded,
            chosen: model.is_some(),
            launch_at_login: settings.launch_at_login,
            recent: settings.recent.clone(),
        }
    }
}

fn server_line(server: &ServerState) -> String {
    match server {
        ServerState::Stopped => "Server: stopped".to_owned(),
        ServerState::Starting => "Server: starting".to_owned(),
        ServerState::Running { port, network: false, .. } => format!("Server: running on port {port}"),
        ServerState::Running { port, network: true, .. } => {
            format!("Server: running on port {port}, open to the network")
        }
        ServerState::Failed { error } => format!("Server: {error}"),
    }
}

/// The download that is under way, and how many wait behind it; `None` where there is none.
fn download_line(downloads: &[Download]) -> Option<String> {
    let mut under_way = downloads.iter().filter(|download| download.state.is_under_way());
    let first = under_way.next()?;
    let name = first.name.as_str().rsplit('/').next().unwrap_or_default();
    let percent = (first.done * 100).checked_div(first.bytes.unwrap_or(0));
    let mut line = match percent {
        Some(percent) => format!("Downloading {name}: {percent} %"),
        None => format!("Downloading {name}"),
    };
    let minutes = first.seconds_left.map(|seconds| seconds.div_ceil(60));
    line.extend(minutes.map(|minutes| format!(", {minutes} min left")));
    let waiting = under_way.count();
    line.extend((waiting > 0).then(|| format!(", {waiting} more")));
    Some(line)
}

fn model_line(model: &ModelState) -> String {
    let ModelState { name, settings, phase, .. } = model;
    match phase {
        ModelPhase::Ready(_) => format!("{name}, KV cache {}", settings.kv),
        ModelPhase::Loading { done, total } => {
            format!("{name}: loading, {} %", (done * 100).checked_div(*total).unwrap_or(0))
        }
        ModelPhase::Stopped { why: None } => format!("{name}: unloaded, the next request loads it"),
        ModelPhase::Stopped { why: Some(why) } => format!("{name}: {why}"),
    }
}

fn clicked(app: &AppHandle, event: &MenuEvent) {
    let id = event.id().as_ref();
    match id {
        id::OPEN => window::show(app, None),
        id::SETTINGS => window::show(app, Some("settings")),
        id::QUIT => quit(app),
        _ => {
            let (app, id) = (app.clone(), id.to_owned());
            async_runtime::spawn(async move {
                let desktop = app.state::<Arc<Desktop>>().inner().clone();
                if let Err(error) = act(&app, &desktop, &id).await {
                    // The menu has no room for it: the window says what went wrong.
                    desktop.report(error);
                    window::show(&app, None);
                }
            });
        }
    }
}

async fn act(app: &AppHandle, desktop: &Desktop, id: &str) -> Result<(), AppError> {
    match id {
        id::SERVER if matches!(desktop.snapshot().server, ServerState::Running { .. }) => {
            desktop.stop_server().await;
            Ok(())
        }
        id::SERVER => desktop.start_server().await,
        id::UNLOAD => {
            desktop.unload().await;
            Ok(())
        }
        id::COPY_PI => commands::copy(app, desktop.agent_config(Agent::Pi)?.text()),
        id::LOGIN => {
            let enabled = !desktop.settings().launch_at_login;
            commands::set_launch_at_login(app, enabled)?;
            desktop.note_launch_at_login(enabled);
            Ok(())
        }
        _ => {
            let directory = id.strip_prefix(id::LOAD);
            let recent = desktop.settings().recent;
            let is_it = |model: &&RecentModel| Some(model.directory.to_string_lossy().as_ref()) == directory;
            match recent.iter().find(is_it) {
                Some(model) => desktop.load_again(model).await.map(|_| ()),
                None => Ok(()),
            }
        }
    }
}
