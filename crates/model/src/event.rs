//! An event: the fields of a master, of an override or of a single event.
//!
//! Every value is canonical: two texts of one meaning read as equal values. An empty text is
//! `None`, a line break is `\n`, sets are ordered.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::{Redacted, When};

/// The fields that calpair maps. What is not here stays where it is, untouched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// DTSTART.
    pub start: When,
    /// The exclusive end: DTEND, or start plus DURATION, or what RFC 5545 section 3.6.1 says of
    /// neither (the start itself; for a date the next day). Never before `start`.
    pub end: When,
    /// SUMMARY.
    pub title: Option<Redacted<String>>,
    /// DESCRIPTION, plain text.
    pub description: Option<Redacted<String>>,
    /// LOCATION.
    pub location: Option<Redacted<String>>,
    /// GEO.
    pub geo: Option<Redacted<Geo>>,
    /// URL.
    pub url: Option<Redacted<String>>,
    /// CATEGORIES, all lines together.
    pub categories: BTreeSet<Redacted<String>>,
    /// COLOR (RFC 7986 section 5.9), lower case.
    pub color: Option<String>,
    /// CLASS.
    pub class: Class,
    /// TRANSP.
    pub transparency: Transparency,
    /// STATUS.
    pub status: Status,
    /// PRIORITY, 1 (highest) to 9; `None` for undefined (0).
    pub priority: Option<u8>,
    /// VALARM components that a user made.
    pub alarms: BTreeSet<Alarm>,
    /// ORGANIZER and ATTENDEE; read, shown as text on the other side, never written.
    pub people: People,
    /// CONFERENCE (RFC 7986 section 5.11).
    pub conferences: BTreeSet<Link>,
    /// ATTACH as references; inline data is left where it is.
    pub attachments: BTreeSet<Link>,
}

impl Event {
    /// An event with times and nothing else.
    pub fn new(start: When, end: When) -> Self {
        Self {
            start,
            end,
            title: None,
            description: None,
            location: None,
            geo: None,
            url: None,
            categories: BTreeSet::new(),
            color: None,
            class: Class::Public,
            transparency: Transparency::Opaque,
            status: Status::None,
            priority: None,
            alarms: BTreeSet::new(),
            people: People::default(),
            conferences: BTreeSet::new(),
            attachments: BTreeSet::new(),
        }
    }
}

/// CLASS (RFC 5545 section 3.8.1.3); an unknown value reads as `Private`, as the RFC asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// PUBLIC, and the absence of the property.
    Public,
    /// PRIVATE.
    Private,
    /// CONFIDENTIAL.
    Confidential,
}

/// TRANSP (RFC 5545 section 3.8.2.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transparency {
    /// Blocks time; the default.
    Opaque,
    /// Does not.
    Transparent,
}

/// STATUS (RFC 5545 section 3.8.1.11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// Not stated.
    None,
    /// TENTATIVE.
    Tentative,
    /// CONFIRMED.
    Confirmed,
    /// CANCELLED (of a master or single event; a cancelled override is `Exception::Cancelled`).
    Cancelled,
}

/// GEO in millionths of a degree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Geo {
    /// Latitude, north positive, -90,000,000 to 90,000,000.
    pub latitude: i32,
    /// Longitude, east positive, -180,000,000 to 180,000,000.
    pub longitude: i32,
}

/// A reminder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Alarm {
    /// What it does.
    pub action: AlarmAction,
    /// When it rings.
    pub trigger: Trigger,
}

/// ACTION of an alarm (RFC 5545 section 3.8.6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AlarmAction {
    /// DISPLAY, and AUDIO, which other providers show the same way.
    Display,
    /// EMAIL.
    Email,
}

/// TRIGGER of an alarm (RFC 5545 section 3.8.6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trigger {
    /// Seconds after the start (negative: before).
    Start(i64),
    /// Seconds after the end (negative: before).
    End(i64),
    /// A fixed instant.
    At(Timestamp),
}

/// The people of a meeting.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct People {
    /// ORGANIZER.
    pub organizer: Option<Person>,
    /// ATTENDEE, ordered and without duplicates.
    pub attendees: BTreeSet<Person>,
}

impl People {
    /// Whether nobody is named.
    pub fn is_empty(&self) -> bool {
        self.organizer.is_none() && self.attendees.is_empty()
    }
}

/// Somebody, without their answer: a changed answer is not a change of the event.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Person {
    /// CN.
    pub name: Option<Redacted<String>>,
    /// The mailbox, lower case, without `mailto:`; `None` where only a principal path is known.
    pub email: Option<Redacted<String>>,
}

/// A reference to something elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link {
    /// The address.
    pub uri: Redacted<String>,
    /// LABEL or FILENAME.
    pub label: Option<Redacted<String>>,
}
