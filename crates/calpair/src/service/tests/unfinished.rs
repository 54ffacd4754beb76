//! What was begun and not finished, where the world or the configuration has changed since.

use engine::Mode;
use model::PairName;
use sandbox::Op;
use sandbox::faults::{Aim, Fault};

use super::*;

/// A service whose copies on the right were begun, and not made.
async fn begun(stage: &Stage) -> Service {
    let service = stage.connected().await;
    sync(&service).await;
    for uid in ["a", "b", "c"] {
        stage.create(0, uid);
    }
    let refused = Aim::op(Op::Create).on("right");
    (0..40).for_each(|_| stage.world.plan(refused.clone(), Fault::FailBefore));
    assert_ne!(sync(&service).await.0, 0);
    stage.world.calm();
    let row = service.ctx.store.pair(&PairName::new("p")).unwrap().unwrap();
    assert!(!service.ctx.store.open_intents(row.id).unwrap().is_empty());
    service
}

/// Everything that was ever written into the calendar on the right.
fn ever_written(stage: &Stage) -> Vec<String> {
    let deeds = stage.world.deeds(&stage.calendars[1]);
    deeds.into_iter().filter_map(|deed| Some(String::from_utf8(deed.raw?).unwrap())).collect()
}

#[tokio::test]
async fn what_new_rules_keep_back_is_not_written_for_the_sake_of_old_ones() {
    for rule in ["direction = \"right-to-left\"", "to_right = { skip = { title = \"Event\" } }"] {
        let stage = Stage::new().await;
        let service = begun(&stage).await;
        let text = format!("{}{rule}\n", stage.config());
        service.take_up(config::parse(&text, "c.toml").unwrap()).unwrap();
        sync(&service).await;
        assert_eq!(ever_written(&stage), [""; 0], "{rule}");
    }
    let stage = Stage::new().await;
    let service = begun(&stage).await;
    let text = format!("{}to_right = {{ detail = \"busy\" }}\n", stage.config());
    service.take_up(config::parse(&text, "c.toml").unwrap()).unwrap();
    assert_eq!(sync(&service).await.0, 0);
    let written = ever_written(&stage);
    assert_eq!(written.len(), 3);
    assert!(written.iter().all(|text| text.contains("SUMMARY:Busy")), "{written:?}");
}

#[tokio::test]
async fn what_arrived_is_known_for_ours_though_the_rules_are_others() {
    let stage = Stage::new().await;
    let service = stage.connected().await;
    sync(&service).await;
    for uid in ["a", "b", "c"] {
        stage.create(0, uid);
    }
    let made = Aim::op(Op::Create).on("right");
    (0..40).for_each(|_| stage.world.plan(made.clone(), Fault::LostReply));
    sync(&service).await;
    stage.world.calm();
    let text = format!("{}to_right = {{ detail = \"busy\" }}\n", stage.config());
    service.take_up(config::parse(&text, "c.toml").unwrap()).unwrap();
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
    let text = stage.config().replace("name = \"p\"", "name = \"q\"");
    service.take_up(config::parse(&text, "c.toml").unwrap()).unwrap();
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
