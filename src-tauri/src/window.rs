//! The one window: made when it is first shown, hidden when it is closed.

use std::sync::Arc;

use shorn_desktop::Desktop;
use tauri::webview::PageLoadEvent;
use tauri::{AppHandle, Emitter, Manager, WebviewUrl, WebviewWindowBuilder, WindowEvent};

use crate::app::{HasTray, quit};
use crate::platform;

/// Its label, which capabilities name.
pub const LABEL: &str = "main";

/// Shows the window, at a view where one is asked for.
pub fn show(app: &AppHandle, view: Option<&'static str>) {
    if let Err(error) = try_to_show(app, view) {
        tracing::error!("the window cannot be shown: {error}");
    }
}

fn try_to_show(app: &AppHandle, view: Option<&'static str>) -> tauri::Result<()> {
    platform::set_in_dock(app, true);
    let Some(window) = app.get_webview_window(LABEL) else { return open(app, view) };
    // What happened while it was hidden.
    window.emit("snapshot", app.state::<Arc<Desktop>>().snapshot())?;
    if let Some(view) = view {
        window.emit("show", view)?;
    }
    window.unminimize()?;
    window.show()?;
    window.set_focus()
}

fn open(app: &AppHandle, view: Option<&'static str>) -> tauri::Result<()> {
    // A new page hears no events yet: it reads the view from its address.
    let page = view.map_or("index.html".to_owned(), |view| format!("index.html#{view}"));
    let window = WebviewWindowBuilder::new(app, LABEL, WebviewUrl::App(page.into()))
        .title("Shorn")
        .inner_size(900.0, 640.0)
        .min_inner_size(420.0, 480.0)
        .center()
        .on_page_load(|_, page| {
            if page.event() == PageLoadEvent::Finished {
                tracing::info!("the window is open");
            }
        })
        .build()?;
    let app = app.clone();
    window.clone().on_window_event(move |event| {
        let WindowEvent::CloseRequested { api, .. } = event else { return };
        if app.state::<HasTray>().0 {
            api.prevent_close();
            if let Err(error) = window.hide() {
                tracing::warn!("the window cannot be hidden: {error}");
            }
            platform::set_in_dock(&app, false);
        } else {
            api.prevent_close();
            quit(&app);
        }
    });
    Ok(())
}

/// Whether somebody can see it.
pub fn is_shown(app: &AppHandle) -> bool {
    app.get_webview_window(LABEL).is_some_and(|window| window.is_visible().unwrap_or(true))
}

/// Whether somebody looks at it.
pub fn has_focus(app: &AppHandle) -> bool {
    app.get_webview_window(LABEL).is_some_and(|window| {
        window.is_visible().unwrap_or(false) && window.is_focused().unwrap_or(false)
    })
}
