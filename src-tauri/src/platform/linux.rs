//! Linux.

use tauri::AppHandle;

/// What shows tray icons on the session's bus.
const WATCHER: &str = "org.kde.StatusNotifierWatcher";

/// Whether X11 or Wayland is there to open a window on.
pub fn has_display() -> bool {
    ["DISPLAY", "WAYLAND_DISPLAY"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

/// Whether something shows tray icons. An icon that nobody shows would leave an app without a window out of reach.
pub fn has_tray() -> bool {
    let is_there = || -> zbus::Result<bool> {
        let bus = zbus::blocking::Connection::session()?;
        let proxy = zbus::blocking::fdo::DBusProxy::new(&bus)?;
        Ok(proxy.name_has_owner(WATCHER.try_into()?)?)
    };
    is_there().unwrap_or(false)
}

/// Nothing: a window is in the task bar while it is open.
pub fn set_in_dock(_app: &AppHandle, _shown: bool) {}
