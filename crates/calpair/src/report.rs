//! The JSON documents, version 1: what `--json` prints, `/api/status` answers and alerts carry.
//!
//! Other people's scripts hang on these words. A key is never taken away or given another meaning
//! within a version; what is unknown is `null`, not missing. Nothing is decided here.

use std::fmt;

use model::{Redacted, Side, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The version of every document.
pub const VERSION: u32 = 1;

/// A document with its version in front.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document<T> {
    version: u32,
    /// What it says.
    #[serde(flatten)]
    pub body: T,
}

impl<T: Serialize> Document<T> {
    /// The document of this version.
    pub const fn new(body: T) -> Self {
        Self { version: VERSION, body }
    }

    /// The text, in several lines for people who read JSON.
    pub fn text(&self) -> String {
        serde_json::to_string_pretty(self).expect("the documents have text keys only")
    }
}

/// An instant, written in UTC to the second: `2026-01-02T03:04:05Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct At(pub Timestamp);

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.0}", self.0)
    }
}

impl Serialize for At {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for At {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(At).map_err(de::Error::custom)
    }
}

/// A side of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SideWord {
    /// `left`
    Left,
    /// `right`
    Right,
}

impl From<Side> for SideWord {
    fn from(side: Side) -> Self {
        match side {
            Side::Left => SideWord::Left,
            Side::Right => SideWord::Right,
        }
    }
}

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
    /// Why, when it isn't `ok`.
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
    /// Who is signed in, as the provider says it.
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

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use serde::de::DeserializeOwned;
    use serde_json::Value;

    use super::*;

    /// The text reads as `T` and is written with the same keys and values again.
    fn round_trip<T: Serialize + DeserializeOwned + Debug + PartialEq>(text: &str) -> T {
        let document: Document<T> = serde_json::from_str(text).expect(text);
        let written: Value = serde_json::from_str(&document.text()).unwrap();
        assert_eq!(written, serde_json::from_str::<Value>(text).unwrap());
        assert_eq!(written["version"], 1);
        document.body
    }

    #[test]
    fn status_is_as_documented() {
        let status: Status = round_trip(
            r#"{ "version": 1,
  "accounts": [ { "name": "home", "provider": "icloud", "state": "reconnect-needed",
      "since": "2026-01-02T03:04:05Z",
      "reason": "app-specific password refused (401, confirmed 3 times)",
      "action": "calpair connect home" } ],
  "pairs": [ { "name": "family", "state": "ok", "since": "2026-01-02T03:04:05Z",
      "last_success": "2026-01-02T03:04:05Z", "next_run": "2026-01-02T03:05:05Z",
      "left":  { "account": "home", "calendar": "Family",  "series": 412 },
      "right": { "account": "work", "calendar": "primary", "series": 412 },
      "problems": [ { "uid": "u", "side": "right", "reason": "too long" } ],
      "conflicts": 0, "reason": null, "action": null } ] }"#,
        );
        assert_eq!(status.pairs[0].left.series, 412);
        assert_eq!(status.pairs[0].problems[0].side, SideWord::Right);
    }

    #[test]
    fn sync_is_as_documented() {
        let pair = |outcome: &str, actions: &str| {
            format!(
                r#"{{ "version": 1, "pairs": [ {{ "name": "family", "outcome": "{outcome}",
                  "left": {{ "created": 1, "updated": 2, "deleted": 3 }},
                  "right": {{ "created": 0, "updated": 0, "deleted": 0 }},
                  "adopted": 4, "merged": 5, "conflicts": 6, "problems": 7,
                  "requests": {{ "left": 8, "right": 9 }}, "duration_ms": 10,
                  "reason": null, "action": null
                  {actions} }} ] }}"#
            )
        };
        let outcomes = [
            ("in-sync", Outcome::InSync),
            ("changed", Outcome::Changed),
            ("planned", Outcome::Planned),
            ("halted", Outcome::Halted),
            ("reconnect-needed", Outcome::ReconnectNeeded),
            ("retrying", Outcome::Retrying),
            ("failed", Outcome::Failed),
        ];
        for (word, outcome) in outcomes {
            assert_eq!(round_trip::<Sync>(&pair(word, "")).pairs[0].outcome, outcome);
        }
        let actions = r#", "actions": [ { "action": "create", "side": "left", "uid": "u",
            "title": "Lunch", "fields": [ { "field": "title", "before": null,
            "after": "Lunch" } ], "reason": "new on right" } ]"#;
        let sync: Sync = round_trip(&pair("planned", actions));
        assert_eq!(sync.pairs[0].actions.as_ref().unwrap()[0].fields[0].before, None);
    }

    #[test]
    fn the_other_reports_are_as_documented() {
        let _: Accounts = round_trip(
            r#"{ "version": 1, "accounts": [ { "name": "home", "provider": "icloud",
            "identity": "me@icloud.com", "state": "ok", "since": "2026-01-02T03:04:05Z",
            "reason": null, "action": null } ] }"#,
        );
        let _: Calendars = round_trip(
            r##"{ "version": 1, "account": "home", "calendars": [ { "id": "/1/calendars/x/",
            "name": "Family", "primary": false, "writable": true, "color": "#ff0000" } ] }"##,
        );
        let _: History = round_trip(
            r#"{ "version": 1, "changes": [ { "id": "12", "at": "2026-01-02T03:04:05Z",
            "run": "3", "pair": "family", "side": "right", "action": "overruled", "uid": "u",
            "title": "Lunch", "fields": [ { "field": "title", "before": "Lunch",
            "after": "Dinner" } ], "reason": "left was newer" } ] }"#,
        );
        let _: Conflicts = round_trip(
            r#"{ "version": 1, "conflicts": [ { "id": "4", "pair": "family", "uid": "u",
            "title": null, "since": "2026-01-02T03:04:05Z", "fields": [ { "field": "title",
            "left": "Lunch", "right": "Dinner" } ] } ] }"#,
        );
        let _: Explanations = round_trip(
            r#"{ "version": 1, "pair": "family", "events": [ { "uid": "u", "title": "Lunch",
            "state": "synced", "reasons": ["both sides agree"], "lost_left": [],
            "lost_right": ["color"] } ] }"#,
        );
        let _: Checks = round_trip(
            r#"{ "version": 1, "checks": [ { "name": "clock", "result": "warning",
            "reason": "5 s late", "action": "turn time synchronisation on" } ] }"#,
        );
    }

    #[test]
    fn an_alert_is_as_documented() {
        let text = r#"{"event":"halted","account":null,"pair":"family","state":"halted",
            "since":"2026-01-02T03:04:05Z","reason":"37 deletions on right of 120",
            "action":"calpair approve family","host":"nas"}"#;
        let alert: Alert = serde_json::from_str(text).unwrap();
        let written = serde_json::to_value(&alert).unwrap();
        assert_eq!(written, serde_json::from_str::<Value>(text).unwrap());
    }

    #[test]
    fn an_instant_is_written_to_the_second() {
        let at = At("2026-01-02T03:04:05.987654Z".parse().unwrap());
        assert_eq!(at.to_string(), "2026-01-02T03:04:05Z");
    }
}
