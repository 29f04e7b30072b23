//! When to try again, and for how long.

use std::time::{Duration, Instant, SystemTime};

/// How patient a download is. People never choose these; tests do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// A connection that brings nothing for so long is given up.
    pub stall: Duration,
    /// The first pause after something went wrong; each further one is twice as long.
    pub first_pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
    /// After so long without a single new byte the download ends with a problem.
    pub give_up: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            stall: Duration::from_secs(60),
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(60),
            give_up: Duration::from_secs(12 * 3600),
        }
    }
}

/// A Hub that wants to be left alone for longer than this is asked anyway.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// Tries in a row that brought nothing.
pub(super) struct Tries {
    timing: Timing,
    count: u32,
    since: Instant,
}

impl Tries {
    pub fn new(timing: Timing) -> Self {
        Self { timing, count: 0, since: Instant::now() }
    }

    /// Something arrived: whatever goes wrong next is the first time.
    pub fn progress(&mut self) {
        (self.count, self.since) = (0, Instant::now());
    }

    /// How long to wait after a try that failed; `None` when it is time to give up.
    pub fn pause(&mut self, retry_after: Option<Duration>) -> Option<Duration> {
        if self.since.elapsed() >= self.timing.give_up {
            return None;
        }
        let doubled = self.timing.first_pause.saturating_mul(1 << self.count.min(16));
        self.count += 1;
        // A quarter more or less: files that failed together must not come back together.
        let pause = doubled.min(self.timing.longest_pause).mul_f64(0.75 + 0.5 * fastrand::f64());
        Some(pause.max(retry_after.unwrap_or_default().min(LONGEST_RETRY_AFTER)))
    }
}

/// A moment that comes when either clock says so.
///
/// The monotonic clock, by which tokio sleeps, stands still while the machine sleeps. After waking, what waited for it
/// would wait on; by the other clock its time has come, so that a pause ends and a dead connection is given up at once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline {
    monotonic: Instant,
    wall: Option<SystemTime>,
}

/// How often the clocks are looked at.
const LOOK: Duration = Duration::from_millis(500);

impl Deadline {
    pub fn after(duration: Duration) -> Self {
        Self { monotonic: Instant::now() + duration, wall: SystemTime::now().checked_add(duration) }
    }

    /// What is left of it.
    pub fn left(&self) -> Duration {
        let wall = self.wall.map(|wall| wall.duration_since(SystemTime::now()).unwrap_or_default());
        let monotonic = self.monotonic.saturating_duration_since(Instant::now());
        monotonic.min(wall.unwrap_or(monotonic))
    }

    /// Waits for it.
    pub async fn passed(&self) {
        while !self.left().is_zero() {
            tokio::time::sleep(self.left().min(LOOK)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_begin_anew_after_progress() {
        let mut tries = Tries::new(Timing::default());
        let near = |pause: Option<Duration>, seconds: f64| {
            let pause = pause.unwrap().as_secs_f64();
            assert!((seconds * 0.75..=seconds * 1.25).contains(&pause), "{pause} is not about {seconds}");
        };
        for seconds in [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0] {
            near(tries.pause(None), seconds);
        }
        tries.progress();
        near(tries.pause(None), 1.0);
    }

    #[test]
    fn a_hub_that_says_when_to_come_back_is_obeyed_within_reason() {
        let mut tries = Tries::new(Timing::default());
        assert_eq!(tries.pause(Some(Duration::from_secs(90))), Some(Duration::from_secs(90)));
        assert_eq!(tries.pause(Some(Duration::from_secs(1 << 40))), Some(LONGEST_RETRY_AFTER));
    }

    #[test]
    fn without_a_byte_for_long_enough_it_is_given_up() {
        let mut tries = Tries::new(Timing { give_up: Duration::ZERO, ..Timing::default() });
        assert_eq!(tries.pause(None), None);
    }

    #[test]
    fn after_sleep_the_wall_clock_ends_a_pause() {
        let mut deadline = Deadline::after(Duration::from_secs(3600));
        assert!(deadline.left() > Duration::from_secs(3590));
        deadline.wall = Some(SystemTime::now() - Duration::from_secs(1));
        assert_eq!(deadline.left(), Duration::ZERO);
    }
}
