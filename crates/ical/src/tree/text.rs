//! The TEXT value type: escapes and lists (RFC 5545 section 3.3.11).

use std::borrow::Cow;

/// A TEXT value in its written form. Line breaks of any kind become `\n`; other control
/// characters but tab are dropped, servers refuse them.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' | ';' | ',' => {
                out.push('\\');
                out.push(c);
            }
            '\r' => {
                if chars.peek() != Some(&'\n') {
                    out.push_str("\\n");
                }
            }
            '\n' => out.push_str("\\n"),
            '\t' => out.push(c),
            c if c.is_ascii_control() => {}
            c => out.push(c),
        }
    }
    out
}

/// A TEXT value as text. An escape that RFC 5545 does not know stays as it is written.
pub fn unescape(value: &str) -> Cow<'_, str> {
    if !value.contains('\\') {
        return Cow::Borrowed(value);
    }
    let mut out = String::with_capacity(value.len());
    let mut chars = value.chars().peekable();
    while let Some(c) = chars.next() {
        let plain = match (c, chars.peek().copied()) {
            ('\\', Some('n' | 'N')) => '\n',
            ('\\', Some(next @ ('\\' | ';' | ',' | ':' | '"'))) => next,
            _ => {
                out.push(c);
                continue;
            }
        };
        chars.next();
        out.push(plain);
    }
    Cow::Owned(out)
}

/// Splits a list of TEXT values at its commas that are not escaped; the parts stay escaped.
pub fn split_list(value: &str) -> impl Iterator<Item = &str> {
    let mut escaped = false;
    value.split(move |c: char| {
        let is_separator = c == ',' && !escaped;
        escaped = c == '\\' && !escaped;
        is_separator
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_survives_escaping() {
        for text in ["", "a,b;c\\d\ne", "\\n", "\\\\n,", "tab\there", "\u{202e}bidi"] {
            assert_eq!(unescape(&escape(text)), text);
        }
        assert_eq!(escape("a\r\nb\rc\u{0}\u{7f}"), "a\\nb\\nc");
    }

    #[test]
    fn unknown_escapes_stay() {
        assert_eq!(unescape("C:\\temp\\N\\:\\"), "C:\\temp\n:\\");
    }

    #[test]
    fn lists_split_at_bare_commas_only() {
        let parts: Vec<_> = split_list("a,b\\,c,d\\\\,e,").collect();
        assert_eq!(parts, ["a", "b\\,c", "d\\\\", "e", ""]);
    }
}
