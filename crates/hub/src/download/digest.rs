//! Hashes of files while they arrive.

use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use crate::remote::Digest;

/// The hash of the bytes so far. Both kinds use the processor's own instructions where it has them (x86 and aarch64,
/// found out at run time).
#[derive(Clone)]
pub(super) enum Hasher {
    Sha256(Sha256),
    GitSha1(Sha1),
}

impl Hasher {
    /// For a file of `bytes` bytes that the Hub knows by this digest.
    pub fn new(digest: &Digest, bytes: u64) -> Self {
        match digest {
            Digest::Sha256(_) => Self::Sha256(Sha256::new()),
            // What git hashes begins with a header.
            Digest::GitSha1(_) => Self::GitSha1(Sha1::new().chain_update(format!("blob {bytes}\0"))),
        }
    }

    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hash) => hash.update(bytes),
            Self::GitSha1(hash) => hash.update(bytes),
        }
    }

    /// The hash in hexadecimal digits.
    pub fn hex(self) -> String {
        let digits = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        match self {
            Self::Sha256(hash) => digits(&hash.finalize()),
            Self::GitSha1(hash) => digits(&hash.finalize()),
        }
    }
}
