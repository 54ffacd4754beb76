//! Mending: what a provider has to be told again although nobody has changed anything.
//!
//! Some series are several things at their provider, and a write of them was interrupted; some
//! stand there for a stretch of time only, which moves. Such a resource reads as what it is to be,
//! so there is nothing to plan; writing it once more as it is completes it. What that may do is
//! bound like every write: to the version that was read, to a side that may be written, and never
//! to a series with a write of unknown outcome. An interruption leaves it wanting, and it is found
//! again by the daily audit, or when it changes.

use std::sync::PoisonError;

use model::{Resource, Rights, Side};
use provider::ErrorKind;

use super::{Cycle, at};
use crate::report::{Failure, Report};

/// Resources mended in one cycle: each can take hundreds of requests.
const MOST: usize = 20;

impl Cycle<'_> {
    /// Notes which of the resources that were just read want mending.
    pub(super) fn note_wanting(&self, side: Side, present: &[Resource]) {
        let provider = &self.pair.sides[side].provider;
        let wanting = present.iter().filter(|resource| provider.is_wanting(resource));
        let wanting: Vec<(Side, Resource)> = wanting.map(|one| (side, one.clone())).collect();
        self.wanting.lock().unwrap_or_else(PoisonError::into_inner).extend(wanting);
    }

    /// Writes again what wants it and was not planned for; says how much. What fails is left for
    /// another time, unless the account itself can't be used.
    pub(super) async fn mend(&mut self, report: &mut Report) -> Result<u64, Failure> {
        let wanting =
            std::mem::take(self.wanting.get_mut().unwrap_or_else(PoisonError::into_inner));
        if wanting.is_empty() {
            return Ok(0);
        }
        let mut count = 0;
        let open = self.ctx.store.open_intents(self.id())?;
        for (place, (side, resource)) in wanting.iter().enumerate().take(MOST) {
            let is_newest = !wanting[place + 1..].iter().any(|(_, later)| later.id == resource.id);
            let is_unsettled = open.iter().any(|intent| {
                intent.side == *side && intent.resource.as_ref() == Some(&resource.id)
            });
            if !is_newest || is_unsettled || !self.may_write(*side) {
                continue;
            }
            let provider = &self.pair.sides[*side].provider;
            let calendar = &self.calendars[*side];
            match provider.update(calendar, resource, &resource.series).await {
                Ok(mended) => {
                    count += 1;
                    report.written[*side].updated += 1;
                    self.store_batch(*side, std::slice::from_ref(&mended), &[], &[])?;
                }
                Err(error) => match error.kind() {
                    ErrorKind::Unauthorized
                    | ErrorKind::RateLimited { .. }
                    | ErrorKind::WritesLimited { .. } => {
                        return Err(at(*side)(error));
                    }
                    ErrorKind::CursorExpired
                    | ErrorKind::Stale
                    | ErrorKind::Gone
                    | ErrorKind::AlreadyExists
                    | ErrorKind::Unavailable
                    | ErrorKind::Forbidden
                    | ErrorKind::Rejected
                    | ErrorKind::Malformed => {
                        tracing::debug!(%side, %error, "a resource could not be mended");
                    }
                },
            }
        }
        // What was read back of them is not wanting any more, or waits for the next cycle.
        self.wanting.get_mut().unwrap_or_else(PoisonError::into_inner).clear();
        Ok(count)
    }

    fn may_write(&self, side: Side) -> bool {
        let is_towards = match self.pair.rules.direction {
            reconcile::Direction::Both => true,
            reconcile::Direction::LeftToRight => side == Side::Right,
            reconcile::Direction::RightToLeft => side == Side::Left,
        };
        is_towards && self.row.sides[side].rights == Rights::Write
    }
}
