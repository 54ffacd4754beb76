//! Writes. Each one is conditional, says only what differs, and leaves a resource that can be read
//! again wherever it is interrupted: a creation that is not finished says so of itself, and is
//! finished when it is asked for once more.
//!
//! What a series consists of at Microsoft is brought to what it should be in two ways: in Graph's
//! own words ([`native`]), or as linked single events where it has none ([`linked`]).

mod job;
mod linked;
mod meanwhile;
mod native;
mod occurrences;

use bytes::Bytes;
use model::{CalendarId, CreateKey, Exception, Resource, ResourceId, Series};
use provider::{Error, ErrorKind, Result};

use crate::ident::{self, Mark};
use crate::recurrence::{Form, form};
use crate::requests::batch::{self, Item};
use crate::requests::{Answer, find};
use crate::row::Row;
use crate::rows::Rows;
use crate::server::Server;
use crate::{draft, fetch, parts};
use job::Job;

/// Creates a series, or returns what this creation made before.
pub(crate) async fn create(
    server: &Server,
    calendar: &CalendarId,
    series: &Series,
    key: &CreateKey,
) -> Result<Resource> {
    let job = Job::creating(server, calendar, key);
    if let Some(row) = made_before(server, calendar, series, key).await? {
        return finished(&job, row, series).await.map_err(still_there);
    }
    let made = match form(series) {
        Form::Once => native::create(&job, series, None, key).await,
        Form::Pattern(pattern) => native::create(&job, series, Some(&pattern), key).await,
        Form::Parts(_) => linked::create(&job, series, key).await,
    };
    if let Some(resource) = job.told(made)? {
        return Ok(resource);
    }
    // The transaction was carried out before, whatever the look-up said.
    match made_before(server, calendar, series, key).await? {
        Some(row) => finished(&job, row, series).await.map_err(still_there),
        None => Err(Error::new(
            ErrorKind::Unavailable,
            "Microsoft says that it is created already, and does not show it",
        )),
    }
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

/// What this creation made before, made whole if it was interrupted.
async fn finished(job: &Job<'_>, row: Row, series: &Series) -> Result<Resource> {
    let first = ident::linked(&row);
    let id = first.clone().unwrap_or_else(|| ResourceId::new(row.id()));
    if first.is_none() && !fetch::is_open(&row) {
        return fetch::resource(job.server, job.calendar, &id).await;
    }
    let rows = fetch::rows(job.server, job.calendar, &id).await?.ok_or_else(fetch::gone)?;
    let target = match rows.master {
        Some(_) => completed(&rows, series)?,
        None => completed_without_first(&rows, series)?,
    };
    job.told(bring(job, &id, rows, &target).await)
}

/// What an interrupted creation is to become whose first event somebody has deleted since: that
/// one was cancelled, and took with it the word about which of the others are still to be written.
fn completed_without_first(rows: &Rows, series: &Series) -> Result<Series> {
    let mut target = crate::series::read(rows).map_err(job::unread)?;
    if rows.all().any(fetch::is_open) {
        return Ok(target);
    }
    let first = target
        .exceptions
        .iter()
        .find(|(key, one)| **one == Exception::Cancelled && !series.exceptions.contains_key(*key));
    let first = first.map(|(key, _)| key.clone());
    target.exceptions.retain(|key, one| {
        *one != Exception::Cancelled
            || Some(key) == first.as_ref()
            || series.exceptions.get(key) == Some(&Exception::Cancelled)
    });
    Ok(target)
}

/// What an interrupted creation is to become: what is there, which somebody may have changed since,
/// with the exceptions that are still missing.
fn completed(rows: &Rows, series: &Series) -> Result<Series> {
    let mut target = crate::series::read(rows).map_err(job::unread)?;
    if rows.master.as_ref().is_some_and(|row| row.mark(Mark::Series).is_some()) {
        return Ok(target);
    }
    for (key, exception) in &series.exceptions {
        target.exceptions.entry(key.clone()).or_insert_with(|| exception.clone());
    }
    Ok(target)
}

/// The event that this creation made; the marks are looked for before anything is created.
///
/// # Errors
/// [`ErrorKind::AlreadyExists`] when another event has the UID.
// quirk: microsoft-20, microsoft-22
async fn made_before(
    server: &Server,
    calendar: &CalendarId,
    series: &Series,
    key: &CreateKey,
) -> Result<Option<Row>> {
    let asks = find::with_uid(server.graph(), calendar.as_str(), &series.uid);
    let ask = batch::prepare(server.graph(), &asks);
    let answer = server.ask_several_of(calendar, ask, asks.len()).await?;
    let mut items = batch::parse(&answer)?;
    let (mut is_taken, mut part) = (false, None);
    for at in 0..asks.len() {
        let page = match items.remove(&at) {
            Some(Item::Good(value)) => find::parse(&Answer::new(Bytes::from(value.to_string())))?,
            Some(Item::Refused(refusal)) if refusal.is_throttling() => {
                return Err(server.throttled(&refusal));
            }
            Some(Item::Refused(refusal)) => {
                let error = refusal.of_reading();
                // Not every mailbox can be asked for Exchange's own UID.
                if at > 0 && error.kind() == ErrorKind::Malformed {
                    continue;
                }
                return Err(error);
            }
            None => {
                let sentence = "Microsoft left one of several questions unanswered";
                return Err(Error::new(ErrorKind::Unavailable, sentence));
            }
        };
        for row in server.rest(calendar, page, find::parse).await? {
            if ident::is_made_by(&row, key) {
                return Ok(Some(row));
            }
            if ident::is_part_made_by(&row, key) {
                part = Some(row);
                continue;
            }
            is_taken |= ident::linked(&row).is_none() && ident::uid(&row) == series.uid;
        }
    }
    if part.is_some() {
        return Ok(part);
    }
    if is_taken {
        let sentence = "Microsoft has an event with this UID already";
        return Err(Error::new(ErrorKind::AlreadyExists, sentence));
    }
    Ok(None)
}

/// Changes `current` into `target`.
pub(crate) async fn update(
    server: &Server,
    calendar: &CalendarId,
    current: &Resource,
    target: &Series,
) -> Result<Resource> {
    let job = Job::new(server, calendar);
    let rows = held(&job, current).await?.ok_or_else(fetch::gone)?;
    if target.cancels_beyond(&current.series) {
        check_deletable(&rows, "an occurrence of it")?;
    }
    job.told(bring(&job, &current.id, rows, target).await)
}

/// Refuses a deletion, of `what`, that others would be told of, or would have to be.
fn check_deletable(rows: &Rows, what: &str) -> Result<()> {
    // Everybody invited would get a cancellation.
    // quirk: microsoft-53
    if rows.all().any(|row| row.has_attendees() && row.is_organizer()) {
        let sentence = format!(
            "people are invited to it, who would get mail if {what} were deleted; delete {what} in \
             Outlook"
        );
        return Err(Error::new(ErrorKind::Rejected, sentence));
    }
    // Nobody documents whether Exchange answers the organizer; either they get mail, or they go on
    // believing that we come. What they have called off themselves may go.
    // quirk: microsoft-54
    if rows.all().any(|row| row.has_attendees() && !row.is_cancelled()) {
        let sentence =
            format!("it is somebody else's meeting: decline {what} where you were invited");
        return Err(Error::new(ErrorKind::Rejected, sentence));
    }
    Ok(())
}

/// Deletes `current`.
pub(crate) async fn delete(
    server: &Server,
    calendar: &CalendarId,
    current: &Resource,
) -> Result<()> {
    let job = Job::new(server, calendar);
    let Some(rows) = held(&job, current).await? else { return Ok(()) };
    check_deletable(&rows, "it")?;
    // The first one is the last to go, and says until then that the others are not gone because
    // somebody cancelled them.
    let mut last: Vec<Row> = rows.linked.values().chain(&rows.master).cloned().collect();
    if last.len() > 1
        && let Some(first) = last.pop()
    {
        let mut body = crate::fields::Body::new();
        let state = parts::open(&current.series);
        draft::mark_changed(&mut body, &first, &[(Mark::State, &state)]);
        last.push(if body.is_empty() { first } else { job.patch(&first, &body).await? });
    }
    for row in &last {
        let deleted = job.delete(row).await;
        job.told(deleted)?;
    }
    Ok(())
}

/// The rows of a resource as they are held now; `None` when there are none. Of a single event its
/// own etag tells at the write; of anything else nobody documents that one etag covers it all, so
/// it is looked at.
///
/// # Errors
/// [`ErrorKind::Stale`] when they are not those of the resource's version.
// quirk: microsoft-51
async fn held(job: &Job<'_>, current: &Resource) -> Result<Option<Rows>> {
    let stale = || Error::new(ErrorKind::Stale, "Microsoft holds another version");
    let version = current.version.as_ref().ok_or_else(stale)?;
    if let Some(rows) = Rows::from_raw(&current.raw)
        && rows.is_plain()
        && rows.version().as_ref() == Some(version)
        && rows.master.as_ref().is_some_and(|row| row.mark(Mark::State).is_none())
    {
        return Ok(Some(rows));
    }
    let Some(rows) = fetch::rows(job.server, job.calendar, &current.id).await? else {
        return Ok(None);
    };
    if rows.version().as_ref() == Some(version) { Ok(Some(rows)) } else { Err(stale()) }
}

/// Brings the rows of a resource to what a series should be.
async fn bring(job: &Job<'_>, id: &ResourceId, rows: Rows, target: &Series) -> Result<Resource> {
    match form(target) {
        // Without its first event it can only go on as linked ones.
        Form::Once | Form::Pattern(_) if rows.master.is_none() => {
            linked::bring(job, id, rows, target).await
        }
        Form::Once => native::bring(job, id, rows, target, None).await,
        Form::Pattern(pattern) => native::bring(job, id, rows, target, Some(&pattern)).await,
        Form::Parts(_) => linked::bring(job, id, rows, target).await,
    }
}
