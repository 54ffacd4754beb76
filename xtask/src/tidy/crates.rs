//! Crates: ARCHITECTURE.md speaks of every crate there is.

use super::Finding;
use super::tree::{Tree, finding};

const RULE: &str = "crates";
const DOCUMENT: &str = "ARCHITECTURE.md";

/// Looks for each folder of `crates/` in ARCHITECTURE.md, as `name` in backquotes.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let crates = tree.folders("crates");
    let Some(text) = tree.text(DOCUMENT) else {
        let what = "is missing; say what each crate is for";
        return if crates.is_empty() { Vec::new() } else { vec![finding(DOCUMENT, 1, RULE, what)] };
    };
    let named = |name: &String| {
        text.contains(&format!("`{name}`")) || text.contains(&format!("crates/{name}"))
    };
    let silent = crates.iter().filter(|name| !named(name));
    silent
        .map(|name| finding(DOCUMENT, 1, RULE, format!("says nothing of `{name}`; add its line")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::tree::planted;
    use super::*;

    #[test]
    fn a_crate_without_a_word_is_found() {
        let files =
            [("crates/model/Cargo.toml", ""), ("crates/model/src/a.rs", ""), ("crates/ical/b", "")];
        assert_eq!(planted::said(check, &files).len(), 1);
        let partly = [files[0], files[1], files[2], (DOCUMENT, "| `model` | the nouns |")];
        assert_eq!(
            planted::said(check, &partly),
            ["ARCHITECTURE.md:1: crates: says nothing of `ical`; add its line"]
        );
        planted::clean(check, &[files[0], files[2], (DOCUMENT, "`model`, crates/ical")]);
    }
}
