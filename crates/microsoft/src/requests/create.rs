//! `POST /me/calendars/{id}/events`: a new event.

use provider::Result;
use serde_json::Value;

use super::{Answer, Ask, one_row, refusal};
use crate::row::Row;
use crate::sdk::Graph;

pub(crate) fn prepare(graph: &Graph, calendar: &str, body: &Value) -> Ask {
    graph.create(calendar, body)
}

/// What became of a creation.
#[derive(Debug)]
pub(crate) enum Made {
    /// It is there.
    Row(Box<Row>),
    /// The transaction was carried out before.
    Before,
}

/// # Errors
/// As [`crate::refusal::Refusal::of_writing`].
// quirk: microsoft-22
pub(crate) fn parse(answer: &Answer) -> Result<Made> {
    if answer.status().is_success() {
        return one_row(answer, "a creation").map(Box::new).map(Made::Row);
    }
    let refusal = refusal(answer);
    if refusal.status() == 409 || refusal.says("ErrorDuplicateTransactionId") {
        return Ok(Made::Before);
    }
    Err(refusal.of_writing())
}

#[cfg(test)]
mod tests {
    use super::super::wire::{answer, graph, shown};
    use super::*;

    // quirk: microsoft-22
    #[test]
    fn a_repeated_creation_may_be_told_in_two_ways() {
        let ask = prepare(&graph(), "c", &serde_json::json!({}));
        assert_eq!(shown(&ask), "POST /me/calendars/c/events");
        assert!(matches!(parse(&answer(201, r#"{"id":"a"}"#)), Ok(Made::Row(_))));
        assert!(matches!(parse(&answer(409, "")), Ok(Made::Before)));
        assert!(parse(&answer(400, "")).is_err());
    }
}
