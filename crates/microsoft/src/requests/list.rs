//! `GET /me/calendars/{id}/events`: every single event and every master, whenever they are.

use provider::Result;

use super::{Answer, Ask, Page, page, refusal};
use crate::ident;
use crate::sdk::Graph;

/// Rows of a page: with properties expanded, larger ones were seen to fail.
const PAGE: &str = "100";

// quirk: microsoft-23, microsoft-45
pub(crate) fn prepare(graph: &Graph, calendar: &str) -> Ask {
    graph.events(calendar, &[("$top", PAGE), ("$expand", &ident::expand())])
}

/// Another page.
///
/// # Errors
/// For a link to another host.
pub(crate) fn follow(graph: &Graph, link: &str) -> Result<Ask> {
    graph.link(link)
}

/// # Errors
/// [`provider::ErrorKind::Gone`] for a calendar that is not there.
pub(crate) fn parse(answer: &Answer) -> Result<Page> {
    if !answer.status().is_success() {
        return Err(refusal(answer).of_reading());
    }
    page(answer, "what there is")
}

#[cfg(test)]
mod tests {
    use super::super::wire::{answer, graph, shown};
    use super::*;

    // quirk: microsoft-23, microsoft-45
    #[test]
    fn a_listing_has_no_filter_and_shows_our_marks() {
        let ask = shown(&prepare(&graph(), "c"));
        assert!(ask.starts_with("GET /me/calendars/c/events?$top=100&$expand=single"), "{ask}");
        assert!(!ask.contains("&$filter"), "{ask}");
        let gone = parse(&answer(404, "")).unwrap_err();
        assert_eq!(gone.kind(), provider::ErrorKind::Gone);
    }
}
