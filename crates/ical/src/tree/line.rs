//! One content line: its raw bytes as they came, and a reading of them on demand.
//!
//! Unfolding happens on bytes and before decoding, because producers fold inside UTF-8
//! sequences. Reading is lenient (quotes anywhere in a parameter value, an unclosed quote, a
//! missing value); writing is strict (RFC 5545 section 3.1, parameter values by RFC 6868).

use std::borrow::Cow;

use super::LineEnding;

/// Longest physical line written, in octets without the line break (RFC 5545 section 3.1).
const FOLD_AT: usize = 75;

/// A content line with its folds and its line break.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line<'a> {
    raw: Cow<'a, [u8]>,
}

/// A content line, read: `name;params:value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Property {
    /// In upper case.
    pub name: String,
    /// In their order, doubles included.
    pub params: Vec<Param>,
    /// Unfolded and decoded, but not unescaped: escapes depend on the value type.
    pub value: String,
}

/// A parameter of a property.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Param {
    /// In upper case.
    pub name: String,
    /// Without quotes, RFC 6868 decoded.
    pub values: Vec<String>,
}

impl Property {
    /// The first value of the first parameter of that (upper-case) name.
    pub fn param(&self, name: &str) -> Option<&str> {
        let param = self.params.iter().find(|param| param.name == name)?;
        param.values.first().map(String::as_str)
    }

    /// The same property with another value (in its written form), to be written.
    pub fn with_value(&self, value: String) -> NewLine {
        let line = NewLine::new(&self.name, value);
        self.params.iter().fold(line, |line, param| line.param_list(&param.name, &param.values))
    }

    /// Whether that parameter has this value (both without case).
    pub fn param_is(&self, name: &str, value: &str) -> bool {
        self.param(name).is_some_and(|found| found.eq_ignore_ascii_case(value))
    }
}

impl<'a> Line<'a> {
    pub(super) fn read(raw: &'a [u8]) -> Self {
        Self { raw: Cow::Borrowed(raw) }
    }

    /// The bytes, with folds and line break.
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// Whether the line's property has this name (without case), whatever group it is in
    /// (`group.NAME:`). Does not allocate.
    ///
    /// RFC 5545 knows no groups; those of vCard (RFC 6350 section 3.3) are read in calendars too by
    /// servers that read both with one parser (sabre/vobject, Python's vobject), and to them the
    /// property is what its name without the group says.
    pub fn is(&self, name: &str) -> bool {
        let (mut rest, mut missed) = (name.as_bytes(), false);
        for byte in unfolded(&self.raw) {
            match byte {
                b':' | b';' => return !missed && rest.is_empty(),
                b'.' => (rest, missed) = (name.as_bytes(), false),
                byte if !is_of_a_name(byte) => return false,
                _ if missed => {}
                byte => match rest.split_first() {
                    Some((want, after)) if byte.eq_ignore_ascii_case(want) => rest = after,
                    Some(_) | None => missed = true,
                },
            }
        }
        false
    }

    /// Whether the line begins or ends a component: those are in no group.
    pub(super) fn marks(&self, name: &str) -> bool {
        let mut bytes = unfolded(&self.raw);
        name.bytes().all(|want| bytes.next().is_some_and(|b| b.eq_ignore_ascii_case(&want)))
            && matches!(bytes.next(), Some(b':' | b';'))
    }

    /// Whether this is neither blank nor `name:value`: rubbish, or the rest of a value whose
    /// line break somebody forgot to escape.
    pub fn is_senseless(&self) -> bool {
        let mut seen = false;
        for byte in unfolded(&self.raw) {
            match byte {
                b':' | b';' => return !seen,
                b'.' => seen = true,
                byte if is_of_a_name(byte) => seen = true,
                _ => return true,
            }
        }
        seen
    }

    /// The line read, or `None` when it is blank or senseless.
    pub fn property(&self) -> Option<Property> {
        if self.is_senseless() {
            return None;
        }
        let bytes: Vec<u8> = unfolded(&self.raw).collect();
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        };
        let name_end = text.find([':', ';'])?;
        let grouped = &text[..name_end];
        let name = grouped.rsplit_once('.').map_or(grouped, |(_, name)| name).to_ascii_uppercase();
        if text.as_bytes()[name_end] == b':' {
            let value = text[name_end + 1..].to_owned();
            return Some(Property { name, params: Vec::new(), value });
        }
        let head = &text[name_end + 1..];
        let colon = value_start(head)?;
        let params = params(&head[..colon]);
        Some(Property { name, params, value: head[colon + 1..].to_owned() })
    }
}

const fn is_of_a_name(byte: u8) -> bool {
    matches!(byte, b'-' | b'_' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z')
}

/// Length of the first content line with its folds: up to and with the line break that is not
/// followed by a space or tab.
pub(super) fn logical_len(bytes: &[u8]) -> usize {
    let mut at = 0;
    loop {
        match bytes[at..].iter().position(|b| matches!(b, b'\r' | b'\n')) {
            None => return bytes.len(),
            Some(offset) => at += offset,
        }
        at += if bytes[at..].starts_with(b"\r\n") { 2 } else { 1 };
        if !matches!(bytes.get(at), Some(b' ' | b'\t')) {
            return at;
        }
    }
}

/// The bytes of a line without byte order mark, folds and line break.
fn unfolded(raw: &[u8]) -> impl Iterator<Item = u8> + '_ {
    let raw = raw.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(raw);
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let byte = *raw.get(at)?;
            at += 1;
            if !matches!(byte, b'\r' | b'\n') {
                return Some(byte);
            }
            if byte == b'\r' && raw.get(at) == Some(&b'\n') {
                at += 1;
            }
            // One white space belongs to the fold; at the very end there is none.
            at += 1;
        }
    })
}

/// Where the value begins: the first colon outside quotes, or, when a quote is never closed,
/// the first colon at all.
fn value_start(head: &str) -> Option<usize> {
    let mut quoted = false;
    for (at, byte) in head.bytes().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b':' if !quoted => return Some(at),
            _ => {}
        }
    }
    head.find(':')
}

fn params(head: &str) -> Vec<Param> {
    split_outside_quotes(head, b';')
        .filter(|text| !text.is_empty())
        .map(|text| {
            let (name, values) = text.split_once('=').unwrap_or((text, ""));
            let values = split_outside_quotes(values, b',').map(param_value).collect();
            Param { name: name.trim().to_ascii_uppercase(), values }
        })
        .collect()
}

fn split_outside_quotes(text: &str, separator: u8) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |c: char| {
        quoted ^= c == '"';
        !quoted && c == char::from(separator)
    })
}

/// Unquotes and decodes `^n`, `^^`, `^'` (RFC 6868).
fn param_value(raw: &str) -> String {
    let raw = raw.trim();
    let raw = raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(raw);
    if !raw.contains('^') {
        return raw.to_owned();
    }
    let mut out = String::with_capacity(raw.len());
    let mut chars = raw.chars().peekable();
    while let Some(c) = chars.next() {
        let decoded = match (c, chars.peek()) {
            ('^', Some('n' | 'N')) => Some('\n'),
            ('^', Some('^')) => Some('^'),
            ('^', Some('\'')) => Some('"'),
            _ => None,
        };
        if decoded.is_some() {
            chars.next();
        }
        out.push(decoded.unwrap_or(c));
    }
    out
}

/// A line to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLine {
    text: String,
    value: String,
}

impl NewLine {
    /// `name:value`. The value must be in its written form already (see [`super::escape`]);
    /// control characters are dropped, because nothing may start a second line.
    pub fn new(name: &str, value: impl Into<String>) -> Self {
        Self { text: name.to_owned(), value: value.into() }
    }

    /// Adds a parameter, quoted where it must be.
    #[must_use]
    pub fn param(self, name: &str, value: &str) -> Self {
        self.param_list(name, &[value.to_owned()])
    }

    fn param_list(mut self, name: &str, values: &[String]) -> Self {
        let values: Vec<_> = values.iter().map(|value| param_text(value)).collect();
        self.text.push_str(&format!(";{name}={}", values.join(",")));
        self
    }

    /// The line as bytes, folded at 75 octets between characters.
    pub fn build(self, ending: LineEnding) -> Line<'static> {
        let text = format!("{}:{}", self.text, self.value);
        let mut raw = Vec::with_capacity(text.len() + text.len() / 24 + 2);
        let mut width = 0;
        for c in text.chars().filter(|c| !c.is_ascii_control() || *c == '\t') {
            if width + c.len_utf8() > FOLD_AT {
                raw.extend_from_slice(ending.bytes());
                raw.push(b' ');
                width = 1;
            }
            raw.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            width += c.len_utf8();
        }
        raw.extend_from_slice(ending.bytes());
        Line { raw: Cow::Owned(raw) }
    }
}

/// A parameter value in its written form (RFC 6868).
fn param_text(value: &str) -> String {
    let mut encoded = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '^' => encoded.push_str("^^"),
            '"' => encoded.push_str("^'"),
            '\n' => encoded.push_str("^n"),
            c if c.is_ascii_control() && c != '\t' => {}
            c => encoded.push(c),
        }
    }
    // Readers trim what is not quoted.
    let needs_quotes = encoded.contains([';', ':', ',']) || encoded.trim() != encoded;
    if needs_quotes { format!("\"{encoded}\"") } else { encoded }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(raw: &[u8]) -> Property {
        Line::read(raw).property().expect("a property")
    }

    #[test]
    fn folds_are_joined_before_decoding() {
        assert_eq!(read(b"SUM\r\n MARY:\xc3\r\n \xa4 b\n\tc\r\n").value, "\u{e4} bc");
        assert!(Line::read(b"SUM\r\n MARY:x").is("summary"));
        assert!(!Line::read(b"SUMMARY-X:x").is("SUMMARY"));
    }

    #[test]
    fn a_group_is_no_part_of_the_name() {
        for (raw, is) in [
            (&b"x.ATTENDEE:mailto:a"[..], true),
            (b"X-1.y.attendee;CN=a.b:mailto:a", true),
            (b"gro\r\n up.ATT\r\n ENDEE:mailto:a", true),
            (b".ATTENDEE:mailto:a", true),
            (b"ATTENDEE.x:mailto:a", false),
            (b"x.ATTENDEES:mailto:a", false),
            (b"x ATTENDEE:mailto:a", false),
            (b"x.ATTENDEE", false),
            (b"DESCRIPTION:x.ATTENDEE:mailto:a", false),
        ] {
            let line = Line::read(raw);
            assert_eq!(line.is("ATTENDEE"), is, "{raw:?}");
            let named = line.property().is_some_and(|property| property.name == "ATTENDEE");
            assert_eq!(named, is, "{raw:?}");
            assert_eq!(line.raw(), raw);
        }
        assert!(!Line::read(b"x.END:VEVENT").marks("END"));
    }

    #[test]
    fn parameters_are_read_with_quotes_lists_and_carets() {
        let property = read(b"X;a=1;B=\"c;d:e\",f,\"g\";cn=J \"J\" D;E=^n^^^'^x:v:w\r\n");
        let params: Vec<_> =
            property.params.iter().map(|p| (p.name.as_str(), p.values.join("|"))).collect();
        let want = [
            ("A", "1".to_owned()),
            ("B", "c;d:e|f|g".to_owned()),
            ("CN", "J \"J\" D".to_owned()),
            ("E", "\n^\"^x".to_owned()),
        ];
        assert_eq!(params, want);
        assert_eq!(property.value, "v:w");
    }

    #[test]
    fn an_unclosed_quote_does_not_swallow_the_value() {
        let property = read(b"X;CN=\"open:mailto:a");
        assert_eq!((property.param("CN"), property.value.as_str()), (Some("\"open"), "mailto:a"));
    }

    #[test]
    fn senseless_lines_are_told_from_blank_ones() {
        for (raw, senseless) in [
            (&b"\r\n"[..], false),
            (b"A:b", false),
            (b"A;b=c:d", false),
            (b"word", true),
            (b":x", true),
            (b"two words: x", true),
            (b"\x00:", true),
        ] {
            assert_eq!(Line::read(raw).is_senseless(), senseless, "{raw:?}");
        }
    }

    #[test]
    fn written_lines_are_folded_between_characters_and_read_back() {
        let value = "\u{e4}\u{1f600}x".repeat(60);
        let line = NewLine::new("SUMMARY", value.clone()).param("X-P", "a\"b;^\n");
        let line = line.build(LineEnding::CrLf);
        for physical in line.raw().split(|b| *b == b'\n') {
            assert!(physical.len() <= FOLD_AT + 1);
            assert!(std::str::from_utf8(physical).is_ok());
        }
        let property = line.property().expect("readable");
        assert_eq!(property.value, value);
        assert_eq!(property.param("X-P"), Some("a\"b;^\n"));
    }

    #[test]
    fn a_written_value_never_starts_a_second_line() {
        let line = NewLine::new("UID", "a\r\nX-EVIL:1\u{0}").build(LineEnding::CrLf);
        assert_eq!(line.raw(), b"UID:aX-EVIL:1\r\n");
    }
}
