//! Users: what they type, cancel, move and split, and what checkers see of it.

use serde_json::{Value, json};

use super::{Bench, weekly, with};
use crate::Author;

fn text(lines: &[&str]) -> String {
    let lines = lines.join("\r\n");
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:one@home\r\n\
         DTSTAMP:20260101T000000Z\r\n{lines}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
}

const SERIES: &[&str] = &[
    "SUMMARY:Stand-up",
    "DTSTART;TZID=Europe/Berlin:20260302T090000",
    "DTEND;TZID=Europe/Berlin:20260302T093000",
    "RRULE:FREQ=WEEKLY;COUNT=10",
    "URL:https://life.example/one",
];

#[test]
fn what_a_user_types_is_what_checkers_read() {
    let bench = Bench::new();
    let user = bench.google.user(&bench.calendar);
    let cases: &[&[&str]] = &[
        SERIES,
        &["SUMMARY:Trip", "DTSTART;VALUE=DATE:20260302", "DTEND;VALUE=DATE:20260305"],
        &[
            "SUMMARY:Call; and\\, more",
            "DTSTART:20260302T090000Z",
            "DTEND:20260302T100000Z",
            "CLASS:PRIVATE",
            "TRANSP:TRANSPARENT",
            "STATUS:TENTATIVE",
            "LOCATION:Here",
            "DESCRIPTION:a\\nb",
            "BEGIN:VALARM",
            "ACTION:DISPLAY",
            "DESCRIPTION:x",
            "TRIGGER:-PT15M",
            "END:VALARM",
        ],
        &[
            "DTSTART;TZID=Europe/Berlin:20260302T090000",
            "DTEND;TZID=Europe/Berlin:20260302T093000",
            "RRULE:FREQ=MONTHLY;UNTIL=20270301T080000Z;BYDAY=1MO",
            "EXDATE;TZID=Europe/Berlin:20260406T090000",
            "RDATE;TZID=Europe/Berlin:20260310T090000",
        ],
    ];
    for lines in cases {
        let typed = text(lines);
        let mut wanted = ical::read(typed.as_bytes()).unwrap();
        assert!(user.put(&typed), "{lines:?}");
        let held = user.get("one@home").unwrap();
        let mut read = ical::read(&held.raw).unwrap();
        for series in [&mut wanted, &mut read] {
            let master = series.master.as_mut().unwrap();
            if master.status == model::Status::None {
                master.status = model::Status::Confirmed;
            }
        }
        let shown = String::from_utf8_lossy(&held.raw).into_owned();
        assert!(read.same_content(&wanted), "{shown}\n{read:?}\n{wanted:?}");
        assert!(!user.edit("one@home", str::to_owned), "{shown}");
        assert!(user.delete("one@home"));
        assert!(user.get("one@home").is_none());
        // quirk: google-20
        bench.google.user(&bench.calendar);
    }
}

#[test]
fn what_happens_when_is_what_was_typed() {
    let bench = Bench::new();
    let user = bench.google.user(&bench.calendar);
    let berlin = crate::google::times::zone_of("Europe/Berlin").unwrap();
    let occurrences = |raw: &[u8]| -> Vec<_> {
        let series = ical::read(raw).unwrap();
        let all = ical::occurrences(&series, ical::Window::ALL, &berlin).take(400);
        all.map(|one| (one.from, one.until, one.event.title.clone())).collect()
    };
    for text in crate::seed::lifelike(7, jiff::civil::date(2026, 3, 2), 80) {
        let uid = ical::read(text.as_bytes()).unwrap().uid;
        assert!(!user.create(&text).is_empty());
        let held = user.get(uid.as_str()).unwrap();
        let shown = String::from_utf8_lossy(&held.raw).into_owned();
        assert_eq!(occurrences(&held.raw), occurrences(text.as_bytes()), "{shown}\n{text}");
        assert!(!user.put(&shown), "{shown}");
    }
}

#[test]
fn occurrences_are_cancelled_moved_and_brought_back() {
    let bench = Bench::new();
    let user = bench.google.user(&bench.calendar);
    user.create(&text(SERIES));
    let master = user.get("one@home").unwrap().version;
    assert!(user.cancel_occurrence("one@home", "20260309T080000Z"));
    let at = |text: &str| text.parse().unwrap();
    let (original, start) = (at("2026-03-16T08:00:00Z"), at("2026-03-17T12:00:00Z"));
    assert!(user.move_occurrence("one@home", original, start));
    assert!(user.retitle_occurrence("one@home", "20260323T080000Z", "Later"));
    let held = user.get("one@home").unwrap();
    assert_eq!(held.version, master);
    let series = ical::read(&held.raw).unwrap();
    assert_eq!(series.exceptions.len(), 3);
    assert!(user.restore_occurrence("one@home", "20260309T080000Z"));
    let series = ical::read(&user.get("one@home").unwrap().raw).unwrap();
    assert_eq!(series.exceptions.len(), 2);
    assert_eq!(bench.list("").ids().len(), 4);
    assert!(user.edit("one@home", |text| text.replace("SUMMARY:Later", "SUMMARY:Early")));
    let one = bench.get(&format!("/{}_20260323T080000Z", held.id));
    assert_eq!(one.body["summary"], "Early");
    assert!(!user.cancel_occurrence("one@home", "20260310T080000Z"));
    let deeds = bench.world.deeds(&bench.calendar);
    assert!(deeds.iter().all(|deed| deed.author == Author::User && deed.uid == "one@home"));
    assert!(deeds.len() >= 6);
}

#[test]
fn a_split_copies_marks_and_forgets_what_was_different() {
    // quirk: google-40, google-41
    let bench = Bench::new();
    let mark = json!({"extendedProperties": {"private": {"mark": "7"}}});
    bench.insert(&with(&weekly("standup1"), &mark));
    bench.patch("standup1_20260309T080000Z", &json!({"summary": "kept"}));
    bench.patch("standup1_20260406T070000Z", &json!({"summary": "forgotten"}));
    let user = bench.google.user(&bench.calendar);
    let uid = user.split("standup1@google.com", "20260330T070000Z", "New").unwrap();
    assert_eq!(uid, "standup1_R20260330T070000@google.com");
    let listed = bench.list("privateExtendedProperty=mark%3D7");
    assert_eq!(listed.ids().len(), 3, "{listed:?}");
    let first = bench.get("/standup1");
    assert_eq!(first.body["recurrence"], json!(["RRULE:FREQ=WEEKLY;UNTIL=20260330T065959Z"]));
    let second = bench.get("/standup1_R20260330T070000");
    assert_eq!(second.body["recurrence"], json!(["RRULE:FREQ=WEEKLY;COUNT=6"]));
    assert_eq!(second.body["start"]["dateTime"], "2026-03-30T09:00:00+02:00");
    assert_eq!(bench.get("/standup1/instances").ids().len(), 4);
    assert_eq!(bench.get("/standup1_R20260330T070000/instances").ids().len(), 6);
    assert!(user.split("standup1@google.com", "20260302T080000Z", "x").is_none());
}

#[test]
fn what_only_google_makes_can_be_read_and_hardly_written() {
    // quirk: google-32, google-35, google-61, google-65, google-66, google-68, google-69
    let bench = Bench::new();
    bench.google.seed(&bench.calendar, 1, 20);
    let all = bench.list("");
    assert!(all.ids().len() >= 32);
    assert!(all.ids().contains(&"orphan000001_20260126T083000Z"));
    assert_eq!(bench.list("eventTypes=birthday").ids(), ["birthday0ann"]);
    let zero = bench.get("/noextent001");
    assert_eq!(zero.body["start"]["dateTime"], zero.body["end"]["dateTime"]);
    assert_eq!(bench.patch("noextent001", &json!({"summary": "x"})).status, 200);
    let same = json!({"start": zero.body["start"], "end": zero.body["end"]});
    assert_eq!(bench.patch("noextent001", &same).reason(), "timeRangeEmpty");
    let cases: &[(&str, Value, u16)] = &[
        ("birthday0ann", json!({"colorId": "1"}), 200),
        ("birthday0ann", json!({"start": {"date": "1990-05-05"}}), 400),
        ("workinglocation0", json!({"summary": "x"}), 400),
        ("frommail0001", json!({"summary": "x"}), 400),
        ("frommail0001", json!({"colorId": "3"}), 200),
        ("locked00001", json!({"summary": "x"}), 403),
        ("locked00001", json!({"colorId": "1"}), 200),
        ("foreign00001", json!({"summary": "x"}), 403),
        ("foreign00001", json!({"reminders": {"useDefault": false}}), 200),
    ];
    for (id, change, status) in cases {
        let answer = bench.patch(id, change);
        assert_eq!(answer.status, *status, "{id} {change} {answer:?}");
    }
    let refused = bench.patch("foreign00001", &json!({"summary": "x"}));
    assert_eq!(refused.reason(), "forbiddenForNonOrganizer");
    let cut = bench.get("/foreign00001?maxAttendees=1");
    assert_eq!(cut.body["attendeesOmitted"], true);
    assert_eq!(cut.body["attendees"][0]["self"], true);
    assert_eq!(bench.get("/oddzone00001").body["start"]["timeZone"], "GMT-07:00");
    for held in bench.google.held(&bench.calendar) {
        let text = String::from_utf8_lossy(&held.raw).into_owned();
        assert!(ical::read(&held.raw).is_ok(), "{text}");
    }
    bench.google.assert_unviolated();
    bench.world.assert_no_mail();
}
