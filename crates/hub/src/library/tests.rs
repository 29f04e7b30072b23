//! A home folder with models in it, made of the fixtures.

mod deleting;
mod hugging_face;
mod importing;
mod plain;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::*;

/// Three model folders in a place of their own.
struct Disk {
    home: TempDir,
    folders: Folders,
}

impl Disk {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let folders = Folders {
            own: home.path().join("own"),
            hugging_face: home.path().join("hub"),
            lm_studio: home.path().join("lm-studio"),
            embedded: None,
        };
        for folder in [&folders.own, &folders.hugging_face, &folders.lm_studio] {
            fs::create_dir(folder).unwrap();
        }
        Self { home, folders }
    }

    /// A folder that is none of the three.
    fn outside(&self) -> PathBuf {
        let outside = self.home.path().join("outside");
        fs::create_dir_all(&outside).unwrap();
        outside
    }

    fn scan(&self) -> Library {
        scan(&self.folders)
    }

    /// The only model there is.
    fn only(&self) -> LibraryModel {
        let mut models = self.scan().models;
        assert_eq!(models.len(), 1, "{models:?}");
        models.remove(0)
    }

    fn model(&self, name: &str) -> LibraryModel {
        let found = self.scan().models.into_iter().find(|model| model.name == name);
        found.unwrap_or_else(|| panic!("no model is called {name}"))
    }

    fn repository(&self, name: &str) -> Repository {
        let directory = self.folders.hugging_face.join(format!("models--{}", name.replace('/', "--")));
        for folder in ["blobs", "snapshots", "refs"] {
            fs::create_dir_all(directory.join(folder)).unwrap();
        }
        Repository { directory }
    }
}

/// A model in the cache.
struct Repository {
    directory: PathBuf,
}

impl Repository {
    fn snapshot_directory(&self, commit: &str) -> PathBuf {
        self.directory.join("snapshots").join(commit)
    }

    fn blob(&self, etag: &str) -> PathBuf {
        self.directory.join("blobs").join(etag)
    }

    /// Adds a file to a snapshot, as a link to a blob that is written unless it is there.
    fn add(&self, commit: &str, name: &str, etag: &str, content: &[u8]) {
        let snapshot = self.snapshot_directory(commit);
        fs::create_dir_all(&snapshot).unwrap();
        if !self.blob(etag).exists() {
            fs::write(self.blob(etag), content).unwrap();
        }
        symlink(Path::new("../../blobs").join(etag), snapshot.join(name)).unwrap();
    }

    /// Adds a whole fixture to a snapshot. Blobs are named after their files.
    fn add_fixture(&self, commit: &str, fixture_name: &str) {
        for (name, content) in fixture(fixture_name) {
            self.add(commit, &name, &format!("{name}-of-{fixture_name}").replace('.', "-"), &content);
        }
    }

    fn refer(&self, reference: &str, commit: &str) {
        let path = self.directory.join("refs").join(reference);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, commit).unwrap();
    }
}

/// The files of a fixture, with a tokenizer, which the fixtures lack.
fn fixture(name: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/checkpoints").join(name);
    let mut files = vec![("tokenizer.json".to_owned(), b"{}".to_vec())];
    for name in ["config.json", "model.safetensors", "model.safetensors.index.json"] {
        files.push((name.to_owned(), fs::read(folder.join(name)).unwrap()));
    }
    files
}

/// Puts a fixture into a folder.
fn write_fixture(directory: &Path, name: &str) {
    fs::create_dir_all(directory).unwrap();
    for (name, content) in fixture(name) {
        fs::write(directory.join(name), content).unwrap();
    }
}

fn fixture_bytes(name: &str) -> u64 {
    fixture(name).iter().map(|(_, content)| content.len() as u64).sum()
}

#[track_caller]
fn assert_ready(model: &LibraryModel) -> ModelSummary {
    match &model.state {
        LibraryState::Ready { summary } => summary.clone(),
        other => panic!("{} is not ready: {other:?}", model.name),
    }
}

#[track_caller]
fn missing(model: &LibraryModel) -> String {
    match &model.state {
        LibraryState::Incomplete { missing } => missing.clone(),
        other => panic!("{} is not incomplete: {other:?}", model.name),
    }
}

#[track_caller]
fn unsupported(model: &LibraryModel) -> String {
    match &model.state {
        LibraryState::Unsupported { why } => why.clone(),
        other => panic!("{} is not unsupported: {other:?}", model.name),
    }
}
