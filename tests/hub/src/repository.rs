//! Repositories and their commits.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha1::{Digest, Sha1};

use crate::contents::{Contents, FakeFile, hex};

/// Whether a licence has to be accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// Open to all.
    Open,
    /// Whoever asks is let in.
    Automatic,
    /// The owner decides.
    Manual,
}

/// A repository: what the Hub says about it, and its commits.
#[derive(Debug, Clone)]
pub struct Repository {
    /// `org/name`.
    pub name: String,
    /// Downloads in the last thirty days.
    pub downloads: u64,
    /// How many people liked it.
    pub likes: u64,
    /// Its place among those that many look at.
    pub trending: i64,
    /// When it was last changed (ISO 8601).
    pub last_modified: String,
    /// Whether a licence has to be accepted.
    pub gate: Gate,
    /// Whether only its owner sees it.
    pub private: bool,
    /// Its tags; `filter` asks for one of them.
    pub tags: Vec<String>,
    /// Elements of its tensors by dtype, as the Hub counts them: packed words are words.
    pub tensor_elements: BTreeMap<String, u64>,
    /// Oldest first; the last is `main`.
    pub(crate) commits: Vec<Commit>,
}

#[derive(Debug, Clone)]
pub(crate) struct Commit {
    pub id: String,
    pub files: Vec<Blob>,
}

/// A file in a commit.
#[derive(Debug, Clone)]
pub(crate) struct Blob {
    pub path: String,
    pub contents: Contents,
    /// For a file in LFS that of its pointer.
    pub git_sha1: String,
    pub lfs: Option<Lfs>,
}

#[derive(Debug, Clone)]
pub(crate) struct Lfs {
    pub sha256: String,
    pub pointer_bytes: u64,
}

impl Repository {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            downloads: 0,
            likes: 0,
            trending: 0,
            last_modified: "2026-11-01T12:00:00.000Z".to_owned(),
            gate: Gate::Open,
            private: false,
            tags: ["mlx", "safetensors", "text-generation"].map(str::to_owned).to_vec(),
            tensor_elements: BTreeMap::new(),
            commits: Vec::new(),
        }
    }

    /// Takes a commit away, as when its history was rewritten.
    pub fn forget(&mut self, commit: &str) {
        self.commits.retain(|one| one.id != commit);
    }

    pub(crate) fn push(&mut self, files: Vec<FakeFile>) -> String {
        let mut files: Vec<Blob> = files.into_iter().map(Blob::new).collect();
        files.sort_by(|one, other| one.path.cmp(&other.path));
        let mut hash = Sha1::new();
        hash.update(format!("{} {}", self.name, self.commits.len()));
        files.iter().for_each(|file| hash.update(format!("{} {}\n", file.path, file.git_sha1)));
        let id = hex(&hash.finalize());
        self.commits.push(Commit { id: id.clone(), files });
        id
    }

    /// The commit of a branch, a full commit id, or the beginning of one.
    pub(crate) fn commit(&self, revision: &str) -> Option<&Commit> {
        match revision {
            "main" => self.commits.last(),
            _ => self.commits.iter().find(|commit| revision.len() >= 7 && commit.id.starts_with(revision)),
        }
    }

    pub(crate) fn gated(&self) -> Value {
        match self.gate {
            Gate::Open => json!(false),
            Gate::Automatic => json!("auto"),
            Gate::Manual => json!("manual"),
        }
    }
}

impl Commit {
    pub fn file(&self, path: &str) -> Option<&Blob> {
        self.files.iter().find(|file| file.path == path)
    }
}

impl Blob {
    fn new(file: FakeFile) -> Self {
        if !file.lfs {
            let git_sha1 = file.git_sha1();
            return Self { path: file.path, contents: file.contents, git_sha1, lfs: None };
        }
        let sha256 = file.sha256();
        let bytes = file.bytes();
        let pointer =
            format!("version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {bytes}\n");
        let lfs = Lfs { sha256, pointer_bytes: pointer.len() as u64 };
        let git_sha1 = FakeFile::text("pointer", &pointer).git_sha1();
        Self { path: file.path, contents: file.contents, git_sha1, lfs: Some(lfs) }
    }

    /// What the Hub calls it in `ETag` and `X-Linked-Etag`.
    pub fn etag(&self) -> &str {
        self.lfs.as_ref().map_or(&self.git_sha1, |lfs| &lfs.sha256)
    }
}
