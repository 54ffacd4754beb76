//! Reading by id: an event, the series that it is a part of, the linked events that belong to it.
//! Reads go twenty to a request. Only an answer for an id says that it is not there.

use futures_util::stream::{self, StreamExt as _};
use model::{CalendarId, Resource, ResourceId};
use provider::{Error, ErrorKind, Fetched, Outcome, Result};
use serde_json::Value;

use crate::ident::{self, Mark};
use crate::refusal::Refusal;
use crate::requests::batch::{self, Item};
use crate::requests::{Ask, find, get, instances};
use crate::row::{Kind, Row};
use crate::rows::Rows;
use crate::series;
use crate::server::Server;

/// Requests of twenty reads at once: Graph runs four reads of a mailbox at a time, and those of one
/// request are that many already.
const AT_ONCE: usize = 1;

/// What an event's state says when it has linked events.
pub(crate) const PARTS: &str = "parts";

/// What it says while a write of it is not finished; behind it may stand what it is to become, see
/// [`crate::parts`].
pub(crate) const OPEN: &str = "open";

/// Whether a write of the event is not finished.
pub(crate) fn is_open(row: &Row) -> bool {
    row.mark(Mark::State).is_some_and(|state| state.starts_with(OPEN))
}

pub(crate) async fn fetch(
    server: &Server,
    calendar: &CalendarId,
    ids: &[ResourceId],
) -> Result<Vec<Fetched>> {
    let mut wanted: Vec<ResourceId> = ids.to_vec();
    wanted.sort_unstable();
    wanted.dedup();
    let chunks: Vec<_> =
        wanted.chunks(batch::MOST).map(|chunk| looked(server, calendar, chunk)).collect();
    let mut looked: Vec<Result<Vec<(ResourceId, Look)>>> =
        stream::iter(chunks).buffered(AT_ONCE).collect().await;
    let mut fetched = Vec::with_capacity(wanted.len());
    let whole: Result<Vec<_>> = looked.drain(..).collect();
    for (id, look) in whole?.into_iter().flatten() {
        let outcome = outcome(server, calendar, &id, look).await;
        fetched.push(Fetched { id, outcome });
    }
    Ok(fetched)
}

/// What was answered about one id.
enum Look {
    Rows(Box<Rows>),
    Absent,
    Failed(Error),
}

/// Asks about up to twenty ids.
async fn looked(
    server: &Server,
    calendar: &CalendarId,
    ids: &[ResourceId],
) -> Result<Vec<(ResourceId, Look)>> {
    let graph = server.graph();
    let asks = ids.iter().map(|id| get::prepare(graph, calendar.as_str(), id.as_str()));
    let mut asks: Vec<Ask> = asks.collect();
    if let (Some(ask), [id]) = (asks.pop_if(|_| ids.len() == 1), ids) {
        let look = match get::parse(&server.ask_of(calendar, ask).await?) {
            Ok(Some(rows)) => Look::Rows(Box::new(rows)),
            Ok(None) => Look::Absent,
            Err(error) => Look::Failed(error),
        };
        return Ok(vec![(id.clone(), look)]);
    }
    let ask = batch::prepare(graph, &asks);
    let mut items = batch::parse(&server.ask_several_of(calendar, ask, asks.len()).await?)?;
    let look = |(at, id): (usize, &ResourceId)| {
        let look = match items.remove(&at) {
            Some(Item::Good(value)) => look(value),
            Some(Item::Refused(refusal)) => refused(server, &refusal),
            None => Look::Failed(unanswered()),
        };
        (id.clone(), look)
    };
    Ok(ids.iter().enumerate().map(look).collect())
}

fn look(value: Value) -> Look {
    Rows::of(value).map_or_else(
        || {
            let sentence = "Microsoft answered with an event without an id";
            Look::Failed(Error::new(ErrorKind::Malformed, sentence))
        },
        |rows| Look::Rows(Box::new(rows)),
    )
}

// quirk: microsoft-48, microsoft-52
fn refused(server: &Server, refusal: &Refusal) -> Look {
    if refusal.is_throttling() {
        return Look::Failed(server.throttled(refusal));
    }
    match get::absent(refusal) {
        Ok(()) => Look::Absent,
        Err(error) => Look::Failed(error),
    }
}

fn unanswered() -> Error {
    Error::new(ErrorKind::Unavailable, "Microsoft left one of several questions unanswered")
}

async fn outcome(server: &Server, calendar: &CalendarId, id: &ResourceId, look: Look) -> Outcome {
    let rows = match look {
        Look::Failed(error) => return Outcome::Failed(error),
        Look::Rows(rows) => belonging(server, calendar, id, *rows).await,
        Look::Absent => orphans(server, calendar, id).await,
    };
    match rows {
        Ok(Some((id, rows))) => match series::resource(&id, &rows) {
            Ok(resource) => Outcome::Found(Box::new(resource)),
            Err(unreadable) => Outcome::Unreadable(unreadable),
        },
        Ok(None) => Outcome::Gone,
        Err(error) => Outcome::Failed(error),
    }
}

/// The rows of a resource as they are now; `None` when it is not there.
pub(crate) async fn rows(
    server: &Server,
    calendar: &CalendarId,
    id: &ResourceId,
) -> Result<Option<Rows>> {
    let found = match looked(server, calendar, std::slice::from_ref(id)).await?.pop() {
        Some((_, Look::Rows(rows))) => belonging(server, calendar, id, *rows).await?,
        Some((_, Look::Absent)) => orphans(server, calendar, id).await?,
        Some((_, Look::Failed(error))) => return Err(error),
        None => None,
    };
    Ok(found.map(|(_, rows)| rows))
}

/// A resource as it is now, for the answer to a write.
///
/// # Errors
/// [`ErrorKind::Gone`] when it is not there, [`ErrorKind::Malformed`] when it can't be read.
pub(crate) async fn resource(
    server: &Server,
    calendar: &CalendarId,
    id: &ResourceId,
) -> Result<Resource> {
    let rows = rows(server, calendar, id).await?.ok_or_else(gone)?;
    of_rows(id, &rows)
}

/// The resource that rows are.
///
/// # Errors
/// [`ErrorKind::Malformed`] when it can't be read.
pub(crate) fn of_rows(id: &ResourceId, rows: &Rows) -> Result<Resource> {
    series::resource(id, rows).map_err(|unreadable| {
        let sentence = format!("what was written can't be read back: {}", unreadable.reason);
        Error::new(ErrorKind::Malformed, sentence)
    })
}

pub(crate) fn gone() -> Error {
    Error::new(ErrorKind::Gone, "Microsoft does not have it any more")
}

type Found = Option<(ResourceId, Rows)>;

/// An event with all that belongs to it, under the id of the whole.
async fn belonging(
    server: &Server,
    calendar: &CalendarId,
    id: &ResourceId,
    mut rows: Rows,
) -> Result<Found> {
    let Some(row) = &rows.master else { return Ok(None) };
    let whole = match (row.kind(), row.series_id(), ident::linked(row)) {
        (Kind::Occurrence | Kind::Exception, Some(series), _) => Some(ResourceId::new(series)),
        (_, _, Some(series)) if series != *id => Some(series),
        (_, _, _) => None,
    };
    if let Some(series) = whole {
        // A part was asked about: its whole is what there is.
        return Box::pin(whole_of(server, calendar, &series)).await;
    }
    let more = row.text("exceptionOccurrences@odata.nextLink").map(str::to_owned);
    if let Some(link) = more {
        let first = server.graph().link(&link)?;
        for row in server.all(calendar, first, instances::parse).await? {
            rows.exceptions.insert(row.id().to_owned(), row);
        }
    }
    let has_parts = rows.master.as_ref().is_some_and(|row| row.mark(Mark::State).is_some());
    if has_parts {
        add_linked(server, calendar, id, &mut rows).await?;
    }
    Ok(Some((id.clone(), rows)))
}

async fn whole_of(server: &Server, calendar: &CalendarId, series: &ResourceId) -> Result<Found> {
    let rows = rows(server, calendar, series).await?;
    Ok(rows.map(|rows| (series.clone(), rows)))
}

/// What is left of a resource whose first event was deleted: the events that are linked to it.
async fn orphans(server: &Server, calendar: &CalendarId, id: &ResourceId) -> Result<Found> {
    let mut rows = Rows::default();
    add_linked(server, calendar, id, &mut rows).await?;
    Ok((!rows.linked.is_empty()).then(|| (id.clone(), rows)))
}

async fn add_linked(
    server: &Server,
    calendar: &CalendarId,
    id: &ResourceId,
    rows: &mut Rows,
) -> Result<()> {
    linked(server, calendar, id).await?.into_iter().for_each(|row| rows.link(row));
    Ok(())
}

/// The events that are linked to a resource.
pub(crate) async fn linked(
    server: &Server,
    calendar: &CalendarId,
    id: &ResourceId,
) -> Result<Vec<Row>> {
    let first = find::linked(server.graph(), calendar.as_str(), id);
    let mut found = server.all(calendar, first, find::parse).await?;
    // Graph compares without case.
    // quirk: microsoft-20
    found.retain(|row| row.mark(Mark::Link) == Some(id.as_str()));
    Ok(found)
}
