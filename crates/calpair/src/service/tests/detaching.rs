//! `detach --remove-copies` of a pair that has changed since its copies were made.

use super::errands::at_rest;
use super::*;

fn take_up(service: &Service, text: &str) {
    service.take_up(config::parse(text, "c.toml").unwrap()).unwrap();
}

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
