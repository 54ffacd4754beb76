//! Runs: what each cycle did. A quiet run after a quiet run writes nothing, so that a calendar in
//! which nothing happens costs no disk.

use std::collections::HashMap;

use model::{Sides, Timestamp};
use rusqlite::{Connection, params};

use crate::codec::instant;
use crate::{PairId, Result, Store, sql};

/// How many runs of a pair are kept: months of a pair in which something happens now and then.
const KEPT: i64 = 1_000;

/// What is known of runs without asking the disk.
#[derive(Default)]
pub(crate) struct Runs {
    last: Option<i64>,
    /// Those under way: which pair, since when.
    begun: HashMap<i64, (PairId, Timestamp)>,
    /// How the pair's last recorded run ended, when it was quiet.
    quiet: HashMap<PairId, String>,
}

/// What a run did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunRow<'a> {
    /// `in-sync`, `changed`, …
    pub outcome: &'a str,
    /// Requests sent.
    pub requests: Sides<u64>,
    /// Writes made.
    pub written: Sides<Written>,
    /// Series found to be the same on both sides.
    pub adopted: u64,
    /// Series merged from edits on both sides.
    pub merged: u64,
    /// Open conflicts.
    pub conflicts: u64,
    /// Open problems.
    pub problems: u64,
    /// How long it took.
    pub duration_ms: u64,
}

/// Writes made on a side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Created.
    pub created: u64,
    /// Changed.
    pub updated: u64,
    /// Deleted.
    pub deleted: u64,
}

impl RunRow<'_> {
    fn is_quiet(&self) -> bool {
        self.written == Sides::default() && self.adopted == 0 && self.merged == 0
    }
}

impl Store {
    /// A run begins; its number. Writes nothing.
    ///
    /// # Errors
    /// When the database can't be read.
    pub fn begin_run(&self, pair: PairId, now: Timestamp) -> Result<i64> {
        let mut inner = self.lock();
        let last = match inner.runs.last {
            Some(last) => last,
            None => inner.read(last)?,
        };
        inner.runs.last = Some(last + 1);
        inner.runs.begun.insert(last + 1, (pair, now));
        Ok(last + 1)
    }

    /// A run has ended. Nothing is written when it changed nothing, ended as the pair's last one,
    /// and that one changed nothing either.
    ///
    /// # Errors
    /// When nothing could be written.
    pub fn end_run(&self, run: i64, row: &RunRow<'_>, now: Timestamp) -> Result<()> {
        let mut inner = self.lock();
        let Some((pair, started)) = inner.runs.begun.remove(&run) else { return Ok(()) };
        let quiet = row.is_quiet();
        if quiet && inner.runs.quiet.get(&pair).is_some_and(|outcome| outcome == row.outcome) {
            return Ok(());
        }
        inner.write("end_run", |transaction| record(transaction, run, pair, started, row, now))?;
        if quiet {
            inner.runs.quiet.insert(pair, row.outcome.to_owned());
        } else {
            inner.runs.quiet.remove(&pair);
        }
        Ok(())
    }

    /// The writes of each recorded run that ended since then: when it did, and how many writes each
    /// side got.
    ///
    /// # Errors
    /// When the database can't be read.
    pub fn written_since(&self, since: Timestamp) -> Result<Vec<(Timestamp, Sides<u64>)>> {
        self.read(|connection| {
            let query = "SELECT ended, left_created + left_updated + left_deleted,
                     right_created + right_updated + right_deleted
                 FROM run WHERE ended >= ?1 ORDER BY ended";
            sql::all(connection, query, [since.as_microsecond()], |row| {
                let number = |at| row.get::<_, i64>(at).map(|n| u64::try_from(n).unwrap_or(0));
                let written = Sides::new(number(1)?, number(2)?);
                Ok((instant(row.get(0)?)?, written))
            })
        })
    }
}

/// The last number that anything stored refers to.
fn last(connection: &Connection) -> Result<i64> {
    let query = "SELECT max(coalesce((SELECT max(id) FROM run), 0),
         coalesce((SELECT max(run) FROM history), 0), coalesce((SELECT max(run) FROM intent), 0))";
    let last = sql::number(connection, query, [])?;
    Ok(i64::try_from(last).unwrap_or(i64::MAX - 1))
}

fn record(
    connection: &Connection,
    run: i64,
    pair: PairId,
    started: Timestamp,
    row: &RunRow<'_>,
    now: Timestamp,
) -> Result<()> {
    let Sides { left, right } = row.written;
    sql::run(
        connection,
        "INSERT INTO run (id, pair, started, ended, outcome, duration_ms,
             left_requests, left_created, left_updated, left_deleted,
             right_requests, right_created, right_updated, right_deleted,
             adopted, merged, conflicts, problems)
         SELECT ?1, id, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18
         FROM pair WHERE id = ?2",
        params![
            run,
            pair.0,
            started.as_microsecond(),
            now.as_microsecond(),
            row.outcome,
            number(row.duration_ms),
            number(row.requests.left),
            number(left.created),
            number(left.updated),
            number(left.deleted),
            number(row.requests.right),
            number(right.created),
            number(right.updated),
            number(right.deleted),
            number(row.adopted),
            number(row.merged),
            number(row.conflicts),
            number(row.problems),
        ],
    )?;
    let query = "DELETE FROM run WHERE pair = ?1 AND id <=
         (SELECT id FROM run WHERE pair = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)";
    sql::run(connection, query, params![pair.0, KEPT])?;
    Ok(())
}

fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{World, at};

    fn row(outcome: &str, created: u64) -> RunRow<'_> {
        let right = Written { created, ..Written::default() };
        RunRow {
            outcome,
            requests: Sides::new(1, 1),
            written: Sides::new(Written::default(), right),
            adopted: 0,
            merged: 0,
            conflicts: 0,
            problems: 0,
            duration_ms: 12,
        }
    }

    fn recorded(world: &World) -> Vec<String> {
        let query = "SELECT outcome FROM run ORDER BY id";
        let read = |connection: &Connection| {
            sql::all(connection, query, [], |row| Ok(row.get::<_, String>(0)?))
        };
        world.store.read(read).unwrap()
    }

    fn run(world: &World, row: &RunRow<'_>) -> i64 {
        let run = world.store.begin_run(world.pair, at(1)).unwrap();
        world.store.end_run(run, row, at(2)).unwrap();
        run
    }

    #[test]
    fn quiet_runs_in_a_row_are_recorded_once() {
        let world = World::new();
        let rows = [("in-sync", 0), ("in-sync", 0), ("changed", 1), ("changed", 1), ("in-sync", 0)];
        let numbers: Vec<_> = rows.map(|(outcome, count)| run(&world, &row(outcome, count))).into();
        assert_eq!(numbers, [1, 2, 3, 4, 5]);
        assert_eq!(recorded(&world), ["in-sync", "changed", "changed", "in-sync"]);
        // A quiet one writes nothing: the failpoint isn't asked.
        world.store.failpoint(Some(Box::new(|_| true)));
        run(&world, &row("in-sync", 0));
        world.store.failpoint(None);
        run(&world, &row("retrying", 0));
        run(&world, &row("retrying", 0));
        assert_eq!(recorded(&world).len(), 5);
    }

    #[test]
    fn numbers_go_on_after_a_restart_and_old_runs_go() {
        let folder = tempfile::tempdir().unwrap();
        let world = World::over(Store::open(folder.path(), at(0)).unwrap());
        world.agreed("1", "T"); // In history as run 1.
        assert_eq!(run(&world, &row("changed", 1)), 2);
        drop(world);
        let world = World::over(Store::open(folder.path(), at(0)).unwrap());
        assert_eq!(run(&world, &row("changed", 1)), 3);
        let many =
            "WITH RECURSIVE n (i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 1100)
             INSERT INTO run SELECT i, pair, started, ended, outcome, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
             0, 0, 0 FROM n JOIN run WHERE id = 3";
        world.store.write("test", |transaction| sql::run(transaction, many, [])).unwrap();
        world.store.lock().runs.last = None;
        assert_eq!(run(&world, &row("changed", 1)), 1101);
        assert_eq!(recorded(&world).len(), KEPT as usize);
    }
}
