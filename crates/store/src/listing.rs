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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Observation;
    use crate::testing::{World, at, event, nothing};

    const LEFT: Side = Side::Left;

    fn listed(world: &World, items: &[(&str, Option<&str>)]) -> Vec<String> {
        let item = |(id, version): &(&str, Option<&str>)| {
            (ResourceId::new(*id), version.map(Version::new))
        };
        let items: Vec<_> = items.iter().map(item).collect();
        let wanted = world.store.listed(world.pair, LEFT, &items, true).unwrap();
        wanted.iter().map(ResourceId::to_string).collect()
    }

    fn unlisted(world: &World, after: Option<&str>, limit: usize) -> Vec<String> {
        let after = after.map(ResourceId::new);
        let ids = world.store.unlisted(world.pair, LEFT, after.as_ref(), limit).unwrap();
        ids.iter().map(ResourceId::to_string).collect()
    }

    #[test]
    fn what_is_known_in_this_version_need_not_be_fetched() {
        let world = World::new();
        world.see(LEFT, "a", "1", &event("1", "T", 9));
        let items = [("a", Some("1")), ("b", Some("1"))];
        assert_eq!(listed(&world, &items), ["b"], "unknown");
        assert_eq!(listed(&world, &[("a", Some("2"))]), ["a"], "another version");
        assert_eq!(listed(&world, &[("a", None)]), ["a"], "no version stated");
    }

    #[test]
    fn a_full_pass_shows_what_is_no_longer_there() {
        let world = World::new();
        for id in ["a", "b", "c", "d"] {
            world.see(LEFT, id, "1", &event(id, "T", 9));
        }
        world.store.begin_listing(world.pair, LEFT).unwrap();
        listed(&world, &[("a", Some("1"))]);
        world.see(LEFT, "new", "1", &event("new", "T", 9));
        assert_eq!(unlisted(&world, None, 2), ["b", "c"]);
        assert_eq!(unlisted(&world, Some("c"), 2), ["d"]);
        listed(&world, &[("b", Some("2")), ("d", Some("1"))]);
        assert_eq!(unlisted(&world, None, 10), ["c"]);

        // The pass is complete; a later one begins with nothing seen.
        let done = Observation { full_at: Some(at(1)), ..nothing() };
        world.store.observe(world.pair, LEFT, &done).unwrap();
        world.store.begin_listing(world.pair, LEFT).unwrap();
        assert_eq!(unlisted(&world, None, 10).len(), 5);
    }
}
