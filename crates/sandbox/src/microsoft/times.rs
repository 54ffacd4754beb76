//! Times as Exchange holds them: a wall clock reading and the zone that it was written in.
//!
//! An answer shows UTC unless a zone is asked for; whole days are midnights in whatever zone.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::failure::Failure;
use super::state::Json;
use super::zones;

/// A start or an end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) wall: DateTime,
    /// The zone's name, one that can be found.
    pub(super) zone: String,
}

impl Moment {
    pub(super) fn instant(&self) -> Timestamp {
        in_zone(self.wall, &self.time_zone())
    }

    pub(super) fn time_zone(&self) -> TimeZone {
        zones::find(&self.zone).unwrap_or(TimeZone::UTC)
    }

    /// The reading in another zone at the same instant.
    pub(super) fn wall_in(&self, zone: &str) -> DateTime {
        if self.zone == zone {
            return self.wall;
        }
        zones::find(zone).unwrap_or(TimeZone::UTC).to_datetime(self.instant())
    }

    /// As an answer shows it.
    // quirk: microsoft-24, microsoft-28
    pub(super) fn shown(&self, display: Option<&str>, is_all_day: bool) -> Value {
        let name = display.unwrap_or("UTC");
        let wall = if is_all_day { self.wall } else { self.wall_in(name) };
        json!({"dateTime": seven(wall), "timeZone": name})
    }
}

/// Start, end, and whether they are whole days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: Moment,
    pub(super) end: Moment,
    pub(super) is_all_day: bool,
}

impl Span {
    /// Whether it overlaps `[from, until)`. Whole days begin at midnight in UTC.
    pub(super) fn overlaps(&self, from: Timestamp, until: Timestamp) -> bool {
        let (start, end) = self.instants();
        start < until && (end > from || (end == start && start >= from))
    }

    pub(super) fn instants(&self) -> (Timestamp, Timestamp) {
        if self.is_all_day {
            let utc = |wall| in_zone(wall, &TimeZone::UTC);
            return (utc(self.start.wall), utc(self.end.wall));
        }
        (self.start.instant(), self.end.instant())
    }

    /// How long it is by the clock on the wall.
    pub(super) fn length(&self) -> SignedDuration {
        self.start.wall.duration_until(self.end.wall_in(&self.start.zone))
    }

    /// Refuses what Exchange does not keep.
    // quirk: microsoft-27
    pub(super) fn check(&self) -> Result<(), Failure> {
        if !self.is_all_day {
            if self.end.instant() < self.start.instant() {
                return Err(Failure::property());
            }
            return Ok(());
        }
        let midnight = jiff::civil::Time::midnight();
        if self.start.wall.time() != midnight {
            return Err(Failure::invalid(
                "The Event.Start property for an all-day event needs to be set to midnight.",
            ));
        }
        if self.end.wall.time() != midnight {
            return Err(Failure::invalid(
                "The Event.End property for an all-day event needs to be set to midnight.",
            ));
        }
        if self.start.zone != self.end.zone {
            return Err(Failure::invalid(
                "Event.Start and Event.End of an all-day event need to be in the same time zone.",
            ));
        }
        if self.end.wall <= self.start.wall {
            return Err(Failure::invalid(
                "The duration of an event marked as All day must be at least 24 hours.",
            ));
        }
        Ok(())
    }
}

/// What a client wrote as `start` or `end`; `None` when it did not.
pub(super) fn written(said: &Json, name: &str) -> Result<Option<Moment>, Failure> {
    let Some(value) = said.get(name) else { return Ok(None) };
    let text = value["dateTime"].as_str().ok_or_else(Failure::property)?;
    let wall = reading(text).ok_or_else(Failure::property)?;
    let zone = value["timeZone"].as_str().ok_or_else(|| Failure::zone(""))?;
    if zones::find(zone).is_none() {
        return Err(Failure::zone(zone));
    }
    Ok(Some(Moment { wall, zone: zones::kept(zone) }))
}

/// A wall clock reading, without an offset, to the second.
fn reading(text: &str) -> Option<DateTime> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || b"-T:.".contains(&byte));
    let (_, clock) = text.split_once('T')?;
    let fraction = clock.split_once('.').map_or(0, |(_, digits)| digits.len());
    if !is_plain || clock.contains('-') || fraction > 7 {
        return None;
    }
    let wall: DateTime = text.parse().ok()?;
    wall.with().subsec_nanosecond(0).build().ok()
}

/// A bound of a window: with an offset, or in UTC.
pub(super) fn bound(text: &str) -> Option<Timestamp> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at);
    }
    let wall: DateTime = text.parse().ok()?;
    Some(in_zone(wall, &TimeZone::UTC))
}

pub(super) fn in_zone(wall: DateTime, zone: &TimeZone) -> Timestamp {
    let end = if wall.year() < 1970 { Timestamp::MIN } else { Timestamp::MAX };
    zone.to_ambiguous_timestamp(wall).compatible().unwrap_or(end)
}

/// Seven digits of a second's fraction.
pub(super) fn seven(wall: DateTime) -> String {
    format!("{}.0000000", wall.strftime("%Y-%m-%dT%H:%M:%S"))
}

/// An instant as `lastModifiedDateTime` is written.
pub(super) fn stamp(at: Timestamp) -> String {
    format!("{}{}Z", at.strftime("%Y-%m-%dT%H:%M:%S.%6f"), at.subsec_nanosecond() / 100 % 10)
}

/// An instant as `originalStart` is written.
pub(super) fn second(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    // quirk: microsoft-24
    #[test]
    fn readings_have_no_offset_and_up_to_seven_digits() {
        for text in ["2025-05-05T10:00:00", "2025-05-05T10:00:00.0000000", "2025-05-05T10:00"] {
            assert_eq!(reading(text).map(|at| at.hour()), Some(10), "{text}");
        }
        let wrong = ["2025-05-05T10:00:00Z", "2025-05-05T10:00:00+02:00", "2025-05-05", "10:00"];
        for text in
            wrong.iter().chain(&["2025-05-05T10:00:00-02:00", "2025-05-05T10:00:00.00000000"])
        {
            assert_eq!(reading(text), None, "{text}");
        }
        assert_eq!(bound("2025-05-05T10:00:00+02:00"), bound("2025-05-05T08:00:00"));
    }
}
