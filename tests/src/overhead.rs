//! What `server-overhead` and its worker have agreed on.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The environment variable that names the file in which the worker notes when it sent each token: a line for each
/// request, with its seed and nanoseconds since 1970.
pub const STAMPS: &str = "SHORN_TEST_STAMPS";

/// Time between two steps, each of which gives every request a token: 40 tokens per second.
pub const STEP: Duration = Duration::from_millis(25);

/// The text of a token.
pub const WORD: &str = "a";

/// Nanoseconds since 1970: a clock that two processes share.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64
}
