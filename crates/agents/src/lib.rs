//! Configurations for coding agents: to copy, and to put into the agent's own file. And the coding eval ([`eval`]), which
//! lets agents work and tests decide.
//!
//! A file of another program is not ours. So a [`Connection`] puts one entry into it, or a file of ours beside it, and
//! leaves every other byte alone, keeps what was there before, refuses what it does not understand, and takes out again
//! exactly what it put in.

mod agent;
mod config;
mod connection;
mod error;
pub mod eval;
mod provider;

pub use agent::{Agent, Environment};
pub use config::{Added, FileError, Removed};
pub use connection::{ConfigText, Connection, ConnectionStatus};
pub use error::ConnectError;
pub use provider::Provider;
