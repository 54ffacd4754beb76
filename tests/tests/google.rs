//! Stories between a simulated iCloud and a simulated Google.

use calpair_tests::end::End;
use calpair_tests::rig::Rig;
use calpair_tests::{story, text};
use engine::PairState;
use model::Sides;
use sandbox::google::{GoogleUser, Quirk};
use tokio::runtime::{Builder, Runtime};

struct Scene {
    runtime: Runtime,
    rig: Rig,
    icloud: End,
    google: End,
}

impl Scene {
    fn begin() -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let mut icloud = runtime.block_on(End::icloud());
        let mut google = End::google();
        let rig = Rig::new(Sides::new(icloud.account(), google.account()));
        Self { runtime, rig, icloud, google }
    }

    fn user(&self) -> GoogleUser {
        let (google, calendar) = self.google.as_google().expect("the right side is Google");
        google.user(calendar)
    }

    /// The UID that Google's users see of the event with this UID.
    fn at_google(&self, uid: &str) -> String {
        let (_, raw) = self.google.by_uid().remove(uid).expect("Google has it");
        text::uid(&raw).expect("every event has one")
    }
}

fn event(uid: &str, lines: &str) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Apple Inc.//macOS 15//EN\r\n\
        BEGIN:VEVENT\r\nUID:{uid}\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20270302T100000Z\r\n\
        DTEND:20270302T110000Z\r\nSUMMARY:{uid}\r\n{lines}END:VEVENT\r\nEND:VCALENDAR\r\n"
    )
}

/// What a cycle costs at Google is one listing, and one request for each series written there.
#[test]
fn ten_changes_cost_one_listing_and_one_write_each() {
    let scene = Scene::begin();
    scene.runtime.block_on(scene.rig.rest());
    let (google, _) = scene.google.as_google().expect("the right side is Google");
    let costs = || {
        let before = google.log().len();
        scene.runtime.block_on(scene.rig.cycle());
        let log = google.log();
        let (reads, writes): (Vec<_>, Vec<_>) =
            log[before..].iter().partition(|asked| asked.method == "GET");
        (reads.len(), writes.len())
    };
    let uids: Vec<String> = (0..10).map(|number| format!("e{number}@example.com")).collect();
    let weekly =
        |number: usize| if number.is_multiple_of(2) { "RRULE:FREQ=WEEKLY\r\n" } else { "" };
    for (number, uid) in uids.iter().enumerate() {
        let text = event(uid, weekly(number));
        scene.icloud.put(&format!("e{number}.ics"), text.as_bytes());
    }
    assert_eq!(costs(), (1, 10), "ten new series");
    assert_eq!(costs(), (1, 0), "quiet");
    for uid in &uids {
        scene.icloud.edit(uid, |text| text.replace("SUMMARY:", "SUMMARY:Renamed "));
    }
    assert_eq!(costs(), (1, 10), "ten changed ones");
    assert_eq!(costs(), (1, 0), "quiet");
    for uid in &uids {
        assert!(scene.user().set(&scene.at_google(uid), "SUMMARY", "Renamed there"));
    }
    assert_eq!(costs(), (1, 0), "ten changes of Google's users");
    assert!(
        scene
            .icloud
            .texts()
            .values()
            .all(|text| { String::from_utf8_lossy(text).contains("SUMMARY:Renamed there") })
    );
    assert_eq!(costs(), (1, 0), "quiet");
}

/// Ten titles of series, ten moved occurrences, ten cancelled ones: from here, and from there.
#[test]
fn thirty_changes_of_series_cost_one_listing_and_one_write_each() {
    let scene = Scene::begin();
    let (google, _) = scene.google.as_google().expect("the right side is Google");
    // A cancelled row says of which occurrence it is, as the documentation has it.
    google.set_quirks(|quirks| *quirks = quirks.clone().without(Quirk::SparseCancelled));
    let costs = || {
        let before = google.log().len();
        scene.runtime.block_on(scene.rig.cycle());
        let log = google.log();
        let reads = log[before..].iter().filter(|asked| asked.method == "GET").count();
        (reads, log.len() - before - reads)
    };
    let uids: Vec<String> = (0..30).map(|number| format!("e{number}@example.com")).collect();
    for uid in &uids {
        let text = event(uid, "RRULE:FREQ=WEEKLY;COUNT=20\r\n");
        scene.icloud.put(&format!("{uid}.ics"), text.as_bytes());
    }
    scene.runtime.block_on(scene.rig.rest());
    for (number, uid) in uids.iter().enumerate() {
        let moved = format!(
            "BEGIN:VEVENT\r\nUID:{uid}\r\nDTSTAMP:20260101T000000Z\r\n\
            RECURRENCE-ID:20270309T100000Z\r\nDTSTART:20270309T150000Z\r\n\
            DTEND:20270309T160000Z\r\nSUMMARY:{uid}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
        );
        scene.icloud.edit(uid, |text| match number / 10 {
            0 => text.replace("SUMMARY:", "SUMMARY:Renamed "),
            1 => text.replace("END:VCALENDAR\r\n", &moved),
            _ => text.replace("RRULE:", "EXDATE:20270309T100000Z\r\nRRULE:"),
        });
    }
    assert_eq!(costs(), (1, 30), "thirty changes on the iPhone");
    assert_eq!(costs(), (1, 0), "quiet");
    let at = |time: &str| time.parse().expect("an instant");
    let (was, is) = (at("2027-03-16T10:00:00Z"), at("2027-03-17T08:00:00Z"));
    for (number, uid) in uids.iter().enumerate() {
        let (user, uid) = (scene.user(), scene.at_google(uid));
        assert!(match number / 10 {
            0 => user.set(&uid, "SUMMARY", "Renamed there"),
            1 => user.move_occurrence(&uid, was, is),
            _ => user.cancel_occurrence(&uid, "20270316T100000Z"),
        });
    }
    assert_eq!(costs(), (1, 0), "thirty changes at Google");
    assert_eq!(costs(), (1, 0), "quiet");
    for (number, uid) in uids.iter().enumerate() {
        let (_, raw) = scene.icloud.by_uid().remove(uid).expect("it is there");
        let text = String::from_utf8_lossy(&raw).into_owned();
        let marks: &[&str] = match number / 10 {
            0 => &["SUMMARY:Renamed there"],
            1 => &["DTSTART:20270309T150000Z", "DTSTART:20270317T080000Z"],
            _ => &["20270309T100000Z", "20270316T100000Z"],
        };
        assert!(marks.iter().all(|mark| text.contains(mark)), "{text}");
    }
    google.assert_unviolated();
    google.assert_careful_writes();
}

// quirk: google-50
#[test]
fn while_google_takes_no_changes_what_is_changed_there_arrives() {
    let scene = Scene::begin();
    scene.runtime.block_on(scene.rig.rest());
    let (google, _) = scene.google.as_google().expect("the right side is Google");
    google.exhaust_quota("work", std::time::Duration::from_secs(7200));
    scene.icloud.put("ours.ics", event("ours@example.com", "").as_bytes());
    let first = scene.runtime.block_on(scene.rig.cycle());
    let said = first.reason.unwrap_or_default();
    assert!(said.contains("takes no more changes for now"), "{said}");
    assert_eq!((first.state, first.not_before), (PairState::Retrying, None));
    let writes = || google.log().iter().filter(|asked| asked.method != "GET").count();
    let before = writes();
    scene.user().create(&event("theirs@example.com", ""));
    let second = scene.runtime.block_on(scene.rig.cycle());
    assert!(second.report.is_some(), "there was no cycle: {second:?}");
    assert_eq!(second.state, PairState::Retrying);
    assert!(second.reason.is_some_and(|said| said.contains("takes no more changes for now")));
    assert_eq!(scene.icloud.texts().len(), 2, "what is at Google is on the iPhone");
    assert_eq!(writes(), before, "nothing is written before the hour is over");
}

#[test]
fn a_reminder_changed_at_google_leaves_those_on_the_iphone_that_google_does_not_show() {
    let scene = Scene::begin();
    let alarm = |trigger: &str| {
        format!(
            "BEGIN:VALARM\r\nACTION:DISPLAY\r\nDESCRIPTION:x\r\nTRIGGER{trigger}\r\nEND:VALARM\r\n"
        )
    };
    let triggers = [
        ":-PT5M",
        ":-PT10M",
        ":-PT15M",
        ":-PT30M",
        ":-PT1H",
        ":-PT2H",
        ":-P1D",
        ":PT5M",
        ";VALUE=DATE-TIME:20270301T080000Z",
    ];
    let alarms: String = triggers.iter().map(|trigger| alarm(trigger)).collect();
    scene.icloud.put("a.ics", event("a@example.com", &alarms).as_bytes());
    scene.runtime.block_on(scene.rig.rest());
    let uid = scene.at_google("a@example.com");
    assert!(scene.user().edit(&uid, |text| text.replace("TRIGGER:-PT5M", "TRIGGER:-PT6M")));
    scene.runtime.block_on(scene.rig.rest());
    let (_, raw) = scene.icloud.by_uid().remove("a@example.com").expect("it is there");
    let shown = String::from_utf8_lossy(&raw).into_owned();
    assert_eq!(shown.matches("BEGIN:VALARM").count(), 9, "{shown}");
    assert!(shown.contains("-PT6M") && !shown.contains("-PT5M"), "{shown}");
}

/// A weekly series from 2 March 2027, 10:00 UTC, whose second occurrence is at 15:00.
fn weekly(title: &str) -> String {
    let series = event("w@example.com", "RRULE:FREQ=WEEKLY;COUNT=8\r\n");
    let late = format!(
        "BEGIN:VEVENT\r\nUID:w@example.com\r\nDTSTAMP:20260101T000000Z\r\n\
        RECURRENCE-ID:20270309T100000Z\r\nDTSTART:20270309T150000Z\r\n\
        DTEND:20270309T160000Z\r\nSUMMARY:{title}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    );
    series.replace("END:VCALENDAR\r\n", &late)
}

/// Google leaves a changed occurrence where it was when its series is moved, while it is edited
/// on the iPhone.
#[test]
fn a_series_moved_at_google_has_an_edited_occurrence_once() {
    let scene = Scene::begin();
    scene.icloud.put("w.ics", weekly("late").as_bytes());
    scene.runtime.block_on(scene.rig.rest());
    let uid = scene.at_google("w@example.com");
    let shown = |side: &End| {
        let (_, raw) = side.by_uid().remove("w@example.com").expect("it is there");
        String::from_utf8_lossy(&raw).into_owned()
    };
    scene.icloud.edit("w@example.com", |text| text.replace("SUMMARY:late", "SUMMARY:mine"));
    assert!(scene.user().shift(&uid, 2));
    scene.runtime.block_on(scene.rig.rest());
    for text in [shown(&scene.icloud), shown(&scene.google)] {
        assert_eq!(text.matches("RECURRENCE-ID").count(), 1, "{text}");
        assert!(text.contains("SUMMARY:mine") && !text.contains("SUMMARY:late"), "{text}");
        assert!(text.contains("20270309T150000") && !text.contains("RDATE"), "{text}");
        assert!(text.contains("20270302T120000"), "{text}");
    }
    scene.icloud.edit("w@example.com", |text| {
        let (before, late) = text.split_at(text.rfind("BEGIN:VEVENT").expect("the occurrence"));
        let rest = late.split_once("END:VEVENT\r\n").expect("its end").1;
        let exdate = "EXDATE:20270309T120000Z\r\nSUMMARY:w@example.com\r\n";
        before.replacen("SUMMARY:w@example.com\r\n", exdate, 1) + rest
    });
    scene.runtime.block_on(scene.rig.rest());
    let (google, calendar) = scene.google.as_google().expect("the right side is Google");
    let rows = google.rows(calendar);
    let of_the_day = rows.iter().filter(|row| row["originalStartTime"].is_object());
    assert!(of_the_day.clone().all(|row| row["status"] == "cancelled"), "{rows:?}");
}

// quirk: google-63
#[test]
fn a_meeting_with_guests_survives_the_deletion_of_its_copy() {
    let scene = Scene::begin();
    let (google, calendar) = scene.google.as_google().expect("the right side is Google");
    let id = scene.user().native(&serde_json::json!({"summary": "Meeting",
        "organizer": {"email": calendar.as_str()},
        "attendees": [{"email": "ann@example.test"}, {"email": calendar.as_str()}],
        "start": {"dateTime": "2027-05-04T09:00:00Z", "timeZone": "Europe/Berlin"},
        "end": {"dateTime": "2027-05-04T10:00:00Z", "timeZone": "Europe/Berlin"}}));
    scene.runtime.block_on(scene.rig.rest());
    let (name, _) = scene.icloud.texts().into_iter().next().expect("its copy is there");
    scene.icloud.delete(&name);
    scene.runtime.block_on(scene.rig.rest());
    let rows = google.rows(calendar);
    let row = rows.iter().find(|row| row["id"] == *id).expect("its row is there");
    assert_eq!(row["status"], "confirmed");
    let problems = scene.rig.problems();
    assert!(problems.iter().any(|one| one.reason.contains("people are invited")), "{problems:?}");
}

#[test]
fn a_meeting_through_its_life() {
    story::a_meeting_through_its_life(|runtime| {
        Sides::new(runtime.block_on(End::icloud()), End::google())
    });
}
