//! House style as a program: every rule reads the tree and says what is wrong, where, and what to
//! do about it.
//!
//! A rule is one file under `tidy/` with one function from the tree to its findings. A rule knows
//! nothing of the others and never changes a file. Each carries a test that plants a violation.

mod absolute;
mod changelog;
mod commands;
mod crates;
mod glossary;
mod icalendar;
mod layers;
mod leftovers;
mod links;
mod names;
mod providers;
mod purity;
mod quirks;
mod sizes;
mod source;
mod sql;
mod story;
mod tree;

use std::fmt;
use std::path::Path;
use std::process::ExitCode;

use tree::Tree;

/// One thing that is wrong: where, by which rule, what, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    path: String,
    line: usize,
    rule: &'static str,
    what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}: {}", self.path, self.line, self.rule, self.what)
    }
}

/// A rule: its name and the function that finds what breaks it.
type Rule = (&'static str, fn(&Tree) -> Vec<Finding>);

/// Every rule, in the order in which findings of one line are shown.
const RULES: &[Rule] = &[
    ("layers", layers::check),
    ("sizes", sizes::check),
    ("story", story::check),
    ("leftovers", leftovers::check),
    ("names", names::check),
    ("glossary", glossary::check),
    ("providers", providers::check),
    ("sql", sql::check),
    ("icalendar", icalendar::check),
    ("purity", purity::check),
    ("quirks", quirks::check),
    ("commands", commands::check),
    ("crates", crates::check),
    ("changelog", changelog::check),
    ("links", links::check),
    ("absolute", absolute::check),
];

/// Runs every rule over the repository at `root` and prints the findings.
///
/// `only` narrows what is printed (and what counts) to files below these paths.
pub(crate) fn run(root: &Path, only: &[String]) -> ExitCode {
    let tree = match Tree::of_repository(root) {
        Ok(tree) => tree,
        Err(reason) => {
            eprintln!("tidy: {reason}");
            return ExitCode::FAILURE;
        }
    };
    for note in tree.notes() {
        println!("tidy: {note}");
    }
    let mut findings: Vec<Finding> = RULES.iter().flat_map(|(_, check)| check(&tree)).collect();
    findings.retain(|finding| {
        only.is_empty() || only.iter().any(|path| finding.path.starts_with(path.as_str()))
    });
    findings.sort();
    for finding in &findings {
        println!("{finding}");
    }
    if findings.is_empty() {
        println!("tidy: {} files, {} rules, nothing to say", tree.len(), RULES.len());
        ExitCode::SUCCESS
    } else {
        println!("tidy: {} to put right", findings.len());
        ExitCode::FAILURE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_prints_as_compilers_do() {
        let finding =
            Finding { path: "a/b.rs".into(), line: 3, rule: "sizes", what: "too long".into() };
        assert_eq!(finding.to_string(), "a/b.rs:3: sizes: too long");
    }

    #[test]
    fn every_rule_has_its_own_name() {
        for (at, (name, _)) in RULES.iter().enumerate() {
            assert!(RULES[..at].iter().all(|(other, _)| other != name), "{name} twice");
        }
    }
}
