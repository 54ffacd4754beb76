//! Writes that a person asked for, outside any cycle: an earlier version that is put back, a side
//! of a conflict that is kept as an event of its own.
//!
//! They are journalled like a cycle's, and otherwise: what they leave at a provider is an edit like
//! any other, which the next cycle finds there and carries across. So no row of the side changes
//! here, nothing waits for an agreement, and no plan waits for them. The journal's entry is the
//! line of history itself, which is begun before the provider is asked and shown once it has
//! answered. What a creation made is remembered for as long as that line, so that whoever asks for
//! the same again before anybody has looked there gets that, and not a second one.

use model::{ResourceId, Series, Side, Timestamp, Uid};
use rusqlite::{Connection, Row, params};

use crate::codec::{damaged, instant, maybe_packed, side as side_of, side_number};
use crate::history::{self, Entry};
use crate::{ActionKind, PairId, Result, Store, choices, sql};

/// Of a line of history: that it is not the beginning of an errand whose outcome is not known.
pub(crate) const IS_MADE: &str = "id NOT IN (SELECT history FROM errand WHERE made = 0)";

/// An errand, and the number of the change that it makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ErrandId(pub i64);

/// An errand about to be run.
#[derive(Clone, Debug)]
pub struct NewErrand<'a> {
    /// What is asked for: the same where the same is asked for again.
    pub name: &'a str,
    /// Which of the events that it ever made, from 0.
    pub attempt: u32,
    /// Where it is written.
    pub side: Side,
    /// What was there before this change is put back.
    pub change: Option<i64>,
    /// This conflict is settled by it: the left side wins once it is made.
    pub conflict: Option<i64>,
    /// What it is written over; `None` for a creation.
    pub over: Option<&'a ResourceId>,
    /// What that held.
    pub before: Option<&'a Series>,
    /// The same in the provider's own form, where history is to keep it.
    pub former: Option<&'a [u8]>,
    /// What is to be there.
    pub target: &'a Series,
    /// The run.
    pub run: i64,
    /// Why, in words without private content.
    pub reason: &'a str,
}

/// An errand that was begun and not answered.
#[derive(Clone, Debug)]
pub struct ErrandRow {
    /// Which.
    pub id: ErrandId,
    /// When it was begun.
    pub at: Timestamp,
    /// What was asked for.
    pub name: String,
    /// Which of the events that it ever made.
    pub attempt: u32,
    /// Where it was written.
    pub side: Side,
    /// What was there before this change was put back.
    pub change: Option<i64>,
    /// What it was written over; `None` for a creation.
    pub over: Option<ResourceId>,
    /// What that held.
    pub before: Option<Series>,
    /// What was to be there.
    pub target: Series,
}

/// What an errand created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MadeRow {
    /// The errand's name.
    pub name: String,
    /// Which of the events that it ever made.
    pub attempt: u32,
    /// The event.
    pub resource: ResourceId,
}

impl Store {
    /// Begins an errand; the provider may be asked once this has returned. Survives a loss of
    /// power.
    ///
    /// # Errors
    /// When nothing could be written: then nothing may be sent.
    pub fn begin_errand(
        &self,
        pair: PairId,
        errand: &NewErrand<'_>,
        now: Timestamp,
    ) -> Result<ErrandId> {
        let action = if errand.over.is_some() { ActionKind::Update } else { ActionKind::Create };
        let entry = Entry {
            pair,
            run: errand.run,
            side: errand.side,
            action: action.as_str(),
            before: errand.before,
            after: Some(errand.target),
            reason: errand.reason,
            former: errand.former,
        };
        self.write_durably("begin_errand", |transaction| {
            let id = history::put(transaction, &entry, now)?.ok_or_else(damaged)?;
            let query = "INSERT INTO errand (history, pair, name, attempt, change, conflict,
                 resource) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
            let over = errand.over.map(ResourceId::as_str);
            let NewErrand { name, attempt, change, conflict, .. } = *errand;
            sql::run(
                transaction,
                query,
                params![id, pair.0, name, attempt, change, conflict, over],
            )?;
            Ok(ErrandId(id))
        })
    }

    /// The provider has answered that `resource` is as was asked for: history shows it, and the
    /// conflict that it settles is settled. A second call does nothing.
    ///
    /// # Errors
    /// When nothing could be written; the errand is then still open.
    pub fn ran_errand(&self, errand: ErrandId, resource: &ResourceId) -> Result<()> {
        self.write("ran_errand", |transaction| {
            let query = "SELECT pair, conflict, resource FROM errand
                 WHERE history = ?1 AND made = 0";
            let read = |row: &Row<'_>| {
                let over: Option<String> = row.get(2)?;
                Ok((PairId(row.get(0)?), row.get::<_, Option<i64>>(1)?, over))
            };
            let Some((pair, conflict, over)) = sql::first(transaction, query, [errand.0], read)?
            else {
                return Ok(());
            };
            if let Some(conflict) = conflict {
                choices::choose(transaction, pair, conflict, Side::Left)?;
            }
            // Only what was made can be made twice.
            let query = match over {
                Some(_) => "DELETE FROM errand WHERE history = ?1 AND ?2 IS NOT NULL",
                None => "UPDATE errand SET made = 1, resource = ?2 WHERE history = ?1",
            };
            sql::run(transaction, query, params![errand.0, resource.as_str()])?;
            Ok(())
        })
    }

    /// Nothing was written: the errand goes, and history never had it.
    ///
    /// # Errors
    /// When nothing could be written.
    pub fn drop_errand(&self, errand: ErrandId) -> Result<()> {
        self.write("drop_errand", |transaction| {
            let query = "DELETE FROM history
                 WHERE id IN (SELECT history FROM errand WHERE history = ?1 AND made = 0)";
            sql::run(transaction, query, [errand.0]).map(drop)
        })
    }

    /// The errands of a pair that were begun and neither answered nor dropped, oldest first.
    ///
    /// # Errors
    /// When the database can't be read.
    pub fn open_errands(&self, pair: PairId) -> Result<Vec<ErrandRow>> {
        let query = "SELECT history, at, name, attempt, side, change, resource,
             opened(before), opened(after) FROM errand JOIN history ON id = history
             WHERE errand.pair = ?1 AND made = 0 ORDER BY history";
        self.read(|connection| sql::all(connection, query, [pair.0], errand_row))
    }

    /// What errands of this name, or about this series, ever created on a side, newest first, at
    /// most `limit`.
    ///
    /// # Errors
    /// When the database can't be read.
    pub fn made_by_errands(
        &self,
        pair: PairId,
        side: Side,
        name: &str,
        uid: &Uid,
        limit: usize,
    ) -> Result<Vec<MadeRow>> {
        let query = "SELECT name, attempt, resource FROM errand JOIN history ON id = history
             WHERE errand.pair = ?1 AND side = ?2 AND (name = ?3 OR uid = ?4)
             AND made = 1 AND resource IS NOT NULL ORDER BY history DESC LIMIT ?5";
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let key = params![pair.0, side_number(side), name, uid.as_str(), limit];
        let made = |row: &Row<'_>| {
            Ok(MadeRow {
                name: row.get(0)?,
                attempt: row.get(1)?,
                resource: ResourceId::new(row.get::<_, String>(2)?),
            })
        };
        self.read(|connection| sql::all(connection, query, key, made))
    }
}

/// Errands for a conflict whose outcome is not known go, as if history had never had them.
pub(crate) fn forget(connection: &Connection, pair: PairId, conflict: i64) -> Result<()> {
    let query = "DELETE FROM history WHERE id IN (SELECT history FROM errand
         WHERE pair = ?1 AND conflict = ?2 AND made = 0)";
    sql::run(connection, query, params![pair.0, conflict]).map(drop)
}

fn errand_row(row: &Row<'_>) -> Result<ErrandRow> {
    Ok(ErrandRow {
        id: ErrandId(row.get(0)?),
        at: instant(row.get(1)?)?,
        name: row.get(2)?,
        attempt: row.get(3)?,
        side: side_of(row.get(4)?)?,
        change: row.get(5)?,
        over: row.get::<_, Option<String>>(6)?.map(ResourceId::new),
        before: maybe_packed(row, 7)?,
        target: maybe_packed(row, 8)?.ok_or_else(damaged)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{World, at, event};

    const RIGHT: Side = Side::Right;

    impl World {
        fn errand(&self, over: Option<&str>, conflict: Option<i64>) -> ErrandId {
            let (before, target) = (event("1", "Kino", 9), event("1", "Zahnarzt", 9));
            let over = over.map(ResourceId::new);
            let new = NewErrand {
                name: "n",
                attempt: 2,
                side: RIGHT,
                change: Some(1),
                conflict,
                over: over.as_ref(),
                before: over.as_ref().map(|_| &before),
                former: over.as_ref().map(|_| b"with a comment".as_slice()),
                target: &target,
                run: 7,
                reason: "restored from change 1",
            };
            self.store.begin_errand(self.pair, &new, at(5)).unwrap()
        }

        fn told(&self) -> Vec<(String, i64)> {
            let history = self.store.history(None, None, 100).unwrap();
            history.into_iter().map(|change| (change.action, change.id)).collect()
        }

        fn made(&self, name: &str, uid: &str) -> Vec<MadeRow> {
            self.store.made_by_errands(self.pair, RIGHT, name, &uid.into(), 10).unwrap()
        }
    }

    #[test]
    fn history_tells_of_an_errand_once_it_is_made() {
        for over in [None, Some("r1")] {
            let world = World::new();
            world.agreed("1", "Kino");
            let before = world.told();
            let id = world.errand(over, None);
            assert_eq!(world.told(), before, "nobody knows yet");
            let open = world.store.open_errands(world.pair).unwrap().remove(0);
            assert_eq!((open.id, open.at, open.attempt, open.side), (id, at(5), 2, RIGHT));
            assert_eq!((open.change, open.name.as_str()), (Some(1), "n"));
            assert_eq!(open.over, over.map(ResourceId::new));
            assert_eq!(open.before, over.map(|_| event("1", "Kino", 9)));
            assert_eq!(open.target, event("1", "Zahnarzt", 9));
            for _ in 0..2 {
                world.store.ran_errand(id, &"r9".into()).unwrap();
            }
            assert!(world.store.open_errands(world.pair).unwrap().is_empty());
            let change = world.store.history(None, None, 1).unwrap().remove(0);
            let action = if over.is_some() { "update" } else { "create" };
            assert_eq!((change.id, change.action.as_str(), change.run), (id.0, action, 7));
            assert_eq!(change.before, open.before);
            assert_eq!(change.after, Some(open.target));
            assert_eq!(change.reason, "restored from change 1");
            let former = world.store.former(change.id).unwrap();
            assert_eq!(former.map(|raw| raw.into_inner().len()), over.map(|_| 14));
            // What it made is found by what was asked for, and by the series.
            let made = MadeRow { name: "n".into(), attempt: 2, resource: "r9".into() };
            let made = if over.is_some() { vec![] } else { vec![made] };
            assert_eq!((world.made("n", "x"), world.made("x", "1")), (made.clone(), made));
            assert!(world.made("x", "x").is_empty());
        }
    }

    #[test]
    fn an_errand_that_was_not_made_leaves_nothing() {
        let world = World::new();
        world.agreed("1", "Kino");
        let before = world.told();
        let id = world.errand(Some("r1"), None);
        for _ in 0..2 {
            world.store.drop_errand(id).unwrap();
        }
        world.store.ran_errand(id, &"r1".into()).unwrap();
        assert_eq!((world.told(), world.store.former(id.0).unwrap()), (before, None));
        assert!(world.store.open_errands(world.pair).unwrap().is_empty());
        // One that was made is not dropped any more.
        let id = world.errand(None, None);
        world.store.ran_errand(id, &"r9".into()).unwrap();
        world.store.drop_errand(id).unwrap();
        assert_eq!(world.told()[0].1, id.0);
        assert_eq!(world.store.integrity().unwrap(), Vec::<String>::new());
    }

    #[test]
    fn it_touches_nothing_and_settles_its_conflict() {
        let world = World::new();
        let mapping = world.agreed("1", "Kino");
        let subject = crate::SubjectRow::Known(mapping);
        world.store.put_conflict(world.pair, &subject, &"1".into(), None, at(1), &[]).unwrap();
        let conflict = world.store.conflicts(world.pair).unwrap()[0].id;
        let id = world.errand(None, Some(conflict));
        assert!(world.store.choices(world.pair).unwrap().is_empty());
        let held = world.held(RIGHT, "r1");
        world.store.ran_errand(id, &"r9".into()).unwrap();
        assert_eq!(world.store.choices(world.pair).unwrap()[0].keep, Side::Left);
        assert_eq!(world.held(RIGHT, "r1"), held);
        assert!(world.store.open_intents(world.pair).unwrap().is_empty());
        let known = world.touched().known.remove(0);
        assert!(known.pending.right.is_empty(), "it is no write of the plan's");
        world.store.remove_pair(world.pair).unwrap();
        assert!(world.store.open_errands(world.pair).unwrap().is_empty());
    }
}
