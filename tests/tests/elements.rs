//! What a person adds to or takes from a set (reminders, categories) on one side leaves the rest of
//! it alone on the other, byte for byte. With the program itself.

use calpair_tests::program::Home;
use calpair_tests::stage::Stage;
use model::{Side, Sides};
use sandbox::dav::Profile;
use sandbox::seed::hour;

#[test]
fn a_reminder_on_the_copy_leaves_the_others_of_the_original_alone() {
    let stage = Stage::new(Sides::new(Profile::plain(), Profile::plain()));
    let home = Home::new(stage.logins(), "");
    home.connect_both();
    let syncs = |outcome: &str| {
        let ended = home.run(&["sync", "--json"]);
        assert_eq!(ended.json()["pairs"][0]["outcome"], outcome, "{ended:?}");
    };
    let mail = "BEGIN:VALARM\r\nX-A:1\r\nACTION:EMAIL\r\nTRIGGER:-PT1H\r\nSUMMARY:Leave\r\n\
        DESCRIPTION:Now\r\nATTENDEE:mailto:me@example.org\r\nEND:VALARM\r\n";
    let sound = "BEGIN:VALARM\r\nACTION:AUDIO\r\nTRIGGER:-PT30M\r\nREPEAT:2\r\nDURATION:PT1M\r\n\
        END:VALARM\r\n";
    let popup =
        "BEGIN:VALARM\r\nACTION:DISPLAY\r\nDESCRIPTION:x\r\nTRIGGER:-PT5M\r\nEND:VALARM\r\n";
    let with = |text: &str, lines: &str| {
        text.replace("END:VEVENT", &format!("{}END:VEVENT", lines.replace("\r\n", "\n")))
            .replace("\r\n", "\n")
            .replace('\n', "\r\n")
    };
    let text = |side| {
        let held = stage.user(side).get("a").expect("is there");
        String::from_utf8(held.raw).expect("text").replace("\r\n", "\n")
    };
    let start = "2026-12-01T09:00:00Z".parse().expect("an instant");
    let categories = "CATEGORIES;LANGUAGE=de;X-P=1:Arbeit\r\nCATEGORIES:b\r\n";
    let lines = format!("{categories}{mail}{sound}");
    stage.user(Side::Left).create(&with(&hour("a", "Dentist", start, ""), &lines));
    syncs("changed");
    let explained = home.run(&["explain", "p", "a"]).stdout;
    for said in ["one that sends mail is shown", "makes a sound is shown", "repeats rings once"] {
        assert!(explained.contains(said), "{said}: {explained}");
    }
    assert!(!explained.contains("left can't hold"), "{explained}");

    let edited = |text: &str| {
        assert!(text.contains("Arbeit,b") && !text.contains("EMAIL"), "{text}");
        with(&text.replace("Arbeit,b", "Arbeit,b,c"), popup)
    };
    assert!(stage.user(Side::Right).edit("a", edited));
    syncs("changed");
    let left = text(Side::Left);
    let unix = |lines: &str| lines.replace("\r\n", "\n");
    for kept in [mail, sound, "CATEGORIES;LANGUAGE=de;X-P=1:Arbeit\n"] {
        assert!(left.contains(&unix(kept)), "{kept} is not in {left}");
    }
    assert!(left.contains("CATEGORIES:b,c\n") && left.contains("TRIGGER:-PT5M\n"), "{left}");
    syncs("in-sync");
}
