//! The agents that can be connected, and what each of them needs.

mod claude;
pub(crate) mod codex;
mod opencode;
pub(crate) mod pi;

use std::collections::BTreeMap;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use ts_rs::TS;

use crate::ConnectError;
use crate::config::ConfigFile;

/// A coding agent that can be connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Agent {
    /// Pi.
    Pi,
    /// OpenAI's Codex.
    Codex,
    /// Anthropic's Claude Code.
    Claude,
    /// opencode.
    Opencode,
}

impl Agent {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Pi, Self::Codex, Self::Claude, Self::Opencode];

    /// Its command, by which it is also named here.
    pub fn program(self) -> &'static str {
        match self {
            Self::Pi => "pi",
            Self::Codex => "codex",
            Self::Claude => "claude",
            Self::Opencode => "opencode",
        }
    }

    /// Its package on npm.
    pub(crate) fn package(self) -> &'static str {
        match self {
            Self::Pi => "@earendil-works/pi-coding-agent",
            Self::Codex => "@openai/codex",
            Self::Claude => "@anthropic-ai/claude-code",
            Self::Opencode => "opencode-ai",
        }
    }

    /// What is particular to it.
    pub(crate) fn integration(self) -> &'static dyn Integration {
        match self {
            Self::Pi => &pi::Pi,
            Self::Codex => &codex::Codex,
            Self::Claude => &claude::Claude,
            Self::Opencode => &opencode::Opencode,
        }
    }

    /// Its folder of configuration, which need not exist.
    pub(crate) fn folder(self, environment: &Environment) -> Result<PathBuf, ConnectError> {
        let Folder { variable, tilde, below_variable, below_home } = self.integration().folder();
        let home = environment.get("HOME").map(Path::new).filter(|home| home.is_absolute());
        let home = || home.ok_or(ConnectError::NoHome { agent: self, variable });
        let Some(set) = environment.get(variable).map(Path::new) else { return Ok(home()?.join(below_home)) };
        let set = match set.strip_prefix("~") {
            Ok(inside) if tilde => home()?.join(inside),
            _ => set.to_owned(),
        };
        if set.is_relative() {
            return Err(ConnectError::RelativeFolder { agent: self, variable, value: set });
        }
        Ok(set.join(below_variable))
    }
}

impl fmt::Display for Agent {
    /// Its name for people.
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str(match self {
            Self::Pi => "Pi",
            Self::Codex => "Codex",
            Self::Claude => "Claude Code",
            Self::Opencode => "opencode",
        })
    }
}

impl FromStr for Agent {
    type Err = String;

    /// An agent by its command.
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|agent| agent.program() == text).ok_or_else(|| {
            format!("there is no agent `{text}`: expected {}", Self::ALL.map(Self::program).join(", "))
        })
    }
}

/// What is particular to an agent.
pub(crate) trait Integration {
    /// Where it keeps its configuration.
    fn folder(&self) -> Folder;

    /// What we put into which files of that folder, in the order in which they are written. The last one is the one that
    /// makes the agent know of us.
    fn files(&self, folder: &Path) -> Vec<ConfigFile>;

    /// The model that an entry in the last of those files names.
    fn model(&self, entry: &Value) -> Option<String>;

    /// The options with which it uses that model, and nothing that it uses by default.
    fn options(&self, folder: &Path, model: &str) -> Vec<OsString>;
}

/// How an agent finds its folder of configuration.
pub(crate) struct Folder {
    /// The variable that names it.
    pub variable: &'static str,
    /// Whether `~` means the home folder in that variable.
    pub tilde: bool,
    /// Where it is below what the variable names.
    pub below_variable: &'static str,
    /// Where it is below the home folder, when the variable is not set.
    pub below_home: &'static str,
}

/// What decides where agents are and where they keep their files.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    variables: BTreeMap<&'static str, OsString>,
}

impl Environment {
    const VARIABLES: [&'static str; 6] =
        ["HOME", "PATH", "PI_CODING_AGENT_DIR", "CODEX_HOME", "CLAUDE_CONFIG_DIR", "XDG_CONFIG_HOME"];

    /// That of this process. An app that is started from the Dock or Finder does not see what a shell sets.
    pub fn of_this_process() -> Self {
        let variables = Self::VARIABLES.into_iter().filter_map(|name| Some((name, env::var_os(name)?)));
        Self { variables: variables.collect() }
    }

    /// One with nothing but a home folder.
    pub fn with_home(home: impl Into<OsString>) -> Self {
        Self { variables: BTreeMap::from([("HOME", home.into())]) }
    }

    /// With another `PATH`.
    pub fn with_search_path(mut self, path: impl Into<OsString>) -> Self {
        self.variables.insert("PATH", path.into());
        self
    }

    /// `PATH`: where commands are looked for.
    pub fn search_path(&self) -> OsString {
        self.get("PATH").unwrap_or_default().to_owned()
    }

    /// A variable; one that is empty counts as not set.
    fn get(&self, name: &str) -> Option<&OsStr> {
        self.variables.get(name).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }

    /// Where the command of an agent is.
    pub(crate) fn find(&self, agent: Agent) -> Option<PathBuf> {
        let mut folders = self.get("PATH").into_iter().flat_map(env::split_paths);
        folders.find_map(|folder| Some(folder.join(agent.program())).filter(|program| program.is_file()))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// An environment of variables.
    pub(crate) fn environment(variables: &[(&'static str, &Path)]) -> Environment {
        let variables = variables.iter().map(|(name, value)| (*name, value.as_os_str().to_owned()));
        Environment { variables: variables.collect() }
    }

    #[test]
    fn each_agents_folder_is_where_it_looks_itself() {
        let home = Path::new("/home/me");
        let folder = |agent: Agent, variables: &[(&'static str, &str)]| {
            let mut all = vec![("HOME", home)];
            all.extend(variables.iter().map(|(name, value)| (*name, Path::new(*value))));
            agent.folder(&environment(&all)).unwrap()
        };
        assert_eq!(folder(Agent::Pi, &[]), Path::new("/home/me/.pi/agent"));
        assert_eq!(folder(Agent::Pi, &[("PI_CODING_AGENT_DIR", "")]), Path::new("/home/me/.pi/agent"));
        assert_eq!(folder(Agent::Pi, &[("PI_CODING_AGENT_DIR", "/pi dir")]), Path::new("/pi dir"));
        assert_eq!(folder(Agent::Pi, &[("PI_CODING_AGENT_DIR", "~/pi")]), Path::new("/home/me/pi"));
        assert_eq!(folder(Agent::Pi, &[("PI_CODING_AGENT_DIR", "~")]), Path::new("/home/me"));
        assert_eq!(folder(Agent::Codex, &[]), Path::new("/home/me/.codex"));
        assert_eq!(folder(Agent::Codex, &[("CODEX_HOME", "/cx")]), Path::new("/cx"));
        assert_eq!(folder(Agent::Claude, &[]), Path::new("/home/me/.claude"));
        assert_eq!(folder(Agent::Claude, &[("CLAUDE_CONFIG_DIR", "/cl")]), Path::new("/cl"));
        assert_eq!(folder(Agent::Opencode, &[]), Path::new("/home/me/.config/opencode"));
        assert_eq!(folder(Agent::Opencode, &[("XDG_CONFIG_HOME", "/config")]), Path::new("/config/opencode"));
    }

    #[test]
    fn a_folder_that_cannot_be_told_is_refused_with_the_variable_to_set() {
        let error = |variables: &[(&'static str, &str)], agent: Agent| {
            let variables: Vec<_> =
                variables.iter().map(|(name, value)| (*name, Path::new(*value))).collect();
            agent.folder(&environment(&variables)).unwrap_err().to_string()
        };
        assert_eq!(
            error(&[], Agent::Codex),
            "cannot tell where Codex keeps its configuration: neither HOME nor CODEX_HOME is set"
        );
        assert_eq!(
            error(&[("HOME", "/me"), ("PI_CODING_AGENT_DIR", "pi")], Agent::Pi),
            "PI_CODING_AGENT_DIR is pi, which is another folder wherever Pi is started; set it to an absolute path"
        );
        assert!(
            error(&[("HOME", "/me"), ("CODEX_HOME", "~/cx")], Agent::Codex).contains("CODEX_HOME is ~/cx")
        );
    }

    #[test]
    fn an_agent_is_named_by_its_command() {
        for agent in Agent::ALL {
            assert_eq!(agent.program().parse(), Ok(agent));
        }
        let message = "cline".parse::<Agent>().unwrap_err();
        assert_eq!(message, "there is no agent `cline`: expected pi, codex, claude, opencode");
    }
}
