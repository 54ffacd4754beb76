//! `summary` and `location`: plain text, nothing for an empty one.

use model::Redacted;
use serde_json::Value;

use super::Body;

pub(super) fn read(text: Option<&str>) -> Option<Redacted<String>> {
    let text = text?.replace("\r\n", "\n");
    (!text.is_empty()).then(|| text.into())
}

pub(super) fn write(name: &str, text: Option<&Redacted<String>>, body: &mut Body) {
    let value = text.map_or(Value::Null, |text| Value::from(text.expose().as_str()));
    body.insert(name.to_owned(), value);
}

#[cfg(test)]
mod tests {
    use super::super::testing::{round_trip, written};
    use model::{Event, Field, When};
    use serde_json::json;

    #[test]
    fn texts_go_both_ways() {
        let event = round_trip(Field::Title, json!({"summary": "👩‍👧 <b>x</b>; \\n"}));
        assert_eq!(event.title.unwrap().expose(), "👩‍👧 <b>x</b>; \\n");
        let event = round_trip(Field::Location, json!({"location": "One\nTwo"}));
        assert_eq!(event.location.unwrap().expose(), "One\nTwo");
        assert_eq!(round_trip(Field::Title, json!({"summary": ""})).title, None);
        let day = When::Date(jiff::civil::date(2026, 1, 1));
        let none = written(Field::Location, &Event::new(day.clone(), day));
        assert_eq!(none, json!({"location": null}));
    }
}
