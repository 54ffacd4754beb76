//! What `restore` and `resolve --keep both` write: once, in history, and whole after a crash.

use sandbox::Op;
use sandbox::faults::{Aim, Fault};

use super::conflicts::{in_conflict, titles};
use super::*;

/// Calendars behind calpair's back: the left one, the right one.
struct Ground<'a> {
    uids: &'a dyn Fn() -> [Vec<String>; 2],
    delete: &'a dyn Fn(usize, &str) -> bool,
}

impl Ground<'_> {
    fn numbers(&self) -> [usize; 2] {
        (self.uids)().map(|uids| uids.len())
    }

    /// The owner deletes the only event of a side.
    fn delete(&self, side: usize) {
        let uids = &(self.uids)()[side];
        assert!(uids.len() == 1 && (self.delete)(side, &uids[0]), "{uids:?}");
    }
}

pub(super) async fn history(service: &Service) -> Vec<report::Change> {
    let history = service.answer(Request::History { pair: None, event: None }).await;
    read::<report::History>(history).changes
}

/// The newest change of this kind.
pub(super) async fn newest(service: &Service, action: &str) -> report::Change {
    let changes = history(service).await;
    changes.into_iter().find(|change| change.action == action).expect("there is one")
}

pub(super) async fn restored(service: &Service, change: &str) -> String {
    let reply = service.answer(Request::Restore { change: change.to_owned() }).await;
    assert_eq!(reply.exit, 0, "{reply:?}");
    message(reply)
}

/// How often history says that this was restored.
async fn told(service: &Service, change: &str) -> usize {
    let reason = format!("restored from change {change}");
    history(service).await.iter().filter(|change| change.reason == reason).count()
}

pub(super) async fn at_rest(service: &Service) {
    for _ in 0..3 {
        if sync(service).await.1.outcome == report::Outcome::InSync {
            return;
        }
    }
    panic!("it does not come to rest");
}

/// Over a pair in sync with one event: that is deleted on the left, so that calpair deletes it on
/// the right.
async fn restored_once_however_often(service: &Service, ground: &Ground<'_>) {
    assert_eq!(ground.numbers(), [1, 1]);
    ground.delete(0);
    at_rest(service).await;
    assert_eq!(ground.numbers(), [0, 0]);
    let change = newest(service, "delete").await;
    assert_eq!(change.side, report::SideWord::Right);
    let said = restored(service, &change.id).await;
    assert!(said.contains("the earlier version is back on the right; it crosses"), "{said}");
    // Before anybody has looked there.
    let said = restored(service, &change.id).await;
    assert_eq!(said, "the right is as it was before that change already");
    assert_eq!((ground.numbers(), told(service, &change.id).await), ([0, 1], 1));
    // Its owner deletes it again, and thinks better of it; still nobody has looked.
    ground.delete(1);
    restored(service, &change.id).await;
    restored(service, &change.id).await;
    assert_eq!((ground.numbers(), told(service, &change.id).await), ([0, 1], 2));
    at_rest(service).await;
    assert_eq!(ground.numbers(), [1, 1]);
    restored(service, &change.id).await;
    assert_eq!((ground.numbers(), told(service, &change.id).await), ([1, 1], 2));
    // The same, and the deletion has crossed.
    ground.delete(1);
    at_rest(service).await;
    assert_eq!(ground.numbers(), [0, 0]);
    restored(service, &change.id).await;
    restored(service, &change.id).await;
    assert_eq!((ground.numbers(), told(service, &change.id).await), ([0, 1], 3));
    at_rest(service).await;
    assert_eq!(ground.numbers(), [1, 1]);
}

#[tokio::test]
async fn what_is_restored_is_there_once() {
    // The right side is iCloud, the left one another server.
    for other in [0, 1] {
        let stage = Stage::new().await;
        let service = stage.connected().await;
        stage.create(0, "a");
        at_rest(&service).await;
        let sides = [other, 1 - other];
        let users = sides.map(|side| stage.user(side));
        let ground = Ground {
            uids: &|| [users[0].uids(), users[1].uids()],
            delete: &|side, uid| users[side].delete(uid),
        };
        if other == 0 {
            restored_once_however_often(&service, &ground).await;
            continue;
        }
        // On the left, what calpair deletes there.
        ground.delete(0);
        at_rest(&service).await;
        let change = newest(&service, "delete").await;
        for _ in 0..3 {
            restored(&service, &change.id).await;
        }
        assert_eq!((ground.numbers(), told(&service, &change.id).await), ([0, 1], 1));
        at_rest(&service).await;
        assert_eq!(ground.numbers(), [1, 1]);
    }
}

/// The calendar on the right of the pair `p`.
fn right(service: &Service) -> CalendarId {
    let row = row(service);
    row.sides.right.calendar.unwrap()
}

#[tokio::test]
async fn what_is_restored_at_google_is_there_once() {
    let scene = google::Scene::new().await;
    let service = scene.connected().await;
    scene.create("a");
    at_rest(&service).await;
    let there = scene.google.user(&right(&service));
    let here = scene.world.user(&scene.calendar);
    let ground = Ground {
        uids: &|| [here.uids(), there.uids()],
        delete: &|side, uid| if side == 0 { here.delete(uid) } else { there.delete(uid) },
    };
    restored_once_however_often(&service, &ground).await;
    scene.google.assert_unviolated();
}

#[tokio::test]
async fn what_is_restored_at_microsoft_is_there_once() {
    let scene = microsoft::Scene::new().await;
    let service = scene.connected().await;
    scene.create("a");
    at_rest(&service).await;
    let there = scene.microsoft.user(&right(&service));
    let here = scene.world.user(&scene.calendar);
    let ground = Ground {
        uids: &|| [here.uids(), there.uids()],
        delete: &|side, uid| if side == 0 { here.delete(uid) } else { there.delete(uid) },
    };
    restored_once_however_often(&service, &ground).await;
    scene.microsoft.assert_unviolated();
}

/// A pair whose event `a` was renamed on the left, so that calpair renamed it on the right; the
/// number of that change.
pub(super) async fn renamed() -> (Stage, Service, String) {
    let stage = Stage::new().await;
    let service = stage.connected().await;
    stage.create(0, "a");
    at_rest(&service).await;
    stage.user(0).set("a", "SUMMARY", "Wrong");
    at_rest(&service).await;
    let change = newest(&service, "update").await;
    (stage, service, change.id)
}

pub(super) fn both(stage: &Stage) -> [Vec<String>; 2] {
    [titles(stage, 0), titles(stage, 1)]
}

#[tokio::test]
async fn a_restore_is_in_history_and_can_be_restored_itself() {
    let (stage, service, change) = renamed().await;
    let said = restored(&service, &change).await;
    assert!(said.contains("back on the right (title)"), "{said}");
    let first = newest(&service, "update").await;
    assert_eq!(first.reason, format!("restored from change {change}"));
    assert_eq!(first.side, report::SideWord::Right);
    let field = &first.fields[0];
    assert_eq!(
        (field.field.as_str(), field.before.as_deref(), field.after.as_deref()),
        ("title", Some("Wrong"), Some("Event a"))
    );
    at_rest(&service).await;
    assert_eq!(both(&stage), [["Event a"], ["Event a"]]);
    restored(&service, &first.id).await;
    at_rest(&service).await;
    assert_eq!(both(&stage), [["Wrong"], ["Wrong"]]);
    let second = newest(&service, "update").await;
    assert_ne!(second.id, first.id);
}

#[tokio::test]
async fn an_edit_that_nobody_has_seen_is_replaced_and_kept_in_history() {
    let (stage, service, change) = renamed().await;
    stage.user(1).set("a", "SUMMARY", "Unseen");
    restored(&service, &change).await;
    let line = newest(&service, "update").await;
    assert_eq!(line.fields[0].before.as_deref(), Some("Unseen"));
    at_rest(&service).await;
    assert_eq!(both(&stage), [["Event a"], ["Event a"]]);
    restored(&service, &line.id).await;
    at_rest(&service).await;
    assert_eq!(both(&stage), [["Unseen"], ["Unseen"]]);
}

#[tokio::test]
async fn somebody_who_writes_at_the_same_moment_is_met_once_and_not_twice() {
    let (stage, service, change) = renamed().await;
    let race = || stage.world.plan(Aim::op(Op::Update).on("right"), Fault::Race);
    race();
    race();
    let refused = service.answer(Request::Restore { change: change.clone() }).await;
    assert_eq!(refused.exit, 75, "{refused:?}");
    let said = message(refused);
    assert!(said.ends_with("changing it right now; nothing was written; try again"), "{said}");
    assert_eq!(told(&service, &change).await, 0);
    race();
    restored(&service, &change).await;
    let line = newest(&service, "update").await;
    assert!(line.fields[0].before.as_deref().is_some_and(|was| was.contains("meanwhile")));
    at_rest(&service).await;
    assert_eq!(both(&stage), [["Event a"], ["Event a"]]);
}

#[tokio::test]
async fn a_restore_whose_answer_is_lost_is_found_by_the_next_cycle() {
    // The answer is lost on its way; or it never arrives; or the process ends after it, which is
    // the same as that its record is not written.
    for lost in [Some(Fault::LostReply), Some(Fault::FailBefore), None] {
        for deleted in [false, true] {
            let (stage, service, mut change) = renamed().await;
            if deleted {
                stage.user(0).delete("a");
                at_rest(&service).await;
                change = newest(&service, "delete").await.id;
            }
            let op = if deleted { Op::Create } else { Op::Update };
            match lost {
                // As often as it is tried.
                Some(fault) => (0..4).for_each(|_| {
                    stage.world.plan(Aim::op(op).on("right"), fault);
                }),
                None => {
                    let fails = |name| name == "ran_errand";
                    service.ctx.store.failpoint(Some(Box::new(fails)));
                }
            }
            let reply = service.answer(Request::Restore { change: change.clone() }).await;
            assert_eq!(reply.exit, 75, "{lost:?} {deleted} {reply:?}");
            service.ctx.store.failpoint(None);
            stage.world.calm();
            assert_eq!(told(&service, &change).await, 0, "nobody knows yet");
            at_rest(&service).await;
            assert_eq!(told(&service, &change).await, 1, "{lost:?} {deleted}");
            let title = if deleted { "Wrong" } else { "Event a" };
            assert_eq!(both(&stage), [[title], [title]], "{lost:?} {deleted}");
            restored(&service, &change).await;
            assert_eq!((told(&service, &change).await, stage.numbers()), (1, [1, 1]));
        }
    }
}

#[tokio::test]
async fn what_was_written_over_since_is_not_lost_after_a_crash() {
    let (stage, service, change) = renamed().await;
    service.ctx.store.failpoint(Some(Box::new(|name| name == "ran_errand")));
    service.answer(Request::Restore { change: change.clone() }).await;
    service.ctx.store.failpoint(None);
    stage.user(1).set("a", "SUMMARY", "Later");
    at_rest(&service).await;
    assert_eq!(both(&stage), [["Later"], ["Later"]]);
    assert_eq!(told(&service, &change).await, 1, "what it replaced is in history");
}

#[tokio::test]
async fn both_are_kept_once_and_history_says_so() {
    for crashes in [false, true] {
        let stage = Stage::new().await;
        let (service, conflict) = in_conflict(&stage).await;
        let resolve = Request::Resolve { id: conflict.id.clone(), keep: Keep::Both };
        if crashes {
            service.ctx.store.failpoint(Some(Box::new(|name| name == "ran_errand")));
            assert_eq!(service.answer(resolve.clone()).await.exit, 75);
            service.ctx.store.failpoint(None);
            assert_eq!(stage.numbers(), [1, 2]);
        }
        for _ in 0..2 {
            assert_eq!(service.answer(resolve.clone()).await.exit, 0);
        }
        assert_eq!(stage.numbers(), [1, 2]);
        at_rest(&service).await;
        assert_eq!(both(&stage), [["Left", "Right"], ["Left", "Right"]], "{crashes}");
        let reason = format!("kept as an event of its own after conflict {}", conflict.id);
        let lines = history(&service).await;
        let lines: Vec<_> = lines.iter().filter(|line| line.reason == reason).collect();
        assert_eq!(lines.len(), 1);
        assert_eq!(
            (lines[0].action.as_str(), lines[0].title.as_deref()),
            ("create", Some("Right"))
        );
    }
}

#[tokio::test]
async fn a_choice_whose_record_is_lost_is_carried_out_by_the_next_cycle() {
    let stage = Stage::new().await;
    let (service, conflict) = in_conflict(&stage).await;
    service.ctx.store.failpoint(Some(Box::new(|name| name == "ran_errand")));
    let resolve = Request::Resolve { id: conflict.id, keep: Keep::Both };
    assert_eq!(service.answer(resolve).await.exit, 75);
    service.ctx.store.failpoint(None);
    at_rest(&service).await;
    assert_eq!(both(&stage), [["Left", "Right"], ["Left", "Right"]]);
}

#[tokio::test]
async fn a_restore_waits_for_the_cycle_under_way_and_the_next_one_for_it() {
    let (stage, service, change) = renamed().await;
    let service = service.supervised(|_, _| ());
    sync(&service).await;
    let supervisor = service.supervisor.as_ref().unwrap();
    let turn = supervisor.hold(&PairName::new("p")).await.unwrap();
    let request = || service.answer(Request::Restore { change: change.clone() });
    let mut patient = std::pin::pin!(request());
    let mut synced = std::pin::pin!(sync(&service));
    for _ in 0..100 {
        let pending = tokio::select! {
            biased;
            _ = &mut patient => false,
            _ = &mut synced => false,
            () = tokio::task::yield_now() => true,
        };
        assert!(pending && titles(&stage, 1) == ["Wrong"], "nothing is done meanwhile");
    }
    drop(turn);
    let (reply, synced) = tokio::join!(patient, synced);
    assert_eq!((reply.exit, synced.0), (0, 0), "{reply:?}");
    sync(&service).await;
    assert_eq!(both(&stage), [["Event a"], ["Event a"]]);
    service.close(Duration::ZERO).await.unwrap();
}

#[tokio::test]
async fn what_never_arrived_is_not_written_hours_later() {
    let scene = google::Scene::new().await;
    let service = scene.connected().await;
    scene.create("a");
    at_rest(&service).await;
    let there = scene.google.user(&right(&service));
    scene.world.user(&scene.calendar).delete("a");
    at_rest(&service).await;
    let change = newest(&service, "delete").await.id;
    (0..8).for_each(|_| scene.world.plan(Aim::op(Op::Create), Fault::FailBefore));
    let reply = service.answer(Request::Restore { change: change.clone() }).await;
    assert_eq!(reply.exit, 75, "{reply:?}");
    scene.world.calm();
    // Its owner makes it anew by hand.
    there.create(&seed::hour("by-hand", "Event a", "2026-03-01T09:00:00Z".parse().unwrap(), ""));
    scene.pass(2 * 3600);
    at_rest(&service).await;
    assert_eq!((there.uids().len(), scene.world.user(&scene.calendar).uids().len()), (1, 1));
    assert_eq!(told(&service, &change).await, 0, "history does not claim it");
}

#[tokio::test]
async fn the_later_choice_counts() {
    let stage = Stage::new().await;
    let (service, conflict) = in_conflict(&stage).await;
    (0..4).for_each(|_| stage.world.plan(Aim::op(Op::Create).on("right"), Fault::FailBefore));
    let resolve = |keep| Request::Resolve { id: conflict.id.clone(), keep };
    assert_eq!(service.answer(resolve(Keep::Both)).await.exit, 75);
    stage.world.calm();
    assert_eq!(service.answer(resolve(Keep::Right)).await.exit, 0);
    at_rest(&service).await;
    assert_eq!(both(&stage), [["Right"], ["Right"]]);
}
