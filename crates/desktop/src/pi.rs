//! The Pi agent: its configuration for the server and the model that are there now.

use std::path::PathBuf;

use serde::Serialize;
use shorn_agents::{Pi, PiAdded, PiEnvironment, PiProvider, PiRemoved, PiStatus};
use ts_rs::TS;

use crate::Desktop;
use crate::error::{AppError, ErrorCode};
use crate::http_server::{ServerState, base_url};

/// How Pi stands to us.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
pub struct PiConnection {
    /// Pi's `models.json`, which need not exist.
    pub models_path: PathBuf,
    /// Whether it has our provider.
    pub status: PiConnectionStatus,
}

/// Whether Pi has our provider.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PiConnectionStatus {
    /// There is no Pi.
    NotInstalled,
    /// There is no provider of ours.
    NotConnected,
    /// There is one.
    Connected {
        /// What it says.
        provider: Box<PiProvider>,
        /// `false` when the server or the model has changed since.
        current: bool,
    },
    /// Its file cannot be used.
    Unusable {
        /// Why.
        error: AppError,
    },
}

impl Desktop {
    /// How Pi stands to us.
    ///
    /// # Errors
    /// When it cannot be told where Pi keeps its files.
    pub fn pi(&self) -> Result<PiConnection, AppError> {
        let pi = Pi::locate(&self.pi_environment)?;
        let status = match pi.status(self.pi_provider().ok().as_ref()) {
            PiStatus::NotInstalled => PiConnectionStatus::NotInstalled,
            PiStatus::NotConnected => PiConnectionStatus::NotConnected,
            PiStatus::Connected { provider, current } => PiConnectionStatus::Connected { provider, current },
            PiStatus::Unusable(error) => PiConnectionStatus::Unusable { error: error.into() },
        };
        Ok(PiConnection { models_path: pi.models_path().to_owned(), status })
    }

    /// A whole `models.json` with our provider, to copy.
    ///
    /// # Errors
    /// When no model is loaded.
    pub fn pi_config(&self) -> Result<String, AppError> {
        Ok(self.pi_provider()?.models_json()?)
    }

    /// Puts our provider into Pi's file, or brings it up to date.
    ///
    /// # Errors
    /// When no model is loaded, or the file cannot be used.
    pub fn add_to_pi(&self) -> Result<PiAdded, AppError> {
        Ok(Pi::locate(&self.pi_environment)?.add(&self.pi_provider()?)?)
    }

    /// Takes our provider out of Pi's file again.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn remove_from_pi(&self) -> Result<PiRemoved, AppError> {
        Ok(Pi::locate(&self.pi_environment)?.remove()?)
    }

    fn pi_provider(&self) -> Result<PiProvider, AppError> {
        let model = self.app.model().map_err(|_| {
            let message = "load a model first: its name and context belong into the configuration";
            AppError::new(ErrorCode::Unavailable, message)
        })?;
        let settings = self.settings();
        let base_url = match &*self.server.state().borrow() {
            ServerState::Running { base_url, .. } => base_url.clone(),
            _ => base_url(settings.port),
        };
        let key = settings.api_key;
        Ok(PiProvider::new(base_url, model.name(), model.context_length(), model.reasons(), key))
    }

    /// Where Pi is looked for, for tests; otherwise that of this process.
    pub fn with_pi_environment(mut self, environment: PiEnvironment) -> Self {
        self.pi_environment = environment;
        self
    }
}
