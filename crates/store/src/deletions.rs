//! Deletions that are due: what the guard counts, what a person was shown, what was approved.
//!
//! Where one side has lost a series, the plan tells whether it is deleted on the other one or goes
//! back; what it would delete is due, and is handed in here. Sums are over the whole pair, which a
//! batch of a plan can't see.
//!
//! A plan that halts is kept as a proposal, deletion by deletion: that is what a person sees and
//! `approve` lets through, not whatever is due by then. An approval holds as long as nothing else
//! is due on either side; as soon as something is, it counts for nothing.

use std::collections::HashSet;

use model::{MappingId, Side, Sides, Timestamp, Uid};
use rusqlite::{Connection, params};

use crate::codec::{side as side_of, side_number};
use crate::{PairId, Result, Store, sql};

/// Sums over a pair.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// How many mapped series each side held when both last agreed.
    pub series: Sides<u64>,
    /// How many deletions are due on each side; none where every one of them was approved.
    pub deletions: Sides<u64>,
}

/// A deletion of the plan that was last halted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProposedRow {
    /// The series.
    pub mapping: MappingId,
    /// Its UID.
    pub uid: Uid,
    /// Where it would be deleted.
    pub side: Side,
    /// Whether a person was shown it.
    pub shown: bool,
}

impl Store {
    /// Touched series that one side has lost, each with the side that still holds it, ordered by
    /// mapping.
    ///
    /// # Errors
    /// When the database can't be read.
    pub fn vanished(&self, pair: PairId) -> Result<Vec<(MappingId, Side)>> {
        let query = "SELECT here.mapping, here.side
             FROM snapshot AS gone INDEXED BY snapshot_touched
             JOIN snapshot AS here ON here.mapping = gone.mapping AND here.side = 1 - gone.side
             WHERE gone.pair = ?1 AND gone.touched = 1 AND gone.present = 0
                 AND here.present = 1 AND here.unreadable IS NULL
             ORDER BY here.mapping";
        self.read(|connection| {
            sql::all(connection, query, [pair.0], |row| {
                Ok((MappingId(row.get(0)?), side_of(row.get(1)?)?))
            })
        })
    }

    /// The sums of a pair of which these deletions are due.
    ///
    /// # Errors
    /// When the database can't be read.
    pub fn totals(&self, pair: PairId, due: &[(MappingId, Side)]) -> Result<Totals> {
        let mut totals = Totals::default();
        if !due.is_empty() {
            let approved = self.read(|connection| approved(connection, pair))?;
            if !due.iter().all(|due| approved.contains(due)) {
                totals.deletions =
                    Sides::from_fn(|side| due.iter().filter(|(_, at)| *at == side).count() as u64);
            }
        }
        let query = "SELECT count(*) FROM mapping WHERE pair = ?1";
        let series = self.read(|connection| sql::number(connection, query, [pair.0]))?;
        Ok(Totals { series: Sides::new(series, series), ..totals })
    }

    /// A plan was halted: the deletions that are due become its proposal. The first one counts as
    /// shown; of a later one, what was shown before. `due` is ordered by mapping.
    ///
    /// # Errors
    /// When nothing could be written.
    pub fn propose(&self, pair: PairId, due: &[(MappingId, Side)], now: Timestamp) -> Result<()> {
        let known = self.proposal(pair)?;
        let stands = known.iter().map(|row| (row.mapping, row.side));
        if stands.eq(due.iter().copied()) {
            return Ok(());
        }
        let shown = |mapping: MappingId, side: Side| {
            let before = known.iter().find(|row| row.mapping == mapping);
            known.is_empty() || before.is_some_and(|row| row.shown && row.side == side)
        };
        self.write("propose", |transaction| {
            sql::run(transaction, WITHDRAW, [pair.0])?;
            for (mapping, side) in due {
                let query = "INSERT INTO proposal (mapping, side, at, shown)
                     VALUES (?1, ?2, ?3, ?4)";
                let at = now.as_microsecond();
                let key = params![mapping.0, side_number(*side), at, shown(*mapping, *side)];
                sql::run(transaction, query, key)?;
            }
            Ok(())
        })
    }

    /// The deletions of the plan that was last halted, if nothing but halts came since.
    ///
    /// # Errors
    /// When the database can't be read.
    pub fn proposal(&self, pair: PairId) -> Result<Vec<ProposedRow>> {
        self.read(|connection| proposed(connection, pair))
    }

    /// A person has been shown the proposal as it is now.
    ///
    /// # Errors
    /// When nothing could be written.
    pub fn proposal_shown(&self, pair: PairId) -> Result<()> {
        if self.proposal(pair)?.iter().all(|row| row.shown) {
            return Ok(());
        }
        self.write("proposal_shown", |transaction| {
            let query = "UPDATE proposal SET shown = 1
                 WHERE mapping IN (SELECT id FROM mapping WHERE pair = ?1)";
            sql::run(transaction, query, [pair.0]).map(|_| ())
        })
    }

    /// A plan was not halted: there is nothing to approve any more.
    ///
    /// # Errors
    /// When nothing could be written.
    pub fn withdraw(&self, pair: PairId) -> Result<()> {
        if self.proposal(pair)?.is_empty() {
            return Ok(());
        }
        self.write("withdraw", |transaction| sql::run(transaction, WITHDRAW, [pair.0]).map(|_| ()))
    }

    /// A person let exactly these deletions through, and none that was approved before. Survives a
    /// loss of power.
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
            sql::run(transaction, CLEAR, [pair.0])?;
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
            sql::run(transaction, CLEAR, [pair.0]).map(|_| ())
        })
    }
}

const CLEAR: &str =
    "DELETE FROM approval WHERE mapping IN (SELECT id FROM mapping WHERE pair = ?1)";

const WITHDRAW: &str =
    "DELETE FROM proposal WHERE mapping IN (SELECT id FROM mapping WHERE pair = ?1)";

fn approved(connection: &Connection, pair: PairId) -> Result<HashSet<(MappingId, Side)>> {
    let query = "SELECT approval.mapping, approval.side FROM mapping
         JOIN approval ON approval.mapping = mapping.id WHERE mapping.pair = ?1";
    let rows = sql::all(connection, query, [pair.0], |row| {
        Ok((MappingId(row.get(0)?), side_of(row.get(1)?)?))
    })?;
    Ok(rows.into_iter().collect())
}

/// Ordered by mapping.
fn proposed(connection: &Connection, pair: PairId) -> Result<Vec<ProposedRow>> {
    let query = "SELECT proposal.mapping, proposal.side, proposal.shown, mapping.uid FROM mapping
         JOIN proposal ON proposal.mapping = mapping.id
         WHERE mapping.pair = ?1 ORDER BY mapping.id";
    sql::all(connection, query, [pair.0], |row| {
        Ok(ProposedRow {
            mapping: MappingId(row.get(0)?),
            side: side_of(row.get(1)?)?,
            shown: row.get(2)?,
            uid: Uid::new(row.get::<_, String>(3)?),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{World, at};

    const LEFT: Side = Side::Left;
    const RIGHT: Side = Side::Right;

    fn world(uids: std::ops::Range<u32>) -> World {
        let world = World::new();
        for uid in uids {
            world.agreed(&uid.to_string(), "T");
        }
        world
    }

    impl World {
        /// The left side loses these.
        fn lose_left(&self, uids: std::ops::Range<u32>) {
            for uid in uids {
                self.lose(LEFT, &format!("l{uid}"));
            }
        }

        /// A plan that would delete whatever vanished is halted.
        fn propose(&self, when: i64) {
            let due = self.store.vanished(self.pair).unwrap();
            self.store.propose(self.pair, &due, at(when)).unwrap();
        }

        /// All that was proposed is approved.
        fn approve_proposal(&self) {
            let proposal = self.store.proposal(self.pair).unwrap();
            let rows: Vec<_> = proposal.iter().map(|row| (row.mapping, row.side)).collect();
            self.store.approve(self.pair, &rows, at(2)).unwrap();
        }

        fn shown(&self) -> (usize, usize) {
            let proposal = self.store.proposal(self.pair).unwrap();
            (proposal.iter().filter(|row| row.shown).count(), proposal.len())
        }
    }

    #[test]
    fn an_approval_holds_for_what_was_proposed_and_for_less_but_not_for_more() {
        let world = world(0..12);
        world.lose_left(0..6);
        world.propose(1);
        world.approve_proposal();
        assert_eq!(world.totals().deletions, Sides::new(0, 0));
        world.lose_left(6..7);
        // All of them count again, not only the one that came.
        assert_eq!(world.totals().deletions, Sides::new(0, 7));
        let back = crate::testing::event("6", "T", 9);
        world.see(LEFT, "l6", "1", &back);
        assert_eq!(world.totals().deletions, Sides::new(0, 0));
        world.see(LEFT, "l0", "1", &crate::testing::event("0", "T", 9));
        assert_eq!(world.totals().deletions, Sides::new(0, 0), "less than was approved");
    }

    #[test]
    fn an_approval_is_void_as_soon_as_the_other_side_deletes_too() {
        let world = world(0..6);
        world.lose_left(0..2);
        world.propose(1);
        world.approve_proposal();
        for uid in 2..5 {
            world.lose(RIGHT, &format!("r{uid}"));
        }
        assert_eq!(world.totals().deletions, Sides::new(3, 2));
        // Not even for the same series.
        let mapping = world.store.vanished(world.pair).unwrap()[0].0;
        world.store.approve(world.pair, &[(mapping, LEFT)], at(3)).unwrap();
        assert_eq!(world.totals().deletions, Sides::new(3, 2));
    }

    #[test]
    fn a_new_approval_leaves_nothing_of_the_one_before() {
        let world = world(0..4);
        world.lose_left(0..2);
        let due = world.store.vanished(world.pair).unwrap();
        world.store.approve(world.pair, &[(due[0].0, RIGHT)], at(1)).unwrap();
        world.store.approve(world.pair, &[(due[1].0, RIGHT)], at(2)).unwrap();
        assert_eq!(world.totals().deletions, Sides::new(0, 2));
    }

    #[test]
    fn what_came_since_is_not_shown_until_somebody_looks() {
        let world = world(0..9);
        world.lose_left(0..3);
        world.propose(1);
        assert_eq!(world.shown(), (3, 3), "the halt itself says it");
        world.lose_left(3..5);
        assert_eq!(world.shown(), (3, 3), "only a plan proposes");
        world.propose(2);
        assert_eq!(world.shown(), (3, 5));
        world.store.proposal_shown(world.pair).unwrap();
        assert_eq!(world.shown(), (5, 5));
        world.store.withdraw(world.pair).unwrap();
        assert_eq!(world.shown(), (0, 0));
    }
}
