//! From a resource's text to a series.
//!
//! One resource holds one UID: a master, overrides, or both. Reading is lenient where calendars in
//! the wild are known to be odd, and says why where a guess could show a wrong time or lose an
//! occurrence; a text that can't be read is a problem of that one series, never a panic.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use model::{Exception, Extent, Recurrence, Series, Uid, When};

use crate::fields::{self, recurrence, times};
use crate::recur::extent;
use crate::tree::{Component, Document, Property};
use crate::unreadable::{Reason, Unreadable};
use crate::value::{self, Stamp};
use crate::zone::{Zones, in_kind_of};

/// Reads a resource.
pub fn read(bytes: &[u8]) -> Result<Series, Unreadable> {
    let document = Document::parse(bytes)
        .map_err(|error| Unreadable { uid: None, reason: Reason::Broken(error) })?;
    let events: Vec<_> = events(&document).collect();
    let uid = events.iter().find_map(|event| uid(event));
    series(&document, &events).map_err(|reason| Unreadable { uid, reason })
}

/// The VEVENTs of a text.
pub(crate) fn events<'d, 'a>(
    document: &'d Document<'a>,
) -> impl Iterator<Item = &'d Component<'a>> {
    let calendars = document.components().filter(|top| top.name() == "VCALENDAR");
    calendars.flat_map(Component::components).filter(|part| part.name() == "VEVENT")
}

/// The zones that a text defines, wherever they stand.
pub(crate) fn zones<'d>(document: &'d Document<'_>) -> Zones<'d> {
    let calendars = document.components().filter(|top| top.name() == "VCALENDAR");
    let parts = calendars.flat_map(Component::components);
    Zones::new(parts.filter(|part| part.name() == "VTIMEZONE"))
}

/// The UID as it is compared: without control characters and the escapes of TEXT, but for the
/// escape of a line break, which an identifier must never get.
pub(crate) fn uid(event: &Component<'_>) -> Option<Uid> {
    let value = event.property("UID")?.value;
    let mut out = String::with_capacity(value.len());
    let mut chars = value.trim().chars().filter(|c| !c.is_ascii_control()).peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some(next @ ('\\' | ',' | ';'))) => {
                out.push(*next);
                chars.next();
            }
            _ => out.push(c),
        }
    }
    (!out.is_empty()).then(|| Uid::new(out))
}

fn series(document: &Document<'_>, events: &[&Component<'_>]) -> Result<Series, Reason> {
    let zones = zones(document);
    let uid = the_uid(events)?;
    let mut masters = events.iter().filter(|event| event.first("RECURRENCE-ID").is_none());
    let master = masters.next();
    if masters.next().is_some() {
        return Err(Reason::TwoMasters);
    }
    let mut series = Series {
        uid,
        master: None,
        recurrence: Recurrence::default(),
        exceptions: BTreeMap::new(),
        modified: events.iter().filter_map(|event| modified(event)).max(),
        extent: Extent::ALWAYS,
        declined: false,
    };
    if let Some(component) = master {
        let event = fields::read(component, &zones)?;
        series.recurrence = recurrence::read(component, &zones, &event.start)?;
        for (key, _) in cancelled(component, &zones, &event.start)? {
            series.exceptions.insert(key, Exception::Cancelled);
        }
        series.master = Some(event);
    }
    for (key, component) in overrides(events, &zones, series.master.as_ref().map(|m| &m.start))? {
        let event = fields::read(component, &zones)?;
        let exception = match event.status {
            model::Status::Cancelled => Exception::Cancelled,
            _ => Exception::Override(Box::new(event)),
        };
        // An override beside an EXDATE of the same start: somebody put the occurrence back.
        series.exceptions.insert(key, exception);
    }
    series.extent = extent(&series);
    Ok(series)
}

fn the_uid(events: &[&Component<'_>]) -> Result<Uid, Reason> {
    let mut uids = events.iter().map(|event| uid(event).ok_or(Reason::NoUid));
    let first = uids.next().ok_or(Reason::NoEvent)??;
    for other in uids {
        if other? != first {
            return Err(Reason::SeveralUids);
        }
    }
    Ok(first)
}

/// LAST-MODIFIED, else DTSTAMP.
fn modified(event: &Component<'_>) -> Option<Timestamp> {
    let stamp = ["LAST-MODIFIED", "DTSTAMP"]
        .iter()
        .find_map(|name| value::stamp(&event.property(name)?.value))?;
    TimeZone::UTC.to_timestamp(stamp.wall()).ok()
}

/// The EXDATEs of a master: their keys, each with its value as it stands there.
pub(crate) fn cancelled(
    master: &Component<'_>,
    zones: &Zones<'_>,
    start: &When,
) -> Result<Vec<(When, String)>, Reason> {
    let mut found = Vec::new();
    for property in master.all("EXDATE").filter_map(|line| line.property()) {
        for (key, text) in exdates(&property, zones, start)? {
            found.push((key, text));
        }
    }
    Ok(found)
}

/// The values of one EXDATE line.
pub(crate) fn exdates(
    property: &Property,
    zones: &Zones<'_>,
    start: &When,
) -> Result<Vec<(When, String)>, Reason> {
    let mut found = Vec::new();
    for text in property.value.split(',').filter(|text| !text.trim().is_empty()) {
        let stamp = times::stamp_of(text, property).ok_or(Reason::BadTime("EXDATE"))?;
        let key = key(stamp, property, zones, Some(start))?;
        found.push((key, text.to_owned()));
    }
    Ok(found)
}

/// The original start that a value names, in the kind and zone of the master's start.
fn key(
    stamp: Stamp,
    property: &Property,
    zones: &Zones<'_>,
    start: Option<&When>,
) -> Result<When, Reason> {
    let when = times::placed(stamp, property, zones)?;
    Ok(start.map_or(when.clone(), |start| in_kind_of(&when, start)))
}

/// The overrides by original start. Of several for one start the last edited counts.
pub(crate) fn overrides<'e, 'a>(
    events: &[&'e Component<'a>],
    zones: &Zones<'_>,
    start: Option<&When>,
) -> Result<BTreeMap<When, &'e Component<'a>>, Reason> {
    let mut found: BTreeMap<When, &'e Component<'a>> = BTreeMap::new();
    for event in events.iter().copied() {
        let Some(key) = recurrence_id(event, zones, start)? else { continue };
        match found.get(&key) {
            Some(other) if age(other) > age(event) => {}
            _ => {
                found.insert(key, event);
            }
        }
    }
    Ok(found)
}

/// The original start of an override; `None` for a master.
pub(crate) fn recurrence_id(
    event: &Component<'_>,
    zones: &Zones<'_>,
    start: Option<&When>,
) -> Result<Option<When>, Reason> {
    let Some(line) = event.first("RECURRENCE-ID") else { return Ok(None) };
    let property = line.property().ok_or(Reason::BadTime("RECURRENCE-ID"))?;
    if property.param_is("RANGE", "THISANDFUTURE") {
        return Err(Reason::ThisAndFuture);
    }
    let stamp = times::stamp_of(&property.value, &property);
    let stamp = stamp.ok_or(Reason::BadTime("RECURRENCE-ID"))?;
    key(stamp, &property, zones, start).map(Some)
}

/// What orders several versions of one override: SEQUENCE, then the time of change.
pub(crate) fn age(event: &Component<'_>) -> (u64, Option<Timestamp>) {
    let sequence = event.property("SEQUENCE").and_then(|p| p.value.trim().parse().ok());
    (sequence.unwrap_or(0), modified(event))
}
