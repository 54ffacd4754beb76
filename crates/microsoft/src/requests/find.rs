//! `GET /me/calendars/{id}/events?$filter=…`: events by a mark of ours, or by Exchange's own UID.

use model::{ResourceId, Uid};
use provider::Result;

use super::{Answer, Ask, Page, page, refusal};
use crate::ident::{self, Mark};
use crate::sdk::Graph;

/// Rows of a page.
const PAGE: &str = "100";

/// The events that may have a UID, by our mark and by Exchange's own: two questions, because nobody
/// documents that both kinds can be asked in one. Graph compares without case.
// quirk: microsoft-21, microsoft-22
pub(crate) fn with_uid(graph: &Graph, calendar: &str, uid: &Uid) -> [Ask; 2] {
    let own = format!("iCalUId eq '{}'", uid.as_str().replace('\'', "''"));
    let ours = ident::filter(Mark::Uid, uid.as_str());
    [filtered(graph, calendar, &ours), filtered(graph, calendar, &own)]
}

/// The events that are linked to a series.
pub(crate) fn linked(graph: &Graph, calendar: &str, series: &ResourceId) -> Ask {
    filtered(graph, calendar, &ident::filter(Mark::Link, series.as_str()))
}

fn filtered(graph: &Graph, calendar: &str, filter: &str) -> Ask {
    let expand = ident::expand();
    graph.events(calendar, &[("$filter", filter), ("$top", PAGE), ("$expand", &expand)])
}

pub(crate) fn parse(answer: &Answer) -> Result<Page> {
    if !answer.status().is_success() {
        return Err(refusal(answer).of_reading());
    }
    page(answer, "which events there are")
}

#[cfg(test)]
mod tests {
    use super::super::wire::{graph, shown};
    use super::*;

    // quirk: microsoft-22
    #[test]
    fn events_are_found_by_mark_and_by_uid() {
        let [ours, own] = with_uid(&graph(), "c", &"o'clock".into()).map(|ask| shown(&ask));
        assert!(ours.contains("ep/value eq 'o''clock')&"), "{ours}");
        assert!(own.contains("?$filter=iCalUId eq 'o''clock'&"), "{own}");
        let ask = shown(&linked(&graph(), "c", &"AAk=".into()));
        assert!(ask.contains("Name calpair-link' and ep/value eq 'AAk=')&"), "{ask}");
    }
}
