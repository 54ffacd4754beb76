//! The journal: a write is begun, durably, before the provider is asked, and stands as made when
//! it has answered; what then is in the row is what the provider holds. A write that was begun and
//! never answered is found by [`Store::open_intents`] after a crash.

use model::{CreateKey, Digest, MappingId, Resource, ResourceId, Series, Side, Sides, Timestamp};
use rusqlite::{Connection, Row, params};

use crate::agree;
use crate::codec::{self, damaged, maybe_packed, pack, side_number};
use crate::history::{self, Entry};
use crate::observe::Sighting;
use crate::row::{self, Content};
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
            let query = "SELECT id, mapping, \"left\", \"right\", side, action, key, resource,
                 before, target, pair, run, reason FROM intent WHERE id = ?1 AND applied = 0";
            let begun = sql::first(transaction, query, [intent.0], Begun::read)?;
            // No such intent: the pair was removed meanwhile, or this was recorded before.
            begun.map_or(Ok(()), |begun| begun.finish(transaction, outcome, now))
        })
    }

    /// Nothing was written: the intent goes, and the plan looks at the series again.
    ///
    /// # Errors
    /// When nothing could be written.
    pub fn abandon(&self, intent: IntentId) -> Result<()> {
        self.write("abandon", |transaction| {
            let query = "SELECT id, mapping, \"left\", \"right\", side, action, key, resource,
                 before, target, pair, run, reason FROM intent WHERE id = ?1 AND applied = 0";
            let begun = sql::first(transaction, query, [intent.0], Begun::read)?;
            let Some(begun) = begun else { return Ok(()) };
            sql::run(transaction, "DELETE FROM intent WHERE id = ?1", [intent.0])?;
            begun.touch(transaction)
        })
    }

    /// Something else than what was written, or than what was there before, was found: the intent
    /// is no longer open, and the plan discounts what it changed.
    ///
    /// # Errors
    /// When nothing could be written.
    pub fn mark_pending(&self, intent: IntentId) -> Result<()> {
        self.write("mark_pending", |transaction| {
            let query = "UPDATE intent SET applied = 1, result = resource WHERE id = ?1";
            sql::run(transaction, query, [intent.0]).map(|_| ())
        })
    }

    /// The writes of a pair that were begun and neither answered nor abandoned, oldest first.
    ///
    /// # Errors
    /// When the database can't be read.
    pub fn open_intents(&self, pair: PairId) -> Result<Vec<IntentRow>> {
        self.read(|connection| {
            let query = "SELECT id, mapping, \"left\", \"right\", side, action, key, resource,
                 before, target FROM intent WHERE pair = ?1 AND applied = 0 ORDER BY id";
            sql::all(connection, query, [pair.0], intent_row)
        })
    }

    /// A resource as it is known, with the provider's form, to write against.
    ///
    /// # Errors
    /// When the database can't be read.
    pub fn resource(&self, pair: PairId, side: Side, id: &ResourceId) -> Result<Option<Resource>> {
        self.read(|connection| {
            let Some(known) = row::find(connection, pair, side, id)?.filter(|row| row.present)
            else {
                return Ok(None);
            };
            let Some(series) = row::series(connection, known.id)? else { return Ok(None) };
            let raw = row::raw(connection, known.id)?;
            Ok(Some(Resource { id: known.resource, version: known.version, raw, series }))
        })
    }
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
             begun, reason, before, target)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
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
    })
}

struct Begun {
    intent: IntentRow,
    pair: PairId,
    run: i64,
    reason: String,
}

impl Begun {
    fn read(row: &Row<'_>) -> Result<Self> {
        Ok(Self {
            intent: intent_row(row)?,
            pair: PairId(row.get(10)?),
            run: row.get(11)?,
            reason: row.get(12)?,
        })
    }

    fn finish(self, connection: &Connection, outcome: Wrote<'_>, now: Timestamp) -> Result<()> {
        let held = self.row(connection, outcome)?;
        let before = match (self.intent.action, &self.intent.before, &held) {
            (ActionKind::Create, ..) => None,
            (ActionKind::Update | ActionKind::Delete, None, Some(row)) => {
                row::series(connection, row.id)?
            }
            (ActionKind::Update | ActionKind::Delete, stated, _) => stated.clone(),
        };
        let (result, after) = match outcome {
            Wrote::Stored { resource, digest, likeness, verified } => {
                let sighting = Sighting { resource, digest, likeness };
                let content = if verified { Content::Verified } else { Content::Sent };
                self.store(connection, held.map(|row| row.id), &sighting, content)?;
                (Some(&resource.id), Some(&resource.series))
            }
            Wrote::Deleted => {
                self.delete(connection, held)?;
                (self.intent.resource.as_ref(), None)
            }
        };
        let query = "UPDATE intent SET applied = 1, result = ?2 WHERE id = ?1";
        let result = result.map(ResourceId::as_str);
        sql::run(connection, query, params![self.intent.id.0, result])?;
        let entry = Entry {
            pair: self.pair,
            run: self.run,
            side: self.intent.side,
            action: self.intent.action.as_str(),
            before: before.as_ref(),
            after,
            reason: &self.reason,
        };
        history::insert(connection, &entry, now)
    }

    /// The row that the write is about: the mapping's, else the resource's.
    fn row(&self, connection: &Connection, outcome: Wrote<'_>) -> Result<Option<row::Snapshot>> {
        if let SubjectRow::Known(mapping) = self.intent.subject
            && let Some(row) = row::of_mapping(connection, mapping, self.intent.side)?
        {
            return Ok(Some(row));
        }
        let resource = match outcome {
            Wrote::Stored { resource, .. } => Some(&resource.id),
            Wrote::Deleted => self.intent.resource.as_ref(),
        };
        let find = |id| row::find(connection, self.pair, self.intent.side, id);
        Ok(resource.map(find).transpose()?.flatten())
    }

    fn store(
        &self,
        connection: &Connection,
        held: Option<i64>,
        sighting: &Sighting<'_>,
        content: Content,
    ) -> Result<()> {
        let id = &sighting.resource.id;
        let elsewhere = row::find(connection, self.pair, self.intent.side, id)?;
        let row = match (held, elsewhere) {
            (Some(row), Some(other)) if other.id != row => {
                if other.mapping.is_some() {
                    // Another series' resource: it keeps its row, and shows what it holds now.
                    other.id
                } else {
                    // The creation was seen before its answer came.
                    sql::run(connection, "DELETE FROM snapshot WHERE id = ?1", [other.id])?;
                    row
                }
            }
            (Some(row), _) => row,
            (None, _) => row::insert(connection, self.pair, self.intent.side, id)?,
        };
        row::put(connection, row, sighting, content)?;
        row::touch(connection, row)?;
        if self.intent.action == ActionKind::Create {
            sql::run(connection, "UPDATE snapshot SET ours = 1 WHERE id = ?1", [row])?;
            self.map(connection, row)?;
        }
        Ok(())
    }

    /// A creation that was answered is mapped at once, so that a crash before the agreement never
    /// leaves a copy of ours that looks like somebody's new event.
    fn map(&self, connection: &Connection, row: i64) -> Result<()> {
        match (&self.intent.subject, &self.intent.before) {
            (SubjectRow::Known(_), _) => row::rebase(connection, row),
            (SubjectRow::New(new), Some(source)) => {
                let side = self.intent.side;
                agree::created(connection, self.pair, new, side, row, source)
            }
            (SubjectRow::New(_), None) => Ok(()),
        }
    }

    /// The plan has to look at the subject again.
    fn touch(&self, connection: &Connection) -> Result<()> {
        for side in Side::BOTH {
            let row = match &self.intent.subject {
                SubjectRow::Known(mapping) => row::of_mapping(connection, *mapping, side)?,
                SubjectRow::New(new) => {
                    let find = |id| row::find(connection, self.pair, side, id);
                    new[side].as_ref().map(find).transpose()?.flatten()
                }
            };
            if let Some(row) = row {
                row::touch(connection, row.id)?;
            }
        }
        Ok(())
    }

    fn delete(&self, connection: &Connection, held: Option<row::Snapshot>) -> Result<()> {
        let Some(row) = held else { return Ok(()) };
        if row.mapping.is_none() {
            return row::remove(connection, self.pair, &row);
        }
        let query = "UPDATE snapshot SET present = 0, verified = 1, unreadable = NULL,
             unreadable_since = NULL WHERE id = ?1";
        sql::run(connection, query, [row.id])?;
        row::touch(connection, row.id)
    }
}
