//! Declares the window's commands, so that it needs a permission for each.

/// All of them by name, as `src/commands.rs` defines and `ui/src/backend/tauri.ts` calls them.
const COMMANDS: &[&str] = &[
    "snapshot",
    "library",
    "estimate",
    "saved_settings",
    "load",
    "cancel_load",
    "unload",
    "delete_model",
    "search_models",
    "recommended_models",
    "download",
    "pause_download",
    "resume_download",
    "cancel_download",
    "dismiss_download",
    "import_model",
    "open_link",
    "unload_other",
    "reveal",
    "start_server",
    "stop_server",
    "check_port",
    "settings",
    "change_settings",
    "choose_folder",
    "open_logs",
    "install_command",
    "copy_text",
    "agents",
    "agent_config",
    "connect_agent",
    "disconnect_agent",
    "eval_setup",
    "start_eval",
    "cancel_eval",
    "evals",
    "delete_eval",
    "last_eval",
    "chat",
    "stop_chat",
];

fn main() {
    // The window's files are part of the executable.
    println!("cargo:rerun-if-changed=../ui/dist");
    let manifest = tauri_build::AppManifest::new().commands(COMMANDS);
    let attributes = tauri_build::Attributes::new().app_manifest(manifest);
    if let Err(error) = tauri_build::try_build(attributes) {
        println!("cargo:error={error:#}");
        std::process::exit(1);
    }
}
