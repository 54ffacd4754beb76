//! events.patch of one row: only what differs, only in the version that is known. What is not
//! named stays as it is, which PUT would clear.

use http::header::IF_MATCH;
use provider::Result;
use serde_json::Value;
use transport::Url;

use super::{Answer, Ask, TELL_NOBODY, address, ask_with, on_condition, one_row, refusal};
use crate::refusal::Refusal;
use crate::row::Row;

const DOING: &str = "changing an event";

/// What became of it.
#[derive(Debug)]
pub(crate) enum Patched {
    /// The row as it is now.
    Row(Row),
    /// Refused.
    Refused(Refusal),
}

/// # Errors
/// [`provider::ErrorKind::Stale`] for an etag that none can be.
// quirk: google-25, google-44, google-46, google-63
pub(crate) fn prepare(
    base: &Url,
    calendar: &str,
    event: &str,
    etag: &str,
    patch: &Value,
) -> Result<Ask> {
    let path = ["calendars", calendar, "events", event];
    on_condition(ask_with("PATCH", &address(base, &path, &[TELL_NOBODY]), patch), IF_MATCH, etag)
}

pub(crate) fn parse(answer: &Answer) -> Result<Patched> {
    match answer.status().as_u16() {
        200 => one_row(answer, DOING).map(Patched::Row),
        _ => Ok(Patched::Refused(refusal(answer))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::wire::{answer, base, shown};
    use super::*;
    use provider::ErrorKind;
    use serde_json::json;

    // quirk: google-25, google-44, google-46
    #[test]
    fn a_change_is_conditional_and_says_only_what_differs() {
        let patch = json!({"location": null});
        let ask = prepare(&base(), "c", "a", "\"35\"", &patch).unwrap();
        assert_eq!(shown(&ask), "PATCH /calendars/c/events/a?sendUpdates=none");
        assert_eq!(ask.headers()["if-match"], "\"35\"");
        assert_eq!(&ask.body()[..], b"{\"location\":null}");
        let odd = prepare(&base(), "c", "a", "a\nb", &patch).unwrap_err();
        assert_eq!(odd.kind(), ErrorKind::Stale);
        assert!(matches!(parse(&answer(412, "")), Ok(Patched::Refused(_))));
    }
}
