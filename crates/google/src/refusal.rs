//! What Google says when it refuses, by reason and not by status alone: a rate limit looks like a
//! missing right, an expired cursor like a deleted event. Both forms of its errors are read,
//! `errors[].reason` and `details[].reason`; an answer that is no JSON has no reasons.

use provider::{Error, ErrorKind};
use serde_json::Value;

use crate::requests::{Answer, place};

/// Where the API is switched on.
const LIBRARY: &str = "https://console.cloud.google.com/apis/library/calendar-json.googleapis.com";

/// The longest reason that is repeated in a sentence.
const SHOWN: usize = 60;

/// What kind of refusal a refusal of the whole account is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// Too many requests just now.
    Rate,
    /// Too many writes for today or for this hour.
    Quota,
}

/// An answer that is none of those hoped for.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: u16,
    /// In lower case, without separators: both forms spell alike then.
    reasons: Vec<String>,
    message: String,
    place: String,
}

impl Refusal {
    // quirk: google-49, google-51
    pub(crate) fn read(answer: &Answer) -> Self {
        let body: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
        let error = &body["error"];
        let lists = [&error["errors"], &error["details"]];
        let reasons = lists.iter().filter_map(|list| list.as_array()).flatten();
        let reasons = reasons.filter_map(|one| one["reason"].as_str()).map(plain).collect();
        let message = error["message"].as_str().unwrap_or_default().to_owned();
        let (status, place) = (answer.status().as_u16(), place(answer));
        Self { status, reasons, message, place }
    }

    pub(crate) fn status(&self) -> u16 {
        self.status
    }

    /// Whether one of its reasons is this one; case and underscores don't matter.
    pub(crate) fn says(&self, reason: &str) -> bool {
        let reason = plain(reason);
        self.reasons.contains(&reason)
    }

    /// Whether the time zone is what it does not like.
    // quirk: google-30
    pub(crate) fn blames_the_zone(&self) -> bool {
        self.status == 400 && self.message.starts_with("Invalid time zone definition")
    }

    /// Whether it concerns the account and not what was asked.
    // quirk: google-49, google-50
    pub(crate) fn limit(&self) -> Option<Limit> {
        const RATE: [&str; 4] = [
            "rateLimitExceeded",
            "userRateLimitExceeded",
            "RATE_LIMIT_EXCEEDED",
            "variableTermLimitExceeded",
        ];
        const QUOTA: [&str; 3] = ["quotaExceeded", "calendarUsageLimits", "dailyLimitExceeded"];
        if !matches!(self.status, 403 | 429) {
            return None;
        }
        if QUOTA.iter().any(|reason| self.says(reason)) {
            Some(Limit::Quota)
        } else if RATE.iter().any(|reason| self.says(reason)) {
            Some(Limit::Rate)
        } else {
            None
        }
    }

    /// Of a listing.
    // quirk: google-9, google-10
    pub(crate) fn of_listing(&self) -> Error {
        let expired = match self.status {
            400 => self.message.to_ascii_lowercase().starts_with("invalid sync token"),
            410 => self.says("fullSyncRequired") || self.says("updatedMinTooLongAgo"),
            _ => false,
        };
        if expired {
            let sentence = format!("{} no longer knows since when to list changes", self.place);
            return Error::new(ErrorKind::CursorExpired, sentence);
        }
        match self.status {
            404 | 410 => self.error(ErrorKind::Gone, "no longer has this calendar"),
            _ => self.of_reading(),
        }
    }

    /// Of a listing of changes since a token. What is gone without a legible reason is the token:
    /// a calendar that is not there is answered 404.
    // quirk: google-9, google-51
    pub(crate) fn of_changes(&self) -> Error {
        if self.status == 410 && self.reasons.is_empty() {
            let sentence = format!("{} no longer knows since when to list changes", self.place);
            return Error::new(ErrorKind::CursorExpired, sentence);
        }
        self.of_listing()
    }

    /// Of anything that only reads.
    pub(crate) fn of_reading(&self) -> Error {
        match self.status {
            404 | 410 => self.error(ErrorKind::Gone, "does not have it"),
            400 | 412 => self.error(ErrorKind::Malformed, "does not understand what is asked"),
            _ => self.of_anything(),
        }
    }

    /// Of a write of one event.
    // quirk: google-11, google-44, google-61
    pub(crate) fn of_writing(&self) -> Error {
        match self.status {
            404 | 410 => self.error(ErrorKind::Gone, "no longer has this event"),
            409 if self.says("conflict") => {
                self.error(ErrorKind::Unavailable, "is busy with the same event")
            }
            409 => self.error(ErrorKind::AlreadyExists, "has this event already"),
            412 => self.error(ErrorKind::Stale, "holds another version of this event"),
            // The event was changed since, with a higher number.
            // quirk: google-48
            400 if self.message.starts_with("Invalid sequence value") => {
                self.error(ErrorKind::Stale, "holds another version of this event")
            }
            400 | 413 => self.error(ErrorKind::Rejected, "does not accept this event"),
            403 if self.says("forbiddenForNonOrganizer") => {
                self.error(ErrorKind::Rejected, "lets only the organizer change this event")
            }
            403 if self.says("eventTypeRestriction") || self.says("cannotChangeOrganizer") => {
                self.error(ErrorKind::Rejected, "does not allow this change of the event")
            }
            _ => self.of_anything(),
        }
    }

    // quirk: google-51, google-59
    fn of_anything(&self) -> Error {
        match self.status {
            401 => self.error(ErrorKind::Unauthorized, "no longer accepts the sign-in"),
            403 if self.is_switched_off() => Error::new(
                ErrorKind::Forbidden,
                format!(
                    "the Google Calendar API is switched off in your Google Cloud project; switch \
                     it on at {LIBRARY} and wait some minutes"
                ),
            ),
            403 if self.says("insufficientPermissions")
                || self.says("ACCESS_TOKEN_SCOPE_INSUFFICIENT") =>
            {
                self.error(
                    ErrorKind::Unauthorized,
                    "was not given all permissions when the account was connected; connect it \
                     again and leave every box ticked",
                )
            }
            403 if self.says("requiredAccessLevel") => {
                self.error(ErrorKind::Forbidden, "does not allow writing to this calendar")
            }
            403 => self.error(ErrorKind::Forbidden, "does not allow it"),
            408 | 500..=599 => self.error(ErrorKind::Unavailable, "failed"),
            _ => self.error(ErrorKind::Malformed, "gave an answer that makes no sense"),
        }
    }

    fn is_switched_off(&self) -> bool {
        ["accessNotConfigured", "SERVICE_DISABLED", "BILLING_DISABLED"]
            .iter()
            .any(|reason| self.says(reason))
    }

    /// Google's message is not repeated: nobody knows what it may quote. Its reason is a word.
    fn error(&self, kind: ErrorKind, what: &str) -> Error {
        let reason = self.reasons.first().filter(|reason| reason.len() <= SHOWN);
        let reason = reason.map_or_else(String::new, |reason| format!(", {reason}"));
        let known = known_message(&self.message);
        let known = known.map_or_else(String::new, |known| format!(": {known}"));
        let sentence = format!("{} {what} ({}{reason}){known}", self.place, self.status);
        Error::new(kind, sentence)
    }
}

/// What some of Google's messages mean for a person.
fn known_message(message: &str) -> Option<&'static str> {
    const KNOWN: [(&str, &str); 6] = [
        ("The specified time range is empty", "it has no length"),
        ("Missing time zone definition", "it repeats and has no time zone"),
        ("Invalid time zone definition", "its time zone is not known there"),
        ("Missing end time", "it has no end"),
        ("Start and end times must either both", "it mixes days and times"),
        ("Invalid recurrence rule", "its repetition is not understood there"),
    ];
    KNOWN.iter().find(|(start, _)| message.starts_with(start)).map(|(_, known)| *known)
}

fn plain(reason: &str) -> String {
    reason.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::requests::wire::answer;

    /// Documented bodies, and bodies that clients have seen (see tests/wire/README.md).
    const ERRORS: &str = include_str!("../tests/wire/errors.txt");

    fn refusals() -> Vec<Refusal> {
        let lines = ERRORS.lines().map(|line| line.split_once(' ').unwrap());
        lines.map(|(status, body)| Refusal::read(&answer(status.parse().unwrap(), body))).collect()
    }

    fn with(reason: &str) -> Vec<Refusal> {
        let found: Vec<_> = refusals().into_iter().filter(|one| one.says(reason)).collect();
        assert!(!found.is_empty(), "no sample says {reason}");
        found
    }

    // quirk: google-49, google-50
    #[test]
    fn limits_are_known_by_their_reason_in_both_forms() {
        for reason in ["rateLimitExceeded", "userRateLimitExceeded", "rate_limit_exceeded"] {
            assert!(with(reason).iter().all(|one| one.limit() == Some(Limit::Rate)), "{reason}");
        }
        assert_eq!(with("quotaExceeded")[0].limit(), Some(Limit::Quota));
        for reason in ["insufficientPermissions", "notFound", "accessNotConfigured", "duplicate"] {
            assert!(with(reason).iter().all(|one| one.limit().is_none()), "{reason}");
        }
        let details = r#"{"error":{"details":[{"reason":"RATE_LIMIT_EXCEEDED"}]}}"#;
        assert_eq!(Refusal::read(&answer(403, details)).limit(), Some(Limit::Rate));
    }

    // quirk: google-9, google-10, google-11
    #[test]
    fn one_status_means_different_things() {
        let full = with("fullSyncRequired").remove(0);
        assert_eq!(full.of_listing().kind(), ErrorKind::CursorExpired);
        let deleted = with("deleted").remove(0);
        assert_eq!(deleted.of_writing().kind(), ErrorKind::Gone);
        let invalid = with("invalid");
        let token = invalid.iter().find(|one| one.message.contains("sync token")).unwrap();
        assert_eq!(token.of_listing().kind(), ErrorKind::CursorExpired);
        let other = invalid.iter().find(|one| one.message.contains("resource id")).unwrap();
        assert_eq!(other.of_listing().kind(), ErrorKind::Malformed);
        assert_eq!(other.of_writing().kind(), ErrorKind::Rejected);
    }

    // quirk: google-44, google-48, google-61
    #[test]
    fn a_refused_write_says_what_to_do() {
        for (reason, kind) in [
            ("conditionNotMet", ErrorKind::Stale),
            ("duplicate", ErrorKind::AlreadyExists),
            ("conflict", ErrorKind::Unavailable),
            ("forbiddenForNonOrganizer", ErrorKind::Rejected),
            ("timeRangeEmpty", ErrorKind::Rejected),
            ("notFound", ErrorKind::Gone),
            ("backendError", ErrorKind::Unavailable),
            ("authError", ErrorKind::Unauthorized),
            ("accessNotConfigured", ErrorKind::Forbidden),
            ("ACCESS_TOKEN_SCOPE_INSUFFICIENT", ErrorKind::Unauthorized),
        ] {
            assert_eq!(with(reason)[0].of_writing().kind(), kind, "{reason}");
        }
        let lower = r#"{"error":{"message":"Invalid sequence value. The specified is below."}}"#;
        let lower = Refusal::read(&answer(400, lower));
        assert_eq!(lower.of_writing().kind(), ErrorKind::Stale);
        let off = with("SERVICE_DISABLED")[0].of_reading();
        assert!(off.sentence().contains("console.cloud.google.com"), "{off}");
    }

    // quirk: google-51
    #[test]
    fn what_is_no_json_has_no_reasons_and_quotes_nothing() {
        for body in ["", "<html>secret</html>", "{\"error\":", "[]"] {
            let error = Refusal::read(&answer(502, body)).of_listing();
            assert_eq!(error.kind(), ErrorKind::Unavailable);
            assert!(!error.to_string().contains("secret"));
        }
    }
}
