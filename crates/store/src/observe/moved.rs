//! A mapped series that has left its place and stands at another one: told by its UID, the side's
//! own or the other side's.

use model::{Resource, Uid};
use rusqlite::params;

use super::{Intake, Sighting};
use crate::codec::{damaged, side_number};
use crate::row::{self, Content, Snapshot, select};
use crate::{Result, sql};

impl Intake<'_> {
    /// A mapped series of this UID that this side has lost. A copy may have had another UID than
    /// its original: what comes back under the original's is the same series even so.
    pub(super) fn lost(&self, uid: &Uid) -> Result<Option<Snapshot>> {
        let query = select!(
            "INDEXED BY snapshot_uid
             WHERE pair = ?1 AND uid = ?2 AND mapping IS NOT NULL ORDER BY side = ?3 DESC"
        );
        let key = params![self.pair.0, uid.as_str(), side_number(self.side)];
        for namesake in sql::all(self.connection, query, key, row::snapshot)? {
            let Some(mapping) = namesake.mapping else { continue };
            let here = row::of_mapping(self.connection, mapping, self.side)?;
            if let Some(here) = here.filter(|here| !here.present) {
                return Ok(Some(here));
            }
        }
        Ok(None)
    }

    /// Where the series of this row has moved to: an unmapped resource of its UID, here or on the
    /// other side.
    pub(super) fn heir(&self, row: &Snapshot) -> Result<Option<Snapshot>> {
        let other = match row.mapping {
            Some(mapping) => row::of_mapping(self.connection, mapping, self.side.opposite())?,
            None => None,
        };
        let uids = [row.uid.clone(), other.and_then(|other| other.uid)];
        for uid in uids.iter().flatten() {
            if let Some(heir) = self.unmapped(uid)? {
                return Ok(Some(heir));
            }
        }
        Ok(None)
    }

    fn unmapped(&self, uid: &Uid) -> Result<Option<Snapshot>> {
        let query = select!(
            "INDEXED BY snapshot_uid
             WHERE pair = ?1 AND uid = ?2 AND side = ?3 AND mapping IS NULL AND present = 1
             AND unreadable IS NULL AND digest IS NOT NULL ORDER BY id"
        );
        let key = params![self.pair.0, uid.as_str(), side_number(self.side)];
        sql::first(self.connection, query, key, row::snapshot)
    }

    pub(super) fn move_here(&mut self, row: &Snapshot, heir: &Snapshot) -> Result<()> {
        let resource = Resource {
            id: heir.resource.clone(),
            version: heir.version.clone(),
            raw: row::raw(self.connection, heir.id)?,
            series: row::series(self.connection, heir.id)?.ok_or_else(damaged)?,
        };
        let (Some(digest), Some(likeness)) = (heir.digest, heir.likeness) else {
            return Err(damaged());
        };
        sql::run(self.connection, "DELETE FROM snapshot WHERE id = ?1", [heir.id])?;
        let sighting = Sighting { resource: &resource, digest, likeness };
        self.seen.push(row.id);
        if self.is_edited_beside(row, &resource)? {
            row::mark_beside(self.connection, row.id)?;
        }
        row::mark_edited(self.connection, row.id)?;
        row::put(self.connection, row.id, &sighting, Content::Verified)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{World, event, nothing, resource, sighting};
    use crate::{NowRow, Observation, SubjectRow, Totals};
    use model::Side;

    const LEFT: Side = Side::Left;
    const RIGHT: Side = Side::Right;

    #[test]
    fn a_mapped_series_that_moved_to_another_place_stays_mapped() {
        let (here, there) = (event("1", "Zahnarzt", 9), event("1", "Kino", 9));
        for order in ["gone first", "new first", "at once"] {
            let world = World::new();
            world.agreed("1", "Zahnarzt");
            match order {
                "gone first" => {
                    world.lose(LEFT, "l1");
                    world.see(LEFT, "new", "1", &there);
                }
                "new first" => {
                    world.see(LEFT, "new", "1", &there);
                    world.lose(LEFT, "l1");
                }
                _ => {
                    let resource = resource("new", Some("1"), there.clone());
                    let observation = Observation {
                        present: vec![sighting(&resource)],
                        gone: &["l1".into()],
                        ..nothing()
                    };
                    world.store.observe(world.pair, LEFT, &observation).unwrap();
                }
            }
            let batch = world.touched();
            assert_eq!((batch.known.len(), batch.contacts.len()), (1, 0), "{order}");
            let NowRow::Present { id, series } = &batch.known[0].now.left else {
                panic!("{order}")
            };
            assert_eq!((id.as_str(), series), ("new", &there), "{order}");
            assert_eq!(batch.known[0].base.left, here, "{order}");
            assert_eq!(world.totals().deletions, Totals::default().deletions, "{order}");
        }
    }

    #[test]
    fn a_copy_of_another_uid_may_come_back_under_its_originals() {
        for order in ["gone first", "new first"] {
            let world = World::new();
            let mapping = world.agreed("1", "Zahnarzt");
            world.see(RIGHT, "r1", "2", &event("copy-of-1", "Zahnarzt", 9));
            world.agree(SubjectRow::Known(mapping), "l1", "r1");
            let there = event("1", "Kino", 9);
            if order == "gone first" {
                world.lose(RIGHT, "r1");
                world.see(RIGHT, "new", "1", &there);
            } else {
                world.see(RIGHT, "new", "1", &there);
                world.lose(RIGHT, "r1");
            }
            let batch = world.touched();
            assert_eq!((batch.known.len(), batch.contacts.len()), (1, 0), "{order}");
            let NowRow::Present { id, series } = &batch.known[0].now.right else {
                panic!("{order}")
            };
            assert_eq!((id.as_str(), series), ("new", &there), "{order}");
        }
    }
}
