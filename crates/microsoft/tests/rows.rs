//! What goes beyond the contract: what requests cost, what is left alone, what is no deletion, and
//! what becomes of rounds and writes that are interrupted.

#[expect(unreachable_pub, reason = "every test uses a part of it")]
mod common;

use std::time::Duration;

use common::Stage;
use model::{CreateKey, Exception, Resource, Series};
use provider::{Change, ErrorKind, Outcome, Provider, Scope};
use sandbox::faults::{Aim, Fault};
use sandbox::microsoft::{Dressing, Expiry, Quirk, Quirks};
use sandbox::{Gone, Op};
use serde_json::json;

const WEEKLY: &str = "weekly \"Choir\" 2026-03-03T19:00 Europe/Berlin 1h count=8";
const LUNCH: &str = "\"Lunch\" 2026-04-01T12:00 Europe/Berlin 1h";
const MOVED: &str = "weekly \"Choir\" 2026-03-03T19:00 Europe/Berlin 1h count=8 \
                     cancel=2026-03-10 move=2026-03-17→20:00 retitle=\"2026-03-24→Concert\"";
const PARTS: &str = "weekly \"Course\" 2026-03-03T18:30 Europe/Berlin 90m count=4 extra=2026-03-21";

fn retitled(series: &Series, title: &str) -> Series {
    let mut series = series.clone();
    if let Some(master) = &mut series.master {
        master.title = Some(title.into());
    }
    series
}

async fn create(stage: &Stage, line: &str, key: &str) -> Resource {
    let series = testkit::series(line);
    let made = stage.microsoft.create(&stage.calendar, &series, &CreateKey::new(key)).await;
    made.expect("it is created")
}

/// A user's event with a UID.
fn typed(stage: &Stage, line: &str, uid: &str) {
    assert!(stage.user().put(&testkit::text(&format!("{line} uid={uid}"))), "{line} is typed");
}

fn row(stage: &Stage, title: &str) -> serde_json::Value {
    let rows = stage.service.rows(&stage.calendar);
    rows.into_iter().find(|row| row["subject"] == title).unwrap_or_default()
}

fn gone(listing: &common::Listing) -> usize {
    listing.items.iter().filter(|item| matches!(item, Change::Gone(_))).count()
}

// quirk: microsoft-1, microsoft-3, microsoft-10
#[tokio::test]
async fn a_quiet_cycle_is_one_request_and_ten_changes_are_few() {
    let stage = Stage::new(Quirks::tame());
    typed(&stage, WEEKLY, "choir");
    let cursor = stage.list(None).await.expect("it is listed").next;
    let (quiet, cost) = stage.cost(stage.list(Some(&cursor))).await;
    let quiet = quiet.expect("it is listed");
    assert_eq!((quiet.items.len(), cost), (0, 1), "a quiet cycle");
    let mut made = Vec::new();
    let before = stage.microsoft.requests();
    for number in 0..10 {
        made.push(create(&stage, &format!("{LUNCH} uid={number}"), &format!("{number:02}")).await);
    }
    assert_eq!(stage.microsoft.requests() - before, 20, "a look-up and a creation each");
    let before = stage.microsoft.requests();
    for held in &made {
        let target = retitled(&held.series, "Dinner");
        stage.microsoft.update(&stage.calendar, held, &target).await.expect("it is updated");
    }
    assert_eq!(stage.microsoft.requests() - before, 10, "one write each");
    let page = stage.microsoft.changes(&stage.calendar, Some(&cursor)).await;
    let ids: Vec<_> =
        page.expect("it is told").items.iter().map(|item| item.id().clone()).collect();
    assert_eq!(ids.len(), 10);
    let (fetched, cost) = stage.cost(stage.microsoft.fetch(&stage.calendar, &ids)).await;
    assert_eq!((fetched.expect("it is read").len(), cost), (10, 1), "their echo is one read");
    stage.assert_careful();
}

// quirk: microsoft-5, microsoft-6, microsoft-14, microsoft-52
#[tokio::test]
async fn leaving_the_window_is_no_deletion_and_what_is_outside_is_kept() {
    let stage = Stage::new(Quirks::default().with(Quirk::StrangeTombstones));
    typed(&stage, LUNCH, "lunch");
    typed(&stage, "\"Old\" 2011-04-01T12:00 UTC 1h", "old");
    let listed = stage.list(None).await.expect("it is listed");
    assert_eq!((listed.items.len(), listed.scope), (2, Scope::Full));
    assert!(stage.user().set("lunch", "SUMMARY", "Lunch, later"));
    assert!(stage.user().edit("lunch", |text| {
        text.replace("20260401", "20350401").replace("2026-04-01", "2035-04-01")
    }));
    assert!(stage.user().set("old", "SUMMARY", "Older"));
    let told = stage.list(Some(&listed.next)).await.expect("it is told");
    assert!(told.titled("Lunch, later").is_some(), "it left the window and is looked at");
    assert!(told.titled("Older").is_some(), "it was never in the window");
    let after = stage.list(None).await.expect("it is listed");
    assert!(after.titled("Lunch, later").is_some() && after.titled("Older").is_some());
    stage.assert_careful();
}

// quirk: microsoft-2
#[tokio::test]
async fn an_occurrence_that_was_deleted_is_cancelled() {
    let stage = Stage::new(Quirks::default());
    typed(&stage, WEEKLY, "choir");
    let cursor = stage.list(None).await.expect("it is listed").next;
    assert!(stage.user().cancel_occurrence("choir", "20260310T180000Z"));
    assert!(stage.user().retitle_occurrence("choir", "20260317T180000Z", "Concert"));
    let told = stage.list(Some(&cursor)).await.expect("it is told");
    let choir = told.titled("Choir").expect("it is told");
    let kinds: Vec<bool> =
        choir.series.exceptions.values().map(|one| *one == Exception::Cancelled).collect();
    assert_eq!(kinds, [true, false]);
    assert_eq!(gone(&told), 0);
}

// quirk: microsoft-7, microsoft-12
#[tokio::test]
async fn a_round_without_an_end_is_left() {
    for line in [LUNCH, WEEKLY] {
        let stage = Stage::new(Quirks::default().with(Quirk::EndlessPages));
        typed(&stage, line, "one");
        let (listed, cost) = stage.cost(stage.list(None)).await;
        let listed = listed.expect("it is listed");
        assert!(listed.items.len() == 1 && cost < 20, "{cost} requests");
        typed(&stage, "\"Two\" 2026-04-02T12:00 UTC 1h", "two");
        let told = stage.list(Some(&listed.next)).await;
        match told {
            Ok(told) => assert!(told.titled("Two").is_some()),
            Err(error) => assert_eq!(error.kind(), ErrorKind::CursorExpired),
        }
        let listed = stage.list(None).await.expect("it is listed");
        let (quiet, cost) = stage.cost(stage.list(Some(&listed.next))).await;
        assert!(quiet.is_ok_and(|quiet| quiet.items.is_empty()));
        assert!(cost < 30, "{cost} requests although nothing changed");
    }
}

// quirk: microsoft-13
#[tokio::test]
async fn a_lost_token_is_told_in_all_of_its_forms() {
    for expiry in [Expiry::NotFound, Expiry::Resync, Expiry::Invalid, Expiry::DeltaToken] {
        let stage = Stage::new(Quirks { expiry, ..Quirks::default() });
        let cursor = stage.list(None).await.expect("it is listed").next;
        stage.service.expire_tokens(&stage.calendar);
        let refused = stage.microsoft.changes(&stage.calendar, Some(&cursor)).await;
        assert_eq!(refused.expect_err("it is lost").kind(), ErrorKind::CursorExpired);
    }
}

// quirk: microsoft-14
#[tokio::test]
async fn the_window_moves_on() {
    let stage = Stage::new(Quirks::tame());
    let cursor = stage.list(None).await.expect("it is listed").next;
    stage.world.advance(Duration::from_secs(6 * 24 * 3600));
    stage.list(Some(&cursor)).await.expect("it is told");
    stage.world.advance(Duration::from_secs(2 * 24 * 3600));
    let due = stage.microsoft.changes(&stage.calendar, Some(&cursor)).await;
    assert_eq!(due.expect_err("it is due").kind(), ErrorKind::CursorExpired);
}

// quirk: microsoft-60
#[tokio::test]
async fn a_calendar_that_is_gone_says_so() {
    let stage = Stage::new(Quirks::tame());
    typed(&stage, LUNCH, "lunch");
    let cursor = stage.list(None).await.expect("it is listed").next;
    stage.service.set_gone(&stage.calendar, Gone::Yes);
    for since in [None, Some(&cursor)] {
        let refused = stage.microsoft.changes(&stage.calendar, since).await;
        assert_eq!(refused.expect_err("it is gone").kind(), ErrorKind::Gone);
    }
}

// quirk: microsoft-19
#[tokio::test]
async fn an_event_in_another_calendar_is_gone_here() {
    let stage = Stage::new(Quirks::default());
    let other = stage.service.add_calendar("sam", "Other");
    typed(&stage, LUNCH, "lunch");
    let listed = stage.list(None).await.expect("it is listed");
    assert!(stage.user().move_to("lunch", &other));
    let told = stage.list(Some(&listed.next)).await.expect("it is told");
    assert_eq!(gone(&told), 1, "{:?}", told.items);
    let elsewhere = stage.microsoft.changes(&other, None).await;
    assert!(elsewhere.is_ok());
}

// quirk: microsoft-22
#[tokio::test]
async fn what_was_interrupted_is_finished_and_made_once() {
    let losses = [
        (Op::Create, Fault::LostReply, 0),
        (Op::Create, Fault::LostReply, 1),
        (Op::Create, Fault::FailBefore, 2),
        (Op::Update, Fault::LostReply, 0),
        (Op::Update, Fault::FailBefore, 0),
        (Op::Update, Fault::WriteFails, 1),
        (Op::Delete, Fault::LostReply, 0),
    ];
    for refuses in [false, true] {
        let quirks = Quirks::default();
        let quirks = if refuses { quirks.with(Quirk::TransactionsRefused) } else { quirks };
        for ((op, fault, skip), line) in
            losses.into_iter().flat_map(|loss| [MOVED, PARTS, LUNCH].map(|line| (loss, line)))
        {
            let lost = format!("{fault:?} of {op:?}, {skip} later, {line}");
            let stage = Stage::new(quirks.clone());
            let series = testkit::series(line);
            let key = CreateKey::new("0a-0b");
            stage.world.plan(Aim::op(op).after(skip), fault);
            let first = stage.microsoft.create(&stage.calendar, &series, &key).await;
            stage.world.calm();
            let made = stage.microsoft.create(&stage.calendar, &series, &key).await;
            let made = made.unwrap_or_else(|error| panic!("{lost}: {error}, after {first:?}"));
            assert_eq!(made.series.exceptions.len(), series.exceptions.len(), "{lost}");
            assert_eq!(made.series.recurrence, series.recurrence, "{lost}");
            let events = if line == PARTS { 5 } else { 1 };
            assert_eq!(stage.user().uids().len(), events, "{lost}");
            stage.assert_careful();
        }
    }
}

// quirk: microsoft-41
#[tokio::test]
async fn an_occurrence_that_must_not_cross_another_is_replaced_by_a_linked_event() {
    let stage = Stage::new(Quirks::default());
    let line = "weekly \"Choir\" 2026-03-03T19:00 Europe/Berlin 1h count=8 \
                move=2026-03-10→2026-03-19T20:00";
    let made = create(&stage, line, "0a").await;
    assert_eq!(made.series.exceptions, testkit::series(line).exceptions);
    assert_eq!(stage.user().uids().len(), 2, "the series and the linked event");
    let listed = stage.list(None).await.expect("it is listed");
    let ids: std::collections::BTreeSet<_> = listed.items.iter().map(Change::id).collect();
    assert_eq!(ids, [&made.id].into(), "one resource");
    stage.microsoft.delete(&stage.calendar, &made).await.expect("it is deleted");
    assert!(stage.user().uids().is_empty());
    stage.assert_careful();
}

#[tokio::test]
async fn a_linked_event_that_was_changed_or_deleted_is_an_exception() {
    let stage = Stage::new(Quirks::default());
    let made = create(&stage, PARTS, "0a").await;
    assert_eq!(stage.user().uids().len(), 5);
    let cursor = stage.list(None).await.expect("it is listed").next;
    let uids = stage.user().uids();
    let held = |start: &str| {
        let fits = |uid: &&String| {
            let text = stage.user().get(uid).map(|held| held.raw).unwrap_or_default();
            String::from_utf8_lossy(&text).contains(start)
        };
        uids.iter().find(fits).cloned().expect("it is there")
    };
    // The first one of all is the one that the resource is named after.
    assert!(stage.user().delete(&held("20260303T1830")));
    assert!(stage.user().set(&held("20260310T1830"), "SUMMARY", "Concert"));
    let told = stage.list(Some(&cursor)).await.expect("it is told");
    let course = told.titled("Course").expect("it is told");
    assert_eq!(course.id, made.id);
    let kinds: Vec<bool> =
        course.series.exceptions.values().map(|one| *one == Exception::Cancelled).collect();
    assert_eq!(kinds, [true, false]);
    assert_eq!(course.series.recurrence, made.series.recurrence);
    let target = retitled(&course.series, "Class");
    let updated = stage.microsoft.update(&stage.calendar, course, &target).await;
    let updated = updated.expect("it goes on without its first event");
    assert_eq!(
        updated.series.master.as_ref().and_then(|one| one.title.clone()),
        Some("Class".into())
    );
    assert_eq!(updated.series.exceptions.len(), 2);
    stage.assert_careful();
}

// quirk: microsoft-53, microsoft-54, microsoft-55, microsoft-56
#[tokio::test]
async fn nobody_gets_mail_and_meetings_stay_as_they_are() {
    let stage = Stage::new(Quirks::default());
    for (uid, dressing) in [
        ("ours", Dressing::Organized),
        ("theirs", Dressing::Invitation),
        ("online", Dressing::OnlineMeeting),
        ("off", Dressing::Cancelled),
    ] {
        typed(&stage, &format!("\"{uid}\" 2026-04-01T12:00 UTC 1h text=\"Agenda\""), uid);
        assert!(stage.user().dress(uid, &dressing));
    }
    let listed = stage.list(None).await.expect("it is listed");
    for uid in ["ours", "theirs"] {
        let held = listed.titled(uid).expect("it is listed");
        let target = retitled(&held.series, "Renamed");
        let refused = stage.microsoft.update(&stage.calendar, held, &target).await;
        assert_eq!(refused.expect_err("people would get mail").kind(), ErrorKind::Rejected);
        let mut target = held.series.clone();
        if let Some(master) = &mut target.master {
            master.alarms.clear();
            master.categories.insert("Red".into());
        }
        let updated = stage.microsoft.update(&stage.calendar, held, &target).await;
        let updated = updated.expect("what is one's own may be written");
        assert_eq!(updated.series.master, target.master, "{uid}");
        let refused = stage.microsoft.delete(&stage.calendar, &updated).await;
        assert_eq!(refused.expect_err("they would be told").kind(), ErrorKind::Rejected);
    }
    let online = listed.titled("online").expect("it is listed");
    let before = row(&stage, "online");
    let mut target = retitled(&online.series, "online, renamed");
    if let Some(master) = &mut target.master {
        assert_eq!(master.conferences.len(), 1, "where to join is a link");
        master.description = Some("Another agenda".into());
    }
    stage.microsoft.update(&stage.calendar, online, &target).await.expect("it is renamed");
    let after = row(&stage, "online, renamed");
    assert_eq!(
        (&after["body"], &after["onlineMeeting"]),
        (&before["body"], &before["onlineMeeting"])
    );
    let off = listed.items.iter().filter_map(|item| match item {
        Change::Present(held) => held.series.master.as_ref(),
        _ => None,
    });
    let off = off.filter(|master| master.status == model::Status::Cancelled).count();
    assert_eq!(off, 1, "what the organizer called off");
    stage.assert_careful();
}

// quirk: microsoft-53, microsoft-54
#[tokio::test]
async fn no_occurrence_of_a_meeting_is_deleted() {
    for dressing in [Dressing::Organized, Dressing::Invitation] {
        let stage = Stage::new(Quirks::default());
        typed(&stage, WEEKLY, "choir");
        assert!(stage.user().dress("choir", &dressing));
        let listed = stage.list(None).await.expect("it is listed");
        let held = listed.titled("Choir").expect("it is listed");
        let mut target = held.series.clone();
        let start = target.master.as_ref().expect("it repeats").start.clone();
        let next = start.wall().checked_add(jiff::Span::new().days(7)).expect("in range");
        target.exceptions.insert(start.with_wall(next), Exception::Cancelled);
        let refused = stage.microsoft.update(&stage.calendar, held, &target).await;
        let error = refused.expect_err("people would hear of it");
        assert_eq!(error.kind(), ErrorKind::Rejected, "{dressing:?}: {error}");
        assert!(stage.service.log().iter().all(|asked| asked.method != "DELETE"), "{dressing:?}");
        stage.assert_careful();
    }
}

// quirk: microsoft-57, microsoft-69
#[tokio::test]
async fn what_nobody_here_knows_is_left_alone() {
    let stage = Stage::new(Quirks::default());
    typed(&stage, LUNCH, "lunch");
    for (name, value) in [
        ("showAs", json!("oof")),
        ("hideAttendees", json!(true)),
        ("locations", json!([{"displayName": "A"}, {"displayName": "B"}])),
    ] {
        assert!(stage.user().dress("lunch", &Dressing::Member(name.to_owned(), value)));
    }
    let listed = stage.list(None).await.expect("it is listed");
    let held = listed.titled("Lunch").expect("it is listed");
    let before = row(&stage, "Lunch");
    let target = retitled(&held.series, "Dinner");
    stage.microsoft.update(&stage.calendar, held, &target).await.expect("it is updated");
    let after = row(&stage, "Dinner");
    for name in ["showAs", "hideAttendees", "locations", "start", "body"] {
        assert_eq!(after[name], before[name], "{name}");
    }
    stage.assert_careful();
}

// quirk: microsoft-26, microsoft-58
#[tokio::test]
async fn what_can_not_be_read_stops_nothing() {
    let stage = Stage::new(Quirks::default());
    typed(&stage, LUNCH, "lunch");
    typed(&stage, WEEKLY, "choir");
    let custom = Dressing::ZoneLabel("tzone://Microsoft/Custom".to_owned());
    assert!(stage.user().dress("choir", &custom) && stage.user().dress("lunch", &custom));
    let listed = stage.list(None).await.expect("it is listed");
    assert!(listed.titled("Lunch").is_some(), "once is once, whatever the zone");
    let unreadable = listed.items.iter().find_map(|item| match item {
        Change::Unreadable(what) => Some(what),
        _ => None,
    });
    if let Some(unreadable) = unreadable {
        assert!(unreadable.version.is_some() && !unreadable.reason.is_empty());
        let fetched = stage
            .microsoft
            .fetch(&stage.calendar, std::slice::from_ref(&unreadable.id))
            .await
            .expect("it is answered");
        assert!(matches!(fetched[0].outcome, Outcome::Unreadable(_)));
    }
}

// quirk: microsoft-11, microsoft-50
#[tokio::test]
async fn a_conflict_is_told_and_the_next_try_goes_through() {
    let quirks = Quirks::default().with(Quirk::RandomConflicts).with(Quirk::RestlessKeys);
    let stage = Stage::new(quirks);
    let made = create(&stage, &format!("{LUNCH} uid=lunch"), "0a").await;
    let mut stale = 0;
    let mut held = stage.found(&made.id).await;
    for number in 0..20 {
        let target = retitled(&held.series, &format!("Lunch {number}"));
        match stage.microsoft.update(&stage.calendar, &held, &target).await {
            Ok(_) => {}
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Stale);
                stale += 1;
            }
        }
        held = stage.found(&made.id).await;
    }
    assert!((1..10).contains(&stale), "{stale} of 20 were refused");
}

// quirk: microsoft-59
#[tokio::test(start_paused = true)]
async fn a_calendar_that_fails_for_ever_is_left_alone() {
    let stage = Stage::new(Quirks::default());
    typed(&stage, LUNCH, "lunch");
    let listed = stage.list(None).await.expect("it is listed");
    let held = listed.titled("Lunch").expect("it is listed").clone();
    stage.service.set_health(&stage.calendar, sandbox::microsoft::Health::Broken);
    let target = retitled(&held.series, "Dinner");
    for _ in 0..12 {
        let refused = stage.microsoft.update(&stage.calendar, &held, &target).await;
        assert!(refused.is_err());
        let long = Duration::from_secs(3 * 60 * 60);
        tokio::time::advance(long).await;
    }
    let (refused, cost) = stage.cost(stage.microsoft.update(&stage.calendar, &held, &target)).await;
    assert_eq!((refused.expect_err("it is left alone").kind(), cost), (ErrorKind::Unavailable, 0));
    let read_only = stage.service.add_holidays("sam");
    let calendars = stage.microsoft.calendars().await.expect("they are listed");
    let holidays = calendars.iter().find(|one| one.id == read_only).expect("it is listed");
    assert_eq!(holidays.rights, model::Rights::Read);
}

// quirk: microsoft-74
#[tokio::test]
async fn a_link_to_another_host_is_not_followed() {
    let stage = Stage::new(Quirks::default().with(Quirk::ForeignLinks));
    typed(&stage, LUNCH, "lunch");
    let refused = match stage.list(None).await {
        Ok(listed) => stage.microsoft.changes(&stage.calendar, Some(&listed.next)).await.map(drop),
        Err(error) => Err(error),
    };
    assert_eq!(refused.expect_err("it is not followed").kind(), ErrorKind::Malformed);
}
