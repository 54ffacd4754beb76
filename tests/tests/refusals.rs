//! A server that refuses every write of one kind, for a reason that it does not say: that is told
//! as a problem, and tried again more and more seldom, not in every cycle behind an `in-sync`. The
//! left side speaks iCloud's dialect, the right one is behind a gateway; at last both are spoken in
//! process, where a day passes at once.

use std::sync::Arc;
use std::time::Duration;

use calpair_tests::gateway::{Gateway, Way};
use calpair_tests::program::Home;
use calpair_tests::rig::{End, Rig, ToldClock};
use calpair_tests::stage::Stage;
use model::{Side, Sides};
use sandbox::dav::Profile;
use sandbox::seed::hour;
use sandbox::{Habits, InProcess, Manners, User, World};
use serde_json::Value;

struct Scene {
    stage: Stage,
    gate: Gateway,
    home: Home,
}

impl Scene {
    /// Two events on both sides, and nothing to do; what comes from the right goes that way.
    fn new(way: Way) -> Self {
        let stage = Stage::new(Sides::new(Profile::icloud(), Profile::plain()));
        let gate = Gateway::before(stage.address(Side::Right));
        let mut logins = stage.logins();
        logins.right.url = format!("http://127.0.0.1:{}/", gate.port());
        let scene = Self { home: Home::new(logins, ""), stage, gate };
        scene.home.connect_both();
        scene.create("stays");
        scene.create("goes");
        assert_eq!(scene.sync(), (0, Vec::new()));
        scene.gate.turn(way);
        scene
    }

    fn create(&self, uid: &str) {
        let start = "2026-12-01T09:00:00Z".parse().expect("an instant");
        self.stage.user(Side::Left).create(&hour(uid, "Dentist", start, ""));
    }

    /// Syncs; the exit code, and the problems on the right.
    fn sync(&self) -> (i32, Vec<[String; 2]>) {
        let ended = self.home.run(&["sync"]);
        let status = self.home.run(&["status", "--json"]).json();
        let problems = status["pairs"][0]["problems"].as_array().cloned().unwrap_or_default();
        let told = |problem: &Value| {
            assert_eq!(problem["side"], "right", "{problem}");
            ["uid", "reason"].map(|name| problem[name].as_str().unwrap_or_default().to_owned())
        };
        (ended.code.unwrap_or_default(), problems.iter().map(told).collect())
    }

    /// One event is a problem, with these words in its reason, and nothing more is sent for it.
    fn told(&self, uid: &str, words: &str) {
        let (code, problems) = self.sync();
        let [[of, reason]] = problems.as_slice() else { panic!("{code}: {problems:?}") };
        assert_eq!((code, of.as_str()), (6, uid), "{reason}");
        assert!(reason.contains(words), "{reason}");
        let writes = || {
            let arrived = self.gate.arrived().into_iter();
            arrived.filter(|one| ["PUT", "DELETE"].contains(&one.method.as_str())).count()
        };
        let before = writes();
        assert_eq!((self.sync().0, self.sync().0), (6, 6));
        assert_eq!(writes(), before, "an hour is waited, or for a change");
    }
}

#[test]
fn a_deletion_that_is_refused_in_the_very_version_is_told() {
    for status in [409, 412] {
        let scene = Scene::new(Way::Refused("DELETE", status));
        scene.stage.user(Side::Left).delete("goes");
        scene.told("goes", &format!("does not let this event be deleted ({status})"));
        assert_eq!(scene.stage.user(Side::Right).uids().len(), 2);
    }
}

#[test]
fn a_creation_that_is_refused_under_any_uid_is_told() {
    for status in [409, 412] {
        let scene = Scene::new(Way::Refused("PUT", status));
        scene.create("new");
        scene.told("new", "has this event already");
        scene.gate.turn(Way::Through);
        scene.stage.user(Side::Left).set("new", "SUMMARY", "Dentist, at last");
        assert_eq!(scene.sync(), (0, Vec::new()));
        assert_eq!(scene.stage.user(Side::Right).uids().len(), 3);
    }
}

#[test]
fn where_no_version_is_stated_nothing_is_written_and_it_is_told() {
    let scene = Scene::new(Way::Unversioned);
    scene.stage.user(Side::Right).set("stays", "SUMMARY", "Dentist, later");
    scene.stage.user(Side::Right).set("stays", "LOCATION", "Main street");
    assert_eq!(scene.sync(), (0, Vec::new()), "it is read all the same");
    scene.stage.user(Side::Left).set("stays", "SUMMARY", "Dentist, tomorrow");
    scene.told("stays", "it states no version");
}

/// Of any provider: it says that the version is out of date, and shows no other.
#[tokio::test]
async fn what_is_refused_as_out_of_date_for_ever_is_told_and_tried_less_and_less_often() {
    let (world, clock) = (World::new(3), ToldClock::begin());
    let calendars = Sides::new("left", "right").map(|name| {
        let stubborn = (name == "right").then(|| "Stone".to_owned());
        world.account(name, Habits { stubborn, ..Habits::default() });
        world.add_calendar(name, "Family")
    });
    let ends = Sides::from_fn(|side: Side| {
        let account = InProcess::new(&world, side.as_str(), Manners::default());
        End::in_process(account, calendars[side].clone())
    });
    let rig = Rig::over(ends, Arc::new(clock.clone()));
    let [left, right] = [&calendars.left, &calendars.right].map(|calendar| world.user(calendar));
    let text = |user: &User, uid: &str| {
        let held = user.get(uid).expect("it is there");
        String::from_utf8(held.raw).expect("the world holds text")
    };
    let start = "2026-12-01T09:00:00Z".parse().expect("an instant");
    for (uid, title) in [("changed", "Stone"), ("deleted", "Stone"), ("other", "Wood")] {
        left.create(&hour(uid, title, start, ""));
    }
    rig.rest().await;
    let problems = || {
        let problems = rig.problems().into_iter();
        let told = problems.map(|problem| (problem.uid.as_str().to_owned(), problem.reason));
        let mut told: Vec<(String, String)> = told.collect();
        told.sort();
        told
    };
    assert_eq!(problems(), []);

    left.set("changed", "LOCATION", "Hall");
    left.delete("deleted");
    left.set("other", "LOCATION", "Hall");
    rig.rest().await;
    let told = problems();
    let uids: Vec<&str> = told.iter().map(|(uid, _)| uid.as_str()).collect();
    assert_eq!(uids, ["changed", "deleted"]);
    assert!(told.iter().all(|(_, reason)| reason.contains("out of date")), "{told:?}");
    assert!(text(&right, "other").contains("LOCATION:Hall"), "the others go on");

    let mut tries = Vec::new();
    let mut before = world.write_count("right");
    for hour in 1..=120 {
        clock.pass(Duration::from_secs(60 * 60));
        rig.cycle().await;
        let now = world.write_count("right");
        tries.extend((now > before).then_some(hour));
        before = now;
    }
    assert_eq!(tries, [2, 5, 11, 23, 47, 72, 97], "as long again as it has stood, or a day");

    right.set("changed", "SUMMARY", "Sand");
    right.set("deleted", "SUMMARY", "Sand");
    rig.rest().await;
    assert_eq!(problems(), []);
    assert!(text(&right, "changed").contains("LOCATION:Hall"));
    assert!(text(&left, "deleted").contains("SUMMARY:Sand"), "an edit beats a deletion");
}
