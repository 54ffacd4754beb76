//! The nouns of calpair.
//!
//! Everything that more than one crate speaks about: a series and its fields, a side, a resource,
//! ids. Nothing here waits, logs, reads a clock or knows a provider. There is no serde: the one
//! binary form is [`canonical`], which storage and digests share.

mod calendar;
pub mod canonical;
mod event;
mod field;
mod ids;
mod recurrence;
mod redacted;
mod resource;
mod series;
mod side;
mod time;

pub use calendar::{Calendar, Rights};
pub use event::{
    Alarm, AlarmAction, Class, Event, Geo, Link, People, Person, Status, Transparency, Trigger,
};
pub use field::{Field, FieldSet};
pub use ids::{
    AccountName, CalendarId, CreateKey, Cursor, Digest, MappingId, PairName, ResourceId, Uid,
    Version,
};
pub use recurrence::{ByDay, Extra, Frequency, Month, Recurrence, Rule, Until};
pub use redacted::Redacted;
pub use resource::{Origin, Resource};
pub use series::{Exception, Extent, Series};
pub use side::{Side, Sides};
pub use time::{When, Zone};

/// An instant, UTC, to the nanosecond.
pub use jiff::Timestamp;
/// Civil (wall clock) dates and times.
pub use jiff::civil;
