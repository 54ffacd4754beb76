//! REPORT calendar-multiget (RFC 4791 section 7.9): the content of many resources at once. Whole
//! content only: what is asked for in parts comes back empty from some.

use model::{ResourceId, Version};
use provider::Result;

use super::{Answer, Ask, Depth, calendar_text, reached, read_multistatus, report};
use crate::etag;
use crate::path::{Collection, Member};
use crate::xml;

const DOING: &str = "reading events";

/// What the answer says of one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Got {
    /// Its version and content.
    Content(Option<Version>, Vec<u8>),
    /// It is not there.
    Absent,
    /// It is there, in a way that only a request for it alone can clear up.
    Unclear,
}

// quirk: icloud-40
pub(crate) fn prepare(collection: &Collection, ids: &[ResourceId]) -> Ask {
    let mut content = String::from("<d:prop><d:getetag/><c:calendar-data/></d:prop>");
    for url in ids.iter().filter_map(|id| collection.resource(id)) {
        content.push_str("<d:href>");
        content.push_str(&xml::escape(url.path()));
        content.push_str("</d:href>");
    }
    report(collection.url(), Depth::One, "c:calendar-multiget", &content)
}

/// What it says of each resource, in the server's order; it may leave some out.
// quirk: icloud-36, icloud-38
pub(crate) fn parse(answer: &Answer, collection: &Collection) -> Result<Vec<(ResourceId, Got)>> {
    let here = reached(answer);
    let mut all = Vec::new();
    read_multistatus(answer, DOING, |response| {
        let Member::Resource(id) = collection.member(here, &response.href)? else {
            return Ok(());
        };
        let version = response.props.etag.as_deref().and_then(etag::of_property);
        all.push((
            id,
            match (response.status, response.props.data) {
                (Some(404 | 410), _) => Got::Absent,
                (None | Some(200..=299), Some(data)) => {
                    Got::Content(version, calendar_text(data.as_bytes()))
                }
                _ => Got::Unclear,
            },
        ));
        Ok(())
    })?;
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::super::wire::{sample, shown};
    use super::*;
    use transport::Url;

    fn read(path: &str, text: &str) -> Vec<String> {
        let base = Url::parse("http://127.0.0.1:1/").unwrap();
        let collection = Collection::new(&base, &path.into()).unwrap();
        let answer = sample(collection.url().as_str(), text);
        let all = parse(&answer, &collection).unwrap();
        all.into_iter()
            .map(|(id, got)| match got {
                Got::Content(version, data) => {
                    let text = String::from_utf8(data).unwrap();
                    assert!(text.starts_with("BEGIN:VCALENDAR\r\n"), "{text:?}");
                    assert!(text.ends_with("\r\nEND:VCALENDAR\r\n"), "{text:?}");
                    let quoted = text.contains("SUMMARY:Quote \"x\" & <y>\r\n");
                    format!("{id} {} {quoted}", version.is_some())
                }
                other => format!("{id} {other:?}"),
            })
            .collect()
    }

    #[test]
    fn hrefs_are_paths_below_the_collection() {
        let base = Url::parse("https://x/").unwrap();
        let collection = Collection::new(&base, &"/a b/".into()).unwrap();
        let ids: Vec<ResourceId> = vec!["x.ics".into(), "..".into(), "c%26d.ics".into()];
        let ask = shown(&prepare(&collection, &ids));
        assert!(
            ask.contains("<d:href>/a%20b/x.ics</d:href><d:href>/a%20b/c%26d.ics</d:href>"),
            "{ask}"
        );
    }

    // quirk: icloud-14, icloud-36, icloud-38
    #[test]
    fn real_servers_answer_in_their_ways() {
        let missing = "missing.ics Absent";
        let cases = [
            (
                "/alice/work/",
                include_str!("../../tests/wire/radicale/multiget.http"),
                vec![missing, "b.ics true true", "a.ics true true"],
            ),
            (
                "/alice/calendars/work/",
                include_str!("../../tests/wire/xandikos/multiget.http"),
                vec!["a.ics true true", missing, "b.ics true true"],
            ),
            (
                "/dav/calendars/user/alice/work/",
                include_str!("../../tests/wire/cyrus/multiget.http"),
                vec!["a.ics true true", missing, "b.ics true true"],
            ),
            (
                "/caldav.php/alice/work/",
                include_str!("../../tests/wire/davical/multiget.http"),
                vec!["a.ics true true", "b.ics true true"],
            ),
            (
                "/SOGo/dav/alice/Calendar/personal/",
                include_str!("../../tests/wire/sogo/multiget.http"),
                vec!["a.ics true true", missing, "b.ics true true"],
            ),
        ];
        for (path, text, expected) in cases {
            assert_eq!(read(path, text), expected, "{path}");
        }
    }

    // quirk: icloud-14, icloud-17, icloud-36
    #[test]
    fn icloud_sends_character_data_and_ghosts() {
        let text = include_str!("../../tests/wire/icloud/multiget.http");
        let expected = ["6E1B-A1.ics true true", "0D77-9C.ics Absent"];
        assert_eq!(read("/10203040506/calendars/home/", text), expected);
    }
}
