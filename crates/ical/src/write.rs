//! From a series to a new resource's text.
//!
//! Built with the crate's own tree, not with the crate `icalendar`: that one gives alarms and time
//! zones a random UID and a DTSTAMP of now, sorts what it writes and escapes what must not be
//! escaped. It reads along in the tests instead.
//!
//! What is made bears a seal (`seal`). No METHOD (a stored resource has none, RFC 4791 section
//! 4.1), no ORGANIZER and no ATTENDEE, ever: a server that finds them sends invitations.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use model::{Event, Exception, Field, Recurrence, Series, Uid, When, Zone};

use crate::fields::{self, recurrence, times};
use crate::recur::extent;
use crate::tree::{Component, Document, LineEnding, NewLine};
use crate::value::wall_text;
use crate::zone::{time_zone, vtimezone};

/// Who wrote it (RFC 5545 section 3.7.3).
pub(crate) const PRODUCT: &str = "-//calpair//calpair//EN";

/// A new resource. `stamp` becomes DTSTAMP, CREATED and LAST-MODIFIED; equal arguments give equal
/// bytes.
pub fn create(series: &Series, stamp: Timestamp) -> Vec<u8> {
    let mut document = Document::calendar();
    let ending = document.ending();
    let calendar = document.components_mut().next().expect("a new document holds a calendar");
    calendar.add(NewLine::new("VERSION", "2.0"));
    calendar.add(NewLine::new("PRODID", PRODUCT));
    calendar.add(NewLine::new("CALSCALE", "GREGORIAN"));
    let from = extent(series).from;
    for zone in zones_of(series) {
        if let Some(definition) = definition(zone, from, ending) {
            calendar.push(definition);
        }
    }
    if let Some(master) = &series.master {
        calendar.push(new_master(series, master, stamp, ending));
    }
    for (original, exception) in &series.exceptions {
        match exception {
            Exception::Override(event) => {
                calendar.push(new_override(&series.uid, original, event, stamp, ending));
            }
            Exception::Cancelled if series.master.is_none() => {
                calendar.push(new_cancelled(&series.uid, original, stamp, ending));
            }
            Exception::Cancelled => {}
        }
    }
    document.to_bytes()
}

/// A master with its recurrence and its cancelled occurrences.
pub(crate) fn new_master(
    series: &Series,
    master: &Event,
    stamp: Timestamp,
    ending: LineEnding,
) -> Component<'static> {
    let mut component = new_event(&series.uid, stamp, ending);
    write_all(&mut component, master);
    recurrence::write(&mut component, &Recurrence::default(), &series.recurrence);
    let exceptions = series.exceptions.iter();
    let cancelled = exceptions.filter(|(_, exception)| **exception == Exception::Cancelled);
    component.add_all(cancelled.map(|(original, _)| times::line("EXDATE", original)));
    component
}

/// An override from scratch.
pub(crate) fn new_override(
    uid: &Uid,
    original: &When,
    event: &Event,
    stamp: Timestamp,
    ending: LineEnding,
) -> Component<'static> {
    let mut component = new_event(uid, stamp, ending);
    component.add(times::line("RECURRENCE-ID", original));
    write_all(&mut component, event);
    component
}

/// An occurrence that does not take place, where there is no master to say so.
pub(crate) fn new_cancelled(
    uid: &Uid,
    original: &When,
    stamp: Timestamp,
    ending: LineEnding,
) -> Component<'static> {
    let end = match original {
        When::Date(date) => When::Date(date.tomorrow().unwrap_or(*date)),
        other => other.clone(),
    };
    let mut event = Event::new(original.clone(), end);
    event.status = model::Status::Cancelled;
    new_override(uid, original, &event, stamp, ending)
}

fn new_event(uid: &Uid, stamp: Timestamp, ending: LineEnding) -> Component<'static> {
    let mut component = Component::new("VEVENT", ending);
    component.add(NewLine::new("UID", uid_text(uid)));
    let now = utc_text(stamp);
    for name in ["DTSTAMP", "CREATED", "LAST-MODIFIED"] {
        component.add(NewLine::new(name, now.clone()));
    }
    component.add(NewLine::new("SEQUENCE", "0"));
    component
}

fn write_all(component: &mut Component<'_>, event: &Event) {
    for field in Field::ALL {
        fields::write(field, component, None, event);
    }
}

/// A UID is TEXT: what `read` unescapes is escaped here.
fn uid_text(uid: &Uid) -> String {
    let mut out = String::with_capacity(uid.as_str().len());
    for c in uid.as_str().chars() {
        if matches!(c, '\\' | ',' | ';') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// An instant as a UTC DATE-TIME.
pub(crate) fn utc_text(stamp: Timestamp) -> String {
    format!("{}Z", wall_text(TimeZone::UTC.to_datetime(stamp)))
}

/// Every zone that a series speaks of.
pub(crate) fn zones_of(series: &Series) -> BTreeSet<&Zone> {
    let events = series.events().flat_map(|event| [&event.start, &event.end]);
    let extras = series.recurrence.extras.iter();
    let extras = extras.flat_map(|extra| std::iter::once(&extra.start).chain(&extra.end));
    events.chain(extras).chain(series.exceptions.keys()).filter_map(When::zone).collect()
}

/// The VTIMEZONE for a zone; `None` when the zone is not known here.
pub(crate) fn definition(
    zone: &Zone,
    from: Timestamp,
    ending: LineEnding,
) -> Option<Component<'static>> {
    Some(vtimezone(times::tzid(zone), &time_zone(zone)?, from, ending))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::datetime;

    fn stamp() -> Timestamp {
        "2026-01-01T00:00:00Z".parse().expect("an instant")
    }

    #[test]
    fn a_new_resource_has_everything_that_a_server_asks_for() {
        let zone = Zone::Iana("Asia/Tokyo".to_owned());
        let at =
            |hour| When::Zoned { local: datetime(2026, 6, 1, hour, 0, 0, 0), zone: zone.clone() };
        let mut event = Event::new(at(9), at(10));
        event.title = Some("Lunch, maybe".into());
        let series = Series::single(Uid::new("a;b"), event);
        let want = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//calpair//calpair//EN\r\n\
            CALSCALE:GREGORIAN\r\nBEGIN:VTIMEZONE\r\n\
            TZID:Asia/Tokyo\r\nBEGIN:STANDARD\r\n\
            DTSTART:19510909T010000\r\nTZOFFSETFROM:+1000\r\nTZOFFSETTO:+0900\r\nTZNAME:JST\r\n\
            END:STANDARD\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT\r\nUID:a\\;b\r\n\
            DTSTAMP:20260101T000000Z\r\nCREATED:20260101T000000Z\r\n\
            LAST-MODIFIED:20260101T000000Z\r\nSEQUENCE:0\r\n\
            DTSTART;TZID=Asia/Tokyo:20260601T090000\r\nDTEND;TZID=Asia/Tokyo:20260601T100000\r\n\
            SUMMARY:Lunch\\, maybe\r\nTRANSP:OPAQUE\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
        let bytes = create(&series, stamp());
        assert_eq!(String::from_utf8_lossy(&bytes), want);
        let again = crate::read(&bytes).expect("readable");
        assert!(again.same_content(&series) && again.uid == series.uid);
    }
}
