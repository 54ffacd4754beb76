//! What Graph says when it refuses, by code and not by status alone. Codes come in any case, may be
//! nested (the innermost says most), and are missing where a gateway answered with a web page or
//! with nothing. Messages are for people and change; none is looked at.

use std::time::Duration;

use http::HeaderMap;
use http::header::RETRY_AFTER;
use provider::{Error, ErrorKind};
use serde_json::Value;

use crate::requests::{Answer, place};

/// How deep codes are nested at most.
const MOST_NESTED: usize = 8;

/// The longest code that is repeated in a sentence.
const SHOWN: usize = 60;

/// An answer that is none of those hoped for.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: u16,
    /// In lower case, the outermost first.
    codes: Vec<String>,
    retry_after: Option<Duration>,
    place: String,
}

impl Refusal {
    pub(crate) fn read(answer: &Answer) -> Self {
        let body: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
        let retry_after = retry_after(answer.headers());
        Self::of(answer.status().as_u16(), &body, retry_after, place(answer))
    }

    /// Of one item of a batch.
    // quirk: microsoft-49
    pub(crate) fn of(
        status: u16,
        body: &Value,
        retry_after: Option<Duration>,
        place: String,
    ) -> Self {
        let mut codes = Vec::new();
        let mut at = Some(&body["error"]);
        while let Some(error) = at.filter(|_| codes.len() < MOST_NESTED) {
            codes.extend(error["code"].as_str().map(str::to_ascii_lowercase));
            at = ["innerError", "innererror"].iter().find_map(|name| error.get(*name));
        }
        Self { status, codes, retry_after, place }
    }

    pub(crate) fn status(&self) -> u16 {
        self.status
    }

    pub(crate) fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Whether one of its codes is this one; case does not matter.
    pub(crate) fn says(&self, code: &str) -> bool {
        self.codes.iter().any(|said| said.eq_ignore_ascii_case(code))
    }

    fn says_one_of(&self, codes: &[&str]) -> bool {
        codes.iter().any(|code| self.says(code))
    }

    /// Whether too much was asked, of the mailbox or of the service.
    // quirk: microsoft-47
    pub(crate) fn is_throttling(&self) -> bool {
        self.status == 429
            || self.says_one_of(&["ApplicationThrottled", "TooManyRequests", "ErrorServerBusy"])
    }

    /// Whether an occurrence was to go where Exchange lets none go.
    // quirk: microsoft-41
    pub(crate) fn is_crossing(&self) -> bool {
        self.says_one_of(&["ErrorOccurrenceCrossingBoundary", "ErrorOccurrenceTimeSpanTooBig"])
    }

    /// Of a round of changes: a lost token is a reason for a full pass, in all of its forms.
    // quirk: microsoft-13
    pub(crate) fn of_listing(&self, has_token: bool) -> Error {
        let lost = self.status == 410
            || self.status == 400 && has_token
            || self.says_one_of(&["SyncStateNotFound", "SyncStateInvalid", "resyncRequired"]);
        if lost {
            return self.error(ErrorKind::CursorExpired, "no longer knows what was listed");
        }
        self.of_reading()
    }

    /// Of anything that reads.
    // quirk: microsoft-60
    pub(crate) fn of_reading(&self) -> Error {
        match self.status {
            404 if self.is_no_mailbox() => self.no_mailbox(),
            404 => self.error(ErrorKind::Gone, "does not have it"),
            400 if self.says_one_of(&["ErrorInvalidIdMalformed", "ErrorItemNotFound"]) => {
                self.error(ErrorKind::Gone, "does not have it")
            }
            400..=499 if !matches!(self.status, 401 | 403 | 408 | 429) => {
                self.error(ErrorKind::Malformed, "did not understand what was asked")
            }
            _ => self.of_all(),
        }
    }

    /// Of anything that writes.
    // quirk: microsoft-11, microsoft-50, microsoft-51
    pub(crate) fn of_writing(&self) -> Error {
        match self.status {
            404 if self.is_no_mailbox() => self.no_mailbox(),
            404 | 410 => self.error(ErrorKind::Gone, "does not have it any more"),
            412 => self.error(ErrorKind::Stale, "holds another version"),
            409 if self.says("ErrorIrresolvableConflict") => {
                self.error(ErrorKind::Stale, "holds another version")
            }
            409 => self.error(ErrorKind::Unavailable, "is in conflict with itself"),
            413 => self.error(ErrorKind::Rejected, "finds it too large"),
            507 => self.error(ErrorKind::Rejected, "has no room left in the mailbox"),
            400..=499 if !matches!(self.status, 401 | 403 | 408 | 429) => {
                self.error(ErrorKind::Rejected, "does not accept it")
            }
            _ => self.of_all(),
        }
    }

    // quirk: microsoft-49, microsoft-59, microsoft-63
    fn of_all(&self) -> Error {
        match self.status {
            401 => self.error(ErrorKind::Unauthorized, "does not accept the sign-in"),
            403 => self.error(ErrorKind::Forbidden, "does not allow it"),
            _ if self.is_throttling() => {
                let kind = ErrorKind::RateLimited { retry_after: self.retry_after };
                self.error(kind, "asks for fewer requests")
            }
            _ => self.error(ErrorKind::Unavailable, "fails"),
        }
    }

    fn is_no_mailbox(&self) -> bool {
        self.says_one_of(&["MailboxNotEnabledForRESTAPI", "MailboxNotSupportedForRESTAPI"])
    }

    fn no_mailbox(&self) -> Error {
        self.error(ErrorKind::Forbidden, "has no mailbox in Exchange Online for this account")
    }

    fn error(&self, kind: ErrorKind, verdict: &str) -> Error {
        let (place, status) = (&self.place, self.status);
        let code = self.codes.last().map(|code| format!(", {}", shown(code)));
        let code = code.unwrap_or_default();
        Error::new(kind, format!("{place} {verdict} ({status}{code})"))
    }
}

/// A code as it can be repeated: nothing but letters, digits and what joins them.
fn shown(code: &str) -> String {
    let is_plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    code.chars().filter(is_plain).take(SHOWN).collect()
}

/// Seconds, which may have a fraction; rounded up.
// quirk: microsoft-46
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    seconds(headers.get(RETRY_AFTER)?.to_str().ok()?)
}

/// The same as text, as items of a batch have it.
// quirk: microsoft-46
pub(crate) fn seconds(text: &str) -> Option<Duration> {
    let seconds: f64 = text.trim().parse().ok()?;
    Duration::try_from_secs_f64(seconds.ceil()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::requests::wire::answer;

    fn refusal(status: u16, body: &str) -> Refusal {
        Refusal::read(&answer(status, body))
    }

    fn code(status: u16, code: &str) -> Refusal {
        refusal(status, &format!(r#"{{"error":{{"code":"{code}","message":"private"}}}}"#))
    }

    // quirk: microsoft-13
    #[test]
    fn a_lost_token_is_one_in_all_of_its_forms() {
        for (status, said) in [
            (410, "SyncStateNotFound"),
            (410, "resyncRequired"),
            (410, ""),
            (400, "syncStateInvalid"),
            (400, "ErrorInvalidIdMalformed"),
            (400, "InvalidDeltaToken"),
        ] {
            let error = code(status, said).of_listing(true);
            assert_eq!(error.kind(), ErrorKind::CursorExpired, "{status} {said}");
        }
        assert_eq!(code(400, "ErrorInvalidRequest").of_listing(false).kind(), ErrorKind::Malformed);
        assert_eq!(code(404, "ErrorItemNotFound").of_listing(true).kind(), ErrorKind::Gone);
    }

    // quirk: microsoft-41, microsoft-50, microsoft-51
    #[test]
    fn a_refused_write_says_what_to_do() {
        for (status, said, kind) in [
            (412, "ErrorIrresolvableConflict", ErrorKind::Stale),
            (404, "ErrorItemNotFound", ErrorKind::Gone),
            (400, "TimeZoneNotSupportedException", ErrorKind::Rejected),
            (403, "ErrorAccessDenied", ErrorKind::Forbidden),
            (401, "InvalidAuthenticationToken", ErrorKind::Unauthorized),
            (500, "ErrorInternalServerTransientError", ErrorKind::Unavailable),
            (507, "ErrorQuotaExceeded", ErrorKind::Rejected),
            (404, "MailboxNotEnabledForRESTAPI", ErrorKind::Forbidden),
        ] {
            assert_eq!(code(status, said).of_writing().kind(), kind, "{status} {said}");
        }
        assert!(code(400, "erroroccurrencecrossingboundary").is_crossing());
    }

    // quirk: microsoft-47, microsoft-49
    #[test]
    fn codes_may_be_nested_missing_or_in_a_web_page() {
        let nested = r#"{"error":{"code":"BadRequest","innererror":{"code":"ErrorServerBusy"}}}"#;
        assert!(refusal(400, nested).is_throttling());
        for body in ["", "<html>private</html>", "{\"error\":", "[]", r#"{"error":{"code":""}}"#] {
            let error = refusal(504, body).of_reading();
            assert_eq!(error.kind(), ErrorKind::Unavailable);
            assert!(!error.to_string().contains("private"), "{error}");
        }
        let error = code(400, "ErrorInvalidRequest").of_writing();
        assert!(!error.to_string().contains("private"), "{error}");
    }

    // quirk: microsoft-46
    #[test]
    fn a_fraction_of_a_second_is_a_whole_one() {
        for (text, want) in [("2.128", Some(3)), ("17", Some(17)), ("soon", None), ("-1", None)] {
            assert_eq!(seconds(text), want.map(Duration::from_secs), "{text}");
        }
    }
}
