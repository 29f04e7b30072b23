use std::time::{Duration, SystemTime, UNIX_EPOCH};

fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// For `created` fields.
pub fn seconds_since_1970() -> u64 {
    since_1970().as_secs()
}

/// For the request log.
pub fn milliseconds_since_1970() -> u64 {
    since_1970().as_millis() as u64
}
