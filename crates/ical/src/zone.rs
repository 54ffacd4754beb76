//! Time zones: from the names and definitions found in calendars to zones that can be computed
//! with, and back to a VTIMEZONE for every zone that is written.
//!
//! A name is looked up in the bundled tz database (never the machine's: two machines must read one
//! text alike), then as X-LIC-LOCATION, as a Windows name, behind a vendor's prefix, as an offset;
//! then the VTIMEZONE that came along is matched by its transitions, else kept as rules. What
//! stays unknown is an error with a reason; nothing ever becomes UTC because it was not understood.

mod definition;
mod generate;
mod name;
mod pattern;

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use model::{When, Zone};

use crate::tree::Component;

pub(crate) use generate::vtimezone;

static DATABASE: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// What a TZID means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// UTC under one of its names.
    Utc,
    /// A zone.
    Zone(Zone),
}

impl Place {
    /// A wall clock reading in this place.
    pub fn at(&self, local: model::civil::DateTime) -> When {
        match self {
            Self::Utc => When::Utc(local),
            Self::Zone(zone) => When::Zoned { local, zone: zone.clone() },
        }
    }
}

/// What a zone name means, by the name alone.
pub fn place(name: &str) -> Option<Place> {
    name::place(name)
}

/// The zone to compute with; `None` when the name or the rules are not known here.
pub fn time_zone(zone: &Zone) -> Option<TimeZone> {
    match zone {
        Zone::Iana(name) => name::database_zone(name),
        Zone::Posix { rules, .. } => TimeZone::posix(rules).ok(),
    }
}

/// The instant of a point in time; dates (at midnight) and floating times in the zone given. In a
/// gap the offset before it counts, in a fold the first reading (RFC 5545 section 3.3.5). Instants
/// beyond the range of `Timestamp` are its ends. `None` when the zone is not known here.
pub fn instant(when: &When, floating: &TimeZone) -> Option<Timestamp> {
    let wall = when.wall();
    match when {
        When::Date(_) | When::Floating(_) => Some(instant_in(wall, floating)),
        When::Utc(_) => Some(instant_in(wall, &TimeZone::UTC)),
        When::Zoned { zone, .. } => Some(instant_in(wall, &time_zone(zone)?)),
    }
}

pub(crate) fn instant_in(wall: model::civil::DateTime, zone: &TimeZone) -> Timestamp {
    let end = if wall.year() < 0 { Timestamp::MIN } else { Timestamp::MAX };
    zone.to_ambiguous_timestamp(wall).compatible().unwrap_or(end)
}

/// The same point in time in the kind and zone of another: by its instant where both have one,
/// else by its reading. A date gets the other's time of day, a time loses its own for a date.
pub fn in_kind_of(when: &When, like: &When) -> When {
    match (when, like) {
        (_, When::Date(_)) => When::Date(when.wall().date()),
        (When::Date(date), _) => like.with_wall(date.to_datetime(like.wall().time())),
        (When::Floating(_), _) | (_, When::Floating(_)) => like.with_wall(when.wall()),
        (When::Utc(_), When::Utc(_)) => when.clone(),
        (When::Zoned { zone, .. }, When::Zoned { zone: other, .. }) if zone == other => {
            when.clone()
        }
        (When::Utc(_) | When::Zoned { .. }, When::Utc(_) | When::Zoned { .. }) => {
            let zone = match like.zone() {
                Some(zone) => time_zone(zone),
                None => Some(TimeZone::UTC),
            };
            match (instant(when, &TimeZone::UTC), zone) {
                (Some(instant), Some(zone)) => like.with_wall(zone.to_datetime(instant)),
                _ => when.clone(),
            }
        }
    }
}

/// The zones of one text: its VTIMEZONE definitions by TZID, resolved once each.
pub(crate) struct Zones<'t> {
    definitions: HashMap<String, &'t Component<'t>>,
    resolved: RefCell<HashMap<String, Option<Place>>>,
}

impl<'t> Zones<'t> {
    pub(crate) fn new(definitions: impl Iterator<Item = &'t Component<'t>>) -> Self {
        let definitions = definitions
            .filter_map(|component| Some((definition::tzid(component)?, component)))
            .collect();
        Self { definitions, resolved: RefCell::default() }
    }

    /// What a TZID of this text means; `None` when nobody can say.
    pub(crate) fn resolve(&self, tzid: &str) -> Option<Place> {
        if let Some(known) = self.resolved.borrow().get(tzid) {
            return known.clone();
        }
        let place = self.look_up(tzid);
        self.resolved.borrow_mut().insert(tzid.to_owned(), place.clone());
        place
    }

    fn look_up(&self, tzid: &str) -> Option<Place> {
        let component = self.definitions.get(tzid).copied();
        let location = component.and_then(|component| component.property("X-LIC-LOCATION"));
        name::iana(tzid)
            .or_else(|| name::iana(&location?.value))
            .or_else(|| name::place(tzid))
            .or_else(|| definition::place(tzid, component?))
    }

    /// Whether the text defines this TZID itself.
    pub(crate) fn defines(&self, tzid: &str) -> bool {
        self.definitions.contains_key(tzid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::datetime;

    fn berlin(local: model::civil::DateTime) -> When {
        When::Zoned { local, zone: Zone::Iana("Europe/Berlin".to_owned()) }
    }

    #[test]
    fn gaps_and_folds_follow_rfc_5545() {
        for (local, want) in [
            (datetime(2026, 3, 29, 2, 30, 0, 0), "2026-03-29T01:30:00Z"),
            (datetime(2026, 10, 25, 2, 30, 0, 0), "2026-10-25T00:30:00Z"),
            (datetime(2026, 7, 1, 12, 0, 0, 0), "2026-07-01T10:00:00Z"),
            (datetime(9999, 12, 31, 23, 59, 59, 0), "9999-12-30T22:00:00.999999999Z"),
        ] {
            let found = instant(&berlin(local), &TimeZone::UTC).expect("known");
            assert_eq!(found.to_string(), want);
        }
    }

    #[test]
    fn a_point_in_time_is_restated_in_the_kind_of_another() {
        let utc = When::Utc(datetime(2026, 7, 1, 10, 0, 0, 0));
        let local = berlin(datetime(2026, 7, 1, 12, 0, 0, 0));
        let date = When::Date(jiff::civil::date(2026, 7, 1));
        let floating = When::Floating(datetime(2026, 7, 1, 12, 0, 0, 0));
        assert_eq!(in_kind_of(&utc, &local), local);
        assert_eq!(in_kind_of(&local, &utc), utc);
        assert_eq!(in_kind_of(&floating, &local), local);
        assert_eq!(in_kind_of(&local, &floating), floating);
        assert_eq!(in_kind_of(&date, &local), local);
        assert_eq!(in_kind_of(&local, &date), date);
    }
}
