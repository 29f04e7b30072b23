//! The machine's memory, and what differs between systems about it.
//!
//! Each system's file has the same three: `footprint`, `pressure` and `gpu_limit`.

#[cfg_attr(target_os = "macos", path = "platform/macos.rs")]
#[cfg_attr(not(target_os = "macos"), path = "platform/linux.rs")]
mod system;

use std::sync::OnceLock;

use sysinfo::{CpuRefreshKind, MemoryRefreshKind, System};

use crate::snapshot::SystemMemory;

/// The name of the processor, such as `Apple M2 Pro`; `None` where the system does not tell.
pub fn chip_name() -> Option<String> {
    static NAME: OnceLock<Option<String>> = OnceLock::new();
    let read = || {
        let mut system = System::new().ok()?;
        system.refresh_cpu_specifics(CpuRefreshKind::nothing());
        let name = system.cpus().first()?.brand().trim().to_owned();
        (!name.is_empty()).then_some(name)
    };
    NAME.get_or_init(read).clone()
}

/// The machine as `sysinfo` sees it.
pub(crate) struct Machine {
    /// `None` on a system that `sysinfo` does not know.
    system: Option<System>,
    gpu_limit: Option<u64>,
}

impl Machine {
    pub fn new() -> Self {
        let system = System::new();
        if let Err(error) = &system {
            tracing::warn!("this system does not tell its memory: {error}");
        }
        Self { system: system.ok(), gpu_limit: system::gpu_limit() }
    }

    /// Memory now, with the footprints of this process and of the workers'.
    pub fn memory(&mut self, workers: &[u32]) -> Option<SystemMemory> {
        let system = self.system.as_mut()?;
        system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
        Some(SystemMemory {
            total: system.total_memory(),
            available: system.available_memory(),
            gpu_limit: self.gpu_limit,
            pressure: system::pressure(),
            worker_footprint: workers
                .iter()
                .filter_map(|&worker| system::footprint(system, worker))
                .reduce(|sum, footprint| sum + footprint),
            server_footprint: system::footprint(system, std::process::id()),
        })
    }
}
