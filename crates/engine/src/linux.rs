//! Two clock functions of macOS that `mlx-rs` calls on every platform.
#![allow(unsafe_code, reason = "C symbols that mlx-rs links against")]

use std::sync::OnceLock;
use std::time::Instant;

fn nanoseconds() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_nanos() as u64
}

#[unsafe(no_mangle)]
extern "C" fn mach_absolute_time() -> u64 {
    nanoseconds()
}

#[unsafe(no_mangle)]
extern "C" fn mach_approximate_time() -> u64 {
    nanoseconds()
}
