//! A user at a device: creates, edits and deletes without asking any client, and every version of
//! theirs is kept.

use jiff::Timestamp;
use model::CalendarId;

use super::World;
use super::shapes::{Author, Condition, Held};
use super::state::State;
use crate::seed::utc;
use crate::text::{self, Component};

/// The user of a calendar. Methods say whether they could do what they were asked.
#[derive(Clone)]
pub struct User {
    world: World,
    calendar: CalendarId,
}

impl User {
    pub(super) fn new(world: World, calendar: CalendarId) -> Self {
        Self { world, calendar }
    }

    /// Creates an event from iCalendar text, under a name as a device chooses it (not derived
    /// from the UID), stamped with the present. Returns the name.
    pub fn create(&self, ics: &str) -> String {
        let mut state = self.world.state();
        let id = format!("{}.ics", state.random.uuid());
        let raw = stamped(ics.as_bytes(), state.now);
        write(&mut state, &self.calendar, &id, &raw);
        id
    }

    /// Puts bytes under a name, as they are.
    pub fn put(&self, id: &str, raw: &[u8]) {
        write(&mut self.world.state(), &self.calendar, id, raw);
    }

    /// Edits the event with this UID as text; stamps it with the present. False when it is not
    /// there, or the text stays the same.
    pub fn edit(&self, uid: &str, change: impl FnOnce(&str) -> String) -> bool {
        let mut state = self.world.state();
        let Some(held) = find(&state, &self.calendar, uid) else { return false };
        let before = String::from_utf8_lossy(&held.raw).into_owned();
        let after = change(&before);
        if after == before {
            return false;
        }
        let raw = stamped(after.as_bytes(), state.now);
        write(&mut state, &self.calendar, &held.id, &raw);
        true
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

    /// Moves one occurrence of a series in UTC to an hour from `start`, by an override. False
    /// when the series is not there.
    pub fn move_occurrence(&self, uid: &str, original: Timestamp, start: Timestamp) -> bool {
        let hour = jiff::Span::new().hours(1);
        let end = start.saturating_add(hour).unwrap_or(start);
        let (original, start, end) = (utc(original), utc(start), utc(end));
        self.edit(uid, |text| {
            let Some(root) = Component::parse(text.as_bytes()) else { return text.to_owned() };
            let mut events = root.components().filter(|inner| inner.name == "VEVENT");
            let title = events.next().and_then(|master| master.line("SUMMARY"));
            let title = title.map(|line| line.text.clone()).unwrap_or_default();
            let moved = format!(
                "BEGIN:VEVENT\r\nUID:{uid}\r\nDTSTAMP:{original}\r\nRECURRENCE-ID:{original}\r\n\
                 DTSTART:{start}\r\nDTEND:{end}\r\n{title}\r\nEND:VEVENT\r\nEND:VCALENDAR"
            );
            text.replace("END:VCALENDAR", &moved)
        })
    }

    /// Deletes the event with this UID. False when it is not there.
    pub fn delete(&self, uid: &str) -> bool {
        let mut state = self.world.state();
        let Some(held) = find(&state, &self.calendar, uid) else { return false };
        let calendar = self.calendar.as_str();
        state.remove(calendar, &held.id, &Condition::Nothing, Author::User).is_ok()
    }

    /// The event with this UID.
    pub fn get(&self, uid: &str) -> Option<Held> {
        find(&self.world.state(), &self.calendar, uid)
    }

    /// The UIDs in the calendar, sorted; one that occurs twice is there twice.
    pub fn uids(&self) -> Vec<String> {
        let mut uids: Vec<String> =
            self.world.held(&self.calendar).into_iter().map(|held| held.uid).collect();
        uids.sort();
        uids
    }

    /// The server touches its copy by itself: another version, no other meaning.
    pub fn churn(&self, uid: &str) -> bool {
        let mut state = self.world.state();
        let Some(held) = find(&state, &self.calendar, uid) else { return false };
        state.churn(self.calendar.as_str(), &held.id);
        true
    }
}

fn find(state: &State, calendar: &CalendarId, uid: &str) -> Option<Held> {
    let calendar = state.calendars.get(calendar.as_str())?;
    let (id, stored) = calendar.resources.iter().find(|(_, stored)| stored.uid == uid)?;
    Some(stored.held(id))
}

fn write(state: &mut State, calendar: &CalendarId, id: &str, raw: &[u8]) {
    // A user writes without conditions; only a calendar that is gone refuses, and then there is
    // nobody to write.
    let _ = state.put(calendar.as_str(), id, raw, &Condition::Nothing, Author::User);
}

fn stamped(raw: &[u8], now: Timestamp) -> Vec<u8> {
    let stamp = now.strftime("%Y%m%dT%H%M%SZ").to_string();
    text::each_event(raw, |event| event.set(&format!("LAST-MODIFIED:{stamp}")))
}

impl State {
    /// Somebody else's edit, right before a client's write: more behind the title.
    pub(crate) fn race(&mut self, calendar: &str, id: &str) {
        let held = self.calendars.get(calendar).and_then(|c| c.resources.get(id)).cloned();
        let Some(held) = held else { return };
        let number = self.deeds.len();
        let raw = text::each_event(&held.raw, |event| {
            if event.line("RECURRENCE-ID").is_none() {
                let title = event.line("SUMMARY").map(|line| line.value.clone());
                let title = title.unwrap_or_default();
                event.set(&format!("SUMMARY:{title} edited meanwhile {number}"));
            }
        });
        let raw = stamped(&raw, self.now);
        write(self, &CalendarId::new(calendar), id, &raw);
    }
}
