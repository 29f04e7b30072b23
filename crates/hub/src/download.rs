//! Downloads from the Hub into the Hugging Face cache.

mod state;

pub use state::{Download, DownloadFile, DownloadProblem, DownloadState, ProblemCode, Retrying};
