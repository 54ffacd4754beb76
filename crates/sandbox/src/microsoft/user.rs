//! A user of Outlook: creates, edits, deletes, cancels and moves occurrences and splits series,
//! without conditions, and every version of theirs is kept as a deed of the world.
//!
//! What users write is iCalendar text, as with the other simulated services; it lands in native
//! rows. A text is compared with the one that the row renders to, and only what differs is typed.
//! Users name events by iCalUId, which here is the UID of the text, as of imported events.

use jiff::Timestamp;
use jiff::civil::Date;
use model::CalendarId;
use serde_json::{Value, json};

use super::Microsoft;
use super::body;
use super::draft;
use super::ids::Name;
use super::prefer::{IdKind, Prefer};
use super::render;
use super::show::{Item, View};
use super::state::{Json, Row, Service, etag};
use super::times::Moment;
use super::typed::{Typed, difference, original};
use super::write::recur;
use crate::text::Component;
use crate::{Author, Held};

/// The user of a calendar. Methods say whether they could do what they were asked.
#[derive(Clone)]
pub struct MicrosoftUser {
    microsoft: Microsoft,
    calendar: CalendarId,
}

/// What only Exchange or Outlook puts on an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dressing {
    /// 56: an online meeting, with the block that joins it in its body.
    OnlineMeeting,
    /// 53: somebody is invited; we organize it.
    Organized,
    /// 54: somebody else organizes it.
    Invitation,
    /// 55: the organizer has cancelled it.
    Cancelled,
    /// 26: a zone that has no good name, e.g. `tzone://Microsoft/Custom`.
    ZoneLabel(String),
    /// 58: from the first to the last year that there is.
    Ages,
    /// A body of HTML.
    Html(String),
    /// Any member as it is kept, e.g. `showAs` and `oof`.
    Member(String, Value),
}

impl Microsoft {
    /// The user at one calendar.
    pub fn user(&self, calendar: &CalendarId) -> MicrosoftUser {
        MicrosoftUser { microsoft: self.clone(), calendar: calendar.clone() }
    }

    /// What a calendar holds, rendered as iCalendar: single events and series with their
    /// exceptions, by the immutable id of the event or series. The version is its etag.
    pub fn held(&self, calendar: &CalendarId) -> Vec<Held> {
        self.service().living(calendar.as_str()).filter_map(rendered).collect()
    }

    /// The native rows of a calendar as whole events of JSON; exceptions are beneath their series,
    /// under `exceptionOccurrences`.
    pub fn rows(&self, calendar: &CalendarId) -> Vec<Value> {
        let service = self.service();
        let prefer = Prefer::read(Some("IdType=\"ImmutableId\""));
        let Ok(prefer) = prefer else { return Vec::new() };
        let view = View {
            quirks: &service.quirks,
            prefer: &prefer,
            owner: (String::new(), String::new()),
        };
        let whole = service.living(calendar.as_str()).map(|row| {
            let mut shown = view.whole(Item { row, slot: None });
            let slots = row.series.iter().flat_map(|series| series.exceptions.keys());
            let below =
                slots.map(|slot| Value::Object(view.whole(Item { row, slot: Some(*slot) })));
            shown.insert("exceptionOccurrences".to_owned(), below.collect());
            Value::Object(shown)
        });
        whole.collect()
    }
}

fn rendered(row: &Row) -> Option<Held> {
    let raw = render::series(row)?.into_bytes();
    let id = row.name(None).id(IdKind::Immutable);
    Some(Held { id, uid: row.uid.clone(), version: etag(row.stamps.change), raw })
}

impl MicrosoftUser {
    /// Creates an event or a series from iCalendar text; its UID becomes the iCalUId. Returns the
    /// id, empty when nobody can type the text into Outlook.
    pub fn create(&self, ics: &str) -> String {
        self.with(|service, at| service.create_typed(at, &Typed::read(ics)?)).unwrap_or_default()
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

    /// Edits the event with this UID as text. False when it is not there, when nothing that
    /// Exchange has a field for differs, or when Outlook has no words for it.
    pub fn edit(&self, uid: &str, change: impl FnOnce(&str) -> String) -> bool {
        self.with(|service, at| {
            let row = service.live(at, uid)?;
            let before = render::series(&row)?;
            let (old, new) = (Typed::read(&before)?, Typed::read(&change(&before))?);
            service.retype(at, row, &old, &new)
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
            service.bury(row.name(None), at.now);
            service.note(row.key, Author::User, at.now);
            Some(())
        })
        .is_some()
    }

    /// Cancels one occurrence, named by its original start: `20260309T080000Z`, or `20260309` for
    /// whole days.
    pub fn cancel_occurrence(&self, uid: &str, at_start: &str) -> bool {
        self.with(|service, at| {
            let row = service.live(at, uid)?;
            let slot = slot(&row, at_start)?;
            service.bury(row.name(Some(slot)), at.now);
            service.note(row.key, Author::User, at.now);
            Some(())
        })
        .is_some()
    }

    /// Gives one occurrence a title.
    pub fn retitle_occurrence(&self, uid: &str, at_start: &str, title: &str) -> bool {
        self.on_occurrence(uid, at_start, &json!({"subject": title}))
    }

    /// Moves one occurrence of a series of times to an hour from `start`. False when Exchange does
    /// not let it stand there.
    // quirk: microsoft-41
    pub fn move_occurrence(&self, uid: &str, at_start: Timestamp, start: Timestamp) -> bool {
        let end = start.saturating_add(jiff::Span::new().hours(1)).unwrap_or(start);
        let at = |at: Timestamp| {
            let wall = jiff::tz::TimeZone::UTC.to_datetime(at);
            json!({"dateTime": super::times::seven(wall), "timeZone": "UTC"})
        };
        let original = at_start.strftime("%Y%m%dT%H%M%SZ").to_string();
        self.on_occurrence(uid, &original, &json!({"start": at(start), "end": at(end)}))
    }

    /// Changes members of one occurrence, as a client would write them.
    pub fn on_occurrence(&self, uid: &str, at_start: &str, change: &Value) -> bool {
        self.with(|service, at| {
            let mut row = service.live(at, uid)?;
            let slot = slot(&row, at_start)?;
            service.change_occurrence(&mut row, slot, change.as_object()?, at.now).ok()?;
            service.typed(at, row);
            Some(())
        })
        .is_some()
    }

    /// "This and following events": the series ends before an occurrence, and another one, with a
    /// title of its own, goes on from there. Returns the other one's iCalUId.
    pub fn split(&self, uid: &str, at_start: &str, title: &str) -> Option<String> {
        self.with(|service, at| {
            let mut row = service.live(at, uid)?;
            let slot = slot(&row, at_start)?;
            let span = row.regular(slot);
            let series = row.series.as_mut()?;
            let mut pattern = series.pattern.clone();
            let taken = pattern.days(slot).len() as u32 - 1;
            pattern.start = slot;
            if let super::pattern::End::After(count) = pattern.end {
                pattern.end = super::pattern::End::After(count - taken);
            }
            let mut other = service.fresh_row(at.id, span, at.now);
            other.event.clone_from(&row.event);
            other.event.insert("subject".to_owned(), json!(title));
            let mut next = series.clone();
            next.pattern = pattern;
            next.exceptions = series.exceptions.split_off(&slot);
            next.cancelled = series.cancelled.split_off(&slot);
            other.series = Some(next);
            series.pattern.end = super::pattern::End::On(slot.yesterday().ok()?);
            let uid = other.uid.clone();
            service.typed(at, row);
            service.typed(at, other);
            Some(uid)
        })
    }

    /// Puts something on an event that only Exchange or Outlook can.
    pub fn dress(&self, uid: &str, dressing: &Dressing) -> bool {
        self.with(|service, at| {
            let mut row = service.live(at, uid)?;
            dress(&mut row, dressing);
            if *dressing == Dressing::Invitation {
                row.theirs = Some(Box::new((row.event.clone(), row.span.clone())));
            }
            service.typed(at, row);
            Some(())
        })
        .is_some()
    }

    /// The organizer of an invitation sends an update: what they have is what is there.
    // quirk: microsoft-54
    pub fn organizer_updates(&self, uid: &str) -> bool {
        self.with(|service, at| {
            let mut row = service.live(at, uid)?;
            let (event, span) = *row.theirs.clone()?;
            for name in ["subject", "body", "location", "locations"] {
                row.event.insert(name.to_owned(), event.get(name).cloned().unwrap_or_default());
            }
            row.span = span;
            service.typed(at, row);
            Some(())
        })
        .is_some()
    }

    /// Moves an event to another calendar of the mailbox: its classic id is another one.
    // quirk: microsoft-19
    pub fn move_to(&self, uid: &str, calendar: &CalendarId) -> bool {
        self.with(|service, at| {
            let mut row = service.live(at, uid)?;
            let left = (row.calendar.clone(), row.name(None), service.revision + 1);
            service.departed.push(left);
            calendar.as_str().clone_into(&mut row.calendar);
            row.moves += 1;
            service.typed(at, row);
            Some(())
        })
        .is_some()
    }

    /// The event with this UID, rendered as text.
    pub fn get(&self, uid: &str) -> Option<Held> {
        let service = self.microsoft.service();
        let row = service.living(self.calendar.as_str()).find(|row| row.uid == uid)?;
        rendered(row)
    }

    /// The iCalUIds in the calendar, sorted; one that occurs twice is there twice.
    pub fn uids(&self) -> Vec<String> {
        let held = self.microsoft.held(&self.calendar);
        let mut uids: Vec<String> = held.into_iter().map(|held| held.uid).collect();
        uids.sort();
        uids
    }

    /// The server touches its copy by itself: another change key, no other meaning.
    // quirk: microsoft-11
    pub fn churn(&self, uid: &str) -> bool {
        self.with(|service, at| {
            let key = service.live(at, uid)?.key;
            service.churn(key, at.now);
            service.note(key, Author::Service, at.now);
            Some(())
        })
        .is_some()
    }

    /// Does something, and tells the world.
    fn with<T>(&self, act: impl FnOnce(&mut Service, &At<'_>) -> Option<T>) -> Option<T> {
        let mut service = self.microsoft.service();
        let at = At { id: self.calendar.as_str(), now: self.microsoft.world.now() };
        let done = act(&mut service, &at);
        self.microsoft.tell_deeds(&mut service);
        done
    }
}

/// Where and when a user acts.
pub(super) struct At<'a> {
    id: &'a str,
    now: Timestamp,
}

/// The day in the pattern of an occurrence with this original start.
fn slot(row: &Row, text: &str) -> Option<Date> {
    let series = row.series.as_ref()?;
    let day = match original(text)? {
        Ok(day) => day,
        Err(at) => super::zones::find(&series.zone)?.to_datetime(at).date(),
    };
    row.has(day).then_some(day)
}

impl Service {
    fn live(&self, at: &At<'_>, uid: &str) -> Option<Row> {
        self.living(at.id).find(|row| row.uid == uid).cloned()
    }

    /// Stores what a user has typed.
    fn typed(&mut self, at: &At<'_>, row: Row) {
        let key = row.key;
        self.store(row, at.now);
        self.note(key, Author::User, at.now);
    }

    fn create_typed(&mut self, at: &At<'_>, typed: &Typed) -> Option<String> {
        let mut row = self.fresh_row(at.id, draft::span(None, &typed.master).ok()?, at.now);
        row.uid.clone_from(&typed.uid);
        draft::apply(&mut row.event, &typed.master).ok()?;
        if let Some(value) = typed.master.get("recurrence") {
            let start = row.span.start.clone();
            recur(&mut row, value).ok()?;
            // A first occurrence beside the pattern can't be typed.
            if row.span.start != start {
                return None;
            }
        }
        for (slot, one) in &typed.exceptions {
            self.except(at, &mut row, *slot, one.as_ref())?;
        }
        let id = Name::master(row.key, 0).id(IdKind::Immutable);
        self.typed(at, row);
        Some(id)
    }

    /// Types what differs between two texts; `None` when nothing does, or when it can't be typed.
    fn retype(&mut self, at: &At<'_>, mut row: Row, old: &Typed, new: &Typed) -> Option<()> {
        let changed = difference(&old.master, &new.master);
        let mut is_changed = !changed.is_empty();
        let before = row.series.clone();
        if is_changed {
            let start = row.span.start.clone();
            self.change_row(&mut row, &changed).ok()?;
            let was_meant = changed.contains_key("start") || row.span.start == start;
            if !was_meant {
                return None;
            }
        }
        // What a change of times has made forgotten is typed again.
        let kept = |row: &Row, slot: &Date| {
            let now = row.series.as_ref();
            now.zip(before.as_ref()).is_some_and(|(now, before)| {
                now.cancelled.contains(slot) == before.cancelled.contains(slot)
                    && now.exceptions.contains_key(slot) == before.exceptions.contains_key(slot)
            })
        };
        for (slot, one) in &new.exceptions {
            if old.exceptions.get(slot) != Some(one) || !kept(&row, slot) {
                self.except(at, &mut row, *slot, one.as_ref())?;
                is_changed = true;
            }
        }
        if let Some(series) = &mut row.series {
            let undone = old.exceptions.keys().filter(|slot| !new.exceptions.contains_key(*slot));
            for slot in undone {
                series.exceptions.remove(slot);
                series.cancelled.remove(slot);
                is_changed = true;
            }
        }
        is_changed.then(|| self.typed(at, row))
    }

    /// Makes an occurrence into an exception: cancelled, or as it was typed.
    fn except(
        &mut self,
        at: &At<'_>,
        row: &mut Row,
        slot: Date,
        typed: Option<&Json>,
    ) -> Option<()> {
        let series = row.series.as_mut()?;
        // What the series does not give needs no cancelling.
        if !series.pattern.days(slot).contains(&slot) {
            return typed.is_none().then_some(());
        }
        let Some(typed) = typed else {
            series.exceptions.remove(&slot);
            series.cancelled.insert(slot);
            return Some(());
        };
        series.cancelled.remove(&slot);
        self.change_occurrence(row, slot, typed, at.now).ok()
    }
}

fn dress(row: &mut Row, dressing: &Dressing) {
    let mut set = |name: &str, value: Value| drop(row.event.insert(name.to_owned(), value));
    let html = |html: &str| json!({"contentType": "html", "content": body::of_html(html)});
    let guest = json!([{
        "type": "required", "status": {"response": "none", "time": "0001-01-01T00:00:00Z"},
        "emailAddress": {"name": "Robin", "address": "robin@example.org"},
    }]);
    match dressing {
        Dressing::OnlineMeeting => {
            let url = "https://teams.microsoft.com/l/meetup-join/19%3ameeting_sandbox";
            let mark = body::JOIN_MARK;
            set("body", html(&format!("<p>Agenda</p>{mark}<br>Join: <a href=\"{url}\">here</a>")));
            set("isOnlineMeeting", json!(true));
            set("onlineMeetingProvider", json!("teamsForBusiness"));
            set("onlineMeeting", json!({"joinUrl": url}));
        }
        Dressing::Organized => set("attendees", guest),
        Dressing::Invitation => {
            set("attendees", guest);
            set("isOrganizer", json!(false));
            let boss = json!({"name": "Alex", "address": "alex@example.org"});
            set("organizer", json!({"emailAddress": boss}));
            let time = "2026-01-05T08:00:00Z";
            set("responseStatus", json!({"response": "accepted", "time": time}));
        }
        // quirk: microsoft-55
        Dressing::Cancelled => {
            let title = row.text("subject").to_owned();
            let mut set = |name: &str, value| drop(row.event.insert(name.to_owned(), value));
            set("subject", json!(format!("Canceled: {title}")));
            set("isCancelled", json!(true));
        }
        Dressing::ZoneLabel(label) => row.label = Some(label.clone()),
        Dressing::Ages => {
            let wall = |year, day| jiff::civil::date(year, 1, 1).at(day, 0, 0, 0);
            row.span.start = Moment { wall: wall(1, 0), zone: "UTC".to_owned() };
            row.span.end = Moment { wall: wall(9999, 23), zone: "UTC".to_owned() };
        }
        Dressing::Html(text) => set("body", html(text)),
        Dressing::Member(name, value) => set(name, value.clone()),
    }
}
