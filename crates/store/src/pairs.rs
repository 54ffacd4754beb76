//! Pairs and their two sides: states, resolved calendars, cursors.
//!
//! Snapshots are of one calendar. When a side turns to another one, what was seen of the old one
//! and every mapping of the pair is forgotten, so that the new calendar meets the other side as at
//! a first contact: the old calendar's series are never read as deleted.

use model::{
    AccountName, CalendarId, Cursor, MappingId, PairName, ResourceId, Rights, Side, Sides,
    Timestamp, Uid,
};
use rusqlite::{Connection, Row, params};

use crate::codec::{count, instant, maybe_instant, micros, rights, rights_number, side_number};
use crate::codec::{damaged, side as side_of};
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

/// A series that calpair created on a side, and that is still there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyRow {
    /// The series.
    pub mapping: MappingId,
    /// Where it is.
    pub resource: ResourceId,
    /// Its UID.
    pub uid: Uid,
    /// Whether somebody has changed it since, or it holds something else than both sides agreed
    /// on: then it is more than a copy.
    pub changed: bool,
    /// Whether calpair made the other side's from it, which had lost its own or was another
    /// calendar then: one of the two has to stay, and this is the older one.
    pub is_source: bool,
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
                ensure_side(transaction, id, side, accounts[side], asked[side])?;
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

    /// The pair was detached: it is paused until it is taken out of the configuration.
    ///
    /// # Errors
    /// When nothing could be written.
    pub fn set_detached(&self, pair: PairId) -> Result<()> {
        let query = "UPDATE pair SET paused = 1, detached = 1 WHERE id = ?1";
        self.change("set_detached", query, [pair.0])
    }

    /// From now on the pair's copies are removed, one by one, and no cycle runs, until the pair is
    /// removed too. Survives a loss of power.
    ///
    /// # Errors
    /// When nothing could be written: then nothing may be removed.
    pub fn begin_detach(&self, pair: PairId) -> Result<()> {
        self.write_durably("begin_detach", |transaction| {
            let query = "UPDATE pair SET detaching = 1, paused = 1 WHERE id = ?1";
            sql::run(transaction, query, [pair.0]).map(|_| ())
        })
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

    /// Ends a pair: everything known of it is forgotten, except its history.
    ///
    /// # Errors
    /// When nothing could be written.
    pub fn remove_pair(&self, pair: PairId) -> Result<()> {
        self.change("remove_pair", "DELETE FROM pair WHERE id = ?1", [pair.0])
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

    /// What calpair created on each side and that is still there, ordered by resource.
    ///
    /// # Errors
    /// When the database can't be read.
    pub fn mapped_copies(&self, pair: PairId) -> Result<Sides<Vec<CopyRow>>> {
        self.read(|connection| {
            let mut copies: Sides<Vec<_>> = Sides::default();
            let query = "SELECT side, mapping, resource,
                     coalesce(unreadable IS NOT NULL OR edited OR digest <> base_digest, 1),
                     coalesce(uid, resource),
                     EXISTS (SELECT 1 FROM snapshot AS other
                         WHERE other.mapping = snapshot.mapping AND other.side = 1 - snapshot.side
                         AND other.ours = 1 AND other.id > snapshot.id)
                 FROM snapshot
                 WHERE pair = ?1 AND ours = 1 AND present = 1 AND mapping IS NOT NULL
                 ORDER BY resource";
            let rows = |row: &Row<'_>| {
                let (mapping, changed) = (MappingId(row.get(1)?), row.get(3)?);
                let resource = ResourceId::new(row.get::<_, String>(2)?);
                let uid = Uid::new(row.get::<_, String>(4)?);
                let is_source = row.get(5)?;
                let copy = CopyRow { mapping, resource, uid, changed, is_source };
                Ok((side_of(row.get(0)?)?, copy))
            };
            for (side, copy) in sql::all(connection, query, [pair.0], rows)? {
                copies[side].push(copy);
            }
            Ok(copies)
        })
    }

    /// One statement as one transaction.
    fn change(&self, name: &'static str, query: &str, params: impl rusqlite::Params) -> Result<()> {
        self.write(name, |transaction| sql::run(transaction, query, params).map(|_| ()))
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
    let query = "SELECT account, calendar, asked, rights, cursor, full_at, empty_at, observed
         FROM side WHERE pair = ?1 ORDER BY side";
    let sides = sql::all(connection, query, [id.0], side_row)?;
    let [left, right] = <[SideRow; 2]>::try_from(sides).map_err(|_| damaged())?;
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
        sides: Sides::new(left, right),
    })
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

fn ensure_side(
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
    use crate::testing::{World, at, event, nothing, resource, sighting};
    use crate::{ActionKind, NewIntent, Observation, Sighting, SubjectRow, Wrote};

    impl World {
        /// The event 1 is seen on the right as it was, in another form.
        fn see_raw(&self, id: &str, version: &str, raw: &[u8]) {
            let mut seen = resource(id, Some(version), event("1", "Zahnarzt", 9));
            seen.raw = raw.to_vec();
            let observation = Observation { present: vec![sighting(&seen)], ..nothing() };
            self.store.observe(self.pair, Side::Right, &observation).unwrap();
        }
    }

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

    #[test]
    fn a_removed_pair_leaves_nothing_but_history() {
        let world = World::new();
        world.agreed("1", "Zahnarzt");
        world.store.remove_pair(world.pair).unwrap();
        assert_eq!(world.store.pairs().unwrap(), []);
        assert_eq!(world.store.counts(world.pair).unwrap(), Sides::new(0, 0));
        assert_eq!(world.store.history(None, None, 10).unwrap().len(), 1);
        assert_ne!(world.ensure("a", "one").id, world.pair);
    }

    #[test]
    fn copies_are_those_that_calpair_created() {
        let world = World::new();
        world.agreed("1", "Zahnarzt");
        let copies = world.store.mapped_copies(world.pair).unwrap();
        assert_eq!((copies.left.len(), copies.right.len()), (0, 1));
        assert!(!copies.right[0].changed);
        world.see(Side::Right, "r1", "2", &crate::testing::event("1", "mine now", 9));
        assert!(world.store.mapped_copies(world.pair).unwrap().right[0].changed);
        assert_eq!(copies.right[0].uid.as_str(), "1");
    }

    #[test]
    fn of_two_copies_of_one_series_the_older_one_is_the_source() {
        let world = World::new();
        world.agreed("1", "Zahnarzt");
        let calendar = |id| {
            let (id, rights) = (CalendarId::new(id), Rights::Write);
            world.store.resolve_calendar(world.pair, Side::Left, &id, rights).unwrap();
        };
        calendar("/cal/1/");
        calendar("/cal/2/");
        let (series, right) = (event("1", "Zahnarzt", 9), Some("r1".into()));
        let intent = NewIntent {
            subject: SubjectRow::New(Sides::new(None, right)),
            side: Side::Left,
            action: ActionKind::Create,
            key: Some(&"k-2".into()),
            resource: None,
            before: Some(&series),
            target: Some(&series),
            run: 2,
            reason: "new on right",
            keeps_former: false,
        };
        let begun = world.store.begin(world.pair, &[intent], at(2)).unwrap();
        let made = resource("l2", Some("1"), series.clone());
        let Sighting { resource, digest, likeness } = sighting(&made);
        let stored = Wrote::Stored { resource, digest, likeness, verified: true, base: None };
        world.store.wrote(begun[0], stored, at(3)).unwrap();
        let copies = world.store.mapped_copies(world.pair).unwrap();
        assert_eq!((copies.left.len(), copies.right.len()), (1, 1));
        assert_eq!((copies.left[0].is_source, copies.right[0].is_source), (false, true));
    }

    #[test]
    fn a_copy_that_somebody_changed_stays_one_that_was_though_both_sides_agree_on_it() {
        let (same, other) = (event("1", "Zahnarzt", 9), event("1", "mine now", 9));
        type Doing<'d> = &'d dyn Fn(&World);
        let cases: [(&str, Doing<'_>, bool); 7] = [
            ("nothing", &|_| (), false),
            (
                "seen again",
                &|world| {
                    let _ = world.see(Side::Right, "r1", "1", &same);
                },
                false,
            ),
            (
                "counted anew",
                &|world| {
                    let _ = world.see(Side::Right, "r1", "2", &same);
                },
                false,
            ),
            (
                "edited",
                &|world| {
                    let _ = world.see(Side::Right, "r1", "2", &other);
                },
                true,
            ),
            ("given what is not compared", &|world| world.see_raw("r1", "2", b"X-NOTES"), true),
            (
                "deleted and put back",
                &|world| {
                    world.lose(Side::Right, "r1");
                    world.see(Side::Right, "r1", "1", &same);
                },
                true,
            ),
            (
                "moved",
                &|world| {
                    world.see(Side::Right, "new", "1", &same);
                    world.lose(Side::Right, "r1");
                },
                true,
            ),
        ];
        for (name, doing, changed) in cases {
            let world = World::new();
            let mapping = world.agreed("1", "Zahnarzt");
            doing(&world);
            let copy = world.store.mapped_copies(world.pair).unwrap().right.remove(0);
            let place = copy.resource.as_str().to_owned();
            world.agree(crate::SubjectRow::Known(mapping), "l1", &place);
            let copy = world.store.mapped_copies(world.pair).unwrap().right.remove(0);
            assert_eq!(copy.changed, changed, "{name}");
        }
    }
}
