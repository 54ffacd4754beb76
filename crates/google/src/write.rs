//! Creating, updating and deleting. Every write is under a condition: an id that nobody has, or
//! the version that is known.
//!
//! A series takes several requests, and each of them may be the last that arrives. So the master is
//! first: until its occurrences follow they are as the master says, which is what somebody would
//! see who looked between two requests; the plan that is made then brings the rest.

mod occurrences;

use std::sync::atomic::{AtomicBool, Ordering};

use model::{CalendarId, CreateKey, Event, Resource, ResourceId, Series, When};
use provider::{Error, ErrorKind, Result};
use serde_json::{Value, json};

use self::occurrences::{Existing, write_occurrences};
use crate::draft::{self, Target};
use crate::fetch;
use crate::fields::{Refused, times::Names};
use crate::ident::{self, GENERATIONS};
use crate::memory::{Moment, Over};
use crate::requests::delete as delete_request;
use crate::requests::get::{self, Got};
use crate::requests::insert::{self, Inserted};
use crate::requests::patch::{self, Patched};
use crate::row::Row;
use crate::rows::Rows;
use crate::series::{self, Anchor, is_as, read_row};
use crate::server::Server;

/// Creates a series.
// quirk: google-19, google-21
pub(crate) async fn create(
    server: &Server,
    calendar: &CalendarId,
    series: &Series,
    key: &CreateKey,
) -> Result<Resource> {
    let began = server.memory(|memory| memory.now());
    let target = Target::of(series).map_err(|refused| rejected(server, refused))?;
    let floating = floating(server, calendar, &target, None).await?;
    let mut names = Names::Present;
    let mut generation = 0;
    while generation < GENERATIONS {
        let event = draft::new_event(&target, key, generation, &floating, names)
            .map_err(|refused| rejected(server, refused))?;
        let ask = insert::prepare(server.base(), calendar.as_str(), &event);
        match insert::parse(&server.write(ask).await?)? {
            Inserted::Made(row) => {
                let rows = Rows::of(&ResourceId::new(row.id()), [row]);
                let work =
                    Work { begun: AtomicBool::new(true), ..Work::new(server, calendar, names) };
                return filled(&work, rows, &target, began).await;
            }
            Inserted::Taken => {
                let id = ResourceId::new(ident::event_id(key, generation));
                if let Some(rows) = made_before(server, calendar, &id, key).await? {
                    let work = Work::new(server, calendar, names);
                    let filled = filled(&work, rows, &target, began).await;
                    return filled.map_err(still_there);
                }
                generation += 1;
            }
            // quirk: google-30
            Inserted::Refused(refusal) if refusal.blames_the_zone() && names == Names::Present => {
                names = Names::Former;
            }
            Inserted::Refused(refusal) => return Err(refusal.of_writing()),
        }
    }
    let sentence = format!("{} remembers this event as deleted too often", server.place());
    Err(Error::new(ErrorKind::AlreadyExists, sentence))
}

/// What an earlier try of the same creation made; `None` when it is deleted, or was never ours.
async fn made_before(
    server: &Server,
    calendar: &CalendarId,
    id: &ResourceId,
    key: &CreateKey,
) -> Result<Option<Rows>> {
    let rows = fetch::rows(server, calendar, id).await?;
    let ours = |rows: &Rows| rows.master.as_ref().is_some_and(|row| ident::is_made_by(row, key));
    Ok(rows.filter(ours))
}

/// A created series with the occurrences that differ. What is there already, from an earlier try,
/// is left alone: somebody may have edited it since.
async fn filled(
    work: &Work<'_>,
    mut rows: Rows,
    target: &Target,
    began: Moment,
) -> Result<Resource> {
    let anchored = rows.master.as_ref().is_some_and(|master| target.is_anchored_like(master));
    if target.repeats() && anchored {
        let written = write_occurrences(work, &mut rows, target, Existing::Stays).await;
        written.map_err(|error| work.failed(error))?;
    }
    finished(work, &rows, Over::Fresh(began))
}

/// What was made before is there, whatever the rest of it meets now: nobody may believe that this
/// creation made nothing because somebody else was writing as well.
fn still_there(error: Error) -> Error {
    match error.kind() {
        ErrorKind::Stale | ErrorKind::Gone => {
            let sentence = format!("a part of the event was written: {}", error.sentence());
            Error::new(ErrorKind::Unavailable, sentence).because(error)
        }
        _ => error,
    }
}

/// Changes `current` into `target`.
pub(crate) async fn update(
    server: &Server,
    calendar: &CalendarId,
    current: &Resource,
    target: &Series,
) -> Result<Resource> {
    let held = held(server, current)?;
    if held.master.is_none() {
        return occurrences::update_orphans(server, calendar, current, held, target).await;
    }
    if target.cancels_beyond(&current.series) {
        check_deletable(server, calendar, &held, "an occurrence of it")?;
    }
    let target = Target::of(target).map_err(|refused| rejected(server, refused))?;
    // quirk: google-30
    for names in [Names::Present, Names::Former] {
        let work = Work::new(server, calendar, names);
        match change(&work, current, held.clone(), &target).await {
            Ok(Changed::Rows(rows)) => return finished(&work, &rows, Over::Held(&held)),
            Ok(Changed::ZoneUnknown) => {}
            Err(error) => return Err(work.failed(error)),
        }
    }
    Err(rejected(server, Refused("its time zone is not known there")))
}

/// Refuses a deletion, of `what`, that nobody invited would hear of.
// quirk: google-63
fn check_deletable(server: &Server, calendar: &CalendarId, rows: &Rows, what: &str) -> Result<()> {
    if rows.all().any(|row| !row.is_cancelled() && row.invites_others(calendar.as_str())) {
        let sentence = format!(
            "people are invited to this event, and {} would not tell them that {what} is deleted; \
             delete {what} there",
            server.place()
        );
        return Err(Error::new(ErrorKind::Rejected, sentence));
    }
    Ok(())
}

/// What became of a change.
enum Changed {
    /// It is done; the rows as they are now.
    Rows(Rows),
    /// Google does not know the name of a zone.
    ZoneUnknown,
}

async fn change(
    work: &Work<'_>,
    current: &Resource,
    mut rows: Rows,
    target: &Target,
) -> Result<Changed> {
    let Work { server, calendar, names, .. } = *work;
    let refused = |refused| rejected(server, refused);
    let Some(mut before) = rows.master.clone() else { return Err(gone(server)) };
    let floating = floating(server, calendar, target, Some(&before)).await?;
    if let Some(patch) = draft::master_patch(&rows, target, &floating, names).map_err(refused)? {
        let moved = patch.get("start").is_some() || patch.get("recurrence").is_some();
        if moved && before.repeats() {
            // quirk: google-41
            let now = looked_at_again(server, calendar, current, &before).await?;
            before = now.ok_or_else(|| gone(server))?;
        }
        let expected = |row: &Row| {
            if is_as(row, &before) {
                Expected::Before
            } else if is_as(row, &before.overlaid(&patch)) {
                Expected::After
            } else {
                Expected::Neither
            }
        };
        match work.patch(&before, &patch, expected).await? {
            Sent::Row(row) | Sent::Again(row, _) => rows.master = Some(row),
            Sent::ZoneUnknown => return Ok(Changed::ZoneUnknown),
        }
        if moved && !rows.exceptions.is_empty() {
            rows = listed_again(server, calendar, rows).await?;
        }
    }
    if target.repeats() {
        write_occurrences(work, &mut rows, target, Existing::Follows).await?;
    } else {
        rows.exceptions.clear();
    }
    Ok(Changed::Rows(rows))
}

/// A series whose master has moved: what became of its exceptions, only Google knows.
// quirk: google-41
async fn listed_again(server: &Server, calendar: &CalendarId, rows: Rows) -> Result<Rows> {
    let Some(master) = rows.master else { return Ok(rows) };
    let id = ResourceId::new(master.id());
    if let Some(uid) = master.ical_uid() {
        server.saw_uid(calendar, &id, uid);
    }
    fetch::rows(server, calendar, &id).await?.ok_or_else(|| gone(server))
}

/// Deletes `current`.
///
/// The condition covers the row that is deleted only. What somebody did to an occurrence of a
/// series since it was read is in another row, so that a series is looked at once more right before
/// it is deleted.
// quirk: google-11, google-43
pub(crate) async fn delete(
    server: &Server,
    calendar: &CalendarId,
    current: &Resource,
) -> Result<()> {
    let rows = held(server, current)?;
    check_deletable(server, calendar, &rows, "it")?;
    let Some(master) = &rows.master else {
        return occurrences::delete_orphans(server, calendar, current, rows).await;
    };
    let now = match master.repeats() {
        true => looked_at_again(server, calendar, current, master).await?,
        false => Some(master.clone()),
    };
    let Some(now) = now else { return Ok(()) };
    match send_delete(server, calendar, master.id(), etag(server, &now)?).await {
        Err(error) if error.kind() == ErrorKind::Stale => {
            let Some(now) = live(server, calendar, master.id()).await? else { return Ok(()) };
            if !is_as(&now, master) {
                return Err(error);
            }
            // quirk: google-45
            send_delete(server, calendar, master.id(), etag(server, &now)?).await
        }
        outcome => outcome,
    }
}

/// The master of a series as it is now; `None` for one that is gone. Before what takes exceptions
/// with it (a deletion, a move): no condition covers the rows of those.
///
/// # Errors
/// [`ErrorKind::Stale`] when the series is not as it was read.
async fn looked_at_again(
    server: &Server,
    calendar: &CalendarId,
    current: &Resource,
    master: &Row,
) -> Result<Option<Row>> {
    if let Some(uid) = master.ical_uid() {
        server.saw_uid(calendar, &current.id, uid);
    }
    let Some(rows) = fetch::rows(server, calendar, &current.id).await? else { return Ok(None) };
    let same = series::read(&rows).is_ok_and(|series| series.same_content(&current.series));
    if same { Ok(rows.master) } else { Err(stale(server)) }
}

async fn send_delete(server: &Server, calendar: &CalendarId, id: &str, etag: &str) -> Result<()> {
    let ask = delete_request::prepare(server.base(), calendar.as_str(), id, etag)?;
    delete_request::parse(&server.write(ask).await?)
}

/// Where and how writes of one series go out.
struct Work<'a> {
    server: &'a Server,
    calendar: &'a CalendarId,
    names: Names,
    /// A row of it is written.
    begun: AtomicBool,
}

/// How a row that is in another version compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    /// It means what it meant: Google has touched it, nobody has changed it.
    Before,
    /// It is what the write wants: an earlier try arrived.
    After,
    /// Somebody has changed it.
    Neither,
}

/// What became of a patch.
enum Sent {
    Row(Row),
    /// At the second try: under the etag that the row had by then.
    Again(Row, String),
    ZoneUnknown,
}

impl<'a> Work<'a> {
    fn new(server: &'a Server, calendar: &'a CalendarId, names: Names) -> Self {
        Self { server, calendar, names, begun: AtomicBool::new(false) }
    }

    /// What an error says of the whole: once a row is written, nobody may believe that nothing
    /// was, whatever the next one met. What is there now has to be looked at.
    fn failed(&self, error: Error) -> Error {
        if !self.begun.load(Ordering::Relaxed) {
            return error;
        }
        let sentence = format!("a part of the event is written: {}", error.sentence());
        Error::new(ErrorKind::Unavailable, sentence).because(error)
    }

    /// Patches one row. Google touches events by itself, so another version alone is no reason to
    /// give up: it is looked at once.
    // quirk: google-44, google-45
    async fn patch(
        &self,
        row: &Row,
        patch: &Value,
        expected: impl Fn(&Row) -> Expected,
    ) -> Result<Sent> {
        let first = self.send(row.id(), etag(self.server, row)?, patch).await?;
        let refusal = match first {
            Patched::Row(row) => return Ok(Sent::Row(row)),
            Patched::Refused(refusal) if refusal.blames_the_zone() => {
                let known = self.names == Names::Former;
                return if known { Err(refusal.of_writing()) } else { Ok(Sent::ZoneUnknown) };
            }
            Patched::Refused(refusal) => refusal,
        };
        let error = refusal.of_writing();
        if !matches!(error.kind(), ErrorKind::Stale | ErrorKind::Forbidden) {
            return Err(error);
        }
        // A deleted event refuses changes as forbidden ones.
        // quirk: google-19
        let now = live(self.server, self.calendar, row.id()).await?;
        let now = now.ok_or_else(|| gone(self.server))?;
        match expected(&now) {
            Expected::After => Ok(Sent::Row(now)),
            Expected::Before if error.kind() == ErrorKind::Stale => {
                let etag = etag(self.server, &now)?;
                match self.send(row.id(), etag, patch).await? {
                    Patched::Row(row) => Ok(Sent::Again(row, etag.to_owned())),
                    Patched::Refused(refusal) => Err(refusal.of_writing()),
                }
            }
            Expected::Before | Expected::Neither => Err(error),
        }
    }

    async fn send(&self, id: &str, etag: &str, patch: &Value) -> Result<Patched> {
        let ask = patch::prepare(self.server.base(), self.calendar.as_str(), id, etag, patch)?;
        let patched = patch::parse(&self.server.write(ask).await?)?;
        if matches!(patched, Patched::Row(_)) {
            self.begun.store(true, Ordering::Relaxed);
        }
        Ok(patched)
    }
}

/// A row that takes place; `None` for one that is deleted or not there.
async fn live(server: &Server, calendar: &CalendarId, id: &str) -> Result<Option<Row>> {
    let answer = server.ask(get::prepare(server.base(), calendar.as_str(), id)).await?;
    match get::parse(&answer)? {
        Got::Row(row) if row.is_cancelled() && row.master_id().is_none() => Ok(None),
        Got::Row(row) => Ok(Some(row)),
        Got::Nothing => Ok(None),
    }
}

/// The rows of a resource, as they were when it was read.
fn held(server: &Server, current: &Resource) -> Result<Rows> {
    let rows = current.version.as_ref().and_then(|_| Rows::from_raw(&current.raw));
    rows.filter(|rows| rows.all().next().is_some()).ok_or_else(|| stale(server))
}

/// What a write of this row is conditional on.
// quirk: google-46
fn etag<'r>(server: &Server, row: &'r Row) -> Result<&'r str> {
    row.etag().ok_or_else(|| stale(server))
}

/// The zone in which times without one are written: where they stand already, else the calendar's.
async fn floating(
    server: &Server,
    calendar: &CalendarId,
    target: &Target,
    held: Option<&Row>,
) -> Result<String> {
    if !target.floats() {
        return Ok("UTC".to_owned());
    }
    let stands = held.and_then(|row| {
        let read = read_row(row).ok()?;
        let floats = matches!(read.exact.event.start, When::Floating(_));
        floats.then(|| Anchor::of(row).ok()).flatten()
    });
    match stands {
        Some(anchor) => Ok(anchor.zone_name()),
        None => server.zone(calendar).await,
    }
}

/// The zone for an event that stands alone.
async fn floating_zone(server: &Server, calendar: &CalendarId, event: &Event) -> Result<String> {
    match event.start {
        When::Floating(_) => server.zone(calendar).await,
        When::Date(_) | When::Utc(_) | When::Zoned { .. } => Ok("UTC".to_owned()),
    }
}

/// The resource after a write.
fn finished(work: &Work<'_>, rows: &Rows, over: Over<'_>) -> Result<Resource> {
    let Work { server, calendar, .. } = *work;
    let id = ResourceId::new(rows.all().next().map(Row::series_id).unwrap_or_default());
    server.memory(|memory| memory.keep_written(calendar, &id, rows, over));
    series::resource(&id, rows).map_err(|unreadable| {
        let sentence = format!("{} answered with an event that can't be read", server.place());
        Error::new(ErrorKind::Malformed, sentence).because(unreadable.reason)
    })
}

/// What cancels one occurrence.
fn cancellation() -> Value {
    json!({"status": "cancelled"})
}

fn rejected(server: &Server, refused: Refused) -> Error {
    let sentence = format!("{} can't hold this event: {}", server.place(), refused.0);
    Error::new(ErrorKind::Rejected, sentence)
}

fn stale(server: &Server) -> Error {
    let sentence = format!("{} holds another version of this event", server.place());
    Error::new(ErrorKind::Stale, sentence)
}

fn gone(server: &Server) -> Error {
    Error::new(ErrorKind::Gone, format!("{} no longer has this event", server.place()))
}
