//! Why an agent's configuration cannot be used or was left alone.

use std::path::PathBuf;

use crate::Agent;
use crate::config::FileError;

/// Why an agent's configuration cannot be used or was left alone.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Nothing says where the agent's folder is.
    #[error("cannot tell where {agent} keeps its configuration: neither HOME nor {variable} is set")]
    NoHome {
        /// The agent.
        agent: Agent,
        /// What else would tell.
        variable: &'static str,
    },
    /// The agent would look for its folder in whatever folder it is started in.
    #[error(
        "{variable} is {value}, which is another folder wherever {agent} is started; set it to an absolute path",
        value = .value.display()
    )]
    RelativeFolder {
        /// The agent.
        agent: Agent,
        /// The variable.
        variable: &'static str,
        /// What it is set to.
        value: PathBuf,
    },
    /// The file system said no.
    #[error(transparent)]
    File(#[from] FileError),
    /// The agent cannot read the file, or there is no place in it for our entry.
    #[error(
        "{path}, line {line}, column {column}: {problem}; expected a file that {agent} can read. Nothing was changed; \
         correct the file and try again",
        path = .path.display()
    )]
    Invalid {
        /// The agent.
        agent: Agent,
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// Counted from 1, in characters.
        column: usize,
        /// What is wrong.
        problem: String,
    },
    /// Where our entry belongs is one that somebody else wrote or added to.
    #[error(
        "{path}, line {line}, column {column}: {difference}. Nothing was changed; rename it or take it out, and try again",
        path = .path.display()
    )]
    NotOurs {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// Counted from 1, in characters.
        column: usize,
        /// What it is and by what that was told.
        difference: String,
    },
    /// The agent would refuse the provider, and with it the whole file.
    #[error("an agent would not take this provider: {problem}")]
    Provider {
        /// What is wrong and what was expected.
        problem: &'static str,
    },
    /// The agent cannot be started.
    #[error(
        "there is no command `{program}` on the PATH: install {agent} with `npm install -g {package}`, or start it where it \
         is with the options that --write names"
    )]
    NotInstalled {
        /// The agent.
        agent: Agent,
        /// Its command.
        program: &'static str,
        /// Its package on npm.
        package: &'static str,
    },
}
