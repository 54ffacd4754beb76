//! What a side lists and does not hand out.
//!
//! It is a problem of that series alone, and told as one; its counterpart waits. The cursor goes
//! on, and the resource is asked for by itself until it is read, or the provider says that it is
//! gone. Of many, a few are asked for at a time, others each time: a provider that fails at some
//! need not have asked about each of the rest.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use model::{ResourceId, Side};
use provider::{FETCH_LIMIT, Fetched, Outcome};
use store::{UnreadRow, Waiting};

use super::Cycle;
use super::observe::{Absence, observation};
use crate::report::Failure;

/// How many are asked for at first: few enough that a provider gets to each by itself, whatever
/// the others are.
const PORTION: usize = 20;

impl Cycle<'_> {
    /// Remembers for this cycle what could not be read, and forgets what was.
    pub(super) fn note_unread(&self, side: Side, id: &ResourceId, outcome: &Outcome) {
        let place = (side, id.clone());
        match outcome {
            Outcome::Withheld(error) | Outcome::Failed(error) => {
                self.unread().insert(place, error.sentence().to_owned());
            }
            Outcome::Found(_) | Outcome::Unreadable(_) | Outcome::Gone | Outcome::NoEvent => {
                self.unread().remove(&place);
            }
        }
    }

    /// Asks for what was not handed out before, unless it was asked for in this cycle already.
    pub(super) async fn ask_again(&self, side: Side) -> Result<(), Failure> {
        let mut waiting = self.ctx.store.unread(self.id(), side, usize::MAX)?;
        let patience = &self.ctx.patience;
        if waiting.is_empty() {
            patience.has_all(&self.pair.name, side);
            return Ok(());
        }
        if waiting.len() > PORTION {
            // The lot decides, so that nothing is always behind what is never handed out.
            waiting.sort_by_cached_key(|one| self.lot(&one.id));
        } else {
            let asked = self.unread();
            waiting.retain(|one| !asked.contains_key(&(side, one.id.clone())));
        }
        if waiting.is_empty() || !patience.asks_again(&self.pair.name, side) {
            return Ok(());
        }
        let mut portion = PORTION;
        while !waiting.is_empty() {
            let rest = waiting.split_off(portion.min(waiting.len()));
            let Some(fetched) = self.fetch_waiting(side, &waiting).await? else { break };
            let came = fetched.iter().filter(|one| is_settled(&one.outcome)).count();
            self.store_fetched(side, fetched, Absence::Believed)?;
            if came > 0 {
                // There is more to hope for: the next cycles ask as well.
                patience.has_all(&self.pair.name, side);
            }
            if came < waiting.len() {
                break;
            }
            waiting = rest;
            portion = (portion * 2).min(FETCH_LIMIT);
        }
        Ok(())
    }

    /// What became of these; nothing where the side does not answer. The cycle can do without them,
    /// and does not fail for their sake.
    async fn fetch_waiting(
        &self,
        side: Side,
        waiting: &[Waiting],
    ) -> Result<Option<Vec<Fetched>>, Failure> {
        let ids: Vec<ResourceId> = waiting.iter().map(|one| one.id.clone()).collect();
        let mut fetched = match self.fetch(side, &ids).await {
            Ok(fetched) => fetched,
            Err(Failure::Provider { error, .. }) if !error.kind().is_of_account() => {
                tracing::debug!(%side, %error, "what was not handed out was asked for in vain");
                return Ok(None);
            }
            Err(failure) => return Err(failure),
        };
        // That a synced event is gone is for a listing to say: whoever fails at a resource may as
        // well fail to find it.
        fetched.retain(|one| {
            let is_mapped = waiting.iter().any(|row| row.id == one.id && row.is_mapped);
            !(is_mapped && matches!(one.outcome, Outcome::Gone))
        });
        Ok(Some(fetched))
    }

    /// A number that is another one in each cycle.
    fn lot(&self, id: &ResourceId) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.begun.as_microsecond(), id.as_str()).hash(&mut hasher);
        hasher.finish()
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

/// Whether a side has said what a resource is, or that there is none.
fn is_settled(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Found(_) | Outcome::Unreadable(_) | Outcome::Gone | Outcome::NoEvent => true,
        Outcome::Withheld(_) | Outcome::Failed(_) => false,
    }
}
