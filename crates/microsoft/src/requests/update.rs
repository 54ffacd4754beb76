//! `PATCH /me/events/{id}`: what differs, under a condition.

use provider::Result;
use serde_json::Value;

use super::{Answer, Ask, on_condition, one_row, refusal};
use crate::row::Row;
use crate::sdk::Graph;

pub(crate) fn prepare(graph: &Graph, id: &str, body: &Value, etag: &str) -> Result<Ask> {
    on_condition(graph.update(id, body), etag)
}

/// What became of a change.
#[derive(Debug)]
pub(crate) enum Changed {
    /// It is as it was asked to be; take the id from here.
    Row(Box<Row>),
    /// An occurrence was to go where Exchange lets none go.
    Crossing,
}

/// # Errors
/// As [`crate::refusal::Refusal::of_writing`].
// quirk: microsoft-41
pub(crate) fn parse(answer: &Answer) -> Result<Changed> {
    if answer.status().is_success() {
        return one_row(answer, "a change").map(Box::new).map(Changed::Row);
    }
    let refusal = refusal(answer);
    if refusal.is_crossing() {
        return Ok(Changed::Crossing);
    }
    Err(refusal.of_writing())
}

#[cfg(test)]
mod tests {
    use super::super::wire::{answer, graph, shown};
    use super::*;
    use provider::ErrorKind;

    // quirk: microsoft-41, microsoft-51
    #[test]
    fn a_change_has_a_condition() {
        let ask = prepare(&graph(), "e", &serde_json::json!({}), "W/\"k\"").unwrap();
        assert_eq!(
            (&*shown(&ask), &ask.headers()["if-match"]),
            ("PATCH /me/events/e", &"W/\"k\"".parse().unwrap())
        );
        assert!(prepare(&graph(), "e", &serde_json::json!({}), "\n").is_err());
        let stale = parse(&answer(412, "")).unwrap_err();
        assert_eq!(stale.kind(), ErrorKind::Stale);
        let body = r#"{"error":{"code":"ErrorOccurrenceCrossingBoundary"}}"#;
        assert!(matches!(parse(&answer(400, body)), Ok(Changed::Crossing)));
    }
}
