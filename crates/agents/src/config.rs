//! A file of an agent's, with something of ours in it: put in, brought up to date, taken out.

mod file;
mod json_document;
mod json_entry;
mod text;
mod toml_entry;

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;
use ts_rs::TS;

use crate::provider::{ANY_NAME, Provider};
use crate::{Agent, ConnectError};
use text::{Problem, Refusal};

#[cfg(test)]
pub(crate) use json_entry::tests as json_tests;

pub use file::FileError;
pub(crate) use json_document::Dialect;
pub(crate) use json_entry::JsonEntry;
pub(crate) use toml_entry::TomlEntry;

/// What connecting did to an agent's file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Added {
    /// There was no file; now there is one.
    Created,
    /// Our entry was put into the file.
    Added {
        /// The file as it was before.
        backup: PathBuf,
    },
    /// Our entry was there and said something else.
    Updated,
    /// Our entry was there and said just that; nothing was written.
    Unchanged,
}

/// What disconnecting did to an agent's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Removed {
    /// The file had nothing but what we had put there, and is gone.
    Deleted,
    /// The file is again, byte for byte, what it was before, and the backup is gone.
    Restored,
    /// The file was changed since, too: our entry was cut out, everything else stays, and so does the backup.
    CutOut,
    /// There was nothing of ours.
    NothingThere,
}

/// How a file is written and where our entry stands in it.
enum Form {
    Json(JsonEntry),
    Toml(TomlEntry),
}

impl Form {
    /// Our entry as it stands in the text, if it is there; `known` has every field that we ever write.
    fn find(&self, text: &str, known: &Value) -> Result<Option<Value>, Refusal> {
        match self {
            Self::Json(form) => form.find(text, known),
            Self::Toml(form) => form.find(text, known),
        }
    }

    /// The text with `entry` as our entry; the same text when it says that already.
    fn put(&self, text: &str, entry: &Value, known: &Value) -> Result<String, Refusal> {
        match self {
            Self::Json(form) => form.put(text, entry, known),
            Self::Toml(form) => form.put(text, entry, known),
        }
    }

    /// The text without our entry.
    fn take_out(&self, text: &str, known: &Value) -> Result<String, Refusal> {
        match self {
            Self::Json(form) => form.take_out(text, known),
            Self::Toml(form) => form.take_out(text, known),
        }
    }

    /// A whole file with our entry and nothing else.
    fn whole(&self, entry: &Value) -> String {
        match self {
            Self::Json(form) => form.whole(entry),
            Self::Toml(form) => form.whole(entry),
        }
    }
}

/// A file and what of it is ours.
pub(crate) struct ConfigFile {
    path: PathBuf,
    form: Form,
    entry_for: fn(&Provider) -> Value,
}

impl ConfigFile {
    pub fn json(path: PathBuf, form: JsonEntry, entry_for: fn(&Provider) -> Value) -> Self {
        Self { path, form: Form::Json(form), entry_for }
    }

    pub fn toml(path: PathBuf, form: TomlEntry, entry_for: fn(&Provider) -> Value) -> Self {
        Self { path, form: Form::Toml(form), entry_for }
    }

    /// The file, which need not exist.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether something is there of that name, if only a link to nothing.
    pub fn exists(&self) -> bool {
        self.path.symlink_metadata().is_ok()
    }

    /// Where [`Self::add`] keeps the file as it was.
    pub fn backup_path(&self) -> PathBuf {
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(".before-shorn");
        self.path.with_file_name(name)
    }

    /// A whole file for a provider and nothing else.
    pub fn whole(&self, provider: &Provider) -> String {
        self.form.whole(&(self.entry_for)(provider))
    }

    /// Our entry, if it is there.
    pub fn entry(&self) -> Result<Option<Value>, Trouble> {
        match self.read()? {
            Some((_, text)) => Ok(self.find(&text)?),
            None => Ok(None),
        }
    }

    /// Whether adding would leave the file as it is.
    ///
    /// # Errors
    /// As for [`Self::add`].
    pub fn is_current(&self, provider: &Provider) -> Result<bool, Trouble> {
        match self.read()? {
            Some((_, text)) => Ok(self.put(&text, &(self.entry_for)(provider))? == text),
            None => Ok(false),
        }
    }

    /// Puts our entry into the file, or brings it up to date. Everything else in it stays. When that changes a file for
    /// the first time, it is kept as it was at [`Self::backup_path`].
    ///
    /// # Errors
    /// When the file cannot be read or written, the agent could not read it, or an entry is there that we did not write.
    /// Nothing is changed then.
    pub fn add(&self, provider: &Provider) -> Result<Added, Trouble> {
        let entry = (self.entry_for)(provider);
        let Some((path, text)) = self.read()? else {
            file::replace(&self.path, None, self.form.whole(&entry).as_bytes())?;
            return Ok(Added::Created);
        };
        let update = self.find(&text)?.is_some();
        let changed = self.put(&text, &entry)?;
        if changed == text {
            return Ok(Added::Unchanged);
        }
        // An update touches nothing but our own entry: the backup goes on being the file from before us.
        let backup = self.backup_path();
        if !update {
            file::keep_copy(&path, text.as_bytes(), &backup)?;
        }
        file::replace(&path, Some(text.as_bytes()), changed.as_bytes())?;
        Ok(if update { Added::Updated } else { Added::Added { backup } })
    }

    /// Takes our entry out again.
    ///
    /// # Errors
    /// As for [`Self::add`].
    pub fn remove(&self) -> Result<Removed, Trouble> {
        let Some((path, text)) = self.read()? else { return Ok(Removed::NothingThere) };
        let Some(entry) = self.find(&text)? else { return Ok(Removed::NothingThere) };
        // Without a backup that can be read the entry is cut out, which is nearly the same.
        let backup = file::read(&self.backup_path()).ok().flatten();
        let before = backup
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .filter(|before| self.find(before) == Ok(None) && self.put(before, &entry).as_ref() == Ok(&text));
        if let Some(before) = before {
            file::replace(&path, Some(text.as_bytes()), before.as_bytes())?;
            file::delete(&self.backup_path())?;
            return Ok(Removed::Restored);
        }
        // Behind a link is a file that somebody made: that one is not ours to delete.
        if text == self.form.whole(&entry) && path == self.path {
            file::delete(&path)?;
            return Ok(Removed::Deleted);
        }
        let changed = self.form.take_out(&text, &self.known())?;
        file::replace(&path, Some(text.as_bytes()), changed.as_bytes())?;
        Ok(Removed::CutOut)
    }

    /// What goes wrong with this file, as it is told.
    pub fn error(&self, agent: Agent, trouble: Trouble) -> ConnectError {
        let path = self.path.clone();
        match trouble {
            Trouble::File(error) => ConnectError::File(error),
            Trouble::Refused(Refusal::Invalid(Problem { line, column, what: problem })) => {
                ConnectError::Invalid { agent, path, line, column, problem }
            }
            Trouble::Refused(Refusal::NotOurs(Problem { line, column, what: difference })) => {
                ConnectError::NotOurs { path, line, column, difference }
            }
        }
    }

    /// The file behind links and its text.
    fn read(&self) -> Result<Option<(PathBuf, String)>, Trouble> {
        let path = file::behind_links(&self.path)?;
        let Some(bytes) = file::read(&path)? else { return Ok(None) };
        let text = String::from_utf8(bytes).map_err(|error| {
            let valid = error.utf8_error().valid_up_to();
            let valid = String::from_utf8_lossy(&error.as_bytes()[..valid]).into_owned();
            Refusal::from(Problem::at(&valid, valid.len(), "not UTF-8"))
        })?;
        Ok(Some((path, text)))
    }

    fn known(&self) -> Value {
        (self.entry_for)(&Provider::with_everything())
    }

    fn find(&self, text: &str) -> Result<Option<Value>, Refusal> {
        self.form.find(text, &self.known())
    }

    fn put(&self, text: &str, entry: &Value) -> Result<String, Refusal> {
        self.form.put(text, entry, &self.known())
    }
}

/// Why a file is left alone.
#[derive(Debug)]
pub(crate) enum Trouble {
    File(FileError),
    Refused(Refusal),
}

impl From<FileError> for Trouble {
    fn from(error: FileError) -> Self {
        Self::File(error)
    }
}

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Where `found` has a field that `known` lacks.
fn unknown_field(found: &Value, known: &Value, path: &str) -> Option<String> {
    match found {
        Value::Object(fields) => fields.iter().enumerate().find_map(|(index, (name, value))| {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            let any = || known.get(ANY_NAME).filter(|_| index == 0);
            match known.get(name).or_else(any) {
                Some(known) => unknown_field(value, known, &path),
                None => Some(path),
            }
        }),
        Value::Array(elements) => elements.iter().enumerate().find_map(|(index, element)| {
            let path = format!("{path}[{index}]");
            match known.get(index) {
                Some(known) => unknown_field(element, known, &path),
                None => Some(path),
            }
        }),
        _ => None,
    }
}
