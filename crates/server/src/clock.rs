use std::time::{Duration, SystemTime, UNIX_EPOCH};

fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// For `created` fields.
pub fn seconds_since_1970() -> u64 {
    since_1970().as_secs()
}

/// The same for a time of the file system; 0 for one before 1970.
pub fn seconds_of(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// For the request log.
pub fn milliseconds_since_1970() -> u64 {
    since_1970().as_millis() as u64
}
