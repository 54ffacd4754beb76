//! What Google's own fields can't say exactly, remembered on the event itself.
//!
//! A floating time, a colour beyond the eleven, a sixth reminder, a period: what is written is the
//! nearest that Google has, and the exact value stands beside it in private properties that nobody
//! sees ([`provider::kept`]). Too much to remember is not remembered; then Google's own value is
//! all there is.
//!
//! Of a long description Google shows the beginning, with a sign that it goes on. The rest has
//! properties of its own, and belongs to whatever stands before the sign: who edits the beginning
//! says nothing about what they did not see.

use model::{Event, Field, FieldSet};
use provider::kept::Remembered;
pub(crate) use provider::kept::Whole;
use serde_json::{Map, Value};

use crate::fields::{HELD, description};
use crate::row::Row;

/// The properties, in order. Three of a thousand characters are enough for everything but long
/// texts, and far from the 32 kB that all properties of an event may have together.
// quirk: google-39
const PROPERTIES: [&str; 3] = ["calpair-kept", "calpair-kept2", "calpair-kept3"];

/// The properties with the rest of a description are called so, and numbered from 1.
const REST: &str = "calpair-rest";

/// How many there may be: 24 kB, so that all properties stay below their 32.
// quirk: google-39
const RESTS: usize = 24;

/// What stands around each part of the rest, so that no white space is at an edge.
const EDGE: char = '|';

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
    let mut fields = differing(exact, plain);
    let remembered = |fields: FieldSet| match fields.is_empty() {
        true => String::new(),
        false => exact.remembered(plain, fields),
    };
    let rest = rest_of(&exact.event, &plain.event).unwrap_or_default();
    if !rest.is_empty() {
        fields = fields.without(Field::Description);
    }
    let mut text = remembered(fields);
    let fits = |text: &str| text.len() <= LONGEST * PROPERTIES.len();
    if !fits(&text) {
        // A text that is too long must not take the small things with it.
        text = remembered(fields.without(Field::Description));
    }
    let fits = fits(&text);
    let chunks = text.as_bytes().chunks(LONGEST);
    let mut chunks = chunks.map(|chunk| String::from_utf8_lossy(chunk).into_owned());
    PROPERTIES
        .iter()
        .map(|name| {
            let value = chunks.next().filter(|_| fits).map_or(Value::Null, Value::from);
            ((*name).to_owned(), value)
        })
        .chain((1..=RESTS).map(|number| {
            let part = rest.get(number - 1).map_or(Value::Null, |part| part.as_str().into());
            (format!("{REST}{number}"), part)
        }))
        .collect()
}

/// What Google does not show of a description, in parts; `None` where it shows all, or where there
/// is too much.
fn rest_of(exact: &Event, plain: &Event) -> Option<Vec<String>> {
    let (exact, plain) = (exact.description.as_ref()?, plain.description.as_ref()?);
    let mut rest = exact.expose().strip_prefix(description::before_cut(plain.expose())?)?;
    let mut parts = Vec::new();
    while !rest.is_empty() {
        let (part, after) = rest.split_at(rest.floor_char_boundary(LONGEST - 2 * EDGE.len_utf8()));
        parts.push(format!("{EDGE}{part}{EDGE}"));
        rest = after;
    }
    (parts.len() <= RESTS).then_some(parts)
}

/// Puts the rest of a description behind what Google shows of it, while that still says that it
/// goes on.
fn put_back(row: &Row, event: &mut Event) {
    let Some(shown) = &event.description else { return };
    let Some(before) = description::before_cut(shown.expose()) else { return };
    let mut whole = before.to_owned();
    for number in 1..=RESTS {
        let Some(part) = row.private(&format!("{REST}{number}")) else { break };
        let part = part.strip_prefix(EDGE).and_then(|part| part.strip_suffix(EDGE));
        let Some(part) = part else { return };
        whole.push_str(part);
    }
    if whole.len() > before.len() {
        event.description = Some(whole.into());
    }
}

/// A row that reads as `plain`, with what is remembered beside it.
pub(crate) fn recall(row: &Row, plain: Whole) -> Whole {
    let text: String = PROPERTIES.iter().filter_map(|name| row.private(name)).collect();
    let mut whole = match Remembered::read(&text) {
        Some(remembered) => remembered.onto(&plain),
        None => plain,
    };
    put_back(row, &mut whole.event);
    whole
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
        assert!(nothing.values().all(Value::is_null) && nothing.len() == 3 + RESTS);
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
