//! `GET /me/calendars/{id}/events/{id}`: one event as it is now, with all that belongs to it.

use provider::{ErrorKind, Result};

use super::{Answer, Ask, json, one_row, refusal};
use crate::ident;
use crate::refusal::Refusal;
use crate::row::Row;
use crate::rows::Rows;
use crate::sdk::Graph;

/// What is asked for: every member that is looked at or kept, and the two that come only when they
/// are asked for by name.
// quirk: microsoft-43
const SELECT: &str = "id,type,subject,body,start,end,isAllDay,originalStartTimeZone,\
    originalEndTimeZone,originalStart,recurrence,seriesMasterId,iCalUId,transactionId,changeKey,\
    showAs,sensitivity,importance,categories,isReminderOn,reminderMinutesBeforeStart,location,\
    locations,attendees,organizer,isOrganizer,isCancelled,responseStatus,\
    isOnlineMeeting,onlineMeeting,onlineMeetingUrl,createdDateTime,lastModifiedDateTime,\
    cancelledOccurrences,exceptionOccurrences";

// quirk: microsoft-23, microsoft-43
pub(crate) fn prepare(graph: &Graph, calendar: &str, id: &str) -> Ask {
    let expand = format!("exceptionOccurrences,{}", ident::expand());
    graph.event(calendar, id, &[("$select", SELECT), ("$expand", &expand)])
}

/// `None` for what is not there: the one answer that proves it.
// quirk: microsoft-5, microsoft-52
pub(crate) fn parse(answer: &Answer) -> Result<Option<Rows>> {
    if !answer.status().is_success() {
        return absent(&refusal(answer)).map(|()| None);
    }
    let value = json(answer, "what an event is")?;
    rows(value, answer).map(Some)
}

fn rows(value: serde_json::Value, answer: &Answer) -> Result<Rows> {
    Rows::of(value).ok_or_else(|| {
        let sentence = format!("{} answered with an event without an id", super::place(answer));
        provider::Error::new(ErrorKind::Malformed, sentence)
    })
}

/// # Errors
/// For any refusal that does not say that it is not there.
pub(crate) fn absent(refusal: &Refusal) -> Result<()> {
    let error = refusal.of_reading();
    if error.kind() == ErrorKind::Gone { Ok(()) } else { Err(error) }
}

/// An occurrence, which has no series of its own.
pub(crate) fn prepare_occurrence(graph: &Graph, calendar: &str, id: &str) -> Ask {
    graph.event(calendar, id, &[])
}

pub(crate) fn parse_occurrence(answer: &Answer) -> Result<Option<Row>> {
    if !answer.status().is_success() {
        return absent(&refusal(answer)).map(|()| None);
    }
    one_row(answer, "what an occurrence is").map(Some)
}

#[cfg(test)]
mod tests {
    use super::super::wire::{answer, graph, shown};
    use super::*;

    // quirk: microsoft-43, microsoft-52
    #[test]
    fn exceptions_are_asked_for_by_name_and_only_404_is_an_absence() {
        let ask = shown(&prepare(&graph(), "c", "e"));
        assert!(
            ask.contains("cancelledOccurrences,exceptionOccurrences&$expand=exception"),
            "{ask}"
        );
        let body = r#"{"error":{"code":"ErrorItemNotFound"}}"#;
        assert!(parse(&answer(404, body)).unwrap().is_none());
        assert!(parse(&answer(200, r#"{"id":"e"}"#)).unwrap().is_some());
        for status in [401, 403, 500, 504] {
            assert!(parse(&answer(status, "")).is_err(), "{status}");
        }
    }
}
