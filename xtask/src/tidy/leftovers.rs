//! Leftovers: marks of unfinished work and calls that have no place in committed code.
//!
//! What isn't done is an issue, not a comment. Words in string literals are left alone.

use super::Finding;
use super::source::lines_with_word;
use super::tree::{Tree, finding};

const RULE: &str = "leftovers";

/// Words that stand for work left undone.
const WORDS: &[&str] = &["TODO", "FIXME", "XXX", "HACK"];

/// Code that must not be there, and what to do instead.
const CALLS: &[(&str, &str)] = &[
    ("todo!", "write it, or leave it out"),
    ("unimplemented!", "write it, or leave it out"),
    ("dbg!", "take it out"),
    ("#[ignore", "make the test fast and certain, or delete it"),
    ("thread::sleep", "wait on the clock that was passed in, or for the event itself"),
];

/// Searches code and comments of Rust files, and whole scripts.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, source) in tree.rust() {
        findings.extend(words(path, &source.code));
        findings.extend(words(path, &source.comments));
        for (call, instead) in CALLS {
            let lines = lines_with_word(&source.code, call);
            let what = || format!("`{call}`: {instead}");
            findings.extend(lines.iter().map(|line| finding(path, *line, RULE, what())));
        }
    }
    for (path, text) in [".sh", ".py", ".toml"].iter().flat_map(|suffix| tree.ending(suffix)) {
        findings.extend(words(path, text));
    }
    findings
}

fn words(path: &str, view: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for word in WORDS {
        let what = || format!("{word}: do it now, or file an issue and take the mark out");
        let lines = lines_with_word(view, word);
        findings.extend(lines.iter().map(|line| finding(path, *line, RULE, what())));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::tree::planted;
    use super::*;

    #[test]
    fn every_mark_and_call_is_found() {
        let planted_lines = [
            "// TODO later",
            "/// FIXME: wrong",
            "// XXX",
            "/* HACK */",
            "fn a() { todo!() }",
            "fn a() { unimplemented!() }",
            "fn a() { dbg!(1); }",
            "#[ignore]\nfn a() {}",
            "#[ignore = \"slow\"]\nfn a() {}",
            "fn a() { std::thread::sleep(d) }",
        ];
        for text in planted_lines {
            assert_eq!(planted::said(check, &[("a.rs", text)]).len(), 1, "{text}");
        }
        assert_eq!(planted::said(check, &[("a.sh", "# TODO\n")]).len(), 1);
    }

    #[test]
    fn lookalikes_pass() {
        planted::clean(check, &[("a.rs", "// a VTODO, ignored\nconst A: &str = \"TODO\";\n")]);
    }
}
