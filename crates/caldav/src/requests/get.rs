//! GET of one resource: what multiget leaves unclear, and the look at our own create. Never of a
//! collection: iCloud drops the connection.

use provider::{Error, ErrorKind, Result};
use transport::Url;

use super::multiget::Got;
use super::{Answer, Ask, calendar_text, is_web_page, place, refused};
use crate::etag;

const DOING: &str = "reading an event";

pub(crate) fn prepare(resource: &Url) -> Ask {
    http::Request::builder()
        .method("GET")
        .uri(resource.as_str())
        .header("Accept", "text/calendar")
        .body(bytes::Bytes::new())
        .expect("a URL is a legal URI and the rest is constant")
}

/// # Errors
/// [`ErrorKind::Malformed`] for anything that is no calendar, a web page above all.
pub(crate) fn parse(answer: &Answer) -> Result<Got> {
    match answer.status().as_u16() {
        404 | 410 => Ok(Got::Absent),
        200 if !is_web_page(answer) => {
            let version = etag::of_get(answer.headers());
            Ok(Got::Content(version, calendar_text(answer.body())))
        }
        200 => Err(Error::new(
            ErrorKind::Malformed,
            format!("{} answered {DOING} with a web page", place(answer)),
        )),
        _ => Err(refused(answer, DOING)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::wire::sample;
    use super::*;

    #[test]
    fn a_calendar_an_absence_or_an_error() {
        let text = include_str!("../../tests/wire/sogo/get.http");
        let Ok(Got::Content(version, data)) = parse(&sample("http://127.0.0.1/a.ics", text)) else {
            panic!("no content");
        };
        assert_eq!(version.unwrap().as_str(), "\"gcs00000001\"");
        assert!(data.ends_with(b"END:VCALENDAR\r\n"));
        let missing = include_str!("../../tests/wire/cyrus/get_missing.http");
        assert_eq!(parse(&sample("http://127.0.0.1/a.ics", missing)).unwrap(), Got::Absent);
        let portal = "HTTP/1.1 200 OK\nContent-Type: text/html\n\n<html>";
        let error = parse(&sample("http://127.0.0.1/a.ics", portal)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Malformed);
    }
}
