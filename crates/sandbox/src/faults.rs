//! What goes wrong, and when: by step, for the next call of a kind, or by seeded chance.
//!
//! A step is one call of a provider or one HTTP request. Which faults fit which call is decided
//! here; what a fault does is played where the call is answered.

use std::time::Duration;

use crate::{Op, Random};

/// Something that goes wrong once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The call fails before it does anything.
    FailBefore,
    /// The call does its work, and the answer is lost.
    LostReply,
    /// Too many requests (429).
    RateLimited {
        /// The wait that the answer states.
        retry_after: Option<Duration>,
    },
    /// Out of order for now (503).
    OutOfOrder {
        /// The wait that the answer states.
        retry_after: Option<Duration>,
    },
    /// The server fails on a write, as it does under concurrent ones (500), and nothing happened.
    WriteFails,
    /// The resource is locked (423), and nothing happened.
    Locked,
    /// One refusal of a good credential (401).
    RefusedOnce,
    /// The connection leads to the wrong host (421).
    Misdirected,
    /// The cursor handed in is no longer known.
    CursorExpired,
    /// The cursor handed in is no longer known, and a full listing comes without a word about it.
    SilentFull,
    /// A user edits the resource between our read and our write.
    Race,
    /// What is written now is missing from the next listings, that many of them.
    Lag(u32),
    /// A listing names something that a fetch then does not find.
    Ghost,
    /// The answer is cut short.
    Truncated,
    /// A listing that says, in good order, that there is nothing.
    EmptyListing,
    /// A page of a web site, with status 200, in place of the answer.
    Html,
    /// A fetch leaves some ids out.
    Omitted,
    /// The content is not accepted, whatever it is.
    Rejected,
    /// The server changes its copy right after the write: new version, own additions.
    RewrittenAfter,
}

impl Fault {
    /// Every fault, with the values that the simulation uses.
    pub const ALL: [Fault; 19] = [
        Fault::FailBefore,
        Fault::LostReply,
        Fault::RateLimited { retry_after: Some(Duration::from_secs(120)) },
        Fault::OutOfOrder { retry_after: None },
        Fault::WriteFails,
        Fault::Locked,
        Fault::RefusedOnce,
        Fault::Misdirected,
        Fault::CursorExpired,
        Fault::SilentFull,
        Fault::Race,
        Fault::Lag(2),
        Fault::Ghost,
        Fault::Truncated,
        Fault::EmptyListing,
        Fault::Html,
        Fault::Omitted,
        Fault::Rejected,
        Fault::RewrittenAfter,
    ];

    /// Whether it can happen to such a call.
    pub const fn fits(self, op: Op) -> bool {
        match self {
            Fault::FailBefore
            | Fault::LostReply
            | Fault::RateLimited { .. }
            | Fault::OutOfOrder { .. }
            | Fault::RefusedOnce
            | Fault::Misdirected
            | Fault::Truncated
            | Fault::Html => true,
            Fault::CursorExpired | Fault::SilentFull => matches!(op, Op::Changes),
            Fault::EmptyListing => matches!(op, Op::Changes | Op::Calendars),
            Fault::Ghost => matches!(op, Op::Changes),
            Fault::Omitted => matches!(op, Op::Fetch),
            Fault::WriteFails | Fault::Locked => {
                matches!(op, Op::Create | Op::Update | Op::Delete)
            }
            Fault::Race => matches!(op, Op::Update | Op::Delete),
            Fault::Lag(_) => matches!(op, Op::Create),
            Fault::Rejected | Fault::RewrittenAfter => matches!(op, Op::Create | Op::Update),
        }
    }
}

/// Which calls a fault is meant for. Everything left open fits.
#[derive(Clone, Debug, Default)]
pub struct Aim {
    /// Only calls of this account.
    pub account: Option<String>,
    /// Only this kind of call.
    pub op: Option<Op>,
    /// Only this step, counted over the whole world from 1.
    pub step: Option<u64>,
    /// After this many fitting calls have passed.
    pub skip: u32,
}

impl Aim {
    /// The next call of this kind.
    pub fn op(op: Op) -> Self {
        Self { op: Some(op), ..Self::default() }
    }

    /// The call with this number.
    pub fn step(step: u64) -> Self {
        Self { step: Some(step), ..Self::default() }
    }

    /// Only calls of this account.
    #[must_use]
    pub fn on(mut self, account: &str) -> Self {
        self.account = Some(account.to_owned());
        self
    }

    /// After `count` fitting calls have passed.
    #[must_use]
    pub fn after(mut self, count: u32) -> Self {
        self.skip = count;
        self
    }

    fn fits(&self, account: &str, op: Op, step: u64) -> bool {
        self.account.as_deref().is_none_or(|wanted| wanted == account)
            && self.op.is_none_or(|wanted| wanted == op)
            && self.step.is_none_or(|wanted| wanted == step)
    }
}

/// The schedule of faults.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    planned: Vec<(Aim, Fault)>,
    chances: Vec<(Fault, u32)>,
}

impl Schedule {
    pub(crate) fn plan(&mut self, aim: Aim, fault: Fault) {
        self.planned.push((aim, fault));
    }

    /// From now on `fault` strikes `per_ten_thousand` of 10,000 calls that it fits.
    pub(crate) fn chance(&mut self, fault: Fault, per_ten_thousand: u32) {
        self.chances.retain(|(known, _)| *known != fault);
        self.chances.push((fault, per_ten_thousand));
    }

    pub(crate) fn clear(&mut self) {
        self.planned.clear();
        self.chances.clear();
    }

    /// What goes wrong with this call.
    pub(crate) fn draw(
        &mut self,
        account: &str,
        op: Op,
        step: u64,
        random: &mut Random,
    ) -> Option<Fault> {
        let mut struck = None;
        for (at, (aim, fault)) in self.planned.iter_mut().enumerate() {
            if !fault.fits(op) || !aim.fits(account, op, step) {
                continue;
            }
            match aim.skip {
                0 if struck.is_none() => struck = Some(at),
                0 => {}
                _ => aim.skip -= 1,
            }
        }
        if let Some(at) = struck {
            return Some(self.planned.remove(at).1);
        }
        let fitting = self.chances.iter().filter(|(fault, _)| fault.fits(op));
        let mut drawn = None;
        for (fault, chance) in fitting {
            if random.chance(*chance) && drawn.is_none() {
                drawn = Some(*fault);
            }
        }
        drawn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_planned_fault_strikes_where_it_was_aimed_and_once() {
        let mut schedule = Schedule::default();
        let mut random = Random::new(1);
        schedule.plan(Aim::op(Op::Create).on("b").after(1), Fault::LostReply);
        schedule.plan(Aim::step(9), Fault::FailBefore);
        let mut draw = |account: &str, op, step| schedule.draw(account, op, step, &mut random);
        assert_eq!(draw("b", Op::Update, 1), None);
        assert_eq!(draw("a", Op::Create, 2), None);
        assert_eq!(draw("b", Op::Create, 3), None);
        assert_eq!(draw("b", Op::Create, 4), Some(Fault::LostReply));
        assert_eq!(draw("b", Op::Create, 5), None);
        assert_eq!(draw("a", Op::Fetch, 9), Some(Fault::FailBefore));
    }

    #[test]
    fn chance_strikes_only_what_fits() {
        let mut schedule = Schedule::default();
        let mut random = Random::new(1);
        schedule.chance(Fault::Race, 10_000);
        assert_eq!(schedule.draw("a", Op::Create, 1, &mut random), None);
        assert_eq!(schedule.draw("a", Op::Update, 2, &mut random), Some(Fault::Race));
        schedule.clear();
        assert_eq!(schedule.draw("a", Op::Update, 3, &mut random), None);
    }
}
