//! Writes: insert, import, patch, update, delete, move. What a guest would get mail for is noted.

use jiff::Timestamp;
use model::CalendarId;
use serde_json::{Value, json};

use super::answer;
use super::call::Call;
use super::draft::{Draft, heard, with_zone};
use super::failure::Failure;
use super::merge;
use super::quirks::{OnMove, Quirk, Touch};
use super::recurrence;
use super::state::{Calendar, ID_ALPHABET, Json, Role, Row, Service, Updated};
use crate::rest::Reply;
use crate::{Author, MailCause};

/// How short and long an id may be.
// quirk: google-18
const ID_LENGTH: std::ops::RangeInclusive<usize> = 5..=1024;

/// Fields that everybody has their own of; all others are the organizer's.
// quirk: google-61
const PERSONAL: &[&str] =
    &["reminders", "colorId", "transparency", "visibility", "extendedProperties", "eventLabelId"];

/// The fields of an event from a mail that can be written (Google, May 2024).
// quirk: google-65
const FROM_MAIL: &[&str] = &["reminders", "colorId", "visibility", "status", "extendedProperties"];

/// What a lock keeps.
// quirk: google-66
const LOCKED: &[&str] = &["summary", "description", "location", "start", "end", "recurrence"];

/// In what exceptions follow their series, where they do.
const FOLLOWING: &[&str] =
    &["summary", "description", "location", "transparency", "colorId", "reminders", "source"];

impl Service {
    pub(super) fn insert(&mut self, call: &Call<'_>) -> Result<Reply, Failure> {
        self.may_write(call)?;
        let mut said = heard(&call.body, call.parameters);
        for name in ["recurringEventId", "originalStartTime"] {
            if said.get(name).is_some_and(|value| !value.is_null()) {
                return Err(Failure::invalid(format!("Invalid value for: {name}")));
            }
        }
        said.remove("organizer");
        let text = |name: &str| said.get(name).and_then(Value::as_str).map(str::to_owned);
        let (given, uid) = (text("id"), text("iCalUID"));
        if given.is_some() && uid.is_some() {
            return Err(Failure::bad_request());
        }
        kind_may_be_made(text("eventType").as_deref())?;
        if text("status").as_deref() == Some("cancelled") {
            return Err(Failure::invalid("Invalid value for: status"));
        }
        let id = match given {
            Some(id) if is_id(&id) => id,
            Some(_) => return Err(Failure::resource_id()),
            None => self.fresh_id(),
        };
        let held = self.calendar(call)?;
        // quirk: google-19, google-20
        let is_taken = uid.as_deref().is_some_and(|uid| held.with_uid(uid).is_some());
        if held.rows.contains_key(&id) || is_taken {
            return Err(Failure::duplicate());
        }
        let uid = uid.unwrap_or_else(|| format!("{id}@google.com"));
        let mut event = said.clone();
        event.remove("id");
        event.insert("iCalUID".to_owned(), json!(uid));
        self.own(call, &mut event);
        let event = self.settled(call, event, &said)?;
        self.mail(call, &id, None, Some(&event));
        self.store(&call.calendar, &id, event, call.now, Updated::Moved);
        self.touch_later(call, &id);
        self.answer_row(call, &id)
    }

    /// What an event has that is made here.
    fn own(&self, call: &Call<'_>, event: &mut Json) {
        let address = self.accounts.get(&call.account).cloned().unwrap_or_default();
        event.entry("status").or_insert(json!("confirmed"));
        event.entry("sequence").or_insert(json!(0));
        event.entry("eventType").or_insert(json!("default"));
        event.entry("reminders").or_insert(json!({"useDefault": true}));
        event.insert("creator".to_owned(), json!({"email": address}));
        event.entry("organizer").or_insert(json!({"email": call.calendar}));
    }

    pub(super) fn import(&mut self, call: &Call<'_>) -> Result<Reply, Failure> {
        self.may_write(call)?;
        let said = heard(&call.body, call.parameters);
        // quirk: google-22
        if said.get("id").is_some_and(|id| !id.is_null()) {
            return Err(Failure::resource_id());
        }
        let uid = said.get("iCalUID").and_then(Value::as_str);
        let Some(uid) = uid.filter(|uid| !uid.is_empty()).map(str::to_owned) else {
            return Err(Failure::required("Missing iCalUID."));
        };
        // quirk: google-23
        let is_own = |person: &Value| person["email"] == *call.calendar;
        let guests = said.get("attendees").and_then(Value::as_array);
        let organizer = said.get("organizer").filter(|organizer| !organizer.is_null());
        let is_among = guests.into_iter().flatten().chain(organizer).any(is_own);
        if (guests.is_some_and(|guests| !guests.is_empty()) || organizer.is_some()) && !is_among {
            return Err(Failure::stranger());
        }
        let held = self.calendar(call)?;
        let (id, sequence) = match held.with_uid(&uid) {
            Some(row) if row.is_cancelled() => return Err(Failure::duplicate()),
            Some(row) => (row.id.clone(), row.event.get("sequence").cloned()),
            None => (self.fresh_id(), None),
        };
        // quirk: google-24
        let mut event = said.clone();
        event.insert("eventType".to_owned(), json!("default"));
        event.entry("sequence").or_insert(sequence.unwrap_or(json!(0)));
        if organizer.is_some_and(|organizer| !is_own(organizer)) {
            event.insert("privateCopy".to_owned(), json!(true));
        }
        self.own(call, &mut event);
        let event = self.settled(call, event, &said)?;
        self.store(&call.calendar, &id, event, call.now, Updated::Moved);
        self.touch_later(call, &id);
        self.answer_row(call, &id)
    }

    pub(super) fn patch(&mut self, call: &Call<'_>) -> Result<Reply, Failure> {
        self.may_write(call)?;
        let said = heard(&call.body, call.parameters);
        let row = self.target(call)?;
        self.if_match(call, &row)?;
        let mut event = row.event.clone();
        merge::patch(&mut event, &said);
        self.change(call, &row, event, &said)
    }

    /// PUT: what is not said is gone.
    // quirk: google-25
    pub(super) fn update(&mut self, call: &Call<'_>) -> Result<Reply, Failure> {
        self.may_write(call)?;
        let said = heard(&call.body, call.parameters);
        let row = self.target(call)?;
        self.if_match(call, &row)?;
        let mut event = said.clone();
        event.remove("id");
        let kept = ["iCalUID", "creator", "organizer", "eventType", "sequence", "locked"];
        for name in kept.iter().chain(&["recurringEventId", "originalStartTime", "privateCopy"]) {
            if let Some(value) = row.event.get(*name) {
                event.entry(*name).or_insert(value.clone());
            }
        }
        event.entry("status").or_insert(json!("confirmed"));
        event.entry("reminders").or_insert(json!({"useDefault": true}));
        let mut said = said;
        for name in row.event.keys() {
            if !event.contains_key(name) {
                said.entry(name.clone()).or_insert(Value::Null);
            }
        }
        for name in ["start", "end"] {
            said.entry(name).or_insert(Value::Null);
        }
        self.change(call, &row, event, &said)
    }

    /// Stores what a patch or an update makes of a row.
    fn change(
        &mut self,
        call: &Call<'_>,
        row: &Row,
        mut event: Json,
        said: &Json,
    ) -> Result<Reply, Failure> {
        self.may_change(call, row, &event, said)?;
        event.remove("id");
        // quirk: google-67
        let loosened = row.master().is_some() && loosens(row, &event);
        if loosened {
            let before = row.event.get("visibility").cloned().unwrap_or_default();
            event.insert("visibility".to_owned(), before);
        }
        let mut event = self.settled(call, event, said)?;
        if event.get("status") == Some(&json!("cancelled")) {
            return self.cancel(call, row, Some(event));
        }
        let moves = ["start", "end", "recurrence"].iter().any(|name| differs(row, &event, name));
        if moves && event.get("sequence") == row.event.get("sequence") {
            let next = row.event.get("sequence").and_then(Value::as_i64).unwrap_or(0) + 1;
            event.insert("sequence".to_owned(), json!(next));
        }
        let only_reminders = said.keys().all(|name| name == "reminders") && !said.is_empty();
        let updated = if only_reminders { Updated::Kept } else { Updated::Moved };
        self.mail(call, &row.id, Some(&row.event), Some(&event));
        let is_same = event == row.event && self.quirks.has(Quirk::QuietPatch);
        if !is_same {
            self.store(&call.calendar, &row.id, event.clone(), call.now, updated);
        }
        self.aftermath(call, row, &event);
        self.answer_row(call, &row.id)
    }

    /// What a change of one row does to others.
    fn aftermath(&mut self, call: &Call<'_>, row: &Row, event: &Json) {
        let is_series = event.contains_key("recurrence");
        // quirk: google-71 (what stays is of the kind that the series had)
        let moved = ["start", "recurrence"].iter().any(|name| differs(row, event, name));
        let resets = self.quirks.on_move == OnMove::Reset && differs(row, event, "start");
        let Some(held) = self.calendars.get_mut(&call.calendar) else { return };
        if row.is_series() && moved && (!is_series || resets) {
            held.rows.retain(|_, other| other.master() != Some(&row.id));
        }
        if row.is_series() && self.quirks.has(Quirk::ExceptionsFollow) {
            self.take_along(call, row, event);
        }
        let Some(held) = self.calendars.get_mut(&call.calendar) else { return };
        // quirk: google-67
        let visibility = event.get("visibility").cloned();
        let tightened = visibility.as_ref().is_some_and(|new| {
            *new != json!("public") && row.event.get("visibility") != visibility.as_ref()
        });
        let Some(master) = row.master().filter(|_| tightened).map(str::to_owned) else { return };
        let others: Vec<Row> = held.exceptions(&master).cloned().collect();
        for other in others.into_iter().chain(held.rows.get(&master).cloned()) {
            if other.id != row.id && !other.is_cancelled() {
                let mut event = other.event;
                event.insert("visibility".to_owned(), visibility.clone().unwrap_or_default());
                self.store(&call.calendar, &other.id, event, call.now, Updated::Moved);
            }
        }
    }

    /// Changes the exceptions of a series where they were as the series was.
    fn take_along(&mut self, call: &Call<'_>, row: &Row, event: &Json) {
        let Some(held) = self.calendars.get(&call.calendar) else { return };
        let exceptions: Vec<Row> = held.exceptions(&row.id).cloned().collect();
        for mut exception in exceptions.into_iter().filter(|row| !row.is_cancelled()) {
            let mut follows = false;
            for name in FOLLOWING.iter().filter(|name| differs(row, event, name)) {
                if exception.event.get(*name) == row.event.get(*name) {
                    follows = true;
                    match event.get(*name) {
                        Some(value) => exception.event.insert((*name).to_owned(), value.clone()),
                        None => exception.event.remove(*name),
                    };
                }
            }
            if follows {
                let (id, now) = (exception.id.clone(), call.now);
                self.store(&call.calendar, &id, exception.event, now, Updated::Moved);
            }
        }
    }

    pub(super) fn delete(&mut self, call: &Call<'_>) -> Result<Reply, Failure> {
        self.may_write(call)?;
        let row = self.target(call)?;
        // quirk: google-11
        if row.is_cancelled() {
            return Err(Failure::deleted());
        }
        self.if_match(call, &row)?;
        if row.master().is_some() && row.text("eventType") == "birthday" {
            return Err(Failure::bad_request());
        }
        self.cancel(call, &row, None)?;
        Ok(Reply::empty(204))
    }

    /// Deletes an event or a series, or cancels an occurrence.
    // quirk: google-42
    fn cancel(
        &mut self,
        call: &Call<'_>,
        row: &Row,
        event: Option<Json>,
    ) -> Result<Reply, Failure> {
        self.mail(call, &row.id, Some(&row.event), None);
        if row.master().is_some() {
            let mut event = event.unwrap_or_else(|| row.event.clone());
            event.insert("status".to_owned(), json!("cancelled"));
            self.store(&call.calendar, &row.id, event, call.now, Updated::Moved);
        } else {
            self.bury(&call.calendar, &row.id, call.now);
        }
        self.answer_row(call, &row.id)
    }

    /// Moves an event to another calendar; the row that stays behind is cancelled, and so says
    /// the answer.
    // quirk: google-62
    pub(super) fn relocate(&mut self, call: &Call<'_>) -> Result<Reply, Failure> {
        self.may_write(call)?;
        let row = self.target(call)?;
        self.if_match(call, &row)?;
        if row.master().is_some() {
            let reason = "cannotChangeOrganizerOfInstance";
            return Err(Failure::because(reason, "Cannot change the organizer of an instance."));
        }
        if row.text("eventType") != "default" {
            return Err(kind_refused());
        }
        let asked = call.parameters.get("destination").unwrap_or_default();
        let destination = self.calendar_id(&call.account, asked);
        if self.role(&call.account, &destination) < Role::Writer {
            return Err(Failure::not_found());
        }
        let is_there = |held: &Calendar| held.rows.contains_key(&row.id);
        if self.calendars.get(&destination).is_some_and(is_there) {
            return Err(Failure::duplicate());
        }
        let mut event = row.event.clone();
        event.insert("organizer".to_owned(), json!({"email": destination}));
        self.store(&destination, &row.id, event, call.now, Updated::Moved);
        self.note(&destination, &row.id, Author::Client, call.now);
        self.cancel(call, &row, None)
    }

    /// The row that a write is about: an occurrence that nobody has changed yet is as its series
    /// gives it.
    fn target(&mut self, call: &Call<'_>) -> Result<Row, Failure> {
        let id = call.route.event();
        let held = self.calendar(call)?;
        let row = held.find(id).ok_or_else(Failure::not_found)?;
        Ok(self.met(held, row))
    }

    // quirk: google-44, google-46, google-47
    fn if_match(&self, call: &Call<'_>, row: &Row) -> Result<(), Failure> {
        match call.header("if-match") {
            None | Some("*") => Ok(()),
            Some(etag) if etag == row.etag() => Ok(()),
            Some(_) => Err(Failure::stale()),
        }
    }

    /// Whether the account may write in the calendar at all.
    fn may_write(&self, call: &Call<'_>) -> Result<(), Failure> {
        match self.role(&call.account, &call.calendar) {
            // quirk: google-12
            Role::None => Err(Failure::not_found()),
            Role::FreeBusyReader | Role::Reader => Err(Failure::no_writer()),
            Role::Writer | Role::Owner => {
                // quirk: google-50
                let until = self.over_quota.get(&call.account);
                let is_over = until.is_some_and(|until| call.now < *until);
                if is_over { Err(Failure::quota()) } else { Ok(()) }
            }
        }
    }

    /// Whether the row may be made into `event`.
    fn may_change(
        &self,
        call: &Call<'_>,
        row: &Row,
        event: &Json,
        said: &Json,
    ) -> Result<(), Failure> {
        let immutable =
            ["iCalUID", "eventType", "recurringEventId", "originalStartTime", "organizer"];
        for name in immutable {
            let same = match (said.get(name), name) {
                (None | Some(Value::Null), _) => true,
                (Some(_), "organizer") => true,
                (Some(given), "originalStartTime") => *given == row.event[name],
                (Some(given), _) => Some(given) == row.event.get(name),
            };
            if !same {
                return Err(Failure::invalid(format!("Invalid value for: {name}")));
            }
        }
        if said.get("id").is_some_and(|id| *id != json!(row.id)) {
            return Err(Failure::resource_id());
        }
        // quirk: google-28
        if row.master().is_some() && call.body.contains_key("recurrence") {
            return Err(Failure::invalid("Recurrence can't be set on an instance."));
        }
        // quirk: google-48
        let number = |event: &Json| event.get("sequence").and_then(Value::as_i64).unwrap_or(0);
        if number(event) < number(&row.event) {
            let message = "Invalid sequence value. The specified sequence number is below the \
                           current sequence number of the resource.";
            return Err(Failure::invalid(message));
        }
        let revives = event.get("status") != Some(&json!("cancelled"));
        if row.is_cancelled() && !revives {
            return Err(Failure::forbidden());
        }
        let changes = |name: &&String| row.event.get(*name) != event.get(*name);
        let changed: Vec<&String> = said.keys().filter(changes).collect();
        let only = |allowed: &[&str]| changed.iter().all(|name| allowed.contains(&name.as_str()));
        let is_locked = row.event.get("locked") == Some(&json!(true));
        if is_locked && changed.iter().any(|name| LOCKED.contains(&name.as_str())) {
            return Err(Failure::forbidden());
        }
        match row.text("eventType") {
            "default" | "" => {}
            "fromGmail" if only(FROM_MAIL) => {}
            "birthday" if only(&["summary", "colorId", "reminders"]) => {}
            _ => return Err(kind_refused()),
        }
        let is_own = row.event["organizer"]["email"] == *call.calendar;
        if is_own || only(PERSONAL) { Ok(()) } else { Err(Failure::not_organizer()) }
    }

    fn settled(&self, call: &Call<'_>, event: Json, said: &Json) -> Result<Json, Failure> {
        let quirks = &self.quirks;
        let draft = Draft { event, said, quirks };
        let mut event = draft.settled()?;
        if let Some(held) = self.calendars.get(&call.calendar) {
            with_zone(&mut event, &held.zone, quirks);
        }
        Ok(event)
    }

    // quirk: google-45
    fn touch_later(&mut self, call: &Call<'_>, id: &str) {
        let touch = self.quirks.touch;
        let Some(held) = self.calendars.get_mut(&call.calendar) else { return };
        let is_series = held.rows.get(id).is_some_and(Row::is_series);
        let is_touched = match touch {
            Touch::Never => false,
            Touch::Series => is_series,
            Touch::Every => true,
        };
        if is_touched {
            held.restless = Some(id.to_owned());
        }
    }

    /// The answer to a write, and the deed that it was.
    fn answer_row(&mut self, call: &Call<'_>, id: &str) -> Result<Reply, Failure> {
        self.note(&call.calendar, id, Author::Client, call.now);
        let held = self.calendar(call)?;
        let row = held.rows.get(id).ok_or_else(Failure::not_found)?;
        let shown = self.view(call, held).whole(held, row);
        Ok(answer::json(200, &shown).header("ETag", row.etag()))
    }

    /// Notes the mail that guests would get.
    // quirk: google-63
    fn mail(&mut self, call: &Call<'_>, id: &str, old: Option<&Json>, new: Option<&Json>) {
        let wants = call.parameters.get("sendUpdates").map(str::to_owned);
        if wants.as_deref() == Some("none") && !call.parameters.is_true("sendNotifications") {
            return;
        }
        let guests = |event: Option<&Json>| {
            let all = event.and_then(|event| event.get("attendees")).and_then(Value::as_array);
            let others = all
                .into_iter()
                .flatten()
                .filter(|guest| guest["email"] != *call.calendar && guest["resource"] != true);
            others.filter_map(|guest| guest["email"].as_str().map(str::to_owned)).collect()
        };
        let (before, after): (Vec<String>, Vec<String>) = (guests(old), guests(new));
        let cause = if after.iter().any(|guest| !before.contains(guest)) {
            MailCause::PeopleWritten
        } else if before.is_empty() {
            return;
        } else if new.is_none() {
            MailCause::MeetingDeleted
        } else {
            MailCause::MeetingChanged
        };
        self.mails.push((CalendarId::new(&call.calendar), id.to_owned(), cause));
    }

    /// Notes what was done to an event, for checkers.
    pub(super) fn note(&mut self, calendar: &str, id: &str, author: Author, at: Timestamp) {
        let Some(held) = self.calendars.get(calendar) else { return };
        let master = held.rows.get(id).and_then(Row::master);
        let master = master.filter(|master| held.rows.contains_key(*master));
        let master = master.unwrap_or(id).to_owned();
        let uid = held.rows.get(&master).map_or("", |row| row.text("iCalUID")).to_owned();
        let raw = super::render::series(held, &master).map(String::into_bytes);
        self.deeds.push(super::state::Done {
            at,
            calendar: CalendarId::new(calendar),
            id: master,
            uid,
            author,
            raw,
        });
    }
}

impl Calendar {
    /// A row, or the occurrence of a series that an id names.
    pub(super) fn find(&self, id: &str) -> Option<Row> {
        if let Some(row) = self.rows.get(id) {
            return Some(row.clone());
        }
        let (master, original) = recurrence::split_id(id)?;
        let master = self.rows.get(master)?;
        if master.is_cancelled() || !master.is_series() {
            return None;
        }
        let (start, end) = recurrence::at(master, &original, &self.time_zone())?;
        Some(recurrence::instance(master, &start, &end))
    }
}

// quirk: google-18
fn is_id(id: &str) -> bool {
    ID_LENGTH.contains(&id.len()) && id.bytes().all(|byte| ID_ALPHABET.contains(&byte))
}

// quirk: google-65
fn kind_may_be_made(kind: Option<&str>) -> Result<(), Failure> {
    match kind {
        None | Some("default") => Ok(()),
        Some("workingLocation") => {
            let reason = "malformedWorkingLocationEvent";
            Err(Failure::because(reason, "A working location event must be well-formed."))
        }
        Some(_) => Err(kind_refused()),
    }
}

fn kind_refused() -> Failure {
    Failure::because("eventTypeRestriction", "The event type can't be changed in this way.")
}

fn differs(row: &Row, event: &Json, name: &str) -> bool {
    row.event.get(name) != event.get(name)
}

/// Whether an instance would become more visible than its series.
fn loosens(row: &Row, event: &Json) -> bool {
    let rank = |value: Option<&Value>| match value.and_then(Value::as_str) {
        Some("private" | "confidential") => 2,
        Some("public") => 0,
        _ => 1,
    };
    rank(event.get("visibility")) < rank(row.event.get("visibility"))
}
