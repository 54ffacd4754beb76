//! The engine: observe, plan, execute, settle; when, and under which supervision.
//!
//! It knows no provider, no text form and no SQL. What it decides is when something is done and in
//! what order durable and remote effects follow each other; what is to be done is decided by
//! [`reconcile`], a pure function. The executor makes no choice.

pub mod account;
mod alert;
mod ask;
mod attend;
mod chance;
mod clock;
mod cycle;
mod errand;
mod pair;
mod patience;
mod report;
pub mod schedule;
pub mod supervise;

pub use alert::{Alert, AlertEvent, Alerts, Phase};
pub use ask::{ask_leave, heard, refusals_mean_nothing_until, without_credential};
pub use attend::{Attended, PairState, attend};
pub use chance::Chance;
pub use clock::Clock;
pub use cycle::{Mode, cycle, settle};
pub use errand::{Errand, Place, Ran, run as run_errand};
pub use pair::{Context, Credential, Pair, PairSide, Progress, Rules, Window};
pub use report::{Counts, Failure, Outcome, PlannedAction, Report};
