//! The plan from outside: every small state, a table of cases, properties, planted faults.
#![allow(clippy::unwrap_used, reason = "tests")]

mod exhaustive;
mod table;
mod world;
