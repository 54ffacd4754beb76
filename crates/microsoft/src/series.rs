//! A whole series from its rows.
//!
//! What an exception says just as its master would is no exception: Exchange keeps such rows for
//! ever, for nothing can take one back. A linked single event stands for the occurrence whose slot
//! it names. What a series consists of when it has no master's rule is [`crate::parts`]' affair.

use std::collections::BTreeMap;

use model::{Exception, Extent, FieldSet, Recurrence, Resource, ResourceId, Series, Uid, When};
use provider::Unreadable;

use crate::fields::{self, HELD, Unread, times};
use crate::ident::{self, Mark};
use crate::kept::{Memory, Whole};
use crate::parts;
use crate::recurrence;
use crate::row::{Kind, Row};
use crate::rows::Rows;

/// A row, read.
pub(crate) struct ReadRow {
    /// As Graph's fields alone say it.
    pub(crate) plain: Whole,
    /// With what is remembered.
    pub(crate) exact: Whole,
    /// What is remembered, of its exceptions too.
    pub(crate) memory: Memory,
}

impl ReadRow {
    /// The key of an occurrence, by the instant of its original start.
    // quirk: microsoft-29
    pub(crate) fn key(&self, at: jiff::Timestamp, zone: Option<&str>) -> When {
        let plain = times::original(at, &self.plain.event.start, zone);
        ical::in_kind_of(&plain, &self.exact.event.start)
    }

    /// The key of an occurrence by its day, in the zone of the series.
    pub(crate) fn key_on(&self, day: jiff::civil::Date) -> When {
        let start = &self.plain.event.start;
        let plain = start.with_wall(day.to_datetime(start.wall().time()));
        ical::in_kind_of(&plain, &self.exact.event.start)
    }
}

/// Reads a master, a single event or a linked one.
///
/// # Errors
/// When it can't be understood.
pub(crate) fn read_row(row: &Row) -> Result<ReadRow, Unread> {
    let event = fields::read(row, None)?;
    let recurrence = recurrence::read(row.get("recurrence"), &event.start)?;
    let plain = Whole { event, recurrence };
    let memory = Memory::of(row);
    let mut exact = memory.recall(None, plain.clone());
    if exact.recurrence == plain.recurrence {
        // Its end is told in the kind of the start, which may be remembered as another one.
        exact.recurrence = recurrence::read(row.get("recurrence"), &exact.event.start)?;
    }
    Ok(ReadRow { plain, exact, memory })
}

/// The resource that rows make.
///
/// # Errors
/// When one of them can't be read.
pub(crate) fn resource(id: &ResourceId, rows: &Rows) -> Result<Resource, Unreadable> {
    match read(rows) {
        Ok(series) => {
            let (version, raw) = (rows.version(), rows.to_raw());
            Ok(Resource { id: id.clone(), version, raw, series })
        }
        Err(reason) => Err(Unreadable {
            id: id.clone(),
            version: rows.version(),
            uid: rows.all().next().map(ident::uid),
            reason: reason.to_string(),
        }),
    }
}

/// The series that rows make.
///
/// # Errors
/// When one of them can't be read.
pub(crate) fn read(rows: &Rows) -> Result<Series, Unread> {
    let uid = uid(rows).ok_or(NOTHING)?;
    let is_native = rows.master.as_ref().is_some_and(|row| row.mark(Mark::Series).is_none());
    let mut series = match parts::Whole::of(rows).filter(|_| !is_native) {
        Some(whole) => parts::read(rows, &whole, uid)?,
        None if rows.master.is_none() => strays(rows, uid)?,
        None => unfinished(native(rows, uid)?, rows),
    };
    series.modified = rows.all().filter_map(Row::modified).max();
    series.declined = rows.master.as_ref().is_some_and(Row::is_declined);
    series.extent = ical::extent(&series);
    Ok(series)
}

/// What the rows of a series in Graph's own words say, whatever a write that was interrupted was
/// to make of them.
pub(crate) fn written(rows: &Rows) -> Result<Series, Unread> {
    native(rows, uid(rows).ok_or(NOTHING)?)
}

/// With the exceptions that a write which was interrupted has not come to yet.
fn unfinished(mut series: Series, rows: &Rows) -> Series {
    let target = parts::target(rows, &series.uid);
    for (key, meant) in target.into_iter().flat_map(|target| target.exceptions) {
        match (series.exceptions.get(&key), &meant) {
            (Some(Exception::Override(_)), _)
            | (Some(Exception::Cancelled), Exception::Cancelled) => {}
            (None, _) | (Some(Exception::Cancelled), Exception::Override(_)) => {
                series.exceptions.insert(key, meant);
            }
        }
    }
    series
}

const NOTHING: Unread = Unread("there is nothing of it");

/// Linked events whose series somebody deleted: they are all that is left of it. The first is the
/// event, the others are single dates beside it.
fn strays(rows: &Rows, uid: Uid) -> Result<Series, Unread> {
    let read = rows.linked.values().map(|row| read_row(row).map(|read| read.exact.event));
    let mut events = read.collect::<Result<Vec<_>, _>>()?;
    events.sort_by(|one, other| {
        let at = |event: &model::Event| ical::instant(&event.start, &jiff::tz::TimeZone::UTC);
        at(one).cmp(&at(other)).then_with(|| one.start.cmp(&other.start))
    });
    let mut events = events.into_iter();
    let first = events.next().ok_or(NOTHING)?;
    let mut series = Series::single(uid, first.clone());
    for event in events {
        let key = ical::in_kind_of(&event.start, &first.start);
        if key == first.start {
            continue;
        }
        series.recurrence.extras.insert(model::Extra { start: key.clone(), end: None });
        if !same(&event, &ical::implied(&first, &key), HELD.with(model::Field::Times)) {
            series.exceptions.insert(key, Exception::Override(Box::new(event)));
        }
    }
    Ok(series)
}

/// The UID of a series: every row of one that has a mark has the same.
fn uid(rows: &Rows) -> Option<Uid> {
    let marked = rows.all().find_map(|row| row.mark(Mark::Uid));
    marked.map(Uid::new).or_else(|| rows.all().next().map(ident::uid))
}

fn native(rows: &Rows, uid: Uid) -> Result<Series, Unread> {
    let row = rows.master.as_ref().ok_or(NOTHING)?;
    let read = read_row(row)?;
    let mut series = Series {
        uid,
        master: Some(read.exact.event.clone()),
        recurrence: Recurrence::default(),
        exceptions: BTreeMap::new(),
        modified: None,
        extent: Extent::ALWAYS,
        declined: false,
    };
    if row.kind() != Kind::Master {
        return Ok(series);
    }
    series.recurrence = read.exact.recurrence.clone();
    // quirk: microsoft-2, microsoft-43
    let days = row.cancelled_days().ok_or(Unread("what was cancelled of it was not told"))?;
    for day in days {
        series.exceptions.insert(read.key_on(day), Exception::Cancelled);
    }
    for row in rows.exceptions.values() {
        let (key, event) = read_exception(row, rows, &read)?;
        series.exceptions.insert(key, event);
    }
    // What is left of a series of single events is about to go.
    for row in rows.linked.values().filter(|row| row.mark(Mark::Series).is_none()) {
        let Some(key) =
            row.mark(Mark::Slot).and_then(|slot| slot_key(slot, &read.exact.event.start))
        else {
            continue;
        };
        let event = read_row(row)?.exact.event;
        series.exceptions.insert(key, Exception::Override(Box::new(event)));
    }
    settle(&mut series);
    Ok(series)
}

fn read_exception(row: &Row, rows: &Rows, read: &ReadRow) -> Result<(When, Exception), Unread> {
    let zone = rows.master.as_ref().and_then(Row::recurrence_zone);
    let at = row.original().ok_or(Unread("one of its exceptions says not which one it is"))?;
    let key = read.key(at, zone);
    // quirk: microsoft-55
    if row.is_cancelled() {
        return Ok((key, Exception::Cancelled));
    }
    let plain = Whole::once(fields::read(row, zone)?);
    let mut event = read.memory.recall(Some(&ident::slot(&key)), plain).event;
    if let (When::Floating(_), when) = (&read.exact.event.start, &event.start)
        && !when.is_date()
    {
        // An occurrence of a floating series floats, whoever moved it.
        event.start = When::Floating(when.wall());
        event.end = When::Floating(event.end.wall());
    }
    Ok((key, Exception::Override(Box::new(event))))
}

/// The key that a slot names, in a series with this start.
pub(crate) fn slot_key(slot: &str, start: &When) -> Option<When> {
    let wall = match slot.parse::<jiff::civil::DateTime>() {
        Ok(wall) => wall,
        Err(_) => slot.parse::<jiff::civil::Date>().ok()?.at(0, 0, 0, 0),
    };
    Some(start.with_wall(wall))
}

/// Takes out what is no exception: what says the same as the master, and what was cancelled of
/// days that the rule does not have.
fn settle(series: &mut Series) {
    let Some(master) = series.master.clone() else { return };
    series.exceptions.retain(|key, exception| match exception {
        Exception::Override(event) => {
            let own = ical::implied(&master, key);
            let fields = HELD.with(model::Field::Times);
            !same(event, &own, fields)
        }
        Exception::Cancelled => true,
    });
    let cancelled = series.exceptions.iter().filter(|(_, one)| **one == Exception::Cancelled);
    let cancelled: Vec<When> = cancelled.map(|(key, _)| key.clone()).collect();
    if !cancelled.is_empty() {
        let made = ical::made(series, cancelled.iter());
        for key in cancelled.iter().filter(|key| !made.contains(*key)) {
            series.exceptions.remove(key);
        }
    }
}

/// Whether two events mean the same in these fields; people and links to meetings aside, which
/// only Exchange writes.
pub(crate) fn same(one: &model::Event, other: &model::Event, fields: FieldSet) -> bool {
    let fields = fields.without(model::Field::People);
    let (one, other) = (Whole::once(one.clone()), Whole::once(other.clone()));
    fields.iter().all(|field| one.same(&other, field))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::{date, datetime};
    use serde_json::{Value, json};

    /// The series of the reference's section 5: constructed, shapes from documented answers.
    const SERIES: &str = include_str!("../tests/wire/master_with_exceptions.json");

    fn rows() -> Rows {
        Rows::of(serde_json::from_str(SERIES).unwrap()).unwrap()
    }

    fn berlin(month: i8, day: i8, hour: i8) -> When {
        let zone = model::Zone::Iana("Europe/Berlin".to_owned());
        When::Zoned { local: datetime(2025, month, day, hour, 0, 0, 0), zone }
    }

    // quirk: microsoft-2, microsoft-24, microsoft-33
    #[test]
    fn a_series_is_put_together_from_its_rows() {
        let series = read(&rows()).unwrap();
        assert_eq!(series.master.as_ref().unwrap().start, berlin(5, 5, 10));
        let rule = &series.recurrence.rules[0];
        assert_eq!((rule.frequency, &rule.until), (model::Frequency::Weekly, &None));
        let kinds: Vec<_> = series
            .exceptions
            .iter()
            .map(|(key, one)| (key.clone(), *one == Exception::Cancelled))
            .collect();
        assert_eq!(kinds, [(berlin(5, 12, 10), false), (berlin(5, 26, 10), true)]);
        let Exception::Override(moved) = &series.exceptions[&berlin(5, 12, 10)] else {
            panic!("it is moved");
        };
        assert_eq!(moved.start, berlin(5, 13, 14));
    }

    // quirk: microsoft-43
    #[test]
    fn what_was_not_told_is_not_nothing() {
        let mut value: Value = serde_json::from_str(SERIES).unwrap();
        value.as_object_mut().unwrap().remove("cancelledOccurrences");
        let rows = Rows::of(value).unwrap();
        let unreadable = resource(&"AAkALgMASTER1".into(), &rows).unwrap_err();
        assert!(unreadable.version.is_some() && unreadable.uid.is_some());
    }

    #[test]
    fn an_exception_that_says_what_the_master_says_is_none() {
        let mut value: Value = serde_json::from_str(SERIES).unwrap();
        let exception = &mut value["exceptionOccurrences"][0];
        exception["subject"] = "Team meeting".into();
        exception["start"]["dateTime"] = "2025-05-12T08:00:00.0000000".into();
        exception["end"]["dateTime"] = "2025-05-12T09:00:00.0000000".into();
        let series = read(&Rows::of(value).unwrap()).unwrap();
        assert_eq!(series.exceptions.keys().collect::<Vec<_>>(), [&berlin(5, 26, 10)]);
    }

    // quirk: microsoft-55
    #[test]
    fn an_occurrence_that_was_called_off_is_cancelled() {
        let mut value: Value = serde_json::from_str(SERIES).unwrap();
        value["exceptionOccurrences"][0]["isCancelled"] = true.into();
        let series = read(&Rows::of(value).unwrap()).unwrap();
        assert!(series.exceptions.values().all(|one| *one == Exception::Cancelled));
    }

    // quirk: microsoft-41
    #[test]
    fn a_linked_event_stands_for_the_occurrence_that_it_names() {
        let mut rows = rows();
        let marks =
            json!([Mark::Link.with("AAkALgMASTER1"), Mark::Slot.with("2025-05-26T10:00:00")]);
        let linked = json!({"id": "l", "type": "singleInstance", "subject": "Elsewhere",
            "start": {"dateTime": "2025-05-30T08:00:00", "timeZone": "UTC"},
            "end": {"dateTime": "2025-05-30T09:00:00", "timeZone": "UTC"},
            "originalStartTimeZone": "W. Europe Standard Time",
            "singleValueExtendedProperties": marks});
        rows.link(Row::new(linked).unwrap());
        let series = read(&rows).unwrap();
        let Exception::Override(event) = &series.exceptions[&berlin(5, 26, 10)] else {
            panic!("it takes place elsewhere");
        };
        assert_eq!(event.start, berlin(5, 30, 10));
    }

    // quirk: microsoft-29
    #[test]
    fn days_of_a_series_are_days_wherever_its_zone_is() {
        let value = json!({"id": "m", "type": "seriesMaster", "isAllDay": true, "subject": "Bins",
            "start": {"dateTime": "2026-06-01T00:00:00.0000000", "timeZone": "UTC"},
            "end": {"dateTime": "2026-06-02T00:00:00.0000000", "timeZone": "UTC"},
            "recurrence": {"pattern": {"type": "daily", "interval": 1}, "range":
                {"type": "noEnd", "startDate": "2026-06-01",
                 "recurrenceTimeZone": "W. Europe Standard Time"}},
            "cancelledOccurrences": ["OID.m.2026-06-04"],
            "exceptionOccurrences": [{"id": "e", "type": "exception", "seriesMasterId": "m",
                "originalStart": "2026-06-01T22:00:00Z", "isAllDay": true, "subject": "Paper",
                "start": {"dateTime": "2026-06-02T00:00:00.0000000", "timeZone": "UTC"},
                "end": {"dateTime": "2026-06-03T00:00:00.0000000", "timeZone": "UTC"}}]});
        let series = read(&Rows::of(value).unwrap()).unwrap();
        let keys: Vec<_> = series.exceptions.keys().cloned().collect();
        assert_eq!(keys, [When::Date(date(2026, 6, 2)), When::Date(date(2026, 6, 4))]);
    }
}
