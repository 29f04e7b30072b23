//! How much memory a model may take on a machine.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

const GIB: u64 = 1 << 30;

/// The memory of a machine, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Machine {
    /// What it has.
    pub total: u64,
    /// What the GPU recommends using at most (on a Mac `recommendedMaxWorkingSetSize`, which follows
    /// `iogpu.wired_limit_mb`); `None` without a GPU.
    pub gpu_limit: Option<u64>,
    /// What can be used now without swapping; `None` where the system does not tell it.
    pub available: Option<u64>,
    /// What the load would take over: the memory of a worker that ends before it. 0 for a model beside the others.
    pub ours: u64,
    /// What stays with the system and other programs.
    pub reserve: u64,
    /// A limit that a person chose. It stands in place of the GPU's recommendation, as in the engine.
    pub chosen: Option<u64>,
}

/// Where a memory limit comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum BindingLimit {
    /// What the GPU recommends using at most.
    GpuLimit,
    /// What the machine has, without the reserve.
    TotalMinusReserve,
    /// What can be used now, with what the load would take over.
    AvailableNow,
    /// What a person chose.
    Chosen,
}

/// How much memory may be taken, and which of the bounds it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, TS)]
pub struct MemoryLimit {
    /// Bytes.
    pub bytes: u64,
    /// The bound that is the smallest.
    pub binding: BindingLimit,
}

impl Machine {
    /// The smallest of three bounds: the chosen limit or else the GPU's, the total without the reserve, and what is
    /// available with what the load would take over.
    pub fn limit(&self) -> MemoryLimit {
        let gpu = match (self.chosen, self.gpu_limit) {
            (Some(bytes), _) => Some(MemoryLimit { bytes, binding: BindingLimit::Chosen }),
            (None, Some(bytes)) => Some(MemoryLimit { bytes, binding: BindingLimit::GpuLimit }),
            (None, None) => None,
        };
        let available = self.available.map(|available| MemoryLimit {
            bytes: available.saturating_add(self.ours),
            binding: BindingLimit::AvailableNow,
        });
        let total = MemoryLimit {
            bytes: self.total.saturating_sub(self.reserve),
            binding: BindingLimit::TotalMinusReserve,
        };
        // Of equal bounds the total is named: it is what a person can do least about.
        gpu.into_iter().chain(available).fold(total, |least, bound| match bound.bytes < least.bytes {
            true => bound,
            false => least,
        })
    }

    pub(super) fn has_gpu(&self) -> bool {
        self.gpu_limit.is_some()
    }
}

/// How much of the machine a model must leave to the system and other programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum GuardLevel {
    /// Nothing is kept back, and a model that does not fit is loaded all the same. Can bring the machine to a halt.
    Off,
    /// An eighth of the memory, from 1 to 4 GiB.
    Relaxed,
    /// A quarter, from 2 to 8 GiB.
    #[default]
    Balanced,
    /// Three eighths, from 3 to 16 GiB.
    Strict,
}

impl GuardLevel {
    /// What stays with the system and other programs on a machine with `total` bytes.
    pub fn reserve(self, total: u64) -> u64 {
        match self {
            Self::Off => 0,
            Self::Relaxed => (total / 8).clamp(GIB, 4 * GIB),
            Self::Balanced => (total / 4).clamp(2 * GIB, 8 * GIB),
            Self::Strict => (total / 8 * 3).clamp(3 * GIB, 16 * GIB),
        }
    }
}
