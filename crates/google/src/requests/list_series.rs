//! events.list by iCalUID: the rows of one series, master and exceptions, cancelled ones too.

use provider::{Error, ErrorKind, Result};
use transport::Url;

use super::{Answer, Ask, Page, address, ask, page, refusal};

const DOING: &str = "listing a series";

/// As many as Google takes: a series with more exceptions has several pages.
const PAGE: &str = "2500";

pub(crate) fn prepare(base: &Url, calendar: &str, ical_uid: &str, from: Option<&str>) -> Ask {
    let mut query = vec![
        ("iCalUID", ical_uid),
        ("maxResults", PAGE),
        ("showDeleted", "true"),
        ("singleEvents", "false"),
    ];
    query.extend(from.map(|page| ("pageToken", page)));
    ask("GET", &address(base, &["calendars", calendar, "events"], &query))
}

pub(crate) fn parse(answer: &Answer) -> Result<Page> {
    match answer.status().as_u16() {
        200 => page(answer, DOING),
        _ => Err(whole(refusal(answer).of_listing())),
    }
}

/// Nothing was asked since a token, so none can have expired.
fn whole(error: Error) -> Error {
    match error.kind() {
        ErrorKind::CursorExpired => {
            Error::new(ErrorKind::Unavailable, "Google could not list a series whole")
                .because(error)
        }
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::super::wire::{answer, base, shown};
    use super::*;

    #[test]
    fn a_series_is_listed_whole() {
        let ask = shown(&prepare(&base(), "c", "a+b@google.com", Some("p")));
        let want = "GET /calendars/c/events?iCalUID=a%2Bb%40google.com&maxResults=2500\
            &showDeleted=true&singleEvents=false&pageToken=p";
        assert_eq!(ask, want);
        let body = r#"{"error":{"errors":[{"reason":"fullSyncRequired"}]}}"#;
        assert_eq!(parse(&answer(410, body)).unwrap_err().kind(), ErrorKind::Unavailable);
        assert_eq!(parse(&answer(404, "")).unwrap_err().kind(), ErrorKind::Gone);
    }
}
