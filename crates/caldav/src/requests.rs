//! The requests of CalDAV, one file each, and what they share: how a WebDAV request looks, and
//! what a status means where the request itself gives it no other meaning.

pub(crate) mod addresses;
pub(crate) mod ctag;
pub(crate) mod delete;
pub(crate) mod get;
pub(crate) mod list_calendars;
pub(crate) mod list_versions;
pub(crate) mod multiget;
pub(crate) mod options;
pub(crate) mod propfind_home;
pub(crate) mod propfind_principal;
pub(crate) mod put;
pub(crate) mod sync_collection;
pub(crate) mod version;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use provider::{Error, ErrorKind, Result};
use transport::{Reached, Url};

use crate::multistatus::{self, Refusal, Response};
use crate::xml;

// What is not here is not asked, because the answer would not be one: no calendar-query (UIDs are
// known to the engine, windows are cut there), no free-busy, no allprop, no MOVE, no MKCALENDAR.
// quirk: icloud-41, icloud-42, icloud-43, icloud-44, icloud-61
/// A request, ready to be sent.
pub(crate) type Ask = http::Request<Bytes>;

/// An answer, whole.
pub(crate) type Answer = http::Response<Bytes>;

/// How far below its address a request reaches. Never infinity: nobody supports it well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// The resource itself.
    Zero,
    /// And what lies directly in it.
    One,
}

/// Opens every body: the declaration stands first, or iCloud's edge refuses it.
const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n";

/// Prefixes in the spelling that every server is known to take.
const PREFIXES: &str = "xmlns:d=\"DAV:\" xmlns:c=\"urn:ietf:params:xml:ns:caldav\" \
     xmlns:cs=\"http://calendarserver.org/ns/\" xmlns:a=\"http://apple.com/ns/ical/\"";

/// A PROPFIND for these properties.
fn propfind(url: &Url, depth: Depth, properties: &str) -> Ask {
    let body = format!("<d:propfind {PREFIXES}><d:prop>{properties}</d:prop></d:propfind>");
    dav("PROPFIND", url, depth, &body)
}

/// A REPORT; `body` has one root element that takes [`PREFIXES`].
fn report(url: &Url, depth: Depth, root: &str, content: &str) -> Ask {
    dav("REPORT", url, depth, &format!("<{root} {PREFIXES}>{content}</{root}>"))
}

fn dav(method: &str, url: &Url, depth: Depth, body: &str) -> Ask {
    let depth = match depth {
        Depth::Zero => "0",
        Depth::One => "1",
    };
    http::Request::builder()
        .method(method)
        .uri(url.as_str())
        .header("Depth", depth)
        .header(CONTENT_TYPE, "application/xml; charset=utf-8")
        .body(Bytes::from(format!("{DECLARATION}{body}")))
        .expect("a URL is a legal URI and the rest is constant")
}

/// Where the answer came from.
fn reached(answer: &Answer) -> &Url {
    &answer.extensions().get::<Reached>().expect("transport says where every answer came from").0
}

fn place(answer: &Answer) -> String {
    answer.extensions().get::<Reached>().map_or_else(|| "the server".to_owned(), Reached::place)
}

/// Reads a 207, response by response, and returns its sync token. `doing` completes the sentence
/// "the server refused …".
fn read_multistatus(
    answer: &Answer,
    doing: &str,
    each: impl FnMut(Response) -> xml::Result<()>,
) -> Result<Option<String>> {
    // What forbids reading by a page stands before the server, as in a hotel: it knows nothing of
    // the account.
    if answer.status() == 403 && is_web_page(answer) {
        let sentence = format!("{} answered {doing} with a web page (403)", place(answer));
        return Err(Error::new(ErrorKind::Malformed, sentence));
    }
    if answer.status() != 207 {
        return Err(refused(answer, doing));
    }
    multistatus::read(answer.body(), each).map_err(|broken| {
        Error::new(
            ErrorKind::Malformed,
            format!("the answer of {} to {doing} can't be believed", place(answer)),
        )
        .because(broken)
    })
}

/// What a status means that the request itself gives no other meaning.
// quirk: icloud-68
pub(crate) fn refused(answer: &Answer, doing: &str) -> Error {
    let (place, status) = (place(answer), answer.status().as_u16());
    let (kind, sentence) = match status {
        401 => (ErrorKind::Unauthorized, format!("{place} refused the user name or password")),
        403 => (ErrorKind::Forbidden, format!("{place} does not allow {doing}")),
        404 | 410 => (ErrorKind::Gone, format!("{place} found nothing there when {doing}")),
        413 | 507 => (ErrorKind::Rejected, format!("{place} has no room for {doing} ({status})")),
        408 | 421 | 423 | 425 | 500..=599 => {
            (ErrorKind::Unavailable, format!("{place} failed at {doing} ({status})"))
        }
        200..=299 if is_web_page(answer) => {
            (ErrorKind::Malformed, format!("{place} answered {doing} with a web page"))
        }
        200..=299 => {
            (ErrorKind::Malformed, format!("{place} answered {doing} with {status} and no CalDAV"))
        }
        _ => (ErrorKind::Malformed, format!("{place} refused {doing} ({status})")),
    };
    Error::new(kind, sentence)
}

/// Whether it is a web page: by its type, or by how it begins, since a portal may lie about it.
fn is_web_page(answer: &Answer) -> bool {
    let content_type = answer.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.is_some_and(|text| text.to_ascii_lowercase().contains("html"))
        || [b"<!doc", b"<html"].into_iter().any(|begin| {
            let start = answer.body().trim_ascii_start().get(..begin.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(begin))
        })
}

/// A refusal's status and preconditions, for sentences: nothing of the body that could quote the
/// event.
fn describe(status: u16, refusal: &Refusal) -> String {
    match refusal.preconditions.as_slice() {
        [] => status.to_string(),
        names => format!("{status}, {}", names.join(", ")),
    }
}

/// Calendar text as it is kept: lines end with CRLF whatever XML or the server made of them
/// (XML 1.0 section 2.11, RFC 5545 section 3.1), the last one too.
// quirk: icloud-14
fn calendar_text(text: &[u8]) -> Vec<u8> {
    let text = text.trim_ascii();
    let mut kept = Vec::with_capacity(text.len() + text.len() / 32 + 2);
    for line in text.split(|&byte| byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        kept.extend_from_slice(line);
        kept.extend_from_slice(b"\r\n");
    }
    kept
}

#[cfg(test)]
pub(crate) mod wire {
    //! Answers for the tests of `parse`.

    use super::*;

    /// An answer with a body, as if it had come from `url`.
    pub(crate) fn answer(url: &str, status: u16, body: &str) -> Answer {
        let mut answer = http::Response::new(Bytes::from(body.to_owned()));
        *answer.status_mut() = http::StatusCode::from_u16(status).unwrap();
        answer.extensions_mut().insert(Reached(Url::parse(url).unwrap()));
        answer
    }

    /// A sample: status line, headers, blank line, body.
    pub(crate) fn sample(url: &str, text: &str) -> Answer {
        let text = text.replace("\r\n", "\n");
        let (head, body) = text.split_once("\n\n").unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let mut answer = answer(url, status, body);
        for line in lines {
            let (name, value) = line.split_once(": ").unwrap();
            answer.headers_mut().append(
                http::HeaderName::from_bytes(name.as_bytes()).unwrap(),
                value.parse().unwrap(),
            );
        }
        answer
    }

    /// The request as text: method, path, headers, body.
    pub(crate) fn shown(ask: &Ask) -> String {
        let mut text = format!("{} {}\n", ask.method(), ask.uri().path());
        for (name, value) in ask.headers() {
            text.push_str(&format!("{name}: {}\n", value.to_str().unwrap()));
        }
        text.push('\n');
        text.push_str(std::str::from_utf8(ask.body()).unwrap());
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calendar_text_ends_its_lines_as_the_book_says() {
        for text in ["\n  A\nB\r\n", "A\r\nB", "A\nB\n\n"] {
            assert_eq!(calendar_text(text.as_bytes()), b"A\r\nB\r\n", "{text:?}");
        }
        assert_eq!(calendar_text(b"A\n B\n"), b"A\r\n B\r\n", "a folded line stays folded");
    }

    #[test]
    fn a_status_has_a_meaning() {
        let cases = [
            (401, ErrorKind::Unauthorized),
            (403, ErrorKind::Forbidden),
            (404, ErrorKind::Gone),
            (400, ErrorKind::Malformed),
            (405, ErrorKind::Malformed),
            (413, ErrorKind::Rejected),
            (423, ErrorKind::Unavailable),
            (500, ErrorKind::Unavailable),
            (507, ErrorKind::Rejected),
            (200, ErrorKind::Malformed),
        ];
        for (status, kind) in cases {
            let error = refused(&wire::answer("https://dav.example.org/", status, ""), "x");
            assert_eq!(error.kind(), kind, "{status}");
            assert!(error.sentence().contains("dav.example.org"), "{error}");
        }
    }
}
