//! Writes, every one under a condition. A refusal is looked into before it is believed: the same
//! status means that somebody was faster, that the UID is taken, that the event is not accepted,
//! or that the calendar is gone.

use http::HeaderValue;
use model::{CalendarId, CreateKey, Origin, Resource, ResourceId, Rights, Series, Version};
use provider::{Error, ErrorKind, Outcome, Result};
use transport::{Repeated, Url};

use crate::fetch::{content, get_one};
use crate::observe::look;
use crate::path::Collection;
use crate::requests::multiget::Got;
use crate::requests::put::{Condition, Put};
use crate::requests::version::Presence;
use crate::requests::{delete as delete_request, put, version as version_request};
use crate::scheduling::{Doing, permit};
use crate::server::{Preconditions, Server};

/// The name of what a creation makes, where the server doesn't choose its own.
pub(crate) fn created(key: &CreateKey) -> ResourceId {
    ResourceId::new(format!("{key}.ics"))
}

/// Creates a series under the name that the key gives it, with the seal of a `hand`.
pub(crate) async fn create(
    server: &Server,
    calendar: &CalendarId,
    series: &Series,
    key: &CreateKey,
    hand: Option<&str>,
) -> Result<Resource> {
    // An end, a definition of every zone, no METHOD, nobody invited: what `ical` writes.
    // quirk: icloud-45, icloud-47, icloud-48
    let mut raw = ical::create(series, server.now());
    if let Some(hand) = hand {
        raw = ical::sealed(&raw, hand);
    }
    create_as(server, calendar, raw, series, key).await
}

/// Creates a series as this text, which means it.
pub(crate) async fn create_as(
    server: &Server,
    calendar: &CalendarId,
    raw: Vec<u8>,
    series: &Series,
    key: &CreateKey,
) -> Result<Resource> {
    let collection = server.collection(calendar)?;
    // quirk: caldav-93
    let id = created(key);
    let url = server.resource(&collection, &id)?;
    // quirk: caldav-85
    if server.preconditions() == Preconditions::Unreliable
        && presence(server, &url).await? != Presence::Absent
    {
        return created_before(server, &collection, &id, series).await;
    }
    let ask = put::prepare(&url, raw.clone(), Condition::Absent);
    let answer = server.write(ask).await?;
    match put::parse(&answer)? {
        Put::Stored(version) => Ok(stored(server, id, version, raw, series)),
        Put::ConditionFailed => created_before(server, &collection, &id, series).await,
        Put::UidTaken => Err(taken(server)),
        Put::Invalid(reason) => Err(rejected(server, &reason)),
        refusal @ (Put::Conflict | Put::NotAllowed | Put::NotFound | Put::Refused(_)) => {
            // quirk: icloud-45, icloud-46, icloud-49
            writable(server, &collection).await?;
            Err(match refusal {
                Put::Conflict => taken(server),
                Put::NotFound => rejected(server, "404"),
                Put::Refused(reason) => rejected(server, &reason),
                _ => read_only(server),
            })
        }
    }
}

/// Changes `current` into `target`. A seal of this `hand` that holds is renewed; any other is
/// broken, and whoever put it there sees that somebody else has written.
pub(crate) async fn update(
    server: &Server,
    calendar: &CalendarId,
    current: &Resource,
    target: &Series,
    hand: Option<&str>,
) -> Result<Resource> {
    let mut raw = ical::edit(&current.raw, &current.series, target, server.now())
        .map_err(|error| Error::new(ErrorKind::Rejected, error.to_string()))?;
    if raw == current.raw {
        return Ok(current.clone());
    }
    if let Some(hand) = hand.filter(|hand| ical::origin(&current.raw, hand) == Origin::Sealed) {
        raw = ical::sealed(&raw, hand);
    }
    replace(server, calendar, current, raw, target).await
}

/// Puts this text, which means `target`, in the place of `current`.
pub(crate) async fn replace(
    server: &Server,
    calendar: &CalendarId,
    current: &Resource,
    raw: Vec<u8>,
    target: &Series,
) -> Result<Resource> {
    let collection = server.collection(calendar)?;
    let url = server.resource(&collection, &current.id)?;
    let version = condition(server, &url, current).await?;
    permit(server, calendar, current, Doing::Update(target)).await?;
    expected(server, &url, version).await?;
    let ask = put::prepare(&url, raw.clone(), Condition::Version(version));
    let answer = server.write(ask).await?;
    match put::parse(&answer)? {
        Put::Stored(version) => {
            Ok(answered(current, stored(server, current.id.clone(), version, raw, target)))
        }
        Put::Invalid(reason) => Err(rejected(server, &reason)),
        Put::UidTaken => Err(rejected(server, "its UID is taken")),
        refusal @ (Put::ConditionFailed | Put::Conflict) => {
            let held = get_one(server, &collection, &current.id).await?;
            let Got::Content(now, data) = held else { return Err(gone(server)) };
            if now.as_ref() == Some(version) {
                // A server that holds the very version we named has another reason.
                let status = if refusal == Put::Conflict { "409" } else { "412" };
                return Err(rejected(server, status));
            }
            // Our own write, whose answer was lost, is what we wanted.
            // quirk: icloud-65
            match content(server, &current.id, now, data).outcome {
                Outcome::Found(found) if found.series.same_content(target) => {
                    Ok(answered(current, *found))
                }
                // Ours and rewritten, ours and edited since, or never ours: the plan has to know
                // that it may be.
                _ if answer.extensions().get::<Repeated>().is_some() => Err(unclear(server)),
                _ => Err(stale(server)),
            }
        }
        // quirk: icloud-45, icloud-46
        Put::NotFound => match get_one(server, &collection, &current.id).await? {
            Got::Absent => Err(gone(server)),
            Got::Content(..) | Got::Unclear => Err(rejected(server, "404")),
        },
        Put::Refused(reason) => {
            writable(server, &collection).await?;
            Err(rejected(server, &reason))
        }
        Put::NotAllowed => Err(read_only(server)),
    }
}

/// Deletes `current`.
// quirk: icloud-64
pub(crate) async fn delete(
    server: &Server,
    calendar: &CalendarId,
    current: &Resource,
) -> Result<()> {
    let collection = server.collection(calendar)?;
    let url = server.resource(&collection, &current.id)?;
    let version = condition(server, &url, current).await?;
    match expected(server, &url, version).await {
        Err(error) if error.kind() == ErrorKind::Gone => return Ok(()),
        expected => expected?,
    }
    permit(server, calendar, current, Doing::Delete).await?;
    let answer = server.write(delete_request::prepare(&url, version)).await?;
    match delete_request::parse(&answer) {
        // Nothing is in no version: strict servers refuse to delete it.
        // quirk: caldav-8
        Err(error) if error.kind() == ErrorKind::Stale => match presence(server, &url).await? {
            Presence::Absent => Ok(()),
            // A server that holds the very version we named has another reason.
            Presence::There(now) if now.as_ref() == Some(version) => {
                Err(rejected_deletion(server, answer.status().as_str()))
            }
            Presence::There(_) => Err(error),
        },
        outcome => outcome,
    }
}

/// The version that a write is conditional on.
///
/// # Errors
/// `Stale` where none is known, `Rejected` where the server states none.
async fn condition<'a>(server: &Server, url: &Url, current: &'a Resource) -> Result<&'a Version> {
    if let Some(version) = current.version.as_ref().filter(|version| is_legal(version)) {
        server.saw_version(version.as_str());
        return Ok(version);
    }
    match presence(server, url).await? {
        Presence::There(Some(now)) if is_legal(&now) => Err(stale(server)),
        Presence::There(_) => Err(rejected(server, "it states no version that can be named")),
        Presence::Absent => Err(gone(server)),
    }
}

fn is_legal(version: &Version) -> bool {
    HeaderValue::from_str(version.as_str()).is_ok()
}

/// Where the server can't be trusted to compare versions, does it just before a write. What happens
/// in between is lost; nothing better can be done there.
///
/// # Errors
/// `Gone` when nothing is there, `Stale` when another version is.
// quirk: caldav-85
async fn expected(server: &Server, url: &Url, version: &Version) -> Result<()> {
    if server.preconditions() == Preconditions::Reliable {
        return Ok(());
    }
    match presence(server, url).await? {
        Presence::There(now) if now.as_ref() == Some(version) => Ok(()),
        Presence::There(_) => Err(stale(server)),
        Presence::Absent => Err(gone(server)),
    }
}

/// A create was refused because something is there: what an earlier try made, or another event.
// quirk: icloud-65
async fn created_before(
    server: &Server,
    collection: &Collection,
    id: &ResourceId,
    series: &Series,
) -> Result<Resource> {
    match get_one(server, collection, id).await? {
        Got::Content(version, data) => match content(server, id, version, data).outcome {
            Outcome::Found(found) if found.series.uid == series.uid => Ok(*found),
            _ => Err(taken(server)),
        },
        // quirk: icloud-49, icloud-50
        Got::Absent | Got::Unclear => {
            writable(server, collection).await?;
            Err(taken(server))
        }
    }
}

/// The resource after a write. What is stored is what was sent where the server gave it a version;
/// else it has to be read.
fn stored(
    server: &Server,
    id: ResourceId,
    version: Option<Version>,
    raw: Vec<u8>,
    target: &Series,
) -> Resource {
    if let Some(version) = &version {
        server.saw_version(version.as_str());
    }
    let series = ical::read(&raw).unwrap_or_else(|_| target.clone());
    Resource { id, version, raw, series }
}

/// What became of `current` by a write of ours: none of them answers an invitation.
fn answered(current: &Resource, mut written: Resource) -> Resource {
    written.series.declined = current.series.declined;
    written
}

async fn presence(server: &Server, url: &Url) -> Result<Presence> {
    let answer = server.ask(version_request::prepare(url)).await?;
    version_request::parse(&answer)
}

/// Looks at a calendar that refused a write.
///
/// # Errors
/// `Gone` when it is gone, `Forbidden` when it is read-only.
// quirk: icloud-21
async fn writable(server: &Server, collection: &Collection) -> Result<()> {
    match look(server, collection).await?.rights {
        Rights::Write => Ok(()),
        Rights::Read => Err(read_only(server)),
    }
}

fn rejected(server: &Server, reason: &str) -> Error {
    let sentence = format!("{} does not accept this event ({reason})", server.place());
    Error::new(ErrorKind::Rejected, sentence)
}

fn rejected_deletion(server: &Server, reason: &str) -> Error {
    let sentence = format!("{} does not let this event be deleted ({reason})", server.place());
    Error::new(ErrorKind::Rejected, sentence)
}

fn taken(server: &Server) -> Error {
    Error::new(
        ErrorKind::AlreadyExists,
        format!(
            "{} has this event already, in this or another calendar, or remembers a deleted one",
            server.place()
        ),
    )
}

fn read_only(server: &Server) -> Error {
    let sentence = format!("{} does not allow writing to this calendar", server.place());
    Error::new(ErrorKind::Forbidden, sentence)
}

fn unclear(server: &Server) -> Error {
    let sentence = format!("{} may have been changed, and did not say so", server.place());
    Error::new(ErrorKind::Unavailable, sentence)
}

fn stale(server: &Server) -> Error {
    let sentence = format!("{} holds another version of this event", server.place());
    Error::new(ErrorKind::Stale, sentence)
}

fn gone(server: &Server) -> Error {
    Error::new(ErrorKind::Gone, format!("{} no longer has this event", server.place()))
}
