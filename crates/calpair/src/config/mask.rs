//! What of a configuration may be shown. No secret belongs in the file, but people put them there,
//! and a message about the mistake shows the line it stands on. Masking keeps every byte's place.

use std::sync::LazyLock;

use regex::Regex;

/// A key that says that its value is a secret, up to the value.
static SECRET_KEY: LazyLock<Regex> = LazyLock::new(|| {
    let words = "pass|passwd|pw|pwd|secret|token|credential|bearer|key";
    Regex::new(&format!(r#"(?i)([\w."'-]*(?:{words})[\w."'-]*)[ \t]*=[ \t]*"#))
        .expect("the pattern is written here and tested")
});

/// What stands between `://` and `@`, and what has the shape of an app-specific password.
static SECRET_VALUE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"://([^/@\s"']+)@|\b((?i:[a-z]{4}-[a-z]{4}-[a-z]{4}-[a-z]{4}))\b"#)
        .expect("the pattern is written here and tested")
});

/// The text with every secret in it starred out and every control or direction character replaced,
/// of the same length in bytes.
pub(super) fn masked(text: &str) -> String {
    let mut secret = vec![false; text.len()];
    let (mut hidden_to, mut line_end) = (0, 0);
    for found in SECRET_KEY.captures_iter(text) {
        let (all, key) = (found.get(0).map(|m| m.end()), found.get(1).map(|m| m.as_str()));
        let (Some(start), Some(key)) = (all, key) else { continue };
        if start < hidden_to || names_a_place(key) {
            continue;
        }
        if start > line_end || line_end == 0 {
            line_end = text[start..].find('\n').map_or(text.len(), |end| start + end);
        }
        hidden_to = start + value_length(&text[start..], line_end - start);
        secret[start..hidden_to].fill(true);
    }
    for found in SECRET_VALUE.captures_iter(text) {
        if let Some(value) = found.get(1).or(found.get(2)) {
            secret[value.range()].fill(true);
        }
    }
    text.char_indices()
        .map(|(at, c)| match c {
            '\n' | '\t' => String::from(c),
            '\r' => " ".into(),
            '"' | '\'' | ' ' if secret[at] => String::from(c),
            _ if secret[at] => "*".repeat(c.len_utf8()),
            _ if crate::terminal::is_unprintable(c) => "?".repeat(c.len_utf8()),
            _ => String::from(c),
        })
        .collect()
}

/// `client_secret_file` and `token_url` say where something is, not what it is.
fn names_a_place(key: &str) -> bool {
    let key = key.trim_matches(['"', '\'']).to_ascii_lowercase();
    key.ends_with("_file") || key.ends_with("_url")
}

/// How many bytes the value takes that begins here, on a line that has `line` more bytes: too many
/// rather than too few.
fn value_length(rest: &str, line: usize) -> usize {
    let closed_by = |open: &str, close: &str| {
        let end = rest[open.len()..].find(close);
        end.map_or(rest.len(), |end| open.len() + end + close.len())
    };
    match rest {
        _ if rest.starts_with(r#"""""#) => closed_by(r#"""""#, r#"""""#),
        _ if rest.starts_with("'''") => closed_by("'''", "'''"),
        _ if rest.starts_with('[') => closed_by("[", "]").max(line),
        _ if rest.starts_with('"') => {
            let end = closed_by("\"", "\"").min(line);
            // Escaped quotes make the end doubtful: hide the rest of the line.
            if rest[..end].contains('\\') { line } else { end }
        }
        _ if rest.starts_with('\'') => closed_by("'", "'").min(line),
        _ => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_starred_and_the_rest_stays() {
        let cases = [
            ("password = \"hunter2\" # mine", "password = \"*******\" # mine"),
            ("a = { app_password = 'x y', url = 1 }", "a = { app_password = '* *', url = 1 }"),
            ("password = hunter2, x", "password = ******** *"),
            ("password = \"hunter2", "password = \"*******"),
            ("password = \"a\\\"b\" # c", "password = \"**\"*\" * *"),
            ("token = \"\"\"\na\nb\"\"\"\nc = 1", "token = \"\"\"\n*\n*\"\"\"\nc = 1"),
            ("token = '''\na\nb", "token = '''\n*\n*"),
            ("passwords = [\"a\",\n\"b\"]\nc", "passwords = *\"*\"*\n\"*\"*\nc"),
            ("\"Client-Secret\" = 'ab'", "\"Client-Secret\" = '**'"),
            ("client_secret_file = \"/etc/s\"", "client_secret_file = \"/etc/s\""),
            ("token_url = \"http://localhost\"", "token_url = \"http://localhost\""),
            ("url = \"https://me:pw@example.org/\"", "url = \"https://*****@example.org/\""),
            ("username = \"abcd-efgh-ijkl-mnop\"", "username = \"*******************\""),
            ("name = \"fam\u{1b}[31m\"\r\n", "name = \"fam?[31m\" \n"),
            ("name = \"\u{202e}x\"", "name = \"???x\""),
        ];
        for (text, expected) in cases {
            assert_eq!(masked(text), expected, "{text}");
            assert_eq!(masked(text).len(), text.len(), "{text}");
        }
    }
}
