//! What real calendars hold that no standard allows, and how it reads. Sources: the quirk notes on
//! iCloud in docs/providers, and the clients named beside each sample.

use ical::{Window, occurrences, read};
use jiff::tz::TimeZone;
use model::{Exception, Series, When, Zone};

fn calendar(inner: &str) -> String {
    format!("BEGIN:VCALENDAR\nVERSION:2.0\n{inner}END:VCALENDAR\n")
}

fn event(lines: &str) -> String {
    format!("BEGIN:VEVENT\nUID:1\nDTSTAMP:20260101T000000Z\n{lines}\nEND:VEVENT\n")
}

fn series(inner: &str) -> Series {
    let text = calendar(inner);
    read(text.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn starts(series: &Series) -> Vec<String> {
    let all = occurrences(series, Window::ALL, &TimeZone::UTC).take(12);
    all.map(|found| found.from.to_string()).collect()
}

#[test]
fn an_override_may_stand_before_its_master_and_name_its_start_in_utc() {
    let inner = event("SUMMARY:moved\nRECURRENCE-ID:20261005T073000Z\nDTSTART:20261005T083000Z")
        + &event(
            "DTSTART;TZID=Europe/Berlin:20260928T093000\nRRULE:FREQ=WEEKLY;COUNT=3\n\
             EXDATE;VALUE=DATE:20261012",
        );
    let series = series(&inner);
    assert_eq!(starts(&series), ["2026-09-28T07:30:00Z", "2026-10-05T08:30:00Z"]);
    assert_eq!(series.exceptions.len(), 2);
    assert!(series.exceptions.keys().all(|key| key.zone().is_some()), "in the master's zone");
}

#[test]
fn a_rule_inside_an_override_is_dropped() {
    let inner = event("DTSTART:20260601T080000Z\nRRULE:FREQ=DAILY;COUNT=2")
        + &event(
            "RECURRENCE-ID:20260602T080000Z\nDTSTART:20260602T090000Z\nRRULE:FREQ=DAILY\n\
             RDATE:20260801T080000Z",
        );
    assert_eq!(starts(&series(&inner)), ["2026-06-01T08:00:00Z", "2026-06-02T09:00:00Z"]);
}

#[test]
fn zones_of_many_makers_are_understood() {
    for tzid in [
        "W. Europe Standard Time",
        "/freeassociation.sourceforge.net/Europe/Berlin",
        "\"(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna\"",
    ] {
        let lines = format!("DTSTART;TZID={tzid}:20261102T140000");
        assert_eq!(starts(&series(&event(&lines))), ["2026-11-02T13:00:00Z"], "{tzid}");
    }
}

/// The full history that Apple's server sends: seconds in offsets, onsets since 1883, behind the
/// event that uses it, and a stray TZID property in the event.
#[test]
fn a_historical_definition_behind_its_event_is_found() {
    let zone = "BEGIN:VTIMEZONE\nTZID:Some Office\nBEGIN:STANDARD\nDTSTART:18831118T120702\n\
        RDATE:18831118T120702\nTZNAME:PST\nTZOFFSETFROM:-075258\nTZOFFSETTO:-0800\nEND:STANDARD\n\
        BEGIN:DAYLIGHT\nDTSTART:20070311T020000\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=2SU\n\
        TZNAME:PDT\nTZOFFSETFROM:-0800\nTZOFFSETTO:-0700\nEND:DAYLIGHT\nBEGIN:STANDARD\n\
        DTSTART:20071104T020000\nRRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=1SU\nTZNAME:PST\n\
        TZOFFSETFROM:-0700\nTZOFFSETTO:-0800\nEND:STANDARD\nEND:VTIMEZONE\n";
    let inner = event("TZID:US/Pacific\nDTSTART;TZID=Some Office:20260701T090000\nLOCATION:");
    let series = series(&(inner + zone));
    assert_eq!(starts(&series), ["2026-07-01T16:00:00Z"]);
    let start = &series.master.as_ref().expect("a master").start;
    assert_eq!(start.zone(), Some(&Zone::Iana("America/Los_Angeles".to_owned())));
}

/// Outlook states a new rule without ending the old one.
#[test]
fn a_later_rule_of_a_definition_takes_over() {
    let part = |kind: &str, start: &str, from: &str, to: &str, rule: &str| {
        format!(
            "BEGIN:{kind}\nDTSTART:{start}T020000\nTZOFFSETFROM:{from}\nTZOFFSETTO:{to}\n\
             RRULE:FREQ=YEARLY;{rule}\nEND:{kind}\n"
        )
    };
    let zone = format!(
        "BEGIN:VTIMEZONE\nTZID:Customized Time Zone 1\n{}{}{}{}END:VTIMEZONE\n",
        part("STANDARD", "16711029", "-0400", "-0500", "BYDAY=-1SU;BYMONTH=10"),
        part("DAYLIGHT", "16710404", "-0500", "-0400", "BYDAY=1SU;BYMONTH=4"),
        part("STANDARD", "20071104", "-0400", "-0500", "BYDAY=1SU;BYMONTH=11"),
        part("DAYLIGHT", "20070311", "-0500", "-0400", "BYDAY=2SU;BYMONTH=3"),
    );
    let series = series(&(zone + &event("DTSTART;TZID=Customized Time Zone 1:20260601T090000")));
    let start = &series.master.as_ref().expect("a master").start;
    assert_eq!(start.zone(), Some(&Zone::Iana("America/New_York".to_owned())));
}

#[test]
fn a_zone_of_nobody_is_computed_with_its_own_rules() {
    let zone = "BEGIN:VTIMEZONE\nTZID:Nowhere/Middle\nBEGIN:STANDARD\nDTSTART:16010101T000000\n\
        TZOFFSETFROM:-0741\nTZOFFSETTO:-0741\nEND:STANDARD\nEND:VTIMEZONE\n";
    let series = series(&(zone.to_owned() + &event("DTSTART;TZID=Nowhere/Middle:20260601T090000")));
    assert_eq!(starts(&series), ["2026-06-01T16:41:00Z"]);
    let text = ical::create(&series, "2026-01-01T00:00:00Z".parse().expect("an instant"));
    assert!(read(&text).expect("readable").same_content(&series));
}

#[test]
fn of_two_versions_of_an_override_the_higher_sequence_counts() {
    let version = |sequence: u8, hour: u8| {
        event(&format!(
            "SEQUENCE:{sequence}\nRECURRENCE-ID:20260602T080000Z\nDTSTART:20260602T{hour:02}0000Z"
        ))
    };
    let master = event("DTSTART:20260601T080000Z\nRRULE:FREQ=DAILY;COUNT=2");
    for inner in
        [version(2, 12) + &master + &version(1, 11), version(1, 11) + &master + &version(2, 12)]
    {
        assert_eq!(starts(&series(&inner))[1], "2026-06-02T12:00:00Z");
    }
}

#[test]
fn a_cancelled_override_is_a_cancelled_occurrence() {
    let master = event("DTSTART:20260601T080000Z\nRRULE:FREQ=DAILY;COUNT=2");
    let gone = "RECURRENCE-ID:20260602T080000Z\nDTSTART:20260602T080000Z\nSTATUS:CANCELLED";
    let by_event = series(&(master.clone() + &event(gone)));
    let by_exdate = series(&event(
        "DTSTART:20260601T080000Z\nRRULE:FREQ=DAILY;COUNT=2\nEXDATE:20260602T080000Z",
    ));
    assert!(by_event.same_content(&by_exdate));
    assert!(by_event.exceptions.values().all(|exception| *exception == Exception::Cancelled));
}

#[test]
fn doubled_lines_count_once() {
    let lines = "DTSTART:20260601T080000Z\nDTSTART:20260602T080000Z\nRRULE:FREQ=DAILY;COUNT=2\n\
        RRULE:FREQ=DAILY;COUNT=2\nSUMMARY:a\nDTSTAMP:20260102T000000Z";
    assert_eq!(starts(&series(&event(lines))).len(), 2);
}

#[test]
fn floating_times_and_dates_keep_their_kind() {
    let kind = |lines: &str| series(&event(lines)).master.expect("a master").start;
    assert!(matches!(kind("DTSTART:20260130T100000"), When::Floating(_)));
    assert!(matches!(kind("DTSTART;VALUE=DATE:20260130"), When::Date(_)));
    assert!(matches!(kind("DTSTART;TZID=UTC:20260130T100000"), When::Utc(_)));
}

#[test]
fn a_night_shift_lasts_as_long_on_the_night_the_clocks_change() {
    let lines = "DTSTART;TZID=Europe/Berlin:20260327T220000\n\
        DTEND;TZID=Europe/Berlin:20260328T060000\nRRULE:FREQ=DAILY;COUNT=2";
    let series = series(&event(lines));
    let ends: Vec<_> = occurrences(&series, Window::ALL, &TimeZone::UTC)
        .map(|found| found.end.wall().to_string())
        .collect();
    assert_eq!(ends, ["2026-03-28T06:00:00", "2026-03-29T07:00:00"]);
}

#[test]
fn an_hourly_rule_gives_no_instant_twice() {
    let lines = "DTSTART;TZID=Europe/Berlin:20260329T003000\nRRULE:FREQ=HOURLY;COUNT=5";
    let want = ["2026-03-28T23:30:00Z", "2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z"];
    assert_eq!(starts(&series(&event(lines)))[..3], want);
    assert_eq!(starts(&series(&event(lines)))[3], "2026-03-29T02:30:00Z");
}

#[test]
fn a_window_takes_what_reaches_into_it() {
    let series = series(&event("DTSTART:19700101T230000Z\nDURATION:PT2H\nRRULE:FREQ=DAILY"));
    let window = Window {
        from: "2026-06-01T00:30:00Z".parse().expect("an instant"),
        until: "2026-06-02T23:00:00Z".parse().expect("an instant"),
    };
    let mut found = occurrences(&series, window, &TimeZone::UTC);
    let starts: Vec<_> = found.by_ref().map(|found| found.from.to_string()).collect();
    assert_eq!(starts, ["2026-05-31T23:00:00Z", "2026-06-01T23:00:00Z"]);
    assert!(!found.is_cut());
}
