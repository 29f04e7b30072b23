//! Wiring: plugins, commands, the tasks that pass on what changes, and a clean end.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use shorn_desktop::{Desktop, Start, data_directory};
use tauri::async_runtime;
use tauri::{AppHandle, Emitter, Manager, RunEvent};
use tauri_plugin_autostart::{MacosLauncher, ManagerExt};

use crate::notifications::Notifications;
use crate::tray::Tray;
use crate::{Arguments, commands, platform, tray, window};

/// How long the model may take to unload when the app ends; then its worker ends with the app all the same.
const LONGEST_END: Duration = Duration::from_secs(10);

/// Whether there is an icon in the menu bar.
pub struct HasTray(pub bool);

/// Whether the model was unloaded for good.
struct Ended(AtomicBool);

/// Where the person's files are.
pub struct Home(pub PathBuf);

/// Runs the app until it is quit.
pub fn run(arguments: Arguments, worker: PathBuf) -> Result<()> {
    let home = std::env::home_dir().context("HOME is not set")?;
    let start = Start { data_directory: data_directory()?, home: home.clone(), worker };
    let app = tauri::Builder::default()
        // First, so that a second start ends before it does anything.
        .plugin(tauri_plugin_single_instance::init(|app, arguments, _| {
            if !arguments.iter().any(|argument| argument == "--hidden") {
                window::show(app, None);
            }
        }))
        .plugin(tauri_plugin_autostart::init(MacosLauncher::LaunchAgent, Some(vec!["--hidden"])))
        .plugin(tauri_plugin_clipboard_manager::init())
        .plugin(tauri_plugin_dialog::init())
        .plugin(tauri_plugin_notification::init())
        .plugin(tauri_plugin_opener::init())
        .invoke_handler(commands::handler())
        .setup(move |app| Ok(set_up(app.handle(), &arguments, start, home)?))
        .build(tauri::generate_context!())?;
    app.run(|app, event| match event {
        // The last window was closed: with an icon in the menu bar the app goes on.
        RunEvent::ExitRequested { code: None, api, .. } if app.state::<HasTray>().0 => api.prevent_exit(),
        #[cfg(target_os = "macos")]
        RunEvent::Reopen { .. } => window::show(app, None),
        RunEvent::Exit => end(app),
        _ => {}
    });
    Ok(())
}

fn set_up(app: &AppHandle, arguments: &Arguments, start: Start, home: PathBuf) -> Result<()> {
    // The desktop spawns tasks as it starts.
    let desktop = Arc::new(async_runtime::block_on(async { Desktop::new(start) })?);
    app.manage(desktop.clone());
    app.manage(Home(home));
    app.manage(Ended(AtomicBool::new(false)));
    let tray = match arguments.no_tray || !platform::has_tray() {
        true => None,
        false => tray::build(app, &desktop.settings()),
    };
    app.manage(HasTray(tray.is_some()));
    desktop.set_tray(tray.is_some());
    note_launch_at_login(app, &desktop);

    // Without an icon a hidden app would be out of reach.
    match arguments.hidden && tray.is_some() {
        true => platform::set_in_dock(app, false),
        false => window::show(app, None),
    }
    // On a thread of its own: calls on windows and menus wait for the main thread, which at the end waits for the tasks
    // of the runtime. One of those must never wait for it.
    let (shown, of) = (app.clone(), desktop.clone());
    std::thread::spawn(move || async_runtime::block_on(pass_on_snapshots(shown, of, tray)));
    async_runtime::spawn(pass_on_settings(app.clone(), desktop.clone()));
    async_runtime::spawn(end_when_asked(app.clone()));
    let awake = desktop.clone();
    async_runtime::spawn(async move { awake.keep_awake().await });
    async_runtime::spawn(async move { desktop.begin().await });
    Ok(())
}

/// Takes over what the system says: the person may have changed it there.
fn note_launch_at_login(app: &AppHandle, desktop: &Desktop) {
    match app.autolaunch().is_enabled() {
        Ok(enabled) => desktop.note_launch_at_login(enabled),
        Err(error) => tracing::warn!("the system does not say whether Shorn starts at login: {error}"),
    }
}

/// Shows each snapshot in the menu bar, in the window while it is open, and what people wait for as a notification.
async fn pass_on_snapshots(app: AppHandle, desktop: Arc<Desktop>, tray: Option<Tray>) {
    let mut snapshots = desktop.snapshots();
    let mut tray = tray;
    let mut notifications = Notifications::default();
    loop {
        let snapshot = desktop.snapshot();
        if let Some(tray) = &mut tray {
            tray.show(&app, &snapshot, &desktop.settings());
        }
        notifications.hear(&app, &snapshot.downloads);
        if window::is_shown(&app)
            && let Err(error) = app.emit_to(window::LABEL, "snapshot", &snapshot)
        {
            tracing::warn!("the window does not hear of changes: {error}");
        }
        if !snapshots.changed().await {
            return;
        }
    }
}

/// Tells the window of settings that were changed elsewhere.
async fn pass_on_settings(app: AppHandle, desktop: Arc<Desktop>) {
    let mut settings = desktop.watch_settings();
    while settings.changed().await.is_ok() {
        let now = settings.borrow_and_update().clone();
        if let Err(error) = app.emit_to(window::LABEL, "settings", &now) {
            tracing::warn!("the window does not hear of new settings: {error}");
        }
    }
}

/// Ends the app cleanly on Ctrl-C and when the system asks for it.
async fn end_when_asked(app: AppHandle) {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
    quit(&app);
}

/// Unloads the model, then ends the app. The main thread goes on meanwhile: tasks may wait for it.
pub fn quit(app: &AppHandle) {
    let app = app.clone();
    async_runtime::spawn(async move {
        let desktop = app.state::<Arc<Desktop>>().inner().clone();
        if tokio::time::timeout(LONGEST_END, desktop.end()).await.is_err() {
            tracing::warn!("the model did not unload in time");
        }
        app.state::<Ended>().0.store(true, Ordering::Relaxed);
        app.exit(0);
    });
}

/// Unloads the model where the system ends the app without asking [`quit`]: Metal does not like to be torn down with work
/// under way.
fn end(app: &AppHandle) {
    if app.state::<Ended>().0.load(Ordering::Relaxed) {
        return;
    }
    let desktop = app.state::<Arc<Desktop>>().inner().clone();
    async_runtime::block_on(async {
        if tokio::time::timeout(LONGEST_END, desktop.end()).await.is_err() {
            tracing::warn!("the model did not unload in time");
        }
    });
}
