//! The app's log: standard error, and a file for each day in the data folder.

use std::path::{Path, PathBuf};

use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry, fmt, reload};

use crate::settings::LogLevel;

/// Days that are kept.
const DAYS: usize = 7;

/// The log, whose level can be changed while it runs.
#[derive(Debug, Clone)]
pub struct Log {
    directory: PathBuf,
    filter: reload::Handle<EnvFilter, Registry>,
}

impl Log {
    /// Begins to log. `SHORN_LOG` (any `tracing` filter) goes before the level. Logging to files is given up, with a
    /// line on standard error, where the folder cannot be written.
    pub fn begin(data_directory: &Path, level: LogLevel) -> Self {
        let directory = data_directory.join("logs");
        // Where this fails the next step says so.
        let _ = std::fs::create_dir_all(&directory);
        let (filter, handle) = reload::Layer::new(filter(level));
        let builder = RollingFileAppender::builder().rotation(Rotation::DAILY).max_log_files(DAYS);
        let files = builder.filename_prefix("shorn").filename_suffix("log").build(&directory);
        let failed = files.as_ref().err().map(ToString::to_string);
        let files =
            files.ok().map(|files| fmt::layer().with_ansi(false).with_writer(std::sync::Mutex::new(files)));
        let terminal = fmt::layer().with_ansi(false).with_writer(std::io::stderr);
        // A second log in one process, as in tests, stays without effect.
        let _ = tracing_subscriber::registry().with(filter).with(terminal).with(files).try_init();
        if let Some(error) = failed {
            tracing::warn!("no log files in {}: {error}", directory.display());
        }
        Self { directory, filter: handle }
    }

    /// Logs more or less from now on.
    pub fn set_level(&self, level: LogLevel) {
        if let Err(error) = self.filter.reload(filter(level)) {
            tracing::warn!("the log level cannot be changed: {error}");
        }
    }

    /// Where its files are.
    pub fn files(&self) -> &Path {
        &self.directory
    }
}

fn filter(level: LogLevel) -> EnvFilter {
    // Of the libraries only what may surprise.
    let ours = || {
        EnvFilter::new(format!(
            "warn,shorn={0},shorn_desktop={0},shorn_runtime={0},shorn_server={0},shorn_app={0}",
            level.as_str()
        ))
    };
    EnvFilter::try_from_env("SHORN_LOG").unwrap_or_else(|_| ours())
}
