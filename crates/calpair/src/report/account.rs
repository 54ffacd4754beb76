//! Accounts and their calendars.

use super::*;

/// `calpair accounts`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accounts {
    /// Every account of the configuration.
    pub accounts: Vec<Account>,
}

/// An account in `accounts`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its name in the configuration.
    pub name: String,
    /// `icloud`, `caldav`, `google` or `microsoft`.
    pub provider: String,
    /// Who is signed in: the address that people know, where the provider says it, else its own
    /// name for the account.
    pub identity: Option<String>,
    /// As in `status`.
    pub state: String,
    /// Since when.
    pub since: Option<At>,
    /// Why, when it isn't `ok`.
    pub reason: Option<String>,
    /// What to do.
    pub action: Option<String>,
}

/// `calpair calendars ACCOUNT`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calendars {
    /// Whose they are.
    pub account: String,
    /// The calendars.
    pub calendars: Vec<Calendar>,
}

/// A calendar in `calendars`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calendar {
    /// The provider's id.
    pub id: String,
    /// Its display name.
    pub name: String,
    /// Whether it is the account's default.
    pub primary: bool,
    /// Whether it can be written.
    pub writable: bool,
    /// `#rrggbb`.
    pub color: Option<String>,
}

impl From<model::Calendar> for Calendar {
    fn from(calendar: model::Calendar) -> Self {
        Self {
            id: calendar.id.as_str().to_owned(),
            name: calendar.name,
            primary: calendar.primary,
            writable: match calendar.rights {
                model::Rights::Read => false,
                model::Rights::Write => true,
            },
            color: calendar.color,
        }
    }
}

/// `calpair connect --link`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Where it leads. It is a secret until it was used.
    pub url: String,
    /// Until when it holds.
    pub until: At,
}
