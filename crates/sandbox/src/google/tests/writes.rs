//! Single events: what is taken, refused, dropped and rewritten.

use serde_json::{Value, json};

use super::{Bench, hour, with};
use crate::faults::{Aim, Fault};
use crate::google::{Quirk, Role};
use crate::{MailCause, Op};

#[test]
fn an_event_comes_back_in_the_calendars_zone() {
    // quirk: google-31
    let bench = Bench::new();
    bench.google.set_zone(&bench.calendar, "America/New_York");
    let made = bench.insert(&hour("dentist1"));
    assert_eq!(made.status, 200, "{made:?}");
    assert_eq!(made.body["start"]["dateTime"], "2026-03-02T03:00:00-05:00");
    assert_eq!(made.body["start"]["timeZone"], "Europe/Berlin");
    assert_eq!(made.body["iCalUID"], "dentist1@google.com");
    assert_eq!(json!(made.etag), made.body["etag"]);
    let updated: jiff::Timestamp = made.body["updated"].as_str().unwrap().parse().unwrap();
    assert_eq!(made.etag, format!("\"{}\"", updated.as_microsecond() * 2));
    let shown = bench.get("/dentist1?timeZone=Asia/Tokyo");
    assert_eq!(shown.body["start"]["dateTime"], "2026-03-02T17:00:00+09:00");
}

#[test]
fn what_is_refused_when_an_event_is_made() {
    // quirk: google-18, google-29, google-30, google-33, google-34, google-65
    let bench = Bench::new();
    let day = |date: &str| json!({"date": date});
    let cases: &[(&str, Value, &str)] = &[
        ("letters beyond v", json!({"id": "wxyz0"}), "invalid"),
        ("capitals", json!({"id": "ABCDE"}), "invalid"),
        ("too short", json!({"id": "abcd"}), "invalid"),
        ("id and iCalUID", json!({"iCalUID": "x@y"}), "badRequest"),
        ("no end", json!({"end": null}), "required"),
        ("no start", json!({"start": null}), "required"),
        ("two kinds", json!({"end": day("2026-03-03")}), "invalid"),
        ("no extent", json!({"end": hour("a")["start"]}), "timeRangeEmpty"),
        (
            "a day without extent",
            json!({"start": day("2026-03-02"), "end": day("2026-03-02")}),
            "timeRangeEmpty",
        ),
        (
            "neither offset nor zone",
            json!({"start": {"dateTime": "2026-03-02T09:00:00"}}),
            "required",
        ),
        (
            "a zone of one's own",
            json!({"start": {"dateTime": "2026-03-02T08:00:00Z", "timeZone": "Custom"}}),
            "invalid",
        ),
        ("a color", json!({"colorId": "12"}), "invalid"),
        ("a status", json!({"status": "CONFIRMED"}), "invalid"),
        ("a source", json!({"source": {"url": "message:x"}}), "invalid"),
        (
            "a place of work",
            json!({"eventType": "workingLocation"}),
            "malformedWorkingLocationEvent",
        ),
        ("an absence", json!({"eventType": "outOfOffice"}), "eventTypeRestriction"),
        (
            "too early a reminder",
            json!({"reminders": {"useDefault": false,
                "overrides": [{"method": "popup", "minutes": 40_321}]}}),
            "invalid",
        ),
        (
            "both kinds of reminders",
            json!({"reminders": {"useDefault": true,
                "overrides": [{"method": "popup", "minutes": 1}]}}),
            "cannotUseDefaultRemindersAndSpecifyOverride",
        ),
        ("a guest without address", json!({"attendees": [{"email": "x"}]}), "invalid"),
        ("what is not to be", json!({"status": "cancelled"}), "invalid"),
        (
            "an exception",
            json!({"recurringEventId": "abcde", "originalStartTime": day("2026-03-02")}),
            "invalid",
        ),
    ];
    for (name, change, reason) in cases {
        let refused = bench.insert(&with(&hour("abcde"), change));
        assert_eq!((refused.status, refused.reason()), (400, *reason), "{name}: {refused:?}");
    }
    bench.google.assert_unviolated();
    bench.google.set_quirks(|quirks| *quirks = quirks.clone().with(Quirk::OldZones));
    let kyiv = json!({"start": {"dateTime": "2026-03-02T08:00:00Z", "timeZone": "Europe/Kyiv"}});
    assert_eq!(bench.insert(&with(&hour("abcde"), &kyiv)).reason(), "invalid");
}

#[test]
fn what_nobody_may_send_is_a_violation() {
    // quirk: google-57
    let bench = Bench::new();
    let calendar = format!("/calendar/v3/calendars/{}", bench.calendar.as_str());
    let cases: &[(&str, &str, String, Value)] = &[
        ("a calendar's deletion", "DELETE", calendar.clone(), Value::Null),
        ("the same with a slash", "DELETE", format!("{calendar}/events/"), Value::Null),
        ("an unknown parameter", "GET", format!("{calendar}/events?limit=3"), Value::Null),
        ("a wrong value", "GET", format!("{calendar}/events?showDeleted=yes"), Value::Null),
        ("no results", "GET", format!("{calendar}/events?maxResults=0"), Value::Null),
        ("a parameter twice", "GET", format!("{calendar}/events?q=a&q=b"), Value::Null),
        ("an unknown field", "POST", format!("{calendar}/events"), json!({"title": "x"})),
        ("a wrong type", "POST", format!("{calendar}/events"), json!({"summary": 3})),
        (
            "an unknown field within",
            "POST",
            format!("{calendar}/events"),
            json!({"start": {"at": "x"}}),
        ),
        ("no object", "POST", format!("{calendar}/events"), json!([])),
        ("a body for nothing", "DELETE", format!("{calendar}/events/abcde"), json!({})),
        ("another version", "GET", "/calendar/v2/colors".to_owned(), Value::Null),
    ];
    for (count, (name, method, path, body)) in cases.iter().enumerate() {
        let refused = bench.ask(method, path, None, body).unwrap();
        assert!(refused.status >= 400, "{name}");
        assert_eq!(bench.google.violations().len(), count + 1, "{name}: {refused:?}");
    }
}

#[test]
fn an_id_is_taken_for_ever() {
    // quirk: google-11, google-19
    let bench = Bench::new();
    assert_eq!(bench.insert(&hour("dentist1")).status, 200);
    assert_eq!(bench.insert(&hour("dentist1")).reason(), "duplicate");
    assert_eq!(bench.delete("dentist1").status, 204);
    let again = bench.delete("dentist1");
    assert_eq!((again.status, again.reason()), (410, "deleted"));
    assert_eq!(bench.insert(&hour("dentist1")).status, 409);
    let shown = bench.get("/dentist1");
    assert_eq!((shown.status, &shown.body["status"]), (200, &json!("cancelled")));
    assert_eq!(bench.patch("dentist1", &json!({"summary": "x"})).status, 403);
    let revived = bench.patch("dentist1", &json!({"status": "confirmed"}));
    assert_eq!(revived.body["summary"], "Dentist");
    assert_eq!(bench.delete("nothing1").status, 404);
}

#[test]
fn a_uid_is_taken_by_what_nobody_can_find() {
    // quirk: google-20
    let bench = Bench::new();
    let event = with(&hour("x"), &json!({"id": null, "iCalUID": "one@home"}));
    let made = bench.insert(&event);
    assert_eq!(bench.insert(&event).status, 409);
    bench.delete(made.body["id"].as_str().unwrap());
    assert_eq!(bench.insert(&event).status, 409);
    assert!(bench.list("iCalUID=one%40home&showDeleted=true").ids().is_empty());
    bench.google.set_quirks(|quirks| *quirks = quirks.clone().without(Quirk::HiddenTombstones));
    assert_eq!(bench.list("iCalUID=one%40home&showDeleted=true").ids().len(), 1);
}

#[test]
fn an_import_replaces_and_asks_who_is_there() {
    // quirk: google-22, google-23, google-24
    let bench = Bench::new();
    let import = |more: Value| {
        let base = with(&hour("x"), &json!({"id": null, "iCalUID": "one@home"}));
        bench.send("POST", "/import", None, &with(&base, &more))
    };
    assert_eq!(import(json!({"id": "abcde"})).reason(), "invalid");
    assert_eq!(import(json!({"iCalUID": null})).reason(), "required");
    let stranger = json!({"attendees": [{"email": "ann@example.org"}]});
    assert_eq!(import(stranger).reason(), "participantIsNeitherOrganizerNorAttendee");
    let first = import(json!({"location": "Berlin"}));
    let second = import(json!({}));
    assert_eq!(first.body["id"], second.body["id"]);
    assert_eq!(second.body["location"], Value::Null);
    let own = bench.calendar.as_str();
    let copy = import(json!({
        "organizer": {"email": "ann@example.org"}, "attendees": [{"email": own}],
    }));
    assert_eq!(copy.body["privateCopy"], true, "{copy:?}");
    assert_eq!(copy.body["attendees"][0]["self"], true);
    bench.world.assert_no_mail();
}

#[test]
fn a_patch_merges_and_null_takes_away() {
    // quirk: google-26, google-27, google-48
    let bench = Bench::new();
    let private = json!({"private": {"a": "1", "b": "2"}});
    let base = with(
        &hour("dentist1"),
        &json!({
            "location": "Berlin", "extendedProperties": private,
            "reminders": {"useDefault": false, "overrides": [{"method": "popup", "minutes": 5}]},
        }),
    );
    bench.insert(&base);
    let merged = bench.patch(
        "dentist1",
        &json!({
            "location": null, "extendedProperties": {"private": {"a": null, "c": "3"}},
            "reminders": {"overrides": [{"method": "email", "minutes": 9}]},
        }),
    );
    assert_eq!(merged.body["location"], Value::Null);
    assert_eq!(merged.body["extendedProperties"], json!({"private": {"b": "2", "c": "3"}}));
    assert_eq!(merged.body["reminders"]["overrides"].as_array().unwrap().len(), 1);
    assert_eq!(merged.body["reminders"]["useDefault"], false);
    let days = |more: Value| {
        json!({
            "start": with(&json!({"date": "2026-03-02"}), &more),
            "end": with(&json!({"date": "2026-03-03"}), &more),
        })
    };
    assert_eq!(bench.patch("dentist1", &days(json!({}))).reason(), "invalid");
    let nulls = json!({"dateTime": null, "timeZone": null});
    let whole = bench.patch("dentist1", &days(nulls));
    assert_eq!(whole.body["start"], json!({"date": "2026-03-02"}), "{whole:?}");
    assert_eq!(whole.body["sequence"], 1);
    assert_eq!(bench.patch("dentist1", &json!({"sequence": 0})).reason(), "invalid");
    assert_eq!(bench.patch("dentist1", &json!({"iCalUID": "x@y"})).reason(), "invalid");
    assert_eq!(bench.patch("dentist1", &json!({"eventType": "birthday"})).status, 400);
}

#[test]
fn put_takes_away_what_it_does_not_say() {
    // quirk: google-25
    let bench = Bench::new();
    let location = json!({"location": "Berlin", "description": "x"});
    bench.insert(&with(&hour("dentist1"), &location));
    let put = |body: &Value| bench.send("PUT", "/dentist1?sendUpdates=none", None, body);
    assert_eq!(put(&json!({"summary": "x"})).reason(), "required");
    let after = put(&with(&hour("dentist1"), &json!({"summary": "Haircut"})));
    assert_eq!(
        (&after.body["location"], &after.body["summary"]),
        (&Value::Null, &json!("Haircut"))
    );
    assert_eq!(after.body["iCalUID"], "dentist1@google.com");
}

#[test]
fn versions_are_compared_as_they_are_written() {
    // quirk: google-44, google-46
    let bench = Bench::new();
    let made = bench.insert(&hour("dentist1"));
    let patch = |version: &str| {
        bench.send("PATCH", "/dentist1?sendUpdates=none", Some(version), &json!({"summary": "x"}))
    };
    let bare = made.etag.trim_matches('"').to_owned();
    for wrong in [bare.as_str(), "\"1\"", ""] {
        let refused = patch(wrong);
        assert_eq!((refused.status, refused.reason()), (412, "conditionNotMet"), "{wrong:?}");
    }
    let next = patch(&made.etag);
    assert_eq!(next.status, 200);
    assert_ne!(next.etag, made.etag);
    assert_eq!(patch(&made.etag).status, 412);
    assert_eq!(patch("*").status, 200);
    let delete = bench.send("DELETE", "/dentist1", Some(&made.etag), &Value::Null);
    assert_eq!(delete.status, 412);
}

#[test]
fn texts_and_properties_are_cut_without_a_word() {
    // quirk: google-38, google-39, google-64, google-68
    let bench = Bench::new();
    let long = "ä".repeat(9000);
    let made = bench.insert(&with(
        &hour("dentist1"),
        &json!({
            "description": long, "location": "", "conferenceData": {"conferenceId": "x"},
            "attachments": [{"fileUrl": "https://drive.example/x"}],
            "eventLabelId": "x",
            "extendedProperties": {"private": {"k".repeat(45): "v", "k": "v".repeat(2000)}},
        }),
    ));
    assert_eq!(made.body["description"].as_str().unwrap().chars().count(), 8192);
    let kept = made.body["extendedProperties"]["private"].as_object().unwrap();
    assert_eq!(kept.len(), 1);
    assert_eq!(kept["k"].as_str().unwrap().len(), 1024);
    for name in ["location", "conferenceData", "attachments", "eventLabelId", "transparency"] {
        assert_eq!(made.body[name], Value::Null, "{name}");
    }
    let block = "Hello\n-::~:~::~:~::-\nJoin: https://meet.example/x\n-::~:~::~:~::-";
    let made = bench.patch("dentist1", &json!({"description": block}));
    assert_eq!(made.body["description"], "Hello");
}

#[test]
fn reminders_do_not_move_updated() {
    // quirk: google-17
    let bench = Bench::new();
    let made = bench.insert(&hour("dentist1"));
    let reminders = json!({"useDefault": false, "overrides": []});
    let after = bench.patch("dentist1", &json!({"reminders": reminders}));
    assert_eq!(after.body["updated"], made.body["updated"]);
    assert_ne!(after.etag, made.etag);
}

#[test]
fn guests_get_mail_unless_they_are_not_to() {
    // quirk: google-63, google-60
    let bench = Bench::new();
    let own = bench.calendar.as_str();
    let guests = json!({"attendees": [{"email": "ann@example.org"}, {"email": own}]});
    let made = bench.insert(&with(&hour("dentist1"), &guests));
    assert_eq!(made.body["attendees"][1]["self"], true);
    assert_eq!(made.body["organizer"]["self"], true);
    assert_eq!(made.body["creator"]["self"], Value::Null);
    bench.world.assert_no_mail();
    bench.google.assert_careful_writes();
    bench.send("PATCH", "/dentist1", None, &json!({"summary": "x"}));
    bench.send(
        "PATCH",
        "/dentist1?sendUpdates=all",
        None,
        &json!({"attendees": [{"email": "bob@example.org"}]}),
    );
    bench.send("DELETE", "/dentist1?sendUpdates=externalOnly", None, &Value::Null);
    let causes: Vec<MailCause> = bench.world.outbox().iter().map(|mail| mail.cause).collect();
    let expected = [MailCause::MeetingChanged, MailCause::PeopleWritten, MailCause::MeetingDeleted];
    assert_eq!(causes, expected);
}

#[test]
fn rights_are_looked_at() {
    // quirk: google-12, google-50, google-59
    let bench = Bench::new();
    bench.insert(&hour("dentist1"));
    bench.google.set_role(&bench.calendar, "gil", Role::Reader);
    assert_eq!(bench.insert(&hour("dentist2")).reason(), "requiredAccessLevel");
    assert_eq!(bench.get("/dentist1").status, 200);
    bench.google.set_role(&bench.calendar, "gil", Role::FreeBusyReader);
    assert_eq!(bench.get("/dentist1").body["summary"], Value::Null);
    bench.google.set_role(&bench.calendar, "gil", Role::None);
    for (method, path) in [("GET", "/dentist1"), ("GET", ""), ("DELETE", "/dentist1")] {
        assert_eq!(bench.send(method, path, None, &Value::Null).reason(), "notFound");
    }
    bench.google.set_role(&bench.calendar, "gil", Role::Writer);
    bench.google.exhaust_quota("gil", std::time::Duration::from_secs(3600));
    assert_eq!(bench.insert(&hour("dentist2")).reason(), "quotaExceeded");
    assert_eq!(bench.get("/dentist1").status, 200);
    bench.world.advance(std::time::Duration::from_secs(3600));
    assert_eq!(bench.insert(&hour("dentist2")).status, 200);
}

#[test]
fn a_move_leaves_a_cancelled_row_and_says_so() {
    // quirk: google-62
    let bench = Bench::new();
    bench.insert(&hour("dentist1"));
    let other = bench.google.add_calendar("gil", "Work");
    let path = format!("/dentist1/move?destination={}&sendUpdates=none", other.as_str());
    let moved = bench.send("POST", &path, None, &Value::Null);
    assert_eq!((moved.status, &moved.body["status"]), (200, &json!("cancelled")));
    let there = format!("/calendar/v3/calendars/{}/events/dentist1", other.as_str());
    let there = bench.ask("GET", &there, None, &Value::Null).unwrap();
    assert_eq!(there.body["organizer"]["email"], other.as_str());
}

#[test]
fn faults_are_played() {
    // quirk: google-21, google-45, google-49, google-51, google-52
    let bench = Bench::new();
    let strike = |op, fault| bench.world.plan(Aim::op(op), fault);
    strike(Op::Create, Fault::LostReply);
    let path = format!("{}?sendUpdates=none", bench.events());
    assert!(bench.ask("POST", &path, None, &hour("dentist1")).is_none());
    assert_eq!(bench.insert(&hour("dentist1")).status, 409);
    strike(Op::Create, Fault::RewrittenAfter);
    let made = bench.insert(&hour("dentist2"));
    assert_ne!(bench.get("/dentist2").etag, made.etag);
    strike(Op::Update, Fault::Race);
    let etag = bench.get("/dentist2").etag;
    let raced = bench.send("PATCH", "/dentist2", Some(&etag), &json!({}));
    assert_eq!(raced.status, 412);
    strike(Op::Changes, Fault::Truncated);
    let cut = bench.get("");
    assert_eq!((cut.status, &cut.body), (200, &Value::Null));
    let mut said = std::collections::BTreeSet::new();
    for _ in 0..4 {
        strike(Op::Changes, Fault::RateLimited { retry_after: None });
        let refused = bench.get("");
        let newer = refused.body["error"]["status"].as_str().unwrap_or_default();
        said.insert((refused.status, refused.reason().to_owned(), newer.to_owned()));
    }
    assert_eq!(said.len(), 4, "{said:?}");
    for _ in 0..3 {
        strike(Op::Changes, Fault::OutOfOrder { retry_after: None });
        assert_eq!(bench.get("").status, 503);
    }
}
