//! A series as linked single events: see [`crate::parts`].

use std::collections::BTreeMap;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use model::{CreateKey, Event, Exception, Resource, ResourceId, Series, Uid};
use provider::{Error, ErrorKind, Result};
use serde_json::Value;

use super::job::{Job, refused, unread};
use crate::draft;
use crate::fetch::{self, OPEN, PARTS};
use crate::ident::{self, Mark};
use crate::kept::{Memory, Whole as Single};
use crate::parts::{self, Whole, rows_by_slot};
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
    let body = plan.body(job, slot, event, &[(Mark::State, OPEN)])?;
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
}

impl Plan {
    fn of(job: &Job<'_>, rows: &Rows, target: &Series) -> Result<Self> {
        let window = job.server.window();
        let held = Whole::of(rows);
        let generation = held.as_ref().map_or(1, |held| held.generation.saturating_add(1));
        let until = parts::occurrences(target, window.from, window.until).map_err(unread)?.until;
        let new = Whole::new(target, generation, window.from, until);
        // Only what every event has to know anew is a new generation.
        let whole = held.filter(|held| held.says_the_same(&new, target)).unwrap_or(new);
        let series = whole.series(target.uid.clone()).ok_or_else(nothing)?;
        let expected = parts::occurrences(&series, whole.from, whole.until).map_err(unread)?;
        let mut events = BTreeMap::new();
        for (slot, (key, event)) in expected.by_slot {
            match target.exceptions.get(&key) {
                Some(Exception::Cancelled) => {}
                Some(Exception::Override(other)) => drop(events.insert(slot, (**other).clone())),
                None => drop(events.insert(slot, event)),
            }
        }
        if events.is_empty() {
            return Err(nothing());
        }
        Ok(Self { whole, uid: target.uid.clone(), events })
    }

    /// The body of a new event.
    fn body(
        &self,
        job: &Job<'_>,
        slot: &str,
        event: &Event,
        marks: &[(Mark, &str)],
    ) -> Result<crate::fields::Body> {
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

    /// Changes an event into what takes place in a slot, if it is not that already.
    async fn change(
        &self,
        job: &Job<'_>,
        row: &Row,
        slot: &str,
        marks: &[(Mark, &str)],
    ) -> Result<Option<Row>> {
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
        if body.is_empty() {
            return Ok(None);
        }
        job.patch(row, &body).await.map(Some)
    }
}

/// Brings rows to a series: the first event, then the others, then what is too many.
pub(super) async fn bring(
    job: &Job<'_>,
    id: &ResourceId,
    rows: Rows,
    target: &Series,
) -> Result<Resource> {
    let plan = Plan::of(job, &rows, target)?;
    let by_slot = rows_by_slot(&rows);
    let first = rows.master.as_ref().map(|row| (row, own_slot(row, &plan, &by_slot)));
    let mut first_row = None;
    if let Some((row, slot)) = &first {
        let is_open = plan.events.len() > by_slot.len();
        let state = if is_open { OPEN } else { PARTS };
        let changed = plan.change(job, row, slot, &[(Mark::State, state)]).await?;
        first_row = Some(changed.unwrap_or_else(|| (*row).clone()));
    }
    let first_slot = first.as_ref().map(|(_, slot)| slot.as_str());
    let linked: BTreeMap<&str, &Row> =
        rows.linked.values().filter_map(|row| Some((row.mark(Mark::Slot)?, row))).collect();
    let others = plan.events.keys().filter(|slot| Some(slot.as_str()) != first_slot);
    let salt = plan.whole.generation.to_string();
    let writes = others.map(|slot| {
        let row = linked.get(slot.as_str()).copied();
        write_one(job, id, &plan, slot, row, &salt)
    });
    let writes: Vec<_> = writes.collect();
    stream::iter(writes).buffer_unordered(AT_ONCE).try_collect::<Vec<()>>().await?;
    for row in rows.linked.values() {
        let slot = row.mark(Mark::Slot).unwrap_or_default();
        let is_kept = linked.get(slot).is_some_and(|kept| kept.id() == row.id());
        if !is_kept || !plan.events.contains_key(slot) || Some(slot) == first_slot {
            job.delete(row).await?;
        }
    }
    if let Some(row) = first_row {
        let mut body = crate::fields::Body::new();
        draft::mark_changed(&mut body, &row, &[(Mark::State, PARTS)]);
        if !body.is_empty() {
            job.patch(&row, &body).await?;
        }
    }
    fetch::resource(job.server, job.calendar, id).await
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
    slot: &str,
    row: Option<&Row>,
    salt: &str,
) -> Result<()> {
    if let Some(row) = row {
        return plan.change(job, row, slot, &[]).await.map(drop);
    }
    let event = plan.events.get(slot).ok_or_else(nothing)?;
    let body = plan.body(job, slot, event, &[(Mark::Link, id.as_str())])?;
    let transaction = ident::part_transaction(id, slot, salt);
    // What was made before is there.
    job.create(&body, &transaction).await.map(drop)
}
