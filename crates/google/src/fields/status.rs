//! `status`. Every event of Google's is confirmed unless somebody says otherwise, so that reads as
//! not stated. Cancelled means deleted there: an event that takes no place but shall be seen is
//! written as tentative, and what it was is kept.

use google_calendar3::api;
use model::{Event, Status};

use super::Body;

pub(super) fn read(row: &api::Event) -> Status {
    match row.status.as_deref() {
        Some("tentative") => Status::Tentative,
        Some("cancelled") => Status::Cancelled,
        Some(_) | None => Status::None,
    }
}

pub(super) fn write(event: &Event, body: &mut Body) {
    let word = match event.status {
        Status::None | Status::Confirmed => "confirmed",
        Status::Tentative | Status::Cancelled => "tentative",
    };
    body.insert("status".to_owned(), word.into());
}

#[cfg(test)]
mod tests {
    use super::super::testing::{event, round_trip, written};
    use super::*;
    use model::Field;
    use serde_json::json;

    #[test]
    fn a_status_goes_both_ways_and_never_deletes() {
        let maybe = round_trip(Field::Status, json!({"status": "tentative"}));
        assert_eq!(maybe.status, Status::Tentative);
        assert_eq!(round_trip(Field::Status, json!({})).status, Status::None);
        let mut off = event(json!({}));
        off.status = Status::Cancelled;
        assert_eq!(written(Field::Status, &off), json!({"status": "tentative"}));
    }
}
