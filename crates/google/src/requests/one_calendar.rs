//! calendarList.get: one calendar: whether it can be seen, and its zone; the primary one names the
//! account.

use google_calendar3::api::CalendarListEntry;
use provider::{ErrorKind, Result};
use serde::Deserialize as _;
use transport::Url;

use super::{Answer, Ask, address, ask, json, refusal};

const DOING: &str = "reading a calendar";

/// The account's main calendar under any account.
pub(crate) const PRIMARY: &str = "primary";

/// What is known of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) id: String,
    pub(crate) zone: Option<String>,
}

pub(crate) fn prepare(base: &Url, calendar: &str) -> Ask {
    ask("GET", &address(base, &["users", "me", "calendarList", calendar], &[]))
}

/// `None` when it can't be seen (any more).
// quirk: google-12
pub(crate) fn parse(answer: &Answer) -> Result<Option<Seen>> {
    if answer.status() != 200 {
        let error = refusal(answer).of_reading();
        return if error.kind() == ErrorKind::Gone { Ok(None) } else { Err(error) };
    }
    let entry = CalendarListEntry::deserialize(&json(answer, DOING)?).unwrap_or_default();
    let id = entry.id.filter(|id| !id.is_empty() && entry.deleted != Some(true));
    Ok(id.map(|id| Seen { id, zone: entry.time_zone }))
}

#[cfg(test)]
mod tests {
    use super::super::wire::{answer, base, shown};
    use super::*;

    // quirk: google-12
    #[test]
    fn a_calendar_is_seen_or_not() {
        let ask = shown(&prepare(&base(), PRIMARY));
        assert_eq!(ask, "GET /users/me/calendarList/primary");
        let seen = parse(&answer(200, r#"{"id":"me@example.test","timeZone":"Europe/Berlin"}"#));
        assert_eq!(seen.unwrap().unwrap().id, "me@example.test");
        assert_eq!(parse(&answer(404, "")).unwrap(), None);
        assert!(parse(&answer(401, "")).is_err());
    }
}
