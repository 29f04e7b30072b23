use std::sync::Arc;

use serde::Serialize;
use ts_rs::TS;

use crate::model::ModelState;
use crate::requests::RequestLog;

/// Everything there is to show, at one moment. All views read this and nothing else, so they cannot disagree.
#[derive(Debug, Clone, Serialize, TS)]
pub struct Snapshot {
    /// The version of Shorn.
    pub version: &'static str,
    /// The chosen model; `None` until one is chosen.
    pub model: Option<ModelState>,
    /// Models that requests named and that were loaded for them, last used first.
    pub others: Vec<ModelState>,
    /// The machine's memory; `None` where the system does not tell it.
    pub system: Option<SystemMemory>,
    /// The last requests, newest first.
    pub requests: Arc<RequestLog>,
}

/// Memory of the machine and of our processes, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, TS)]
pub struct SystemMemory {
    /// What the machine has.
    pub total: u64,
    /// What can be used without swapping.
    pub available: u64,
    /// What the GPU recommends using at most; `None` without a GPU that shares this memory.
    pub gpu_limit: Option<u64>,
    /// How short memory is for everyone; `None` where the system does not tell.
    pub pressure: Option<Pressure>,
    /// What the worker processes take; `None` while none runs.
    pub worker_footprint: Option<u64>,
    /// What this process takes.
    pub server_footprint: Option<u64>,
}

/// How short the machine's memory is, in the system's own words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Pressure {
    /// There is enough.
    Normal,
    /// The system takes memory back from programs that can spare it.
    Warning,
    /// Programs wait for memory.
    Critical,
}
