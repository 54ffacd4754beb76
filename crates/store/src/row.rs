//! One snapshot row: what a side holds of one series. The rule of the base lives here: a row's
//! `base` is empty as long as the row holds what both sides agreed on, and gets that content only
//! when something else takes its place.

use model::{Digest, FieldSet, MappingId, Resource, ResourceId, Series, Side, Uid, Version};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::codec::{self, damaged, micros, pack, side_number};
use crate::observe::Sighting;
use crate::{PairId, Result, sql};

/// The short part of a row.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) id: i64,
    pub(crate) side: Side,
    pub(crate) resource: ResourceId,
    pub(crate) version: Option<Version>,
    pub(crate) mapping: Option<MappingId>,
    pub(crate) present: bool,
    pub(crate) verified: bool,
    pub(crate) touched: bool,
    pub(crate) skipped: i64,
    pub(crate) uid: Option<Uid>,
    pub(crate) digest: Option<Digest>,
    pub(crate) likeness: Option<Digest>,
    pub(crate) unreadable: Option<String>,
    pub(crate) base_digest: Option<Digest>,
    pub(crate) ours: bool,
    pub(crate) renew: FieldSet,
    pub(crate) declined: bool,
    /// Whether somebody changed what no series says, since both sides agreed.
    pub(crate) beside: bool,
    /// Whether it was not handed out, rather than read and not understood.
    pub(crate) unread: bool,
}

/// A query for whole rows, in the order in which [`snapshot`] reads their columns.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, side, resource, version, mapping, present, verified, touched, skipped,
                 uid, digest, likeness, unreadable, base_digest, ours, renew, declined,
                 unread AND unreadable IS NOT NULL, beside
             FROM snapshot ",
            $rest
        )
    };
}
pub(crate) use select;

impl Snapshot {
    /// Whether it is there and can be read.
    pub(crate) fn is_readable(&self) -> bool {
        self.present && self.unreadable.is_none() && self.digest.is_some()
    }
}

pub(crate) fn snapshot(row: &Row<'_>) -> Result<Snapshot> {
    Ok(Snapshot {
        id: row.get(0)?,
        side: codec::side(row.get(1)?)?,
        resource: ResourceId::new(row.get::<_, String>(2)?),
        version: row.get::<_, Option<String>>(3)?.map(Version::new),
        mapping: row.get::<_, Option<i64>>(4)?.map(MappingId),
        present: row.get(5)?,
        verified: row.get(6)?,
        touched: row.get(7)?,
        skipped: row.get(8)?,
        uid: row.get::<_, Option<String>>(9)?.map(Uid::new),
        digest: row.get::<_, Option<[u8; 32]>>(10)?.map(Digest),
        likeness: row.get::<_, Option<[u8; 32]>>(11)?.map(Digest),
        unreadable: row.get(12)?,
        base_digest: row.get::<_, Option<[u8; 32]>>(13)?.map(Digest),
        ours: row.get(14)?,
        renew: FieldSet::from_bits(row.get(15)?),
        declined: row.get(16)?,
        unread: row.get(17)?,
        beside: row.get(18)?,
    })
}

pub(crate) fn find(
    connection: &Connection,
    pair: PairId,
    side: Side,
    resource: &ResourceId,
) -> Result<Option<Snapshot>> {
    let key = params![pair.0, side_number(side), resource.as_str()];
    let query = select!("WHERE pair = ?1 AND side = ?2 AND resource = ?3");
    sql::first(connection, query, key, snapshot)
}

pub(crate) fn of_mapping(
    connection: &Connection,
    mapping: MappingId,
    side: Side,
) -> Result<Option<Snapshot>> {
    let query = select!("WHERE mapping = ?1 AND side = ?2");
    sql::first(connection, query, params![mapping.0, side_number(side)], snapshot)
}

/// What the row holds now; `None` where it was never readable.
pub(crate) fn series(connection: &Connection, row: i64) -> Result<Option<Series>> {
    let query = "SELECT uid, modified, extent_from, extent_until, declined, opened(content)
         FROM snapshot JOIN body ON snapshot = id WHERE id = ?1 AND content IS NOT NULL";
    sql::first(connection, query, [row], |row| codec::series(row, 0))
}

/// What the row held when both sides last agreed; `None` where they never did.
pub(crate) fn base(connection: &Connection, row: &Snapshot) -> Result<Option<Series>> {
    if row.base_digest.is_none() {
        return Ok(None);
    }
    let query = "SELECT opened(base) FROM body WHERE snapshot = ?1";
    let packed = sql::first(connection, query, [row.id], |row| codec::maybe_packed(row, 0))?;
    match packed.flatten() {
        Some(base) => Ok(Some(base)),
        None => series(connection, row.id),
    }
}

/// The provider's own form.
pub(crate) fn raw(connection: &Connection, row: i64) -> Result<Vec<u8>> {
    let query = "SELECT opened(raw) FROM body WHERE snapshot = ?1";
    let mut statement = connection.prepare_cached(query)?;
    let raw: Option<Option<Vec<u8>>> = statement.query_row([row], |row| row.get(0)).optional()?;
    Ok(raw.flatten().unwrap_or_default())
}

/// A row for a resource that has none.
pub(crate) fn insert(
    connection: &Connection,
    pair: PairId,
    side: Side,
    resource: &ResourceId,
) -> Result<i64> {
    let row = sql::insert(
        connection,
        "INSERT INTO snapshot (pair, side, resource, present, verified, touched, skipped, ours)
         VALUES (?1, ?2, ?3, 1, 1, 0, 0, 0)",
        params![pair.0, side_number(side), resource.as_str()],
    )?;
    sql::run(connection, "INSERT INTO body (snapshot) VALUES (?1)", [row])?;
    Ok(row)
}

/// How a row's new content is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// What the provider holds.
    Verified,
    /// What we sent; what the provider made of it is not known.
    Sent,
}

/// Puts this content into the row, present and readable; the base keeps what it said. Touched
/// marks are the caller's.
pub(crate) fn put(
    connection: &Connection,
    row: i64,
    sighting: &Sighting<'_>,
    content: Content,
) -> Result<()> {
    keep_base(connection, row, sighting.digest)?;
    put_short(connection, row, sighting, content)?;
    let bytes = model::canonical::encode(&sighting.resource.series);
    sql::run(
        connection,
        "UPDATE body SET content = sealed(?2), raw = sealed(?3) WHERE snapshot = ?1",
        params![row, bytes, sighting.resource.raw],
    )?;
    Ok(())
}

/// The same for content that the row holds already: only the provider's form and what is no
/// content may be new.
pub(crate) fn refresh(connection: &Connection, row: i64, sighting: &Sighting<'_>) -> Result<()> {
    put_short(connection, row, sighting, Content::Verified)?;
    sql::run(
        connection,
        "UPDATE body SET raw = sealed(?2) WHERE snapshot = ?1 AND opened(raw) IS NOT ?2",
        params![row, sighting.resource.raw],
    )?;
    Ok(())
}

/// Before other content takes its place: what was agreed on is kept.
fn keep_base(connection: &Connection, row: i64, digest: Digest) -> Result<()> {
    let agreed = sql::first(
        connection,
        "SELECT 1 FROM snapshot JOIN body ON snapshot = id
         WHERE id = ?1 AND base_digest IS NOT NULL AND base IS NULL AND digest IS NOT ?2",
        params![row, digest.0],
        |_| Ok(()),
    )?;
    if agreed.is_some() {
        let held = series(connection, row)?.ok_or_else(damaged)?;
        let query = "UPDATE body SET base = sealed(?2) WHERE snapshot = ?1";
        sql::run(connection, query, params![row, pack(&held)])?;
    }
    Ok(())
}

fn put_short(
    connection: &Connection,
    row: i64,
    sighting: &Sighting<'_>,
    content: Content,
) -> Result<()> {
    let Resource { id, version, series, .. } = sighting.resource;
    sql::run(
        connection,
        "UPDATE snapshot SET resource = ?2, version = ?3, uid = ?4, digest = ?5, likeness = ?6,
             modified = ?7, extent_from = ?8, extent_until = ?9, verified = ?10, declined = ?11,
             present = 1, unreadable = NULL, unreadable_since = NULL
         WHERE id = ?1",
        params![
            row,
            id.as_str(),
            version.as_ref().map(Version::as_str),
            series.uid.as_str(),
            sighting.digest.0,
            sighting.likeness.0,
            micros(series.modified),
            series.extent.from.as_microsecond(),
            micros(series.extent.until),
            content == Content::Verified,
            series.declined,
        ],
    )?;
    Ok(())
}

/// What the row holds now is what both sides agree on.
pub(crate) fn rebase(connection: &Connection, row: i64) -> Result<()> {
    let query = "UPDATE snapshot SET base_digest = digest, beside = 0 WHERE id = ?1";
    sql::run(connection, query, [row])?;
    let query = "UPDATE body SET base = NULL WHERE snapshot = ?1 AND base IS NOT NULL";
    sql::run(connection, query, [row])?;
    Ok(())
}

/// Both sides agreed when this row held `base`, whatever it holds now.
pub(crate) fn set_base(connection: &Connection, row: i64, base: &Series) -> Result<()> {
    let query = "UPDATE snapshot SET base_digest = ?2, beside = 0 WHERE id = ?1";
    sql::run(connection, query, params![row, codec::digest(base).0])?;
    // Empty where it is what the row holds.
    let query = "UPDATE body SET base = iif((SELECT digest IS base_digest FROM snapshot
         WHERE id = ?1), NULL, sealed(?2)) WHERE snapshot = ?1";
    sql::run(connection, query, params![row, pack(base)])?;
    Ok(())
}

/// Somebody else than calpair has changed what the row holds.
pub(crate) fn mark_edited(connection: &Connection, row: i64) -> Result<()> {
    sql::run(connection, "UPDATE snapshot SET edited = 1 WHERE id = ?1 AND edited = 0", [row])?;
    Ok(())
}

/// Somebody has changed what the provider's form of the row says and no series does.
pub(crate) fn mark_beside(connection: &Connection, row: i64) -> Result<()> {
    sql::run(connection, "UPDATE snapshot SET beside = 1 WHERE id = ?1", [row])?;
    Ok(())
}

/// In these fields the row's copy is to be made anew, and in no others.
pub(crate) fn renew(connection: &Connection, row: i64, fields: FieldSet) -> Result<()> {
    let query = "UPDATE snapshot SET renew = ?2 WHERE id = ?1";
    sql::run(connection, query, params![row, fields.bits()])?;
    Ok(())
}

/// The plan has to look at this row.
pub(crate) fn touch(connection: &Connection, row: i64) -> Result<()> {
    let query = "UPDATE snapshot SET touched = 1, skipped = 0 WHERE id = ?1";
    sql::run(connection, query, [row])?;
    Ok(())
}

/// The plan has looked at this row.
pub(crate) fn settle(connection: &Connection, row: i64, skipped: i64) -> Result<()> {
    let query = "UPDATE snapshot SET touched = 0, skipped = ?2 WHERE id = ?1";
    sql::run(connection, query, params![row, skipped])?;
    Ok(())
}

/// Removes a row that is not mapped. Others with its UID may be synced now that it is gone.
pub(crate) fn remove(connection: &Connection, pair: PairId, row: &Snapshot) -> Result<()> {
    sql::run(connection, "DELETE FROM snapshot WHERE id = ?1", [row.id])?;
    if let Some(uid) = &row.uid {
        touch_namesakes(connection, pair, uid)?;
    }
    Ok(())
}

/// Touches every resource of this UID that is not mapped.
pub(crate) fn touch_namesakes(connection: &Connection, pair: PairId, uid: &Uid) -> Result<()> {
    sql::run(
        connection,
        "UPDATE snapshot INDEXED BY snapshot_uid SET touched = 1, skipped = 0
         WHERE pair = ?1 AND uid = ?2
         AND mapping IS NULL AND present = 1 AND unreadable IS NULL AND touched = 0",
        params![pair.0, uid.as_str()],
    )?;
    Ok(())
}
