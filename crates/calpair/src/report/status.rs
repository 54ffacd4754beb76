//! How things are: `status`, and an alert when that changes.

use super::*;

/// `calpair status`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Every account.
    pub accounts: Vec<AccountStatus>,
    /// Every pair, or the one that was asked for.
    pub pairs: Vec<PairStatus>,
}

/// An account in `status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountStatus {
    /// Its name in the configuration.
    pub name: String,
    /// `icloud`, `caldav`, `google` or `microsoft`.
    pub provider: String,
    /// `unconnected`, `ok`, `suspect`, `reconnect-needed` or `attention`.
    pub state: String,
    /// Since when.
    pub since: Option<At>,
    /// Why, when it isn't `ok`, or what is known to come.
    pub reason: Option<String>,
    /// What to do.
    pub action: Option<String>,
}

/// A pair in `status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PairStatus {
    /// Its name in the configuration.
    pub name: String,
    /// `new`, `ok`, `syncing`, `retrying`, `reconnect-needed`, `halted`, `paused` or
    /// `misconfigured`.
    pub state: String,
    /// Since when.
    pub since: Option<At>,
    /// When a cycle last ended well.
    pub last_success: Option<At>,
    /// When the next one begins.
    pub next_run: Option<At>,
    /// Its left calendar.
    pub left: EndStatus,
    /// Its right calendar.
    pub right: EndStatus,
    /// Series that can't be synced.
    pub problems: Vec<Problem>,
    /// Conflicts that wait for somebody's choice.
    pub conflicts: u64,
    /// Why, when it isn't `ok`.
    pub reason: Option<String>,
    /// What to do.
    pub action: Option<String>,
}

/// A calendar in `status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndStatus {
    /// Whose it is.
    pub account: String,
    /// As the configuration names it.
    pub calendar: String,
    /// How many series it has, as far as calpair has seen.
    pub series: u64,
}

/// A series that can't be synced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Its UID where a side has one, else the provider's id.
    pub uid: String,
    /// Where it can't be written.
    pub side: SideWord,
    /// Why.
    pub reason: String,
}

/// What an alert's command and webhook are given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// `reconnect-needed`, `reconnected`, `halted`, …
    pub event: String,
    /// The account, if it is about one.
    pub account: Option<String>,
    /// The pair, if it is about one.
    pub pair: Option<String>,
    /// The state it is in now.
    pub state: String,
    /// Since when.
    pub since: Option<At>,
    /// Why.
    pub reason: Option<String>,
    /// What to do.
    pub action: Option<String>,
    /// The machine that says it.
    pub host: String,
}
