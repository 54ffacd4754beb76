//! Why a text gives no series. A reason is a sentence for the person whose calendar it is; it
//! carries nothing private (a zone name at most, shortened and escaped).

use std::fmt;

use model::Uid;

use crate::tree::TreeError;

/// A resource that can't be read, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// The UID, where one could be made out.
    pub uid: Option<Uid>,
    /// The reason; its `Display` is the sentence.
    pub reason: Reason,
}

/// What is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// The text is no iCalendar text at all.
    Broken(TreeError),
    /// It is no calendar, or one without an event.
    NoEvent,
    /// An event without UID.
    NoUid,
    /// Events of several UIDs in one resource (RFC 4791 section 4.1 forbids it).
    SeveralUids,
    /// Two events with one UID, neither of them an override.
    TwoMasters,
    /// DTSTART is missing.
    NoStart,
    /// A date, time or duration that is none; the property's name.
    BadTime(&'static str),
    /// The end lies before the start.
    EndBeforeStart,
    /// A TZID that neither names nor defines a zone.
    UnknownZone(String),
    /// A recurrence rule that can't be understood.
    BadRule,
    /// RANGE=THISANDFUTURE, which no provider can hold.
    ThisAndFuture,
}

/// Longest part of a zone name that is repeated in a sentence.
const SHOWN: usize = 60;

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken(error) => write!(f, "this is not a calendar text: {error}"),
            Self::NoEvent => f.write_str("it holds no event"),
            Self::NoUid => f.write_str("the event has no UID"),
            Self::SeveralUids => f.write_str("one resource holds events of several UIDs"),
            Self::TwoMasters => f.write_str("two events share one UID"),
            Self::NoStart => f.write_str("the event has no start"),
            Self::BadTime(name) => write!(f, "its {name} can't be understood"),
            Self::EndBeforeStart => f.write_str("the event ends before it starts"),
            Self::UnknownZone(name) => {
                let shown: String = name.chars().take(SHOWN).collect();
                write!(f, "nobody knows the time zone {shown:?}")
            }
            Self::BadRule => f.write_str("its recurrence rule can't be understood"),
            Self::ThisAndFuture => f.write_str(
                "it changes an occurrence and all after it (RANGE=THISANDFUTURE), which can't be \
                 carried over",
            ),
        }
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)
    }
}

impl std::error::Error for Unreadable {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        None
    }
}
