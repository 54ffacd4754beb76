//! The fields of an event: one file each, from Graph's JSON to the model and back.
//!
//! Reading takes a row as it came. Writing puts the keys of one field into a patch; nothing else of
//! the row is touched. What Graph can't say exactly is written as near as it can, and
//! [`crate::kept`] remembers the rest.

mod body;
mod categories;
mod importance;
mod location;
mod online;
mod people;
mod reminder;
mod sensitivity;
mod show_as;
pub(crate) mod subject;
pub(crate) mod times;

use std::fmt;

use model::{Event, Field, FieldSet};
use serde_json::{Map, Value};

use crate::row::Row;

/// What Microsoft can hold. Addresses, colours, coordinates and attachments it has no place for
/// that calpair may write: they stay on the side that has them.
pub(crate) const HELD: FieldSet = FieldSet::ALL
    .without(Field::Geo)
    .without(Field::Url)
    .without(Field::Color)
    .without(Field::Attachments);

/// A patch in the making: the keys of an event that change.
pub(crate) type Body = Map<String, Value>;

/// What writing depends on beside the event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    /// The Windows zone in which Graph shows what has none of its own.
    pub(crate) floating: &'static str,
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

/// The event that a row is, its times in `zone` where one is given (the zone of its series).
///
/// # Errors
/// When its times can't be understood.
pub(crate) fn read(row: &Row, zone: Option<&str>) -> Result<Event, Unread> {
    let (start, end) = times::read(row, zone)?;
    let mut event = Event::new(start, end);
    event.title = subject::read(row);
    event.description = body::read(row);
    event.location = location::read(row);
    event.categories = categories::read(row);
    event.class = sensitivity::read(row);
    event.transparency = show_as::read_transparency(row);
    event.status = show_as::read_status(row);
    event.priority = importance::read(row);
    event.alarms = reminder::read(row);
    event.people = people::read(row);
    event.conferences = online::read(row);
    Ok(event)
}

/// Puts one field of an event into a patch for the row that holds it now; `None` for a new one.
/// [`Field::Recurrence`] is written by itself, see [`crate::recurrence`].
///
/// # Errors
/// When Graph has no way to hold it.
pub(crate) fn write(
    field: Field,
    event: &Event,
    held: Option<&Row>,
    frame: &Frame,
    patch: &mut Body,
) -> Result<(), Refused> {
    match field {
        Field::Times => times::write(event, frame, patch)?,
        Field::Title => subject::write(event, patch),
        Field::Description => body::write(event, held, patch),
        Field::Location => location::write(event, patch),
        Field::Categories => categories::write(event, patch),
        Field::Class => sensitivity::write(event, patch),
        Field::Transparency | Field::Status => show_as::write(event, held, patch),
        Field::Priority => importance::write(event, patch),
        Field::Alarms => reminder::write(event, patch),
        // Read only: people are never written, and where to join a meeting is Teams' affair.
        // quirk: microsoft-53
        Field::People | Field::Conferences => {}
        // Not held, or written elsewhere.
        Field::Recurrence | Field::Geo | Field::Url | Field::Color | Field::Attachments => {}
    }
    Ok(())
}

/// Every field that is written into a new row.
///
/// # Errors
/// As [`write`].
pub(crate) fn write_all(event: &Event, frame: &Frame) -> Result<Body, Refused> {
    let mut body = Body::new();
    for field in HELD.iter() {
        write(field, event, None, frame, &mut body)?;
    }
    Ok(body)
}

#[cfg(test)]
pub(crate) mod testing {
    //! Rows and events for the tests of fields.

    use super::*;
    use serde_json::json;

    pub(crate) fn frame() -> Frame {
        Frame { floating: "UTC" }
    }

    /// A single event with these keys beside its times.
    pub(crate) fn row(keys: Value) -> Row {
        let mut value = json!({"id": "a", "type": "singleInstance", "isAllDay": false,
            "start": {"dateTime": "2026-03-02T08:00:00.0000000", "timeZone": "UTC"},
            "end": {"dateTime": "2026-03-02T09:00:00.0000000", "timeZone": "UTC"},
            "originalStartTimeZone": "W. Europe Standard Time",
            "originalEndTimeZone": "W. Europe Standard Time"});
        if let (Value::Object(all), Value::Object(keys)) = (&mut value, keys) {
            all.extend(keys);
        }
        Row::new(value).unwrap()
    }

    pub(crate) fn event(keys: Value) -> Event {
        read(&row(keys), None).unwrap()
    }

    pub(crate) fn written(field: Field, event: &Event) -> Value {
        let mut body = Body::new();
        write(field, event, None, &frame(), &mut body).unwrap();
        Value::Object(body)
    }

    /// Reads, writes, reads again; the same has to come back.
    pub(crate) fn round_trip(field: Field, keys: Value) -> Event {
        let first = event(keys);
        let again = event(written(field, &first));
        assert!(first.same(&again, field), "{field} came back otherwise");
        first
    }
}
