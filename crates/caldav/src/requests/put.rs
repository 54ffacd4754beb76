//! PUT of one resource, under a condition always: that nothing is there, or that it is in the
//! version that is known. `If-Match: *` is never sent: iCloud reads it backwards.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, IF_MATCH, IF_NONE_MATCH};
use model::Version;
use provider::Result;
use transport::Url;

use super::{Answer, Ask, describe, is_web_page, refused};
use crate::etag;
use crate::multistatus::Refusal;

const DOING: &str = "writing an event";

/// What must hold for the write to happen.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Condition<'a> {
    /// Nothing is there.
    Absent,
    /// It is in this version.
    Version(&'a Version),
}

/// What the server made of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Put {
    /// It is stored; with a version when it is stored as it was sent.
    Stored(Option<Version>),
    /// The condition does not hold (or so it seems: 412 has many meanings).
    ConditionFailed,
    /// The UID is taken, by a resource of another name.
    UidTaken,
    /// 409 without a reason.
    Conflict,
    /// Something is wrong with the event itself; for a sentence.
    Invalid(String),
    /// The account may not write here.
    NotAllowed,
    /// 404 or 410: no such resource, no such calendar, or an event that iCloud does not like.
    NotFound,
    /// Refused without a reason that could be understood; for a sentence.
    Refused(String),
}

// quirk: icloud-51, icloud-52
pub(crate) fn prepare(resource: &Url, body: Vec<u8>, condition: Condition<'_>) -> Ask {
    let (name, value) = match condition {
        Condition::Absent => (IF_NONE_MATCH, "*"),
        Condition::Version(version) => (IF_MATCH, version.as_str()),
    };
    http::Request::builder()
        .method("PUT")
        .uri(resource.as_str())
        .header(CONTENT_TYPE, "text/calendar; charset=utf-8")
        .header(name, value)
        .body(Bytes::from(body))
        .expect("a URL is a legal URI and a version was checked to be a legal header")
}

/// # Errors
/// Only for what is not about this event: no sign-in, a failing server, an answer that is none.
// quirk: icloud-45, icloud-46, icloud-49, icloud-78, caldav-1
pub(crate) fn parse(answer: &Answer) -> Result<Put> {
    let status = answer.status().as_u16();
    if matches!(status, 201 | 204) || status == 200 && !is_web_page(answer) {
        return Ok(Put::Stored(etag::of_put(answer.headers())));
    }
    let refusal = Refusal::read(answer.body());
    let taken = ["no-uid-conflict", "unique-scheduling-object-resource"];
    if taken.iter().any(|name| refusal.names(name)) || says_uid_exists(answer) {
        return Ok(Put::UidTaken);
    }
    let reason = describe(status, &refusal);
    Ok(match status {
        400 | 403 | 405 | 409 | 412 | 413 | 415 | 422 | 507 if blames_the_event(&refusal) => {
            Put::Invalid(reason)
        }
        403 if refusal.names("need-privileges") || refusal.names("sharee-privilege-needed") => {
            Put::NotAllowed
        }
        404 | 410 => Put::NotFound,
        409 => Put::Conflict,
        412 => Put::ConditionFailed,
        413 | 415 | 422 | 507 => Put::Invalid(reason),
        400 | 403 | 405 => Put::Refused(reason),
        _ => return Err(refused(answer, DOING)),
    })
}

/// Preconditions about the content (RFC 4791 section 5.3.2.1, RFC 6638, RFC 8607).
fn blames_the_event(refusal: &Refusal) -> bool {
    refusal.preconditions.iter().any(|name| {
        name.starts_with("valid-")
            || name.starts_with("supported-calendar-")
            || name.starts_with("max-")
            || name.starts_with("min-")
            || matches!(
                name.as_str(),
                "same-organizer-in-all-components"
                    | "allowed-organizer-scheduling-object-change"
                    | "allowed-attendee-scheduling-object-change"
                    | "attendee-allowed"
                    | "quota-not-exceeded"
                    | "sufficient-disk-space"
            )
    })
}

/// Nextcloud (until 2026) and SOGo say it in words.
// quirk: caldav-79, caldav-85
fn says_uid_exists(answer: &Answer) -> bool {
    if !matches!(answer.status().as_u16(), 400 | 409) {
        return false;
    }
    let head = &answer.body()[..answer.body().len().min(2048)];
    let text = String::from_utf8_lossy(head).to_ascii_lowercase();
    text.contains("uid already") || text.contains("uid") && text.contains("already exists")
}

#[cfg(test)]
mod tests {
    use super::super::wire::{answer, sample, shown};
    use super::*;
    use provider::ErrorKind;

    #[test]
    fn every_write_is_conditional() {
        let url = Url::parse("https://x/cal/a.ics").unwrap();
        let create = shown(&prepare(&url, b"x".to_vec(), Condition::Absent));
        assert!(create.contains("if-none-match: *\n") && !create.contains("if-match"), "{create}");
        let version = "\"1\"".into();
        let update = shown(&prepare(&url, b"x".to_vec(), Condition::Version(&version)));
        assert!(update.contains("if-match: \"1\"\n") && !update.contains("none"), "{update}");
    }

    // quirk: icloud-49, caldav-79, caldav-85, caldav-1
    #[test]
    fn real_servers_refuse_in_their_dialects() {
        let said = |text: &str| parse(&sample("http://127.0.0.1/a.ics", text)).unwrap();
        let uid_taken = [
            include_str!("../../tests/wire/radicale/put_uid_conflict.http"),
            include_str!("../../tests/wire/xandikos/put_uid_conflict.http"),
            include_str!("../../tests/wire/cyrus/put_uid_conflict.http"),
            include_str!("../../tests/wire/sogo/put_uid_conflict.http"),
        ];
        for text in uid_taken {
            assert_eq!(said(text), Put::UidTaken, "{text}");
        }
        let invalid = [
            include_str!("../../tests/wire/xandikos/put_garbage.http"),
            include_str!("../../tests/wire/cyrus/put_garbage.http"),
            include_str!("../../tests/wire/sabre/put_garbage.http"),
        ];
        for text in invalid {
            assert!(matches!(said(text), Put::Invalid(_)), "{text}");
        }
        let failed = [
            include_str!("../../tests/wire/radicale/put_exists.http"),
            include_str!("../../tests/wire/davical/put_exists.http"),
            include_str!("../../tests/wire/sogo/put_stale.http"),
            include_str!("../../tests/wire/sabre/put_stale.http"),
        ];
        for text in failed {
            assert_eq!(said(text), Put::ConditionFailed, "{text}");
        }
        let sogo = include_str!("../../tests/wire/sogo/put_exists.http");
        assert_eq!(said(sogo), Put::Stored(Some("\"gcs00000001\"".into())), "it overwrites");
    }

    // quirk: icloud-45, icloud-78
    #[test]
    fn a_status_alone() {
        let cases = [
            (404, Some(Put::NotFound)),
            (400, Some(Put::Refused("400".into()))),
            (403, Some(Put::Refused("403".into()))),
            (413, Some(Put::Invalid("413".into()))),
            (507, Some(Put::Invalid("507".into()))),
            (409, Some(Put::Conflict)),
            (201, Some(Put::Stored(None))),
            (401, None),
            (423, None),
            (500, None),
            (207, None),
        ];
        for (status, expected) in cases {
            assert_eq!(parse(&answer("http://127.0.0.1/", status, "")).ok(), expected, "{status}");
        }
        let portal = parse(&answer("http://127.0.0.1/", 200, "<html>")).unwrap_err();
        assert_eq!(portal.kind(), ErrorKind::Malformed);
    }
}
