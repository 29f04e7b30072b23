//! What is loaded: settings, worker processes, and one snapshot that everyone reads.
//!
//! Each loaded model lives in a worker process of its own ([`Model`] supervises it), so that a failure in MLX or Metal
//! takes down neither the server nor the app. Commands go in by channel; state comes out as one [`Snapshot`].

mod cache_reuse;
mod load_options;
mod model;
mod platform;
mod requests;
mod runtime;
mod settings;
mod snapshot;
mod supervisor;
mod worker;

pub use cache_reuse::{CacheMiss, CacheReuse, MissCause, SessionMark};
pub use load_options::{BadLoadOption, LoadOptions};
pub use model::{
    Generation, GenerationEvent, Model, ModelId, ModelPhase, ModelSpec, ModelState, Unavailable,
};
pub use platform::chip_name;
pub use requests::{CompletedRequest, RequestKind, RequestLog, RequestTotals, in_bytes};
pub use runtime::Runtime;
pub use settings::{
    Origin, RequestedSampling, ResolvedSampling, SavedSettings, SettingsError, data_directory,
};
pub use snapshot::{Pressure, Snapshot, SystemMemory};
pub use worker::WorkerCommand;
