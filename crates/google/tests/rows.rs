//! What goes beyond the contract: what requests cost, what stays of what nobody here knows, what is
//! no event, and what becomes of writes that were interrupted.

#[expect(dead_code, unreachable_pub, reason = "every test uses a part of it")]
mod common;

use common::Stage;
use model::{CreateKey, Exception, Resource, Series};
use provider::{Change, ErrorKind, Outcome, Provider};
use sandbox::Op;
use sandbox::faults::{Aim, Fault};
use sandbox::google::{Quirk, Quirks, Touch};
use serde_json::{Value, json};

const WEEKLY: &str = "weekly \"Choir\" 2026-03-03T19:00 Europe/Berlin 1h count=8";
const MOVED: &str = "weekly \"Choir\" 2026-03-03T19:00 Europe/Berlin 1h count=8 \
                     cancel=2026-03-10 move=2026-03-17→20:00 retitle=\"2026-03-24→Concert\"";

fn rude() -> Quirks {
    Quirks { touch: Touch::Every, ..Quirks::default() }
}

fn retitled(series: &Series, title: &str) -> Series {
    let mut series = series.clone();
    if let Some(master) = &mut series.master {
        master.title = Some(title.into());
    }
    series
}

async fn create(stage: &Stage, line: &str, key: &str) -> Resource {
    let series = testkit::series(line);
    let made = stage.google.create(&stage.calendar, &series, &CreateKey::new(key)).await;
    made.expect("it is created")
}

fn native(stage: &Stage, event: Value) -> String {
    stage.user().native(&event)
}

fn row(stage: &Stage, id: &str) -> Value {
    let rows = stage.service.rows(&stage.calendar);
    rows.into_iter().find(|row| row["id"] == id).unwrap_or_default()
}

fn times() -> Value {
    json!({"start": {"dateTime": "2026-05-04T09:00:00Z", "timeZone": "Europe/Berlin"},
        "end": {"dateTime": "2026-05-04T10:00:00Z", "timeZone": "Europe/Berlin"}})
}

fn with(mut event: Value, more: Value) -> Value {
    if let (Value::Object(event), Value::Object(more)) = (&mut event, more) {
        event.extend(more);
    }
    event
}

// quirk: google-16
#[tokio::test]
async fn ten_changes_cost_one_listing_and_one_write_each() {
    let stage = Stage::new(Quirks::tame());
    let mut cursor = stage.list(None).await.expect("it is listed").next;
    let (quiet, cost) = stage.cost(stage.list(Some(&cursor))).await;
    assert_eq!((quiet.expect("it is listed").items.len(), cost), (0, 1), "a quiet cycle");
    let before = stage.google.requests();
    let mut made = Vec::new();
    for number in 0..10 {
        let line = if number % 2 == 0 { "\"Lunch\" 2026-04-01T12:00 UTC" } else { WEEKLY };
        made.push(create(&stage, line, &format!("{number:02}")).await);
    }
    assert_eq!(stage.google.requests() - before, 10, "ten creations");
    let (echo, cost) = stage.cost(stage.list(Some(&cursor))).await;
    let echo = echo.expect("it is listed");
    assert_eq!((echo.items.len(), cost), (10, 1), "their echo");
    assert!(echo.items.iter().all(|item| matches!(item, Change::Present(_))));
    cursor = echo.next;
    let before = stage.google.requests();
    for held in &made {
        let target = retitled(&held.series, "Renamed");
        stage.google.update(&stage.calendar, held, &target).await.expect("it is updated");
    }
    assert_eq!(stage.google.requests() - before, 10, "ten updates");
    let (echo, cost) = stage.cost(stage.list(Some(&cursor))).await;
    assert_eq!((echo.expect("it is listed").items.len(), cost), (10, 1), "their echo");
}

// quirk: google-30
#[tokio::test]
async fn a_zone_that_google_does_not_know_yet_is_written_under_its_former_name() {
    let stage = Stage::new(rude().with(Quirk::OldZones));
    let made = create(&stage, "daily \"Run\" 2026-03-01T06:30 UTC count=5", "0a").await;
    for line in [
        "daily \"Run\" 2026-03-01T06:30 Europe/Kyiv 45m count=5 move=2026-03-02→08:00",
        "daily \"Run\" 2026-03-01T07:30 Europe/Kyiv 45m count=5 move=2026-03-02→08:00",
        "daily \"Run\" 2026-03-01T08:30 Europe/Kyiv 45m count=5 cancel=2026-03-03",
    ] {
        let target = Series { uid: made.series.uid.clone(), ..testkit::series(line) };
        let held = stage.found(&made.id).await;
        let updated = stage.google.update(&stage.calendar, &held, &target).await;
        let updated = updated.expect("it is updated").series;
        assert!(updated.same_content(&target), "{:#?}", updated);
    }
    let named = row(&stage, made.id.as_str())["start"]["timeZone"].clone();
    assert_eq!(named, "Europe/Kiev");
    let line = "daily \"Run\" 2026-03-01T06:30 Europe/Kyiv 45m count=5 move=2026-03-02→08:00 \
                cancel=2026-03-03";
    let second = create(&stage, &format!("{line} uid=second"), "0b").await;
    assert!(second.series.same_content(&testkit::series(line)));
}

// quirk: google-25, google-64, google-68
#[tokio::test]
async fn what_nobody_here_knows_stays() {
    let stage = Stage::new(Quirks::tame());
    let unknown = json!({"summary": "Before", "guestsCanModify": true, "colorId": "3",
        "hangoutLink": "https://meet.google.com/a", "eventLabelId": "label",
        "extendedProperties": {"private": {"other": "1"}, "shared": {"x": "2"}}});
    let id = native(&stage, with(times(), unknown));
    let held = stage.found(&id.as_str().into()).await;
    let target = retitled(&held.series, "After");
    stage.google.update(&stage.calendar, &held, &target).await.expect("it is updated");
    let after = row(&stage, &id);
    assert_eq!(after["summary"], "After");
    for (name, want) in [
        ("guestsCanModify", json!(true)),
        ("colorId", json!("3")),
        ("hangoutLink", json!("https://meet.google.com/a")),
        ("eventLabelId", json!("label")),
        ("extendedProperties", json!({"private": {"other": "1"}, "shared": {"x": "2"}})),
    ] {
        assert_eq!(after[name], want, "{name}");
    }
    let sent = stage.service.log().pop().expect("there was a request").body;
    assert_eq!(String::from_utf8_lossy(&sent), "{\"summary\":\"After\"}");
    stage.assert_careful();
}

#[tokio::test]
async fn what_can_not_be_read_stops_nothing() {
    let stage = Stage::new(Quirks::tame());
    native(&stage, with(times(), json!({"summary": "Fine"})));
    let odd = json!({"summary": "Odd", "recurrence": ["RRULE:FREQ=WEEKLY;BYDAY=XX"]});
    let odd = native(&stage, with(times(), odd));
    let listing = stage.list(None).await.expect("it is listed");
    assert!(listing.titled("Fine").is_some());
    let unreadable = listing.items.iter().find_map(|item| match item {
        Change::Unreadable(unreadable) => Some(unreadable.clone()),
        _ => None,
    });
    let unreadable = unreadable.expect("it is reported");
    assert!(unreadable.id.as_str() == odd && unreadable.version.is_some());
    assert!(!unreadable.reason.contains("Odd"), "{}", unreadable.reason);
    let fetched = stage.google.fetch(&stage.calendar, &[unreadable.id]).await;
    let outcome = fetched.expect("the service answers").remove(0).outcome;
    assert!(matches!(outcome, Outcome::Unreadable(_)), "{outcome:?}");
}

// quirk: google-65, google-66
#[tokio::test]
async fn what_is_googles_own_is_left_out_or_left_alone() {
    let stage = Stage::new(Quirks::tame());
    for kind in ["birthday", "workingLocation", "focusTime", "outOfOffice"] {
        native(&stage, with(times(), json!({"summary": kind, "eventType": kind})));
    }
    let mail = json!({"summary": "Flight", "eventType": "fromGmail"});
    native(&stage, with(times(), mail));
    native(&stage, with(times(), json!({"summary": "Locked", "locked": true})));
    let listing = stage.list(None).await.expect("it is listed");
    assert_eq!(listing.items.len(), 2, "{:?}", listing.items);
    for title in ["Flight", "Locked"] {
        let held = listing.titled(title).expect("it is listed").clone();
        let target = retitled(&held.series, "Another");
        let (refused, cost) =
            stage.cost(stage.google.update(&stage.calendar, &held, &target)).await;
        let error = refused.expect_err("it can't be changed");
        assert_eq!((error.kind(), cost), (ErrorKind::Rejected, 0), "{error}");
        let mut colored = held.series.clone();
        if let Some(master) = &mut colored.master {
            master.color = Some("tomato".to_owned());
        }
        let updated = stage.google.update(&stage.calendar, &held, &colored).await;
        assert!(updated.is_ok(), "{title}: {updated:?}");
    }
}

#[tokio::test]
async fn what_google_can_not_hold_is_refused_before_it_is_sent() {
    let stage = Stage::new(Quirks::tame());
    for (line, word) in [
        ("\"A\" 2026-03-03T19:00 UTC 1h line=\"RRULE:FREQ=HOURLY\"", "within a day"),
        ("\"A\" 2026-03-03T19:00 UTC 1h line=\"RRULE:FREQ=YEARLY;RSCALE=HEBREW\"", "rule"),
        ("\"A\" 9999-12-31 1d", "dates"),
    ] {
        let series = ical::read(testkit::text(line).as_bytes()).expect("it can be read");
        let key = CreateKey::new("00");
        let refused = stage.google.create(&stage.calendar, &series, &key);
        let (refused, cost) = stage.cost(refused).await;
        let error = refused.expect_err("it is refused");
        assert_eq!((error.kind(), cost), (ErrorKind::Rejected, 0), "{line}");
        assert!(error.sentence().contains(word), "{error}");
    }
}

#[tokio::test]
async fn what_google_shows_otherwise_is_told() {
    let stage = Stage::new(Quirks::tame());
    for (line, told) in [
        ("\"A\" 2026-03-03T19:00 Europe/Berlin 1h alarm=-15m url=https://a.example/", None),
        ("\"A\" 2026-03-03T19:00 floating 1h", Some("times: ")),
        ("\"A\" 2026-03-03T19:00 Europe/Berlin 0m", Some("times: ")),
        ("\"A\" 2026-03-03T19:00 UTC 1h line=STATUS:CANCELLED", Some("status: ")),
        ("\"A\" 2026-03-03T19:00 UTC 1h url=tel:+49123", Some("url: ")),
    ] {
        let shown = stage.google.shown_otherwise(&testkit::series(line));
        let right = match told {
            None => shown.is_empty(),
            Some(words) => shown.len() == 1 && shown[0].starts_with(words),
        };
        assert!(right, "{line}: {shown:?}");
    }
}

// quirk: google-34
#[tokio::test]
async fn a_time_without_length_is_held_and_stays_one() {
    let stage = Stage::new(rude());
    let made = create(&stage, "\"Now\" 2026-03-03T19:00 Europe/Berlin 0m", "00").await;
    let master = made.series.master.clone().expect("there is one");
    assert_eq!(master.start, master.end);
    assert_eq!(row(&stage, made.id.as_str())["end"]["dateTime"], "2026-03-03T18:01:00Z");
    let found = stage.found(&made.id).await;
    assert_eq!(found.series.master, Some(master));
}

// quirk: google-21
#[tokio::test]
async fn an_interrupted_creation_is_finished_when_it_is_repeated() {
    // What is sent again by itself is lost twice.
    let losses = [
        (Op::Create, Fault::LostReply, 0),
        (Op::Update, Fault::LostReply, 0),
        (Op::Update, Fault::FailBefore, 0),
        (Op::Update, Fault::WriteFails, 1),
    ];
    for (op, fault, skip) in losses {
        let lost = format!("{fault:?} of {op:?}");
        let stage = Stage::new(rude());
        let series = testkit::series(MOVED);
        let key = CreateKey::new("0a-0b");
        for skip in [skip, skip] {
            stage.world.plan(Aim::op(op).after(skip), fault);
        }
        let first = stage.google.create(&stage.calendar, &series, &key).await;
        assert!(first.is_err() || fault == Fault::LostReply, "{lost}: it is not interrupted");
        stage.world.calm();
        let made = stage.google.create(&stage.calendar, &series, &key).await;
        let made = made.expect("it is created");
        assert_eq!(made.series.exceptions, series.exceptions, "{lost}");
        assert_eq!(stage.user().uids().len(), 1, "{lost}");
        stage.assert_careful();
    }
}

// quirk: google-19
#[tokio::test]
async fn a_creation_that_was_deleted_is_made_anew() {
    let stage = Stage::new(rude());
    let made = create(&stage, WEEKLY, "0a").await;
    stage.user().delete(&stage.user().uids()[0]);
    let again = create(&stage, WEEKLY, "0a").await;
    assert_ne!(made.id, again.id);
    let third = create(&stage, WEEKLY, "0a").await;
    assert_eq!(third.id, again.id);
    assert_eq!(third.series.uid, made.series.uid);
}

// quirk: google-40
#[tokio::test]
async fn a_series_that_was_split_is_two() {
    let stage = Stage::new(rude());
    let made = create(&stage, &format!("{WEEKLY} uid=ours"), "0a").await;
    let uid = stage.user().uids()[0].clone();
    stage.user().split(&uid, "20260324T180000Z", "Choir later").expect("it is split");
    let listing = stage.list(None).await.expect("it is listed");
    let later = listing.titled("Choir later").expect("it is listed");
    assert_ne!(later.series.uid.as_str(), "ours");
    let first = listing.items.iter().find(|item| *item.id() == made.id).expect("it is there");
    let Change::Present(first) = first else { panic!("{first:?}") };
    assert_eq!(first.series.uid.as_str(), "ours");
}

// quirk: google-44, google-47
#[tokio::test]
async fn an_occurrence_that_somebody_changed_is_not_overwritten() {
    let stage = Stage::new(rude());
    let made = create(&stage, WEEKLY, "0a").await;
    let uid = stage.user().uids()[0].clone();
    stage.user().retitle_occurrence(&uid, "20260317T180000Z", "Theirs");
    let target = testkit::series(MOVED);
    let refused = stage.google.update(&stage.calendar, &made, &target).await;
    let error = refused.expect_err("it is stale");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    let found = stage.found(&made.id).await;
    let theirs = found.series.exceptions.values().any(|one| match one {
        Exception::Override(event) => event.title == Some("Theirs".into()),
        Exception::Cancelled => false,
    });
    assert!(theirs, "what they wrote is gone");
    let updated = stage.google.update(&stage.calendar, &found, &target).await;
    assert_eq!(updated.expect("now it is known").series.exceptions, target.exceptions);
}

// quirk: google-50
#[tokio::test]
async fn after_too_many_writes_none_goes_out_for_an_hour_and_reading_goes_on() {
    let stage = Stage::new(Quirks::tame());
    stage.service.exhaust_quota("sam", std::time::Duration::from_secs(600));
    let series = testkit::series(WEEKLY);
    let key = CreateKey::new("0a");
    for expected in [1, 0] {
        let (refused, cost) = stage.cost(stage.google.create(&stage.calendar, &series, &key)).await;
        let kind = refused.expect_err("it is refused").kind();
        assert!(matches!(kind, ErrorKind::WritesLimited { retry_after: Some(_) }), "{kind:?}");
        assert_eq!(cost, expected);
    }
    assert!(stage.list(None).await.is_ok());
    stage.world.advance(std::time::Duration::from_secs(3601));
    assert!(stage.google.create(&stage.calendar, &series, &key).await.is_ok());
}

// quirk: google-12, google-59
#[tokio::test]
async fn nothing_is_gone_from_a_calendar_that_can_not_be_seen() {
    let stage = Stage::new(Quirks::tame());
    let made = create(&stage, WEEKLY, "0a").await;
    stage.service.set_gone(&stage.calendar, sandbox::Gone::Yes);
    let fetched = stage.google.fetch(&stage.calendar, std::slice::from_ref(&made.id)).await;
    assert!(fetched.is_err(), "{fetched:?}");
}

// quirk: google-4
#[tokio::test]
async fn an_occurrence_beside_the_rule_is_held() {
    let stage = Stage::new(rude());
    let text = testkit::text(&format!("{MOVED} uid=odd"));
    // The fourth occurrence is changed as if it had been on another day.
    let text = text.replace(
        "RECURRENCE-ID;TZID=Europe/Berlin:20260324T190000",
        "RECURRENCE-ID;TZID=Europe/Berlin:20260325T190000",
    );
    let series = ical::read(text.as_bytes()).expect("it can be read");
    let made = stage.google.create(&stage.calendar, &series, &CreateKey::new("0a")).await;
    let made = made.expect("it is created");
    assert!(made.series.same_content(&series), "{:#?}", made.series.exceptions);
    assert!(stage.found(&made.id).await.series.same_content(&series));
}

/// Somebody with a server of their own invites to one occurrence; after a restart it is looked at
/// by its id, as after a write that was interrupted.
// quirk: google-4
#[tokio::test]
async fn an_invitation_to_one_occurrence_is_found_by_its_id_after_a_restart() {
    for page in [1, 2500] {
        let mut stage = Stage::new(Quirks { largest_page: page, ..Quirks::default() });
        let uid = "040000008200E00074C5B7101A82E00800000000";
        let invitation = json!({"id": "_abc123_20260504T090000Z", "summary": "Talk",
            "iCalUID": uid, "recurringEventId": "_abc123",
            "originalStartTime": {"dateTime": "2026-05-04T09:00:00Z", "timeZone": "UTC"}});
        native(&stage, with(times(), invitation));
        native(&stage, with(times(), json!({"summary": "Lunch"})));
        let listed = stage.list(None).await.expect("it is listed");
        let id = listed.items.iter().find_map(|item| match item {
            Change::Listed { id, .. } => Some(id.clone()),
            _ => None,
        });
        let id = id.expect("it is listed");
        assert_eq!(stage.found(&id).await.series.uid.as_str(), uid);
        stage.restart();
        let held = stage.found(&id).await;
        assert_eq!(held.series.uid.as_str(), uid);
        // Its UID is known then: the calendar is not listed for it again.
        let (_, cost) = stage.cost(stage.found(&id)).await;
        assert_eq!(cost, if page == 1 { 4 } else { 2 });
        stage.google.delete(&stage.calendar, &held).await.expect("it is deleted");
        stage.restart();
        for id in [id, "_another".into()] {
            let fetched = stage.google.fetch(&stage.calendar, std::slice::from_ref(&id)).await;
            let outcome = fetched.expect("an answer").pop().expect("one").outcome;
            assert!(matches!(outcome, Outcome::Gone), "{id}: {outcome:?}");
        }
        stage.assert_careful();
    }
}
