//! Pairs as the configuration names them: made once, with a state, and what a person has said of
//! them. Their sides stand in [`crate::sides`], their end in [`crate::detach`].

use model::{AccountName, PairName, Side, Sides, Timestamp};
use rusqlite::{Connection, Row, params};

use crate::codec::{damaged, instant, maybe_instant, micros};
use crate::sides::{self, SideRow};
use crate::{Result, Store, sql};

/// A pair in the store. Never used again for another pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PairId(pub i64);

/// A pair as it is remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairRow {
    /// Which.
    pub id: PairId,
    /// Its name in the configuration.
    pub name: PairName,
    /// `new`, `ok`, …
    pub state: String,
    /// Since when it is in this state.
    pub since: Timestamp,
    /// Why, as a sentence.
    pub reason: Option<String>,
    /// What to do about it.
    pub action: Option<String>,
    /// Whether a person paused it.
    pub paused: bool,
    /// Whether its copies are being removed. No cycle may run then: what is missing on a side was
    /// not deleted by its user.
    pub detaching: bool,
    /// Whether it was detached, and waits to be taken out of the configuration. Always paused then.
    pub detached: bool,
    /// When a cycle last ended well.
    pub last_success: Option<Timestamp>,
    /// When the next cycle is due.
    pub next_run: Option<Timestamp>,
    /// Its sides.
    pub sides: Sides<SideRow>,
}

const PAIRS: &str = "SELECT id, name, state, since, reason, action, paused, last_success, next_run,
    detaching, detached FROM pair";

impl Store {
    /// The pair of this name, made where there is none. A side whose account or asked calendar is
    /// another than before loses its calendar and cursor; with another account also what was seen
    /// there.
    ///
    /// # Errors
    /// When nothing could be written.
    pub fn ensure_pair(
        &self,
        name: &PairName,
        accounts: Sides<&AccountName>,
        asked: Sides<&str>,
        now: Timestamp,
    ) -> Result<PairRow> {
        if let Some(pair) = self.pair(name)? {
            let same = |side| {
                let row: &SideRow = &pair.sides[side];
                row.account == *accounts[side] && row.asked == asked[side]
            };
            if Side::BOTH.into_iter().all(same) {
                return Ok(pair);
            }
        }
        self.write("ensure_pair", |transaction| {
            sql::run(
                transaction,
                "INSERT INTO pair (name, state, since) VALUES (?1, 'new', ?2)
                 ON CONFLICT (name) DO NOTHING",
                params![name.as_str(), now.as_microsecond()],
            )?;
            let id = id_of(transaction, name)?.ok_or_else(damaged)?;
            for side in Side::BOTH {
                sides::ensure(transaction, id, side, accounts[side], asked[side])?;
            }
            by_name(transaction, name)?.ok_or_else(damaged)
        })
    }

    /// All pairs, by name.
    ///
    /// # Errors
    /// When the database can't be read.
    pub fn pairs(&self) -> Result<Vec<PairRow>> {
        self.read(|connection| {
            let query = format!("{PAIRS} ORDER BY name");
            sql::all(connection, &query, [], |row| pair(connection, row))
        })
    }

    /// One pair.
    ///
    /// # Errors
    /// When the database can't be read.
    pub fn pair(&self, name: &PairName) -> Result<Option<PairRow>> {
        self.read(|connection| by_name(connection, name))
    }

    /// The pair's state, why, and what to do about it.
    ///
    /// # Errors
    /// When nothing could be written.
    pub fn put_pair_state(
        &self,
        pair: PairId,
        state: &str,
        since: Timestamp,
        reason: Option<&str>,
        action: Option<&str>,
    ) -> Result<()> {
        self.change(
            "put_pair_state",
            "UPDATE pair SET state = ?2, since = ?3, reason = ?4, action = ?5 WHERE id = ?1",
            params![pair.0, state, since.as_microsecond(), reason, action],
        )
    }

    /// Whether a person paused the pair.
    ///
    /// # Errors
    /// When nothing could be written.
    pub fn set_paused(&self, pair: PairId, paused: bool) -> Result<()> {
        let query = "UPDATE pair SET paused = ?2, detached = detached AND ?2 WHERE id = ?1";
        self.change("set_paused", query, params![pair.0, paused])
    }

    /// When a cycle last ended well, and when the next is due.
    ///
    /// # Errors
    /// When nothing could be written.
    pub fn put_schedule(
        &self,
        pair: PairId,
        last_success: Option<Timestamp>,
        next_run: Option<Timestamp>,
    ) -> Result<()> {
        self.change(
            "put_schedule",
            "UPDATE pair SET last_success = ?2, next_run = ?3 WHERE id = ?1",
            params![pair.0, micros(last_success), micros(next_run)],
        )
    }
}

/// The name of a pair, for history.
pub(crate) fn name_of(connection: &Connection, pair: PairId) -> Result<String> {
    let name = |row: &Row<'_>| Ok(row.get::<_, String>(0)?);
    let found = sql::first(connection, "SELECT name FROM pair WHERE id = ?1", [pair.0], name)?;
    Ok(found.unwrap_or_default())
}

fn id_of(connection: &Connection, name: &PairName) -> Result<Option<PairId>> {
    let query = "SELECT id FROM pair WHERE name = ?1";
    sql::first(connection, query, [name.as_str()], |row| Ok(PairId(row.get(0)?)))
}

fn by_name(connection: &Connection, name: &PairName) -> Result<Option<PairRow>> {
    let query = format!("{PAIRS} WHERE name = ?1");
    sql::first(connection, &query, [name.as_str()], |row| pair(connection, row))
}

fn pair(connection: &Connection, row: &Row<'_>) -> Result<PairRow> {
    let id = PairId(row.get(0)?);
    Ok(PairRow {
        id,
        name: PairName::new(row.get::<_, String>(1)?),
        state: row.get(2)?,
        since: instant(row.get(3)?)?,
        reason: row.get(4)?,
        action: row.get(5)?,
        paused: row.get(6)?,
        detaching: row.get(9)?,
        detached: row.get(10)?,
        last_success: maybe_instant(row.get(7)?)?,
        next_run: maybe_instant(row.get(8)?)?,
        sides: sides::of_pair(connection, id)?,
    })
}

#[cfg(test)]
mod tests {
    use model::{CalendarId, Rights};

    use super::*;
    use crate::testing::{World, at};

    #[test]
    fn a_pair_is_made_once_and_keeps_what_it_learnt() {
        let world = World::new();
        let calendar = CalendarId::new("/cal/1/");
        world.store.resolve_calendar(world.pair, Side::Left, &calendar, Rights::Read).unwrap();
        world.store.put_schedule(world.pair, Some(at(3)), None).unwrap();
        world.store.set_paused(world.pair, true).unwrap();
        world.store.put_pair_state(world.pair, "ok", at(2), Some("r"), None).unwrap();
        let row = world.ensure("a", "one");
        assert_eq!((row.id, row.paused, row.state.as_str()), (world.pair, true, "ok"));
        assert_eq!((row.last_success, row.reason.as_deref()), (Some(at(3)), Some("r")));
        assert_eq!(row.sides.left.calendar, Some(calendar));
        assert_eq!(row.sides.left.rights, Rights::Read);
        assert_eq!(world.store.pairs().unwrap(), [row]);
    }
}
