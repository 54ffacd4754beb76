//! An event that a server lists and does not hand out, with the program itself: it is told of, and
//! stops nothing else.

use std::time::Duration;

use calpair_tests::program::Home;
use calpair_tests::stage::Stage;
use model::{Side, Sides};
use sandbox::Op;
use sandbox::dav::Profile;
use sandbox::faults::{Aim, Fault};
use sandbox::seed::hour;
use serde_json::Value;

struct Scene {
    stage: Stage,
    home: Home,
}

impl Scene {
    fn connected() -> Self {
        let stage = Stage::new(Sides::new(Profile::icloud(), Profile::plain()));
        let home = Home::new(stage.logins(), "");
        home.connect_both();
        Self { stage, home }
    }

    fn create(&self, side: Side, uid: &str, title: &str) {
        let start = "2026-12-01T09:00:00Z".parse().expect("an instant");
        self.stage.user(side).create(&hour(uid, title, start, ""));
    }

    fn title(&self, side: Side, uid: &str) -> Option<String> {
        let held = self.stage.user(side).get(uid)?;
        let text = String::from_utf8(held.raw).expect("the world holds text");
        text.lines().find_map(|line| line.strip_prefix("SUMMARY:")).map(str::to_owned)
    }

    /// The server fails at every event that is there now, but for one.
    fn withhold_all_but(&self, side: Side, uid: &str) {
        let user = self.stage.user(side);
        let good = user.get(uid).map(|held| held.id);
        let calendar = self.stage.calendar(side);
        for held in self.stage.world.held(calendar) {
            if Some(&held.id) != good.as_ref() {
                self.stage.world.withhold(calendar, &held.id);
            }
        }
    }

    fn has(&self, side: Side, uid: &str) -> bool {
        self.stage.user(side).get(uid).is_some()
    }

    /// Syncs, and expects it to end like this; the report on the pair.
    fn syncs(&self, code: i32, outcome: &str) -> Value {
        let ended = self.home.run(&["sync", "--json"]);
        let pair = ended.json()["pairs"][0].clone();
        assert_eq!((ended.code, &pair["outcome"]), (Some(code), &Value::from(outcome)), "{pair}");
        pair
    }

    fn status(&self) -> Value {
        self.home.run(&["status", "--json"]).json()
    }
}

#[test]
fn an_event_that_the_server_does_not_hand_out_is_a_problem_and_stops_nothing() {
    let scene = Scene::connected();
    let user = scene.stage.user(Side::Left);
    let withhold = |uid: &str| {
        let held = user.get(uid).expect("it is there");
        scene.stage.world.withhold(scene.stage.calendar(Side::Left), &held.id);
    };
    // The only one there is, at the first sync.
    scene.create(Side::Left, "bad", "Bad");
    withhold("bad");
    scene.create(Side::Right, "theirs", "Theirs");
    let pair = scene.syncs(6, "changed");
    assert_eq!(pair["problems"], 1);
    assert!(scene.has(Side::Left, "theirs"), "everything else crosses");
    let problem = scene.status()["pairs"][0]["problems"][0].clone();
    let held = user.get("bad").expect("it is there");
    assert_eq!(problem["uid"], held.id, "as the server names it: nothing else is known of it");
    let reason = problem["reason"].as_str().unwrap_or_default();
    assert!(reason.starts_with("it can't be read on left: "), "{problem}");
    assert!(reason.contains("500"), "{problem}");
    scene.syncs(6, "in-sync");
    scene.stage.world.hand_out(scene.stage.calendar(Side::Left));
    scene.syncs(0, "changed");
    assert_eq!(scene.title(Side::Right, "bad").as_deref(), Some("Bad"), "it was asked for again");

    // A synced one: neither side's edit crosses until it is read.
    assert!(user.set("bad", "SUMMARY", "Better"));
    withhold("bad");
    assert!(scene.stage.user(Side::Right).set("bad", "LOCATION", "Here"));
    assert!(scene.stage.user(Side::Right).delete("theirs"));
    let pair = scene.syncs(6, "changed");
    assert_eq!(pair["problems"], 1);
    assert!(!scene.has(Side::Left, "theirs"), "a deletion crosses as ever");
    assert_eq!(scene.title(Side::Right, "bad").as_deref(), Some("Bad"));
    let explained = scene.home.run(&["explain", "p", "bad", "--json"]);
    let event = explained.json()["events"][0].clone();
    assert_eq!(event["state"], "problem", "{event}");
    scene.syncs(6, "in-sync");
    scene.stage.world.hand_out(scene.stage.calendar(Side::Left));
    scene.syncs(0, "changed");
    assert_eq!(scene.title(Side::Right, "bad").as_deref(), Some("Better"));
    let left = user.get("bad").expect("it is there");
    assert!(String::from_utf8_lossy(&left.raw).contains("LOCATION:Here"), "both are merged");
    scene.syncs(0, "in-sync");
}

#[test]
fn several_events_that_the_server_does_not_hand_out_stop_nothing_either() {
    let scene = Scene::connected();
    for number in 0..8 {
        scene.create(Side::Left, &format!("bad-{number}"), "Bad");
    }
    scene.withhold_all_but(Side::Left, "");
    scene.create(Side::Right, "theirs", "Theirs");
    let pair = scene.syncs(6, "changed");
    assert_eq!(pair["problems"], 8);
    assert!(scene.has(Side::Left, "theirs"), "everything else crosses");
    let status = scene.status();
    let problems = status["pairs"][0]["problems"].as_array().expect("a list").clone();
    for number in 0..8 {
        let held = scene.stage.user(Side::Left).get(&format!("bad-{number}")).expect("it is there");
        let named = problems.iter().any(|problem| problem["uid"] == *held.id);
        assert!(named, "{} is named: {status}", held.id);
    }
    scene.syncs(6, "in-sync");
    scene.syncs(6, "in-sync");
    scene.create(Side::Right, "later", "Later");
    scene.syncs(6, "changed");
    assert!(scene.has(Side::Left, "later"), "with nothing else new on the left");
    // More of them, the only news of a calendar that was synced.
    scene.stage.world.hand_out(scene.stage.calendar(Side::Left));
    scene.syncs(0, "changed");
    for number in 0..8 {
        assert!(scene.stage.user(Side::Left).set(&format!("bad-{number}"), "SUMMARY", "Better"));
    }
    scene.withhold_all_but(Side::Left, "later");
    assert!(scene.stage.user(Side::Right).set("later", "SUMMARY", "Now"));
    assert_eq!(scene.syncs(6, "changed")["problems"], 8);
    assert_eq!(scene.title(Side::Left, "later").as_deref(), Some("Now"));
    scene.syncs(6, "in-sync");
    scene.stage.world.hand_out(scene.stage.calendar(Side::Left));
    scene.syncs(0, "changed");
    for number in 0..8 {
        let uid = format!("bad-{number}");
        assert_eq!(scene.title(Side::Right, &uid).as_deref(), Some("Better"), "{uid}");
    }
}

#[test]
fn a_good_event_behind_very_many_that_are_withheld_comes_through() {
    let scene = Scene::connected();
    for number in 0..150 {
        scene.create(Side::Left, &format!("u-{number:03}"), "Title");
    }
    scene.withhold_all_but(Side::Left, "");
    assert_eq!(scene.syncs(6, "in-sync")["problems"], 150);
    scene.stage.world.hand_out(scene.stage.calendar(Side::Left));
    scene.withhold_all_but(Side::Left, "u-149");
    // One of seven or eight is asked about in each; that it is never this one is as good as
    // impossible.
    let came = (0..200).any(|_| {
        let ended = scene.home.run(&["sync", "--json"]);
        assert_eq!(ended.code, Some(6), "{}", ended.json());
        scene.has(Side::Right, "u-149")
    });
    assert!(came);
    // As soon as all are handed out, they come at once.
    scene.stage.world.hand_out(scene.stage.calendar(Side::Left));
    scene.syncs(0, "changed");
    assert!((0..150).all(|number| scene.has(Side::Right, &format!("u-{number:03}"))));
}

#[test]
fn to_ask_again_in_vain_fails_no_cycle() {
    let scene = Scene::connected();
    scene.create(Side::Left, "bad", "Bad");
    scene.withhold_all_but(Side::Left, "");
    scene.syncs(6, "in-sync");
    let plan = |fault: Fault| {
        for _ in 0..20 {
            scene.stage.world.plan(Aim::op(Op::Fetch).on("left"), fault);
        }
    };
    plan(Fault::FailBefore);
    scene.syncs(6, "in-sync");
    assert_eq!(scene.status()["pairs"][0]["problems"][0]["side"], "right", "it is told as ever");
    // An account that wants a pause gets it.
    scene.stage.world.calm();
    plan(Fault::RateLimited { retry_after: Some(Duration::from_secs(600)) });
    scene.syncs(75, "retrying");
}
