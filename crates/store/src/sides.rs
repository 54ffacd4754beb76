//! The sides of a pair: which calendar each is, and how far it was observed.
//!
//! Snapshots are of one calendar. When a side turns to another one, what was seen of the old one
//! and every mapping of the pair is forgotten, so that the new calendar meets the other side as at
//! a first contact: the old calendar's series are never read as deleted.

use model::{AccountName, CalendarId, Cursor, Rights, Side, Sides, Timestamp};
use rusqlite::{Connection, Row, params};

use crate::codec::side as side_of;
use crate::codec::{count, damaged, maybe_instant, rights, rights_number, side_number};
use crate::{PairId, Result, Store, sql};

/// A side as it is remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SideRow {
    /// The account.
    pub account: AccountName,
    /// The calendar, once it was found.
    pub calendar: Option<CalendarId>,
    /// The calendar that what is known of this side is of. It outlives another name for the
    /// calendar in the configuration, until that turns out to mean another one.
    pub observed: Option<CalendarId>,
    /// The calendar as the configuration names it.
    pub asked: String,
    /// What may be done there.
    pub rights: Rights,
    /// How far it has been observed.
    pub cursor: Option<Cursor>,
    /// When the last full pass was complete.
    pub full_at: Option<Timestamp>,
    /// Since when full passes have found nothing.
    pub empty_at: Option<Timestamp>,
}

impl Store {
    /// The calendar that the configuration means, and what may be done there. When it is not the
    /// one that was observed before, what was seen there and the pair's mappings are forgotten.
    ///
    /// # Errors
    /// When nothing could be written.
    pub fn resolve_calendar(
        &self,
        pair: PairId,
        side: Side,
        calendar: &CalendarId,
        rights: Rights,
    ) -> Result<()> {
        self.write("resolve_calendar", |transaction| {
            let observed = sql::first(
                transaction,
                "SELECT observed FROM side WHERE pair = ?1 AND side = ?2",
                params![pair.0, side_number(side)],
                |row| Ok(row.get::<_, Option<String>>(0)?),
            )?;
            if observed.flatten().is_some_and(|observed| observed != calendar.as_str()) {
                forget_side(transaction, pair, side)?;
            }
            sql::run(
                transaction,
                "UPDATE side SET calendar = ?3, observed = ?3, rights = ?4
                 WHERE pair = ?1 AND side = ?2",
                params![pair.0, side_number(side), calendar.as_str(), rights_number(rights)],
            )?;
            Ok(())
        })
    }

    /// The next observation of this side is a full pass.
    ///
    /// # Errors
    /// When nothing could be written.
    pub fn forget_cursor(&self, pair: PairId, side: Side) -> Result<()> {
        let query = "UPDATE side SET cursor = NULL, full_at = NULL WHERE pair = ?1 AND side = ?2";
        self.change("forget_cursor", query, params![pair.0, side_number(side)])
    }

    /// Full passes have found nothing since `at`; `None`: the last one found something.
    ///
    /// # Errors
    /// When nothing could be written.
    pub fn note_empty(&self, pair: PairId, side: Side, at: Option<Timestamp>) -> Result<()> {
        let query = "UPDATE side SET empty_at = ?3 WHERE pair = ?1 AND side = ?2";
        let key = params![pair.0, side_number(side), at.map(Timestamp::as_microsecond)];
        self.change("note_empty", query, key)
    }

    /// How many series each side holds.
    ///
    /// # Errors
    /// When the database can't be read.
    pub fn counts(&self, pair: PairId) -> Result<Sides<u64>> {
        self.read(|connection| {
            let mut counts = Sides::default();
            let query = "SELECT side, count(*) FROM snapshot INDEXED BY snapshot_present
                 WHERE pair = ?1 AND present = 1
                 GROUP BY side";
            let rows = |row: &Row<'_>| Ok((side_of(row.get(0)?)?, count(row.get(1)?)?));
            for (side, count) in sql::all(connection, query, [pair.0], rows)? {
                counts[side] = count;
            }
            Ok(counts)
        })
    }
}

/// Both sides of a pair.
pub(crate) fn of_pair(connection: &Connection, pair: PairId) -> Result<Sides<SideRow>> {
    let query = "SELECT account, calendar, asked, rights, cursor, full_at, empty_at, observed
         FROM side WHERE pair = ?1 ORDER BY side";
    let sides = sql::all(connection, query, [pair.0], side_row)?;
    let [left, right] = <[SideRow; 2]>::try_from(sides).map_err(|_| damaged())?;
    Ok(Sides::new(left, right))
}

fn side_row(row: &Row<'_>) -> Result<SideRow> {
    Ok(SideRow {
        account: AccountName::new(row.get::<_, String>(0)?),
        calendar: row.get::<_, Option<String>>(1)?.map(CalendarId::new),
        asked: row.get(2)?,
        rights: rights(row.get(3)?)?,
        cursor: row.get::<_, Option<String>>(4)?.map(Cursor::new),
        full_at: maybe_instant(row.get(5)?)?,
        empty_at: maybe_instant(row.get(6)?)?,
        observed: row.get::<_, Option<String>>(7)?.map(CalendarId::new),
    })
}

/// A side of this account and asked calendar. With another calendar than before it loses what it
/// was resolved to and its cursor; with another account also what was seen there.
pub(crate) fn ensure(
    connection: &Connection,
    pair: PairId,
    side: Side,
    account: &AccountName,
    asked: &str,
) -> Result<()> {
    let before = sql::first(
        connection,
        "SELECT account, asked FROM side WHERE pair = ?1 AND side = ?2",
        params![pair.0, side_number(side)],
        |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)),
    )?;
    let Some((was_account, was_asked)) = before else {
        sql::run(
            connection,
            "INSERT INTO side (pair, side, account, asked) VALUES (?1, ?2, ?3, ?4)",
            params![pair.0, side_number(side), account.as_str(), asked],
        )?;
        return Ok(());
    };
    if was_account != account.as_str() {
        forget_side(connection, pair, side)?;
    } else if was_asked == asked {
        return Ok(());
    }
    sql::run(
        connection,
        "UPDATE side SET account = ?3, asked = ?4, calendar = NULL, cursor = NULL
         WHERE pair = ?1 AND side = ?2",
        params![pair.0, side_number(side), account.as_str(), asked],
    )?;
    Ok(())
}

/// Forgets what was seen on a side, and with it every mapping of the pair. The other side's rows
/// stay and are touched, for a first contact.
fn forget_side(connection: &Connection, pair: PairId, side: Side) -> Result<()> {
    let key = params![pair.0, side_number(side)];
    sql::run(
        connection,
        "UPDATE side SET calendar = NULL, observed = NULL, cursor = NULL, full_at = NULL
         WHERE pair = ?1 AND side = ?2",
        key,
    )?;
    for forgotten in [
        "DELETE FROM problem WHERE pair = ?1",
        "DELETE FROM conflict WHERE pair = ?1",
        "DELETE FROM intent WHERE pair = ?1",
        // Those of the other side that are gone were kept for their mapping only.
        "DELETE FROM snapshot WHERE pair = ?1 AND present = 0",
        "UPDATE body SET base = NULL WHERE base IS NOT NULL
             AND snapshot IN (SELECT id FROM snapshot WHERE pair = ?1)",
        "UPDATE snapshot SET base_digest = NULL, mapping = NULL, skipped = 0,
             touched = (unreadable IS NULL) WHERE pair = ?1",
        "DELETE FROM mapping WHERE pair = ?1",
    ] {
        sql::run(connection, forgotten, [pair.0])?;
    }
    sql::run(connection, "DELETE FROM snapshot WHERE pair = ?1 AND side = ?2", key)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::World;

    #[test]
    fn a_side_that_asks_for_another_calendar_is_observed_anew() {
        let world = World::new();
        let calendar = CalendarId::new("/cal/1/");
        world.store.resolve_calendar(world.pair, Side::Left, &calendar, Rights::Write).unwrap();
        world.store.advance(world.pair, Side::Left, &Cursor::new("5")).unwrap();
        world.agreed("1", "Zahnarzt");
        let row = world.ensure("a", "the same by another name");
        assert_eq!((row.sides.left.calendar, row.sides.left.cursor), (None, None));
        assert_eq!(row.sides.left.observed, Some(calendar.clone()));
        // It turns out to be the same one: nothing is forgotten.
        world.store.resolve_calendar(world.pair, Side::Left, &calendar, Rights::Write).unwrap();
        assert_eq!(world.totals().series, Sides::new(1, 1));
    }

    #[test]
    fn another_calendar_or_account_is_a_first_contact_and_never_a_deletion() {
        for turn in ["calendar", "account"] {
            let world = World::new();
            let (one, two) = (CalendarId::new("/cal/1/"), CalendarId::new("/cal/2/"));
            let resolve = |calendar| {
                let rights = Rights::Write;
                world.store.resolve_calendar(world.pair, Side::Left, calendar, rights).unwrap();
            };
            resolve(&one);
            world.agreed("1", "Zahnarzt");
            match turn {
                "calendar" => resolve(&two),
                _ => drop(world.ensure("another", "one")),
            }
            assert_eq!(world.store.counts(world.pair).unwrap(), Sides::new(0, 1), "{turn}");
            assert_eq!(world.totals(), crate::Totals::default(), "{turn}");
            let batch = world.touched();
            assert_eq!((batch.known.len(), batch.contacts.len()), (0, 1), "{turn}");
            assert_eq!(world.store.integrity().unwrap(), Vec::<String>::new());
        }
    }
}
