//! What changed in a calendar: one request where nothing did.
//!
//! A full pass hands over whole series from what it has listed, without a request more; only
//! occurrences whose series it has not listed are looked at. A listing
//! of changes tells of a repeating event only the rows that changed, so it is fetched; unless it is
//! what we wrote or read ourselves, which is remembered row by row.

use model::{CalendarId, Cursor, ResourceId};
use provider::{Change, Changes, Error, ErrorKind, Next, Result, Scope};

use crate::cursor::Mark;
use crate::pass::{Held, Pass};
use crate::requests::After;
use crate::requests::list::{self, FROZEN};
use crate::row::Row;
use crate::rows::Rows;
use crate::series;
use crate::server::Server;

/// One page of changes since `since`.
pub(crate) async fn changes(
    server: &Server,
    calendar: &CalendarId,
    since: Option<&Cursor>,
) -> Result<Changes> {
    let expired = || {
        let sentence = format!("{} no longer knows since when to list changes", server.place());
        Error::new(ErrorKind::CursorExpired, sentence)
    };
    match since.map(|cursor| Mark::read(cursor, FROZEN)) {
        None => begin(server, calendar, None).await,
        // quirk: google-14
        Some(None) => Err(expired()),
        Some(Some(Mark::Sync(token))) => begin(server, calendar, Some(token)).await,
        Some(Some(Mark::Page(pass, page))) => {
            go_on(server, calendar, pass, &page).await.unwrap_or_else(|| Err(expired()))
        }
        Some(Some(Mark::Rest(number))) => {
            rest(server, calendar, number, Vec::new()).unwrap_or_else(|| Err(expired()))
        }
    }
}

async fn begin(server: &Server, calendar: &CalendarId, since: Option<String>) -> Result<Changes> {
    let from = list::From { token: since.as_deref(), page: None };
    let answer = server.ask(list::prepare(server.base(), calendar.as_str(), from)).await?;
    let page = list::parse(&answer, from)?;
    let scope = if since.is_some() { Scope::Delta } else { Scope::Full };
    let number = server.passes(|passes| passes.open(Pass::new(scope, since.clone())));
    take(server, calendar, number, page).unwrap_or_else(|| Err(lost(server)))
}

/// `None` when the pass is not known any more.
async fn go_on(
    server: &Server,
    calendar: &CalendarId,
    number: u64,
    asked: &str,
) -> Option<Result<Changes>> {
    let since = server.passes(|passes| passes.get(number).map(|pass| pass.since.clone()))?;
    let from = list::From { token: since.as_deref(), page: Some(asked) };
    let answer = server.ask(list::prepare(server.base(), calendar.as_str(), from)).await;
    let page = match answer.and_then(|answer| list::parse(&answer, from)) {
        Ok(page) => page,
        Err(error) => return Some(Err(error)),
    };
    if page.next == After::Page(asked.to_owned()) {
        let sentence = format!("{} lists the same page again and again", server.place());
        return Some(Err(Error::new(ErrorKind::Malformed, sentence)));
    }
    take(server, calendar, number, page)
}

/// Takes a page in.
// quirk: google-1, google-2
fn take(
    server: &Server,
    calendar: &CalendarId,
    number: u64,
    page: crate::requests::Page,
) -> Option<Result<Changes>> {
    server.saw_zone(calendar, page.zone.as_deref());
    let (scope, singles) = server.passes(|passes| {
        let pass = passes.get(number)?;
        let mut singles: Vec<Row> = Vec::new();
        for row in page.rows {
            let Some(row) = pass.take(row) else { continue };
            match singles.iter_mut().find(|known| known.id() == row.id()) {
                Some(known) if row.updated() >= known.updated() => *known = row,
                Some(_) => {}
                None => singles.push(row),
            }
        }
        Some((pass.scope, singles))
    })?;
    let items: Vec<Change> = singles.into_iter().map(|row| single(server, calendar, row)).collect();
    match page.next {
        After::Page(next) => {
            let next = Next::More(Mark::Page(number, next).to_cursor(FROZEN));
            Some(Ok(Changes { scope, items, next }))
        }
        After::Token(token) => {
            server.passes(|passes| passes.get(number).map(|pass| pass.ended = Some(token)))?;
            rest(server, calendar, number, items)
        }
        // quirk: google-15
        After::Nothing => {
            let sentence =
                format!("{} ended a listing without saying how to go on", server.place());
            Some(Err(Error::new(ErrorKind::Malformed, sentence)))
        }
    }
}

/// Hands over what was held back, a part at a time.
fn rest(
    server: &Server,
    calendar: &CalendarId,
    number: u64,
    mut items: Vec<Change>,
) -> Option<Result<Changes>> {
    let (scope, part, token, all) = server.passes(|passes| {
        let pass = passes.get(number)?;
        let part = pass.part();
        Some((pass.scope, part, pass.ended.clone()?, pass.is_empty()))
    })?;
    for held in part {
        items.extend(match scope {
            Scope::Full => listed_whole(server, calendar, held),
            Scope::Delta => Some(changed(server, calendar, held)),
        });
    }
    let next = if all {
        server.passes(|passes| passes.close(number));
        Next::Complete(Mark::Sync(token).to_cursor(FROZEN))
    } else {
        Next::More(Mark::Rest(number).to_cursor(FROZEN))
    };
    Some(Ok(Changes { scope, items, next }))
}

/// An event that is one row.
fn single(server: &Server, calendar: &CalendarId, row: Row) -> Change {
    let id = ResourceId::new(row.id());
    let rows = Rows::of(&id, [row]);
    // It may have repeated before.
    server.remember(calendar, &id, &rows);
    present(&id, &rows)
}

/// A series of a full pass: all of its rows are here. Occurrences alone are what somebody is
/// invited to, or what is left of a series that was deleted after their page had been read.
// quirk: google-4, google-43
fn listed_whole(server: &Server, calendar: &CalendarId, held: Held) -> Option<Change> {
    if held.gone {
        return Some(Change::Gone(held.id));
    }
    let rows = Rows::of(&held.id, held.rows);
    let alive = rows.all().any(|row| !row.is_cancelled());
    if rows.master.is_none() {
        note_uid(server, calendar, &held.id, &rows);
        return alive.then_some(Change::Listed { id: held.id, version: None });
    }
    alive.then(|| present(&held.id, &rows))
}

/// A series of which some rows changed.
// quirk: google-16, google-43
fn changed(server: &Server, calendar: &CalendarId, held: Held) -> Change {
    if held.gone {
        return Change::Gone(held.id);
    }
    if let Some(mut known) = server.remembered(calendar, &held.id)
        && held.rows.iter().all(|row| says_nothing_new(&known, row))
    {
        for row in held.rows {
            // A sparse row says less than what is known.
            if row.etag().is_some() && !row.is_cancelled() {
                known.put(row);
            }
        }
        server.remember(calendar, &held.id, &known);
        return present(&held.id, &known);
    }
    let rows = Rows::of(&held.id, held.rows);
    note_uid(server, calendar, &held.id, &rows);
    if rows.all().all(Row::is_cancelled) {
        // Perhaps the last that could be seen of it.
        return Change::Missing(held.id);
    }
    Change::Listed { id: held.id, version: None }
}

/// Whether a row means what it meant when it was last read or written. Google touches rows by
/// itself, so another etag alone is nothing new. A series that was moved in between, and moved
/// back, may have lost its exceptions, and no row says so.
// quirk: google-16, google-41, google-45
fn says_nothing_new(known: &Rows, row: &Row) -> bool {
    known.known(row).is_some_and(|held| {
        let same_state = held.etag().is_some() && held.etag() == row.etag();
        let stayed = held.sequence() == row.sequence()
            || row.master_id().is_some()
            || known.exceptions.is_empty();
        same_state || stayed && series::is_as(held, row)
    })
}

fn note_uid(server: &Server, calendar: &CalendarId, id: &ResourceId, rows: &Rows) {
    if let Some(uid) = rows.all().find_map(Row::ical_uid) {
        server.saw_uid(calendar, id, uid);
    }
}

fn present(id: &ResourceId, rows: &Rows) -> Change {
    match series::resource(id, rows) {
        Ok(resource) => Change::Present(Box::new(resource)),
        Err(unreadable) => Change::Unreadable(unreadable),
    }
}

fn lost(server: &Server) -> Error {
    let sentence = format!("too many listings of {} are under way", server.place());
    Error::new(ErrorKind::Unavailable, sentence)
}
