use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use shorn_checkpoint::KvCache;
use ts_rs::TS;

use crate::{MemoryFigures, RequestReport, Sampling, TokenLogprobs};

/// Raised when a message changes its form; a worker of another version is refused.
pub const PROTOCOL_VERSION: u32 = 3;

/// Names a request between server and worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestId(pub u64);

/// What the server tells a worker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToWorker {
    /// Load a model; the first message, sent once.
    Load(LoadSettings),
    /// Start a request.
    Generate(Generate),
    /// End a request as soon as possible.
    Abort(Abort),
    /// Drop all KV caches that are kept for later requests.
    ClearPromptCache,
}

/// A model and how to run it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct LoadSettings {
    /// The model folder.
    pub directory: PathBuf,
    /// The KV cache of requests that do not ask for another.
    pub kv: KvCache,
    /// Longest context in tokens, at most the model's own.
    pub context_length: u32,
    /// Requests that run at the same time; more wait.
    pub max_concurrent: u32,
    /// Bytes of KV caches kept for later requests; `None` for a quarter of what the weights leave.
    pub prompt_cache_bytes: Option<u64>,
    /// Bytes that MLX may hold in all; `None` for what the device recommends.
    pub memory_limit: Option<u64>,
}

/// A request: token ids in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Generate {
    /// Its name from here on.
    pub id: RequestId,
    /// The prompt.
    pub prompt: Vec<u32>,
    /// Tokens to generate at most; `None` for the rest of the context.
    pub max_tokens: Option<u32>,
    /// How to choose tokens.
    pub sampling: Sampling,
    /// A KV cache other than the load's.
    pub kv: Option<KvCache>,
    /// Generate on past end tokens.
    pub ignore_eos: bool,
    /// What the reply has to follow, as a grammar over this model's tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grammar: Option<String>,
}

/// The end of a request by the server's will.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Abort {
    /// Which request.
    pub id: RequestId,
    /// Whether the reply is complete (a stop string was found) rather than unwanted.
    pub complete: bool,
}

/// What a worker tells the server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromWorker {
    /// The worker is up; the first message.
    Hello {
        /// Its [`PROTOCOL_VERSION`].
        version: u32,
    },
    /// Weights are being read.
    LoadProgress {
        /// Bytes read.
        done: u64,
        /// Bytes in all.
        total: u64,
    },
    /// The model answers.
    Loaded(LoadedModel),
    /// The model cannot be loaded; the worker exits.
    LoadFailed {
        /// What happened and what to do.
        message: String,
    },
    /// A request's prompt is being computed.
    Prefill {
        /// Which request.
        id: RequestId,
        /// Prompt tokens in the cache.
        done: u32,
        /// Prompt tokens in all.
        total: u32,
    },
    /// A token was chosen.
    Token {
        /// Which request.
        id: RequestId,
        /// The token id.
        token: u32,
        /// Its log-probabilities, if asked for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        logprobs: Option<TokenLogprobs>,
    },
    /// A request ended; its last message.
    Finished {
        /// Which request.
        id: RequestId,
        /// What it cost, and why it ended.
        report: RequestReport,
        /// What failed, when that is why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<Failure>,
    },
    /// A request cannot be run; its only message.
    Refused {
        /// Which request.
        id: RequestId,
        /// Why, and what to do.
        message: String,
    },
    /// The worker's memory now.
    Memory(MemoryFigures),
}

/// What failed in a request, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What that means for the same request.
    pub kind: FailureKind,
    /// In words.
    pub message: String,
}

/// What a failure means for the same request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// It cannot be done, whenever it is tried.
    Refused,
    /// Its KV cache does not fit below the memory limit even when nothing else runs: a shorter prompt may fit, this one
    /// never does.
    TooLong,
    /// It may succeed when it is tried again.
    Broken,
}

impl Failure {
    /// A failure that may not come again.
    pub fn broken(message: impl Into<String>) -> Self {
        Self { kind: FailureKind::Broken, message: message.into() }
    }

    /// A request that cannot be done.
    pub fn refused(message: impl Into<String>) -> Self {
        Self { kind: FailureKind::Refused, message: message.into() }
    }

    /// A KV cache that does not fit.
    pub fn too_long(message: impl Into<String>) -> Self {
        Self { kind: FailureKind::TooLong, message: message.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

/// What a loaded model turned out to be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct LoadedModel {
    /// The compute backend: `metal`, `cuda` or `cpu`.
    pub backend: String,
    /// Context length in tokens.
    pub context_length: u32,
    /// Bytes of prompt cache that will be kept.
    pub prompt_cache_bytes: u64,
    /// Bytes that MLX may hold.
    pub memory_limit: u64,
    /// Seconds that loading took.
    pub load_seconds: f64,
    /// What a person should know about this load, for instance a dtype that was converted.
    pub notes: Vec<String>,
    /// Memory after loading.
    pub memory: MemoryFigures,
}
