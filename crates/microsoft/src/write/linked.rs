//! A series as linked single events: see [`crate::parts`].

use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use jiff::tz::TimeZone;
use model::{CreateKey, Event, Exception, Resource, ResourceId, Series, Uid};
use provider::{Error, ErrorKind, Result};
use serde_json::Value;

use super::job::{Job, refused, unread};
use super::meanwhile::edited;
use super::native::differs;
use crate::draft;
use crate::fetch::{self, PARTS};
use crate::fields::Body;
use crate::ident::{self, Mark};
use crate::kept::{Memory, Whole as Single};
use crate::parts::{self, Whole, rows_by_slot};
use crate::reach::Reach;
use crate::row::{Kind, Row};
use crate::rows::Rows;
use crate::series::read_row;

/// Writes of linked events that run at once: as many as Graph lets a mailbox have.
// quirk: microsoft-47
const AT_ONCE: usize = 4;

/// Creates the first event of a series, and then the others; `None` when this creation was carried
/// out before.
pub(super) async fn create(
    job: &Job<'_>,
    series: &Series,
    key: &CreateKey,
) -> Result<Option<Resource>> {
    let plan = Plan::of(job, &Rows::default(), series)?;
    let (slot, event) = plan.events.first_key_value().ok_or_else(nothing)?;
    let body = plan.body(job, slot, event, &[(Mark::State, &parts::open(series))])?;
    let Some(row) = job.create(&body, &ident::transaction(key)).await? else { return Ok(None) };
    let id = ResourceId::new(row.id());
    bring(job, &id, Rows::single(row), series).await.map(Some)
}

fn nothing() -> Error {
    Error::new(ErrorKind::Rejected, "nothing of it takes place")
}

/// What is to be there.
struct Plan {
    whole: Whole,
    /// Every event has it, whichever of them is deleted.
    uid: Uid,
    /// By slot.
    events: BTreeMap<String, Event>,
    /// The slots of what stands there from before, and stays.
    settled: BTreeSet<String>,
}

impl Plan {
    fn of(job: &Job<'_>, rows: &Rows, target: &Series) -> Result<Self> {
        let window = job.server.window();
        let held = Whole::of(rows);
        let generation = held.as_ref().map_or(1, |held| held.generation.saturating_add(1));
        let reach = Reach::of(target, held.as_ref(), &window).map_err(unread)?;
        let before = held.clone();
        // Only what every event has to know anew is a new generation.
        let stays = |held: &Whole| held.says_the_same(target) && !reach.goes_beyond(held, target);
        let whole = held
            .filter(stays)
            .unwrap_or_else(|| Whole::new(target, generation, reach.from, reach.until));
        let series = whole.series(target.uid.clone()).ok_or_else(nothing)?;
        let expected = parts::occurrences(&series, whole.from, whole.until).map_err(unread)?;
        let mut events = BTreeMap::new();
        for (slot, (key, event)) in expected {
            match target.exceptions.get(&key) {
                Some(Exception::Cancelled) => {}
                Some(Exception::Override(other)) => drop(events.insert(slot, (**other).clone())),
                None => drop(events.insert(slot, event)),
            }
        }
        if events.is_empty() {
            return Err(nothing());
        }
        let mut plan = Self { whole, uid: target.uid.clone(), events, settled: BTreeSet::new() };
        if let Some(before) = before {
            plan.settle(rows, target, &before)?;
        }
        Ok(plan)
    }

    /// What took place before those that are told of stays as it is, unless somebody says
    /// otherwise of just that occurrence.
    fn settle(&mut self, rows: &Rows, target: &Series, before: &Whole) -> Result<()> {
        let Some(series) = before.series(target.uid.clone()) else { return Ok(()) };
        let Some(start) = series.master.as_ref().map(|master| &master.start) else {
            return Ok(());
        };
        let told = parts::occurrences(&series, before.from, before.until).map_err(unread)?;
        for (slot, (key, row)) in parts::settled(rows, self.whole.from, start) {
            // The first of all stands there alone where none is in the window.
            let is_early = ical::instant(&key, &TimeZone::UTC).is_some_and(|at| at < before.from);
            if self.events.contains_key(slot) || (is_early && told.contains_key(slot)) {
                continue;
            }
            let is_first = rows.master.as_ref().is_some_and(|first| first.id() == row.id());
            match target.exceptions.get(&key) {
                Some(Exception::Cancelled) => continue,
                Some(Exception::Override(other)) => {
                    self.events.insert(slot.to_owned(), (**other).clone());
                }
                None if is_first || fetch::is_open(row) => {
                    let own = read_row(row).map_err(unread)?.exact.event;
                    self.events.insert(slot.to_owned(), own);
                }
                None => drop(self.settled.insert(slot.to_owned())),
            }
        }
        Ok(())
    }

    /// # Errors
    /// [`ErrorKind::Stale`] when the rows are not what was planned.
    fn check(&self, rows: &Rows) -> Result<()> {
        let mut by_slot = rows_by_slot(rows);
        by_slot.retain(|slot, _| !self.settled.contains(*slot));
        let mut is_met = by_slot.len() == self.events.len();
        for (slot, event) in &self.events {
            let Some(row) = by_slot.get(slot.as_str()) else { return Err(edited()) };
            is_met &= !differs(&read_row(row).map_err(unread)?.exact.event, event);
        }
        if is_met { Ok(()) } else { Err(edited()) }
    }

    /// The body of a new event.
    fn body(
        &self,
        job: &Job<'_>,
        slot: &str,
        event: &Event,
        marks: &[(Mark, &str)],
    ) -> Result<Body> {
        let single = Single::once(event.clone());
        let mut body = draft::creation(&single, None, &job.frame).map_err(refused)?;
        let mut memory = Memory::default();
        draft::remember(&mut memory, None, &body, &single).map_err(unread)?;
        let (kept, series) = (memory.text(), self.whole.text());
        let uid = (Mark::Uid, self.uid.as_str());
        let mut all = vec![uid, (Mark::Slot, slot), (Mark::Series, series.as_str())];
        all.extend((!kept.is_empty()).then_some((Mark::Kept, kept.as_str())));
        all.extend(marks);
        draft::mark(&mut body, &all);
        Ok(body)
    }

    /// What has to be written on an event so that it is what takes place in a slot.
    fn patch(&self, job: &Job<'_>, row: &Row, slot: &str, marks: &[(Mark, &str)]) -> Result<Body> {
        let event = self.events.get(slot).ok_or_else(nothing)?;
        let read = read_row(row).map_err(unread)?;
        let single = Single::once(event.clone());
        let mut body =
            draft::patch(row, &read.exact, &single, None, &job.frame).map_err(refused)?;
        if row.kind() == Kind::Master {
            body.insert("recurrence".to_owned(), Value::Null);
        }
        let mut memory = Memory::default();
        draft::remember(&mut memory, Some(row), &body, &single).map_err(unread)?;
        let (kept, series) = (memory.text(), self.whole.text());
        let own = [(Mark::Slot, slot), (Mark::Series, &*series), (Mark::Kept, &*kept)];
        draft::mark_changed(&mut body, row, &own);
        draft::mark_changed(&mut body, row, marks);
        Ok(body)
    }
}

/// Brings rows to a series: the first event, then the others, then what is too many. Where that is
/// more than one write, the first event says until the end what all of them are to be; where
/// somebody has deleted that one, another does. What a creation makes is marked as its own: it is
/// all that is found of it if the first event is deleted meanwhile.
pub(super) async fn bring(
    job: &Job<'_>,
    id: &ResourceId,
    rows: Rows,
    target: &Series,
) -> Result<Resource> {
    let plan = Plan::of(job, &rows, target)?;
    let linked: BTreeMap<&str, &Row> =
        rows.linked.values().filter_map(|row| Some((row.mark(Mark::Slot)?, row))).collect();
    let first = first_of(&rows, &plan, &linked);
    let first_slot = first.as_ref().map(|(_, slot)| slot.as_str());
    let salt = plan.whole.generation.to_string();
    let mut writes = Vec::new();
    for slot in plan.events.keys().filter(|slot| Some(slot.as_str()) != first_slot) {
        writes.push(match linked.get(slot.as_str()) {
            None => Write::Create(slot),
            Some(row) => match plan.patch(job, row, slot, &[])? {
                body if body.is_empty() => continue,
                body => Write::Change(row, body),
            },
        });
    }
    let surplus = rows.linked.values().filter(|row| {
        let slot = row.mark(Mark::Slot).unwrap_or_default();
        let is_kept = linked.get(slot).is_some_and(|kept| kept.id() == row.id());
        if first.as_ref().is_some_and(|(first, _)| first.id() == row.id()) {
            return false;
        }
        let is_meant = plan.events.contains_key(slot) || plan.settled.contains(slot);
        !is_kept || !is_meant || Some(slot) == first_slot
    });
    let surplus: Vec<&Row> = surplus.collect();
    let mut first_row = None;
    if let Some((row, slot)) = &first {
        let own = plan.patch(job, row, slot, &[(Mark::State, PARTS)])?;
        let others = writes.len() + surplus.len();
        let body = match others + usize::from(!own.is_empty()) {
            0..=1 => own,
            _ => plan.patch(job, row, slot, &[(Mark::State, &parts::open(target))])?,
        };
        first_row = Some(match body.is_empty() {
            true => (*row).clone(),
            false => job.patch(row, &body).await?,
        });
    }
    let writes: Vec<_> =
        writes.into_iter().map(|write| write_one(job, id, &plan, write, &salt)).collect();
    let written: Vec<Option<Row>> =
        stream::iter(writes).buffer_unordered(AT_ONCE).try_collect().await?;
    for row in &surplus {
        job.delete(row).await?;
    }
    if let Some(row) = &mut first_row {
        let mut body = Body::new();
        draft::mark_changed(&mut body, row, &[(Mark::State, PARTS)]);
        if !body.is_empty() {
            *row = job.patch(row, &body).await?;
        }
    }
    let gone: Vec<String> = surplus.into_iter().map(|row| row.id().to_owned()).collect();
    match brought(rows, gone, written, first_row) {
        Some(rows) => fetch::of_rows(id, &rows),
        None => {
            let now = fetch::rows(job.server, job.calendar, id).await?.ok_or_else(fetch::gone)?;
            plan.check(&now)?;
            fetch::of_rows(id, &now)
        }
    }
}

/// The rows as the answers to our writes say they are: what somebody else does meanwhile is to be
/// found as theirs. `None` where that can't be told.
fn brought(
    mut rows: Rows,
    gone: Vec<String>,
    written: Vec<Option<Row>>,
    first: Option<Row>,
) -> Option<Rows> {
    // Nobody tells what is left of what was a series of Graph's own.
    if !rows.exceptions.is_empty() || rows.master.as_ref().is_some_and(|m| m.kind() == Kind::Master)
    {
        return None;
    }
    for id in gone {
        rows.linked.remove(&id);
    }
    for row in written {
        rows.link(row?);
    }
    match (first, &rows.master) {
        (Some(row), Some(_)) => rows.master = Some(row),
        (Some(row), None) => rows.link(row),
        (None, _) => {}
    }
    Some(rows)
}

/// What is done about one occurrence.
enum Write<'w> {
    /// There is no event for it yet.
    Create(&'w str),
    /// It is something else.
    Change(&'w Row, Body),
}

/// The first event and its slot. Where somebody has deleted it, the one that already says what all
/// of them are to be, for two that said so would not agree; else any that is to stay.
fn first_of<'r>(
    rows: &'r Rows,
    plan: &Plan,
    linked: &BTreeMap<&str, &'r Row>,
) -> Option<(&'r Row, String)> {
    let open = || rows.linked.values().find(|row| fetch::is_open(row));
    if let Some(row) = rows.master.as_ref().or_else(open) {
        return Some((row, own_slot(row, plan, &rows_by_slot(rows))));
    }
    let (slot, row) = linked.iter().find(|(slot, _)| plan.events.contains_key(**slot))?;
    Some((*row, (*slot).to_owned()))
}

/// The slot of the first event: its own as long as something takes place there, else one that has
/// no event yet, else the first.
fn own_slot(row: &Row, plan: &Plan, by_slot: &BTreeMap<&str, &Row>) -> String {
    let own = row.mark(Mark::Slot).filter(|slot| plan.events.contains_key(*slot));
    let free = || plan.events.keys().find(|slot| !by_slot.contains_key(slot.as_str()));
    let slot = own.map(str::to_owned).or_else(|| free().cloned());
    slot.or_else(|| plan.events.keys().next().cloned()).unwrap_or_default()
}

async fn write_one(
    job: &Job<'_>,
    id: &ResourceId,
    plan: &Plan,
    write: Write<'_>,
    salt: &str,
) -> Result<Option<Row>> {
    let slot = match write {
        Write::Change(row, body) => return job.patch(row, &body).await.map(Some),
        Write::Create(slot) => slot,
    };
    let event = plan.events.get(slot).ok_or_else(nothing)?;
    let mut marks = vec![(Mark::Link, id.as_str())];
    marks.extend(job.key.map(|key| (Mark::Key, key.as_str())));
    let body = plan.body(job, slot, event, &marks)?;
    let transaction = ident::part_transaction(id, slot, salt);
    // What was made before is there.
    job.create(&body, &transaction).await
}
