//! Quirks: what a provider does against the book has one number in four places.
//!
//! The ledger (`docs/providers/*.md`) opens an entry with `### icloud-13 What it does`. Code that
//! answers a quirk says so in a comment: `quirk: icloud-13` (or several: `quirk: icloud-13,
//! caldav-4`). An entry with a line `Status: handled` must be named in an adapter, in the sandbox
//! (its switch) and in a test.

use std::collections::BTreeMap;

use super::Finding;
use super::tree::{Tree, crate_of, finding, in_crates};

const RULE: &str = "quirks";

/// `transport` answers for all of them what is a matter of HTTP.
const ADAPTERS: &[&str] = &["caldav", "google", "microsoft", "transport"];

/// One entry of the ledger.
struct Entry {
    path: String,
    line: usize,
    handled: bool,
}

/// Where the code names a quirk.
#[derive(Default)]
struct Places {
    adapter: bool,
    sandbox: bool,
    test: bool,
}

/// Holds the ledger against the code, both ways.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let ledger = ledger(tree, &mut findings);
    let mut places: BTreeMap<&str, Places> = BTreeMap::new();
    for (path, text) in tree.files().filter(|(path, _)| speaks_of_quirks(path)) {
        for (at, line) in text.lines().enumerate() {
            for number in named(line) {
                if !ledger.contains_key(number) {
                    let what = format!("{number} is in no ledger; write it into docs/providers/");
                    findings.push(finding(path, at + 1, RULE, what));
                }
                note(tree, path, at + 1, places.entry(number).or_default());
            }
        }
    }
    for (number, entry) in ledger.iter().filter(|(_, entry)| entry.handled) {
        let none = Places::default();
        let seen = places.get(number.as_str()).unwrap_or(&none);
        let missing: Vec<&str> =
            [(seen.adapter, "an adapter"), (seen.sandbox, "the sandbox"), (seen.test, "a test")]
                .into_iter()
                .filter_map(|(there, place)| (!there).then_some(place))
                .collect();
        if !missing.is_empty() {
            let what = format!(
                "{number} is marked handled, but `quirk: {number}` is missing in {}",
                missing.join(", ")
            );
            findings.push(finding(&entry.path, entry.line, RULE, what));
        }
    }
    findings
}

fn speaks_of_quirks(path: &str) -> bool {
    (in_crates(path) || path.starts_with("tests/"))
        && [".rs", ".txt", ".toml"].iter().any(|suffix| path.ends_with(suffix))
}

fn ledger(tree: &Tree, findings: &mut Vec<Finding>) -> BTreeMap<String, Entry> {
    let mut ledger: BTreeMap<String, Entry> = BTreeMap::new();
    let documents = tree
        .files()
        .filter(|(path, _)| path.starts_with("docs/providers/") && path.ends_with(".md"));
    for (path, text) in documents {
        let mut open: Option<String> = None;
        for (at, line) in text.lines().enumerate() {
            if line.starts_with('#') {
                open = heading(line).map(str::to_owned);
                let Some(number) = &open else { continue };
                let entry = Entry { path: path.to_owned(), line: at + 1, handled: false };
                if let Some(first) = ledger.insert(number.clone(), entry) {
                    let what = format!(
                        "{number} is taken ({}:{}); take the next number",
                        first.path, first.line
                    );
                    findings.push(finding(path, at + 1, RULE, what));
                }
            }
            if is_handled(line)
                && let Some(entry) = open.as_ref().and_then(|n| ledger.get_mut(n))
            {
                entry.handled = true;
            }
        }
    }
    ledger
}

/// The number that a ledger's heading opens with.
fn heading(line: &str) -> Option<&str> {
    let first = line.strip_prefix("### ")?.split_whitespace().next()?;
    let number = first.trim_end_matches([':', '.', ',']);
    is_number(number).then_some(number)
}

/// `icloud-13`: letters, a dash, digits.
fn is_number(word: &str) -> bool {
    word.rsplit_once('-').is_some_and(|(provider, digits)| {
        let letters = provider.chars().all(|c| c.is_ascii_lowercase() || c == '-');
        let counts = digits.chars().all(|c| c.is_ascii_digit());
        letters && counts && !provider.is_empty() && !digits.is_empty()
    })
}

/// Whether the line says `Status: handled`, in bold, in a list or plain.
fn is_handled(line: &str) -> bool {
    let plain: String = line.chars().filter(|c| !matches!(c, '*' | '`' | '_' | '-')).collect();
    let plain = plain.trim().to_ascii_lowercase();
    plain.strip_prefix("status:").is_some_and(|status| status.trim().starts_with("handled"))
}

/// The numbers that a line names after `quirk:`.
fn named(line: &str) -> Vec<&str> {
    let mut numbers = Vec::new();
    for (at, mark) in line.match_indices("quirk: ") {
        let list = line[at + mark.len()..].split(',');
        let words = list.map(|part| {
            let word = part.split_whitespace().next().unwrap_or_default();
            word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric())
        });
        numbers.extend(words.take_while(|word| is_number(word)));
    }
    numbers
}

fn note(tree: &Tree, path: &str, line: usize, places: &mut Places) {
    let tested = tree.rust().any(|(file, source)| file == path && source.is_test(line));
    if tested || path.starts_with("tests/") || path.starts_with("crates/testkit/") {
        places.test = true;
    } else if ADAPTERS.contains(&crate_of(path)) {
        places.adapter = true;
    } else if crate_of(path) == "sandbox" {
        places.sandbox = true;
    }
}

#[cfg(test)]
mod tests {
    use super::super::tree::planted;
    use super::*;

    const LEDGER: (&str, &str) = (
        "docs/providers/icloud.md",
        "# iCloud\n\n### icloud-1 Lists itself\n\nStatus: handled\n\n\
         ### icloud-2 Sleeps\n\nStatus: known\n",
    );
    const ADAPTER: (&str, &str) = ("crates/caldav/src/a.rs", "//! a\n// quirk: icloud-1\n");
    const SANDBOX: (&str, &str) =
        ("crates/sandbox/src/a.rs", "//! a\n// quirk: icloud-1, icloud-2\n");
    const TEST: (&str, &str) = ("tests/wire/a.rs", "//! a\n// quirk: icloud-1 (lists itself)\n");

    #[test]
    fn a_quirk_named_in_all_four_places_passes() {
        planted::clean(check, &[LEDGER, ADAPTER, SANDBOX, TEST]);
    }

    #[test]
    fn each_missing_place_is_found() {
        let cases = [
            ([LEDGER, SANDBOX, TEST], "an adapter"),
            ([LEDGER, ADAPTER, TEST], "the sandbox"),
            ([LEDGER, ADAPTER, SANDBOX], "a test"),
        ];
        for (files, missing) in cases {
            let said = planted::said(check, &files);
            let expected = format!(
                "docs/providers/icloud.md:3: quirks: icloud-1 is marked handled, but \
                 `quirk: icloud-1` is missing in {missing}"
            );
            assert_eq!(said, [expected]);
        }
    }

    #[test]
    fn an_unknown_or_doubled_number_is_found() {
        let code = ("crates/caldav/src/b.rs", "//! b\n// quirk: caldav-9\n");
        assert_eq!(
            planted::said(check, &[code]),
            ["crates/caldav/src/b.rs:2: quirks: caldav-9 is in no ledger; \
              write it into docs/providers/"]
        );
        let twice = ("docs/providers/a.md", "### a-1 One\n### a-1 Two\n");
        assert!(planted::said(check, &[twice])[0].contains("a-1 is taken"));
    }

    #[test]
    fn an_adapters_test_is_a_test_and_not_the_adapter() {
        let text = "//! a\n#[cfg(test)]\nmod tests {\n    // quirk: icloud-1\n}\n";
        let said = planted::said(check, &[LEDGER, SANDBOX, ("crates/caldav/src/a.rs", text)]);
        assert!(said[0].ends_with("missing in an adapter"), "{said:?}");
    }
}
