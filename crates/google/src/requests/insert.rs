//! events.insert, with an id that we chose: the same creation twice is refused as a duplicate.

use provider::Result;
use serde_json::Value;
use transport::Url;

use super::{Answer, Ask, TELL_NOBODY, address, ask_with, one_row, refusal};
use crate::refusal::Refusal;
use crate::row::Row;

const DOING: &str = "creating an event";

/// What became of it.
#[derive(Debug)]
pub(crate) enum Inserted {
    /// It is there now.
    Made(Row),
    /// The id is taken: by ourselves, by a deleted event.
    Taken,
    /// Refused.
    Refused(Refusal),
}

// quirk: google-21, google-63
pub(crate) fn prepare(base: &Url, calendar: &str, event: &Value) -> Ask {
    ask_with("POST", &address(base, &["calendars", calendar, "events"], &[TELL_NOBODY]), event)
}

// quirk: google-19
pub(crate) fn parse(answer: &Answer) -> Result<Inserted> {
    match answer.status().as_u16() {
        200 | 201 => one_row(answer, DOING).map(Inserted::Made),
        _ => {
            let refusal = refusal(answer);
            let taken = refusal.status() == 409 && !refusal.says("conflict");
            Ok(if taken { Inserted::Taken } else { Inserted::Refused(refusal) })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::wire::{answer, base, shown};
    use super::*;
    use serde_json::json;

    // quirk: google-19, google-63
    #[test]
    fn nobody_is_told_and_a_duplicate_is_known() {
        let ask = prepare(&base(), "c", &json!({"id": "a"}));
        assert_eq!(shown(&ask), "POST /calendars/c/events?sendUpdates=none");
        assert_eq!(&ask.body()[..], b"{\"id\":\"a\"}");
        let taken = r#"{"error":{"errors":[{"reason":"duplicate"}]}}"#;
        assert!(matches!(parse(&answer(409, taken)), Ok(Inserted::Taken)));
        let busy = r#"{"error":{"errors":[{"reason":"conflict"}]}}"#;
        assert!(matches!(parse(&answer(409, busy)), Ok(Inserted::Refused(_))));
        assert!(matches!(parse(&answer(200, r#"{"id":"a"}"#)), Ok(Inserted::Made(_))));
        assert!(parse(&answer(200, "")).is_err());
    }
}
