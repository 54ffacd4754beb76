//! Stories between a simulated iCloud and a simulated Google, told to their end: people edit on
//! both sides in turn, and after every step both sides take place at the same times.

use calpair_tests::discovery::Discovery;
use calpair_tests::end::End;
use calpair_tests::environment::variable;
use calpair_tests::expander::{Held, Said, compare};
use calpair_tests::rig::Rig;
use calpair_tests::{servers, text};
use engine::PairState;
use model::Sides;
use sandbox::google::GoogleUser;
use tokio::runtime::{Builder, Runtime};

const UID: &str = "planning@example.com";

/// Weekly on Mondays at ten in Berlin, eight times; the clocks change after the fourth.
const MEETING: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Apple Inc.//macOS 15//EN\r\n\
    BEGIN:VTIMEZONE\r\nTZID:Europe/Berlin\r\n\
    BEGIN:DAYLIGHT\r\nDTSTART:19810329T020000\r\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\r\n\
    TZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\nTZNAME:CEST\r\nEND:DAYLIGHT\r\n\
    BEGIN:STANDARD\r\nDTSTART:19961027T030000\r\nRRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\r\n\
    TZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\nTZNAME:CET\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n\
    BEGIN:VEVENT\r\nUID:planning@example.com\r\nDTSTAMP:20260101T000000Z\r\n\
    DTSTART;TZID=Europe/Berlin:20260302T100000\r\nDTEND;TZID=Europe/Berlin:20260302T110000\r\n\
    RRULE:FREQ=WEEKLY;COUNT=8\r\nSUMMARY:Planning\r\nX-OURS:kept\r\n\
    BEGIN:VALARM\r\nACTION:DISPLAY\r\nDESCRIPTION:Planning\r\nTRIGGER:-PT10M\r\nEND:VALARM\r\n\
    END:VEVENT\r\nEND:VCALENDAR\r\n";

struct Story {
    runtime: Runtime,
    rig: Rig,
    icloud: End,
    google: End,
    expander: String,
}

impl Story {
    fn begin(expander: String) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let mut icloud = runtime.block_on(End::icloud());
        let mut google = End::google();
        let rig = Rig::new(Sides::new(icloud.account(), google.account()));
        Self { runtime, rig, icloud, google, expander }
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

    /// Somebody edits the text on an iPhone.
    fn edit(&self, uid: &str, change: impl Fn(&str) -> String) {
        let (name, raw) = self.icloud.by_uid().remove(uid).expect("iCloud has it");
        let before = String::from_utf8(raw).expect("iCloud writes text");
        let unfolded = before.replace("\r\n ", "");
        let after = change(&unfolded);
        assert_ne!(unfolded, after, "the edit changes nothing");
        let answer = self.icloud.put(&name, after.as_bytes());
        assert!((200..300).contains(&answer.status), "{}", answer.reason());
    }

    /// The pair comes to rest, and both sides hold the same: so many series, so many occurrences.
    fn told(&self, step: &str, series: usize, occurrences: u64) {
        self.runtime.block_on(self.rig.rest());
        assert!(self.rig.problems().is_empty(), "{step}: {:?}", self.rig.problems());
        let sides = Sides::new(&self.icloud, &self.google).map(|end| -> Held {
            end.by_uid().into_iter().map(|(uid, (_, raw))| (uid, raw)).collect()
        });
        let shown = |held: &Held| {
            held.values().map(|raw| String::from_utf8_lossy(raw).into_owned()).collect::<String>()
        };
        let both = format!("{step}\n{}\n{}", shown(&sides.left), shown(&sides.right));
        assert_eq!((sides.left.len(), sides.right.len()), (series, series), "{both}");
        assert_eq!(self.icloud.texts().len(), series, "{both}");
        assert_eq!(self.google.texts().len(), series, "{both}");
        let mut counted = 0;
        for said in compare(&self.expander, &sides.left, &sides.right) {
            match said {
                Said::Equal(count) => counted += count,
                Said::Unequal { line, .. } | Said::Unsure(line) => panic!("{both}\n{line}"),
            }
        }
        assert_eq!(counted, occurrences, "{both}");
        self.icloud.assert_unviolated();
        self.google.assert_unviolated();
    }
}

fn event(uid: &str, lines: &str) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Apple Inc.//macOS 15//EN\r\n\
        BEGIN:VEVENT\r\nUID:{uid}\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20270302T100000Z\r\n\
        DTEND:20270302T110000Z\r\nSUMMARY:{uid}\r\n{lines}END:VEVENT\r\nEND:VCALENDAR\r\n"
    )
}

// quirk: google-50
#[test]
fn while_google_takes_no_changes_what_is_changed_there_arrives() {
    let story = Story::begin(String::new());
    story.runtime.block_on(story.rig.rest());
    let (google, _) = story.google.as_google().expect("the right side is Google");
    google.exhaust_quota("work", std::time::Duration::from_secs(7200));
    story.icloud.put("ours.ics", event("ours@example.com", "").as_bytes());
    let first = story.runtime.block_on(story.rig.cycle());
    let said = first.reason.unwrap_or_default();
    assert!(said.contains("takes no more changes for now"), "{said}");
    assert_eq!((first.state, first.not_before), (PairState::Retrying, None));
    let writes = || google.log().iter().filter(|asked| asked.method != "GET").count();
    let before = writes();
    story.user().create(&event("theirs@example.com", ""));
    let second = story.runtime.block_on(story.rig.cycle());
    assert!(second.report.is_some(), "there was no cycle: {second:?}");
    assert_eq!(second.state, PairState::Retrying);
    assert!(second.reason.is_some_and(|said| said.contains("takes no more changes for now")));
    assert_eq!(story.icloud.texts().len(), 2, "what is at Google is on the iPhone");
    assert_eq!(writes(), before, "nothing is written before the hour is over");
}

#[test]
fn a_reminder_changed_at_google_leaves_those_on_the_iphone_that_google_does_not_show() {
    let story = Story::begin(String::new());
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
    story.icloud.put("a.ics", event("a@example.com", &alarms).as_bytes());
    story.runtime.block_on(story.rig.rest());
    let uid = story.at_google("a@example.com");
    assert!(story.user().edit(&uid, |text| text.replace("TRIGGER:-PT5M", "TRIGGER:-PT6M")));
    story.runtime.block_on(story.rig.rest());
    let (_, raw) = story.icloud.by_uid().remove("a@example.com").expect("it is there");
    let shown = String::from_utf8_lossy(&raw).into_owned();
    assert_eq!(shown.matches("BEGIN:VALARM").count(), 9, "{shown}");
    assert!(shown.contains("-PT6M") && !shown.contains("-PT5M"), "{shown}");
}

// quirk: google-63
#[test]
fn a_meeting_with_guests_survives_the_deletion_of_its_copy() {
    let story = Story::begin(String::new());
    let (google, calendar) = story.google.as_google().expect("the right side is Google");
    let id = story.user().native(&serde_json::json!({"summary": "Meeting",
        "organizer": {"email": calendar.as_str()},
        "attendees": [{"email": "ann@example.test"}, {"email": calendar.as_str()}],
        "start": {"dateTime": "2027-05-04T09:00:00Z", "timeZone": "Europe/Berlin"},
        "end": {"dateTime": "2027-05-04T10:00:00Z", "timeZone": "Europe/Berlin"}}));
    story.runtime.block_on(story.rig.rest());
    let (name, _) = story.icloud.texts().into_iter().next().expect("its copy is there");
    story.icloud.delete(&name);
    story.runtime.block_on(story.rig.rest());
    let rows = google.rows(calendar);
    let row = rows.iter().find(|row| row["id"] == *id).expect("its row is there");
    assert_eq!(row["status"], "confirmed");
    let problems = story.rig.problems();
    assert!(problems.iter().any(|one| one.reason.contains("people are invited")), "{problems:?}");
}

#[test]
fn a_meeting_through_its_life() {
    let Some(expander) = variable("CALPAIR_EXPANDER") else { return servers::skip("expander") };
    let story = Story::begin(expander);
    story.icloud.put("planning.ics", MEETING.as_bytes());
    story.told("created on the iPhone", 1, 8);

    let uid = story.at_google(UID);
    let user = story.user();
    let at = |text: &str| text.parse().expect("an instant");
    assert!(user.move_occurrence(&uid, at("2026-03-09T09:00:00Z"), at("2026-03-10T13:00:00Z")));
    story.told("an occurrence moved at Google", 1, 8);

    story.edit(UID, |text| {
        let cancelled = "EXDATE;TZID=Europe/Berlin:20260316T100000\r\nRRULE:FREQ=WEEKLY";
        text.replacen("RRULE:FREQ=WEEKLY", cancelled, 1)
    });
    story.told("an occurrence cancelled on the iPhone", 1, 7);

    assert!(user.set(&uid, "SUMMARY", "Planning and review"));
    story.told("the title changed at Google", 1, 7);
    let (_, raw) = story.icloud.by_uid().remove(UID).expect("it is there");
    let shown = String::from_utf8_lossy(&raw).into_owned();
    assert!(shown.contains("SUMMARY:Planning and review") && shown.contains("X-OURS:kept"));

    // As Apple's calendar moves a series: what stood at its own time stays there.
    story.edit(UID, |text| {
        let hour_later =
            |line: &str| line.replace("T110000", "T120000").replace("T100000", "T110000");
        let named = ["DTSTART;TZID=", "DTEND;TZID=", "EXDATE", "RECURRENCE-ID"];
        let moved = text.split_inclusive("\r\n").map(|line| {
            let is_named = named.iter().any(|name| line.starts_with(name));
            if is_named { hour_later(line) } else { line.to_owned() }
        });
        moved.collect()
    });
    story.told("the whole series an hour later, on the iPhone", 1, 7);

    let second = user.split(&uid, "20260406T090000Z", "Planning, second half");
    let second = second.expect("Google splits it");
    story.told("this and following events changed at Google", 2, 7);

    story.edit(UID, |text| {
        let kept = text.split_inclusive("\r\n").filter(|line| !line.starts_with("EXDATE"));
        kept.collect()
    });
    story.told("the cancellation undone on the iPhone", 2, 8);

    assert!(user.delete(&second));
    story.told("the second half deleted at Google", 1, 5);

    let (name, _) = story.icloud.by_uid().remove(UID).expect("it is there");
    story.icloud.delete(&name);
    story.told("the rest deleted on the iPhone", 0, 0);

    let (google, _) = story.google.as_google().expect("the right side is Google");
    let (discovery, log) = (Discovery::read(), google.log());
    let faults: Vec<String> = log.iter().flat_map(|asked| discovery.faults(asked)).collect();
    assert!(log.len() > 30, "the story takes more than {} requests", log.len());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
