//! The pure plan: from what both sides last agreed on and what they hold now, to what has to be
//! done. It can't fail, wait, log or know the time; what can't be synced is part of the answer.
//!
//! The path: [`align`] finds which resources of the two sides are one series, `decide` is the
//! decision table of ARCHITECTURE.md, `merge` settles it field by field and override by override,
//! `crossing` says what crosses to the other side and how it looks there, `guard` halts what looks
//! like a catastrophe, `order` puts the steps in an order that is safe at every point, `check` is a
//! linter for plans that shares no code with the rest, `explain` says it in words.

mod plan;
pub mod policy;
mod touched;

pub use plan::{Clash, Decision, FieldChange, Halt, Overruled, Plan, Skip, Step, Subject, Write};
pub use policy::{
    Attendees, Conflict, Crossing, Detail, Direction, Limits, Policy, Reminders, ShowAs,
};
pub use touched::{Contact, Held, Known, Now, Pending, Totals, Touched};
