//! `GET /me/events/{id}/instances`: the occurrences of a series in a window, in no order, without
//! those that were cancelled.

use jiff::Timestamp;
use provider::Result;

use super::{Answer, Ask, Page, page, refusal};
use crate::sdk::Graph;

/// Rows of a page; without a word it is ten.
// quirk: microsoft-44
const PAGE: &str = "100";

pub(crate) fn prepare(graph: &Graph, series: &str, from: Timestamp, until: Timestamp) -> Ask {
    let at = |at: Timestamp| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let (from, until) = (at(from), at(until));
    graph.instances(series, &[("startDateTime", &from), ("endDateTime", &until), ("$top", PAGE)])
}

/// # Errors
/// [`provider::ErrorKind::Gone`] for a series that is not there.
pub(crate) fn parse(answer: &Answer) -> Result<Page> {
    if !answer.status().is_success() {
        return Err(refusal(answer).of_writing());
    }
    page(answer, "when a series takes place")
}

#[cfg(test)]
mod tests {
    use super::super::wire::{graph, shown};
    use super::*;

    // quirk: microsoft-44
    #[test]
    fn a_window_is_asked_for_with_a_page_size() {
        let at = |text: &str| text.parse().unwrap();
        let ask = prepare(&graph(), "m", at("2026-01-01T00:00:00Z"), at("2026-01-03T00:00:00Z"));
        assert_eq!(
            shown(&ask),
            "GET /me/events/m/instances?startDateTime=2026-01-01T00:00:00Z\
             &endDateTime=2026-01-03T00:00:00Z&$top=100"
        );
    }
}
