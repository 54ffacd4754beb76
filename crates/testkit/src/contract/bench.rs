//! What clauses work with: a subject, names and UIDs of their own, and questions to ask.

use std::collections::{BTreeMap, BTreeSet};

use model::{
    CalendarId, CreateKey, Cursor, Event, Exception, Field, FieldSet, Resource, ResourceId, Series,
    Uid,
};
use provider::{
    Change, ErrorKind, FETCH_LIMIT, Fetched, Next, Outcome, Provider, Scope, Unreadable,
};

use super::Subject;

/// Why a clause did not pass.
pub(super) enum Miss {
    /// It is not kept.
    Broken(String),
    /// It can't be tried here.
    CannotApply(String),
}

impl From<provider::Error> for Miss {
    fn from(error: provider::Error) -> Self {
        Miss::Broken(format!("unexpected {:?}: {error}", error.kind()))
    }
}

pub(super) type Kept = Result<(), Miss>;

pub(super) fn broken<T>(reason: impl Into<String>) -> Result<T, Miss> {
    Err(Miss::Broken(reason.into()))
}

pub(super) fn ensure(kept: bool, reason: impl Into<String>) -> Kept {
    if kept { Ok(()) } else { broken(reason) }
}

/// Everything that a listing, with the fetches that it calls for, tells.
pub(super) struct Seen {
    pub(super) scope: Scope,
    pub(super) present: BTreeMap<ResourceId, Resource>,
    pub(super) unreadable: BTreeMap<ResourceId, Unreadable>,
    pub(super) gone: BTreeSet<ResourceId>,
    pub(super) cursor: Cursor,
}

impl Seen {
    pub(super) fn find(&self, uid: &str) -> Option<&Resource> {
        self.present.values().find(|resource| resource.series.uid.as_str() == uid)
    }

    /// Ids and what they mean, to compare two listings with.
    pub(super) fn said(&self) -> BTreeSet<String> {
        let present =
            self.present.iter().map(|(id, resource)| format!("{id} {:?}", resource.version));
        let gone = self.gone.iter().map(|id| format!("{id} gone"));
        present.chain(gone).collect()
    }
}

pub(super) struct Bench<'s> {
    subject: &'s mut dyn Subject,
    clause: &'static str,
    made: u32,
}

/// Pages of one listing; more is a provider that goes in circles.
const PAGES: usize = 10_000;

impl<'s> Bench<'s> {
    pub(super) fn new(subject: &'s mut dyn Subject, clause: &'static str) -> Self {
        Self { subject, clause, made: 0 }
    }

    pub(super) fn subject(&mut self) -> &mut dyn Subject {
        self.subject
    }

    pub(super) fn provider(&self) -> &dyn Provider {
        self.subject.provider()
    }

    pub(super) fn calendar(&self) -> CalendarId {
        self.subject.calendar()
    }

    pub(super) fn fields(&self) -> FieldSet {
        self.provider().fields()
    }

    /// A word that no other clause uses.
    pub(super) fn fresh(&mut self) -> String {
        self.made += 1;
        let (clause, salt) = (self.clause.replace('_', "-"), self.subject.salt());
        format!("{clause}-{salt}{}", self.made)
    }

    /// A key that no other clause uses: its letters as hexadecimal digits.
    pub(super) fn key(&mut self) -> CreateKey {
        let word = self.fresh();
        let sum = |seed: u64| {
            word.bytes()
                .fold(seed, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
        };
        CreateKey::new(format!("{:016x}-{:016x}", sum(0xcbf2_9ce4_8422_2325), sum(7)))
    }

    /// A fixture with a UID of its own.
    pub(super) fn fixture(&mut self, line: &str) -> Series {
        let uid = self.fresh();
        Series { uid: Uid::new(uid), ..crate::series(line) }
    }

    /// The text of a fixture with a UID of its own; UID and text.
    pub(super) fn text(&mut self, line: &str) -> (String, String) {
        let uid = self.fresh();
        let text = crate::text(&format!("{line} uid={uid}"));
        (uid, text)
    }

    /// Stores a fixture behind the provider's back; UID and name.
    pub(super) async fn put(&mut self, line: &str) -> Result<(String, String), Miss> {
        let (uid, text) = self.text(line);
        let name = format!("{uid}.ics");
        self.put_text(&name, &text).await?;
        Ok((uid, name))
    }

    pub(super) async fn put_text(&mut self, name: &str, text: &str) -> Kept {
        self.subject.put(name, text.as_bytes()).await.map_err(Miss::CannotApply)
    }

    /// Another title for what is stored under a name, behind the provider's back.
    pub(super) async fn retitle(&mut self, name: &str, title: &str) -> Kept {
        let Some(raw) = self.subject.get(name).await else {
            return broken(format!("`{name}` is not there"));
        };
        let text = String::from_utf8_lossy(&raw).into_owned();
        let ending = if text.contains("\r\n") { "\r\n" } else { "\n" };
        let lines = text.lines().map(|line| {
            if line.starts_with("SUMMARY:") { format!("SUMMARY:{title}") } else { line.to_owned() }
        });
        let text = lines.collect::<Vec<_>>().join(ending) + ending;
        self.put_text(name, &text).await
    }

    pub(super) async fn create(&mut self, series: &Series) -> Result<Resource, Miss> {
        let key = self.key();
        let calendar = self.calendar();
        Ok(self.provider().create(&calendar, series, &key).await?)
    }

    /// Updates, with the version that a fetch states.
    pub(super) async fn update(
        &mut self,
        id: &ResourceId,
        target: &Series,
    ) -> Result<Resource, Miss> {
        let current = self.found(id).await?;
        let calendar = self.calendar();
        Ok(self.provider().update(&calendar, &current, target).await?)
    }

    /// What is to be learnt about ids, in batches.
    pub(super) async fn fetch(&self, ids: &[ResourceId]) -> Result<Vec<Fetched>, Miss> {
        let mut fetched = Vec::new();
        for batch in ids.chunks(FETCH_LIMIT) {
            fetched.extend(self.provider().fetch(&self.calendar(), batch).await?);
        }
        Ok(fetched)
    }

    pub(super) async fn outcome(&self, id: &ResourceId) -> Result<Outcome, Miss> {
        let mut fetched = self.fetch(std::slice::from_ref(id)).await?;
        match fetched.pop() {
            Some(one) if fetched.is_empty() && one.id == *id => Ok(one.outcome),
            _ => broken("a fetch of one id has not one answer for it"),
        }
    }

    pub(super) async fn found(&self, id: &ResourceId) -> Result<Resource, Miss> {
        match self.outcome(id).await? {
            Outcome::Found(resource) => Ok(*resource),
            other => broken(format!("{id} is not found: {other:?}")),
        }
    }

    /// A listing with all pages, and the fetches that it calls for.
    pub(super) async fn list(&self, since: Option<&Cursor>) -> Result<Seen, Miss> {
        let calendar = self.calendar();
        let mut at = since.cloned();
        let mut last: BTreeMap<ResourceId, Change> = BTreeMap::new();
        for _ in 0..PAGES {
            let changes = self.provider().changes(&calendar, at.as_ref()).await?;
            for item in changes.items {
                last.insert(id_of(&item).clone(), item);
            }
            match changes.next {
                Next::More(cursor) => at = Some(cursor),
                Next::Complete(cursor) => return self.resolve(changes.scope, last, cursor).await,
            }
        }
        broken("a listing has no end")
    }

    async fn resolve(
        &self,
        scope: Scope,
        items: BTreeMap<ResourceId, Change>,
        cursor: Cursor,
    ) -> Result<Seen, Miss> {
        let mut seen = Seen {
            scope,
            present: BTreeMap::new(),
            unreadable: BTreeMap::new(),
            gone: BTreeSet::new(),
            cursor,
        };
        let mut open = Vec::new();
        for (id, item) in items {
            match item {
                Change::Present(resource) => drop(seen.present.insert(id, *resource)),
                Change::Unreadable(one) => drop(seen.unreadable.insert(id, one)),
                Change::Gone(id) => drop(seen.gone.insert(id)),
                Change::Listed { id, .. } | Change::Missing(id) => open.push(id),
            }
        }
        for one in self.fetch(&open).await? {
            match one.outcome {
                Outcome::Found(resource) => drop(seen.present.insert(one.id, *resource)),
                Outcome::Unreadable(unreadable) => {
                    seen.unreadable.insert(one.id, unreadable);
                }
                Outcome::Gone | Outcome::NoEvent => drop(seen.gone.insert(one.id)),
                Outcome::Withheld(error) | Outcome::Failed(error) => return Err(error.into()),
            }
        }
        Ok(seen)
    }

    /// The resource with this UID, from a full listing.
    pub(super) async fn find(&self, uid: &str) -> Result<Resource, Miss> {
        let seen = self.list(None).await?;
        let found = seen.find(uid).cloned();
        found.ok_or_else(|| Miss::Broken(format!("{uid} is not listed")))
    }

    /// That a call fails in this way.
    pub(super) fn refused<T>(&self, call: provider::Result<T>, kind: ErrorKind) -> Kept {
        match call {
            Err(error) if error.kind() == kind => Ok(()),
            Err(error) => broken(format!("{:?} in place of {kind:?}: {error}", error.kind())),
            Ok(_) => broken(format!("succeeded in place of {kind:?}")),
        }
    }

    /// That two series mean the same, as far as this provider can hold it.
    pub(super) fn same(&self, held: &Series, wanted: &Series) -> Kept {
        let differing = differing(held, wanted, self.fields());
        ensure(differing.is_empty(), format!("differs in {}", differing.join(", ")))
    }
}

fn id_of(change: &Change) -> &ResourceId {
    match change {
        Change::Present(resource) => &resource.id,
        Change::Listed { id, .. } | Change::Gone(id) | Change::Missing(id) => id,
        Change::Unreadable(unreadable) => &unreadable.id,
    }
}

/// What differs, in words without content. People are never written, and so never compared.
fn differing(held: &Series, wanted: &Series, fields: FieldSet) -> Vec<String> {
    let fields = fields.without(Field::People).with(Field::Times);
    let mut differing = Vec::new();
    let unlike = |place: &str, held: &Event, wanted: &Event| -> Vec<String> {
        let unlike = fields.iter().filter(|field| !held.same(wanted, *field));
        unlike.map(|field| format!("{place} {field}")).collect()
    };
    match (&held.master, &wanted.master) {
        (Some(held), Some(wanted)) => differing.extend(unlike("master", held, wanted)),
        (None, None) => {}
        _ => differing.push("master".to_owned()),
    }
    if held.uid != wanted.uid {
        differing.push("UID".to_owned());
    }
    if held.recurrence != wanted.recurrence {
        differing.push("recurrence".to_owned());
    }
    let keys: BTreeSet<_> = held.exceptions.keys().chain(wanted.exceptions.keys()).collect();
    for key in keys {
        match (held.exceptions.get(key), wanted.exceptions.get(key)) {
            (Some(Exception::Cancelled), Some(Exception::Cancelled)) => {}
            (Some(Exception::Override(held)), Some(Exception::Override(wanted))) => {
                differing.extend(unlike(&key.wall().to_string(), held, wanted));
            }
            _ => differing.push(format!("occurrence {}", key.wall())),
        }
    }
    differing
}
