//! What Google's own fields can't say exactly, remembered on the event itself.
//!
//! A floating time, a colour beyond the eleven, a sixth reminder, a period: what is written is the
//! nearest that Google has, and the exact value stands beside it in private properties that nobody
//! sees. It counts for as long as the field still reads as what was written: who changes the field
//! at Google has the last word. Too much to remember is not remembered; then Google's own value
//! is all there is.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::{Event, Extent, Field, FieldSet, Recurrence, Series, Status, Uid, canonical};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use crate::fields::HELD;
use crate::row::Row;

/// The properties, in order. Three of a thousand characters are enough for everything but long
/// texts, and far from the 32 kB that all properties of an event may have together.
// quirk: google-39
const PROPERTIES: [&str; 3] = ["calpair-kept", "calpair-kept2", "calpair-kept3"];

/// The longest value that Google keeps whole.
// quirk: google-39
const LONGEST: usize = 1024;

/// The form written by this version.
const FORM: u8 = 1;

/// How much of a field's digest is kept: enough to tell that somebody changed it.
const SUM: usize = 4;

/// An event with how it repeats.
#[derive(Clone, Debug)]
pub(crate) struct Whole {
    /// Every field but the repetition.
    pub(crate) event: Event,
    /// The repetition.
    pub(crate) recurrence: Recurrence,
}

impl Whole {
    /// Whether `field` means the same in both.
    pub(crate) fn same(&self, other: &Whole, field: Field) -> bool {
        match field {
            Field::Recurrence => self.recurrence == other.recurrence,
            // Not stated and confirmed are one thing at Google, and nobody misses the difference.
            Field::Status => said(self.event.status) == said(other.event.status),
            _ => self.event.same(&other.event, field),
        }
    }

    /// The fields in which they differ, as far as Google can hold them.
    pub(crate) fn differing(&self, other: &Whole) -> FieldSet {
        let fields = HELD.without(Field::People);
        fields.iter().filter(|field| !self.same(other, *field)).collect()
    }

    /// Whether they mean the same, people included.
    pub(crate) fn is_as(&self, other: &Whole) -> bool {
        self.differing(other).is_empty() && self.event.people == other.event.people
    }

    fn take(&mut self, from: &Whole, field: Field) {
        match field {
            Field::Recurrence => self.recurrence = from.recurrence.clone(),
            _ => self.event.take(&from.event, field),
        }
    }

    /// With nothing but some fields.
    fn only(&self, fields: FieldSet) -> Whole {
        let day = model::When::Date(jiff::civil::Date::ZERO);
        let event = Event::new(day.clone(), day);
        let mut only = Whole { event, recurrence: Recurrence::default() };
        fields.iter().for_each(|field| only.take(self, field));
        only
    }

    fn bytes(&self) -> Vec<u8> {
        let mut series = Series::single(Uid::new(""), self.event.clone());
        series.recurrence = self.recurrence.clone();
        canonical::encode(&series)
    }

    fn sum(&self, field: Field) -> [u8; SUM] {
        let sum = Sha256::digest(self.only(FieldSet::NONE.with(field)).bytes());
        let mut start = [0; SUM];
        start.copy_from_slice(&sum[..SUM]);
        start
    }
}

fn said(status: Status) -> Status {
    if status == Status::Confirmed { Status::None } else { status }
}

/// The properties that remember `exact` beside a row that reads as `plain`. Those that are not
/// needed are `null`.
pub(crate) fn remember(exact: &Whole, plain: &Whole) -> Map<String, Value> {
    let fields = exact.differing(plain);
    let text = if fields.is_empty() { String::new() } else { packed(exact, plain, fields) };
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
    match unpacked(&text) {
        Some((exact, sums)) => {
            let mut whole = plain.clone();
            for (field, sum) in sums {
                if plain.sum(field) == sum {
                    whole.take(&exact, field);
                }
            }
            whole
        }
        None => plain,
    }
}

fn packed(exact: &Whole, plain: &Whole, fields: FieldSet) -> String {
    let mut bytes = vec![FORM, fields.iter().count() as u8];
    for field in fields.iter() {
        bytes.push(field as u8);
        bytes.extend_from_slice(&plain.sum(field));
    }
    bytes.extend_from_slice(&exact.only(fields).bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

type Remembered = (Whole, Vec<(Field, [u8; SUM])>);

fn unpacked(text: &str) -> Option<Remembered> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (head, mut rest) = bytes.split_first_chunk::<2>()?;
    if head[0] != FORM {
        return None;
    }
    let mut sums = Vec::new();
    for _ in 0..head[1] {
        let (field, after) = rest.split_first()?;
        let (sum, after) = after.split_first_chunk::<SUM>()?;
        sums.push((*Field::ALL.get(usize::from(*field))?, *sum));
        rest = after;
    }
    let series = canonical::decode(rest, Uid::new(""), None, Extent::ALWAYS).ok()?;
    let exact = Whole { event: series.master?, recurrence: series.recurrence };
    Some((exact, sums))
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::When;
    use serde_json::json;

    fn whole(title: &str, color: Option<&str>) -> Whole {
        let day = When::Date(jiff::civil::date(2026, 1, 1));
        let mut event = Event::new(day.clone(), day);
        event.title = Some(title.into());
        event.color = color.map(str::to_owned);
        Whole { event, recurrence: Recurrence::default() }
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
