//! Writing occurrences that differ from their master: each is a row of its own, named by its
//! original start, patched under its own condition.

use std::collections::BTreeSet;

use model::{CalendarId, Event, Exception, Resource, ResourceId, Series, When};
use provider::{ErrorKind, Result};
use serde_json::{Value, json};

use super::{Expected, Sent, Work, cancellation, check_deletable, finished, rejected, stale};
use crate::draft::{self, Target};
use crate::fields::{Refused, times::Names};
use crate::memory::Over;
use crate::row::Row;
use crate::rows::Rows;
use crate::series::{self, Anchor, is_as, read_row};
use crate::server::Server;

/// What becomes of rows that are there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Existing {
    /// They follow the target.
    Follows,
    /// They stay as they are.
    Stays,
}

/// What an occurrence is to be.
enum Wanted {
    Cancelled,
    Event(Box<Event>),
}

/// Writes what differs of the occurrences; `rows` holds the master as it is now.
pub(super) async fn write_occurrences(
    work: &Work<'_>,
    rows: &mut Rows,
    target: &Target,
    existing: Existing,
) -> Result<()> {
    let refused = |refused| rejected(work.server, refused);
    let Some(master) = rows.master.clone() else { return Ok(()) };
    let unread = |unread: crate::fields::Unread| rejected(work.server, Refused(unread.0));
    let anchor = Anchor::of(&master).map_err(unread)?;
    let lines: BTreeSet<When> = read_row(&master).map_err(unread)?.cancelled.into_iter().collect();
    let held: Vec<(When, Row)> = rows
        .exceptions
        .values()
        .filter_map(|row| Some((anchor.key(row.original()?)?, row.clone())))
        .collect();
    // quirk: google-71
    let left_over: Vec<Row> =
        rows.exceptions.values().filter(|row| anchor.is_left_over(row)).cloned().collect();
    for row in left_over.iter().filter(|_| existing == Existing::Follows) {
        rows.put(written(work, row, &cancellation(), |now| is_as(now, row)).await?);
    }
    let exceptions = &target.series().exceptions;
    let keys = held.iter().map(|(key, _)| key).chain(exceptions.keys());
    let takes_place = ical::made(target.series(), keys);
    for (key, row) in held.iter().filter(|_| existing == Existing::Follows) {
        let wanted = match exceptions.get(key) {
            Some(Exception::Override(event)) => Wanted::Event(event.clone()),
            Some(Exception::Cancelled) => Wanted::Cancelled,
            // quirk: google-42
            None if takes_place.contains(key) => {
                Wanted::Event(Box::new(ical::implied(target.master(), key)))
            }
            None => Wanted::Cancelled,
        };
        let restored = match wanted {
            Wanted::Event(_) if row.is_cancelled() => Some(restored(work, row).await?),
            Wanted::Event(_) | Wanted::Cancelled => None,
        };
        let row = restored.as_ref().unwrap_or(row);
        let patch = patch_of(work, row, target, &wanted, &anchor).map_err(refused)?;
        if let Some(patch) = patch {
            rows.put(written(work, row, &patch, |now| is_as(now, row)).await?);
        } else if let Some(row) = restored {
            rows.put(row);
        }
    }
    let has_row: BTreeSet<&When> = held.iter().map(|(key, _)| key).collect();
    let mut master = master;
    for (key, exception) in exceptions.iter().filter(|(key, _)| !has_row.contains(*key)) {
        if !takes_place.contains(key) {
            continue;
        }
        let wanted = match exception {
            Exception::Cancelled if existing == Existing::Stays || lines.contains(key) => continue,
            Exception::Cancelled => Wanted::Cancelled,
            Exception::Override(event) => Wanted::Event(event.clone()),
        };
        let row = draft::untouched(&master, &anchor, key).map_err(refused)?;
        let patch = patch_of(work, &row, target, &wanted, &anchor).map_err(refused)?;
        if let Some(patch) = patch {
            let sent = sent(work, &row, &patch, |now| is_as(now, &row)).await?;
            // The others have the etag that this one had, unless somebody changed them.
            // quirk: google-47
            if let Some(etag) = sent.renewed {
                master = master.overlaid(&json!({"etag": etag}));
            }
            rows.put(sent.row);
        }
    }
    Ok(())
}

fn patch_of(
    work: &Work<'_>,
    row: &Row,
    target: &Target,
    wanted: &Wanted,
    anchor: &Anchor,
) -> std::result::Result<Option<Value>, Refused> {
    match wanted {
        Wanted::Cancelled => Ok((!row.is_cancelled()).then(cancellation)),
        Wanted::Event(event) => {
            let floating = anchor.zone_name();
            draft::instance_patch(row, target.master(), event, &floating, work.names)
        }
    }
}

/// A cancelled occurrence takes place again: with everything that Google still has of it and that
/// is none of ours (its own reminders, links, a conference). What it is to say is written then.
// quirk: google-5
async fn restored(work: &Work<'_>, row: &Row) -> Result<Row> {
    written(work, row, &json!({"status": "confirmed"}), |now| is_as(now, row)).await
}

/// Patches the row of an occurrence, and gives it as it is then.
async fn written(
    work: &Work<'_>,
    row: &Row,
    patch: &Value,
    is_before: impl Fn(&Row) -> bool,
) -> Result<Row> {
    Ok(sent(work, row, patch, is_before).await?.row)
}

/// An occurrence that was patched.
struct Occurrence {
    row: Row,
    /// Its etag right before, where it was another than the one that was known.
    renewed: Option<String>,
}

/// Patches the row of an occurrence. A master that was written since has given its occurrences
/// another version, so they are looked at before one is given up.
// quirk: google-28, google-47
async fn sent(
    work: &Work<'_>,
    row: &Row,
    patch: &Value,
    is_before: impl Fn(&Row) -> bool,
) -> Result<Occurrence> {
    let after = row.overlaid(patch);
    let expected = |now: &Row| {
        if is_before(now) {
            Expected::Before
        } else if is_as(now, &after) {
            Expected::After
        } else {
            Expected::Neither
        }
    };
    // A cancelled row may say nothing of its version.
    // quirk: google-6
    let row = match row.etag() {
        Some(_) => row.clone(),
        None => super::live(work.server, work.calendar, row.id())
            .await?
            .filter(|now| is_before(now))
            .ok_or_else(|| stale(work.server))?,
    };
    match work.patch(&row, patch, expected).await? {
        Sent::Row(row) => Ok(Occurrence { row, renewed: None }),
        Sent::Again(row, etag) => Ok(Occurrence { row, renewed: Some(etag) }),
        Sent::ZoneUnknown => {
            Err(rejected(work.server, Refused("the time zone of an occurrence is not known there")))
        }
    }
}

/// Occurrences without their series: what is there is changed or cancelled, nothing is added.
// quirk: google-4
pub(super) async fn update_orphans(
    server: &Server,
    calendar: &CalendarId,
    current: &Resource,
    held: Rows,
    target: &Series,
) -> Result<Resource> {
    note_uid(server, calendar, &current.id, &held);
    let none = Refused(draft::ALONE);
    let known = |key: &When| current.series.exceptions.contains_key(key);
    if target.master.is_some() || !target.exceptions.keys().all(known) {
        return Err(rejected(server, none));
    }
    let goes = |(key, was): (&When, &Exception)| {
        let stays = |now: Option<&Exception>| matches!(now, Some(Exception::Override(_)));
        stays(Some(was)) && !stays(target.exceptions.get(key))
    };
    if current.series.exceptions.iter().any(goes) {
        check_deletable(server, calendar, &held, "an occurrence of it")?;
    }
    let work = Work::new(server, calendar, Names::Present);
    let mut rows = held.clone();
    match orphans_changed(&work, current, &mut rows, target).await {
        Ok(()) => finished(&work, &rows, Over::Held(&held)),
        Err(error) => Err(work.failed(error)),
    }
}

async fn orphans_changed(
    work: &Work<'_>,
    current: &Resource,
    rows: &mut Rows,
    target: &Series,
) -> Result<()> {
    let Work { server, calendar, .. } = *work;
    let none = Refused(draft::ALONE);
    for row in rows.exceptions.clone().values() {
        let alone = Rows::of(&current.id, [row.clone()]);
        let series = series::read(&alone).map_err(|unread| rejected(server, Refused(unread.0)))?;
        let Some((key, was)) = series.exceptions.into_iter().next() else { continue };
        let patch = match (target.exceptions.get(&key), &was) {
            (Some(Exception::Override(event)), Exception::Override(was)) => {
                let floating = super::floating_zone(server, calendar, event).await?;
                draft::instance_patch(row, was, event, &floating, Names::Present)
                    .map_err(|refused| rejected(server, refused))?
            }
            (Some(Exception::Override(_)), Exception::Cancelled) => {
                return Err(rejected(server, none));
            }
            (Some(Exception::Cancelled) | None, Exception::Cancelled) => None,
            (Some(Exception::Cancelled) | None, Exception::Override(_)) => Some(cancellation()),
        };
        if let Some(patch) = patch {
            rows.put(written(work, row, &patch, |now| is_as(now, row)).await?);
        }
    }
    Ok(())
}

/// Cancels every occurrence of a series that can't be seen.
// quirk: google-4
pub(super) async fn delete_orphans(
    server: &Server,
    calendar: &CalendarId,
    current: &Resource,
    rows: Rows,
) -> Result<()> {
    note_uid(server, calendar, &current.id, &rows);
    let work = Work::new(server, calendar, Names::Present);
    for row in rows.exceptions.values().filter(|row| !row.is_cancelled()) {
        match written(&work, row, &cancellation(), |now| is_as(now, row)).await {
            Err(error) if error.kind() == ErrorKind::Gone => {}
            outcome => drop(outcome?),
        }
    }
    Ok(())
}

/// Whoever looks again after a write that failed finds them by their UID only.
// quirk: google-4
fn note_uid(server: &Server, calendar: &CalendarId, id: &ResourceId, rows: &Rows) {
    if let Some(uid) = rows.all().find_map(Row::ical_uid) {
        server.saw_uid(calendar, id, uid);
    }
}
