//! A series whose repetition Graph has no words for, as single events that are linked: one for
//! each occurrence in the window, and all of them one resource. Every event has the whole series
//! with it, as it was written last; so it can be told at any time which occurrences were changed
//! since, and which were deleted. The first event is the one that the resource is named after.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use model::{Event, Exception, Field, Series, Uid, When};

use crate::cursor::Window;
use crate::fetch::{OPEN, is_open};
use crate::fields::{HELD, Unread};
use crate::ident::{self, Mark};
use crate::kept::{self, Whole as Single};
use crate::reach::{self, Reach};
use crate::row::Row;
use crate::rows::Rows;
use crate::series::{self, read_row};

/// What is written with every event of such a series.
#[derive(Clone, Debug)]
pub(crate) struct Whole {
    /// Counts how often the series was written: after an interruption the newest one counts.
    pub(crate) generation: u32,
    /// The occurrences that were written start in `[from, until)`.
    pub(crate) from: Timestamp,
    pub(crate) until: Timestamp,
    /// The series, in the fields that Microsoft can hold.
    text: String,
}

impl Whole {
    /// Exceptions in the window are not a part of it: the events themselves tell them.
    pub(crate) fn new(series: &Series, generation: u32, from: Timestamp, until: Timestamp) -> Self {
        let mut held = held(series);
        if held.master.is_some() {
            held.exceptions.retain(|key, _| {
                let at = ical::instant(key, &TimeZone::UTC);
                at.is_none_or(|at| at < from || at >= until)
            });
        }
        Self { generation, from, until, text: kept::series_text(&held) }
    }

    /// Whether it says of a series what a newer word would say, so that the events need not be
    /// told.
    pub(crate) fn says_the_same(&self, series: &Series) -> bool {
        Self::new(series, self.generation, self.from, self.until).text == self.text
    }

    /// The newest one among rows.
    pub(crate) fn of(rows: &Rows) -> Option<Self> {
        rows.all()
            .filter_map(|row| Self::parse(row.mark(Mark::Series)?))
            .max_by_key(|whole| whole.generation)
    }

    /// As it is written.
    pub(crate) fn text(&self) -> String {
        let (from, until) = (self.from.as_second(), self.until.as_second());
        format!("{}.{from}.{until}.{}", self.generation, self.text)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut pieces = text.splitn(4, '.');
        let generation = pieces.next()?.parse().ok()?;
        let mut at = || Timestamp::from_second(pieces.next()?.parse().ok()?).ok();
        let (from, until) = (at()?, at()?);
        Some(Self { generation, from, until, text: pieces.next()?.to_owned() })
    }

    /// The series as it was written.
    pub(crate) fn series(&self, uid: Uid) -> Option<Series> {
        kept::series_of(&self.text, uid)
    }
}

/// A series in the fields that Microsoft can hold.
fn held(series: &Series) -> Series {
    let fields = HELD.without(Field::People);
    let only = |event: &Event| {
        let mut only = Event::new(event.start.clone(), event.end.clone());
        fields.iter().for_each(|field| only.take(event, field));
        only
    };
    let mut held = series.clone();
    held.master = held.master.as_ref().map(only);
    for exception in held.exceptions.values_mut() {
        if let Exception::Override(event) = exception {
            **event = only(event);
        }
    }
    held
}

/// Occurrences by slot, with their original starts and what takes place.
pub(crate) type BySlot = BTreeMap<String, (When, Event)>;

/// The occurrences of a series that begin in a window; of one that has none there, the first.
///
/// # Errors
/// When it repeats in a way that nobody expands, or never.
pub(crate) fn occurrences(
    series: &Series,
    from: Timestamp,
    until: Timestamp,
) -> Result<BySlot, Unread> {
    let mut found = within(series, ical::Window { from, until }, from, usize::MAX)?;
    if found.is_empty() {
        found = within(series, ical::Window::ALL, Timestamp::MIN, 1)?;
    }
    if found.is_empty() {
        return Err(Unread("it never takes place"));
    }
    Ok(found)
}

fn within(
    series: &Series,
    window: ical::Window,
    from: Timestamp,
    most: usize,
) -> Result<BySlot, Unread> {
    let mut by_slot = BTreeMap::new();
    let mut occurrences = ical::occurrences(series, window, &TimeZone::UTC);
    for one in occurrences.by_ref().filter(|one| one.from >= from).take(most) {
        let mut event = one.event.clone();
        (event.start, event.end) = (one.start, one.end);
        by_slot.insert(ident::slot(&one.original), (one.original, event));
    }
    if occurrences.is_cut() {
        return Err(reach::unplayed(series));
    }
    Ok(by_slot)
}

/// The rows of occurrences before those that are told of, by slot, with their original starts:
/// they stay as they are. `start` is that of the series as it was when they were written.
pub(crate) fn settled<'r>(
    rows: &'r Rows,
    from: Timestamp,
    start: &When,
) -> BTreeMap<&'r str, (When, &'r Row)> {
    let over = |(slot, row)| {
        let key = series::slot_key(slot, start)?;
        let is_over = ical::instant(&key, &TimeZone::UTC)? < from;
        is_over.then_some((slot, (key, row)))
    };
    rows_by_slot(rows).into_iter().filter_map(over).collect()
}

/// What one of the events says while others are still to be written: what all of them are to be.
pub(crate) fn open(target: &Series) -> String {
    format!("{OPEN} {}", kept::series_text(&held(target)))
}

/// What the events are to be once the write that was begun is finished.
pub(crate) fn target(rows: &Rows, uid: &Uid) -> Option<Series> {
    rows.all().find_map(|row| {
        let state = row.mark(Mark::State)?.strip_prefix(OPEN)?;
        kept::series_of(state.trim_start(), uid.clone())
    })
}

/// Whether linked events have to be written although nobody has changed anything: a write of them
/// was interrupted, or they end long before the window does that would be opened now.
pub(crate) fn is_wanting(rows: &Rows, window: &Window) -> bool {
    if rows.all().any(is_open) {
        return true;
    }
    let Some(whole) = Whole::of(rows) else { return false };
    let Some(series) = whole.series(Uid::new("any")) else { return false };
    let start = series.master.as_ref().map(|master| &master.start);
    let settled = start.map(|start| settled(rows, whole.from, start)).unwrap_or_default();
    let is_old = |row: &Row| {
        let word = row.mark(Mark::Series).and_then(Whole::parse);
        let is_settled = row.mark(Mark::Slot).is_some_and(|slot| settled.contains_key(slot));
        !is_settled && word.is_some_and(|word| word.generation < whole.generation)
    };
    rows.all().any(is_old)
        || Reach::of(&series, Some(&whole), window)
            .is_ok_and(|reach| reach.goes_beyond(&whole, &series))
}

/// The series that linked events are now: what was changed of one is an override, what was deleted
/// is cancelled. While a write of them is not finished, what is missing or as an older word says
/// is not written yet: it counts as what it is to be.
///
/// # Errors
/// When one of them can't be understood.
pub(crate) fn read(rows: &Rows, whole: &Whole, uid: Uid) -> Result<Series, Unread> {
    let open = target(rows, &uid);
    let plain = whole.series(uid.clone()).ok_or(BROKEN)?;
    let expected = occurrences(&plain, whole.from, whole.until)?;
    let is_open = open.is_some();
    let mut series = open.unwrap_or(plain);
    let mut words = Words::default();
    let by_slot = rows_by_slot(rows);
    for (slot, (key, event)) in expected {
        let meant = match series.exceptions.get(&key) {
            Some(Exception::Override(other)) => Some((**other).clone()),
            Some(Exception::Cancelled) => None,
            None => Some(event.clone()),
        };
        let Some(row) = by_slot.get(slot.as_str()) else {
            if !is_open {
                series.exceptions.insert(key, Exception::Cancelled);
            }
            continue;
        };
        let mut now = read_row(row)?.exact.event;
        if row.is_cancelled() {
            series.exceptions.insert(key, Exception::Cancelled);
            continue;
        }
        let is = |other: &Event| series::same(&now, other, HELD.with(Field::Times));
        if meant.as_ref().is_some_and(is) {
            continue;
        }
        let own = row.mark(Mark::Series).and_then(Whole::parse);
        let own = own.filter(|own| is_open || own.generation < whole.generation);
        if let Some(own) = own
            && words.said(&own, &uid, &slot)?.is_some_and(is)
        {
            // It was written before the others, and nobody has changed it since.
            continue;
        }
        now.people = event.people.clone();
        // Not stated and confirmed are one thing.
        if Single::once(now.clone()).same(&Single::once(event.clone()), Field::Status) {
            now.status = event.status;
        }
        let own = series.master.as_ref().map(|master| ical::implied(master, &key));
        if own.is_some_and(|own| series::same(&now, &own, HELD.with(Field::Times))) {
            series.exceptions.remove(&key);
        } else {
            series.exceptions.insert(key, Exception::Override(Box::new(now)));
        }
    }
    Ok(series)
}

const BROKEN: Unread = Unread("what was remembered of it is broken");

/// What older words said of the occurrences, by how often the series had been written.
#[derive(Default)]
struct Words(BTreeMap<u32, BySlot>);

impl Words {
    /// What a word said of one occurrence.
    fn said(&mut self, word: &Whole, uid: &Uid, slot: &str) -> Result<Option<&Event>, Unread> {
        let by_slot = match self.0.entry(word.generation) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                let series = word.series(uid.clone()).ok_or(BROKEN)?;
                place.insert(occurrences(&series, word.from, word.until)?)
            }
        };
        Ok(by_slot.get(slot).map(|(_, event)| event))
    }
}

/// The rows by the slots that they name; of several for one slot the first.
pub(crate) fn rows_by_slot(rows: &Rows) -> BTreeMap<&str, &Row> {
    let mut found = BTreeMap::new();
    for row in rows.master.iter().chain(rows.linked.values()) {
        if let Some(slot) = row.mark(Mark::Slot) {
            found.entry(slot).or_insert(row);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const FROM: &str = "2026-01-01T00:00:00Z";
    const UNTIL: &str = "2026-12-31T00:00:00Z";

    fn course() -> Series {
        let text = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nDTSTART:20260303T183000Z\n\
                    DTEND:20260303T200000Z\nSUMMARY:Course\nURL:https://example.org\n\
                    RRULE:FREQ=WEEKLY;COUNT=3\nRDATE:20260321T183000Z\nEND:VEVENT\nEND:VCALENDAR\n";
        ical::read(text.as_bytes()).unwrap()
    }

    fn row(id: &str, slot: &str, whole: &Whole, title: &str) -> Row {
        let marks: Vec<Value> =
            vec![Mark::Slot.with(slot), Mark::Series.with(&whole.text()), Mark::Uid.with("1")];
        let end = slot.replace("18:30", "20:00");
        let value = json!({"id": id, "type": "singleInstance", "subject": title,
            "start": {"dateTime": slot, "timeZone": "UTC"},
            "end": {"dateTime": end, "timeZone": "UTC"},
            "singleValueExtendedProperties": marks});
        Row::new(value).unwrap()
    }

    fn whole(series: &Series, generation: u32) -> Whole {
        Whole::new(series, generation, FROM.parse().unwrap(), UNTIL.parse().unwrap())
    }

    fn rows(series: &Series) -> Rows {
        let whole = whole(series, 1);
        let found = occurrences(series, whole.from, whole.until).unwrap();
        let mut rows = Rows::default();
        for (at, slot) in found.keys().enumerate() {
            let row = row(&format!("r{at}"), slot, &whole, "Course");
            if at == 0 { rows.master = Some(row) } else { rows.link(row) }
        }
        rows
    }

    #[test]
    fn linked_events_are_the_series_that_was_written() {
        let series = course();
        let rows = rows(&series);
        assert_eq!(rows.all().count(), 4);
        let read = series::read(&rows).unwrap();
        let mut want = held(&series);
        want.extent = read.extent;
        assert_eq!(read, want);
        assert_eq!(read.master.unwrap().url, None);
    }

    #[test]
    fn what_was_changed_is_an_override_and_what_was_deleted_is_cancelled() {
        let series = course();
        let mut rows = rows(&series);
        rows.linked.remove("r2");
        let whole = whole(&series, 1);
        rows.link(row("r3", "2026-03-21T18:30:00", &whole, "Party"));
        // The first one may go, too.
        rows.master = None;
        let read = series::read(&rows).unwrap();
        let kinds: Vec<_> =
            read.exceptions.values().map(|one| *one == Exception::Cancelled).collect();
        assert_eq!(kinds, [true, true, false]);
        assert_eq!(read.recurrence, series.recurrence);
    }

    #[test]
    fn the_newest_word_counts_for_what_nobody_has_changed_since() {
        let old = course();
        let mut new = old.clone();
        new.master.as_mut().unwrap().title = Some("Party".into());
        let mut rows = rows(&old);
        let slots: Vec<String> =
            rows_by_slot(&rows).keys().map(|slot| (*slot).to_owned()).collect();
        rows.link(row("r1", &slots[1], &whole(&new, 2), "Party"));
        let read = series::read(&rows).unwrap();
        assert_eq!(read.master.unwrap().title, Some("Party".into()));
        assert_eq!(read.exceptions.len(), 0, "the others are not written yet");
        rows.link(row("r2", &slots[2], &whole(&old, 1), "Elsewhere"));
        let read = series::read(&rows).unwrap();
        assert_eq!(read.exceptions.len(), 1, "somebody has changed this one");
    }

    #[test]
    fn what_is_not_written_yet_is_nobodys_deletion() {
        let old = course();
        let mut new = old.clone();
        new.master.as_mut().unwrap().title = Some("Party".into());
        let key = occurrences(&new, FROM.parse().unwrap(), UNTIL.parse().unwrap());
        let key = key.unwrap().values().next_back().unwrap().0.clone();
        new.exceptions.insert(key, Exception::Cancelled);
        let mut rows = rows(&old);
        let first = rows_by_slot(&rows).keys().next().unwrap().to_string();
        let mut value = row("r0", &first, &whole(&new, 2), "Party").value().clone();
        let marks = value["singleValueExtendedProperties"].as_array_mut().unwrap();
        marks.push(Mark::State.with(&open(&new)));
        rows.master = Row::new(value);
        rows.linked.remove("r1");
        let window = |until: &str| Window {
            from: FROM.parse().unwrap(),
            until: until.parse().unwrap(),
            opened: FROM.parse().unwrap(),
        };
        assert!(is_wanting(&rows, &window(UNTIL)));
        let mut read = series::read(&rows).unwrap();
        let mut want = held(&new);
        want.extent = read.extent;
        assert_eq!(read, want);
        // What somebody did meanwhile counts.
        let slot = rows_by_slot(&rows).keys().nth(1).unwrap().to_string();
        let id = rows_by_slot(&rows)[slot.as_str()].id().to_owned();
        rows.link(row(&id, &slot, &whole(&old, 1), "Elsewhere"));
        read = series::read(&rows).unwrap();
        assert_eq!(read.exceptions.len(), 2);
    }

    #[test]
    fn events_are_wanting_when_their_window_has_moved_and_the_series_goes_on() {
        let mut endless = course();
        endless.recurrence.rules[0].count = None;
        let window = |until: &str| Window {
            from: FROM.parse().unwrap(),
            until: until.parse().unwrap(),
            opened: FROM.parse().unwrap(),
        };
        for (series, until, want) in [
            (&endless, "2027-01-15T00:00:00Z", false),
            (&endless, "2027-02-01T00:00:00Z", true),
            (&course(), "2028-01-01T00:00:00Z", false),
        ] {
            assert_eq!(is_wanting(&rows(series), &window(until)), want, "{until}");
        }
    }

    #[test]
    fn what_nobody_expands_is_not_written_and_what_is_far_away_is_written_once() {
        let mut often = course();
        often.recurrence.rules[0].frequency = model::Frequency::Minutely;
        often.recurrence.rules[0].count = None;
        let (from, until) = (FROM.parse().unwrap(), UNTIL.parse().unwrap());
        assert!(occurrences(&often, from, until).is_err());
        let later: Timestamp = "2030-01-01T00:00:00Z".parse().unwrap();
        let past = occurrences(&course(), later, Timestamp::MAX).unwrap();
        assert_eq!(past.len(), 1);
    }
}
