//! macOS.

use tauri::{ActivationPolicy, AppHandle};

/// There is always one: an app is not started in a session without.
pub fn has_display() -> bool {
    true
}

/// The menu bar is always there.
pub fn has_tray() -> bool {
    true
}

/// Whether the app is in the Dock and in Cmd-Tab: while its window is open, or always where nothing else would show it.
pub fn set_in_dock(app: &AppHandle, shown: bool) {
    let policy = if shown { ActivationPolicy::Regular } else { ActivationPolicy::Accessory };
    if let Err(error) = app.set_activation_policy(policy) {
        tracing::warn!("the Dock icon cannot be changed: {error}");
    }
}
