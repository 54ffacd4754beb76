//! From when to when the single events of a series stand at Microsoft: as far as the window
//! reaches, or, where that would be too many, the next ones.
//!
//! What stands there stays when the window moves on: events that it has left are still told of as
//! long as there is room for all of them. Then they are settled, and remain as they are.

use std::collections::VecDeque;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use model::Series;

use crate::cursor::Window;
use crate::fields::Unread;
use crate::parts::Whole;

/// How many events of one series are told of at most: two years of a daily one. Each is a request.
pub(crate) const MOST: usize = 750;

/// Events are added when they would reach further by this: each time all of them are written.
const LEAST_MOVE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Occurrences that start in `[from, until)` are to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reach {
    pub(crate) from: Timestamp,
    pub(crate) until: Timestamp,
    /// By how much further it has to be than what stands there.
    least_move: SignedDuration,
    /// Whether there is no room for all that the window has still to come.
    pub(crate) is_short: bool,
}

impl Reach {
    /// How far a series reaches now, of which `held` was written last. Exceptions make no
    /// difference: whoever asks what is wanting doesn't know all of them.
    ///
    /// # Errors
    /// When it repeats in a way that nobody expands.
    pub(crate) fn of(
        series: &Series,
        held: Option<&Whole>,
        window: &Window,
    ) -> Result<Self, Unread> {
        let from = held.map_or(window.from, |held| held.from.min(window.from));
        let mut reach = Self { from, until: window.until, least_move: LEAST_MOVE, is_short: false };
        let (mut past, mut ahead) = (VecDeque::new(), 0);
        let plain = plain(series);
        let within = ical::Window { from, until: window.until };
        let mut occurrences = ical::occurrences(&plain, within, &TimeZone::UTC);
        for one in occurrences.by_ref().filter(|one| one.from >= from) {
            if one.from < window.opened {
                past.push_back(one.from);
            } else if ahead == MOST {
                (reach.until, reach.is_short) = (one.from, true);
                let half = window.opened.duration_until(one.from) / 2;
                reach.least_move = half.min(LEAST_MOVE);
                break;
            } else {
                ahead += 1;
            }
        }
        if occurrences.is_cut() {
            return Err(unplayed(&plain));
        }
        // The next ones come first; of those that are over, the latest.
        let room = MOST - ahead;
        if past.len() > room {
            let first = past.get(past.len() - room);
            reach.from = first.copied().unwrap_or(window.opened);
        }
        Ok(reach)
    }

    /// Whether events that stand as far as `held` are to be added to: there are more, and it is
    /// time.
    pub(crate) fn goes_beyond(&self, held: &Whole, series: &Series) -> bool {
        let is_time = held.until.duration_until(self.until) >= self.least_move;
        let plain = plain(series);
        let more = ical::Window { from: held.until, until: self.until };
        let mut more = ical::occurrences(&plain, more, &TimeZone::UTC);
        is_time && more.any(|one| one.from >= held.until)
    }
}

/// A series without its exceptions, if anything is left of it then.
fn plain(series: &Series) -> Series {
    let mut plain = series.clone();
    if plain.master.is_some() {
        plain.exceptions.clear();
    }
    plain
}

/// Why a series can't be played.
pub(crate) fn unplayed(series: &Series) -> Unread {
    let is_known = series.recurrence.rules.iter().all(|rule| rule.other.is_empty());
    Unread(match is_known {
        true => "it repeats too often to be written one by one",
        false => "its rule has parts that calpair can't play",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(frequency: &str) -> Series {
        let text = format!(
            "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nDTSTART:20260101T003000Z\n\
             DTEND:20260101T004000Z\nSUMMARY:A\nRRULE:FREQ={frequency}\n\
             RDATE:20260321T184500Z\nEND:VEVENT\nEND:VCALENDAR\n"
        );
        ical::read(text.as_bytes()).unwrap()
    }

    fn window(opened: &str) -> Window {
        let opened: Timestamp = opened.parse().unwrap();
        let days = |days: i64| SignedDuration::from_hours(days * 24);
        Window { from: opened - days(90), until: opened + days(730), opened }
    }

    fn whole(series: &Series, reach: &Reach) -> Whole {
        Whole::new(series, 1, reach.from, reach.until)
    }

    #[test]
    fn where_there_is_no_room_for_all_the_next_ones_come_first() {
        let opened = "2027-05-09T00:00:00Z";
        let window = window(opened);
        let days = |reach: &Reach| {
            let days = |length: SignedDuration| length.as_hours() / 24;
            let back = days(reach.from.duration_until(window.opened));
            (back, days(window.opened.duration_until(reach.until)), reach.is_short)
        };
        for (frequency, want) in
            [("MONTHLY", (90, 730, false)), ("DAILY", (19, 730, false)), ("HOURLY", (0, 31, true))]
        {
            let reach = Reach::of(&series(frequency), None, &window).unwrap();
            assert_eq!(days(&reach), want, "{frequency}");
        }
        assert!(Reach::of(&series("MINUTELY"), None, &window).is_err());
    }

    #[test]
    fn what_was_just_written_is_not_asked_for_again_and_is_before_it_runs_out() {
        for (frequency, days) in [("MONTHLY", 31), ("DAILY", 30), ("HOURLY", 16)] {
            let series = series(frequency);
            let start = window("2027-05-09T00:00:00Z");
            let held = whole(&series, &Reach::of(&series, None, &start).unwrap());
            let mut asked = None;
            for day in 0..40 {
                let opened = start.opened + SignedDuration::from_hours(day * 24);
                let now = window(&opened.to_string());
                let reach = Reach::of(&series, Some(&held), &now).unwrap();
                if reach.goes_beyond(&held, &series) {
                    asked.get_or_insert(day);
                    let next = whole(&series, &reach);
                    let again = Reach::of(&series, Some(&next), &now).unwrap();
                    assert!(!again.goes_beyond(&next, &series), "{frequency}");
                }
            }
            assert!(asked.is_some_and(|day| day <= days), "{frequency}: {asked:?}");
            assert!(asked.is_some_and(|day| day > 14), "{frequency}: {asked:?}");
        }
    }

    #[test]
    fn what_the_window_has_left_is_told_of_as_long_as_there_is_room() {
        let series = series("MONTHLY");
        let first = window("2026-05-09T00:00:00Z");
        let held = whole(&series, &Reach::of(&series, None, &first).unwrap());
        let later = window("2027-05-09T00:00:00Z");
        assert_eq!(Reach::of(&series, Some(&held), &later).unwrap().from, first.from);
    }
}
