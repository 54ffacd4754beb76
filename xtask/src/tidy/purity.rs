//! Purity: `model`, `ical` and `reconcile` compute. They don't wait, draw, log or look around.

use super::Finding;
use super::source::lines_with_word;
use super::tree::{Tree, crate_of, finding, in_crates};

const PURE: &[&str] = &["model", "ical", "reconcile"];

/// What would let the world in, and how it comes in instead.
const WORLD: &[(&str, &str)] = &[
    ("async", "a pure crate never waits"),
    ("await", "a pure crate never waits"),
    ("tokio", "a pure crate never waits"),
    ("SystemTime", "take the time as an argument"),
    ("Instant", "take the time as an argument"),
    ("Timestamp::now", "take the time as an argument"),
    ("Zoned::now", "take the time as an argument"),
    ("rand", "take the number as an argument"),
    ("std::env", "take the value as an argument"),
    ("std::fs", "take the bytes as an argument"),
    ("std::net", "take the bytes as an argument"),
    ("tracing", "return what is worth saying"),
    ("println!", "return what is worth saying"),
    ("eprintln!", "return what is worth saying"),
];

/// Searches the code of the pure crates, their tests excepted.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, source) in tree.rust() {
        if !in_crates(path) || !PURE.contains(&crate_of(path)) {
            continue;
        }
        for (word, instead) in WORLD {
            let lines = lines_with_word(&source.code, word);
            let found = lines.iter().filter(|line| !source.is_test(**line));
            let what = format!("`{word}` in a pure crate: {instead}");
            findings.extend(found.map(|line| finding(path, *line, "purity", what.clone())));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::tree::planted;
    use super::*;

    #[test]
    fn the_world_is_found_in_pure_crates_only() {
        let cases = [
            "async fn f() {}",
            "use std::time::SystemTime;",
            "fn f() { rand::random() }",
            "fn f() { tokio::spawn(g()) }",
            "fn f() { println!() }",
        ];
        for text in cases {
            let said = planted::said(check, &[("crates/reconcile/src/a.rs", text)]);
            assert_eq!(said.len(), 1, "{text}: {said:?}");
            planted::clean(check, &[("crates/engine/src/a.rs", text)]);
        }
    }

    #[test]
    fn words_and_tests_pass() {
        let text = "// not async\nlet operand = 1;\n";
        planted::clean(check, &[("crates/model/src/a.rs", text)]);
        let tested = "#[cfg(test)]\nmod tests {\n    use std::fs::read;\n}\n";
        planted::clean(check, &[("crates/ical/src/a.rs", tested)]);
    }
}
