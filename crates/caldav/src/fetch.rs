//! The content of resources: many at once, one by one where a server stumbles over many. What an
//! answer leaves out is not absent; only an answer about that one resource says so. A resource that
//! is refused by itself, while the calendar answers, is withheld: that is no outage.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::stream::{self, StreamExt as _};
use ical::tree::{Component, Document};
use model::{CalendarId, Resource, ResourceId, Version};
use provider::{Error, ErrorKind, Fetched, Outcome, Result, Unreadable};
use transport::{TooLarge, TooSlow};

use crate::observe;
use crate::path::Collection;
use crate::requests::get;
use crate::requests::multiget::{self, Got};
use crate::scheduling;
use crate::server::Server;

/// Resources in one multiget: many enough that requests do not dominate, few enough for every
/// server that is known (Apple's own took 5000, iCloud's limit is unknown).
const BATCH: usize = 200;

/// Batches, and single requests, at the same time.
const SIDE_BY_SIDE: usize = 2;

/// Failures in a row, without any success, after which the calendar itself is asked whether it
/// answers: halving [`BATCH`] down to the one resource that it stumbles over takes eight.
const MANY_IN_A_ROW: usize = 10;

/// Failures of one fetch after which batches are no longer halved, nor their resources asked for
/// alone. It takes eight resources or more that a server stumbles over, wherever they stand.
const MOST_FAILURES: usize = 100;

/// How many failures an answer counts for that was waited for in vain.
const SLOW_FAILURE: usize = 20;

/// Content of `ids`.
pub(crate) async fn fetch(
    server: &Server,
    calendar: &CalendarId,
    ids: &[ResourceId],
) -> Result<Vec<Fetched>> {
    let collection = server.collection(calendar)?;
    let failures = Failures::default();
    let mut work = Vec::new();
    for batch in ids.chunks(BATCH) {
        work.push(fetch_batch(server, &collection, batch, &failures));
    }
    let batches: Vec<Vec<Fetched>> = stream::iter(work).buffered(SIDE_BY_SIDE).collect().await;
    let mut fetched: Vec<Fetched> = batches.into_iter().flatten().collect();
    // That one is withheld says nothing about it unless the calendar itself answers.
    // quirk: caldav-15
    if fetched.iter().any(|one| matches!(one.outcome, Outcome::Withheld(_)))
        && let Err(outage) = observe::look(server, &collection).await
    {
        fetched = fetched.into_iter().map(|one| unanswered(one, &outage)).collect();
    }
    note_declined(server, calendar, &mut fetched).await;
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

/// How often a fetch was refused what it asked for.
#[derive(Default)]
struct Failures(AtomicUsize);

impl Failures {
    /// Counts one; says what it counts for.
    fn note(&self, error: &Error) -> usize {
        let counts = if is::<TooSlow>(error) { SLOW_FAILURE } else { 1 };
        self.0.fetch_add(counts, Ordering::Relaxed);
        counts
    }

    fn are_enough(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= MOST_FAILURES
    }
}

fn unanswered(fetched: Fetched, outage: &Error) -> Fetched {
    let Fetched { id, outcome } = fetched;
    let outcome = match outcome {
        Outcome::Withheld(_) => Outcome::Failed(same(outage)),
        Outcome::Found(_)
        | Outcome::Unreadable(_)
        | Outcome::Gone
        | Outcome::NoEvent
        | Outcome::Failed(_) => outcome,
    };
    Fetched { id, outcome }
}

/// Notes which meetings we have declined. One of which that can't be found out now is withheld: a
/// rule may keep it on its side, and it must not cross for want of an answer.
async fn note_declined(server: &Server, calendar: &CalendarId, fetched: &mut [Fetched]) {
    let mut refused: Option<(ErrorKind, String)> = None;
    for one in fetched {
        let Outcome::Found(resource) = &mut one.outcome else { continue };
        if !scheduling::names_decliners(&resource.raw) {
            continue;
        }
        // Whoever did not answer is not asked once for each event.
        let error = match &refused {
            Some((kind, sentence)) => Error::new(*kind, sentence.clone()),
            None => match scheduling::is_declined(server, calendar, &resource.raw).await {
                Ok(declined) => {
                    resource.series.declined = declined;
                    continue;
                }
                Err(error) => error,
            },
        };
        refused = Some((error.kind(), error.sentence().to_owned()));
        one.outcome = if error.kind().is_of_account() {
            Outcome::Failed(error)
        } else {
            Outcome::Withheld(error)
        };
    }
}

/// One [`Fetched`] for each id of a batch, which is halved until its parts are answered, or until
/// there were so many failures that the rest is withheld as it stands.
async fn fetch_batch(
    server: &Server,
    collection: &Collection,
    ids: &[ResourceId],
    failures: &Failures,
) -> Vec<Fetched> {
    let mut fetched = Vec::with_capacity(ids.len());
    let mut alone: Vec<(&ResourceId, Error)> = Vec::new();
    let mut open = vec![ids];
    let mut in_a_row = 0;
    while let Some(part) = open.pop() {
        let error = match several(server, collection, part).await {
            Ok(mut got) => {
                in_a_row = 0;
                for id in part {
                    match got.remove(id) {
                        Some(Got::Content(version, data)) => {
                            fetched.push(content(server, id, version, data));
                        }
                        Some(Got::Absent) => fetched.push(gone(id)),
                        // quirk: icloud-38, icloud-39
                        Some(Got::Unclear) | None => alone.push((id, given_up(server))),
                    }
                }
                continue;
            }
            Err(error) => error,
        };
        let mut outage = None;
        if may_be_what_was_asked(&error) {
            in_a_row += failures.note(&error);
            if in_a_row >= MANY_IN_A_ROW {
                in_a_row = 0;
                outage = observe::look(server, collection).await.err();
            }
        } else {
            outage = Some(same(&error));
        }
        if let Some(outage) = outage {
            fail(&mut fetched, part, &outage, Outcome::Failed);
            for part in std::mem::take(&mut open) {
                fail(&mut fetched, part, &given_up(server), Outcome::Failed);
            }
            for (id, error) in std::mem::take(&mut alone) {
                fail(&mut fetched, std::slice::from_ref(id), &error, Outcome::Failed);
            }
        } else if let [only] = part {
            alone.push((only, error));
        } else if !failures.are_enough() {
            // quirk: caldav-2
            let (first, second) = part.split_at(part.len() / 2);
            open.extend([second, first]);
        } else {
            fail(&mut fetched, part, &error, Outcome::Withheld);
            if is::<TooSlow>(&error) {
                for part in std::mem::take(&mut open) {
                    fail(&mut fetched, part, &given_up(server), Outcome::Withheld);
                }
            }
        }
    }
    let mut work = Vec::new();
    for (id, error) in alone {
        work.push(one(server, collection, id, error, failures));
    }
    let single: Vec<Fetched> = stream::iter(work).buffered(SIDE_BY_SIDE).collect().await;
    fetched.extend(single);
    fetched
}

async fn several(
    server: &Server,
    collection: &Collection,
    ids: &[ResourceId],
) -> Result<HashMap<ResourceId, Got>> {
    let answer = server.ask(multiget::prepare(collection, ids)).await?;
    Ok(multiget::parse(&answer, collection)?.into_iter().collect())
}

/// One resource by itself; it is left at the `error` of before when there were failures enough.
async fn one(
    server: &Server,
    collection: &Collection,
    id: &ResourceId,
    error: Error,
    failures: &Failures,
) -> Fetched {
    let outcome = if failures.are_enough() {
        Outcome::Withheld(error)
    } else {
        match get_one(server, collection, id).await {
            Ok(Got::Content(version, data)) => return content(server, id, version, data),
            Ok(Got::Absent) => Outcome::Gone,
            Ok(Got::Unclear) => Outcome::Failed(given_up(server)),
            Err(error) if may_be_what_was_asked(&error) => {
                failures.note(&error);
                Outcome::Withheld(error)
            }
            Err(error) => Outcome::Failed(error),
        }
    };
    Fetched { id: id.clone(), outcome }
}

/// GET of one resource.
pub(crate) async fn get_one(
    server: &Server,
    collection: &Collection,
    id: &ResourceId,
) -> Result<Got> {
    let url = server.resource(collection, id)?;
    let answer = server.ask(get::prepare(&url)).await?;
    get::parse(&answer)
}

/// Whether it may lie in what was asked for, so that a smaller batch could do better: not when
/// nobody answers, or nobody may ask.
fn may_be_what_was_asked(error: &Error) -> bool {
    match error.kind() {
        // quirk: icloud-3
        ErrorKind::Unauthorized | ErrorKind::RateLimited { .. } => false,
        ErrorKind::Unavailable => {
            let answered = std::error::Error::source(error).is_none();
            answered || is::<TooSlow>(error) || is::<TooLarge>(error)
        }
        _ => true,
    }
}

fn is<T: std::error::Error + 'static>(error: &Error) -> bool {
    std::error::Error::source(error).is_some_and(|cause| cause.is::<T>())
}

/// What a resource's text means.
pub(crate) fn content(
    server: &Server,
    id: &ResourceId,
    version: Option<Version>,
    data: Vec<u8>,
) -> Fetched {
    if let Some(version) = &version {
        server.saw_version(version.as_str());
    }
    let outcome = match ical::read(&data) {
        Ok(series) => {
            Outcome::Found(Box::new(Resource { id: id.clone(), version, raw: data, series }))
        }
        Err(unreadable) if is_other_component(&unreadable, &data) => Outcome::NoEvent,
        Err(unreadable) => Outcome::Unreadable(Unreadable {
            id: id.clone(),
            version,
            reason: unreadable.to_string(),
            uid: unreadable.uid,
        }),
    };
    Fetched { id: id.clone(), outcome }
}

/// Whether it is a task or a journal entry.
// quirk: caldav-5
fn is_other_component(unreadable: &ical::Unreadable, data: &[u8]) -> bool {
    let others = ["VTODO", "VJOURNAL", "VFREEBUSY", "VAVAILABILITY"];
    unreadable.reason == ical::Reason::NoEvent
        && Document::parse(data).is_ok_and(|document| {
            let parts = document.components().flat_map(Component::components);
            parts.map(Component::name).any(|name| others.contains(&name))
        })
}

fn gone(id: &ResourceId) -> Fetched {
    Fetched { id: id.clone(), outcome: Outcome::Gone }
}

fn fail(fetched: &mut Vec<Fetched>, ids: &[ResourceId], error: &Error, how: fn(Error) -> Outcome) {
    fetched.extend(ids.iter().map(|id| Fetched { id: id.clone(), outcome: how(same(error)) }));
}

/// The same error once more, without its cause.
fn same(error: &Error) -> Error {
    Error::new(error.kind(), error.sentence().to_owned())
}

fn given_up(server: &Server) -> Error {
    let sentence = format!("{} could not be asked about every event", server.place());
    Error::new(ErrorKind::Unavailable, sentence)
}
