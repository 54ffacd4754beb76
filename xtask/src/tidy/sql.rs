//! SQL: statements are written in `store` and `migrations/`, nowhere else.

use super::Finding;
use super::source::lines_with_word;
use super::tree::{Tree, crate_of, finding, in_crates};

/// Beginnings by which a statement is known.
const STATEMENTS: &[&str] = &[
    "SELECT ",
    "INSERT INTO ",
    "INSERT OR ",
    "REPLACE INTO ",
    "UPDATE ",
    "DELETE FROM ",
    "CREATE TABLE ",
    "CREATE INDEX ",
    "ALTER TABLE ",
    "DROP TABLE ",
    "DROP INDEX ",
    "ATTACH ",
    "VACUUM",
    "PRAGMA ",
];

/// Searches the string literals of our crates.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let elsewhere = |path: &&str| in_crates(path) && crate_of(path) != "store";
    for (path, source) in tree.rust().filter(|(path, _)| elsewhere(path)) {
        for statement in STATEMENTS {
            let what = format!("`{}` in a string; ask `store` for it", statement.trim_end());
            let lines = lines_with_word(&source.strings, statement);
            findings.extend(lines.iter().map(|line| finding(path, *line, "sql", what.clone())));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::tree::planted;
    use super::*;

    #[test]
    fn a_statement_outside_the_store_is_found() {
        let text = "const Q: &str = \"\n  SELECT id FROM series\";\n";
        let said = planted::said(check, &[("crates/engine/src/a.rs", text)]);
        assert_eq!(
            said,
            ["crates/engine/src/a.rs:2: sql: `SELECT` in a string; ask `store` for it"]
        );
        planted::clean(check, &[("crates/store/src/a.rs", text)]);
        let others = [
            "UPDATE pair SET paused = 1",
            "UPDATE OR IGNORE pair SET paused = 1",
            "INSERT OR IGNORE INTO pair VALUES (1)",
            "REPLACE INTO pair VALUES (1)",
            "DELETE FROM pair",
            "CREATE INDEX a ON b (c)",
            "DROP TABLE pair",
            "VACUUM",
            "ATTACH 'a' AS b",
        ];
        for statement in others {
            let text = format!("const Q: &str = \"{statement}\";\n");
            let said = planted::said(check, &[("crates/calpair/src/a.rs", &text)]);
            assert_eq!(said.len(), 1, "{statement}: {said:?}");
        }
        planted::clean(
            check,
            &[("crates/engine/src/a.rs", "// SELECT a\nlet a = \"Select b\";\n")],
        );
    }
}
