//! Settling writes whose outcome is unknown, after a crash or a lost reply.
//!
//! A creation is repeated under its key: the provider makes one, or says which one it made. One
//! that new rules have overtaken is looked for in all there is, and not repeated. An update or a
//! deletion is settled by looking. What is then known goes into the store as an observation,
//! together with what we had been about to write, so that our own half is nobody's edit; the plan
//! does the rest.

use std::time::Duration;

use model::{Resource, ResourceId, Series, Side};
use provider::{Error, ErrorKind, Outcome};
use reconcile::likeness;
use store::{ActionKind, IntentRow, SubjectRow, UnreadableRow, Wrote};

use super::rules::stated;
use super::{Cycle, at, own_uid};
use crate::errand::{self, Place};
use crate::report::Failure;

/// A server that failed under several writes at once is given this long to breathe.
const BREATH: Duration = Duration::from_millis(500);

/// Why a creation that new rules have overtaken stays open.
const UNSEEN: &str = "not everything in the calendar can be read, so it is not known whether its \
                      copy arrived there";

/// What settling one intent came to.
enum Settled {
    /// It is known what is there.
    Known,
    /// The provider failed again, on this one.
    Failed(Error),
}

impl Cycle<'_> {
    /// Settles every write whose outcome is unknown. Where rules have changed since, they overtake
    /// what was to be created.
    ///
    /// # Errors
    /// When the provider can't be asked: nothing new may be planned over unknown outcomes.
    pub(super) async fn settle(&self) -> Result<(), Failure> {
        // How conflicts are settled says nothing about what is to be there.
        let wanted = |mut rules: reconcile::Stated| {
            rules.remove(reconcile::CONFLICT);
            rules
        };
        if wanted(self.ctx.store.rules(self.id())?) == wanted(stated(&self.pair.rules)) {
            self.settle_open().await
        } else {
            self.settle_without_creating().await
        }
    }

    /// The same where nothing that was to be created is wanted as it was.
    ///
    /// # Errors
    /// As there.
    pub(super) async fn settle_without_creating(&self) -> Result<(), Failure> {
        self.ctx.store.overtake_creations(self.id())?;
        self.settle_open().await
    }

    async fn settle_open(&self) -> Result<(), Failure> {
        let open = self.ctx.store.open_intents(self.id())?;
        let (overtaken, due): (Vec<_>, Vec<_>) = open.into_iter().partition(|one| one.overtaken);
        self.settle_each(due).await?;
        self.take_back(overtaken).await
    }

    /// One at a time. One that fails although the provider answers otherwise is that series'
    /// problem, not the pair's: it stays open and is tried again in every cycle.
    async fn settle_each(&self, open: Vec<IntentRow>) -> Result<(), Failure> {
        for intent in open {
            let (side, subject) = (intent.side, intent.subject.clone());
            let uid = intent.target.as_ref().or(intent.before.as_ref()).map(|s| s.uid.clone());
            let Settled::Failed(error) = self.settle_one(intent).await? else { continue };
            if self.pair.sides[side].provider.identity().await.is_err() {
                return Err(at(side)(error));
            }
            if let Some(uid) = uid {
                let (reason, now) = (error.sentence(), self.ctx.now());
                self.ctx.store.set_aside(self.id(), &subject, side, &uid, reason, now)?;
            }
        }
        Ok(())
    }

    /// Creations that may be wanted no more, or not as they were: what arrived of them is looked
    /// for and belongs to its original, as the plan has to know; the rest was never made.
    async fn take_back(&self, creations: Vec<IntentRow>) -> Result<(), Failure> {
        for side in Side::BOTH {
            let own: Vec<&IntentRow> = creations.iter().filter(|one| one.side == side).collect();
            if own.is_empty() {
                continue;
            }
            let has_seen_all = self.has_seen_all(side).await?;
            for intent in own {
                match &intent.target {
                    Some(target) if !has_seen_all => {
                        let (subject, now) = (&intent.subject, self.ctx.now());
                        let store = &self.ctx.store;
                        store.set_aside(self.id(), subject, side, &target.uid, UNSEEN, now)?;
                    }
                    Some(target) => self.settle_by_uid(intent, target)?,
                    None => self.ctx.store.abandon(intent.id)?,
                }
            }
        }
        Ok(())
    }

    /// Finds out what became of what somebody asked for and was not answered. What is not known
    /// stays open, and nothing waits for it.
    ///
    /// # Errors
    /// When the account can't be used.
    pub(super) async fn settle_errands(&self) -> Result<(), Failure> {
        for row in self.ctx.store.open_errands(self.id())? {
            let side = row.side;
            let place = Place {
                pair: self.id(),
                side,
                provider: self.pair.sides[side].provider.as_ref(),
                calendar: &self.calendars[side],
            };
            match errand::settle_one(self.ctx, &place, &row).await {
                Err(Failure::Provider { error, .. }) if !error.kind().is_of_account() => {
                    tracing::debug!(%side, %error, "what was asked for is still not known");
                }
                outcome => outcome?,
            }
        }
        Ok(())
    }

    /// After a batch in which writes failed, once the server has had time to breathe. What was
    /// decided a moment ago still holds.
    pub(super) async fn settle_what_failed(&self) -> Result<(), Failure> {
        self.ctx.clock.sleep(BREATH).await;
        let mut open = self.ctx.store.open_intents(self.id())?;
        open.retain(|intent| !intent.overtaken);
        self.settle_each(open).await
    }

    async fn settle_one(&self, intent: IntentRow) -> Result<Settled, Failure> {
        match (intent.action, &intent.key, &intent.target, &intent.resource) {
            (ActionKind::Create, Some(key), Some(target), _) => {
                let (side, calendar) = (intent.side, &self.calendars[intent.side]);
                match self.pair.sides[side].provider.create(calendar, target, key).await {
                    Ok(made) => {
                        // It may have been made long ago, and edited since.
                        let ours = reconcile::rendering(target, &made.series);
                        self.record(intent.side, intent.id, &made, Some(&ours))?;
                    }
                    Err(error) => return self.not_created(&intent, target, error).await,
                }
                Ok(Settled::Known)
            }
            (ActionKind::Update, _, Some(target), Some(id)) => {
                self.settle_by_looking(&intent, id, Some(target)).await
            }
            (ActionKind::Delete, _, _, Some(id)) => self.settle_by_looking(&intent, id, None).await,
            (ActionKind::Create | ActionKind::Update | ActionKind::Delete, ..) => {
                self.ctx.store.abandon(intent.id)?;
                Ok(Settled::Known)
            }
        }
    }

    /// A repeated creation was not answered with what it made.
    async fn not_created(
        &self,
        intent: &IntentRow,
        target: &Series,
        error: Error,
    ) -> Result<Settled, Failure> {
        match error.kind() {
            ErrorKind::AlreadyExists
            | ErrorKind::Rejected
            | ErrorKind::Forbidden
            | ErrorKind::Stale => self.look_for_creation(intent, target, error).await,
            ErrorKind::Unavailable | ErrorKind::Malformed | ErrorKind::WritesLimited { .. } => {
                Ok(Settled::Failed(error))
            }
            ErrorKind::Gone
            | ErrorKind::CursorExpired
            | ErrorKind::RateLimited { .. }
            | ErrorKind::Unauthorized => Err(at(intent.side)(error)),
        }
    }

    /// A refusal says nothing about the first try, whose answer was lost: that is looked for by its
    /// UID in all there is. Given up too early, it would be made twice.
    async fn look_for_creation(
        &self,
        intent: &IntentRow,
        target: &Series,
        error: Error,
    ) -> Result<Settled, Failure> {
        if !self.has_seen_all(intent.side).await? {
            return Ok(Settled::Failed(error));
        }
        self.settle_by_uid(intent, target)?;
        Ok(Settled::Known)
    }

    /// Reads a whole calendar; whether all of it was readable.
    async fn has_seen_all(&self, side: Side) -> Result<bool, Failure> {
        let store = &self.ctx.store;
        store.forget_cursor(self.id(), side)?;
        self.pass(side, None).await?;
        let row = store.pair(&self.pair.name)?;
        Ok(row.is_some_and(|row| row.sides[side].full_at.is_some()))
    }

    /// After all there is was seen. Under a UID of our own, or with this creation's mark, it can
    /// only be ours. Any other may be somebody else's event, and meets the other side as such; but
    /// what new rules have overtaken must not be met as an original, and is ours if it says the
    /// same.
    fn settle_by_uid(&self, intent: &IntentRow, target: &Series) -> Result<(), Failure> {
        let (store, provider) = (&self.ctx.store, &self.pair.sides[intent.side].provider);
        let own = intent.key.as_ref().is_some_and(|key| target.uid == own_uid(key));
        let is_ours = |found: &Resource| {
            own || intent.key.as_ref().is_some_and(|key| provider.is_made_by(found, key))
                || (intent.overtaken && is_like(found, target))
        };
        let again = match &intent.subject {
            // What is made again under its former UID has been seen as somebody's doing.
            SubjectRow::Known(mapping) => store.resource_of(*mapping, intent.side)?,
            SubjectRow::New(_) => None,
        };
        let found = match again.filter(|found| own || is_like(found, target)) {
            Some(found) => Some(found),
            None => store.unmapped(self.id(), intent.side, &target.uid)?.filter(is_ours),
        };
        match found {
            Some(found) => {
                let ours = reconcile::rendering(target, &found.series);
                self.record(intent.side, intent.id, &found, Some(&ours))?;
            }
            None => store.abandon(intent.id)?,
        }
        Ok(())
    }

    async fn settle_by_looking(
        &self,
        intent: &IntentRow,
        id: &ResourceId,
        target: Option<&Series>,
    ) -> Result<Settled, Failure> {
        let store = &self.ctx.store;
        for fetched in self.fetch(intent.side, std::slice::from_ref(id)).await? {
            match fetched.outcome {
                Outcome::Found(found) => match target {
                    Some(target) if found.series.same_content(target) => {
                        if is_untouched(intent, &found.series)
                            && self.is_as_known(intent, &found)?
                        {
                            store.abandon(intent.id)?;
                        } else {
                            self.record(intent.side, intent.id, &found, None)?;
                        }
                        self.note_wanting(intent.side, std::slice::from_ref(&found));
                    }
                    Some(_) if !is_untouched(intent, &found.series) => {
                        store.mark_pending(intent.id, self.ctx.now())?;
                        self.store_batch(intent.side, &[*found], &[], &[])?;
                    }
                    Some(_) | None => {
                        store.abandon(intent.id)?;
                        self.store_batch(intent.side, &[*found], &[], &[])?;
                    }
                },
                Outcome::Gone | Outcome::NoEvent if target.is_none() => {
                    store.wrote(intent.id, Wrote::Deleted, self.ctx.now())?;
                }
                Outcome::Gone | Outcome::NoEvent => {
                    store.mark_pending(intent.id, self.ctx.now())?;
                    self.store_batch(intent.side, &[], &[], std::slice::from_ref(id))?;
                }
                Outcome::Unreadable(what) => {
                    store.abandon(intent.id)?;
                    let row = UnreadableRow {
                        id: what.id,
                        version: what.version,
                        uid: what.uid,
                        reason: what.reason,
                    };
                    self.store_batch(intent.side, &[], &[row], &[])?;
                }
                Outcome::Withheld(error) | Outcome::Failed(error) => {
                    return Ok(Settled::Failed(error));
                }
            }
        }
        Ok(Settled::Known)
    }

    /// Whether a resource is in the version that was known before the write: of one that changes no
    /// meaning only this tells that it never arrived.
    fn is_as_known(&self, intent: &IntentRow, found: &Resource) -> Result<bool, Failure> {
        let known = self.ctx.store.resource(self.id(), intent.side, &found.id)?;
        let version = known.and_then(|known| known.version);
        Ok(version.is_some() && version == found.version)
    }
}

/// Whether it says what was to be created, as far as that tells two events apart.
fn is_like(found: &Resource, target: &Series) -> bool {
    likeness(&found.series) == likeness(target)
}

/// Whether a side holds what it held before the write: then that never arrived.
fn is_untouched(intent: &IntentRow, found: &Series) -> bool {
    intent.before.as_ref().is_some_and(|before| found.same_content(before))
}
