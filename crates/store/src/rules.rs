//! The rules of a pair, by name, as they were when its rows were last touched for them.
//!
//! Rows are planned when something about them changes. When the rules change, that is all of them:
//! they are touched, and the new rules remembered, in one transaction, so that no crash leaves rows
//! behind that were planned by rules of the past. What of a copy has to be made anew stands in its
//! row until an agreement says that it was.

use std::collections::BTreeMap;

use model::{FieldSet, MappingId, Side, Sides};
use rusqlite::{Connection, params};

use crate::codec::side_number;
use crate::journal::SubjectRow;
use crate::{PairId, Result, Store, agree, sql};

/// Rules that are others than those remembered.
#[derive(Clone, Copy, Debug)]
pub struct NewRules<'a> {
    /// All of them, in words, by name.
    pub stated: &'a BTreeMap<String, String>,
    /// The fields in which copies on each side have to be made anew.
    pub renew: Sides<FieldSet>,
    /// What becomes of deletions that did not cross by the old rules.
    pub withheld: Withheld,
}

/// What becomes of series of which one side is gone, when it was decided that this does not cross.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Withheld {
    /// They stay as they are.
    Stays,
    /// What is there meets the other side anew. What was no deletion must not turn into one.
    MeetsAnew,
    /// The same; and nothing crossed from this side, so that what is gone there counts among them
    /// even if no plan has looked at it yet.
    MeetsAnewOf(Side),
}

impl Store {
    /// The rules for which the pair's rows were last touched; empty when that is not known.
    ///
    /// # Errors
    /// When the database can't be read.
    pub fn rules(&self, pair: PairId) -> Result<BTreeMap<String, String>> {
        self.read(|connection| {
            let query = "SELECT name, value FROM rule WHERE pair = ?1";
            let rules = sql::all(connection, query, [pair.0], |row| Ok((row.get(0)?, row.get(1)?)));
            Ok(rules?.into_iter().collect())
        })
    }

    /// Remembers new rules, and touches every row of the pair.
    ///
    /// # Errors
    /// When nothing could be written.
    pub fn take_up_rules(&self, pair: PairId, new: &NewRules<'_>) -> Result<()> {
        self.write("take_up_rules", |transaction| {
            match new.withheld {
                Withheld::Stays => {}
                Withheld::MeetsAnew => part_halves(transaction, pair, None)?,
                Withheld::MeetsAnewOf(side) => part_halves(transaction, pair, Some(side))?,
            }
            // A row that was never mapped and can't be read is not the plan's.
            let touch = "UPDATE snapshot SET touched = 1, skipped = 0 WHERE pair = ?1
                 AND (mapping IS NOT NULL OR (present = 1 AND unreadable IS NULL))";
            sql::run(transaction, touch, [pair.0])?;
            for (side, fields) in new.renew.iter() {
                let renew = "UPDATE snapshot SET renew = renew | ?3
                     WHERE pair = ?1 AND side = ?2 AND mapping IS NOT NULL";
                if !fields.is_empty() {
                    let key = params![pair.0, side_number(side), fields.bits()];
                    sql::run(transaction, renew, key)?;
                }
            }
            sql::run(transaction, "DELETE FROM rule WHERE pair = ?1", [pair.0])?;
            for (name, value) in new.stated {
                let query = "INSERT INTO rule (pair, name, value) VALUES (?1, ?2, ?3)";
                sql::run(transaction, query, params![pair.0, name, value])?;
            }
            Ok(())
        })
    }
}

/// Forgets the mappings of which one side is gone and that were skipped because of it, or that are
/// gone on the side from which nothing crossed.
fn part_halves(connection: &Connection, pair: PairId, unheard: Option<Side>) -> Result<()> {
    let query = "SELECT mapping FROM snapshot
         WHERE pair = ?1 AND mapping IS NOT NULL AND present = 0
             AND ((touched = 0 AND skipped = 2) OR side IS ?2)";
    let key = params![pair.0, unheard.map(side_number)];
    for mapping in sql::all(connection, query, key, |row| Ok(MappingId(row.get(0)?)))? {
        agree::forget(connection, pair, &SubjectRow::Known(mapping))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use model::Field;

    use super::*;
    use crate::testing::{World, event};
    use crate::{Agreement, ErrorKind};

    const LEFT: Side = Side::Left;
    const RIGHT: Side = Side::Right;
    const TITLE: FieldSet = FieldSet::NONE.with(Field::Title);

    fn rules(value: &str) -> BTreeMap<String, String> {
        [("prefix".to_owned(), value.to_owned())].into()
    }

    impl World {
        fn take_up(&self, value: &str, withheld: Withheld) -> Result<()> {
            let stated = rules(value);
            let new =
                NewRules { stated: &stated, renew: Sides::new(FieldSet::NONE, TITLE), withheld };
            self.store.take_up_rules(self.pair, &new)
        }
    }

    #[test]
    fn new_rules_touch_everything_and_are_remembered_with_it() {
        let world = World::new();
        let mapping = world.agreed("1", "Zahnarzt");
        world.see(LEFT, "a", "1", &event("2", "Kino", 9));
        let alone = SubjectRow::New(Sides::new(Some("a".into()), None));
        world.store.skip(world.pair, &alone, true).unwrap();
        world.store.skip(world.pair, &SubjectRow::Known(mapping), false).unwrap();
        assert!(world.touched().known.is_empty() && world.touched().contacts.is_empty());
        assert!(world.store.rules(world.pair).unwrap().is_empty());
        world.store.failpoint(Some(Box::new(|name| name == "take_up_rules")));
        let refused = world.take_up("W ", Withheld::Stays).unwrap_err();
        assert_eq!(refused.kind(), &ErrorKind::Full);
        world.store.failpoint(None);
        assert!(world.store.rules(world.pair).unwrap().is_empty());
        world.take_up("W ", Withheld::Stays).unwrap();
        assert_eq!(world.store.rules(world.pair).unwrap(), rules("W "));
        let batch = world.touched();
        assert_eq!((batch.known.len(), batch.contacts.len()), (1, 1));
        assert_eq!(batch.known[0].made, Sides::new(false, true));
        assert_eq!(batch.known[0].renew, Sides::new(FieldSet::NONE, TITLE));
        assert_eq!(world.totals().deletions, Sides::default());
    }

    #[test]
    fn what_is_to_be_made_anew_is_so_until_an_agreement() {
        let world = World::new();
        let mapping = world.agreed("1", "Zahnarzt");
        world.take_up("W ", Withheld::Stays).unwrap();
        let subject = SubjectRow::Known(mapping);
        world.store.skip(world.pair, &subject, false).unwrap();
        world.see(LEFT, "l1", "2", &event("1", "Kino", 9));
        assert_eq!(world.touched().known[0].renew.right, TITLE, "a rule kept it");
        let agree = |renew| {
            let (subject, held) = (subject.clone(), Sides::new(Some("l1".into()), None));
            let agreement = Agreement { subject, held, base: None, renew };
            world.store.agree(world.pair, &[agreement]).unwrap();
            world.see(LEFT, "l1", "3", &event("1", &format!("{renew:?}"), 9));
            world.touched().known[0].renew
        };
        let open = Sides::new(FieldSet::NONE, TITLE);
        assert_eq!(agree(open), open);
        assert_eq!(agree(Sides::default()), Sides::default());
    }

    #[test]
    fn a_deletion_that_did_not_cross_is_none_under_other_rules() {
        for (withheld, known, contacts) in [(Withheld::Stays, 1, 0), (Withheld::MeetsAnew, 0, 1)] {
            let world = World::new();
            let mapping = world.agreed("1", "Zahnarzt");
            world.lose(RIGHT, "r1");
            world.store.skip(world.pair, &SubjectRow::Known(mapping), false).unwrap();
            world.take_up("W ", withheld).unwrap();
            let batch = world.touched();
            assert_eq!((batch.known.len(), batch.contacts.len()), (known, contacts));
            assert_eq!(world.totals().deletions.left, known as u64);
            assert_eq!(world.store.integrity().unwrap(), Vec::<String>::new());
        }
    }

    #[test]
    fn a_deletion_that_was_not_looked_at_yet_stays_one_unless_nothing_crossed_from_there() {
        let cases = [
            (Withheld::MeetsAnew, 1),
            (Withheld::MeetsAnewOf(LEFT), 1),
            (Withheld::MeetsAnewOf(RIGHT), 0),
        ];
        for (withheld, deletions) in cases {
            let world = World::new();
            world.agreed("1", "Zahnarzt");
            world.lose(RIGHT, "r1");
            world.take_up("W ", withheld).unwrap();
            assert_eq!(world.totals().deletions, Sides::new(deletions, 0), "{withheld:?}");
            assert_eq!(world.store.integrity().unwrap(), Vec::<String>::new());
        }
    }
}
