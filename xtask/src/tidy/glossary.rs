//! Glossary: a provider's words stay in its adapter; above it there are our own.
//!
//! An engine that talks of one provider's tags has begun to know which providers exist.
//! `href=` in a string is HTML's attribute and nobody's calendar word.

use super::Finding;
use super::tree::{Tree, crate_of, finding, in_crates};

const RULE: &str = "glossary";

/// A provider's word (in lower case) and ours.
const WORDS: &[(&str, &str)] = &[
    ("href", "ResourceId"),
    ("etag", "Version"),
    ("ctag", "Cursor"),
    ("synctoken", "Cursor"),
    ("sync_token", "Cursor"),
    ("sync-token", "Cursor"),
    ("sync token", "Cursor"),
    ("deltalink", "Cursor"),
    ("delta_link", "Cursor"),
    ("deltatoken", "Cursor"),
];

/// The crates whose business these words are.
const SPEAKERS: &[&str] = &["caldav", "google", "microsoft", "sandbox"];

/// What holds requests against the providers' own descriptions of them, in their words.
const DESCRIPTIONS: &str = "crates/testkit/src/described";

/// Searches all of every Rust file outside the adapters and the sandbox. `tests/` speaks to real
/// servers and may use their words.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, source) in tree.rust() {
        let may = SPEAKERS.contains(&crate_of(path)) || path.starts_with(DESCRIPTIONS);
        if !in_crates(path) || may {
            continue;
        }
        for (at, line) in source.text.lines().enumerate() {
            for (word, ours) in WORDS.iter().filter(|(word, _)| speaks(line, word)) {
                let what = format!("`{word}` is a provider's word; say {ours}, or move the code");
                findings.push(finding(path, at + 1, RULE, what));
            }
        }
    }
    findings
}

/// Whether the line has `word` where a word begins: after no letter, after `get`, or at a capital.
fn speaks(line: &str, word: &str) -> bool {
    // ASCII only, so that places in the two texts are the same.
    let lower = line.to_ascii_lowercase();
    lower.match_indices(word).any(|(at, _)| {
        let before = &lower[..at];
        let begins = !before.ends_with(|c: char| c.is_ascii_alphabetic())
            || before.ends_with("get")
            || line[at..].starts_with(|c: char| c.is_ascii_uppercase());
        begins && !(word == "href" && lower[at..].starts_with("href="))
    })
}

#[cfg(test)]
mod tests {
    use super::super::tree::planted;
    use super::*;

    #[test]
    fn providers_words_are_found_outside_their_crates() {
        let cases = [
            "// the ETag",
            "let etags = 1;",
            "struct A { href: B }",
            "let s = \"sync-token\";",
            "let syncToken = 1;",
            "fn next_delta_link() {}",
            "// getctag",
            "struct ResourceHref;",
        ];
        for text in cases {
            let said = planted::said(check, &[("crates/engine/src/a.rs", text)]);
            assert_eq!(said.len(), 1, "{text}: {said:?}");
            planted::clean(check, &[("crates/caldav/src/a.rs", text), ("tests/src/a.rs", text)]);
        }
    }

    #[test]
    fn html_and_lookalikes_pass() {
        let text = "let a = \"<a href=/x>\"; // a nametag, a vintage tag\n";
        planted::clean(check, &[("crates/calpair/src/a.rs", text)]);
    }
}
