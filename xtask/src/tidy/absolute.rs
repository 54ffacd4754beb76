//! Absolute: nothing in the repository hangs on one machine's folders or on a registry's host.
//!
//! Packages are asked for by name, with whatever client and mirror a machine is set up with.

use super::Finding;
use super::tree::{Tree, finding};

const RULE: &str = "absolute";

/// Checks every text file but the lock file, which cargo writes.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.files().filter(|(path, _)| !path.ends_with("Cargo.lock")) {
        for (at, line) in text.lines().enumerate() {
            for folder in folders().iter().filter(|folder| names_folder(line, folder)) {
                let what = format!("`{folder}` is one machine's folder; make it relative");
                findings.push(finding(path, at + 1, RULE, what));
            }
            for host in hosts().iter().filter(|host| line.contains(host.as_str())) {
                let what = format!("`{host}` is a registry's host; name the package instead");
                findings.push(finding(path, at + 1, RULE, what));
            }
        }
    }
    findings
}

/// Written in pieces, so that this file passes its own rule.
fn folders() -> [String; 2] {
    [["/wo", "rk/"].concat(), ["/ro", "ot/"].concat()]
}

fn hosts() -> [String; 6] {
    [
        ["crates", ".io"].concat(),
        ["pypi", ".org"].concat(),
        ["pythonhosted", ".org"].concat(),
        ["npmjs", ".org"].concat(),
        ["deb.debian", ".org"].concat(),
        ["archive.ubuntu", ".com"].concat(),
    ]
}

/// Whether the line has the folder where a path begins, not in the middle of a longer one.
fn names_folder(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || "._-}*~/".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use super::super::tree::planted;
    use super::*;

    #[test]
    fn a_machines_folder_and_a_registrys_host_are_found() {
        for planted_text in folders().into_iter().map(|f| format!("cd {f}main")).chain(hosts()) {
            let text = format!("one\n{planted_text}\n");
            let said = planted::said(check, &[("a.sh", &text)]);
            assert_eq!(said.len(), 1, "{text}");
            assert!(said[0].starts_with("a.sh:2: absolute: "), "{said:?}");
            planted::clean(check, &[("Cargo.lock", &text)]);
        }
    }

    #[test]
    fn a_calendar_called_work_passes() {
        let text = "http://127.0.0.1:5232/alice/work/ {home}/work/ a.b/root/";
        planted::clean(check, &[("a.rs", text)]);
    }
}
