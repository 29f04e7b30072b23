//! An agent on this machine, and how it stands to us.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::Serialize;
use ts_rs::TS;

use crate::config::{Added, ConfigFile, Removed};
use crate::{Agent, ConnectError, Environment, Provider};

/// How an agent stands to us.
#[derive(Debug)]
pub enum ConnectionStatus {
    /// There is neither a folder of the agent's nor its command.
    NotInstalled,
    /// There is nothing of ours.
    NotConnected,
    /// There is an entry of ours.
    Connected {
        /// The model that it names.
        model: Option<String>,
        /// Whether it is what [`Connection::add`] would write for the present server and model.
        current: bool,
    },
    /// A file cannot be used as it is.
    Unusable(ConnectError),
}

/// A whole file, to copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
pub struct ConfigText {
    /// Where it belongs.
    pub path: PathBuf,
    /// What is in it.
    pub text: String,
}

/// An agent's configuration on this machine.
pub struct Connection {
    agent: Agent,
    folder: PathBuf,
    files: Vec<ConfigFile>,
    program: Option<PathBuf>,
}

impl Connection {
    /// Finds out where an agent keeps its files, as the agent does.
    ///
    /// # Errors
    /// When that cannot be told.
    pub fn locate(agent: Agent, environment: &Environment) -> Result<Self, ConnectError> {
        let folder = agent.folder(environment)?;
        let files = agent.integration().files(&folder);
        Ok(Self { agent, folder, files, program: environment.find(agent) })
    }

    /// The file that makes the agent know of us, which need not exist.
    pub fn path(&self) -> &Path {
        self.main_file().path()
    }

    /// Whole files with our entries and nothing else, to copy.
    ///
    /// # Errors
    /// When an agent would refuse them.
    pub fn config(&self, provider: &Provider) -> Result<Vec<ConfigText>, ConnectError> {
        provider.check()?;
        let whole =
            |file: &ConfigFile| ConfigText { path: file.path().to_owned(), text: file.whole(provider) };
        Ok(self.files.iter().map(whole).collect())
    }

    /// Whether the agent knows of us; `present` is what it should know now, `None` when there is no model to offer.
    pub fn status(&self, present: Option<&Provider>) -> ConnectionStatus {
        match self.connected(present) {
            Ok(Some((model, current))) => ConnectionStatus::Connected { model, current },
            Ok(None) if self.is_installed() => ConnectionStatus::NotConnected,
            Ok(None) => ConnectionStatus::NotInstalled,
            Err(error) => ConnectionStatus::Unusable(error),
        }
    }

    /// The model that our entry names and whether everything of ours is current, if anything of ours is there.
    fn connected(&self, present: Option<&Provider>) -> Result<Option<(Option<String>, bool)>, ConnectError> {
        let (mut any, mut current, mut model) = (false, true, None);
        for file in &self.files {
            let entry = file.entry().map_err(|trouble| file.error(self.agent, trouble))?;
            any |= entry.is_some();
            model = entry.and_then(|entry| self.agent.integration().model(&entry));
            current &= match present {
                Some(provider) => {
                    file.is_current(provider).map_err(|trouble| file.error(self.agent, trouble))?
                }
                None => false,
            };
        }
        Ok(any.then_some((model, current)))
    }

    /// Puts our entries into the agent's files, or brings them up to date. Everything else stays, also what the agent uses
    /// by default.
    ///
    /// # Errors
    /// When a file cannot be read or written, the agent could not read it, or an entry is there that we did not write.
    /// That file is not changed then, and where it could be told beforehand, no other one.
    pub fn add(&self, provider: &Provider) -> Result<Added, ConnectError> {
        provider.check()?;
        for file in &self.files {
            file.is_current(provider).map_err(|trouble| file.error(self.agent, trouble))?;
        }
        let mut outcome = Added::Unchanged;
        for file in &self.files {
            let added = file.add(provider).map_err(|trouble| file.error(self.agent, trouble))?;
            outcome = match (outcome, added) {
                (Added::Unchanged, added) => added,
                (_, Added::Unchanged) => Added::Updated,
                (_, added) => added,
            };
        }
        Ok(outcome)
    }

    /// Takes our entries out again.
    ///
    /// # Errors
    /// As for [`Self::add`].
    pub fn remove(&self) -> Result<Removed, ConnectError> {
        let mut outcome = Removed::NothingThere;
        // The other way round, so that the agent never knows of something that is gone.
        for file in self.files.iter().rev() {
            let removed = file.remove().map_err(|trouble| file.error(self.agent, trouble))?;
            if outcome == Removed::NothingThere {
                outcome = removed;
            }
        }
        Ok(outcome)
    }

    /// The command that starts the agent with a model of ours, as one types it.
    pub fn command_line(&self, model: &str) -> String {
        let options = self.options(model);
        let words = options.iter().map(|option| quoted(&option.to_string_lossy()));
        std::iter::once(self.agent.program().to_owned()).chain(words).collect::<Vec<_>>().join(" ")
    }

    /// The options of that command.
    pub fn options(&self, model: &str) -> Vec<OsString> {
        self.agent.integration().options(&self.folder, model)
    }

    /// Where the agent's command is.
    ///
    /// # Errors
    /// When it is not on the `PATH`.
    pub fn program(&self) -> Result<&Path, ConnectError> {
        self.program.as_deref().ok_or(ConnectError::NotInstalled {
            agent: self.agent,
            program: self.agent.program(),
            package: self.agent.package(),
        })
    }

    fn is_installed(&self) -> bool {
        self.folder.is_dir() || self.program.is_some()
    }

    fn main_file(&self) -> &ConfigFile {
        self.files.last().expect("every agent has a file")
    }
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "-_./:@+,".contains(character);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
#[path = "connection_tests.rs"]
mod tests;
