//! The crate `icalendar` reads what calpair writes: titles, texts and dates as meant.

use icalendar::{Calendar, CalendarComponent, CalendarDateTime, Component, DatePerhapsTime};
use jiff::civil::{date, datetime};
use model::{Event, Exception, Series, Uid, When, Zone};

fn berlin(day: i8, hour: i8) -> When {
    let zone = Zone::Iana("Europe/Berlin".to_owned());
    When::Zoned { local: datetime(2026, 6, day, hour, 0, 0, 0), zone }
}

fn text_of(when: &DatePerhapsTime) -> String {
    match when {
        DatePerhapsTime::Date(date) => date.to_string(),
        DatePerhapsTime::DateTime(CalendarDateTime::Utc(utc)) => {
            format!("{}Z", utc.naive_utc().format("%Y-%m-%dT%H:%M:%S"))
        }
        DatePerhapsTime::DateTime(CalendarDateTime::Floating(wall)) => {
            wall.format("%Y-%m-%dT%H:%M:%S").to_string()
        }
        DatePerhapsTime::DateTime(CalendarDateTime::WithTimezone { date_time, tzid }) => {
            format!("{}[{tzid}]", date_time.format("%Y-%m-%dT%H:%M:%S"))
        }
    }
}

#[test]
fn another_reader_finds_what_was_written() {
    let stamp = "2026-01-01T00:00:00Z".parse().expect("an instant");
    let utc = |hour| When::Utc(datetime(2026, 6, 1, hour, 0, 0, 0));
    let floating = |hour| When::Floating(datetime(2026, 6, 1, hour, 0, 0, 0));
    let day = |day| When::Date(date(2026, 6, day));
    let cases = [
        (
            berlin(1, 9),
            berlin(1, 10),
            "2026-06-01T09:00:00[Europe/Berlin]",
            "2026-06-01T10:00:00[Europe/Berlin]",
        ),
        (utc(9), utc(10), "2026-06-01T09:00:00Z", "2026-06-01T10:00:00Z"),
        (floating(9), floating(10), "2026-06-01T09:00:00", "2026-06-01T10:00:00"),
        (day(1), day(3), "2026-06-01", "2026-06-03"),
    ];
    for (start, end, want_start, want_end) in cases {
        let title =
            "Caf\u{e9}, bar; \"x\" \\ y\nand a rather long second line, so that it is folded";
        let mut event = Event::new(start.clone(), end);
        event.title = Some(title.into());
        event.description = Some("a\nb,c".into());
        let mut moved = event.clone();
        moved.title = Some("moved".into());
        let mut series = Series::single(Uid::new("uid-1"), event);
        series.exceptions.insert(start.clone(), Exception::Override(Box::new(moved)));
        let text = String::from_utf8(ical::create(&series, stamp)).expect("text");
        let calendar: Calendar = text.parse().expect("icalendar reads it");
        let events: Vec<_> = calendar
            .components
            .iter()
            .filter_map(|component| match component {
                CalendarComponent::Event(event) => Some(event),
                _ => None,
            })
            .collect();
        assert_eq!(events.len(), 2);
        assert_eq!(events[0].get_uid(), Some("uid-1"));
        assert_eq!(events[0].get_summary(), Some(title));
        assert_eq!(events[0].get_description(), Some("a\nb,c"));
        assert_eq!(events[0].get_start().as_ref().map(text_of).as_deref(), Some(want_start));
        assert_eq!(events[0].get_end().as_ref().map(text_of).as_deref(), Some(want_end));
        assert_eq!(events[1].get_summary(), Some("moved"));
        assert!(events[1].property_value("RECURRENCE-ID").is_some());
    }
}
