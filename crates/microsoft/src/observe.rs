//! What changed: rounds of changes through a window, and listings of everything.
//!
//! A round of changes only says where to look: its occurrences are stubs, its exceptions have no
//! properties, its tombstones mean "not in the window". So every series or event that it names is
//! looked at by its id, and so the window bounds only where changes are noticed at once, never
//! what there is: what is outside of it is told by a tombstone when it changes, and looked at too.
//!
//! A full pass opens a window first and lists everything after that: what changes in between is
//! listed twice, and not missed.

use std::collections::{BTreeMap, BTreeSet};

use model::{CalendarId, Cursor, ResourceId};
use provider::{Change, Changes, Error, ErrorKind, Next, Result, Scope};
use sha2::{Digest as _, Sha256};

use crate::cursor::{At, MOST_LINKED, Mark, Purpose, Round, Window};
use crate::ident::{self, Mark as Property};
use crate::requests::delta::{self, Size};
use crate::requests::{After, Page, list};
use crate::row::{Kind, Row};
use crate::rows::Rows;
use crate::series;
use crate::server::Server;

/// Pages of one round; more is a service that goes in circles. 200 items each: far more than a
/// window has.
// quirk: microsoft-12
const MOST_PAGES: u32 = 5_000;

/// How often a page may come in a row.
// quirk: microsoft-12
const MOST_EQUAL: u32 = 3;

/// How many pages in a row may have nothing on them, where our page size is asked for. One is
/// nothing special; of a calendar in which nothing changed, a round without an end has no others.
/// Too low a number costs one more request.
// quirk: microsoft-7, microsoft-12
const MOST_EMPTY: u32 = 20;

/// One page of changes.
pub(crate) async fn changes(
    server: &Server,
    calendar: &CalendarId,
    since: Option<&Cursor>,
) -> Result<Changes> {
    let Some(since) = since else { return open(server, calendar, Size::Ours).await };
    let mark = Mark::read(since).ok_or_else(|| expired("what was observed is not known here"))?;
    match &mark.at {
        At::Settled(None) => Err(expired("Microsoft gave nothing by which changes are told")),
        At::Settled(Some(_)) if server.is_due(&mark.window) => {
            Err(expired("the window of what is observed has to be moved"))
        }
        At::Settled(Some(link)) => {
            let ask = delta::follow(server.graph(), link, Size::Ours)?;
            let page = delta::parse(&server.ask_of(calendar, ask).await?, true)?;
            let round = Round::new(Purpose::Changes, Some(link.clone()), Size::Ours);
            Ok(advance(&mark, round, page))
        }
        At::Round(round) => {
            let ask = delta::follow(server.graph(), &round.page, round.size())?;
            let page = delta::parse(&server.ask_of(calendar, ask).await?, true)?;
            match round.seen(&page) {
                Some(round) => Ok(advance(&mark, round, page)),
                None => circling(server, calendar, &mark, round).await,
            }
        }
        At::List { page, changes } => {
            listed(server, calendar, &mark, page.as_deref(), changes.as_ref()).await
        }
    }
}

fn expired(sentence: &str) -> Error {
    Error::new(ErrorKind::CursorExpired, sentence)
}

impl Round {
    fn new(purpose: Purpose, began: Option<String>, size: Size) -> Self {
        Self {
            purpose,
            began,
            page: String::new(),
            pages: 0,
            last: (String::new(), 0),
            empty: 0,
            is_sized: size == Size::Ours,
        }
    }

    fn size(&self) -> Size {
        if self.is_sized { Size::Ours } else { Size::Theirs }
    }

    /// The round after this page; `None` when it goes in circles.
    // quirk: microsoft-12
    fn seen(&self, page: &Page) -> Option<Round> {
        let mut round = self.clone();
        round.pages += 1;
        if page.rows.is_empty() {
            round.empty += 1;
        } else {
            let sum = sum(page);
            let times = if self.last.0 == sum { self.last.1 + 1 } else { 1 };
            (round.last, round.empty) = ((sum, times), 0);
        }
        let goes_on = round.last.1 < MOST_EQUAL
            && round.pages < MOST_PAGES
            && (round.empty < MOST_EMPTY || !round.is_sized);
        (goes_on || !matches!(page.next, After::Page(_))).then_some(round)
    }
}

fn sum(page: &Page) -> String {
    let mut sum = Sha256::new();
    for row in &page.rows {
        sum.update(format!("{}\n{}\n", row.id(), row.etag().unwrap_or_default()));
    }
    sum.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Opens a window: the first page of its first round, which is listed by nobody.
// quirk: microsoft-14
async fn open(server: &Server, calendar: &CalendarId, size: Size) -> Result<Changes> {
    let window = server.window();
    let Window { from, until, .. } = window;
    let ask = delta::prepare(server.graph(), calendar.as_str(), from, until, size);
    let page = delta::parse(&server.ask_of(calendar, ask).await?, false)?;
    let mark = Mark { at: At::Settled(None), window, linked: BTreeSet::new() };
    let round = Round::new(Purpose::Open, None, size);
    let round = round.seen(&page).unwrap_or(round);
    Ok(advance(&mark, round, page))
}

/// What a page of a round says, and how it goes on.
fn advance(mark: &Mark, mut round: Round, page: Page) -> Changes {
    let mut mark = mark.clone();
    let (scope, items) = match round.purpose {
        Purpose::Open => (Scope::Full, Vec::new()),
        Purpose::Changes => (Scope::Delta, told(&page.rows, &mut mark.linked)),
    };
    let next = match (page.next, round.purpose) {
        (After::Page(link), _) => {
            round.page = link;
            mark.at = At::Round(round);
            Next::More(mark.to_cursor())
        }
        (After::Changes(link), Purpose::Changes) => {
            mark.at = At::Settled(Some(link));
            Next::Complete(mark.to_cursor())
        }
        (After::Nothing, Purpose::Changes) => {
            mark.at = At::Settled(None);
            Next::Complete(mark.to_cursor())
        }
        (After::Changes(link), Purpose::Open) => {
            mark.at = At::List { page: None, changes: Some(link) };
            Next::More(mark.to_cursor())
        }
        (After::Nothing, Purpose::Open) => {
            mark.at = At::List { page: None, changes: None };
            Next::More(mark.to_cursor())
        }
    };
    Changes { scope, items, next }
}

/// A round that goes in circles: once more without a size of pages, then without a round.
// quirk: microsoft-12
async fn circling(
    server: &Server,
    calendar: &CalendarId,
    mark: &Mark,
    round: &Round,
) -> Result<Changes> {
    match (&round.began, round.purpose, round.is_sized) {
        (Some(link), Purpose::Changes, true) => {
            let ask = delta::follow(server.graph(), link, Size::Theirs)?;
            let page = delta::parse(&server.ask_of(calendar, ask).await?, true)?;
            let again = Round::new(Purpose::Changes, Some(link.clone()), Size::Theirs);
            Ok(advance(mark, again, page))
        }
        (_, Purpose::Open, true) => open(server, calendar, Size::Theirs).await,
        (_, Purpose::Changes, _) => Err(expired("Microsoft tells the same changes without an end")),
        (_, Purpose::Open, false) => {
            let at = At::List { page: None, changes: None };
            let mark = Mark { at, ..mark.clone() };
            let next = Next::More(mark.to_cursor());
            Ok(Changes { scope: Scope::Full, items: Vec::new(), next })
        }
    }
}

/// What rows of a round name, once each.
// quirk: microsoft-1, microsoft-2, microsoft-3, microsoft-5, microsoft-6, microsoft-8, microsoft-9
fn told(rows: &[Row], linked: &mut BTreeSet<ResourceId>) -> Vec<Change> {
    let mut named: BTreeMap<ResourceId, bool> = BTreeMap::new();
    let mut is_removed = false;
    for row in rows {
        if row.is_removed() {
            is_removed = true;
            named.insert(ResourceId::new(row.id()), true);
            continue;
        }
        let id = match (row.kind(), row.series_id(), ident::linked(row)) {
            (Kind::Occurrence | Kind::Exception, Some(series), _) => ResourceId::new(series),
            (_, _, Some(series)) => {
                note(linked, &series);
                series
            }
            (_, _, None) => ResourceId::new(row.id()),
        };
        named.insert(id, false);
    }
    if is_removed {
        // A linked event is gone by its own id, which says nothing of its series.
        for series in linked.iter() {
            named.entry(series.clone()).or_insert(true);
        }
    }
    let change = |(id, is_missing)| match is_missing {
        true => Change::Missing(id),
        false => Change::Listed { id, version: None },
    };
    named.into_iter().map(change).collect()
}

fn note(linked: &mut BTreeSet<ResourceId>, series: &ResourceId) {
    if linked.len() < MOST_LINKED {
        linked.insert(series.clone());
    }
}

/// A page of the listing of everything.
// quirk: microsoft-45
async fn listed(
    server: &Server,
    calendar: &CalendarId,
    mark: &Mark,
    page: Option<&str>,
    changes: Option<&String>,
) -> Result<Changes> {
    let ask = match page {
        None => list::prepare(server.graph(), calendar.as_str()),
        Some(link) => list::follow(server.graph(), link)?,
    };
    let page = list::parse(&server.ask_of(calendar, ask).await?)?;
    let mut mark = mark.clone();
    let mut items = Vec::new();
    for row in page.rows {
        if let Some(series) = ident::linked(&row) {
            note(&mut mark.linked, &series);
            items.push(Change::Listed { id: series, version: None });
            continue;
        }
        items.push(shown(row));
    }
    let next = match page.next {
        After::Page(link) => {
            mark.at = At::List { page: Some(link), changes: changes.cloned() };
            Next::More(mark.to_cursor())
        }
        After::Changes(_) | After::Nothing => {
            mark.at = At::Settled(changes.cloned());
            Next::Complete(mark.to_cursor())
        }
    };
    Ok(Changes { scope: Scope::Full, items, next })
}

/// A single event is listed whole; of a series the exceptions are missing.
fn shown(row: Row) -> Change {
    let id = ResourceId::new(row.id());
    let is_whole = row.kind() == Kind::Single
        && row.mark(Property::State).is_none()
        && row.mark(Property::Series).is_none();
    if !is_whole {
        return Change::Listed { id, version: None };
    }
    match series::resource(&id, &Rows::single(row)) {
        Ok(resource) => Change::Present(Box::new(resource)),
        Err(unreadable) => Change::Unreadable(unreadable),
    }
}
