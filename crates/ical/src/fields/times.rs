//! DTSTART, DTEND and DURATION: when it is.
//!
//! The end reads the same however it is stated (RFC 5545 section 3.6.1), and is always written as
//! DTEND: iCloud answers 404 to an event without one.

use jiff::tz::TimeZone;
use model::{Event, When, Zone};

use crate::tree::{Component, NewLine, Property};
use crate::unreadable::Reason;
use crate::value::{self, Duration, Stamp};
use crate::zone::{Place, Zones, instant, time_zone};

/// Marks that some producers set beside midnight times; they must not outlive a change of kind.
const ALL_DAY_MARKS: [&str; 3] =
    ["X-MICROSOFT-CDO-ALLDAYEVENT", "X-MICROSOFT-MSNCALENDAR-ALLDAYEVENT", "X-FUNAMBOL-ALLDAY"];

/// The start and the exclusive end.
pub(super) fn read(component: &Component<'_>, zones: &Zones<'_>) -> Result<(When, When), Reason> {
    let start = component.property("DTSTART").ok_or(Reason::NoStart)?;
    let start = when(&start, zones)?.ok_or(Reason::BadTime("DTSTART"))?;
    let end = match (component.property("DTEND"), component.property("DURATION")) {
        (Some(property), _) => stated_end(&property, &start, zones)?,
        (None, Some(property)) => {
            let duration = value::duration(&property.value);
            duration.and_then(|d| plus(&start, d)).ok_or(Reason::BadTime("DURATION"))?
        }
        (None, None) => start.clone(),
    };
    let end = match (&start, end) {
        // No length: a date lasts its day.
        (When::Date(first), When::Date(last)) if last == *first => {
            When::Date(first.tomorrow().unwrap_or(*first))
        }
        (_, end) => end,
    };
    if is_before(&end, &start) {
        return Err(Reason::EndBeforeStart);
    }
    Ok((start, end))
}

fn stated_end(property: &Property, start: &When, zones: &Zones<'_>) -> Result<When, Reason> {
    let end = when(property, zones)?.ok_or(Reason::BadTime("DTEND"))?;
    Ok(match (start, end) {
        (When::Date(_), end) => When::Date(end.wall().date()),
        // A date or a bare clock reading beside a start that knows more means the start's clock.
        (start, When::Date(date)) => start.with_wall(date.at(0, 0, 0, 0)),
        (When::Zoned { .. } | When::Utc(_), When::Floating(wall)) => start.with_wall(wall),
        (When::Floating(_), end) => When::Floating(end.wall()),
        (_, end) => end,
    })
}

/// By instant; where a zone is not known here, by the clocks.
fn is_before(end: &When, start: &When) -> bool {
    match (instant(end, &TimeZone::UTC), instant(start, &TimeZone::UTC)) {
        (Some(end), Some(start)) => end < start,
        _ => end.wall() < start.wall(),
    }
}

/// A start plus a duration: days on the calendar, the rest on the clock that never jumps
/// (RFC 5545 section 3.3.6).
pub(crate) fn plus(start: &When, duration: Duration) -> Option<When> {
    let days = hours(duration.days.checked_mul(24)?)?;
    let wall = start.wall().checked_add(days).ok()?;
    let rest = jiff::SignedDuration::from_secs(duration.seconds);
    match start {
        When::Date(_) => Some(When::Date(wall.checked_add(rest).ok()?.date())),
        When::Floating(_) | When::Utc(_) => Some(start.with_wall(wall.checked_add(rest).ok()?)),
        When::Zoned { zone, .. } if duration.seconds != 0 => {
            let zone = time_zone(zone)?;
            let from = zone.to_ambiguous_timestamp(wall).compatible().ok()?;
            Some(start.with_wall(zone.to_datetime(from.checked_add(rest).ok()?)))
        }
        When::Zoned { .. } => Some(start.with_wall(wall)),
    }
}

fn hours(hours: i64) -> Option<jiff::SignedDuration> {
    hours.checked_mul(3600).map(jiff::SignedDuration::from_secs)
}

/// A DATE or DATE-TIME property as a point in time; `None` when its value is neither.
pub(crate) fn when(property: &Property, zones: &Zones<'_>) -> Result<Option<When>, Reason> {
    match stamp_of(&property.value, property) {
        Some(stamp) => placed(stamp, property, zones).map(Some),
        None => Ok(None),
    }
}

/// One value of a property, with VALUE=DATE taken at its word.
pub(crate) fn stamp_of(text: &str, property: &Property) -> Option<Stamp> {
    match value::stamp(text)? {
        stamp if property.param_is("VALUE", "DATE") => Some(Stamp::Date(stamp.wall().date())),
        stamp => Some(stamp),
    }
}

/// A value in the zone that its property names. A `Z` wins over a TZID.
pub(crate) fn placed(stamp: Stamp, property: &Property, zones: &Zones<'_>) -> Result<When, Reason> {
    let wall = match stamp {
        Stamp::Date(date) => return Ok(When::Date(date)),
        Stamp::Utc(wall) => return Ok(When::Utc(wall)),
        Stamp::Local(wall) => wall,
    };
    let Some(tzid) = property.param("TZID").filter(|tzid| !tzid.is_empty()) else {
        return Ok(When::Floating(wall));
    };
    match zones.resolve(tzid) {
        Some(Place::Utc) => Ok(When::Utc(wall)),
        Some(Place::Zone(zone)) => Ok(When::Zoned { local: wall, zone }),
        None => Err(Reason::UnknownZone(tzid.to_owned())),
    }
}

/// A line for a point in time.
pub(crate) fn line(name: &str, when: &When) -> NewLine {
    with_kind(NewLine::new(name, text(when)), when)
}

/// The parameters that a point in time needs beside its text.
pub(crate) fn with_kind(line: NewLine, when: &When) -> NewLine {
    match when {
        When::Date(_) => line.param("VALUE", "DATE"),
        When::Floating(_) | When::Utc(_) => line,
        When::Zoned { zone, .. } => line.param("TZID", tzid(zone)),
    }
}

/// The value text of a point in time.
pub(crate) fn text(when: &When) -> String {
    match when {
        When::Date(date) => value::date_text(*date),
        When::Floating(wall) | When::Zoned { local: wall, .. } => value::wall_text(*wall),
        When::Utc(wall) => format!("{}Z", value::wall_text(*wall)),
    }
}

/// The TZID under which a zone is written.
pub(crate) fn tzid(zone: &Zone) -> &str {
    match zone {
        Zone::Iana(name) => name,
        Zone::Posix { tzid, .. } => tzid,
    }
}

pub(super) fn write(component: &mut Component<'_>, current: Option<&Event>, target: &Event) {
    let starts_anew = current.is_none_or(|current| current.start != target.start);
    let ends_anew = current.is_none_or(|current| current.end != target.end);
    let ends_by_start = component.first("DTEND").is_none();
    if starts_anew {
        component.set("DTSTART", vec![line("DTSTART", &target.start)]);
    }
    if ends_anew || (starts_anew && ends_by_start) {
        component.remove("DURATION");
        component.set("DTEND", vec![line("DTEND", &target.end)]);
    }
    if current.is_some_and(|current| current.start.is_date() != target.start.is_date()) {
        for mark in ALL_DAY_MARKS {
            component.remove(mark);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::testing::written;
    use crate::tree::Document;
    use jiff::civil::{date, datetime};
    use model::Field;

    fn read_times(lines: &str) -> Result<(When, When), Reason> {
        let text = format!("BEGIN:VEVENT\n{lines}\nEND:VEVENT\n");
        let document = Document::parse(text.as_bytes()).expect("a tree");
        read(document.components().next().expect("one"), &Zones::new(std::iter::empty()))
    }

    fn utc(hour: i8) -> When {
        When::Utc(datetime(2026, 6, 1, hour, 0, 0, 0))
    }

    fn berlin(month: i8, day: i8, hour: i8) -> When {
        let zone = Zone::Iana("Europe/Berlin".to_owned());
        When::Zoned { local: datetime(2026, month, day, hour, 0, 0, 0), zone }
    }

    fn day(day: i8) -> When {
        When::Date(date(2026, 6, day))
    }

    #[test]
    fn ends_read_the_same_however_they_are_stated() {
        for (lines, want) in [
            ("DTSTART:20260601T100000Z\nDTEND:20260601T110000Z", (utc(10), utc(11))),
            ("DTSTART:20260601T100000Z\nDURATION:PT1H", (utc(10), utc(11))),
            ("DTSTART:20260601T100000Z", (utc(10), utc(10))),
            ("DTSTART;TZID=Etc/UTC:20260601T100000\nDTEND:20260601T110000Z", (utc(10), utc(11))),
            ("DTSTART;VALUE=DATE:20260601", (day(1), day(2))),
            ("DTSTART:20260601\nDTEND:20260601", (day(1), day(2))),
            ("DTSTART;VALUE=DATE:20260601\nDURATION:P2D", (day(1), day(3))),
            ("DTSTART;VALUE=DATE:20260601T000000\nDTEND:20260604T000000", (day(1), day(4))),
            (
                "DTSTART;TZID=W. Europe Standard Time:20260328T100000\nDURATION:P1D",
                (berlin(3, 28, 10), berlin(3, 29, 10)),
            ),
            (
                "DTSTART;TZID=Europe/Berlin:20260328T100000\nDURATION:PT24H",
                (berlin(3, 28, 10), berlin(3, 29, 11)),
            ),
            (
                "DTSTART;TZID=Europe/Berlin:20260601T100000\nDTEND:20260601T120000",
                (berlin(6, 1, 10), berlin(6, 1, 12)),
            ),
        ] {
            assert_eq!(read_times(lines), Ok(want), "{lines}");
        }
    }

    #[test]
    fn senseless_times_are_refused_with_their_reason() {
        for (lines, want) in [
            ("SUMMARY:x", Reason::NoStart),
            ("DTSTART:20260231T256199Z", Reason::BadTime("DTSTART")),
            ("DTSTART:20260601T100000Z\nDTEND:x", Reason::BadTime("DTEND")),
            ("DTSTART:20260601T100000Z\nDURATION:P999999999999W", Reason::BadTime("DURATION")),
            ("DTSTART:20260601T100000Z\nDURATION:P99999999W", Reason::BadTime("DURATION")),
            ("DTSTART:20260601T100000Z\nDTEND:20260601T090000Z", Reason::EndBeforeStart),
            ("DTSTART:20260601T100000Z\nDURATION:-PT1H", Reason::EndBeforeStart),
            ("DTSTART:20260602\nDTEND:20260601", Reason::EndBeforeStart),
            ("DTSTART;TZID=No/Where:20260601T100000", Reason::UnknownZone("No/Where".to_owned())),
        ] {
            assert_eq!(read_times(lines), Err(want), "{lines}");
        }
        assert!(read_times("DTSTART:00010101T000000Z\nDTEND:99991231T235959Z").is_ok());
    }

    #[test]
    fn times_are_written_with_an_end_always() {
        for (event, want) in [
            (Event::new(utc(10), utc(11)), "DTSTART:20260601T100000Z\nDTEND:20260601T110000Z\n"),
            (
                Event::new(day(1), day(2)),
                "DTSTART;VALUE=DATE:20260601\nDTEND;VALUE=DATE:20260602\n",
            ),
            (
                Event::new(berlin(6, 1, 10), utc(10)),
                "DTSTART;TZID=Europe/Berlin:20260601T100000\nDTEND:20260601T100000Z\n",
            ),
        ] {
            assert_eq!(written(Field::Times, &event), want);
            assert_eq!(read_times(want.trim_end()), Ok((event.start, event.end)));
        }
    }

    #[test]
    fn an_edit_changes_only_the_line_that_differs() {
        let text =
            "BEGIN:VEVENT\nDTSTART;X=1:20260601T100000Z\nDTEND:20260601T110000Z\nEND:VEVENT\n";
        let mut document = Document::parse(text.as_bytes()).expect("a tree");
        let component = document.components_mut().next().expect("one");
        let current = Event::new(utc(10), utc(11));
        write(component, Some(&current), &Event::new(utc(10), utc(12)));
        let want =
            "BEGIN:VEVENT\nDTSTART;X=1:20260601T100000Z\nDTEND:20260601T120000Z\nEND:VEVENT\n";
        assert_eq!(String::from_utf8_lossy(&component.to_bytes()), want);
    }
}
