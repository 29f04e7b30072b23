#![allow(unsafe_code, reason = "proc_pid_rusage has no safe form")]

/// Bytes a process takes: its physical footprint, what Activity Monitor shows as "Memory". Resident memory would miss
/// what Metal holds for it.
pub(super) fn footprint(_system: &mut sysinfo::System, process: u32) -> Option<u64> {
    let mut usage = std::mem::MaybeUninit::<libc::rusage_info_v4>::zeroed();
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
