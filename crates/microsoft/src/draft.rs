//! What is written: bodies of creations, patches with what differs, and what is remembered beside.
//!
//! To know what has to be remembered, the row is made that Graph will hold, and read: what it says
//! otherwise than what is meant is remembered.

use model::{Event, Field};
use serde_json::{Map, Value, json};

use crate::fields::{self, Body, Frame, HELD, Refused, Unread};
use crate::ident::Mark;
use crate::kept::{Memory, Whole};
use crate::recurrence::pattern::Pattern;
use crate::row::Row;
use crate::series::read_row;

/// The body of a new event.
///
/// # Errors
/// When Graph has no way to hold it.
pub(crate) fn creation(
    exact: &Whole,
    pattern: Option<&Pattern>,
    frame: &Frame,
) -> Result<Body, Refused> {
    let mut body = fields::write_all(&exact.event, frame)?;
    if let Some(pattern) = pattern {
        body.insert("recurrence".to_owned(), recurrence(pattern, &body, None));
    }
    Ok(body)
}

/// A pattern in the zone of the start that is written, or of the one that is held.
fn recurrence(pattern: &Pattern, body: &Body, held: Option<&Row>) -> Value {
    let written = body.get("start").and_then(|start| start["timeZone"].as_str());
    let stated = || {
        let held = held?;
        held.recurrence_zone().or(held.text("originalStartTimeZone"))
    };
    pattern.to_json(written.or_else(stated).unwrap_or("UTC"))
}

/// What of a row has to change.
///
/// # Errors
/// When Graph has no way to hold it.
pub(crate) fn patch(
    row: &Row,
    held: &Whole,
    target: &Whole,
    pattern: Option<&Pattern>,
    frame: &Frame,
) -> Result<Body, Refused> {
    let mut body = Body::new();
    let differing = HELD.without(Field::People).without(Field::Recurrence);
    for field in differing.iter().filter(|field| !held.same(target, *field)) {
        fields::write(field, &target.event, Some(row), frame, &mut body)?;
    }
    // An unchanged repetition is not sent: it may cost the exceptions.
    // quirk: microsoft-42
    if !held.same(target, Field::Recurrence) {
        if pattern.is_some() && !body.contains_key("start") {
            // Which day the pattern begins on has to be the day of the start.
            // quirk: microsoft-35
            fields::write(Field::Times, &target.event, Some(row), frame, &mut body)?;
        }
        let value = pattern.map_or(Value::Null, |pattern| recurrence(pattern, &body, Some(row)));
        body.insert("recurrence".to_owned(), value);
    } else if body.contains_key("start")
        && let Some(pattern) = pattern
    {
        body.insert("recurrence".to_owned(), recurrence(pattern, &body, Some(row)));
    }
    Ok(body)
}

/// What of an occurrence has to change; it has no repetition of its own.
///
/// # Errors
/// When Graph has no way to hold it.
pub(crate) fn occurrence_patch(
    row: &Row,
    held: &Event,
    target: &Event,
    frame: &Frame,
) -> Result<Body, Refused> {
    patch(row, &Whole::once(held.clone()), &Whole::once(target.clone()), None, frame)
}

/// The row as it will be with a body written to it; a new one for none held.
pub(crate) fn predicted(held: Option<&Row>, body: &Body) -> Row {
    let mut members = match held.map(|row| row.value().clone()) {
        Some(Value::Object(members)) => members,
        Some(_) | None => Map::from_iter([("id".to_owned(), Value::from("new"))]),
    };
    for (name, value) in body.iter().filter(|(name, _)| *name != "singleValueExtendedProperties") {
        members.insert(name.clone(), value.clone());
    }
    for (time, zone) in [("start", "originalStartTimeZone"), ("end", "originalEndTimeZone")] {
        if let Some(stated) = body.get(time) {
            members.insert(zone.to_owned(), stated["timeZone"].clone());
        }
    }
    if body.contains_key("location") {
        members.remove("locations");
    }
    if let Some(recurrence) = body.get("recurrence") {
        let kind = if recurrence.is_object() { "seriesMaster" } else { "singleInstance" };
        members.insert("type".to_owned(), kind.into());
    }
    Row::new(Value::Object(members)).expect("its id is there")
}

/// Remembers what a row that gets this body will not say as it is meant.
///
/// # Errors
/// When the row could not be read again.
pub(crate) fn remember(
    memory: &mut Memory,
    held: Option<&Row>,
    body: &Body,
    exact: &Whole,
) -> Result<(), Unread> {
    let plain = read_row(&predicted(held, body))?.plain;
    memory.remember(None, exact, &plain);
    Ok(())
}

/// The same for an exception, on the row of its series.
///
/// # Errors
/// When the exception could not be read again.
pub(crate) fn remember_exception(
    memory: &mut Memory,
    slot: &str,
    row: &Row,
    body: &Body,
    exact: &Event,
    zone: Option<&str>,
) -> Result<(), Unread> {
    let plain = Whole::once(fields::read(&predicted(Some(row), body), zone)?);
    memory.remember(Some(slot), &Whole::once(exact.clone()), &plain);
    Ok(())
}

/// Puts marks into a body.
pub(crate) fn mark(body: &mut Body, marks: &[(Mark, &str)]) {
    if marks.is_empty() {
        return;
    }
    let held = body.entry("singleValueExtendedProperties").or_insert_with(|| json!([]));
    if let Value::Array(held) = held {
        held.extend(marks.iter().map(|(mark, value)| mark.with(value)));
    }
}

/// Puts only those marks into a patch that the row does not have so already.
pub(crate) fn mark_changed(body: &mut Body, row: &Row, marks: &[(Mark, &str)]) {
    let changed = |(mark, value): &&(Mark, &str)| row.mark(*mark).unwrap_or_default() != *value;
    let changed: Vec<_> = marks.iter().filter(changed).copied().collect();
    mark(body, &changed);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::testing::{frame, row};
    use crate::recurrence::{Form, form};
    use model::Series;

    fn series(lines: &str) -> Series {
        let text =
            format!("BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\n{lines}\nEND:VEVENT\nEND:VCALENDAR\n");
        ical::read(text.as_bytes()).unwrap()
    }

    fn whole(series: &Series) -> Whole {
        Whole { event: series.master.clone().unwrap(), recurrence: series.recurrence.clone() }
    }

    // quirk: microsoft-31, microsoft-35, microsoft-53
    #[test]
    fn a_creation_says_everything_and_names_nobody() {
        let series = series(
            "DTSTART;TZID=Europe/Vienna:20260302T090000\nDTEND;TZID=Europe/Vienna:20260302T093000\n\
             SUMMARY:Stand-up\nRRULE:FREQ=WEEKLY\nATTENDEE:mailto:a@example.org",
        );
        let Form::Pattern(pattern) = form(&series) else { panic!("it can be said") };
        let body = creation(&whole(&series), Some(&pattern), &frame()).unwrap();
        assert_eq!(body["isReminderOn"], false);
        assert_eq!(body["recurrence"]["range"]["startDate"], "2026-03-02");
        assert_eq!(body["recurrence"]["range"]["recurrenceTimeZone"], "W. Europe Standard Time");
        assert!(!body.contains_key("attendees") && !body.contains_key("organizer"));
        let mut memory = Memory::default();
        remember(&mut memory, None, &body, &whole(&series)).unwrap();
        let read = read_row(&predicted(None, &body)).unwrap();
        assert!(!read.plain.same(&whole(&series), Field::Times), "Vienna reads as Berlin");
        let exact = memory.recall(None, read.plain);
        assert!(HELD.without(Field::People).iter().all(|field| exact.same(&whole(&series), field)));
    }

    // quirk: microsoft-42
    #[test]
    fn a_patch_has_only_what_differs() {
        let held = row(serde_json::json!({"subject": "Old", "showAs": "oof"}));
        let read = read_row(&held).unwrap().exact;
        let mut target = read.clone();
        target.event.title = Some("New".into());
        let body = patch(&held, &read, &target, None, &frame()).unwrap();
        assert_eq!(Value::Object(body), serde_json::json!({"subject": "New"}));
        let body = patch(&held, &read, &read, None, &frame()).unwrap();
        assert!(body.is_empty());
    }

    #[test]
    fn a_mark_that_stands_is_not_written_again() {
        let marks = serde_json::json!([Mark::Uid.with("1"), Mark::Kept.with("x")]);
        let held = row(serde_json::json!({"singleValueExtendedProperties": marks}));
        let mut body = Body::new();
        mark_changed(&mut body, &held, &[(Mark::Uid, "1"), (Mark::State, "")]);
        assert!(body.is_empty());
        mark_changed(&mut body, &held, &[(Mark::Kept, "")]);
        assert_eq!(body["singleValueExtendedProperties"].as_array().unwrap().len(), 1);
    }
}
