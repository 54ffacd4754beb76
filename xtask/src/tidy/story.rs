//! Story: a Rust file opens with what it decides and what it deliberately does not know.

use super::Finding;
use super::tree::{Tree, finding};

/// Checks that the first line of every Rust file is a `//!` with words in it.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let tells = |text: &str| {
        let first = text.lines().next().unwrap_or_default();
        first.strip_prefix("//!").is_some_and(|words| !words.trim().is_empty())
    };
    let silent = tree.ending(".rs").filter(|(_, text)| !tells(text));
    let what = "opens without its story; begin with `//! what this file decides`";
    silent.map(|(path, _)| finding(path, 1, "story", what)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tree::planted;
    use super::*;

    #[test]
    fn a_file_without_a_story_is_found() {
        for silent in ["", "use a::b;\n", "//!\n//! late\n", "// plain\n", "/// of an item\n"] {
            assert_eq!(planted::said(check, &[("a.rs", silent)]).len(), 1, "{silent}");
        }
        planted::clean(check, &[("a.rs", "//! Adds.\n"), ("b.sh", "no story\n")]);
    }
}
