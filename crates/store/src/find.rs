//! Looking an event up, for `explain`: by its UID, else by a part of its title.

use model::{FieldSet, MappingId, Redacted, ResourceId, Series, Side, Sides, Uid, Version};
use rusqlite::{Connection, params};

use crate::problems::of_unreadable;
use crate::row::{self, Snapshot, select};
use crate::{NowRow, PairId, Result, Store, sql};

/// How many events are shown: more than a person reads.
const SHOWN: usize = 20;

/// A series as the pair knows it.
#[derive(Clone, Debug)]
pub struct FoundRow {
    /// Its UID, else the provider's id.
    pub uid: Uid,
    /// Its title.
    pub title: Option<Redacted<String>>,
    /// Its mapping, once both sides agreed on it.
    pub mapping: Option<MappingId>,
    /// What each side holds of it; `None` where nothing is known of it there. A series that is
    /// not mapped is found once for each side.
    pub sides: Sides<Option<FoundSide>>,
    /// Why it can't be synced: where, and the reason.
    pub problem: Option<(Side, String)>,
}

/// What a side holds of a found series.
#[derive(Clone, Debug)]
pub struct FoundSide {
    /// Which resource.
    pub id: ResourceId,
    /// Its version.
    pub version: Option<Version>,
    /// What it holds.
    pub now: NowRow,
    /// The provider's own form of it; empty where there is none.
    pub raw: Redacted<Vec<u8>>,
    /// What it held when both sides last agreed.
    pub base: Option<Series>,
    /// Whether calpair created it.
    pub made: bool,
    /// The fields in which it is to be made anew, because rules have changed.
    pub renew: FieldSet,
    /// Whether somebody changed, since both sides agreed, what it says and no series does.
    pub beside: bool,
    /// Whether the next plan looks at it.
    pub touched: bool,
    /// Whether it is not meant to be synced.
    pub skipped: Option<Skipped>,
}

/// Why a series is not meant to be synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skipped {
    /// It lies outside the window.
    Window,
    /// A rule or the direction says so.
    Rule,
}

impl Store {
    /// The series of this UID (or provider's id); where there is none, those whose title contains
    /// `text`, in upper or lower case. At most 20.
    ///
    /// # Errors
    /// When the database can't be read.
    pub fn find(&self, pair: PairId, text: &str) -> Result<Vec<FoundRow>> {
        self.read(|connection| {
            let query = select!("WHERE pair = ?1 AND uid = ?2 ORDER BY id");
            let mut rows = sql::all(connection, query, params![pair.0, text], row::snapshot)?;
            if rows.is_empty() {
                let query = select!("WHERE pair = ?1 AND resource = ?2 ORDER BY id");
                rows = sql::all(connection, query, params![pair.0, text], row::snapshot)?;
            }
            if rows.is_empty() {
                rows = by_title(connection, pair, text)?;
            }
            let mut found: Vec<FoundRow> = Vec::new();
            for row in rows {
                let is_shown = |shown: &FoundRow| shown.mapping == row.mapping;
                if row.mapping.is_some() && found.iter().any(is_shown) {
                    continue;
                }
                if found.len() == SHOWN {
                    break;
                }
                found.push(found_row(connection, row)?);
            }
            Ok(found)
        })
    }
}

fn by_title(connection: &Connection, pair: PairId, text: &str) -> Result<Vec<Snapshot>> {
    let wanted = text.to_lowercase();
    let query = select!("WHERE pair = ?1 AND digest IS NOT NULL ORDER BY id");
    let mut statement = connection.prepare_cached(query)?;
    let mut rows = statement.query([pair.0])?;
    let mut found = Vec::new();
    // One mapped series has two rows.
    while let Some(row) = rows.next()?
        && found.len() < 2 * SHOWN
    {
        let row = row::snapshot(row)?;
        let series = row::series(connection, row.id)?;
        let title = series.as_ref().and_then(Series::face).and_then(|event| event.title.as_ref());
        if title.is_some_and(|title| title.expose().to_lowercase().contains(&wanted)) {
            found.push(row);
        }
    }
    Ok(found)
}

fn found_row(connection: &Connection, row: Snapshot) -> Result<FoundRow> {
    let mut rows = Sides::default();
    if let Some(mapping) = row.mapping {
        let other = row.side.opposite();
        rows[other] = row::of_mapping(connection, mapping, other)?;
    }
    let problem = problem(connection, &row)?;
    let series = row::series(connection, row.id)?;
    let title = series.as_ref().and_then(Series::face).and_then(|event| event.title.clone());
    let uid = row.uid.clone().unwrap_or_else(|| Uid::new(row.resource.as_str()));
    let mapping = row.mapping;
    let side = row.side;
    rows[side] = Some(row);
    let found = |row: Option<Snapshot>| row.map(|row| found_side(connection, row)).transpose();
    let Sides { left, right } = rows;
    Ok(FoundRow { uid, title, mapping, sides: Sides::new(found(left)?, found(right)?), problem })
}

fn found_side(connection: &Connection, row: Snapshot) -> Result<FoundSide> {
    Ok(FoundSide {
        now: crate::touched::now(connection, &row)?,
        raw: Redacted::new(row::raw(connection, row.id)?),
        base: row::base(connection, &row)?,
        made: row.ours,
        renew: row.renew,
        beside: row.beside,
        touched: row.touched,
        skipped: match row.skipped {
            1 => Some(Skipped::Window),
            2 => Some(Skipped::Rule),
            _ => None,
        },
        id: row.resource,
        version: row.version,
    })
}

fn problem(connection: &Connection, row: &Snapshot) -> Result<Option<(Side, String)>> {
    let query = "SELECT side, reason FROM problem
         WHERE mapping = ?1 OR \"left\" = ?2 OR \"right\" = ?2 ORDER BY id DESC";
    let key = params![row.mapping.map(|mapping| mapping.0), row.id];
    let set_aside = sql::first(connection, query, key, |row| {
        Ok((crate::codec::side(row.get(0)?)?, row.get(1)?))
    })?;
    let unreadable = row.unreadable.as_ref().map(|reason| of_unreadable(row.side, reason));
    Ok(unreadable.or(set_aside))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SubjectRow;
    use crate::testing::{World, at, event};

    #[test]
    fn an_event_is_found_by_uid_else_by_title() {
        let world = World::new();
        let mapping = world.agreed("1", "Zahnärztin Ülke");
        world.see(Side::Left, "a", "1", &event("2", "Kino", 9));
        let found = &world.store.find(world.pair, "1").unwrap()[0];
        assert_eq!((found.mapping, found.problem.as_ref()), (Some(mapping), None));
        let left = found.sides.left.as_ref().unwrap();
        assert_eq!((left.id.as_str(), left.touched, left.skipped), ("l1", false, None));
        assert_eq!(left.raw.expose(), b"raw of l1");
        assert!(left.base.is_some() && found.sides.right.is_some());

        let found = world.store.find(world.pair, "ärztin ü").unwrap();
        assert_eq!((found.len(), found[0].uid.as_str()), (1, "1"), "once for both sides");
        assert_eq!(world.store.find(world.pair, "a").unwrap()[0].uid.as_str(), "2", "by id");
        assert!(world.store.find(world.pair, "Theater").unwrap().is_empty());
    }

    #[test]
    fn it_says_why_it_is_not_synced() {
        let world = World::new();
        world.see(Side::Left, "a", "1", &event("2", "Kino", 9));
        let subject = SubjectRow::New(Sides::new(Some("a".into()), None));
        world.store.skip(world.pair, &subject, true).unwrap();
        let found = world.store.find(world.pair, "kino").unwrap().remove(0);
        assert_eq!(found.sides.left.unwrap().skipped, Some(Skipped::Window));
        let uid = "2".into();
        world.store.set_aside(world.pair, &subject, Side::Right, &uid, "refused", at(1)).unwrap();
        let found = world.store.find(world.pair, "kino").unwrap().remove(0);
        assert_eq!(found.problem, Some((Side::Right, "refused".into())));
        assert_eq!(found.sides.left.unwrap().skipped, None);
    }
}
