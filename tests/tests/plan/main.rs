//! The plan from outside: every small state, a table of cases, properties, planted faults.
#![allow(clippy::unwrap_used, reason = "tests")]

mod align;
mod exhaustive;
mod planted;
mod properties;
mod sets;
mod table;
mod veil;
mod words;
mod world;
