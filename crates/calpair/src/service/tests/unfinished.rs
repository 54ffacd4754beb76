//! What was begun and not finished, where the world or the configuration has changed since.

use engine::Mode;
use model::PairName;
use sandbox::Op;
use sandbox::faults::{Aim, Fault};

use super::*;

/// A service that began three copies on the right, each of which met this.
pub(super) async fn begun(stage: &Stage, fault: Fault) -> Service {
    let service = stage.connected().await;
    sync(&service).await;
    ["a", "b", "c"].into_iter().for_each(|uid| stage.create(0, uid));
    let creation = Aim::op(Op::Create).on("right");
    (0..40).for_each(|_| stage.world.plan(creation.clone(), fault));
    assert_ne!(sync(&service).await.0, 0);
    stage.world.calm();
    assert_eq!(service.ctx.store.open_intents(row(&service).id).unwrap().len(), 3);
    service
}

/// Everything that was ever written into the calendar on the right.
fn ever_written(stage: &Stage) -> Vec<String> {
    let deeds = stage.world.deeds(&stage.calendars[1]);
    deeds.into_iter().filter_map(|deed| Some(String::from_utf8(deed.raw?).unwrap())).collect()
}

fn busy(stage: &Stage) -> String {
    format!("{}to_right = {{ detail = \"busy\" }}\n", stage.config())
}

#[tokio::test]
async fn what_new_rules_keep_back_is_not_written_for_the_sake_of_old_ones() {
    for rule in ["direction = \"right-to-left\"", "to_right = { skip = { title = \"Event\" } }"] {
        let stage = Stage::new().await;
        let service = begun(&stage, Fault::FailBefore).await;
        take_up(&service, &format!("{}{rule}\n", stage.config()));
        sync(&service).await;
        assert_eq!(ever_written(&stage), [""; 0], "{rule}");
    }
    let stage = Stage::new().await;
    let service = begun(&stage, Fault::FailBefore).await;
    take_up(&service, &busy(&stage));
    assert_eq!(sync(&service).await.0, 0);
    let written = ever_written(&stage);
    assert_eq!(written.len(), 3);
    assert!(written.iter().all(|text| text.contains("SUMMARY:Busy")), "{written:?}");
}

#[tokio::test]
async fn old_rules_do_not_come_back_where_a_calendar_can_not_be_read_whole() {
    let stage = Stage::new().await;
    let service = begun(&stage, Fault::FailBefore).await;
    take_up(&service, &busy(&stage));
    stage.create(1, "d");
    let ghost = Aim::op(Op::Changes).on("right");
    (0..40).for_each(|_| stage.world.plan(ghost.clone(), Fault::Ghost));
    sync(&service).await;
    assert_eq!(stage.user(1).uids(), ["d"], "nobody knows what is there");
    let told = status(&service).await.pairs.remove(0).problems;
    assert_eq!(told.len(), 3, "{told:?}");
    stage.world.calm();
    sync(&service).await;
    assert_eq!(sync(&service).await.0, 0);
    assert_eq!(stage.numbers(), [4, 4]);
    let written = ever_written(&stage);
    let masked = written.iter().filter(|text| text.contains("SUMMARY:Busy"));
    assert_eq!((masked.count(), written.len()), (3, 4), "{written:?}");
}

#[tokio::test]
async fn what_arrived_is_known_for_ours_though_the_rules_are_others() {
    let stage = Stage::new().await;
    let service = begun(&stage, Fault::LostReply).await;
    take_up(&service, &busy(&stage));
    stage.user(0).delete("b");
    sync(&service).await;
    sync(&service).await;
    assert_eq!(stage.numbers(), [2, 2], "one copy each, and none of what was deleted");
    let uids = stage.user(1).uids();
    let titles = uids.iter().map(|uid| stage.user(1).get(uid).unwrap()).collect::<Vec<_>>();
    assert!(
        titles.iter().all(|text| String::from_utf8_lossy(&text.raw).contains("SUMMARY:Busy")),
        "{titles:?}"
    );
}

#[tokio::test]
async fn what_arrived_is_known_for_ours_though_it_is_refused_by_now() {
    let stage = Stage::new().await;
    let service = begun(&stage, Fault::LostReply).await;
    take_up(&service, &format!("{}conflict = \"right\"\n", stage.config()));
    stage.user(0).set("a", "SUMMARY", "Edited");
    stage.user(1).set("a", "LOCATION", "Town");
    let creation = Aim::op(Op::Create).on("right");
    (0..40).for_each(|_| stage.world.plan(creation.clone(), Fault::Rejected));
    sync(&service).await;
    stage.world.calm();
    sync(&service).await;
    assert_eq!(stage.numbers(), [3, 3]);
    for side in [0, 1] {
        let text = String::from_utf8(stage.user(side).get("a").unwrap().raw).unwrap();
        assert!(text.contains("SUMMARY:Edited"), "the copy's title is nobody's edit: {text}");
        assert!(text.contains("LOCATION:Town"), "{text}");
    }
    let history = service.ctx.store.history(None, None, 9).unwrap();
    assert!(history.iter().all(|change| change.action != "overruled"), "{history:?}");
}

#[tokio::test]
async fn a_pair_under_another_name_waits_for_the_last_cycle_of_the_former() {
    let stage = Stage::new().await;
    let service = stage.connected().await.supervised(|_, _| ());
    sync(&service).await;
    let supervisor = service.supervisor.as_ref().unwrap();
    let (former_name, name) = (PairName::new("p"), PairName::new("q"));
    let turn = supervisor.hold(&former_name).await.unwrap();
    let mut former = std::pin::pin!(supervisor.attend(&former_name, Mode::Sync));
    for _ in 0..100 {
        let pending = tokio::select! {
            biased;
            _ = &mut former => false,
            () = tokio::task::yield_now() => true,
        };
        assert!(pending, "its cycle is under way");
    }
    stage.create(0, "a");
    take_up(&service, &stage.config().replace("name = \"p\"", "name = \"q\""));
    let mut renamed = std::pin::pin!(supervisor.attend(&name, Mode::Sync));
    for _ in 0..100 {
        let pending = tokio::select! {
            biased;
            _ = &mut renamed => false,
            () = tokio::task::yield_now() => true,
        };
        assert!(pending && stage.numbers() == [1, 0], "nothing is done meanwhile");
    }
    drop(turn);
    renamed.await.unwrap();
    assert_eq!(stage.numbers(), [1, 1]);
    service.close(Duration::ZERO).await.unwrap();
}
