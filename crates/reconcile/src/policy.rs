//! What the user decided about a pair.

use std::fmt;
use std::sync::Arc;

use model::{FieldSet, Rights, Sides, Timestamp};

/// The rules of a pair.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Which way changes cross.
    pub direction: Direction,
    /// What happens when one field was changed differently on both sides.
    pub conflict: Conflict,
    /// New series outside `[from, until)` are left out; `None` for all. What is mapped stays.
    pub window: Option<(Timestamp, Timestamp)>,
    /// When a plan has to be approved.
    pub limits: Limits,
    /// What crosses towards each side, and how it looks there.
    pub crossing: Sides<Crossing>,
    /// What each side can hold.
    pub fields: Sides<FieldSet>,
    /// What may be done on each side.
    pub rights: Sides<Rights>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            direction: Direction::Both,
            conflict: Conflict::Newest,
            window: None,
            limits: Limits::default(),
            crossing: Sides::default(),
            fields: Sides::new(FieldSet::ALL, FieldSet::ALL),
            rights: Sides::new(Rights::Write, Rights::Write),
        }
    }
}

/// Which way changes cross.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Both ways.
    Both,
    /// Only from left to right; nothing is written on the left.
    LeftToRight,
    /// Only from right to left; nothing is written on the right.
    RightToLeft,
}

/// Who wins where one field was changed differently on both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// The later change, as the sides date them; left when they don't say.
    Newest,
    /// Left.
    Left,
    /// Right.
    Right,
    /// Nobody, until somebody chooses.
    Ask,
}

/// A plan with more deletions than these on one side halts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Deletions in number.
    pub deletes: u64,
    /// Deletions in percent of the side's series; counts from [`Limits::PERCENT_FROM`] on.
    pub delete_percent: u64,
}

impl Limits {
    /// Below this number of deletions the percentage says nothing: two of three is no catastrophe.
    pub const PERCENT_FROM: u64 = 5;
}

impl Default for Limits {
    fn default() -> Self {
        Self { deletes: 20, delete_percent: 25 }
    }
}

/// What crosses towards a side, and how it looks there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Crossing {
    /// How much of an event crosses.
    pub detail: Detail,
    /// Stands before every title there.
    pub prefix: String,
    /// How it blocks time there.
    pub show_as: ShowAs,
    /// Whether reminders cross.
    pub reminders: Reminders,
    /// What becomes of people.
    pub attendees: Attendees,
    /// Series that don't cross.
    pub skip: SkipRules,
}

/// How much of an event crosses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// Everything that the other side can hold.
    #[default]
    Full,
    /// Times and title.
    Title,
    /// Times; the title is `Busy`.
    Busy,
}

/// How a copy blocks time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ShowAs {
    /// As the original does.
    #[default]
    Keep,
    /// Always busy.
    Busy,
    /// Always free.
    Free,
    /// Busy, tentatively.
    Tentative,
}

/// Whether reminders cross.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reminders {
    /// They do.
    #[default]
    Copy,
    /// They don't.
    None,
}

/// What becomes of people. They never cross as attendees: somebody would get mail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Attendees {
    /// A list at the end of the description.
    #[default]
    Text,
    /// Left out.
    Omit,
}

/// Which titles match: a function, because patterns are the configuration's business, and the text
/// that it was made from, by which two are told apart.
#[derive(Clone)]
pub struct TitlePattern {
    text: String,
    matches: Arc<dyn Fn(&str) -> bool + Send + Sync>,
}

impl TitlePattern {
    /// A pattern that was written as `text`.
    pub fn new(
        text: impl Into<String>,
        matches: impl Fn(&str) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self { text: text.into(), matches: Arc::new(matches) }
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether a title matches.
    pub fn matches(&self, title: &str) -> bool {
        (self.matches)(title)
    }
}

impl PartialEq for TitlePattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for TitlePattern {}

impl fmt::Debug for TitlePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TitlePattern")
    }
}

/// Which series don't cross.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SkipRules {
    /// Titles that match.
    pub title: Option<TitlePattern>,
    /// All-day events.
    pub all_day: bool,
    /// Those that the account's owner declined. Judged nowhere: an answer is no part of a series.
    pub declined: bool,
    /// Those that don't block time.
    pub free: bool,
    /// Those of class private or confidential.
    pub private: bool,
    /// Those in one of these categories, compared without case.
    pub categories: Vec<String>,
}
