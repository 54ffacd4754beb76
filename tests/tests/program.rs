//! The program as its users meet it: commands, exit codes, states, the daemon, and what it leaves
//! behind. One side is a simulated iCloud, the other a server by the book, both over HTTP.

use std::process::Command;
use std::time::Duration;

use calpair_tests::program::{Ended, Home, modes, start};
use calpair_tests::rig::RealClock;
use calpair_tests::stage::Stage;
use calpair_tests::wait;
use engine::Clock as _;
use model::{Side, Sides};
use sandbox::dav::Profile;
use sandbox::seed::hour;
use serde_json::Value;
use store::Store;
use testkit::canary;

/// What takes longer than this does not happen any more; far more than a busy machine needs.
const SOON: Duration = Duration::from_secs(40);

/// A stop may take so long (PRODUCT section 4).
const STOP: Duration = Duration::from_secs(5);

struct Scene {
    stage: Stage,
    home: Home,
}

impl Scene {
    /// A pair, nothing connected; `daemon` are lines of that section.
    fn new(daemon: &str) -> Self {
        let stage = Stage::new(Sides::new(Profile::icloud(), Profile::plain()));
        let home = Home::new(stage.logins(), daemon);
        Self { stage, home }
    }

    /// A pair with both accounts connected.
    fn connected(daemon: &str) -> Self {
        let scene = Self::new(daemon);
        scene.home.connect_both();
        scene
    }

    /// A user creates an event.
    fn create(&self, side: Side, uid: &str, title: &str) {
        let start = "2026-12-01T09:00:00Z".parse().expect("an instant");
        self.stage.user(side).create(&hour(uid, title, start, ""));
    }

    fn title(&self, side: Side, uid: &str) -> Option<String> {
        let held = self.stage.user(side).get(uid)?;
        let text = String::from_utf8(held.raw).expect("the world holds text");
        let line = text.lines().find_map(|line| line.strip_prefix("SUMMARY:"));
        line.map(str::to_owned)
    }

    fn has(&self, side: Side, uid: &str) -> bool {
        self.stage.user(side).get(uid).is_some()
    }

    fn sync(&self) -> Ended {
        self.home.run(&["sync", "--json"])
    }

    /// Syncs, and expects this exit code and outcome.
    fn syncs(&self, code: i32, outcome: &str) -> Value {
        let ended = self.sync();
        assert_eq!(ended.code, Some(code), "{ended:?}");
        let pair = ended.json()["pairs"][0].clone();
        assert_eq!(pair["outcome"], outcome, "{ended:?}");
        pair
    }

    fn status(&self) -> Value {
        let ended = self.home.run(&["status", "--json"]);
        let report = ended.json();
        assert_eq!(report["version"], 1);
        report
    }

    fn writes(&self) -> usize {
        Side::BOTH.iter().map(|side| self.stage.world.write_count(side.as_str())).sum()
    }
}

#[test]
fn a_wrong_configuration_is_shown_with_its_place() {
    let scene = Scene::new("");
    let fine = scene.home.run(&["check"]);
    assert_eq!(fine.code, Some(0), "{fine:?}");
    scene.home.write(&scene.home.config("intervall = \"60s\"", ""));
    for arguments in [&["check"][..], &["sync"], &["status"], &["run"]] {
        let ended = scene.home.run(arguments);
        assert_eq!(ended.code, Some(2), "{arguments:?} {ended:?}");
        let said = ended.stderr + &ended.stdout;
        for words in ["calpair.toml:4:1", "intervall", "interval"] {
            assert!(said.contains(words), "{arguments:?}: no {words} in {said}");
        }
    }
    assert_eq!(scene.home.run(&["sink"]).code, Some(2), "a command that is none");
    let missing = Command::new(calpair_tests::environment::program())
        .args(["--config", "/nowhere/calpair.toml", "check"])
        .output()
        .expect("it runs");
    assert_eq!(missing.status.code(), Some(2));
}

#[test]
fn from_nothing_to_a_pair_in_sync() {
    let scene = Scene::new("");
    scene.create(Side::Left, "a", "Dentist");
    scene.syncs(3, "reconnect-needed");
    assert_eq!(scene.status()["accounts"][0]["state"], "unconnected");
    let refused = scene.home.connect(Side::Left, "zzzz-zzzz-zzzz-zzzz");
    assert_eq!(refused.code, Some(3), "{refused:?}");
    scene.home.connect_both();
    let online = scene.home.run(&["check", "--online"]);
    assert_eq!(online.code, Some(0), "{online:?}");
    let calendars = scene.home.run(&["calendars", "left", "--json"]).json();
    assert!(calendars["calendars"].to_string().contains("\"Family\""), "{calendars}");

    let before = scene.writes();
    let planned = scene.home.run(&["sync", "--dry-run", "--json"]);
    assert_eq!(planned.code, Some(0), "{planned:?}");
    let planned = planned.json()["pairs"][0].clone();
    assert_eq!(planned["outcome"], "planned");
    let action = &planned["actions"][0];
    assert_eq!((&action["action"], &action["side"]), (&"create".into(), &"right".into()));
    assert_eq!((&action["uid"], &action["title"]), (&"a".into(), &"Dentist".into()));
    assert!(action["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{action}");
    assert_eq!(scene.writes(), before, "a dry run writes");
    assert!(!scene.has(Side::Right, "a"), "a dry run writes");

    let synced = scene.syncs(0, "changed");
    assert_eq!(synced["right"]["created"], 1);
    assert_eq!(scene.title(Side::Right, "a").as_deref(), Some("Dentist"));
    let quiet = scene.syncs(0, "in-sync");
    assert_eq!(quiet["requests"], serde_json::json!({ "left": 1, "right": 1 }));
    let status = scene.status();
    let pair = &status["pairs"][0];
    assert_eq!((&pair["name"], &pair["state"]), (&"p".into(), &"ok".into()), "{status}");
    assert_eq!((&pair["left"]["series"], &pair["right"]["series"]), (&1.into(), &1.into()));
    assert!(pair["last_success"].is_string() && pair["problems"] == serde_json::json!([]));
    assert_eq!(status["accounts"][0]["state"], "ok");
    scene.stage.world.assert_no_mail();
    scene.stage.world.assert_conditional_writes();
}

#[test]
fn what_was_done_is_told() {
    let scene = Scene::connected("");
    scene.create(Side::Left, "a", "Dentist");
    scene.syncs(0, "changed");
    scene.stage.user(Side::Right).set("a", "SUMMARY", "Dentist at ten");
    scene.syncs(0, "changed");
    assert_eq!(scene.title(Side::Left, "a").as_deref(), Some("Dentist at ten"));
    let history = scene.home.run(&["history", "p", "--event", "a", "--json"]);
    assert_eq!(history.code, Some(0), "{history:?}");
    let changes = history.json()["changes"].clone();
    let told: Vec<String> = changes
        .as_array()
        .expect("a list")
        .iter()
        .map(|change| format!("{} {}", change["action"], change["side"]).replace('"', ""))
        .collect();
    assert!(told.contains(&"create right".to_owned()), "{changes}");
    assert!(told.contains(&"update left".to_owned()), "{changes}");
    assert!(changes.to_string().contains("Dentist at ten"), "before and after are kept");
    let none = scene.home.run(&["history", "--event", "nobody", "--json"]);
    assert_eq!(none.json()["changes"], serde_json::json!([]));
    let none = scene.home.run(&["history", "p", "--event", "nobody"]);
    assert!(none.stdout.contains("no change of an event with the UID \"nobody\""), "{none:?}");
    for words in ["a", "at ten"] {
        let explained = scene.home.run(&["explain", "p", words]);
        assert_eq!(explained.code, Some(0), "{explained:?}");
        assert!(explained.stdout.contains("Dentist at ten"), "{explained:?}");
    }
    let doctor = scene.home.run(&["doctor"]);
    assert!(doctor.stdout.contains("database"), "{doctor:?}");
}

#[test]
fn a_sync_keeps_a_daily_copy_and_a_damaged_database_says_what_to_do() {
    let scene = Scene::connected("");
    let copies = scene.home.state().join("backups");
    let number = || std::fs::read_dir(&copies).map_or(0, Iterator::count);
    assert_eq!(scene.home.run(&["sync", "--dry-run"]).code, Some(0));
    assert_eq!(number(), 0);
    scene.syncs(0, "in-sync");
    scene.syncs(0, "in-sync");
    assert_eq!(number(), 1, "one a day");
    let database = scene.home.state().join("calpair.db");
    std::fs::write(&database, "not a database").expect("it is ours");
    let ended = scene.home.run(&["sync"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    for words in [database.to_str().expect("a path"), "Stop calpair, move", "backups/calpair-"] {
        assert!(ended.stderr.contains(words), "no {words} in {ended:?}");
    }
}

#[test]
fn a_refused_password_is_confirmed_before_it_is_given_up() {
    let scene = Scene::connected("confirm = \"1s\"");
    scene.syncs(0, "in-sync");
    scene.stage.world.revoke("left");
    scene.stage.world.forget_requests();
    scene.syncs(75, "retrying");
    let state = |scene: &Scene| scene.status()["accounts"][0]["state"].clone();
    assert_eq!(state(&scene), "suspect");
    let gave_up = wait::until(SOON, || (scene.sync().code == Some(3)).then_some(()));
    assert!(gave_up.is_some(), "{}", scene.status());
    assert_eq!(state(&scene), "reconnect-needed");
    let tries = scene.stage.world.request_count("left");
    assert_eq!(tries, 3, "tries of a refused password");
    let account = scene.status()["accounts"][0].clone();
    let reason = account["reason"].as_str().unwrap_or_default().to_owned();
    assert!(reason.contains("401"), "{account}");
    assert_eq!(account["action"], "calpair connect left");
    // It lasts over restarts, and nothing is sent with it any more.
    scene.create(Side::Left, "l", "Left meanwhile");
    scene.create(Side::Right, "r", "Right meanwhile");
    scene.syncs(3, "reconnect-needed");
    assert_eq!(scene.stage.world.request_count("left"), tries);
    scene.stage.world.restore("left");
    scene.home.connect_both();
    scene.syncs(0, "changed");
    assert!(scene.has(Side::Right, "l") && scene.has(Side::Left, "r"), "both sides catch up");
    assert_eq!(state(&scene), "ok");
}

#[test]
fn one_process_at_a_time() {
    let scene = Scene::connected("");
    let held = Store::open(&scene.home.state(), RealClock.now()).expect("nobody else has it");
    let ended = scene.sync();
    assert_eq!(ended.code, Some(5), "{ended:?}");
    drop(held);
    scene.syncs(0, "in-sync");
}

#[test]
fn what_cannot_be_synced_is_a_problem_and_stops_nothing() {
    let scene = Scene::connected("");
    scene.create(Side::Left, "fine", "Fine");
    let broken = hour("odd", "Odd", "2026-12-01T09:00:00Z".parse().expect("an instant"), "")
        .replace("DTSTART:2026", "DTSTART:20x6");
    scene.stage.user(Side::Left).put("odd.ics", broken.as_bytes());
    let pair = scene.syncs(6, "changed");
    assert_eq!(pair["problems"], 1);
    assert!(scene.has(Side::Right, "fine"));
    let status = scene.home.run(&["status", "--json"]);
    let problem = status.json()["pairs"][0]["problems"][0].clone();
    // It is broken on the left, so it is the right that can't have it.
    assert_eq!((&problem["uid"], &problem["side"]), (&"odd".into(), &"right".into()), "{problem}");
    let reason = problem["reason"].as_str().unwrap_or_default();
    assert!(reason.starts_with("it can't be read on left: "), "{problem}");
    let status = scene.home.run(&["status"]);
    assert!(status.stdout.contains("can't be written on right: odd: it can't"), "{status:?}");
    assert!(scene.stage.user(Side::Left).delete("odd"));
    scene.syncs(0, "in-sync");
}

#[test]
fn what_lasts_is_said_once_and_what_begins_beside_it_too() {
    let scene = Scene::connected("");
    let broken = |uid: &str| {
        let text = hour(uid, "Odd", "2026-12-01T09:00:00Z".parse().expect("an instant"), "")
            .replace("DTSTART:2026", "DTSTART:20x6");
        scene.stage.user(Side::Left).put(&format!("{uid}.ics"), text.as_bytes());
    };
    let said = |level: &str| {
        let ended = scene.home.run(&["--log", "json", "sync"]);
        let lines = ended.stderr.lines().map(str::to_owned);
        let lines = lines.filter(|line| line.contains("calpair::alert") && line.contains(level));
        lines.collect::<Vec<_>>()
    };
    broken("one");
    let first = said("ERROR");
    assert_eq!(first.len(), 1, "{first:?}");
    assert!(first[0].contains("event one can't be written on right"), "{first:?}");
    assert!(first[0].contains("\"action\":\"calpair explain p one\""), "{first:?}");
    assert_eq!(said("ERROR"), Vec::<String>::new(), "each minute is too often");
    broken("two");
    let second = said("ERROR");
    assert_eq!(second.len(), 1, "{second:?}");
    assert!(second[0].contains("event two"), "{second:?}");
    assert!(scene.stage.user(Side::Left).delete("one"));
    let over = said("INFO");
    assert_eq!(over.len(), 1, "{over:?}");
    assert!(over[0].contains("event one") && over[0].contains("is over"), "{over:?}");
}

#[test]
fn a_server_that_is_down_is_tried_again_later() {
    let mut scene = Scene::connected("");
    scene.create(Side::Left, "a", "Dentist");
    scene.stage.take_down(Side::Right);
    let pair = scene.syncs(75, "retrying");
    assert!(pair["reason"].is_string(), "{pair}");
    let status = scene.status();
    assert_eq!(status["pairs"][0]["state"], "retrying", "{status}");
    assert_eq!(status["accounts"][1]["state"], "ok", "an outage is no refusal");
}

/// So many events that come from the left and are on both sides.
fn many(daemon: &str, number: usize) -> Scene {
    let scene = Scene::connected(daemon);
    (0..number).for_each(|number| scene.create(Side::Left, &uid(number), "One of many"));
    scene.syncs(0, "changed");
    scene
}

fn uid(number: usize) -> String {
    format!("e{number}")
}

fn delete(scene: &Scene, side: Side, mut numbers: std::ops::Range<usize>) {
    let deleted = numbers.all(|number| scene.stage.user(side).delete(&uid(number)));
    assert!(deleted, "they were there");
}

fn numbers(scene: &Scene) -> [usize; 2] {
    Side::BOTH.map(|side| scene.stage.user(side).uids().len())
}

#[test]
fn many_deletions_wait_for_approval() {
    let scene = many("", 30);
    let untimely = scene.home.run(&["approve", "p"]);
    assert_eq!(untimely.code, Some(2), "{untimely:?}");
    assert!(untimely.stderr.contains("nothing to approve"), "{untimely:?}");
    delete(&scene, Side::Left, 0..25);
    let planned = scene.home.run(&["sync", "--dry-run", "--json"]);
    assert_eq!(planned.code, Some(0), "{planned:?}");
    let planned = planned.json()["pairs"][0].clone();
    assert_eq!(planned["outcome"], "planned");
    assert_eq!(planned["reason"], "it would halt: 25 deletions on right of 30");
    let pair = scene.syncs(4, "halted");
    assert_eq!(pair["reason"], "25 deletions on right of 30", "{pair}");
    assert_eq!(numbers(&scene), [5, 30], "nothing is deleted");
    assert_eq!(scene.status()["pairs"][0]["state"], "halted");
    let approved = scene.home.run(&["approve", "p"]);
    assert_eq!(approved.code, Some(0), "{approved:?}");
    assert!(approved.stderr.contains("25 deletions on right"), "{approved:?}");
    let pair = scene.syncs(0, "changed");
    assert_eq!(pair["right"]["deleted"], 25);
    assert_eq!(numbers(&scene), [5, 5]);
}

#[test]
fn an_approval_is_of_what_was_shown_and_of_nothing_more() {
    let scene = many("", 81);
    delete(&scene, Side::Left, 0..30);
    scene.syncs(4, "halted");
    assert_eq!(scene.home.run(&["approve", "p"]).code, Some(0));
    delete(&scene, Side::Left, 30..50);
    let pair = scene.syncs(4, "halted");
    assert_eq!(pair["reason"], "50 deletions on right of 81", "{pair}");
    assert_eq!(numbers(&scene), [31, 81], "nothing is deleted");
    // The other side's deletions are not what was approved either.
    assert_eq!(scene.home.run(&["approve", "p"]).code, Some(0));
    delete(&scene, Side::Right, 50..81);
    let pair = scene.syncs(4, "halted");
    assert_eq!(pair["reason"], "50 deletions on right of 81, and 31 on left", "{pair}");
    assert_eq!(numbers(&scene), [31, 50]);
    let approved = scene.home.run(&["approve", "p"]);
    assert!(approved.stderr.contains("50 deletions on right and 31 on left"), "{approved:?}");
    scene.syncs(0, "changed");
    assert_eq!(numbers(&scene), [0, 0]);
}

#[test]
fn a_plan_that_grew_since_somebody_looked_is_not_approved() {
    let scene = many("interval = \"1s\"", 94);
    assert_eq!(scene.home.run(&["pause", "p"]).code, Some(0));
    delete(&scene, Side::Left, 0..24);
    let daemon = scene.home.start(&["run"]);
    let is_there = || (scene.home.run(&["resume", "p"]).code == Some(0)).then_some(());
    assert!(wait::until(SOON, is_there).is_some());
    let reason = |scene: &Scene| scene.status()["pairs"][0]["reason"].clone();
    let is_halted = || (reason(&scene) == "24 deletions on right of 94").then_some(());
    assert!(wait::until(SOON, is_halted).is_some(), "{}", scene.status());
    delete(&scene, Side::Left, 24..84);
    let before = scene.stage.world.request_count("left");
    // The daemon has seen them; nobody else has.
    let has_seen = || (scene.stage.world.request_count("left") > before + 5).then_some(());
    assert!(wait::until(SOON, has_seen).is_some());
    let early = scene.home.run(&["approve", "p"]);
    assert_eq!(early.code, Some(4), "{early:?}");
    assert!(early.stderr.contains("84 deletions on right"), "{early:?}");
    assert_eq!(numbers(&scene), [10, 94], "nothing is deleted");
    let approved = scene.home.run(&["approve", "p"]);
    assert_eq!(approved.code, Some(0), "{approved:?}");
    let deleted = wait::until(SOON, || (numbers(&scene) == [10, 10]).then_some(()));
    assert!(deleted.is_some(), "{}", scene.status());
    daemon.signal("TERM");
    let said = daemon.end(STOP).stderr;
    let alerts = said.lines().filter(|line| line.contains("halted") && line.contains("ERROR"));
    let alerts: Vec<_> = alerts.collect();
    assert!(alerts.iter().any(|line| line.contains("24 deletions")), "{alerts:?}");
    assert!(alerts.iter().any(|line| line.contains("84 deletions")), "{alerts:?}");
}

#[test]
fn a_paused_pair_rests() {
    let scene = Scene::connected("");
    assert_eq!(scene.home.run(&["sync"]).code, Some(0));
    assert_eq!(scene.home.run(&["pause", "p"]).code, Some(0));
    scene.create(Side::Left, "a", "Dentist");
    let all = scene.sync();
    assert_eq!(all.code, Some(0), "a sync of all leaves it out: {all:?}");
    assert!(all.stderr.contains("p is paused"), "{all:?}");
    let named = |scene: &Scene| {
        let named = scene.home.run(&["sync", "p"]);
        assert_eq!(named.code, Some(2), "{named:?}");
        assert!(named.stderr.contains("calpair resume p"), "{named:?}");
    };
    named(&scene);
    let daemon = scene.home.start(&["run"]);
    let socket = scene.home.state().join("control.sock");
    assert!(wait::until(SOON, || socket.exists().then_some(())).is_some());
    named(&scene);
    assert_eq!(scene.sync().code, Some(0), "the daemon leaves it out too");
    daemon.signal("TERM");
    assert_eq!(daemon.end(STOP).code, Some(0));
    assert!(!scene.has(Side::Right, "a"));
    assert_eq!(scene.status()["pairs"][0]["state"], "paused");
    assert_eq!(scene.home.run(&["resume", "p"]).code, Some(0));
    scene.syncs(0, "changed");
    assert!(scene.has(Side::Right, "a"));
    assert_eq!(scene.home.run(&["pause", "q"]).code, Some(2), "a pair that is none");
}

#[test]
fn the_daemon_syncs_answers_and_stops() {
    let scene = Scene::connected("interval = \"1s\"");
    scene.create(Side::Left, "a", "Dentist");
    let daemon = scene.home.start(&["run"]);
    let there = wait::until(SOON, || scene.has(Side::Right, "a").then_some(()));
    assert!(there.is_some(), "the daemon syncs by itself");
    // Commands are answered by the daemon, which has the state.
    let synced = scene.sync();
    assert_eq!(synced.code, Some(0), "{synced:?}");
    let state = scene.home.state();
    for (path, mode) in modes(&state) {
        let wanted = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode, wanted, "{} has mode {mode:o}", path.display());
    }
    assert!(state.join("control.sock").exists());
    let copies = || std::fs::read_dir(state.join("backups")).ok()?.next();
    assert!(wait::until(SOON, copies).is_some(), "a daily copy of the database is kept");
    let second = scene.home.start(&["run"]).end(SOON);
    assert_eq!(second.code, Some(5), "{second:?}");
    daemon.signal("TERM");
    let ended = daemon.end(STOP);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!state.join("control.sock").exists(), "its socket goes with it");
    scene.syncs(0, "in-sync");
}

#[test]
fn a_changed_configuration_is_taken_up_and_a_wrong_one_is_not() {
    let scene = Scene::connected("interval = \"1h\"");
    let daemon = scene.home.start(&["run"]);
    let success = || {
        let status = scene.home.run(&["status", "--json"]);
        (status.code == Some(0) && status.json()["pairs"][0]["last_success"].is_string())
            .then_some(())
    };
    assert!(wait::until(SOON, success).is_some(), "a first cycle");
    scene.create(Side::Left, "a", "Dentist");
    scene.home.write(&scene.home.config("interval = \"1s\"", ""));
    let there = wait::until(SOON, || scene.has(Side::Right, "a").then_some(()));
    assert!(there.is_some(), "the shorter interval is taken up");
    scene.home.write(&scene.home.config("interval = \"soon\"", ""));
    daemon.signal("HUP");
    scene.create(Side::Left, "b", "Barber");
    let there = wait::until(SOON, || scene.has(Side::Right, "b").then_some(()));
    assert!(there.is_some(), "the running configuration stays");
    daemon.signal("TERM");
    let ended = daemon.end(STOP);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.contains("calpair.toml:4:"), "the wrong line is told: {}", ended.stderr);
}

/// Words that must never be printed unasked: a title, a place, a text, a person, a password.
const CANARIES: [&str; 5] =
    ["canary-title", "canary-place", "canary-text", "canary-person", "abcd-efgh-ijkl-mnop"];

#[test]
fn nothing_private_is_logged() {
    let scene = Scene::new("confirm = \"1s\"");
    let text = |uid: &str, start: &str| {
        format!(
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//x//EN\r\nBEGIN:VEVENT\r\nUID:{uid}\r\n\
             DTSTAMP:20260101T000000Z\r\nDTSTART:{start}\r\nDTEND:20261201T100000Z\r\n\
             SUMMARY:canary-title\r\nLOCATION:canary-place\r\nDESCRIPTION:canary-text\r\n\
             ATTENDEE;CN=canary-person:mailto:canary-person@example.com\r\nEND:VEVENT\r\n\
             END:VCALENDAR\r\n"
        )
    };
    scene.stage.user(Side::Left).put("a.ics", text("a", "20261201T090000Z").as_bytes());
    scene.stage.user(Side::Left).put("b.ics", text("b", "canary-title").as_bytes());
    let mut logs = String::new();
    let mut run = |arguments: &[&str], input: &str| {
        for format in ["json", "text"] {
            let mut words = vec!["-vv", "--log", format];
            words.extend(arguments);
            let mut command = scene.home.command(&words);
            command.env("RUST_LOG", "trace");
            let ended = start(command, input).end(SOON);
            logs.push_str(&ended.stderr);
        }
    };
    run(&["connect", "left", "--password-stdin"], "abcd-efgh-ijkl-mnop\n");
    run(&["connect", "right", "--password-stdin"], "abcd-efgh-ijkl-mnop\n");
    run(&["sync"], "");
    scene.stage.user(Side::Right).set("a", "SUMMARY", "canary-title two");
    scene.stage.user(Side::Left).set("a", "SUMMARY", "canary-title three");
    run(&["sync"], "");
    scene.stage.user(Side::Left).delete("a");
    run(&["sync"], "");
    scene.stage.world.revoke("left");
    run(&["sync"], "");
    run(&["doctor"], "");
    run(&["status"], "");
    assert!(logs.lines().count() > 20, "something is logged: {logs}");
    for canary in CANARIES {
        let line = logs.lines().find(|line| line.contains(canary));
        assert!(line.is_none(), "{canary} is in the log: {line:?}");
    }
    // In the database and its copies all of it is sealed.
    assert_eq!(canary::files_with(&scene.home.state(), &CANARIES), Vec::<String>::new());
}
