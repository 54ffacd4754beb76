//! Agreements: both sides hold the same, as far as each can; from here on that is the base.
//!
//! Nothing may be observed between the plan of a series and its agreement: the base becomes what
//! its rows hold at that moment.

use model::{FieldSet, MappingId, ResourceId, Series, Side, Sides, Uid};
use rusqlite::{Connection, params};

use crate::codec::{damaged, side_number};
use crate::journal::SubjectRow;
use crate::row::{self, Snapshot};
use crate::{PairId, Result, Store, problems, sql};

/// A series on which both sides agree now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// Which.
    pub subject: SubjectRow,
    /// The resource that each side holds it in. `None` on both sides: neither holds it, forget it.
    /// `None` on one: the one it holds already, or that a write of this step made.
    pub held: Sides<Option<ResourceId>>,
    /// What each side agreed to, where that is not what it holds: something was left open.
    pub base: Option<Sides<Series>>,
    /// The fields in which each side's copy is still to be made anew.
    pub renew: Sides<FieldSet>,
}

impl Store {
    /// Records agreements: makes or updates the mapping, makes what the rows hold the base, and
    /// clears their touched marks, finished writes, problems, conflicts and approvals.
    ///
    /// The answer has one item for each agreement: its mapping, or `None` where it was forgotten,
    /// or where a side no longer holds its resource; the rows then stay touched.
    ///
    /// # Errors
    /// When nothing could be written.
    pub fn agree(&self, pair: PairId, agreed: &[Agreement]) -> Result<Vec<Option<MappingId>>> {
        self.write("agree", |transaction| {
            agreed.iter().map(|agreement| agree(transaction, pair, agreement)).collect()
        })
    }
}

fn agree(
    connection: &Connection,
    pair: PairId,
    agreement: &Agreement,
) -> Result<Option<MappingId>> {
    if agreement.held == Sides::default() {
        forget(connection, pair, &agreement.subject)?;
        return Ok(None);
    }
    let mut rows: Sides<Option<Snapshot>> = Sides::default();
    for side in Side::BOTH {
        rows[side] = held(connection, pair, agreement, side)?.filter(Snapshot::is_readable);
    }
    let (Some(left), Some(right)) = (&rows.left, &rows.right) else { return Ok(None) };
    let rows = Sides::new(left, right);
    let mapping = match agreement.subject {
        SubjectRow::Known(mapping) => mapping,
        SubjectRow::New(_) => match left.mapping.or(right.mapping) {
            Some(mapping) => mapping,
            None => new_mapping(connection, pair, left, right)?,
        },
    };
    // A resource of another series: not what the plan saw.
    if rows.iter().any(|(_, row)| row.mapping.is_some_and(|other| other != mapping)) {
        return Ok(None);
    }
    for (side, row) in rows.iter() {
        join(connection, pair, mapping, side, row)?;
        if row.renew != agreement.renew[side] {
            row::renew(connection, row.id, agreement.renew[side])?;
        }
        if let Some(base) = &agreement.base {
            row::set_base(connection, row.id, &base[side])?;
        }
    }
    if agreement.base.is_none() {
        // While something is open, what we wrote ourselves must still be told from edits.
        let clear = "DELETE FROM intent WHERE mapping = ?1 AND applied = 1";
        sql::run(connection, clear, [mapping.0])?;
    }
    for clear in [
        "DELETE FROM problem WHERE mapping = ?1",
        "DELETE FROM conflict WHERE mapping = ?1",
        "DELETE FROM approval WHERE mapping = ?1",
    ] {
        sql::run(connection, clear, [mapping.0])?;
    }
    for row in [left, right] {
        problems::clear_of_row(connection, row.id)?;
        if row.mapping.is_none() {
            drop_writes(connection, pair, row)?;
        }
    }
    Ok(Some(mapping))
}

/// A creation for a new series was answered in `row` on `side`: both resources are mapped. The base
/// of the written side is what was written, of the other side what it held when the creation was
/// decided; what happened to it since is then a change like any other.
pub(crate) fn created(
    connection: &Connection,
    pair: PairId,
    new: &Sides<Option<ResourceId>>,
    side: Side,
    row: i64,
    source: &Series,
) -> Result<()> {
    let Some(origin) = &new[side.opposite()] else { return Ok(()) };
    let origin = match row::find(connection, pair, side.opposite(), origin)? {
        Some(origin) => origin,
        None => {
            // It was deleted while the creation was under way.
            let id = row::insert(connection, pair, side.opposite(), origin)?;
            let query = "UPDATE snapshot SET present = 0, uid = ?2 WHERE id = ?1";
            sql::run(connection, query, params![id, source.uid.as_str()])?;
            row::find(connection, pair, side.opposite(), origin)?.ok_or_else(damaged)?
        }
    };
    let taken = "SELECT 1 FROM snapshot WHERE id IN (?1, ?2) AND mapping IS NOT NULL";
    if sql::first(connection, taken, [row, origin.id], |_| Ok(()))?.is_some() {
        return Ok(());
    }
    let query = "INSERT INTO mapping (pair, uid) VALUES (?1, ?2)";
    let mapping = sql::insert(connection, query, params![pair.0, source.uid.as_str()])?;
    let query = "UPDATE snapshot SET mapping = ?3, touched = 1 WHERE id IN (?1, ?2)";
    sql::run(connection, query, params![row, origin.id, mapping])?;
    row::rebase(connection, row)?;
    row::set_base(connection, origin.id, source)?;
    let query = "UPDATE intent SET mapping = ?1 WHERE pair = ?2 AND mapping IS NULL
         AND \"left\" IS ?3 AND \"right\" IS ?4";
    let new = new.as_ref().map(|id| id.as_ref().map(ResourceId::as_str));
    sql::run(connection, query, params![mapping, pair.0, new.left, new.right])?;
    Ok(())
}

/// The row in which a side holds the series.
fn held(
    connection: &Connection,
    pair: PairId,
    agreement: &Agreement,
    side: Side,
) -> Result<Option<Snapshot>> {
    if let Some(id) = &agreement.held[side] {
        return row::find(connection, pair, side, id);
    }
    match &agreement.subject {
        SubjectRow::Known(mapping) => row::of_mapping(connection, *mapping, side),
        SubjectRow::New(new) => {
            let made = match &new[side] {
                Some(id) => Some(id.clone()),
                None => made(connection, pair, new, side)?,
            };
            let find = |id| row::find(connection, pair, side, &id);
            Ok(made.map(find).transpose()?.flatten())
        }
    }
}

/// The resource that a finished creation for this new series made.
fn made(
    connection: &Connection,
    pair: PairId,
    new: &Sides<Option<ResourceId>>,
    side: Side,
) -> Result<Option<ResourceId>> {
    let query = "SELECT result FROM intent WHERE pair = ?1 AND applied = 1 AND side = ?2
         AND \"left\" IS ?3 AND \"right\" IS ?4 ORDER BY id DESC";
    let new = new.as_ref().map(|id| id.as_ref().map(ResourceId::as_str));
    let key = params![pair.0, side_number(side), new.left, new.right];
    let result = |row: &rusqlite::Row<'_>| Ok(row.get::<_, Option<String>>(0)?);
    Ok(sql::first(connection, query, key, result)?.flatten().map(ResourceId::new))
}

fn new_mapping(
    connection: &Connection,
    pair: PairId,
    left: &Snapshot,
    right: &Snapshot,
) -> Result<MappingId> {
    let uid = left.uid.as_ref().or(right.uid.as_ref()).map_or("", Uid::as_str);
    let query = "INSERT INTO mapping (pair, uid) VALUES (?1, ?2)";
    Ok(MappingId(sql::insert(connection, query, params![pair.0, uid])?))
}

/// Makes this row the mapping's on its side, and what it holds the base.
fn join(
    connection: &Connection,
    pair: PairId,
    mapping: MappingId,
    side: Side,
    row: &Snapshot,
) -> Result<()> {
    if row.mapping != Some(mapping) {
        if let Some(old) = row::of_mapping(connection, mapping, side)? {
            part(connection, pair, &old)?;
        }
        let query = "UPDATE snapshot SET mapping = ?2 WHERE id = ?1";
        sql::run(connection, query, params![row.id, mapping.0])?;
    }
    row::rebase(connection, row.id)?;
    row::settle(connection, row.id, 0)
}

/// A row that is no longer mapped: one that is gone goes, one that is there meets the other side
/// anew.
fn part(connection: &Connection, pair: PairId, row: &Snapshot) -> Result<()> {
    if !row.present {
        return row::remove(connection, pair, row);
    }
    let query = "UPDATE snapshot SET mapping = NULL, base_digest = NULL WHERE id = ?1";
    sql::run(connection, query, [row.id])?;
    sql::run(connection, "UPDATE body SET base = NULL WHERE snapshot = ?1", [row.id])?;
    row::touch(connection, row.id)
}

pub(crate) fn forget(connection: &Connection, pair: PairId, subject: &SubjectRow) -> Result<()> {
    match subject {
        SubjectRow::Known(mapping) => {
            for side in Side::BOTH {
                if let Some(row) = row::of_mapping(connection, *mapping, side)? {
                    part(connection, pair, &row)?;
                }
            }
            sql::run(connection, "DELETE FROM mapping WHERE id = ?1", [mapping.0])?;
        }
        SubjectRow::New(new) => {
            for (side, id) in new.iter() {
                let Some(id) = id else { continue };
                if let Some(row) = row::find(connection, pair, side, id)? {
                    row::settle(connection, row.id, row.skipped)?;
                }
            }
        }
    }
    Ok(())
}

/// Finished writes in which this resource, new until now, had a part.
fn drop_writes(connection: &Connection, pair: PairId, row: &Snapshot) -> Result<()> {
    let query = match row.side {
        Side::Left => {
            "DELETE FROM intent WHERE pair = ?1 AND mapping IS NULL AND applied = 1
             AND (\"left\" = ?2 OR (side = 0 AND result = ?2))"
        }
        Side::Right => {
            "DELETE FROM intent WHERE pair = ?1 AND mapping IS NULL AND applied = 1
             AND (\"right\" = ?2 OR (side = 1 AND result = ?2))"
        }
    };
    sql::run(connection, query, params![pair.0, row.resource.as_str()])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{World, at, event};

    const LEFT: Side = Side::Left;
    const RIGHT: Side = Side::Right;

    fn held(left: &str, right: &str) -> Sides<Option<ResourceId>> {
        Sides::new(left, right).map(|id| Some(ResourceId::new(id)))
    }

    #[test]
    fn what_differs_between_the_sides_is_each_sides_own_base() {
        let world = World::new();
        world.see(LEFT, "a", "1", &event("1", "Zahnarzt", 9));
        world.see(RIGHT, "b", "1", &event("1", "ZAHNARZT", 9));
        world.agree(SubjectRow::New(held("a", "b")), "a", "b");
        let batch = world.touched();
        assert_eq!((batch.known.len(), batch.contacts.len()), (0, 0));
        world.see(LEFT, "a", "2", &event("1", "Kino", 9));
        let known = &world.touched().known[0];
        assert_eq!(known.base, Sides::new(event("1", "Zahnarzt", 9), event("1", "ZAHNARZT", 9)));
    }

    #[test]
    fn what_was_left_open_is_still_a_change() {
        let world = World::new();
        let mapping = world.agreed("1", "Zahnarzt");
        let (before, edited) = (event("1", "Zahnarzt", 9), event("1", "Kino", 9));
        world.see(LEFT, "l1", "2", &edited);
        let agreement = Agreement {
            subject: SubjectRow::Known(mapping),
            held: held("l1", "r1"),
            base: Some(Sides::new(before.clone(), before.clone())),
            renew: Sides::default(),
        };
        world.store.agree(world.pair, &[agreement]).unwrap();
        assert!(world.touched().known.is_empty());
        world.see(RIGHT, "r1", "2", &event("1", "Theater", 9));
        let known = &world.touched().known[0];
        assert_eq!(known.base, Sides::new(before.clone(), before));
        assert!(
            matches!(&known.now.left, crate::NowRow::Present { series, .. } if *series == edited)
        );
    }

    #[test]
    fn an_agreement_on_what_is_no_longer_so_is_none() {
        let world = World::new();
        let mapping = world.agreed("1", "Zahnarzt");
        world.agreed("2", "Kino");
        world.see(LEFT, "a", "1", &event("3", "Theater", 9));
        world.lose(RIGHT, "r1");
        let agreements = [
            // Gone meanwhile.
            Agreement {
                subject: SubjectRow::Known(mapping),
                held: held("l1", "r1"),
                base: None,
                renew: Sides::default(),
            },
            // Never seen.
            Agreement {
                subject: SubjectRow::New(held("a", "b")),
                held: held("a", "b"),
                base: None,
                renew: Sides::default(),
            },
            // Another series' resource.
            Agreement {
                subject: SubjectRow::Known(mapping),
                held: held("l1", "r2"),
                base: None,
                renew: Sides::default(),
            },
        ];
        let agreed = world.store.agree(world.pair, &agreements).unwrap();
        assert_eq!(agreed, [None, None, None]);
        let batch = world.touched();
        assert_eq!((batch.known.len(), batch.contacts.len()), (1, 1));
        assert_eq!(world.store.integrity().unwrap(), Vec::<String>::new());
    }

    #[test]
    fn a_mapping_can_turn_to_another_resource() {
        let world = World::new();
        let mapping = world.agreed("1", "Zahnarzt");
        world.see(LEFT, "other", "1", &event("x", "Zahnarzt", 9));
        world.agree(SubjectRow::Known(mapping), "other", "r1");
        // The one that was held before meets the right side anew.
        let batch = world.touched();
        assert_eq!((batch.known.len(), batch.contacts.len()), (0, 1));
        assert_eq!(batch.contacts[0].held.left[0].0, "l1".into());
        assert_eq!(world.store.integrity().unwrap(), Vec::<String>::new());
    }

    #[test]
    fn forgetting_wakes_what_waited_for_the_uid() {
        let world = World::new();
        let mapping = world.agreed("1", "Zahnarzt");
        world.see(LEFT, "b", "1", &event("1", "Zahnarzt", 9));
        let second = SubjectRow::New(Sides::new(Some("b".into()), None));
        world.store.set_aside(world.pair, &second, RIGHT, &"1".into(), "twice", at(1)).unwrap();
        assert!(world.touched().contacts.is_empty());
        world.lose(RIGHT, "r1");
        let left = sql::run;
        world
            .store
            .write("test", |transaction| {
                left(transaction, "UPDATE snapshot SET present = 0 WHERE resource = 'l1'", [])
            })
            .unwrap();
        let forget = Agreement {
            subject: SubjectRow::Known(mapping),
            held: Sides::default(),
            base: None,
            renew: Sides::default(),
        };
        world.store.agree(world.pair, &[forget]).unwrap();
        assert_eq!(world.touched().contacts.len(), 1);
        assert_eq!(world.totals().series, Sides::new(0, 0));
    }
}
