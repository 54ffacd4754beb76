//! `detach`: the end of a pair. With `--remove-copies`, what calpair made on each side goes too.
//!
//! First everything known of the pair is forgotten, then copies are deleted, one by one and only as
//! they were last seen: whatever happens in between, no deletion can cross to the other side. A
//! pair that still stands in the configuration is paused, so that it does not begin anew by itself.

use model::{CalendarId, Resource, Side, Sides};
use provider::ErrorKind;
use store::PairRow;

use super::accounts::failed;
use super::{Answer, Refusal, Service};
use crate::config;
use crate::control::Reply;
use crate::exit::Exit;

/// What becomes of copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Copies {
    /// They stay.
    Keep,
    /// They are deleted, unless they were changed since.
    Remove,
}

/// What `--remove-copies` asks for.
pub(super) const fn copies(remove: bool) -> Copies {
    if remove { Copies::Remove } else { Copies::Keep }
}

/// What became of a side's copies.
#[derive(Clone, Copy, Default)]
struct Removed {
    deleted: u64,
    kept: u64,
}

impl Service {
    pub(super) async fn detach(&self, name: &str, copies: Copies) -> Answer {
        let pair = self.pair_of(name)?;
        if copies == Copies::Remove {
            self.in_order(&pair).await?;
        }
        if let Some(supervisor) = &self.supervisor {
            supervisor.let_go(&pair.name).await;
        }
        let row = self.row_of(&pair)?;
        let doomed = match copies {
            Copies::Keep => Sides::default(),
            Copies::Remove => self.copies_of(&row)?,
        };
        self.ctx.store.remove_pair(row.id)?;
        let anew = self.row_of(&pair)?;
        self.ctx.store.set_paused(anew.id, true)?;
        let (reason, now) = ("detached; take it out of the configuration", self.ctx.now());
        let action = format!("calpair resume {name} begins it anew");
        self.ctx.store.put_pair_state(anew.id, "paused", now, Some(reason), Some(&action))?;
        let mut said = vec![format!("{name} is detached; take it out of the configuration now")];
        for side in Side::BOTH {
            let removed = self.remove(&pair, &row, side, &doomed[side]).await;
            if removed.deleted + removed.kept > 0 {
                said.push(format!(
                    "{side}: {} copies deleted, {} kept",
                    removed.deleted, removed.kept
                ));
            }
        }
        self.restart_changed();
        Ok(Reply::message(Exit::Fine, said.join("\n")))
    }

    /// Both accounts can be used, and their servers answer.
    async fn in_order(&self, pair: &config::Pair) -> Result<(), Refusal> {
        for (_, end) in pair.sides.iter() {
            let account = self.account_of(end.account.as_str())?;
            self.usable(&account)?;
            let reach = self.setup().roster.get(&account.name).cloned();
            if let Some(reach) = reach {
                let answered = reach.adapter.provider.identity().await;
                answered.map_err(|error| failed(account.name.as_str(), &error))?;
            }
        }
        Ok(())
    }

    /// What calpair made on each side, as it was last seen.
    fn copies_of(&self, row: &PairRow) -> Result<Sides<Vec<Resource>>, Refusal> {
        let ids = self.ctx.store.mapped_copies(row.id)?;
        let mut copies: Sides<Vec<Resource>> = Sides::default();
        for (side, ids) in ids.iter() {
            for id in ids {
                copies[side].extend(self.ctx.store.resource(row.id, side, id)?);
            }
        }
        Ok(copies)
    }

    async fn remove(
        &self,
        pair: &config::Pair,
        row: &PairRow,
        side: Side,
        doomed: &[Resource],
    ) -> Removed {
        let mut removed = Removed::default();
        let reach = self.setup().roster.get(&pair.sides[side].account).cloned();
        let calendar: Option<&CalendarId> = row.sides[side].calendar.as_ref();
        let (Some(reach), Some(calendar)) = (reach, calendar) else { return removed };
        let mut unreachable = false;
        for resource in doomed {
            if unreachable || self.ctx.stop.is_cancelled() {
                removed.kept += 1;
                continue;
            }
            match reach.adapter.provider.delete(calendar, resource).await {
                Ok(()) => removed.deleted += 1,
                Err(error) => {
                    removed.kept += 1;
                    unreachable = matches!(
                        error.kind(),
                        ErrorKind::Unavailable
                            | ErrorKind::Unauthorized
                            | ErrorKind::RateLimited { .. }
                    );
                    tracing::warn!(%side, %error, "a copy could not be deleted; it stays");
                }
            }
        }
        removed
    }
}
