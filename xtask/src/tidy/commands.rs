//! Commands: every subcommand of the program stands in the documents, and every one that a document
//! names exists.
//!
//! Read off the enum that derives `Subcommand` in the program's `cli.rs`; a document names a
//! command as `calpair NAME`, in code: between backticks, in a fence, or indented. What stands in
//! prose ("calpair keeps") is no command.

use super::Finding;
use super::source::lines_with_word;
use super::tree::{Tree, finding};

/// Where the program's command line is declared.
pub(super) const CLI: &str = "crates/calpair/src/cli.rs";

/// Holds the program's subcommands against README, `docs/` and the example configuration.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let source = tree.rust().find(|(path, _)| *path == CLI).map(|(_, source)| source);
    let Some(file) = source.and_then(|source| source.syntax.as_ref()) else { return Vec::new() };
    let documents: Vec<(&str, &str)> = tree
        .files()
        .filter(|(path, _)| {
            *path == "README.md"
                || *path == "CHANGELOG.md"
                || *path == "config/calpair.example.toml"
                || path.starts_with("docs/") && path.ends_with(".md")
        })
        .collect();
    let mut findings = Vec::new();
    let commands = subcommands(file);
    for Subcommand { name, line, .. } in commands.iter().filter(|command| command.is_shown) {
        let said = format!("calpair {name}");
        if documents.iter().all(|(_, text)| lines_with_word(text, &said).is_empty()) {
            let what = format!("no document says `{said}`; write down what it does");
            findings.push(finding(CLI, *line, "commands", what));
        }
    }
    // clap adds this one itself.
    let exists = |word: &str| word == "help" || commands.iter().any(|known| known.name == word);
    for (path, text) in documents {
        for (word, line) in named(text).into_iter().filter(|(word, _)| !exists(word)) {
            let what = format!("there is no command `calpair {word}`");
            findings.push(finding(path, line, "commands", what));
        }
    }
    findings
}

/// The words that stand behind `calpair` in the code of a document, with their lines.
fn named(text: &str) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    let (mut fenced, mut quoted) = (false, false);
    // A command may go on in the next line: `calpair` at the end of one is taken along.
    let mut waiting = false;
    for (at, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            (fenced, quoted) = (!fenced, false);
            continue;
        }
        let is_code = fenced || line.starts_with("    ");
        // What stands behind a command is prose.
        let line = if is_code { line.split(" # ").next().unwrap_or(line) } else { line };
        if line.trim().is_empty() {
            // No code between backticks goes beyond a paragraph.
            (quoted, waiting) = (false, false);
        }
        for (part, code) in line.split('`').enumerate() {
            if part > 0 {
                (quoted, waiting) = (!quoted, false);
            }
            if !is_code && !quoted {
                continue;
            }
            let words = code.split(' ').filter(|word| !word.is_empty());
            for word in words {
                if std::mem::replace(&mut waiting, word == "calpair")
                    && word.starts_with(|c: char| c.is_ascii_lowercase())
                    && let Some(word) = plain(word)
                {
                    found.push((word.to_owned(), at + 1));
                }
            }
        }
        waiting &= quoted;
    }
    found
}

/// A word as a command line has it; none with a dot, a slash or the like in it.
fn plain(word: &str) -> Option<&str> {
    let word = word.trim_end_matches([',', ';', '.', ':', ')']);
    word.chars().all(|c| c.is_ascii_lowercase() || c == '-').then_some(word)
}

/// A command of the program.
struct Subcommand {
    name: String,
    line: usize,
    is_shown: bool,
}

fn subcommands(file: &syn::File) -> Vec<Subcommand> {
    let enums = file.items.iter().filter_map(|item| match item {
        syn::Item::Enum(item) if says(&item.attrs, "derive", "Subcommand") => Some(item),
        _ => None,
    });
    let command = |variant: &syn::Variant| Subcommand {
        name: name(variant),
        line: variant.ident.span().start().line,
        is_shown: !says(&variant.attrs, "command", "hide"),
    };
    enums.flat_map(|item| &item.variants).map(command).collect()
}

fn says(attributes: &[syn::Attribute], attribute: &str, word: &str) -> bool {
    attributes.iter().any(|a| match &a.meta {
        syn::Meta::List(list) => {
            list.path.is_ident(attribute) && list.tokens.to_string().contains(word)
        }
        _ => false,
    })
}

/// The name on the command line: `#[command(name = "x")]`, else the variant in kebab case.
fn name(variant: &syn::Variant) -> String {
    for attribute in &variant.attrs {
        let syn::Meta::List(list) = &attribute.meta else { continue };
        let tokens = list.tokens.to_string();
        if let Some((_, rest)) = tokens.split_once("name = \"") {
            return rest.split('"').next().unwrap_or_default().to_owned();
        }
    }
    let mut kebab = String::new();
    for c in variant.ident.to_string().chars() {
        if c.is_uppercase() && !kebab.is_empty() {
            kebab.push('-');
        }
        kebab.extend(c.to_lowercase());
    }
    kebab
}

#[cfg(test)]
mod tests {
    use super::super::tree::planted;
    use super::*;

    const ENUM: (&str, &str) = (
        CLI,
        "//! c\n#[derive(Debug, Subcommand)]\nenum Command {\n\
         /// One cycle.\n    Sync(Args),\n    \
         #[command(name = \"man\")]\n    ManPage,\n    DryRun { now: bool },\n    \
         #[command(hide = true)]\n    Inner,\n}\n",
    );

    #[test]
    fn a_command_that_no_document_names_is_found() {
        let readme = ("README.md", "Say `calpair sync` and `calpair man`, not calpair dry-runs.");
        assert_eq!(
            planted::said(check, &[ENUM, readme]),
            [format!(
                "{CLI}:8: commands: no document says `calpair dry-run`; \
                      write down what it does"
            )]
        );
    }

    #[test]
    fn a_command_that_does_not_exist_is_found_in_the_code_of_a_document() {
        let readme = ("README.md", "`calpair sync`, `calpair man`, `calpair dry-run`");
        let docs = (
            "docs/operating.md",
            "calpair keeps calendars.\n\n`calpair pauze PAIR` and `calpair\nrestert` and `calpair \
             inner`,\n`calpair help`, `calpair --json`, `calpair.toml`.\n\n    sudo calpair snyc \
             p # which calpair does\n\n```\ncalpair synk\n```\nA `calpair` keeps.",
        );
        let what = |line, word| {
            format!("docs/operating.md:{line}: commands: there is no command `calpair {word}`")
        };
        let expected = [what(3, "pauze"), what(4, "restert"), what(7, "snyc"), what(10, "synk")];
        assert_eq!(planted::said(check, &[ENUM, readme, docs]), expected);
    }

    #[test]
    fn named_commands_pass_and_a_missing_program_is_skipped() {
        let readme = ("README.md", "`calpair sync`, `calpair man`");
        let docs = ("docs/operating.md", "`calpair dry-run`");
        planted::clean(check, &[ENUM, readme, docs]);
        planted::clean(check, &[readme]);
    }
}
