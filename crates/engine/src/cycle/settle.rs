//! Settling writes whose outcome is unknown, after a crash or a lost reply.
//!
//! A creation is repeated under its key: the provider makes one, or says which one it made. An
//! update or a deletion is settled by looking. What is then known goes into the store as an
//! observation, together with what we had been about to write, so that our own half is nobody's
//! edit; the plan does the rest.

use std::time::Duration;

use model::{Resource, ResourceId, Series};
use provider::{Error, ErrorKind, Outcome};
use store::{ActionKind, IntentRow, UnreadableRow, Wrote};

use super::{Cycle, at, own_uid};
use crate::errand::{self, Place};
use crate::report::Failure;

/// A server that failed under several writes at once is given this long to breathe.
const BREATH: Duration = Duration::from_millis(500);

/// What settling one intent came to.
enum Settled {
    /// It is known what is there.
    Known,
    /// The provider failed again, on this one.
    Failed(Error),
}

impl Cycle<'_> {
    /// Settles every write whose outcome is unknown, one at a time. One that fails although the
    /// provider answers otherwise is that series' problem, not the pair's: it stays open and is
    /// tried again in every cycle.
    ///
    /// # Errors
    /// When the provider can't be asked: nothing new may be planned over unknown outcomes.
    pub(super) async fn settle(&mut self) -> Result<(), Failure> {
        for intent in self.ctx.store.open_intents(self.id())? {
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

    /// After a batch in which writes failed: as [`Cycle::settle`], once the server has had time to
    /// breathe.
    pub(super) async fn settle_what_failed(&mut self) -> Result<(), Failure> {
        self.ctx.clock.sleep(BREATH).await;
        self.settle().await
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
        let store = &self.ctx.store;
        store.forget_cursor(self.id(), intent.side)?;
        self.pass(intent.side, None).await?;
        let row = store.pair(&self.pair.name)?;
        if row.is_none_or(|row| row.sides[intent.side].full_at.is_none()) {
            return Ok(Settled::Failed(error));
        }
        // Under a UID of our own it can only be ours. Any other may be somebody else's event; it
        // meets the other side as such.
        let own = intent.key.as_ref().is_some_and(|key| target.uid == own_uid(key));
        let found = store.unmapped(self.id(), intent.side, &target.uid)?;
        match found.filter(|_| own) {
            Some(found) => {
                let ours = reconcile::rendering(target, &found.series);
                self.record(intent.side, intent.id, &found, Some(&ours))?;
            }
            None => store.abandon(intent.id)?,
        }
        Ok(Settled::Known)
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
                Outcome::Gone if target.is_none() => {
                    store.wrote(intent.id, Wrote::Deleted, self.ctx.now())?;
                }
                Outcome::Gone => {
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

/// Whether a side holds what it held before the write: then that never arrived.
fn is_untouched(intent: &IntentRow, found: &Series) -> bool {
    intent.before.as_ref().is_some_and(|before| found.same_content(before))
}
