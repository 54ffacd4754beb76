//! Series: rules, instances, exceptions.

use serde_json::{Value, json};

use super::{Bench, hour, weekly, with};
use crate::google::{OnEdit, OnMove, Quirk, Touch, Untouched};

#[test]
fn instances_have_ids_of_their_original_starts() {
    // quirk: google-33, google-47, google-70
    let bench = Bench::new();
    let made = bench.insert(&weekly("standup1"));
    let ids = bench.get("/standup1/instances");
    assert_eq!(ids.ids().len(), 10);
    assert_eq!(ids.ids()[0], "standup1_20260302T080000Z");
    assert_eq!(ids.ids()[4], "standup1_20260330T070000Z");
    let one = bench.get("/standup1_20260330T070000Z");
    assert_eq!(one.etag, made.etag);
    assert_eq!(one.body["recurringEventId"], "standup1");
    assert_eq!(one.body["start"]["dateTime"], "2026-03-30T09:00:00+02:00");
    for nowhere in ["standup1_20260330T080000Z", "standup1_20260331", "standup1_20260511T070000Z"] {
        assert_eq!(bench.get(&format!("/{nowhere}")).status, 404, "{nowhere}");
    }
    let at = |start: &str| bench.get(&format!("/standup1/instances?originalStart={start}"));
    assert_eq!(at("2026-03-30T07:00:00Z").ids().len(), 1);
    assert_eq!(at("2026-03-30").ids().len(), 0);
    let days = json!({
        "start": {"date": "2026-03-02"}, "end": {"date": "2026-03-03"},
        "recurrence": ["RRULE:FREQ=DAILY;COUNT=3"],
    });
    bench.insert(&with(&days, &json!({"id": "daili1"})));
    let ids = bench.get("/daili1/instances");
    assert_eq!(ids.ids(), ["daili1_20260302", "daili1_20260303", "daili1_20260304"]);
}

#[test]
fn an_occurrence_is_changed_cancelled_and_brought_back() {
    // quirk: google-28, google-42
    let bench = Bench::new();
    let master = bench.insert(&weekly("standup1"));
    let id = "standup1_20260309T080000Z";
    let refused = bench.patch(id, &json!({"recurrence": null}));
    assert_eq!((refused.status, refused.reason()), (400, "invalid"));
    let stale = bench.send("PATCH", &format!("/{id}"), Some("\"1\""), &json!({"summary": "x"}));
    assert_eq!(stale.status, 412);
    let moved = json!({
        "start": {"dateTime": "2026-03-10T11:00:00+01:00"},
        "end": {"dateTime": "2026-03-10T12:00:00+01:00"}, "summary": "Later",
    });
    let path = format!("/{id}?sendUpdates=none");
    let changed = bench.send("PATCH", &path, Some(&master.etag), &moved);
    assert_eq!(changed.body["id"], id);
    assert_eq!(changed.body["originalStartTime"]["dateTime"], "2026-03-09T09:00:00+01:00");
    assert_eq!(bench.get("/standup1").etag, master.etag);
    assert_ne!(changed.etag, master.etag);
    assert_eq!(bench.delete(id).status, 204);
    assert_eq!(bench.delete(id).status, 410);
    assert_eq!(bench.get("/standup1/instances").ids().len(), 9);
    let back = bench.patch(id, &json!({"status": "confirmed"}));
    assert_eq!(back.body["summary"], "Later");
    assert_eq!(bench.get("/standup1/instances").ids().len(), 10);
}

#[test]
fn rules_are_checked_and_rewritten() {
    // quirk: google-29, google-36, google-37
    let bench = Bench::new();
    let refused = [
        json!(["RRULE:FREQ=HOURLY"]),
        json!(["RRULE:FREQ=WEEKLY;COUNT=3;UNTIL=20260401T000000Z"]),
        json!(["RRULE:FREQ=WEEKLY;UNTIL=20260401"]),
        json!(["RRULE:FREQ=WEEKLY;UNTIL=20260401T000000"]),
        json!(["RRULE:INTERVAL=2"]),
        json!(["RRULE:FREQ=WEEKLY;RSCALE=HEBREW"]),
        json!(["RRULE:FREQ=WEEKLY", "DTSTART:20260302T080000Z"]),
        json!(["RRULE:FREQ=WEEKLY", "RDATE;VALUE=PERIOD:20260303T080000Z/PT1H"]),
        json!(["RRULE:FREQ=WEEKLY", "EXDATE;VALUE=DATE:20260309"]),
        json!(["RRULE:FREQ=WEEKLY", "EXDATE:20260310T080000Z"]),
        json!(["RRULE:FREQ=WEEKLY", "EXDATE;TZID=Nowhere:20260309T090000"]),
        json!(["nonsense"]),
    ];
    for lines in refused {
        let event = with(&hour("standup1"), &json!({"recurrence": lines}));
        assert_eq!(bench.insert(&event).reason(), "invalid", "{lines}");
    }
    let lines = json!([
        "RRULE:BYDAY=mo;INTERVAL=1;WKST=MO;FREQ=weekly;COUNT=5",
        "EXDATE;TZID=Europe/Berlin:20260309T090000,20260316T090000",
        "RDATE:20260304T080000Z",
    ]);
    let made = bench.insert(&with(&hour("standup1"), &json!({"recurrence": lines})));
    let kept = made.body["recurrence"].as_array().unwrap();
    assert_eq!(kept[0], "RRULE:FREQ=WEEKLY;COUNT=5;BYDAY=MO");
    assert_eq!(bench.get("/standup1/instances").ids().len(), 4);
    bench.google.set_quirks(|quirks| {
        *quirks = quirks.clone().with(Quirk::StrayExdatesDropped).with(Quirk::RdateOnlyRefused);
    });
    let stray = json!({"recurrence": ["RRULE:FREQ=WEEKLY", "EXDATE:20260310T080000Z"]});
    let made = bench.insert(&with(&hour("standup2"), &stray));
    assert_eq!(made.body["recurrence"], json!(["RRULE:FREQ=WEEKLY"]));
    let only = json!({"recurrence": ["RDATE:20260304T080000Z"]});
    assert_eq!(bench.insert(&with(&hour("standup3"), &only)).status, 400);
    let zoneless = json!({
        "recurrence": ["RRULE:FREQ=WEEKLY"], "start": {"dateTime": "2026-03-02T08:00:00Z"},
    });
    assert_eq!(bench.insert(&with(&hour("standup4"), &zoneless)).reason(), "required");
}

#[test]
fn a_moved_series_keeps_or_loses_its_exceptions() {
    for (manner, left) in [(OnMove::Stale, 1), (OnMove::Reset, 0)] {
        let bench = Bench::new();
        bench.google.set_quirks(|quirks| quirks.on_move = manner);
        bench.insert(&weekly("standup1"));
        bench.patch("standup1_20260309T080000Z", &json!({"summary": "x"}));
        let later = bench.patch(
            "standup1",
            &json!({
                "start": {"dateTime": "2026-03-02T10:00:00+01:00"},
                "end": {"dateTime": "2026-03-02T11:00:00+01:00"},
            }),
        );
        assert_eq!(later.body["sequence"], 1);
        assert_eq!(bench.list("").ids().len(), 1 + left, "{manner:?}");
        assert_eq!(bench.get("/standup1_20260316T080000Z").status, 404);
        assert_eq!(bench.get("/standup1_20260316T090000Z").status, 200);
    }
}

#[test]
fn exceptions_follow_their_series_or_not() {
    for follows in [false, true] {
        let bench = Bench::new();
        if follows {
            let quirk = Quirk::ExceptionsFollow;
            bench.google.set_quirks(|quirks| *quirks = quirks.clone().with(quirk));
        }
        bench.insert(&weekly("standup1"));
        let (moved, named) = ("standup1_20260309T080000Z", "standup1_20260316T080000Z");
        bench.patch(moved, &json!({"location": "Berlin"}));
        bench.patch(named, &json!({"summary": "Own"}));
        bench.patch("standup1", &json!({"summary": "New"}));
        let title = |id: &str| bench.get(&format!("/{id}")).body["summary"].clone();
        assert_eq!(title(moved), if follows { "New" } else { "Stand-up" });
        assert_eq!(title(named), "Own");
    }
}

#[test]
fn a_series_can_become_a_single_event() {
    let bench = Bench::new();
    bench.insert(&weekly("standup1"));
    bench.patch("standup1_20260309T080000Z", &json!({"summary": "x"}));
    let single = bench.patch("standup1", &json!({"recurrence": []}));
    assert_eq!(single.body["recurrence"], Value::Null);
    assert_eq!(bench.list("").ids(), ["standup1"]);
    let again = bench.patch("standup1", &json!({"recurrence": ["RRULE:FREQ=DAILY;COUNT=2"]}));
    assert_eq!(again.body["recurrence"], json!(["RRULE:FREQ=DAILY;COUNT=2"]));
}

#[test]
fn visibility_is_tightened_for_all_and_loosened_for_none() {
    // quirk: google-67
    let bench = Bench::new();
    bench.insert(&weekly("standup1"));
    let id = "standup1_20260309T080000Z";
    bench.patch(id, &json!({"visibility": "private"}));
    assert_eq!(bench.get("/standup1").body["visibility"], "private");
    let loosened = bench.patch(id, &json!({"visibility": "public"}));
    assert_eq!(loosened.body["visibility"], "private");
}

#[test]
fn a_new_series_is_touched_once_more() {
    // quirk: google-45
    let bench = Bench::new();
    bench.google.set_quirks(|quirks| quirks.touch = Touch::Series);
    let made = bench.insert(&weekly("standup1"));
    let patch = |version: &str| {
        bench.send("PATCH", "/standup1", Some(version), &json!({"summary": "x"})).status
    };
    assert_eq!(patch(&made.etag), 412);
    let etag = bench.get("/standup1").etag;
    assert_eq!(patch(&etag), 200);
}

#[test]
fn an_edit_of_all_events_keeps_or_resets_what_was_different() {
    // quirk: google-74
    let id = "standup1_20260309T080000Z";
    for (manner, listed, told) in
        [(OnEdit::Kept, 2, false), (OnEdit::Reset, 1, false), (OnEdit::Told, 1, true)]
    {
        let bench = Bench::tame();
        bench.google.set_quirks(|quirks| quirks.on_edit = manner);
        let user = bench.google.user(&bench.calendar);
        bench.insert(&weekly("standup1"));
        bench.patch(id, &json!({"summary": "Own"}));
        let token = bench.list("").token();
        assert!(user.set(&user.uids()[0], "SUMMARY", "New"));
        assert_eq!(bench.list("").ids().len(), listed, "{manner:?}");
        let title = bench.get(&format!("/{id}")).body["summary"].clone();
        assert_eq!(title, if listed == 2 { "Own" } else { "New" });
        let changed = bench.list(&format!("syncToken={token}"));
        let items = changed.body["items"].as_array().unwrap();
        let bare = json!({"kind": "calendar#event", "id": id, "status": "cancelled"});
        assert_eq!(items.contains(&bare), told, "{items:?}");
        assert_eq!(items.len(), if told { 2 } else { 1 });
        let quiet = bench.list(&format!("syncToken={}", changed.token()));
        assert_eq!(quiet.ids().len(), 0, "{manner:?}");
    }
}

#[test]
fn an_occurrence_that_nobody_changed_has_its_masters_etag_or_not() {
    // quirk: google-47
    let of = |day: &str| format!("/standup1_202603{day}T080000Z");
    for manner in [Untouched::Masters, Untouched::Hidden, Untouched::Moving] {
        let bench = Bench::tame();
        bench.google.set_quirks(|quirks| quirks.untouched = manner);
        let made = bench.insert(&weekly("standup1"));
        let before = bench.get(&of("09")).etag;
        assert_eq!(before == made.etag, manner == Untouched::Masters);
        assert_eq!(before, bench.get(&of("16")).etag);
        bench.patch("standup1_20260309T080000Z", &json!({"summary": "Own"}));
        let moved = bench.get(&of("16")).etag != before;
        assert_eq!(moved, manner == Untouched::Moving);
        assert_eq!(bench.get("/standup1").etag, made.etag);
    }
}
