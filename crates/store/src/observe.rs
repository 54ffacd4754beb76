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
//!
//! One that is gone stays as an absent, touched row if it is mapped, else its row goes too. One
//! that can't be read keeps what was last read of it; one that was not even handed out keeps its
//! version, too, and whether that is of our own write.

use model::{Cursor, Digest, Resource, ResourceId, Series, Side, Timestamp, Uid, Version};
use rusqlite::{Connection, params};

use crate::codec::{self, damaged, pack, side_number};
use crate::row::{self, Content, Snapshot, select};
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
        if row.ours && self.is_of_others(&row, sighting)? {
            row::mark_edited(self.connection, row.id)?;
        }
        let was_away = !row.present || row.unreadable.is_some();
        if row.digest == Some(sighting.digest) {
            row::refresh(self.connection, row.id, sighting)?;
            let renamed = row.mapping.is_none() && row.uid.as_ref() != Some(&resource.series.uid);
            let answered = row.declined != resource.series.declined;
            return if was_away || renamed || answered { self.touch(row.id) } else { Ok(()) };
        }
        let was_there = row.present && (row.unreadable.is_none() || row.unread);
        if !row.verified
            && was_there
            && let Some(made) = self.made_of_our_write(&row, resource)?
        {
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

    /// What the provider made of our write, going by what is there now: all of that, if it is in
    /// the version that the write returned; where it returned none, as much as a provider can have
    /// made of it. `None` where somebody has edited it since.
    fn made_of_our_write(&self, row: &Snapshot, resource: &Resource) -> Result<Option<Series>> {
        if row.version.is_some() {
            let ours = row.version == resource.version;
            return Ok(ours.then(|| resource.series.clone()));
        }
        let sent = row::series(self.connection, row.id)?;
        Ok(sent.map(|sent| (self.rendered)(&sent, &resource.series)))
    }

    /// Whether somebody else made of the resource what it is now. Under another version even what
    /// means the same may be other: there is more in an event than is compared.
    fn is_of_others(&self, row: &Snapshot, sighting: &Sighting<'_>) -> Result<bool> {
        let resource = sighting.resource;
        let is_same = row.digest == Some(sighting.digest);
        if !row.present {
            return Ok(true);
        }
        if !row.verified {
            // Servers rewrite what they are sent: what means the same is their form of it.
            let made = self.made_of_our_write(row, resource)?;
            return Ok(!is_same && made.is_none_or(|made| !made.same_content(&resource.series)));
        }
        if row.version.is_some() && row.version == resource.version {
            return Ok(false);
        }
        Ok(!is_same || row::raw(self.connection, row.id)? != resource.raw)
    }

    /// What the provider made of our own write.
    fn rendering(&self, row: &Snapshot, sighting: &Sighting<'_>) -> Result<()> {
        row::put(self.connection, row.id, sighting, Content::Verified)?;
        if row.base_digest.is_some() && row.base_digest == row.digest {
            row::rebase(self.connection, row.id)?;
        }
        // An unfinished step's write: the base is still what it was before it, and what we wrote
        // is known by its target. That is this now.
        sql::run(
            self.connection,
            "UPDATE intent SET target = ?3 WHERE id = (
             SELECT max(id) FROM intent WHERE pair = ?4 AND side = ?2 AND applied = 1
             AND target IS NOT NULL AND (mapping = ?1 OR (mapping IS NULL AND result = ?5)))",
            params![
                row.mapping.map(|mapping| mapping.0),
                side_number(self.side),
                pack(&sighting.resource.series),
                self.pair.0,
                row.resource.as_str()
            ],
        )?;
        Ok(())
    }

    /// A mapped series of this UID that this side has lost. A copy may have had another UID than
    /// its original: what comes back under the original's is the same series even so.
    fn lost(&self, uid: &Uid) -> Result<Option<Snapshot>> {
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

    /// Where the series of this row has moved to: an unmapped resource of its UID, here or on the
    /// other side.
    fn heir(&self, row: &Snapshot) -> Result<Option<Snapshot>> {
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

    fn move_here(&mut self, row: &Snapshot, heir: &Snapshot) -> Result<()> {
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
        row::mark_edited(self.connection, row.id)?;
        row::put(self.connection, row.id, &sighting, Content::Verified)
    }

    fn unreadable(&mut self, unreadable: &UnreadableRow, now: Timestamp) -> Result<()> {
        let known = row::find(self.connection, self.pair, self.side, &unreadable.id)?;
        let id = match &known {
            Some(row) => row.id,
            None => row::insert(self.connection, self.pair, self.side, &unreadable.id)?,
        };
        self.seen.push(id);
        if let Some(row) = &known {
            let same_version = row.version.is_some() && row.version == unreadable.version;
            let same_reason = row.unreadable.as_ref() == Some(&unreadable.reason);
            let same = same_version || same_reason && row.version == unreadable.version;
            if row.present && !row.unread && same {
                return Ok(());
            }
        }
        sql::run(
            self.connection,
            "UPDATE snapshot SET version = ?2, uid = coalesce(?3, uid), unreadable = ?4,
                 unreadable_since = coalesce(unreadable_since, ?5), unread = 0, present = 1,
                 verified = 1
             WHERE id = ?1",
            params![
                id,
                unreadable.version.as_ref().map(Version::as_str),
                unreadable.uid.as_ref().map(Uid::as_str),
                unreadable.reason,
                now.as_microsecond(),
            ],
        )?;
        self.touch_mapped(known)
    }

    /// What the plan has to know of a resource that can't be read any more.
    fn touch_mapped(&mut self, known: Option<Snapshot>) -> Result<()> {
        match known {
            // In no plan: there is nothing to look at. It is listed as a problem by itself.
            None => Ok(()),
            Some(row) if row.mapping.is_none() => row::settle(self.connection, row.id, 0),
            Some(row) if row.unreadable.is_some() => Ok(()),
            Some(row) => self.touch(row.id),
        }
    }

    fn unread(&mut self, unread: &UnreadRow, now: Timestamp) -> Result<()> {
        let known = row::find(self.connection, self.pair, self.side, &unread.id)?;
        let id = match &known {
            Some(row) => row.id,
            None => row::insert(self.connection, self.pair, self.side, &unread.id)?,
        };
        self.seen.push(id);
        sql::run(
            self.connection,
            "UPDATE snapshot SET unreadable = ?2, unread = 1, present = 1,
                 unreadable_since = coalesce(unreadable_since, ?3) WHERE id = ?1",
            params![id, unread.reason, now.as_microsecond()],
        )?;
        self.touch_mapped(known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{World, at, event, nothing, resource, sighting};
    use crate::{ActionKind, NewIntent, NowRow, SubjectRow, Totals, Wrote};
    use model::{MappingId, Series, Sides};

    const LEFT: Side = Side::Left;
    const RIGHT: Side = Side::Right;

    fn touched(count: u64) -> Observed {
        Observed { touched: count }
    }

    impl World {
        fn held(&self, side: Side, id: &str) -> Resource {
            self.store.resource(self.pair, side, &id.into()).unwrap().unwrap()
        }

        fn wants(&self, side: Side, id: &str, version: &str) -> bool {
            let items = [(id.into(), Some(version.into()))];
            !self.store.listed(self.pair, side, &items, false).unwrap().is_empty()
        }

        /// Writes `series` to a mapped series' resource on the right; not agreed on yet.
        fn write(
            &self,
            mapping: MappingId,
            id: &str,
            version: Option<&str>,
            before: &Series,
            series: &Series,
        ) {
            let intent = NewIntent {
                subject: SubjectRow::Known(mapping),
                side: RIGHT,
                action: ActionKind::Update,
                key: None,
                resource: Some(&id.into()),
                before: Some(before),
                target: Some(series),
                run: 2,
                reason: "changed on left",
            };
            let begun = self.store.begin(self.pair, &[intent], at(4)).unwrap();
            let resource = resource(id, version, series.clone());
            let Sighting { resource, digest, likeness } = sighting(&resource);
            let stored = Wrote::Stored { resource, digest, likeness, verified: false, base: None };
            self.store.wrote(begun[0], stored, at(5)).unwrap();
        }

        fn unreadable(&self, side: Side, id: &str, version: &str, reason: &str) -> Observed {
            let row = UnreadableRow {
                id: id.into(),
                version: Some(version.into()),
                uid: None,
                reason: reason.into(),
            };
            let observation = Observation { unreadable: &[row], now: at(8), ..nothing() };
            self.store.observe(self.pair, side, &observation).unwrap()
        }
    }

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
    fn what_the_provider_made_of_our_write_is_nobodys_edit() {
        for returned in [Some("2"), None] {
            let world = World::new();
            let mapping = world.agreed("1", "Zahnarzt");
            let (sent, made) = (event("1", "Kino ", 9), event("1", "Kino", 9));
            world.see(LEFT, "l1", "2", &sent);
            world.write(mapping, "r1", returned, &event("1", "Zahnarzt", 9), &sent);
            assert!(world.wants(RIGHT, "r1", "2"), "only what we sent is known");
            world.agree(SubjectRow::Known(mapping), "l1", "r1");
            assert_eq!(world.see(RIGHT, "r1", "2", &made), touched(0), "{returned:?}");
            assert!(!world.wants(RIGHT, "r1", "2"));
            // The base of this side has moved along: a later edit is compared with it.
            world.see(RIGHT, "r1", "3", &event("1", "Theater", 9));
            let known = &world.touched().known[0];
            assert_eq!(known.base, Sides::new(sent, made));
        }
    }

    #[test]
    fn an_edit_after_a_write_that_returned_no_version_is_told_from_what_the_provider_made() {
        let world = World::new();
        let mapping = world.agreed("1", "Zahnarzt");
        let sent = event("1", "Kino", 9);
        world.see(LEFT, "l1", "2", &sent);
        world.write(mapping, "r1", None, &event("1", "Zahnarzt", 9), &sent);
        world.agree(SubjectRow::Known(mapping), "l1", "r1");
        // The provider moves it by an hour, and then somebody renames it.
        let found = resource("r1", Some("2"), event("1", "Theater", 10));
        let rendered = |sent: &Series, found: &Series| {
            let mut made = sent.clone();
            let (made, found) = (made.master.as_mut().unwrap(), found.master.as_ref().unwrap());
            made.take(found, model::Field::Times);
            Series::single(sent.uid.clone(), made.clone())
        };
        let present = vec![sighting(&found)];
        let observation = Observation { present, rendered, ..nothing() };
        assert_eq!(world.store.observe(world.pair, RIGHT, &observation).unwrap(), touched(1));
        let known = &world.touched().known[0];
        assert!(known.base.right.same_content(&event("1", "Kino", 10)), "{known:?}");
        let NowRow::Present { series, .. } = &known.now.right else { panic!("it is there") };
        assert_eq!(series, &event("1", "Theater", 10));
    }

    #[test]
    fn what_the_provider_made_of_our_write_is_nobodys_edit_though_it_is_read_late() {
        let world = World::new();
        let mapping = world.agreed("1", "Zahnarzt");
        let (sent, made) = (event("1", "Kino ", 9), event("1", "Kino", 9));
        world.see(LEFT, "l1", "2", &sent);
        world.write(mapping, "r1", Some("2"), &event("1", "Zahnarzt", 9), &sent);
        world.agree(SubjectRow::Known(mapping), "l1", "r1");
        let unread = [UnreadRow { id: "r1".into(), reason: "failed at it (500)".into() }];
        let observation = Observation { unread: &unread, ..nothing() };
        let observed = world.store.observe(world.pair, RIGHT, &observation).unwrap();
        assert_eq!(observed, touched(1));
        assert_eq!(world.see(RIGHT, "r1", "2", &made), touched(1), "its problem is over");
        let known = &world.touched().known[0];
        assert_eq!(known.base, Sides::new(sent, made));
    }

    #[test]
    fn another_version_than_that_of_our_write_is_an_edit() {
        let world = World::new();
        let mapping = world.agreed("1", "Zahnarzt");
        world.see(LEFT, "l1", "2", &event("1", "Kino", 9));
        world.write(mapping, "r1", Some("2"), &event("1", "Zahnarzt", 9), &event("1", "Kino", 9));
        world.agree(SubjectRow::Known(mapping), "l1", "r1");
        assert_eq!(world.see(RIGHT, "r1", "3", &event("1", "Theater", 9)), touched(1));
        assert_eq!(world.touched().known[0].base.right, event("1", "Kino", 9));
    }

    #[test]
    fn a_rendering_before_the_agreement_leaves_the_base_and_is_known_as_ours() {
        let world = World::new();
        let mapping = world.agreed("1", "Zahnarzt");
        let (sent, made) = (event("1", "Kino ", 9), event("1", "Kino", 9));
        world.see(LEFT, "l1", "2", &sent);
        world.write(mapping, "r1", Some("2"), &event("1", "Zahnarzt", 9), &sent);
        assert_eq!(world.see(RIGHT, "r1", "2", &made), touched(0));
        let known = &world.touched().known[0];
        assert_eq!(known.base.right, event("1", "Zahnarzt", 9));
        let pending = &known.pending.right[0];
        assert_eq!((&pending.before, &pending.target), (&event("1", "Zahnarzt", 9), &made));
        assert!(known.pending.left.is_empty());
        world.agree(SubjectRow::Known(mapping), "l1", "r1");
        assert!(world.touched().known.is_empty());
        world.see(RIGHT, "r1", "3", &event("1", "Theater", 9));
        let known = &world.touched().known[0];
        assert_eq!((&known.base.right, known.pending.right.is_empty()), (&made, true));
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

    #[test]
    fn a_mapped_resource_that_becomes_unreadable_is_touched_once_and_keeps_its_content() {
        let world = World::new();
        world.agreed("1", "Zahnarzt");
        assert_eq!(world.unreadable(LEFT, "l1", "2", "no start"), touched(1));
        assert_eq!(world.unreadable(LEFT, "l1", "2", "no start"), touched(0));
        let known = &world.touched().known[0];
        let NowRow::Unreadable { reason } = &known.now.left else { panic!("it can't be read") };
        assert_eq!(reason, "no start");
        assert_eq!(known.base.left, event("1", "Zahnarzt", 9));
        let problems = world.store.problems(world.pair).unwrap();
        assert_eq!((problems[0].uid.as_str(), problems[0].side), ("1", RIGHT));
        assert_eq!(problems[0].reason, "it can't be read on left: no start");
        assert_eq!(problems[0].since, at(8));
        // Mended.
        assert_eq!(world.see(LEFT, "l1", "3", &event("1", "Zahnarzt", 9)), touched(1));
        assert!(world.store.problems(world.pair).unwrap().is_empty());
    }

    #[test]
    fn an_unknown_resource_that_cant_be_read_is_a_problem_and_in_no_plan() {
        let world = World::new();
        assert_eq!(world.unreadable(LEFT, "a", "1", "no start"), touched(0));
        assert!(!world.wants(LEFT, "a", "1"), "it need not be read again");
        let batch = world.touched();
        assert_eq!((batch.known.len(), batch.contacts.len(), batch.next), (0, 0, None));
        assert_eq!(world.store.problems(world.pair).unwrap()[0].uid.as_str(), "a");
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
