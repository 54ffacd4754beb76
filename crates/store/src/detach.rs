//! The end of a pair. What calpair created is known as such, so that it can be removed where nobody
//! has changed it since; then everything is forgotten but history.

use model::{MappingId, ResourceId, Sides, Uid};
use rusqlite::Row;

use crate::codec::side as side_of;
use crate::{PairId, Result, Store, sql};

/// A series that calpair created on a side, and that is still there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyRow {
    /// The series.
    pub mapping: MappingId,
    /// Where it is.
    pub resource: ResourceId,
    /// Its UID.
    pub uid: Uid,
    /// Whether somebody has changed it since, or it holds something else than both sides agreed
    /// on: then it is more than a copy.
    pub changed: bool,
    /// Whether calpair made the other side's from it, which had lost its own or was another
    /// calendar then: one of the two has to stay, and this is the older one.
    pub is_source: bool,
}

impl Store {
    /// From now on the pair's copies are removed, one by one, and no cycle runs, until the pair is
    /// removed too. Survives a loss of power.
    ///
    /// # Errors
    /// When nothing could be written: then nothing may be removed.
    pub fn begin_detach(&self, pair: PairId) -> Result<()> {
        self.write_durably("begin_detach", |transaction| {
            let query = "UPDATE pair SET detaching = 1, paused = 1 WHERE id = ?1";
            sql::run(transaction, query, [pair.0]).map(|_| ())
        })
    }

    /// What calpair created on each side and that is still there, ordered by resource.
    ///
    /// # Errors
    /// When the database can't be read.
    pub fn mapped_copies(&self, pair: PairId) -> Result<Sides<Vec<CopyRow>>> {
        self.read(|connection| {
            let mut copies: Sides<Vec<_>> = Sides::default();
            let query = "SELECT side, mapping, resource,
                     coalesce(unreadable IS NOT NULL OR edited OR digest <> base_digest, 1),
                     coalesce(uid, resource),
                     EXISTS (SELECT 1 FROM snapshot AS other
                         WHERE other.mapping = snapshot.mapping AND other.side = 1 - snapshot.side
                         AND other.ours = 1 AND other.id > snapshot.id)
                 FROM snapshot
                 WHERE pair = ?1 AND ours = 1 AND present = 1 AND mapping IS NOT NULL
                 ORDER BY resource";
            let rows = |row: &Row<'_>| {
                let (mapping, changed) = (MappingId(row.get(1)?), row.get(3)?);
                let resource = ResourceId::new(row.get::<_, String>(2)?);
                let uid = Uid::new(row.get::<_, String>(4)?);
                let is_source = row.get(5)?;
                let copy = CopyRow { mapping, resource, uid, changed, is_source };
                Ok((side_of(row.get(0)?)?, copy))
            };
            for (side, copy) in sql::all(connection, query, [pair.0], rows)? {
                copies[side].push(copy);
            }
            Ok(copies)
        })
    }

    /// Ends a pair: everything known of it is forgotten, except its history.
    ///
    /// # Errors
    /// When nothing could be written.
    pub fn remove_pair(&self, pair: PairId) -> Result<()> {
        self.change("remove_pair", "DELETE FROM pair WHERE id = ?1", [pair.0])
    }

    /// The pair was detached: it is paused until it is taken out of the configuration.
    ///
    /// # Errors
    /// When nothing could be written.
    pub fn set_detached(&self, pair: PairId) -> Result<()> {
        let query = "UPDATE pair SET paused = 1, detached = 1 WHERE id = ?1";
        self.change("set_detached", query, [pair.0])
    }
}

#[cfg(test)]
mod tests {
    use model::{CalendarId, Rights, Side};

    use super::*;
    use crate::testing::{World, event, nothing, resource, sighting};
    use crate::{Observation, SubjectRow};

    impl World {
        /// The event 1 is seen on the right as it was, in another form.
        fn see_raw(&self, id: &str, version: &str, raw: &[u8]) {
            let mut seen = resource(id, Some(version), event("1", "Zahnarzt", 9));
            seen.raw = raw.to_vec();
            let observation = Observation { present: vec![sighting(&seen)], ..nothing() };
            self.store.observe(self.pair, Side::Right, &observation).unwrap();
        }
    }

    #[test]
    fn a_removed_pair_leaves_nothing_but_history() {
        let world = World::new();
        world.agreed("1", "Zahnarzt");
        world.store.remove_pair(world.pair).unwrap();
        assert_eq!(world.store.pairs().unwrap(), []);
        assert_eq!(world.store.counts(world.pair).unwrap(), Sides::new(0, 0));
        assert_eq!(world.store.history(None, None, 10).unwrap().len(), 1);
        assert_ne!(world.ensure("a", "one").id, world.pair);
    }

    #[test]
    fn copies_are_those_that_calpair_created() {
        let world = World::new();
        world.agreed("1", "Zahnarzt");
        let copies = world.store.mapped_copies(world.pair).unwrap();
        assert_eq!((copies.left.len(), copies.right.len()), (0, 1));
        assert!(!copies.right[0].changed);
        world.see(Side::Right, "r1", "2", &event("1", "mine now", 9));
        assert!(world.store.mapped_copies(world.pair).unwrap().right[0].changed);
        assert_eq!(copies.right[0].uid.as_str(), "1");
    }

    #[test]
    fn of_two_copies_of_one_series_the_older_one_is_the_source() {
        let world = World::new();
        world.agreed("1", "Zahnarzt");
        let calendar = |id| {
            let (id, rights) = (CalendarId::new(id), Rights::Write);
            world.store.resolve_calendar(world.pair, Side::Left, &id, rights).unwrap();
        };
        calendar("/cal/1/");
        calendar("/cal/2/");
        let subject = SubjectRow::New(Sides::new(None, Some("r1".into())));
        world.copy(&subject, Side::Left, "l2", &event("1", "Zahnarzt", 9));
        let copies = world.store.mapped_copies(world.pair).unwrap();
        assert_eq!((copies.left.len(), copies.right.len()), (1, 1));
        assert_eq!((copies.left[0].is_source, copies.right[0].is_source), (false, true));
    }

    #[test]
    fn a_copy_that_somebody_changed_stays_one_that_was_though_both_sides_agree_on_it() {
        let (same, other) = (event("1", "Zahnarzt", 9), event("1", "mine now", 9));
        type Doing<'d> = &'d dyn Fn(&World);
        let cases: [(&str, Doing<'_>, bool); 7] = [
            ("nothing", &|_| (), false),
            (
                "seen again",
                &|world| {
                    let _ = world.see(Side::Right, "r1", "1", &same);
                },
                false,
            ),
            (
                "counted anew",
                &|world| {
                    let _ = world.see(Side::Right, "r1", "2", &same);
                },
                false,
            ),
            (
                "edited",
                &|world| {
                    let _ = world.see(Side::Right, "r1", "2", &other);
                },
                true,
            ),
            ("given what is not compared", &|world| world.see_raw("r1", "2", b"X-NOTES"), true),
            (
                "deleted and put back",
                &|world| {
                    world.lose(Side::Right, "r1");
                    world.see(Side::Right, "r1", "1", &same);
                },
                true,
            ),
            (
                "moved",
                &|world| {
                    world.see(Side::Right, "new", "1", &same);
                    world.lose(Side::Right, "r1");
                },
                true,
            ),
        ];
        for (name, doing, changed) in cases {
            let world = World::new();
            let mapping = world.agreed("1", "Zahnarzt");
            doing(&world);
            let copy = world.store.mapped_copies(world.pair).unwrap().right.remove(0);
            let place = copy.resource.as_str().to_owned();
            world.agree(SubjectRow::Known(mapping), "l1", &place);
            let copy = world.store.mapped_copies(world.pair).unwrap().right.remove(0);
            assert_eq!(copy.changed, changed, "{name}");
        }
    }
}
