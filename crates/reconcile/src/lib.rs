//! The pure plan: from what both sides last agreed on and what they hold now, to what has to be
//! done. It can't fail, wait, log or know the time; what can't be synced is part of the answer.
//!
//! The path: `align` finds which resources of the two sides are one series, `decide` is the
//! decision table of ARCHITECTURE.md, `merge` settles it field by field and override by override,
//! `sets` does so element by element, `crossing` says what crosses to the other side and how it
//! looks there, `guard` halts what looks like a catastrophe, `order` puts the steps in an order
//! that is safe at every point, `check` is a linter for plans that shares no code with the rest,
//! `explain` says it in words. After a step, [`agreed`] says what both sides have agreed on. When
//! the rules have changed, `stated` says which fields of the copies have to be made anew. Where no
//! mapping says which of two is the copy, `veil` finds it.

use std::collections::BTreeSet;

use model::{MappingId, Side, Sides, Uid};

mod agreed;
mod align;
mod apart;
mod check;
mod crossing;
mod decide;
mod explain;
mod guard;
mod keys;
mod merge;
mod naming;
mod occurrences;
mod order;
mod people;
mod plan;
pub mod policy;
mod rendering;
mod sets;
mod skip;
mod stated;
mod touched;
mod unagreed;
mod veil;
mod verdict;
mod words;

pub use agreed::agreed;
pub use align::likeness;
pub use apart::apart;
pub use check::{Rule, Violation, check};
pub use explain::{cannot_hold, difference};
pub use plan::{
    Clash, Decision, FieldChange, Halt, Overruled, Plan, Skip, Step, Subject, Waiting, Write,
};
pub use policy::{
    Attendees, Conflict, Crossing, Detail, Direction, Limits, Policy, Reminders, ShowAs, SkipRules,
    TitlePattern,
};
pub use rendering::rendering;
pub use stated::{CONFLICT, DIRECTION, Stated, renewed, stated, unheard};
pub use touched::{Contact, Held, Known, Now, Pending, Totals, Touched};

/// What has to be done about everything touched: one step for each known series, and for each
/// series that the resources of a contact make up.
pub fn plan(touched: &Touched, policy: &Policy, totals: &Totals) -> Plan {
    let known = touched.known.iter().map(|known| decide::known(known, policy));
    let mut steps: Vec<Step> = known.collect();
    let freed: Sides<BTreeSet<Uid>> = Sides::from_fn(|side| {
        let deleted = steps.iter().filter(|step| step.writes[side] == Some(Write::Delete));
        deleted.map(|step| step.uid.clone()).collect()
    });
    let touched_uids = Sides::from_fn(|side| taken_uids(&touched.known, side));
    for contact in &touched.contacts {
        let mut taken = touched_uids.clone();
        Side::BOTH.into_iter().for_each(|side| taken[side].extend(&contact.taken[side]));
        for aligned in align::align(contact, &taken) {
            let mut step = decide::aligned(&aligned, contact, policy);
            decide::refuse_taken_uid(&mut step, &taken, &freed);
            steps.push(step);
        }
    }
    order::order(&mut steps);
    Plan { steps, halt: guard::guard(&policy.limits, totals) }
}

/// The deletions that a plan of these series has: which, and where. It takes all that one side has
/// lost, batch by batch, to know what there is to weigh.
pub fn due(known: &[Known], policy: &Policy) -> Vec<(MappingId, Side)> {
    let deleted = |known: &Known| {
        let step = decide::known(known, policy);
        let deletes = step.writes.iter().find(|(_, write)| **write == Some(Write::Delete));
        deletes.map(|(side, _)| (known.mapping, side))
    };
    known.iter().filter_map(deleted).collect()
}

fn taken_uids(known: &[Known], side: Side) -> BTreeSet<&Uid> {
    known
        .iter()
        .filter_map(|known| match &known.now[side] {
            Now::Present(held) => Some(&held.series.uid),
            Now::Absent | Now::Unreadable { .. } => None,
        })
        .collect()
}
