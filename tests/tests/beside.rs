//! What an event says and calpair does not map (a comment, a contact, an attachment inside it, a
//! line of somebody's own) crosses nowhere; it is not lost for that. With the program itself.

use calpair_tests::program::Home;
use calpair_tests::stage::Stage;
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
