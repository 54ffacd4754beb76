//! What a provider held before a change, in its own form: it says more than a series does (a file
//! inside it, people, lines of somebody's own), and `restore` gives it back. Kept for as long as
//! the change is in history, and bounded by its size, the oldest going first.

use model::Redacted;
use rusqlite::{Connection, params};

use crate::{Result, Store, sql};

/// The largest form that is kept, in bytes: half of what iCloud takes for an event, so that one
/// event full of files does not push everything else out.
const LARGEST: usize = 10_000_000;

/// How many bytes are kept in all: as much as history itself may take.
const KEPT: i64 = 100_000_000;

impl Store {
    /// What the provider held before this change, in its own form, if that was kept.
    ///
    /// # Errors
    /// When the database can't be read.
    pub fn former(&self, change: i64) -> Result<Option<Redacted<Vec<u8>>>> {
        let query = "SELECT opened(raw) FROM former WHERE history = ?1";
        let raw = |row: &rusqlite::Row<'_>| Ok(Redacted::new(row.get::<_, Vec<u8>>(0)?));
        self.read(|connection| sql::first(connection, query, [change], raw))
    }
}

/// Keeps what was there before a change.
pub(super) fn keep(connection: &Connection, change: i64, raw: &[u8]) -> Result<()> {
    if raw.is_empty() || raw.len() > LARGEST {
        return Ok(());
    }
    let query = "SELECT upto FROM former ORDER BY upto DESC LIMIT 1";
    let before = sql::first(connection, query, [], |row| Ok(row.get::<_, i64>(0)?))?;
    let size = i64::try_from(raw.len()).expect("it is at most `LARGEST`");
    let upto = before.unwrap_or_default().saturating_add(size);
    let query = "INSERT INTO former (history, upto, raw) VALUES (?1, ?2, sealed(?3))";
    sql::run(connection, query, params![change, upto, raw])?;
    sql::run(connection, "DELETE FROM former WHERE upto <= ?1", [upto - KEPT])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{World, at, event, nothing, resource, sighting};
    use crate::{ActionKind, NewIntent, Observation, SubjectRow, Wrote};
    use model::Side;

    const RIGHT: Side = Side::Right;

    /// What an update or deletion of `r{uid}` leaves of what stood there; the change's number.
    fn kept(world: &World, uid: &str, raw: &[u8], action: ActionKind, keeps: bool) -> (i64, usize) {
        let mapping = world.agreed(uid, "Zahnarzt");
        let id = model::ResourceId::new(format!("r{uid}"));
        let mut held = resource(&format!("r{uid}"), Some("2"), event(uid, "Zahnarzt", 9));
        held.raw = raw.to_vec();
        let observation = Observation { present: vec![sighting(&held)], ..nothing() };
        world.store.observe(world.pair, RIGHT, &observation).unwrap();
        let intent = NewIntent {
            subject: SubjectRow::Known(mapping),
            side: RIGHT,
            action,
            key: None,
            resource: Some(&id),
            before: Some(&held.series),
            target: None,
            run: 2,
            reason: "changed on left",
            keeps_former: keeps,
        };
        let begun = world.store.begin(world.pair, &[intent], at(4)).unwrap()[0];
        let made = resource(&format!("r{uid}"), Some("3"), event(uid, "Kino", 9));
        let seen = sighting(&made);
        let (digest, likeness) = (seen.digest, seen.likeness);
        let outcome = match action {
            ActionKind::Delete => Wrote::Deleted,
            _ => Wrote::Stored { resource: &made, digest, likeness, verified: false, base: None },
        };
        world.store.wrote(begun, outcome, at(5)).unwrap();
        let change = world.store.history(None, None, 1).unwrap()[0].id;
        (change, length(world, change))
    }

    fn length(world: &World, change: i64) -> usize {
        let former = world.store.former(change).unwrap();
        former.map_or(0, |former| former.expose().len())
    }

    #[test]
    fn what_a_write_removes_or_replaces_is_kept_where_that_is_of_use() {
        let world = World::new();
        for (uid, action, keeps, length) in [
            ("1", ActionKind::Delete, true, 9),
            ("2", ActionKind::Update, true, 9),
            ("3", ActionKind::Delete, false, 0),
        ] {
            let found = kept(&world, uid, b"a comment", action, keeps);
            assert_eq!(found.1, length, "{action:?} {keeps}");
        }
        let made = world.store.history(None, None, 100).unwrap();
        let created = made.iter().filter(|change| change.action == "create");
        assert!(
            created.clone().count() > 0
                && created.map(|c| length(&world, c.id)).sum::<usize>() == 0
        );
    }

    #[test]
    fn it_is_bounded_by_its_size() {
        let world = World::new();
        let most = vec![b'x'; LARGEST];
        let changes: Vec<i64> = (0..12)
            .map(|number| kept(&world, &number.to_string(), &most, ActionKind::Delete, true).0)
            .collect();
        let lengths: Vec<usize> = changes.iter().map(|change| length(&world, *change)).collect();
        assert_eq!(lengths[..2], [0, 0], "the oldest go");
        assert!(lengths[2..].iter().all(|length| *length == LARGEST), "{lengths:?}");
        let more = vec![b'x'; LARGEST + 1];
        assert_eq!(kept(&world, "more", &more, ActionKind::Delete, true).1, 0);
    }
}
