//! The exceptions of a series, one by one: an occurrence is changed or deleted where Exchange has
//! it. What was cancelled can't be put back there, and what Exchange does not let move becomes a
//! single event that is linked to its series.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use model::{Event, Exception, Resource, ResourceId, Series, Uid, When};
use provider::{Error, ErrorKind, Result};

use super::job::{Job, refused, unread};
use super::meanwhile::{Standing, edited};
use super::native::{differs, ordinary};
use crate::draft;
use crate::fetch::{self, PARTS};
use crate::fields;
use crate::ident::{self, Mark};
use crate::kept::{Memory, Whole};
use crate::parts;
use crate::requests::instances;
use crate::requests::update::Changed;
use crate::row::{Kind, Row};
use crate::rows::Rows;
use crate::series::{self, ReadRow, read_row};

/// Around the original starts that are asked for: days and zones may lie aside.
const SLACK: SignedDuration = SignedDuration::from_hours(36);

/// The widest window that Graph takes.
// quirk: microsoft-15
const WIDEST: SignedDuration = SignedDuration::from_hours(1825 * 24);

/// One exception that is to be otherwise.
struct Step {
    key: When,
    /// What is to take place; `None` for nothing.
    event: Option<Event>,
}

/// Brings the exceptions of a series to what they should be.
pub(super) async fn bring(
    job: &Job<'_>,
    id: &ResourceId,
    rows: Rows,
    target: &Series,
) -> Result<Resource> {
    let held = series::written(&rows).map_err(unread)?;
    let row = rows.master.clone().ok_or_else(fetch::gone)?;
    let read = read_row(&row).map_err(unread)?;
    let doubled = doubled(&rows, &row, &read, &held);
    let steps = steps(&held, target, &doubled);
    let standing = Standing::of(&rows).map_err(unread)?;
    let opening = Some(parts::open(target)).filter(|open| row.mark(Mark::State) != Some(open));
    let mut done = Done { memory: read.memory.clone(), standing, opening };
    if !steps.is_empty() {
        let places = Places::find(job, &rows, &row, &read, &steps, &held.uid).await?;
        for step in &steps {
            places.take(job, id, &row, &held, step, &mut done).await?;
        }
    }
    close(job, id, rows, &read, done, steps.is_empty()).await
}

/// What the steps have made so far.
struct Done {
    memory: Memory,
    /// What is there if nobody else does anything.
    standing: Standing,
    /// What the series has to say before it gets a linked event; `None` when it does.
    opening: Option<String>,
}

/// The occurrences that take place twice: a linked event stands for them, and Exchange has made
/// them anew since.
// quirk: microsoft-42
fn doubled(rows: &Rows, master: &Row, read: &ReadRow, held: &Series) -> BTreeSet<When> {
    let days = master.cancelled_days().unwrap_or_default();
    let cancelled: BTreeSet<When> = days.into_iter().map(|day| read.key_on(day)).collect();
    let linked = rows.linked.values().filter_map(|row| row.mark(Mark::Slot));
    let linked = linked.filter_map(|slot| series::slot_key(slot, &read.exact.event.start));
    let linked: BTreeSet<When> = linked.filter(|key| !cancelled.contains(key)).collect();
    ical::made(held, linked.iter())
}

/// What has to be done, in the order of original starts.
fn steps(held: &Series, target: &Series, doubled: &BTreeSet<When>) -> Vec<Step> {
    let excepted = held.exceptions.keys().chain(target.exceptions.keys());
    let keys: BTreeSet<&When> = excepted.chain(doubled).collect();
    let made = ical::made(target, keys.iter().copied());
    let mut steps = Vec::new();
    for key in keys {
        let event = match (held.exceptions.get(key), target.exceptions.get(key)) {
            (Some(Exception::Cancelled), Some(Exception::Cancelled)) => continue,
            (Some(Exception::Override(held)), Some(Exception::Override(wanted)))
                if !differs(held, wanted) && !doubled.contains(key) =>
            {
                continue;
            }
            (_, Some(Exception::Override(wanted))) => Some((**wanted).clone()),
            (_, Some(Exception::Cancelled)) => None,
            // What the rule does not make any more is nothing.
            (_, None) => ordinary(target, key).filter(|_| made.contains(key)),
        };
        steps.push(Step { key: key.clone(), event });
    }
    steps
}

/// Where exceptions are at Microsoft.
struct Places<'r> {
    /// Occurrences and exceptions, by key.
    rows: BTreeMap<When, Row>,
    /// Linked single events, by key.
    linked: BTreeMap<When, &'r Row>,
    zone: Option<&'r str>,
    /// Makes transactions of this change its own.
    salt: String,
    /// The UID of the series.
    uid: Uid,
}

impl<'r> Places<'r> {
    async fn find(
        job: &Job<'_>,
        rows: &'r Rows,
        master: &'r Row,
        read: &ReadRow,
        steps: &[Step],
        uid: &Uid,
    ) -> Result<Self> {
        let zone = master.recurrence_zone();
        let keyed = |row: &Row| row.original().map(|at| (read.key(at, zone), row.clone()));
        let mut found: BTreeMap<When, Row> = rows.exceptions.values().filter_map(keyed).collect();
        let sought = steps.iter().map(|step| &step.key);
        let sought: Vec<&When> = sought.filter(|key| !found.contains_key(*key)).collect();
        for (from, until) in windows(&sought) {
            let ask = instances::prepare(job.server.graph(), master.id(), from, until);
            let listed = job.server.all(job.calendar, ask, instances::parse).await?;
            for (key, row) in listed.iter().filter_map(keyed) {
                if row.kind() == Kind::Exception && sought.contains(&&key) {
                    // It was none when the series was looked at.
                    return Err(edited());
                }
                found.entry(key).or_insert(row);
            }
        }
        let linked = rows.linked.values();
        let by_key = |row: &'r Row| {
            Some((series::slot_key(row.mark(Mark::Slot)?, &read.exact.event.start)?, row))
        };
        let linked = linked.filter_map(by_key).collect();
        let uid = uid.clone();
        let salt = rows.version().map(|version| version.to_string()).unwrap_or_default();
        Ok(Self { rows: found, linked, zone, salt, uid })
    }

    async fn take(
        &self,
        job: &Job<'_>,
        id: &ResourceId,
        master: &Row,
        held: &Series,
        step: &Step,
        done: &mut Done,
    ) -> Result<()> {
        let linked = self.linked.get(&step.key).copied();
        match (&step.event, linked, self.rows.get(&step.key)) {
            (None, linked, row) => {
                if let Some(linked) = linked {
                    job.delete(linked).await?;
                    done.standing.linked.remove(&step.key);
                }
                let Some(row) = row else { return Ok(()) };
                job.delete_occurrence(row).await.map_err(|error| half(error, master))?;
                done.standing.cancel(&step.key);
                Ok(())
            }
            (Some(event), Some(linked), None) => {
                change_linked(job, linked, &step.key, event).await?;
                done.standing.linked.insert(step.key.clone(), event.clone());
                Ok(())
            }
            (Some(event), linked, Some(row)) => {
                let own = match held.exceptions.get(&step.key) {
                    Some(Exception::Override(now)) if linked.is_none() => Some((**now).clone()),
                    _ => None,
                };
                if let Some(linked) = linked {
                    // Exchange has it again by itself.
                    job.delete(linked).await?;
                    done.standing.linked.remove(&step.key);
                }
                let ordinary = || match row.kind() {
                    Kind::Exception => fields::read(row, self.zone).ok(),
                    Kind::Occurrence | Kind::Single | Kind::Master => ordinary(held, &step.key),
                };
                let now = own.or_else(ordinary).unwrap_or_else(|| event.clone());
                self.change(job, id, row, &now, step, event, done).await
            }
            (Some(event), None, None) => self.link(job, id, &step.key, event, done).await,
        }
    }

    /// Changes an occurrence; one that must not go where it should is replaced.
    // quirk: microsoft-41
    #[allow(clippy::too_many_arguments, reason = "one step, told in full")]
    async fn change(
        &self,
        job: &Job<'_>,
        id: &ResourceId,
        row: &Row,
        now: &Event,
        step: &Step,
        event: &Event,
        done: &mut Done,
    ) -> Result<()> {
        let body = draft::occurrence_patch(row, now, event, &job.frame).map_err(refused)?;
        let slot = ident::slot(&step.key);
        if !body.is_empty() {
            match job.patch_occurrence(row, &body).await? {
                Changed::Row(answer) => {
                    let event = fields::read(&answer, self.zone).map_err(unread)?;
                    done.standing.exceptions.insert(step.key.clone(), event);
                }
                Changed::Crossing => {
                    open(job, id, done).await?;
                    job.delete_occurrence(row).await?;
                    done.standing.cancel(&step.key);
                    return self.link(job, id, &step.key, event, done).await;
                }
            }
        }
        let memory = &mut done.memory;
        draft::remember_exception(memory, &slot, row, &body, event, self.zone).map_err(unread)
    }

    /// Makes a single event that stands for an occurrence.
    async fn link(
        &self,
        job: &Job<'_>,
        id: &ResourceId,
        key: &When,
        event: &Event,
        done: &mut Done,
    ) -> Result<()> {
        let slot = ident::slot(key);
        let whole = Whole::once(event.clone());
        let mut body = draft::creation(&whole, None, &job.frame).map_err(refused)?;
        let mut memory = Memory::default();
        draft::remember(&mut memory, None, &body, &whole).map_err(unread)?;
        let kept = memory.text();
        let mut marks = vec![
            (Mark::Uid, self.uid.as_str()),
            (Mark::Link, id.as_str()),
            (Mark::Slot, slot.as_str()),
        ];
        marks.extend((!kept.is_empty()).then_some((Mark::Kept, kept.as_str())));
        draft::mark(&mut body, &marks);
        open(job, id, done).await?;
        let transaction = ident::part_transaction(id, &slot, &self.salt);
        // What was made before is there.
        job.create(&body, &transaction).await?;
        done.standing.linked.insert(key.clone(), event.clone());
        Ok(())
    }
}

/// Makes a series say what it is to be, before it gets a linked event: those are looked for only
/// where it says that there may be some. Interrupted after that, one that was made and not told of
/// would be found by nobody, and an occurrence that gave way to it would be somebody's deletion.
async fn open(job: &Job<'_>, id: &ResourceId, done: &mut Done) -> Result<()> {
    let Some(opening) = done.opening.take() else { return Ok(()) };
    let rows = fetch::rows(job.server, job.calendar, id).await?.ok_or_else(fetch::gone)?;
    let master = rows.master.ok_or_else(fetch::gone)?;
    let mut body = fields::Body::new();
    if !master.has_attendees() {
        draft::mark_changed(&mut body, &master, &[(Mark::State, &opening)]);
    }
    if body.is_empty() { Ok(()) } else { job.patch(&master, &body).await.map(drop) }
}

async fn change_linked(job: &Job<'_>, row: &Row, key: &When, event: &Event) -> Result<()> {
    let read = read_row(row).map_err(unread)?;
    let whole = Whole::once(event.clone());
    let mut body = draft::patch(row, &read.exact, &whole, None, &job.frame).map_err(refused)?;
    let mut memory = Memory::of(row);
    draft::remember(&mut memory, Some(row), &body, &whole).map_err(unread)?;
    let (kept, slot) = (memory.text(), ident::slot(key));
    draft::mark_changed(&mut body, row, &[(Mark::Kept, &*kept), (Mark::Slot, &*slot)]);
    if body.is_empty() {
        return Ok(());
    }
    job.patch(row, &body).await.map(drop)
}

/// An occurrence that is gone is no series that is gone.
fn half(error: Error, master: &Row) -> Error {
    if error.kind() != ErrorKind::Gone || master.id().is_empty() {
        return error;
    }
    Error::new(ErrorKind::Stale, "one of its occurrences is not there any more").because(error)
}

/// Windows that hold the original starts, as few as Graph allows.
fn windows(keys: &[&When]) -> Vec<(Timestamp, Timestamp)> {
    let mut at: Vec<Timestamp> =
        keys.iter().filter_map(|key| ical::instant(key, &TimeZone::UTC)).collect();
    at.sort_unstable();
    let mut windows: Vec<(Timestamp, Timestamp)> = Vec::new();
    for at in at {
        let from = at.checked_sub(SLACK).unwrap_or(Timestamp::MIN);
        let until = at.checked_add(SLACK).unwrap_or(Timestamp::MAX);
        match windows.last_mut() {
            Some(last) if last.0.duration_until(until) < WIDEST => last.1 = until,
            _ => windows.push((from, until)),
        }
    }
    windows
}

/// Reads the series again, and puts on its master what is remembered of exceptions, and that there
/// are linked events.
async fn close(
    job: &Job<'_>,
    id: &ResourceId,
    mut rows: Rows,
    read: &ReadRow,
    done: Done,
    is_same: bool,
) -> Result<Resource> {
    if !is_same {
        rows = fetch::rows(job.server, job.calendar, id).await?.ok_or_else(fetch::gone)?;
        let state = rows.master.as_ref().and_then(|row| row.mark(Mark::State));
        if rows.linked.is_empty() && state != Some(PARTS) {
            // The mark that says that there are some is not there yet.
            let linked = fetch::linked(job.server, job.calendar, id).await?;
            linked.into_iter().for_each(|row| rows.link(row));
        }
        done.standing.check(&rows)?;
    }
    let mut memory = done.memory;
    let master = rows.master.clone().ok_or_else(fetch::gone)?;
    let zone = master.recurrence_zone();
    let keys = rows.exceptions.values().filter_map(|row| Some(read.key(row.original()?, zone)));
    let slots: BTreeSet<String> = keys.map(|key| ident::slot(&key)).collect();
    memory.forget_all_but(|slot| slots.contains(slot));
    let state = if rows.linked.is_empty() { "" } else { PARTS };
    let mut body = fields::Body::new();
    if !master.has_attendees() {
        let marks = [(Mark::Kept, &*memory.text()), (Mark::State, state)];
        draft::mark_changed(&mut body, &master, &marks);
    }
    if body.is_empty() {
        return fetch::of_rows(id, &rows);
    }
    rows.master = Some(job.patch(&master, &body).await?);
    fetch::of_rows(id, &rows)
}
