//! PROPFIND on a resource: its version now, where a server can't be trusted to compare it.

use model::Version;
use provider::Result;
use transport::Url;

use super::{Answer, Ask, Depth, propfind, read_multistatus};
use crate::etag;

const DOING: &str = "looking at an event";

/// What is there now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    /// Nothing.
    Absent,
    /// A resource, in this version where the server says so.
    There(Option<Version>),
}

pub(crate) fn prepare(resource: &Url) -> Ask {
    propfind(resource, Depth::Zero, "<d:getetag/>")
}

pub(crate) fn parse(answer: &Answer) -> Result<Presence> {
    if matches!(answer.status().as_u16(), 404 | 410) {
        return Ok(Presence::Absent);
    }
    let mut presence = Presence::Absent;
    read_multistatus(answer, DOING, |response| {
        if !matches!(response.status, Some(404 | 410)) {
            let version = response.props.etag.as_deref().and_then(etag::of_property);
            presence = Presence::There(version);
        }
        Ok(())
    })?;
    Ok(presence)
}

#[cfg(test)]
mod tests {
    use super::super::wire::answer;
    use super::*;

    #[test]
    fn a_resource_is_there_or_not() {
        let there = "<multistatus xmlns='DAV:'><response><href>/a</href><propstat><prop>\
             <getetag>&quot;1&quot;</getetag></prop></propstat></response></multistatus>";
        let gone = "<multistatus xmlns='DAV:'><response><href>/a</href>\
             <status>HTTP/1.1 404 Not Found</status></response></multistatus>";
        let read = |status, body| parse(&answer("http://127.0.0.1/a", status, body)).unwrap();
        assert_eq!(read(207, there), Presence::There(Some("\"1\"".into())));
        assert_eq!(read(207, gone), Presence::Absent);
        assert_eq!(read(404, ""), Presence::Absent);
    }
}
