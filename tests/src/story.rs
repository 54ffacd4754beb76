//! A meeting through its life between two calendars, told to its end: people edit on both sides in
//! turn, and after every step both sides take place at the same times.

use jiff::Timestamp;
use model::Sides;
use testkit::described;
use tokio::runtime::{Builder, Runtime};

use crate::end::End;
use crate::environment::variable;
use crate::expander::{Held, Said, compare};
use crate::rig::Rig;
use crate::servers;
use crate::text;

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
    ends: Sides<End>,
    expander: String,
}

impl Story {
    fn begin(expander: String, ends: impl FnOnce(&Runtime) -> Sides<End>) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let Sides { mut left, mut right } = ends(&runtime);
        let rig = Rig::new(Sides::new(left.account(), right.account()));
        Self { runtime, rig, ends: Sides { left, right }, expander }
    }

    /// Somebody edits the text on the left.
    fn edit(&self, change: impl Fn(&str) -> String) {
        self.ends.left.edit(UID, |before| {
            let unfolded = before.replace("\r\n ", "");
            let after = change(&unfolded);
            assert_ne!(unfolded, after, "the edit changes nothing");
            after
        });
    }

    /// The pair comes to rest, and both sides hold the same: so many series, so many occurrences.
    fn told(&self, step: &str, series: usize, occurrences: u64) {
        self.runtime.block_on(self.rig.rest());
        assert!(self.rig.problems().is_empty(), "{step}: {:?}", self.rig.problems());
        let sides = self.ends.as_ref().map(|end| -> Held {
            end.by_uid().into_iter().map(|(uid, (_, raw))| (uid, raw)).collect()
        });
        let shown = |held: &Held| {
            held.values().map(|raw| String::from_utf8_lossy(raw).into_owned()).collect::<String>()
        };
        let both = format!("{step}\n{}\n{}", shown(&sides.left), shown(&sides.right));
        assert_eq!((sides.left.len(), sides.right.len()), (series, series), "{both}");
        for (_, end) in self.ends.iter() {
            // An occurrence that its series can't have stands beside it, and says so.
            let texts = end.texts();
            let whole = texts.values().filter(|raw| text::slot(raw).is_none()).count();
            assert_eq!(whole, series, "{both}");
        }
        let mut counted = 0;
        for said in compare(&self.expander, &sides.left, &sides.right, None) {
            match said {
                Said::Equal(count) => counted += count,
                Said::Unequal { line, .. } | Said::Unsure(line) => panic!("{both}\n{line}"),
            }
        }
        assert_eq!(counted, occurrences, "{both}");
        self.ends.iter().for_each(|(_, end)| end.assert_unviolated());
    }

    /// Every request was one that its provider describes, and there were some.
    fn described(&self) {
        let asked = |end: &End| {
            let google = end.as_google().map_or(0, |(it, _)| described::assert_google(&it.log()));
            let microsoft = end.as_microsoft();
            google + microsoft.map_or(0, |(it, _)| described::assert_microsoft(&it.log()))
        };
        let requests: usize = self.ends.iter().map(|(_, end)| asked(end)).sum();
        assert!(requests > 30, "the story takes more than {requests} requests");
    }
}

/// The left side is edited as text, the right one as its own users do.
///
/// # Panics
/// When anything is not as it is told.
pub fn a_meeting_through_its_life(ends: impl FnOnce(&Runtime) -> Sides<End>) {
    let Some(expander) = variable("CALPAIR_EXPANDER") else { return servers::skip("expander") };
    let story = Story::begin(expander, ends);
    let (left, right) = (&story.ends.left, &story.ends.right);
    let answer = left.put("planning.ics", MEETING.as_bytes());
    assert!((200..300).contains(&answer.status), "{}", answer.reason());
    story.told("created on the left", 1, 8);

    let at = |text: &str| -> Timestamp { text.parse().expect("an instant") };
    right.move_occurrence(UID, at("2026-03-09T09:00:00Z"), at("2026-03-10T13:00:00Z"));
    story.told("an occurrence moved on the right", 1, 8);

    story.edit(|text| {
        let cancelled = "EXDATE;TZID=Europe/Berlin:20260316T100000\r\nRRULE:FREQ=WEEKLY";
        text.replacen("RRULE:FREQ=WEEKLY", cancelled, 1)
    });
    story.told("an occurrence cancelled on the left", 1, 7);

    right.set(UID, "SUMMARY", "Planning and review");
    story.told("the title changed on the right", 1, 7);
    let (_, raw) = left.by_uid().remove(UID).expect("it is there");
    let shown = String::from_utf8_lossy(&raw).into_owned();
    assert!(shown.contains("SUMMARY:Planning and review"), "{shown}");
    assert!(left.name != "icloud" || shown.contains("X-OURS:kept"), "{shown}");

    // As Apple's calendar moves a series: what stood at its own time stays there.
    story.edit(|text| {
        let hour_later =
            |line: &str| line.replace("T110000", "T120000").replace("T100000", "T110000");
        let named = ["DTSTART;TZID=", "DTEND;TZID=", "EXDATE", "RECURRENCE-ID"];
        let moved = text.split_inclusive("\r\n").map(|line| {
            let is_named = named.iter().any(|name| line.starts_with(name));
            if is_named { hour_later(line) } else { line.to_owned() }
        });
        moved.collect()
    });
    story.told("the whole series an hour later, on the left", 1, 7);

    let second = right.split(UID, "20260406T090000Z", "Planning, second half");
    story.told("this and following events changed on the right", 2, 7);

    story.edit(|text| {
        let kept = text.split_inclusive("\r\n").filter(|line| !line.starts_with("EXDATE"));
        kept.collect()
    });
    story.told("the cancellation undone on the left", 2, 8);

    right.remove(&second);
    story.told("the second half deleted on the right", 1, 5);

    left.remove(UID);
    story.told("the rest deleted on the left", 0, 0);
    story.described();
}
