//! Whether both sides are equal: not their texts, but when what takes place.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use model::{Sides, Zone};
use sandbox::Held;

use super::stage::{Stage, ZONE, origin};

/// So far back and ahead of now occurrences are compared.
const YEARS: i64 = 5;

/// An occurrence: whose, from when to when, called what.
type Seen = (String, Timestamp, Timestamp, String);

/// How many occurrences both calendars of a pair have; an error says what differs.
pub(super) fn compare(stage: &Stage, held: Sides<Vec<Held>>) -> Result<usize, String> {
    let seen = Sides::new(seen(stage, held.left)?, seen(stage, held.right)?);
    if seen.left == seen.right {
        return Ok(seen.left.len());
    }
    let only = |here: &BTreeSet<Seen>, there: &BTreeSet<Seen>| {
        let first = here.difference(there).next();
        first.map(|(uid, from, _, title)| format!("{title:?} at {from} ({uid})"))
    };
    let left = only(&seen.left, &seen.right).unwrap_or_else(|| "nothing".to_owned());
    let right = only(&seen.right, &seen.left).unwrap_or_else(|| "nothing".to_owned());
    Err(format!("the sides differ: only on the left is {left}, only on the right {right}"))
}

fn seen(stage: &Stage, held: Vec<Held>) -> Result<BTreeSet<Seen>, String> {
    let (reach, now) = (SignedDuration::from_hours(YEARS * 366 * 24), stage.world.now());
    let window = ical::Window { from: now - reach, until: now + reach };
    // Where floating times take place depends on who looks; Google places them in the calendar's
    // zone, and calpair at Microsoft in the configured one, which is the same.
    let floating = ical::time_zone(&Zone::Iana(ZONE.into())).unwrap_or(TimeZone::UTC);
    let mut seen = BTreeSet::new();
    for held in held {
        let series = ical::read(&held.raw).map_err(|error| format!("{}: {error}", held.id))?;
        let occurrences = ical::occurrences(&series, window, &floating);
        seen.extend(occurrences.map(|occurrence| {
            let title = occurrence.event.title.as_ref().map(|title| title.expose().clone());
            (origin(&held), occurrence.from, occurrence.until, title.unwrap_or_default())
        }));
    }
    Ok(seen)
}
