//! What was done, what is open and what was found: history, conflicts, explanations, checks.

use super::*;

/// `calpair history`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// Every write, the latest first.
    pub changes: Vec<Change>,
}

/// A write in `history`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// To be named in `calpair restore`.
    pub id: String,
    /// When.
    pub at: At,
    /// The cycle that did it.
    pub run: String,
    /// The pair.
    pub pair: String,
    /// Where.
    pub side: SideWord,
    /// `create`, `update`, `delete`, or `overruled` for the loser of a conflict.
    pub action: String,
    /// The series.
    pub uid: String,
    /// Its title.
    pub title: Option<String>,
    /// Field by field.
    pub fields: Vec<FieldChange>,
    /// Why.
    pub reason: String,
}

/// `calpair conflicts`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflicts {
    /// Every open conflict.
    pub conflicts: Vec<Conflict>,
}

/// A conflict in `conflicts`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// To be named in `calpair resolve`.
    pub id: String,
    /// The pair.
    pub pair: String,
    /// The series.
    pub uid: String,
    /// Its title.
    pub title: Option<String>,
    /// Since when.
    pub since: At,
    /// The fields that differ.
    pub fields: Vec<FieldClash>,
}

/// A field that was changed differently on both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldClash {
    /// Its name.
    pub field: String,
    /// What the left side says.
    pub left: Option<String>,
    /// What the right side says.
    pub right: Option<String>,
}

/// `calpair explain PAIR EVENT`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanations {
    /// The pair.
    pub pair: String,
    /// Every series that was meant.
    pub events: Vec<Explanation>,
}

/// Why a series was or wasn't synced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// The series.
    pub uid: String,
    /// Its title.
    pub title: Option<String>,
    /// `synced`, `problem`, `conflict`, `skipped` or `waiting`.
    pub state: String,
    /// Sentences, the most important first.
    pub reasons: Vec<String>,
    /// What the left side can't hold.
    pub lost_left: Vec<String>,
    /// What the right side can't hold.
    pub lost_right: Vec<String>,
}

/// `calpair check` and `calpair doctor`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checks {
    /// What was looked at, in order.
    pub checks: Vec<Check>,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What: `configuration`, `state directory`, `account home`.
    pub name: String,
    /// How it stands.
    pub result: CheckResult,
    /// What was found.
    pub reason: Option<String>,
    /// What to do.
    pub action: Option<String>,
}

/// How something stands that was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckResult {
    /// As it should be.
    Ok,
    /// It works, and isn't as it should be.
    Warning,
    /// It doesn't work.
    Failed,
}
