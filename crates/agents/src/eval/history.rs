//! Past runs, one file each in the data folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::de::Error as _;
use shorn_checkpoint::KvCache;

use super::report::{EvalRun, LastEval};

/// The runs that are kept.
#[derive(Debug, Clone)]
pub struct EvalHistory {
    folder: PathBuf,
}

/// A run could not be kept, read or deleted.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {source}", path = .path.display())]
pub struct HistoryError {
    /// The file or folder.
    path: PathBuf,
    source: io::Error,
}

impl EvalHistory {
    /// That of a data folder; nothing is made before a run is kept.
    pub fn new(data_directory: &Path) -> Self {
        Self { folder: data_directory.join("evals") }
    }

    /// Keeps a run, and returns its file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep(&self, run: &EvalRun) -> Result<PathBuf, HistoryError> {
        let path = self.path(&run.id);
        let write = || {
            fs::create_dir_all(&self.folder)?;
            let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
            serde_json::to_writer_pretty(&mut file, run)?;
            file.as_file().sync_all()?;
            file.persist(&path)?;
            Ok(())
        };
        write().map_err(|source| HistoryError { path: path.clone(), source })?;
        Ok(path)
    }

    /// All runs that can be read, newest first.
    ///
    /// # Errors
    /// When the folder cannot be listed. A file that cannot be read is left out, with a warning in the log.
    pub fn runs(&self) -> Result<Vec<EvalRun>, HistoryError> {
        let failed = |source| HistoryError { path: self.folder.clone(), source };
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(failed)?,
        };
        let mut runs = Vec::new();
        for entry in entries {
            let path = entry.map_err(failed)?.path();
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            match read(&path) {
                Ok(run) => runs.push(run),
                Err(error) => tracing::warn!("{error}"),
            }
        }
        runs.sort_by(|one: &EvalRun, other| (other.started, &other.id).cmp(&(one.started, &one.id)));
        Ok(runs)
    }

    /// Forgets a run. One that is not there is none.
    ///
    /// # Errors
    /// When its file cannot be deleted.
    pub fn delete(&self, id: &str) -> Result<(), HistoryError> {
        let path = self.path(id);
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(HistoryError { path, source }),
            _ => Ok(()),
        }
    }

    /// The newest result for a model with this KV cache: the same bits and group size, whatever the cache's start.
    ///
    /// # Errors
    /// As [`Self::runs`].
    pub fn last(&self, model: &str, kv: &KvCache) -> Result<Option<LastEval>, HistoryError> {
        let runs = self.runs()?;
        let results = runs.iter().filter(|run| run.model == model).flat_map(|run| {
            run.settings.iter().filter(|result| is_same(&result.kv, kv)).map(move |result| (run, result))
        });
        Ok(results.into_iter().find(|(run, result)| result.tasks.len() == run.tasks.len()).map(
            |(run, result)| LastEval {
                run: run.id.clone(),
                started: run.started,
                agent: run.agent,
                kv: result.kv,
                passed: result.passed(),
                total: result.tasks.len(),
            },
        ))
    }

    fn path(&self, id: &str) -> PathBuf {
        // An id is a name, never a way out of the folder.
        self.folder.join(id.replace(['/', '\\'], "_") + ".json")
    }
}

fn read(path: &Path) -> Result<EvalRun, HistoryError> {
    let run = fs::read(path).and_then(|bytes| {
        serde_json::from_slice(&bytes)
            .map_err(|error| serde_json::Error::custom(format!("no eval of this version: {error}")).into())
    });
    run.map_err(|source| HistoryError { path: path.to_owned(), source })
}

/// Evals quantize from the first token on, so that short tasks say something about long ones.
fn is_same(one: &KvCache, other: &KvCache) -> bool {
    match (one, other) {
        (KvCache::Dense, KvCache::Dense) => true,
        (KvCache::Quantized(one), KvCache::Quantized(other)) => {
            (one.key_bits, one.value_bits, one.group_size)
                == (other.key_bits, other.value_bits, other.group_size)
        }
        _ => false,
    }
}
