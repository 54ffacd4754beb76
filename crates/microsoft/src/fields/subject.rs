//! `subject`: one line of text, nothing for an empty one.

use model::{Event, Redacted};
use serde_json::Value;

use super::Body;
use crate::row::Row;

/// What Exchange keeps of a subject, in characters.
const LONGEST: usize = 255;

pub(super) fn read(row: &Row) -> Option<Redacted<String>> {
    let text = row.text("subject")?.replace("\r\n", "\n");
    let text = text.trim();
    (!text.is_empty()).then(|| text.into())
}

pub(super) fn write(event: &Event, patch: &mut Body) {
    let title = event.title.as_ref().map(|title| title.expose().as_str()).unwrap_or_default();
    let line = title.split(['\r', '\n']).map(str::trim).filter(|line| !line.is_empty());
    let line = line.collect::<Vec<_>>().join(" ");
    let mut used = 0;
    let fits: String = line
        .chars()
        .take_while(|c| {
            used += c.len_utf16();
            used <= LONGEST
        })
        .collect();
    patch.insert("subject".to_owned(), Value::from(fits));
}

#[cfg(test)]
mod tests {
    use super::super::testing::{event, round_trip, written};
    use model::Field;
    use serde_json::json;

    #[test]
    fn a_subject_goes_both_ways() {
        let read = round_trip(Field::Title, json!({"subject": "👩‍👧 <b>x</b>; \\n"}));
        assert_eq!(read.title.unwrap().expose(), "👩‍👧 <b>x</b>; \\n");
        for none in [json!({"subject": null}), json!({"subject": ""}), json!({})] {
            assert_eq!(round_trip(Field::Title, none).title, None);
        }
    }

    #[test]
    fn what_is_too_long_or_of_several_lines_is_cut_and_joined() {
        let mut event = event(json!({}));
        event.title = Some("one\ntwo".into());
        assert_eq!(written(Field::Title, &event), json!({"subject": "one two"}));
        event.title = Some("👩".repeat(200).as_str().into());
        let cut = written(Field::Title, &event)["subject"].as_str().unwrap().encode_utf16().count();
        assert_eq!(cut, 254);
    }
}
