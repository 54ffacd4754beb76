//! What a cycle did: for the exit code, the log, the status and `sync --json`.

use std::time::Duration;

use model::{Redacted, Side, Sides, Uid};
use provider::Error;
use reconcile::{FieldChange, Halt};
use store::{RunRow, Written};

/// The outcome of a cycle of one pair.
#[derive(Debug)]
pub struct Report {
    /// How it ended.
    pub outcome: Outcome,
    /// What was written where.
    pub written: Sides<Counts>,
    /// Series that were the same on both sides already and are now known to be one.
    pub adopted: u64,
    /// Series that were changed on both sides and put together.
    pub merged: u64,
    /// Conflicts that are open now.
    pub conflicts: u64,
    /// Problems that are open now.
    pub problems: u64,
    /// Requests sent.
    pub requests: Sides<u64>,
    /// How long it took.
    pub duration: Duration,
    /// What the plan would do that needs approval: `37 deletions on right of 120`. Of a dry run
    /// too.
    pub halt: Option<String>,
    /// For a dry run: what would be done.
    pub actions: Vec<PlannedAction>,
}

impl Report {
    /// A report of a cycle that ended so and did nothing yet.
    pub(crate) fn new(outcome: Outcome) -> Self {
        Self {
            outcome,
            written: Sides::default(),
            adopted: 0,
            merged: 0,
            conflicts: 0,
            problems: 0,
            requests: Sides::default(),
            duration: Duration::ZERO,
            halt: None,
            actions: Vec::new(),
        }
    }

    /// The record of the run.
    pub(crate) fn row(&self) -> RunRow<'static> {
        let written = |counts: Counts| Written {
            created: counts.created,
            updated: counts.updated,
            deleted: counts.deleted,
        };
        RunRow {
            outcome: self.outcome.as_str(),
            requests: self.requests,
            written: self.written.map(written),
            adopted: self.adopted,
            merged: self.merged,
            conflicts: self.conflicts,
            problems: self.problems,
            duration_ms: u64::try_from(self.duration.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

/// What was written on a side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Series made.
    pub created: u64,
    /// Series changed.
    pub updated: u64,
    /// Series deleted.
    pub deleted: u64,
}

impl Counts {
    /// How many writes.
    pub const fn total(self) -> u64 {
        self.created + self.updated + self.deleted
    }
}

/// How a cycle ended.
#[derive(Debug)]
pub enum Outcome {
    /// Nothing had to be done.
    InSync,
    /// Something was done, and all of it.
    Changed,
    /// A dry run.
    Planned,
    /// Nothing was written: somebody must look first.
    Halted(Halt),
    /// The cycle stopped.
    Failed(Failure),
}

impl Outcome {
    /// The word in run records.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Outcome::InSync => "in-sync",
            Outcome::Changed => "changed",
            Outcome::Planned => "planned",
            Outcome::Halted(_) => "halted",
            Outcome::Failed(_) => "failed",
        }
    }
}

/// Why a cycle stopped.
#[derive(Debug)]
pub enum Failure {
    /// A side's provider.
    Provider {
        /// Which side.
        side: Side,
        /// What it said.
        error: Error,
    },
    /// The calendar of a side can't be had; nothing is written because of it.
    Calendar {
        /// Which side.
        side: Side,
        /// Why, and what to do.
        reason: String,
    },
    /// The store.
    Store(store::Error),
    /// The plan did not pass its check: a fault of calpair. Nothing was written.
    Check(String),
}

impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Self {
        Failure::Store(error)
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Failure::Provider { side, error } => write!(f, "{side}: {error}"),
            Failure::Calendar { side, reason } => write!(f, "{side}: {reason}"),
            Failure::Store(error) => write!(f, "{error}"),
            Failure::Check(violation) => {
                write!(f, "the plan failed its own check ({violation}); please report this")
            }
        }
    }
}

/// One planned action, for a dry run.
#[derive(Clone, Debug)]
pub struct PlannedAction {
    /// `create`, `update`, `delete`, `adopt` or `forget`.
    pub action: &'static str,
    /// Where.
    pub side: Side,
    /// The series.
    pub uid: Uid,
    /// Its title.
    pub title: Option<Redacted<String>>,
    /// Field by field.
    pub fields: Vec<FieldChange>,
    /// Why.
    pub reason: String,
}
