//! Observing a side: what changed there since its cursor, into the store.
//!
//! Content goes in as it comes, the cursor last and in one transaction with the rest of the last
//! page, so that it never covers what was not stored. Absence is believed from a tombstone, or
//! from a complete full pass that a fetch by id confirms. What a provider withholds is kept as
//! something to ask for again, so that the cursor need not wait for it; see `unread`.

use std::collections::HashSet;

use futures_util::future::join;
use futures_util::stream::{self, StreamExt};
use model::{Cursor, Resource, ResourceId, Side, Sides, Timestamp, Version};
use provider::{Change, ErrorKind, FETCH_LIMIT, Fetched, Next, Outcome, Scope};
use store::{Beside, Observation, SideRow, Sighting, UnreadRow, UnreadableRow};

use super::{AUDIT, Cycle, at};
use crate::Progress;
use crate::patience::Patience;
use crate::report::Failure;

/// Two batches on their way keep the line busy without crowding a server.
const FETCHES_IN_FLIGHT: usize = 2;

/// A listing from a cursor that repeats this share (one in so many) of what is known unchanged is
/// no difference: the provider forgot the cursor and said nothing (SOGo, DAViCal).
const REPEATED_SHARE: u64 = 2;

impl Cycle<'_> {
    /// Observes the sides that are due, both at once.
    pub(super) async fn observe(&self, due: Sides<bool>) -> Result<(), Failure> {
        let (left, right) = join(
            self.observe_side(Side::Left, due.left),
            self.observe_side(Side::Right, due.right),
        )
        .await;
        left.and(right)
    }

    async fn observe_side(&self, side: Side, due: bool) -> Result<(), Failure> {
        if !due {
            return Ok(());
        }
        let row = self.ctx.store.pair(&self.pair.name)?;
        let row = row.map_or_else(|| self.row.sides[side].clone(), |row| row.sides[side].clone());
        let audit_due = self.is_audit_due(&row);
        let since = row.cursor.filter(|_| !audit_due);
        match self.pass(side, since.clone()).await {
            Ok(Pass::Done) => Ok(()),
            Ok(Pass::Doubtful) => self.pass(side, None).await.map(drop),
            Err(Failure::Provider { error, .. })
                if error.kind() == ErrorKind::CursorExpired && since.is_some() =>
            {
                self.pass(side, None).await.map(drop)
            }
            Err(failure) => Err(failure),
        }
    }

    /// Whether a side has to be listed in full.
    pub(super) fn is_audit_due(&self, row: &SideRow) -> bool {
        // A time ahead was written by a clock that was wrong; it must not put the audit off.
        row.full_at.is_none_or(|at| at < self.begun - AUDIT || at > self.begun + AUDIT)
    }

    /// Reads all pages from `since`.
    pub(super) async fn pass(&self, side: Side, since: Option<Cursor>) -> Result<Pass, Failure> {
        let mut asked = since.clone();
        let mut full = false;
        let mut listed = 0;
        let mut repeated = 0;
        let mut unsure = false;
        loop {
            let provider = &self.pair.sides[side].provider;
            let page =
                provider.changes(&self.calendars[side], asked.as_ref()).await.map_err(at(side))?;
            if page.scope == Scope::Full && !full {
                self.ctx.store.begin_listing(self.id(), side)?;
                full = true;
            }
            listed += page.items.len();
            let taken = self.take_page(side, page.items, page.scope).await?;
            repeated += taken.repeated;
            unsure |= taken.unsure;
            match page.next {
                Next::More(cursor) => asked = Some(cursor),
                Next::Complete(cursor) => {
                    if !full && self.is_doubtful(side, repeated)? {
                        return Ok(Pass::Doubtful);
                    }
                    if full {
                        unsure |= self.confirm_absences(side).await?;
                    }
                    self.ask_again(side).await?;
                    let passed = if !full {
                        Passed::Difference
                    } else if self.believes(side, listed)? {
                        Passed::Everything
                    } else {
                        Passed::Nothing
                    };
                    return self.advance(side, since, cursor, passed, unsure);
                }
            }
        }
    }

    /// Whether a full pass that listed so many has seen all there is. Services have said once, and
    /// wrongly, that there is nothing: it has to be so in two cycles. To list an empty calendar
    /// again costs no more than to ask what changed. That events are gone never rests on this: each
    /// was asked for by id, and the guard holds back what are too many.
    fn believes(&self, side: Side, listed: usize) -> Result<bool, Failure> {
        let row = self.ctx.store.pair(&self.pair.name)?;
        let empty_at = row.and_then(|row| row.sides[side].empty_at);
        // A time ahead was written by a clock that was wrong.
        let is_known = empty_at.is_some_and(|at| at <= self.begun);
        match listed {
            0 if !is_known => self.ctx.store.note_empty(self.id(), side, Some(self.begun))?,
            1.. if empty_at.is_some() => self.ctx.store.note_empty(self.id(), side, None)?,
            _ => {}
        }
        let believed = listed > 0 || empty_at.is_some_and(|at| at < self.begun);
        Ok(believed)
    }

    /// Whether a difference repeats so much of what is known that it is none.
    fn is_doubtful(&self, side: Side, repeated: u64) -> Result<bool, Failure> {
        if repeated == 0 {
            return Ok(false);
        }
        let known = self.ctx.store.counts(self.id())?[side];
        Ok(repeated * REPEATED_SHARE >= known.max(1))
    }

    /// Stores the cursor, unless something that it covers could not be read.
    fn advance(
        &self,
        side: Side,
        since: Option<Cursor>,
        cursor: Cursor,
        passed: Passed,
        unsure: bool,
    ) -> Result<Pass, Failure> {
        let patience = self.ctx.patience.tell(&self.pair.name, side, unsure);
        if unsure && patience == Patience::GoOn {
            self.keep_unread(side)?;
        }
        let stands = passed == Passed::Difference && since.as_ref() == Some(&cursor);
        if patience == Patience::Wait || stands {
            return Ok(Pass::Done);
        }
        let mut last = observation(self.ctx.now());
        last.cursor = Some(&cursor);
        last.full_at = (passed == Passed::Everything).then(|| self.ctx.now());
        self.ctx.store.observe(self.id(), side, &last)?;
        Ok(Pass::Done)
    }

    async fn take_page(
        &self,
        side: Side,
        items: Vec<Change>,
        scope: Scope,
    ) -> Result<Taken, Failure> {
        let page = Page::of(items);
        let sightings = page.sightings();
        let wanted: Vec<ResourceId> = if sightings.is_empty() {
            Vec::new()
        } else {
            let mark = scope == Scope::Full;
            let unknown = self.ctx.store.listed(self.id(), side, &sightings, mark)?;
            let content: HashSet<&ResourceId> =
                sightings[page.listed.len()..].iter().map(|(id, _)| id).collect();
            unknown.into_iter().filter(|id| !content.contains(id)).collect()
        };
        let repeated = (page.listed.len().saturating_sub(wanted.len())) as u64;
        self.store_batch(side, &page.present, &page.unreadable, &page.gone)?;
        let unsure = self.fetch_listed(side, &wanted).await?;
        let missing = self.fetch_missing(side, &page.missing).await?;
        Ok(Taken { repeated, unsure: unsure | missing })
    }

    /// Fetches what was listed in a version that is not known. A listed resource that is not there
    /// is no deletion: the listing is ahead of the content, or it is a ghost.
    async fn fetch_listed(&self, side: Side, ids: &[ResourceId]) -> Result<bool, Failure> {
        let provider = &self.pair.sides[side].provider;
        let calendar = &self.calendars[side];
        let requests: Vec<_> =
            ids.chunks(FETCH_LIMIT).map(|batch| provider.fetch(calendar, batch)).collect();
        let mut batches = stream::iter(requests).buffered(FETCHES_IN_FLIGHT);
        let mut unsure = false;
        while let Some(fetched) = batches.next().await {
            unsure |= self.store_fetched(side, fetched.map_err(at(side))?, Absence::Ghost)?;
        }
        Ok(unsure)
    }

    /// Asks about resources that are probably gone.
    async fn fetch_missing(&self, side: Side, ids: &[ResourceId]) -> Result<bool, Failure> {
        let fetched = self.fetch(side, ids).await?;
        self.store_fetched(side, fetched, Absence::Believed)
    }

    /// After a full pass: asks about every resource that it did not list.
    async fn confirm_absences(&self, side: Side) -> Result<bool, Failure> {
        let mut after: Option<ResourceId> = None;
        let mut unsure = false;
        loop {
            let ids = self.ctx.store.unlisted(self.id(), side, after.as_ref(), FETCH_LIMIT)?;
            let Some(last) = ids.last().cloned() else { return Ok(unsure) };
            let fetched = self.fetch(side, &ids).await?;
            unsure |= self.store_fetched(side, fetched, Absence::Unlisted)?;
            after = Some(last);
        }
    }

    /// Stores what a fetch learnt; says whether something could not be learnt.
    pub(super) fn store_fetched(
        &self,
        side: Side,
        fetched: Vec<Fetched>,
        absence: Absence,
    ) -> Result<bool, Failure> {
        let mut page = Page::default();
        let mut unsure = false;
        for Fetched { id, outcome } in fetched {
            self.note_unread(side, &id, &outcome);
            match (outcome, absence) {
                (Outcome::Found(resource), _) => {
                    unsure |= matches!(absence, Absence::Unlisted);
                    page.present.push(*resource);
                }
                (Outcome::Unreadable(what), _) => page.sort(Change::Unreadable(what)),
                (Outcome::Gone, Absence::Believed | Absence::Unlisted) => page.gone.push(id),
                (Outcome::Gone, Absence::Ghost) => unsure = true,
                // Whatever was there before is replaced; nothing is waited for.
                (Outcome::NoEvent, _) => page.gone.push(id),
                (Outcome::Withheld(error), _) => {
                    tracing::debug!(%side, %error, "a resource is withheld; asked for again");
                    // It may as well be gone: the cursor has to say so again.
                    unsure |= !matches!(absence, Absence::Ghost);
                    page.unread.push(UnreadRow { id, reason: error.sentence().to_owned() });
                }
                (Outcome::Failed(error), _) => {
                    tracing::debug!(%side, %error, "a resource could not be read; asked again");
                    unsure = true;
                }
            }
        }
        self.store_unread(side, &page.unread)?;
        self.store_batch(side, &page.present, &page.unreadable, &page.gone)?;
        Ok(unsure)
    }

    /// One transaction of observation.
    pub(super) fn store_batch(
        &self,
        side: Side,
        present: &[Resource],
        unreadable: &[UnreadableRow],
        gone: &[ResourceId],
    ) -> Result<(), Failure> {
        if present.is_empty() && unreadable.is_empty() && gone.is_empty() {
            return Ok(());
        }
        let mut observation = observation(self.ctx.now());
        let provider = &self.pair.sides[side].provider;
        let beside = |was: &[u8], is: &[u8]| provider.is_edited_beside(was, is);
        observation.beside = Beside(&beside);
        observation.present = present.iter().map(sighting).collect();
        observation.unreadable = unreadable;
        observation.gone = gone;
        self.ctx.store.observe(self.id(), side, &observation)?;
        self.note_wanting(side, present);
        (self.ctx.progress)(Progress::Read((present.len() + gone.len()) as u64));
        Ok(())
    }

    /// Reads one resource again, because a write found it otherwise than it was known.
    pub(super) async fn look_again(&self, side: Side, id: &ResourceId) -> Result<Look, Failure> {
        let known = || self.ctx.store.resource(self.id(), side, id);
        let before = known()?;
        self.fetch_missing(side, std::slice::from_ref(id)).await?;
        let is_same = match (before, known()?) {
            (Some(before), Some(after)) => before.series.same_content(&after.series),
            (before, after) => before.is_none() && after.is_none(),
        };
        let is_read = !self.unread().contains_key(&(side, id.clone()));
        Ok(if is_same && is_read { Look::Same } else { Look::News })
    }
}

/// What another look at a resource showed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// What was known, in whatever version.
    Same,
    /// Something else, nothing, or that it can't be read now.
    News,
}

/// A resource with what the store compares and finds it by.
pub(super) fn sighting(resource: &Resource) -> Sighting<'_> {
    Sighting {
        resource,
        digest: store::digest(&resource.series),
        likeness: store::digest_bytes(&reconcile::likeness(&resource.series)),
    }
}

/// An observation of nothing yet.
pub(super) const fn observation<'a>(now: Timestamp) -> Observation<'a> {
    Observation {
        present: Vec::new(),
        unreadable: &[],
        unread: &[],
        gone: &[],
        cursor: None,
        full_at: None,
        now,
        rendered: reconcile::rendering,
        beside: Beside::NEVER,
    }
}

/// What a pass went through.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Passed {
    /// What changed.
    Difference,
    /// All there is.
    Everything,
    /// All there is, and that is nothing; not believed yet.
    Nothing,
}

/// How a pass ended.
pub(super) enum Pass {
    Done,
    /// The difference can't be one: a full pass is needed.
    Doubtful,
}

/// What the absence of a fetched resource means.
#[derive(Clone, Copy)]
pub(super) enum Absence {
    /// It is gone.
    Believed,
    /// It is gone, and rightly was not listed. If it is there, the listing was not all.
    Unlisted,
    /// It was listed a moment ago: nothing is certain.
    Ghost,
}

struct Taken {
    /// Items that say nothing new.
    repeated: u64,
    /// Something could not be read.
    unsure: bool,
}

/// The items of a page by kind.
#[derive(Default)]
struct Page {
    present: Vec<Resource>,
    listed: Vec<(ResourceId, Option<Version>)>,
    unreadable: Vec<UnreadableRow>,
    unread: Vec<UnreadRow>,
    gone: Vec<ResourceId>,
    missing: Vec<ResourceId>,
}

impl Page {
    /// Sorts the items; of several about one resource the last one counts.
    fn of(items: Vec<Change>) -> Self {
        let mut page = Self::default();
        let mut seen = HashSet::with_capacity(items.len());
        for item in items.into_iter().rev() {
            if seen.insert(item.id().clone()) {
                page.sort(item);
            }
        }
        page
    }

    fn sort(&mut self, item: Change) {
        match item {
            Change::Present(resource) => self.present.push(*resource),
            Change::Listed { id, version } => self.listed.push((id, version)),
            Change::Unreadable(what) => self.unreadable.push(UnreadableRow {
                id: what.id,
                version: what.version,
                uid: what.uid,
                reason: what.reason,
            }),
            Change::Gone(id) => self.gone.push(id),
            Change::Missing(id) => self.missing.push(id),
        }
    }

    /// What is there, with its version.
    fn sightings(&self) -> Vec<(ResourceId, Option<Version>)> {
        let present = self.present.iter().map(|held| (held.id.clone(), held.version.clone()));
        let broken = self.unreadable.iter().map(|held| (held.id.clone(), held.version.clone()));
        self.listed.iter().cloned().chain(present).chain(broken).collect()
    }
}
