//! What the app's window and tray ask for: server, models, settings, agents. No Tauri.
//!
//! [`Desktop`] is the whole app without its shell: the shell passes commands on and shows [`AppSnapshot`]s. Everything
//! here is tested without a window.

mod activity;
mod agents;
mod chat;
mod command;
mod error;
mod eval;
mod http_server;
mod hub;
mod log;
mod models;
mod settings;
mod snapshot;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value};
use shorn_agents::Environment;
use shorn_hub::embedded;
use shorn_hub::library::Folders;
use shorn_hub::remote::Hub;
use shorn_runtime::{Runtime, WorkerCommand};
use shorn_server::App;
use tokio::sync::watch;

pub use shorn_agents::eval::{EvalProgress, EvalRun, EvalSetup, LastEval};
pub use shorn_agents::{Added, Agent, ConfigText, Removed};
pub use shorn_checkpoint::KvCache;
pub use shorn_hub::download::{Download, DownloadState};
pub use shorn_hub::library::Library;
pub use shorn_hub::remote::Search;
pub use shorn_runtime::{
    LoadOptions, ModelPhase, ModelState, SavedSettings, Snapshot, data_directory, in_bytes,
};
pub use shorn_server::{Estimate, HubModel, HubPage, RecommendedModel};

pub use agents::{AgentConfig, AgentConnection, AgentStatus};
pub use chat::{ChatEvent, ChatMessage, ChatRole};
pub use error::{AppError, ErrorCode};
pub use eval::EvalRequest;
pub use http_server::{PortCheck, ServerState};
pub use log::Log;
pub use models::LoadRequest;
pub use settings::{AppSettings, LogLevel, ModelFolders, RecentModel};
pub use snapshot::{AppSnapshot, Snapshots};

use activity::KeepAwake;
use eval::RunningEval;
use http_server::HttpServer;
use snapshot::ShellState;

/// The app without its shell.
#[derive(Debug)]
pub struct Desktop {
    app: Arc<App>,
    server: HttpServer,
    settings: watch::Sender<AppSettings>,
    settings_path: PathBuf,
    /// Held while settings are changed, so that the file is that of the last change.
    changing: Mutex<()>,
    shell: watch::Sender<ShellState>,
    stop_chat: watch::Sender<()>,
    eval: RunningEval,
    log: Log,
    worker: PathBuf,
    data_directory: PathBuf,
    embedded: PathBuf,
    agent_environment: Environment,
}

/// What the app is started with.
#[derive(Debug)]
pub struct Start {
    /// Where the app keeps its files.
    pub data_directory: PathBuf,
    /// The person's home folder.
    pub home: PathBuf,
    /// The `shorn` executable, which is the worker.
    pub worker: PathBuf,
}

impl Desktop {
    /// Reads the settings and begins to keep the snapshot. Nothing is loaded or served yet: see [`Desktop::begin`].
    ///
    /// # Errors
    /// When the embedded model cannot be written.
    pub fn new(start: Start) -> Result<Self, AppError> {
        let Start { data_directory, home, worker } = start;
        let standard = Folders::new(&data_directory, &home, |name| std::env::var_os(name));
        let settings_path = data_directory.join("app.json");
        let (settings, problem) = AppSettings::read(&settings_path, AppSettings::defaults(&standard));
        let log = Log::begin(&data_directory, settings.log_level);
        let embedded =
            embedded::unpack(&data_directory).map_err(|error| AppError::new(ErrorCode::File, error))?;
        let settings = settings.with_embedded(&embedded);
        let command = WorkerCommand { program: worker.clone(), arguments: vec!["worker".into()] };
        let runtime = Runtime::start(command);
        let hub = Hub::from_environment(&home, |name| std::env::var_os(name));
        let app =
            App::new(runtime, data_directory.clone(), folders(&settings, &embedded), hub, "downloads.json");
        app.set_memory_policy(settings.memory_policy());
        Ok(Self {
            app: Arc::new(app),
            server: HttpServer::new(),
            settings: watch::Sender::new(settings),
            settings_path,
            changing: Mutex::default(),
            shell: watch::Sender::new(ShellState { problem, ..ShellState::default() }),
            stop_chat: watch::Sender::new(()),
            eval: RunningEval::default(),
            log,
            worker,
            data_directory,
            embedded,
            agent_environment: Environment::of_this_process(),
        })
    }

    /// Starts the server and loads the model that was loaded last, as far as the settings say so. What fails is in the
    /// snapshot.
    pub async fn begin(&self) {
        let settings = self.settings();
        if settings.start_server {
            // The server's state says why it could not.
            let _ = self.start_server().await;
        }
        if settings.load_at_start
            && let Err(error) = self.load_again(&self.first_model()).await
        {
            tracing::warn!("the last model was not loaded: {error}");
            self.set_problem(Some(error));
        }
    }

    /// Keeps the machine awake while something runs, for as long as this is polled.
    pub async fn keep_awake(&self) {
        let mut activity = KeepAwake::new();
        let mut snapshots = self.app.runtime.snapshot();
        let mut downloads = self.app.downloads();
        let mut settings = self.settings.subscribe();
        loop {
            let busy = activity::is_busy(&snapshots.borrow_and_update())
                || downloads.borrow_and_update().iter().any(|download| download.state.is_under_way());
            let wanted = settings.borrow_and_update().keep_awake && busy;
            let held = activity.hold(wanted);
            self.change_shell(|shell| shell.keeps_awake = held);
            let goes_on = tokio::select! {
                changed = snapshots.changed() => changed.is_ok(),
                changed = downloads.changed() => changed.is_ok(),
                changed = settings.changed() => changed.is_ok(),
            };
            if !goes_on {
                return;
            }
        }
    }

    /// Stops the server and the downloads, and unloads every model.
    pub async fn end(&self) {
        self.stop_chat();
        self.cancel_eval();
        self.server.stop().await;
        self.app.downloads.stop().await;
        self.app.runtime.unload_all().await;
    }

    /// Opens the port.
    ///
    /// # Errors
    /// When another program has it, or the system refuses.
    pub async fn start_server(&self) -> Result<(), AppError> {
        self.server.start(self.app.clone(), &self.settings()).await
    }

    /// Closes the port. Replies under way go on to their end.
    pub async fn stop_server(&self) {
        self.server.stop().await;
    }

    /// Whether the server could have a port, and if not, who has it.
    pub fn check_port(&self, port: u16) -> PortCheck {
        self.server.check_port(port)
    }

    /// The settings now.
    pub fn settings(&self) -> AppSettings {
        self.settings.borrow().clone()
    }

    /// The settings, now and as they change.
    pub fn watch_settings(&self) -> watch::Receiver<AppSettings> {
        self.settings.subscribe()
    }

    /// Changes some settings, by name, and keeps them. A running server moves to its new port.
    ///
    /// # Errors
    /// When a setting cannot be as asked for (then nothing is changed), or the server cannot have its new port (then
    /// the settings are changed, and the server is stopped).
    pub async fn change_settings(&self, change: Map<String, Value>) -> Result<AppSettings, AppError> {
        let before = self.settings();
        if change.contains_key("recent") {
            let message = "the last models are what was loaded";
            return Err(AppError::field(ErrorCode::BadSetting, "recent", message));
        }
        let next = self.change(|settings| settings.changed(change))?;
        self.app.set_memory_policy(next.memory_policy());
        self.app.set_folders(folders(&next, &self.embedded));
        self.log.set_level(next.log_level);
        let moved =
            (before.port, before.network, &before.api_key) != (next.port, next.network, &next.api_key);
        let runs = matches!(&*self.server.state().borrow(), ServerState::Running { .. });
        if moved && runs {
            self.start_server().await?;
        }
        Ok(next)
    }

    /// What the shell knows: whether there is an icon in the menu bar.
    pub fn set_tray(&self, tray: bool) {
        self.change_shell(|shell| shell.tray = tray);
    }

    /// Where the log's files are.
    pub fn log_directory(&self) -> &Path {
        self.log.files()
    }

    /// Puts the `shorn` command where a terminal finds it, and returns its path.
    ///
    /// # Errors
    /// When something else of that name is in the way, or no folder can be written.
    pub fn install_command(&self, home: &Path) -> Result<PathBuf, AppError> {
        let folders = [PathBuf::from("/usr/local/bin"), home.join(".local/bin")];
        command::install(&self.worker, &folders, std::env::var_os("PATH").as_deref())
    }

    /// Says in the snapshot what went wrong where nobody could be told.
    pub fn report(&self, problem: AppError) {
        self.set_problem(Some(problem));
    }

    /// What the system says: whether it starts the app at login.
    pub fn note_launch_at_login(&self, enabled: bool) {
        if self.settings.borrow().launch_at_login != enabled
            && let Err(error) = self.update_settings(|settings| settings.launch_at_login = enabled)
        {
            tracing::warn!("{error}");
        }
    }

    /// A load that begins answers an earlier one that failed; other problems stay.
    pub(crate) fn forget_load_problem(&self) {
        use ErrorCode::{BadOption, DoesNotFit, LoadFailed, ModelNotFound};
        self.change_shell(|shell| {
            let about_load = |problem: &AppError| {
                matches!(problem.code, BadOption | DoesNotFit | LoadFailed | ModelNotFound)
            };
            shell.problem = shell.problem.take().filter(|problem| !about_load(problem));
        });
    }

    pub(crate) fn set_problem(&self, problem: Option<AppError>) {
        self.change_shell(|shell| shell.problem = problem);
    }

    fn change_shell(&self, change: impl FnOnce(&mut ShellState)) {
        self.shell.send_if_modified(|shell| {
            let before = shell.clone();
            change(shell);
            *shell != before
        });
    }

    pub(crate) fn update_settings(&self, update: impl FnOnce(&mut AppSettings)) -> Result<(), AppError> {
        let updated = |settings: &AppSettings| {
            let mut next = settings.clone();
            update(&mut next);
            Ok(next)
        };
        self.change(updated).map(|_| ())
    }

    /// Changes the settings and keeps them; nothing is changed where that fails.
    fn change(
        &self,
        next: impl FnOnce(&AppSettings) -> Result<AppSettings, AppError>,
    ) -> Result<AppSettings, AppError> {
        let _one_at_a_time = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let next = next(&self.settings.borrow())?;
        next.write(&self.settings_path)?;
        self.settings.send_if_modified(|settings| {
            let changed = *settings != next;
            *settings = next.clone();
            changed
        });
        Ok(next)
    }
}

fn folders(settings: &AppSettings, embedded: &Path) -> Folders {
    let ModelFolders { own, hugging_face, lm_studio } = settings.folders.clone();
    Folders { own, hugging_face, lm_studio, embedded: Some(embedded.to_owned()) }
}
