//! macOS.
#![allow(unsafe_code, reason = "proc_pid_rusage and sysctlbyname have no safe form")]

use std::mem::{MaybeUninit, size_of};

use objc2_metal::{MTLCreateSystemDefaultDevice, MTLDevice};
use sysinfo::System;

use crate::snapshot::Pressure;

/// Bytes a process takes: its physical footprint, what Activity Monitor shows as "Memory". Resident memory would miss
/// what Metal holds for it.
pub(super) fn footprint(_system: &mut System, process: u32) -> Option<u64> {
    let mut usage = MaybeUninit::<libc::rusage_info_v4>::zeroed();
    // SAFETY: the buffer is that of the flavour asked for, and zeroed bytes are a valid value of it.
    let usage = unsafe {
        let status = libc::proc_pid_rusage(
            i32::try_from(process).ok()?,
            libc::RUSAGE_INFO_V4,
            usage.as_mut_ptr().cast(),
        );
        (status == 0).then(|| usage.assume_init())?
    };
    Some(usage.ri_phys_footprint)
}

/// The GPU's recommended working set, which follows `iogpu.wired_limit_mb`.
pub(super) fn gpu_limit() -> Option<u64> {
    MTLCreateSystemDefaultDevice().map(|device| device.recommendedMaxWorkingSetSize())
}

/// The kernel's memory pressure level.
pub(super) fn pressure() -> Option<Pressure> {
    let mut level: libc::c_int = 0;
    let mut size = size_of::<libc::c_int>();
    // SAFETY: the name ends in a zero byte, and the buffer has as many bytes as `size` says.
    let status = unsafe {
        libc::sysctlbyname(
            c"kern.memorystatus_vm_pressure_level".as_ptr(),
            (&raw mut level).cast(),
            &raw mut size,
            std::ptr::null_mut(),
            0,
        )
    };
    match (status, level) {
        (0, 1) => Some(Pressure::Normal),
        (0, 2) => Some(Pressure::Warning),
        (0, 4) => Some(Pressure::Critical),
        _ => None,
    }
}
