//! The journal: a write is begun, durably, before the provider is asked, and stands as made when
//! it has answered; what then is in the row is what the provider holds. A write that was begun and
//! never answered is found by [`Store::open_intents`] after a crash.

use model::{
    CreateKey, Digest, MappingId, Resource, ResourceId, Series, Side, Sides, Timestamp, Uid,
};
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
            let begun = begun(transaction, intent)?;
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
            let Some(begun) = begun(transaction, intent)? else { return Ok(()) };
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
            let Some(begun) = begun(transaction, intent)? else { return Ok(()) };
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
            let Some(begun) = begun(transaction, intent)? else { return Ok(()) };
            let query = "UPDATE intent SET applied = 1, result = resource WHERE id = ?1";
            sql::run(transaction, query, [intent.0])?;
            let (before, after) = (begun.intent.before.as_ref(), begun.intent.target.as_ref());
            history::insert(transaction, &begun.entry(before, after), now)
        })
    }

    /// The writes of a pair that were begun and neither answered nor abandoned, oldest first.
    ///
    /// # Errors
    /// When the database can't be read.
    pub fn open_intents(&self, pair: PairId) -> Result<Vec<IntentRow>> {
        self.read(|connection| open(connection, pair))
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

impl Store {
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

/// The writes that were begun and neither answered nor abandoned, oldest first.
pub(crate) fn open(connection: &Connection, pair: PairId) -> Result<Vec<IntentRow>> {
    let query = "SELECT id, mapping, \"left\", \"right\", side, action, key, resource,
         before, target FROM intent WHERE pair = ?1 AND applied = 0 ORDER BY id";
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

/// An intent that is still open.
fn begun(connection: &Connection, intent: IntentId) -> Result<Option<Begun>> {
    let query = "SELECT id, mapping, \"left\", \"right\", side, action, key, resource,
         before, target, pair, run, reason FROM intent WHERE id = ?1 AND applied = 0";
    sql::first(connection, query, [intent.0], Begun::read)
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
            Wrote::Stored { resource, digest, likeness, verified, base } => {
                let sighting = Sighting { resource, digest, likeness };
                let content = if verified { Content::Verified } else { Content::Sent };
                let row = self.store(connection, held.map(|row| row.id), &sighting, content)?;
                self.map(connection, row, base)?;
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
        history::insert(connection, &self.entry(before.as_ref(), after), now)
    }

    fn entry<'s>(&'s self, before: Option<&'s Series>, after: Option<&'s Series>) -> Entry<'s> {
        Entry {
            pair: self.pair,
            run: self.run,
            side: self.intent.side,
            action: self.intent.action.as_str(),
            before,
            after,
            reason: &self.reason,
        }
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
    ) -> Result<i64> {
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
        Ok(row)
    }

    /// A creation that was answered is mapped at once, so that a crash before the agreement never
    /// leaves a copy of ours that looks like somebody's new event.
    fn map(&self, connection: &Connection, row: i64, base: Option<&Series>) -> Result<()> {
        if self.intent.action != ActionKind::Create {
            return Ok(());
        }
        match (&self.intent.subject, &self.intent.before) {
            // What is made again stays whose it was: an original that comes back is no copy.
            (SubjectRow::Known(mapping), source) => {
                row::rebase(connection, row)?;
                let origin = row::of_mapping(connection, *mapping, self.intent.side.opposite())?;
                if let (Some(origin), Some(source)) = (origin, source) {
                    row::set_base(connection, origin.id, source)?;
                }
            }
            (SubjectRow::New(new), Some(source)) => {
                let side = self.intent.side;
                sql::run(connection, "UPDATE snapshot SET ours = 1 WHERE id = ?1", [row])?;
                agree::created(connection, self.pair, new, side, row, source)?;
            }
            (SubjectRow::New(_), None) => {}
        }
        match base {
            Some(base) => row::set_base(connection, row, base),
            None => Ok(()),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{World, at, event, resource, sighting};
    use crate::{Agreement, NowRow, Store};

    const LEFT: Side = Side::Left;
    const RIGHT: Side = Side::Right;

    fn only_left(id: &str) -> SubjectRow {
        SubjectRow::New(Sides::new(Some(id.into()), None))
    }

    impl World {
        fn begin_one(&self, intent: NewIntent<'_>) -> IntentId {
            self.store.begin(self.pair, &[intent], at(4)).unwrap()[0]
        }

        fn create(&self, subject: SubjectRow, side: Side, series: &Series) -> IntentId {
            self.begin_one(NewIntent {
                subject,
                side,
                action: ActionKind::Create,
                key: Some(&"k-1".into()),
                resource: None,
                before: Some(series),
                target: Some(series),
                run: 7,
                reason: "new on the other side",
            })
        }

        fn delete(&self, mapping: MappingId, side: Side, id: &str) -> IntentId {
            self.begin_one(NewIntent {
                subject: SubjectRow::Known(mapping),
                side,
                action: ActionKind::Delete,
                key: None,
                resource: Some(&id.into()),
                before: None,
                target: None,
                run: 7,
                reason: "deleted on the other side",
            })
        }

        fn stored(&self, intent: IntentId, id: &str, series: &Series) {
            let resource = resource(id, Some("1"), series.clone());
            let Sighting { resource, digest, likeness } = sighting(&resource);
            let outcome = Wrote::Stored { resource, digest, likeness, verified: true, base: None };
            self.store.wrote(intent, outcome, at(5)).unwrap();
        }

        fn actions(&self) -> Vec<String> {
            let changes = self.store.history(None, None, 10).unwrap();
            changes
                .iter()
                .rev()
                .map(|change| format!("{} {}", change.action, change.side))
                .collect()
        }
    }

    /// The process dies, and another one opens the same directory.
    fn reopened(folder: &tempfile::TempDir, world: World) -> World {
        drop(world);
        World::over(Store::open(folder.path(), at(9)).unwrap())
    }

    #[test]
    fn a_creation_survives_a_crash_at_each_step() {
        let series = event("1", "Zahnarzt", 9);
        let folder = tempfile::tempdir().unwrap();
        let world = World::over(Store::open(folder.path(), at(0)).unwrap());
        world.see(LEFT, "a", "1", &series);

        // Begun, and perhaps sent.
        let begun = world.create(only_left("a"), RIGHT, &series);
        let world = reopened(&folder, world);
        let open = world.store.open_intents(world.pair).unwrap();
        assert_eq!((open.len(), open[0].id, &open[0].subject), (1, begun, &only_left("a")));
        assert_eq!((open[0].side, open[0].action), (RIGHT, ActionKind::Create));
        assert_eq!((&open[0].key, &open[0].target), (&Some("k-1".into()), &Some(series.clone())));
        assert!(world.touched().contacts.is_empty(), "its outcome is unknown");

        // Answered, not agreed on.
        world.stored(begun, "b", &series);
        let world = reopened(&folder, world);
        assert!(world.store.open_intents(world.pair).unwrap().is_empty());
        let batch = world.touched();
        assert_eq!((batch.contacts.len(), batch.known.len()), (0, 1), "mapped at once");
        assert_eq!(batch.known[0].base, Sides::new(series.clone(), series.clone()));
        assert_eq!(world.actions(), ["create right"]);

        // Recorded twice: nothing new.
        world.stored(begun, "b", &series);
        assert_eq!(world.actions(), ["create right"]);

        // Agreed on.
        let subject = SubjectRow::New(Sides::new(Some("a".into()), Some("b".into())));
        world.agree(subject, "a", "b");
        let world = reopened(&folder, world);
        let batch = world.touched();
        assert_eq!((batch.contacts.len(), batch.known.len()), (0, 0));
        assert_eq!(world.totals().series, Sides::new(1, 1));
        let applied = "SELECT count(*) FROM intent";
        let left = world.store.read(|connection| sql::number(connection, applied, [])).unwrap();
        assert_eq!((left, world.store.integrity().unwrap()), (0, vec![]));
    }

    #[test]
    fn a_deletion_survives_a_crash_at_each_step() {
        let folder = tempfile::tempdir().unwrap();
        let world = World::over(Store::open(folder.path(), at(0)).unwrap());
        let mapping = world.agreed("1", "Zahnarzt");
        world.lose(LEFT, "l1");
        let begun = world.delete(mapping, RIGHT, "r1");
        let world = reopened(&folder, world);
        let open = world.store.open_intents(world.pair).unwrap();
        assert_eq!((&open[0].resource, open[0].action), (&Some("r1".into()), ActionKind::Delete));
        assert_eq!(world.totals().deletions, Sides::new(0, 1));

        world.store.wrote(begun, Wrote::Deleted, at(5)).unwrap();
        let world = reopened(&folder, world);
        assert_eq!(world.totals().deletions, Sides::new(0, 0));
        let known = &world.touched().known[0];
        assert!(matches!((&known.now.left, &known.now.right), (NowRow::Absent, NowRow::Absent)));
        let change = &world.store.history(None, Some(&"1".into()), 10).unwrap()[0];
        assert_eq!((change.action.as_str(), &change.after), ("delete", &None));
        assert_eq!(change.before, Some(event("1", "Zahnarzt", 9)), "from the row");

        let forget = Agreement {
            subject: SubjectRow::Known(mapping),
            held: Sides::default(),
            base: None,
            renew: Sides::default(),
        };
        world.store.agree(world.pair, &[forget]).unwrap();
        let world = reopened(&folder, world);
        assert_eq!(world.totals(), crate::Totals::default());
        assert_eq!(world.store.find(world.pair, "1").unwrap().len(), 0);
        assert_eq!(world.store.integrity().unwrap(), Vec::<String>::new());
    }

    #[test]
    fn a_change_is_pending_until_it_is_agreed_on() {
        let world = World::new();
        let mapping = world.agreed("1", "Zahnarzt");
        let (before, target) = (event("1", "Zahnarzt", 9), event("1", "Kino", 9));
        world.see(LEFT, "l1", "2", &target);
        let begun = world.begin_one(NewIntent {
            subject: SubjectRow::Known(mapping),
            side: RIGHT,
            action: ActionKind::Update,
            key: None,
            resource: Some(&"r1".into()),
            before: Some(&before),
            target: Some(&target),
            run: 7,
            reason: "changed on left",
        });
        let pending = |world: &World| world.touched().known[0].pending.right.clone();
        assert!(world.touched().known.is_empty(), "its outcome is unknown");
        world.stored(begun, "r1", &target);
        let written = pending(&world).remove(0);
        assert_eq!((written.before, written.target), (before.clone(), target.clone()));
        world.agree(SubjectRow::Known(mapping), "l1", "r1");
        world.see(LEFT, "l1", "3", &before);
        assert!(pending(&world).is_empty());
        assert_eq!(world.touched().known[0].base, Sides::new(target.clone(), target));
    }

    #[test]
    fn what_was_edited_or_deleted_while_its_copy_was_made_is_a_change_like_any_other() {
        for change in ["edited", "deleted"] {
            let world = World::new();
            let (series, edited) = (event("1", "Zahnarzt", 9), event("1", "Kino", 9));
            world.see(LEFT, "a", "1", &series);
            let begun = world.create(only_left("a"), RIGHT, &series);
            match change {
                "edited" => drop(world.see(LEFT, "a", "2", &edited)),
                _ => drop(world.lose(LEFT, "a")),
            }
            world.stored(begun, "b", &series);
            let batch = world.touched();
            assert_eq!((batch.contacts.len(), batch.known.len()), (0, 1), "{change}");
            let known = &batch.known[0];
            assert_eq!(known.base, Sides::new(series.clone(), series), "{change}");
            match &known.now.left {
                NowRow::Present { series, .. } => assert_eq!(series, &edited),
                now => assert!(change == "deleted" && matches!(now, NowRow::Absent)),
            }
            let due = world.totals().deletions.right;
            assert_eq!(due, u64::from(change == "deleted"), "{change}");
            assert_eq!(world.store.integrity().unwrap(), Vec::<String>::new());
        }
    }

    #[test]
    fn what_somebody_did_to_a_copy_before_its_late_answer_is_an_edit() {
        let world = World::new();
        let (series, edited) = (event("1", "Zahnarzt", 9), event("1", "Kino", 9));
        world.see(LEFT, "a", "1", &series);
        let begun = world.create(only_left("a"), RIGHT, &series);
        let found = resource("b", Some("2"), edited.clone());
        let Sighting { resource, digest, likeness } = sighting(&found);
        let base = Some(&series);
        let outcome = Wrote::Stored { resource, digest, likeness, verified: true, base };
        world.store.wrote(begun, outcome, at(5)).unwrap();
        let known = &world.touched().known[0];
        assert_eq!(known.base, Sides::new(series.clone(), series));
        let NowRow::Present { series, .. } = &known.now.right else { panic!("it is there") };
        assert_eq!(series, &edited);
    }

    #[test]
    fn a_write_found_half_made_is_no_longer_open_but_pending() {
        let world = World::new();
        let mapping = world.agreed("1", "Zahnarzt");
        world.lose(LEFT, "l1");
        let begun = world.delete(mapping, RIGHT, "r1");
        world.store.mark_pending(begun, at(6)).unwrap();
        assert!(world.store.open_intents(world.pair).unwrap().is_empty());
        assert_eq!(world.touched().known.len(), 1);
    }

    #[test]
    fn an_abandoned_write_leaves_the_rows_touched() {
        let world = World::new();
        let series = event("1", "Zahnarzt", 9);
        world.see(LEFT, "a", "1", &series);
        let begun = world.create(only_left("a"), RIGHT, &series);
        world.store.abandon(begun).unwrap();
        assert!(world.store.open_intents(world.pair).unwrap().is_empty());
        assert_eq!(world.touched().contacts.len(), 1);
        assert!(world.actions().is_empty());
    }

    #[test]
    fn an_edit_that_beats_a_deletion_is_created_in_the_mappings_place() {
        let world = World::new();
        let mapping = world.agreed("1", "Zahnarzt");
        let edited = event("1", "Kino", 9);
        world.lose(RIGHT, "r1");
        world.see(LEFT, "l1", "2", &edited);
        let begun = world.create(SubjectRow::Known(mapping), RIGHT, &edited);
        // Its creation was seen before its answer came.
        world.see(RIGHT, "again", "1", &edited);
        world.stored(begun, "again", &edited);
        let batch = world.touched();
        assert_eq!((batch.known.len(), batch.contacts.len()), (1, 0));
        let NowRow::Present { id, .. } = &batch.known[0].now.right else { panic!("it is there") };
        assert_eq!(id.as_str(), "again");
        let subject = SubjectRow::Known(mapping);
        let held = Sides::new(Some("l1".into()), None);
        let agreed = world
            .store
            .agree(world.pair, &[Agreement { subject, held, base: None, renew: Sides::default() }])
            .unwrap();
        assert_eq!(agreed, [Some(mapping)]);
        assert!(world.touched().known.is_empty());
        assert_eq!(world.store.integrity().unwrap(), Vec::<String>::new());
    }

    #[test]
    fn what_an_open_creation_may_have_made_is_nobodys_new_event() {
        let world = World::new();
        let mapping = world.agreed("1", "Zahnarzt");
        let edited = event("1", "Kino", 9);
        world.lose(RIGHT, "r1");
        world.see(LEFT, "l1", "2", &edited);
        // Under a UID of our own, as where the provider holds the other one somewhere else.
        let target = event("own", "Kino", 9);
        let begun = world.create(SubjectRow::Known(mapping), RIGHT, &target);
        world.see(RIGHT, "again", "1", &target);
        let batch = world.touched();
        assert_eq!((batch.known.len(), batch.contacts.len()), (0, 0));
        world.stored(begun, "again", &target);
        let batch = world.touched();
        assert_eq!((batch.known.len(), batch.contacts.len()), (1, 0));
    }

    #[test]
    fn no_write_is_begun_on_a_full_disk() {
        let world = World::new();
        let series = event("1", "Zahnarzt", 9);
        world.see(LEFT, "a", "1", &series);
        let begun = world.create(only_left("a"), RIGHT, &series);
        for name in ["begin", "wrote", "agree", "abandon"] {
            world.store.failpoint(Some(Box::new(move |asked| asked == name)));
            let outcome = match name {
                "begin" => world.store.begin(world.pair, &[], at(1)).map(|_| ()),
                "wrote" => world.store.wrote(begun, Wrote::Deleted, at(1)),
                "agree" => world.store.agree(world.pair, &[]).map(|_| ()),
                _ => world.store.abandon(begun),
            };
            assert_eq!(outcome.unwrap_err().kind(), &crate::ErrorKind::Full, "{name}");
        }
        world.store.failpoint(None);
        assert_eq!(world.store.open_intents(world.pair).unwrap().len(), 1);
    }
}
