//! Sizes: what a person can see at once. 100 columns, functions to 70 lines, files to 500.
//!
//! Lines of code are lines that hold some: comments and blanks cost nothing, so that nobody saves
//! on reasons. A file's trailing tests are not counted either. A limit is met by finding the
//! missing idea, not by cutting in the middle.

use syn::spanned::Spanned;
use syn::visit::Visit;

use super::Finding;
use super::source::Source;
use super::tree::{Tree, finding};

const RULE: &str = "sizes";

/// Two windows side by side on a laptop.
const COLUMNS: usize = 100;
/// One screen: a function is read without scrolling.
const FUNCTION: usize = 70;
/// One sitting: a file has one story.
const FILE: usize = 500;

/// Checks columns, functions and files of every Rust file.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, source) in tree.rust() {
        findings.extend(columns(path, source));
        let code = code_lines(source);
        findings.extend(functions(path, source, &code));
        findings.extend(file(path, source, &code));
    }
    findings
}

fn columns(path: &str, source: &Source) -> Vec<Finding> {
    let wide = source.text.lines().enumerate().filter_map(|(at, line)| {
        let width = line.chars().count();
        let what = || format!("{width} columns; break the line at {COLUMNS}");
        (width > COLUMNS).then(|| finding(path, at + 1, RULE, what()))
    });
    wide.collect()
}

/// For each line whether it holds code (a line inside a long string literal does).
fn code_lines(source: &Source) -> Vec<bool> {
    let views = source.code.lines().zip(source.strings.lines());
    views.map(|(code, text)| !code.trim().is_empty() || !text.trim().is_empty()).collect()
}

fn functions(path: &str, source: &Source, code: &[bool]) -> Vec<Finding> {
    let mut found = Functions::default();
    if let Some(file) = &source.syntax {
        found.visit_file(file);
    }
    let long = found.0.into_iter().filter_map(|(name, first, last)| {
        let lines = code[first - 1..last].iter().filter(|code| **code).count();
        let what = || {
            format!(
                "`{name}` has {lines} lines of code; find the step in it that has a name, or \
                     turn it into data (limit {FUNCTION})"
            )
        };
        (lines > FUNCTION).then(|| finding(path, first, RULE, what()))
    });
    long.collect()
}

fn file(path: &str, source: &Source, code: &[bool]) -> Option<Finding> {
    let end = trailing_tests(source).map_or(code.len(), |line| line - 1);
    let lines = code[..end].iter().filter(|code| **code).count();
    let what = || {
        format!("{lines} lines of code; find the missing idea and give it a module (limit {FILE})")
    };
    (lines > FILE).then(|| finding(path, 1, RULE, what()))
}

/// The line on which the file's last item begins, when that is its test module.
fn trailing_tests(source: &Source) -> Option<usize> {
    let last = source.syntax.as_ref()?.items.last()?;
    let line = last.span().start().line;
    let is_module = matches!(last, syn::Item::Mod(module) if module.content.is_some());
    (is_module && source.is_test(line)).then_some(line)
}

/// Name, first and last line of every function with a body.
#[derive(Default)]
struct Functions(Vec<(String, usize, usize)>);

impl Functions {
    fn note(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let (first, last) = (signature.span().start().line, block.span().end().line);
        self.0.push((signature.ident.to_string(), first, last));
    }
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.note(&function.sig, &function.block);
        syn::visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.note(&function.sig, &function.block);
        syn::visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        if let Some(block) = &function.default {
            self.note(&function.sig, block);
        }
        syn::visit::visit_trait_item_fn(self, function);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tree::planted;
    use super::*;

    fn function(lines: usize) -> String {
        let body = "    // why\n\n    work();\n".repeat(lines - 2);
        format!("fn long() {{\n{body}}}\n")
    }

    #[test]
    fn a_wide_line_is_found() {
        let wide = format!("//! {}\n", "ü".repeat(97));
        let said = planted::said(check, &[("a.rs", &wide)]);
        assert_eq!(said, ["a.rs:1: sizes: 101 columns; break the line at 100"]);
        planted::clean(check, &[("a.rs", &format!("//! {}\n", "ü".repeat(96)))]);
    }

    #[test]
    fn a_long_function_is_found_wherever_it_stands() {
        planted::clean(check, &[("a.rs", &function(70))]);
        for text in [function(71), format!("impl A {{\n{}}}\n", function(71))] {
            let said = planted::said(check, &[("a.rs", &text)]);
            assert_eq!(said.len(), 1, "{said:?}");
            assert!(said[0].contains("`long` has 71 lines of code"), "{said:?}");
        }
    }

    #[test]
    fn a_long_file_is_found_and_its_tests_are_free() {
        let code = "const A: u8 = 1;\n// why\n\n".repeat(500);
        let tests = format!("#[cfg(test)]\nmod tests {{\n{code}}}\n");
        planted::clean(check, &[("a.rs", &format!("{code}{tests}"))]);
        let said = planted::said(check, &[("a.rs", &format!("{code}{code}"))]);
        assert!(said[0].starts_with("a.rs:1: sizes: 1000 lines of code"), "{said:?}");
    }
}
