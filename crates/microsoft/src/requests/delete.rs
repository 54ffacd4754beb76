//! `DELETE /me/events/{id}`, under a condition. What is not there is deleted.

use provider::{ErrorKind, Result};

use super::{Answer, Ask, on_condition, refusal};
use crate::sdk::Graph;

pub(crate) fn prepare(graph: &Graph, id: &str, etag: &str) -> Result<Ask> {
    on_condition(graph.delete(id), etag)
}

/// # Errors
/// As [`crate::refusal::Refusal::of_writing`], but for `Gone`.
// quirk: microsoft-73
pub(crate) fn parse(answer: &Answer) -> Result<()> {
    if answer.status().is_success() {
        return Ok(());
    }
    let error = refusal(answer).of_writing();
    if error.kind() == ErrorKind::Gone { Ok(()) } else { Err(error) }
}

#[cfg(test)]
mod tests {
    use super::super::wire::{answer, graph};
    use super::*;

    // quirk: microsoft-51, microsoft-73
    #[test]
    fn what_is_gone_is_deleted_and_what_changed_is_not() {
        assert_eq!(prepare(&graph(), "e", "W/\"k\"").unwrap().headers()["if-match"], "W/\"k\"");
        for status in [204, 404] {
            assert!(parse(&answer(status, "")).is_ok(), "{status}");
        }
        assert_eq!(parse(&answer(412, "")).unwrap_err().kind(), ErrorKind::Stale);
    }
}
