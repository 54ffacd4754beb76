//! `restore` where the pair is not what it was, and what it says of the other side.

use super::errands::{at_rest, both, history, newest, renamed, restored};
use super::*;

const BUSY: &str = "to_right = { detail = \"busy\" }\n";

fn raw(stage: &Stage, side: usize, uid: &str) -> String {
    String::from_utf8(stage.user(side).get(uid).unwrap().raw).unwrap()
}

async fn restore(service: &Service, change: &str) -> (u8, String) {
    let reply = service.answer(Request::Restore { change: change.to_owned() }).await;
    (reply.exit, message(reply))
}

/// The sides of the pair, changed over.
fn swapped(stage: &Stage) -> String {
    let text = stage.config().replace("left = { account", "was = { account");
    text.replace("right = { account", "left = { account").replace("was = {", "right = {")
}

/// A pair that shows nothing but busy times on the right, and one event.
async fn masked() -> (Stage, Service) {
    let stage = Stage::new().await;
    let service = stage.connected().await;
    take_up(&service, &(stage.config() + BUSY));
    stage.create(0, "a");
    stage.user(0).set("a", "DESCRIPTION", "Precious");
    at_rest(&service).await;
    assert!(raw(&stage, 1, "a").contains("SUMMARY:Busy"));
    (stage, service)
}

#[tokio::test]
async fn it_is_the_calendar_of_the_change_that_is_written_and_not_its_side() {
    let (stage, service) = masked().await;
    stage.user(0).set("a", "TRANSP", "TRANSPARENT");
    at_rest(&service).await;
    let change = newest(&service, "update").await;
    assert_eq!(change.side, report::SideWord::Right);
    take_up(&service, &(swapped(&stage) + "to_left = { detail = \"busy\" }\n"));
    // The next cycle finds out what the sides are.
    assert_eq!(restore(&service, &change.id).await.0, 2);
    at_rest(&service).await;
    let said = restored(&service, &change.id).await;
    assert!(said.contains("the earlier version is back on the left"), "{said}");
    assert!(!raw(&stage, 1, "a").contains("TRANSP:TRANSPARENT"));
    at_rest(&service).await;
    let original = raw(&stage, 0, "a");
    assert!(original.contains("Precious") && original.contains("SUMMARY:Event a"), "{original}");
}

#[tokio::test]
async fn nothing_is_written_into_another_calendar_than_that_of_the_change() {
    let (stage, service, change) = renamed().await;
    let new = ["left", "right"].map(|account| stage.world.add_calendar(account, "Club"));
    take_up(&service, &stage.config().replace("Family", "Club"));
    let (exit, said) = restore(&service, &change).await;
    assert_eq!(exit, 75, "{said}");
    assert!(said.contains("nothing was written; `calpair sync p` first"), "{said}");
    at_rest(&service).await;
    let (exit, said) = restore(&service, &change).await;
    assert_eq!(exit, 2, "{said}");
    let of = format!("change {change} was made in the calendar ");
    assert!(said.starts_with(&of) && said.contains("/right/family/ of the account r;"), "{said}");
    assert!(
        said.contains("the right side of p is \"Club\" of the account r now; nothing"),
        "{said}"
    );
    assert!(new.iter().all(|calendar| stage.world.user(calendar).uids().is_empty()));
    assert_eq!(both(&stage), [["Wrong"], ["Wrong"]]);
    // Led back, it is as before.
    take_up(&service, &stage.config());
    at_rest(&service).await;
    restored(&service, &change).await;
    at_rest(&service).await;
    assert_eq!(both(&stage), [["Event a"], ["Event a"]]);
}

#[tokio::test]
async fn a_change_of_a_pair_that_is_called_otherwise_now_can_be_restored() {
    let (stage, service, change) = renamed().await;
    take_up(&service, &stage.config().replace("name = \"p\"", "name = \"family\""));
    let (exit, said) = restore(&service, &change).await;
    assert_eq!(exit, 2, "{said}");
    assert!(said.contains("there is no pair p any more, and no other one has that"), "{said}");
    at_rest(&service).await;
    let said = restored(&service, &change).await;
    assert!(said.contains("back on the right (title); it crosses"), "{said}");
    at_rest(&service).await;
    assert_eq!(both(&stage), [["Event a"], ["Event a"]]);
}

#[tokio::test]
async fn where_the_direction_leads_away_it_says_that_it_does_not_cross() {
    let stage = Stage::new().await;
    let service = stage.connected().await;
    take_up(&service, &(stage.config() + "direction = \"left-to-right\"\n"));
    stage.create(0, "a");
    at_rest(&service).await;
    stage.user(0).set("a", "SUMMARY", "New");
    at_rest(&service).await;
    let said = restored(&service, &newest(&service, "update").await.id).await;
    let away = "it does not cross: it changed on the side that nothing crosses from; what is";
    assert!(said.contains(away) && said.ends_with("changed on the left next comes over it"));
    at_rest(&service).await;
    assert_eq!(both(&stage), [["New"], ["Event a"]]);
    stage.user(0).set("a", "SUMMARY", "Newer");
    at_rest(&service).await;
    assert_eq!(both(&stage), [["Newer"], ["Newer"]]);
    stage.user(0).delete("a");
    at_rest(&service).await;
    let said = restored(&service, &newest(&service, "delete").await.id).await;
    let away = "it does not cross: the pair's direction keeps it from being synced";
    assert!(said.ends_with(away), "{said}");
    at_rest(&service).await;
    assert_eq!(stage.numbers(), [0, 1]);
}

#[tokio::test]
async fn of_a_masked_copy_it_says_that_the_original_is_not_in_it() {
    let (stage, service) = masked().await;
    stage.user(0).delete("a");
    at_rest(&service).await;
    let said = restored(&service, &newest(&service, "delete").await.id).await;
    let copy = "as the copy that it was: what `to_right` leaves out or changes is not in it";
    assert!(said.contains(copy) && said.contains("; it crosses"), "{said}");
    at_rest(&service).await;
    assert_eq!(both(&stage), [["Busy"], ["Busy"]]);
    // An original that was deleted through its copy is whole.
    stage.create(1, "b");
    at_rest(&service).await;
    assert!(stage.user(0).delete("b"));
    at_rest(&service).await;
    let said = restored(&service, &newest(&service, "delete").await.id).await;
    assert!(said.contains("back on the right; it crosses"), "{said}");
}

#[tokio::test]
async fn a_paused_pair_is_told_to_be_resumed() {
    let (stage, service, change) = renamed().await;
    service.answer(Request::Pause { pair: pair() }).await;
    let said = restored(&service, &change).await;
    assert!(said.ends_with("it crosses once it is resumed (`calpair resume p`)"), "{said}");
    assert_eq!(both(&stage), [["Wrong"], ["Event a"]]);
}

#[tokio::test]
async fn history_has_every_write_however_many_there_are() {
    let (_stage, service, _) = renamed().await;
    let before = history(&service).await.len();
    let row = row(&service);
    let change = service.ctx.store.history(None, None, 1).unwrap().remove(0);
    let (lost, won) = (change.before.unwrap(), change.after.unwrap());
    for run in 0..1_100 {
        let (side, reason) = (model::Side::Left, "the right side is newer");
        let overruled = store::OverruledRow { run, side, before: &lost, after: &won, reason };
        service.ctx.store.overruled(row.id, &overruled, service.ctx.now()).unwrap();
    }
    let changes = history(&service).await;
    assert_eq!(changes.len(), before + 1_100);
    let numbers: Vec<i64> = changes.iter().map(|change| change.id.parse().unwrap()).collect();
    assert!(numbers.is_sorted_by(|later, earlier| later > earlier));
}
