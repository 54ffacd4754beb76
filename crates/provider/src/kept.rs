//! What a provider's own fields can't say exactly, as a text to be remembered beside them.
//!
//! An adapter writes the nearest that its provider has, and keeps the exact value where nobody sees
//! it. It counts for as long as the field still reads as what was written: who changes the field at
//! the provider has the last word. Where the text is kept, and what fits there, is the adapter's.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::{Event, Extent, Field, FieldSet, Recurrence, Series, Status, Uid, canonical};
use sha2::{Digest as _, Sha256};

/// The form written by this version.
const FORM: u8 = 1;

/// How much of a field's digest is kept: enough to tell that somebody changed it.
const SUM: usize = 4;

/// An event with how it repeats.
#[derive(Clone, Debug)]
pub struct Whole {
    /// Every field but the repetition.
    pub event: Event,
    /// The repetition.
    pub recurrence: Recurrence,
}

impl Whole {
    /// An event that does not repeat.
    pub fn once(event: Event) -> Self {
        Self { event, recurrence: Recurrence::default() }
    }

    /// Whether `field` means the same in both.
    pub fn same(&self, other: &Whole, field: Field) -> bool {
        match field {
            Field::Recurrence => self.recurrence == other.recurrence,
            // Not stated and confirmed are one thing to people, and nobody misses the difference.
            Field::Status => said(self.event.status) == said(other.event.status),
            _ => self.event.same(&other.event, field),
        }
    }

    /// Those of `fields` in which they differ.
    pub fn differing(&self, other: &Whole, fields: FieldSet) -> FieldSet {
        fields.iter().filter(|field| !self.same(other, *field)).collect()
    }

    /// A text that remembers `fields` of this beside what reads as `plain`: unpadded base64url.
    pub fn remembered(&self, plain: &Whole, fields: FieldSet) -> String {
        let mut bytes = vec![FORM, fields.iter().count() as u8];
        for field in fields.iter() {
            bytes.push(field as u8);
            bytes.extend_from_slice(&plain.sum(field));
        }
        bytes.extend_from_slice(&self.only(fields).bytes());
        URL_SAFE_NO_PAD.encode(bytes)
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
        let mut only = Whole::once(Event::new(day.clone(), day));
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

/// What a text of [`Whole::remembered`] says.
#[derive(Clone, Debug)]
pub struct Remembered {
    /// The exact values, in the fields that are remembered.
    pub exact: Whole,
    sums: Vec<(Field, [u8; SUM])>,
}

impl Remembered {
    /// `None` for a text of any other form.
    pub fn read(text: &str) -> Option<Self> {
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
        Some(Self { exact, sums })
    }

    /// What reads as `plain`, with the exact value of every field that nobody changed.
    pub fn onto(&self, plain: &Whole) -> Whole {
        let mut whole = plain.clone();
        for (field, _) in self.sums.iter().filter(|(field, sum)| plain.sum(*field) == *sum) {
            whole.take(&self.exact, *field);
        }
        whole
    }

    /// The remembered fields that somebody changed since.
    pub fn overruled(&self, plain: &Whole) -> FieldSet {
        let changed = self.sums.iter().filter(|(field, sum)| plain.sum(*field) != *sum);
        changed.map(|(field, _)| *field).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(title: &str, color: Option<&str>) -> Whole {
        let day = model::When::Date(jiff::civil::date(2026, 3, 2));
        let mut event = Event::new(day.clone(), day);
        event.title = Some(title.to_owned().into());
        event.color = color.map(str::to_owned);
        Whole::once(event)
    }

    #[test]
    fn the_exact_value_counts_until_somebody_changes_the_field() {
        let (exact, plain) = (whole("a", Some("teal")), whole("a", Some("deepskyblue")));
        let fields = exact.differing(&plain, FieldSet::ALL);
        assert_eq!(fields, FieldSet::NONE.with(Field::Color));
        let remembered = Remembered::read(&exact.remembered(&plain, fields)).unwrap();
        let renamed = whole("b", Some("deepskyblue"));
        let recolored = whole("a", Some("tomato"));
        assert_eq!(remembered.onto(&renamed).event.color.as_deref(), Some("teal"));
        assert_eq!(remembered.onto(&renamed).event.title, renamed.event.title);
        assert_eq!(remembered.overruled(&renamed), FieldSet::NONE);
        assert_eq!(remembered.onto(&recolored).event.color.as_deref(), Some("tomato"));
        assert_eq!(remembered.overruled(&recolored), fields);
    }

    #[test]
    fn what_is_no_such_text_is_not_believed() {
        let text = whole("a", None).remembered(&whole("b", None), FieldSet::ALL);
        for wrong in ["", "AA", "!", "AgA", &text[..text.len() / 2]] {
            assert!(Remembered::read(wrong).is_none(), "{wrong}");
        }
    }
}
