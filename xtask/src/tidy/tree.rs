//! The files that tidy looks at: what git tracks or would track, read once, Rust parsed once.
//!
//! Rules see paths relative to the repository's root with `/` between the parts. A file that is
//! not text has no lines and is only known by its path.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Finding;
use super::source::Source;

/// The repository as the rules see it.
pub(super) struct Tree {
    root: PathBuf,
    files: BTreeMap<String, String>,
    rust: BTreeMap<String, Source>,
}

impl Tree {
    /// What git tracks, and what it would track if one said `git add`, below `root`.
    pub(super) fn of_repository(root: &Path) -> Result<Self, String> {
        let listed = Command::new("git")
            .args(["ls-files", "-co", "--exclude-standard", "-z"])
            .current_dir(root)
            .output()
            .map_err(|error| format!("git could not be started: {error}"))?;
        if !listed.status.success() {
            return Err(format!("git ls-files: {}", String::from_utf8_lossy(&listed.stderr)));
        }
        let paths = String::from_utf8_lossy(&listed.stdout);
        Ok(Self::read(root, paths.split('\0').filter(|path| !path.is_empty())))
    }

    fn read<'a>(root: &Path, paths: impl Iterator<Item = &'a str>) -> Self {
        let mut files = BTreeMap::new();
        for path in paths {
            // A tracked file that was just deleted is no longer part of the tree.
            let Ok(bytes) = std::fs::read(root.join(path)) else { continue };
            files.insert(path.to_owned(), String::from_utf8(bytes).unwrap_or_default());
        }
        let mut rust: BTreeMap<String, Source> = files
            .iter()
            .filter(|(path, _)| path.ends_with(".rs"))
            .map(|(path, text)| (path.clone(), Source::read(path, text)))
            .collect();
        let elsewhere: Vec<String> =
            rust.iter().flat_map(|(path, source)| source.test_modules_elsewhere(path)).collect();
        for (path, source) in &mut rust {
            let stem = path.strip_suffix(".rs").unwrap_or(path);
            let of_tests = |module: &String| {
                stem == module || stem.strip_prefix(module).is_some_and(|r| r.starts_with('/'))
            };
            if elsewhere.iter().any(of_tests) {
                source.mark_as_test();
            }
        }
        Self { root: root.to_owned(), files, rust }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn len(&self) -> usize {
        self.files.len()
    }

    /// Every file with its text (empty when it isn't UTF-8), in the order of paths.
    pub(super) fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// The files whose names end in `suffix`.
    pub(super) fn ending<'a>(
        &'a self,
        suffix: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.files().filter(move |(path, _)| path.ends_with(suffix))
    }

    /// Every Rust file, scanned.
    pub(super) fn rust(&self) -> impl Iterator<Item = (&str, &Source)> {
        self.rust.iter().map(|(path, source)| (path.as_str(), source))
    }

    /// The text of one file.
    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// Whether `path` is a file of the tree or a folder that holds one.
    pub(super) fn has(&self, path: &str) -> bool {
        let folder = format!("{}/", path.trim_end_matches('/'));
        path.is_empty()
            || self.files.contains_key(path)
            || self
                .files
                .range(folder.clone()..)
                .next()
                .is_some_and(|(file, _)| file.starts_with(&folder))
    }

    /// The names of the folders directly below `folder`.
    pub(super) fn folders(&self, folder: &str) -> Vec<String> {
        let inside = format!("{folder}/");
        let mut names: Vec<String> = self
            .files
            .keys()
            .filter_map(|path| path.strip_prefix(&inside)?.split_once('/'))
            .map(|(name, _)| name.to_owned())
            .collect();
        names.dedup();
        names
    }

    /// What a person should know about rules that had nothing to look at.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.text(super::commands::CLI).is_none() {
            notes.push(format!("commands: skipped, {} does not exist yet", super::commands::CLI));
        }
        notes
    }
}

/// The crate that a path belongs to: `crates/NAME/…`, else the first folder (`tests`, `xtask`).
pub(super) fn crate_of(path: &str) -> &str {
    let inside = path.strip_prefix("crates/").unwrap_or(path);
    inside.split('/').next().unwrap_or(inside)
}

/// Whether `path` is a file of the workspace's crates (not of `tests/` or `xtask/`).
pub(super) fn in_crates(path: &str) -> bool {
    path.starts_with("crates/")
}

/// A finding, made from what every rule has at hand.
pub(super) fn finding(
    path: &str,
    line: usize,
    rule: &'static str,
    what: impl Into<String>,
) -> Finding {
    Finding { path: path.to_owned(), line, rule, what: what.into() }
}

/// Planted trees for the rules' own tests.
#[cfg(test)]
pub(super) mod planted {
    use super::*;

    /// A temporary tree of these files, read as the real one is.
    pub(in super::super) fn tree(files: &[(&str, &str)]) -> (tempfile::TempDir, Tree) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for (path, text) in files {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().expect("below the folder")).expect("a folder");
            std::fs::write(path, text).expect("a file");
        }
        let tree = Tree::read(folder.path(), files.iter().map(|(path, _)| *path));
        (folder, tree)
    }

    /// What `check` says of these files, one line each.
    pub(in super::super) fn said(
        check: fn(&Tree) -> Vec<Finding>,
        files: &[(&str, &str)],
    ) -> Vec<String> {
        let (_folder, tree) = tree(files);
        check(&tree).iter().map(Finding::to_string).collect()
    }

    /// Panics unless `check` finds nothing in these files.
    pub(in super::super) fn clean(check: fn(&Tree) -> Vec<Finding>, files: &[(&str, &str)]) {
        assert_eq!(said(check, files), [""; 0]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn git_decides_what_is_looked_at() {
        let (folder, _) = planted::tree(&[
            (".gitignore", "/made\n"),
            ("made/a.rs", "//! a\n"),
            ("kept/b.rs", "//! b\n"),
        ]);
        let init = Command::new("git").args(["init", "-q"]).current_dir(folder.path()).status();
        assert!(init.expect("git is there").success());
        let tree = Tree::of_repository(folder.path()).expect("a repository");
        let paths: Vec<&str> = tree.files().map(|(path, _)| path).collect();
        assert_eq!(paths, [".gitignore", "kept/b.rs"]);
        assert!(tree.has("kept") && tree.has("kept/b.rs") && !tree.has("made"));
    }

    #[test]
    fn a_module_declared_for_tests_is_a_test_file() {
        let (_folder, tree) = planted::tree(&[
            ("crates/a/src/lib.rs", "//! a\n#[cfg(test)]\nmod proofs;\nmod real;\n"),
            ("crates/a/src/proofs.rs", "//! p\n\n\nfn f() {}\n"),
            ("crates/a/src/real.rs", "//! r\n\n\nfn f() {}\n"),
        ]);
        let of_tests: Vec<&str> =
            tree.rust().filter(|(_, s)| s.is_test(4)).map(|(path, _)| path).collect();
        assert_eq!(of_tests, ["crates/a/src/proofs.rs"]);
    }
}
