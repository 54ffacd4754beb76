//! What a side was seen to hold, taken in.
//!
//! The rules, for a resource that is there:
//! - It is not known: a new row, touched. (Where this side lost a mapped series of the same UID, it
//!   has moved to another place, and its row goes along.)
//! - It holds what is stored: only its version and form are new; not touched, unless it was away.
//! - It holds something else, the row holds only what we sent, and the version is the one that our
//!   write returned (or that write returned none): this is what the provider made of our write,
//!   nobody's edit. What both sides agreed on, and what we are known to have written, move along.
//! - Else somebody edited it: the new content, touched.
//!
//! One that is gone stays as an absent, touched row if it is mapped, else its row goes too. One
//! that can't be read keeps what was last read of it.

use model::{Cursor, Digest, Resource, ResourceId, Side, Timestamp, Uid, Version};
use rusqlite::{Connection, params};

use crate::codec::{damaged, pack, side_number};
use crate::row::{self, Content, Snapshot, select};
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
    /// What is certainly gone.
    pub gone: &'a [ResourceId],
    /// How far the side is observed with this; `None` leaves the stored cursor.
    pub cursor: Option<&'a Cursor>,
    /// This completes a full pass, at that time.
    pub full_at: Option<Timestamp>,
    /// Now.
    pub now: Timestamp,
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
            let mut intake =
                Intake { connection: transaction, pair, side, touched: 0, seen: vec![] };
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
        let was_away = !row.present || row.unreadable.is_some();
        if row.digest == Some(sighting.digest) {
            row::refresh(self.connection, row.id, sighting)?;
            let renamed = row.mapping.is_none() && row.uid.as_ref() != Some(&resource.series.uid);
            return if was_away || renamed { self.touch(row.id) } else { Ok(()) };
        }
        let of_our_write = row.version.is_none() || row.version == resource.version;
        if !row.verified && !was_away && of_our_write {
            return self.rendering(&row, sighting);
        }
        row::put(self.connection, row.id, sighting, Content::Verified)?;
        self.touch(row.id)
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
            "UPDATE intent SET target = ?3 WHERE mapping = ?1 AND side = ?2 AND applied = 1
             AND target IS NOT NULL",
            params![
                row.mapping.map(|mapping| mapping.0),
                side_number(self.side),
                pack(&sighting.resource.series)
            ],
        )?;
        Ok(())
    }

    /// A mapped series of this UID that this side has lost.
    fn lost(&self, uid: &Uid) -> Result<Option<Snapshot>> {
        let query = select!(
            "WHERE pair = ?1 AND uid = ?2 AND side = ?3 AND mapping IS NOT NULL AND present = 0"
        );
        let key = params![self.pair.0, uid.as_str(), side_number(self.side)];
        sql::first(self.connection, query, key, row::snapshot)
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

    /// Where the series of this row has moved to: an unmapped resource of its UID.
    fn heir(&self, row: &Snapshot) -> Result<Option<Snapshot>> {
        let query = select!(
            "WHERE pair = ?1 AND uid = ?2 AND side = ?3 AND mapping IS NULL AND present = 1
             AND unreadable IS NULL AND digest IS NOT NULL ORDER BY id"
        );
        let uid = row.uid.as_ref().map(Uid::as_str);
        let key = params![self.pair.0, uid, side_number(self.side)];
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
            if row.present && (same_version || same_reason && row.version == unreadable.version) {
                return Ok(());
            }
        }
        sql::run(
            self.connection,
            "UPDATE snapshot SET version = ?2, uid = coalesce(?3, uid), unreadable = ?4,
                 unreadable_since = coalesce(unreadable_since, ?5), present = 1, verified = 1
             WHERE id = ?1",
            params![
                id,
                unreadable.version.as_ref().map(Version::as_str),
                unreadable.uid.as_ref().map(Uid::as_str),
                unreadable.reason,
                now.as_microsecond(),
            ],
        )?;
        match known {
            // In no plan: there is nothing to look at. It is listed as a problem by itself.
            None => Ok(()),
            Some(row) if row.mapping.is_none() => row::settle(self.connection, row.id, 0),
            Some(row) if row.unreadable.is_some() => Ok(()),
            Some(row) => self.touch(row.id),
        }
    }
}
