//! A pair keeps to its own rules and costs; a changed rule holds for what is there already: once,
//! safely, and at no cost after that. With the program itself, by hand and under the daemon.

use std::time::Duration;

use calpair_tests::program::Home;
use calpair_tests::stage::Stage;
use calpair_tests::wait;
use model::{Side, Sides};
use sandbox::dav::Profile;
use sandbox::seed::hour;
use serde_json::{Value, json};

use Side::{Left, Right};

/// What takes longer than this does not happen any more; far more than a busy machine needs.
const SOON: Duration = Duration::from_secs(40);

/// A stop may take so long (PRODUCT section 4).
const STOP: Duration = Duration::from_secs(5);

const BUSY: &str = "to_right = { detail = \"busy\", skip = { title = \"^Skip\", private = true } }";
const NEAR: &str = "{ past = \"90d\", future = \"730d\" }";

struct Scene {
    stage: Stage,
    home: Home,
}

impl Scene {
    fn new(interval: &str, pair: &str) -> Self {
        Self::on(Profile::plain(), interval, pair)
    }

    /// `left`: how the left server behaves.
    fn on(left: Profile, interval: &str, pair: &str) -> Self {
        let stage = Stage::new(Sides::new(left, Profile::plain()));
        let scene = Self { home: Home::new(stage.logins(), ""), stage };
        scene.rules(interval, pair, "\"all\"");
        scene.home.connect_both();
        scene
    }

    /// Writes the rules of the pair.
    fn rules(&self, interval: &str, pair: &str, window: &str) {
        let config = self.home.config(&format!("interval = \"{interval}\""), pair);
        self.home.write(&config.replace("window = \"all\"", &format!("window = {window}")));
    }

    fn create(&self, side: Side, uid: &str, title: &str) {
        self.create_in(side, uid, title, 2026);
    }

    fn create_in(&self, side: Side, uid: &str, title: &str, year: i16) {
        let start = format!("{year}-12-01T09:00:00Z").parse().expect("an instant");
        self.stage.user(side).create(&hour(uid, title, start, ""));
    }

    fn value(&self, side: Side, uid: &str, property: &str) -> Option<String> {
        let held = self.stage.user(side).get(uid)?;
        let text = String::from_utf8(held.raw).expect("the world holds text");
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("{property}:")));
        line.map(str::to_owned)
    }

    fn title(&self, side: Side, uid: &str) -> String {
        self.value(side, uid, "SUMMARY").unwrap_or_default()
    }

    /// Titles of the right side, by UID.
    fn right(&self) -> Vec<(String, String)> {
        let mut uids = self.stage.user(Right).uids();
        uids.sort();
        uids.into_iter().map(|uid| (uid.clone(), self.title(Right, &uid))).collect()
    }

    /// Syncs; what the pair came to.
    fn sync(&self) -> Value {
        let ended = self.home.run(&["sync", "--json"]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended.json()["pairs"][0].clone()
    }

    /// Nothing is left to do, and that costs nothing.
    fn is_quiet(&self) {
        let pair = self.sync();
        assert_eq!(pair["outcome"], "in-sync", "{pair}");
        assert_eq!(pair["requests"], json!({ "left": 1, "right": 1 }));
    }

    fn becomes(&self, side: Side, uid: &str, title: &str) {
        let is_so = || (self.title(side, uid) == title).then_some(());
        let found = wait::until(SOON, is_so);
        assert!(found.is_some(), "{uid} is {:?} and not {title:?}", self.title(side, uid));
    }
}

fn pairs(of: &[(&str, &str)]) -> Vec<(String, String)> {
    of.iter().map(|(uid, title)| ((*uid).to_owned(), (*title).to_owned())).collect()
}

#[test]
fn what_was_declined_stays_back() {
    const DECLINED: &str = "to_right = { skip = { declined = true } }";
    let scene = Scene::on(Profile::icloud(), "1h", DECLINED);
    let invite = |uid: &str, own: &str, other: &str| {
        let start = "2026-12-01T09:00:00Z".parse().expect("an instant");
        let people = format!(
            "ORGANIZER:mailto:boss@example.org\r\n\
             ATTENDEE;PARTSTAT={own}:mailto:Left@example.com\r\n\
             ATTENDEE;PARTSTAT={other}:mailto:boss@example.org\r\nEND:VEVENT"
        );
        hour(uid, uid, start, "").replace("END:VEVENT", &people)
    };
    let left = scene.stage.user(Left);
    left.create(&invite("no", "DECLINED", "ACCEPTED"));
    left.create(&invite("yes", "ACCEPTED", "DECLINED"));
    scene.sync();
    assert_eq!(scene.right(), pairs(&[("yes", "yes")]));
    let why = scene.home.run(&["explain", "p", "no"]).stdout;
    assert!(why.contains("it was declined"), "{why}");
    scene.is_quiet();

    // Another answer is no edit, and all the same something new.
    left.edit("no", |_| invite("no", "ACCEPTED", "ACCEPTED"));
    scene.sync();
    assert_eq!(scene.right(), pairs(&[("no", "no"), ("yes", "yes")]));
    scene.is_quiet();

    // What has crossed keeps its copy, as with every rule.
    let renamed = invite("no", "DECLINED", "ACCEPTED").replace("SUMMARY:no", "SUMMARY:x");
    left.edit("no", |_| renamed);
    scene.sync();
    assert_eq!(scene.title(Right, "no"), "no");
    scene.is_quiet();
}

#[test]
fn pairs_that_share_an_account_tell_their_own_requests() {
    let other = "\n[[pairs]]\nname = \"q\"\nwindow = \"all\"\n\
                 left = { account = \"right\", calendar = \"Alpha\" }\n\
                 right = { account = \"right\", calendar = \"Beta\" }\n";
    let scene = Scene::new("1h", other);
    for name in ["Alpha", "Beta"] {
        let _calendar = scene.stage.world.add_calendar("right", name);
    }
    scene.create(Left, "a", "Dentist");
    scene.sync();
    scene.sync();
    let quiet = scene.home.run(&["sync", "--json"]).json();
    let pairs = quiet["pairs"].as_array().expect("a list");
    assert_eq!(pairs.len(), 2, "{quiet}");
    for pair in pairs {
        assert_eq!(pair["requests"], json!({ "left": 1, "right": 1 }), "{pair}");
    }
}

#[test]
fn an_edit_crosses_from_pair_to_pair() {
    let other = "\n[[pairs]]\nname = \"q\"\nwindow = \"all\"\n\
                 left = { account = \"right\", calendar = \"Family\" }\n\
                 right = { account = \"right\", calendar = \"Beta\" }\n";
    let scene = Scene::new("1h", other);
    let world = &scene.stage.world;
    let beta = world.add_calendar("right", "Beta");
    // As time goes by: what is written later says so.
    let pass = || world.advance(Duration::from_secs(90));
    let titles = || {
        let held = world.user(&beta).get("a").map(|held| held.raw).unwrap_or_default();
        let text = String::from_utf8(held).expect("the world holds text");
        let last = text.lines().find_map(|line| line.strip_prefix("SUMMARY:")).unwrap_or_default();
        [scene.title(Left, "a"), scene.title(Right, "a"), last.to_owned()]
    };
    let settles = |title: &str| {
        for _ in 0..4 {
            pass();
            scene.sync();
        }
        assert_eq!(titles(), [title; 3]);
    };
    scene.create(Left, "a", "one");
    settles("one");
    // From the far end, over the calendar that both have, and back.
    world.user(&beta).set("a", "SUMMARY", "two");
    settles("two");
    scene.stage.user(Left).set("a", "SUMMARY", "three");
    settles("three");
    scene.stage.user(Right).set("a", "SUMMARY", "four");
    settles("four");
    world.user(&beta).delete("a");
    for _ in 0..4 {
        pass();
        scene.sync();
    }
    assert_eq!(titles(), ["", "", ""]);
}

#[test]
fn changed_rules_hold_for_what_is_there_already() {
    let scene = Scene::new("1h", BUSY);
    scene.rules("1h", BUSY, NEAR);
    scene.create(Left, "a", "Dentist");
    scene.stage.user(Left).set("a", "LOCATION", "Town");
    scene.create(Left, "b", "Skip me");
    scene.create(Left, "c", "Secret");
    scene.stage.user(Left).set("c", "CLASS", "PRIVATE");
    scene.create_in(Left, "d", "Far away", 2040);
    scene.create(Right, "e", "Of the right");
    scene.sync();
    assert_eq!(scene.right(), pairs(&[("a", "Busy"), ("e", "Of the right")]));
    scene.is_quiet();

    // Everything crosses, in one cycle.
    scene.rules("1h", "", "\"all\"");
    let synced = scene.sync();
    let counts = json!({ "created": 3, "updated": 1, "deleted": 0 });
    assert_eq!((&synced["outcome"], &synced["right"]), (&json!("changed"), &counts), "{synced}");
    assert_eq!(synced["left"], json!({ "created": 0, "updated": 0, "deleted": 0 }));
    let all = [("a", "Dentist"), ("b", "Skip me"), ("c", "Secret"), ("d", "Far away")];
    assert_eq!(scene.right()[..4], pairs(&all));
    assert_eq!(scene.value(Right, "a", "LOCATION").as_deref(), Some("Town"));
    let history = scene.home.run(&["history", "p", "--json", "--event", "a"]).json();
    assert!(history["changes"].to_string().contains("the rules changed"), "{history}");
    scene.is_quiet();

    // A narrower window takes nothing away, a prefix is put on copies alone.
    scene.rules("1h", "to_right = { prefix = \"W \" }", NEAR);
    assert_eq!(scene.sync()["right"]["updated"], 4);
    assert_eq!(scene.title(Right, "d"), "W Far away");
    assert_eq!((scene.title(Right, "e"), scene.title(Left, "e")).0, "Of the right");
    scene.is_quiet();

    // Busy again: old titles go, also one that was edited at its origin; what somebody has just
    // written on a copy stays, and an event that is left out from now on stays as it is.
    scene.stage.user(Left).set("c", "SUMMARY", "More secret");
    scene.stage.user(Right).set("d", "SUMMARY", "Mine");
    scene.rules("1h", BUSY, NEAR);
    let synced = scene.sync();
    assert_eq!(synced["left"], json!({ "created": 0, "updated": 0, "deleted": 0 }), "{synced}");
    let shown = [("a", "Busy"), ("b", "W Skip me"), ("c", "W Secret"), ("d", "Mine")];
    assert_eq!(scene.right()[..4], pairs(&shown));
    assert_eq!(scene.value(Right, "a", "LOCATION"), None);
    let explained = scene.home.run(&["explain", "p", "b"]);
    assert!(explained.stdout.contains("a rule keeps it from crossing to right"), "{explained:?}");
    scene.is_quiet();

    // The rule goes: what it held up is made up for.
    scene.rules("1h", "to_right = { detail = \"busy\" }", NEAR);
    scene.sync();
    let shown = [("a", "Busy"), ("b", "Busy"), ("c", "Busy"), ("d", "Mine")];
    assert_eq!(scene.right()[..4], pairs(&shown));
    assert_eq!(scene.title(Left, "c"), "More secret");
    scene.is_quiet();
}

#[test]
fn a_private_occurrence_crosses_neither_anew_nor_in_an_update() {
    let scene = Scene::new("1h", "");
    let daily = |uid| {
        let start = "2026-12-01T09:00:00Z".parse().expect("an instant");
        hour(uid, "Physio", start, "FREQ=DAILY;COUNT=9")
    };
    let with_a_secret = |text: &str| {
        let secret = "BEGIN:VEVENT\r\nUID:a\r\nDTSTAMP:20260101T000000Z\r\n\
            RECURRENCE-ID:20261203T090000Z\r\nDTSTART:20261203T090000Z\r\n\
            DTEND:20261203T100000Z\r\nCLASS:PRIVATE\r\nSUMMARY:Secret\r\n\
            DESCRIPTION:Secret\r\nEND:VEVENT\r\nEND:VCALENDAR";
        text.replace("END:VCALENDAR", secret)
    };
    scene.stage.user(Left).create(&daily("a"));
    scene.sync();
    scene.rules("1h", BUSY.replace("detail = \"busy\", ", "").as_str(), "\"all\"");
    assert!(scene.stage.user(Left).edit("a", with_a_secret));
    scene.stage.user(Left).create(&with_a_secret(&daily("b")).replace("UID:a", "UID:b"));
    scene.sync();
    let right = scene.stage.user(Right);
    assert_eq!(right.uids(), ["a"]);
    let copy = String::from_utf8(right.get("a").expect("is there").raw).expect("text");
    assert!(!copy.contains("Secret"), "{copy}");
    for uid in ["a", "b"] {
        let explained = scene.home.run(&["explain", "p", uid]).stdout;
        assert!(explained.contains("one of its occurrences is private"), "{uid}: {explained}");
    }
    scene.is_quiet();
}

#[test]
fn what_changed_while_nothing_crossed_meets_the_other_side_and_is_no_deletion() {
    let scene = Scene::new("1h", "direction = \"left-to-right\"");
    for number in 0..30 {
        scene.create(Left, &format!("a{number:02}"), "Event");
    }
    scene.sync();
    scene.stage.user(Right).set("a00", "SUMMARY", "Changed");
    scene.create(Right, "b", "New");
    for number in 1..25 {
        scene.stage.user(Right).delete(&format!("a{number:02}"));
    }
    scene.sync();
    assert_eq!((scene.title(Left, "a00").as_str(), scene.right().len()), ("Event", 7));
    // Another rule of a pair that stays one-way brings nothing back, and halts nothing.
    scene.rules("1h", "direction = \"left-to-right\"\nto_right = { prefix = \"W \" }", "\"all\"");
    scene.sync();
    assert_eq!((scene.right().len(), scene.title(Right, "a29").as_str()), (7, "W Event"));
    scene.is_quiet();

    scene.rules("1h", "", "\"all\"");
    let synced = scene.sync();
    assert_eq!(synced["left"], json!({ "created": 1, "updated": 1, "deleted": 0 }), "{synced}");
    assert_eq!(scene.title(Left, "a00"), "Changed");
    assert_eq!(scene.title(Left, "b"), "New");
    assert_eq!(scene.right().len(), 31, "what was deleted when that did not cross is there again");
    scene.is_quiet();
}

#[test]
fn what_was_deleted_before_the_direction_changed_is_copied_again_however_late_it_is_seen() {
    let one_way = "direction = \"left-to-right\"";
    for next in ["", "direction = \"right-to-left\""] {
        let scene = Scene::new("1h", one_way);
        for uid in ["a", "b", "c"] {
            scene.create(Left, uid, "Event");
        }
        scene.sync();
        assert!(scene.stage.user(Right).delete("a"));
        assert!(scene.stage.user(Left).delete("b"), "on the side that crossed");
        scene.rules("1h", next, "\"all\"");
        let synced = scene.sync();
        assert_eq!(synced["left"]["deleted"], 0, "{next}: {synced}");
        assert!(scene.stage.user(Left).get("a").is_some(), "{next}");
        let again = scene.stage.user(Right).get("a").is_some();
        assert_eq!(again, next.is_empty(), "{next}");
        scene.is_quiet();
    }
}

#[test]
fn a_copy_that_was_taken_away_comes_back_with_its_rule_gone() {
    let scene = Scene::new("1h", "");
    scene.create(Left, "a", "Skip me");
    scene.sync();
    scene.rules("1h", BUSY, "\"all\"");
    scene.sync();
    assert_eq!(scene.title(Right, "a"), "Skip me", "its copy stays");
    scene.stage.user(Right).delete("a");
    scene.sync();
    scene.is_quiet();
    scene.rules("1h", "", "\"all\"");
    scene.sync();
    assert_eq!(scene.title(Left, "a"), "Skip me", "the original is not deleted");
    assert_eq!(scene.title(Right, "a"), "Skip me");
}

/// Two originals with copies that show `masks`, synced; then calpair begins anew without masks.
fn begun_anew(masks: &str, shown: &str, anew: impl Fn(&Scene)) {
    let masked = format!("to_right = {{ {masks} }}");
    let scene = Scene::new("1h", &masked);
    scene.create(Left, "a", "Dentist");
    scene.stage.user(Left).set("a", "LOCATION", "Town");
    scene.create(Left, "b", "Lunch");
    scene.sync();
    assert_eq!(scene.title(Right, "a"), shown);
    anew(&scene);
    scene.sync();
    for side in [Left, Right] {
        assert_eq!(scene.title(side, "a"), "Dentist", "{masks}");
        assert_eq!(scene.title(side, "b"), "Lunch", "{masks}");
        assert_eq!(scene.value(side, "a", "LOCATION").as_deref(), Some("Town"), "{masks}");
        assert_ne!(scene.value(side, "a", "TRANSP").as_deref(), Some("TRANSPARENT"), "{masks}");
        assert_eq!(scene.stage.user(side).uids().len(), 2, "{masks}");
    }
    scene.is_quiet();
}

const MASKS: [(&str, &str); 3] = [
    ("detail = \"busy\"", "Busy"),
    ("prefix = \"W \"", "W Dentist"),
    ("show_as = \"free\"", "Dentist"),
];

#[test]
fn masks_do_not_come_back_when_the_pair_is_another() {
    for (masks, shown) in MASKS {
        begun_anew(masks, shown, |scene| {
            let config = scene.home.config("interval = \"1h\"", "");
            scene.home.write(&config.replace("name = \"p\"", "name = \"q\""));
        });
    }
}

#[test]
fn masks_do_not_come_back_when_an_old_state_is_restored() {
    let scene = Scene::new("1h", "");
    scene.create(Left, "a", "Dentist");
    scene.stage.user(Left).set("a", "LOCATION", "Town");
    scene.sync();
    let files = || std::fs::read_dir(scene.home.state()).expect("a state directory").flatten();
    let saved: Vec<_> = files()
        .filter(|file| file.file_type().is_ok_and(|kind| kind.is_file()))
        .map(|file| (file.path(), std::fs::read(file.path()).expect("readable")))
        .collect();
    let old = std::fs::read(scene.home.file()).expect("a configuration");
    let busy = "to_right = { detail = \"busy\", prefix = \"W \" }";
    wait::next_second();
    scene.rules("1h", busy, "\"all\"");
    scene.sync();
    assert_eq!(scene.title(Right, "a"), "W Busy");
    for file in files().filter(|file| file.file_name().to_string_lossy().starts_with("calpair.db"))
    {
        std::fs::remove_file(file.path()).expect("removable");
    }
    for (path, bytes) in saved {
        std::fs::write(path, bytes).expect("writable");
    }
    std::fs::write(scene.home.file(), old).expect("writable");
    scene.sync();
    for side in [Left, Right] {
        assert_eq!(scene.title(side, "a"), "Dentist", "{side}");
        assert_eq!(scene.value(side, "a", "LOCATION").as_deref(), Some("Town"), "{side}");
    }
    scene.is_quiet();
}

#[test]
fn a_dry_run_leaves_nothing_for_the_next_sync() {
    let dry = |scene: &Scene, expected: &[(&str, &str)]| {
        let ended = scene.home.run(&["sync", "--dry-run", "--json"]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let planned = ended.json()["pairs"][0]["actions"].clone();
        let planned: Vec<_> = planned.as_array().expect("a list").iter().collect();
        let planned: Vec<_> = planned.iter().map(|one| (&one["action"], &one["side"])).collect();
        let expected: Vec<_> = expected.iter().map(|(a, s)| (json!(a), json!(s))).collect();
        let expected: Vec<_> = expected.iter().map(|(a, s)| (a, s)).collect();
        assert_eq!(planned, expected);
    };
    // A copy that was renamed keeps its title, although a dry run would have changed it.
    let scene = Scene::new("1h", BUSY);
    scene.create(Left, "a", "Dentist");
    scene.sync();
    scene.stage.user(Right).set("a", "SUMMARY", "Mine");
    scene.sync();
    scene.rules("1h", "to_right = { detail = \"title\" }", "\"all\"");
    dry(&scene, &[("update", "right")]);
    scene.rules("1h", BUSY, "\"all\"");
    scene.is_quiet();
    assert_eq!(
        (scene.title(Right, "a"), scene.title(Left, "a")),
        ("Mine".into(), "Dentist".into())
    );

    // So does what was deleted while deletions do not cross stay deleted.
    let one_way = "direction = \"left-to-right\"";
    let scene = Scene::new("1h", one_way);
    scene.create(Left, "a", "Dentist");
    scene.create(Left, "b", "Cinema");
    scene.sync();
    assert!(scene.stage.user(Right).delete("a"));
    scene.sync();
    scene.rules("1h", "", "\"all\"");
    dry(&scene, &[("create", "right")]);
    scene.rules("1h", one_way, "\"all\"");
    scene.is_quiet();
    assert_eq!(scene.right(), pairs(&[("b", "Cinema")]));

    // And another calendar, once asked about, makes no first contact of this one.
    scene.stage.world.add_calendar("right", "Other");
    let config = scene.home.config("interval = \"1h\"", one_way);
    let (before, right) = config.split_once("right = ").expect("a right side");
    scene.home.write(&format!("{before}right = {}", right.replacen("\"Family\"", "\"Other\"", 1)));
    dry(&scene, &[("create", "right"), ("create", "right")]);
    scene.rules("1h", one_way, "\"all\"");
    scene.is_quiet();
    assert_eq!(scene.right(), pairs(&[("b", "Cinema")]));
}

#[test]
fn copies_under_their_own_uids_are_made_once() {
    for (masks, shown) in [MASKS[0], MASKS[1]] {
        for rules in ["", masks] {
            let rules = format!("to_right = {{ {rules} }}");
            let scene = Scene::new("1h", &rules);
            scene.create(Left, "a", "Dentist");
            scene.create(Left, "b", "Lunch");
            // As a pair of another name left them where "a" and "b" were taken.
            scene.create(Right, "k1@calpair", shown);
            scene.create(Right, "k2@calpair", &shown.replace("Dentist", "Lunch"));
            scene.sync();
            assert_eq!(scene.stage.user(Left).uids().len(), 2, "{rules}");
            assert_eq!(scene.stage.user(Right).uids().len(), 2, "{rules}");
            assert_eq!(scene.title(Left, "a"), "Dentist", "{rules}");
            assert_eq!(scene.title(Left, "b"), "Lunch", "{rules}");
            scene.is_quiet();
        }
    }
}

#[test]
fn the_daemon_takes_changed_rules_up() {
    let scene = Scene::new("1s", "");
    scene.create(Left, "a", "Dentist");
    let daemon = scene.home.start(&["run"]);
    scene.becomes(Right, "a", "Dentist");
    scene.rules("1s", "to_right = { prefix = \"W \" }", "\"all\"");
    scene.becomes(Right, "a", "W Dentist");
    scene.rules("1s", BUSY, "\"all\"");
    scene.becomes(Right, "a", "Busy");
    scene.rules("1s", "", "\"all\"");
    scene.becomes(Right, "a", "Dentist");
    // With a file that is not valid the daemon goes on, and answers.
    for broken in ["direction = \"sideways\"", "direction = ["] {
        scene.rules("1s", broken, "\"all\"");
        let status = scene.home.run(&["status", "--json"]);
        assert_eq!(status.code, Some(0), "{status:?}");
        assert_eq!(status.json()["pairs"][0]["name"], "p");
        assert!(status.stderr.contains("answered by the daemon"), "{status:?}");
    }
    scene.rules("1s", "", "\"all\"");
    daemon.signal("TERM");
    assert_eq!(daemon.end(STOP).code, Some(0));
    assert_eq!(scene.title(Left, "a"), "Dentist");
    scene.is_quiet();
    scene.rules("1s", "direction = \"sideways\"", "\"all\"");
    assert_eq!(scene.home.run(&["status"]).code, Some(2), "nobody goes on with another one");
}
