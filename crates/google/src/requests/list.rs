//! events.list: everything, or what changed since a token. The parameters are one frozen set: what
//! a token was given for, it is used with.

use provider::Result;
use transport::Url;

use super::{Answer, Ask, Page, address, ask, page, refusal};

const DOING: &str = "listing events";

/// As many rows as a page may have. A row is about 1.5 kB; Google takes up to 2500.
const PAGE: &str = "1000";

/// What never changes from one listing to the next, as a query. Whole series and not occurrences;
/// deleted ones too; of the special kinds only what came by mail.
// quirk: google-13, google-14, google-15, google-65
pub(crate) const FROZEN: &str =
    "eventTypes=default&eventTypes=fromGmail&maxResults=1000&showDeleted=true&singleEvents=false";

/// Which page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct From<'a> {
    /// Since when; everything, for `None`.
    pub(crate) token: Option<&'a str>,
    /// Which page; the first, for `None`.
    pub(crate) page: Option<&'a str>,
}

// quirk: google-13, google-14
pub(crate) fn prepare(base: &Url, calendar: &str, from: From<'_>) -> Ask {
    let mut query = vec![
        ("eventTypes", "default"),
        ("eventTypes", "fromGmail"),
        ("maxResults", PAGE),
        ("showDeleted", "true"),
        ("singleEvents", "false"),
    ];
    query.extend(from.token.map(|token| ("syncToken", token)));
    query.extend(from.page.map(|page| ("pageToken", page)));
    ask("GET", &address(base, &["calendars", calendar, "events"], &query))
}

/// # Errors
/// [`provider::ErrorKind::CursorExpired`] when the token is no longer good,
/// [`provider::ErrorKind::Gone`] when the calendar is not there.
pub(crate) fn parse(answer: &Answer, from: From<'_>) -> Result<Page> {
    match answer.status().as_u16() {
        200 => page(answer, DOING),
        _ if from.token.is_some() => Err(refusal(answer).of_changes()),
        _ => Err(refusal(answer).of_listing()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::wire::{answer, base, shown};
    use super::*;
    use provider::ErrorKind;

    // quirk: google-13, google-14, google-15
    #[test]
    fn the_parameters_are_the_same_with_a_token_and_without() {
        let all = shown(&prepare(&base(), "a@b", From { token: None, page: None }));
        assert_eq!(all, format!("GET /calendars/a@b/events?{FROZEN}"));
        let next = From { token: Some("C="), page: Some("p/2") };
        let next = shown(&prepare(&base(), "a@b", next));
        let want = format!("GET /calendars/a@b/events?{FROZEN}&syncToken=C%3D&pageToken=p%2F2");
        assert_eq!(next, want);
    }

    // quirk: google-12
    #[test]
    fn a_calendar_that_is_not_there_is_gone() {
        let body = r#"{"error":{"errors":[{"reason":"notFound"}],"code":404}}"#;
        for token in [None, Some("C=")] {
            let error = parse(&answer(404, body), From { token, page: None }).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Gone);
        }
    }

    // quirk: google-9, google-51
    #[test]
    fn a_410_that_says_nothing_is_about_the_token() {
        let asked =
            |token, body| parse(&answer(410, body), From { token, page: None }).unwrap_err().kind();
        for body in ["", "<html>Gone</html>", "{\"error\":{\"code\":410}}"] {
            assert_eq!(asked(Some("C="), body), ErrorKind::CursorExpired, "{body}");
            assert_eq!(asked(None, body), ErrorKind::Gone, "{body}");
        }
    }
}
