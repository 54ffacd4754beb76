//! What a side lists and does not hand out.
//!
//! It is a problem of that series alone, and told as one; its counterpart waits. The cursor goes
//! on, and the resource is asked for by itself until it is read, or the provider says that it is
//! gone.

use model::{ResourceId, Side};
use provider::{FETCH_LIMIT, Outcome};
use store::UnreadRow;

use super::Cycle;
use super::observe::{Absence, observation};
use crate::report::Failure;

impl Cycle<'_> {
    /// Remembers for this cycle what could not be read, and forgets what was.
    pub(super) fn note_unread(&self, side: Side, id: &ResourceId, outcome: &Outcome) {
        let place = (side, id.clone());
        match outcome {
            Outcome::Withheld(error) | Outcome::Failed(error) => {
                self.unread().insert(place, error.sentence().to_owned());
            }
            Outcome::Found(_) | Outcome::Unreadable(_) | Outcome::Gone => {
                self.unread().remove(&place);
            }
        }
    }

    /// Asks for what was not handed out before, unless it was asked for in this cycle already.
    pub(super) async fn ask_again(&self, side: Side) -> Result<(), Failure> {
        let waiting = self.ctx.store.unread(self.id(), side, FETCH_LIMIT)?;
        let patience = &self.ctx.patience;
        if waiting.is_empty() {
            patience.has_all(&self.pair.name, side);
            return Ok(());
        }
        let wanted: Vec<ResourceId> = {
            let asked = self.unread();
            let is_new = |id: &ResourceId| !asked.contains_key(&(side, id.clone()));
            waiting.iter().map(|one| one.id.clone()).filter(is_new).collect()
        };
        if wanted.is_empty() || !patience.asks_again(&self.pair.name, side) {
            return Ok(());
        }
        let mut fetched = self.fetch(side, &wanted).await?;
        // That a synced event is gone is for a listing to say: whoever fails at a resource may as
        // well fail to find it.
        fetched.retain(|one| {
            let is_mapped = waiting.iter().any(|row| row.id == one.id && row.is_mapped);
            !(is_mapped && matches!(one.outcome, Outcome::Gone))
        });
        self.store_fetched(side, fetched, Absence::Believed).map(drop)
    }

    /// The cursor waits no longer for what could not be read: from now on it is asked for by
    /// itself.
    pub(super) fn keep_unread(&self, side: Side) -> Result<(), Failure> {
        let unread = self.unread();
        let of_side = unread.iter().filter(|((of, _), _)| *of == side);
        let row = |((_, id), reason): (&(Side, ResourceId), &String)| UnreadRow {
            id: id.clone(),
            reason: reason.clone(),
        };
        let rows: Vec<UnreadRow> = of_side.map(row).collect();
        drop(unread);
        self.store_unread(side, &rows)
    }

    pub(super) fn store_unread(&self, side: Side, unread: &[UnreadRow]) -> Result<(), Failure> {
        if unread.is_empty() {
            return Ok(());
        }
        let mut observation = observation(self.ctx.now());
        observation.unread = unread;
        self.ctx.store.observe(self.id(), side, &observation)?;
        Ok(())
    }

    /// Whether something that was never read may be what a side refuses to have twice.
    pub(super) fn may_be_unread(&self, side: Side) -> Result<bool, Failure> {
        let waiting = self.ctx.store.unread(self.id(), side, FETCH_LIMIT)?;
        Ok(waiting.iter().any(|one| one.uid.is_none()))
    }
}
