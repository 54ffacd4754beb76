//! Providers: the core has none. What differs from one to another is passed in by the program,
//! which knows them all, or is an adapter's.
//!
//! A comment may say which provider a reason comes from, and a test may use a name as a word.

use super::Finding;
use super::tree::{Tree, crate_of, finding, in_crates};

/// The crates that serve every provider alike.
const CORE: &[&str] = &["model", "provider", "reconcile", "engine", "store"];

/// Names of providers and protocols, in lower case.
const NAMES: &[&str] = &["icloud", "apple", "caldav", "google", "microsoft", "outlook", "graph"];

/// Searches the code and the string literals of the core, its tests excepted.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, source) in tree.rust() {
        if !in_crates(path) || !CORE.contains(&crate_of(path)) {
            continue;
        }
        let lines = source.code.lines().zip(source.strings.lines());
        for (at, (code, strings)) in lines.enumerate().filter(|(at, _)| !source.is_test(at + 1)) {
            for name in NAMES.iter().filter(|name| names(code, name) || names(strings, name)) {
                let what = format!("`{name}` in the core; let the program pass in what differs");
                findings.push(finding(path, at + 1, "providers", what));
            }
        }
    }
    findings
}

/// Whether the line has `name` where a word begins: after no letter, or at a capital.
fn names(line: &str, name: &str) -> bool {
    // ASCII only, so that places in the two texts are the same.
    line.to_ascii_lowercase().match_indices(name).any(|(at, _)| {
        !line[..at].ends_with(|c: char| c.is_ascii_alphabetic())
            || line[at..].starts_with(|c: char| c.is_ascii_uppercase())
    })
}

#[cfg(test)]
mod tests {
    use super::super::tree::planted;
    use super::*;

    #[test]
    fn a_provider_in_the_core_is_found() {
        let cases = [
            "fn f(p: &str) -> bool { p == \"icloud\" }",
            "const A: &str = \"sign in at Google again\";",
            "enum Kind { CalDav }",
            "fn is_microsoft() {}",
            "struct ForGoogle;",
            "const A: &str = \"an\n  Outlook calendar\";",
        ];
        for text in cases {
            for member in ["model", "provider", "reconcile", "engine", "store"] {
                let path = format!("crates/{member}/src/a.rs");
                let said = planted::said(check, &[(path.as_str(), text)]);
                assert_eq!(said.len(), 1, "{text}: {said:?}");
            }
            planted::clean(check, &[("crates/calpair/src/a.rs", text)]);
        }
    }

    #[test]
    fn reasons_tests_and_lookalikes_pass() {
        let text = "// iCloud says 401 then\nlet paragraph = \"pineapple\";\n";
        planted::clean(check, &[("crates/engine/src/a.rs", text)]);
        let tested = "#[cfg(test)]\nmod tests {\n    const A: &str = \"google\";\n}\n";
        planted::clean(check, &[("crates/store/src/a.rs", tested)]);
    }
}
