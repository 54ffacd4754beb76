//! The plan's input, in batches: the touched rows and everything that has to be looked at with
//! them.
//!
//! Rows are walked in the order in which they were first seen. A mapped series is handed out at
//! its first touched row. A row that is not mapped is handed out with its contact: everything on
//! both sides of the same UID; and, for those whose UID the other side does not have, everything
//! of the same likeness whose UID the other side does not have either. Contacts so made never
//! overlap, whichever row one begins with, and are handed out at their first touched row.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use model::{FieldSet, MappingId, ResourceId, Series, Side, Sides, Timestamp, Uid};
use rusqlite::{Connection, params};

use crate::codec::{damaged, maybe_packed, side as side_of, side_number};
use crate::journal::{self, ActionKind};
use crate::row::{self, Snapshot, select};
use crate::{PairId, Result, Store, SubjectRow, sql};

/// How far a walk through the touched rows has come; the default is the beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position(i64);

/// A part of what was touched.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Mapped series.
    pub known: Vec<KnownRow>,
    /// Series that are not.
    pub contacts: Vec<ContactRow>,
    /// Where to go on; `None` at the end. A walk ends even when nothing handed out is settled.
    pub next: Option<Position>,
}

/// A mapped series.
#[derive(Clone, Debug)]
pub struct KnownRow {
    /// Its mapping.
    pub mapping: MappingId,
    /// Its UID.
    pub uid: Uid,
    /// What each side held when both last agreed.
    pub base: Sides<Series>,
    /// Changes that were written to a side and are covered by no agreement yet, oldest first.
    pub pending: Sides<Vec<PendingRow>>,
    /// Whether calpair created the side's resource.
    pub made: Sides<bool>,
    /// The fields in which the side's copy is to be made anew, because rules have changed.
    pub renew: Sides<FieldSet>,
    /// Whether somebody changed, since both sides agreed, what a side says and no series does.
    pub beside: Sides<bool>,
    /// What each side holds now.
    pub now: Sides<NowRow>,
}

/// A write that was begun, and whose step was not finished.
#[derive(Clone, Debug)]
pub struct PendingRow {
    /// What the side held before it.
    pub before: Series,
    /// What it made of it, as the provider shows it where that is known.
    pub target: Series,
}

/// What a side holds of a mapped series.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "most are present; a box for each would cost more")]
pub enum NowRow {
    /// Nothing.
    Absent,
    /// This.
    Present {
        /// Which resource.
        id: ResourceId,
        /// What it means.
        series: Series,
    },
    /// Something that can't be read.
    Unreadable {
        /// Why, as a sentence.
        reason: String,
    },
}

/// Resources that are not mapped, and that may be one series. Ordered by id.
#[derive(Clone, Debug, Default)]
pub struct ContactRow {
    /// Those of each side.
    pub held: Sides<Vec<(ResourceId, Series)>>,
    /// UIDs among them that a mapped resource of the side has already.
    pub taken: Sides<BTreeSet<Uid>>,
    /// Writes of ours to them that no agreement covers yet, oldest first.
    pub pending: Sides<BTreeMap<ResourceId, Vec<PendingRow>>>,
}

impl Store {
    /// What was touched, from after `after`, made from at most `limit` touched rows.
    ///
    /// # Errors
    /// When the database can't be read.
    pub fn touched(&self, pair: PairId, after: Position, limit: usize) -> Result<Batch> {
        self.read(|connection| {
            let query = select!(
                "INDEXED BY snapshot_touched
                 WHERE pair = ?1 AND touched = 1 AND id > ?2 ORDER BY id LIMIT ?3"
            );
            let limit_number = i64::try_from(limit).unwrap_or(i64::MAX);
            let key = params![pair.0, after.0, limit_number];
            let rows = sql::all(connection, query, key, row::snapshot)?;
            let last = rows.last().map(|row| Position(row.id));
            let mut batch =
                Batch { next: last.filter(|_| rows.len() == limit), ..Batch::default() };
            let mut handed_out = HashSet::new();
            let blocked = Blocked::read(connection, pair)?;
            let unagreed = unagreed(connection, pair)?;
            for row in rows {
                if blocked.has(&row) {
                    continue;
                }
                if let Some(mapping) = row.mapping {
                    batch.known.extend(known_once(connection, mapping, &row)?);
                } else if row.is_readable() && !handed_out.contains(&row.id) {
                    let members = members(connection, pair, row)?;
                    handed_out.extend(members.values().map(|row| row.id));
                    let first = members.keys().min().copied();
                    let free = members.values().all(|row| !blocked.has(row));
                    if free && first.is_some_and(|first| first > after.0) {
                        let members = members.into_values();
                        batch.contacts.push(contact(connection, pair, members, &unagreed)?);
                    }
                }
            }
            Ok(batch)
        })
    }

    /// These mapped series, touched or not.
    ///
    /// # Errors
    /// When the database can't be read.
    pub fn known(&self, mappings: &[MappingId]) -> Result<Vec<KnownRow>> {
        self.read(|connection| {
            let row = |mapping, side| row::of_mapping(connection, mapping, side);
            let series = mappings.iter().map(|&mapping| {
                let left = row(mapping, Side::Left)?.ok_or_else(damaged)?;
                let right = row(mapping, Side::Right)?.ok_or_else(damaged)?;
                known(connection, mapping, &left, &right)
            });
            series.collect()
        })
    }

    /// Touches what was skipped because it lay outside the window, and lies in it now: what ends
    /// at `from` or later, or never, and begins before `until`.
    ///
    /// # Errors
    /// When nothing could be written.
    pub fn touch_entering(&self, pair: PairId, from: Timestamp, until: Timestamp) -> Result<u64> {
        let key = params![pair.0, from.as_microsecond(), until.as_microsecond()];
        let entering = |end: &str| {
            format!(
                "SELECT id FROM snapshot INDEXED BY snapshot_window WHERE pair = ?1
                 AND skipped = 1 AND extent_until {end} AND extent_from < ?3 AND touched = 0"
            )
        };
        let entering = format!("{} UNION ALL {}", entering(">= ?2"), entering("IS NULL"));
        let counted = format!("SELECT count(*) FROM ({entering})");
        if self.read(|connection| sql::number(connection, &counted, key))? == 0 {
            return Ok(0);
        }
        self.write("touch_entering", |transaction| {
            let query = format!("UPDATE snapshot SET touched = 1 WHERE id IN ({entering})");
            Ok(sql::run(transaction, &query, key)? as u64)
        })
    }
}

/// Series with a write of unknown outcome, and those that are not handed out: nothing is planned
/// for them before that is settled.
#[derive(Default)]
struct Blocked {
    mappings: HashSet<MappingId>,
    resources: HashSet<(Side, ResourceId)>,
    /// What a creation was to make: a resource of this UID may be the one that it made.
    created: HashSet<(Side, Uid)>,
    /// What was read before and is not handed out now: whatever has its UID may be the same.
    unread: HashSet<Uid>,
}

impl Blocked {
    fn read(connection: &Connection, pair: PairId) -> Result<Self> {
        let mut blocked = Self { unread: unread(connection, pair)?, ..Self::default() };
        for intent in journal::open(connection, pair)? {
            match intent.subject {
                SubjectRow::Known(mapping) => {
                    blocked.mappings.insert(mapping);
                }
                SubjectRow::New(resources) => {
                    let named = resources.iter().filter_map(|(side, id)| Some((side, id.clone()?)));
                    blocked.resources.extend(named);
                }
            }
            if intent.action == ActionKind::Create {
                blocked.created.extend(intent.target.map(|target| (intent.side, target.uid)));
            }
        }
        Ok(blocked)
    }

    fn has(&self, row: &Snapshot) -> bool {
        match row.mapping {
            Some(mapping) => self.mappings.contains(&mapping),
            None if row.uid.as_ref().is_some_and(|uid| self.unread.contains(uid)) => true,
            None => {
                let uid = row.uid.as_ref().map(|uid| (row.side, uid.clone()));
                self.resources.contains(&(row.side, row.resource.clone()))
                    || uid.is_some_and(|uid| self.created.contains(&uid))
            }
        }
    }
}

/// The UIDs of what is in no mapping and is not handed out.
fn unread(connection: &Connection, pair: PairId) -> Result<HashSet<Uid>> {
    let query = "SELECT uid FROM snapshot INDEXED BY snapshot_unreadable
         WHERE pair = ?1 AND unreadable IS NOT NULL AND unread = 1
         AND mapping IS NULL AND uid IS NOT NULL";
    let uids = sql::all(connection, query, [pair.0], |row| Ok(row.get::<_, String>(0)?))?;
    Ok(uids.into_iter().map(Uid::new).collect())
}

/// The mapped series, if this is its first touched row.
fn known_once(
    connection: &Connection,
    mapping: MappingId,
    row: &Snapshot,
) -> Result<Option<KnownRow>> {
    let other = row::of_mapping(connection, mapping, row.side.opposite())?.ok_or_else(damaged)?;
    if other.touched && other.id < row.id {
        return Ok(None);
    }
    known(connection, mapping, row, &other).map(Some)
}

fn known(
    connection: &Connection,
    mapping: MappingId,
    row: &Snapshot,
    other: &Snapshot,
) -> Result<KnownRow> {
    let rows = match row.side {
        Side::Left => Sides::new(row, other),
        Side::Right => Sides::new(other, row),
    };
    let uid = |row: &rusqlite::Row<'_>| Ok(row.get::<_, String>(0)?);
    let query = "SELECT uid FROM mapping WHERE id = ?1";
    let uid = sql::first(connection, query, [mapping.0], uid)?.ok_or_else(damaged)?;
    let base = |side: Side| row::base(connection, rows[side])?.ok_or_else(damaged);
    let now = |side: Side| now(connection, rows[side]);
    let pending = |side| pending(connection, mapping, side);
    Ok(KnownRow {
        mapping,
        uid: Uid::new(uid),
        base: Sides::new(base(Side::Left)?, base(Side::Right)?),
        pending: Sides::new(pending(Side::Left)?, pending(Side::Right)?),
        made: rows.map(|row| row.ours),
        renew: rows.map(|row| row.renew),
        beside: rows.map(|row| row.beside),
        now: Sides::new(now(Side::Left)?, now(Side::Right)?),
    })
}

pub(crate) fn now(connection: &Connection, row: &Snapshot) -> Result<NowRow> {
    Ok(match &row.unreadable {
        _ if !row.present => NowRow::Absent,
        Some(reason) => NowRow::Unreadable { reason: reason.clone() },
        None => NowRow::Present {
            id: row.resource.clone(),
            series: row::series(connection, row.id)?.ok_or_else(damaged)?,
        },
    })
}

fn pending(connection: &Connection, mapping: MappingId, side: Side) -> Result<Vec<PendingRow>> {
    let query = "SELECT opened(before), opened(target) FROM intent WHERE mapping = ?1 AND side = ?2
         AND before IS NOT NULL AND target IS NOT NULL ORDER BY id";
    sql::all(connection, query, params![mapping.0, side_number(side)], |row| {
        let before = maybe_packed(row, 0)?.ok_or_else(damaged)?;
        Ok(PendingRow { before, target: maybe_packed(row, 1)?.ok_or_else(damaged)? })
    })
}

/// Writes of ours to each resource that is in no mapping, oldest first.
fn unagreed(
    connection: &Connection,
    pair: PairId,
) -> Result<BTreeMap<(Side, ResourceId), Vec<PendingRow>>> {
    let query = "SELECT side, result, opened(before), opened(target) FROM intent
         WHERE pair = ?1 AND mapping IS NULL AND applied = 1 AND result IS NOT NULL
         AND before IS NOT NULL AND target IS NOT NULL ORDER BY id";
    let writes = sql::all(connection, query, [pair.0], |row| {
        let resource = ResourceId::new(row.get::<_, String>(1)?);
        let before = maybe_packed(row, 2)?.ok_or_else(damaged)?;
        let target = maybe_packed(row, 3)?.ok_or_else(damaged)?;
        Ok(((side_of(row.get(0)?)?, resource), PendingRow { before, target }))
    })?;
    let mut unagreed = BTreeMap::<_, Vec<PendingRow>>::new();
    for (place, write) in writes {
        unagreed.entry(place).or_default().push(write);
    }
    Ok(unagreed)
}

/// Everything that belongs to one contact, by row; touched rows are keyed by their id, others
/// stand behind all of them, so that the least key is the first touched row.
fn members(
    connection: &Connection,
    pair: PairId,
    start: Snapshot,
) -> Result<BTreeMap<i64, Snapshot>> {
    let mut members = BTreeMap::new();
    let mut likenesses = HashSet::new();
    let mut uids = HashSet::new();
    let mut waiting = vec![start];
    while let Some(row) = waiting.pop() {
        let Some(uid) = row.uid.clone() else { continue };
        if !uids.insert(uid.clone()) {
            continue;
        }
        let namesakes = namesakes(connection, pair, &uid)?;
        let one_sided = namesakes.iter().all(|other| other.side == row.side);
        if one_sided {
            for likeness in namesakes.iter().filter_map(|row| row.likeness) {
                if likenesses.insert(likeness) {
                    waiting.extend(alike(connection, pair, likeness)?);
                }
            }
        } else if !members.is_empty() {
            // Reached by likeness only, but the other side has its UID: another contact.
            continue;
        }
        members.extend(namesakes.into_iter().map(|row| (order(&row), row)));
    }
    Ok(members)
}

fn order(row: &Snapshot) -> i64 {
    if row.touched { row.id } else { i64::MAX - row.id }
}

fn namesakes(connection: &Connection, pair: PairId, uid: &Uid) -> Result<Vec<Snapshot>> {
    let query = select!(
        "INDEXED BY snapshot_uid
         WHERE pair = ?1 AND uid = ?2 AND mapping IS NULL AND present = 1
         AND unreadable IS NULL AND digest IS NOT NULL"
    );
    sql::all(connection, query, params![pair.0, uid.as_str()], row::snapshot)
}

fn alike(connection: &Connection, pair: PairId, likeness: model::Digest) -> Result<Vec<Snapshot>> {
    let query = select!(
        "INDEXED BY snapshot_likeness
         WHERE pair = ?1 AND likeness = ?2 AND mapping IS NULL AND present = 1
         AND unreadable IS NULL AND digest IS NOT NULL"
    );
    sql::all(connection, query, params![pair.0, likeness.0], row::snapshot)
}

/// Whether a mapped resource of the side has this UID.
fn is_taken(connection: &Connection, pair: PairId, side: Side, uid: &Uid) -> Result<bool> {
    let query = "SELECT 1 FROM snapshot INDEXED BY snapshot_uid
         WHERE pair = ?1 AND uid = ?2 AND side = ?3 AND mapping IS NOT NULL AND present = 1";
    let key = params![pair.0, uid.as_str(), side_number(side)];
    Ok(sql::first(connection, query, key, |_| Ok(()))?.is_some())
}

fn contact(
    connection: &Connection,
    pair: PairId,
    members: impl Iterator<Item = Snapshot>,
    unagreed: &BTreeMap<(Side, ResourceId), Vec<PendingRow>>,
) -> Result<ContactRow> {
    let mut contact = ContactRow::default();
    for row in members {
        let series = row::series(connection, row.id)?.ok_or_else(damaged)?;
        for side in Side::BOTH {
            if is_taken(connection, pair, side, &series.uid)? {
                contact.taken[side].insert(series.uid.clone());
            }
        }
        let key = (row.side, row.resource);
        if let Some(pending) = unagreed.get(&key) {
            contact.pending[key.0].insert(key.1.clone(), pending.clone());
        }
        contact.held[key.0].push((key.1, series));
    }
    for side in Side::BOTH {
        contact.held[side].sort_by(|one, other| one.0.cmp(&other.0));
    }
    Ok(contact)
}

#[cfg(test)]
mod tests {
    use model::Extent;

    use super::*;
    use crate::testing::{World, at, event};
    use crate::{SubjectRow, Totals};

    const LEFT: Side = Side::Left;
    const RIGHT: Side = Side::Right;

    /// The contacts as `left,left|right,right`.
    fn contacts(batch: &Batch) -> Vec<String> {
        let ids = |held: &Vec<(ResourceId, Series)>| {
            held.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>().join(",")
        };
        let shown = |contact: &ContactRow| {
            format!("{}|{}", ids(&contact.held.left), ids(&contact.held.right))
        };
        batch.contacts.iter().map(shown).collect()
    }

    /// One contact for each of `rows`, each `side id uid title`, seen in this order.
    fn met(rows: &[&str]) -> (World, Vec<String>) {
        let world = World::new();
        for row in rows {
            let words: Vec<_> = row.split(' ').collect();
            let side = if words[0] == "left" { LEFT } else { RIGHT };
            world.see(side, words[1], "1", &event(words[2], words[3], 9));
        }
        let met = contacts(&world.touched());
        (world, met)
    }

    #[test]
    fn contacts_are_made_by_uid_then_by_likeness_and_never_overlap() {
        for (what, rows, expected) in [
            ("one side only", &["left a 1 T"][..], &["a|"][..]),
            ("same UID", &["left a 1 T", "right b 1 U"], &["a|b"]),
            ("same likeness", &["left a 1 T", "right b 2 T"], &["a|b"]),
            ("nothing shared", &["left a 1 T", "right b 2 U"], &["a|", "|b"]),
            ("same UID twice on one side", &["left b 1 T", "left a 1 U"], &["a,b|"]),
            ("same likeness twice", &["left a 1 T", "left b 2 T", "right c 3 T"], &["a,b|c"]),
            (
                "a UID that the other side has is not taken by likeness",
                &["left a 1 T", "right b 2 T", "left c 2 U"],
                &["a|", "c|b"],
            ),
            (
                "the same, whichever comes first",
                &["left c 2 U", "right b 2 T", "left a 1 T"],
                &["c|b", "a|"],
            ),
            (
                "likeness reaches on through a UID of one side",
                &["left a 1 T", "left b 1 U", "right c 2 U", "right d 3 T"],
                &["a,b|c,d"],
            ),
        ] {
            let (_, met) = met(rows);
            assert_eq!(met, expected, "{what}");
        }
    }

    #[test]
    fn a_contact_takes_in_what_is_not_touched() {
        let (world, _) = met(&["left a 1 T"]);
        let only = SubjectRow::New(Sides::new(Some("a".into()), None));
        world.store.skip(world.pair, &only, false).unwrap();
        assert!(world.touched().contacts.is_empty());
        world.see(RIGHT, "b", "1", &event("1", "U", 9));
        assert_eq!(contacts(&world.touched()), ["a|b"]);
    }

    #[test]
    fn a_mapped_resource_is_in_no_contact() {
        let world = World::new();
        world.agreed("1", "T");
        world.see(LEFT, "a", "1", &event("1", "T", 9));
        let batch = world.touched();
        assert_eq!(contacts(&batch), ["a|"]);
        let taken = &batch.contacts[0].taken;
        assert!(taken.left.contains(&"1".into()) && taken.right.contains(&"1".into()));
    }

    #[test]
    fn a_walk_ends_hands_everything_out_once_and_can_be_cut_anywhere() {
        let rows = ["left a 1 T", "right x 9 Z", "right b 1 U", "left c 3 V", "right d 4 V"];
        for limit in 1..7 {
            let (world, _) = met(&rows);
            world.agreed("5", "W");
            world.see(LEFT, "l5", "2", &event("5", "WW", 9));
            world.see(RIGHT, "r5", "2", &event("5", "WWW", 9));
            let (mut after, mut all, mut known) = (Position::default(), Vec::new(), 0);
            for _ in 0..10 {
                let batch = world.store.touched(world.pair, after, limit).unwrap();
                all.extend(contacts(&batch));
                known += batch.known.len();
                match batch.next {
                    Some(next) => after = next,
                    None => break,
                }
            }
            assert_eq!((all, known), (vec!["a|b".into(), "|x".into(), "c|d".into()], 1));
        }
    }

    #[test]
    fn what_enters_the_window_is_touched_once() {
        let world = World::new();
        let entering =
            |from, until| world.store.touch_entering(world.pair, at(from), at(until)).unwrap();
        for ends in [Some(at(600)), None] {
            let mut series = event("1", "T", 9);
            series.extent = Extent { from: at(500), until: ends };
            world.see(LEFT, "a", "1", &series);
            let only = SubjectRow::New(Sides::new(Some("a".into()), None));
            world.store.skip(world.pair, &only, true).unwrap();
            assert_eq!(entering(400, 500), 0, "it is yet to come");
            assert_eq!(entering(601, 700), u64::from(ends.is_none()), "it is over, or never is");
            world.store.skip(world.pair, &only, true).unwrap();
            assert_eq!(entering(600, 700), 1);
            assert_eq!(entering(600, 702), 0, "it is touched");
            assert_eq!(contacts(&world.touched()), ["a|"]);
            world.store.skip(world.pair, &only, false).unwrap();
            assert_eq!(entering(400, 501), 0, "another reason");
        }
    }

    #[test]
    fn what_one_side_lost_is_handed_out_with_what_the_other_holds() {
        let world = World::new();
        for uid in ["1", "2", "3", "4", "5"] {
            world.agreed(uid, "T");
        }
        world.lose(LEFT, "l1");
        world.lose(RIGHT, "r2");
        world.lose(LEFT, "l3");
        world.see(RIGHT, "r3", "2", &event("3", "edited", 9));
        world.lose(LEFT, "l4");
        world.lose(RIGHT, "r4");
        let vanished = world.store.vanished(world.pair).unwrap();
        let sides: Vec<_> = vanished.iter().map(|(_, side)| *side).collect();
        assert_eq!(sides, [RIGHT, LEFT, RIGHT]);
        let mappings: Vec<_> = vanished.iter().map(|(mapping, _)| *mapping).collect();
        let known = world.store.known(&mappings).unwrap();
        let uids: Vec<_> = known.iter().map(|known| known.uid.as_str()).collect();
        assert_eq!(uids, ["1", "2", "3"]);
        assert!(matches!(known[2].now.left, NowRow::Absent));

        let due = &vanished[..2];
        let totals = |deletions| Totals { series: Sides::new(5, 5), deletions };
        let sums = || world.store.totals(world.pair, due).unwrap();
        assert_eq!(sums(), totals(Sides::new(1, 1)));
        world.store.approve(world.pair, &due[..1], at(1)).unwrap();
        assert_eq!(sums(), totals(Sides::new(1, 1)), "half of it is another plan");
        world.store.approve(world.pair, due, at(1)).unwrap();
        assert_eq!(sums(), totals(Sides::new(0, 0)));
        world.store.clear_approvals(world.pair).unwrap();
        assert_eq!(sums(), totals(Sides::new(1, 1)));
    }
}
