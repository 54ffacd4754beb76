//! DELETE of one resource, only in the version that is known. No Depth header: some refuse it.

use http::header::IF_MATCH;
use model::Version;
use provider::{Error, ErrorKind, Result};
use transport::Url;

use super::{Answer, Ask, is_web_page, place, refused};

const DOING: &str = "deleting an event";

// quirk: icloud-63
pub(crate) fn prepare(resource: &Url, version: &Version) -> Ask {
    http::Request::builder()
        .method("DELETE")
        .uri(resource.as_str())
        .header(IF_MATCH, version.as_str())
        .body(bytes::Bytes::new())
        .expect("a URL is a legal URI and a version was checked to be a legal header")
}

/// # Errors
/// [`ErrorKind::Stale`] when it is in another version.
// quirk: icloud-62
pub(crate) fn parse(answer: &Answer) -> Result<()> {
    match answer.status().as_u16() {
        202 | 204 | 404 | 410 => Ok(()),
        200 if !is_web_page(answer) => Ok(()),
        409 | 412 => {
            let sentence = format!("{} holds another version of the event", place(answer));
            Err(Error::new(ErrorKind::Stale, sentence))
        }
        // A multistatus lists what could not be deleted (RFC 4918 section 9.6.1).
        207 => Err(Error::new(
            ErrorKind::Unavailable,
            format!("{} could not delete the event", place(answer)),
        )),
        _ => Err(refused(answer, DOING)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::wire::{answer, sample};
    use super::*;

    // quirk: icloud-62, icloud-63
    #[test]
    fn already_gone_is_success_and_there_is_no_depth() {
        let ask = prepare(&Url::parse("https://x/cal/a.ics").unwrap(), &"\"1\"".into());
        assert_eq!(ask.headers()["if-match"], "\"1\"");
        assert!(!ask.headers().contains_key("depth"));
        let cases = [
            (204, None),
            (404, None),
            (410, None),
            (412, Some(ErrorKind::Stale)),
            (403, Some(ErrorKind::Forbidden)),
            (423, Some(ErrorKind::Unavailable)),
            (207, Some(ErrorKind::Unavailable)),
            (500, Some(ErrorKind::Unavailable)),
        ];
        for (status, expected) in cases {
            let outcome = parse(&answer("http://127.0.0.1/a.ics", status, ""));
            assert_eq!(outcome.err().map(|error| error.kind()), expected, "{status}");
        }
        let radicale = include_str!("../../tests/wire/radicale/delete.http");
        assert!(parse(&sample("http://127.0.0.1/a.ics", radicale)).is_ok());
        assert!(parse(&answer("http://127.0.0.1/a.ics", 200, "<!DOCTYPE html>")).is_err());
    }
}
