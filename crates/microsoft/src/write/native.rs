//! A series in Graph's own words: a single event, or a master whose exceptions are written one by
//! one.

use std::collections::BTreeMap;

use model::{CreateKey, Field, Resource, ResourceId, Series};
use provider::{Error, ErrorKind, Result};
use serde_json::Value;

use super::job::{Job, refused, unread};
use super::{bring as bring_all, meanwhile, occurrences};
use crate::draft;
use crate::fetch;
use crate::ident::{self, Mark};
use crate::kept::{Memory, Whole};
use crate::parts;
use crate::recurrence::pattern::Pattern;
use crate::row::{Kind, Row};
use crate::rows::Rows;
use crate::series::{ReadRow, read_row};

/// Creates a series; `None` when this creation was carried out before.
pub(super) async fn create(
    job: &Job<'_>,
    series: &Series,
    pattern: Option<&Pattern>,
    key: &CreateKey,
) -> Result<Option<Resource>> {
    let whole = whole(series)?;
    let mut body = draft::creation(&whole, pattern, &job.frame).map_err(refused)?;
    let mut memory = Memory::default();
    draft::remember(&mut memory, None, &body, &whole).map_err(unread)?;
    let has_more = pattern.is_some() && !series.exceptions.is_empty();
    let (kept, open) = (memory.text(), parts::open(series));
    let mut marks = vec![(Mark::Uid, series.uid.as_str())];
    marks.extend((!kept.is_empty()).then_some((Mark::Kept, kept.as_str())));
    marks.extend(has_more.then_some((Mark::State, open.as_str())));
    draft::mark(&mut body, &marks);
    let Some(row) = job.create(&body, &ident::transaction(key)).await? else { return Ok(None) };
    let id = ResourceId::new(row.id());
    if pattern.is_none() {
        return fetch::of_rows(&id, &Rows::single(row)).map(Some);
    }
    let rows = Rows::single(without_exceptions(row));
    if !has_more {
        return fetch::of_rows(&id, &rows).map(Some);
    }
    bring_all(job, &id, rows, series).await.map(Some)
}

/// A series that was created just now, as the answer says it is. Read again it could be what
/// somebody has made of it since, and that is theirs.
fn without_exceptions(row: Row) -> Row {
    let mut value = row.value().clone();
    value["cancelledOccurrences"] = Value::Array(Vec::new());
    Row::new(value).unwrap_or(row)
}

fn whole(series: &Series) -> Result<Whole> {
    let event = series.master.clone().ok_or_else(|| {
        Error::new(ErrorKind::Rejected, "it consists of single occurrences of an unknown series")
    })?;
    Ok(Whole { event, recurrence: series.recurrence.clone() })
}

/// Brings rows to a series; `pattern` is its repetition.
pub(super) async fn bring(
    job: &Job<'_>,
    id: &ResourceId,
    mut rows: Rows,
    target: &Series,
    pattern: Option<&Pattern>,
) -> Result<Resource> {
    let row = rows.master.clone().ok_or_else(fetch::gone)?;
    let was_linked = row.mark(Mark::Series).is_some();
    let read = read_row(&row).map_err(unread)?;
    let changed = change_master(job, &row, &read, target, pattern, was_linked).await?;
    // What stood for its occurrences one by one stands for nothing any more.
    let (surplus, kept) = std::mem::take(&mut rows.linked)
        .into_iter()
        .partition::<BTreeMap<_, _>, _>(|(_, row)| row.mark(Mark::Series).is_some());
    rows.linked = kept;
    for row in surplus.values() {
        job.delete(row).await?;
    }
    let was_linked = was_linked || !surplus.is_empty();
    let repeats = pattern.is_some() || row.kind() == Kind::Master;
    if !repeats && rows.linked.is_empty() && !was_linked && !fetch::is_open(&row) {
        rows.master = Some(changed.unwrap_or(row));
        return fetch::of_rows(id, &rows);
    }
    if changed.is_some() || was_linked {
        // What became of exceptions nobody documents: they are looked at, and put back.
        // quirk: microsoft-42
        let now = fetch::rows(job.server, job.calendar, id).await?.ok_or_else(fetch::gone)?;
        meanwhile::check_after_master(&rows, changed.as_ref().unwrap_or(&row), &now)?;
        rows = now;
    }
    if pattern.is_none() {
        for row in rows.linked.values() {
            job.delete(row).await?;
        }
        rows.linked.clear();
        if let Some(row) = rows.master.clone().filter(|row| row.mark(Mark::State).is_some()) {
            let mut body = crate::fields::Body::new();
            draft::mark_changed(&mut body, &row, &[(Mark::State, "")]);
            rows.master = Some(job.patch(&row, &body).await?);
        }
        return fetch::of_rows(id, &rows);
    }
    occurrences::bring(job, id, rows, target).await
}

/// Changes what differs of the master itself; `None` when nothing does.
async fn change_master(
    job: &Job<'_>,
    row: &Row,
    read: &ReadRow,
    target: &Series,
    pattern: Option<&Pattern>,
    was_linked: bool,
) -> Result<Option<Row>> {
    let whole = whole(target)?;
    let mut body = draft::patch(row, &read.exact, &whole, pattern, &job.frame).map_err(refused)?;
    if !row.has_attendees() {
        let mut memory = if was_linked { Memory::default() } else { read.memory.clone() };
        draft::remember(&mut memory, Some(row), &body, &whole).map_err(unread)?;
        let kept = memory.text();
        let open = parts::open(target);
        let mut marks = vec![(Mark::Kept, kept.as_str())];
        if was_linked {
            marks.extend([(Mark::Slot, ""), (Mark::Series, ""), (Mark::State, open.as_str())]);
        }
        draft::mark_changed(&mut body, row, &marks);
    }
    if body.is_empty() {
        return Ok(None);
    }
    job.patch(row, &body).await.map(Some)
}

/// An occurrence as a series makes it, for one that is to be as the others.
pub(super) fn ordinary(target: &Series, key: &model::When) -> Option<model::Event> {
    target.master.as_ref().map(|master| ical::implied(master, key))
}

/// Whether an event has to be written anew to be another one.
pub(super) fn differs(held: &model::Event, wanted: &model::Event) -> bool {
    let fields = crate::fields::HELD.with(Field::Times);
    !crate::series::same(held, wanted, fields)
}
