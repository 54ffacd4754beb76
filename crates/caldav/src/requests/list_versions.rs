//! PROPFIND on a calendar and what lies in it: every resource with its version, without content.
//! How everything is listed where there is no sync-collection.

use provider::{Change, Error, ErrorKind, Result};

use super::sync_collection::{Members, holds_events};
use super::{Answer, Ask, Depth, place, propfind, reached, read_multistatus};
use crate::etag;
use crate::path::{Collection, Member};
use crate::props::Kind;

const DOING: &str = "listing a calendar";

/// A whole listing.
#[derive(Debug)]
pub(crate) struct Versions {
    /// Every resource.
    pub(crate) items: Vec<Change>,
    /// The calendar's tag, not newer than the listing.
    pub(crate) tag: Option<String>,
}

pub(crate) fn prepare(collection: &Collection) -> Ask {
    let properties = "<d:resourcetype/><d:getetag/><d:getcontenttype/><cs:getctag/>";
    propfind(collection.url(), Depth::One, properties)
}

/// # Errors
/// [`ErrorKind::Gone`] when there is no such calendar; [`ErrorKind::Malformed`] when the answer
/// leaves out the calendar itself: an answer about nothing is no empty calendar.
// quirk: icloud-69
pub(crate) fn parse(answer: &Answer, collection: &Collection) -> Result<Versions> {
    let here = reached(answer);
    let mut members = Members::default();
    let (mut tag, mut itself, mut gone) = (None, false, false);
    read_multistatus(answer, DOING, |response| {
        let absent = matches!(response.status, Some(404 | 410));
        match collection.member(here, &response.href)? {
            Member::Collection => {
                itself = true;
                gone |= absent;
                tag = response.props.ctag;
            }
            Member::Folder => {}
            Member::Resource(_) if absent || response.props.is(Kind::Collection) => {}
            Member::Resource(_) if !holds_events(&response.props) => {}
            Member::Resource(id) => {
                let version = response.props.etag.as_deref().and_then(etag::of_property);
                members.note(Change::Listed { id, version });
            }
        }
        Ok(())
    })?;
    let place = place(answer);
    if gone {
        return Err(Error::new(ErrorKind::Gone, format!("{place} no longer has the calendar")));
    }
    if !itself {
        let sentence = format!("the answer of {place} to {DOING} does not name the calendar");
        return Err(Error::new(ErrorKind::Malformed, sentence));
    }
    Ok(Versions { items: members.into_items(), tag })
}

#[cfg(test)]
mod tests {
    use super::super::wire::{answer, sample};
    use super::*;
    use transport::Url;

    fn listed(path: &str, text: &str) -> (String, bool) {
        let base = Url::parse("http://127.0.0.1:1/").unwrap();
        let collection = Collection::new(&base, &path.into()).unwrap();
        let versions = parse(&sample(collection.url().as_str(), text), &collection).unwrap();
        let ids: Vec<&str> = versions.items.iter().map(|item| item.id().as_str()).collect();
        (ids.join(" "), versions.tag.is_some())
    }

    #[test]
    fn real_servers_list_resources_and_themselves() {
        let cases = [
            (
                "/alice/work/",
                include_str!("../../tests/wire/radicale/versions.http"),
                "a.ics b.ics",
            ),
            (
                "/caldav.php/alice/work/",
                include_str!("../../tests/wire/davical/versions.http"),
                "a.ics b.ics c.ics",
            ),
            (
                "/SOGo/dav/alice/Calendar/personal/",
                include_str!("../../tests/wire/sogo/versions.http"),
                "a.ics b.ics",
            ),
            (
                "/calendars/alice/work/",
                include_str!("../../tests/wire/sabre/versions.http"),
                "a.ics b.ics c.ics",
            ),
        ];
        for (path, text, expected) in cases {
            assert_eq!(listed(path, text), (expected.to_owned(), true), "{path}");
        }
    }

    // quirk: icloud-69
    #[test]
    fn an_answer_about_nothing_is_no_empty_calendar() {
        let base = Url::parse("http://127.0.0.1:1/").unwrap();
        let collection = Collection::new(&base, &"/cal/".into()).unwrap();
        let read = |body: &str| parse(&answer("http://127.0.0.1:1/cal/", 207, body), &collection);
        let nothing = read("<multistatus xmlns='DAV:'/>").unwrap_err();
        assert_eq!(nothing.kind(), ErrorKind::Malformed);
        let itself =
            "<multistatus xmlns='DAV:'><response><href>/cal/</href></response></multistatus>";
        assert!(read(itself).unwrap().items.is_empty());
    }
}
