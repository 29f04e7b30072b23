//! What crosses the pipe between the server and a worker process, and the words both sides use for it.
//!
//! A worker holds one loaded model. The server writes [`ToWorker`] messages to its standard input and reads
//! [`FromWorker`] messages from its standard output, each as one frame ([`write_frame`], [`read_frame`]); standard error
//! carries log lines. When its standard input closes, a worker exits.
//!
//! Token ids go in and come out: text, templates and tools stay on the server's side.

mod frame;
mod memory;
mod message;
mod report;
mod sampling;

pub use frame::{FrameError, MAX_FRAME_BYTES, read_frame, write_frame};
pub use memory::MemoryFigures;
pub use message::{
    Abort, Failure, FailureKind, FromWorker, Generate, LoadSettings, LoadedModel, PROTOCOL_VERSION,
    RequestId, ToWorker,
};
pub use report::{EffectiveKv, EffectiveKvKind, FinishReason, GrammarCost, RequestReport};
pub use sampling::{BadSampling, Sampling, TokenLogprobs};
