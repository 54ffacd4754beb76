//! `pause`, `resume` and `approve`: what a person decides about a pair.

use model::Sides;

use super::{Answer, Refusal, Service};
use crate::control::Reply;
use crate::exit::Exit;

impl Service {
    pub(super) fn pause(&self, name: &str) -> Answer {
        let row = self.row_of(&self.pair_of(name)?)?;
        if row.paused {
            return Ok(Reply::message(Exit::Fine, format!("{name} is paused already")));
        }
        self.ctx.store.set_paused(row.id, true)?;
        let (now, action) = (self.ctx.now(), format!("calpair resume {name}"));
        self.ctx.store.put_pair_state(
            row.id,
            "paused",
            now,
            Some("paused by hand"),
            Some(&action),
        )?;
        Ok(Reply::message(Exit::Fine, format!("{name} is paused, until `calpair resume {name}`")))
    }

    pub(super) fn resume(&self, name: &str) -> Answer {
        let row = self.row_of(&self.pair_of(name)?)?;
        if !row.paused {
            return Ok(Reply::message(Exit::Fine, format!("{name} is not paused")));
        }
        self.ctx.store.set_paused(row.id, false)?;
        // What it is now, only a cycle can tell.
        let (state, reason) = match row.last_success {
            Some(_) => ("retrying", Some("resumed; the next cycle will tell")),
            None => ("new", None),
        };
        self.ctx.store.put_pair_state(row.id, state, self.ctx.now(), reason, None)?;
        self.wake(&row.name);
        Ok(Reply::message(Exit::Fine, format!("{name} goes on{}", self.when())))
    }

    pub(super) fn approve(&self, name: &str) -> Answer {
        let row = self.row_of(&self.pair_of(name)?)?;
        let due = self.ctx.store.due_deletions(row.id)?;
        if row.state != "halted" || due.is_empty() {
            return Err(Refusal::usage(format!(
                "{name} is not halted; there is nothing to approve"
            )));
        }
        let mut numbers = Sides::new(0_u64, 0_u64);
        for (_, side, _) in &due {
            numbers[*side] += 1;
        }
        let due: Vec<_> = due.into_iter().map(|(mapping, side, _)| (mapping, side)).collect();
        self.ctx.store.approve(row.id, &due, self.ctx.now())?;
        self.wake(&row.name);
        let counted = numbers.iter().filter(|(_, number)| **number > 0);
        let counted: Vec<String> =
            counted.map(|(side, number)| format!("{number} on {side}")).collect();
        let sentence = format!("approved: deletions, {}{}", counted.join(" and "), self.when());
        Ok(Reply::message(Exit::Fine, sentence))
    }

    /// When what was decided is done.
    fn when(&self) -> &'static str {
        if self.is_daemon() { ", now" } else { ", with the next `calpair sync` or `calpair run`" }
    }
}
