//! The content of resources: one request for a single event, one or two for a series.

use std::collections::BTreeSet;

use futures_util::stream::{self, StreamExt as _};
use model::{CalendarId, ResourceId};
use provider::{Error, ErrorKind, Fetched, Outcome, Result};

use crate::ident;
use crate::requests::get::{self, Got};
use crate::requests::{After, list_series, one_calendar};
use crate::rows::Rows;
use crate::series;
use crate::server::Server;

/// Requests at the same time: well below what Google allows a person in a second.
const SIDE_BY_SIDE: usize = 4;

/// Pages of one series. Google may count what it leaves out, so that some are empty; without an
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
    let mut fetched: Vec<Fetched> = stream::iter(work).buffered(SIDE_BY_SIDE).collect().await;
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

async fn one(server: &Server, calendar: &CalendarId, id: &ResourceId) -> Fetched {
    let outcome = match rows(server, calendar, id).await {
        Ok(Some(rows)) => {
            server.remember(calendar, id, &rows);
            match series::resource(id, &rows) {
                Ok(resource) => Outcome::Found(Box::new(resource)),
                Err(unreadable) => Outcome::Unreadable(unreadable),
            }
        }
        Ok(None) => Outcome::Gone,
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
    let uid = server.take_uid(calendar, id);
    let listed = match &uid {
        Some(uid) => by_uid(server, calendar, id, uid).await?,
        None => None,
    };
    if let Some(rows) = listed.as_ref().filter(|rows| rows.master.is_some()) {
        return Ok(Some(rows.clone()));
    }
    let answer = server.ask(get::prepare(server.base(), calendar.as_str(), id.as_str())).await?;
    match get::parse(&answer)? {
        Got::Row(row) if row.is_cancelled() => Ok(None),
        Got::Row(row) if row.repeats() => match row.ical_uid() {
            Some(uid) => match by_uid(server, calendar, id, uid).await? {
                Some(rows) if rows.master.is_some() => Ok(Some(rows)),
                Some(_) | None => {
                    let sentence =
                        format!("{} lists a series as gone and shows it", server.place());
                    Err(Error::new(ErrorKind::Unavailable, sentence))
                }
            },
            None => Ok(Some(Rows::of(id, [row]))),
        },
        Got::Row(row) => Ok(Some(Rows::of(id, [row]))),
        // Occurrences that somebody is invited to without their series: nothing has its id.
        // quirk: google-4
        Got::Nothing if uid.is_none() => {
            by_uid(server, calendar, id, &ident::usual_uid(id.as_str())).await
        }
        Got::Nothing => Ok(listed),
    }
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
                let alive = match &rows.master {
                    Some(master) => !master.is_cancelled(),
                    None => rows.all().any(|row| !row.is_cancelled()),
                };
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
