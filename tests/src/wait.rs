//! Waiting for something to come true, never for time to pass.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How often is looked.
const EVERY: Duration = Duration::from_millis(10);

/// What `look` finds, as soon as it finds something; `None` when it did not within `limit`.
#[allow(clippy::disallowed_methods, reason = "the one place where tests wait for other processes")]
pub fn until<T>(limit: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return Some(found);
        }
        if begun.elapsed() > limit {
            return None;
        }
        std::thread::park_timeout(EVERY);
    }
}

/// Until the clock shows another second: times of change in calendars are whole seconds.
#[allow(clippy::disallowed_methods, reason = "what is waited for is what the clock shows")]
pub fn next_second() {
    let second = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let before = second();
    until(Duration::from_secs(5), || (second() > before).then_some(()));
}

/// How long `work` takes; for reports, and for limits that are far above what is usual.
#[allow(clippy::disallowed_methods, reason = "a report of real time, which nothing depends on")]
pub fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let begun = Instant::now();
    let made = work();
    (made, begun.elapsed())
}
