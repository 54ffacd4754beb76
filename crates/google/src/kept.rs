//! What Google's own fields can't say exactly, remembered on the event itself.
//!
//! A floating time, a colour beyond the eleven, a sixth reminder, a period: what is written is the
//! nearest that Google has, and the exact value stands beside it in private properties that nobody
//! sees ([`provider::kept`]). Too much to remember is not remembered; then Google's own value is
//! all there is.

use model::{Field, FieldSet};
use provider::kept::Remembered;
pub(crate) use provider::kept::Whole;
use serde_json::{Map, Value};

use crate::fields::HELD;
use crate::row::Row;

/// The properties, in order. Three of a thousand characters are enough for everything but long
/// texts, and far from the 32 kB that all properties of an event may have together.
// quirk: google-39
const PROPERTIES: [&str; 3] = ["calpair-kept", "calpair-kept2", "calpair-kept3"];

/// The longest value that Google keeps whole.
// quirk: google-39
const LONGEST: usize = 1024;

/// The fields in which they differ, as far as Google can hold them.
pub(crate) fn differing(one: &Whole, other: &Whole) -> FieldSet {
    one.differing(other, HELD.without(Field::People))
}

/// Whether they mean the same, people included.
pub(crate) fn is_as(one: &Whole, other: &Whole) -> bool {
    differing(one, other).is_empty() && one.event.people == other.event.people
}

/// The properties that remember `exact` beside a row that reads as `plain`. Those that are not
/// needed are `null`.
pub(crate) fn remember(exact: &Whole, plain: &Whole) -> Map<String, Value> {
    let fields = differing(exact, plain);
    let text = if fields.is_empty() { String::new() } else { exact.remembered(plain, fields) };
    let fits = text.len() <= LONGEST * PROPERTIES.len();
    let chunks = text.as_bytes().chunks(LONGEST);
    let mut chunks = chunks.map(|chunk| String::from_utf8_lossy(chunk).into_owned());
    PROPERTIES
        .iter()
        .map(|name| {
            let value = chunks.next().filter(|_| fits).map_or(Value::Null, Value::from);
            ((*name).to_owned(), value)
        })
        .collect()
}

/// A row that reads as `plain`, with what is remembered beside it.
pub(crate) fn recall(row: &Row, plain: Whole) -> Whole {
    let text: String = PROPERTIES.iter().filter_map(|name| row.private(name)).collect();
    Remembered::read(&text).map_or_else(|| plain.clone(), |remembered| remembered.onto(&plain))
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Event, When};
    use serde_json::json;

    fn whole(title: &str, color: Option<&str>) -> Whole {
        let day = When::Date(jiff::civil::date(2026, 1, 1));
        let mut event = Event::new(day.clone(), day);
        event.title = Some(title.into());
        event.color = color.map(str::to_owned);
        Whole::once(event)
    }

    fn row(properties: Map<String, Value>) -> Row {
        let properties: Map<_, _> =
            properties.into_iter().filter(|(_, value)| !value.is_null()).collect();
        Row::new(json!({"id": "a", "extendedProperties": {"private": properties}})).unwrap()
    }

    #[test]
    fn what_google_rounds_is_remembered_until_somebody_changes_it() {
        let exact = whole("a", Some("teal"));
        let kept = row(remember(&exact, &whole("a", Some("deepskyblue"))));
        let renamed = recall(&kept, whole("b", Some("deepskyblue")));
        assert_eq!(renamed.event.color.as_deref(), Some("teal"));
        assert_eq!(renamed.event.title, Some("b".into()));
        let recolored = recall(&kept, whole("a", Some("tomato")));
        assert_eq!(recolored.event.color.as_deref(), Some("tomato"));
    }

    // quirk: google-39
    #[test]
    fn nothing_longer_than_google_keeps_is_written() {
        let nothing = remember(&whole("a", None), &whole("a", None));
        assert!(nothing.values().all(Value::is_null) && nothing.len() == 3);
        for (length, want) in [(100, 1), (1800, 3), (5000, 0)] {
            let exact = whole(&"x".repeat(length), None);
            let kept = remember(&exact, &whole("", None));
            let values: Vec<_> = kept.values().filter_map(Value::as_str).collect();
            assert_eq!(values.len(), want, "{length}");
            assert!(values.iter().all(|value| value.len() <= LONGEST));
            assert!(kept.keys().all(|name| name.len() <= 44));
            if want > 0 {
                let back = recall(&row(kept), whole("", None));
                assert_eq!(back.event.title, exact.event.title);
            }
        }
    }
}
