//! A Rust file taken apart for the rules: code, comments and string literals as separate views,
//! its syntax tree, and which lines are test code.
//!
//! The views keep every line and column, so that a rule can search one of them and still say
//! where. The scanner knows only as much Rust as it takes to tell the three apart.

use std::ops::RangeInclusive;

use syn::spanned::Spanned;
use syn::visit::Visit;

/// One Rust file.
pub(super) struct Source {
    /// The whole text.
    pub(super) text: String,
    /// Code only: comments and the insides of literals are blanks.
    pub(super) code: String,
    /// Comments only, doc comments too.
    pub(super) comments: String,
    /// The insides of string literals only.
    pub(super) strings: String,
    /// The syntax tree, if the file parses (when it doesn't, the compiler says so better).
    pub(super) syntax: Option<syn::File>,
    tests: Vec<RangeInclusive<usize>>,
}

impl Source {
    pub(super) fn read(path: &str, text: &str) -> Self {
        let [code, comments, strings] = split(text);
        let syntax = syn::parse_file(text).ok();
        let mut found = TestItems::default();
        if let Some(file) = &syntax {
            found.visit_file(file);
        }
        let mut source =
            Self { text: text.to_owned(), code, comments, strings, syntax, tests: found.lines };
        if path.starts_with("tests/") || path.contains("/tests/") || path.ends_with("/tests.rs") {
            source.mark_as_test();
        }
        source
    }

    /// Says that the whole file is test code.
    pub(super) fn mark_as_test(&mut self) {
        self.tests = vec![1..=usize::MAX];
    }

    /// Whether the line (from 1) is test code.
    pub(super) fn is_test(&self, line: usize) -> bool {
        self.tests.iter().any(|range| range.contains(&line))
    }

    /// The stems (path without `.rs`) of the files that `#[cfg(test)] mod name;` here brings in.
    pub(super) fn test_modules_elsewhere(&self, path: &str) -> Vec<String> {
        let Some(file) = &self.syntax else { return Vec::new() };
        let stem = path.strip_suffix(".rs").unwrap_or(path);
        let (folder, name) = stem.rsplit_once('/').unwrap_or(("", stem));
        let inside = if matches!(name, "lib" | "main" | "mod") { folder } else { stem };
        file.items
            .iter()
            .filter_map(|item| match item {
                syn::Item::Mod(module) if module.content.is_none() && for_tests(&module.attrs) => {
                    Some(format!("{inside}/{}", module.ident))
                }
                _ => None,
            })
            .collect()
    }
}

/// Where `word` stands in `view` as a word of its own: the line, from 1, of each place.
pub(super) fn lines_with_word(view: &str, word: &str) -> Vec<usize> {
    let inside = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let mut lines = Vec::new();
    for (at, line) in view.lines().enumerate() {
        let alone = |(start, _): (usize, &str)| {
            let before = line[..start].chars().next_back();
            let after = line[start + word.len()..].chars().next();
            let goes_on_before = inside(before) && word.starts_with(char::is_alphanumeric);
            let goes_on_after = inside(after) && word.ends_with(char::is_alphanumeric);
            !goes_on_before && !goes_on_after
        };
        if line.match_indices(word).any(alone) {
            lines.push(at + 1);
        }
    }
    lines
}

/// Whether these attributes keep the item out of every build but tests.
fn for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let syn::Meta::List(list) = &attribute.meta else { return false };
        let said = list.tokens.to_string();
        list.path.is_ident("cfg")
            && !said.contains("not")
            && !lines_with_word(&said, "test").is_empty()
    })
}

/// Collects the lines of items under `#[cfg(test)]`.
#[derive(Default)]
struct TestItems {
    lines: Vec<RangeInclusive<usize>>,
}

impl Visit<'_> for TestItems {
    fn visit_item(&mut self, item: &syn::Item) {
        let attributes = match item {
            syn::Item::Mod(item) => &item.attrs,
            syn::Item::Fn(item) => &item.attrs,
            syn::Item::Impl(item) => &item.attrs,
            syn::Item::Use(item) => &item.attrs,
            syn::Item::Struct(item) => &item.attrs,
            syn::Item::Enum(item) => &item.attrs,
            syn::Item::Const(item) => &item.attrs,
            syn::Item::Macro(item) => &item.attrs,
            _ => return,
        };
        if for_tests(attributes) {
            let span = item.span();
            self.lines.push(span.start().line..=span.end().line);
        } else {
            syn::visit::visit_item(self, item);
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Class {
    Code,
    Comment,
    Text,
}

/// The text three times: only code, only comments, only the insides of string literals.
fn split(text: &str) -> [String; 3] {
    let classes = classify(text.as_bytes());
    [Class::Code, Class::Comment, Class::Text].map(|wanted| {
        let view = text.bytes().zip(&classes);
        let bytes = view.map(|(b, class)| if b == b'\n' || *class == wanted { b } else { b' ' });
        String::from_utf8(bytes.collect()).expect("classes change between characters only")
    })
}

fn classify(text: &[u8]) -> Vec<Class> {
    let mut classes = vec![Class::Code; text.len()];
    let mut at = 0;
    while at < text.len() {
        let (end, class) = match &text[at..] {
            [b'/', b'/', ..] => (line_end(text, at), Class::Comment),
            [b'/', b'*', ..] => (comment_end(text, at), Class::Comment),
            [b'"', ..] => (string_end(text, at), Class::Text),
            [b'\'', ..] => (char_end(text, at), Class::Code),
            [b'r', ..] if opens_raw(text, at) => (raw_end(text, at), Class::Text),
            _ => (at + 1, Class::Code),
        };
        classes[at..end].fill(class);
        at = end;
    }
    classes
}

/// Whether the `r` at `at` opens a raw string (`r"`, `br#"`), not an identifier (`r#type`, `bar`).
fn opens_raw(text: &[u8], at: usize) -> bool {
    let in_word = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
    let before = match &text[..at] {
        [before @ .., b'b' | b'c'] => before,
        before => before,
    };
    let quote = text[at + 1..].iter().find(|&&b| b != b'#');
    !before.last().is_some_and(in_word) && quote == Some(&b'"')
}

fn line_end(text: &[u8], at: usize) -> usize {
    text[at..].iter().position(|&b| b == b'\n').map_or(text.len(), |n| at + n)
}

fn comment_end(text: &[u8], mut at: usize) -> usize {
    let mut depth = 0;
    while at < text.len() {
        match &text[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn string_end(text: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < text.len() {
        match text[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

/// The end of the raw string whose `r` stands at `start`.
fn raw_end(text: &[u8], start: usize) -> usize {
    let hashes = text[start + 1..].iter().take_while(|&&b| b == b'#').count();
    let open = start + 1 + hashes;
    let close = [b"\"".as_slice(), &vec![b'#'; hashes]].concat();
    let inside = &text[open + 1..];
    let found = inside.windows(close.len()).position(|window| window == close);
    found.map_or(text.len(), |n| open + 1 + n + close.len())
}

/// The end of a character literal; one byte on when the quote begins a lifetime.
fn char_end(text: &[u8], start: usize) -> usize {
    if text.get(start + 1) == Some(&b'\\') {
        let rest = text.get(start + 3..).unwrap_or_default();
        return rest.iter().position(|&b| b == b'\'').map_or(text.len(), |n| start + 3 + n + 1);
    }
    // A character is at most four bytes long.
    let window = text.get(start + 2..(start + 6).min(text.len())).unwrap_or_default();
    let close = window.iter().position(|&b| b == b'\'');
    let one = |n: usize| std::str::from_utf8(&text[start + 1..start + 2 + n]).ok();
    match close {
        Some(n) if one(n).is_some_and(|s| s.chars().count() == 1) => start + 2 + n + 1,
        _ => start + 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_comments_and_strings_come_apart() {
        let cases = [
            ("a /* b /* c */ d */ e", "a e", "/* b /* c */ d */", ""),
            ("a // b \"c\"", "a", "// b \"c\"", ""),
            ("f(\"x // \\\" y\", z)", "f( , z)", "", "\"x // \\\" y\""),
            ("r#\"a \" b\"# + r#type", "+ r#type", "", "r#\"a \" b\"#"),
            ("x<'a>('\"', '\\'', 'ü') // c", "x<'a>('\"', '\\'', 'ü')", "// c", ""),
            ("br\"x\" b\"y\"", "b b", "", "r\"x\" \"y\""),
        ];
        for (text, code, comments, strings) in cases {
            let squeezed = split(text).map(|v| v.split_whitespace().collect::<Vec<_>>().join(" "));
            assert_eq!(squeezed, [code, comments, strings], "{text}");
        }
    }

    #[test]
    fn test_code_is_known_by_its_attribute() {
        let source = Source::read(
            "crates/a/src/lib.rs",
            "//! a\nfn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\n\
             #[cfg(not(test))]\nfn c() {}\n",
        );
        let lines: Vec<usize> = (1..=8).filter(|line| source.is_test(*line)).collect();
        assert_eq!(lines, [3, 4, 5, 6]);
    }

    #[test]
    fn words_end_where_identifiers_do() {
        assert_eq!(lines_with_word("VTODO\nTODO: x\nTODOS", "TODO"), [2]);
        assert_eq!(lines_with_word("std::thread::sleep(d)", "thread::sleep"), [1]);
        assert_eq!(lines_with_word("a dbg!(x)", "dbg!"), [1]);
    }
}
