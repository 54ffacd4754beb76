//! `start` and `end`. A response's offset belongs to the calendar's zone, its `timeZone` to the
//! event: the instant is read and shown in the event's zone. What is written has both.

use google_calendar3::api;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use model::{Event, When, Zone};
use serde_json::{Value, json};

use super::{Body, Frame, Refused, Role, Unread};

/// Which names of zones Google knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Names {
    /// Today's.
    Present,
    /// Those of before a renaming, where there was one: it has refused new names for months.
    Former,
}

/// Zones that were renamed since most services began, with the name before.
const RENAMED: &[(&str, &str)] = &[
    ("Africa/Asmara", "Africa/Asmera"),
    ("America/Atikokan", "America/Coral_Harbour"),
    ("America/Ciudad_Juarez", "America/Denver"),
    ("America/Coyhaique", "America/Punta_Arenas"),
    ("America/Nuuk", "America/Godthab"),
    ("Asia/Ho_Chi_Minh", "Asia/Saigon"),
    ("Asia/Kathmandu", "Asia/Katmandu"),
    ("Asia/Kolkata", "Asia/Calcutta"),
    ("Asia/Qostanay", "Asia/Almaty"),
    ("Asia/Yangon", "Asia/Rangoon"),
    ("Atlantic/Faroe", "Atlantic/Faeroe"),
    ("Europe/Kyiv", "Europe/Kiev"),
    ("Pacific/Chuuk", "Pacific/Truk"),
    ("Pacific/Kanton", "Pacific/Enderbury"),
    ("Pacific/Pohnpei", "Pacific/Ponape"),
];

/// How long an event without any length becomes: Google refuses those, and the shortest that can
/// be seen and be taken for nothing else is a minute.
// quirk: google-34
const LEAST: jiff::SignedDuration = jiff::SignedDuration::from_mins(1);

/// The years that can be shown in every zone with four digits.
const YEARS: std::ops::RangeInclusive<i16> = 2..=9998;

pub(super) fn read(row: &api::Event) -> Result<(When, When), Unread> {
    let start = row.start.as_ref().and_then(time).ok_or(Unread("its start can't be understood"))?;
    let end = match row.end.as_ref().and_then(time) {
        Some(end) => end,
        None => start.clone(),
    };
    let end = match (&start, end) {
        (When::Date(first), When::Date(last)) if last <= *first => {
            When::Date(first.tomorrow().unwrap_or(*first))
        }
        (start, end) if start.is_date() != end.is_date() => {
            return Err(Unread("it starts with a day and ends with a time, or the reverse"));
        }
        // quirk: google-35
        (_, end) => end,
    };
    if ical::instant(&end, &TimeZone::UTC) < ical::instant(&start, &TimeZone::UTC) {
        return Err(Unread("it ends before it starts"));
    }
    Ok((start, end))
}

/// A point in time as Google states it.
// quirk: google-31, google-32
pub(crate) fn time(stated: &api::EventDateTime) -> Option<When> {
    if let Some(date) = &stated.date {
        return date.to_string().parse::<Date>().ok().map(When::Date);
    }
    let at = Timestamp::from_second(stated.date_time.as_ref()?.timestamp()).ok()?;
    Some(placed(at, stated.time_zone.as_deref()))
}

/// An instant in the zone of that name; in UTC where nobody knows it.
// quirk: google-32
pub(crate) fn placed(at: Timestamp, zone: Option<&str>) -> When {
    match zone.and_then(ical::place) {
        Some(ical::Place::Zone(zone)) if ical::time_zone(&zone).is_some() => {
            let local = ical::time_zone(&zone).unwrap_or(TimeZone::UTC).to_datetime(at);
            When::Zoned { local, zone }
        }
        Some(_) | None => When::Utc(TimeZone::UTC.to_datetime(at)),
    }
}

pub(super) fn write(event: &Event, frame: &Frame, body: &mut Body) -> Result<(), Refused> {
    if [&event.start, &event.end].iter().any(|when| !YEARS.contains(&when.wall().year())) {
        return Err(Refused("its dates are beyond those that Google can show"));
    }
    body.insert("start".to_owned(), stated(&event.start, frame)?);
    body.insert("end".to_owned(), stated(&lasting(event), frame)?);
    Ok(())
}

/// The end, after the start.
// quirk: google-34
fn lasting(event: &Event) -> When {
    match (&event.start, &event.end) {
        (When::Date(first), When::Date(last)) if last <= first => {
            When::Date(first.tomorrow().unwrap_or(*first))
        }
        (start, end) => {
            let from = ical::instant(start, &TimeZone::UTC);
            if end.is_date() || ical::instant(end, &TimeZone::UTC) > from {
                return end.clone();
            }
            start.with_wall(start.wall().saturating_add(LEAST))
        }
    }
}

// quirk: google-27, google-29
fn stated(when: &When, frame: &Frame) -> Result<Value, Refused> {
    let (at, name) = match when {
        When::Date(date) => {
            return Ok(json!({"date": date.to_string(), "dateTime": null, "timeZone": null}));
        }
        When::Utc(_) => (ical::instant(when, &TimeZone::UTC), "UTC"),
        When::Floating(local) => {
            let zone = Zone::Iana(frame.floating.clone());
            (ical::instant(&zone_time(*local, zone), &TimeZone::UTC), frame.floating.as_str())
        }
        When::Zoned { zone: Zone::Iana(name), .. } => {
            (ical::instant(when, &TimeZone::UTC), name.as_str())
        }
        When::Zoned { zone: Zone::Posix { .. }, .. } if frame.role == Role::Single => {
            (ical::instant(when, &TimeZone::UTC), "UTC")
        }
        When::Zoned { zone: Zone::Posix { .. }, .. } => {
            return Err(Refused("it repeats in a time zone of its own, which Google can't hold"));
        }
    };
    let at = at.ok_or(Refused("its time zone is not known"))?;
    let zone = if name == "UTC" {
        TimeZone::UTC
    } else {
        ical::time_zone(&Zone::Iana(name.to_owned())).unwrap_or(TimeZone::UTC)
    };
    let text = if name == "UTC" {
        at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    } else {
        at.to_zoned(zone).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
    };
    Ok(json!({"date": null, "dateTime": text, "timeZone": spelled(name, frame.names)}))
}

fn zone_time(local: jiff::civil::DateTime, zone: Zone) -> When {
    When::Zoned { local, zone }
}

// quirk: google-30
pub(super) fn spelled(name: &str, names: Names) -> &str {
    let former = RENAMED.iter().find(|(present, _)| *present == name);
    match (names, former) {
        (Names::Former, Some((_, former))) => former,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{event, frame, row, written};
    use super::*;
    use jiff::civil::{date, datetime};
    use model::Field;

    fn times(start: Value, end: Value) -> (When, When) {
        let event = event(json!({"start": start, "end": end}));
        (event.start, event.end)
    }

    fn in_zone(zone: &str, hour: i8) -> When {
        let zone = Zone::Iana(zone.to_owned());
        When::Zoned { local: datetime(2026, 10, 5, hour, 0, 0, 0), zone }
    }

    // quirk: google-31, google-32
    #[test]
    fn an_instant_is_shown_in_the_events_own_zone() {
        let stated = |time: &str, zone: Value| {
            times(json!({"dateTime": time, "timeZone": zone}), json!({"dateTime": time})).0
        };
        // The offset is the calendar's (reference, section 3.3).
        let chicago = stated("2026-10-05T13:00:00-06:00", json!("America/Chicago"));
        assert_eq!(chicago, in_zone("America/Chicago", 14));
        assert_eq!(stated("2026-10-05T12:00:00Z", json!("UTC")), in_utc(12));
        assert_eq!(stated("2026-10-05T12:00:00+02:00", json!("No/Where")), in_utc(10));
        assert_eq!(stated("2026-10-05T12:00:00+02:00", Value::Null), in_utc(10));
        let odd = stated("2026-10-05T12:00:00-07:00", json!("GMT-07:00"));
        assert_eq!(odd, in_zone("Etc/GMT+7", 12));
    }

    fn in_utc(hour: i8) -> When {
        When::Utc(datetime(2026, 10, 5, hour, 0, 0, 0))
    }

    // quirk: google-33, google-27
    #[test]
    fn days_and_times_replace_each_other() {
        let day = |day| When::Date(date(2026, 3, day));
        assert_eq!(times(json!({"date": "2026-03-20"}), json!({"date": "2026-03-23"})).1, day(23));
        let keys = written(Field::Times, &Event::new(day(20), day(23)));
        assert_eq!(
            keys["start"],
            json!({"date": "2026-03-20", "dateTime": null, "timeZone": null})
        );
        let was = row(json!({"start": {"dateTime": "2026-03-20T10:00:00Z", "timeZone": "UTC"}}));
        let now = was.overlaid(&keys);
        assert_eq!(now.value()["start"], json!({"date": "2026-03-20"}));
        let timed = written(Field::Times, &Event::new(in_zone("Europe/Berlin", 9), in_utc(8)));
        let want = json!({"date": null, "dateTime": "2026-10-05T09:00:00+02:00",
            "timeZone": "Europe/Berlin"});
        assert_eq!(timed["start"], want);
        assert_eq!(timed["end"]["dateTime"], "2026-10-05T08:00:00Z");
    }

    // quirk: google-34, google-35
    #[test]
    fn what_has_no_length_is_written_with_a_minute_and_read_as_it_is() {
        let keys = written(Field::Times, &Event::new(in_utc(8), in_utc(8)));
        assert_eq!(keys["end"]["dateTime"], "2026-10-05T08:01:00Z");
        let none = json!({"dateTime": "2026-10-05T08:00:00Z", "timeZone": "UTC"});
        assert_eq!(times(none.clone(), none), (in_utc(8), in_utc(8)));
    }

    // quirk: google-30
    #[test]
    fn a_zone_has_a_former_name() {
        let event = Event::new(in_zone("Europe/Kyiv", 8), in_zone("Europe/Kyiv", 9));
        let mut body = Body::new();
        let frame = Frame { names: Names::Former, ..frame(Role::Single) };
        write(&event, &frame, &mut body).unwrap();
        assert_eq!(body["start"]["timeZone"], "Europe/Kiev");
        assert_eq!(written(Field::Times, &event)["start"]["timeZone"], "Europe/Kyiv");
    }

    #[test]
    fn a_zone_of_its_own_can_be_placed_once_but_not_repeated() {
        let zone = Zone::Posix { tzid: "Ship".into(), rules: "<+0245>-2:45".into() };
        let at =
            |hour| When::Zoned { local: datetime(2026, 10, 5, hour, 0, 0, 0), zone: zone.clone() };
        let event = Event::new(at(9), at(10));
        assert_eq!(written(Field::Times, &event)["start"]["dateTime"], "2026-10-05T06:15:00Z");
        assert!(write(&event, &frame(Role::Master), &mut Body::new()).is_err());
    }
}
