//! `pause`, `resume` and `approve`: what a person decides about a pair.

use model::{Side, Sides};

use super::overview::digest;
use super::{Answer, Refusal, Service};
use crate::control::Reply;
use crate::exit::Exit;
use crate::text;

impl Service {
    /// Once it is answered nothing is written any more: a cycle under way ends early, and what it
    /// began is settled when the pair goes on.
    pub(super) async fn pause(&self, name: &str) -> Answer {
        let row = self.row_of(&self.pair_of(name)?)?;
        if row.paused {
            return Ok(Reply::message(Exit::Fine, format!("{name} is paused already")));
        }
        self.ctx.store.set_paused(row.id, true)?;
        drop(self.let_go(&row.name).await);
        let (now, action) = (self.ctx.now(), format!("calpair resume {name}"));
        let reason = Some("paused by hand");
        self.ctx.store.put_pair_state(row.id, "paused", now, reason, Some(&action))?;
        self.restart_changed();
        Ok(Reply::message(Exit::Fine, format!("{name} is paused, until `calpair resume {name}`")))
    }

    pub(super) fn resume(&self, name: &str) -> Answer {
        let row = self.row_of(&self.pair_of(name)?)?;
        if !row.paused {
            return Ok(Reply::message(Exit::Fine, format!("{name} is not paused")));
        }
        if row.detaching {
            // What was removed must not look deleted: both sides are met as for the first time.
            self.ctx.store.remove_pair(row.id)?;
            self.row_of(&self.pair_of(name)?)?;
            self.wake(&row.name);
            return Ok(Reply::message(Exit::Fine, format!("{name} begins anew{}", self.when())));
        }
        self.ctx.store.set_paused(row.id, false)?;
        self.ctx.store.retry_read_only(row.id)?;
        // What it is now, only a cycle can tell.
        let (state, reason) = match row.last_success {
            Some(_) => ("retrying", Some("resumed; the next cycle will tell")),
            None => ("new", None),
        };
        self.ctx.store.put_pair_state(row.id, state, self.ctx.now(), reason, None)?;
        self.wake(&row.name);
        Ok(Reply::message(Exit::Fine, format!("{name} goes on{}", self.when())))
    }

    /// Lets the halted plan through as it was shown. What came to it since is shown first.
    pub(super) fn approve(&self, name: &str) -> Answer {
        let row = self.row_of(&self.pair_of(name)?)?;
        let proposal = self.ctx.store.proposal(row.id)?;
        if proposal.is_empty() {
            let sentence = match row.state.as_str() {
                "halted" => format!(
                    "{name} is halted, but nothing was shown that could be approved; \
                     look at `calpair sync {name} --dry-run` first"
                ),
                _ => format!("{name} is not halted; there is nothing to approve"),
            };
            return Err(Refusal::usage(sentence));
        }
        let what = deletions(proposal.iter().map(|row| row.side));
        if proposal.iter().any(|row| !row.shown) {
            self.ctx.store.proposal_shown(row.id)?;
            return Err(Refusal::new(
                Exit::Halted,
                format!(
                    "nothing is approved: since the plan was last looked at it became {what}; \
                     `calpair sync {name} --dry-run` shows it, `calpair approve {name}` again lets \
                     it through"
                ),
            ));
        }
        let rows: Vec<_> = proposal.into_iter().map(|row| (row.mapping, row.side)).collect();
        self.ctx.store.approve(row.id, &rows, self.ctx.now())?;
        self.wake(&row.name);
        Ok(Reply::message(Exit::Fine, format!("approved: {what}{}", self.when())))
    }

    /// Lets the halted plan through if it is still the one that was shown under this digest.
    pub(crate) fn approve_shown(&self, name: &str, shown: &str) -> Reply {
        let approve = || {
            let row = self.row_of(&self.pair_of(name)?)?;
            let proposal = self.ctx.store.proposal(row.id)?;
            if proposal.is_empty() || digest(&proposal) != shown {
                let sentence = format!(
                    "nothing is approved: the plan of {name} is another one by now; look again"
                );
                return Err(Refusal::new(Exit::Halted, sentence));
            }
            self.ctx.store.proposal_shown(row.id)?;
            self.approve(name)
        };
        approve().unwrap_or_else(Refusal::into_reply)
    }

    /// When what was decided is done.
    pub(super) fn when(&self) -> &'static str {
        if self.is_daemon() { ", now" } else { ", with the next `calpair sync` or `calpair run`" }
    }
}

/// `25 deletions on right and 1 on left`, the most first.
fn deletions(sides: impl Iterator<Item = Side>) -> String {
    let mut numbers = Sides::new(0_u64, 0_u64);
    sides.for_each(|side| numbers[side] += 1);
    let mut numbers: Vec<_> = numbers.iter().map(|(side, number)| (*number, side)).collect();
    numbers.retain(|(number, _)| *number > 0);
    numbers.sort_by_key(|(number, _)| std::cmp::Reverse(*number));
    let named = |(at, (number, side)): (usize, &(u64, Side))| match at {
        0 => format!("{} on {side}", text::counted(*number, "deletion")),
        _ => format!("{number} on {side}"),
    };
    numbers.iter().enumerate().map(named).collect::<Vec<_>>().join(" and ")
}
