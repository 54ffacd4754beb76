//! When a pair runs next: a pure function.

use std::time::Duration;

/// The longest pause between tries of a pair that keeps failing.
const LONGEST_PAUSE: Duration = Duration::from_secs(15 * 60);

/// How long to wait before the next cycle: the interval, doubled for each failure in a row, at most
/// [`LONGEST_PAUSE`] (or the interval itself, where that is longer). Jitter, and what a provider
/// asked for, are the caller's.
pub fn pause(interval: Duration, failures_in_a_row: u32) -> Duration {
    interval
        .saturating_mul(2_u32.saturating_pow(failures_in_a_row.min(16)))
        .min(LONGEST_PAUSE.max(interval))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_doubles_to_a_limit() {
        let seconds = Duration::from_secs;
        assert_eq!(pause(seconds(60), 0), seconds(60));
        assert_eq!(pause(seconds(60), 1), seconds(120));
        assert_eq!(pause(seconds(60), 30), LONGEST_PAUSE);
        assert_eq!(pause(seconds(3600), 30), seconds(3600));
    }
}
