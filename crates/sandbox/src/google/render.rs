//! Rows as iCalendar, for checkers: what a user of the calendar sees, in a form that both sides of
//! a pair can be compared in.
//!
//! Private properties are there as `X-GOOGLE-PRIVATE;X-KEY="name":value`, colours as
//! `X-GOOGLE-COLOR-ID`. Cancelled occurrences are EXDATEs; an exception that differs in nothing
//! from what its master gives is none. An exception whose master is not there stands alone.

use jiff::Timestamp;
use serde_json::Value;

use super::recurrence;
use super::state::{Calendar, Json, Row};
use super::times::{Moment, zone_of};
use crate::text::{Component, Item, Line};

/// Fields in which an exception can differ from its master in the eyes of a user.
const SEEN: &[&str] = &[
    "summary",
    "description",
    "location",
    "status",
    "transparency",
    "visibility",
    "colorId",
    "reminders",
    "source",
    "attendees",
    "conferenceData",
    "attachments",
];

/// An event or a series with its exceptions, as text; `None` when it is not there or deleted.
pub(super) fn series(held: &Calendar, id: &str) -> Option<String> {
    let master = held.rows.get(id).filter(|row| !row.is_cancelled())?;
    if let Some(original) = master.moment("originalStartTime") {
        let mut one = event(&master.event, master.updated);
        add(&mut one, &dated("RECURRENCE-ID", &original));
        return Some(calendar(vec![one]));
    }
    let mut events = vec![event(&master.event, master.updated)];
    let zone = held.time_zone();
    for row in held.exceptions(id) {
        let Some(original) = row.moment("originalStartTime") else { continue };
        let regular = recurrence::at(master, &original, &zone);
        if row.is_cancelled() {
            if regular.is_some() {
                let like = master.moment("start");
                add(&mut events[0], &dated("EXDATE", &in_zone_of(&original, like.as_ref())));
            }
            continue;
        }
        let regular = regular.map(|(start, end)| recurrence::instance(master, &start, &end));
        if regular.is_some_and(|regular| is_same(&regular, row)) {
            continue;
        }
        let mut one = event(&row.event, row.updated);
        let like = master.moment("start");
        let original = in_zone_of(&original, like.as_ref());
        add(&mut one, &dated("RECURRENCE-ID", &original));
        events.push(one);
    }
    Some(calendar(events))
}

/// A row by itself: what its occurrences are computed from.
pub(super) fn alone(event_: &Json) -> String {
    calendar(vec![event(event_, Timestamp::UNIX_EPOCH)])
}

fn is_same(one: &Row, other: &Row) -> bool {
    let at = |row: &Row, name: &str| row.moment(name).unwrap_or(Moment::At(Timestamp::MIN, None));
    SEEN.iter().all(|name| one.event.get(*name) == other.event.get(*name))
        && ["start", "end"].iter().all(|name| at(one, name).is_at(&at(other, name)))
}

/// An original start in the zone of the master, in which its occurrences are counted.
fn in_zone_of(original: &Moment, like: Option<&Moment>) -> Moment {
    match (original, like) {
        (Moment::At(at, _), Some(Moment::At(_, zone))) => Moment::At(*at, zone.clone()),
        _ => original.clone(),
    }
}

fn calendar(events: Vec<Component>) -> String {
    let mut items: Vec<Item> = ["VERSION:2.0", "PRODID:-//Google Inc//Google Calendar 70.9054//EN"]
        .iter()
        .map(|line| Item::Line(Line::new(line)))
        .collect();
    items.extend(events.into_iter().map(Item::Component));
    Component { name: "VCALENDAR".to_owned(), items }.write()
}

fn event(event: &Json, updated: Timestamp) -> Component {
    let mut out = Component { name: "VEVENT".to_owned(), items: Vec::new() };
    let text = |name: &str| event.get(name).and_then(Value::as_str);
    add(&mut out, &format!("UID:{}", text("iCalUID").unwrap_or("nobody")));
    add(&mut out, &format!("DTSTAMP:{}", updated.strftime("%Y%m%dT%H%M%SZ")));
    for (name, property) in [("start", "DTSTART"), ("end", "DTEND")] {
        if let Some(moment) = event.get(name).and_then(Moment::stored) {
            add(&mut out, &dated(property, &moment));
        }
    }
    let lines = event.get("recurrence").and_then(Value::as_array).into_iter().flatten();
    lines.filter_map(Value::as_str).for_each(|line| add(&mut out, line));
    let typed = [("summary", "SUMMARY"), ("description", "DESCRIPTION"), ("location", "LOCATION")];
    for (name, property) in typed {
        if let Some(value) = text(name) {
            add(&mut out, &format!("{property}:{}", escaped(value)));
        }
    }
    let status = text("status").unwrap_or("confirmed").to_ascii_uppercase();
    add(&mut out, &format!("STATUS:{status}"));
    let transparency = text("transparency").unwrap_or("opaque").to_ascii_uppercase();
    add(&mut out, &format!("TRANSP:{transparency}"));
    if let Some(class) = text("visibility").filter(|class| *class != "default") {
        add(&mut out, &format!("CLASS:{}", class.to_ascii_uppercase()));
    }
    if let Some(color) = text("colorId") {
        add(&mut out, &format!("X-GOOGLE-COLOR-ID:{color}"));
    }
    if let Some(url) = event.get("source").and_then(|source| source["url"].as_str()) {
        add(&mut out, &format!("URL:{url}"));
    }
    let private = event.get("extendedProperties").and_then(|kinds| kinds["private"].as_object());
    for (key, value) in private.into_iter().flatten() {
        let value = escaped(value.as_str().unwrap_or_default());
        add(&mut out, &format!("X-GOOGLE-PRIVATE;X-KEY=\"{}\":{value}", key.replace('"', "'")));
    }
    people(&mut out, event);
    links(&mut out, event);
    alarms(&mut out, event);
    out
}

fn people(out: &mut Component, event: &Json) {
    let attendees = event.get("attendees").and_then(Value::as_array);
    let Some(attendees) = attendees.filter(|all| !all.is_empty()) else { return };
    if let Some(email) = event.get("organizer").and_then(|organizer| organizer["email"].as_str()) {
        add(out, &format!("ORGANIZER:mailto:{email}"));
    }
    for attendee in attendees {
        let name = attendee["displayName"].as_str();
        let name = name.map(|name| format!(";CN=\"{}\"", name.replace('"', "'")));
        let email = attendee["email"].as_str().unwrap_or_default();
        add(out, &format!("ATTENDEE{}:mailto:{email}", name.unwrap_or_default()));
    }
}

fn links(out: &mut Component, event: &Json) {
    let list = |value: Option<&Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
    for attachment in list(event.get("attachments")) {
        if let Some(url) = attachment["fileUrl"].as_str() {
            add(out, &format!("ATTACH:{url}"));
        }
    }
    let conference = event.get("conferenceData").map(|conference| &conference["entryPoints"]);
    for entry in list(conference) {
        if let Some(uri) = entry["uri"].as_str() {
            add(out, &format!("CONFERENCE;VALUE=URI:{uri}"));
        }
    }
}

fn alarms(out: &mut Component, event: &Json) {
    let overrides = event.get("reminders").map(|reminders| &reminders["overrides"]);
    for reminder in overrides.and_then(Value::as_array).into_iter().flatten() {
        let action = if reminder["method"] == "email" { "EMAIL" } else { "DISPLAY" };
        let minutes = reminder["minutes"].as_i64().unwrap_or_default();
        let mut alarm = Component { name: "VALARM".to_owned(), items: Vec::new() };
        add(&mut alarm, &format!("ACTION:{action}"));
        add(&mut alarm, &format!("TRIGGER:-PT{minutes}M"));
        add(&mut alarm, "DESCRIPTION:This is an event reminder");
        if action == "EMAIL" {
            add(&mut alarm, "SUMMARY:Alarm notification");
        }
        out.items.push(Item::Component(alarm));
    }
}

/// A property with a moment.
fn dated(property: &str, moment: &Moment) -> String {
    match moment {
        Moment::Day(date) => format!("{property};VALUE=DATE:{}", date.strftime("%Y%m%d")),
        Moment::At(at, zone) => {
            let zone = zone.as_deref().filter(|name| *name != "UTC");
            match zone.and_then(|name| Some((name, zone_of(name)?))) {
                Some((name, zone)) => {
                    let wall = zone.to_datetime(*at).strftime("%Y%m%dT%H%M%S").to_string();
                    format!("{property};TZID={name}:{wall}")
                }
                None => format!("{property}:{}", at.strftime("%Y%m%dT%H%M%SZ")),
            }
        }
    }
}

fn add(component: &mut Component, unfolded: &str) {
    // Lines before components, as texts are written.
    let end = component.items.iter().position(|item| matches!(item, Item::Component(_)));
    let end = end.unwrap_or(component.items.len());
    component.items.insert(end, Item::Line(Line::new(unfolded)));
}

/// A text value (RFC 5545 section 3.3.11).
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace(';', "\\;").replace(',', "\\,");
    text.replace("\r\n", "\\n").replace(['\n', '\r'], "\\n")
}
