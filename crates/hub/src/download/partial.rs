//! A file while it arrives.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::digest::Hasher;
use super::lock::BlobLock;
use crate::remote::Digest;

/// Files are read in pieces of so many bytes when they are hashed.
const PIECE: usize = 1 << 20;

/// A file of which the first bytes are there.
///
/// What counts is its length on disk: each piece is written as it comes, so that a killed program loses nothing that it
/// had written, and the hash is made anew from what is there.
pub(super) struct Partial {
    file: File,
    path: PathBuf,
    digest: Digest,
    bytes: u64,
    length: u64,
    hasher: Hasher,
    /// Nobody else writes to it.
    lock: BlobLock,
}

/// A check that was broken off because somebody wanted it to stop.
#[derive(Debug)]
pub(super) struct Stopped;

impl Partial {
    /// Opens what is there and hashes it, unless `stop` says so before that is done. A file that is longer than it may
    /// be is none of ours and begins anew.
    pub fn open(
        path: PathBuf,
        digest: Digest,
        bytes: u64,
        lock: BlobLock,
        stop: impl Fn() -> bool,
    ) -> io::Result<Result<Self, Stopped>> {
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .custom_flags(OFlags::NOFOLLOW.bits() as i32)
            .open(&path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::new(ErrorKind::InvalidInput, "this is not a file"));
        }
        let hasher = Hasher::new(&digest, bytes);
        let mut partial = Self { file, path, digest, bytes, length: 0, hasher, lock };
        if metadata.len() > bytes {
            partial.discard()?;
            return Ok(Ok(partial));
        }
        let Ok((hasher, length)) = hash(&partial.file, partial.hasher.clone(), &stop)? else {
            return Ok(Err(Stopped));
        };
        (partial.hasher, partial.length) = (hasher, length);
        Ok(Ok(partial))
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes that are there.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Bytes that are missing.
    pub fn missing(&self) -> u64 {
        self.bytes - self.length
    }

    /// The hash of what is there.
    pub fn hash(&self) -> String {
        self.hasher.clone().hex()
    }

    /// A hasher that has seen nothing yet.
    pub fn fresh_hasher(&self) -> Hasher {
        Hasher::new(&self.digest, self.bytes)
    }

    /// Writes on. After an error, what was written counts all the same.
    pub fn append(&mut self, mut piece: &[u8]) -> io::Result<()> {
        while !piece.is_empty() {
            match self.file.write(piece) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => {
                    self.hasher.update(&piece[..written]);
                    self.length += written as u64;
                    piece = &piece[written..];
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Closes the file and keeps its lock.
    pub fn into_lock(self) -> BlobLock {
        self.lock
    }

    /// Throws away what is there.
    pub fn discard(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.length = 0;
        self.hasher = self.fresh_hasher();
        Ok(())
    }

    /// Gives a whole file its final name, if its hash is right: `false` if it is not.
    pub fn finish(&mut self, blob: &Path) -> io::Result<bool> {
        if self.hash() != self.digest.hex() {
            return Ok(false);
        }
        // A name that survives a power failure must not lead to bytes that did not.
        self.file.sync_all()?;
        fs::rename(&self.path, blob)?;
        Ok(true)
    }
}

/// Whether a file has the right hash.
pub(super) fn verify(
    path: &Path,
    digest: &Digest,
    bytes: u64,
    stop: impl Fn() -> bool,
) -> io::Result<Result<bool, Stopped>> {
    let hashed = hash(&File::open(path)?, Hasher::new(digest, bytes), &stop)?;
    Ok(hashed.map(|(hasher, _)| hasher.hex() == digest.hex()))
}

fn hash(
    mut file: &File,
    mut hasher: Hasher,
    stop: &impl Fn() -> bool,
) -> io::Result<Result<(Hasher, u64), Stopped>> {
    let (mut piece, mut length) = (vec![0; PIECE], 0);
    loop {
        if stop() {
            return Ok(Err(Stopped));
        }
        match file.read(&mut piece) {
            Ok(0) => return Ok(Ok((hasher, length))),
            Ok(read) => {
                hasher.update(&piece[..read]);
                length += read as u64;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests;
