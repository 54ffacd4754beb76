//! Writes: create, change, delete; of events, series, and single occurrences.
//!
//! What anybody would get mail for is noted; there is no way to keep Exchange from sending it.

use jiff::civil::Date;
use model::CalendarId;
use serde_json::{Value, json};

use super::call::Call;
use super::draft;
use super::failure::Failure;
use super::ids::Name;
use super::quirks::Quirk;
use super::recurrence;
use super::route::Which;
use super::schema;
use super::show::Item;
use super::state::{Exception, Json, Row, Series, Service};
use super::times::Span;
use crate::faults::Fault;
use crate::rest::Reply;
use crate::{Author, MailCause};

/// Members that are one's own: nobody is told when they change.
const PRIVATE: &[&str] = &[
    "isReminderOn",
    "reminderMinutesBeforeStart",
    "categories",
    "showAs",
    "sensitivity",
    "importance",
    "singleValueExtendedProperties",
];

impl Service {
    /// What a client said, less what is the server's; what no client should say is noted.
    // quirk: microsoft-21, microsoft-53
    fn heard(&mut self, call: &Call<'_>) -> Result<Json, Failure> {
        let mut said = call.body.clone();
        said.retain(|name, _| !name.starts_with('@'));
        let mut wrong = |what: String| {
            self.violations.push(format!("{} {}: {what}", call.ask.method, call.ask.path));
        };
        for name in said.keys().filter(|name| schema::is_read_only(name)) {
            wrong(format!("{name} is read-only"));
        }
        said.retain(|name, _| !schema::is_read_only(name));
        if said.contains_key("attendees") {
            wrong("attendees are written".to_owned());
        }
        let text = String::from_utf8_lossy(&call.ask.body);
        // quirk: microsoft-39
        if self.quirks.has(Quirk::RangeFirstRefused)
            && let (Some(pattern), Some(range)) = (text.find("\"pattern\""), text.find("\"range\""))
            && range < pattern
        {
            return Err(Failure::unreadable());
        }
        Ok(said)
    }

    /// Whether a calendar takes writes.
    // quirk: microsoft-50, microsoft-59
    fn may_write(&mut self, calendar: &str) -> Result<(), Failure> {
        let Some(held) = self.calendars.get(calendar) else { return Err(Failure::not_found()) };
        if held.is_broken {
            return Err(Failure::transient(503));
        }
        if !held.can_edit {
            return Err(Failure::denied());
        }
        self.writes += 1;
        if self.writes.is_multiple_of(7) && self.quirks.has(Quirk::RandomConflicts) {
            return Err(Failure::stale());
        }
        Ok(())
    }

    /// Whether what the write is conditional on holds.
    // quirk: microsoft-51
    fn if_match(&self, call: &Call<'_>, item: Item<'_>) -> Result<(), Failure> {
        let is_loose = item.slot.is_some() && self.quirks.has(Quirk::LooseOccurrences);
        match call.ask.header("if-match") {
            Some(wanted) if !is_loose && wanted != "*" && wanted != item.etag() => {
                Err(Failure::stale())
            }
            Some(_) | None => Ok(()),
        }
    }

    pub(super) fn create(&mut self, call: &Call<'_>, which: &Which) -> Result<Reply, Failure> {
        let calendar = self.calendar(&call.account, which)?.id.clone();
        self.may_write(&calendar)?;
        let said = self.heard(call)?;
        let transaction = said.get("transactionId").and_then(Value::as_str).map(str::to_owned);
        if transaction.as_ref().is_some_and(|id| id.is_empty() || id.len() > draft::LONGEST) {
            return Err(Failure::property());
        }
        // quirk: microsoft-22
        if let Some(key) = transaction.as_deref().and_then(|id| self.made_by(&call.account, id)) {
            if self.quirks.has(Quirk::TransactionsRefused) {
                return Err(Failure::duplicate());
            }
            return Ok(self.event_answer(call, 201, Name { key, slot: None, moves: 0 }));
        }
        let mut row = self.fresh_row(&calendar, draft::span(None, &said)?, call.now);
        row.transaction = transaction;
        draft::apply(&mut row.event, &said)?;
        draft::properties(&mut row.properties, &said)?;
        if let Some(value) = said.get("recurrence").filter(|value| !value.is_null()) {
            recur(&mut row, value)?;
        }
        row.lag = match call.fault {
            Some(Fault::Lag(rounds)) => rounds,
            // quirk: microsoft-70
            _ => self.quirks.lag,
        };
        if !people(&row.event).is_empty() {
            self.mail(&row, MailCause::PeopleWritten);
        }
        let key = row.key;
        self.store(row, call.now);
        self.after_write(call, key);
        let reply = self.event_answer(call, 201, Name::master(key, 0));
        let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        let id = body["id"].as_str().unwrap_or_default();
        let location =
            format!("{}/v1.0/me/calendars('{calendar}')/events('{id}')", call.ask.origin);
        Ok(reply.header("Location", location))
    }

    /// The event that a transaction made, if it is there.
    fn made_by(&self, account: &str, transaction: &str) -> Option<u64> {
        let is_own = |row: &&Row| {
            self.calendars.get(&row.calendar).is_some_and(|held| held.account == account)
        };
        let made = |row: &&Row| row.transaction.as_deref() == Some(transaction) && !row.is_gone;
        self.rows.values().filter(is_own).find(made).map(|row| row.key)
    }

    /// A row of which nothing was said but when it is.
    pub(super) fn fresh_row(&mut self, calendar: &str, span: Span, now: jiff::Timestamp) -> Row {
        Row {
            key: self.fresh_key(),
            calendar: calendar.to_owned(),
            moves: 0,
            event: draft::blank(),
            span,
            label: None,
            series: None,
            properties: std::collections::BTreeMap::new(),
            uid: self.fresh_uid(),
            transaction: None,
            stamps: self.stamps(now, None),
            revision: 0,
            is_gone: false,
            theirs: None,
            lag: 0,
        }
    }

    fn after_write(&mut self, call: &Call<'_>, key: u64) {
        self.note(key, Author::Client, call.now);
        if self.quirks.has(Quirk::RestlessKeys) {
            self.restless = Some(key);
        }
    }

    pub(super) fn change(
        &mut self,
        call: &Call<'_>,
        which: &Which,
        id: &str,
    ) -> Result<Reply, Failure> {
        let name = self.target(call, which, id)?;
        let row = self.rows.get(&name.key).cloned().ok_or_else(Failure::not_found)?;
        self.may_write(&row.calendar)?;
        let said = self.heard(call)?;
        if said.contains_key("transactionId") {
            return Err(Failure::property());
        }
        self.if_match(call, Item { row: &row, slot: name.slot })?;
        let before = people(&row.event);
        let mut after = row;
        match name.slot {
            None => self.change_row(&mut after, &said)?,
            Some(slot) => self.change_occurrence(&mut after, slot, &said, call.now)?,
        }
        if people(&after.event) != before {
            self.mail(&after, MailCause::PeopleWritten);
        } else if is_organized(&after) && said.keys().any(|name| !PRIVATE.contains(&&**name)) {
            self.mail(&after, MailCause::MeetingChanged);
        }
        let touches = name.slot.is_none() || self.quirks.has(Quirk::ExceptionsTouchMaster);
        if touches {
            self.store(after, call.now)
        } else {
            self.keep(after)
        }
        self.after_write(call, name.key);
        Ok(self.event_answer(call, 200, name))
    }

    /// A change of a single event or of a whole series.
    pub(super) fn change_row(&self, row: &mut Row, said: &Json) -> Result<(), Failure> {
        draft::apply(&mut row.event, said)?;
        draft::properties(&mut row.properties, said)?;
        let before = row.span.clone();
        row.span = draft::span(Some(&before), said)?;
        let is_moved = row.span.start != before.start || row.span.is_all_day != before.is_all_day;
        match (said.get("recurrence"), row.series.clone()) {
            (Some(Value::Null), _) => row.series = None,
            // quirk: microsoft-42
            (Some(value), held) => {
                recur(row, value)?;
                if let (Some(held), true) = (held, self.quirks.has(Quirk::ExceptionsStay)) {
                    keep_exceptions(row, held);
                }
            }
            (None, Some(mut held)) if is_moved || row.span != before => {
                let zone = &held.zone;
                let start = if row.span.is_all_day {
                    row.span.start.wall
                } else {
                    row.span.start.wall_in(zone)
                };
                held.pattern.start = start.date();
                let written =
                    recurrence::Written { pattern: held.pattern.clone(), zone: held.zone.clone() };
                row.span = recurrence::settled(&row.span, &written)?;
                if is_moved && !self.quirks.has(Quirk::ExceptionsStay) {
                    held.exceptions.clear();
                    held.cancelled.clear();
                }
                row.series = Some(held);
            }
            (None, _) => {}
        }
        if is_moved {
            row.label = None;
        }
        Ok(())
    }

    /// A change of one occurrence, which is an exception from then on.
    pub(super) fn change_occurrence(
        &mut self,
        row: &mut Row,
        slot: Date,
        said: &Json,
        now: jiff::Timestamp,
    ) -> Result<(), Failure> {
        if said.get("recurrence").is_some_and(|value| !value.is_null()) {
            return Err(Failure::invalid("An occurrence can't have a recurrence."));
        }
        let item = Item { row, slot: Some(slot) };
        let (whole, before) = (item.event(), item.span());
        let span = draft::span(Some(&before), said)?;
        if span != before {
            may_stand(row, slot, &span)?;
        }
        let mut event = whole.clone();
        draft::apply(&mut event, said)?;
        let created = row.exception(slot).map(|one| one.stamps.created);
        let stamps = self.stamps(now, created);
        let Some(series) = &mut row.series else { return Err(Failure::not_found()) };
        let exception = series.exceptions.entry(slot).or_insert_with(|| Exception {
            event: Json::new(),
            span: span.clone(),
            properties: std::collections::BTreeMap::new(),
            stamps: stamps.clone(),
        });
        draft::properties(&mut exception.properties, said)?;
        exception.stamps = stamps;
        exception.span = span;
        // What differs from before is the exception's own from now on.
        let own = event.into_iter().filter(|(name, value)| whole.get(name) != Some(value));
        exception.event.extend(own);
        Ok(())
    }

    pub(super) fn delete(
        &mut self,
        call: &Call<'_>,
        which: &Which,
        id: &str,
    ) -> Result<Reply, Failure> {
        // quirk: microsoft-73
        let name = self.target(call, which, id)?;
        let row = self.rows.get(&name.key).cloned().ok_or_else(Failure::not_found)?;
        self.may_write(&row.calendar)?;
        self.if_match(call, Item { row: &row, slot: name.slot })?;
        if is_organized(&row) {
            self.mail(&row, MailCause::MeetingDeleted);
        }
        self.bury(name, call.now);
        self.after_write(call, name.key);
        Ok(Reply::empty(204))
    }

    /// Deletes an event, a series, or one occurrence.
    // quirk: microsoft-2
    pub(super) fn bury(&mut self, name: Name, now: jiff::Timestamp) {
        let Some(mut row) = self.rows.get(&name.key).cloned() else { return };
        let Some(slot) = name.slot else {
            row.is_gone = true;
            return self.store(row, now);
        };
        if let Some(series) = &mut row.series {
            let was_changed = series.exceptions.remove(&slot).is_some();
            series.cancelled.insert(slot);
            if was_changed && self.quirks.has(Quirk::ExceptionTombstones) {
                let gone = (row.calendar.clone(), row.name(Some(slot)), self.revision + 1);
                self.departed.push(gone);
            }
        }
        if self.quirks.has(Quirk::ExceptionsTouchMaster) {
            self.store(row, now);
        } else {
            self.keep(row);
        }
    }

    // quirk: microsoft-53
    fn mail(&mut self, row: &Row, cause: MailCause) {
        self.mails.push((CalendarId::new(row.calendar.clone()), row.uid.clone(), cause));
    }
}

/// Makes a series of an event, without exceptions.
pub(super) fn recur(row: &mut Row, value: &Value) -> Result<(), Failure> {
    let written = recurrence::read(value, &row.span)?;
    row.span = recurrence::settled(&row.span, &written)?;
    row.series = Some(Series {
        pattern: written.pattern,
        zone: written.zone,
        exceptions: std::collections::BTreeMap::new(),
        cancelled: std::collections::BTreeSet::new(),
    });
    Ok(())
}

fn keep_exceptions(row: &mut Row, held: Series) {
    if let Some(series) = &mut row.series {
        series.exceptions = held.exceptions;
        series.cancelled = held.cancelled;
    }
}

/// An occurrence stays between the days of its neighbours, also of deleted ones.
// quirk: microsoft-41
fn may_stand(row: &Row, slot: Date, span: &Span) -> Result<(), Failure> {
    let Some(series) = &row.series else { return Err(Failure::not_found()) };
    let far = slot.checked_add(jiff::Span::new().years(20)).unwrap_or(Date::MAX);
    let days = series.pattern.days(far);
    let at = days.iter().position(|day| *day == slot).ok_or_else(Failure::not_found)?;
    let wall = |span: &Span, moment: &super::times::Moment| {
        if span.is_all_day { moment.wall } else { moment.wall_in(&series.zone) }
    };
    let start = wall(span, &span.start);
    let end = wall(span, &span.end);
    let before = at.checked_sub(1).and_then(|at| days.get(at)).map(|day| row.placed(*day));
    let after = days.get(at + 1).map(|day| row.placed(*day));
    let is_early = before.is_some_and(|other| {
        start.date() <= wall(&other, &other.start).date() || start < wall(&other, &other.end)
    });
    let is_late = after.is_some_and(|other| {
        start.date() >= wall(&other, &other.start).date() || end > wall(&other, &other.start)
    });
    if is_early || is_late { Err(Failure::crossing()) } else { Ok(()) }
}

/// The addresses of those who are invited.
fn people(event: &Json) -> Vec<Value> {
    let all = event.get("attendees").and_then(Value::as_array).cloned().unwrap_or_default();
    all.into_iter().map(|one| one["emailAddress"]["address"].clone()).collect()
}

/// Whether others get a mail when it changes.
fn is_organized(row: &Row) -> bool {
    row.event.get("isOrganizer") == Some(&json!(true)) && !people(&row.event).is_empty()
}
