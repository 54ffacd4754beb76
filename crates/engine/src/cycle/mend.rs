//! Mending: what a provider has to be told again although nobody has changed anything.
//!
//! Some series are several things at their provider, and a write of them was interrupted; some
//! stand there for a stretch of time only, which moves. Such a resource reads as what it is to be,
//! so there is nothing to plan; writing it once more as it is completes it. What that may do is
//! bound like every write: to the version that was read, to a side that may be written, and never
//! to a series with a write of unknown outcome or one that the other side has deleted. It is
//! journalled like every write, too: an interruption is settled in the next cycle, which finds it
//! wanting.

use std::sync::PoisonError;

use model::{Resource, Rights, Side, Sides};
use provider::ErrorKind;
use store::{ActionKind, IntentRow, NewIntent, SubjectRow};

use super::reaction::{Reaction, reaction};
use super::{Cycle, at};
use crate::report::{Failure, Report};

/// Resources mended in one cycle: each can take hundreds of requests.
const MOST: usize = 20;

/// What history says of it.
const REASON: &str = "nobody has changed it, and not all of it was there";

impl Cycle<'_> {
    /// Notes which of the resources that were just read want mending.
    pub(super) fn note_wanting(&self, side: Side, present: &[Resource]) {
        let provider = &self.pair.sides[side].provider;
        let wanting = present.iter().filter(|resource| provider.is_wanting(resource));
        let wanting: Vec<(Side, Resource)> = wanting.map(|one| (side, one.clone())).collect();
        self.wanting.lock().unwrap_or_else(PoisonError::into_inner).extend(wanting);
    }

    /// Writes again what wants it and is to stay; says on which sides it did.
    /// What fails is left for another time, unless the account itself can't be used.
    pub(super) async fn mend(&mut self, report: &mut Report) -> Result<Sides<bool>, Failure> {
        let wanting =
            std::mem::take(self.wanting.get_mut().unwrap_or_else(PoisonError::into_inner));
        let mut mended = Sides::new(false, false);
        if wanting.is_empty() {
            return Ok(mended);
        }
        let open = self.ctx.store.open_intents(self.id())?;
        let unsettled = |side: Side, resource: &Resource| {
            // A creation does not know yet what it makes.
            let is_made = |intent: &IntentRow| {
                let target = intent.target.as_ref().filter(|_| intent.action == ActionKind::Create);
                target.is_some_and(|target| target.uid == resource.series.uid)
            };
            let is_it = |intent: &IntentRow| {
                intent.resource.as_ref() == Some(&resource.id) || is_made(intent)
            };
            open.iter().any(|intent| intent.side == side && is_it(intent))
        };
        for (place, (side, resource)) in wanting.iter().enumerate().take(MOST) {
            let is_newest = !wanting[place + 1..].iter().any(|(_, later)| later.id == resource.id);
            let place = (*side, resource.id.clone());
            if !is_newest
                || unsettled(*side, resource)
                || self.mended.contains(&place)
                || self.ctx.stop.is_cancelled()
                || !self.may_write(*side)
            {
                continue;
            }
            let (subject, is_deserted) = self.ctx.store.subject(self.id(), *side, &resource.id)?;
            if is_deserted {
                // It is to be deleted here, too, and perhaps a part of it is already.
                continue;
            }
            self.mended.insert(place);
            mended[*side] |= self.mend_one(*side, resource, subject, report).await?;
        }
        Ok(mended)
    }

    /// One such write, with its intent before it and its record after it; false when nothing was
    /// written, or nobody knows.
    async fn mend_one(
        &self,
        side: Side,
        resource: &Resource,
        subject: SubjectRow,
        report: &mut Report,
    ) -> Result<bool, Failure> {
        let store = &self.ctx.store;
        let intent = NewIntent {
            subject,
            side,
            action: ActionKind::Update,
            key: None,
            resource: Some(&resource.id),
            before: Some(&resource.series),
            target: Some(&resource.series),
            run: self.run,
            reason: REASON,
            keeps_former: self.pair.sides[side].provider.puts_back(),
        };
        let Some(&intent) = store.begin(self.id(), &[intent], self.ctx.now())?.first() else {
            return Ok(false);
        };
        let (provider, calendar) = (&self.pair.sides[side].provider, &self.calendars[side]);
        let error = match provider.update(calendar, resource, &resource.series).await {
            Ok(mended) => {
                report.written[side].updated += 1;
                self.record(side, intent, &mended, None)?;
                return Ok(true);
            }
            Err(error) => error,
        };
        match reaction(error.kind()) {
            Reaction::LookAgain if error.kind() == ErrorKind::Gone => {
                store.abandon(intent)?;
                self.look_again(side, &resource.id).await?;
            }
            // The next cycle looks, and finds it wanting again: nothing else would.
            Reaction::Unknown | Reaction::LookAgain => {}
            Reaction::Stop | Reaction::StopSide => {
                store.abandon(intent)?;
                return Err(at(side)(error));
            }
            Reaction::Taken | Reaction::SetAside => store.abandon(intent)?,
        }
        let uid = &resource.series.uid;
        tracing::debug!(%side, %uid, %error, "a resource could not be mended");
        Ok(false)
    }

    fn may_write(&self, side: Side) -> bool {
        let is_towards = match self.pair.rules.direction {
            reconcile::Direction::Both => true,
            reconcile::Direction::LeftToRight => side == Side::Right,
            reconcile::Direction::RightToLeft => side == Side::Left,
        };
        is_towards && !self.limited[side] && self.row.sides[side].rights == Rights::Write
    }
}
