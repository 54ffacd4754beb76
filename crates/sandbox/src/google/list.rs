//! Listings of events: whole, or what changed since a sync token; by page.
//!
//! A listing is a snapshot of ids. Pages are cut before anything is filtered, so one can be short
//! or empty; the order has nothing to do with time, and exceptions come before their masters.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::answer;
use super::call::Call;
use super::discovery::Parameters;
use super::failure::Failure;
use super::paging::{self, Snapshot};
use super::quirks::Quirk;
use super::recurrence;
use super::show::{self, span};
use super::state::{Calendar, Row, Service};
use crate::faults::Fault;
use crate::rest::Reply;

/// What must not be sent with a sync token.
// quirk: google-13
const NOT_WITH_TOKEN: &[&str] = &[
    "iCalUID",
    "orderBy",
    "privateExtendedProperty",
    "q",
    "sharedExtendedProperty",
    "timeMin",
    "timeMax",
    "updatedMin",
];

/// With one of these on the first request there is no sync token on the last page.
// quirk: google-15
const NO_TOKEN: &[&str] =
    &["orderBy", "q", "iCalUID", "privateExtendedProperty", "sharedExtendedProperty", "updatedMin"];

/// Items on a page where nothing is asked for (discovery document).
const PAGE: usize = 250;

/// How long ago `updatedMin` may be.
const RETENTION: jiff::SignedDuration = jiff::SignedDuration::from_hours(28 * 24);

/// A listing that goes on: since when, and what is left of it.
struct Pass {
    snapshot: usize,
    offset: usize,
}

impl Service {
    pub(super) fn list(&mut self, call: &Call<'_>) -> Result<Reply, Failure> {
        let since = self.since(call)?;
        let pass = match call.parameters.get("pageToken") {
            Some(token) => {
                let parameters = call.parameters.without(&["pageToken"]);
                let (snapshot, offset) = self.page(token, &self.of(call), &parameters)?;
                Pass { snapshot, offset }
            }
            None => Pass { snapshot: self.begin(call, since)?, offset: 0 },
        };
        let asked = call.parameters.get("maxResults").and_then(|most| most.parse().ok());
        let size = asked.unwrap_or(PAGE).min(self.quirks.largest_page).max(1);
        let page = self.one_page(call, &pass, size, since.is_some())?;
        Ok(answer::json(200, &page))
    }

    fn of(&self, call: &Call<'_>) -> String {
        format!("{}|{}|{}", call.account, call.calendar, call.route.event())
    }

    /// The revision that the sync token of a call says.
    fn since(&mut self, call: &Call<'_>) -> Result<Option<u64>, Failure> {
        let parameters = call.parameters;
        self.bounds(call)?;
        let Some(token) = parameters.get("syncToken") else { return Ok(None) };
        let is_apart = |name: &&&str| parameters.get(name).is_some();
        if NOT_WITH_TOKEN.iter().any(|name| is_apart(&name))
            || parameters.get("showDeleted") == Some("false")
        {
            return Err(Failure::bad_request());
        }
        let held = self.calendar(call)?;
        let place = paging::read_sync_token(token, held, &call.account)?;
        // quirk: google-14
        if place.frozen != paging::frozen(parameters) {
            let what = format!("a sync token with other parameters: {}", call.ask.query);
            self.violations.push(what);
            return Err(Failure::bad_request());
        }
        if call.fault == Some(Fault::CursorExpired) {
            return Err(Failure::full_sync());
        }
        if parameters.get("pageToken").is_none() && self.is_worn(call, token) {
            return Err(Failure::full_sync());
        }
        let since = if call.fault == Some(Fault::SilentFull) { 0 } else { place.revision };
        Ok(Some(since))
    }

    /// Counts the use of a token; whether it was used too often.
    // quirk: google-9
    fn is_worn(&mut self, call: &Call<'_>, token: &str) -> bool {
        let limit = self.quirks.token_uses;
        let Some(held) = self.calendars.get_mut(&call.calendar) else { return false };
        let uses = held.uses.entry(token.to_owned()).or_default();
        *uses += 1;
        limit.is_some_and(|limit| *uses > limit)
    }

    /// Refuses bounds that make no sense.
    fn bounds(&self, call: &Call<'_>) -> Result<(), Failure> {
        let parameters = call.parameters;
        let (from, until) = (time(parameters, "timeMin"), time(parameters, "timeMax"));
        if from.zip(until).is_some_and(|(from, until)| from >= until) {
            return Err(Failure::empty_range());
        }
        let order = parameters.get("orderBy");
        if order == Some("startTime") && !parameters.is_true("singleEvents") {
            return Err(Failure::bad_request());
        }
        let least = time(parameters, "updatedMin");
        if least.is_some_and(|least| call.now.duration_since(least) > RETENTION) {
            return Err(Failure::too_long_ago());
        }
        Ok(())
    }

    /// A new listing; the number of its snapshot.
    fn begin(&mut self, call: &Call<'_>, since: Option<u64>) -> Result<usize, Failure> {
        let held = self.calendar(call)?;
        let rows = held.rows.values().filter(|row| since.is_none_or(|since| row.revision > since));
        let mut rows: Vec<&Row> = rows.collect();
        // quirk: google-4
        rows.sort_by_key(|row| (row.master().is_none(), scattered(&row.id), row.id.clone()));
        if call.parameters.get("orderBy") == Some("startTime") {
            let zone = held.time_zone();
            rows.sort_by_key(|row| row.moment("start").map(|start| start.instant(&zone)));
        } else if call.parameters.get("orderBy") == Some("updated") {
            rows.sort_by_key(|row| row.updated);
        }
        let mut ids: Vec<String> = rows.into_iter().map(|row| row.id.clone()).collect();
        // quirk: google-74
        let former = held.former.iter().filter(|(_, told)| since.is_some_and(|at| **told > at));
        ids.extend(former.map(|(id, _)| id.clone()).filter(|id| !held.rows.contains_key(id)));
        let revision = held.revision;
        let parameters = call.parameters.without(&["pageToken"]);
        // An empty list that says, in good order, that there is nothing.
        let ids = if call.fault == Some(Fault::EmptyListing) { Vec::new() } else { ids };
        Ok(self.keep(Snapshot { of: self.of(call), parameters, ids, revision }))
    }

    fn one_page(
        &mut self,
        call: &Call<'_>,
        pass: &Pass,
        size: usize,
        is_delta: bool,
    ) -> Result<Value, Failure> {
        let held = self.calendar(call)?;
        let snapshot = &self.snapshots[pass.snapshot];
        // quirk: google-2
        let (skipped, is_blank) = blank_page(pass.offset, size, self.quirks.has(Quirk::EmptyPage));
        let from = skipped.min(snapshot.ids.len());
        let until = if is_blank { from } else { (from + size).min(snapshot.ids.len()) };
        let is_last = until >= snapshot.ids.len() && !is_blank;
        let mut ids: Vec<&String> = snapshot.ids[from..until].iter().collect();
        // quirk: google-3
        let twice = held.rows.values().filter(|row| row.revision > snapshot.revision);
        if is_last && pass.offset > 0 && self.quirks.has(Quirk::ListedTwice) {
            ids.extend(twice.map(|row| &row.id));
        }
        let mut items = Vec::new();
        for id in ids {
            match held.rows.get(id) {
                Some(row) => items.extend(self.shown(call, held, row, is_delta)),
                None if held.former.contains_key(id) => items.push(show::bare(id)),
                None => {}
            }
        }
        let mut page = self.page_head(call, held);
        page["items"] = json!(items);
        // quirk: google-1
        if !is_last {
            let next = if is_blank { BLANK + from } else { until };
            page["nextPageToken"] = json!(paging::page_token(pass.snapshot, next));
        } else if NO_TOKEN.iter().all(|name| call.parameters.get(name).is_none()) {
            let frozen = paging::frozen(call.parameters);
            let token = paging::sync_token(held, &call.account, snapshot.revision, frozen);
            page["nextSyncToken"] = json!(token);
        }
        Ok(page)
    }

    /// What every page says of the calendar.
    fn page_head(&self, call: &Call<'_>, held: &Calendar) -> Value {
        let role = self.role(&call.account, &call.calendar).name();
        let updated = held.rows.values().map(|row| row.updated).max().unwrap_or(call.now);
        json!({
            "kind": "calendar#events", "etag": format!("\"p{}\"", held.revision),
            "summary": held.summary, "updated": super::times::stamp(updated),
            "timeZone": held.zone, "accessRole": role,
            "defaultReminders": held.default_reminders,
        })
    }

    /// What a listing shows of a row: nothing, itself, or its instances.
    // quirk: google-16 (nothing tells whose write it was)
    fn shown(&self, call: &Call<'_>, held: &Calendar, row: &Row, is_delta: bool) -> Vec<Value> {
        let parameters = call.parameters;
        let deleted = is_delta || parameters.is_true("showDeleted");
        if row.is_cancelled() && !is_delta && !self.shows_cancelled(held, row, deleted) {
            return Vec::new();
        }
        if !self.is_wanted(call, held, row, is_delta) {
            return Vec::new();
        }
        let view = self.view(call, held);
        if !parameters.is_true("singleEvents") || !row.is_series() || row.is_cancelled() {
            return vec![view.listed(held, row)];
        }
        self.instances_of(call, held, row).iter().map(|row| view.listed(held, row)).collect()
    }

    /// Whether a full listing shows a cancelled row.
    fn shows_cancelled(&self, held: &Calendar, row: &Row, deleted: bool) -> bool {
        match row.master() {
            // quirk: google-7
            Some(master) => held.rows.get(master).is_none_or(|master| !master.is_cancelled()),
            // quirk: google-20
            None if deleted => !self.quirks.has(Quirk::HiddenTombstones),
            // quirk: google-8
            None => row.is_series() && self.quirks.has(Quirk::CancelledMasters),
        }
    }

    /// Whether the filters of a full listing let a row through.
    fn is_wanted(&self, call: &Call<'_>, held: &Calendar, row: &Row, is_delta: bool) -> bool {
        let parameters = call.parameters;
        // quirk: google-65
        let kinds = parameters.all("eventTypes");
        let kind = row.event.get("eventType").and_then(Value::as_str).unwrap_or("default");
        if !kinds.is_empty() && !kinds.iter().any(|wanted| wanted == kind) {
            return false;
        }
        if is_delta {
            return true;
        }
        if let Some(uid) = parameters.get("iCalUID") {
            let is_bare = row.is_cancelled() && row.master().is_some();
            let is_missed = is_bare && self.quirks.has(Quirk::UidMissesCancelled);
            if row.text("iCalUID") != uid || is_missed {
                return false;
            }
        }
        let marks = [("private", "privateExtendedProperty"), ("shared", "sharedExtendedProperty")];
        for (kind, name) in marks {
            let wanted = parameters.all(name);
            let has = |pair: &String| {
                let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                let held = row.event.get("extendedProperties");
                held.is_some_and(|held| held[kind][key] == value)
            };
            if !wanted.is_empty() && !wanted.iter().any(has) {
                return false;
            }
        }
        let least = time(parameters, "updatedMin");
        if least.is_some_and(|least| row.updated < least) {
            return false;
        }
        if parameters.get("q").is_some_and(|words| !speaks_of(row, words)) {
            return false;
        }
        let (from, until) = (time(parameters, "timeMin"), time(parameters, "timeMax"));
        if from.is_none() && until.is_none() {
            return true;
        }
        let Some((start, end)) = span(&row.event) else { return false };
        let zone = held.time_zone();
        if row.is_series() {
            let window = window(from, until);
            return !recurrence::within(row, window, &zone).is_empty();
        }
        from.is_none_or(|from| end.instant(&zone) > from)
            && until.is_none_or(|until| start.instant(&zone) < until)
    }

    /// The instances of a series in the window of a call, less those that have rows.
    fn instances_of(&self, call: &Call<'_>, held: &Calendar, master: &Row) -> Vec<Row> {
        let window = window(time(call.parameters, "timeMin"), time(call.parameters, "timeMax"));
        let found = recurrence::within(master, window, &held.time_zone()).into_iter();
        let plain = found.map(|(start, end)| recurrence::instance(master, &start, &end));
        plain.filter(|row| !held.rows.contains_key(&row.id)).collect()
    }

    pub(super) fn get(&self, call: &Call<'_>) -> Result<Reply, Failure> {
        let held = self.calendar(call)?;
        let row = held.find(call.route.event()).ok_or_else(Failure::not_found)?;
        let row = self.met(held, row);
        if call.header("if-none-match").is_some_and(|etag| etag == row.etag()) {
            return Ok(Reply::empty(304).header("ETag", row.etag()));
        }
        let shown = self.view(call, held).whole(held, &row);
        Ok(answer::json(200, &shown).header("ETag", row.etag()))
    }

    /// The instances of a series, those that have rows among them.
    pub(super) fn instances(&mut self, call: &Call<'_>) -> Result<Reply, Failure> {
        self.bounds(call)?;
        let held = self.calendar(call)?;
        let asked = held.find(call.route.event()).ok_or_else(Failure::not_found)?;
        let mut rows = Vec::new();
        if asked.is_series() && !asked.is_cancelled() {
            let plain = self.instances_of(call, held, &asked).into_iter();
            rows.extend(plain.map(|row| self.met(held, row)));
            let (from, until) = bounds_of(call);
            let zone = held.time_zone();
            let overlaps = |row: &&Row| {
                span(&row.event).is_some_and(|(start, end)| {
                    let (start, end) = (start.instant(&zone), end.instant(&zone));
                    from.is_none_or(|from| end > from) && until.is_none_or(|until| start < until)
                })
            };
            rows.extend(held.exceptions(&asked.id).filter(overlaps).cloned());
        } else {
            rows.push(asked);
        }
        let is_shown = call.parameters.is_true("showDeleted");
        rows.retain(|row| is_shown || !row.is_cancelled());
        // quirk: google-70
        if let Some(wanted) = call.parameters.get("originalStart") {
            rows.retain(|row| row.moment("originalStartTime").is_some_and(|at| is_at(&at, wanted)));
        }
        let zone = held.time_zone();
        rows.sort_by_key(|row| row.moment("originalStartTime").map(|at| at.instant(&zone)));
        let asked = call.parameters.get("maxResults").and_then(|most| most.parse().ok());
        let size = asked.unwrap_or(PAGE).min(self.quirks.largest_page).max(1);
        let offset = match call.parameters.get("pageToken") {
            Some(token) => {
                let parameters = call.parameters.without(&["pageToken"]);
                self.page(token, &self.of(call), &parameters)?.1
            }
            None => 0,
        };
        let mut page = self.page_head(call, held);
        let view = self.view(call, held);
        let items: Vec<Value> =
            rows.iter().skip(offset).take(size).map(|row| view.whole(held, row)).collect();
        page["items"] = json!(items);
        if offset + size < rows.len() {
            let revision = held.revision;
            let parameters = call.parameters.without(&["pageToken"]);
            let snapshot = Snapshot { of: self.of(call), parameters, ids: Vec::new(), revision };
            let snapshot = self.keep(snapshot);
            page["nextPageToken"] = json!(paging::page_token(snapshot, offset + size));
        }
        Ok(answer::json(200, &page))
    }
}

/// Added to a place behind which the empty page has been shown.
const BLANK: usize = 1 << 32;

/// Where a page begins, and whether it is the empty one, which comes right after the first.
fn blank_page(offset: usize, size: usize, has_blank: bool) -> (usize, bool) {
    match offset.checked_sub(BLANK) {
        Some(offset) => (offset, false),
        None => (offset, has_blank && offset == size),
    }
}

/// A number that has nothing to do with what an id says, always the same.
fn scattered(id: &str) -> u64 {
    let sum = id.bytes().fold(7, |sum: u64, byte| sum.wrapping_mul(31) ^ u64::from(byte));
    crate::Random::new(sum).next()
}

fn time(parameters: &Parameters, name: &str) -> Option<Timestamp> {
    parameters.get(name)?.parse().ok()
}

fn bounds_of(call: &Call<'_>) -> (Option<Timestamp>, Option<Timestamp>) {
    (time(call.parameters, "timeMin"), time(call.parameters, "timeMax"))
}

fn window(from: Option<Timestamp>, until: Option<Timestamp>) -> ical::Window {
    ical::Window { from: from.unwrap_or(Timestamp::MIN), until: until.unwrap_or(Timestamp::MAX) }
}

/// A date for whole days, a time for times; the other form finds nothing.
fn is_at(original: &super::times::Moment, wanted: &str) -> bool {
    match original {
        super::times::Moment::Day(date) => date.to_string() == wanted,
        super::times::Moment::At(at, _) => {
            wanted.parse::<Timestamp>().is_ok_and(|wanted| wanted == *at)
        }
    }
}

fn speaks_of(row: &Row, words: &str) -> bool {
    let words = words.to_lowercase();
    ["summary", "description", "location"]
        .iter()
        .any(|name| row.text(name).to_lowercase().contains(&words))
}
