//! Names: a type or module is called what it is in the field's words, not what it is made of.

use syn::visit::Visit;

use super::Finding;
use super::tree::{Tree, finding};

const RULE: &str = "names";

/// Endings that say nothing.
const TYPE_ENDINGS: &[&str] =
    &["Manager", "Helper", "Helpers", "Util", "Utils", "Handler", "Data", "Info"];

/// The same as names of files.
const FILE_NAMES: &[&str] = &[
    "manager", "helper", "helpers", "util", "utils", "handler", "handlers", "data", "info",
    "common", "misc",
];

/// Checks the names of types, traits and files.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, source) in tree.rust() {
        let stem = path.rsplit('/').next().unwrap_or(path).trim_end_matches(".rs");
        if FILE_NAMES.contains(&stem) {
            let what =
                format!("a file called `{stem}` has no story; name it after what it decides");
            findings.push(finding(path, 1, RULE, what));
        }
        let mut types = Types::default();
        if let Some(file) = &source.syntax {
            types.visit_file(file);
        }
        for name in types.0 {
            let text = name.to_string();
            if let Some(ending) = TYPE_ENDINGS.iter().find(|ending| text.ends_with(**ending)) {
                let what = format!("`{text}`: \"{ending}\" says nothing; name what it is or does");
                findings.push(finding(path, name.span().start().line, RULE, what));
            }
        }
    }
    findings
}

#[derive(Default)]
struct Types(Vec<proc_macro2::Ident>);

impl<'ast> Visit<'ast> for Types {
    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.0.push(item.ident.clone());
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        self.0.push(item.ident.clone());
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.0.push(item.ident.clone());
        syn::visit::visit_item_trait(self, item);
    }

    fn visit_item_type(&mut self, item: &'ast syn::ItemType) {
        self.0.push(item.ident.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::super::tree::planted;
    use super::*;

    #[test]
    fn empty_names_are_found() {
        let cases = [
            "struct SyncManager;",
            "enum EventData {}",
            "trait Handler {}",
            "type PairInfo = u8;",
            "fn f() { struct Utils; }",
        ];
        for text in cases {
            assert_eq!(planted::said(check, &[("a.rs", text)]).len(), 1, "{text}");
        }
        assert_eq!(planted::said(check, &[("src/utils.rs", "//! u\n")]).len(), 1);
    }

    #[test]
    fn telling_names_pass() {
        planted::clean(check, &[("src/plan.rs", "struct Metadata; enum Plan {} struct Database;")]);
    }
}
