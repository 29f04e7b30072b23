//! Says when a download has ended, where the window does not show it.

use std::collections::HashSet;

use shorn_desktop::{Download, DownloadState};
use tauri::AppHandle;
use tauri_plugin_notification::NotificationExt;

use crate::window;

/// Remembers which downloads are under way.
#[derive(Default)]
pub struct Notifications {
    under_way: HashSet<String>,
}

impl Notifications {
    /// Compares with the last snapshot.
    pub fn hear(&mut self, app: &AppHandle, downloads: &[Download]) {
        for download in downloads {
            let name = download.name.as_str();
            if download.state.is_under_way() {
                self.under_way.insert(name.to_owned());
            } else if self.under_way.remove(name) && !window::has_focus(app) {
                tell(app, download);
            }
        }
        self.under_way.retain(|name| downloads.iter().any(|download| download.name.as_str() == name));
    }
}

fn tell(app: &AppHandle, download: &Download) {
    let (title, body) = match &download.state {
        DownloadState::Ready { .. } => ("Download complete", format!("{} is ready to load", download.name)),
        DownloadState::Failed { problem } => {
            ("Download stopped", format!("{}: {}", download.name, problem.message))
        }
        // A person has just done that.
        _ => return,
    };
    if let Err(error) = app.notification().builder().title(title).body(body).show() {
        tracing::warn!("the system does not show notifications: {error}");
    }
}
