//! The unit of sync: a master with its overrides, a single event, or overrides without a master
//! (RFC 4791 section 4.1: an attendee invited to some occurrences only).

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::{Event, Recurrence, Uid, When};

/// A series as one side holds it, in canonical form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// The iCalendar UID; identity, not content.
    pub uid: Uid,
    /// The master; `None` when only overrides are known.
    pub master: Option<Event>,
    /// How the master repeats.
    pub recurrence: Recurrence,
    /// What differs, by original start, which is in the kind and zone of the master's start. A
    /// cancelled override and an EXDATE are the same thing.
    pub exceptions: BTreeMap<When, Exception>,
    /// When it was last changed, as the side says; orders conflicts, is no part of the content.
    pub modified: Option<Timestamp>,
    /// From its first to its last occurrence; computed, no part of the content.
    pub extent: Extent,
    /// Whether whose account it is has declined it; asked by rules, no part of the content.
    pub declined: bool,
}

/// One occurrence that is not as the master says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exception {
    /// It does not take place.
    Cancelled,
    /// It takes place as this event says, every field of it.
    Override(Box<Event>),
}

/// From when to when occurrences lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// The start of the first occurrence, at the earliest.
    pub from: Timestamp,
    /// The end of the last occurrence, at the latest; `None` when there is no last one.
    pub until: Option<Timestamp>,
}

impl Extent {
    /// For when nothing is known: always.
    pub const ALWAYS: Extent = Extent { from: Timestamp::MIN, until: None };

    /// Whether any of it lies in `[from, until)`.
    pub fn overlaps(self, from: Timestamp, until: Timestamp) -> bool {
        self.from < until && self.until.is_none_or(|end| end >= from)
    }
}

impl Series {
    /// A single event.
    pub fn single(uid: Uid, event: Event) -> Self {
        Self {
            uid,
            master: Some(event),
            recurrence: Recurrence::default(),
            exceptions: BTreeMap::new(),
            modified: None,
            extent: Extent::ALWAYS,
            declined: false,
        }
    }

    /// Whether it means the same: every field, not identity, time of change, extent or answer.
    pub fn same_content(&self, other: &Series) -> bool {
        self.master == other.master
            && self.recurrence == other.recurrence
            && self.exceptions == other.exceptions
    }

    /// Whether an occurrence is cancelled that is not in `held`.
    pub fn cancels_beyond(&self, held: &Series) -> bool {
        let cancelled = |exception: Option<&Exception>| exception == Some(&Exception::Cancelled);
        self.exceptions
            .iter()
            .any(|(key, own)| cancelled(Some(own)) && !cancelled(held.exceptions.get(key)))
    }

    /// The event that stands for the series: the master, else the first override.
    pub fn face(&self) -> Option<&Event> {
        self.master.as_ref().or_else(|| {
            self.exceptions.values().find_map(|exception| match exception {
                Exception::Override(event) => Some(&**event),
                Exception::Cancelled => None,
            })
        })
    }

    /// The master and every override.
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.master.iter().chain(self.exceptions.values().filter_map(|exception| match exception {
            Exception::Override(event) => Some(&**event),
            Exception::Cancelled => None,
        }))
    }
}
