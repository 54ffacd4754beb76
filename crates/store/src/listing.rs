//! A full pass: which resources of a listing have to be fetched, and which of those known were not
//! in it. The marks live in memory, since a pass that was interrupted begins anew.

use model::{Cursor, ResourceId, Side, Version};
use rusqlite::{Connection, params};

use crate::codec::side_number;
use crate::row::{self, Snapshot};
use crate::{PairId, Result, Store, sql};

impl Store {
    /// A full pass of this side begins: earlier marks are forgotten.
    ///
    /// # Errors
    /// None today.
    pub fn begin_listing(&self, pair: PairId, side: Side) -> Result<()> {
        self.lock().listings.insert((pair, side), Default::default());
        Ok(())
    }

    /// Which of the listed resources have to be fetched: those unknown, gone before, in another
    /// version, of which no version is stated or stored, or of which only what we sent is known.
    /// With `mark`, they count as seen in the full pass that is under way.
    ///
    /// # Errors
    /// When the database can't be read.
    pub fn listed(
        &self,
        pair: PairId,
        side: Side,
        items: &[(ResourceId, Option<Version>)],
        mark: bool,
    ) -> Result<Vec<ResourceId>> {
        let mut inner = self.lock();
        let (wanted, seen) = inner.read(|connection| {
            let (mut wanted, mut seen) = (Vec::new(), Vec::new());
            for (id, version) in items {
                let known = row::find(connection, pair, side, id)?;
                seen.extend(known.as_ref().map(|row| row.id));
                if !known.is_some_and(|row| is_current(&row, version.as_ref())) {
                    wanted.push(id.clone());
                }
            }
            Ok((wanted, seen))
        })?;
        if mark {
            inner.listings.entry((pair, side)).or_default().extend(seen);
        }
        Ok(wanted)
    }

    /// Resources known to be on this side that the full pass has not shown, ordered by id, from
    /// after `after`, at most `limit`. Observed resources count as shown.
    ///
    /// # Errors
    /// When the database can't be read.
    pub fn unlisted(
        &self,
        pair: PairId,
        side: Side,
        after: Option<&ResourceId>,
        limit: usize,
    ) -> Result<Vec<ResourceId>> {
        let inner = self.lock();
        let seen = inner.listings.get(&(pair, side));
        inner.read(|connection| {
            let is_seen = |row: i64| seen.is_some_and(|seen| seen.contains(&row));
            unseen(connection, pair, side, after, limit, is_seen)
        })
    }

    /// Moves the side's cursor on when nothing else was learnt.
    ///
    /// # Errors
    /// When nothing could be written.
    pub fn advance(&self, pair: PairId, side: Side, cursor: &Cursor) -> Result<()> {
        self.write("advance", |transaction| {
            sql::run(
                transaction,
                "UPDATE side SET cursor = ?3 WHERE pair = ?1 AND side = ?2",
                params![pair.0, side_number(side), cursor.as_str()],
            )?;
            Ok(())
        })
    }
}

fn is_current(row: &Snapshot, version: Option<&Version>) -> bool {
    row.present && row.verified && version.is_some() && row.version.as_ref() == version
}

fn unseen(
    connection: &Connection,
    pair: PairId,
    side: Side,
    after: Option<&ResourceId>,
    limit: usize,
    is_seen: impl Fn(i64) -> bool,
) -> Result<Vec<ResourceId>> {
    let mut statement = connection.prepare_cached(
        "SELECT id, resource FROM snapshot
         WHERE pair = ?1 AND side = ?2 AND resource > ?3 AND present = 1 ORDER BY resource",
    )?;
    let after = after.map_or("", ResourceId::as_str);
    let mut rows = statement.query(params![pair.0, side_number(side), after])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        if found.len() == limit {
            break;
        }
        if !is_seen(row.get(0)?) {
            found.push(ResourceId::new(row.get::<_, String>(1)?));
        }
    }
    Ok(found)
}
