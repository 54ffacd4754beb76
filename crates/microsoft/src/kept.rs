//! What Graph's own fields can't say exactly, remembered on the event itself.
//!
//! A floating time, a second reminder, a city of a zone that Windows has under one name, a rule in
//! other words: what is written is the nearest that Graph has, and the exact value stands beside it
//! in a property that nobody sees ([`provider::kept`]). A series remembers for its exceptions, too:
//! they have no properties that could be asked for together with it.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::{Event, Extent, Field, FieldSet, Series, Uid, canonical};
use provider::kept::Remembered;
pub(crate) use provider::kept::Whole;

use crate::fields::{HELD, subject};
use crate::ident::Mark;
use crate::row::Row;
use crate::zones;

/// The longest text that is remembered: far below what a property may hold, far above what some
/// fields need. A long description is not.
const LONGEST: usize = 8 * 1024;

/// What stands for the master among the slots of its exceptions.
const MASTER: &str = "m";

/// Everything that is remembered on one row: of itself, and of its exceptions by slot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Memory(BTreeMap<String, String>);

impl Memory {
    pub(crate) fn of(row: &Row) -> Self {
        let text = row.mark(Mark::Kept).unwrap_or_default();
        let entries = text.split(' ').filter_map(|entry| entry.split_once('='));
        Self(entries.map(|(slot, packed)| (slot.to_owned(), packed.to_owned())).collect())
    }

    /// As it is written; of too much nothing.
    pub(crate) fn text(&self) -> String {
        let entries: Vec<String> =
            self.0.iter().map(|(slot, packed)| format!("{slot}={packed}")).collect();
        let whole = entries.join(" ");
        if whole.len() <= LONGEST {
            return whole;
        }
        let own = self.0.get(MASTER).map(|packed| format!("{MASTER}={packed}"));
        own.filter(|own| own.len() <= LONGEST).unwrap_or_default()
    }

    /// Remembers `exact` beside a row that reads as `plain`. `slot` is an exception's.
    pub(crate) fn remember(&mut self, slot: Option<&str>, exact: &Whole, plain: &Whole) {
        // People and links to meetings are never written: what is there is what counts.
        let fields = HELD.without(Field::People);
        let fields: FieldSet = fields.iter().filter(|field| !exact.same(plain, *field)).collect();
        let slot = slot.unwrap_or(MASTER).to_owned();
        if fields.is_empty() {
            self.0.remove(&slot);
            return;
        }
        let mut text = exact.remembered(plain, fields);
        if text.len() > LONGEST {
            // A text that is too long must not take the small things with it.
            text = exact.remembered(plain, fields.without(Field::Description));
        }
        self.0.insert(slot, text);
    }

    pub(crate) fn forget_all_but(&mut self, is_kept: impl Fn(&str) -> bool) {
        self.0.retain(|slot, _| slot == MASTER || is_kept(slot));
    }

    /// What a row that reads as `plain` means, with what is remembered beside it.
    pub(crate) fn recall(&self, slot: Option<&str>, plain: Whole) -> Whole {
        let text = self.0.get(slot.unwrap_or(MASTER));
        let Some(remembered) = text.and_then(|text| Remembered::read(text)) else { return plain };
        let mut whole = remembered.onto(&plain);
        let overruled = remembered.overruled(&plain);
        if overruled.contains(Field::Times) {
            keep_city(&mut whole.event, &remembered.exact.event);
        }
        if overruled.contains(Field::Title) {
            keep_rest(&mut whole.event, &remembered.exact.event);
        }
        whole
    }
}

/// Who moves an event in Outlook does not move to another city of the zone.
// quirk: microsoft-75
fn keep_city(event: &mut Event, exact: &Event) {
    for (own, exact) in [(&mut event.start, &exact.start), (&mut event.end, &exact.end)] {
        if zones::is_same_zone(own, exact)
            && let Some(zone) = exact.zone()
        {
            *own = model::When::Zoned { local: own.wall(), zone: zone.clone() };
        }
    }
}

/// Who changes the beginning of a title says nothing about what Outlook does not show of it.
// quirk: microsoft-76
fn keep_rest(event: &mut Event, exact: &Event) {
    let titles = event.title.as_ref().zip(exact.title.as_ref());
    let whole = titles.and_then(|(now, exact)| subject::with_rest(now.expose(), exact.expose()));
    if let Some(whole) = whole {
        event.title = Some(whole.into());
    }
}

/// A whole series as a text for a mark.
pub(crate) fn series_text(series: &Series) -> String {
    URL_SAFE_NO_PAD.encode(canonical::encode(series))
}

/// A series from such a text.
pub(crate) fn series_of(text: &str, uid: Uid) -> Option<Series> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    canonical::decode(&bytes, uid, None, Extent::ALWAYS).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::datetime;
    use model::{When, Zone};
    use serde_json::json;

    fn whole(title: &str, priority: Option<u8>) -> Whole {
        let day = When::Date(jiff::civil::date(2026, 1, 1));
        let mut event = Event::new(day.clone(), day);
        event.title = Some(title.into());
        event.priority = priority;
        Whole::once(event)
    }

    fn row(memory: &Memory) -> Row {
        let marks = json!([Mark::Kept.with(&memory.text())]);
        Row::new(json!({"id": "a", "singleValueExtendedProperties": marks})).unwrap()
    }

    #[test]
    fn what_graph_rounds_is_remembered_until_somebody_changes_it() {
        let mut memory = Memory::default();
        memory.remember(None, &whole("a", Some(3)), &whole("a", Some(1)));
        memory.remember(Some("2026-01-02"), &whole("b", Some(4)), &whole("b", Some(1)));
        let read = Memory::of(&row(&memory));
        assert_eq!(read, memory);
        assert_eq!(read.recall(None, whole("c", Some(1))).event.priority, Some(3));
        assert_eq!(read.recall(None, whole("a", Some(9))).event.priority, Some(9));
        let other = read.recall(Some("2026-01-02"), whole("b", Some(1)));
        assert_eq!(other.event.priority, Some(4));
        let mut none = read;
        none.remember(None, &whole("a", None), &whole("a", None));
        none.forget_all_but(|_| false);
        assert_eq!(none.text(), "");
    }

    #[test]
    fn of_too_much_only_the_masters_own_is_remembered() {
        let mut memory = Memory::default();
        memory.remember(None, &whole("a", Some(3)), &whole("a", Some(1)));
        let own = memory.text();
        let long = "x".repeat(LONGEST);
        memory.remember(Some("s"), &whole(&long, None), &whole("", None));
        assert_eq!(memory.text(), own);
        memory.remember(None, &whole(&long, None), &whole("", None));
        assert_eq!(memory.text(), "");
    }

    #[test]
    fn a_text_that_is_too_long_does_not_take_the_small_things_with_it() {
        let mut exact = whole("a", Some(3));
        exact.event.description = Some("x \n".repeat(LONGEST).as_str().into());
        let mut memory = Memory::default();
        memory.remember(None, &exact, &whole("a", Some(1)));
        let read = Memory::of(&row(&memory)).recall(None, whole("a", Some(1)));
        assert_eq!((read.event.priority, read.event.description), (Some(3), None));
    }

    // quirk: microsoft-75
    #[test]
    fn moving_an_event_does_not_move_it_to_another_city() {
        let at = |zone: &str, hour| {
            let local = datetime(2026, 3, 2, hour, 0, 0, 0);
            let when = When::Zoned { local, zone: Zone::Iana(zone.to_owned()) };
            Whole::once(Event::new(when.clone(), when))
        };
        let mut memory = Memory::default();
        memory.remember(None, &at("Europe/Vienna", 9), &at("Europe/Berlin", 9));
        let moved = memory.recall(None, at("Europe/Berlin", 11));
        assert_eq!(moved.event.start, at("Europe/Vienna", 11).event.start);
        let away = memory.recall(None, at("Europe/London", 11));
        assert_eq!(away.event.start, at("Europe/London", 11).event.start);
    }
}
