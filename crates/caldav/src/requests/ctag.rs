//! PROPFIND on a calendar: its tag, which changes when anything in it does, and whether it can be
//! written. One cheap request: the quiet answer of servers without sync tokens, and the look at
//! a calendar after it refused something.

use model::Rights;
use provider::{Error, ErrorKind, Result};

use super::list_calendars::rights;
use super::{Answer, Ask, Depth, place, propfind, reached, read_multistatus};
use crate::path::{Collection, Member};
use crate::xml::Broken;

const DOING: &str = "looking at a calendar";

/// A calendar as it is now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct State {
    /// Its tag.
    pub(crate) tag: Option<String>,
    /// What may be done with it.
    pub(crate) rights: Rights,
}

pub(crate) fn prepare(collection: &Collection) -> Ask {
    let properties = "<d:resourcetype/><d:current-user-privilege-set/><cs:getctag/>";
    propfind(collection.url(), Depth::Zero, properties)
}

/// # Errors
/// [`ErrorKind::Gone`] when there is no such calendar.
pub(crate) fn parse(answer: &Answer, collection: &Collection) -> Result<State> {
    let mut state = None;
    let mut gone = false;
    let here = reached(answer);
    read_multistatus(answer, DOING, |response| {
        if collection.member(here, &response.href)? != Member::Collection {
            return Err(Broken::new("it is about something else"));
        }
        // quirk: caldav-4
        gone |= matches!(response.status, Some(404 | 410));
        let rights = rights(&response.props);
        state = Some(State { tag: response.props.ctag, rights });
        Ok(())
    })?;
    match state {
        _ if gone => Err(Error::new(
            ErrorKind::Gone,
            format!("{} no longer has the calendar", place(answer)),
        )),
        Some(state) => Ok(state),
        None => Err(Error::new(
            ErrorKind::Malformed,
            format!("{} says nothing about the calendar", place(answer)),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::super::wire::{answer, sample};
    use super::*;
    use transport::Url;

    fn at(path: &str) -> (String, Collection) {
        let base = Url::parse("http://127.0.0.1:16130/").unwrap();
        let collection = Collection::new(&base, &path.into()).unwrap();
        (collection.url().to_string(), collection)
    }

    // quirk: caldav-4
    #[test]
    fn a_tag_an_absence_and_an_empty_answer() {
        let (url, work) = at("/calendars/alice/work/");
        let sabre = include_str!("../../tests/wire/sabre/ctag.http");
        let state = parse(&sample(&url, sabre), &work).unwrap();
        assert!(state.tag.is_some());
        assert_eq!(state.rights, Rights::Write);

        let (url, gone) = at("/alice/calendars/work/nothere/");
        let xandikos = include_str!("../../tests/wire/xandikos/get_nocal.http");
        assert_eq!(parse(&sample(&url, xandikos), &gone).unwrap_err().kind(), ErrorKind::Gone);

        let empty = answer(&url, 207, "<multistatus xmlns='DAV:'/>");
        assert_eq!(parse(&empty, &gone).unwrap_err().kind(), ErrorKind::Malformed);
    }
}
