//! `location` and `locations`: one text here, several places there. Written is one place, and only
//! when it changed: that replaces them all.

use model::{Event, Redacted};
use serde_json::{Value, json};

use super::Body;
use crate::row::Row;

// quirk: microsoft-57
pub(super) fn read(row: &Row) -> Option<Redacted<String>> {
    let name = |place: &Value| {
        let name = place.get("displayName")?.as_str()?.replace("\r\n", "\n");
        let name = name.trim().to_owned();
        (!name.is_empty()).then_some(name)
    };
    let several = row.get("locations").and_then(Value::as_array).filter(|all| all.len() > 1);
    let text = match several {
        Some(all) => all.iter().filter_map(name).collect::<Vec<_>>().join("; "),
        None => row.get("location").and_then(name)?,
    };
    (!text.is_empty()).then(|| text.as_str().into())
}

// quirk: microsoft-57
pub(super) fn write(event: &Event, patch: &mut Body) {
    let text = event.location.as_ref().map(|text| text.expose().as_str()).unwrap_or_default();
    patch.insert("location".to_owned(), json!({"displayName": text}));
}

#[cfg(test)]
mod tests {
    use super::super::testing::{event, round_trip};
    use model::Field;
    use serde_json::json;

    // quirk: microsoft-57
    #[test]
    fn one_place_goes_both_ways_and_several_are_read_as_one_text() {
        let read = round_trip(Field::Location, json!({"location": {"displayName": "Room 3, [x]"}}));
        assert_eq!(read.location.unwrap().expose(), "Room 3, [x]");
        let none = json!({"location": {"displayName": ""}, "locations": []});
        assert_eq!(round_trip(Field::Location, none).location, None);
        let several = json!({"location": {"displayName": "A"},
            "locations": [{"displayName": "A"}, {"displayName": "B"}]});
        assert_eq!(event(several).location.unwrap().expose(), "A; B");
    }
}
