//! Configurations for coding agents: to copy, and to put into the agent's own file.
//!
//! A file of another program is not ours. So [`Pi`] changes one entry in it and leaves every other byte alone, keeps
//! what was there before, refuses what it does not understand, and takes out again exactly what it put in.

mod file;
mod pi;

pub use file::FileError;
pub use pi::{Pi, PiAdded, PiEnvironment, PiError, PiProvider, PiRemoved, PiStatus};
