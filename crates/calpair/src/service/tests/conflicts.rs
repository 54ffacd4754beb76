//! Somebody's choice in a conflict, and what was there before a change.

use super::*;

/// A pair that asks, with one conflict.
pub(super) async fn in_conflict(stage: &Stage) -> (Service, report::Conflict) {
    let asking = stage.config() + "conflict = \"ask\"\n";
    let service = stage.open(&asking);
    for account in ["l", "r"] {
        assert_eq!(connect(&service, account, "abcd-efgh-ijkl-mnop").await.exit, 0);
    }
    stage.create(0, "a");
    sync(&service).await;
    stage.user(0).set("a", "SUMMARY", "Left");
    stage.user(1).set("a", "SUMMARY", "Right");
    assert_eq!(sync(&service).await.1.conflicts, 1);
    let mut open: report::Conflicts = read(service.answer(Request::Conflicts).await);
    (service, open.conflicts.remove(0))
}

pub(super) fn titles(stage: &Stage, side: usize) -> Vec<String> {
    let user = stage.user(side);
    let title = |uid: String| {
        let raw = String::from_utf8(user.get(&uid).unwrap().raw).unwrap();
        raw.lines().find_map(|line| line.strip_prefix("SUMMARY:")).unwrap().to_owned()
    };
    let mut titles: Vec<String> = user.uids().into_iter().map(title).collect();
    titles.sort();
    titles
}

#[tokio::test]
async fn a_conflict_is_settled_as_somebody_chooses() {
    let cases: [(Keep, &[&str]); 3] =
        [(Keep::Left, &["Left"]), (Keep::Right, &["Right"]), (Keep::Both, &["Left", "Right"])];
    for (keep, expected) in cases {
        let stage = Stage::new().await;
        let (service, conflict) = in_conflict(&stage).await;
        let field = &conflict.fields[0];
        assert_eq!((field.left.as_deref(), field.right.as_deref()), (Some("Left"), Some("Right")));
        let wrong = Request::Resolve { id: "999".into(), keep };
        assert_eq!(service.answer(wrong).await.exit, 2);
        let reply = service.answer(Request::Resolve { id: conflict.id, keep }).await;
        assert_eq!(reply.exit, 0, "{reply:?}");
        for _ in 0..2 {
            sync(&service).await;
        }
        assert_eq!([titles(&stage, 0), titles(&stage, 1)], [expected, expected], "{keep:?}");
        let (exit, quiet) = sync(&service).await;
        assert_eq!((exit, quiet.outcome, quiet.conflicts), (0, report::Outcome::InSync, 0));
    }
}

#[tokio::test]
async fn what_was_there_before_a_change_is_put_back() {
    let stage = Stage::new().await;
    let service = stage.connected().await;
    stage.create(0, "a");
    sync(&service).await;
    stage.user(0).set("a", "SUMMARY", "Wrong");
    sync(&service).await;
    stage.user(0).delete("a");
    sync(&service).await;
    assert_eq!(stage.numbers(), [0, 0]);
    let history: report::History =
        read(service.answer(Request::History { pair: None, event: None }).await);
    let id = |action: &str| {
        history.changes.iter().find(|change| change.action == action).unwrap().id.clone()
    };
    let made = service.answer(Request::Restore { change: id("create") }).await;
    assert_eq!(made.exit, 2, "nothing was there before");
    let reply = service.answer(Request::Restore { change: id("delete") }).await;
    assert_eq!(reply.exit, 0, "{reply:?}");
    sync(&service).await;
    assert_eq!([titles(&stage, 0), titles(&stage, 1)], [["Wrong"], ["Wrong"]]);
    let reply = service.answer(Request::Restore { change: id("update") }).await;
    assert_eq!(reply.exit, 0, "{reply:?}");
    sync(&service).await;
    assert_eq!([titles(&stage, 0), titles(&stage, 1)], [["Event a"], ["Event a"]]);
    assert_eq!(sync(&service).await.1.outcome, report::Outcome::InSync);
    assert_eq!(service.answer(Request::Restore { change: "999".into() }).await.exit, 2);
}
