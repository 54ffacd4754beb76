//! Whether both sides are equal: not their texts, but when what takes place.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use model::{CalendarId, Sides};
use sandbox::World;

/// So far back and ahead of now occurrences are compared.
const YEARS: i64 = 5;

/// An occurrence: whose, from when to when, called what.
type Seen = (String, Timestamp, Timestamp, String);

/// How many occurrences both calendars have; an error says what differs.
pub(super) fn compare(world: &World, calendars: &Sides<CalendarId>) -> Result<usize, String> {
    let seen = Sides::new(seen(world, &calendars.left)?, seen(world, &calendars.right)?);
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

fn seen(world: &World, calendar: &CalendarId) -> Result<BTreeSet<Seen>, String> {
    let reach = SignedDuration::from_hours(YEARS * 366 * 24);
    let window = ical::Window { from: world.now() - reach, until: world.now() + reach };
    let mut seen = BTreeSet::new();
    for held in world.held(calendar) {
        let series = ical::read(&held.raw).map_err(|error| format!("{}: {error}", held.id))?;
        let occurrences = ical::occurrences(&series, window, &TimeZone::UTC);
        seen.extend(occurrences.map(|occurrence| {
            let title = occurrence.event.title.as_ref().map(|title| title.expose().clone());
            let uid = series.uid.as_str().to_owned();
            (uid, occurrence.from, occurrence.until, title.unwrap_or_default())
        }));
    }
    Ok(seen)
}
