//! Whole files: what they mean, and what a person is told about wrong ones.

use std::path::{Path, PathBuf};
use std::time::Duration;

use model::Sides;
use reconcile::{Attendees, Conflict, Detail, Direction, Reminders, ShowAs};

use super::*;
use wrong::{WRONG, WRONG_PAIRS};

mod wrong;

const EXAMPLE: &str = include_str!("../../../../config/calpair.example.toml");

/// Two accounts and the beginning of a pair, to which a test adds lines.
const BASE: &str = r#"
[accounts.a]
provider = "caldav"
url = "https://a.example.org/"
username = "me"
[accounts.b]
provider = "icloud"
username = "me@icloud.com"
[[pairs]]
name = "p"
left = { account = "a", calendar = "A" }
right = { account = "b", calendar = "B" }
"#;

fn good(text: &str) -> Config {
    parse(text, "c.toml").unwrap_or_else(|wrong| panic!("{wrong}\nin\n{text}"))
}

/// What is said about a wrong file, one line each, without the file's name.
fn wrong(text: &str) -> Vec<String> {
    let findings = parse(text, "c.toml").expect_err(text);
    findings.lines().iter().map(|line| line.trim_start_matches("c.toml:").to_owned()).collect()
}

/// What is said about lines behind [`BASE`], which has 12.
fn wrong_pair(lines: &str) -> Vec<String> {
    wrong(&format!("{BASE}{lines}"))
}

#[test]
fn an_empty_file_is_the_default() {
    let config = good("");
    assert_eq!(config, Config::default());
    assert_eq!(config.daemon.interval, Duration::from_secs(60));
    assert_eq!(config.daemon.listen, Listen::At("127.0.0.1:8437".parse().unwrap()));
}

#[test]
fn the_example_is_valid_and_its_commented_keys_are_too() {
    let plain = good(EXAMPLE);
    assert_eq!(plain.warnings.lines(), [""; 0]);
    assert_eq!(plain.daemon, Daemon::default());
    assert_eq!(plain.accounts.len(), 4);

    // A commented line is a key when it reads as one; prose has no ` = `, or capitals in front.
    let key = regex::Regex::new(r"(?m)^# (([a-z_]+ = |\[pairs\.).*)$").unwrap();
    let full = good(&key.replace_all(EXAMPLE, "$1"));
    assert_eq!(full.daemon.time_zone.as_deref(), Some("Europe/Berlin"));
    assert_eq!(full.daemon.state_dir, Some(PathBuf::from("/var/lib/calpair")));
    assert_eq!(full.daemon.public_url.unwrap().as_str(), "https://cal.example.org");
    assert_eq!(full.secrets.key_file, Some(PathBuf::from("/etc/calpair/secret.key")));
    assert_eq!(full.alerts.command, ["/usr/local/bin/notify-me", "--urgent"]);
    assert_eq!(full.alerts.webhook.unwrap().as_str(), "https://ntfy.example.org/calpair");
    let Provider::Google(google) = &full.accounts[&"work".into()].provider else { panic!() };
    assert!(google.client_secret_file.is_some() && google.revoke_url.is_some());
    let Provider::Microsoft(office) = &full.accounts[&"office".into()].provider else { panic!() };
    assert!(office.api_url.is_some() && office.authority_url.is_some());
    // Where the example shows a default, it is the default.
    let mut pair = full.pairs[0].clone();
    assert!(pair.crossing.right.skip.title.is_some());
    assert!(pair.crossing.right.skip.categories.contains("Birthday"));
    pair.crossing.right.skip = Skip::default();
    assert_eq!(pair, plain.pairs[0]);
}

#[test]
fn the_first_pair_of_the_readme_is_valid() {
    let readme = include_str!("../../../../README.md");
    let lines = readme.lines().skip_while(|line| *line != "    [accounts]");
    let text: Vec<&str> = lines.take_while(|line| line.starts_with("    ")).collect();
    let config = good(&text.join("\n"));
    assert_eq!((text.len(), config.accounts.len(), config.pairs.len()), (7, 2, 1));
}

#[test]
fn the_example_names_every_key() {
    let asked = "time_zone state_dir interval confirm listen public_url return_to link_valid \
         key_file command webhook provider username url client_id client_secret_file api_url \
         auth_url token_url revoke_url tenant cloud authority_url name left right account calendar \
         direction conflict window past future limits deletes delete_percent to_right to_left \
         detail prefix show_as reminders attendees skip title all_day declined free private \
         category";
    for key in asked.split_whitespace() {
        let named = regex::Regex::new(&format!(r"(?m)(^|[ .{{]){key}( = |\])")).unwrap();
        assert!(named.is_match(EXAMPLE), "{key}");
    }
}

#[test]
fn every_key_of_a_pair_is_read() {
    let config = good(&format!(
        r#"{BASE}
direction = "both"
conflict = "ask"
interval = "2m"
window = {{ past = "1w", future = "all" }}
limits = {{ deletes = 3, delete_percent = 100 }}
to_left = {{ detail = "busy", show_as = "tentative", reminders = "none", attendees = "omit" }}
[pairs.to_right]
prefix = "A: "
detail = "title"
[pairs.to_right.skip]
title = "^x"
all_day = true
declined = true
free = true
private = true
category = ["c"]
"#
    ));
    let pair = config.pair(&"p".into()).unwrap();
    assert_eq!((pair.direction, pair.conflict), (Direction::Both, Conflict::Ask));
    assert_eq!(pair.interval, Duration::from_secs(120));
    assert_eq!(pair.window, Window { past: Some(Duration::from_secs(604_800)), future: None });
    assert_eq!((pair.limits.deletes, pair.limits.delete_percent), (3, 100));
    let Sides { left, right } = &pair.crossing;
    assert_eq!((left.detail, left.show_as), (Detail::Busy, ShowAs::Tentative));
    assert_eq!((left.reminders, left.attendees), (Reminders::None, Attendees::Omit));
    assert_eq!((right.detail, right.prefix.as_str()), (Detail::Title, "A: "));
    let Skip { title, all_day, declined, free, private, categories } = &right.skip;
    assert!(title.is_some() && *all_day && *declined && *free && *private);
    assert_eq!(categories.len(), 1);
    let rules = right.rules();
    assert!(
        rules.skip.title.as_ref().is_some_and(|title| title.matches("xy") && !title.matches("yx"))
    );
    assert_eq!(rules.skip.categories, ["c"]);
    assert_eq!(good(&format!("{BASE}window = \"all\"")).pairs[0].window, Window::ALL);
}

#[test]
fn a_pair_takes_the_daemons_interval_and_icloud_its_address() {
    let config = good(&format!("[daemon]\ninterval = \"5m\"\n{BASE}"));
    assert_eq!(config.pairs[0].interval, Duration::from_secs(300));
    let Provider::ICloud(dav) = &config.accounts[&"b".into()].provider else {
        panic!("{config:?}");
    };
    assert_eq!(dav.url.as_str(), "https://caldav.icloud.com");
}

#[test]
fn wrong_keys_types_and_values_are_said_with_their_place() {
    for (text, expected) in WRONG {
        assert_eq!(wrong(text), [*expected], "{text}");
    }
}

#[test]
fn wrong_pairs_are_said_with_their_place() {
    for (lines, expected) in WRONG_PAIRS {
        assert_eq!(wrong_pair(lines), [*expected], "{lines}");
    }
}

#[test]
fn names_that_lead_nowhere_and_twins_are_found() {
    let accounts = BASE.split("[[pairs]]").next().unwrap();
    let pairs = |text: &str| wrong(&format!("{accounts}[[pairs]]\n{text}"));
    let (left, right) = (
        "left = { account = \"a\", calendar = \"A\" }\n",
        "right = { account = \"b\", calendar = \"B\" }\n",
    );
    assert_eq!(
        pairs(&format!("name = \"p\"\n{left}right = {{ account = \"c\", calendar = \"B\" }}")),
        ["12:21: there is no account `c`; did you mean `a`?"]
    );
    assert_eq!(
        pairs(&format!("name = \"p\"\n{left}right = {{ account = \"cloud\", calendar = \"B\" }}")),
        ["12:21: there is no account `cloud`; the accounts are a, b"]
    );
    assert_eq!(
        pairs(&format!("name = \"p\"\n{left}right = {{ account = \"b\", calendar = \"\" }}")),
        ["12:37: this is empty; a name or an id, as `calpair calendars ACCOUNT` lists them, or \
          \"primary\""]
    );
    assert_eq!(
        pairs(&format!("name = \"p\"\n{left}right = {{ account = \"a\", calendar = \"A\" }}")),
        ["12:9: a calendar can't be paired with itself; \
          name another calendar; `calpair calendars ACCOUNT` lists them"]
    );
    assert_eq!(
        pairs(&format!(
            "name = \"p\"\n{left}{right}[[pairs]]\nname = \"p\"\n{left}\
             right = {{ account = \"b\", calendar = \"C\" }}"
        )),
        ["14:8: there is another pair `p` on line 9; \
          give one of them another name, for example `p-2`"]
    );
    let (swapped_left, swapped_right) =
        (right.replace("right", "left"), left.replace("left", "right"));
    assert_eq!(
        pairs(&format!(
            "name = \"p\"\n{left}{right}[[pairs]]\nname = \"q\"\n{swapped_left}{swapped_right}"
        )),
        ["13:1: these two calendars are paired already, on line 9; \
          take one of the two pairs out"]
    );
    assert_eq!(
        pairs(left),
        [
            "9:1: this pair has no `name`; add `name = \"family\"`",
            "9:1: this pair has no `right`; \
             add `right = { account = \"home\", calendar = \"Family\" }`",
        ]
    );
    assert_eq!(
        pairs(&format!("name = \"p\"\n{right}left = {{ account = \"a\" }}")),
        ["12:8: `left` of pair `p` has no `calendar`; add `calendar = \"Family\"`"]
    );
    assert_eq!(
        wrong(
            "[[pairs]]\nname = \"p\"\nleft = { account = \"a\", calendar = \"A\" }\n\
               right = { account = \"a\", calendar = \"B\" }"
        ),
        [
            "3:20: there is no account `a`; there is no account yet; begin one with [accounts.a]",
            "4:21: there is no account `a`; there is no account yet; begin one with [accounts.a]"
        ]
    );
}

#[test]
fn several_mistakes_are_said_at_once_in_order() {
    let text = "[daemon]\nintervall = \"60s\"\nlisten = 1\n[accounts.a]\nprovider = \"icloud\"\n\
                [[pairs]]\nname = \"p\"\nleft = { account = \"a\", calendar = \"A\" }\n\
                right = { account = \"b\", calendar = \"B\" }\nconflict = \"mine\"\n";
    let places: Vec<String> =
        wrong(text).iter().map(|line| line.split(": ").next().unwrap().to_owned()).collect();
    // `b` is unknown; `a` is known although it is wrong itself.
    assert_eq!(places, ["2:1", "3:10", "4:1", "9:21", "10:12"]);
}

#[test]
fn a_mistake_is_drawn_with_file_line_column_text_and_suggestion() {
    let findings = parse("[daemon]\nintervall = \"60s\"\n", "/etc/calpair.toml").unwrap_err();
    let expected = "  × [daemon] has no key `intervall`
   ╭─[/etc/calpair.toml:2:1]
 2 │ intervall = \"60s\"
   · ────┬────
   ·     ╰── unknown key
   ╰────
  help: did you mean `interval`?
";
    assert_eq!(findings.errors(Drawing::Plain), expected);
    assert!(findings.errors(Drawing::Coloured).contains("\u{1b}["));
}

#[test]
fn a_secret_in_the_file_is_refused_and_never_shown() {
    let cases = [
        "[accounts.a]\nprovider = \"icloud\"\nusername = \"me\"\npassword = \"HUNTER2\"",
        "[accounts.a]\nprovider = \"icloud\"\nusername = \"me\"\npassword = HUNTER2",
        "[accounts.a]\nprovider = \"icloud\"\nusername = \"me\"\npassword = \"HUNTER2",
        "[accounts.a]\nprovider = \"icloud\"\nusername = \"me\"\npassword = \"\"\"\nHUNTER2",
        "[accounts.a]\nprovider = \"icloud\"\nusername = \"me:HUNTER2\"",
        "[accounts.a]\nprovider = \"google\"\nclient_id = \"x\"\nclient_secret = 'HUNTER2'",
        "accounts.a = { provider = \"icloud\", username = \"me\", app_password = \"HUNTER2\" }",
        "[accounts.a]\nprovider = \"caldav\"\nusername = \"me\"\n\
         url = \"https://me:HUNTER2@dav.example.org/\"",
        "[secrets]\nkey = \"HUNTER2\"",
        "[accounts.a]\nprovider = \"abcd-efgh-ijkl-mnop\"",
    ];
    for text in cases {
        let findings = parse(text, "c.toml").expect_err(text);
        let shown = format!("{findings}{findings:?}{}", findings.errors(Drawing::Plain));
        assert!(!shown.contains("HUNTER2") && !shown.contains("abcd-efgh"), "{text}\n{shown}");
    }
    let said = wrong("[accounts.a]\nprovider = \"icloud\"\nusername = \"me\"\npassword = \"x\"");
    assert_eq!(
        said,
        ["4:1: [accounts.a] has no key `password`; no secret stands in this file; \
          take it out and run `calpair connect a`"]
    );
}

#[test]
fn what_is_probably_not_meant_is_warned_of() {
    let said = |text: &str| good(text).warnings.lines();
    assert_eq!(said(BASE), [""; 0]);
    let often = "pair `p` asks its servers every 5 s; under 15 s providers begin to refuse; \
                 \"60s\" is usual";
    let own = format!("{BASE}interval = \"5s\"\n");
    assert_eq!(said(&own), [format!("c.toml:13:12: {often}")]);
    let inherited = format!("[daemon]\ninterval = \"5s\"{BASE}");
    assert_eq!(said(&inherited), [format!("c.toml:10:1: {often}")]);
    let local = own.replace("https://a.example.org/", "http://127.0.0.1:5232/").replace(
        "username = \"me@icloud.com\"",
        "username = \"me@icloud.com\"\nurl = \"http://localhost:1\"",
    );
    assert_eq!(said(&local), [""; 0]);
    let with = |provider: &str| {
        let own = format!("provider = \"{provider}\"\nclient_id = \"x\"");
        BASE.replace("provider = \"icloud\"\nusername = \"me@icloud.com\"", &own)
    };
    assert_eq!(said(&with("google")), [""; 0]);
    assert_eq!(said(&with("microsoft")), [""; 0]);
    let warned = good(&own).warnings.warnings(Drawing::Plain);
    assert!(warned.starts_with("  ⚠ pair `p` asks its servers every 5 s"), "{warned}");
}

#[test]
fn a_ring_of_pairs_around_a_mask_is_warned_of() {
    const ENDS: [&str; 3] = ["A", "B", "C"];
    let pair = |name: &str, left: usize, right: usize, rules: &str| {
        let end = |at: usize| format!("{{ account = \"a\", calendar = \"{}\" }}", ENDS[at]);
        let (left, right) = (end(left), end(right));
        format!("[[pairs]]\nname = \"{name}\"\nleft = {left}\nright = {right}\n{rules}\n")
    };
    let said = |pairs: &[String]| {
        let account = "[accounts.a]\nprovider = \"icloud\"\nusername = \"me@icloud.com\"\n";
        good(&format!("{account}{}", pairs.concat())).warnings.lines()
    };
    let busy = "to_right = { detail = \"busy\" }";
    let ring = |rules: [&str; 3]| {
        said(&[pair("p", 0, 1, rules[0]), pair("q", 1, 2, rules[1]), pair("r", 2, 0, rules[2])])
    };
    let warned = "c.toml:4:1: pair `p` masks what it copies to the right, and pairs `r`, `q` lead \
                  around it: what is masked can come back, or get there unmasked; take one of \
                  these pairs out, or give one of them a `direction`";
    assert_eq!(ring([busy, "", ""]), [warned]);
    assert_eq!(ring(["to_right = { prefix = \"W \" }", "", ""]), [warned]);
    assert_eq!(ring(["", "", ""]), [""; 0]);
    assert_eq!(ring(["to_right = { reminders = \"none\" }", "", ""]), [""; 0]);
    // Nothing comes around where directions meet.
    let (on, back) = ("direction = \"left-to-right\"", "direction = \"right-to-left\"");
    assert_eq!(ring([busy, on, on]).len(), 1);
    assert_eq!(ring([busy, on, back]), [""; 0]);
    assert_eq!(said(&[pair("p", 0, 1, busy), pair("q", 1, 2, "")]), [""; 0]);
}

#[test]
fn the_disk_can_be_wrong_too() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.toml");
    let load = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        load(&path)
    };
    assert!(load(b"\xef\xbb\xbf[daemon]\r\ninterval = \"1m\"\r\n").is_ok());
    let named = path.display();
    let cases: [(&[u8], String); 2] = [
        (
            b"[daemon]\n# M\xe4rz",
            format!(
                "{named}:2:4: the byte 0xe4 is not UTF-8; save the file in the encoding UTF-8, or \
                 write the letter anew"
            ),
        ),
        (&[b' '; LARGEST + 1], format!("{named} is no configuration: it has more than 1 MiB")),
    ];
    for (bytes, expected) in cases {
        assert_eq!(load(bytes).unwrap_err().to_string(), expected);
    }
    let missing = super::load(Path::new("/nowhere/c.toml")).unwrap_err();
    assert_eq!(
        missing.render(Drawing::Plain),
        "calpair: can't read /nowhere/c.toml: No such file or directory (os error 2)\n"
    );
}

#[test]
fn hostile_text_is_refused_quickly() {
    let deep = format!("a = {}", "[".repeat(100_000));
    let nested = format!("{}1", "a.".repeat(100_000));
    let wide = "x = 1\n".repeat(50_000);
    let junk: String = (0u8..=127).map(char::from).cycle().take(200_000).collect();
    let secret = "token = [".repeat(100_000);
    let quoted = "pw=\"a\" ".repeat(100_000);
    let quoted_lines = "pw = \"a\\\"\"\n".repeat(50_000);
    for text in [deep, nested, wide, junk, secret, quoted, quoted_lines] {
        assert!(parse(&text, "c.toml").is_err());
    }
}
