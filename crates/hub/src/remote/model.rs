//! What a model on the Hub consists of.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Deserialize;

use super::{HubError, RepositoryName};

/// Longest path of a file, in bytes.
const MAX_PATH_BYTES: usize = 1024;

/// Longest name of a file, in bytes: what file systems take, less what is added to it while it is not whole.
const MAX_NAME_BYTES: usize = 230;

/// A model on the Hub, at one commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteModel {
    /// Its name.
    pub name: RepositoryName,
    /// The commit that this is about: forty hexadecimal digits.
    pub commit: String,
    /// Whether its terms have to be accepted first.
    pub gated: bool,
    /// All its files.
    pub files: Vec<RemoteFile>,
}

/// A file of a model on the Hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteFile {
    /// Its path in the repository.
    pub path: RemotePath,
    /// Its size in bytes.
    pub bytes: u64,
    /// What its bytes must hash to.
    pub digest: Digest,
}

/// The path of a file in a repository, safe to be joined to a folder: relative, of plain names, divided by `/`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RemotePath(String);

/// The hash that the Hub knows a file by, in lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Digest {
    /// SHA-256 of the bytes: large files.
    Sha256(String),
    /// SHA-1 of `blob LENGTH\0` and the bytes, as git names files: all others.
    GitSha1(String),
}

impl Digest {
    /// The digits. They are the file's name in the Hugging Face cache.
    pub fn hex(&self) -> &str {
        match self {
            Self::Sha256(hex) | Self::GitSha1(hex) => hex,
        }
    }
}

impl RemotePath {
    /// Takes a path that is safe.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn new(path: &str) -> Result<Self, String> {
        let refused = |why: &str| Err(format!("it has a file called {path:?}, {why}"));
        if path.len() > MAX_PATH_BYTES {
            return Err(format!("it has a file whose path is longer than {MAX_PATH_BYTES} bytes"));
        }
        if path.starts_with('/') {
            return refused("which is outside of it");
        }
        if path.contains(|letter: char| letter.is_control() || matches!(letter, '\\' | ':')) {
            return refused("which has characters that are not taken");
        }
        for name in path.split('/') {
            match name {
                "" => return refused("which has an empty part"),
                "." | ".." => return refused("which may lead out of it"),
                _ if name.len() > MAX_NAME_BYTES => return refused("which is too long for a file"),
                _ if is_device(name) => return refused("which is the name of a device on some systems"),
                _ => {}
            }
        }
        Ok(Self(path.to_owned()))
    }

    /// The path, with `/` between its parts.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its last part.
    fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    fn is_in_folder(&self) -> bool {
        self.0.contains('/')
    }
}

impl fmt::Display for RemotePath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// What Windows takes for a device, whatever follows a dot.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).trim_end().to_ascii_uppercase();
    let numbered = |prefix: &str| {
        stem.strip_prefix(prefix).is_some_and(|rest| rest.len() == 1 && rest.as_bytes()[0].is_ascii_digit())
    };
    matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL") || numbered("COM") || numbered("LPT")
}

impl RemoteModel {
    /// The files that a model in MLX format is loaded from: weights in safetensors format, configurations, tokenizer,
    /// chat templates and licences; nothing in another format, and no second copy of the weights.
    pub fn needed_files(&self) -> Vec<&RemoteFile> {
        // Some repositories have the same weights a second time, as `consolidated.safetensors`.
        let has_usual = self.files.iter().any(|file| is_usual_weights(&file.path));
        self.files.iter().filter(|file| is_needed(&file.path, has_usual)).collect()
    }

    /// Bytes of the files that are needed.
    pub fn download_bytes(&self) -> u64 {
        self.needed_files().iter().map(|file| file.bytes).sum()
    }
}

/// What the engine looks for when no index names other files.
fn is_usual_weights(path: &RemotePath) -> bool {
    !path.is_in_folder() && path.as_str().starts_with("model") && path.as_str().ends_with(".safetensors")
}

fn is_needed(path: &RemotePath, has_usual_weights: bool) -> bool {
    let name = path.file_name();
    let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    if path.is_in_folder() {
        // Folders hold the same model in other formats; of MLX models only templates are kept in some.
        return ends(&[".jinja"]) && !path.as_str().starts_with("original/");
    }
    if ends(&[".safetensors"]) {
        return is_usual_weights(path) || !has_usual_weights;
    }
    let starts = |beginnings: &[&str]| beginnings.iter().any(|beginning| name.starts_with(beginning));
    ends(&[".json", ".jinja", ".txt", ".model"]) || starts(&["tokenizer", "LICENSE", "LICENCE", "NOTICE"])
}

/// A model as the API describes it, with `blobs=true`.
#[derive(Debug, Deserialize)]
pub(super) struct Info {
    sha: Option<String>,
    #[serde(default)]
    pub gated: Gated,
    #[serde(default)]
    siblings: Vec<Sibling>,
    #[serde(default)]
    pub safetensors: Option<Safetensors>,
}

/// `false`, or how one is let in.
#[derive(Debug, Default, Deserialize)]
#[serde(untagged)]
pub(super) enum Gated {
    #[default]
    No,
    Flag(bool),
    How(#[expect(dead_code, reason = "`auto` and `manual` are the same here")] String),
}

impl Gated {
    pub fn is_gated(&self) -> bool {
        matches!(self, Self::Flag(true) | Self::How(_))
    }
}

/// How many elements the tensors have, by dtype.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Safetensors {
    #[serde(default)]
    pub parameters: BTreeMap<String, u64>,
}

#[derive(Debug, Deserialize)]
struct Sibling {
    rfilename: String,
    size: Option<u64>,
    #[serde(rename = "blobId")]
    blob_id: Option<String>,
    lfs: Option<Lfs>,
}

#[derive(Debug, Deserialize)]
struct Lfs {
    sha256: Option<String>,
    size: Option<u64>,
}

impl Info {
    /// Checks everything and keeps what is needed.
    pub fn into_model(self, name: &RepositoryName, host: &str) -> Result<RemoteModel, HubError> {
        let bad =
            |problem: String| HubError::BadAnswer { host: host.to_owned(), what: name.to_string(), problem };
        let commit = self.sha.as_deref().and_then(|sha| digits(sha, 40));
        let commit = commit.ok_or_else(|| bad("it does not say which commit it is about".to_owned()))?;
        let mut seen = BTreeSet::new();
        let mut files = Vec::with_capacity(self.siblings.len());
        for sibling in &self.siblings {
            let refused = |why: String| HubError::Refused(format!("{name} is refused: {why}"));
            let path = RemotePath::new(&sibling.rfilename).map_err(refused)?;
            // On a Mac two names that differ in case only are one file.
            if !seen.insert(path.as_str().to_lowercase()) {
                return Err(refused(format!("it has {path} twice")));
            }
            let file = sibling.file(path);
            files.push(
                file.ok_or_else(|| bad(format!("it does not give size and hash of {}", sibling.rfilename)))?,
            );
        }
        Ok(RemoteModel { name: name.clone(), commit, gated: self.gated.is_gated(), files })
    }
}

impl Sibling {
    fn file(&self, path: RemotePath) -> Option<RemoteFile> {
        let (bytes, digest) = match &self.lfs {
            Some(lfs) => (lfs.size.or(self.size)?, Digest::Sha256(digits(lfs.sha256.as_deref()?, 64)?)),
            None => (self.size?, Digest::GitSha1(digits(self.blob_id.as_deref()?, 40)?)),
        };
        Some(RemoteFile { path, bytes, digest })
    }
}

fn digits(text: &str, count: usize) -> Option<String> {
    let all = text.len() == count && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    all.then(|| text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests;
