//! The multistatus answer (RFC 4918 section 13), response by response: whatever the order of its
//! parts, however many propstats, only properties that came with success.

use crate::props::Props;
use crate::xml::{Broken, Name, Result, Space, Xml};

/// One DAV:response.
#[derive(Debug, Default)]
pub(crate) struct Response {
    /// What it is about, as the server spells it.
    pub(crate) href: String,
    /// Its own status, where it has one.
    pub(crate) status: Option<u16>,
    /// Properties of every propstat with success.
    pub(crate) props: Props,
    /// The status of a propstat without success, the last one.
    pub(crate) failed: Option<u16>,
}

/// Reads a multistatus, handing over each response as it comes, and returns its DAV:sync-token.
/// Anything that goes wrong goes wrong as a whole.
// quirk: icloud-13, icloud-67, icloud-68
pub(crate) fn read(
    body: &[u8],
    mut each: impl FnMut(Response) -> Result<()>,
) -> Result<Option<String>> {
    let mut token = None;
    Xml::new(body)?.root(|xml, name| {
        if name.parts() != (Space::Dav, "multistatus") {
            return Err(Broken::new("it is not a multistatus"));
        }
        xml.children(|xml, name| match name.parts() {
            (Space::Dav, "response") => {
                for response in response(xml)? {
                    each(response)?;
                }
                Ok(())
            }
            (Space::Dav, "sync-token") => {
                token = Some(xml.text()?).filter(|token| !token.is_empty());
                Ok(())
            }
            _ => xml.skip(),
        })
    })?;
    Ok(token)
}

/// One response; one for each href where a status is about several (RFC 4918 section 14.24).
fn response(xml: &mut Xml<'_>) -> Result<Vec<Response>> {
    let mut hrefs = Vec::new();
    let mut read = Response::default();
    xml.children(|xml, name| {
        match name.parts() {
            (Space::Dav, "href") => hrefs.push(xml.text()?),
            (Space::Dav, "status") => read.status = status(&xml.text()?),
            (Space::Dav, "propstat") => propstat(xml, &mut read)?,
            _ => xml.skip()?,
        }
        Ok(())
    })?;
    let Some(last) = hrefs.pop() else {
        return Err(Broken::new("a response names no resource"));
    };
    let status = read.status;
    let others = hrefs.into_iter().map(|href| Response { href, status, ..Response::default() });
    let mut responses: Vec<Response> = others.collect();
    responses.push(Response { href: last, ..read });
    Ok(responses)
}

// quirk: icloud-15, icloud-16, icloud-17
fn propstat(xml: &mut Xml<'_>, response: &mut Response) -> Result<()> {
    let mut props = Props::default();
    let mut code = None;
    xml.children(|xml, name| match name.parts() {
        (Space::Dav, "prop") => xml.children(|xml, name| props.read(xml, &name)),
        (Space::Dav, "status") => {
            code = status(&xml.text()?);
            Ok(())
        }
        _ => xml.skip(),
    })?;
    match code {
        None | Some(200..=299) => response.props.merge(props),
        Some(failed) => response.failed = Some(failed),
    }
    Ok(())
}

/// The code of a status line; servers leave out the reason, sometimes everything.
// quirk: icloud-15, icloud-26
fn status(line: &str) -> Option<u16> {
    line.split_ascii_whitespace()
        .filter(|word| word.len() == 3)
        .find_map(|word| word.parse().ok())
        .filter(|code| (100..600).contains(code))
}

/// The preconditions that a DAV:error names (RFC 4918 section 16), with what the server adds for
/// people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// Local names, whatever their namespace: servers mix them up.
    pub(crate) preconditions: Vec<String>,
}

impl Refusal {
    /// Reads the body of a refusal; one that is no DAV:error names nothing.
    // quirk: caldav-91
    pub(crate) fn read(body: &[u8]) -> Self {
        let mut refusal = Self::default();
        let read = Xml::new(body).and_then(|mut xml| {
            xml.root(|xml, name| {
                if name.local != "error" {
                    return Err(Broken::new("it is not an error"));
                }
                xml.children(|xml, name| refusal.note(xml, name))
            })
        });
        if read.is_err() {
            refusal.preconditions.clear();
        }
        refusal
    }

    fn note(&mut self, xml: &mut Xml<'_>, name: Name) -> Result<()> {
        let known = matches!(name.space, Space::Dav | Space::CalDav | Space::CalendarServer);
        let carddav = name.space == Space::Other && name.local == "no-uid-conflict";
        if (known || carddav) && name.local != "responsedescription" {
            self.preconditions.push(name.local);
        }
        xml.skip()
    }

    /// Whether it names `precondition`.
    pub(crate) fn names(&self, precondition: &str) -> bool {
        self.preconditions.iter().any(|name| name == precondition)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(body: &str) -> std::result::Result<String, String> {
        let mut lines = Vec::new();
        let token = read(body.as_bytes(), |response| {
            lines.push(format!(
                "{} {} {} {}",
                response.href,
                response.status.map_or("-".into(), |code| code.to_string()),
                response.props.etag.as_deref().unwrap_or("-"),
                response.props.display_name.as_deref().unwrap_or("-"),
            ));
            Ok(())
        })
        .map_err(|error| error.to_string())?;
        lines.push(token.unwrap_or("no token".into()));
        Ok(lines.join("; "))
    }

    // quirk: icloud-15, icloud-16, icloud-17, icloud-26
    #[test]
    fn only_what_came_with_success_counts() {
        let prop = "<prop><getetag>\"1\"</getetag></prop>";
        let cases = [
            (format!("<propstat>{prop}<status>HTTP/1.1 200 OK</status></propstat>"), "a - \"1\" -"),
            (format!("<propstat><status>HTTP/1.1 200</status>{prop}</propstat>"), "a - \"1\" -"),
            (format!("<propstat>{prop}<status></status></propstat>"), "a - \"1\" -"),
            (format!("<propstat>{prop}</propstat>"), "a - \"1\" -"),
            (
                format!("<propstat>{prop}<status>HTTP/1.1 404 Not Found</status></propstat>"),
                "a - - -",
            ),
            (
                format!(
                    "<propstat>{prop}</propstat><propstat><prop><displayname>x</displayname></prop>\
                     </propstat><propstat><prop><displayname/><getetag/></prop>\
                     <status>HTTP/1.1 404</status></propstat>"
                ),
                "a - \"1\" x",
            ),
            ("<status>HTTP/1.1 404</status>".into(), "a 404 - -"),
            ("<status>HTTP/2 404 Not Found</status><href>b</href>".into(), "a 404 - -; b 404 - -"),
        ];
        for (inside, expected) in cases {
            let body = format!(
                "<multistatus xmlns='DAV:'><response><href>a</href>{inside}</response>\
                 </multistatus>"
            );
            assert_eq!(summary(&body), Ok(format!("{expected}; no token")), "{inside}");
        }
    }

    // quirk: icloud-67, icloud-68
    #[test]
    fn anything_else_is_no_answer() {
        let cases = [
            ("<html><body>Welcome</body></html>", "not a multistatus"),
            ("<multistatus/>", "not a multistatus"),
            ("<multistatus xmlns='DAV:'><response><href>a</href></response>", "ends before"),
            ("<multistatus xmlns='DAV:'><response/></multistatus>", "names no resource"),
        ];
        for (body, expected) in cases {
            let said = summary(body).unwrap_err();
            assert!(said.contains(expected), "{said}");
        }
        let empty = "<multistatus xmlns='DAV:'><sync-token/></multistatus>";
        assert_eq!(summary(empty).unwrap(), "no token");
    }

    // quirk: icloud-67
    #[test]
    fn no_beginning_of_an_answer_is_an_answer() {
        let samples = [
            include_str!("../tests/wire/icloud/list_calendars.http"),
            include_str!("../tests/wire/cyrus/multiget.http"),
            include_str!("../tests/wire/radicale/sync_initial.http"),
        ];
        for sample in samples {
            let body = sample.replace("\r\n", "\n");
            let body = body.split_once("\n\n").unwrap().1.trim_end().as_bytes();
            assert!(read(body, |_| Ok(())).is_ok());
            for end in 0..body.len() {
                assert!(read(&body[..end], |_| Ok(())).is_err(), "{end} of {}", body.len());
            }
        }
    }

    // quirk: caldav-91
    #[test]
    fn a_refusal_names_its_preconditions() {
        let cases = [
            ("<error xmlns='DAV:'><valid-sync-token/></error>", "valid-sync-token"),
            (
                "<d:error xmlns:d='DAV:' xmlns:c='urn:ietf:params:xml:ns:caldav'>\
                 <c:no-uid-conflict><d:href>/x</d:href></c:no-uid-conflict>\
                 <d:responsedescription>UID in use</d:responsedescription></d:error>",
                "no-uid-conflict",
            ),
            (
                "<error xmlns='DAV:'>\
                 <no-uid-conflict xmlns='urn:ietf:params:xml:ns:carddav'/></error>",
                "no-uid-conflict",
            ),
            (
                "<d:error xmlns:d='DAV:' xmlns:s='http://sabredav.org/ns'>\
                 <s:exception>X</s:exception></d:error>",
                "",
            ),
            ("<D:error xmlns:D='DAV'>Event UID already in use.</D:error>", ""),
            ("<html>", ""),
            ("", ""),
        ];
        for (body, expected) in cases {
            assert_eq!(Refusal::read(body.as_bytes()).preconditions.join(" "), expected, "{body}");
        }
    }
}
