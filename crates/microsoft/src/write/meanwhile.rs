//! What somebody else does to a series while it is being written.
//!
//! A series takes several requests, and is looked at between them and at their end. What is found
//! there has to be what these requests have made of it. Anything else is somebody's edit: it is
//! neither written over nor told as what was written, for then it would never cross to the other
//! side. Whoever asked for the write has to look for themselves.

use std::collections::{BTreeMap, BTreeSet};

use model::{Event, Field, FieldSet, When};
use provider::{Error, ErrorKind, Result};

use super::job::unread;
use super::native::differs;
use crate::fields::{self, HELD, Unread};
use crate::ident::Mark;
use crate::kept::Whole;
use crate::row::Row;
use crate::rows::Rows;
use crate::series::{self, read_row};

/// A series as it stands at Microsoft, piece by piece, in Graph's fields alone.
pub(super) struct Standing {
    master: Whole,
    pub(super) exceptions: BTreeMap<When, Event>,
    pub(super) cancelled: BTreeSet<When>,
    /// What stands in linked events.
    pub(super) linked: BTreeMap<When, Event>,
}

impl Standing {
    pub(super) fn of(rows: &Rows) -> std::result::Result<Self, Unread> {
        let row = rows.master.as_ref().ok_or(Unread("there is nothing of it"))?;
        let read = read_row(row)?;
        let zone = row.recurrence_zone();
        let days = row.cancelled_days().unwrap_or_default();
        let mut cancelled: BTreeSet<When> = days.into_iter().map(|day| read.key_on(day)).collect();
        let mut exceptions = BTreeMap::new();
        for row in rows.exceptions.values() {
            let Some(key) = row.original().map(|at| read.key(at, zone)) else { continue };
            if row.is_cancelled() {
                cancelled.insert(key);
            } else {
                exceptions.insert(key, fields::read(row, zone)?);
            }
        }
        let mut linked = BTreeMap::new();
        for row in rows.linked.values().filter(|row| row.mark(Mark::Series).is_none()) {
            let slot = row.mark(Mark::Slot);
            if let Some(key) = slot.and_then(|slot| series::slot_key(slot, &read.exact.event.start))
            {
                linked.insert(key, read_row(row)?.exact.event);
            }
        }
        Ok(Self { master: read.plain, exceptions, cancelled, linked })
    }

    /// An occurrence was taken out.
    pub(super) fn cancel(&mut self, key: &When) {
        self.exceptions.remove(key);
        self.cancelled.insert(key.clone());
    }

    /// # Errors
    /// [`ErrorKind::Stale`] when the rows say anything else.
    pub(super) fn check(&self, rows: &Rows) -> Result<()> {
        let now = Self::of(rows).map_err(unread)?;
        let same = |one: &BTreeMap<When, Event>, other: &BTreeMap<When, Event>| {
            one.len() == other.len()
                && one
                    .iter()
                    .all(|(key, event)| other.get(key).is_some_and(|other| !differs(event, other)))
        };
        let is_same = alike(&self.master, &now.master, everything())
            && self.cancelled == now.cancelled
            && same(&self.exceptions, &now.exceptions)
            && same(&self.linked, &now.linked);
        if is_same { Ok(()) } else { Err(edited()) }
    }
}

/// Checks what became of a series whose master was changed from `before` to `master`: Exchange may
/// have dropped exceptions, and made the others follow their master; nobody but a person makes new
/// ones or gives them something else to say.
///
/// # Errors
/// [`ErrorKind::Stale`] when a person did.
// quirk: microsoft-42
pub(super) fn check_after_master(before: &Rows, master: &Row, now: &Rows) -> Result<()> {
    let (Some(old), Some(new)) = (&before.master, &now.master) else { return Err(edited()) };
    let plain = |row: &Row| read_row(row).map(|read| read.plain).map_err(unread);
    let (old, ours, new) = (plain(old)?, plain(master)?, plain(new)?);
    let own = new.event.clone();
    let mut is_same = alike(&ours, &new, everything());
    let is_moved = !alike(&old, &new, FieldSet::NONE.with(Field::Times).with(Field::Recurrence));
    let days = |rows: &Rows| {
        let days = rows.master.as_ref().and_then(Row::cancelled_days).unwrap_or_default();
        days.into_iter().collect::<BTreeSet<_>>()
    };
    let (were, are) = (days(before), days(now));
    is_same &= if is_moved { are.len() <= were.len() } else { are.is_subset(&were) };
    for (id, row) in &now.exceptions {
        let Some(known) = before.exceptions.get(id) else { return Err(edited()) };
        let event = |row| fields::read(row, None).map(Whole::once).map_err(unread);
        let (known, event) = (event(known)?, event(row)?);
        let own = Whole::once(own.clone());
        let mut fields = HELD.without(Field::People).without(Field::Recurrence);
        if !is_moved {
            fields = fields.with(Field::Times);
        }
        is_same &= row.is_cancelled() == before.exceptions[id].is_cancelled()
            && fields.iter().all(|field| event.same(&known, field) || event.same(&own, field));
    }
    if is_same { Ok(()) } else { Err(edited()) }
}

/// Everything that is written.
fn everything() -> FieldSet {
    HELD.with(Field::Times).without(Field::People)
}

fn alike(one: &Whole, other: &Whole, fields: FieldSet) -> bool {
    fields.iter().all(|field| one.same(other, field))
}

pub(super) fn edited() -> Error {
    Error::new(ErrorKind::Stale, "somebody has changed it while it was being written")
}
