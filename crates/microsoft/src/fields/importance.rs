//! `importance`: three steps for nine.

use model::Event;
use serde_json::Value;

use super::Body;
use crate::row::Row;

pub(super) fn read(row: &Row) -> Option<u8> {
    match row.text("importance") {
        Some("high") => Some(1),
        Some("low") => Some(9),
        Some(_) | None => None,
    }
}

pub(super) fn write(event: &Event, patch: &mut Body) {
    let word = match event.priority {
        Some(1..=4) => "high",
        Some(6..) => "low",
        Some(_) | None => "normal",
    };
    patch.insert("importance".to_owned(), Value::from(word));
}

#[cfg(test)]
mod tests {
    use super::super::testing::{event, round_trip, written};
    use model::Field;
    use serde_json::json;

    #[test]
    fn importance_goes_both_ways_in_three_steps() {
        for (word, priority) in [("high", Some(1)), ("normal", None), ("low", Some(9))] {
            assert_eq!(round_trip(Field::Priority, json!({"importance": word})).priority, priority);
        }
        let mut event = event(json!({}));
        for (priority, word) in [(3, "high"), (5, "normal"), (7, "low")] {
            event.priority = Some(priority);
            assert_eq!(written(Field::Priority, &event), json!({"importance": word}));
        }
    }
}
