//! events.delete of a whole series or a single event, only in the version that is known.

use http::header::IF_MATCH;
use provider::{ErrorKind, Result};
use transport::Url;

use super::{Answer, Ask, TELL_NOBODY, address, ask, on_condition, refusal};

/// # Errors
/// [`ErrorKind::Stale`] for an etag that none can be.
// quirk: google-44, google-63
pub(crate) fn prepare(base: &Url, calendar: &str, event: &str, etag: &str) -> Result<Ask> {
    let path = ["calendars", calendar, "events", event];
    on_condition(ask("DELETE", &address(base, &path, &[TELL_NOBODY])), IF_MATCH, etag)
}

/// # Errors
/// [`ErrorKind::Stale`] when it is in another version. What is gone already is deleted.
// quirk: google-11, google-12
pub(crate) fn parse(answer: &Answer) -> Result<()> {
    if answer.status().is_success() {
        return Ok(());
    }
    let error = refusal(answer).of_writing();
    if error.kind() == ErrorKind::Gone { Ok(()) } else { Err(error) }
}

#[cfg(test)]
mod tests {
    use super::super::wire::{answer, base, shown};
    use super::*;

    // quirk: google-11, google-44
    #[test]
    fn already_gone_is_success() {
        let ask = prepare(&base(), "a#b", "x", "\"1\"").unwrap();
        assert_eq!(shown(&ask), "DELETE /calendars/a%23b/events/x?sendUpdates=none");
        assert_eq!(ask.headers()["if-match"], "\"1\"");
        let deleted = r#"{"error":{"errors":[{"reason":"deleted","domain":"global"}]}}"#;
        for (status, body, want) in [
            (204, "", None),
            (410, deleted, None),
            (404, "", None),
            (412, "", Some(ErrorKind::Stale)),
            (500, "", Some(ErrorKind::Unavailable)),
        ] {
            let error = parse(&answer(status, body)).err().map(|error| error.kind());
            assert_eq!(error, want, "{status}");
        }
    }
}
