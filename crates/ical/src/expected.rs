//! What a series makes of one of its occurrences, where an exception says nothing else.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use model::{Event, Series, When};

use crate::recur::{Window, occurrences};
use crate::zone::{instant, time_zone};

/// Around the occurrences that are asked about: dates and floating times may be anywhere.
const SLACK: SignedDuration = SignedDuration::from_hours(48);

/// The occurrence with the original start `key` as the master makes it: it begins there and lasts
/// as long as the first, by the clock between dates and in elapsed time else (RFC 5545, 3.8.5.3).
pub fn implied(master: &Event, key: &When) -> Event {
    let mut event = master.clone();
    event.start = key.clone();
    event.end = match (instant(&master.start, &TimeZone::UTC), &master.end) {
        (Some(from), end) if !end.is_date() => {
            let length = instant(end, &TimeZone::UTC).map(|until| from.duration_until(until));
            let end_at = instant(key, &TimeZone::UTC).zip(length);
            let end_at = end_at.and_then(|(at, length)| at.checked_add(length).ok());
            end_at.map_or_else(|| key.clone(), |at| placed_like(end, at))
        }
        _ => {
            let lasts = master.start.wall().duration_until(master.end.wall());
            master.end.with_wall(key.wall().saturating_add(lasts))
        }
    };
    event
}

fn placed_like(like: &When, at: Timestamp) -> When {
    let zone = like.zone().and_then(time_zone).unwrap_or(TimeZone::UTC);
    like.with_wall(zone.to_datetime(at))
}

/// Which of `keys` are original starts that the repetition makes. Where that can't be told, all.
pub fn made<'k>(series: &Series, keys: impl Iterator<Item = &'k When> + Clone) -> BTreeSet<When> {
    let at = |key: &When| instant(key, &TimeZone::UTC);
    let first = keys.clone().filter_map(at).min();
    let last = keys.clone().filter_map(at).max();
    let (Some(first), Some(last)) = (first, last) else { return keys.cloned().collect() };
    let bare = bare(series);
    let window = Window {
        from: first.checked_sub(SLACK).unwrap_or(Timestamp::MIN),
        until: last.checked_add(SLACK).unwrap_or(Timestamp::MAX),
    };
    let asked: BTreeSet<&When> = keys.clone().collect();
    let mut found = BTreeSet::new();
    let mut occurrences = occurrences(&bare, window, &TimeZone::UTC);
    for occurrence in occurrences.by_ref() {
        if asked.contains(&occurrence.original) {
            found.insert(occurrence.original);
        }
    }
    if occurrences.is_cut() { keys.cloned().collect() } else { found }
}

/// The series without its exceptions.
pub fn bare(series: &Series) -> Series {
    Series { exceptions: Default::default(), ..series.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::datetime;
    use model::{Frequency, Rule, Zone};

    fn berlin(month: i8, day: i8, hour: i8) -> When {
        let zone = Zone::Iana("Europe/Berlin".to_owned());
        When::Zoned { local: datetime(2026, month, day, hour, 0, 0, 0), zone }
    }

    #[test]
    fn only_what_the_rule_makes_is_an_occurrence() {
        let master = Event::new(berlin(3, 2, 9), berlin(3, 2, 10));
        let mut series = Series::single("a".into(), master);
        series.recurrence.rules.push(Rule::new(Frequency::Weekly));
        let keys = [berlin(3, 9, 9), berlin(3, 10, 9), berlin(4, 6, 9), berlin(3, 9, 10)];
        let found = made(&series, keys.iter());
        assert_eq!(found, [berlin(3, 9, 9), berlin(4, 6, 9)].into());
    }

    #[test]
    fn an_occurrence_lasts_as_long_as_the_first() {
        let master = Event::new(berlin(3, 28, 23), berlin(3, 29, 1));
        let later = implied(&master, &berlin(4, 4, 23));
        assert_eq!(later.end, berlin(4, 5, 1));
    }
}
