//! What an event says and calpair does not map (a comment, a contact, an attachment inside it, a
//! line of somebody's own) crosses nowhere; it is not lost for that. With the program itself,
//! and on real servers.

use calpair_tests::http::Collection;
use calpair_tests::program::Home;
use calpair_tests::rig::{End, Rig};
use calpair_tests::servers::{self, Account};
use calpair_tests::stage::Stage;
use calpair_tests::{caldav_account, text};
use model::{Side, Sides};
use sandbox::dav::Profile;
use sandbox::seed::hour;

use Side::{Left, Right};

/// What a person may say beside a series.
const SAID: [(&str, &str); 4] = [
    ("comment", "COMMENT:bring the form"),
    ("contact", "CONTACT:Kim\\, 2nd floor"),
    ("own", "X-OWN-THING:1"),
    ("inline", "ATTACH;VALUE=BINARY;ENCODING=BASE64:AAECAwQF"),
];

struct Scene {
    stage: Stage,
    home: Home,
}

impl Scene {
    /// A pair in sync, with an event for each of `uids` that came from the left.
    fn new(left: Profile, uids: &[&str]) -> Self {
        let stage = Stage::new(Sides::new(left, Profile::plain()));
        let scene = Self { home: Home::new(stage.logins(), ""), stage };
        scene.home.connect_both();
        let start = "2026-12-01T09:00:00Z".parse().expect("an instant");
        for uid in uids {
            scene.stage.user(Left).create(&hour(uid, uid, start, ""));
        }
        scene.sync("changed");
        scene.sync("in-sync");
        scene
    }

    fn sync(&self, outcome: &str) {
        let ended = self.home.run(&["sync", "--json"]);
        let pair = ended.json()["pairs"][0].clone();
        assert_eq!(pair["outcome"], outcome, "{pair} {ended:?}");
    }

    /// What a side holds, unfolded.
    fn text(&self, side: Side, uid: &str) -> Option<String> {
        let held = self.stage.user(side).get(uid)?;
        Some(String::from_utf8(held.raw).expect("text").replace("\r\n", "\n").replace("\n ", ""))
    }

    fn adds(&self, side: Side, uid: &str, line: &str) {
        let with = |text: &str| text.replace("END:VEVENT", &format!("{line}\r\nEND:VEVENT"));
        assert!(self.stage.user(side).edit(uid, with), "{uid} is on {side}");
    }

    fn deletes(&self, side: Side, uid: &str) {
        assert!(self.stage.user(side).delete(uid), "{uid} is on {side}");
    }

    fn uids(&self) -> Sides<Vec<String>> {
        Sides::from_fn(|side| self.stage.user(side).uids())
    }
}

#[test]
fn an_edit_of_what_is_not_mapped_beats_a_deletion() {
    let names = SAID.map(|(uid, _)| uid);
    for (profile, side) in [(Profile::icloud(), Left), (Profile::plain(), Right)] {
        let scene = Scene::new(profile, &names);
        for (uid, line) in SAID {
            scene.adds(side, uid, line);
            scene.deletes(side.opposite(), uid);
        }
        scene.sync("changed");
        scene.sync("in-sync");
        for (uid, line) in SAID {
            let held = scene.text(side, uid).unwrap_or_default();
            assert!(held.contains(line), "{uid} on {side}: {held}");
            let again = scene.text(side.opposite(), uid).unwrap_or_default();
            assert!(again.contains(&format!("SUMMARY:{uid}")), "{uid} beside {side}: {again}");
        }
    }
}

#[test]
fn what_a_server_does_by_itself_beats_no_deletion() {
    let scene = Scene::new(Profile::icloud(), &["churned", "stamped", "known", "stays"]);
    scene.adds(Left, "known", "COMMENT:bring the form");
    // Both sides are seen with it, and nothing crosses: whoever deletes it now means all of it.
    scene.sync("in-sync");
    assert!(scene.stage.user(Left).churn("churned"));
    scene.adds(Left, "stamped", "X-APPLE-TRAVEL-ADVISORY-BEHAVIOR:AUTOMATIC\r\nSEQUENCE:7");
    for uid in ["churned", "stamped", "known"] {
        scene.deletes(Right, uid);
    }
    scene.sync("changed");
    assert_eq!(scene.uids(), Sides::new(vec!["stays".to_owned()], vec!["stays".to_owned()]));
}

/// The number of the newest change of this kind on a side.
fn change(scene: &Scene, action: &str, side: Side) -> String {
    let history = scene.home.run(&["history", "--json"]).json();
    let changes = history["changes"].as_array().expect("a list").clone();
    let is_it =
        |change: &&serde_json::Value| change["action"] == action && change["side"] == side.as_str();
    let found = changes.iter().find(is_it).unwrap_or_else(|| panic!("no {action} in {history}"));
    found["id"].as_str().expect("an id").to_owned()
}

#[test]
fn what_is_restored_says_all_that_it_said() {
    const PEOPLE: &str = "ORGANIZER:mailto:boss@example.org\r\n\
         ATTENDEE;X-KEPT=1:mailto:kim@example.org\r\nEND:VEVENT";
    let said = SAID.map(|(_, line)| format!("{line}\r\n")).concat();
    let mut quiet = Profile::plain();
    quiet.habits.scheduling = sandbox::Scheduling::Never;
    for (profile, people) in [(Profile::icloud(), false), (quiet, true)] {
        let scene = Scene::new(profile, &["a", "stays"]);
        let people_too = if people { PEOPLE } else { "END:VEVENT" };
        let all = |text: &str| text.replace("END:VEVENT", &format!("{said}{people_too}"));
        assert!(scene.stage.user(Left).edit("a", all));
        scene.home.run(&["sync"]);
        scene.deletes(Right, "a");
        scene.sync("changed");
        assert_eq!(scene.uids().left, ["stays"]);

        let ended = scene.home.run(&["restore", &change(&scene, "delete", Left)]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(!ended.stderr.contains("without"), "{ended:?}");
        let text = scene.text(Left, "a").expect("it is back");
        for (_, line) in SAID {
            assert!(text.contains(&format!("{line}\n")), "{line} is not in {text}");
        }
        assert_eq!(text.contains("ATTENDEE;X-KEPT=1:mailto:kim@example.org"), people, "{text}");
        scene.sync("changed");
        scene.sync("in-sync");
        let both = vec!["a".to_owned(), "stays".to_owned()];
        assert_eq!(scene.uids(), Sides::new(both.clone(), both));
        scene.stage.world.assert_no_mail();
    }
}

#[test]
fn people_are_not_restored_where_they_would_be_told() {
    // It writes to whoever it finds in an event.
    let scene = Scene::new(Profile::plain(), &["a", "stays"]);
    let invite = |text: &str| {
        let people = "ORGANIZER:mailto:boss@example.org\r\nATTENDEE:mailto:kim@example.org";
        text.replace("END:VEVENT", &format!("{people}\r\nCOMMENT:x\r\nEND:VEVENT"))
    };
    assert!(scene.stage.user(Left).edit("a", invite));
    scene.home.run(&["sync"]);
    scene.deletes(Right, "a");
    scene.sync("changed");
    let ended = scene.home.run(&["restore", &change(&scene, "delete", Left)]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.contains("without its people"), "{ended:?}");
    let text = scene.text(Left, "a").expect("it is back");
    assert!(text.contains("COMMENT:x") && !text.contains("example.org"), "{text}");
    scene.stage.world.assert_no_mail();
}

#[test]
fn what_an_update_replaced_is_restored_whole_unless_somebody_wrote_there_since() {
    let place = "X-APPLE-STRUCTURED-LOCATION;VALUE=URI;X-TITLE=Hall:geo:1,2";
    for since in [false, true] {
        let scene = Scene::new(Profile::plain(), &["a"]);
        scene.adds(Left, "a", &format!("LOCATION:Hall\r\n{place}\r\nCOMMENT:old"));
        scene.sync("changed");
        assert!(scene.stage.user(Right).set("a", "LOCATION", "Elsewhere"));
        scene.sync("changed");
        let replaced = scene.text(Left, "a").expect("it is there");
        assert!(replaced.contains("LOCATION:Elsewhere") && !replaced.contains(place), "{replaced}");
        if since {
            scene.adds(Left, "a", "COMMENT:new");
            scene.sync("in-sync");
        }
        let ended = scene.home.run(&["restore", &change(&scene, "update", Left)]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let text = scene.text(Left, "a").expect("it is there");
        assert!(text.contains("LOCATION:Hall\n") && text.contains("COMMENT:old\n"), "{text}");
        assert_eq!((text.contains(place), text.contains("COMMENT:new")), (!since, since), "{text}");
        assert_eq!(ended.stderr.contains("stays as it is there now"), since, "{ended:?}");
        scene.sync("changed");
        scene.sync("in-sync");
        let right = scene.text(Right, "a").expect("it is there");
        assert!(right.contains("LOCATION:Hall\n"), "{right}");
    }
}

fn end(account: &Account) -> End {
    let provider = caldav_account(account.origin(), &account.user, &account.password);
    let calendar = provider.calendar_id(&account.calendar).expect("a calendar there");
    End::caldav(provider, calendar)
}

/// On a server that keeps events in a form of its own: said beside an event, it is an edit; the
/// same event stored once more, in another version, is none.
fn on_a_real_server(name: &'static str) {
    let Some(server) = servers::start(name) else { return };
    let Some(elsewhere) = servers::start("radicale") else { return };
    let (left, right) = (server.alice(), elsewhere.alice());
    let rig = Rig::new(Sides::new(end(&left), end(&right)));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let (left, right) = (left.collection(), right.collection());
    let uids = |calendar: &Collection| -> Vec<String> {
        calendar.texts().iter().filter_map(|raw| text::uid(raw)).collect()
    };
    let start = "2026-12-01T09:00:00Z".parse().expect("an instant");
    for uid in ["edited", "same"] {
        assert!(
            right.put(&format!("{uid}.ics"), hour(uid, uid, start, "").as_bytes()).status < 300
        );
    }
    runtime.block_on(rig.rest());
    for name in left.versions().into_keys() {
        let raw = String::from_utf8(left.get(&name).expect("it is listed")).expect("text");
        let said = SAID.map(|(_, line)| format!("{line}\r\n")).concat();
        let said = if raw.contains("SUMMARY:edited") { &said } else { "SEQUENCE:9\r\n" };
        let raw = raw.replace("SEQUENCE:0\r\n", "");
        let raw = raw.replace("END:VEVENT", &format!("{said}END:VEVENT"));
        assert!(left.put(&name, raw.as_bytes()).status < 300);
    }
    for uid in ["edited", "same"] {
        assert!(right.delete(&format!("{uid}.ics")).status < 300);
    }
    runtime.block_on(rig.rest());
    assert_eq!([uids(&left), uids(&right)], [["edited"], ["edited"]]);
    let raw = String::from_utf8(left.texts().remove(0)).expect("text");
    assert!(raw.contains("COMMENT:bring the form") && raw.contains("AAECAwQF"), "{raw}");
}

#[test]
fn on_radicale() {
    on_a_real_server("radicale");
}

#[test]
fn on_xandikos() {
    on_a_real_server("xandikos");
}

#[test]
fn on_cyrus() {
    on_a_real_server("cyrus");
}
