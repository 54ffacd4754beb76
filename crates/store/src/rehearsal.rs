//! Rehearsals: what a plan would do is found out on a copy of the store.
//!
//! To plan, a cycle takes things in: rules, calendars, observations. All of them decide what later
//! cycles write, so somebody who only asks gets a copy, as it is at that moment, which is gone when
//! the answer is found.

use model::Timestamp;
use rusqlite::{Connection, params};

use crate::codec::side_number;
use crate::{PairId, ProposedRow, Result, Store, open, sql, texts};

impl Store {
    /// A copy in which everything may be tried: nothing of it reaches this store, and it is gone
    /// with its last clone. The copy of a file is a file in the same directory that has no name any
    /// more, so that memory does not grow with the calendar.
    ///
    /// # Errors
    /// When the copy could not be written.
    pub fn rehearsal(&self) -> Result<Store> {
        let inner = self.lock();
        let key = inner.key.clone();
        let connection = inner.read(|from| {
            let Some(home) = &inner.home else {
                let mut copy = Connection::open_in_memory()?;
                open::copy(from, &mut copy)?;
                return Ok(copy);
            };
            let path = home.rehearsal()?;
            let mut copy = open::connect(&path)?;
            open::copy(from, &mut copy)?;
            // Without a log there is no other file beside it, which would need the name.
            copy.execute_batch("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF;")?;
            home.end_rehearsal()?;
            Ok(copy)
        })?;
        connection.execute_batch("PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;")?;
        texts::attach(&connection, &key)?;
        Ok(Store::over(connection, None, key))
    }

    /// A person is shown these deletions of a halted plan, as a rehearsal found them: what they
    /// approve next is this plan. Mappings that are no more are left out.
    ///
    /// # Errors
    /// When nothing could be written.
    pub fn propose_rehearsed(
        &self,
        pair: PairId,
        rows: &[ProposedRow],
        now: Timestamp,
    ) -> Result<()> {
        if self.proposal(pair)? == rows {
            return Ok(());
        }
        self.write("propose", |transaction| {
            let withdraw = "DELETE FROM proposal
                 WHERE mapping IN (SELECT id FROM mapping WHERE pair = ?1)";
            sql::run(transaction, withdraw, [pair.0])?;
            for ProposedRow { mapping, side, shown, uid: _ } in rows {
                let query = "INSERT INTO proposal (mapping, side, at, shown)
                     SELECT id, ?3, ?4, ?5 FROM mapping WHERE id = ?1 AND pair = ?2";
                let (side, at) = (side_number(*side), now.as_microsecond());
                sql::run(transaction, query, params![mapping.0, pair.0, side, at, shown])?;
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use model::{Side, Sides};

    use super::*;
    use crate::testing::{World, at, event};
    use crate::{NewRules, Withheld};
    use testkit::canary::files;

    #[test]
    fn a_rehearsal_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let stores = [Store::in_memory().unwrap(), Store::open(folder.path(), at(1)).unwrap()];
        for store in stores {
            let world = World::over(store);
            world.agreed("1", "Zahnarzt");
            let before = files(folder.path());
            let tried = World { store: world.store.rehearsal().unwrap(), pair: world.pair };
            assert_eq!(files(folder.path()), before, "it has no name");
            let stated = [("prefix".to_owned(), "W ".to_owned())].into();
            let renew = Sides::default();
            let new = NewRules { stated: &stated, renew, withheld: Withheld::Stays };
            tried.store.take_up_rules(tried.pair, &new).unwrap();
            tried.see(Side::Left, "l1", "2", &event("1", "Kino", 9));
            tried.lose(Side::Right, "r1");
            tried.ensure("another", "one");
            assert_eq!(tried.store.rules(tried.pair).unwrap(), stated);
            assert_eq!(tried.store.integrity().unwrap(), Vec::<String>::new());
            assert_eq!(files(folder.path()), before);
            drop(tried);
            assert!(world.touched().known.is_empty());
            assert!(world.store.rules(world.pair).unwrap().is_empty());
            assert_eq!(world.store.counts(world.pair).unwrap(), Sides::new(1, 1));
            assert_eq!(world.totals().series, Sides::new(1, 1));
            assert_eq!(world.store.integrity().unwrap(), Vec::<String>::new());
        }
    }

    #[test]
    fn what_a_rehearsal_halted_at_can_be_approved() {
        let world = World::new();
        world.agreed("1", "Zahnarzt");
        let tried = World { store: world.store.rehearsal().unwrap(), pair: world.pair };
        tried.lose(Side::Left, "l1");
        let due = tried.store.vanished(tried.pair).unwrap();
        tried.store.propose(tried.pair, &due, at(2)).unwrap();
        let proposed = tried.store.proposal(tried.pair).unwrap();
        assert_eq!(proposed.len(), 1);
        world.store.propose_rehearsed(world.pair, &proposed, at(3)).unwrap();
        assert_eq!(world.store.proposal(world.pair).unwrap(), proposed);
        let none = ProposedRow { mapping: model::MappingId(99), ..proposed[0].clone() };
        world.store.propose_rehearsed(world.pair, &[none], at(4)).unwrap();
        assert_eq!(world.store.proposal(world.pair).unwrap(), []);
    }
}
