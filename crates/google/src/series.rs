//! A whole series from its rows.
//!
//! A cancelled row and an EXDATE are the same. What an exception says just as its master would is
//! no exception: Google keeps such rows for ever, for nothing can take one back. What does not
//! belong to an occurrence (left over from an earlier rule) is nothing, unless it takes place.

use std::collections::{BTreeMap, BTreeSet};

use google_calendar3::api;
use jiff::tz::TimeZone;
use model::{Event, Exception, Extent, Field, Recurrence, Resource, ResourceId, Series, When};
use provider::Unreadable;

use crate::fields::{self, Unread, recurrence};
use crate::ident;
use crate::kept::{self, Whole};
use crate::row::{Original, Row};
use crate::rows::Rows;

/// The start of a master, as Google has it and as it is meant: where a floating time is meant,
/// Google has one in a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Anchor {
    plain: When,
    exact: When,
}

impl Anchor {
    /// # Errors
    /// When the row can't be read.
    pub(crate) fn of(master: &Row) -> Result<Self, Unread> {
        Ok(read_row(master)?.anchor)
    }

    /// The key of an exception, in the kind and zone of the master's start; `None` where a day
    /// meets a time: the master has changed its kind since.
    pub(crate) fn key(&self, original: Original) -> Option<When> {
        let plain = match (original, &self.plain) {
            (Original::Day(date), When::Date(_)) => When::Date(date),
            (Original::At(at), When::Zoned { .. } | When::Utc(_)) => {
                self.plain.with_wall(self.zone().to_datetime(at))
            }
            (Original::Day(_) | Original::At(_), _) => return None,
        };
        Some(ical::in_kind_of(&plain, &self.exact))
    }

    /// The zone in which floating times stand at Google.
    pub(crate) fn zone(&self) -> TimeZone {
        self.plain.zone().and_then(ical::time_zone).unwrap_or(TimeZone::UTC)
    }

    /// The occurrence that a row of another kind was of: what stood at a time before the master
    /// became one of days stands on the day of that time, and the reverse.
    fn key_across(&self, row: &Row) -> Option<When> {
        let stated = row.typed()?.original_start_time;
        let original = match (stated.as_ref().and_then(fields::times::time), row.original()?) {
            (Some(stated), _) => stated,
            (None, Original::Day(date)) => When::Date(date),
            (None, Original::At(at)) => fields::times::placed(at, None),
        };
        Some(ical::in_kind_of(&original, &self.exact))
    }

    /// Whether a row takes place that belongs to the series as it was before it changed its kind.
    /// Google shows it beside the others, and no occurrence has it any more.
    // quirk: google-71
    pub(crate) fn is_left_over(&self, row: &Row) -> bool {
        !row.is_cancelled() && row.original().is_some_and(|original| self.key(original).is_none())
    }

    /// The name of that zone.
    pub(crate) fn zone_name(&self) -> String {
        match self.plain.zone() {
            Some(model::Zone::Iana(name)) => name.clone(),
            Some(model::Zone::Posix { .. }) | None => "UTC".to_owned(),
        }
    }
}

/// A row, read.
pub(crate) struct ReadRow {
    /// As Google's fields alone say it.
    pub(crate) plain: Whole,
    /// With what is remembered.
    pub(crate) exact: Whole,
    /// What the row itself takes back.
    pub(crate) cancelled: Vec<When>,
    /// The occurrences that it has beside those of its rules: what is remembered may leave out one
    /// that is there for the sake of what differs in it.
    pub(crate) extras: BTreeSet<When>,
    /// How exceptions are keyed.
    pub(crate) anchor: Anchor,
}

/// Reads one row.
///
/// # Errors
/// When google-calendar3 or the model can't understand it.
pub(crate) fn read_row(row: &Row) -> Result<ReadRow, Unread> {
    let typed = row.typed().ok_or(Unread("Google's answer about it has an unexpected form"))?;
    check_kind(&typed)?;
    let event = fields::read(&typed)?;
    let plain_start = event.start.clone();
    let lines = typed.recurrence.unwrap_or_default();
    let repetition = recurrence::read(&lines, &plain_start)?;
    let plain = Whole { event, recurrence: repetition.recurrence };
    let mut exact = kept::recall(row, plain.clone());
    let anchor = Anchor { plain: plain_start, exact: exact.event.start.clone() };
    let floats = matches!(anchor.exact, When::Floating(_)) && anchor.plain != anchor.exact;
    if floats && exact.recurrence == plain.recurrence {
        exact.recurrence = recurrence::floating(exact.recurrence, &anchor.zone(), &anchor.exact);
    }
    let cancelled = repetition.cancelled.iter();
    let cancelled = cancelled.map(|key| ical::in_kind_of(key, &anchor.exact)).collect();
    let extras = plain.recurrence.extras.iter();
    let extras = extras.map(|extra| ical::in_kind_of(&extra.start, &anchor.exact)).collect();
    Ok(ReadRow { plain, exact, cancelled, extras, anchor })
}

/// Google keeps some things as events that are none of a calendar's.
// quirk: google-65
fn check_kind(row: &api::Event) -> Result<(), Unread> {
    match row.event_type.as_deref() {
        None | Some("default" | "fromGmail") => Ok(()),
        Some("birthday") => Err(Unread("it is a birthday of Google's contacts")),
        Some("workingLocation") => Err(Unread("it is a working location")),
        Some("focusTime") => Err(Unread("it is a focus time")),
        Some("outOfOffice") => Err(Unread("it is an out-of-office time")),
        Some(_) => Err(Unread("it is of a kind that only Google has")),
    }
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
    let first = rows.all().next().ok_or(Unread("there is nothing of it"))?;
    let mut series = Series {
        uid: ident::uid(first),
        master: None,
        recurrence: Recurrence::default(),
        exceptions: BTreeMap::new(),
        modified: rows.all().filter_map(Row::updated).max(),
        extent: Extent::ALWAYS,
        declined: false,
    };
    match &rows.master {
        Some(master) => {
            series.declined = master.is_declined();
            let read = read_row(master)?;
            series.recurrence = read.exact.recurrence;
            series.master = Some(read.exact.event);
            if master.repeats() {
                for key in read.cancelled {
                    series.exceptions.insert(key, Exception::Cancelled);
                }
                add_exceptions(&mut series, rows, &read.anchor)?;
            }
        }
        None => add_orphans(&mut series, rows)?,
    }
    series.extent = ical::extent(&series);
    Ok(series)
}

fn add_exceptions(series: &mut Series, rows: &Rows, anchor: &Anchor) -> Result<(), Unread> {
    let Some(master) = series.master.clone() else { return Ok(()) };
    // quirk: google-71
    for row in rows.exceptions.values().filter(|row| anchor.is_left_over(row)) {
        let Some(key) = anchor.key_across(row) else { continue };
        let event = read_instance(row, &master, &anchor.zone_name())?;
        series.exceptions.insert(key, Exception::Override(Box::new(event)));
    }
    for row in rows.exceptions.values() {
        let Some(key) = row.original().and_then(|original| anchor.key(original)) else { continue };
        if row.is_cancelled() {
            series.exceptions.insert(key, Exception::Cancelled);
            continue;
        }
        let event = read_instance(row, &master, &anchor.zone_name())?;
        if event == ical::implied(&master, &key) {
            // Somebody put back what the master had taken away, or changed nothing.
            series.exceptions.remove(&key);
        } else {
            series.exceptions.insert(key, Exception::Override(Box::new(event)));
        }
    }
    let cancelled: Vec<When> = series
        .exceptions
        .iter()
        .filter(|(_, exception)| **exception == Exception::Cancelled)
        .map(|(key, _)| key.clone())
        .collect();
    if !cancelled.is_empty() {
        let made = ical::made(series, cancelled.iter());
        for key in cancelled.iter().filter(|key| !made.contains(*key)) {
            series.exceptions.remove(key);
        }
    }
    Ok(())
}

/// An exception beside its master: who may see it is the series' affair. Beside one that floats,
/// what stands in the zone in which that one stands at Google floats too.
// quirk: google-67
pub(crate) fn read_instance(row: &Row, master: &Event, floating: &str) -> Result<Event, Unread> {
    let mut event = read_row(row)?.exact.event;
    event.class = master.class;
    if matches!(master.start, When::Floating(_)) {
        for when in [&mut event.start, &mut event.end] {
            if matches!(when.zone(), Some(model::Zone::Iana(name)) if name == floating) {
                *when = When::Floating(when.wall());
            }
        }
    }
    Ok(event)
}

/// Whether two states of a row mean the same. In which zone Google shows the times of one
/// occurrence is its own affair.
pub(crate) fn is_as(one: &Row, other: &Row) -> bool {
    if one.is_cancelled() || other.is_cancelled() {
        return one.is_cancelled() && other.is_cancelled();
    }
    let (Ok(one_read), Ok(mut other_read)) = (read_row(one), read_row(other)) else { return false };
    let at = |when: &When| (when.is_date(), ical::instant(when, &TimeZone::UTC));
    let (event, same) = (&one_read.exact.event, &mut other_read.exact.event);
    let meets = at(&event.start) == at(&same.start) && at(&event.end) == at(&same.end);
    if one.master_id().is_some() && meets {
        same.take(event, Field::Times);
    }
    kept::is_as(&one_read.exact, &other_read.exact) && one_read.cancelled == other_read.cancelled
}

/// Exceptions whose master nobody has shown us: somebody is invited to these alone.
// quirk: google-4
fn add_orphans(series: &mut Series, rows: &Rows) -> Result<(), Unread> {
    for row in rows.exceptions.values() {
        let Some(original) = row.original() else { continue };
        if row.is_cancelled() {
            let key = match original {
                Original::Day(date) => When::Date(date),
                Original::At(at) => When::Utc(TimeZone::UTC.to_datetime(at)),
            };
            series.exceptions.insert(key, Exception::Cancelled);
            continue;
        }
        let event = read_row(row)?.exact.event;
        let key = match original {
            Original::Day(date) => When::Date(date),
            Original::At(at) => {
                let stated = row.typed().and_then(|typed| typed.original_start_time);
                let zone = stated.and_then(|stated| stated.time_zone);
                fields::times::placed(at, zone.as_deref())
            }
        };
        series.exceptions.insert(key, Exception::Override(Box::new(event)));
    }
    if series.exceptions.is_empty() {
        return Err(Unread("there is nothing of it"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::{date, datetime};
    use serde_json::{Value, json};

    /// The list page of the reference's section 6.3: constructed, shapes from fixtures.
    const PAGE: &str = include_str!("../tests/wire/list_page.json");

    fn rows(id: &str) -> Rows {
        let page: Value = serde_json::from_str(PAGE).unwrap();
        let items = page["items"].as_array().unwrap().iter().cloned();
        Rows::of(&id.into(), items.map(|item| Row::new(item).unwrap()))
    }

    fn berlin(month: i8, day: i8, hour: i8) -> When {
        let zone = model::Zone::Iana("Europe/Berlin".to_owned());
        When::Zoned { local: datetime(2026, month, day, hour, 0, 0, 0), zone }
    }

    // quirk: google-4, google-5, google-7
    #[test]
    fn a_series_is_put_together_from_rows_in_any_order() {
        let rows = rows("s0me1dmaster");
        assert_eq!(rows.exceptions.len(), 3);
        let series = read(&rows).unwrap();
        assert_eq!(series.uid.as_str(), "s0me1dmaster@google.com");
        let kinds: Vec<_> = series
            .exceptions
            .iter()
            .map(|(key, one)| (key.clone(), *one == Exception::Cancelled))
            .collect();
        let want = [
            (berlin(3, 23, 9), true),
            (berlin(3, 30, 9), false),
            (berlin(4, 6, 9), true),
            (berlin(4, 13, 9), true),
        ];
        assert_eq!(kinds, want);
        let Some(Exception::Override(moved)) = series.exceptions.get(&berlin(3, 30, 9)) else {
            panic!("the moved one is missing");
        };
        assert_eq!(moved.start, berlin(3, 30, 11));
        assert_eq!(series.modified, Some("2026-03-09T10:01:00Z".parse().unwrap()));
    }

    // quirk: google-33
    #[test]
    fn a_single_event_of_days() {
        let series = read(&rows("allday00001")).unwrap();
        let master = series.master.unwrap();
        assert_eq!(master.end, When::Date(date(2026, 3, 23)));
        assert_eq!(master.transparency, model::Transparency::Transparent);
    }

    // quirk: google-42
    #[test]
    fn an_exception_that_says_what_the_master_says_is_none() {
        let mut rows = rows("s0me1dmaster");
        let back = json!({"id": "s0me1dmaster_20260330T070000Z", "status": "confirmed",
            "recurringEventId": "s0me1dmaster", "summary": "Weekly",
            "updated": "2026-03-10T10:01:00.000Z",
            "originalStartTime": {"dateTime": "2026-03-30T07:00:00Z"},
            "start": {"dateTime": "2026-03-30T09:00:00+02:00", "timeZone": "Europe/Berlin"},
            "end": {"dateTime": "2026-03-30T09:30:00+02:00", "timeZone": "Europe/Berlin"}});
        rows.put(Row::new(back).unwrap());
        assert!(!read(&rows).unwrap().exceptions.contains_key(&berlin(3, 30, 9)));
    }

    // quirk: google-4
    #[test]
    fn exceptions_without_their_master_stand_for_themselves() {
        let mut rows = rows("s0me1dmaster");
        rows.master = None;
        let series = read(&rows).unwrap();
        assert!(series.master.is_none());
        assert!(matches!(series.exceptions[&berlin(3, 30, 9)], Exception::Override(_)));
    }

    // quirk: google-65
    #[test]
    fn what_is_no_event_is_said_to_be_none() {
        for kind in ["birthday", "workingLocation", "focusTime", "outOfOffice", "new"] {
            let row = json!({"id": "a", "eventType": kind, "start": {"date": "2026-01-01"}});
            let rows = Rows::of(&"a".into(), [Row::new(row).unwrap()]);
            let unreadable = resource(&"a".into(), &rows).unwrap_err();
            assert!(unreadable.reason.starts_with("it is "), "{}", unreadable.reason);
        }
    }

    #[test]
    fn one_odd_row_is_one_problem() {
        let row = json!({"id": "a", "sequence": 99_999_999_999_i64,
            "start": {"date": "2026-01-01"}, "end": {"date": "2026-01-02"}});
        let rows = Rows::of(&"a".into(), [Row::new(row).unwrap()]);
        assert!(resource(&"a".into(), &rows).is_err());
    }
}
