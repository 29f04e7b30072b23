//! How fast bytes arrive.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The speed is that of the last seconds: short enough to follow a change, long enough to be read.
const WINDOW: Duration = Duration::from_secs(5);

/// Counts of bytes over the last seconds.
#[derive(Default)]
pub(super) struct Speed {
    samples: VecDeque<(Instant, u64)>,
}

impl Speed {
    /// Notes how many bytes have arrived in all.
    pub fn note(&mut self, now: Instant, received: u64) {
        // One sample from before the window stays: the window reaches back to it.
        while self.samples.get(1).is_some_and(|(time, _)| now.duration_since(*time) >= WINDOW) {
            self.samples.pop_front();
        }
        self.samples.push_back((now, received));
    }

    /// Bytes per second; `None` when none arrived.
    pub fn bytes_per_second(&self) -> Option<f64> {
        let ((first, before), (last, after)) = (self.samples.front()?, self.samples.back()?);
        let seconds = last.duration_since(*first).as_secs_f64();
        (after > before && seconds > 0.0).then(|| (after - before) as f64 / seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_speed_is_that_of_the_last_five_seconds() {
        let (start, mut speed) = (Instant::now(), Speed::default());
        assert_eq!(speed.bytes_per_second(), None);
        for second in 0..60 {
            let received = if second < 30 { second * 1000 } else { 30_000 + (second - 30) * 10 };
            speed.note(start + Duration::from_secs(second), received);
            match second {
                0 => assert_eq!(speed.bytes_per_second(), None),
                1..=30 => assert_eq!(speed.bytes_per_second(), Some(1000.0), "{second}"),
                36.. => assert_eq!(speed.bytes_per_second(), Some(10.0), "{second}"),
                _ => {}
            }
        }
        assert!(speed.samples.len() <= 7);
    }

    #[test]
    fn when_nothing_arrives_there_is_no_speed() {
        let (start, mut speed) = (Instant::now(), Speed::default());
        for second in 0..10 {
            speed.note(start + Duration::from_secs(second), 1000.min(second * 1000));
        }
        assert_eq!(speed.bytes_per_second(), None);
    }
}
