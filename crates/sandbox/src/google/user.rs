//! A user of Google Calendar on the web: creates, edits, deletes, cancels and moves occurrences and
//! splits series, without conditions, and every version of theirs is kept as a deed of the world.
//!
//! What users write is iCalendar text, as with the other simulated services; it lands in native
//! rows. A text is compared with the one that the rows render to, and only what differs is typed.

use jiff::Timestamp;
use model::CalendarId;
use serde_json::{Value, json};

use super::recurrence;
use super::render;
use super::state::{Calendar, Json, Row, Service, Updated};
use super::times::Moment;
use super::typed::{FIELDS, Typed};
use super::{Google, OnEdit, OnMove};
use crate::text::Component;
use crate::{Author, Held};

/// The user of a calendar. Methods say whether they could do what they were asked.
#[derive(Clone)]
pub struct GoogleUser {
    google: Google,
    calendar: CalendarId,
}

impl Google {
    /// The user at one calendar.
    pub fn user(&self, calendar: &CalendarId) -> GoogleUser {
        GoogleUser { google: self.clone(), calendar: calendar.clone() }
    }

    /// What a calendar holds, rendered as iCalendar: single events and series with their
    /// exceptions, by the id of the event or master. The version is that row's etag.
    pub fn held(&self, calendar: &CalendarId) -> Vec<Held> {
        let service = self.service();
        let Some(held) = service.calendars.get(calendar.as_str()) else { return Vec::new() };
        // quirk: google-4 (an invitation to single occurrences: the master is nowhere)
        let is_there = |master: &str| held.rows.contains_key(master);
        let masters = held.rows.values().filter(|row| !row.master().is_some_and(is_there));
        masters.filter_map(|row| rendered(held, row)).collect()
    }

    /// The native rows of a calendar, deleted ones too, as JSON with their ids.
    pub fn rows(&self, calendar: &CalendarId) -> Vec<Value> {
        let service = self.service();
        let held = service.calendars.get(calendar.as_str());
        let rows = held.into_iter().flat_map(|held| held.rows.values());
        let whole = rows.map(|row| {
            let mut event = row.event.clone();
            event.insert("id".to_owned(), json!(row.id));
            event.insert("etag".to_owned(), json!(row.etag()));
            Value::Object(event)
        });
        whole.collect()
    }
}

fn rendered(held: &Calendar, row: &Row) -> Option<Held> {
    let raw = render::series(held, &row.id)?.into_bytes();
    let uid = row.text("iCalUID").to_owned();
    Some(Held { id: row.id.clone(), uid, version: row.etag(), raw })
}

impl GoogleUser {
    /// Creates an event or a series from iCalendar text; its UID becomes the iCalUID. Returns the
    /// id, empty when the text can't be read.
    pub fn create(&self, ics: &str) -> String {
        self.with(|service, at| {
            let typed = Typed::read(ics, &at.zone(service))?;
            service.create_typed(at, &typed)
        })
        .unwrap_or_default()
    }

    /// Creates what is in a text, or makes what has its UID into it.
    pub fn put(&self, ics: &str) -> bool {
        let uid = ical::read(ics.as_bytes()).map(|series| series.uid.as_str().to_owned());
        let Ok(uid) = uid else { return false };
        if self.get(&uid).is_none() {
            return !self.create(ics).is_empty();
        }
        self.edit(&uid, |_| ics.to_owned())
    }

    /// Edits the event with this UID as text. False when it is not there, or nothing that Google
    /// has a field for differs.
    pub fn edit(&self, uid: &str, change: impl FnOnce(&str) -> String) -> bool {
        self.with(|service, at| {
            let row = service.live(at, uid)?;
            let before = render::series(service.calendars.get(at.id)?, &row.id)?;
            let zone = at.zone(service);
            let (old, new) = (Typed::read(&before, &zone)?, Typed::read(&change(&before), &zone)?);
            service.retype(at, &row, &old, &new).then_some(())
        })
        .is_some()
    }

    /// Sets a property of the master, or of the only event, e.g. `("SUMMARY", "Dentist")`; the
    /// value as it stands in the text.
    pub fn set(&self, uid: &str, property: &str, value: &str) -> bool {
        self.edit(uid, |text| {
            let Some(mut root) = Component::parse(text.as_bytes()) else { return text.to_owned() };
            let master = root
                .components_mut()
                .find(|inner| inner.name == "VEVENT" && inner.line("RECURRENCE-ID").is_none());
            if let Some(master) = master {
                master.set(&format!("{property}:{value}"));
            }
            root.write()
        })
    }

    /// Deletes the event or the series with this UID.
    pub fn delete(&self, uid: &str) -> bool {
        self.with(|service, at| {
            let row = service.live(at, uid)?;
            service.bury(at.id, &row.id, at.now);
            service.note(at.id, &row.id, Author::User, at.now);
            Some(())
        })
        .is_some()
    }

    /// Drags a whole series of times: its master is so many hours later. What was different stays
    /// under its original start, where this Google leaves it there.
    pub fn shift(&self, uid: &str, hours: i64) -> bool {
        self.with(|service, at| {
            let row = service.live(at, uid)?;
            service.shift(at, &row, hours)
        })
        .is_some()
    }

    /// Cancels one occurrence, named by its original start as instance ids end:
    /// `20260309T080000Z`, or `20260309` for whole days.
    pub fn cancel_occurrence(&self, uid: &str, original: &str) -> bool {
        self.on_occurrence(uid, original, &json!({"status": "cancelled"}))
    }

    /// Brings a cancelled occurrence back.
    pub fn restore_occurrence(&self, uid: &str, original: &str) -> bool {
        self.on_occurrence(uid, original, &json!({"status": "confirmed"}))
    }

    /// Gives one occurrence a title.
    pub fn retitle_occurrence(&self, uid: &str, original: &str, title: &str) -> bool {
        self.on_occurrence(uid, original, &json!({"summary": title}))
    }

    /// Moves one occurrence of a series of times to an hour from `start`.
    pub fn move_occurrence(&self, uid: &str, original: Timestamp, start: Timestamp) -> bool {
        let end = start.saturating_add(jiff::Span::new().hours(1)).unwrap_or(start);
        let zone = |service: &Service, row: &Row, held: &str| match row.moment("start") {
            Some(Moment::At(_, Some(zone))) => zone,
            _ => service.calendars.get(held).map_or("UTC", |held| held.zone.as_str()).to_owned(),
        };
        let original = Moment::At(original, None).suffix();
        self.with(|service, at| {
            let row = service.live(at, uid)?;
            let zone = zone(service, &row, at.id);
            let at_zone = |at: Timestamp| Moment::At(at, Some(zone.clone())).value();
            let change = json!({"start": at_zone(start), "end": at_zone(end)});
            service.change_occurrence(at, &row, &original, &change)
        })
        .is_some()
    }

    /// Changes fields of one occurrence, as they are stored: `start` and `end` in UTC.
    pub fn on_occurrence(&self, uid: &str, original: &str, change: &Value) -> bool {
        self.with(|service, at| {
            let row = service.live(at, uid)?;
            service.change_occurrence(at, &row, original, change)
        })
        .is_some()
    }

    /// "This and following events": the series ends before an occurrence, and another one, with a
    /// title of its own, goes on from there. Returns the other one's iCalUID.
    pub fn split(&self, uid: &str, original: &str, title: &str) -> Option<String> {
        self.with(|service, at| {
            let row = service.live(at, uid)?;
            service.split(at, &row, original, title)
        })
    }

    /// Writes a row as only Google itself can: with an `eventType`, `locked`, a foreign
    /// `organizer`, without extent. Times as a client would write them. Returns its id.
    pub fn native(&self, event: &Value) -> String {
        let made = self.with(|service, at| {
            let mut event = event.as_object().cloned().unwrap_or_default();
            for name in ["start", "end"] {
                if let Some(moment) = event.get(name).and_then(Moment::stored) {
                    event.insert(name.to_owned(), moment.value());
                }
            }
            Some(service.create_row(at, event))
        });
        made.unwrap_or_default()
    }

    /// The event with this UID, rendered as text.
    pub fn get(&self, uid: &str) -> Option<Held> {
        let service = self.google.service();
        let held = service.calendars.get(self.calendar.as_str())?;
        let row = held.with_uid(uid).filter(|row| !row.is_cancelled())?;
        rendered(held, row)
    }

    /// The iCalUIDs in the calendar, sorted; one that occurs twice is there twice.
    pub fn uids(&self) -> Vec<String> {
        let held = self.google.held(&self.calendar);
        let mut uids: Vec<String> = held.into_iter().map(|held| held.uid).collect();
        uids.sort();
        uids
    }

    /// The server touches its copy by itself: another etag, no other meaning.
    pub fn churn(&self, uid: &str) -> bool {
        self.with(|service, at| {
            let row = service.live(at, uid)?;
            service.churn(at.id, &row.id, at.now);
            service.note(at.id, &row.id, Author::Service, at.now);
            Some(())
        })
        .is_some()
    }

    /// Does something, and tells the world.
    fn with<T>(&self, act: impl FnOnce(&mut Service, &At<'_>) -> Option<T>) -> Option<T> {
        let mut service = self.google.service();
        let at = At { id: self.calendar.as_str(), now: self.google.world.now() };
        let done = act(&mut service, &at);
        self.google.tell_deeds(&mut service);
        done
    }
}

/// Where and when a user acts.
pub(super) struct At<'a> {
    pub(super) id: &'a str,
    pub(super) now: Timestamp,
}

impl At<'_> {
    fn zone(&self, service: &Service) -> String {
        service.calendars.get(self.id).map_or_else(|| "UTC".to_owned(), |held| held.zone.clone())
    }
}

impl Service {
    /// The event or series that has an iCalUID.
    fn live(&self, at: &At<'_>, uid: &str) -> Option<Row> {
        let row = self.calendars.get(at.id)?.with_uid(uid)?;
        (!row.is_cancelled()).then(|| row.clone())
    }

    fn create_typed(&mut self, at: &At<'_>, typed: &Typed) -> Option<String> {
        let mut event = typed.master.clone()?;
        event.insert("iCalUID".to_owned(), json!(typed.uid));
        let id = self.create_row(at, event);
        for (original, exception) in typed.exceptions.values() {
            self.except(at, &id, original, exception.as_ref(), None);
        }
        self.note(at.id, &id, Author::User, at.now);
        Some(id)
    }

    /// Stores a new row; its id.
    fn create_row(&mut self, at: &At<'_>, mut event: Json) -> String {
        let given = event.remove("id").and_then(|id| id.as_str().map(str::to_owned));
        let id = given.unwrap_or_else(|| self.fresh_id());
        event.entry("iCalUID").or_insert(json!(format!("{id}@google.com")));
        event.entry("status").or_insert(json!("confirmed"));
        event.entry("sequence").or_insert(json!(0));
        event.entry("eventType").or_insert(json!("default"));
        event.entry("reminders").or_insert(json!({"useDefault": true}));
        event.entry("organizer").or_insert(json!({"email": at.id}));
        event.entry("creator").or_insert(json!({"email": at.id}));
        self.store(at.id, &id, event, at.now, Updated::Moved);
        self.note(at.id, &id, Author::User, at.now);
        id
    }

    fn shift(&mut self, at: &At<'_>, row: &Row, hours: i64) -> Option<()> {
        let mut event = row.event.clone();
        for name in ["start", "end"] {
            let Some(Moment::At(moment, zone)) = row.moment(name) else { return None };
            let later = moment.checked_add(jiff::Span::new().hours(hours)).ok()?;
            event.insert(name.to_owned(), Moment::At(later, zone).value());
        }
        let next = row.event.get("sequence").and_then(Value::as_i64).unwrap_or(0) + 1;
        event.insert("sequence".to_owned(), json!(next));
        self.store(at.id, &row.id, event, at.now, Updated::Moved);
        let resets = self.quirks.on_move == OnMove::Reset;
        if let Some(held) = self.calendars.get_mut(at.id).filter(|_| resets) {
            held.rows.retain(|_, other| other.master() != Some(&row.id));
        }
        self.note(at.id, &row.id, Author::User, at.now);
        Some(())
    }

    /// Types what differs between two texts. False when nothing does.
    fn retype(&mut self, at: &At<'_>, row: &Row, old: &Typed, new: &Typed) -> bool {
        let (Some(before), Some(after)) = (&old.master, &new.master) else { return false };
        let mut event = row.event.clone();
        let is_changed = typed_over(&mut event, before, after);
        let moves =
            ["start", "end", "recurrence"].iter().any(|name| after.get(*name) != before.get(*name));
        if is_changed {
            if moves {
                let next = row.event.get("sequence").and_then(Value::as_i64).unwrap_or(0) + 1;
                event.insert("sequence".to_owned(), json!(next));
            }
            self.store(at.id, &row.id, event, at.now, Updated::Moved);
        }
        // A series that becomes one event, or begins elsewhere, forgets what was different.
        let resets = before.get("start") != after.get("start") || !after.contains_key("recurrence");
        let forgotten = is_changed && resets;
        // quirk: google-74
        let reset = is_changed && !forgotten && self.quirks.on_edit != OnEdit::Kept;
        if reset {
            self.reset(at.id, &row.id);
        }
        if forgotten && let Some(held) = self.calendars.get_mut(at.id) {
            held.rows.retain(|_, other| other.master() != Some(&row.id));
        }
        let mut is_excepted = false;
        for (key, (original, exception)) in &new.exceptions {
            let known = old.exceptions.get(key).filter(|_| !forgotten);
            let is_same = known.is_some_and(|(_, known)| known == exception);
            if !is_same {
                let known = known.filter(|_| !reset);
                let known = known.and_then(|(_, known)| known.as_ref());
                is_excepted |= self.except(at, &row.id, original, exception.as_ref(), known);
            }
        }
        let undone = old.exceptions.iter().filter(|(key, _)| !new.exceptions.contains_key(*key));
        for (_, (original, _)) in undone.filter(|_| !forgotten && !reset) {
            is_excepted |= self.regular(at, &row.id, original);
        }
        if is_changed || is_excepted {
            self.note(at.id, &row.id, Author::User, at.now);
        }
        is_changed || is_excepted
    }

    /// Makes an occurrence into an exception: cancelled, or as it was typed.
    fn except(
        &mut self,
        at: &At<'_>,
        master: &str,
        original: &Moment,
        typed: Option<&Json>,
        known: Option<&Json>,
    ) -> bool {
        let Some(row) = self.occurrence(at, master, original) else { return false };
        let mut event = row.event.clone();
        match typed {
            None => drop(event.insert("status".to_owned(), json!("cancelled"))),
            Some(typed) => {
                // What was not an exception yet is typed from scratch.
                let before = known.cloned().unwrap_or_else(|| event.clone());
                let _ = typed_over(&mut event, &before, typed);
                let status = typed.get("status").cloned().unwrap_or(json!("confirmed"));
                event.insert("status".to_owned(), status);
            }
        }
        event.remove("recurrence");
        self.store(at.id, &row.id, event, at.now, Updated::Moved);
        true
    }

    /// Makes an exception into what its series gives there; Google keeps a row for it.
    fn regular(&mut self, at: &At<'_>, master: &str, original: &Moment) -> bool {
        let Some(held) = self.calendars.get(at.id) else { return false };
        let zone = held.time_zone();
        let Some(master) = held.rows.get(master) else { return false };
        let row = match recurrence::at(master, original, &zone) {
            Some((start, end)) => recurrence::instance(master, &start, &end),
            None => {
                let id = recurrence::instance_id(&master.id, original);
                let Some(row) = held.rows.get(&id) else { return false };
                let mut row = row.clone();
                row.event.insert("status".to_owned(), json!("cancelled"));
                row
            }
        };
        self.store(at.id, &row.id, row.event, at.now, Updated::Moved);
        true
    }

    /// The row of an occurrence; where the series does not give it, one that was made for it.
    fn occurrence(&self, at: &At<'_>, master: &str, original: &Moment) -> Option<Row> {
        let held = self.calendars.get(at.id)?;
        let id = recurrence::instance_id(master, original);
        held.find(&id).or_else(|| {
            let master = held.rows.get(master)?;
            Some(recurrence::instance(master, original, original))
        })
    }

    fn change_occurrence(
        &mut self,
        at: &At<'_>,
        master: &Row,
        original: &str,
        change: &Value,
    ) -> Option<()> {
        let held = self.calendars.get(at.id)?;
        let row = held.find(&format!("{}_{original}", master.id))?;
        let mut event = row.event;
        super::merge::patch(&mut event, change.as_object()?);
        self.store(at.id, &row.id, event, at.now, Updated::Moved);
        self.note(at.id, &row.id, Author::User, at.now);
        Some(())
    }
}

/// Sets and takes away the typed fields that differ. True when one does.
fn typed_over(event: &mut Json, before: &Json, after: &Json) -> bool {
    let mut is_changed = false;
    for name in FIELDS.iter().filter(|name| before.get(**name) != after.get(**name)) {
        is_changed = true;
        match after.get(*name) {
            Some(value) => drop(event.insert((*name).to_owned(), value.clone())),
            None => drop(event.remove(*name)),
        }
    }
    is_changed
}
