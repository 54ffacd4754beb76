//! Stories between a simulated Microsoft and the others, told to their end.

use bytes::Bytes;
use calpair_tests::end::End;
use calpair_tests::rig::Rig;
use calpair_tests::story;
use model::Sides;
use sandbox::Op;
use sandbox::faults::{Aim, Fault};
use serde_json::json;
use tokio::runtime::{Builder, Runtime};

#[test]
fn a_meeting_through_its_life_beside_icloud() {
    story::a_meeting_through_its_life(|runtime| {
        Sides::new(runtime.block_on(End::icloud()), End::microsoft())
    });
}

#[test]
fn a_meeting_through_its_life_beside_google() {
    story::a_meeting_through_its_life(|_| Sides::new(End::google(), End::microsoft()));
}

/// A series that Graph has no words for, at a simulated iCloud and a simulated Microsoft.
struct Course {
    runtime: Runtime,
    rig: Rig,
    icloud: End,
    office: End,
}

/// More than a request is tried.
const TRIES: usize = 5;

/// What history says of a series that is completed.
const COMPLETED: &str = "right update: nobody has changed it, and not all of it was there";

impl Course {
    fn begin() -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let mut icloud = runtime.block_on(End::icloud());
        let mut office = End::microsoft();
        let rig = Rig::new(Sides::new(icloud.account(), office.account()));
        let event = |uid: &str, lines: &str| {
            format!(
                "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Apple Inc.//macOS 15//EN\r\n\
                 BEGIN:VEVENT\r\nUID:{uid}\r\nDTSTAMP:20260101T000000Z\r\n\
                 DTSTART:20270302T100000Z\r\nDTEND:20270302T110000Z\r\nSUMMARY:{uid}\r\n\
                 {lines}END:VEVENT\r\nEND:VCALENDAR\r\n"
            )
        };
        let rule = "RRULE:FREQ=WEEKLY;COUNT=4\r\nRDATE:20270320T100000Z\r\n";
        icloud.put("course.ics", event("course", rule).as_bytes());
        for number in 0..9 {
            let uid = format!("other-{number}");
            icloud.put(&format!("{uid}.ics"), event(&uid, "").as_bytes());
        }
        runtime.block_on(rig.rest());
        let course = Self { runtime, rig, icloud, office };
        assert_eq!(course.events().len(), 5);
        course
    }

    /// The events that stand for it: id, etag and text.
    fn events(&self) -> Vec<(String, String, String)> {
        let (microsoft, calendar) = self.office.as_microsoft().expect("the right side");
        let held = microsoft.held(calendar).into_iter();
        let held = held.map(|one| (one.id, one.version, String::from_utf8_lossy(&one.raw).into()));
        held.filter(|(_, _, raw): &(_, _, String)| raw.contains("SUMMARY:course")).collect()
    }

    /// The first of them says that a write of it is not finished.
    fn reopen(&self) {
        let (microsoft, _) = self.office.as_microsoft().expect("the right side");
        let events = self.events();
        let first = events.iter().find(|(_, _, raw)| raw.contains("calpair-state"));
        let (id, etag, _) = first.expect("one says that there are others");
        let name = "String {66f5a359-4659-4830-9070-00047ec6ac6e} Name calpair-state";
        let body = json!({"singleValueExtendedProperties": [{"id": name, "value": "open"}]});
        let request = http::Request::patch(format!("http://127.0.0.1:1/v1.0/me/events/{id}"))
            .header("authorization", format!("Bearer {}", microsoft.access_token("office")))
            .header("prefer", "IdType=\"ImmutableId\"")
            .header("content-type", "application/json")
            .header("if-match", etag)
            .body(Bytes::from(body.to_string()));
        let answer = self.runtime.block_on(microsoft.answer(request.expect("a request")));
        assert!(answer.is_some_and(|answer| answer.status().is_success()), "it is marked");
    }

    fn goes_wrong(&self, aim: Aim, fault: Fault) {
        self.office.world().expect("it is simulated").plan(aim, fault);
    }

    fn completions(&self) -> usize {
        self.rig.history().iter().filter(|line| *line == COMPLETED).count()
    }
}

#[test]
fn what_completes_a_series_is_journalled_and_in_the_history() {
    for fault in [None, Some(Fault::LostReply), Some(Fault::FailBefore)] {
        let course = Course::begin();
        course.reopen();
        if let Some(fault) = fault {
            // As often as one request is tried.
            (0..TRIES).for_each(|_| course.goes_wrong(Aim::op(Op::Update), fault));
            course.runtime.block_on(course.rig.cycle());
            assert_eq!(course.rig.unsettled(), 1, "{fault:?}: it was begun");
            assert_eq!(course.completions(), 0, "{fault:?}: nobody knows what came of it");
            course.office.world().expect("it is simulated").calm();
        }
        course.runtime.block_on(course.rig.rest());
        assert_eq!((course.rig.unsettled(), course.completions()), (0, 1), "{fault:?}");
        let is_open =
            course.events().iter().any(|(_, _, raw)| raw.contains("calpair-state\":open"));
        assert!(!is_open, "{fault:?}: it is complete");
        course.office.assert_unviolated();
    }
}

#[test]
fn a_deletion_that_stopped_half_way_goes_on_and_is_not_undone() {
    let course = Course::begin();
    course.goes_wrong(Aim::op(Op::Delete).after(2), Fault::FailBefore);
    course.icloud.delete("course.ics");
    course.runtime.block_on(course.rig.rest());
    assert!(course.events().is_empty(), "{:?}", course.events());
    assert_eq!(course.completions(), 0);
    course.office.assert_unviolated();
}
