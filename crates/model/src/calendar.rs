//! A calendar as `calpair calendars` shows it.

use crate::CalendarId;

/// A calendar of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    /// As the provider identifies it.
    pub id: CalendarId,
    /// Its display name.
    pub name: String,
    /// Whether it is the account's default calendar.
    pub primary: bool,
    /// What may be done with it.
    pub rights: Rights,
    /// `#rrggbb`, lower case.
    pub color: Option<String>,
}

/// What an account may do with a calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rights {
    /// Read only.
    Read,
    /// Read, create, change and delete.
    Write,
}
