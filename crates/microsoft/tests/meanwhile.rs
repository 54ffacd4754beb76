//! Who edits a series while it is being written keeps the edit, and it is told as theirs.

#[expect(unreachable_pub, dead_code, reason = "every test uses a part of it")]
mod common;

use common::Stage;
use model::{CreateKey, Exception, Series};
use provider::{ErrorKind, Provider};
use sandbox::Op;
use sandbox::faults::{Aim, Fault};
use sandbox::microsoft::Quirks;

const WEEKLY: &str = "weekly \"Choir\" 2026-03-03T19:00 Europe/Berlin 1h count=8";
const MOVED: &str = "weekly \"Choir\" 2026-03-03T19:00 Europe/Berlin 1h count=8 \
                     cancel=2026-03-10 move=2026-03-17→20:00 retitle=\"2026-03-24→Concert\"";
const EARLIER: &str = "weekly \"Choir\" 2026-03-03T18:00 Europe/Berlin 1h count=8 \
                       cancel=2026-03-31 retitle=\"2026-04-07→Concert\"";
const PARTS: &str = "weekly \"Course\" 2026-03-03T18:30 Europe/Berlin 90m count=4 extra=2026-03-21";

/// More writes than any of these series takes.
const MOST: usize = 12;

/// Every event that a user finds takes place in the hall from now on.
fn to_the_hall(user: &sandbox::microsoft::MicrosoftUser) {
    for uid in user.uids() {
        user.set(&uid, "LOCATION", "Hall");
    }
}

fn is_in_the_hall(series: &Series) -> bool {
    let overrides = series.exceptions.values().filter_map(|exception| match exception {
        Exception::Override(event) => Some(&**event),
        Exception::Cancelled => None,
    });
    let mut events = series.master.iter().chain(overrides);
    events.any(|event| event.location.is_some())
}

/// What was written is told without the edit, or the write is told as one of unknown outcome.
fn is_told_apart(told: provider::Result<model::Resource>, story: &str) {
    match told {
        Ok(told) => assert!(!is_in_the_hall(&told.series), "{story}: told as ours"),
        Err(error) => assert_eq!(error.kind(), ErrorKind::Unavailable, "{story}: {error}"),
    }
}

async fn is_still_there(stage: &Stage, story: &str) {
    let listed = stage.list(None).await.expect("it is listed");
    let is_there = listed.items.iter().any(|item| match item {
        provider::Change::Present(held) => is_in_the_hall(&held.series),
        _ => false,
    });
    assert!(is_there, "{story}: written over");
    stage.assert_careful();
}

#[tokio::test]
async fn an_edit_while_a_series_is_created_is_the_users() {
    for line in [WEEKLY, MOVED, PARTS] {
        for after in 1..MOST {
            let story = format!("after {after} writes of {line}");
            let stage = Stage::new(Quirks::default());
            let microsoft = stage.interrupted(after, to_the_hall);
            let key = CreateKey::new("0a");
            let made = microsoft.create(&stage.calendar, &testkit::series(line), &key).await;
            if stage.user().uids().iter().all(|uid| !is_written_in(&stage, uid)) {
                break;
            }
            is_told_apart(made, &story);
            is_still_there(&stage, &story).await;
        }
    }
}

fn is_written_in(stage: &Stage, uid: &str) -> bool {
    let held = stage.user().get(uid).map(|held| held.raw).unwrap_or_default();
    String::from_utf8_lossy(&held).contains("LOCATION:Hall")
}

// quirk: microsoft-42
#[tokio::test]
async fn an_edit_while_a_series_is_changed_is_the_users() {
    for (from, to) in [(WEEKLY, MOVED), (MOVED, EARLIER), (MOVED, PARTS), (PARTS, MOVED)] {
        for after in 1..MOST {
            let story = format!("after {after} writes from {from} to {to}");
            let stage = Stage::new(Quirks::default());
            let key = CreateKey::new("0a");
            let made = stage.microsoft.create(&stage.calendar, &testkit::series(from), &key).await;
            let made = made.expect("it is created");
            let target = testkit::series(&format!("{to} uid={}", made.series.uid));
            let microsoft = stage.interrupted(after, to_the_hall);
            let told = microsoft.update(&stage.calendar, &made, &target).await;
            if stage.user().uids().iter().all(|uid| !is_written_in(&stage, uid)) {
                break;
            }
            is_told_apart(told, &story);
        }
    }
}

#[tokio::test]
async fn a_creation_whose_first_event_was_deleted_meanwhile_is_not_made_twice() {
    // At once, or after the first event alone had been written.
    for (before, written) in [(0, 2), (0, 3), (0, 4), (1, 1), (1, 2), (1, 3)] {
        let stage = Stage::new(Quirks::default());
        let (series, key) = (testkit::series(PARTS), CreateKey::new("0a"));
        for written in [before, written].into_iter().filter(|written| *written > 0) {
            stage.world.plan(Aim::op(Op::Create).after(written), Fault::FailBefore);
            let failed = stage.microsoft.create(&stage.calendar, &series, &key).await;
            stage.world.calm();
            assert!(failed.is_err(), "after {before} and {written}");
        }
        let uids = stage.user().uids();
        let first = uids.iter().find(|uid| {
            let held = stage.user().get(uid).map(|held| held.raw).unwrap_or_default();
            String::from_utf8_lossy(&held).contains("20260303T183000")
        });
        assert!(stage.user().delete(first.expect("it was written first")));
        let made = stage.microsoft.create(&stage.calendar, &series, &key).await;
        let made = made.expect("it is finished");
        assert_eq!(
            made.series.exceptions.len(),
            1,
            "after {before} and {written}: {:?}",
            made.series
        );
        assert!(made.series.exceptions.values().all(|one| *one == Exception::Cancelled));
        assert_eq!(stage.user().uids().len(), 4, "after {before} and {written}");
        assert!(!stage.microsoft.is_wanting(&made));
        assert!(stage.microsoft.is_made_by(&made, &key), "after {before} and {written}");
        assert!(!stage.microsoft.is_made_by(&made, &CreateKey::new("0b")));
        stage.assert_careful();
    }
}

#[tokio::test]
async fn a_creation_that_is_finished_while_somebody_edits_never_says_that_it_made_nothing() {
    let stage = Stage::new(Quirks::default());
    let (series, key) = (testkit::series(PARTS), CreateKey::new("0a"));
    stage.world.plan(Aim::op(Op::Create).after(2), Fault::FailBefore);
    let failed = stage.microsoft.create(&stage.calendar, &series, &key).await;
    assert!(failed.is_err());
    to_the_hall(&stage.user());
    stage.world.calm();
    stage.world.plan(Aim::op(Op::Update), Fault::Race);
    let made = stage.microsoft.create(&stage.calendar, &series, &key).await;
    let error = made.expect_err("somebody else is writing");
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    let made = stage.microsoft.create(&stage.calendar, &series, &key).await;
    let made = made.expect("it is finished");
    assert!(is_in_the_hall(&made.series));
    assert_eq!(stage.user().uids().len(), 5);
    stage.assert_careful();
}

/// Beyond the next occurrence, where Exchange does not let one move.
const CROSSING: &str = "weekly \"Choir\" 2026-03-02T09:00 Europe/Berlin 15m count=12 \
                        move=2026-03-09→2026-03-18T09:00";

// quirk: microsoft-41
#[tokio::test]
async fn an_occurrence_that_becomes_an_event_of_its_own_is_nobodys_deletion_and_no_ghost() {
    let ops = [Op::Create, Op::Update, Op::Delete];
    let faults = [Fault::FailBefore, Fault::LostReply];
    let all = ops.map(|op| faults.map(|fault| [0, 1, 2].map(|after| (op, fault, after))));
    for (op, fault, after) in all.into_iter().flatten().flatten() {
        let story = format!("{fault:?} after {after} times {op:?}");
        let stage = Stage::new(Quirks::default());
        let plain = CROSSING.split(" move=").next().expect("the rule");
        let plain = testkit::series(&format!("{plain} uid=one"));
        let made = stage.microsoft.create(&stage.calendar, &plain, &CreateKey::new("0a")).await;
        let made = made.expect("it is created");
        let target = testkit::series(&format!("{CROSSING} uid=one"));
        stage.world.plan(Aim::op(op).after(after), fault);
        drop(stage.microsoft.update(&stage.calendar, &made, &target).await);
        stage.world.calm();
        let held = stage.found(&made.id).await;
        for (key, is) in &held.series.exceptions {
            assert_eq!(Some(is), target.exceptions.get(key), "{story}: half of it is read");
        }
        // Somebody wants something else by now.
        let mut other = target.clone();
        for exception in other.exceptions.values_mut() {
            if let Exception::Override(event) = exception {
                event.title = Some("Concert".into());
            }
        }
        let last = stage.microsoft.update(&stage.calendar, &held, &other).await;
        let last = last.unwrap_or_else(|error| panic!("{story}: {error}"));
        assert_eq!(last.series.exceptions, other.exceptions, "{story}");
        assert_eq!(stage.user().uids().len(), 2, "{story}: a ghost");
        assert!(!stage.microsoft.is_wanting(&last), "{story}");
        stage.assert_careful();
    }
}
