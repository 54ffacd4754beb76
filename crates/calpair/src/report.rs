//! The JSON documents, version 1: what `--json` prints, `/api/status` answers and alerts carry.
//!
//! Other people's scripts hang on these words. A key is never taken away or given another meaning
//! within a version; what is unknown is `null`, not missing. Nothing is decided here.

mod account;
mod answer;
mod status;
mod sync;

use std::fmt::{self, Write as _};

use model::{Redacted, Side, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::terminal::is_unprintable;

pub use self::account::{Account, Accounts, Calendar, Calendars, Link};
pub use self::answer::{
    Change, Check, CheckResult, Checks, Conflict, Conflicts, Explanation, Explanations, FieldClash,
    History,
};
pub use self::status::{AccountStatus, Alert, EndStatus, PairStatus, Problem, Status};
pub use self::sync::{Action, FieldChange, Outcome, PairSync, Requests, Sync, Written};

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

    /// The text, in several lines for people who read JSON, on a terminal above all: what acts
    /// there instead of being seen is written as JSON's own escape.
    pub fn text(&self) -> String {
        let text = serde_json::to_string_pretty(self).expect("the documents have text keys only");
        // Line ends stand between strings; in them serde_json has escaped all of ASCII's.
        if !text.chars().any(|c| c != '\n' && is_unprintable(c)) {
            return text;
        }
        let mut made = String::with_capacity(text.len());
        for c in text.chars() {
            if c == '\n' || !is_unprintable(c) {
                made.push(c);
                continue;
            }
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(made, "\\u{unit:04x}").expect("a String takes everything");
            }
        }
        made
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
    fn nothing_in_a_document_acts_on_a_terminal() {
        let title = "a\u{9b}2J\u{202e}b\u{2066}\u{7f}\u{1b}[2J\u{e0041}c \u{1f389} \n";
        let document = Document::new(serde_json::json!({ "title": title }));
        let text = document.text();
        assert!(!text.chars().any(|c| c != '\n' && is_unprintable(c)), "{}", text.escape_debug());
        assert!(text.contains("\\u009b2J\\u202e") && text.contains("\\udb40\\udc41c \u{1f389}"));
        let read: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(read["title"], title);
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
