//! What changed in a calendar: one request where nothing did.
//!
//! A full pass hands over whole series from what it has listed, without a request more; only
//! occurrences whose series it has not listed are looked at. A listing of changes tells of a
//! repeating event only the rows that changed. They are laid over those that are remembered, where
//! that is sure to give what Google has; else the series is fetched.
//!
//! Sure is what is documented: a row that changed is listed, and a cancelled row that names its
//! series and its occurrence is an occurrence that does not take place. What becomes of exceptions
//! when somebody edits all events of their series is not: they may be gone without a row. Nor is
//! how one shows that is taken back.

use model::{CalendarId, Cursor, ResourceId};
use provider::{Change, Changes, Error, ErrorKind, Next, Result, Scope};

use crate::cursor::Mark;
use crate::memory::{Grasp, Known, Moment};
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
    let began = server.memory(|memory| memory.listing_begins(calendar, since.as_deref()));
    let from = list::From { token: since.as_deref(), page: None };
    let answer = server.ask(list::prepare(server.base(), calendar.as_str(), from)).await?;
    let page = list::parse(&answer, from)?;
    let scope = if since.is_some() { Scope::Delta } else { Scope::Full };
    let number = server.passes(|passes| passes.open(Pass::new(scope, since.clone(), began)));
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
    let (scope, part, since, began) = server.passes(|passes| {
        let pass = passes.get(number)?;
        Some((pass.scope, pass.part(), pass.since.clone(), pass.began))
    })?;
    for held in part {
        items.extend(match scope {
            Scope::Full => listed_whole(server, calendar, held, began),
            Scope::Delta => Some(changed(server, calendar, held, began)),
        });
    }
    let (token, all) = server.passes(|passes| {
        let pass = passes.get(number)?;
        Some((pass.ended.clone()?, pass.is_empty()))
    })?;
    let next = if all {
        server.passes(|passes| passes.close(number));
        server.memory(|memory| memory.listing_ends(calendar, since.as_deref(), began, &token));
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
    server.memory(|memory| memory.forget(calendar, &id));
    present(&id, &rows)
}

/// A series of a full pass: all of its rows are here. Occurrences alone are what somebody is
/// invited to, or what is left of a series that was deleted after their page had been read.
// quirk: google-4, google-43
fn listed_whole(
    server: &Server,
    calendar: &CalendarId,
    held: Held,
    began: Moment,
) -> Option<Change> {
    // What was learnt while this was listed may be newer, or older.
    let is_newer = |known: Option<Known>| known.is_some_and(|known| known.at > began);
    let meanwhile = server.memory(|memory| {
        let meanwhile = is_newer(memory.get(calendar, &held.id));
        memory.forget(calendar, &held.id);
        meanwhile
    });
    if held.gone {
        return Some(Change::Gone(held.id));
    }
    let rows = Rows::of(&held.id, held.rows);
    let alive = rows.all().any(|row| !row.is_cancelled());
    if rows.master.is_none() {
        note_uid(server, calendar, &held.id, &rows);
        return alive.then_some(Change::Listed { id: held.id, version: None });
    }
    if !alive {
        return None;
    }
    if !meanwhile {
        server.memory(|memory| memory.keep(calendar, &held.id, &rows, Grasp::Whole));
    }
    Some(present(&held.id, &rows))
}

/// A series of which some rows changed.
// quirk: google-16, google-43
fn changed(server: &Server, calendar: &CalendarId, held: Held, began: Moment) -> Change {
    let known = server.memory(|memory| {
        let known = memory.get(calendar, &held.id);
        memory.forget(calendar, &held.id);
        known
    });
    if held.gone {
        return Change::Gone(held.id);
    }
    if let Some(known) = known {
        if let Some(rows) = laid_over(&known, &held.rows, began) {
            server.memory(|memory| memory.keep(calendar, &held.id, &rows, known.grasp));
            return present(&held.id, &rows);
        }
        // A sparse row does not say by what UID its series is listed.
        note_uid(server, calendar, &held.id, &known.rows);
    }
    let rows = Rows::of(&held.id, held.rows);
    note_uid(server, calendar, &held.id, &rows);
    if rows.all().all(Row::is_cancelled) {
        // Perhaps the last that could be seen of it.
        return Change::Missing(held.id);
    }
    Change::Listed { id: held.id, version: None }
}

/// What is known with the rows that changed over it; `None` where that is not sure to be what
/// Google has, and it has to be looked at.
fn laid_over(known: &Known, changed: &[Row], began: Moment) -> Option<Rows> {
    // What was learnt after the listing began may be newer than what is in it.
    let is_whole = known.grasp == Grasp::Whole && known.at < began;
    let mut rows = known.rows.clone();
    for row in changed {
        let is_old = says_nothing_new(&known.rows, row);
        let is_enough = is_old || is_whole && says_it_all(&known.rows, row);
        if !is_enough {
            return None;
        }
        // A sparse row says less than what is known.
        if !is_old || row.etag().is_some() && !row.is_cancelled() {
            rows.put(row.clone());
        }
    }
    Some(rows)
}

/// Whether a row that changed is all that became of the series that is known.
///
/// Of a master only where there are no exceptions that it could have taken with it. Of an exception
/// only where it is known whether this is its newest state: a cancelled row says nothing of when it
/// changed, and an occurrence that never differed from its series has none to be put back.
// quirk: google-5, google-6, google-41, google-74
fn says_it_all(known: &Rows, row: &Row) -> bool {
    if row.master_id().is_none() {
        return known.exceptions.is_empty() && row.repeats() && row.is_complete();
    }
    match known.known(row) {
        Some(held) => !held.is_cancelled() && row.is_complete(),
        None if row.is_cancelled() => row.names_its_occurrence(),
        None => row.is_complete(),
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn row(more: Value) -> Row {
        let at = |hour: &str| {
            json!({"dateTime": format!("2026-03-02T{hour}:00:00Z"),
            "timeZone": "UTC"})
        };
        let mut row = json!({"etag": "\"2\"", "status": "confirmed", "summary": "A",
            "updated": "2026-03-02T00:00:00.000Z", "start": at("09"), "end": at("10")});
        let (Value::Object(row), Value::Object(more)) = (&mut row, more) else { panic!() };
        row.extend(more);
        row.retain(|_, value| !value.is_null());
        Row::new(Value::Object(row.clone())).unwrap()
    }

    fn master(title: &str) -> Row {
        row(json!({"id": "m", "summary": title, "recurrence": ["RRULE:FREQ=WEEKLY"]}))
    }

    fn occurrence(day: u8, more: &Value) -> Row {
        let time = json!({"dateTime": format!("2026-03-{day:02}T09:00:00Z")});
        let mut row = json!({"id": format!("m_202603{day:02}T090000Z"), "summary": "Own",
            "recurringEventId": "m", "originalStartTime": time});
        row.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self::row(row)
    }

    /// What of a listing is enough beside a series with two exceptions, or without any.
    // quirk: google-5, google-6, google-74
    #[test]
    fn a_row_says_it_all_only_where_nothing_else_can_have_changed() {
        let whole = json!({});
        let gone = json!({"status": "cancelled", "start": null, "end": null, "updated": null});
        let bare = json!({"status": "cancelled", "start": null, "end": null, "updated": null,
            "recurringEventId": null, "originalStartTime": null, "etag": null});
        let exceptions = [occurrence(9, &whole), occurrence(16, &gone)];
        let plain = Rows::of(&"m".into(), [master("A")]);
        let excepted = Rows::of(&"m".into(), exceptions.into_iter().chain([master("A")]));
        let single = row(json!({"id": "m", "summary": "B"}));
        for (row, is_enough, beside_others) in [
            (master("B"), true, false),
            (single, false, false),
            // One that nobody has changed before.
            (occurrence(23, &whole), true, true),
            (occurrence(23, &gone), true, true),
            (occurrence(23, &bare), false, false),
            (occurrence(23, &json!({"etag": null})), false, false),
            (occurrence(23, &json!({"updated": null})), false, false),
            // One that differed.
            (occurrence(9, &json!({"summary": "Other"})), true, true),
            (occurrence(9, &gone), true, false),
            (occurrence(9, &bare), false, false),
            // One that was cancelled.
            (occurrence(16, &whole), true, false),
        ] {
            assert_eq!(says_it_all(&plain, &row), is_enough, "{row:?}");
            assert_eq!(says_it_all(&excepted, &row), beside_others, "{row:?}");
        }
    }
}
