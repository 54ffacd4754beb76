//! REPORT sync-collection (RFC 6578): what changed since a token, or everything; versions, no
//! content. No limit is asked for: servers ignore it or, worse, apply it and forget the rest.

use std::collections::HashMap;

use model::ResourceId;
use provider::{Change, ErrorKind, Result};

use super::{Answer, Ask, Depth, reached, read_multistatus, refused, report};
use crate::etag;
use crate::multistatus::{Refusal, Response};
use crate::path::{Collection, Member};
use crate::props::{Kind, Props};
use crate::xml;

const DOING: &str = "listing what changed";

/// What the server made of the request.
#[derive(Debug)]
pub(crate) enum Synced {
    /// It listed.
    Listed(Listed),
    /// It knows the token no more, or the report not at all: list everything another way.
    Refused,
    /// It refused the form of the request, or has nothing there, or failed: the next look decides.
    Unclear(provider::Error),
}

/// One part of a listing.
#[derive(Debug)]
pub(crate) struct Listed {
    /// What changed, each resource once.
    pub(crate) items: Vec<Change>,
    /// The token after these changes.
    pub(crate) token: Option<String>,
    /// Whether there is more than this.
    pub(crate) truncated: bool,
}

/// `token` is empty for everything.
// quirk: icloud-23, icloud-34, icloud-35
pub(crate) fn prepare(collection: &Collection, token: &str, depth: Depth) -> Ask {
    let token = xml::escape(token);
    let content = format!(
        "<d:sync-token>{token}</d:sync-token><d:sync-level>1</d:sync-level>\
         <d:prop><d:resourcetype/><d:getetag/><d:getcontenttype/></d:prop>"
    );
    report(collection.url(), depth, "d:sync-collection", &content)
}

pub(crate) fn parse(answer: &Answer, collection: &Collection) -> Result<Synced> {
    let error = match answer.status().as_u16() {
        207 => return Ok(Synced::Listed(listed(answer, collection)?)),
        // quirk: icloud-28, icloud-29, caldav-82
        403 | 405 | 409 | 410 | 412 | 415 | 418 | 422 | 501 | 507 => return Ok(Synced::Refused),
        _ if Refusal::read(answer.body()).names("valid-sync-token") => return Ok(Synced::Refused),
        _ => refused(answer, DOING),
    };
    match error.kind() {
        ErrorKind::Unauthorized => Err(error),
        _ if answer.status().is_success() => Err(error),
        _ if matches!(answer.status().as_u16(), 502 | 504) => Err(error),
        _ => Ok(Synced::Unclear(error)),
    }
}

fn listed(answer: &Answer, collection: &Collection) -> Result<Listed> {
    let here = reached(answer);
    let mut members = Members::default();
    let mut truncated = false;
    let token = read_multistatus(answer, DOING, |response| {
        match collection.member(here, &response.href)? {
            // quirk: icloud-24, icloud-33
            Member::Collection => truncated |= response.status == Some(507),
            Member::Folder => {}
            Member::Resource(id) => {
                if let Some(change) = change(id, &response) {
                    members.note(change);
                }
            }
        }
        Ok(())
    })?;
    Ok(Listed { items: members.into_items(), token, truncated })
}

/// What a member's answer says; `None` for what is no event.
fn change(id: ResourceId, response: &Response) -> Option<Change> {
    match response.status {
        // quirk: icloud-26
        Some(404 | 410) => Some(Change::Gone(id)),
        // It is there, and can't be read just now: a fetch says why.
        Some(401 | 403 | 423 | 429 | 500..=599) => Some(Change::Listed { id, version: None }),
        // quirk: caldav-89
        Some(300..=499) => Some(Change::Missing(id)),
        _ if response.props.is(Kind::Collection) || !holds_events(&response.props) => None,
        _ => {
            let version = response.props.etag.as_deref().and_then(etag::of_property);
            Some(Change::Listed { id, version })
        }
    }
}

/// Whether a resource holds events, as far as its content type says (RFC 4791 does not require the
/// parameter, RFC 5545 section 8.1 defines it): tasks in the same calendar are not ours.
// quirk: caldav-5
pub(crate) fn holds_events(props: &Props) -> bool {
    let Some(content_type) = props.content_type.as_deref() else {
        return true;
    };
    content_type
        .split(';')
        .filter_map(|part| part.split_once('='))
        .filter(|(name, _)| name.trim().eq_ignore_ascii_case("component"))
        .all(|(_, value)| value.trim().trim_matches('"').eq_ignore_ascii_case("vevent"))
}

/// Members of a listing, each once: the last word counts.
// quirk: icloud-27
#[derive(Debug, Default)]
pub(crate) struct Members {
    items: Vec<Change>,
    places: HashMap<ResourceId, usize>,
}

impl Members {
    pub(crate) fn note(&mut self, change: Change) {
        match self.places.get(change.id()) {
            Some(&place) => self.items[place] = change,
            None => {
                self.places.insert(change.id().clone(), self.items.len());
                self.items.push(change);
            }
        }
    }

    pub(crate) fn into_items(self) -> Vec<Change> {
        self.items
    }
}

#[cfg(test)]
mod tests {
    use super::super::wire::{answer, sample, shown};
    use super::*;
    use transport::Url;

    fn collection(path: &str) -> Collection {
        Collection::new(&Url::parse("http://127.0.0.1:1/").unwrap(), &path.into()).unwrap()
    }

    fn summary(path: &str, text: &str) -> String {
        let collection = collection(path);
        match parse(&sample(collection.url().as_str(), text), &collection) {
            Ok(Synced::Listed(listed)) => {
                let mut words: Vec<String> = listed.items.iter().map(word).collect();
                words.push(listed.token.unwrap_or("-".into()));
                words.extend(listed.truncated.then(|| "more".to_owned()));
                words.join(" ")
            }
            Ok(Synced::Refused) => "refused".into(),
            Ok(Synced::Unclear(error)) => format!("unclear {:?}", error.kind()),
            Err(error) => format!("error {:?}", error.kind()),
        }
    }

    fn word(change: &Change) -> String {
        let id = change.id();
        match change {
            Change::Listed { version: Some(version), .. } => format!("{id}={version}"),
            Change::Listed { version: None, .. } => format!("{id}=?"),
            Change::Gone(_) => format!("-{id}"),
            Change::Missing(_) => format!("?{id}"),
            Change::Present(_) | Change::Unreadable(_) => unreachable!("a listing has no content"),
        }
    }

    #[test]
    fn the_token_is_escaped_and_no_limit_asked() {
        let ask = shown(&prepare(&collection("/cal/"), "a&<b>", Depth::Zero));
        assert!(ask.starts_with("REPORT /cal/\ndepth: 0\n"), "{ask}");
        assert!(ask.contains("<d:sync-token>a&amp;&lt;b&gt;</d:sync-token>"), "{ask}");
        assert!(!ask.contains("limit"), "{ask}");
    }

    // quirk: icloud-13, icloud-24, icloud-26, icloud-27
    #[test]
    fn icloud_lists_itself_and_removes_without_reason() {
        let text = include_str!("../../tests/wire/icloud/sync_collection.http");
        assert_eq!(
            summary("/10203040506/calendars/home/", text),
            "6E1B-A1.ics=\"mfk2k3zz\" -0D77-9C.ics HwoQEgwAAFakeTokenHome0002AAAAAAAAAAAA=="
        );
    }

    // quirk: icloud-28, icloud-29, icloud-30
    #[test]
    fn real_servers_refuse_a_token_in_their_dialects() {
        let cases = [
            ("/alice/work/", include_str!("../../tests/wire/radicale/sync_bogus.http"), "refused"),
            (
                "/alice/calendars/work/",
                include_str!("../../tests/wire/xandikos/sync_bogus.http"),
                "refused",
            ),
            (
                "/dav/calendars/user/alice/work/",
                include_str!("../../tests/wire/cyrus/sync_bogus.http"),
                "refused",
            ),
            (
                "/calendars/alice/work/",
                include_str!("../../tests/wire/sabre/sync_initial.http"),
                "refused",
            ),
        ];
        for (path, text, expected) in cases {
            assert_eq!(summary(path, text), expected, "{path}");
        }
        let full = include_str!("../../tests/wire/davical/sync_bogus.http");
        assert!(summary("/caldav.php/alice/work/", full).starts_with("a.ics="), "a full list");
    }

    // quirk: icloud-29, caldav-82
    #[test]
    fn other_refusals() {
        let token = "<error xmlns='DAV:'><valid-sync-token/></error>";
        let cases = [
            (403, "", "refused"),
            (409, "", "refused"),
            (410, "", "refused"),
            (412, "", "refused"),
            (418, "", "refused"),
            (400, token, "refused"),
            (500, token, "refused"),
            (500, "", "unclear Unavailable"),
            (502, "", "error Unavailable"),
            (404, "", "unclear Gone"),
            (400, "", "unclear Malformed"),
            (401, "", "error Unauthorized"),
            (200, "<html/>", "error Malformed"),
        ];
        for (status, body, expected) in cases {
            let text = format!("HTTP/1.1 {status} X\nX-A: b\n\n{body}");
            assert_eq!(summary("/cal/", &text), expected, "{status} {body}");
        }
    }

    // quirk: icloud-33, caldav-89, caldav-5
    #[test]
    fn members_by_their_status() {
        let member = |name: &str, inside: &str| {
            format!("<response><href>/cal/{name}</href>{inside}</response>")
        };
        let status = |code: u16| format!("<status>HTTP/1.1 {code} X</status>");
        let typed = |kind: &str| {
            format!(
                "<propstat><prop><getetag>\"1\"</getetag><getcontenttype>{kind}</getcontenttype>\
                 </prop></propstat>"
            )
        };
        let body = [
            member("", &status(507)),
            member("a", &status(418)),
            member("b", &status(403)),
            member("c", &typed("text/calendar; component=VTODO")),
            member("d", &typed("text/calendar; component=\"vevent\"; charset=utf-8")),
            member("e", &typed("text/calendar")),
            member("e", &status(404)),
            member("f/", &typed("httpd/unix-directory")),
        ]
        .concat();
        let text = format!(
            "HTTP/1.1 207 X\nX-A: b\n\n<multistatus xmlns='DAV:'>{body}\
             <sync-token>t</sync-token></multistatus>"
        );
        assert_eq!(summary("/cal/", &text), "?a b=? d=\"1\" -e t more");
        let outside = text.replace("/cal/a", "/other/a");
        assert_eq!(summary("/cal/", &outside), "error Malformed");
        let cut = &text[..text.len() - 20];
        assert_eq!(summary("/cal/", cut), "error Malformed");
        let none = answer("http://127.0.0.1:1/cal/", 207, "");
        assert!(parse(&none, &collection("/cal/")).is_err());
    }
}
