//! What a provider's own fields can't say exactly, as a text to be remembered beside them.
//!
//! An adapter writes the nearest that its provider has, and keeps the exact value where nobody sees
//! it. It counts for as long as the field still reads as what was written: who changes the field at
//! the provider has the last word. Where the text is kept, and what fits there, is the adapter's.
//!
//! Reminders are a set, of which a provider may show a few: who changes one of those has said
//! nothing about the others. So what was shown is remembered too, and only the difference counts.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::{
    Alarm, Event, Extent, Field, FieldSet, Recurrence, Series, Status, Trigger, Uid, canonical,
};
use sha2::{Digest as _, Sha256};

/// The form written by this version where no reminder is remembered.
const FORM: u8 = 1;

/// The form with the reminders that were shown between the digests and the exact values.
const WITH_SHOWN: u8 = 2;

/// A reminder is shown to the minute: one that lies nearer than this stands for it.
const ROUNDED: u64 = 60;

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
        let shown = fields.contains(Field::Alarms);
        let form = if shown { WITH_SHOWN } else { FORM };
        let mut bytes = vec![form, fields.iter().count() as u8];
        for field in fields.iter() {
            bytes.push(field as u8);
            bytes.extend_from_slice(&plain.sum(field));
        }
        if shown {
            let shown = plain.only(FieldSet::NONE.with(Field::Alarms)).bytes();
            let length = u16::try_from(shown.len()).unwrap_or(u16::MAX);
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(&shown[..usize::from(length)]);
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

fn decoded(bytes: &[u8]) -> Option<Whole> {
    let series = canonical::decode(bytes, Uid::new(""), None, Extent::ALWAYS).ok()?;
    Some(Whole { event: series.master?, recurrence: series.recurrence })
}

/// Whether a reminder is another one, to the minute.
fn stands_for(rounded: &Alarm, exact: &Alarm) -> bool {
    match (&rounded.trigger, &exact.trigger) {
        (Trigger::Start(rounded), Trigger::Start(exact)) => rounded.abs_diff(*exact) < ROUNDED,
        _ => false,
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
    /// The reminders that were written; `None` where that was not remembered.
    shown: Option<BTreeSet<Alarm>>,
}

impl Remembered {
    /// `None` for a text of any other form.
    pub fn read(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (head, mut rest) = bytes.split_first_chunk::<2>()?;
        if !matches!(head[0], FORM | WITH_SHOWN) {
            return None;
        }
        let mut sums = Vec::new();
        for _ in 0..head[1] {
            let (field, after) = rest.split_first()?;
            let (sum, after) = after.split_first_chunk::<SUM>()?;
            sums.push((*Field::ALL.get(usize::from(*field))?, *sum));
            rest = after;
        }
        let mut shown = None;
        if head[0] == WITH_SHOWN {
            let (length, after) = rest.split_first_chunk::<2>()?;
            let (of_shown, after) =
                after.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
            shown = Some(decoded(of_shown)?.event.alarms);
            rest = after;
        }
        Some(Self { exact: decoded(rest)?, sums, shown })
    }

    /// What reads as `plain`, with the exact value of every field that nobody changed. Of the
    /// reminders those stay that were not shown, and those that are still shown.
    pub fn onto(&self, plain: &Whole) -> Whole {
        let mut whole = plain.clone();
        for (field, sum) in &self.sums {
            if plain.sum(*field) == *sum {
                whole.take(&self.exact, *field);
            } else if *field == Field::Alarms {
                whole.event.alarms = self.alarms_beside(&plain.event.alarms);
            }
        }
        whole
    }

    /// The exact reminders with what somebody did to those that were shown.
    fn alarms_beside(&self, now: &BTreeSet<Alarm>) -> BTreeSet<Alarm> {
        let Some(shown) = &self.shown else { return now.clone() };
        let exact = &self.exact.event.alarms;
        let rounded = || shown.iter().filter(|one| !exact.contains(*one));
        let shown_as = |alarm: &Alarm| match shown.get(alarm) {
            Some(alarm) => Some(alarm),
            None => rounded().find(|one| stands_for(one, alarm)),
        };
        let stays = |alarm: &&Alarm| shown_as(alarm).is_none_or(|as_shown| now.contains(as_shown));
        let stands: BTreeSet<&Alarm> = exact.iter().filter_map(shown_as).collect();
        let new = now.iter().filter(|alarm| !stands.contains(alarm));
        exact.iter().filter(stays).chain(new).cloned().collect()
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

    fn ringing(seconds: &[i64]) -> Whole {
        let mut whole = whole("a", None);
        let ring = |seconds: &i64| Alarm {
            action: model::AlarmAction::Display,
            trigger: Trigger::Start(*seconds),
        };
        whole.event.alarms = seconds.iter().map(ring).collect();
        whole
    }

    #[test]
    fn who_changes_a_shown_reminder_says_nothing_about_the_others() {
        let (exact, shown) = (ringing(&[-300, -570, -7200, 600]), ringing(&[-300, -600]));
        let fields = FieldSet::NONE.with(Field::Alarms);
        let remembered = Remembered::read(&exact.remembered(&shown, fields)).unwrap();
        for (now, want) in [
            (&[-300, -600][..], &[-300, -570, -7200, 600][..]),
            (&[-360, -600], &[-360, -570, -7200, 600]),
            (&[-300], &[-300, -7200, 600]),
            (&[-300, -600, -900], &[-300, -570, -900, -7200, 600]),
            (&[], &[-7200, 600]),
        ] {
            let read = remembered.onto(&ringing(now));
            assert_eq!(read.event.alarms, ringing(want).event.alarms, "{now:?}");
        }
    }

    #[test]
    fn a_text_from_before_is_still_read() {
        let (exact, plain) = (ringing(&[-300, -7200]), ringing(&[-300]));
        let mut bytes = vec![FORM, 1, Field::Alarms as u8];
        bytes.extend_from_slice(&plain.sum(Field::Alarms));
        bytes.extend_from_slice(&exact.only(FieldSet::NONE.with(Field::Alarms)).bytes());
        let remembered = Remembered::read(&URL_SAFE_NO_PAD.encode(bytes)).unwrap();
        assert_eq!(remembered.onto(&plain).event.alarms, exact.event.alarms);
        assert_eq!(remembered.onto(&ringing(&[-60])).event.alarms.len(), 1);
    }

    #[test]
    fn what_is_no_such_text_is_not_believed() {
        let text = whole("a", None).remembered(&whole("b", None), FieldSet::ALL);
        for wrong in ["", "AA", "!", "AgA", &text[..text.len() / 2]] {
            assert!(Remembered::read(wrong).is_none(), "{wrong}");
        }
    }
}
