//! Deletions that are due: what the guard counts, what `approve` lets through.
//!
//! A deletion is due on a side that holds exactly what was agreed on, when the other side has lost
//! it. Sums are over the whole pair, which a batch of a plan can't see.

use model::{MappingId, Side, Sides, Timestamp, Uid};
use rusqlite::params;

use crate::codec::{side as side_of, side_number};
use crate::{PairId, Result, Store, sql};

/// Sums over a pair.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// How many mapped series each side held when both last agreed.
    pub series: Sides<u64>,
    /// How many deletions are due on each side, without those approved.
    pub deletions: Sides<u64>,
}

impl Store {
    /// The sums of a pair.
    ///
    /// # Errors
    /// When the database can't be read.
    pub fn totals(&self, pair: PairId) -> Result<Totals> {
        let mut totals = Totals::default();
        for (_, side, _) in self.due_deletions(pair)? {
            totals.deletions[side] += 1;
        }
        let query = "SELECT count(*) FROM mapping WHERE pair = ?1";
        let series = self.read(|connection| sql::number(connection, query, [pair.0]))?;
        Ok(Totals { series: Sides::new(series, series), ..totals })
    }

    /// The deletions that are due and not approved: which series, where, its UID.
    ///
    /// # Errors
    /// When the database can't be read.
    pub fn due_deletions(&self, pair: PairId) -> Result<Vec<(MappingId, Side, Uid)>> {
        self.read(|connection| {
            let query = "SELECT mapping.id, here.side, mapping.uid
                 FROM snapshot AS gone INDEXED BY snapshot_touched
                 JOIN snapshot AS here ON here.mapping = gone.mapping AND here.side = 1 - gone.side
                 JOIN mapping ON mapping.id = gone.mapping
                 WHERE gone.pair = ?1 AND gone.touched = 1 AND gone.present = 0
                     AND here.present = 1 AND here.unreadable IS NULL
                     AND here.digest = here.base_digest
                     AND NOT EXISTS (SELECT 1 FROM approval
                         WHERE approval.mapping = mapping.id AND approval.side = here.side)
                 ORDER BY mapping.id";
            sql::all(connection, query, [pair.0], |row| {
                let uid = Uid::new(row.get::<_, String>(2)?);
                Ok((MappingId(row.get(0)?), side_of(row.get(1)?)?, uid))
            })
        })
    }

    /// A person let these deletions through. Survives a loss of power.
    ///
    /// # Errors
    /// When nothing could be written.
    pub fn approve(
        &self,
        pair: PairId,
        deletions: &[(MappingId, Side)],
        now: Timestamp,
    ) -> Result<()> {
        self.write_durably("approve", |transaction| {
            for (mapping, side) in deletions {
                let query = "INSERT OR REPLACE INTO approval (mapping, side, at)
                     SELECT id, ?3, ?4 FROM mapping WHERE id = ?1 AND pair = ?2";
                let key = params![mapping.0, pair.0, side_number(*side), now.as_microsecond()];
                sql::run(transaction, query, key)?;
            }
            Ok(())
        })
    }

    /// Takes all approvals of a pair back.
    ///
    /// # Errors
    /// When nothing could be written.
    pub fn clear_approvals(&self, pair: PairId) -> Result<()> {
        let stands = "SELECT count(*) FROM approval
             WHERE mapping IN (SELECT id FROM mapping WHERE pair = ?1)";
        if self.read(|connection| sql::number(connection, stands, [pair.0]))? == 0 {
            return Ok(());
        }
        self.write("clear_approvals", |transaction| {
            let query = "DELETE FROM approval
                 WHERE mapping IN (SELECT id FROM mapping WHERE pair = ?1)";
            sql::run(transaction, query, [pair.0]).map(|_| ())
        })
    }
}
