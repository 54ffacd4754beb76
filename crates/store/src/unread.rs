//! What is there and was not handed out: asked for again in every cycle, told as a problem, and
//! waited for by whatever may be the same series.

use model::{ResourceId, Side, Uid};
use rusqlite::params;

use crate::codec::side_number;
use crate::{PairId, Result, Store, sql};

/// A resource that the provider lists, and does not hand out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadRow {
    /// Which.
    pub id: ResourceId,
    /// Why, as a sentence.
    pub reason: String,
}

/// A resource that waits to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Which.
    pub id: ResourceId,
    /// Its UID, where it was read before.
    pub uid: Option<Uid>,
    /// Whether both sides once agreed on it.
    pub is_mapped: bool,
}

impl Store {
    /// What waits to be read on this side, the first of it, at most `limit`.
    ///
    /// # Errors
    /// When the database can't be read.
    pub fn unread(&self, pair: PairId, side: Side, limit: usize) -> Result<Vec<Waiting>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.read(|connection| {
            let query = "SELECT resource, uid, mapping IS NOT NULL
                 FROM snapshot INDEXED BY snapshot_unreadable
                 WHERE pair = ?1 AND side = ?2 AND unreadable IS NOT NULL AND unread = 1
                 ORDER BY id LIMIT ?3";
            sql::all(connection, query, params![pair.0, side_number(side), limit], |row| {
                Ok(Waiting {
                    id: ResourceId::new(row.get::<_, String>(0)?),
                    uid: row.get::<_, Option<String>>(1)?.map(Uid::new),
                    is_mapped: row.get(2)?,
                })
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{World, event, nothing};
    use crate::{NowRow, Observation, Observed, UnreadableRow};

    const LEFT: Side = Side::Left;

    fn withhold(world: &World, id: &str) -> Observed {
        let unread = [UnreadRow { id: id.into(), reason: "failed at it (500)".into() }];
        let observation = Observation { unread: &unread, ..nothing() };
        world.store.observe(world.pair, LEFT, &observation).unwrap()
    }

    fn waiting(world: &World) -> Vec<(String, bool)> {
        let waiting = world.store.unread(world.pair, LEFT, 10).unwrap();
        waiting.into_iter().map(|one| (one.id.to_string(), one.is_mapped)).collect()
    }

    fn problems(world: &World) -> Vec<String> {
        let problems = world.store.problems(world.pair).unwrap();
        problems.into_iter().map(|one| format!("{}: {}", one.uid, one.reason)).collect()
    }

    #[test]
    fn what_was_never_read_is_a_problem_until_it_is_read_or_gone() {
        let world = World::new();
        for end in ["read", "gone", "broken"] {
            assert_eq!(withhold(&world, "new").touched, 0);
            assert_eq!(waiting(&world), [("new".to_owned(), false)]);
            let told = "new: it can't be read on left: failed at it (500)";
            assert_eq!(problems(&world), [told], "{end}");
            assert!(world.touched().contacts.is_empty(), "there is nothing to plan");
            match end {
                "read" => {
                    world.see(LEFT, "new", "1", &event("1", "T", 9));
                    assert_eq!(world.touched().contacts.len(), 1);
                    world.lose(LEFT, "new");
                }
                "gone" => drop(world.lose(LEFT, "new")),
                _ => {
                    let (id, version) = ("new".into(), Some("2".into()));
                    let row = UnreadableRow { id, version, uid: None, reason: "no start".into() };
                    let observation = Observation { unreadable: &[row], ..nothing() };
                    world.store.observe(world.pair, LEFT, &observation).unwrap();
                    assert_eq!(problems(&world), ["new: it can't be read on left: no start"]);
                    world.lose(LEFT, "new");
                }
            }
            assert!(waiting(&world).is_empty(), "{end}");
            assert!(problems(&world).is_empty(), "{end}");
        }
    }

    #[test]
    fn a_mapped_one_is_planned_as_unreadable_and_looked_at_again_when_it_is_read() {
        let world = World::new();
        let mapping = world.agreed("1", "T");
        assert_eq!(withhold(&world, "l1").touched, 1);
        assert_eq!(withhold(&world, "l1").touched, 0, "once");
        assert_eq!(waiting(&world), [("l1".to_owned(), true)]);
        let known = &world.store.known(&[mapping]).unwrap()[0];
        assert!(matches!(known.now.left, NowRow::Unreadable { .. }));
        assert_eq!(world.see(LEFT, "l1", "1", &event("1", "T", 9)).touched, 1, "nothing is new");
        assert!(waiting(&world).is_empty() && problems(&world).is_empty());
    }

    #[test]
    fn another_of_its_uid_waits_for_it() {
        let world = World::new();
        world.see(LEFT, "a", "1", &event("1", "T", 9));
        world.see(Side::Right, "b", "1", &event("1", "T", 9));
        withhold(&world, "a");
        assert!(world.touched().contacts.is_empty(), "b may be the same");
        world.see(LEFT, "a", "2", &event("1", "U", 9));
        assert_eq!(world.touched().contacts.len(), 1);
    }
}
