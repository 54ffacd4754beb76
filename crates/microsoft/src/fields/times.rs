//! `start`, `end`, `isAllDay`. Answers have their times in UTC; the zone that was meant stands
//! beside them, under Windows' name. Whole days are midnights in no zone at all.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use model::{Event, When};
use serde_json::{Value, json};

use super::{Body, Frame, Refused, Unread};
use crate::row::{Kind, Row};
use crate::zones;

/// The years that Exchange itself can mean; what lies beyond stands for "none" or is broken.
// quirk: microsoft-58
const YEARS: std::ops::RangeInclusive<i16> = 1601..=4500;

pub(super) fn read(row: &Row, series: Option<&str>) -> Result<(When, When), Unread> {
    let start = wall(row, "start").ok_or(Unread("its start can't be understood"))?;
    let end = wall(row, "end").unwrap_or_else(|| start.clone());
    if !YEARS.contains(&start.reading.year()) || !YEARS.contains(&end.reading.year()) {
        return Err(Unread("its times are out of every range"));
    }
    if row.get("isAllDay").and_then(Value::as_bool) == Some(true) {
        // quirk: microsoft-28
        let (first, last) = (start.reading.date(), end.reading.date());
        let last = if last <= first { first.tomorrow().unwrap_or(first) } else { last };
        return Ok((When::Date(first), When::Date(last)));
    }
    let (from, until) = start.instant().zip(end.instant()).ok_or(Unread(UNKNOWN))?;
    if until < from {
        return Err(Unread("it ends before it starts"));
    }
    let first = start_zone(row, &start, series)?;
    let first = placed(from, first);
    let last = match end_zone(row, &end) {
        Some(name) => placed(until, Some(name)),
        None => in_zone_of(until, &first),
    };
    Ok((first, last))
}

const UNKNOWN: &str = "its time zone is not known";

/// A wall clock, and in which zone.
#[derive(Clone)]
struct Stated<'r> {
    reading: DateTime,
    zone: &'r str,
}

impl Stated<'_> {
    fn instant(&self) -> Option<Timestamp> {
        let zone = zones::time_zone(self.zone)?;
        zone.to_ambiguous_timestamp(self.reading).compatible().ok()
    }
}

// quirk: microsoft-24
fn wall<'r>(row: &'r Row, name: &str) -> Option<Stated<'r>> {
    let stated = row.get(name)?;
    let reading: DateTime = stated.get("dateTime")?.as_str()?.trim_end_matches('Z').parse().ok()?;
    let zone = stated.get("timeZone").and_then(Value::as_str).unwrap_or("UTC");
    Some(Stated { reading: reading.with().subsec_nanosecond(0).build().ok()?, zone })
}

/// The zone that the start was meant in: the one that it repeats in, else the one it was made in.
/// An event that takes place once may do without.
// quirk: microsoft-26
fn start_zone<'r>(
    row: &'r Row,
    start: &Stated<'r>,
    series: Option<&'r str>,
) -> Result<Option<&'r str>, Unread> {
    let own = Some(start.zone).filter(|zone| zones::place(zone) != Some(ical::Place::Utc));
    let made = [row.text("originalStartTimeZone"), row.text("originalEndTimeZone")];
    let stated = [own, row.recurrence_zone(), made[0], series, made[1]];
    let known = stated.into_iter().flatten().find(|name| zones::place(name).is_some());
    match (known, row.kind()) {
        (Some(known), _) => Ok(Some(known)),
        (None, Kind::Master) => Err(Unread("it repeats in a time zone that has no name")),
        (None, Kind::Single | Kind::Occurrence | Kind::Exception) => Ok(None),
    }
}

fn end_zone<'r>(row: &'r Row, end: &Stated<'r>) -> Option<&'r str> {
    let own = Some(end.zone).filter(|zone| zones::place(zone) != Some(ical::Place::Utc));
    let stated = [own, row.text("originalEndTimeZone")];
    stated.into_iter().flatten().find(|name| zones::place(name).is_some())
}

fn placed(at: Timestamp, zone: Option<&str>) -> When {
    let utc = || When::Utc(TimeZone::UTC.to_datetime(at));
    zone.and_then(|name| zones::placed(at, name)).unwrap_or_else(utc)
}

fn in_zone_of(at: Timestamp, like: &When) -> When {
    let zone = like.zone().and_then(ical::time_zone).unwrap_or(TimeZone::UTC);
    like.with_wall(zone.to_datetime(at))
}

/// The original start of an occurrence, in the kind and zone of its master's. Of a whole day it is
/// told as the instant of midnight in the zone that the series repeats in.
// quirk: microsoft-29
pub(crate) fn original(at: Timestamp, master: &When, zone: Option<&str>) -> When {
    match master {
        When::Date(_) => {
            let zone = zone.and_then(zones::time_zone).unwrap_or(TimeZone::UTC);
            When::Date(nearest_day(zone.to_datetime(at)))
        }
        other => in_zone_of(at, other),
    }
}

/// The day whose midnight is nearest: a zone may be another one than that of the midnight.
fn nearest_day(reading: DateTime) -> Date {
    let date = reading.date();
    if reading.hour() < 12 { date } else { date.tomorrow().unwrap_or(date) }
}

pub(super) fn write(event: &Event, frame: &Frame, patch: &mut Body) -> Result<(), Refused> {
    let is_days = event.start.is_date();
    let end = if is_days { lasting(event) } else { event.end.clone() };
    patch.insert("isAllDay".to_owned(), Value::from(is_days));
    patch.insert("start".to_owned(), stated(&event.start, frame)?);
    patch.insert("end".to_owned(), stated(&end, frame)?);
    Ok(())
}

/// The end of whole days, one day at least.
// quirk: microsoft-27
fn lasting(event: &Event) -> When {
    let (first, last) = (event.start.wall().date(), event.end.wall().date());
    When::Date(if last <= first { first.tomorrow().unwrap_or(first) } else { last })
}

// quirk: microsoft-25, microsoft-26, microsoft-27
fn stated(when: &When, frame: &Frame) -> Result<Value, Refused> {
    let (reading, zone) = match (when, zones::name(when)) {
        (When::Date(date), _) => (date.at(0, 0, 0, 0), "UTC"),
        (When::Floating(local), _) => (*local, frame.floating),
        (_, Some(name)) => (when.wall(), name),
        (_, None) => {
            let at = ical::instant(when, &TimeZone::UTC).ok_or(Refused(UNKNOWN))?;
            (TimeZone::UTC.to_datetime(at), "UTC")
        }
    };
    if !YEARS.contains(&reading.year()) {
        return Err(Refused("Exchange has no such year"));
    }
    let text = reading.strftime("%Y-%m-%dT%H:%M:%S").to_string();
    Ok(json!({"dateTime": text, "timeZone": zone}))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{event, round_trip, row, written};
    use super::*;
    use jiff::civil::{date, datetime};
    use model::{Field, Zone};

    fn berlin(hour: i8) -> When {
        let zone = Zone::Iana("Europe/Berlin".to_owned());
        When::Zoned { local: datetime(2026, 3, 2, hour, 0, 0, 0), zone }
    }

    // quirk: microsoft-24, microsoft-25
    #[test]
    fn a_time_is_read_in_the_zone_that_was_meant_and_written_under_windows_name() {
        let read = round_trip(Field::Times, json!({}));
        assert_eq!((&read.start, &read.end), (&berlin(9), &berlin(10)));
        let keys = written(Field::Times, &read);
        let want =
            json!({"dateTime": "2026-03-02T09:00:00", "timeZone": "W. Europe Standard Time"});
        assert_eq!(keys["start"], want);
        assert_eq!(keys["isAllDay"], false);
        let utc = json!({"originalStartTimeZone": "tzone://Microsoft/Utc",
            "originalEndTimeZone": "tzone://Microsoft/Utc"});
        assert_eq!(event(utc).start, When::Utc(datetime(2026, 3, 2, 8, 0, 0, 0)));
    }

    // quirk: microsoft-27, microsoft-28
    #[test]
    fn whole_days_are_dates_whatever_the_zone() {
        let keys = json!({"isAllDay": true, "originalStartTimeZone": "Tokyo Standard Time",
            "start": {"dateTime": "2026-06-09T00:00:00.0000000", "timeZone": "UTC"},
            "end": {"dateTime": "2026-06-10T00:00:00.0000000", "timeZone": "UTC"}});
        let read = round_trip(Field::Times, keys);
        assert_eq!(read.start, When::Date(date(2026, 6, 9)));
        assert_eq!(read.end, When::Date(date(2026, 6, 10)));
        let keys = written(Field::Times, &read);
        assert_eq!(keys["end"], json!({"dateTime": "2026-06-10T00:00:00", "timeZone": "UTC"}));
        let mut none = read.clone();
        none.end = none.start.clone();
        assert_eq!(written(Field::Times, &none)["end"], keys["end"]);
    }

    // quirk: microsoft-26
    #[test]
    fn a_zone_without_a_name_is_utc_once_and_nothing_for_a_series() {
        let zones = json!({"originalStartTimeZone": "tzone://Microsoft/Custom",
            "originalEndTimeZone": "Customized Time Zone"});
        let read = event(zones.clone());
        assert_eq!(read.start, When::Utc(datetime(2026, 3, 2, 8, 0, 0, 0)));
        let mut series = zones;
        series["type"] = "seriesMaster".into();
        assert!(super::super::read(&row(series.clone()), None).is_err());
        series["recurrence"] = json!({"range": {"recurrenceTimeZone": "W. Europe Standard Time"}});
        assert_eq!(event(series).start, berlin(9));
    }

    // quirk: microsoft-58
    #[test]
    fn years_that_stand_for_none_are_no_times() {
        let keys = json!({"start": {"dateTime": "0001-01-01T00:00:00.0000000", "timeZone": "UTC"}});
        assert!(super::super::read(&row(keys), None).is_err());
        let keys = json!({"end": {"dateTime": "9999-12-31T00:00:00.0000000", "timeZone": "UTC"}});
        assert!(super::super::read(&row(keys), None).is_err());
    }

    // quirk: microsoft-29
    #[test]
    fn the_original_start_of_a_day_is_the_midnight_of_its_zone() {
        let day = When::Date(date(2026, 6, 1));
        for (at, zone) in [
            ("2026-06-01T22:00:00Z", Some("W. Europe Standard Time")),
            ("2026-06-02T00:00:00Z", Some("UTC")),
            ("2026-06-02T00:00:00Z", None),
            ("2026-06-01T15:00:00Z", Some("Tokyo Standard Time")),
        ] {
            let found = original(at.parse().unwrap(), &day, zone);
            assert_eq!(found, When::Date(date(2026, 6, 2)), "{at} {zone:?}");
        }
        let found = original("2026-06-01T07:00:00Z".parse().unwrap(), &berlin(9), None);
        assert_eq!(found.wall(), datetime(2026, 6, 1, 9, 0, 0, 0));
    }
}
