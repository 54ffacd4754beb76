//! The content of resources: one request for a single event, one or two for a series. Occurrences
//! that somebody is invited to without their series are found by the UID that they share; where
//! that is not known any more, by listing the calendar, once for all of them.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::{self, StreamExt as _};
use model::{CalendarId, ResourceId};
use provider::{Error, ErrorKind, Fetched, Outcome, Result};

use crate::ident;
use crate::memory::Moment;
use crate::requests::get::{self, Got};
use crate::requests::{After, list, list_series, one_calendar};
use crate::row::Row;
use crate::rows::Rows;
use crate::series;
use crate::server::Server;

/// Requests at the same time: well below what Google allows a person in a second.
const SIDE_BY_SIDE: usize = 4;

/// Pages of one listing. Google may count what it leaves out, so that some are empty; without an
/// end they would be read for ever.
const MOST_PAGES: usize = 1000;

/// Content of `ids`.
pub(crate) async fn fetch(
    server: &Server,
    calendar: &CalendarId,
    ids: &[ResourceId],
) -> Result<Vec<Fetched>> {
    let ids: BTreeSet<&ResourceId> = ids.iter().collect();
    let mut work = Vec::with_capacity(ids.len());
    for id in &ids {
        work.push(one(server, calendar, id));
    }
    let looked: Vec<_> = stream::iter(work).buffered(SIDE_BY_SIDE).collect().await;
    let nowhere = looked.iter().filter(|one| matches!(one.found, Ok(Found::Nowhere)));
    let nowhere: BTreeSet<&str> = nowhere.map(|one| one.id.as_str()).collect();
    let mut alone = match nowhere.is_empty() {
        true => BTreeMap::new(),
        false => alone(server, calendar, &nowhere).await?,
    };
    let outcome = |one: Looked| match one.found {
        Ok(Found::Nowhere) => match alone.remove(one.id.as_str()) {
            Some(rows) => outcome(server, calendar, one.id, Ok(Found::Rows(rows)), one.began),
            None => outcome(server, calendar, one.id, Ok(Found::Nowhere), one.began),
        },
        found => outcome(server, calendar, one.id, found, one.began),
    };
    let mut fetched: Vec<Fetched> = looked.into_iter().map(outcome).collect();
    let gone = fetched.iter().any(|one| matches!(one.outcome, Outcome::Gone));
    if gone {
        check_calendar(server, calendar).await?;
    }
    let nothing = fetched.iter().all(|one| matches!(one.outcome, Outcome::Failed(_)));
    if nothing && !fetched.is_empty() {
        // The first one carries the cause.
        let first = fetched.swap_remove(0);
        if let Outcome::Failed(error) = first.outcome {
            return Err(error);
        }
    }
    Ok(fetched)
}

/// What was looked for.
struct Looked<'i> {
    id: &'i ResourceId,
    found: Result<Found>,
    began: Moment,
}

/// What there is under an id.
enum Found {
    /// All rows of the series, or of the event.
    Rows(Rows),
    /// It is deleted.
    Deleted,
    /// Nothing, not even that it was deleted. Occurrences without their series may be there.
    Nowhere,
}

async fn one<'i>(server: &Server, calendar: &CalendarId, id: &'i ResourceId) -> Looked<'i> {
    let began = server.memory(|memory| memory.now());
    Looked { id, found: look(server, calendar, id).await, began }
}

fn outcome(
    server: &Server,
    calendar: &CalendarId,
    id: &ResourceId,
    found: Result<Found>,
    began: Moment,
) -> Fetched {
    let outcome = match found {
        Ok(Found::Rows(rows)) => {
            server.memory(|memory| memory.keep_read(calendar, id, &rows, began));
            match series::resource(id, &rows) {
                Ok(resource) => Outcome::Found(Box::new(resource)),
                Err(unreadable) => Outcome::Unreadable(unreadable),
            }
        }
        Ok(Found::Deleted | Found::Nowhere) => {
            server.memory(|memory| memory.forget(calendar, id));
            Outcome::Gone
        }
        Err(error) => Outcome::Failed(error),
    };
    Fetched { id: id.clone(), outcome }
}

/// All rows of a series; `None` when it is deleted or not there.
pub(crate) async fn rows(
    server: &Server,
    calendar: &CalendarId,
    id: &ResourceId,
) -> Result<Option<Rows>> {
    Ok(match look(server, calendar, id).await? {
        Found::Rows(rows) => Some(rows),
        Found::Deleted | Found::Nowhere => None,
    })
}

async fn look(server: &Server, calendar: &CalendarId, id: &ResourceId) -> Result<Found> {
    let uid = server.take_uid(calendar, id);
    let listed = match &uid {
        Some(uid) => by_uid(server, calendar, id, uid).await?,
        None => None,
    };
    if let Some(rows) = listed.as_ref().filter(|rows| rows.master.is_some()) {
        return Ok(Found::Rows(rows.clone()));
    }
    let answer = server.ask(get::prepare(server.base(), calendar.as_str(), id.as_str())).await?;
    match get::parse(&answer)? {
        Got::Row(row) if row.is_cancelled() => Ok(Found::Deleted),
        Got::Row(row) if row.repeats() => match row.ical_uid() {
            Some(uid) => match by_uid(server, calendar, id, uid).await? {
                Some(rows) if rows.master.is_some() => Ok(Found::Rows(rows)),
                Some(_) | None => {
                    let sentence =
                        format!("{} lists a series as gone and shows it", server.place());
                    Err(Error::new(ErrorKind::Unavailable, sentence))
                }
            },
            None => Ok(Found::Rows(Rows::of(id, [row]))),
        },
        Got::Row(row) => Ok(Found::Rows(Rows::of(id, [row]))),
        // Occurrences that somebody is invited to without their series: nothing has its id.
        // quirk: google-4
        Got::Nothing if uid.is_none() => {
            let listed = by_uid(server, calendar, id, &ident::usual_uid(id.as_str())).await?;
            Ok(listed.map_or(Found::Nowhere, Found::Rows))
        }
        Got::Nothing => Ok(listed.map_or(Found::Deleted, Found::Rows)),
    }
}

/// Occurrences whose series can't be seen, and whose UID nobody remembers: what the calendar has
/// of these series.
// quirk: google-4
async fn alone(
    server: &Server,
    calendar: &CalendarId,
    ids: &BTreeSet<&str>,
) -> Result<BTreeMap<String, Rows>> {
    let mut found: BTreeMap<String, Rows> = BTreeMap::new();
    let mut page: Option<String> = None;
    for _ in 0..MOST_PAGES {
        let from = list::From { token: None, page: page.as_deref() };
        let answer = server.ask(list::prepare(server.base(), calendar.as_str(), from)).await?;
        let listed = list::parse(&answer, from)?;
        for row in listed.rows.into_iter().filter(|row| ids.contains(row.series_id())) {
            found.entry(row.series_id().to_owned()).or_default().put(row);
        }
        match listed.next {
            After::Page(next) => page = Some(next),
            After::Token(_) | After::Nothing => {
                found.retain(|_, rows| takes_place(rows));
                for (id, rows) in &found {
                    if let Some(uid) = rows.all().find_map(Row::ical_uid) {
                        server.saw_uid(calendar, &ResourceId::new(id), uid);
                    }
                }
                return Ok(found);
            }
        }
    }
    let sentence = format!("{} lists a calendar without an end", server.place());
    Err(Error::new(ErrorKind::Malformed, sentence))
}

/// The rows of a series by the UID that they share; `None` when its master is deleted, or nothing
/// of it takes place. Without a master its occurrences stand for themselves.
// quirk: google-4
async fn by_uid(
    server: &Server,
    calendar: &CalendarId,
    id: &ResourceId,
    uid: &str,
) -> Result<Option<Rows>> {
    let mut found = Vec::new();
    let mut from: Option<String> = None;
    for _ in 0..MOST_PAGES {
        let ask = list_series::prepare(server.base(), calendar.as_str(), uid, from.as_deref());
        let page = list_series::parse(&server.ask(ask).await?)?;
        server.saw_zone(calendar, page.zone.as_deref());
        found.extend(page.rows);
        match page.next {
            After::Page(next) => from = Some(next),
            After::Token(_) | After::Nothing => {
                let rows = Rows::of(id, found);
                let alive = takes_place(&rows);
                if alive && rows.master.is_none() {
                    // Asked for again, it is not found in any other way.
                    server.saw_uid(calendar, id, uid);
                }
                return Ok(alive.then_some(rows));
            }
        }
    }
    let sentence = format!("{} lists a series without an end", server.place());
    Err(Error::new(ErrorKind::Malformed, sentence))
}

fn takes_place(rows: &Rows) -> bool {
    match &rows.master {
        Some(master) => !master.is_cancelled(),
        None => rows.all().any(|row| !row.is_cancelled()),
    }
}

/// Nothing is believed to be gone from a calendar that can't be seen.
// quirk: google-12
async fn check_calendar(server: &Server, calendar: &CalendarId) -> Result<()> {
    let answer = server.ask(one_calendar::prepare(server.base(), calendar.as_str())).await?;
    match one_calendar::parse(&answer)? {
        Some(_) => Ok(()),
        None => {
            let sentence = format!("{} no longer has this calendar", server.place());
            Err(Error::new(ErrorKind::Gone, sentence))
        }
    }
}
