//! `detach --remove-copies` of a pair that has changed since its copies were made.

use sandbox::Op;
use sandbox::faults::{Aim, Fault};

use super::errands::at_rest;
use super::unfinished::begun;
use super::*;

async fn detach(service: &Service) -> (u8, String) {
    let reply = service.answer(Request::Detach { pair: pair(), remove_copies: true }).await;
    (reply.exit, message(reply))
}

#[tokio::test]
async fn of_what_calpair_made_on_both_sides_the_older_copy_stays() {
    let stage = Stage::new().await;
    let service = stage.connected().await;
    ["a", "b"].into_iter().for_each(|uid| stage.create(0, uid));
    stage.create(1, "c");
    at_rest(&service).await;
    // The old left is given up for a new, empty calendar.
    let new = stage.world.add_calendar("left", "New");
    let led = stage.config().replace("\"l\", calendar = \"Family\"", "\"l\", calendar = \"New\"");
    take_up(&service, &led);
    at_rest(&service).await;
    let there = || (stage.world.user(&new).uids().len(), stage.numbers());
    assert_eq!(there(), (3, [3, 3]));
    let (exit, said) = detach(&service).await;
    assert_eq!(exit, 0, "{said}");
    assert_eq!(there(), (0, [3, 3]), "{said}");
    assert!(said.contains("left: 3 copies deleted, 0 kept"), "{said}");
    assert!(said.contains("right: 0 copies deleted, 0 kept, 2 left alone: those on the left were"));
    assert_eq!(service.ctx.store.integrity().unwrap(), Vec::<String>::new());
}

/// The configuration with another name for the calendar on the right.
fn on_the_right(stage: &Stage, calendar: &str) -> String {
    let named = format!("\"r\", calendar = \"{calendar}\"");
    stage.config().replace("\"r\", calendar = \"Family\"", &named)
}

#[tokio::test]
async fn a_calendar_by_another_name_is_the_one_with_the_copies_in_it() {
    let stage = Stage::new().await;
    let service = stage.connected().await;
    stage.create(0, "a");
    at_rest(&service).await;
    let row = row(&service);
    take_up(&service, &on_the_right(&stage, row.sides.right.calendar.unwrap().as_str()));
    let (exit, said) = detach(&service).await;
    assert_eq!((exit, stage.numbers()), (0, [1, 0]), "{said}");
    assert!(said.contains("right: 1 copies deleted"), "{said}");
}

#[tokio::test]
async fn nothing_is_forgotten_where_the_pair_was_led_away_from_its_copies() {
    let stage = Stage::new().await;
    let service = stage.connected().await.supervised(|_, _| ());
    stage.create(0, "a");
    at_rest(&service).await;
    stage.world.add_calendar("right", "New");
    service.answer(Request::Pause { pair: pair() }).await;
    let swapped = stage.config().replace("account = \"r\"", "account = \"x\"");
    let swapped = swapped.replace("account = \"l\"", "account = \"r\"");
    let swapped = swapped.replace("account = \"x\"", "account = \"l\"");
    for (led, why) in [
        (on_the_right(&stage, "New"), "right side of p is not the calendar any more in which"),
        (swapped, "it was one of the account l, and is one of r now"),
    ] {
        take_up(&service, &led);
        let (exit, said) = detach(&service).await;
        assert_eq!((exit, stage.numbers()), (2, [1, 1]), "{said}");
        assert!(said.contains(why) && said.contains("its copies, 1 on both sides"), "{said}");
        assert!(said.contains("lead the pair back there"), "{said}");
    }
    take_up(&service, &stage.config());
    let (exit, said) = detach(&service).await;
    assert_eq!((exit, stage.numbers()), (0, [1, 0]), "{said}");
    service.close(Duration::ZERO).await.unwrap();
}

#[tokio::test]
async fn copies_whose_making_was_not_answered_go_too() {
    let stage = Stage::new().await;
    let service = begun(&stage, Fault::LostReply).await;
    assert_eq!(stage.numbers(), [3, 3]);
    stage.create(1, "d");
    let ghost = Aim::op(Op::Changes).on("right");
    (0..40).for_each(|_| stage.world.plan(ghost.clone(), Fault::Ghost));
    let (exit, said) = detach(&service).await;
    assert_eq!((exit, stage.numbers()), (75, [3, 4]), "{said}");
    assert!(said.contains("of 3 that calpair began to make it is not known"), "{said}");
    stage.world.calm();
    let (exit, said) = detach(&service).await;
    assert_eq!((exit, stage.numbers()), (0, [3, 1]), "{said}");
    assert!(said.contains("right: 3 copies deleted"), "{said}");
}

#[tokio::test]
async fn nothing_is_made_in_order_to_be_deleted() {
    let stage = Stage::new().await;
    let service = begun(&stage, Fault::FailBefore).await;
    let (exit, said) = detach(&service).await;
    assert_eq!(exit, 0, "{said}");
    assert_eq!(stage.world.deeds(&stage.calendars[1]).len(), 0, "{said}");
}

#[tokio::test]
async fn a_new_configuration_does_not_start_a_pair_whose_copies_are_looked_for() {
    let stage = Stage::new().await;
    let service = begun(&stage, Fault::LostReply).await.supervised(|_, _| ());
    let supervisor = service.supervisor.as_ref().unwrap();
    let mut detaching = std::pin::pin!(detach(&service));
    let mut is_given_up = false;
    let (exit, said) = loop {
        tokio::select! {
            biased;
            ended = &mut detaching => break ended,
            () = tokio::task::yield_now() => {}
        }
        service.restart_changed();
        let is_kept = supervisor.wake(&PairName::new("p"));
        assert!(!(is_given_up && is_kept), "it runs again");
        is_given_up |= !is_kept;
    };
    assert!(is_given_up);
    assert_eq!((exit, stage.numbers()), (0, [3, 0]), "{said}");
    service.close(Duration::ZERO).await.unwrap();
}

#[tokio::test]
async fn where_there_is_nothing_to_delete_that_is_said() {
    let stage = Stage::new().await;
    let service = stage.connected().await;
    let (exit, said) = detach(&service).await;
    assert_eq!(exit, 0, "{said}");
    assert!(said.contains("calpair knows of no copy of its own there"), "{said}");
}
