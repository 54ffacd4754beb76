//! What a client's words make of an event: defaults of a new one, members that go together.

use serde_json::{Value, json};

use super::body;
use super::failure::Failure;
use super::query::{property_failure, property_id};
use super::state::{Json, Properties};
use super::times::{Span, written};

/// How long a subject and a transaction id may be.
// quirk: microsoft-76
pub(super) const LONGEST: usize = 255;

/// Members that are kept as they are written; null is what stands beside them.
const PLAIN: &[(&str, Null)] = &[
    ("importance", Null::Is("normal")),
    ("sensitivity", Null::Is("normal")),
    ("showAs", Null::Is("busy")),
    ("responseRequested", Null::True),
    ("allowNewTimeProposals", Null::True),
    ("hideAttendees", Null::False),
    ("categories", Null::Empty),
    ("attendees", Null::Empty),
];

/// What null means for a member.
#[derive(Clone, Copy)]
enum Null {
    Is(&'static str),
    True,
    False,
    Empty,
}

impl Null {
    fn value(self) -> Value {
        match self {
            Null::Is(text) => json!(text),
            Null::True => json!(true),
            Null::False => json!(false),
            Null::Empty => json!([]),
        }
    }
}

/// An event of which nothing was said.
// quirk: microsoft-31
pub(super) fn blank() -> Json {
    let mut event = Json::new();
    for (name, null) in PLAIN {
        event.insert((*name).to_owned(), null.value());
    }
    for (name, value) in [
        ("subject", json!("")),
        ("body", json!({"contentType": "html", "content": ""})),
        ("isReminderOn", json!(true)),
        ("reminderMinutesBeforeStart", json!(15)),
        ("location", place("")),
        ("locations", json!([])),
        ("isOrganizer", json!(true)),
        ("isCancelled", json!(false)),
        ("isOnlineMeeting", json!(false)),
        ("onlineMeetingProvider", json!("unknown")),
        ("onlineMeeting", Value::Null),
        // quirk: microsoft-58
        ("responseStatus", json!({"response": "organizer", "time": "0001-01-01T00:00:00Z"})),
    ] {
        event.insert(name.to_owned(), value);
    }
    event
}

/// Puts what was said into an event; what was not said stays.
pub(super) fn apply(event: &mut Json, said: &Json) -> Result<(), Failure> {
    for (name, null) in PLAIN {
        if let Some(value) = said.get(*name) {
            let value = if value.is_null() { null.value() } else { value.clone() };
            event.insert((*name).to_owned(), value);
        }
    }
    if let Some(subject) = said.get("subject") {
        let text: String = subject.as_str().unwrap_or_default().chars().take(LONGEST).collect();
        let text = text.replace(['\r', '\n'], " ");
        event.insert("subject".to_owned(), json!(text));
    }
    reminder(event, said)?;
    places(event, said);
    if let Some(written) = said.get("body") {
        let content = written["content"].as_str().unwrap_or_default();
        let is_html = written["contentType"] == "html";
        let html = if is_html { body::of_html(content) } else { body::of_text(content) };
        // quirk: microsoft-56
        if event.get("isOnlineMeeting") == Some(&json!(true)) && !html.contains(body::JOIN_MARK) {
            event.insert("onlineMeeting".to_owned(), Value::Null);
        }
        event.insert("body".to_owned(), json!({"contentType": "html", "content": html}));
    }
    // Once it is an online meeting it stays one.
    if said.get("isOnlineMeeting") == Some(&json!(true)) {
        event.insert("isOnlineMeeting".to_owned(), json!(true));
        event.insert("onlineMeetingProvider".to_owned(), json!("teamsForBusiness"));
        let url = "https://teams.microsoft.com/l/meetup-join/19%3ameeting_sandbox";
        event.insert("onlineMeeting".to_owned(), json!({"joinUrl": url}));
    }
    Ok(())
}

// quirk: microsoft-32
fn reminder(event: &mut Json, said: &Json) -> Result<(), Failure> {
    if let Some(is_on) = said.get("isReminderOn").filter(|is_on| !is_on.is_null()) {
        event.insert("isReminderOn".to_owned(), is_on.clone());
    }
    if let Some(minutes) = said.get("reminderMinutesBeforeStart").filter(|value| !value.is_null()) {
        if minutes.as_i64().is_none_or(|minutes| minutes < 0) {
            return Err(Failure::property());
        }
        event.insert("reminderMinutesBeforeStart".to_owned(), minutes.clone());
    }
    Ok(())
}

/// `location` is the first of `locations`, or all of them; who writes one writes the other.
// quirk: microsoft-57
fn places(event: &mut Json, said: &Json) {
    let name_of = |value: &Value| value["displayName"].as_str().unwrap_or_default().to_owned();
    let own = |value: &Value| {
        let mut kept = place(&name_of(value));
        for name in ["address", "coordinates", "locationEmailAddress", "locationUri"] {
            if !value[name].is_null() {
                kept[name] = value[name].clone();
            }
        }
        kept
    };
    if let Some(all) = said.get("locations").filter(|all| all.is_array()) {
        let all: Vec<Value> = all.as_array().into_iter().flatten().map(own).collect();
        let names: Vec<String> = all.iter().map(name_of).collect();
        event.insert("location".to_owned(), place(&names.join("; ")));
        event.insert("locations".to_owned(), Value::Array(all));
    }
    if let Some(one) = said.get("location") {
        let kept = own(one);
        let is_there = !name_of(&kept).is_empty();
        let all = if is_there { json!([kept]) } else { json!([]) };
        event.insert("locations".to_owned(), all);
        event.insert("location".to_owned(), kept);
    }
}

fn place(name: &str) -> Value {
    if name.is_empty() {
        return json!({
            "displayName": "", "locationType": "default", "uniqueIdType": "unknown",
            "address": {}, "coordinates": {},
        });
    }
    json!({
        "displayName": name, "locationType": "default", "uniqueId": name,
        "uniqueIdType": "private",
    })
}

/// When an event is, by what was said and what was so far.
pub(super) fn span(before: Option<&Span>, said: &Json) -> Result<Span, Failure> {
    let start = written(said, "start")?.or_else(|| before.map(|span| span.start.clone()));
    let end = written(said, "end")?.or_else(|| before.map(|span| span.end.clone()));
    let is_all_day = said.get("isAllDay").and_then(Value::as_bool);
    let is_all_day = is_all_day.unwrap_or(before.is_some_and(|span| span.is_all_day));
    let (Some(start), Some(end)) = (start, end) else { return Err(Failure::property()) };
    let span = Span { start, end, is_all_day };
    span.check()?;
    Ok(span)
}

/// Puts what was said of extended properties into those that are there.
pub(super) fn properties(held: &mut Properties, said: &Json) -> Result<(), Failure> {
    let all = said.get("singleValueExtendedProperties").and_then(Value::as_array);
    for one in all.into_iter().flatten() {
        let id = one["id"].as_str().and_then(property_id).ok_or_else(property_failure)?;
        match one["value"].as_str() {
            Some(value) => drop(held.insert(id, value.to_owned())),
            None => drop(held.remove(&id)),
        }
    }
    Ok(())
}
