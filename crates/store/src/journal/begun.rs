//! What becomes of a write that was begun, in rows, mappings and history.

use model::{ResourceId, Series, Side, Timestamp};
use rusqlite::{Connection, Row, params};

use super::{ActionKind, IntentId, IntentRow, SubjectRow, Wrote, intent_row};
use crate::history::{self, Entry};
use crate::observe::Sighting;
use crate::row::{self, Content};
use crate::{PairId, Result, agree, sql};

/// A write that was begun and is still open.
pub(super) struct Begun {
    pub(super) intent: IntentRow,
    pair: PairId,
    run: i64,
    reason: String,
    keeps_former: bool,
}

impl Begun {
    /// `None` for one that was answered, given up or forgotten with its pair.
    pub(super) fn find(connection: &Connection, intent: IntentId) -> Result<Option<Self>> {
        let query = "SELECT id, mapping, \"left\", \"right\", side, action, key, resource,
             opened(before), opened(target), overtaken, pair, run, reason, keeps
             FROM intent WHERE id = ?1 AND applied = 0";
        sql::first(connection, query, [intent.0], Begun::read)
    }

    fn read(row: &Row<'_>) -> Result<Self> {
        Ok(Self {
            intent: intent_row(row)?,
            pair: PairId(row.get(11)?),
            run: row.get(12)?,
            reason: row.get(13)?,
            keeps_former: row.get(14)?,
        })
    }

    /// The provider has answered: the row holds what it holds now, and history has the change.
    pub(super) fn finish(
        self,
        connection: &Connection,
        outcome: Wrote<'_>,
        now: Timestamp,
    ) -> Result<()> {
        let held = self.row(connection, outcome)?;
        let former = self.former(connection, held.as_ref())?;
        let before = match (self.intent.action, &self.intent.before, &held) {
            (ActionKind::Create, ..) => None,
            (ActionKind::Update | ActionKind::Delete, None, Some(row)) => {
                row::series(connection, row.id)?
            }
            (ActionKind::Update | ActionKind::Delete, stated, _) => stated.clone(),
        };
        let (result, after) = match outcome {
            Wrote::Stored { resource, digest, likeness, verified, base } => {
                let sighting = Sighting { resource, digest, likeness };
                let content = if verified { Content::Verified } else { Content::Sent };
                let row = self.store(connection, held.map(|row| row.id), &sighting, content)?;
                self.map(connection, row, base)?;
                (Some(&resource.id), Some(&resource.series))
            }
            Wrote::Deleted => {
                self.delete(connection, held)?;
                (self.intent.resource.as_ref(), None)
            }
        };
        let query = "UPDATE intent SET applied = 1, result = ?2 WHERE id = ?1";
        let result = result.map(ResourceId::as_str);
        sql::run(connection, query, params![self.intent.id.0, result])?;
        let entry = self.entry(before.as_ref(), after, former.as_deref());
        history::insert(connection, &entry, now)
    }

    /// What the provider held before, in its own form, where that is to be kept: what the row
    /// holds until the write is recorded.
    pub(super) fn former(
        &self,
        connection: &Connection,
        held: Option<&row::Snapshot>,
    ) -> Result<Option<Vec<u8>>> {
        let replaces = match self.intent.action {
            ActionKind::Create => false,
            ActionKind::Update | ActionKind::Delete => self.keeps_former,
        };
        if !replaces {
            return Ok(None);
        }
        let row = match held {
            Some(held) => Some(held.id),
            None => self.row(connection, Wrote::Deleted)?.map(|row| row.id),
        };
        row.map(|row| row::raw(connection, row)).transpose()
    }

    /// What history says of it.
    pub(super) fn entry<'s>(
        &'s self,
        before: Option<&'s Series>,
        after: Option<&'s Series>,
        former: Option<&'s [u8]>,
    ) -> Entry<'s> {
        Entry {
            pair: self.pair,
            run: self.run,
            side: self.intent.side,
            action: self.intent.action.as_str(),
            before,
            after,
            reason: &self.reason,
            former,
        }
    }

    /// The row that the write is about: the mapping's, else the resource's.
    fn row(&self, connection: &Connection, outcome: Wrote<'_>) -> Result<Option<row::Snapshot>> {
        if let SubjectRow::Known(mapping) = self.intent.subject
            && let Some(row) = row::of_mapping(connection, mapping, self.intent.side)?
        {
            return Ok(Some(row));
        }
        let resource = match outcome {
            Wrote::Stored { resource, .. } => Some(&resource.id),
            Wrote::Deleted => self.intent.resource.as_ref(),
        };
        let find = |id| row::find(connection, self.pair, self.intent.side, id);
        Ok(resource.map(find).transpose()?.flatten())
    }

    fn store(
        &self,
        connection: &Connection,
        held: Option<i64>,
        sighting: &Sighting<'_>,
        content: Content,
    ) -> Result<i64> {
        let id = &sighting.resource.id;
        let elsewhere = row::find(connection, self.pair, self.intent.side, id)?;
        let row = match (held, elsewhere) {
            (Some(row), Some(other)) if other.id != row => {
                if other.mapping.is_some() {
                    // Another series' resource: it keeps its row, and shows what it holds now.
                    other.id
                } else {
                    // The creation was seen before its answer came.
                    sql::run(connection, "DELETE FROM snapshot WHERE id = ?1", [other.id])?;
                    row
                }
            }
            (Some(row), _) => row,
            (None, _) => row::insert(connection, self.pair, self.intent.side, id)?,
        };
        row::put(connection, row, sighting, content)?;
        row::touch(connection, row)?;
        Ok(row)
    }

    /// A creation that was answered is mapped at once, so that a crash before the agreement never
    /// leaves a copy of ours that looks like somebody's new event.
    fn map(&self, connection: &Connection, row: i64, base: Option<&Series>) -> Result<()> {
        if self.intent.action != ActionKind::Create {
            return Ok(());
        }
        match (&self.intent.subject, &self.intent.before) {
            // What is made again stays whose it was: an original that comes back is no copy.
            (SubjectRow::Known(mapping), source) => {
                row::rebase(connection, row)?;
                let origin = row::of_mapping(connection, *mapping, self.intent.side.opposite())?;
                if let (Some(origin), Some(source)) = (origin, source) {
                    row::set_base(connection, origin.id, source)?;
                }
            }
            (SubjectRow::New(new), Some(source)) => {
                let side = self.intent.side;
                sql::run(connection, "UPDATE snapshot SET ours = 1 WHERE id = ?1", [row])?;
                agree::created(connection, self.pair, new, side, row, source)?;
            }
            (SubjectRow::New(_), None) => {}
        }
        match base {
            Some(base) => {
                row::set_base(connection, row, base)?;
                // The rest is what somebody did to it since.
                let query = "UPDATE snapshot SET edited = 1 WHERE id = ?1
                     AND base_digest IS NOT digest";
                sql::run(connection, query, [row]).map(|_| ())
            }
            None => Ok(()),
        }
    }

    /// The plan has to look at the subject again.
    pub(super) fn touch(&self, connection: &Connection) -> Result<()> {
        for side in Side::BOTH {
            let row = match &self.intent.subject {
                SubjectRow::Known(mapping) => row::of_mapping(connection, *mapping, side)?,
                SubjectRow::New(new) => {
                    let find = |id| row::find(connection, self.pair, side, id);
                    new[side].as_ref().map(find).transpose()?.flatten()
                }
            };
            if let Some(row) = row {
                row::touch(connection, row.id)?;
            }
        }
        Ok(())
    }

    fn delete(&self, connection: &Connection, held: Option<row::Snapshot>) -> Result<()> {
        let Some(row) = held else { return Ok(()) };
        if row.mapping.is_none() {
            return row::remove(connection, self.pair, &row);
        }
        let query = "UPDATE snapshot SET present = 0, verified = 1, unreadable = NULL,
             unreadable_since = NULL WHERE id = ?1";
        sql::run(connection, query, [row.id])?;
        row::touch(connection, row.id)
    }
}
