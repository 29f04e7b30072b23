//! Downloads over real HTTP, from a Hub that does whatever can go wrong.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

mod answers;
mod cache;
mod disk;
mod interruptions;
mod processes;
mod queue;
mod scene;
mod witness;
