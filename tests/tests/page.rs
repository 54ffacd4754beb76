//! The page as its users meet it: a real browser before the real program, a simulated iCloud and a
//! server by the book behind it.

use std::collections::BTreeMap;
use std::time::Duration;

use calpair_tests::browser::{Browser, DESKTOP, PHONE, Window};
use calpair_tests::page::{PAGE_PASSWORD, Scene};
use calpair_tests::wait;
use model::Side;
use sandbox::Gone;
use sandbox::seed::hour;
use serde_json::Value;
use testkit::canary;

/// What is typed, and what the page then says.
struct Typed<'a> {
    sentence: &'a str,
    username: Option<&'a str>,
    password: &'a str,
    said: &'a [&'a str],
}

#[test]
fn every_mistake_in_the_form_is_said_in_the_users_words() {
    let Some(mut browser) = Browser::start(DESKTOP) else { return };
    let scene = Scene::new("", "");
    let world = &scene.stage.world;
    let good = scene.password(Side::Left);
    let questioned: &[&str] = &["That looks like your Apple ID password", "was sent anywhere"];
    let cases = [
        Typed {
            sentence: "the Apple ID password",
            username: None,
            password: "My-Apple-ID-1",
            said: questioned,
        },
        Typed {
            sentence: "one letter too few",
            username: None,
            password: &good[1..],
            said: questioned,
        },
        Typed {
            sentence: "an alias",
            username: Some("alias@example.com"),
            password: &good,
            said: &["must be the Apple ID itself", "left@example.com"],
        },
        Typed {
            sentence: "one of another account",
            username: None,
            password: "aaaa-bbbb-cccc-dddd",
            said: &["iCloud refused", "not an alias", "revokes every app-specific password"],
        },
    ];
    for Typed { sentence, username, password, said } in cases {
        world.forget_requests();
        browser.open(&scene.url("/connect/left"));
        if let Some(username) = username {
            browser.fill("#username", username);
        }
        browser.fill("#password", password);
        browser.click("button.primary");
        let shown = browser.text("#wrong");
        for words in said {
            assert!(shown.contains(words), "{sentence}: {words}: {shown}");
        }
        let steps = browser.text("aside");
        assert!(steps.contains("Two-factor") && steps.contains("account.apple.com"), "{steps}");
        assert!(!shown.contains("--"), "{sentence}: a page has no options: {shown}");
        assert!(!browser.html().contains(password), "{sentence}: what was typed is not shown");
        if !shown.contains("refused") {
            assert_eq!(world.request_count("left"), 0, "{sentence}: nothing was sent");
        }
        assert_eq!(scene.account("left")["state"], "unconnected", "{sentence}");
        browser.shot(&format!("connect-{}", sentence.to_lowercase().replace(" ", "-")));
    }
    // Whoever insists is believed.
    browser.open(&scene.url("/connect/left"));
    browser.fill("#password", "insisted");
    browser.click("button.primary");
    browser.fill("#password", "insisted");
    browser.check("input[name=force]");
    browser.click("button.primary");
    assert!(browser.text("#wrong").contains("iCloud refused"));
    assert!(world.request_count("left") > 0);
    // Right, with the dashes that word processors make of them.
    browser.fill("#password", &good.replace('-', "\u{2013}"));
    browser.click("button.primary");
    assert!(browser.text("h1").contains("iCloud is connected"), "{}", browser.text("main"));
    assert_eq!(scene.account("left")["state"], "ok");
}

#[test]
fn a_locked_account_and_one_without_calendars_are_told_apart_from_a_wrong_password() {
    let Some(mut browser) = Browser::start(DESKTOP) else { return };
    let scene = Scene::new("", "");
    let world = &scene.stage.world;
    let good = scene.password(Side::Left);
    world.lock("left");
    browser.open(&scene.url("/connect/left"));
    browser.fill("#password", &good);
    browser.click("button.primary");
    let shown = browser.text("#wrong");
    for words in ["iCloud took the password", "www.icloud.com", "be locked", "new terms", "(403)"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    assert!(!shown.contains("refused") && browser.count("#wrong li") == 3, "{shown}");
    assert!(!browser.html().contains(&good), "what was typed is not shown");
    assert_eq!(scene.account("left")["state"], "unconnected", "nothing is kept");
    browser.shot("connect-locked");
    world.unlock("left");
    // The password is right, and there is nothing to sync.
    let family = scene.stage.calendar(Side::Left);
    world.set_gone(family, Gone::Yes);
    browser.fill("#password", &good);
    browser.click("button.primary");
    assert_eq!(browser.text("h1").trim(), "Connected, but no calendar");
    let page = browser.text("main");
    for words in ["accepted the password", "Open www.icloud.com once", "Calendar works there"] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert_eq!((browser.count("#offer"), browser.count("form")), (0, 0), "nothing to pair");
    assert_eq!(scene.account("left")["state"], "ok", "the password is kept");
    browser.shot("connect-no-calendar");
    // As soon as there is one it is found.
    world.set_gone(family, Gone::No);
    browser.open(&scene.url("/connect/left/done"));
    assert!(browser.text("main").contains("Family"), "{}", browser.text("main"));
}

#[test]
fn a_link_lets_somebody_else_connect_one_account_once() {
    let Some(mut browser) = Browser::start(PHONE) else { return };
    let scene = Scene::new("return_to = [\"https://app.example/done\"]\n", "");
    scene.set_password();
    let made = scene.home.run(&["connect", "left", "--link"]);
    assert_eq!(made.code, Some(0), "{made:?}");
    let link = made.stdout.trim().to_owned();
    assert!(link.starts_with(&scene.url("/connect/left?link=")), "{link}");
    let token = link.split("link=").nth(1).expect("a token").to_owned();
    // Without it there is nothing to see.
    assert_eq!(browser.open(&scene.url("/connect/left")), 401);
    assert_eq!(browser.open(&scene.url("/connect/left?link=0123")), 410);
    assert!(browser.text("main").contains("used already, or is too old"));
    let other = link.replace("/left?", "/right?");
    assert_eq!(browser.open(&other), 410, "it is for one account");
    // A program that looks at it ahead of the person uses it up.. not.
    assert!(scene.get(link.trim_start_matches(&scene.url(""))).is_some());
    let foreign = format!("{link}&return_to=https://evil.example/&state=s");
    assert_eq!(browser.open(&foreign), 400);
    assert!(browser.text("main").contains("not on this calpair's list"));
    browser.shot("connect-foreign-return");
    let back = format!("{link}&return_to=https://app.example/done&state=a%26b");
    assert_eq!(browser.open(&back), 200);
    assert!(!browser.address().contains(&token), "it is out of the address");
    assert!(!browser.html().contains(&token));
    browser.fill("#password", &scene.password(Side::Left));
    browser.click("button.primary");
    let page = browser.text("main");
    assert!(page.contains("iCloud is connected") && page.contains("Family"), "{page}");
    let html = browser.html();
    let to = "https://app.example/done?result=connected&amp;state=a%26b";
    assert!(html.contains(to), "{html}");
    assert!(!html.contains("Pair a calendar"), "that is for whoever runs it");
    browser.shot("connect-done-by-link");
    assert_eq!(scene.account("left")["state"], "ok");
    // Once.
    for path in ["/", "/connect/left", "/connect/right"] {
        let status = browser.open(&scene.url(path));
        assert!(matches!(status, 401 | 410), "{path}: {status}");
    }
    browser.window(PHONE);
    assert_eq!(browser.open(&link), 410, "used");
    assert!(browser.text("main").contains("used already, or is too old"));
    browser.shot("connect-used-link");
    let mut scene = scene;
    let log = scene.end();
    assert!(!log.stderr.contains(&token), "the log has no link");
}

#[test]
fn a_link_that_grows_too_old_under_the_form_is_worth_nothing_any_more() {
    let Some(mut browser) = Browser::start(PHONE) else { return };
    let scene = Scene::new("link_valid = \"3s\"\n", "");
    scene.set_password();
    // A slow machine gets another link, until one is opened in time.
    let link = wait::until(Duration::from_secs(60), || {
        let link = scene.home.run(&["connect", "left", "--link"]).stdout.trim().to_owned();
        (browser.open(&link) == 200).then_some(link)
    });
    let link = link.expect("three seconds are enough, now or later");
    let path = link.trim_start_matches(&scene.url("")).to_owned();
    let is_too_old = || scene.get(&path).is_some_and(|answer| answer.contains(" 410 "));
    scene.until("it is too old", |_| is_too_old());
    browser.fill("#password", &scene.password(Side::Left));
    browser.click("button.primary");
    let said = browser.text("main");
    assert!(said.contains("used already, or is too old"), "{said}");
    assert_eq!(scene.stage.world.request_count("left"), 0, "nothing was sent");
    assert_eq!(scene.account("left")["state"], "unconnected");
    browser.window(PHONE);
    assert_eq!(browser.open(&link), 410);
    assert!(browser.text("main").contains("can make another"), "{}", browser.text("main"));
    browser.shot("connect-expired-link");
}

#[test]
fn a_link_is_used_up_by_whoever_sees_the_page_anyway() {
    let Some(mut browser) = Browser::start(PHONE) else { return };
    let scene = Scene::new("", "");
    let link = scene.home.run(&["connect", "left", "--link"]).stdout.trim().to_owned();
    assert_eq!(browser.open(&link), 200);
    browser.fill("#password", &scene.password(Side::Left));
    browser.click("button.primary");
    assert_eq!(scene.account("left")["state"], "ok");
    scene.set_password();
    browser.window(PHONE);
    assert_eq!(browser.open(&link), 410, "used");
}

#[test]
fn calendars_are_paired_by_choosing_them() {
    let Some(mut browser) = Browser::start(DESKTOP) else { return };
    let scene = Scene::new("", "# a remark that stays\n");
    // What was found when the accounts were connected is offered.
    let sports = scene.stage.world.add_calendar("left", "Sports");
    let team = scene.stage.world.add_calendar("right", "Team");
    for side in Side::BOTH {
        scene.connect_by_command(side);
    }
    browser.open(&scene.url("/connect/left/done"));
    browser.choose("#left", "Sports");
    browser.choose("#right", "Team");
    browser.fill("#name", "p");
    browser.click("button[value=add]");
    assert!(browser.text("main").contains("p"), "the name is taken");
    assert!(browser.count(".note.bad") > 0, "{}", browser.text("main"));
    browser.choose("#left", "Sports");
    browser.choose("#right", "Team");
    browser.fill("#name", "sports");
    browser.click("button[value=show]");
    let proposal = browser.text("#proposal");
    let expected = "[[pairs]]\nname = \"sports\"\n\
                    left = { account = \"left\", calendar = \"Sports\" }\n\
                    right = { account = \"right\", calendar = \"Team\" }";
    assert_eq!(proposal.trim(), expected);
    browser.shot("connect-pair");
    browser.choose("#left", "Sports");
    browser.choose("#right", "Team");
    browser.fill("#name", "sports");
    browser.click("button[value=add]");
    browser.wait("sports stands in the configuration now");
    let text = std::fs::read_to_string(scene.home.file()).expect("it is there");
    assert!(text.contains("# a remark that stays") && text.contains("name = \"sports\""), "{text}");
    let event = hour("s1", "Match", "2026-12-03T09:00:00Z".parse().expect("an instant"), "");
    scene.stage.world.user(&sports).create(&event);
    scene.until("it is taken up", |scene| scene.stage.world.user(&team).get("s1").is_some());
}

#[test]
fn what_strangers_write_does_nothing() {
    let Some(mut browser) = Browser::start(DESKTOP) else { return };
    let scene = Scene::new("", "");
    scene.set_password();
    for side in Side::BOTH {
        scene.connect_by_command(side);
    }
    let titles = [
        ("x1", "<script>alert(1)</script>"),
        ("x2", "<img src=x onerror=alert(2)>"),
        ("x3", "\u{202e}drowssap \u{2066}ruoy"),
        ("x4", "a\u{1b}[2Jb"),
        ("x5", "\" autofocus onfocus=alert(3) x=\""),
        ("x6", "</bdi></main><form action=//evil.example><button>Sign in"),
    ];
    for (uid, title) in titles {
        scene.create(Side::Left, uid, title);
    }
    scene.until("all are there", |scene| {
        titles.iter().all(|(uid, _)| scene.title(Side::Right, uid).is_some())
    });
    scene.enter(&mut browser);
    browser.wait("onerror=alert(2)");
    let page = browser.text("main");
    assert!(page.contains("<script>alert(1)</script>"), "shown as it was written: {page}");
    assert!(page.contains("\\u{202e}drowssap"), "{page}");
    for bad in ['\u{202e}', '\u{2066}', '\u{1b}'] {
        assert!(!browser.html().contains(bad), "{bad:?}");
    }
    assert_eq!(browser.count("main form[action^='//']"), 0);
    assert_eq!(browser.count("main img"), 0);
    // Before and after, opened with the keyboard alone.
    browser.shot("overview-changes");
    let seen = browser.observed();
    assert_eq!(seen["dialogs"], 0, "{seen}");
    assert_eq!(seen["foreign"], Value::Array(Vec::new()), "nothing is loaded from elsewhere");
    assert_eq!(seen["complaints"], Value::Array(Vec::new()), "{seen}");
}

#[test]
fn the_page_works_without_javascript_and_by_keyboard() {
    let Some(mut browser) = Browser::start(Window { script: false, ..PHONE }) else { return };
    let scene = Scene::new("", "");
    browser.open(&scene.url("/connect/left"));
    browser.fill("#password", "not one");
    browser.click("button.primary");
    assert!(browser.text("#wrong").contains("Apple ID password"));
    browser.fill("#password", &scene.password(Side::Left));
    browser.click("button.primary");
    assert!(browser.text("h1").contains("iCloud is connected"));
    scene.connect_by_command(Side::Right);
    scene.until("in sync", |scene| scene.status()["pairs"][0]["state"] == "ok");
    browser.open(&scene.url("/"));
    assert!(browser.text("h1").contains("Everything is in sync"));
    let bad = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//x//EN\r\nBEGIN:VEVENT\r\nUID:bad\r\n\
        DTSTAMP:20260101T000000Z\r\nDTSTART:whenever\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    let calendar = scene.stage.calendar(Side::Left);
    scene.stage.world.user(calendar).put("bad.ics", bad.as_bytes());
    scene.until("it is noticed", |scene| {
        scene.status()["pairs"][0]["problems"].as_array().is_some_and(|all| all.len() == 1)
    });
    browser.open(&scene.url("/"));
    assert_eq!(browser.text("h1").trim(), "In sync, but for 1 event");
    browser.click("#pause-p");
    assert!(browser.text("main").contains("p is paused, until"), "{}", browser.text("main"));
    assert_eq!(scene.status()["pairs"][0]["state"], "paused");
    browser.click("#resume-p");
    scene.until("it goes on", |scene| scene.status()["pairs"][0]["state"] == "ok");
    // By keyboard, with JavaScript: the first stop skips the head of the page.
    browser.window(DESKTOP);
    browser.open(&scene.url("/"));
    browser.press("Tab");
    assert!(browser.focused().contains("Skip to the content"), "{}", browser.focused());
    let mut stops = BTreeMap::new();
    for _ in 0..12 {
        browser.press("Tab");
        *stops.entry(browser.focused()).or_insert(0) += 1;
    }
    assert!(stops.keys().any(|stop| stop.contains("sync-p")), "{stops:?}");
    assert!(stops.keys().any(|stop| stop.contains("/connect/left")), "{stops:?}");
}

#[test]
fn nobody_is_kept_out_by_how_it_looks() {
    let Some(mut browser) = Browser::start(DESKTOP) else { return };
    let scene = Scene::new("", "");
    scene.set_password();
    for side in Side::BOTH {
        scene.connect_by_command(side);
    }
    for number in 0..30 {
        scene.create(Side::Left, &format!("u{number}"), &format!("Event {number}"));
    }
    scene.until("synced", |scene| scene.title(Side::Right, "u29").is_some());
    // A calendar that was emptied halts its pair.
    for number in 0..29 {
        scene.stage.user(Side::Left).delete(&format!("u{number}"));
    }
    scene.until("halted", |scene| scene.status()["pairs"][0]["state"] == "halted");
    let windows = [
        ("desktop", Window { policy: false, ..DESKTOP }),
        ("desktop-dark", Window { policy: false, dark: true, ..DESKTOP }),
        ("phone", Window { policy: false, ..PHONE }),
        ("phone-dark", Window { policy: false, dark: true, ..PHONE }),
    ];
    for (name, window) in windows {
        browser.window(window);
        for path in ["/sign-in", "/", "/connect/left", "/connect/left/done", "/nothing"] {
            if path == "/" {
                scene.enter(&mut browser);
            }
            browser.open(&scene.url(path));
            let barriers = browser.barriers();
            assert!(barriers.is_empty(), "{name} {path}: {barriers:#?}");
            let (wide, window) = (browser.width(), u64::from(window.size.0));
            assert!(wide <= window, "{name} {path}: {wide} is wider than {window}");
            if path == "/" {
                browser.shot(&format!("overview-{name}"));
            }
        }
    }
    // What was shown is approved, exactly.
    browser.open(&scene.url("/"));
    browser.click("#approve-p");
    scene.until("they are gone", |scene| scene.stage.user(Side::Right).uids().len() == 1);
}

#[test]
fn no_secret_is_anywhere() {
    let Some(mut browser) = Browser::start(DESKTOP) else { return };
    let mut scene = Scene::new("", "");
    scene.set_password();
    let secrets = ["qqqq-wwww-eeee-rrrr", "canarycanarywrong", "Canary-Apple-ID-9"];
    scene.stage.world.set_password("left", secrets[0]);
    scene.connect_by_command(Side::Right);
    scene.enter(&mut browser);
    let mut pages = Vec::new();
    for password in [secrets[1], secrets[2], secrets[0]] {
        browser.open(&scene.url("/connect/left"));
        browser.fill("#password", password);
        browser.click("button.primary");
        pages.push(browser.html());
        pages.push(browser.address());
    }
    scene.create(Side::Left, "c1", "CanaryTitle");
    scene.until("synced", |scene| scene.title(Side::Right, "c1").is_some());
    let made = scene.home.run(&["connect", "right", "--link"]);
    let link = made.stdout.trim().to_owned();
    let token = link.split("link=").nth(1).expect("a token").to_owned();
    browser.open(&scene.url("/"));
    browser.wait("CanaryTitle");
    // The source of every page, as somebody sees it who is in; titles stand on the first alone.
    let entered = browser.html();
    for path in ["/connect/left", "/connect/left/done", "/connect/right", "/nothing"] {
        browser.open(&scene.url(path));
        pages.push(browser.html());
    }
    // As somebody sees it who came by the link, and as nobody in particular.
    browser.window(DESKTOP);
    assert_eq!(browser.open(&link), 200);
    pages.extend([browser.html(), browser.address()]);
    browser.window(DESKTOP);
    for path in ["/", "/connect/left", "/connect/left/done", "/sign-in"] {
        browser.open(&scene.url(path));
        pages.push(browser.html());
    }
    for path in ["/metrics", "/api/status", "/readyz", "/", "/healthz"] {
        pages.push(scene.get(path).expect("an answer"));
    }
    pages.push(scene.status().to_string());
    let id = scene.id();
    for file in ["cmdline", "environ"] {
        let bytes = std::fs::read(format!("/proc/{id}/{file}")).expect("it is ours");
        pages.push(String::from_utf8_lossy(&bytes).into_owned());
    }
    let log = scene.end();
    assert!(log.stderr.lines().count() > 20, "it said much");
    pages.push(log.stderr);
    let secrets: Vec<&str> = secrets.iter().copied().chain([PAGE_PASSWORD, &token]).collect();
    for form in secrets.iter().flat_map(|secret| canary::forms(secret)) {
        assert!(!entered.contains(&form), "{form}");
        assert!(pages.iter().all(|page| !page.contains(&form)), "{form}");
    }
    assert!(pages.iter().all(|page| !page.contains("CanaryTitle")), "titles only to who is in");
    let words = [secrets, vec!["CanaryTitle"]].concat();
    assert_eq!(canary::files_with(&scene.home.state(), &words), Vec::<String>::new());
}
