//! The Pi coding agent: one provider of ours in its `models.json`.

mod document;
mod models_file;
mod provider;

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use document::Problem;
use models_file::Refusal;
use serde::Serialize;
use ts_rs::TS;

pub use provider::PiProvider;

use crate::file::{self, FileError};

/// What decides where Pi keeps its files.
#[derive(Debug, Clone, Default)]
pub struct PiEnvironment {
    /// `HOME`.
    pub home: Option<PathBuf>,
    /// `PI_CODING_AGENT_DIR`: Pi's folder, when it is not `~/.pi/agent`.
    pub agent_directory: Option<OsString>,
    /// `PATH`, to find the command `pi`.
    pub search_path: Option<OsString>,
}

impl PiEnvironment {
    /// That of this process. An app that is started from the Dock or Finder does not see what a shell sets.
    pub fn of_this_process() -> Self {
        Self {
            home: env::var_os("HOME").map(PathBuf::from),
            agent_directory: env::var_os("PI_CODING_AGENT_DIR"),
            search_path: env::var_os("PATH"),
        }
    }
}

/// Why Pi's configuration cannot be used or was left alone.
#[derive(Debug, thiserror::Error)]
pub enum PiError {
    /// Nothing says where Pi's folder is.
    #[error("cannot tell where Pi keeps its models.json: neither HOME nor PI_CODING_AGENT_DIR is set")]
    NoHome,
    /// Pi would look for its folder in whatever folder it is started in.
    #[error(
        "PI_CODING_AGENT_DIR is {value}, which is another folder wherever Pi is started; set it to an absolute path",
        value = .value.display()
    )]
    RelativeDirectory {
        /// What the variable is set to.
        value: PathBuf,
    },
    /// The file system said no.
    #[error(transparent)]
    File(#[from] FileError),
    /// Pi cannot read the file, or there is no place in it for a provider.
    #[error(
        "{path}, line {line}, column {column}: {problem}; expected JSON as Pi reads it, with an object `providers`. \
         Nothing was changed; correct the file and try again",
        path = .path.display()
    )]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// Counted from 1, in characters.
        column: usize,
        /// What is wrong.
        problem: String,
    },
    /// There is a provider `shorn` that somebody else wrote or added to.
    #[error(
        "{path}, line {line}, column {column}: there is a provider `shorn` that is not as Shorn writes it: {difference}. \
         Nothing was changed; rename that provider or take it out, and try again",
        path = .path.display()
    )]
    NotOurs {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// Counted from 1, in characters.
        column: usize,
        /// By what that was told.
        difference: String,
    },
    /// Pi would refuse the provider, and with it the whole file.
    #[error("Pi would not take this provider: {problem}")]
    Provider {
        /// What is wrong and what was expected.
        problem: &'static str,
    },
}

/// How Pi stands to us.
#[derive(Debug)]
pub enum PiStatus {
    /// There is neither a folder of Pi's nor a command `pi`.
    NotInstalled,
    /// There is no provider of ours.
    NotConnected,
    /// There is a provider of ours.
    Connected {
        /// What it says.
        provider: Box<PiProvider>,
        /// Whether it is what [`Pi::add`] would write for the present server and model.
        current: bool,
    },
    /// The file cannot be used as it is.
    Unusable(PiError),
}

/// What [`Pi::add`] did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PiAdded {
    /// There was no file; now there is one.
    Created,
    /// The provider was put into the file.
    Added {
        /// The file as it was before.
        backup: PathBuf,
    },
    /// Our provider was there and said something else.
    Updated,
    /// Our provider was there and said just that; nothing was written.
    Unchanged,
}

/// What [`Pi::remove`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum PiRemoved {
    /// The file had nothing but what we had put there, and is gone.
    Deleted,
    /// The file is again, byte for byte, what it was before [`Pi::add`], and the backup is gone.
    Restored,
    /// The file was changed since, too: the provider was cut out, everything else stays, and so does the backup.
    CutOut,
    /// There was no provider of ours.
    NothingThere,
}

/// Pi's configuration on this machine.
#[derive(Debug, Clone)]
pub struct Pi {
    models: PathBuf,
    search_path: Option<OsString>,
}

impl Pi {
    /// Finds out where Pi keeps its files, as Pi does: `PI_CODING_AGENT_DIR`, in which `~` is the home folder, else
    /// `~/.pi/agent`.
    ///
    /// # Errors
    /// When that cannot be told.
    pub fn locate(environment: &PiEnvironment) -> Result<Self, PiError> {
        let home = environment.home.as_deref().filter(|home| home.is_absolute()).ok_or(PiError::NoHome);
        let set = environment.agent_directory.as_ref().filter(|value| !value.is_empty()).map(Path::new);
        let directory = match set {
            None => home?.join(".pi/agent"),
            Some(directory) => match directory.strip_prefix("~") {
                Ok(inside) => home?.join(inside),
                Err(_) => directory.to_owned(),
            },
        };
        if directory.is_relative() {
            return Err(PiError::RelativeDirectory { value: directory });
        }
        Ok(Self { models: directory.join("models.json"), search_path: environment.search_path.clone() })
    }

    /// Pi's `models.json`, which need not exist.
    pub fn models_path(&self) -> &Path {
        &self.models
    }

    /// Where [`Self::add`] keeps the file as it was.
    pub fn backup_path(&self) -> PathBuf {
        self.models.with_file_name("models.json.before-shorn")
    }

    /// Whether Pi knows our provider; `present` is what it should say now, `None` when there is no model to offer.
    pub fn status(&self, present: Option<&PiProvider>) -> PiStatus {
        let entry = match self.read().and_then(|read| read.map_or(Ok(None), |(_, text)| self.find(&text))) {
            Ok(entry) => entry,
            Err(error) => return PiStatus::Unusable(error),
        };
        match entry {
            Some((entry, provider)) => {
                let present = present.and_then(|present| present.entry().ok());
                PiStatus::Connected { provider: Box::new(provider), current: present == Some(entry) }
            }
            None if self.is_installed() => PiStatus::NotConnected,
            None => PiStatus::NotInstalled,
        }
    }

    /// Puts our provider into the file, or brings it up to date. Everything else in the file stays, also what Pi uses
    /// by default. When that changes a file for the first time, it is kept as it was at [`Self::backup_path`].
    ///
    /// # Errors
    /// When the file cannot be read or written, Pi could not read it, or a provider `shorn` is there that we did not
    /// write. Nothing is changed then.
    pub fn add(&self, provider: &PiProvider) -> Result<PiAdded, PiError> {
        let entry = provider.entry()?;
        let Some((path, text)) = self.read()? else {
            file::replace(&self.models, None, provider::models_json(&entry).as_bytes())?;
            return Ok(PiAdded::Created);
        };
        let update = self.find(&text)?.is_some();
        let changed = models_file::put(&text, &entry).map_err(|refusal| self.refused(refusal))?;
        if changed == text {
            return Ok(PiAdded::Unchanged);
        }
        // An update touches nothing but our own entry: the backup goes on being the file from before us.
        let backup = self.backup_path();
        if !update {
            file::keep_copy(&path, text.as_bytes(), &backup)?;
        }
        file::replace(&path, Some(text.as_bytes()), changed.as_bytes())?;
        Ok(if update { PiAdded::Updated } else { PiAdded::Added { backup } })
    }

    /// Takes our provider out again.
    ///
    /// # Errors
    /// As for [`Self::add`].
    pub fn remove(&self) -> Result<PiRemoved, PiError> {
        let Some((path, text)) = self.read()? else { return Ok(PiRemoved::NothingThere) };
        let Some((entry, _)) = self.find(&text)? else { return Ok(PiRemoved::NothingThere) };
        // Without a backup that can be read the entry is cut out, which is nearly the same.
        let backup = file::read(&self.backup_path()).ok().flatten();
        let before = backup.and_then(|bytes| String::from_utf8(bytes).ok()).filter(|before| {
            models_file::find(before) == Ok(None) && models_file::put(before, &entry).as_ref() == Ok(&text)
        });
        if let Some(before) = before {
            file::replace(&path, Some(text.as_bytes()), before.as_bytes())?;
            file::delete(&self.backup_path())?;
            return Ok(PiRemoved::Restored);
        }
        // Behind a link is a file that somebody made: that one is not ours to delete.
        if text == provider::models_json(&entry) && path == self.models {
            file::delete(&path)?;
            return Ok(PiRemoved::Deleted);
        }
        let changed = models_file::take_out(&text).map_err(|refusal| self.refused(refusal))?;
        file::replace(&path, Some(text.as_bytes()), changed.as_bytes())?;
        Ok(PiRemoved::CutOut)
    }

    fn is_installed(&self) -> bool {
        let directories = self.search_path.iter().flat_map(env::split_paths);
        self.models.parent().is_some_and(Path::is_dir)
            || directories.into_iter().any(|directory| directory.join("pi").is_file())
    }

    /// The file behind `models.json` and its text.
    fn read(&self) -> Result<Option<(PathBuf, String)>, PiError> {
        let path = file::behind_links(&self.models)?;
        let Some(bytes) = file::read(&path)? else { return Ok(None) };
        let text = String::from_utf8(bytes).map_err(|error| {
            let valid = String::from_utf8_lossy(&error.as_bytes()[..error.utf8_error().valid_up_to()]);
            self.refused(Problem::at(&valid, valid.len(), "not UTF-8").into())
        })?;
        Ok(Some((path, text)))
    }

    fn find(&self, text: &str) -> Result<Option<(serde_json::Value, PiProvider)>, PiError> {
        models_file::find(text).map_err(|refusal| self.refused(refusal))
    }

    fn refused(&self, refusal: Refusal) -> PiError {
        let path = self.models.clone();
        match refusal {
            Refusal::Invalid(Problem { line, column, what: problem }) => {
                PiError::Invalid { path, line, column, problem }
            }
            Refusal::NotOurs(Problem { line, column, what: difference }) => {
                PiError::NotOurs { path, line, column, difference }
            }
        }
    }
}

#[cfg(test)]
#[path = "pi_tests.rs"]
mod tests;
