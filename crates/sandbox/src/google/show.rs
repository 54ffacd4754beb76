//! Rows as answers show them: with what the server knows by itself, times in the calendar's zone,
//! and what is empty or default left out.

use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::quirks::{Quirk, Quirks};
use super::state::{Calendar, Json, Row};
use super::times::{Moment, stamp};

/// How an answer shows events.
#[derive(Clone)]
pub(super) struct View<'v> {
    pub(super) quirks: &'v Quirks,
    /// The zone whose offset times have.
    pub(super) zone: TimeZone,
    /// The most guests that are shown.
    pub(super) guests: Option<usize>,
    /// Whether the reader may only see when somebody is busy.
    pub(super) sees: Sees,
}

/// What a reader may see of events.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sees {
    Everything,
    Busy,
}

/// So many guests are shown where lists are cut.
const GUESTS: usize = 2;

impl View<'_> {
    /// A row in full.
    pub(super) fn whole(&self, held: &Calendar, row: &Row) -> Value {
        let mut shown = self.head(row);
        if row.is_cancelled() && row.master().is_some() {
            shown["recurringEventId"] = row.event["recurringEventId"].clone();
            if let Some(original) = row.moment("originalStartTime") {
                shown["originalStartTime"] = original.shown(&self.zone);
            }
            return shown;
        }
        shown["htmlLink"] = json!(format!("https://www.google.com/calendar/event?eid={}", row.id));
        shown["created"] = json!(stamp(row.created));
        shown["updated"] = json!(stamp(row.updated));
        for (name, value) in &row.event {
            let is_default = match (name.as_str(), value.as_str()) {
                ("transparency", Some("opaque")) | ("visibility", Some("default")) => true,
                (_, text) => text == Some(""),
            };
            if !is_default {
                shown[name] = value.clone();
            }
        }
        for name in ["start", "end", "originalStartTime"] {
            if let Some(moment) = row.moment(name) {
                shown[name] = moment.shown(&self.zone);
            }
        }
        self.people(held, &mut shown);
        if self.sees == Sees::Busy {
            for name in ["summary", "description", "location", "attendees", "source"] {
                remove(&mut shown, name);
            }
        }
        shown
    }

    /// A row as a list shows it: what is cancelled may come bare.
    pub(super) fn listed(&self, held: &Calendar, row: &Row) -> Value {
        if !row.is_cancelled() {
            return self.whole(held, row);
        }
        let turn = (row.etag / 2000).unsigned_abs() + row.id.len() as u64;
        // quirk: google-5
        if !self.quirks.has(Quirk::SparseCancelled) || turn.is_multiple_of(3) {
            return self.whole(held, row);
        }
        let mut bare = self.head(row);
        // quirk: google-6
        if self.quirks.has(Quirk::NoEtag) && turn % 3 == 1 && row.master().is_some() {
            remove(&mut bare, "etag");
        }
        bare
    }

    fn head(&self, row: &Row) -> Value {
        let status = row.event.get("status").cloned().unwrap_or(json!("confirmed"));
        json!({
            "kind": "calendar#event", "etag": row.etag(), "id": row.id, "status": status,
        })
    }

    /// `self` marks, and lists that are cut.
    // quirk: google-60
    fn people(&self, held: &Calendar, shown: &mut Value) {
        for name in ["organizer", "creator"] {
            if shown[name]["email"] == *held.id {
                shown[name]["self"] = json!(true);
            } else if shown[name].is_null() {
                remove(shown, name);
            }
        }
        let organizer = shown["organizer"]["email"].clone();
        let limit = self.guests.or(self.quirks.has(Quirk::GuestsOmitted).then_some(GUESTS));
        let Some(attendees) = shown.get_mut("attendees").and_then(Value::as_array_mut) else {
            return;
        };
        for attendee in attendees.iter_mut() {
            if attendee["email"] == *held.id {
                attendee["self"] = json!(true);
            }
            if attendee["email"] == organizer {
                attendee["organizer"] = json!(true);
            }
        }
        // quirk: google-69
        if let Some(limit) = limit.filter(|limit| attendees.len() > *limit) {
            attendees.sort_by_key(|attendee| attendee["self"] != true);
            attendees.truncate(limit);
            shown["attendeesOmitted"] = json!(true);
        }
    }
}

/// The row of an exception that is none any more.
// quirk: google-74
pub(super) fn bare(id: &str) -> Value {
    json!({"kind": "calendar#event", "id": id, "status": "cancelled"})
}

fn remove(value: &mut Value, name: &str) {
    if let Some(map) = value.as_object_mut() {
        map.remove(name);
    }
}

/// When an event begins and ends, for filters by time.
pub(super) fn span(event: &Json) -> Option<(Moment, Moment)> {
    Some((Moment::stored(event.get("start")?)?, Moment::stored(event.get("end")?)?))
}
