//! What the window can call. Each passes on to [`Desktop`] or to a part of the system that only the shell reaches.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use shorn_desktop::{
    Added, Agent, AgentConfig, AgentConnection, AppError, AppSettings, AppSnapshot, ChatEvent, ChatMessage,
    Desktop, ErrorCode, Estimate, EvalRequest, EvalRun, EvalSetup, HubPage, KvCache, LastEval, Library,
    LoadOptions, LoadRequest, PortCheck, RecommendedModel, Removed, SavedSettings, Search,
};
use tauri::ipc::{Channel, Invoke};
use tauri::{AppHandle, State, Wry};
use tauri_plugin_autostart::ManagerExt;
use tauri_plugin_clipboard_manager::ClipboardExt;
use tauri_plugin_dialog::DialogExt;
use tauri_plugin_opener::OpenerExt;
use tokio::sync::oneshot;

use crate::app::Home;

type Shared<'a> = State<'a, Arc<Desktop>>;
type Reply<T> = Result<T, AppError>;

/// All commands; the build script lists them too.
pub fn handler() -> impl Fn(Invoke<Wry>) -> bool + Send + Sync + 'static {
    tauri::generate_handler![
        snapshot,
        library,
        estimate,
        saved_settings,
        load,
        cancel_load,
        unload,
        delete_model,
        search_models,
        recommended_models,
        download,
        pause_download,
        resume_download,
        cancel_download,
        dismiss_download,
        import_model,
        open_link,
        unload_other,
        reveal,
        start_server,
        stop_server,
        check_port,
        settings,
        change_settings,
        choose_folder,
        open_logs,
        install_command,
        copy_text,
        agents,
        agent_config,
        connect_agent,
        disconnect_agent,
        eval_setup,
        start_eval,
        cancel_eval,
        evals,
        delete_eval,
        last_eval,
        chat,
        stop_chat,
    ]
}

#[tauri::command]
fn snapshot(desktop: Shared) -> AppSnapshot {
    desktop.snapshot()
}

#[tauri::command]
async fn library(desktop: Shared<'_>) -> Reply<Library> {
    desktop.library().await
}

#[tauri::command]
async fn estimate(desktop: Shared<'_>, model: String, options: LoadOptions) -> Reply<Estimate> {
    desktop.estimate(&model, options).await
}

#[tauri::command]
async fn saved_settings(desktop: Shared<'_>, model: String) -> Reply<SavedSettings> {
    desktop.saved_settings(&model).await
}

#[tauri::command]
async fn load(desktop: Shared<'_>, request: LoadRequest) -> Reply<()> {
    desktop.load(request).await.map(|_| ())
}

#[tauri::command]
async fn cancel_load(desktop: Shared<'_>) -> Reply<()> {
    desktop.cancel_load().await;
    Ok(())
}

#[tauri::command]
async fn unload(desktop: Shared<'_>) -> Reply<()> {
    desktop.unload().await;
    Ok(())
}

#[tauri::command]
async fn search_models(desktop: Shared<'_>, search: Search) -> Reply<HubPage> {
    desktop.search_models(&search).await
}

#[tauri::command]
async fn recommended_models(desktop: Shared<'_>) -> Reply<Vec<RecommendedModel>> {
    Ok(desktop.recommended_models().await)
}

#[tauri::command]
async fn download(desktop: Shared<'_>, name: String) -> Reply<()> {
    desktop.download(&name).await
}

#[tauri::command]
async fn pause_download(desktop: Shared<'_>, name: String) -> Reply<()> {
    desktop.pause_download(&name).await
}

#[tauri::command]
async fn resume_download(desktop: Shared<'_>, name: String) -> Reply<()> {
    desktop.resume_download(&name).await
}

#[tauri::command]
async fn cancel_download(desktop: Shared<'_>, name: String) -> Reply<()> {
    desktop.cancel_download(&name).await
}

#[tauri::command]
async fn dismiss_download(desktop: Shared<'_>, name: String) -> Reply<()> {
    desktop.dismiss_download(&name).await
}

#[tauri::command]
async fn import_model(desktop: Shared<'_>, directory: PathBuf) -> Reply<PathBuf> {
    desktop.import_model(directory).await
}

#[tauri::command]
async fn unload_other(desktop: Shared<'_>, model: PathBuf) -> Reply<()> {
    desktop.unload_other(&model).await;
    Ok(())
}

/// Opens a page of the Hub in the browser, and no other.
#[tauri::command]
fn open_link(app: AppHandle, desktop: Shared, url: String) -> Reply<()> {
    if !desktop.is_page_of_hub(&url) {
        let message = format!("{url} is not a page of the Hub, so it is not opened");
        return Err(AppError::new(ErrorCode::NotOnHub, message));
    }
    let opened = app.opener().open_url(url, None::<&str>);
    opened.map_err(|error| AppError::new(ErrorCode::Internal, error))
}

#[tauri::command]
async fn delete_model(desktop: Shared<'_>, model: String) -> Reply<u64> {
    desktop.delete_model(&model).await
}

#[tauri::command]
fn reveal(app: AppHandle, directory: PathBuf) -> Reply<()> {
    // Only a folder: a file would be opened on some systems.
    if !directory.is_dir() {
        return Err(AppError::new(ErrorCode::File, format!("there is no folder {}", directory.display())));
    }
    app.opener().reveal_item_in_dir(&directory).map_err(|error| not_opened(&directory, &error))
}

#[tauri::command]
async fn start_server(desktop: Shared<'_>) -> Reply<()> {
    desktop.start_server().await
}

#[tauri::command]
async fn stop_server(desktop: Shared<'_>) -> Reply<()> {
    desktop.stop_server().await;
    Ok(())
}

#[tauri::command]
async fn check_port(desktop: Shared<'_>, port: u16) -> Reply<PortCheck> {
    Ok(desktop.check_port(port))
}

#[tauri::command]
fn settings(desktop: Shared) -> AppSettings {
    desktop.settings()
}

#[tauri::command]
async fn change_settings(
    app: AppHandle,
    desktop: Shared<'_>,
    change: serde_json::Map<String, serde_json::Value>,
) -> Reply<AppSettings> {
    // What cannot be is refused before anything is changed.
    desktop.settings().changed(change.clone())?;
    if let Some(enabled) = change.get("launch_at_login").and_then(serde_json::Value::as_bool) {
        set_launch_at_login(&app, enabled)?;
    }
    desktop.change_settings(change).await
}

/// Has the system start the app at login, or no longer.
pub fn set_launch_at_login(app: &AppHandle, enabled: bool) -> Reply<()> {
    let login = app.autolaunch();
    if login.is_enabled().is_ok_and(|present| present == enabled) {
        return Ok(());
    }
    let changed = if enabled { login.enable() } else { login.disable() };
    changed.map_err(|error| {
        let message = format!("the system does not let Shorn change what starts at login: {error}");
        AppError::field(ErrorCode::BadSetting, "launch_at_login", message)
    })
}

#[tauri::command]
async fn choose_folder(app: AppHandle, present: PathBuf) -> Reply<Option<PathBuf>> {
    let (chosen, choice) = oneshot::channel();
    app.dialog().file().set_directory(present).pick_folder(move |folder| {
        let _ = chosen.send(folder);
    });
    let folder = choice.await.ok().flatten();
    let path = folder.map(|folder| folder.into_path()).transpose();
    path.map_err(|error| AppError::new(ErrorCode::File, error))
}

#[tauri::command]
fn open_logs(app: AppHandle, desktop: Shared) -> Reply<()> {
    let directory = desktop.log_directory();
    let path = directory.display().to_string();
    app.opener().open_path(path, None::<&str>).map_err(|error| not_opened(directory, &error))
}

#[tauri::command]
async fn install_command(desktop: Shared<'_>, home: State<'_, Home>) -> Reply<PathBuf> {
    desktop.install_command(&home.0)
}

#[tauri::command]
fn copy_text(app: AppHandle, text: String) -> Reply<()> {
    copy(&app, text)
}

/// Puts text on the clipboard.
pub fn copy(app: &AppHandle, text: String) -> Reply<()> {
    let failed =
        |error| AppError::new(ErrorCode::Internal, format!("the clipboard cannot be written: {error}"));
    app.clipboard().write_text(text).map_err(failed)
}

#[tauri::command]
async fn agents(desktop: Shared<'_>) -> Reply<Vec<AgentConnection>> {
    Ok(desktop.agents())
}

#[tauri::command]
async fn agent_config(desktop: Shared<'_>, agent: Agent) -> Reply<AgentConfig> {
    desktop.agent_config(agent)
}

#[tauri::command]
async fn connect_agent(desktop: Shared<'_>, agent: Agent) -> Reply<Added> {
    desktop.connect_agent(agent)
}

#[tauri::command]
async fn disconnect_agent(desktop: Shared<'_>, agent: Agent) -> Reply<Removed> {
    desktop.disconnect_agent(agent)
}

#[tauri::command]
async fn eval_setup(desktop: Shared<'_>) -> Reply<EvalSetup> {
    desktop.eval_setup().await
}

#[tauri::command]
async fn start_eval(desktop: Shared<'_>, request: EvalRequest) -> Reply<()> {
    desktop.start_eval(request).await
}

#[tauri::command]
fn cancel_eval(desktop: Shared) {
    desktop.cancel_eval();
}

#[tauri::command]
async fn evals(desktop: Shared<'_>) -> Reply<Vec<EvalRun>> {
    desktop.evals().await
}

#[tauri::command]
async fn delete_eval(desktop: Shared<'_>, id: String) -> Reply<()> {
    desktop.delete_eval(&id).await
}

#[tauri::command]
async fn last_eval(desktop: Shared<'_>, model: String, kv: KvCache) -> Reply<Option<LastEval>> {
    desktop.last_eval(&model, kv).await
}

#[tauri::command]
async fn chat(desktop: Shared<'_>, messages: Vec<ChatMessage>, events: Channel<ChatEvent>) -> Reply<()> {
    let pass_on = |event| {
        if let Err(error) = events.send(event) {
            tracing::warn!("the window does not take the reply: {error}");
        }
    };
    desktop.chat(&messages, pass_on).await
}

#[tauri::command]
fn stop_chat(desktop: Shared) {
    desktop.stop_chat();
}

fn not_opened(path: &Path, error: &tauri_plugin_opener::Error) -> AppError {
    AppError::new(ErrorCode::File, format!("{} cannot be opened: {error}", path.display()))
}
