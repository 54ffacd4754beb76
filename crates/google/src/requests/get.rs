//! events.get: one row.

use provider::{ErrorKind, Result};
use transport::Url;

use super::{Answer, Ask, address, ask, one_row, refusal};
use crate::row::Row;

const DOING: &str = "reading an event";

pub(crate) fn prepare(base: &Url, calendar: &str, event: &str) -> Ask {
    ask("GET", &address(base, &["calendars", calendar, "events", event], &[]))
}

/// What is there.
#[derive(Debug, PartialEq)]
pub(crate) enum Got {
    /// The row; also of a deleted event, which says so.
    Row(Row),
    /// Nothing, or nothing that we may see.
    Nothing,
}

// quirk: google-12
pub(crate) fn parse(answer: &Answer) -> Result<Got> {
    match answer.status().as_u16() {
        200 => one_row(answer, DOING).map(Got::Row),
        _ => {
            let error = refusal(answer).of_reading();
            if error.kind() == ErrorKind::Gone { Ok(Got::Nothing) } else { Err(error) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::wire::{answer, base, shown};
    use super::*;

    // quirk: google-12
    #[test]
    fn a_row_nothing_or_an_error() {
        assert_eq!(shown(&prepare(&base(), "c", "a")), "GET /calendars/c/events/a");
        let row = parse(&answer(200, r#"{"id":"a","status":"cancelled"}"#)).unwrap();
        assert!(matches!(row, Got::Row(row) if row.is_cancelled()));
        assert_eq!(parse(&answer(404, "")).unwrap(), Got::Nothing);
        assert_eq!(parse(&answer(200, "<html>")).unwrap_err().kind(), ErrorKind::Malformed);
    }
}
