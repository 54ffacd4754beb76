//! iCalendar: its syntax is written and read in `ical`, nowhere else.
//!
//! The sandbox and the test kit speak as servers do and carry texts of their own; an adapter may
//! have them in its tests.

use super::Finding;
use super::tree::{Tree, crate_of, finding, in_crates};

/// The line that every calendar text has.
const MARK: &str = "BEGIN:V";

/// Crates that hold calendar text.
const HOLDERS: &[&str] = &["ical", "sandbox", "testkit"];

/// Crates that may hold it in their tests.
const TESTERS: &[&str] = &["caldav", "google", "microsoft"];

/// Searches the string literals of our crates.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, source) in tree.rust() {
        if !in_crates(path) || HOLDERS.contains(&crate_of(path)) {
            continue;
        }
        let tester = TESTERS.contains(&crate_of(path));
        for (at, line) in source.strings.lines().enumerate() {
            if line.contains(MARK) && !(tester && source.is_test(at + 1)) {
                let what = format!("`{MARK}…` in a string; let `ical` write and read it");
                findings.push(finding(path, at + 1, "icalendar", what));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::tree::planted;
    use super::*;

    #[test]
    fn calendar_text_outside_its_crates_is_found() {
        let text = "//! a\nconst A: &str = \"BEGIN:VEVENT\";\n";
        for path in ["crates/engine/src/a.rs", "crates/caldav/src/a.rs"] {
            assert_eq!(planted::said(check, &[(path, text)]).len(), 1, "{path}");
        }
        for path in ["crates/ical/src/a.rs", "crates/sandbox/src/a.rs", "tests/e2e/a.rs"] {
            planted::clean(check, &[(path, text)]);
        }
        let tested = "//! a\n#[cfg(test)]\nmod tests {\n    const A: &str = \"BEGIN:VEVENT\";\n}\n";
        planted::clean(check, &[("crates/caldav/src/a.rs", tested)]);
        planted::clean(check, &[("crates/engine/src/a.rs", "// a BEGIN:VEVENT\n")]);
    }
}
