//! Says when a download has ended, where the window does not show it.

use std::collections::HashMap;

use shorn_desktop::{Download, DownloadState};
use tauri::AppHandle;
use tauri_plugin_notification::NotificationExt;

use crate::window;

/// Remembers which downloads were under way; a small one can end before it was seen to begin.
#[derive(Default)]
pub struct Notifications {
    under_way: HashMap<String, bool>,
}

impl Notifications {
    /// Compares with the last snapshot.
    pub fn hear(&mut self, app: &AppHandle, downloads: &[Download]) {
        self.under_way.retain(|name, _| downloads.iter().any(|download| download.name.as_str() == name));
        for download in downloads {
            let now = download.state.is_under_way();
            let before = self.under_way.insert(download.name.as_str().to_owned(), now);
            if !now && before != Some(false) && !window::has_focus(app) {
                tell(app, download);
            }
        }
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
