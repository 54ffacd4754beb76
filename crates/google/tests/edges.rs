//! Where Google can say less than the other side, or says it in pieces: nothing is lost for it, and
//! nothing stays that nobody wants.

#[expect(dead_code, unreachable_pub, reason = "every test uses a part of it")]
mod common;

use common::Stage;
use model::{CreateKey, Exception, Resource};
use provider::{Change, ErrorKind, Next, Provider};
use sandbox::Op;
use sandbox::faults::{Aim, Fault};
use sandbox::google::{OnMove, Quirk, Quirks, Role};
use serde_json::{Value, json};

async fn create(stage: &Stage, line: &str, key: &str) -> Resource {
    let series = testkit::series(line);
    let made = stage.google.create(&stage.calendar, &series, &CreateKey::new(key)).await;
    made.expect("it is created")
}

fn row(stage: &Stage, id: &str) -> Value {
    let rows = stage.service.rows(&stage.calendar);
    rows.into_iter().find(|row| row["id"] == id).unwrap_or_default()
}

/// Another client, over the API: what it says, whatever stands there.
async fn elsewhere(stage: &Stage, event: &str, patch: &Value) {
    let calendar = stage.calendar.as_str().replace('@', "%40");
    let base = "https://www.googleapis.com/calendar/v3/calendars";
    let request = http::Request::builder()
        .method("PATCH")
        .uri(format!("{base}/{calendar}/events/{event}?sendUpdates=none"))
        .header("authorization", format!("Bearer {}", stage.service.access_token("sam")))
        .header("content-type", "application/json")
        .header("if-match", "*")
        .body(bytes::Bytes::from(patch.to_string()))
        .expect("a request");
    let answer = stage.service.answer(request).await.expect("an answer");
    assert_eq!(answer.status(), 200, "{:?}", answer.body());
}

fn minutes(row: &Value) -> Vec<i64> {
    let reminders = row["reminders"]["overrides"].as_array().cloned().unwrap_or_default();
    let mut minutes: Vec<i64> =
        reminders.iter().filter_map(|one| one["minutes"].as_i64()).collect();
    minutes.sort_unstable();
    minutes
}

#[tokio::test]
async fn one_of_five_reminders_changed_leaves_the_four_that_google_does_not_show() {
    let stage = Stage::new(Quirks::default());
    let line = "\"Dentist\" 2026-03-03T19:00 Europe/Berlin 1h alarm=-5m alarm=-10m alarm=-15m \
                alarm=-30m alarm=-60m alarm=-2h alarm=-1d alarm=5m alarm=-3d";
    let made = create(&stage, line, "0a").await;
    assert_eq!(minutes(&row(&stage, made.id.as_str())), [5, 10, 15, 30, 60]);
    let alarms = |held: &Resource| held.series.master.as_ref().unwrap().alarms.clone();
    let before = alarms(&made);
    assert_eq!(before.len(), 9);
    let uid = stage.user().uids()[0].clone();
    let change = |from: &str, to: &str| {
        stage.user().edit(&uid, |text| text.replace(from, to));
    };
    change("TRIGGER:-PT5M", "TRIGGER:-PT6M");
    let held = stage.found(&made.id).await;
    assert_eq!(alarms(&held).len(), 9);
    assert_eq!(before.difference(&alarms(&held)).count(), 1);
    // What is remembered with the next write is what is shown then.
    let mut target = held.series.clone();
    target.master.as_mut().unwrap().title = Some("Doctor".into());
    let held = stage.google.update(&stage.calendar, &held, &target).await.expect("it is updated");
    assert_eq!(minutes(&row(&stage, made.id.as_str())), [6, 10, 15, 30, 60]);
    change("TRIGGER:-PT10M", "TRIGGER:-PT12M");
    let again = stage.found(&made.id).await;
    assert_eq!((alarms(&again).len(), alarms(&held).difference(&alarms(&again)).count()), (9, 1));
    assert_eq!(minutes(&row(&stage, made.id.as_str())), [6, 12, 15, 30, 60]);
}

const MOVED: &str = "weekly \"Choir\" 2026-03-02T09:00 Europe/Berlin 15m count=12 \
                     move=2026-03-30→11:00";

// quirk: google-71
#[tokio::test]
async fn a_series_that_becomes_one_of_days_leaves_no_ghost() {
    let stage = Stage::new(Quirks::default());
    let made = create(&stage, &format!("{MOVED} uid=one"), "0a").await;
    let days = testkit::series("weekly \"Choir\" 2026-03-02 1d count=12 uid=one");
    stage.google.update(&stage.calendar, &made, &days).await.expect("it is updated");
    let live = stage.service.rows(&stage.calendar);
    let live: Vec<_> = live.iter().filter(|row| row["status"] == "confirmed").collect();
    assert_eq!(live.len(), 1, "{live:#?}");
    stage.assert_careful();
}

// quirk: google-71
#[tokio::test]
async fn what_google_leaves_of_a_series_that_changed_its_kind_is_read() {
    let stage = Stage::new(Quirks::default());
    let made = create(&stage, MOVED, "0a").await;
    let days = json!({"start": {"date": "2026-03-02", "dateTime": null, "timeZone": null},
        "end": {"date": "2026-03-03", "dateTime": null, "timeZone": null}});
    elsewhere(&stage, made.id.as_str(), &days).await;
    let found = stage.found(&made.id).await;
    let key = model::When::Date(jiff::civil::date(2026, 3, 30));
    let Some(Exception::Override(left)) = found.series.exceptions.get(&key) else {
        panic!("{:?}", found.series.exceptions)
    };
    assert_eq!(left.start.wall(), jiff::civil::datetime(2026, 3, 30, 11, 0, 0, 0));
    // Whatever is written next, it takes the place of the occurrence of that day.
    let mut target = found.series.clone();
    target.master.as_mut().unwrap().title = Some("Concert".into());
    let held = stage.google.update(&stage.calendar, &found, &target).await.expect("it is updated");
    assert!(held.series.same_content(&target), "{:#?}", held.series);
    let own = row(&stage, &format!("{}_20260330", made.id));
    let left = row(&stage, &format!("{}_20260330T070000Z", made.id));
    assert_eq!((&own["status"], &left["status"]), (&json!("confirmed"), &json!("cancelled")));
}

/// An invitation to one occurrence of somebody else's series.
fn invited(uid: &str, day: &str, status: &str, title: &str) -> Value {
    let at =
        |hour: &str| json!({"dateTime": format!("2027-05-{day}T{hour}:00:00Z"), "timeZone": "UTC"});
    json!({"id": format!("ghost1_202705{day}T090000Z"), "summary": title, "iCalUID": uid,
        "status": status, "organizer": {"email": "boss@example.test"},
        "recurringEventId": "ghost1", "originalStartTime": at("09"),
        "start": at("09"), "end": at("10")})
}

// quirk: google-4
#[tokio::test]
async fn what_an_organizer_does_to_the_one_occurrence_we_are_invited_to_arrives() {
    for (uid, page) in [("ghost1@google.com", 2500), ("elsewhere@example.test", 1)] {
        let mut stage = Stage::new(Quirks { largest_page: page, ..Quirks::default() });
        let user = stage.user();
        user.native(&invited(uid, "04", "cancelled", "Guest"));
        user.native(&invited(uid, "11", "confirmed", "Guest"));
        let full = stage.list(None).await.expect("it is listed");
        user.native(&invited(uid, "11", "confirmed", "Guest, renamed"));
        let delta = stage.list(Some(&full.next)).await.expect("it is listed");
        assert!(matches!(&delta.items[..], [Change::Listed { .. }]), "{:?}", delta.items);
        let title = |held: &Resource| {
            held.series
                .face()
                .and_then(|face| face.title.clone())
                .expect("a title")
                .expose()
                .clone()
        };
        for _ in 0..2 {
            let found = stage.found(&"ghost1".into()).await;
            assert_eq!(
                (title(&found).as_str(), found.series.exceptions.len()),
                ("Guest, renamed", 2)
            );
        }
        if uid.starts_with("ghost1") {
            stage.restart();
            assert_eq!(title(&stage.found(&"ghost1".into()).await), "Guest, renamed");
        }
        user.native(&invited(uid, "11", "cancelled", "Guest, renamed"));
        let delta = stage.list(Some(&delta.next)).await.expect("it is listed");
        assert!(matches!(&delta.items[..], [Change::Missing(_)]), "{:?}", delta.items);
        let fetched = stage.google.fetch(&stage.calendar, &["ghost1".into()]).await;
        let outcome = fetched.expect("an answer").pop().expect("one").outcome;
        assert!(matches!(outcome, provider::Outcome::Gone), "{outcome:?}");
    }
}

// quirk: google-63
#[tokio::test]
async fn no_single_occurrence_of_ours_is_taken_from_its_guests() {
    let stage = Stage::new(Quirks::default());
    let ours = json!({"email": stage.calendar.as_str(), "self": true});
    let mut meeting = invited("ghost1@google.com", "11", "confirmed", "Host");
    meeting["organizer"] = ours.clone();
    meeting["attendees"] = json!([{"email": "ann@example.test"}, ours]);
    stage.user().native(&meeting);
    stage.list(None).await.expect("it is listed");
    let found = stage.found(&"ghost1".into()).await;
    let mut cancelled = found.series.clone();
    let key = cancelled.exceptions.keys().next().expect("the occurrence").clone();
    cancelled.exceptions.insert(key, Exception::Cancelled);
    let mut absent = found.series.clone();
    absent.exceptions.clear();
    for target in [cancelled, absent] {
        let refused = stage.google.update(&stage.calendar, &found, &target).await;
        let refused = refused.expect_err("guests would come");
        assert!(refused.sentence().contains("people are invited"), "{refused:?}");
    }
    assert_eq!(row(&stage, "ghost1_20270511T090000Z")["status"], "confirmed");
}

// quirk: google-41
#[tokio::test]
async fn a_series_that_was_moved_and_moved_back_has_what_google_left_it() {
    for (on_move, want) in [(OnMove::Reset, 0), (OnMove::Stale, 1)] {
        let stage = Stage::new(Quirks { on_move, ..Quirks::default() });
        let made = create(&stage, MOVED, "0a").await;
        let cursor = stage.list(None).await.expect("it is listed").next;
        for hour in ["06", "08"] {
            let at = |minute: &str| {
                let time = format!("2026-03-02T{hour}:{minute}:00Z");
                json!({"dateTime": time, "timeZone": "Europe/Berlin"})
            };
            let moved = json!({"start": at("00"), "end": at("15")});
            elsewhere(&stage, made.id.as_str(), &moved).await;
        }
        let echo = stage.list(Some(&cursor)).await.expect("it is listed");
        assert!(matches!(&echo.items[..], [Change::Listed { .. }]), "{:?}", echo.items);
        assert_eq!(stage.found(&made.id).await.series.exceptions.len(), want, "{on_move:?}");
    }
}

// quirk: google-29, google-32
#[tokio::test]
async fn a_single_event_without_a_zone_can_begin_to_repeat() {
    let stage = Stage::new(Quirks::default());
    let id = stage.user().native(&json!({"summary": "Zoneless",
        "start": {"dateTime": "2026-05-04T09:00:00Z"},
        "end": {"dateTime": "2026-05-04T10:00:00Z"}}));
    let held = stage.found(&id.as_str().into()).await;
    let mut target = held.series.clone();
    let weekly = testkit::series("weekly \"Zoneless\" 2026-05-04T09:00 UTC 1h count=4");
    target.recurrence = weekly.recurrence;
    let updated = stage.google.update(&stage.calendar, &held, &target).await;
    assert!(updated.expect("it is updated").series.same_content(&target));
}

// quirk: google-5, google-17, google-38
#[tokio::test]
async fn an_undone_cancellation_leaves_what_google_has_of_the_occurrence() {
    let stage = Stage::new(Quirks::default());
    let user = stage.user();
    let text = "Bring <b>cake</b>, see <a href=\"https://x.test/a\">here</a>";
    let link = json!({"entryPoints": [{"entryPointType": "video", "uri": "https://meet.test/a"}]});
    let id = user.native(&json!({"summary": "Choir", "description": text, "conferenceData": link,
        "reminders": {"useDefault": true}, "recurrence": ["RRULE:FREQ=WEEKLY;COUNT=8"],
        "start": {"dateTime": "2026-05-04T09:00:00Z", "timeZone": "Europe/Berlin"},
        "end": {"dateTime": "2026-05-04T10:00:00Z", "timeZone": "Europe/Berlin"}}));
    let uid = user.uids()[0].clone();
    for (day, retitled) in [("11", false), ("18", true)] {
        assert!(user.cancel_occurrence(&uid, &format!("202605{day}T090000Z")));
        let held = stage.found(&id.as_str().into()).await;
        let mut target = held.series.clone();
        let (key, cancelled) = target.exceptions.pop_first().expect("one is cancelled");
        assert_eq!(cancelled, Exception::Cancelled);
        if retitled {
            let mut event = ical::implied(target.master.as_ref().unwrap(), &key);
            event.title = Some("Concert".into());
            target.exceptions.insert(key, Exception::Override(Box::new(event)));
        }
        let updated = stage.google.update(&stage.calendar, &held, &target).await;
        assert!(updated.expect("it is updated").series.same_content(&target));
        let now = row(&stage, &format!("{id}_202605{day}T090000Z"));
        assert_eq!((&now["status"], &now["description"]), (&json!("confirmed"), &json!(text)));
        assert_eq!(now["reminders"], json!({"useDefault": true}));
        assert_eq!(now["conferenceData"], link);
        assert_eq!(now["summary"] == "Concert", retitled);
    }
}

// quirk: google-38, google-39
#[tokio::test]
async fn who_edits_the_beginning_of_a_long_description_leaves_the_rest_of_it() {
    let stage = Stage::new(Quirks::default());
    let mut series = testkit::series("\"Notes\" 2026-03-02T09:00 floating 15m color=teal");
    let set = |series: &mut model::Series, text: String| {
        series.master.as_mut().unwrap().description = Some(text.into());
    };
    let text = |held: &Resource| {
        let event = held.series.master.clone().expect("a master");
        event.description.map(|text| text.expose().clone()).unwrap_or_default()
    };
    for long in ["word — ".repeat(2200), "x <b> & y\n".repeat(1500)] {
        let long = format!("{long}end");
        set(&mut series, long.clone());
        let said = stage.google.shown_otherwise(&series);
        let limit = "description: only about its first 7000 characters";
        assert!(said.iter().any(|said| said == limit), "{said:?}");
        let key = CreateKey::new(&long[..9]);
        let made = stage.google.create(&stage.calendar, &series, &key).await.expect("created");
        assert!(made.series.same_content(&series), "the small things too");
        let id = made.id.as_str();
        let shown = row(&stage, id)["description"].as_str().expect("a text").to_owned();
        elsewhere(&stage, id, &json!({"description": format!("First. {shown}")})).await;
        let held = stage.found(&made.id).await;
        assert_eq!(text(&held), format!("First. {long}"));
        // Written again, the rest is what is not shown then.
        let mut target = held.series.clone();
        set(&mut target, format!("Before that. {}", text(&held)));
        let held = stage.google.update(&stage.calendar, &held, &target).await.expect("updated");
        assert_eq!(text(&held), format!("Before that. First. {long}"));
        elsewhere(&stage, id, &json!({"description": "Short."})).await;
        let held = stage.found(&made.id).await;
        assert_eq!(text(&held), "Short.");
        let mut target = held.series.clone();
        target.master.as_mut().unwrap().title = Some("Other".into());
        stage.google.update(&stage.calendar, &held, &target).await.expect("updated");
        let kept = row(&stage, id)["extendedProperties"]["private"].clone();
        assert!(kept.get("calpair-rest1").is_none(), "{kept}");
    }
}

// quirk: google-60, google-63
#[tokio::test]
async fn a_meeting_that_others_are_invited_to_is_not_deleted_behind_their_backs() {
    let stage = Stage::new(Quirks::default());
    let ours = stage.calendar.as_str().to_owned();
    let guest = json!({"email": "ann@example.test"});
    let room = json!({"email": "room@example.test", "resource": true});
    for (organizer, attendees, refused) in [
        (ours.as_str(), json!([guest, {"email": ours}]), true),
        (ours.as_str(), json!([room, {"email": ours}]), false),
        ("boss@example.test", json!([guest, {"email": ours}]), false),
    ] {
        let id = stage.user().native(&json!({"summary": "Meeting",
            "organizer": {"email": organizer}, "attendees": attendees,
            "start": {"dateTime": "2026-05-04T09:00:00Z", "timeZone": "Europe/Berlin"},
            "end": {"dateTime": "2026-05-04T10:00:00Z", "timeZone": "Europe/Berlin"}}));
        let held = stage.found(&id.as_str().into()).await;
        let deleted = stage.google.delete(&stage.calendar, &held).await;
        let kind = deleted.err().map(|error| error.kind());
        assert_eq!(kind, refused.then_some(ErrorKind::Rejected), "{organizer}");
        let status = if refused { "confirmed" } else { "cancelled" };
        assert_eq!(row(&stage, &id)["status"], status);
    }
    stage.assert_careful();
}

// quirk: google-60, google-63
#[tokio::test]
async fn no_occurrence_of_a_meeting_is_cancelled_behind_the_guests_backs() {
    let stage = Stage::new(Quirks::default());
    let ours = stage.calendar.as_str().to_owned();
    let id = stage.user().native(&json!({"summary": "Choir", "organizer": {"email": ours},
        "attendees": [{"email": "ann@example.test"}, {"email": ours}],
        "recurrence": ["RRULE:FREQ=WEEKLY;COUNT=4"],
        "start": {"dateTime": "2026-05-04T09:00:00Z", "timeZone": "Europe/Berlin"},
        "end": {"dateTime": "2026-05-04T10:00:00Z", "timeZone": "Europe/Berlin"}}));
    let held = stage.found(&id.as_str().into()).await;
    let mut target = held.series.clone();
    let start = target.master.as_ref().unwrap().start.clone();
    let second = start.with_wall(start.wall().checked_add(jiff::Span::new().days(7)).unwrap());
    target.exceptions.insert(second, Exception::Cancelled);
    let error = stage.google.update(&stage.calendar, &held, &target).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected, "{error}");
    assert_eq!(stage.found(&id.as_str().into()).await.series.exceptions, held.series.exceptions);
    stage.assert_careful();
}

// quirk: google-59
#[tokio::test]
async fn a_calendar_that_shows_only_when_its_owner_is_busy_is_not_read() {
    let stage = Stage::new(Quirks::default());
    create(&stage, MOVED, "0a").await;
    stage.service.set_role(&stage.calendar, "sam", Role::FreeBusyReader);
    let error = stage.google.changes(&stage.calendar, None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden, "{error}");
    assert!(error.sentence().contains("only when its owner is busy"), "{error}");
    let listed = stage.google.calendars().await.unwrap();
    assert!(listed.iter().all(|calendar| calendar.id != stage.calendar), "{listed:?}");
}

// quirk: google-9, google-51
#[tokio::test]
async fn an_expired_token_is_one_whatever_the_410_says() {
    let stage = Stage::new(Quirks::default().with(Quirk::BareExpiry));
    create(&stage, MOVED, "0a").await;
    let cursor = stage.list(None).await.expect("it is listed").next;
    stage.service.expire_tokens(&stage.calendar);
    let error = stage.list(Some(&cursor)).await.err().expect("the token is no longer good");
    assert_eq!(error.kind(), ErrorKind::CursorExpired);
    assert!(stage.list(None).await.is_ok());
}

// quirk: google-32
#[tokio::test]
async fn one_occurrence_of_a_floating_series_retitled_at_google_floats_on() {
    let stage = Stage::new(Quirks::default());
    let line = "daily \"Pill\" 2026-03-01T07:45 floating 15m count=10";
    let made = create(&stage, line, "0a").await;
    let uid = stage.user().uids()[0].clone();
    assert!(stage.user().retitle_occurrence(&uid, "20260303T064500Z", "Two pills"));
    let found = stage.found(&made.id).await;
    let at =
        |day, minute| model::When::Floating(jiff::civil::datetime(2026, 3, day, 7, minute, 0, 0));
    let Some(Exception::Override(event)) = found.series.exceptions.get(&at(3, 45)) else {
        panic!("{:?}", found.series.exceptions)
    };
    assert_eq!(event.start, at(3, 45));
    assert!(matches!(event.end, model::When::Floating(_)));
    let mut target = found.series.clone();
    target.master.as_mut().unwrap().title = Some("Pills".into());
    let held = stage.google.update(&stage.calendar, &found, &target).await.expect("it is updated");
    assert!(held.series.same_content(&target), "{:#?}", held.series);
}

// quirk: google-16
#[tokio::test]
async fn the_echo_of_a_first_sync_costs_a_listing_however_long_it_was() {
    let stage = Stage::new(Quirks::tame());
    let cursor = stage.list(None).await.expect("it is listed").next;
    for number in 0..600 {
        create(&stage, "weekly \"A\" 2026-03-03T19:00 UTC 1h count=3", &number.to_string()).await;
    }
    let (echo, cost) = stage.cost(stage.list(Some(&cursor))).await;
    let items = echo.expect("it is listed").items;
    assert_eq!((items.len(), cost), (600, 1));
    assert!(items.iter().all(|item| matches!(item, Change::Present(_))));
}

// quirk: google-11
#[tokio::test]
async fn a_series_is_not_deleted_over_what_somebody_did_to_an_occurrence() {
    let stage = Stage::new(Quirks::default());
    let made = create(&stage, MOVED, "0a").await;
    let uid = stage.user().uids()[0].clone();
    assert!(stage.user().retitle_occurrence(&uid, "20260406T070000Z", "Theirs"));
    let error = stage.google.delete(&stage.calendar, &made).await.expect_err("it is stale");
    assert_eq!((error.kind(), stage.user().uids().len()), (ErrorKind::Stale, 1));
}

// quirk: google-41
#[tokio::test]
async fn a_series_is_not_moved_over_what_somebody_did_to_an_occurrence() {
    for on_move in [OnMove::Reset, OnMove::Stale] {
        let stage = Stage::new(Quirks { on_move, ..Quirks::default() });
        let made = create(&stage, &format!("{MOVED} uid=one"), "0a").await;
        let uid = stage.user().uids()[0].clone();
        assert!(stage.user().retitle_occurrence(&uid, "20260406T070000Z", "Theirs"));
        let later = MOVED.replace("2026-03-02T09:00", "2026-03-02T08:00");
        let target = testkit::series(&format!("{later} uid=one"));
        let moved = stage.google.update(&stage.calendar, &made, &target).await;
        assert_eq!(moved.expect_err("it is stale").kind(), ErrorKind::Stale, "{on_move:?}");
        assert_eq!(row(&stage, &format!("{}_20260406T070000Z", made.id))["summary"], "Theirs");
        stage.assert_careful();
    }
}

// quirk: google-1, google-4, google-43
#[tokio::test]
async fn a_series_that_is_deleted_between_two_pages_leaves_no_occurrences() {
    let stage = Stage::new(Quirks { largest_page: 1, ..Quirks::default() });
    let made = create(&stage, MOVED, "0a").await;
    let mut page = stage.google.changes(&stage.calendar, None).await.expect("a page");
    let mut items = Vec::new();
    let mut pages = 0;
    while let Next::More(more) = page.next {
        // The exception is on the first page that has something, its series on the next.
        pages += 1;
        if pages == 2 {
            let uid = stage.user().uids()[0].clone();
            assert!(stage.user().delete(&uid));
        }
        page = stage.google.changes(&stage.calendar, Some(&more)).await.expect("a page");
        items.append(&mut page.items);
    }
    let [Change::Listed { id, version: None }] = &items[..] else { panic!("{items:?}") };
    assert_eq!(*id, made.id);
    let fetched = stage.google.fetch(&stage.calendar, std::slice::from_ref(&made.id)).await;
    let outcome = fetched.expect("an answer").pop().expect("one").outcome;
    assert!(matches!(outcome, provider::Outcome::Gone), "{outcome:?}");
}

#[tokio::test]
async fn a_creation_of_which_a_part_is_there_never_says_that_nothing_is() {
    let stage = Stage::new(Quirks::default());
    let (series, key) = (testkit::series(MOVED), CreateKey::new("0a"));
    for fault in [Fault::FailBefore, Fault::Race] {
        stage.world.plan(Aim::op(Op::Update), fault);
        let made = stage.google.create(&stage.calendar, &series, &key).await;
        let error = made.expect_err("the occurrence is not written");
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{fault:?}: {error}");
        stage.world.calm();
    }
    stage.google.create(&stage.calendar, &series, &key).await.expect("it is finished");
    assert_eq!(stage.user().uids().len(), 1);
    stage.assert_careful();
}

// quirk: google-41
#[tokio::test]
async fn what_no_rule_makes_has_an_extra_occurrence_for_as_long_as_it_is_there() {
    let stage = Stage::new(Quirks::default());
    let plain = testkit::series(
        "weekly \"Choir\" 2026-03-02T09:00 Europe/Berlin 15m count=12 \
                                 uid=one",
    );
    let mut target = plain.clone();
    let master = target.master.clone().expect("a master");
    let beside = master.start.with_wall(jiff::civil::datetime(2026, 3, 3, 7, 0, 0, 0));
    let mut event = ical::implied(&master, &beside);
    event.title = Some("Concert".into());
    target.exceptions.insert(beside, Exception::Override(Box::new(event)));
    let extra = |id: &str| row(&stage, id)["recurrence"].to_string().contains("RDATE");
    let key = CreateKey::new("0a");
    let held = stage.google.create(&stage.calendar, &target, &key).await.expect("it is created");
    let id = held.id.as_str().to_owned();
    assert!(held.series.same_content(&target) && extra(&id));
    let held = stage.google.update(&stage.calendar, &held, &plain).await.expect("it is updated");
    assert!(held.series.same_content(&plain) && !extra(&id), "{:#?}", row(&stage, &id));
    let held = stage.google.update(&stage.calendar, &held, &target).await.expect("it is updated");
    assert!(held.series.same_content(&target) && extra(&id), "{:#?}", row(&stage, &id));
    assert!(stage.found(&held.id).await.series.same_content(&target));
    stage.assert_careful();
}

// quirk: google-5, google-6
#[tokio::test]
async fn a_cancelled_occurrence_without_an_etag_is_not_overwritten_once_it_is_back() {
    let mut without_etag = 0;
    for day in ["0406", "0413", "0420", "0427", "0504", "0511"] {
        let stage = Stage::new(Quirks::default());
        let made = create(&stage, MOVED, "0a").await;
        let uid = stage.user().uids()[0].clone();
        let original = format!("2026{day}T070000Z");
        assert!(stage.user().cancel_occurrence(&uid, &original));
        let held = stage.found(&made.id).await;
        let rows: Vec<Value> = serde_json::from_slice(&held.raw).expect("rows");
        without_etag += rows.iter().filter(|row| row.get("etag").is_none()).count();
        assert!(stage.user().restore_occurrence(&uid, &original));
        assert!(stage.user().retitle_occurrence(&uid, &original, "Theirs"));
        let mut target = held.series.clone();
        target.exceptions.retain(|_, one| *one != Exception::Cancelled);
        let updated = stage.google.update(&stage.calendar, &held, &target).await;
        assert_eq!(updated.err().map(|error| error.kind()), Some(ErrorKind::Stale), "{day}");
        assert_eq!(row(&stage, &format!("{}_{original}", made.id))["summary"], "Theirs");
    }
    assert!(without_etag > 0, "every row has one");
}
