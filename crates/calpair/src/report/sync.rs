//! What a sync did, or would do.

use super::*;

/// `calpair sync`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sync {
    /// Every pair that was synced, in the order of the configuration.
    pub pairs: Vec<PairSync>,
}

/// What a cycle did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PairSync {
    /// The pair.
    pub name: String,
    /// How the cycle ended.
    pub outcome: Outcome,
    /// What was written on the left.
    pub left: Written,
    /// What was written on the right.
    pub right: Written,
    /// Series that were found equal on both sides and taken as one.
    pub adopted: u64,
    /// Series that were changed on both sides and merged.
    pub merged: u64,
    /// Conflicts that are open now.
    pub conflicts: u64,
    /// Problems that are open now.
    pub problems: u64,
    /// Requests sent.
    pub requests: Requests,
    /// How long the cycle took.
    pub duration_ms: u64,
    /// Why, when it didn't end well.
    pub reason: Option<String>,
    /// What to do then.
    #[serde(default)]
    pub action: Option<String>,
    /// With `--dry-run`: what would be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actions: Option<Vec<Action>>,
}

/// How a cycle ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Nothing had to be done.
    InSync,
    /// Something was done, and all of it.
    Changed,
    /// A dry run.
    Planned,
    /// The plan waits for approval.
    Halted,
    /// An account of the pair has to be connected.
    ReconnectNeeded,
    /// It failed and is tried again by itself.
    Retrying,
    /// It failed.
    Failed,
}

/// Writes on a side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// Series made.
    pub created: u64,
    /// Series changed.
    pub updated: u64,
    /// Series deleted.
    pub deleted: u64,
}

/// Requests to each side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requests {
    /// To the left one.
    pub left: u64,
    /// To the right one.
    pub right: u64,
}

/// What a dry run would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// `create`, `update`, `delete`, `adopt` or `forget`.
    pub action: String,
    /// Where.
    pub side: SideWord,
    /// The series.
    pub uid: String,
    /// Its title.
    pub title: Option<String>,
    /// Field by field.
    pub fields: Vec<FieldChange>,
    /// Why.
    pub reason: String,
}

/// A field before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldChange {
    /// Its name.
    pub field: String,
    /// What it was.
    pub before: Option<String>,
    /// What it becomes.
    pub after: Option<String>,
}

impl From<reconcile::FieldChange> for FieldChange {
    fn from(change: reconcile::FieldChange) -> Self {
        let reconcile::FieldChange { field, before, after } = change;
        let shown = |value: Option<Redacted<String>>| value.map(Redacted::into_inner);
        Self { field, before: shown(before), after: shown(after) }
    }
}
