//! Changelog: an entry is one file under `docs/changelog/unreleased/`, with a title.

use super::Finding;
use super::tree::{Tree, finding};

const FOLDER: &str = "docs/changelog/unreleased/";

/// Checks that every entry is Markdown and begins with `# ` and words.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let entries = tree.files().filter(|(path, _)| {
        path.starts_with(FOLDER) && !path.ends_with("/.gitkeep") && !path.ends_with("/README.md")
    });
    let titled = |path: &str, text: &str| {
        let first = text.lines().next().unwrap_or_default();
        path.ends_with(".md") && first.strip_prefix("# ").is_some_and(|t| !t.trim().is_empty())
    };
    let what = "an entry is NAME.md and begins with `# what changed for the person who runs it`";
    entries
        .filter(|(path, text)| !titled(path, text))
        .map(|(path, _)| finding(path, 1, "changelog", what))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::tree::planted;
    use super::*;

    #[test]
    fn an_entry_without_a_title_is_found() {
        let cases = [("a.md", "text\n"), ("b.md", "#\n"), ("c.txt", "# title\n")];
        for (name, text) in cases {
            let path = format!("{FOLDER}{name}");
            assert_eq!(planted::said(check, &[(&path, text)]).len(), 1, "{name}");
        }
        planted::clean(check, &[("docs/changelog/unreleased/first.md", "# First sync\n")]);
    }
}
