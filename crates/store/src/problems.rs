//! What can't be synced: set aside with its reason until a side changes or it has waited long
//! enough; conflicts, until somebody chooses or a side changes; and what is not meant to be synced.

use std::ops::Range;
use std::time::Duration;

use model::{MappingId, Redacted, Rights, Side, Sides, Timestamp, Uid};
use rusqlite::{Connection, Row, params, params_from_iter};

use crate::codec::{instant, rights_number, side as side_of, side_number};
use crate::journal::SubjectRow;
use crate::row;
use crate::{PairId, Result, Store, sql};

/// A series that can't be synced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProblemRow {
    /// Its UID, else the provider's id.
    pub uid: Uid,
    /// Where it can't be written.
    pub side: Side,
    /// Why, as a sentence.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
}

/// A series about which somebody must choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConflictRow {
    /// Which conflict.
    pub id: i64,
    /// The series.
    pub uid: Uid,
    /// Its title.
    pub title: Option<Redacted<String>>,
    /// Since when.
    pub since: Timestamp,
    /// The fields, and what each side says.
    pub fields: Vec<(String, Sides<Redacted<String>>)>,
}

/// A subject as problems and conflicts point to it: a mapping, else rows.
#[derive(Clone, Copy, Debug)]
struct Target {
    mapping: Option<MappingId>,
    rows: Sides<Option<i64>>,
}

const OF_SUBJECT: &str = "pair = ?1 AND mapping IS ?2
    AND (mapping IS NOT NULL OR (\"left\" IS ?3 AND \"right\" IS ?4))";

impl Store {
    /// This series can't be synced now. It is not looked at again until a side changes, or
    /// [`Store::retry_problems`] asks for it.
    ///
    /// # Errors
    /// When nothing could be written.
    pub fn set_aside(
        &self,
        pair: PairId,
        subject: &SubjectRow,
        side: Side,
        uid: &Uid,
        reason: &str,
        now: Timestamp,
    ) -> Result<()> {
        self.write("set_aside", |transaction| {
            let target = target(transaction, pair, subject)?;
            if target.mapping.is_none() && target.rows == Sides::default() {
                // What it was about is gone.
                return Ok(());
            }
            // A time ahead was written by a clock that was wrong.
            let since = forget(transaction, pair, target, "problem")?;
            let since = since.map_or(now, |since| since.min(now));
            sql::run(
                transaction,
                "INSERT INTO problem (pair, mapping, \"left\", \"right\", side, uid, reason, since,
                     tried) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                params![
                    pair.0,
                    target.mapping.map(|mapping| mapping.0),
                    target.rows.left,
                    target.rows.right,
                    side_number(side),
                    uid.as_str(),
                    reason,
                    since.as_microsecond(),
                    now.as_microsecond(),
                ],
            )?;
            settle(transaction, target, 0)
        })
    }

    /// Touches what was set aside and has waited as long again as it had stood when it was last
    /// tried: at least, and at most, so long. What was tried later than that from now was dated by
    /// a clock that was wrong. How many series.
    ///
    /// # Errors
    /// When nothing could be written.
    pub fn retry_problems(
        &self,
        pair: PairId,
        now: Timestamp,
        waits: Range<Duration>,
    ) -> Result<u64> {
        // What waits for the right to write waits for the day on which rights are asked for anew.
        let is_due = "(tried > ?2 + ?4 OR ?2 - tried >
             CASE WHEN side IN (SELECT held.side FROM side held WHERE held.pair = ?1
                 AND held.rights = ?5) THEN ?4 ELSE MIN(?4, MAX(?3, tried - since)) END)";
        let micros = |wait: Duration| i64::try_from(wait.as_micros()).unwrap_or(i64::MAX);
        let [soonest, latest] = [micros(waits.start), micros(waits.end)];
        let of = [now.as_microsecond(), soonest, latest, rights_number(Rights::Read)];
        self.retry(pair, is_due, &of)
    }

    /// Touches what was set aside because of a side, whenever it was tried. How many series.
    ///
    /// # Errors
    /// When nothing could be written.
    pub fn retry_problems_of(&self, pair: PairId, side: Side) -> Result<u64> {
        self.retry(pair, "side = ?2", &[side_number(side)])
    }

    /// Touches what was set aside because of a side that may only be read, whenever it was tried.
    /// How many series.
    ///
    /// # Errors
    /// When nothing could be written.
    pub fn retry_read_only(&self, pair: PairId) -> Result<u64> {
        let read_only = "side IN (SELECT held.side FROM side held WHERE held.pair = ?1
                 AND held.rights = ?2)";
        self.retry(pair, read_only, &[rights_number(Rights::Read)])
    }

    /// Touches the problems of the pair for which `which` holds, of the pair ?1 and of ?2 and on.
    fn retry(&self, pair: PairId, which: &str, of: &[i64]) -> Result<u64> {
        let due =
            format!("SELECT mapping, \"left\", \"right\" FROM problem WHERE pair = ?1 AND {which}");
        let read = |row: &Row<'_>| {
            let mapping = row.get::<_, Option<i64>>(0)?.map(MappingId);
            Ok(Target { mapping, rows: Sides::new(row.get(1)?, row.get(2)?) })
        };
        let of: Vec<i64> = [&[pair.0], of].concat();
        let due =
            self.read(|connection| sql::all(connection, &due, params_from_iter(&of), read))?;
        if due.is_empty() {
            return Ok(0);
        }
        self.write("retry_problems", |transaction| {
            for target in &due {
                for row in rows(transaction, *target)? {
                    row::touch(transaction, row)?;
                }
            }
            Ok(due.len() as u64)
        })
    }

    /// This series is not meant to be synced. With `enters`, because it lies outside the window,
    /// and [`Store::touch_entering`] finds it when the window has moved on.
    ///
    /// # Errors
    /// When nothing could be written.
    pub fn skip(&self, pair: PairId, subject: &SubjectRow, enters: bool) -> Result<()> {
        self.write("skip", |transaction| {
            let target = target(transaction, pair, subject)?;
            forget(transaction, pair, target, "problem")?;
            forget(transaction, pair, target, "conflict")?;
            settle(transaction, target, if enters { 1 } else { 2 })
        })
    }

    /// What can't be synced, oldest first: what was set aside, and what can't be read. The latter
    /// can't be written on the other side.
    ///
    /// # Errors
    /// When the database can't be read.
    pub fn problems(&self, pair: PairId) -> Result<Vec<ProblemRow>> {
        self.read(|connection| {
            let query = "SELECT uid, side, reason, since, 0 FROM problem
                 WHERE pair = ?1 AND (mapping IS NULL OR NOT EXISTS (
                     SELECT 1 FROM snapshot INDEXED BY snapshot_mapping
                     WHERE snapshot.mapping = problem.mapping AND unreadable IS NOT NULL))
                 UNION ALL
                 SELECT coalesce(uid, resource), side, unreadable, unreadable_since, 1
                 FROM snapshot INDEXED BY snapshot_unreadable
                 WHERE pair = ?1 AND unreadable IS NOT NULL
                 ORDER BY 4, 1";
            sql::all(connection, query, [pair.0], |row| {
                let (side, reason) = (side_of(row.get(1)?)?, row.get::<_, String>(2)?);
                let is_unreadable: bool = row.get(4)?;
                let (side, reason) =
                    if is_unreadable { of_unreadable(side, &reason) } else { (side, reason) };
                Ok(ProblemRow {
                    uid: Uid::new(row.get::<_, String>(0)?),
                    side,
                    reason,
                    since: instant(row.get(3)?)?,
                })
            })
        })
    }

    /// Somebody must choose about these fields. The series is not looked at again until a side
    /// changes; a conflict known before keeps its id and its beginning.
    ///
    /// # Errors
    /// When nothing could be written.
    pub fn put_conflict(
        &self,
        pair: PairId,
        subject: &SubjectRow,
        uid: &Uid,
        title: Option<&str>,
        since: Timestamp,
        fields: &[(String, Sides<String>)],
    ) -> Result<()> {
        self.write("put_conflict", |transaction| {
            let target = target(transaction, pair, subject)?;
            let id = match known_conflict(transaction, pair, target)? {
                Some(id) => id,
                None => new_conflict(transaction, pair, target, uid, since)?,
            };
            let query = "UPDATE conflict SET title = sealed(?2) WHERE id = ?1";
            sql::run(transaction, query, params![id, title])?;
            sql::run(transaction, "DELETE FROM conflict_field WHERE conflict = ?1", [id])?;
            for (position, (field, values)) in fields.iter().enumerate() {
                sql::run(
                    transaction,
                    "INSERT INTO conflict_field (conflict, position, field, \"left\", \"right\")
                     VALUES (?1, ?2, ?3, sealed(?4), sealed(?5))",
                    params![id, position as i64, field, values.left, values.right],
                )?;
            }
            settle(transaction, target, 0)
        })
    }

    /// The open conflicts, oldest first.
    ///
    /// # Errors
    /// When the database can't be read.
    pub fn conflicts(&self, pair: PairId) -> Result<Vec<ConflictRow>> {
        self.read(|connection| {
            let query = "SELECT id, uid, CAST(opened(title) AS TEXT), since FROM conflict
                 WHERE pair = ?1 ORDER BY id";
            sql::all(connection, query, [pair.0], |row| {
                let id = row.get(0)?;
                Ok(ConflictRow {
                    id,
                    uid: Uid::new(row.get::<_, String>(1)?),
                    title: row.get::<_, Option<String>>(2)?.map(Redacted::new),
                    since: instant(row.get(3)?)?,
                    fields: fields(connection, id)?,
                })
            })
        })
    }
}

/// What can't be read on a side can't be written on the other one: there, and why.
pub(crate) fn of_unreadable(side: Side, reason: &str) -> (Side, String) {
    (side.opposite(), format!("it can't be read on {side}: {reason}"))
}

/// Clears the problems and conflicts of a row that has just been mapped.
pub(crate) fn clear_of_row(connection: &Connection, row: i64) -> Result<()> {
    for clear in [
        "DELETE FROM problem WHERE \"left\" = ?1",
        "DELETE FROM problem WHERE \"right\" = ?1",
        "DELETE FROM conflict WHERE \"left\" = ?1",
        "DELETE FROM conflict WHERE \"right\" = ?1",
    ] {
        sql::run(connection, clear, [row])?;
    }
    Ok(())
}

fn target(connection: &Connection, pair: PairId, subject: &SubjectRow) -> Result<Target> {
    let mut target = Target { mapping: None, rows: Sides::default() };
    match subject {
        SubjectRow::Known(mapping) => target.mapping = Some(*mapping),
        SubjectRow::New(new) => {
            for (side, id) in new.iter() {
                if let Some(id) = id {
                    let row = row::find(connection, pair, side, id)?;
                    target.rows[side] = row.map(|row| row.id);
                }
            }
        }
    }
    Ok(target)
}

fn rows(connection: &Connection, target: Target) -> Result<Vec<i64>> {
    let Some(mapping) = target.mapping else {
        return Ok(target.rows.left.into_iter().chain(target.rows.right).collect());
    };
    let query = "SELECT id FROM snapshot WHERE mapping = ?1";
    sql::all(connection, query, [mapping.0], |row| Ok(row.get(0)?))
}

fn settle(connection: &Connection, target: Target, skipped: i64) -> Result<()> {
    for row in rows(connection, target)? {
        row::settle(connection, row, skipped)?;
    }
    Ok(())
}

/// Removes what `table` says of the subject, also of a part of it, and of its rows before they were
/// mapped; since when it said so.
fn forget(
    connection: &Connection,
    pair: PairId,
    target: Target,
    table: &str,
) -> Result<Option<Timestamp>> {
    let of_subject = "pair = ?1 AND (mapping = ?2 OR \"left\" = ?3 OR \"right\" = ?4
         OR \"left\" IN (SELECT id FROM snapshot WHERE mapping = ?2)
         OR \"right\" IN (SELECT id FROM snapshot WHERE mapping = ?2))";
    let mapping = target.mapping.map(|mapping| mapping.0);
    let key = params![pair.0, mapping, target.rows.left, target.rows.right];
    let query = format!("SELECT min(since) FROM {table} WHERE {of_subject}");
    let since = |row: &Row<'_>| Ok(row.get::<_, Option<i64>>(0)?);
    let since = sql::first(connection, &query, key, since)?.flatten().map(instant).transpose()?;
    if since.is_some() {
        sql::run(connection, &format!("DELETE FROM {table} WHERE {of_subject}"), key)?;
    }
    Ok(since)
}

fn known_conflict(connection: &Connection, pair: PairId, target: Target) -> Result<Option<i64>> {
    let query = format!("SELECT id FROM conflict WHERE {OF_SUBJECT}");
    let mapping = target.mapping.map(|mapping| mapping.0);
    let key = params![pair.0, mapping, target.rows.left, target.rows.right];
    sql::first(connection, &query, key, |row| Ok(row.get(0)?))
}

fn new_conflict(
    connection: &Connection,
    pair: PairId,
    target: Target,
    uid: &Uid,
    since: Timestamp,
) -> Result<i64> {
    sql::insert(
        connection,
        "INSERT INTO conflict (pair, mapping, \"left\", \"right\", uid, since)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            pair.0,
            target.mapping.map(|mapping| mapping.0),
            target.rows.left,
            target.rows.right,
            uid.as_str(),
            since.as_microsecond(),
        ],
    )
}

fn fields(
    connection: &Connection,
    conflict: i64,
) -> Result<Vec<(String, Sides<Redacted<String>>)>> {
    let query = "SELECT field, CAST(opened(\"left\") AS TEXT), CAST(opened(\"right\") AS TEXT)
         FROM conflict_field WHERE conflict = ?1
         ORDER BY position";
    sql::all(connection, query, [conflict], |row| {
        let values = Sides::new(row.get(1)?, row.get(2)?);
        Ok((row.get(0)?, values.map(Redacted::<String>::new)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{World, at, event};

    const LEFT: Side = Side::Left;
    const RIGHT: Side = Side::Right;

    fn left(id: &str) -> SubjectRow {
        SubjectRow::New(Sides::new(Some(id.into()), None))
    }

    fn aside(world: &World, subject: &SubjectRow, reason: &str, second: i64) {
        let uid = "1".into();
        world.store.set_aside(world.pair, subject, RIGHT, &uid, reason, at(second)).unwrap();
    }

    fn due(world: &World, second: i64) -> u64 {
        let waits = Duration::from_secs(5)..Duration::from_secs(100);
        world.store.retry_problems(world.pair, at(second), waits).unwrap()
    }

    #[test]
    fn a_problem_waits_for_a_change_or_as_long_again_and_keeps_its_beginning() {
        let world = World::new();
        world.see(LEFT, "a", "1", &event("1", "T", 9));
        aside(&world, &left("a"), "refused: too long", 10);
        assert!(world.touched().contacts.is_empty());
        assert_eq!(due(&world, 15), 0);
        assert_eq!(due(&world, 16), 1, "five seconds at least");
        assert_eq!(world.touched().contacts.len(), 1);
        aside(&world, &left("a"), "refused: still too long", 20);
        let problems = world.store.problems(world.pair).unwrap();
        let expected = ProblemRow {
            uid: "1".into(),
            side: RIGHT,
            reason: "refused: still too long".into(),
            since: at(10),
        };
        assert_eq!(problems, [expected]);
        assert_eq!(due(&world, 30), 0);
        assert_eq!(due(&world, 31), 1, "it had stood for ten");
        aside(&world, &left("a"), "refused: still too long", 300);
        assert_eq!(due(&world, 400), 0);
        assert_eq!(due(&world, 401), 1, "a hundred at most");
        assert_eq!((due(&world, 200), due(&world, 199)), (0, 1), "a wrong clock");
        world.see(LEFT, "a", "2", &event("1", "U", 9));
        assert_eq!(world.touched().contacts.len(), 1);
        // Gone: so is the problem.
        world.lose(LEFT, "a");
        assert!(world.store.problems(world.pair).unwrap().is_empty());
        aside(&world, &left("a"), "refused", 30);
        assert!(world.store.problems(world.pair).unwrap().is_empty());
    }

    #[test]
    fn what_waits_for_a_side_is_found_by_the_side_and_by_its_rights() {
        let world = World::new();
        world.see(LEFT, "a", "1", &event("1", "T", 9));
        let (store, pair) = (&world.store, world.pair);
        let rights = |side, rights| store.resolve_calendar(pair, side, &"/cal/".into(), rights);
        aside(&world, &left("a"), "read-only", 10);
        assert_eq!(store.retry_problems_of(pair, LEFT).unwrap(), 0);
        assert_eq!(store.retry_problems_of(pair, RIGHT).unwrap(), 1);
        assert_eq!(world.touched().contacts.len(), 1);
        aside(&world, &left("a"), "read-only", 20);
        rights(LEFT, Rights::Read).unwrap();
        assert_eq!(store.retry_read_only(pair).unwrap(), 0, "it waits for the other side");
        assert!(world.touched().contacts.is_empty());
        rights(RIGHT, Rights::Read).unwrap();
        assert_eq!((due(&world, 60), due(&world, 121)), (0, 1), "not before the longest wait");
        aside(&world, &left("a"), "read-only", 130);
        assert_eq!(store.retry_read_only(pair).unwrap(), 1);
        assert_eq!(world.touched().contacts.len(), 1);
    }

    #[test]
    fn a_problem_of_a_row_that_is_mapped_by_now_makes_way_for_that_of_the_mapping() {
        let world = World::new();
        let mapping = world.agreed("1", "T");
        // Its creation was not answered; what came of it was found later.
        aside(&world, &left("l1"), "no answer", 10);
        aside(&world, &SubjectRow::Known(mapping), "not here", 20);
        let problems = world.store.problems(world.pair).unwrap();
        let reasons: Vec<&str> = problems.iter().map(|problem| problem.reason.as_str()).collect();
        assert_eq!(reasons, ["not here"]);
        assert_eq!(due(&world, 20), 0);
    }

    #[test]
    fn what_cannot_be_read_on_a_side_cannot_be_written_on_the_other() {
        let world = World::new();
        let mapping = world.agreed("1", "T");
        let unreadable = |id: &str| crate::UnreadableRow {
            id: id.into(),
            version: Some("9".into()),
            uid: Some(id.into()),
            reason: "no start".into(),
        };
        let broken = [unreadable("new"), unreadable("l1")];
        let observation = crate::Observation { unreadable: &broken, ..crate::testing::nothing() };
        world.store.observe(world.pair, LEFT, &observation).unwrap();
        // Whatever side the plan blames.
        let (subject, uid) = (SubjectRow::Known(mapping), "1".into());
        world.store.set_aside(world.pair, &subject, LEFT, &uid, "as planned", at(1)).unwrap();
        let problems = world.store.problems(world.pair).unwrap();
        assert_eq!(problems.len(), 2, "{problems:?}");
        for problem in problems {
            let told = (problem.side, problem.reason.as_str());
            assert_eq!(told, (RIGHT, "it can't be read on left: no start"));
        }
        let found = &world.store.find(world.pair, "new").unwrap()[0];
        assert_eq!(found.problem.as_ref().unwrap().0, RIGHT);
    }

    #[test]
    fn an_agreement_clears_problems_and_conflicts() {
        let world = World::new();
        let mapping = world.agreed("1", "T");
        world.see(LEFT, "a", "1", &event("2", "T", 10));
        world.see(RIGHT, "b", "1", &event("2", "T", 10));
        let new = SubjectRow::New(Sides::new(Some("a".into()), Some("b".into())));
        for subject in [left("a"), new.clone(), SubjectRow::Known(mapping)] {
            aside(&world, &subject, "refused", 1);
            let uid = "1".into();
            world.store.put_conflict(world.pair, &subject, &uid, None, at(1), &[]).unwrap();
        }
        assert_eq!(world.store.problems(world.pair).unwrap().len(), 2);
        world.agree(SubjectRow::Known(mapping), "l1", "r1");
        world.agree(new, "a", "b");
        assert!(world.store.problems(world.pair).unwrap().is_empty());
        assert!(world.store.conflicts(world.pair).unwrap().is_empty());
    }

    #[test]
    fn a_conflict_keeps_its_number_and_learns_new_values() {
        let world = World::new();
        let subject = SubjectRow::Known(world.agreed("1", "T"));
        world.see(LEFT, "l1", "2", &event("1", "U", 9));
        let put = |second, value: &str| {
            let fields = [("title".to_owned(), Sides::new(value.to_owned(), "V".to_owned()))];
            let (uid, title) = ("1".into(), Some("T"));
            world
                .store
                .put_conflict(world.pair, &subject, &uid, title, at(second), &fields)
                .unwrap();
        };
        put(1, "U");
        let first = world.store.conflicts(world.pair).unwrap();
        assert!(world.touched().known.is_empty());
        put(2, "W");
        let second = world.store.conflicts(world.pair).unwrap();
        assert_eq!((second.len(), second[0].id, second[0].since), (1, first[0].id, at(1)));
        assert_eq!(second[0].fields[0].1.left.expose(), "W");
    }
}
