//! Links: a relative link in a Markdown file leads to a file of the repository.

use super::Finding;
use super::tree::{Tree, finding};

/// Follows every inline link that isn't an address. Code, in fences or backquotes, has no links.
pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.ending(".md") {
        let mut fenced = false;
        for (at, line) in text.lines().enumerate() {
            if line.trim_start().starts_with("```") {
                fenced = !fenced;
            }
            if fenced {
                continue;
            }
            for target in targets(&without_code(line)) {
                if !leads_somewhere(tree, path, target) {
                    let what = format!("`{target}` leads nowhere; correct the path");
                    findings.push(finding(path, at + 1, "links", what));
                }
            }
        }
    }
    findings
}

fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect::<Vec<_>>().join("`")
}

/// What stands in the round brackets of `[text](target "title")`.
fn targets(line: &str) -> Vec<&str> {
    let opened = line.match_indices("](").map(|(at, _)| &line[at + 2..]);
    opened.filter_map(|rest| rest.split(')').next()?.split_whitespace().next()).collect()
}

fn leads_somewhere(tree: &Tree, from: &str, target: &str) -> bool {
    let target = target.trim_matches(['<', '>']);
    let outside = ["http://", "https://", "mailto:", "#"];
    if outside.iter().any(|scheme| target.starts_with(scheme)) {
        return true;
    }
    let file = target.split('#').next().unwrap_or(target);
    let mut parts: Vec<&str> = if file.starts_with('/') {
        Vec::new()
    } else {
        from.split('/').take(from.matches('/').count()).collect()
    };
    for part in file.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.pop().is_none() => return false,
            ".." => {}
            name => parts.push(name),
        }
    }
    tree.has(&parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::super::tree::planted;
    use super::*;

    #[test]
    fn a_link_to_nothing_is_found() {
        for target in ["missing.md", "../README.md", "../../out.md", "docs/a.md#b"] {
            let text = format!("# A\n\nsee [it]({target}).\n");
            let said = planted::said(check, &[("docs/a.md", &text)]);
            let expected =
                format!("docs/a.md:3: links: `{target}` leads nowhere; correct the path");
            assert_eq!(said, [expected]);
        }
    }

    #[test]
    fn links_that_lead_somewhere_pass() {
        let text = "[a](b.md#x) [b](../README.md) [c](https://example.org) [d](#here)\n\
                    [e](../docs)\n\
                    `[code](nowhere)`\n```\n[code](nowhere)\n```\n";
        planted::clean(check, &[("docs/a.md", text), ("docs/b.md", ""), ("README.md", "")]);
    }
}
