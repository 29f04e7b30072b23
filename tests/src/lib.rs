//! Support for whole-product tests: a server process, a script for the worker that stands in for a capable model, and
//! real agents from npm.
#![allow(clippy::unwrap_used, reason = "test support may panic")]

pub mod agents;
pub mod conformance;
#[cfg(target_os = "linux")]
mod display;
pub mod loopback;
pub mod overhead;
pub mod reuse;
pub mod script;
pub mod server;
#[cfg(target_os = "linux")]
pub mod session;
#[cfg(target_os = "linux")]
pub mod window;

/// How often a long loop runs: a tenth of `full` in the tests, all of it where `SHORN_FULL_LOOPS` is set (`cargo xtask
/// measure loops` sets it).
pub fn loops(full: usize) -> usize {
    if std::env::var_os("SHORN_FULL_LOOPS").is_some() { full } else { full.div_ceil(10) }
}
