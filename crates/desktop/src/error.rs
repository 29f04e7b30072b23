//! Failures as the window gets them: it decides by the code and shows the message.

use serde::Serialize;
use shorn_agents::ConnectError;
use shorn_runtime::SettingsError;
use shorn_server::{ApiError, DeleteModelError, ListenError, LoadError, ServedModelError};
use ts_rs::TS;

/// A failure. The window decides by `code`; `message` is for people, and names what to do.
#[derive(Debug, Clone, PartialEq, Serialize, TS, thiserror::Error)]
#[error("{message}")]
#[ts(rename = "BackendError")]
pub struct AppError {
    /// What happened and what to do.
    pub message: String,
    /// The setting or option at fault, by its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub field: Option<String>,
    /// What it is.
    #[serde(flatten)]
    pub code: ErrorCode,
}

/// What failed, as far as the window treats it differently.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum ErrorCode {
    /// An option that the model cannot take; `field` names it as `LoadOptions` does.
    BadOption,
    /// A setting of the app that cannot be; `field` names it.
    BadSetting,
    /// More memory than there is; a load with `anyway` tries it all the same.
    DoesNotFit,
    /// The worker could not load the model, or died while loading.
    LoadFailed,
    /// The person ended the load, or another one replaced it.
    LoadCancelled,
    /// There is no such model on this disk.
    ModelNotFound,
    /// The model is loaded, so its files stay.
    ModelInUse,
    /// The Hub could not be asked.
    Hub,
    /// No model on the Hub has such a name.
    NotOnHub,
    /// Network listening without a key.
    NeedsKey,
    /// Another program has the port.
    PortTaken {
        /// The port.
        port: u16,
        /// The program, in words.
        holder: String,
        /// A port that is free.
        free_port: u16,
    },
    /// The server cannot listen for another reason.
    ServerFailed,
    /// Nothing answers: no model, or the server is stopped.
    Unavailable,
    /// An agent's file cannot be read as the agent would, or has somebody else's entry where ours belongs.
    AgentFileUnusable,
    /// A file or folder cannot be read, written or deleted.
    File,
    /// Our own fault.
    Internal,
}

impl AppError {
    /// An error without a field.
    pub fn new(code: ErrorCode, message: impl ToString) -> Self {
        Self { message: message.to_string(), field: None, code }
    }

    /// An error that a field is at fault for.
    pub fn field(code: ErrorCode, field: impl Into<String>, message: impl ToString) -> Self {
        Self { field: Some(field.into()), ..Self::new(code, message) }
    }
}

impl From<LoadError> for AppError {
    fn from(error: LoadError) -> Self {
        let code = match error {
            LoadError::Model(error) => return error.into(),
            LoadError::DoesNotFit(_) => ErrorCode::DoesNotFit,
            LoadError::Failed(_) => ErrorCode::LoadFailed,
            LoadError::GivenUp => ErrorCode::LoadCancelled,
            LoadError::MemoryUnknown | LoadError::ShuttingDown => ErrorCode::Unavailable,
        };
        Self::new(code, error)
    }
}

impl From<ServedModelError> for AppError {
    fn from(error: ServedModelError) -> Self {
        match &error {
            ServedModelError::Option(option) => Self::field(ErrorCode::BadOption, option.option(), &error),
            ServedModelError::Settings(_) => Self::new(ErrorCode::File, error),
            _ => Self::new(ErrorCode::LoadFailed, error),
        }
    }
}

impl From<SettingsError> for AppError {
    fn from(error: SettingsError) -> Self {
        Self::new(ErrorCode::File, error)
    }
}

impl From<DeleteModelError> for AppError {
    fn from(error: DeleteModelError) -> Self {
        let code = match error {
            DeleteModelError::InUse => ErrorCode::ModelInUse,
            DeleteModelError::Refused(_) | DeleteModelError::Interrupted => ErrorCode::File,
        };
        Self::new(code, error)
    }
}

impl From<ConnectError> for AppError {
    fn from(error: ConnectError) -> Self {
        let code = match error {
            ConnectError::File(_) | ConnectError::NoHome { .. } | ConnectError::RelativeFolder { .. } => {
                ErrorCode::File
            }
            ConnectError::Invalid { .. } | ConnectError::NotOurs { .. } => ErrorCode::AgentFileUnusable,
            ConnectError::Provider { .. } | ConnectError::NotInstalled { .. } => ErrorCode::Internal,
        };
        Self::new(code, error)
    }
}

impl From<ListenError> for AppError {
    fn from(error: ListenError) -> Self {
        match error {
            ListenError::NeedsKey(_) => Self::field(ErrorCode::NeedsKey, "network", needs_key()),
            ListenError::Taken { port, holder } => taken(port, holder),
            ListenError::Refused { .. } => Self::new(ErrorCode::ServerFailed, error),
        }
    }
}

/// Looking for a model is all that the window does through routes.
impl From<ApiError> for AppError {
    fn from(error: ApiError) -> Self {
        let code = if error.status() == 404 { ErrorCode::ModelNotFound } else { ErrorCode::Internal };
        Self::new(code, error.message())
    }
}

/// What is said of network listening without a key.
pub(crate) fn needs_key() -> &'static str {
    "listening on the network lets other machines in, so it needs a key: set one first"
}

/// A port that another program has.
pub(crate) fn taken(port: u16, holder: String) -> AppError {
    let free_port = crate::http_server::free_port_after(port);
    let message = format!("port {port} is taken by {holder}; end that program, or use port {free_port}");
    AppError::new(ErrorCode::PortTaken { port, holder, free_port }, message)
}
