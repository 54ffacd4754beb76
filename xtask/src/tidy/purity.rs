//! Purity: `model`, `ical` and `reconcile` compute. They don't wait, draw, log or look around.

use std::collections::BTreeSet;

use syn::spanned::Spanned;
use syn::visit::Visit;

use super::Finding;
use super::source::{Source, lines_with_word};
use super::tree::{Tree, crate_of, finding, in_crates};

const PURE: &[&str] = &["model", "ical", "reconcile"];

/// What would let the world in, and how it comes in instead.
const WORLD: &[(&str, &str)] = &[
    ("async", "a pure crate never waits"),
    ("await", "a pure crate never waits"),
    ("tokio", "a pure crate never waits"),
    ("SystemTime", "take the time as an argument"),
    ("Instant", "take the time as an argument"),
    ("::now", "take the time as an argument"),
    ("rand", "take the number as an argument"),
    ("std::env", "take the value as an argument"),
    ("std::fs", "take the bytes as an argument"),
    ("std::io", "take the bytes as an argument"),
    ("std::path", "take the bytes as an argument"),
    ("std::net", "take the bytes as an argument"),
    ("std::process", "return what is to be done"),
    ("std::thread", "a pure crate never waits"),
    ("std::os", "take the value as an argument"),
    ("tracing", "return what is worth saying"),
    ("println!", "return what is worth saying"),
    ("eprintln!", "return what is worth saying"),
    ("print!", "return what is worth saying"),
    ("eprint!", "return what is worth saying"),
    ("dbg!", "return what is worth saying"),
];

/// The standard library under another name, or all of it at once, hides what is taken from it.
const HIDDEN: &str = "std";

/// Searches the code of the pure crates, their tests excepted.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, source) in tree.rust() {
        if !in_crates(path) || !PURE.contains(&crate_of(path)) {
            continue;
        }
        let imports = imports(source);
        let hidden = (HIDDEN, "name the module that is used");
        for (word, instead) in WORLD.iter().chain([&hidden]) {
            let mut lines = BTreeSet::new();
            if *word != HIDDEN {
                lines.extend(lines_with_word(&source.code, word));
            }
            let taken = |import: &&Import| import.path == *word;
            lines.extend(imports.iter().filter(taken).map(|import| import.line));
            let found = lines.iter().filter(|line| !source.is_test(**line));
            let what = format!("`{word}` in a pure crate: {instead}");
            findings.extend(found.map(|line| finding(path, *line, "purity", what.clone())));
        }
    }
    findings
}

/// Something that a `use` reaches: each step of its path is one, so that `use std::{env, fs::read}`
/// reaches `std::env`, `std::fs` and `std::fs::read`.
struct Import {
    path: String,
    line: usize,
}

fn imports(source: &Source) -> Vec<Import> {
    let mut found = Imports::default();
    if let Some(file) = &source.syntax {
        found.visit_file(file);
    }
    found.0
}

#[derive(Default)]
struct Imports(Vec<Import>);

impl Imports {
    fn walk(&mut self, before: &str, tree: &syn::UseTree) {
        let line = tree.span().start().line;
        let joined = |name: &syn::Ident| match before {
            _ if name == "self" => before.to_owned(),
            "" => name.to_string(),
            before => format!("{before}::{name}"),
        };
        match tree {
            syn::UseTree::Path(path) => {
                let path_here = joined(&path.ident);
                if path_here.contains("::") {
                    self.0.push(Import { path: path_here.clone(), line });
                }
                self.walk(&path_here, &path.tree);
            }
            syn::UseTree::Name(name) => self.0.push(Import { path: joined(&name.ident), line }),
            syn::UseTree::Rename(name) => self.0.push(Import { path: joined(&name.ident), line }),
            syn::UseTree::Glob(_) => self.0.push(Import { path: before.to_owned(), line }),
            syn::UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.walk(before, tree));
            }
        }
    }
}

impl Visit<'_> for Imports {
    fn visit_item_use(&mut self, item: &syn::ItemUse) {
        self.walk("", &item.tree);
    }
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
            "use std::env;",
            "use std::{cmp, env};",
            "use std::{cmp::Ordering, fs::{self, read}};",
            "use std::{collections::{BTreeMap, BTreeSet},\n  net::IpAddr};",
            "use std::fs as files;",
            "fn f() {\n    use std::{process, fmt};\n}",
            "use std as s;",
            "use std::{self as s, fmt};",
            "use std::*;",
            "use jiff::Timestamp as T;\nfn f() { T::now() }",
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
        let imports = "use std::{cmp::Ordering, collections::*, fmt::{self, Write}};\n";
        planted::clean(check, &[("crates/model/src/a.rs", imports)]);
        let tested = "#[cfg(test)]\nmod tests {\n    use std::fs::read;\n}\n";
        planted::clean(check, &[("crates/ical/src/a.rs", tested)]);
    }
}
