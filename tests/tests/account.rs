//! The life of an account, told to its end by command and in a real browser: connected, revoked,
//! reconnected, with people editing on both sides all the while.

use std::time::Duration;

use calpair_tests::browser::{Browser, DESKTOP};
use calpair_tests::page::{Scene, events, webhook};
use calpair_tests::program::Ended;
use model::Side;
use sandbox::seed::hour;
use serde_json::Value;

/// How its owner connects it.
enum Hand {
    Page(Box<Browser>),
    Command,
}

#[test]
fn an_account_is_connected_revoked_and_reconnected_on_the_page_and_nothing_is_lost() {
    let Some(browser) = Browser::start(DESKTOP) else { return };
    lives(Hand::Page(Box::new(browser)));
}

#[test]
fn an_account_is_connected_revoked_and_reconnected_by_command_and_nothing_is_lost() {
    lives(Hand::Command);
}

fn lives(mut hand: Hand) {
    let (hook, heard) = webhook();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("alerts");
    let alerts = format!(
        "[alerts]\nwebhook = \"{hook}\"\ncommand = [\"sh\", \"-c\", \"cat >>{}\"]\n",
        file.display()
    );
    let mut scene = Scene::new("", &alerts);
    scene.create(Side::Left, "a", "Dentist");
    scene.create(Side::Left, "gone", "Away");
    scene.create(Side::Left, "both", "Swim");
    scene.create(Side::Right, "off", "Called off");
    scene.create(Side::Right, "kept", "Kept");
    connected(&scene, &mut hand);
    // Before there were accounts nothing could be done.
    let missed_before = missed(&scene);
    let refused = revoked(&scene, &mut hand);
    let said = |event: &str| std::fs::read_to_string(&file).is_ok_and(|text| text.contains(event));
    scene.until("webhook", |_| events(&heard) == ["reconnect-needed"]);
    scene.until("command", |_| said("\"reconnect-needed\""));
    assert_eq!(missed(&scene), missed_before);
    lived_through(&mut scene, refused);
    reconnected(&scene, &mut hand);
    scene.until("over", |_| events(&heard) == ["reconnect-needed", "reconnected"]);
    scene.until("over", |_| said("\"reconnected\""));
    quiet(&scene, &mut hand);
    kept_pace(&scene.end());
}

fn connected(scene: &Scene, hand: &mut Hand) {
    match hand {
        Hand::Page(browser) => connected_on_the_page(scene, browser),
        Hand::Command => scene.connect_by_command(Side::Left),
    }
    scene.connect_by_command(Side::Right);
    scene.until("the first cycle", |scene| scene.title(Side::Right, "a").is_some());
    scene.until("both ways", |scene| scene.title(Side::Left, "kept").is_some());
    scene.until("the pair is ok", |scene| scene.status()["pairs"][0]["state"] == "ok");
    if let Hand::Page(browser) = hand {
        browser.open(&scene.url("/"));
        browser.wait("Everything is in sync");
    }
}

/// First contact: the overview says what to do, and the button leads there.
fn connected_on_the_page(scene: &Scene, browser: &mut Browser) {
    browser.open(&scene.url("/"));
    assert!(browser.text("h1").contains("2 things need you"), "{}", browser.text("main"));
    browser.shot("overview-first");
    browser.click("a.button.primary[href='/connect/left']");
    browser.shot("connect-icloud");
    browser.fill("#password", &scene.password(Side::Left));
    browser.click("button.primary");
    assert!(browser.text("h1").contains("iCloud is connected"), "{}", browser.text("main"));
    assert!(browser.text("main").contains("Family"));
}

/// Apple takes the password back; how many requests it refused.
fn revoked(scene: &Scene, hand: &mut Hand) -> usize {
    scene.stage.world.revoke("left");
    scene.stage.world.forget_requests();
    if let Hand::Page(browser) = hand {
        // The page says so by itself, without being loaded again.
        browser.wait("1 thing needs you");
        browser.wait("Reconnect needed");
    }
    scene.until("it is known", |scene| scene.account("left")["state"] == "reconnect-needed");
    let refused = scene.stage.world.request_count("left");
    assert!((1..=5).contains(&refused), "{refused} requests were refused");
    let account = scene.account("left");
    assert_eq!(account["action"], "calpair connect left");
    let reason = "app-specific password refused (401, confirmed 3 times)";
    assert_eq!(account["reason"], reason);
    if let Hand::Page(browser) = hand {
        assert!(browser.text("main").contains(reason));
        browser.shot("overview-reconnect");
    }
    let synced = scene.home.run(&["sync", "p"]);
    assert_eq!(synced.code, Some(3), "{synced:?}");
    let ready = scene.get("/readyz").expect("an answer");
    assert!(
        ready.starts_with("HTTP/1.1 503") && ready.contains("p: reconnect-needed: "),
        "{ready}"
    );
    let metrics = scene.get("/metrics").expect("an answer");
    assert!(metrics.contains("{account=\"left\",state=\"reconnect-needed\"} 1"), "{metrics}");
    refused
}

/// Life goes on, on both sides, and through a restart; the other pair is served all the while.
fn lived_through(scene: &mut Scene, refused: usize) {
    let later = || scene.stage.world.advance(Duration::from_secs(60 * 60));
    later();
    scene.stage.user(Side::Left).set("a", "SUMMARY", "Dentist moved");
    scene.stage.user(Side::Right).set("both", "SUMMARY", "Swim (right)");
    scene.create(Side::Right, "new", "From the right");
    scene.create(Side::Left, "late", "From the left");
    scene.stage.user(Side::Left).delete("gone");
    scene.stage.user(Side::Right).delete("off");
    scene.stage.user(Side::Right).delete("kept");
    scene.stage.user(Side::Left).set("kept", "SUMMARY", "Kept after all");
    later();
    scene.stage.user(Side::Left).set("both", "SUMMARY", "Swim (left)");
    let log = scene.end();
    kept_pace(&log);
    let alert = "\"event\":\"reconnect-needed\"";
    assert_eq!(log.stderr.matches(alert).count(), 1, "said once");
    scene.begin();
    assert_eq!(scene.account("left")["state"], "reconnect-needed", "a restart forgets nothing");
    assert_eq!(scene.stage.world.request_count("left"), refused, "and asks nothing more");

    // The other account's pair went on all the while.
    let created = hour("q1", "Other", "2026-12-02T09:00:00Z".parse().expect("an instant"), "");
    let [alpha, beta] = &scene.others;
    scene.stage.world.user(alpha).create(&created);
    scene.until("the other pair", |scene| scene.stage.world.user(beta).get("q1").is_some());
    assert_eq!(missed(scene), Vec::<String>::new());
}

/// The cycles of the other account's pair that failed since the daemon began, or could not begin.
fn missed(scene: &Scene) -> Vec<String> {
    let metrics = scene.get("/metrics").expect("an answer");
    let cycles = metrics.lines().filter(|line| line.starts_with("calpair_cycles_total{pair=\"q\""));
    let served = |line: &&str| {
        ["in-sync", "changed"].iter().any(|end| line.contains(&format!("outcome=\"{end}\"")))
    };
    let (served, missed): (Vec<&str>, Vec<&str>) = cycles.partition(served);
    assert!(!served.is_empty(), "{metrics}");
    missed.into_iter().filter(|line| !line.ends_with(" 0")).map(str::to_owned).collect()
}

/// The other account's pair had every cycle that was due since its first one. One that never took
/// place is counted nowhere; it shows in what the daemon said of those that did.
fn kept_pace(log: &Ended) {
    // It begins one a second, or as soon as the one before is over, give or take a tenth.
    const INTERVAL: f64 = 1.0;
    // A busy machine is late now and then; whoever waits for another account is late by far more.
    const LATE: f64 = 0.75;
    let records = log.stderr.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let records: Vec<Value> = records.collect();
    let at = |record: &Value| {
        let text = record["timestamp"].as_str().expect("every record has its time");
        text.parse::<jiff::Timestamp>().expect("it is one").as_millisecond() as f64 / 1000.0
    };
    let cycles: Vec<&Value> = records
        .iter()
        .filter(|record| record["pair"] == "q" && record["duration_ms"].is_number())
        .collect();
    let (Some(first), Some(last)) = (cycles.first(), records.last()) else {
        panic!("there was none: {}", log.stderr);
    };
    let later = &cycles[1..];
    let busy: f64 = later.iter().filter_map(|cycle| cycle["duration_ms"].as_f64()).sum();
    let due = (at(last) - at(first) - busy / 1000.0) / INTERVAL - 1.0;
    let taken = later.len() as f64;
    assert!(taken >= LATE * due, "{taken} cycles of {due}");
}

/// Back: everything is merged, nothing twice.
fn reconnected(scene: &Scene, hand: &mut Hand) {
    scene.stage.world.restore("left");
    scene.stage.world.set_password("left", "wxyz-abcd-efgh-ijkl");
    match hand {
        Hand::Page(browser) => {
            browser.open(&scene.url("/connect/left"));
            assert!(browser.text("h1").contains("Reconnect iCloud"));
            browser.shot("connect-reconnect");
            browser.fill("#password", "wxyz-abcd-efgh-ijkl");
            browser.click("button.primary");
            let said = browser.text("h1");
            assert!(said.contains("iCloud is connected"), "{}", browser.text("main"));
        }
        Hand::Command => scene.connect_by_command(Side::Left),
    }
    scene.until("both sides are one", |scene| {
        let title = |side, uid| scene.title(side, uid);
        title(Side::Right, "a").as_deref() == Some("Dentist moved")
            && title(Side::Left, "new").is_some()
            && title(Side::Right, "late").is_some()
            && title(Side::Right, "gone").is_none()
            && title(Side::Left, "off").is_none()
            && title(Side::Right, "kept").as_deref() == Some("Kept after all")
            && title(Side::Right, "both").as_deref() == Some("Swim (left)")
    });
    scene.until("in sync", |scene| scene.status()["pairs"][0]["state"] == "ok");
    let winner = scene.title(Side::Left, "both").expect("it is there");
    assert_eq!(winner, "Swim (left)", "the later edit wins");
    let history = scene.home.run(&["history", "p", "--event", "both", "--json"]).json();
    let overruled = |change: &&Value| change["action"] == "overruled";
    let lost = history["changes"].as_array().and_then(|all| all.iter().find(overruled));
    assert!(lost.is_some(), "the loser is kept: {history}");
    for side in Side::BOTH {
        let mut uids = scene.stage.user(side).uids();
        uids.sort();
        assert_eq!(uids, ["a", "both", "kept", "late", "new"], "{side}: no duplicate");
    }
}

/// Nothing more is done, and the browser saw nothing that it should not.
fn quiet(scene: &Scene, hand: &mut Hand) {
    let before = ["left", "right"].map(|account| scene.stage.world.write_count(account));
    let synced = scene.home.run(&["sync", "p", "--json"]).json();
    assert_eq!(synced["pairs"][0]["outcome"], "in-sync");
    assert_eq!(before, ["left", "right"].map(|name| scene.stage.world.write_count(name)), "quiet");
    scene.stage.world.assert_no_mail();
    let Hand::Page(browser) = hand else { return };
    browser.open(&scene.url("/"));
    browser.wait("Everything is in sync");
    let seen = browser.observed();
    assert_eq!((&seen["dialogs"], seen["foreign"].as_array().map(Vec::len)), (&0.into(), Some(0)));
    assert_eq!(seen["complaints"], Value::Array(Vec::new()), "no policy was violated");
}
