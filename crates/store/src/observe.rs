//! What a side was seen to hold, taken in.
//!
//! The rules, for a resource that is there:
//! - It is not known: a new row, touched. (Where this side lost a mapped series that has the same
//!   UID here or on the other side, it has moved to another place, and its row goes along.)
//! - It holds what is stored: only its version and form are new; not touched, unless it was away,
//!   or its owner has answered an invitation.
//! - It holds something else, the row holds only what we sent, and the version is the one that our
//!   write returned: this is what the provider made of our write, nobody's edit. What both sides
//!   agreed on, and what we are known to have written, move along. Where the write returned no
//!   version, that is as much as a provider can have made of what we sent; the rest is an edit.
//! - Else somebody edited it: the new content, touched.
//!
//! What was seen to be somebody else's doing is marked for good, though it means the same as
//! before, and though both sides agree on it later: a copy that was changed is not ours to remove.
//! What somebody changed of a mapped series that no series says counts until both sides agree: then
//! it is touched, too, so that it is an edit where the other side is gone, and agreed on otherwise.
//!
//! One that is gone stays as an absent, touched row if it is mapped, else its row goes too. One
//! that can't be read keeps what was last read of it; one that was not even handed out keeps its
//! version, too, and whether that is of our own write.

mod moved;
mod unreadable;
mod whose;

use std::fmt;

use model::{Cursor, Digest, Resource, ResourceId, Series, Side, Timestamp, Uid, Version};
use rusqlite::{Connection, params};

use crate::codec::{self, side_number};
use crate::row::{self, Content, Snapshot};
use crate::unread::UnreadRow;
use crate::{PairId, Result, Store, sql};

/// A resource that is there, with what is compared of it.
#[derive(Clone, Copy, Debug)]
pub struct Sighting<'a> {
    /// The resource.
    pub resource: &'a Resource,
    /// Of its series: [`crate::digest`].
    pub digest: Digest,
    /// Equal for series that may be the same though their UIDs differ.
    pub likeness: Digest,
}

/// A resource that is there but can't be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadableRow {
    /// Which.
    pub id: ResourceId,
    /// Its version.
    pub version: Option<Version>,
    /// Its UID, if that much could be read.
    pub uid: Option<Uid>,
    /// Why, as a sentence.
    pub reason: String,
}

/// Something learnt of one side.
#[derive(Clone, Debug)]
pub struct Observation<'a> {
    /// What is there.
    pub present: Vec<Sighting<'a>>,
    /// What is there but can't be read.
    pub unreadable: &'a [UnreadableRow],
    /// What is there but was not handed out.
    pub unread: &'a [UnreadRow],
    /// What is certainly gone.
    pub gone: &'a [ResourceId],
    /// How far the side is observed with this; `None` leaves the stored cursor.
    pub cursor: Option<&'a Cursor>,
    /// This completes a full pass, at that time.
    pub full_at: Option<Timestamp>,
    /// Now.
    pub now: Timestamp,
    /// Of what we sent and what was found after it: what the provider may have made of what we
    /// sent.
    pub rendered: fn(&Series, &Series) -> Series,
    /// Of what the provider showed and what it shows now.
    pub beside: Beside<'a>,
}

/// Tells whether somebody made of a provider's form what a later one says beside the series.
#[derive(Clone, Copy)]
pub struct Beside<'a>(pub &'a (dyn Fn(&[u8], &[u8]) -> bool + 'a));

impl Beside<'static> {
    /// Of providers of which that can't be told.
    pub const NEVER: Self = Self(&|_, _| false);
}

impl fmt::Debug for Beside<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Beside")
    }
}

/// What became of an observation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// How many rows it touched.
    pub touched: u64,
}

impl Store {
    /// Takes in what was learnt of one side, with its cursor, all or nothing.
    ///
    /// # Errors
    /// When nothing could be written; the old cursor still stands then.
    pub fn observe(
        &self,
        pair: PairId,
        side: Side,
        observation: &Observation<'_>,
    ) -> Result<Observed> {
        let mut inner = self.lock();
        let (observed, seen) = inner.write("observe", |transaction| {
            let mut intake = Intake {
                connection: transaction,
                pair,
                side,
                rendered: observation.rendered,
                beside: observation.beside,
                touched: 0,
                seen: vec![],
            };
            intake.take(observation)?;
            Ok((Observed { touched: intake.touched }, intake.seen))
        })?;
        if observation.full_at.is_some() {
            inner.listings.remove(&(pair, side));
        } else if let Some(marks) = inner.listings.get_mut(&(pair, side)) {
            marks.extend(seen);
        }
        Ok(observed)
    }
}

struct Intake<'a> {
    connection: &'a Connection,
    pair: PairId,
    side: Side,
    rendered: fn(&Series, &Series) -> Series,
    beside: Beside<'a>,
    touched: u64,
    /// Rows that were shown.
    seen: Vec<i64>,
}

impl Intake<'_> {
    fn take(&mut self, observation: &Observation<'_>) -> Result<()> {
        // Those gone first: a series that moved is then found at its new place.
        for id in observation.gone {
            self.gone(id)?;
        }
        for unreadable in observation.unreadable {
            self.unreadable(unreadable, observation.now)?;
        }
        for unread in observation.unread {
            self.unread(unread, observation.now)?;
        }
        for sighting in &observation.present {
            self.present(sighting)?;
        }
        let key = (self.pair.0, side_number(self.side));
        if let Some(cursor) = observation.cursor {
            let query = "UPDATE side SET cursor = ?3 WHERE pair = ?1 AND side = ?2";
            sql::run(self.connection, query, params![key.0, key.1, cursor.as_str()])?;
        }
        if let Some(at) = observation.full_at {
            let query = "UPDATE side SET full_at = ?3 WHERE pair = ?1 AND side = ?2";
            sql::run(self.connection, query, params![key.0, key.1, at.as_microsecond()])?;
        }
        Ok(())
    }

    fn touch(&mut self, row: i64) -> Result<()> {
        self.touched += 1;
        row::touch(self.connection, row)
    }

    fn present(&mut self, sighting: &Sighting<'_>) -> Result<()> {
        let resource = sighting.resource;
        let known = match row::find(self.connection, self.pair, self.side, &resource.id)? {
            Some(row) => Some(row),
            None => self.lost(&resource.series.uid)?,
        };
        let Some(row) = known else {
            let row = row::insert(self.connection, self.pair, self.side, &resource.id)?;
            row::put(self.connection, row, sighting, Content::Verified)?;
            self.seen.push(row);
            return self.touch(row);
        };
        self.seen.push(row.id);
        let is_same = row.digest == Some(sighting.digest);
        let made = match is_same || row.verified {
            true => None,
            false => self.made_of_our_write(&row, resource)?,
        };
        if row.ours && self.is_of_others(&row, sighting, made.as_ref())? {
            row::mark_edited(self.connection, row.id)?;
        }
        let beside = self.is_edited_beside(&row, resource)?;
        if beside {
            row::mark_beside(self.connection, row.id)?;
        }
        let was_away = !row.present || row.unreadable.is_some();
        if is_same {
            row::refresh(self.connection, row.id, sighting)?;
            let renamed = row.mapping.is_none() && row.uid.as_ref() != Some(&resource.series.uid);
            let answered = row.declined != resource.series.declined;
            let tells = was_away || renamed || answered || beside;
            return if tells { self.touch(row.id) } else { Ok(()) };
        }
        let was_there = row.present && (row.unreadable.is_none() || row.unread);
        if let Some(made) = made.filter(|_| was_there) {
            let digest = codec::digest(&made);
            if digest == sighting.digest {
                self.rendering(&row, sighting)?;
                return if was_away { self.touch(row.id) } else { Ok(()) };
            }
            // The rest came after it.
            let made = Resource { series: made, ..resource.clone() };
            self.rendering(&row, &Sighting { resource: &made, digest, ..*sighting })?;
        }
        row::put(self.connection, row.id, sighting, Content::Verified)?;
        self.touch(row.id)
    }

    fn gone(&mut self, id: &ResourceId) -> Result<()> {
        let Some(row) = row::find(self.connection, self.pair, self.side, id)? else {
            return Ok(());
        };
        if row.mapping.is_none() {
            self.drop_writes(&row)?;
            return row::remove(self.connection, self.pair, &row);
        }
        if !row.present {
            return Ok(());
        }
        if let Some(heir) = self.heir(&row)? {
            self.move_here(&row, &heir)?;
        } else {
            let query = "UPDATE snapshot SET present = 0, verified = 1, unreadable = NULL,
                 unreadable_since = NULL WHERE id = ?1";
            sql::run(self.connection, query, [row.id])?;
        }
        self.touch(row.id)
    }

    /// Finished writes of a series that is no more: no agreement will ever cover them.
    fn drop_writes(&self, row: &Snapshot) -> Result<()> {
        let query = "DELETE FROM intent WHERE pair = ?1 AND mapping IS NULL AND applied = 1
             AND side = ?2 AND result = ?3";
        let key = params![self.pair.0, side_number(self.side), row.resource.as_str()];
        sql::run(self.connection, query, key)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{World, at, event, nothing, touched};
    use crate::{NowRow, SubjectRow};
    use model::Sides;

    const LEFT: Side = Side::Left;
    const RIGHT: Side = Side::Right;

    #[test]
    fn an_unknown_resource_is_stored_and_touched() {
        let world = World::new();
        assert_eq!(world.see(LEFT, "a", "1", &event("1", "Zahnarzt", 9)), touched(1));
        let held = world.held(LEFT, "a");
        assert_eq!((held.series, held.raw), (event("1", "Zahnarzt", 9), b"raw of a".to_vec()));
        assert!(!world.wants(LEFT, "a", "1"), "it is verified");
    }

    #[test]
    fn the_same_content_in_another_version_is_not_touched() {
        let world = World::new();
        world.agreed("1", "Zahnarzt");
        let mut series = event("1", "Zahnarzt", 9);
        series.modified = Some(at(7));
        series.extent.until = Some(at(8));
        assert_eq!(world.see(LEFT, "l1", "2", &series), touched(0));
        let held = world.held(LEFT, "l1");
        assert_eq!((held.version, held.series), (Some("2".into()), series));
        assert!(world.touched().known.is_empty());
    }

    #[test]
    fn other_content_is_an_edit_and_the_base_is_kept() {
        let world = World::new();
        world.agreed("1", "Zahnarzt");
        assert_eq!(world.see(LEFT, "l1", "2", &event("1", "Kino", 9)), touched(1));
        assert_eq!(world.see(LEFT, "l1", "3", &event("1", "Theater", 9)), touched(1));
        let known = &world.touched().known[0];
        assert_eq!(known.base, Sides::new(event("1", "Zahnarzt", 9), event("1", "Zahnarzt", 9)));
        let NowRow::Present { id, series } = &known.now.left else { panic!("it is there") };
        assert_eq!((id.as_str(), series), ("l1", &event("1", "Theater", 9)));
        assert!(matches!(known.now.right, NowRow::Present { .. }));
    }

    #[test]
    fn a_mapped_resource_that_is_gone_is_absent_and_touched_once() {
        let world = World::new();
        world.agreed("1", "Zahnarzt");
        assert_eq!(world.lose(LEFT, "l1"), touched(1));
        assert_eq!(world.lose(LEFT, "l1"), touched(0));
        assert!(matches!(world.touched().known[0].now.left, NowRow::Absent));
        assert_eq!(world.store.resource(world.pair, LEFT, &"l1".into()).unwrap(), None);
        assert_eq!(world.store.counts(world.pair).unwrap(), Sides::new(0, 1));
        // It comes back as it was.
        assert!(world.wants(LEFT, "l1", "1"));
        assert_eq!(world.see(LEFT, "l1", "1", &event("1", "Zahnarzt", 9)), touched(1));
        assert!(matches!(world.touched().known[0].now.left, NowRow::Present { .. }));
    }

    #[test]
    fn an_unmapped_resource_that_is_gone_leaves_nothing_and_wakes_its_namesakes() {
        let world = World::new();
        world.see(LEFT, "a", "1", &event("1", "Zahnarzt", 9));
        world.see(LEFT, "b", "1", &event("1", "Zahnarzt", 9));
        let both = SubjectRow::New(Sides::new(Some("b".into()), None));
        world.store.set_aside(world.pair, &both, RIGHT, &"1".into(), "twice", at(1)).unwrap();
        world.lose(LEFT, "a");
        let batch = world.touched();
        assert_eq!(batch.contacts[0].held.left[0].0, "b".into());
        assert_eq!((batch.contacts.len(), batch.known.len()), (1, 0));
    }

    #[test]
    fn the_cursor_is_stored_with_what_it_covers() {
        let world = World::new();
        let cursor = Cursor::new("5");
        let observation = Observation { cursor: Some(&cursor), full_at: Some(at(3)), ..nothing() };
        world.store.observe(world.pair, LEFT, &observation).unwrap();
        let sides = world.ensure("a", "one").sides;
        assert_eq!((sides.left.cursor, sides.left.full_at), (Some(cursor.clone()), Some(at(3))));
        assert_eq!((sides.right.cursor, sides.right.full_at), (None, None));
        world.store.forget_cursor(world.pair, LEFT).unwrap();
        assert_eq!(world.ensure("a", "one").sides.left.cursor, None);
    }
}
