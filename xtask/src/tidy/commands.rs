//! Commands: every subcommand of the program stands in the documents.
//!
//! Read off the enum that derives `Subcommand` in the program's `cli.rs`; a document names a
//! command as `calpair NAME`.

use super::Finding;
use super::source::lines_with_word;
use super::tree::{Tree, finding};

/// Where the program's command line is declared.
pub(super) const CLI: &str = "crates/calpair/src/cli.rs";

/// Holds the program's subcommands against README, `docs/` and the example configuration.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let source = tree.rust().find(|(path, _)| *path == CLI).map(|(_, source)| source);
    let Some(file) = source.and_then(|source| source.syntax.as_ref()) else { return Vec::new() };
    let documents: Vec<&str> = tree
        .files()
        .filter(|(path, _)| {
            *path == "README.md"
                || *path == "config/calpair.example.toml"
                || path.starts_with("docs/") && path.ends_with(".md")
        })
        .map(|(_, text)| text)
        .collect();
    let mut findings = Vec::new();
    for (name, line) in subcommands(file) {
        let said = format!("calpair {name}");
        if documents.iter().all(|text| lines_with_word(text, &said).is_empty()) {
            let what = format!("no document says `{said}`; write down what it does");
            findings.push(finding(CLI, line, "commands", what));
        }
    }
    findings
}

fn subcommands(file: &syn::File) -> Vec<(String, usize)> {
    let enums = file.items.iter().filter_map(|item| match item {
        syn::Item::Enum(item) if says(&item.attrs, "derive", "Subcommand") => Some(item),
        _ => None,
    });
    let shown = enums
        .flat_map(|item| &item.variants)
        .filter(|variant| !says(&variant.attrs, "command", "hide"));
    shown.map(|variant| (name(variant), variant.ident.span().start().line)).collect()
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
        let readme = ("README.md", "Say `calpair sync` and `calpair man`, not `calpair dry-runs`.");
        assert_eq!(
            planted::said(check, &[ENUM, readme]),
            [format!(
                "{CLI}:8: commands: no document says `calpair dry-run`; \
                      write down what it does"
            )]
        );
    }

    #[test]
    fn named_commands_pass_and_a_missing_program_is_skipped() {
        let readme = ("README.md", "`calpair sync`, `calpair man`");
        let docs = ("docs/operating.md", "`calpair dry-run`");
        planted::clean(check, &[ENUM, readme, docs]);
        planted::clean(check, &[readme]);
    }
}
