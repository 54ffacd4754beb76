//! `showAs`: whether it blocks time, and whether it is certain, in one word. `oof` and
//! `workingElsewhere` block time, too, and stay as long as that does not change elsewhere.

use model::{Event, Status, Transparency};
use serde_json::Value;

use super::Body;
use crate::row::Row;

pub(super) fn read_transparency(row: &Row) -> Transparency {
    match row.text("showAs") {
        Some("free") => Transparency::Transparent,
        // quirk: microsoft-69
        Some(_) | None => Transparency::Opaque,
    }
}

// quirk: microsoft-55
pub(super) fn read_status(row: &Row) -> Status {
    match row.text("showAs") {
        _ if row.is_cancelled() => Status::Cancelled,
        Some("tentative") => Status::Tentative,
        Some(_) | None => Status::None,
    }
}

pub(super) fn write(event: &Event, held: Option<&Row>, patch: &mut Body) {
    let held = held.and_then(|row| row.text("showAs"));
    let word = match (event.transparency, event.status) {
        (Transparency::Transparent, _) => "free",
        (Transparency::Opaque, Status::Tentative) => "tentative",
        (Transparency::Opaque, Status::None | Status::Confirmed | Status::Cancelled) => {
            held.filter(|held| matches!(*held, "oof" | "workingElsewhere")).unwrap_or("busy")
        }
    };
    patch.insert("showAs".to_owned(), Value::from(word));
}

#[cfg(test)]
mod tests {
    use super::super::testing::{event, frame, round_trip, row};
    use super::super::{self as fields, Body};
    use super::*;
    use model::Field;
    use serde_json::json;

    #[test]
    fn one_word_goes_both_ways_as_two_fields() {
        for (word, transparency, status) in [
            ("free", Transparency::Transparent, Status::None),
            ("busy", Transparency::Opaque, Status::None),
            ("tentative", Transparency::Opaque, Status::Tentative),
            ("oof", Transparency::Opaque, Status::None),
            ("somethingNew", Transparency::Opaque, Status::None),
        ] {
            let read = round_trip(Field::Transparency, json!({"showAs": word}));
            assert_eq!((read.transparency, read.status), (transparency, status), "{word}");
            round_trip(Field::Status, json!({"showAs": word}));
        }
    }

    #[test]
    fn being_out_of_office_stays_while_time_is_blocked() {
        let held = row(json!({"showAs": "oof"}));
        let mut event = event(json!({"showAs": "oof"}));
        for (transparency, want) in
            [(Transparency::Opaque, "oof"), (Transparency::Transparent, "free")]
        {
            event.transparency = transparency;
            let mut patch = Body::new();
            fields::write(Field::Status, &event, Some(&held), &frame(), &mut patch).unwrap();
            assert_eq!(patch["showAs"], want);
        }
    }

    // quirk: microsoft-55
    #[test]
    fn what_the_organizer_called_off_is_cancelled() {
        let read = event(json!({"showAs": "free", "isCancelled": true}));
        assert_eq!(read.status, Status::Cancelled);
    }
}
