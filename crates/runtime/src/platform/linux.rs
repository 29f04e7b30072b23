//! Linux.

use std::fs;

use sysinfo::System;

use crate::snapshot::Pressure;

/// Bytes a process takes: its resident memory.
pub(super) fn footprint(system: &mut System, process: u32) -> Option<u64> {
    let process = sysinfo::Pid::from_u32(process);
    let memory = sysinfo::ProcessRefreshKind::nothing().with_memory();
    system.refresh_processes_specifics(sysinfo::ProcessesToUpdate::Some(&[process]), true, memory);
    system.process(process).map(sysinfo::Process::memory)
}

/// None: MLX's CUDA backend has memory of its own, which the worker tells when it has loaded.
pub(super) fn gpu_limit() -> Option<u64> {
    None
}

/// What the kernel's pressure stall information says.
pub(super) fn pressure() -> Option<Pressure> {
    in_words(&fs::read_to_string("/proc/pressure/memory").ok()?)
}

/// Percent of the last ten seconds in which some program waited for memory, from which that is a warning.
const SOME_WAIT: f64 = 10.0;

/// The same for all programs at once, from which it is critical.
const ALL_WAIT: f64 = 10.0;

/// Reads `some avg10=0.00 ...` and `full avg10=0.00 ...`.
fn in_words(text: &str) -> Option<Pressure> {
    let share = |name: &str| -> Option<f64> {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().find_map(|part| part.strip_prefix("avg10="))?.parse().ok()
    };
    Some(match (share("some")?, share("full")?) {
        (_, all) if all >= ALL_WAIT => Pressure::Critical,
        (some, _) if some >= SOME_WAIT => Pressure::Warning,
        _ => Pressure::Normal,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stalls_of_some_are_a_warning_and_stalls_of_all_are_critical() {
        let text = |some: f64, full: f64| {
            format!(
                "some avg10={some:.2} avg60=0.00 avg300=0.00 total=12\nfull avg10={full:.2} avg60=0.00 total=9\n"
            )
        };
        assert_eq!(in_words(&text(0.0, 0.0)), Some(Pressure::Normal));
        assert_eq!(in_words(&text(12.5, 3.0)), Some(Pressure::Warning));
        assert_eq!(in_words(&text(40.0, 22.0)), Some(Pressure::Critical));
        assert_eq!(in_words("nonsense"), None);
    }
}
