use std::sync::Arc;

use serde::Serialize;

use crate::model::ModelState;
use crate::requests::RequestLog;

/// Everything there is to show, at one moment. All views read this and nothing else, so they cannot disagree.
#[derive(Debug, Clone, Serialize)]
pub struct Snapshot {
    /// The version of Shorn.
    pub version: &'static str,
    /// The chosen model; `None` until one is chosen.
    pub model: Option<ModelState>,
    /// The machine's memory; `None` where the system does not tell it.
    pub system: Option<SystemMemory>,
    /// The last requests, newest first.
    pub requests: Arc<RequestLog>,
}

/// Memory of the machine and of our processes, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SystemMemory {
    /// What the machine has.
    pub total: u64,
    /// What can be used without swapping.
    pub available: u64,
    /// What the worker process takes; `None` while none runs.
    pub worker_footprint: Option<u64>,
    /// What this process takes.
    pub server_footprint: Option<u64>,
}
