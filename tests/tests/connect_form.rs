//! What people type into the connect form, and every state of the page as a screen reader and a
//! phone meet it.

use std::time::Duration;

use calpair_tests::browser::{Browser, DESKTOP, PHONE, Window};
use calpair_tests::page::{PAGE_PASSWORD, Scene};
use calpair_tests::wait;
use model::Side;
use sandbox::Gone;

fn connects_with(typed: impl Fn(&str) -> String) {
    let Some(mut browser) = Browser::start(DESKTOP) else { return };
    let scene = Scene::new("", "");
    browser.open(&scene.url("/connect/left"));
    let good = scene.password(Side::Left);
    let typed = typed(&good);
    assert_ne!(typed, good);
    browser.fill("#password", &typed);
    browser.click("button.primary");
    assert!(browser.text("h1").contains("iCloud is connected"), "{}", browser.text("main"));
    assert_eq!(scene.account("left")["state"], "ok");
}

#[test]
fn dashes_that_are_missing_are_put_in() {
    connects_with(|good| good.replace('-', ""));
}

#[test]
fn white_space_around_a_password_is_nothing() {
    connects_with(|good| format!(" \t{good}  "));
}

#[test]
fn letters_that_a_phone_made_capital_are_small() {
    connects_with(|good| {
        let (first, rest) = good.split_at(1);
        first.to_uppercase() + rest
    });
}

/// As many see it, and as somebody on a phone in the dark does; axe-core can't look at a page that
/// forbids it to.
const WINDOWS: [(&str, Window); 2] = [
    ("desktop", Window { policy: false, ..DESKTOP }),
    ("phone in the dark", Window { policy: false, dark: true, ..PHONE }),
];

/// Nobody is kept out by how this state of the page looks; it says these words.
fn is_reachable(browser: &mut Browser, (name, window): (&str, Window), words: &str) {
    let page = browser.text("main");
    assert!(page.contains(words), "{name}: {words}: {page}");
    let barriers = browser.barriers();
    assert!(barriers.is_empty(), "{name}: {words}: {barriers:#?}");
    let (wide, window) = (browser.width(), u64::from(window.size.0));
    assert!(wide <= window, "{name}: {words}: {wide} is wider than {window}");
}

#[test]
fn nobody_is_kept_out_by_a_mistake_in_the_form() {
    let Some(mut browser) = Browser::start(DESKTOP) else { return };
    for seen in WINDOWS {
        let scene = Scene::new("", "");
        let world = &scene.stage.world;
        let good = scene.password(Side::Left);
        browser.window(seen.1);
        browser.open(&scene.url("/"));
        is_reachable(&mut browser, seen, "things need you");
        let mut typed = |account: &str, username: Option<&str>, password: &str, words: &str| {
            browser.open(&scene.url(&format!("/connect/{account}")));
            if let Some(username) = username {
                browser.fill("#username", username);
            }
            browser.fill("#password", password);
            browser.click("button.primary");
            is_reachable(&mut browser, seen, words);
        };
        typed("left", None, "My-Apple-ID-1", "That looks like your Apple ID password");
        typed("left", Some("alias@example.com"), &good, "must be the Apple ID itself");
        typed("left", None, "aaaa-bbbb-cccc-dddd", "iCloud refused");
        typed("right", None, "wrong", "refused this user name and password");
        world.lock("left");
        typed("left", None, &good, "iCloud took the password");
        world.unlock("left");
        let family = scene.stage.calendar(Side::Left);
        world.set_gone(family, Gone::Yes);
        typed("left", None, &good, "Connected, but no calendar");
        world.set_gone(family, Gone::No);
        let said = wait::until(Duration::from_secs(60), || {
            browser.open(&scene.url("/connect/right"));
            browser.fill("#password", "wrong");
            browser.click("button.primary");
            browser.text("main").contains("Too many tries").then_some(())
        });
        assert!(said.is_some(), "{}", browser.text("main"));
        is_reachable(&mut browser, seen, "Too many tries");
    }
}

#[test]
fn nobody_is_kept_out_of_a_choice() {
    let Some(mut browser) = Browser::start(DESKTOP) else { return };
    let scene = Scene::new("", "");
    let text = std::fs::read_to_string(scene.home.file()).expect("it is there");
    scene.home.write(&text.replace("name = \"p\"", "name = \"p\"\nconflict = \"ask\""));
    scene.stage.world.add_calendar("left", "Sports");
    for side in Side::BOTH {
        scene.connect_by_command(side);
    }
    scene.create(Side::Left, "a", "Dinner");
    scene.until("it is there", |scene| scene.title(Side::Right, "a").is_some());
    // Neither edit crosses before the other one is made.
    let paused = scene.home.run(&["pause", "p"]);
    assert_eq!(paused.code, Some(0), "{paused:?}");
    scene.until("at rest", |scene| scene.status()["pairs"][0]["state"] == "paused");
    let strange = "Dinner <img src=x onerror=alert(1)> \u{202e}at seven";
    scene.stage.user(Side::Left).set("a", "SUMMARY", strange);
    scene.stage.user(Side::Right).set("a", "SUMMARY", "Dinner at eight");
    scene.home.run(&["resume", "p"]);
    scene.until("in conflict", |scene| scene.status()["pairs"][0]["conflicts"] == 1);
    scene.set_password();
    for seen in WINDOWS {
        browser.window(seen.1);
        scene.enter(&mut browser);
        is_reachable(&mut browser, seen, "Dinner at eight");
        assert_eq!(browser.count("main img"), 0, "what strangers write is text");
        assert!(browser.text("main").contains("<img src=x onerror=alert(1)> \\u{202e}at seven"));
        browser.open(&scene.url("/connect/left/done"));
        is_reachable(&mut browser, seen, "is kept the same as");
        browser.choose("#left", "Sports");
        browser.fill("#name", "sports");
        browser.click("button[value=show]");
        is_reachable(&mut browser, seen, "at the end of calpair's configuration");
        browser.fill("#name", "p");
        browser.click("button[value=add]");
        assert!(browser.count(".note.bad") > 0, "{}", browser.text("main"));
        is_reachable(&mut browser, seen, "Pair a calendar");
    }
    browser.open(&scene.url("/"));
    browser.click("button[name=keep][value=right]");
    scene.until("it is settled", |scene| {
        scene.title(Side::Left, "a").as_deref() == Some("Dinner at eight")
    });
    assert_eq!(scene.status()["pairs"][0]["conflicts"], 0);
}

#[test]
fn nobody_is_kept_out_on_the_way_in() {
    let Some(mut browser) = Browser::start(DESKTOP) else { return };
    let back = "return_to = [\"https://app.example/done\"]\n";
    for seen in WINDOWS {
        let scene = Scene::new(back, "");
        scene.set_password();
        browser.window(seen.1);
        let sent = "/connect/left?return_to=https%3A%2F%2Fapp.example%2Fdone&state=s";
        assert_eq!(browser.open(&scene.url(sent)), 401);
        is_reachable(&mut browser, seen, "With the password of this page");
        browser.fill("#password", "wrong");
        browser.click("button.primary");
        is_reachable(&mut browser, seen, "That is not the page's password");
        browser.fill("#password", PAGE_PASSWORD);
        browser.click("button.primary");
        assert!(browser.address().ends_with(sent), "{}", browser.address());
        is_reachable(&mut browser, seen, "Back to app.example");
        // With a link, as nobody in particular.
        browser.window(seen.1);
        let link = || {
            let made = scene.home.run(&["connect", "left", "--link"]);
            assert!(made.stderr.contains("this machine only"), "{made:?}");
            made.stdout.trim().to_owned()
        };
        let used = link();
        assert_eq!(browser.open(&format!("{used}&return_to=https://evil.example/")), 400);
        is_reachable(&mut browser, seen, "not on this calpair's list");
        assert_eq!(browser.open(&used), 200);
        is_reachable(&mut browser, seen, "How to get one");
        browser.fill("#password", &scene.password(Side::Left));
        browser.click("button.primary");
        is_reachable(&mut browser, seen, "You can close this page");
        browser.window(seen.1);
        assert_eq!(browser.open(&used), 410);
        is_reachable(&mut browser, seen, "used already, or is too old");
        browser.open(&scene.url("/connect/nobody"));
        is_reachable(&mut browser, seen, "With the password of this page");
    }
}
