use std::io;
use std::path::PathBuf;

use shorn_checkpoint::{CheckpointError, KvRefusal};
use shorn_protocol::BadSampling;

use crate::mlx::MlxError;

/// Why a model could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The folder's files are not what they should be.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A file changed or could not be read while its weights were loaded.
    #[error("{path}: cannot be read to its end: {source}; download the file again", path = .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The KV-cache setting does not fit the model.
    #[error(transparent)]
    Kv(#[from] KvRefusal),
    /// A setting is out of range.
    #[error("{0}")]
    Setting(String),
    /// The weights do not fit into the memory limit.
    #[error(
        "the weights need {needed} MB, {limit} MB may be used; choose a smaller model or raise the memory limit"
    )]
    Memory {
        /// Megabytes of the weights.
        needed: u64,
        /// Megabytes allowed.
        limit: u64,
    },
    /// Loading was cancelled.
    #[error("loading was cancelled")]
    Cancelled,
    /// MLX failed.
    #[error(transparent)]
    Mlx(#[from] MlxError),
}

/// Why a request cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The prompt has no tokens.
    #[error("the prompt is empty")]
    EmptyPrompt,
    /// The prompt leaves no room for a reply.
    #[error("the prompt has {prompt} tokens, the context {context}: no room for a reply")]
    TooLong {
        /// Tokens of the prompt.
        prompt: usize,
        /// Tokens of the context.
        context: u32,
    },
    /// A token id beyond the vocabulary.
    #[error("token id {id} is not below the vocabulary size {vocab_size}")]
    UnknownToken {
        /// The id.
        id: u32,
        /// Ids are below this.
        vocab_size: u32,
    },
    /// A sampling value is out of range.
    #[error(transparent)]
    Sampling(#[from] BadSampling),
    /// The KV-cache setting does not fit the model.
    #[error(transparent)]
    Kv(#[from] KvRefusal),
    /// The KV cache would not fit beside what is loaded.
    #[error(
        "the KV cache of {tokens} tokens needs {needed} MB, {free} MB of the memory limit are left; \
         shorten the prompt, quantize the KV cache or load a smaller model"
    )]
    Memory {
        /// Tokens that must have room.
        tokens: u64,
        /// Megabytes they need.
        needed: u64,
        /// Megabytes there are.
        free: u64,
    },
    /// The id is that of a running request.
    #[error("request id {0} is already in use")]
    DuplicateId(u64),
    /// A request has a grammar and came without what follows it.
    #[error("a request with a grammar needs a token mask: submit it with one")]
    NoMask,
    /// MLX failed.
    #[error(transparent)]
    Mlx(#[from] MlxError),
}

impl From<mlx_rs::error::Exception> for LoadError {
    fn from(exception: mlx_rs::error::Exception) -> Self {
        Self::Mlx(exception.into())
    }
}
