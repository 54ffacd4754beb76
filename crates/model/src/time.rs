//! Points in time as calendars write them: a date, a floating wall clock, UTC, or a wall clock in a
//! zone (RFC 5545 sections 3.3.4, 3.3.5). The wall clock is the truth; an instant is computed from
//! it (in `ical`), never stored in its place, so that a change of zone rules moves no event.

use jiff::civil::{Date, DateTime};

/// A point in time as an event states it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum When {
    /// A whole day.
    Date(Date),
    /// A wall clock without a zone: the same clock reading wherever one is.
    Floating(DateTime),
    /// A UTC wall clock.
    Utc(DateTime),
    /// A wall clock in a zone.
    Zoned {
        /// What a clock in the zone shows.
        local: DateTime,
        /// The zone.
        zone: Zone,
    },
}

impl When {
    /// Whether this is a whole day.
    pub const fn is_date(&self) -> bool {
        matches!(self, When::Date(_))
    }

    /// The wall clock: midnight for a date, else the local (or UTC) reading.
    pub fn wall(&self) -> DateTime {
        match self {
            When::Date(date) => date.to_datetime(jiff::civil::Time::midnight()),
            When::Floating(local) | When::Utc(local) | When::Zoned { local, .. } => *local,
        }
    }

    /// The same kind (and zone) with another wall clock; a date keeps only the day.
    #[must_use]
    pub fn with_wall(&self, wall: DateTime) -> When {
        match self {
            When::Date(_) => When::Date(wall.date()),
            When::Floating(_) => When::Floating(wall),
            When::Utc(_) => When::Utc(wall),
            When::Zoned { zone, .. } => When::Zoned { local: wall, zone: zone.clone() },
        }
    }

    /// The zone of a zoned time.
    pub const fn zone(&self) -> Option<&Zone> {
        match self {
            When::Zoned { zone, .. } => Some(zone),
            When::Date(_) | When::Floating(_) | When::Utc(_) => None,
        }
    }
}

/// A time zone that can be computed with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Zone {
    /// A zone of the IANA database, in its canonical spelling, e.g. `Europe/Berlin`.
    Iana(String),
    /// A zone known only by the definition that came with the event.
    Posix {
        /// The identifier that the event used.
        tzid: String,
        /// Its rules as a POSIX TZ string (IEEE Std 1003.1, as RFC 9636 section 3.3.1 extends it).
        rules: String,
    },
}
