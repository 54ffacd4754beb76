//! History: every write with what was before and after it, and every edit that lost. It outlives
//! its pair, and so says in whose calendar each was made.

mod former;

use model::{AccountName, CalendarId, PairName, Redacted, Series, Side, Timestamp, Uid};
use rusqlite::{Connection, Row, params};

use crate::codec::{instant, maybe_packed, pack, side as side_of, side_number};
use crate::{PairId, Result, Store, errands, pairs, sql};

/// How many changes are kept: some years of a busy calendar, below 100 MB.
const KEPT: i64 = 50_000;

/// A change that was made, or an edit that lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeRow {
    /// Which change.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// The run.
    pub run: i64,
    /// The pair.
    pub pair: PairName,
    /// Where: the side that it was then.
    pub side: Side,
    /// The calendar of that side, then; `None` for a change of before this was kept, of a pair that
    /// had ended by then.
    pub place: Option<PlaceRow>,
    /// `create`, `update`, `delete`, or `overruled`.
    pub action: String,
    /// The series.
    pub uid: Uid,
    /// Its title.
    pub title: Option<Redacted<String>>,
    /// What the side held.
    pub before: Option<Series>,
    /// What it holds since; of an overruled edit: the winner's.
    pub after: Option<Series>,
    /// Why, in words without private content.
    pub reason: String,
}

/// A calendar, and the account that has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaceRow {
    /// The account.
    pub account: AccountName,
    /// Its calendar.
    pub calendar: CalendarId,
}

/// An edit that lost.
#[derive(Clone, Copy, Debug)]
pub struct OverruledRow<'a> {
    /// The run.
    pub run: i64,
    /// The side that lost.
    pub side: Side,
    /// What it held.
    pub before: &'a Series,
    /// What it gets.
    pub after: &'a Series,
    /// Why, in words without private content.
    pub reason: &'a str,
}

impl Store {
    /// Keeps an edit that lost.
    ///
    /// # Errors
    /// When nothing could be written.
    pub fn overruled(
        &self,
        pair: PairId,
        overruled: &OverruledRow<'_>,
        now: Timestamp,
    ) -> Result<()> {
        let entry = Entry {
            pair,
            run: overruled.run,
            side: overruled.side,
            action: "overruled",
            before: Some(overruled.before),
            after: Some(overruled.after),
            reason: overruled.reason,
            former: None,
        };
        self.write("overruled", |transaction| insert(transaction, &entry, now))
    }

    /// Changes, newest first, at most `limit`: of all pairs that ever had this name, of one series,
    /// or all.
    ///
    /// # Errors
    /// When the database can't be read.
    pub fn history(
        &self,
        pair: Option<&PairName>,
        uid: Option<&Uid>,
        limit: usize,
    ) -> Result<Vec<ChangeRow>> {
        self.history_before(i64::MAX, pair, uid, limit)
    }

    /// The same of the changes before the one of this number.
    ///
    /// # Errors
    /// When the database can't be read.
    pub fn history_before(
        &self,
        change: i64,
        pair: Option<&PairName>,
        uid: Option<&Uid>,
        limit: usize,
    ) -> Result<Vec<ChangeRow>> {
        let rule = match (pair, uid) {
            (None, None) => "?1 IS NULL AND ?2 IS NULL",
            (Some(_), None) => "pair_name = ?1 AND ?2 IS NULL",
            (None, Some(_)) => "?1 IS NULL AND uid = ?2",
            (Some(_), Some(_)) => "+pair_name = ?1 AND uid = ?2",
        };
        let query = format!(
            "{CHANGES} WHERE {rule} AND id < ?3 AND {} ORDER BY id DESC LIMIT ?4",
            errands::IS_MADE
        );
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let key = params![pair.map(PairName::as_str), uid.map(Uid::as_str), change, limit];
        self.read(|connection| sql::all(connection, &query, key, read_change))
    }

    /// One change.
    ///
    /// # Errors
    /// When the database can't be read.
    pub fn change_of(&self, change: i64) -> Result<Option<ChangeRow>> {
        let query = format!("{CHANGES} WHERE id = ?1 AND {}", errands::IS_MADE);
        self.read(|connection| sql::first(connection, &query, [change], read_change))
    }
}

const CHANGES: &str = "SELECT id, at, run, pair_name, side, action, uid,
    CAST(opened(title) AS TEXT), opened(before), opened(after), reason, account, calendar
    FROM history";

pub(crate) struct Entry<'a> {
    pub(crate) pair: PairId,
    pub(crate) run: i64,
    pub(crate) side: Side,
    pub(crate) action: &'static str,
    pub(crate) before: Option<&'a Series>,
    pub(crate) after: Option<&'a Series>,
    pub(crate) reason: &'a str,
    /// What was there before, in the provider's own form, where it is to be kept.
    pub(crate) former: Option<&'a [u8]>,
}

pub(crate) fn insert(connection: &Connection, entry: &Entry<'_>, now: Timestamp) -> Result<()> {
    put(connection, entry, now).map(drop)
}

/// The same; the number of the change, if there is anything to tell.
pub(crate) fn put(
    connection: &Connection,
    entry: &Entry<'_>,
    now: Timestamp,
) -> Result<Option<i64>> {
    let Some(shown) = entry.after.or(entry.before) else { return Ok(None) };
    let title = shown.face().and_then(|event| event.title.as_ref());
    let id = sql::insert(
        connection,
        "INSERT INTO history (at, run, pair, pair_name, side, action, uid, title, reason, before,
             after, account, calendar) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, sealed(?8), ?9,
             sealed(?10), sealed(?11),
             (SELECT account FROM side WHERE pair = ?3 AND side = ?5),
             (SELECT observed FROM side WHERE pair = ?3 AND side = ?5))",
        params![
            now.as_microsecond(),
            entry.run,
            entry.pair.0,
            pairs::name_of(connection, entry.pair)?,
            side_number(entry.side),
            entry.action,
            shown.uid.as_str(),
            title.map(|title| title.expose().as_str()),
            entry.reason,
            entry.before.map(pack),
            entry.after.map(pack),
        ],
    )?;
    if let Some(raw) = entry.former {
        former::keep(connection, id, raw)?;
    }
    sql::run(connection, "DELETE FROM history WHERE id <= ?1", [id - KEPT])?;
    Ok(Some(id))
}

fn read_change(row: &Row<'_>) -> Result<ChangeRow> {
    let account: Option<String> = row.get(11)?;
    let calendar: Option<String> = row.get(12)?;
    let place = account.zip(calendar).map(|(account, calendar)| PlaceRow {
        account: AccountName::new(account),
        calendar: CalendarId::new(calendar),
    });
    Ok(ChangeRow {
        place,
        id: row.get(0)?,
        at: instant(row.get(1)?)?,
        run: row.get(2)?,
        pair: PairName::new(row.get::<_, String>(3)?),
        side: side_of(row.get(4)?)?,
        action: row.get(5)?,
        uid: Uid::new(row.get::<_, String>(6)?),
        title: row.get::<_, Option<String>>(7)?.map(Redacted::new),
        before: maybe_packed(row, 8)?,
        after: maybe_packed(row, 9)?,
        reason: row.get(10)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{World, at, event};

    #[test]
    fn changes_are_found_by_pair_and_series_newest_first() {
        let world = World::new();
        for uid in ["1", "2"] {
            world.agreed(uid, "Zahnarzt");
        }
        let (before, after) = (event("1", "Kino", 9), event("1", "Theater", 9));
        let side = Side::Left;
        let lost =
            OverruledRow { run: 9, side, before: &before, after: &after, reason: "right is newer" };
        world.store.overruled(world.pair, &lost, at(9)).unwrap();
        let shown = |pair: Option<&str>, uid: Option<&str>, limit| {
            let (pair, uid) = (pair.map(PairName::new), uid.map(Uid::new));
            let changes = world.store.history(pair.as_ref(), uid.as_ref(), limit).unwrap();
            changes.iter().map(|row| format!("{} {}", row.action, row.uid)).collect::<Vec<_>>()
        };
        assert_eq!(shown(None, None, 10), ["overruled 1", "create 2", "create 1"]);
        assert_eq!(shown(Some("family"), None, 2), ["overruled 1", "create 2"]);
        assert_eq!(shown(Some("family"), Some("1"), 9), ["overruled 1", "create 1"]);
        assert_eq!(shown(None, Some("2"), 9), ["create 2"]);
        assert_eq!(shown(Some("another"), None, 9), Vec::<String>::new());
        let change = &world.store.history(None, None, 1).unwrap()[0];
        assert_eq!((&change.before, &change.after), (&Some(before), &Some(after)));
        assert_eq!((change.at, change.run, change.pair.as_str()), (at(9), 9, "family"));
        assert_eq!(change.title.as_ref().unwrap().expose(), "Theater");
        assert_eq!(world.store.change_of(change.id).unwrap().as_ref(), Some(change));
        let earlier = world.store.history_before(change.id, None, None, 9).unwrap();
        assert_eq!(earlier.len(), 2, "the page behind it");
    }

    #[test]
    fn a_change_stays_one_of_the_calendar_in_which_it_was_made() {
        let world = World::new();
        let lead = |calendar: &str| {
            let (calendar, rights) = (CalendarId::new(calendar), model::Rights::Write);
            world.store.resolve_calendar(world.pair, Side::Right, &calendar, rights).unwrap();
        };
        lead("/cal/1/");
        world.agreed("1", "Zahnarzt");
        lead("/cal/2/");
        world.agreed("2", "Kino");
        let place = |uid: &str| {
            let found = world.store.history(None, Some(&uid.into()), 1).unwrap().remove(0);
            found.place.unwrap()
        };
        let of = |calendar: &str| PlaceRow { account: "b".into(), calendar: calendar.into() };
        assert_eq!((place("1"), place("2")), (of("/cal/1/"), of("/cal/2/")));
        world.store.remove_pair(world.pair).unwrap();
        assert_eq!(place("2"), of("/cal/2/"));
    }
}
