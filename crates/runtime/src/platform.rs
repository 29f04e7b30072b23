//! The machine's memory, and what differs between systems about it.

#[cfg(target_os = "macos")]
mod macos;

use sysinfo::{MemoryRefreshKind, System};

use crate::snapshot::SystemMemory;

/// The machine as `sysinfo` sees it.
pub(crate) struct Machine {
    /// `None` on a system that `sysinfo` does not know.
    system: Option<System>,
}

impl Machine {
    pub fn new() -> Self {
        let system = System::new();
        if let Err(error) = &system {
            tracing::warn!("this system does not tell its memory: {error}");
        }
        Self { system: system.ok() }
    }

    /// Memory now, with the footprints of this process and of the worker's.
    pub fn memory(&mut self, worker: Option<u32>) -> Option<SystemMemory> {
        let system = self.system.as_mut()?;
        system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
        Some(SystemMemory {
            total: system.total_memory(),
            available: system.available_memory(),
            worker_footprint: worker.and_then(|worker| footprint(system, worker)),
            server_footprint: footprint(system, std::process::id()),
        })
    }
}

#[cfg(target_os = "macos")]
use macos::footprint;

/// Bytes a process takes: its resident memory.
#[cfg(not(target_os = "macos"))]
fn footprint(system: &mut System, process: u32) -> Option<u64> {
    let process = sysinfo::Pid::from_u32(process);
    let memory = sysinfo::ProcessRefreshKind::nothing().with_memory();
    system.refresh_processes_specifics(sysinfo::ProcessesToUpdate::Some(&[process]), true, memory);
    system.process(process).map(sysinfo::Process::memory)
}
