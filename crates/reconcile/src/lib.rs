//! The pure plan: from what both sides last agreed on and what they hold now, to what has to be
//! done. It can't fail, wait, log or know the time; what can't be synced is part of the answer.
//!
//! The path: `align` finds which resources of the two sides are one series, `decide` is the
//! decision table of ARCHITECTURE.md, `merge` settles it field by field and override by override,
//! `crossing` says what crosses to the other side and how it looks there, `guard` halts what looks
//! like a catastrophe, `order` puts the steps in an order that is safe at every point, `check` is a
//! linter for plans that shares no code with the rest, `explain` says it in words. After a step,
//! [`agreed`] says what both sides have agreed on.

mod agreed;
mod align;
mod check;
mod crossing;
mod decide;
mod explain;
mod guard;
mod keys;
mod merge;
mod occurrences;
mod order;
mod people;
mod plan;
pub mod policy;
mod touched;
mod verdict;
mod words;

pub use agreed::agreed;
pub use align::likeness;
pub use check::{Rule, Violation, check};
pub use explain::{cannot_hold, difference};
pub use plan::{
    Clash, Decision, FieldChange, Halt, Overruled, Plan, Skip, Step, Subject, Waiting, Write,
};
pub use policy::{
    Attendees, Conflict, Crossing, Detail, Direction, Limits, Policy, Reminders, ShowAs, SkipRules,
    TitlePattern,
};
pub use touched::{Contact, Held, Known, Now, Pending, Totals, Touched};

/// What has to be done about everything touched: one step for each known series, and for each
/// series that the resources of a contact make up.
pub fn plan(touched: &Touched, policy: &Policy, totals: &Totals) -> Plan {
    let known = touched.known.iter().map(|known| decide::known(known, policy));
    let aligned = touched.contacts.iter().flat_map(align::align);
    let new = aligned.map(|aligned| decide::contact(&aligned, policy));
    let mut steps: Vec<Step> = known.chain(new).collect();
    order::order(&mut steps);
    Plan { steps, halt: guard::guard(&policy.limits, totals) }
}
