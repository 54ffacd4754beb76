//! Identity by path: what a server calls the same thing under several spellings, hosts and ports
//! is one calendar and one resource here.
//!
//! A calendar is its percent-decoded path, without host, with a closing slash. A resource is its
//! last path segment in one canonical percent-encoding; there is no way to name anything outside
//! its calendar.

use std::fmt::Write as _;

use model::{CalendarId, ResourceId};
use transport::Url;

use crate::xml::{self, Broken};

/// Characters that stand for themselves in any URL (RFC 3986 section 2.3).
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// What may also stand unescaped in a segment (RFC 3986 section 3.3), as servers spell it.
fn is_segment(byte: u8) -> bool {
    is_unreserved(byte) || b"!$&'()*+,;=:@".contains(&byte)
}

/// A path, segment by segment, decoded; empty segments (doubled slashes) do not count.
/// `None` when a segment is `.` or `..`, or holds a byte that no path should.
// quirk: icloud-12
fn segments(path: &str) -> Option<Vec<Vec<u8>>> {
    path.split('/').filter(|segment| !segment.is_empty()).map(decoded).collect()
}

fn decoded(segment: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
                u8::try_from(high * 16 + low).ok()?
            }
            byte => byte,
        });
    }
    // A server may decode before it splits: an escaped slash must not climb either.
    let climbs =
        bytes.split(|byte| matches!(byte, b'/' | b'\\')).any(|part| matches!(part, b"." | b".."));
    let fine = !climbs && !bytes.iter().any(|byte| byte.is_ascii_control());
    fine.then_some(bytes)
}

fn encoded(segment: &[u8], stays: fn(u8) -> bool) -> String {
    let mut text = String::with_capacity(segment.len());
    for &byte in segment {
        if stays(byte) {
            text.push(char::from(byte));
        } else {
            // Writing to a String can't fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

/// The segment as a person reads it; what would make the path ambiguous stays encoded.
fn readable(segment: &[u8]) -> String {
    match std::str::from_utf8(segment) {
        Ok(text) => text
            .chars()
            .map(|c| match c {
                '%' => "%25".to_owned(),
                '/' => "%2F".to_owned(),
                '?' => "%3F".to_owned(),
                '#' => "%23".to_owned(),
                other => other.to_string(),
            })
            .collect(),
        Err(_) => encoded(segment, is_segment),
    }
}

/// The calendar at an address; `None` for a path that names nothing, or something relative.
// quirk: icloud-9, icloud-10
pub(crate) fn calendar_id(url: &Url) -> Option<CalendarId> {
    if url.query().is_some() || url.fragment().is_some() {
        return None;
    }
    id_of(&segments(url.path())?)
}

/// The calendar of a path as an id or a person spells it: encoded or not.
pub(crate) fn calendar_id_of_path(path: &str) -> Option<CalendarId> {
    if path.contains(['?', '#']) {
        return None;
    }
    // A lone percent sign is not an escape but what a person means.
    let segments: Vec<Vec<u8>> = path
        .split('/')
        .filter(|segment| !segment.is_empty())
        .map(|segment| decoded(segment).or_else(|| Some(segment.as_bytes().to_vec())))
        .collect::<Option<_>>()?;
    if segments.iter().any(|segment| segment == b"." || segment == b"..") {
        return None;
    }
    id_of(&segments)
}

fn id_of(segments: &[Vec<u8>]) -> Option<CalendarId> {
    if segments.is_empty() {
        return None;
    }
    let path: Vec<String> = segments.iter().map(|segment| readable(segment)).collect();
    Some(CalendarId::new(format!("/{}/", path.join("/"))))
}

/// A calendar's address at the host that serves the account, and what lies in it.
#[derive(Clone, Debug)]
pub(crate) struct Collection {
    url: Url,
    segments: Vec<Vec<u8>>,
}

/// What an href of an answer about a collection is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Member {
    /// The collection itself.
    Collection,
    /// A collection below it.
    Folder,
    /// A resource directly in it.
    Resource(ResourceId),
}

impl Collection {
    /// The calendar `id` at the host of `base`.
    pub(crate) fn new(base: &Url, id: &CalendarId) -> Option<Self> {
        let segments = segments(id.as_str())?;
        let path: Vec<String> =
            segments.iter().map(|segment| encoded(segment, is_segment)).collect();
        let mut url = base.clone();
        url.set_query(None);
        url.set_fragment(None);
        url.set_path(&format!("/{}/", path.join("/")));
        Some(Self { url, segments })
    }

    /// Its address, with a closing slash.
    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// Where a resource lies. Never the collection itself, never outside it.
    // quirk: icloud-25, icloud-64
    pub(crate) fn resource(&self, id: &ResourceId) -> Option<Url> {
        let segment = decoded(id.as_str())?;
        if segment.is_empty() || id.as_str().contains('/') {
            return None;
        }
        let mut url = self.url.clone();
        url.set_path(&format!("{}{}", self.url.path(), encoded(&segment, is_unreserved)));
        // The address is read by the rules of URLs once more: nothing may have moved.
        (url.path().len() > self.url.path().len() && url.path().starts_with(self.url.path()))
            .then_some(url)
    }

    /// What an href means that the server named in an answer from `reached`.
    ///
    /// # Errors
    /// When it lies anywhere else than directly in the collection.
    // quirk: icloud-11, icloud-12, icloud-24
    pub(crate) fn member(&self, reached: &Url, href: &str) -> xml::Result<Member> {
        let outside = || Broken::new("it names something outside the calendar");
        let url = resolve(reached, href).ok_or_else(outside)?;
        // Servers name themselves with or without the port, by one of several host names: the host
        // is not looked at beyond what `resolve` requires, because requests never go there.
        let found = segments(url.path()).ok_or_else(outside)?;
        let below = found.strip_prefix(self.segments.as_slice()).ok_or_else(outside)?;
        match below {
            [] => Ok(Member::Collection),
            [_] if url.path().ends_with('/') => Ok(Member::Folder),
            [name] => Ok(Member::Resource(ResourceId::new(encoded(name, is_unreserved)))),
            _ => Err(outside()),
        }
    }
}

/// What a server's href points to, read from the address that answered. `None` when it is none,
/// or has a query or fragment, or climbs.
pub(crate) fn resolve(reached: &Url, href: &str) -> Option<Url> {
    let climbs = href.split('/').any(|segment| decoded(segment).is_none());
    if climbs || href.contains(['?', '#', '\\']) {
        return None;
    }
    let url = reached.join(href).ok()?;
    let same_kind = matches!(url.scheme(), "http" | "https") && url.username().is_empty();
    same_kind.then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    // quirk: icloud-9, icloud-12
    #[test]
    fn a_calendar_is_its_path() {
        let cases = [
            ("https://caldav.icloud.com/1/calendars/home/", Some("/1/calendars/home/")),
            ("https://p42-caldav.icloud.com:443/1/calendars/home", Some("/1/calendars/home/")),
            ("https://x/a%40b/c%20d/", Some("/a@b/c d/")),
            ("https://x/a@b//c d", Some("/a@b/c d/")),
            ("https://x/%C3%BC/", Some("/ü/")),
            ("https://x/a%2Fb/", Some("/a%2Fb/")),
            ("https://x/100%25/", Some("/100%25/")),
            ("https://x/%FF/", Some("/%FF/")),
            ("https://x/", None),
            ("https://x/a?b", None),
        ];
        for (text, expected) in cases {
            let id = calendar_id(&url(text));
            assert_eq!(id.as_ref().map(CalendarId::as_str), expected, "{text}");
            if let Some(id) = id {
                assert_eq!(calendar_id_of_path(id.as_str()), Some(id.clone()));
                let again = Collection::new(&url("https://y:1/z?q"), &id).unwrap();
                assert_eq!(calendar_id(again.url()), Some(id));
            }
        }
        assert_eq!(calendar_id_of_path("/a/../b/"), None);
        assert_eq!(calendar_id_of_path("/a b").unwrap().as_str(), "/a b/");
    }

    // quirk: icloud-11, icloud-12, icloud-24
    #[test]
    fn hrefs_are_members_or_refused() {
        let base = url("https://caldav.icloud.com/1/calendars/home/");
        let home = Collection::new(&base, &calendar_id(&base).unwrap()).unwrap();
        let resource = |name: &str| Some(Member::Resource(name.into()));
        let cases = [
            ("/1/calendars/home/a.ics", resource("a.ics")),
            ("a.ics", resource("a.ics")),
            ("https://p42-caldav.icloud.com:443/1/calendars/home/a.ics", resource("a.ics")),
            ("/1/calendars/home/a@b.ics", resource("a%40b.ics")),
            ("/1/calendars/home/a%40b.ics", resource("a%40b.ics")),
            ("/1/calendars/home/%c3%bc x.ics", resource("%C3%BC%20x.ics")),
            ("/1/calendars/home/a%2Fb.ics", resource("a%2Fb.ics")),
            ("/1/calendars/home/%2525.ics", resource("%2525.ics")),
            ("/1/calendars/home/", Some(Member::Collection)),
            ("/1/calendars/home", Some(Member::Collection)),
            ("/1/calendars/home/sub/", Some(Member::Folder)),
            ("../../other/cal/x.ics", None),
            ("/1/calendars/home/../work/x.ics", None),
            ("/1/calendars/home/%2e%2e/x.ics", None),
            ("/1/calendars/home/%2e%2e%2fx.ics", None),
            ("/1/calendars/home/x%2f..%5c..%2fx.ics", None),
            ("/1/calendars/home/sub/x.ics", None),
            ("//evil/x", None),
            ("/1/calendars/home/x.ics?y", None),
            ("/1/calendars/home/x.ics#y", None),
            ("/1/calendars/home/%00.ics", None),
            ("/1/calendars/home/%zz.ics", None),
            ("ftp://x/1/calendars/home/a.ics", None),
            ("/1/calendars/work/a.ics", None),
        ];
        for (href, expected) in cases {
            assert_eq!(home.member(&base, href).ok(), expected, "{href}");
        }
    }

    // quirk: icloud-64
    #[test]
    fn a_resource_never_is_the_collection_or_outside() {
        let base = url("https://x/cal/");
        let cal = Collection::new(&base, &"/cal/".into()).unwrap();
        let at = |id: &str| cal.resource(&id.into()).map(|url| url.path().to_owned());
        assert_eq!(at("a%40b.ics").as_deref(), Some("/cal/a%40b.ics"));
        assert_eq!(at("a%2Fx.ics").as_deref(), Some("/cal/a%2Fx.ics"));
        for bad in ["", ".", "..", "%2e%2e", "a/b", "/", "%2E", "..%2Fx.ics"] {
            assert_eq!(at(bad), None, "{bad}");
        }
        assert_eq!(at("?x").as_deref(), Some("/cal/%3Fx"));
    }
}
