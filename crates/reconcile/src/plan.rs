//! The plan: data, complete, without a choice left to whoever carries it out.

use std::collections::BTreeMap;
use std::fmt;

use model::{Field, FieldSet, MappingId, Redacted, ResourceId, Series, Side, Sides, Uid, When};

/// What has to be done about everything touched.
#[derive(Clone, Debug, Default)]
#[must_use = "a plan does nothing until it is carried out"]
pub struct Plan {
    /// One for each known series and each contact resource, in the order to carry them out.
    pub steps: Vec<Step>,
    /// Why nothing of it may be carried out.
    pub halt: Option<Halt>,
}

/// What is done about one series.
#[derive(Clone, Debug)]
pub struct Step {
    /// Which one.
    pub subject: Subject,
    /// Its UID.
    pub uid: Uid,
    /// Its title, for the person whose calendar it is.
    pub title: Option<Redacted<String>>,
    /// What was decided.
    pub decision: Decision,
    /// What to write on each side. Present only where something is to be written.
    pub writes: Sides<Option<Write>>,
    /// Edits that lost against the other side's, for history.
    pub overruled: Vec<Overruled>,
    /// Fields that somebody must choose about (policy `ask`).
    pub clashes: Vec<Clash>,
    /// What the step leaves open, so that the base must not learn it; see [`crate::agreed`].
    pub waiting: Waiting,
    /// What is still to be made anew on each side once the step is done.
    pub renew: Sides<FieldSet>,
    /// Why, in words, without private content.
    pub reason: String,
}

/// Which series a step is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A mapped one.
    Known(MappingId),
    /// New ones: the resource of each side that is (or is to be) one series.
    New(Sides<Option<ResourceId>>),
}

/// The outcome for one series, as in the decision table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Nothing to do: the base knows it all.
    Keep,
    /// Both sides agree; only the base must learn it.
    Adopt,
    /// It is gone from both sides; the mapping goes too.
    Forget,
    /// One side's state is carried over to this one.
    Copy(Side),
    /// It is deleted on this side.
    Delete(Side),
    /// Both sides changed; each gets what it lacks.
    Merge,
    /// Both sides changed one field, and somebody must choose. Other fields are merged.
    Conflict,
    /// It can't be synced: the reason says why.
    Problem(Side),
    /// It is not meant to be synced.
    Skip(Skip),
}

/// Why a series is not meant to be synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skip {
    /// It lies outside the window.
    Window,
    /// A rule of the configuration says so.
    Rule,
    /// The pair's direction says so.
    Direction,
}

/// One write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// Make it.
    Create(Series),
    /// Make this of it.
    Update(Series),
    /// Take it away.
    Delete,
}

/// An edit that lost, kept so that nothing is lost.
#[derive(Clone, Debug)]
pub struct Overruled {
    /// The side that lost.
    pub side: Side,
    /// The fields in which it lost.
    pub fields: FieldSet,
    /// What it held.
    pub before: Series,
    /// What it gets.
    pub after: Series,
}

/// What a step leaves as it is on both sides although they differ: clashes, and what a read-only
/// side or the pair's direction keeps from being written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Fields of the master.
    pub fields: FieldSet,
    /// Fields of overrides, by original start in the base; [`Field::Recurrence`] stands for whether
    /// there is an override or a cancellation.
    pub occurrences: BTreeMap<When, FieldSet>,
    /// All exceptions: their keys can't be told apart before the times are settled.
    pub every_occurrence: bool,
}

impl Waiting {
    /// These fields wait no more.
    pub(crate) fn without(&mut self, fields: FieldSet) {
        let rest = |waiting: FieldSet| fields.iter().fold(waiting, FieldSet::without);
        self.fields = rest(self.fields);
        self.occurrences.values_mut().for_each(|waiting| *waiting = rest(*waiting));
        self.occurrences.retain(|_, waiting| !waiting.is_empty());
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.occurrences.is_empty() && !self.every_occurrence
    }
}

/// One field that was changed differently on both sides.
#[derive(Clone, Debug)]
pub struct Clash {
    /// Which field.
    pub of: Field,
    /// Of which override, by original start; `None` for the series itself.
    pub at: Option<When>,
    /// `title`, or `title of 2026-03-02T09:00` for an override.
    pub field: String,
    /// What each side says.
    pub values: Sides<Redacted<String>>,
}

/// A field before and after, in words for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldChange {
    /// `title`, or `title of 2026-03-02T09:00` for an override.
    pub field: String,
    /// The value before.
    pub before: Option<Redacted<String>>,
    /// The value after.
    pub after: Option<Redacted<String>>,
}

/// Why a plan must not be carried out before somebody has looked at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Halt {
    /// Too many deletions: `37 deletions on right of 120`.
    Deletions {
        /// Where.
        on: Side,
        /// How many.
        count: u64,
        /// Of how many series.
        of: u64,
    },
}

impl fmt::Display for Halt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Halt::Deletions { on, count, of } => {
                let noun = if *count == 1 { "deletion" } else { "deletions" };
                write!(f, "{count} {noun} on {on} of {of}")
            }
        }
    }
}
