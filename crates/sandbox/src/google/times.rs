//! Times as Google holds them: a date, or an instant and perhaps the name of a zone.
//!
//! An answer gives the instant with the offset of the calendar's zone, whatever the event's zone.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use model::{When, Zone};
use serde_json::{Value, json};

use super::failure::Failure;
use super::quirks::{Quirk, Quirks};
use super::state::Json;

/// A start or an end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// A whole day; an end is exclusive.
    Day(Date),
    /// An instant, and the zone whose clock it follows.
    At(Timestamp, Option<String>),
}

/// Which of both.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Edge {
    Start,
    End,
}

impl Edge {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Edge::Start => "start",
            Edge::End => "end",
        }
    }

    const fn missing(self) -> &'static str {
        match self {
            Edge::Start => "Missing start time.",
            Edge::End => "Missing end time.",
        }
    }

    pub(super) const fn no_zone(self) -> &'static str {
        match self {
            Edge::Start => "Missing time zone definition for start time.",
            Edge::End => "Missing time zone definition for end time.",
        }
    }
}

const KINDS: &str = "Start and end times must either both be date or both be dateTime.";

impl Moment {
    /// Reads what a client wrote.
    pub(super) fn written(event: &Json, edge: Edge, quirks: &Quirks) -> Result<Self, Failure> {
        let Some(value) = event.get(edge.name()).filter(|value| !value.is_null()) else {
            return Err(Failure::required(edge.missing()));
        };
        let zone = value["timeZone"].as_str();
        if let Some(name) = zone
            && (zone_of(name).is_none() || (name == "Europe/Kyiv" && quirks.has(Quirk::OldZones)))
        {
            // quirk: google-30
            let which = edge.name();
            let message = format!("Invalid time zone definition for {which} time.");
            return Err(Failure::invalid(message));
        }
        match (value["date"].as_str(), value["dateTime"].as_str()) {
            (None, None) => Err(Failure::required(edge.missing())),
            // quirk: google-27
            (Some(_), Some(_)) => Err(Failure::invalid(KINDS)),
            (Some(date), None) => day(date).map(Moment::Day).ok_or_else(Failure::bad_request),
            (None, Some(time)) => {
                let at = instant(time, zone, edge)?;
                Ok(Moment::At(at, zone.map(str::to_owned)))
            }
        }
    }

    /// Reads what is stored.
    pub(super) fn stored(value: &Value) -> Option<Self> {
        if let Some(date) = value["date"].as_str() {
            return day(date).map(Moment::Day);
        }
        let at = value["dateTime"].as_str()?.parse().ok()?;
        Some(Moment::At(at, value["timeZone"].as_str().map(str::to_owned)))
    }

    /// As it is stored.
    pub(super) fn value(&self) -> Value {
        match self {
            Moment::Day(date) => json!({"date": date.to_string()}),
            Moment::At(at, None) => json!({"dateTime": at.to_string()}),
            Moment::At(at, Some(zone)) => json!({"dateTime": at.to_string(), "timeZone": zone}),
        }
    }

    /// As an answer shows it.
    // quirk: google-31
    pub(super) fn shown(&self, display: &TimeZone) -> Value {
        match self {
            Moment::Day(_) => self.value(),
            Moment::At(at, zone) => {
                let mut shown = json!({"dateTime": offset_time(*at, display)});
                if let Some(zone) = zone {
                    shown["timeZone"] = json!(zone);
                }
                shown
            }
        }
    }

    /// The instant; a day begins in the calendar's zone.
    pub(super) fn instant(&self, calendar: &TimeZone) -> Timestamp {
        match self {
            Moment::At(at, _) => *at,
            Moment::Day(date) => {
                let midnight = date.to_datetime(jiff::civil::Time::midnight());
                let at = calendar.to_ambiguous_timestamp(midnight).compatible();
                at.unwrap_or(Timestamp::MIN)
            }
        }
    }

    pub(super) const fn is_day(&self) -> bool {
        matches!(self, Moment::Day(_))
    }

    /// The same instant or day, whatever the zone's name.
    pub(super) fn is_at(&self, other: &Moment) -> bool {
        match (self, other) {
            (Moment::Day(one), Moment::Day(other)) => one == other,
            (Moment::At(one, _), Moment::At(other, _)) => one == other,
            (Moment::Day(_), Moment::At(..)) | (Moment::At(..), Moment::Day(_)) => false,
        }
    }

    /// The suffix of an instance's id.
    // quirk: google-33
    pub(super) fn suffix(&self) -> String {
        match self {
            Moment::Day(date) => date.strftime("%Y%m%d").to_string(),
            Moment::At(at, _) => at.strftime("%Y%m%dT%H%M%SZ").to_string(),
        }
    }

    /// What a suffix of an instance's id means.
    pub(super) fn of_suffix(suffix: &str) -> Option<Self> {
        match suffix.len() {
            8 => Date::strptime("%Y%m%d", suffix).ok().map(Moment::Day),
            16 => {
                let wall = DateTime::strptime("%Y%m%dT%H%M%SZ", suffix).ok()?;
                let at = TimeZone::UTC.to_ambiguous_timestamp(wall).compatible().ok()?;
                Some(Moment::At(at, None))
            }
            _ => None,
        }
    }

    /// The moment that a point of a series is, in the zone that its master is in.
    pub(super) fn of(when: &When, at: Timestamp, like: &Moment) -> Self {
        match (when, like) {
            (When::Date(date), _) => Moment::Day(*date),
            (_, Moment::At(_, zone)) => Moment::At(at, zone.clone()),
            (_, Moment::Day(_)) => Moment::At(at, None),
        }
    }
}

/// Refuses different kinds and ranges without extent.
pub(super) fn range(start: &Moment, end: &Moment) -> Result<(), Failure> {
    // quirk: google-34, google-33
    match (start, end) {
        (Moment::Day(start), Moment::Day(end)) if end > start => Ok(()),
        (Moment::At(start, _), Moment::At(end, _)) if end > start => Ok(()),
        (Moment::Day(_), Moment::Day(_)) | (Moment::At(..), Moment::At(..)) => {
            Err(Failure::empty_range())
        }
        (Moment::Day(_), Moment::At(..)) | (Moment::At(..), Moment::Day(_)) => {
            Err(Failure::invalid(KINDS))
        }
    }
}

/// A zone by its IANA name, written as it is written there, or one of Google's `GMT-07:00`.
pub(super) fn zone_of(name: &str) -> Option<TimeZone> {
    if name == "UTC" {
        return Some(TimeZone::UTC);
    }
    let zone = ical::time_zone(&Zone::Iana(name.to_owned()))?;
    (zone.iana_name() == Some(name)).then_some(zone)
}

/// RFC 3339 with the zone's offset.
pub(super) fn offset_time(at: Timestamp, zone: &TimeZone) -> String {
    let zoned = at.to_zoned(zone.clone());
    if zoned.offset() == jiff::tz::Offset::UTC {
        return at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    }
    zoned.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// RFC 3339 with milliseconds, as `updated` and `created` are written.
pub(super) fn stamp(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

fn day(text: &str) -> Option<Date> {
    (text.len() == 10).then(|| Date::strptime("%Y-%m-%d", text).ok()).flatten()
}

fn instant(text: &str, zone: Option<&str>, edge: Edge) -> Result<Timestamp, Failure> {
    let text = text.to_ascii_uppercase();
    if !text.contains('T') {
        return Err(Failure::bad_request());
    }
    let at = if let Ok(at) = text.parse::<Timestamp>() {
        at
    } else {
        let wall: DateTime = text.parse().map_err(|_| Failure::bad_request())?;
        let zone = zone.and_then(zone_of);
        let zone = zone.ok_or_else(|| Failure::required(edge.no_zone()))?;
        zone.to_ambiguous_timestamp(wall).compatible().map_err(|_| Failure::bad_request())?
    };
    Timestamp::from_second(at.as_second()).map_err(|_| Failure::bad_request())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_written_as_they_are_named() {
        for name in ["Europe/Berlin", "Europe/Kyiv", "America/New_York", "UTC", "Etc/GMT+5"] {
            assert!(zone_of(name).is_some(), "{name}");
        }
        for name in ["europe/berlin", "W. Europe Standard Time", "Mars/Olympus", "", "CUSTOM"] {
            assert!(zone_of(name).is_none(), "{name}");
        }
    }
}
