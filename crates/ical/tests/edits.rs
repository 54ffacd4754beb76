//! Edits as a person would see them: the text before, what changes, the text after.

use ical::{EditError, edit, read};
use jiff::civil::datetime;
use model::{Event, Exception, Series, Timestamp, When, Zone};

fn stamp() -> Timestamp {
    "2026-07-04T12:00:00Z".parse().expect("an instant")
}

/// A weekly meeting with what calendars put around it.
const MEETING: &str = "BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Apple Inc.//iOS 18.1//EN
BEGIN:VEVENT
DTSTAMP:20260101T000000Z
RECURRENCE-ID:20260608T080000Z
UID:m
SEQUENCE:3
X-OVERRIDE:kept
SUMMARY:Moved
DTSTART:20260608T100000Z
DTEND:20260608T110000Z
END:VEVENT
BEGIN:VEVENT
DTSTAMP:20260101T000000Z
UID:m
SUMMARY:Meeting
ORGANIZER;CN=Kim:mailto:kim@example.org
ATTENDEE;PARTSTAT=ACCEPTED:mailto:sam@example.org
X-UNKNOWN;A=\"b:c\":d
DTSTART:20260601T080000Z
DURATION:PT1H
RRULE:FREQ=WEEKLY;X-OWN=1
EXDATE:20260615T080000Z,20260622T080000Z
EXDATE:20260629T080000Z
LOCATION:Room 1
X-APPLE-STRUCTURED-LOCATION;VALUE=URI:geo:1,2
BEGIN:VALARM
ACTION:NONE
TRIGGER;VALUE=DATE-TIME:19760401T005545Z
END:VALARM
END:VEVENT
END:VCALENDAR
";

fn utc(month: i8, day: i8, hour: i8) -> When {
    When::Utc(datetime(2026, month, day, hour, 0, 0, 0))
}

fn master(series: &mut Series) -> &mut Event {
    series.master.as_mut().expect("a master")
}

/// What lines an edit takes away and what lines it brings, each list sorted.
fn difference(change: impl FnOnce(&mut Series)) -> (Vec<String>, Vec<String>) {
    let current = read(MEETING.as_bytes()).expect("readable");
    let mut target = current.clone();
    change(&mut target);
    let after = edit(MEETING.as_bytes(), &current, &target, stamp()).expect("editable");
    let again = read(&after).expect("readable");
    let after = String::from_utf8(after).expect("text");
    assert!(again.same_content(&target), "{after}");
    let lines = |text: &str| -> Vec<String> { text.lines().map(str::to_owned).collect() };
    let (mut gone, mut new) = (lines(MEETING), lines(&after));
    for line in lines(MEETING) {
        if let Some(at) = new.iter().position(|other| *other == line) {
            new.remove(at);
            let at = gone.iter().position(|other| *other == line).expect("it is from there");
            gone.remove(at);
        }
    }
    gone.sort();
    new.sort();
    (gone, new)
}

fn touched(sequence: &str) -> Vec<String> {
    vec![
        "DTSTAMP:20260704T120000Z".to_owned(),
        "LAST-MODIFIED:20260704T120000Z".to_owned(),
        format!("SEQUENCE:{sequence}"),
    ]
}

#[test]
fn a_title_is_one_line_and_the_stamps_of_its_component() {
    let (gone, new) = difference(|series| master(series).title = Some("Other".into()));
    assert_eq!(gone, ["DTSTAMP:20260101T000000Z", "SUMMARY:Meeting"]);
    let mut want = touched("1");
    want.push("SUMMARY:Other".to_owned());
    assert_eq!(new, want);
}

#[test]
fn a_line_in_a_group_is_kept_until_its_property_changes() {
    let grouped = MEETING.replace("SUMMARY:Meeting", "x.SUMMARY:Meeting");
    let current = read(grouped.as_bytes()).expect("readable");
    assert!(current.same_content(&read(MEETING.as_bytes()).expect("readable")));
    let edited = |change: &dyn Fn(&mut Event)| {
        let mut target = current.clone();
        change(master(&mut target));
        let after = edit(grouped.as_bytes(), &current, &target, stamp()).expect("editable");
        assert!(read(&after).expect("readable").same_content(&target));
        String::from_utf8(after).expect("text")
    };
    let moved = edited(&|event| event.location = Some("Room 3".into()));
    assert!(moved.contains("x.SUMMARY:Meeting"), "{moved}");
    let renamed = edited(&|event| event.title = Some("Other".into()));
    assert!(renamed.contains("SUMMARY:Other") && !renamed.contains("Meeting"), "{renamed}");
}

#[test]
fn an_override_is_edited_alone() {
    let (gone, new) = difference(|series| {
        let Some(Exception::Override(event)) = series.exceptions.get_mut(&utc(6, 8, 8)) else {
            panic!("an override")
        };
        event.location = Some("Room 2".into());
    });
    assert_eq!(gone, ["DTSTAMP:20260101T000000Z", "SEQUENCE:3"]);
    let mut want = touched("4");
    want.insert(2, "LOCATION:Room 2".to_owned());
    want.sort();
    assert_eq!(new, want);
}

#[test]
fn a_place_takes_apples_map_along() {
    let (gone, _) = difference(|series| master(series).location = Some("Room 3".into()));
    assert!(gone.contains(&"X-APPLE-STRUCTURED-LOCATION;VALUE=URI:geo:1,2".to_owned()));
}

#[test]
fn a_cancelled_occurrence_is_one_exdate() {
    let (gone, new) = difference(|series| {
        series.exceptions.insert(utc(7, 6, 8), Exception::Cancelled);
    });
    assert_eq!(gone, ["DTSTAMP:20260101T000000Z"]);
    assert!(new.contains(&"EXDATE:20260706T080000Z".to_owned()));
}

#[test]
fn a_restored_occurrence_leaves_the_other_values_of_its_line() {
    let (gone, new) = difference(|series| {
        series.exceptions.remove(&utc(6, 15, 8));
        series.exceptions.remove(&utc(6, 29, 8));
    });
    assert!(gone.contains(&"EXDATE:20260615T080000Z,20260622T080000Z".to_owned()));
    assert!(gone.contains(&"EXDATE:20260629T080000Z".to_owned()));
    assert!(new.contains(&"EXDATE:20260622T080000Z".to_owned()));
}

#[test]
fn a_new_override_is_the_master_with_what_differs() {
    let (gone, new) = difference(|series| {
        let mut event = series.master.clone().expect("a master");
        (event.start, event.end) = (utc(7, 7, 8), utc(7, 7, 9));
        series.exceptions.insert(utc(7, 6, 8), Exception::Override(Box::new(event)));
    });
    assert_eq!(gone, Vec::<String>::new(), "the master is not touched");
    for line in [
        "RECURRENCE-ID:20260706T080000Z",
        "DTSTART:20260707T080000Z",
        "DTEND:20260707T090000Z",
        "ATTENDEE;PARTSTAT=ACCEPTED:mailto:sam@example.org",
        "X-UNKNOWN;A=\"b:c\":d",
    ] {
        assert!(new.contains(&line.to_owned()), "{line}: {new:#?}");
    }
    assert!(!new.iter().any(|line| line.starts_with("RRULE") || line.starts_with("EXDATE")));
}

#[test]
fn an_override_becomes_an_exdate_or_goes() {
    let (gone, new) = difference(|series| {
        series.exceptions.insert(utc(6, 8, 8), Exception::Cancelled);
    });
    assert!(gone.contains(&"X-OVERRIDE:kept".to_owned()));
    assert!(new.contains(&"EXDATE:20260608T080000Z".to_owned()));
    let (gone, new) = difference(|series| {
        series.exceptions.remove(&utc(6, 8, 8));
    });
    assert!(gone.contains(&"X-OVERRIDE:kept".to_owned()));
    assert_eq!(new, Vec::<String>::new());
}

#[test]
fn a_moved_series_takes_its_overrides_along_and_gets_its_zone() {
    let zone = Zone::Iana("Europe/Berlin".to_owned());
    let at = |when: &When| {
        let wall = when.wall().checked_add(jiff::SignedDuration::from_hours(1)).expect("in range");
        When::Zoned { local: wall, zone: zone.clone() }
    };
    let (gone, new) = difference(|series| {
        let event = master(series);
        (event.start, event.end) = (at(&event.start), at(&event.end));
        let old = std::mem::take(&mut series.exceptions);
        series.exceptions = old.into_iter().map(|(key, value)| (at(&key), value)).collect();
    });
    assert!(!gone.contains(&"X-OVERRIDE:kept".to_owned()), "the same component");
    assert!(!gone.contains(&"X-UNKNOWN;A=\"b:c\":d".to_owned()));
    for line in [
        "RECURRENCE-ID;TZID=Europe/Berlin:20260608T090000",
        "DTSTART;TZID=Europe/Berlin:20260601T090000",
        "DTEND;TZID=Europe/Berlin:20260601T100000",
        "EXDATE;TZID=Europe/Berlin:20260615T090000",
        "TZID:Europe/Berlin",
    ] {
        assert!(new.contains(&line.to_owned()), "{line}: {new:#?}");
    }
    assert!(gone.contains(&"DURATION:PT1H".to_owned()));
}

#[test]
fn what_can_not_be_edited_says_so() {
    let current = read(MEETING.as_bytes()).expect("readable");
    let mut none = current.clone();
    none.master = None;
    none.exceptions.clear();
    assert_eq!(edit(MEETING.as_bytes(), &current, &none, stamp()), Err(EditError::Empty));
    let broken = edit(b"BEGIN:VCALENDAR", &current, &current, stamp());
    assert!(matches!(broken, Err(EditError::Broken(_))));
}

#[test]
fn doubles_of_an_override_move_along_with_it() {
    let text = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:u\r\n\
        DTSTART:20260601T100000Z\r\nDTEND:20260601T110000Z\r\nRRULE:FREQ=DAILY;COUNT=3\r\n\
        END:VEVENT\r\nBEGIN:VEVENT\r\nUID:u\r\nRECURRENCE-ID:20260602T100000Z\r\n\
        DTSTART:20260602T120000Z\r\nDTEND:20260602T130000Z\r\nSUMMARY:first\r\nEND:VEVENT\r\n\
        BEGIN:VEVENT\r\nUID:u\r\nRECURRENCE-ID:20260602T100000Z\r\n\
        DTSTART:20260602T140000Z\r\nDTEND:20260602T150000Z\r\nSUMMARY:second\r\nEND:VEVENT\r\n\
        END:VCALENDAR\r\n";
    let current = ical::read(text.as_bytes()).unwrap();
    let mut target = current.clone();
    let master = master(&mut target);
    (master.start, master.end) = (utc(6, 1, 9), utc(6, 1, 10));
    let kept = std::mem::take(&mut target.exceptions).into_values().next().unwrap();
    target.exceptions.insert(utc(6, 2, 9), kept);
    let edited = ical::edit(text.as_bytes(), &current, &target, stamp()).unwrap();
    assert!(ical::read(&edited).unwrap().same_content(&target));
}

#[test]
fn what_is_a_guests_own_is_no_revision_of_the_meeting() {
    let stamps = ["DTSTAMP:20260101T000000Z", "DTSTAMP:20260704T120000Z", "LAST-MODIFIED"];
    let own = difference(|series| master(series).transparency = model::Transparency::Transparent);
    let rest = |lines: Vec<String>| -> Vec<String> {
        let is_stamp = |line: &String| stamps.iter().any(|stamp| line.starts_with(stamp));
        lines.into_iter().filter(|line| !is_stamp(line)).collect()
    };
    assert_eq!((rest(own.0), rest(own.1)), (vec![], vec!["TRANSP:TRANSPARENT".to_owned()]));
    let shared = difference(|series| {
        master(series).transparency = model::Transparency::Transparent;
        master(series).title = Some("Another".into());
    });
    assert!(shared.1.contains(&"SEQUENCE:1".to_owned()), "{shared:?}");
}
