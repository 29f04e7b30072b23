//! Coding agents: their configuration for the server and the model that are there now.

use std::path::PathBuf;

use serde::Serialize;
use shorn_agents::{Added, Agent, ConfigText, Connection, ConnectionStatus, Environment, Provider, Removed};
use ts_rs::TS;

use crate::Desktop;
use crate::error::{AppError, ErrorCode};
use crate::http_server::{ServerState, base_url};

/// How an agent stands to us.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
pub struct AgentConnection {
    /// The agent.
    pub agent: Agent,
    /// Its name for people.
    pub name: String,
    /// The file that makes it know of us, which need not exist.
    pub path: Option<PathBuf>,
    /// Whether it does.
    pub status: AgentStatus,
}

/// Whether an agent knows of us.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AgentStatus {
    /// It is not on this machine.
    NotInstalled,
    /// There is nothing of ours.
    NotConnected,
    /// There is an entry of ours.
    Connected {
        /// The model that it names.
        model: Option<String>,
        /// `false` when the server or the model has changed since.
        current: bool,
    },
    /// Its files cannot be used.
    Unusable {
        /// Why.
        error: AppError,
    },
}

/// What an agent needs for the model that is served now.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
pub struct AgentConfig {
    /// Whole files with it, to copy.
    pub files: Vec<ConfigText>,
    /// What starts the agent with it, in a terminal.
    pub command: String,
}

impl AgentConfig {
    /// The texts of the files, one after the other.
    pub fn text(&self) -> String {
        self.files.iter().map(|file| file.text.as_str()).collect()
    }
}

impl Desktop {
    /// How all agents stand to us.
    pub fn agents(&self) -> Vec<AgentConnection> {
        let present = self.provider().ok();
        let connection = |agent: Agent| {
            let (path, status) = match Connection::locate(agent, &self.agent_environment) {
                Ok(found) => (Some(found.path().to_owned()), status(found.status(present.as_ref()))),
                Err(error) => (None, AgentStatus::Unusable { error: error.into() }),
            };
            AgentConnection { agent, name: agent.to_string(), path, status }
        };
        Agent::ALL.map(connection).into()
    }

    /// What an agent needs, to copy.
    ///
    /// # Errors
    /// When no model is loaded, or it cannot be told where the agent keeps its files.
    pub fn agent_config(&self, agent: Agent) -> Result<AgentConfig, AppError> {
        let provider = self.provider()?;
        let connection = self.connection(agent)?;
        let command = connection.command_line(&provider.model);
        Ok(AgentConfig { files: connection.config(&provider)?, command })
    }

    /// Makes an agent know of the server and the model, or brings what it knows up to date.
    ///
    /// # Errors
    /// When no model is loaded, or a file of the agent's cannot be used.
    pub fn connect_agent(&self, agent: Agent) -> Result<Added, AppError> {
        Ok(self.connection(agent)?.add(&self.provider()?)?)
    }

    /// Takes what is ours out of an agent's files again.
    ///
    /// # Errors
    /// When a file cannot be used.
    pub fn disconnect_agent(&self, agent: Agent) -> Result<Removed, AppError> {
        Ok(self.connection(agent)?.remove()?)
    }

    fn connection(&self, agent: Agent) -> Result<Connection, AppError> {
        Ok(Connection::locate(agent, &self.agent_environment)?)
    }

    fn provider(&self) -> Result<Provider, AppError> {
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
        Ok(Provider::new(base_url, model.name(), model.context_length(), model.reasons(), key))
    }

    /// Where agents are looked for, for tests; otherwise that of this process.
    pub fn with_agent_environment(mut self, environment: Environment) -> Self {
        self.agent_environment = environment;
        self
    }
}

fn status(status: ConnectionStatus) -> AgentStatus {
    match status {
        ConnectionStatus::NotInstalled => AgentStatus::NotInstalled,
        ConnectionStatus::NotConnected => AgentStatus::NotConnected,
        ConnectionStatus::Connected { model, current } => AgentStatus::Connected { model, current },
        ConnectionStatus::Unusable(error) => AgentStatus::Unusable { error: error.into() },
    }
}
