//! events.instances: the occurrences of a series whose master can't be seen, because somebody is
//! invited to some of them only.

use provider::{ErrorKind, Result};
use transport::Url;

use super::{Answer, Ask, Page, address, ask, page, refusal};

const DOING: &str = "listing occurrences";

/// More than anybody is invited to one by one.
const PAGE: &str = "250";

pub(crate) fn prepare(base: &Url, calendar: &str, series: &str) -> Ask {
    let query = [("maxResults", PAGE), ("showDeleted", "true")];
    let path = ["calendars", calendar, "events", series, "instances"];
    ask("GET", &address(base, &path, &query))
}

/// `None` when there is no such series.
pub(crate) fn parse(answer: &Answer) -> Result<Option<Page>> {
    match answer.status().as_u16() {
        200 => page(answer, DOING).map(Some),
        _ => {
            let error = refusal(answer).of_reading();
            if error.kind() == ErrorKind::Gone { Ok(None) } else { Err(error) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::wire::{answer, base, shown};
    use super::*;

    #[test]
    fn occurrences_of_nothing_are_none() {
        let ask = shown(&prepare(&base(), "c", "a"));
        assert_eq!(ask, "GET /calendars/c/events/a/instances?maxResults=250&showDeleted=true");
        assert!(parse(&answer(404, "")).unwrap().is_none());
        assert_eq!(parse(&answer(200, "{}")).unwrap().unwrap().rows.len(), 0);
        assert!(parse(&answer(500, "")).is_err());
    }
}
