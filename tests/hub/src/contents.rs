//! Files of a repository: in memory, on disk, or made from a seed.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// What is read at once.
const CHUNK_BYTES: u64 = 256 << 10;

/// Synthetic files repeat a block of random bytes; each begins with its own number, so that no two are the same.
const BLOCK_BYTES: u64 = 1 << 20;

/// Git keeps what is larger in LFS, and the Hub refuses it elsewhere.
const LARGEST_GIT_FILE: u64 = 10 << 20;

/// A file to put into a repository.
#[derive(Debug, Clone)]
pub struct FakeFile {
    /// Its path in the repository. Hostile ones are allowed: the Hub is not to be trusted either.
    pub path: String,
    /// Whether it is kept in LFS: behind a redirect to the other port, known by its SHA-256.
    pub lfs: bool,
    pub(crate) contents: Contents,
}

#[derive(Debug, Clone)]
pub(crate) enum Contents {
    Memory(Bytes),
    Disk { path: PathBuf, bytes: u64 },
    Synthetic { block: Bytes, seed: u64, bytes: u64 },
}

impl FakeFile {
    /// A file of these bytes. Weights and whatever is larger than 10 MB are kept in LFS, as on the Hub.
    pub fn new(path: &str, bytes: impl Into<Bytes>) -> Self {
        Self::with(path, Contents::Memory(bytes.into()))
    }

    /// A file of this text.
    pub fn text(path: &str, text: &str) -> Self {
        Self::new(path, text.as_bytes().to_vec())
    }

    /// A file of so many bytes that are made from the seed as they are asked for.
    pub fn synthetic(path: &str, seed: u64, bytes: u64) -> Self {
        Self::with(path, Contents::Synthetic { block: random_block(seed, bytes), seed, bytes })
    }

    /// A file on this disk.
    pub fn disk(path: &str, file: &Path) -> io::Result<Self> {
        let bytes = file.metadata()?.len();
        Ok(Self::with(path, Contents::Disk { path: file.to_owned(), bytes }))
    }

    /// All files below a folder. Links are followed: a snapshot in a cache is made of them.
    pub fn folder(folder: &Path) -> io::Result<Vec<Self>> {
        let mut files = Vec::new();
        let mut open = vec![folder.to_owned()];
        while let Some(directory) = open.pop() {
            for entry in fs::read_dir(&directory)? {
                let path = entry?.path();
                if path.is_dir() {
                    open.push(path);
                } else {
                    let name = path.strip_prefix(folder).map_err(io::Error::other)?;
                    files.push(Self::disk(&name.to_string_lossy(), &path)?);
                }
            }
        }
        Ok(files)
    }

    /// The same file, kept in LFS or not.
    pub fn in_lfs(self, lfs: bool) -> Self {
        Self { lfs, ..self }
    }

    /// Its size in bytes.
    pub fn bytes(&self) -> u64 {
        self.contents.bytes()
    }

    /// Its SHA-256 in hexadecimal.
    pub fn sha256(&self) -> String {
        let mut hash = Sha256::new();
        self.contents.each_chunk(|chunk| hash.update(chunk));
        hex(&hash.finalize())
    }

    /// What git calls it: the SHA-1 of a header and its bytes, in hexadecimal.
    pub fn git_sha1(&self) -> String {
        let mut hash = Sha1::new();
        hash.update(format!("blob {}\0", self.bytes()));
        self.contents.each_chunk(|chunk| hash.update(chunk));
        hex(&hash.finalize())
    }

    fn with(path: &str, contents: Contents) -> Self {
        let weights = [".safetensors", ".bin", ".gguf", ".pth", ".pt", ".npz"];
        let lfs = weights.iter().any(|ending| path.ends_with(ending)) || contents.bytes() > LARGEST_GIT_FILE;
        Self { path: path.to_owned(), lfs, contents }
    }
}

impl Contents {
    pub(crate) fn bytes(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::Disk { bytes, .. } | Self::Synthetic { bytes, .. } => *bytes,
        }
    }

    /// Some bytes from `start` on, before `end`; at least one if there is one.
    pub(crate) fn read(&self, start: u64, end: u64) -> io::Result<Bytes> {
        let end = end.min(start + CHUNK_BYTES);
        match self {
            Self::Memory(bytes) => Ok(bytes.slice(start as usize..end as usize)),
            Self::Disk { path, .. } => {
                let mut chunk = vec![0; (end - start) as usize];
                File::open(path)?.read_exact_at(&mut chunk, start)?;
                Ok(chunk.into())
            }
            Self::Synthetic { block, seed, .. } => {
                let number = start / BLOCK_BYTES;
                let label = (number ^ seed).to_le_bytes();
                let (from, to) = (start % BLOCK_BYTES, end - number * BLOCK_BYTES);
                let labelled = label.len() as u64;
                match from < labelled {
                    true => Ok(Bytes::copy_from_slice(&label[from as usize..to.min(labelled) as usize])),
                    false => Ok(block.slice(from as usize..to.min(BLOCK_BYTES) as usize)),
                }
            }
        }
    }

    fn each_chunk(&self, mut take: impl FnMut(&[u8])) {
        let mut at = 0;
        while at < self.bytes() {
            let chunk = self.read(at, self.bytes()).expect("a file of the test can be read");
            at += chunk.len() as u64;
            take(&chunk);
        }
    }
}

/// Random bytes that are always the same for a seed (splitmix64).
fn random_block(seed: u64, bytes: u64) -> Bytes {
    let mut state = seed;
    let words = bytes.min(BLOCK_BYTES).div_ceil(8);
    let word = |_| {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)).to_le_bytes()
    };
    (0..words).flat_map(word).collect()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
