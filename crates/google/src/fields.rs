//! The fields of an event: one file each, from Google's JSON to the model and back.
//!
//! Reading takes a row as google-calendar3 understands it. Writing puts the keys of one field into
//! a patch, with `null` for what is to go; nothing else of the row is touched. What Google can't
//! say exactly is written as near as it can, and [`crate::kept`] remembers the rest.

mod alarms;
mod attachments;
mod class;
mod color;
mod conferences;
pub(crate) mod description;
mod people;
pub(crate) mod recurrence;
mod status;
mod text;
pub(crate) mod times;
mod transparency;
mod url;

use std::fmt;

use google_calendar3::api;
use model::{Event, Field, FieldSet};
use serde_json::{Map, Value};

use crate::row::Row;

/// What Google can hold. Categories, coordinates and priority it has no place for: they stay on the
/// side that has them.
pub(crate) const HELD: FieldSet =
    FieldSet::ALL.without(Field::Geo).without(Field::Categories).without(Field::Priority);

/// How Google shows what it can't say exactly, in words.
pub(crate) fn shown_otherwise(field: Field) -> String {
    let how = match field {
        Field::Times => {
            "in the calendar's zone if they float, a minute long if they have no length"
        }
        Field::Recurrence => "extra occurrences get the length of the others",
        Field::Status => "cancelled is shown as tentative",
        Field::Alarms => "at most five, in minutes before the start",
        Field::Color => "the nearest of eleven",
        Field::Url => "only addresses of the web are shown",
        Field::Conferences | Field::Attachments => "kept, and not shown",
        Field::Description => "only about its first 7000 characters",
        Field::Title
        | Field::Location
        | Field::Geo
        | Field::Categories
        | Field::Class
        | Field::Transparency
        | Field::Priority
        | Field::People => "as near as Google can say it",
    };
    format!("{field}: {how}")
}

/// A patch in the making: the keys of an event that change.
pub(crate) type Body = Map<String, Value>;

/// What a row is, for what can be written to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// An event that takes place once.
    Single,
    /// One that repeats.
    Master,
    /// One occurrence.
    Instance,
}

/// What writing depends on beside the event.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    /// What is written to.
    pub(crate) role: Role,
    /// The zone in which Google shows what has none of its own.
    pub(crate) floating: String,
    /// Which names of zones Google knows.
    pub(crate) names: times::Names,
}

/// Why something can't be written, as a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused(pub(crate) &'static str);

/// Why a row can't be read, as the rest of a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unread(pub(crate) &'static str);

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// The event that a row is.
///
/// # Errors
/// When its times can't be understood.
pub(crate) fn read(row: &api::Event) -> Result<Event, Unread> {
    let (start, end) = times::read(row)?;
    let mut event = Event::new(start, end);
    event.title = text::read(row.summary.as_deref());
    event.description = description::read(row.description.as_deref());
    event.location = text::read(row.location.as_deref());
    event.url = url::read(row);
    event.color = color::read(row);
    event.class = class::read(row);
    event.transparency = transparency::read(row);
    event.status = status::read(row);
    event.alarms = alarms::read(row);
    event.people = people::read(row);
    event.conferences = conferences::read(row);
    event.attachments = attachments::read(row);
    Ok(event)
}

/// Puts one field of an event into a patch for the row that holds it now; `None` for a new one.
/// [`Field::Recurrence`] is written by itself, see [`recurrence`].
///
/// # Errors
/// When Google has no way to hold it.
pub(crate) fn write(
    field: Field,
    event: &Event,
    held: Option<&Row>,
    frame: &Frame,
    body: &mut Body,
) -> Result<(), Refused> {
    match field {
        Field::Times => times::write(event, frame, body)?,
        Field::Title => text::write("summary", event.title.as_ref(), body),
        Field::Description => description::write(event, held, body),
        Field::Location => text::write("location", event.location.as_ref(), body),
        Field::Url => url::write(event, body),
        Field::Color => color::write(event, body),
        Field::Class => class::write(event, frame, body),
        Field::Transparency => transparency::write(event, body),
        Field::Status => status::write(event, body),
        Field::Alarms => alarms::write(event, body),
        // Read only: people are never written, conferences and attachments are Google's own.
        Field::People | Field::Conferences | Field::Attachments => {}
        // Not held.
        Field::Geo | Field::Categories | Field::Priority => {}
        Field::Recurrence => {}
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod testing {
    //! One field, there and back.

    use super::*;
    use serde_json::json;

    pub(crate) fn frame(role: Role) -> Frame {
        Frame { role, floating: "Europe/Berlin".into(), names: times::Names::Present }
    }

    /// A row with these keys, and times.
    pub(crate) fn row(keys: Value) -> Row {
        let row = json!({"id": "a", "status": "confirmed",
            "start": {"dateTime": "2026-06-01T10:00:00Z", "timeZone": "UTC"},
            "end": {"dateTime": "2026-06-01T11:00:00Z", "timeZone": "UTC"}});
        Row::new(row).unwrap().overlaid(&keys)
    }

    pub(crate) fn event(keys: Value) -> Event {
        read(&row(keys).typed().unwrap()).unwrap()
    }

    /// The keys that a field is written as.
    pub(crate) fn written(field: Field, event: &Event) -> Value {
        let mut body = Body::new();
        write(field, event, None, &frame(Role::Single), &mut body).unwrap();
        Value::Object(body)
    }

    /// Reads, writes and reads again: nothing may differ.
    pub(crate) fn round_trip(field: Field, keys: Value) -> Event {
        let first = event(keys);
        let again = event(written(field, &first));
        assert!(again.same(&first, field), "{field} differs after a round trip");
        first
    }
}
