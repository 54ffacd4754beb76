//! A server that refuses every write of one kind, for a reason that it does not say: that is told
//! as a problem, and not tried again and again behind an `in-sync`. The left side speaks iCloud's
//! dialect, the right one is behind a gateway.

use calpair_tests::gateway::{Gateway, Way};
use calpair_tests::program::Home;
use calpair_tests::stage::Stage;
use model::{Side, Sides};
use sandbox::dav::Profile;
use sandbox::seed::hour;
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
        assert_eq!(writes(), before, "a day is waited, or for a change");
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
