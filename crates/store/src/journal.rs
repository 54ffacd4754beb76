//! The journal: a write is begun, durably, before the provider is asked, and stands as made when
//! it has answered; what then is in the row is what the provider holds. A write that was begun and
//! never answered is found by [`Store::open_intents`] after a crash.

mod begun;

use model::{
    CreateKey, Digest, MappingId, Resource, ResourceId, Series, Side, Sides, Timestamp, Uid,
};
use rusqlite::{Connection, Row, params};

use self::begun::Begun;
use crate::codec::{self, damaged, maybe_packed, pack, side_number};
use crate::history;
use crate::row;
use crate::{PairId, Result, Store, sql};

/// A write that was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IntentId(pub i64);

/// Which series something is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubjectRow {
    /// A mapped one.
    Known(MappingId),
    /// New ones: the resource of each side that is, or is to be, one series.
    New(Sides<Option<ResourceId>>),
}

/// What a write does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActionKind {
    /// It makes a resource.
    Create,
    /// It changes one.
    Update,
    /// It takes one away.
    Delete,
}

impl ActionKind {
    /// As in history and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            ActionKind::Create => "create",
            ActionKind::Update => "update",
            ActionKind::Delete => "delete",
        }
    }

    fn read(text: &str) -> Result<Self> {
        [ActionKind::Create, ActionKind::Update, ActionKind::Delete]
            .into_iter()
            .find(|action| action.as_str() == text)
            .ok_or_else(damaged)
    }
}

/// A write about to be made.
#[derive(Clone, Debug)]
pub struct NewIntent<'a> {
    /// The series.
    pub subject: SubjectRow,
    /// Where it is written.
    pub side: Side,
    /// What is done.
    pub action: ActionKind,
    /// Of a creation: its key.
    pub key: Option<&'a CreateKey>,
    /// Of a change or deletion: which resource.
    pub resource: Option<&'a ResourceId>,
    /// What the side holds; of a creation: what the *other* side held when it was decided, which
    /// becomes that side's base once the creation is answered.
    pub before: Option<&'a Series>,
    /// What it is to hold.
    pub target: Option<&'a Series>,
    /// The run.
    pub run: i64,
    /// Why, in words without private content.
    pub reason: &'a str,
    /// Whether history keeps what is removed or replaced in the provider's own form, too.
    pub keeps_former: bool,
}

/// A write that was begun and not answered.
#[derive(Clone, Debug)]
pub struct IntentRow {
    /// Which.
    pub id: IntentId,
    /// The series.
    pub subject: SubjectRow,
    /// Where it was written.
    pub side: Side,
    /// What was done.
    pub action: ActionKind,
    /// Of a creation: its key.
    pub key: Option<CreateKey>,
    /// Of a change or deletion: which resource.
    pub resource: Option<ResourceId>,
    /// What the side held.
    pub before: Option<Series>,
    /// What it was to hold.
    pub target: Option<Series>,
    /// Of a creation: whether it was decided under rules that hold no more.
    pub overtaken: bool,
}

/// What a write came to.
#[derive(Clone, Copy, Debug)]
pub enum Wrote<'a> {
    /// The provider holds this now.
    Stored {
        /// The resource. Where the provider did not say what it made of it: what we sent.
        resource: &'a Resource,
        /// Of its series.
        digest: Digest,
        /// Of its series.
        likeness: Digest,
        /// Whether the content is the provider's word, not only what we sent.
        verified: bool,
        /// Of a creation that was answered late: what of the content is ours. The rest is what
        /// somebody did to it since.
        base: Option<&'a Series>,
    },
    /// The provider holds it no more.
    Deleted,
}

impl Store {
    /// Begins writes; the providers may be asked once this has returned. Survives a loss of power.
    ///
    /// # Errors
    /// When nothing could be written: then nothing may be sent.
    pub fn begin(
        &self,
        pair: PairId,
        intents: &[NewIntent<'_>],
        now: Timestamp,
    ) -> Result<Vec<IntentId>> {
        self.write_durably("begin", |transaction| {
            intents.iter().map(|intent| insert(transaction, pair, intent, now)).collect()
        })
    }

    /// The provider has answered: the row holds what the provider holds now, history has the
    /// change, and the intent waits for an agreement to cover it. A second call does nothing.
    ///
    /// # Errors
    /// When nothing could be written; the intent is then still open.
    pub fn wrote(&self, intent: IntentId, outcome: Wrote<'_>, now: Timestamp) -> Result<()> {
        self.write("wrote", |transaction| {
            let begun = Begun::find(transaction, intent)?;
            // No such intent: the pair was removed meanwhile, or this was recorded before.
            begun.map_or(Ok(()), |begun| begun.finish(transaction, outcome, now))
        })
    }

    /// The provider holds a copy no more, because its pair is being ended: history has it, and the
    /// series is forgotten, both at once. What is missing now must never be taken for somebody's
    /// deletion. A second call does nothing.
    ///
    /// # Errors
    /// When nothing could be written; the intent is then still open.
    pub fn removed(&self, intent: IntentId, now: Timestamp) -> Result<()> {
        self.write("removed", |transaction| {
            let Some(begun) = Begun::find(transaction, intent)? else { return Ok(()) };
            let subject = begun.intent.subject.clone();
            begun.finish(transaction, Wrote::Deleted, now)?;
            if let SubjectRow::Known(mapping) = subject {
                let query = "DELETE FROM snapshot WHERE mapping = ?1";
                sql::run(transaction, query, [mapping.0])?;
                sql::run(transaction, "DELETE FROM mapping WHERE id = ?1", [mapping.0])?;
            }
            Ok(())
        })
    }

    /// Nothing was written: the intent goes, and the plan looks at the series again.
    ///
    /// # Errors
    /// When nothing could be written.
    pub fn abandon(&self, intent: IntentId) -> Result<()> {
        self.write("abandon", |transaction| {
            let Some(begun) = Begun::find(transaction, intent)? else { return Ok(()) };
            sql::run(transaction, "DELETE FROM intent WHERE id = ?1", [intent.0])?;
            begun.touch(transaction)
        })
    }

    /// Something else than what was written was found, so the write may have been made and changed
    /// since: the intent is no longer open, the plan discounts what it changed, and history has it,
    /// so that what it replaced is not lost.
    ///
    /// # Errors
    /// When nothing could be written.
    pub fn mark_pending(&self, intent: IntentId, now: Timestamp) -> Result<()> {
        self.write("mark_pending", |transaction| {
            let Some(begun) = Begun::find(transaction, intent)? else { return Ok(()) };
            let query = "UPDATE intent SET applied = 1, result = resource WHERE id = ?1";
            sql::run(transaction, query, [intent.0])?;
            let (before, after) = (begun.intent.before.as_ref(), begun.intent.target.as_ref());
            let former = begun.former(transaction, None)?;
            history::insert(transaction, &begun.entry(before, after, former.as_deref()), now)
        })
    }

    /// The writes of a pair that were begun and neither answered nor abandoned, oldest first.
    ///
    /// # Errors
    /// When the database can't be read.
    pub fn open_intents(&self, pair: PairId) -> Result<Vec<IntentRow>> {
        self.read(|connection| open(connection, pair))
    }

    /// No creation that was begun is wanted as it was decided: it is marked until it is settled.
    ///
    /// # Errors
    /// When nothing could be written.
    pub fn overtake_creations(&self, pair: PairId) -> Result<()> {
        let query = "UPDATE intent SET overtaken = 1 WHERE pair = ?1 AND action = ?2";
        self.change("overtake_creations", query, params![pair.0, ActionKind::Create.as_str()])
    }

    /// A resource as it is known, with the provider's form, to write against.
    ///
    /// # Errors
    /// When the database can't be read.
    pub fn resource(&self, pair: PairId, side: Side, id: &ResourceId) -> Result<Option<Resource>> {
        self.read(|connection| held(connection, row::find(connection, pair, side, id)?))
    }

    /// The resource of a mapping on a side, as [`Store::resource`] gives it.
    ///
    /// # Errors
    /// When the database can't be read.
    pub fn resource_of(&self, mapping: MappingId, side: Side) -> Result<Option<Resource>> {
        self.read(|connection| held(connection, row::of_mapping(connection, mapping, side)?))
    }
}

impl Store {
    /// Which series a resource is, and whether the other side holds that no more.
    ///
    /// # Errors
    /// When the database can't be read.
    pub fn subject(&self, pair: PairId, side: Side, id: &ResourceId) -> Result<(SubjectRow, bool)> {
        self.read(|connection| {
            let row = row::find(connection, pair, side, id)?;
            let Some(mapping) = row.and_then(|row| row.mapping) else {
                let mut new = Sides::default();
                new[side] = Some(id.clone());
                return Ok((SubjectRow::New(new), false));
            };
            let other = row::of_mapping(connection, mapping, side.opposite())?;
            Ok((SubjectRow::Known(mapping), other.is_none_or(|other| !other.present)))
        })
    }

    /// A resource of this UID that a side holds and that is not mapped; the first by id.
    ///
    /// # Errors
    /// When the database can't be read.
    pub fn unmapped(&self, pair: PairId, side: Side, uid: &Uid) -> Result<Option<Resource>> {
        let id = self.read(|connection| {
            let query = row::select!(
                "INDEXED BY snapshot_uid WHERE pair = ?1 AND uid = ?2 AND side = ?3
                 AND mapping IS NULL AND present = 1 ORDER BY resource"
            );
            let key = params![pair.0, uid.as_str(), side_number(side)];
            let row = sql::first(connection, query, key, row::snapshot)?;
            Ok(row.map(|row| row.resource))
        })?;
        id.map_or(Ok(None), |id| self.resource(pair, side, &id))
    }
}

fn held(connection: &Connection, row: Option<row::Snapshot>) -> Result<Option<Resource>> {
    let Some(known) = row.filter(|row| row.present) else { return Ok(None) };
    let Some(series) = row::series(connection, known.id)? else { return Ok(None) };
    let raw = row::raw(connection, known.id)?;
    Ok(Some(Resource { id: known.resource, version: known.version, raw, series }))
}

/// The writes that were begun and neither answered nor abandoned, oldest first.
pub(crate) fn open(connection: &Connection, pair: PairId) -> Result<Vec<IntentRow>> {
    let query = "SELECT id, mapping, \"left\", \"right\", side, action, key, resource,
         opened(before), opened(target), overtaken FROM intent
         WHERE pair = ?1 AND applied = 0 ORDER BY id";
    sql::all(connection, query, [pair.0], intent_row)
}

fn insert(
    connection: &Connection,
    pair: PairId,
    intent: &NewIntent<'_>,
    now: Timestamp,
) -> Result<IntentId> {
    let (mapping, new) = match &intent.subject {
        SubjectRow::Known(mapping) => (Some(mapping.0), Sides::default()),
        SubjectRow::New(new) => (None, new.as_ref().map(|id| id.as_ref().map(ResourceId::as_str))),
    };
    let id = sql::insert(
        connection,
        "INSERT INTO intent (pair, mapping, \"left\", \"right\", side, action, key, resource, run,
             begun, reason, before, target, keeps)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11,
             sealed(?12), sealed(?13), ?14)",
        params![
            pair.0,
            mapping,
            new.left,
            new.right,
            side_number(intent.side),
            intent.action.as_str(),
            intent.key.map(CreateKey::as_str),
            intent.resource.map(ResourceId::as_str),
            intent.run,
            now.as_microsecond(),
            intent.reason,
            intent.before.map(pack),
            intent.target.map(pack),
            intent.keeps_former,
        ],
    )?;
    Ok(IntentId(id))
}

fn intent_row(row: &Row<'_>) -> Result<IntentRow> {
    let resource =
        |at| Ok::<_, crate::Error>(row.get::<_, Option<String>>(at)?.map(ResourceId::new));
    let subject = match row.get::<_, Option<i64>>(1)? {
        Some(mapping) => SubjectRow::Known(MappingId(mapping)),
        None => SubjectRow::New(Sides::new(resource(2)?, resource(3)?)),
    };
    Ok(IntentRow {
        id: IntentId(row.get(0)?),
        subject,
        side: codec::side(row.get(4)?)?,
        action: ActionKind::read(&row.get::<_, String>(5)?)?,
        key: row.get::<_, Option<String>>(6)?.map(CreateKey::new),
        resource: resource(7)?,
        before: maybe_packed(row, 8)?,
        target: maybe_packed(row, 9)?,
        overtaken: row.get(10)?,
    })
}

#[cfg(test)]
mod tests;
