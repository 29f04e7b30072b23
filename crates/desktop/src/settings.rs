//! The app's own settings: one JSON file in the data folder.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use shorn_hub::embedded;
use shorn_hub::fit::GuardLevel;
use shorn_hub::library::Folders;
use shorn_server::MemoryPolicy;
use ts_rs::TS;

use crate::error::{AppError, ErrorCode, needs_key};

/// Where the server listens where nobody chose: LM Studio's port, which agents' examples have.
const DEFAULT_PORT: u16 = 1234;

/// Models that the tray offers.
const RECENT: usize = 5;

/// The least that a memory limit can say, in bytes: less holds no model.
const LEAST_MEMORY_LIMIT: u64 = 1_000_000_000;

/// What a person chose for the app.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct AppSettings {
    /// Where the server listens.
    pub port: u16,
    /// What clients must send; no key where `None`.
    pub api_key: Option<String>,
    /// Listen on the network and not only on this machine.
    pub network: bool,
    /// Start the server with the app.
    pub start_server: bool,
    /// Load the model that was loaded last when the app starts.
    pub load_at_start: bool,
    /// Start the app, hidden, when the person logs in.
    pub launch_at_login: bool,
    /// Show what the model takes beside the icon.
    pub memory_in_menu_bar: bool,
    /// Keep the machine awake while a request or a load runs.
    pub keep_awake: bool,
    /// Bytes that a model may take; what the GPU recommends where `None`.
    pub memory_limit: Option<u64>,
    /// How much is left to other programs.
    pub guard: GuardLevel,
    /// Where models are looked for.
    pub folders: ModelFolders,
    /// How much is written to the log.
    pub log_level: LogLevel,
    /// Whether the first steps were taken or skipped.
    pub first_start_done: bool,
    /// Models that were loaded, the last one first.
    pub recent: Vec<RecentModel>,
}

/// Where models are looked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct ModelFolders {
    /// Shorn's own folder.
    pub own: PathBuf,
    /// The Hugging Face cache.
    pub hugging_face: PathBuf,
    /// LM Studio's folder.
    pub lm_studio: PathBuf,
}

/// A model that was loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RecentModel {
    /// Its name.
    pub name: String,
    /// Its folder.
    pub directory: PathBuf,
}

/// How much is written to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// What failed.
    Error,
    /// And what may surprise.
    Warn,
    /// And each request.
    Info,
    /// And each step.
    Debug,
}

impl LogLevel {
    /// Its name in a filter.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
}

impl AppSettings {
    /// What holds where nobody chose.
    pub fn defaults(folders: &Folders) -> Self {
        let Folders { own, hugging_face, lm_studio, .. } = folders.clone();
        Self {
            port: DEFAULT_PORT,
            api_key: None,
            network: false,
            start_server: true,
            load_at_start: true,
            launch_at_login: false,
            memory_in_menu_bar: false,
            keep_awake: true,
            memory_limit: None,
            guard: GuardLevel::default(),
            folders: ModelFolders { own, hugging_face, lm_studio },
            log_level: LogLevel::Info,
            first_start_done: false,
            recent: Vec::new(),
        }
    }

    /// Reads the file; what it does not say is as in `defaults`. A file that cannot be used is put aside and named in
    /// the second value, so that the app starts and nothing is lost.
    pub fn read(path: &Path, defaults: Self) -> (Self, Option<AppError>) {
        let parsed = match fs::read(path) {
            Ok(text) => serde_json::from_slice(&text)
                .map_err(|error| error.to_string())
                .and_then(|saved| defaults.changed(saved).map_err(|error| error.message)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return (defaults, None),
            Err(error) => Err(error.to_string()),
        };
        match parsed {
            Ok(settings) => (settings, None),
            Err(why) => {
                let aside = path.with_extension("json.unreadable");
                let kept = match fs::rename(path, &aside) {
                    Ok(()) => format!("it is kept as {}", aside.display()),
                    Err(error) => format!("and it cannot be put aside: {error}"),
                };
                let message =
                    format!("{} cannot be used: {why}; {kept}, and settings are as at first", path.display());
                (defaults, Some(AppError::new(ErrorCode::File, message)))
            }
        }
    }

    /// Keeps them, whole or not at all, for this person's eyes only: there may be a key in them.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), AppError> {
        let write = || -> io::Result<()> {
            let folder = path.parent().unwrap_or(Path::new("."));
            fs::create_dir_all(folder)?;
            // A temporary file is readable by its owner alone.
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            file.write_all(serde_json::to_string_pretty(self)?.as_bytes())?;
            file.as_file().sync_all()?;
            file.persist(path)?;
            Ok(())
        };
        let failed = |error| format!("{}: settings cannot be written: {error}", path.display());
        write().map_err(|error| AppError::new(ErrorCode::File, failed(error)))
    }

    /// These with some values changed, by name.
    ///
    /// # Errors
    /// When there is no such setting, or it cannot have that value.
    pub fn changed(&self, change: Map<String, Value>) -> Result<Self, AppError> {
        let bad =
            |field: &str, why: &dyn ToString| AppError::field(ErrorCode::BadSetting, field, why.to_string());
        let Ok(Value::Object(mut values)) = serde_json::to_value(self) else {
            return Err(AppError::new(ErrorCode::Internal, "settings cannot be written as JSON"));
        };
        let mut names = Vec::new();
        for (name, value) in change {
            let Some(present) = values.get_mut(&name) else {
                return Err(bad(&name, &format!("there is no setting `{name}`")));
            };
            *present = value;
            names.push(name);
        }
        let deserialized: Result<Self, _> = serde_path_to_error::deserialize(Value::Object(values));
        let mut next = deserialized.map_err(|error| bad(&error.path().to_string(), &error.inner()))?;
        next.api_key = next.api_key.map(|key| key.trim().to_owned()).filter(|key| !key.is_empty());
        next.check()?;
        Ok(next)
    }

    fn check(&self) -> Result<(), AppError> {
        let bad = |field, why: &str| Err(AppError::field(ErrorCode::BadSetting, field, why));
        if self.port == 0 {
            return bad("port", "the port must be from 1 to 65535");
        }
        if self.api_key.as_ref().is_some_and(|key| !key.bytes().all(|byte| byte.is_ascii_graphic())) {
            return bad("api_key", "a key can have letters, digits and signs of ASCII, and no spaces");
        }
        if self.network && self.api_key.is_none() {
            return Err(AppError::field(ErrorCode::NeedsKey, "network", needs_key()));
        }
        if self.memory_limit.is_some_and(|limit| limit < LEAST_MEMORY_LIMIT) {
            return bad("memory_limit", "a memory limit must be at least 1 GB");
        }
        let ModelFolders { own, hugging_face, lm_studio } = &self.folders;
        if [own, hugging_face, lm_studio].iter().any(|folder| !folder.is_absolute()) {
            return bad("folders", "a model folder must be an absolute path");
        }
        Ok(())
    }

    /// These, with the embedded model where this version of Shorn has it: its folder is another one after an update.
    pub(crate) fn with_embedded(mut self, directory: &Path) -> Self {
        for model in self.recent.iter_mut().filter(|model| model.name == embedded::NAME) {
            directory.clone_into(&mut model.directory);
        }
        self
    }

    /// Puts a model in front of those that were loaded.
    pub(crate) fn remember(&mut self, model: RecentModel) {
        self.recent.retain(|known| known.directory != model.directory);
        self.recent.insert(0, model);
        self.recent.truncate(RECENT);
    }

    /// What models may take.
    pub(crate) fn memory_policy(&self) -> MemoryPolicy {
        MemoryPolicy { guard: self.guard, limit: self.memory_limit }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn defaults() -> AppSettings {
        AppSettings::defaults(&Folders::new(Path::new("/data"), Path::new("/home/ada"), |_| None))
    }

    fn changed(change: Value) -> Result<AppSettings, AppError> {
        let Value::Object(change) = change else { panic!("an object") };
        defaults().changed(change)
    }

    #[test]
    fn a_change_leaves_everything_else() {
        let next = changed(json!({"port": 4321, "api_key": " secret "})).unwrap();
        assert_eq!((next.port, next.api_key.as_deref()), (4321, Some("secret")));
        assert_eq!(AppSettings { port: 1234, api_key: None, ..next }, defaults());
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        for (change, field) in [
            (json!({"port": 0}), "port"),
            (json!({"port": 70_000}), "port"),
            (json!({"prot": 80}), "prot"),
            (json!({"guard": "loose"}), "guard"),
            (json!({"api_key": "two words"}), "api_key"),
            (json!({"network": true}), "network"),
            (json!({"memory_limit": 1000}), "memory_limit"),
            (json!({"folders": {"own": "models", "hugging_face": "/a", "lm_studio": "/b"}}), "folders"),
        ] {
            let error = changed(change.clone()).unwrap_err();
            assert_eq!(error.field.as_deref(), Some(field), "{change}: {error}");
        }
    }

    #[test]
    fn they_survive_writing_and_only_their_owner_can_read_them() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.json");
        let settings = changed(json!({"api_key": "secret", "network": true, "guard": "strict"})).unwrap();
        settings.write(&path).unwrap();
        assert_eq!(AppSettings::read(&path, defaults()), (settings, None));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_file_of_an_older_shorn_is_filled_up_and_a_broken_one_put_aside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.json");
        fs::write(&path, r#"{"port": 9000}"#).unwrap();
        assert_eq!(AppSettings::read(&path, defaults()).0, AppSettings { port: 9000, ..defaults() });

        fs::write(&path, r#"{"port": "#).unwrap();
        let (settings, problem) = AppSettings::read(&path, defaults());
        assert_eq!(settings, defaults());
        assert!(problem.unwrap().message.contains("app.json.unreadable"));
        assert_eq!(fs::read_to_string(folder.path().join("app.json.unreadable")).unwrap(), r#"{"port": "#);
    }

    #[test]
    fn the_last_models_are_remembered_once_each() {
        let mut settings = defaults();
        for name in ["a", "b", "a", "c", "d", "e", "f"] {
            settings.remember(RecentModel { name: name.to_owned(), directory: PathBuf::from(name) });
        }
        let names: Vec<_> = settings.recent.iter().map(|model| model.name.as_str()).collect();
        assert_eq!(names, ["f", "e", "d", "c", "a"]);
    }
}
