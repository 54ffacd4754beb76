//! `GET /me/calendars/{id}/calendarView/delta()`: what changed in a window.

use http::HeaderValue;
use http::header::HeaderName;
use jiff::Timestamp;
use provider::Result;

use super::{Answer, Ask, Page, page, refusal};
use crate::sdk::{Graph, PREFER};

/// How many items a page should have. A series is not split, so it may have more.
// quirk: microsoft-4
const PAGE: usize = 200;

/// Whether a size of pages is asked for; with one, rounds were seen that never end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Size {
    Ours,
    Theirs,
}

/// The first page of a round over a window.
// quirk: microsoft-14, microsoft-16
pub(crate) fn prepare(
    graph: &Graph,
    calendar: &str,
    from: Timestamp,
    until: Timestamp,
    size: Size,
) -> Ask {
    let at = |at: Timestamp| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let query = [("startDateTime", &*at(from)), ("endDateTime", &*at(until))];
    sized(graph.delta(calendar, &query), size)
}

/// Another page, or another round: a link is followed as it is.
///
/// # Errors
/// For a link to another host.
pub(crate) fn follow(graph: &Graph, link: &str, size: Size) -> Result<Ask> {
    Ok(sized(graph.link(link)?, size))
}

// quirk: microsoft-12, microsoft-18
fn sized(mut ask: Ask, size: Size) -> Ask {
    let prefer = format!("{PREFER}, odata.maxpagesize={PAGE}");
    if size == Size::Ours
        && let Ok(value) = HeaderValue::from_str(&prefer)
    {
        ask.headers_mut().insert(HeaderName::from_static("prefer"), value);
    }
    ask
}

/// # Errors
/// [`provider::ErrorKind::CursorExpired`] for a token that is no longer known, `Gone` for a
/// calendar that is not there.
pub(crate) fn parse(answer: &Answer, has_token: bool) -> Result<Page> {
    if !answer.status().is_success() {
        return Err(refusal(answer).of_listing(has_token));
    }
    page(answer, "what changed")
}

#[cfg(test)]
mod tests {
    use super::super::wire::{graph, shown};
    use super::*;

    // quirk: microsoft-12, microsoft-16, microsoft-18
    #[test]
    fn a_round_asks_for_nothing_but_its_window() {
        let at = |text: &str| text.parse().unwrap();
        let (from, until) = (at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00.5Z"));
        let ask = prepare(&graph(), "c", from, until, Size::Ours);
        assert_eq!(
            shown(&ask),
            "GET /me/calendars/c/calendarView/delta()?startDateTime=2026-01-01T00:00:00Z\
             &endDateTime=2027-01-01T00:00:00Z"
        );
        let link = "https://graph.microsoft.com/v1.0/x?$deltatoken=a";
        let next = follow(&graph(), link, Size::Ours).unwrap();
        for ask in [ask, next] {
            let prefer = ask.headers()["prefer"].to_str().unwrap();
            assert!(prefer.contains("ImmutableId") && prefer.ends_with("odata.maxpagesize=200"));
        }
        let bare = follow(&graph(), link, Size::Theirs).unwrap();
        assert_eq!(bare.headers()["prefer"], PREFER);
    }
}
