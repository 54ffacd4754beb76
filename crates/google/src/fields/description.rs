//! `description`: text, or HTML, without saying which. It is HTML when a browser would show it
//! otherwise than as it stands. A text is written as it is where it reads back as itself, else with
//! its letters escaped; nothing is written that was not changed, so that HTML never drifts.
//!
//! Google's own block about a conference is no part of the text, and goes with every write.

use model::{Event, Redacted};
use serde_json::Value;

use super::Body;
use crate::row::Row;

/// What Google keeps, in characters; the rest it cuts off without a word.
// quirk: google-38
const LONGEST: usize = 8192;

/// What is left free of that in a text that is cut: whoever adds a line to it at Google must not
/// push the sign out of what is kept.
const FREE: usize = 1024;

/// What shows that a text goes on elsewhere.
const CUT: char = '…';

/// What opens and closes the lines around Google's block about a conference.
const BLOCK: (&str, &str) = ("-::~", "::-");

pub(super) fn read(text: Option<&str>) -> Option<Redacted<String>> {
    let text = text?.replace("\r\n", "\n");
    let (text, _) = without_block(&text);
    let text = if is_html(&text) { to_text(&text) } else { text };
    (!text.is_empty()).then(|| text.into())
}

// quirk: google-38
pub(super) fn write(event: &Event, held: Option<&Row>, body: &mut Body) {
    let stated = held.and_then(|row| row.value().get("description")).and_then(Value::as_str);
    let block = stated.and_then(|stated| without_block(stated).1);
    let text = event.description.as_ref().map(|text| text.expose().as_str()).unwrap_or_default();
    let mut written = if reads_as_itself(text) { text.to_owned() } else { escape(text) };
    let room = LONGEST - block.as_ref().map_or(0, |block| length(block) + 2);
    if length(&written) > room {
        written = cut(&written, room.saturating_sub(FREE));
    }
    if let Some(block) = block {
        written = if written.is_empty() { block } else { format!("{written}\n\n{block}") };
    }
    let value = if written.is_empty() { Value::Null } else { Value::from(written) };
    body.insert("description".to_owned(), value);
}

/// What stands before the sign that a text goes on elsewhere; `None` for one that does not say so.
pub(crate) fn before_cut(text: &str) -> Option<&str> {
    text.trim_end().strip_suffix(CUT)
}

fn reads_as_itself(text: &str) -> bool {
    read(Some(text)).map_or(text.is_empty(), |read| read.expose() == text)
}

/// Characters as JavaScript and Java count them: never less than any other way.
fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

/// The beginning of a text, not cut within an escaped letter, with a sign that it goes on.
fn cut(text: &str, room: usize) -> String {
    let mut used = 0;
    let mut kept: String = text
        .chars()
        .take_while(|c| {
            used += c.len_utf16();
            used < room
        })
        .collect();
    if let Some(at) = kept.rfind('&')
        && !kept[at..].contains(';')
        && is_html(text)
    {
        kept.truncate(at);
    }
    kept.push(CUT);
    kept
}

/// The text without Google's block about a conference, and the block.
// quirk: google-38
fn without_block(text: &str) -> (String, Option<String>) {
    let is_edge = |line: &str| {
        let line = line.trim();
        line.len() > BLOCK.0.len() + BLOCK.1.len()
            && line.starts_with(BLOCK.0)
            && line.ends_with(BLOCK.1)
    };
    let lines: Vec<&str> = text.split('\n').collect();
    let Some(first) = lines.iter().position(|line| is_edge(line)) else {
        return (text.to_owned(), None);
    };
    let Some(last) = lines[first + 1..].iter().position(|line| is_edge(line)) else {
        return (text.to_owned(), None);
    };
    let last = first + 1 + last;
    let before = lines[..first].join("\n");
    let after = lines[last + 1..].join("\n");
    let rest = match (before.trim_end(), after.trim_start()) {
        (before, "") => before.to_owned(),
        ("", after) => after.to_owned(),
        (before, after) => format!("{before}\n\n{after}"),
    };
    (rest, Some(lines[first..=last].join("\n")))
}

/// Elements that people's editors put into descriptions.
const ELEMENTS: &[&str] = &[
    "a",
    "abbr",
    "b",
    "blockquote",
    "body",
    "br",
    "center",
    "code",
    "del",
    "div",
    "em",
    "font",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "head",
    "hr",
    "html",
    "html-blob",
    "i",
    "img",
    "ins",
    "li",
    "o:p",
    "ol",
    "p",
    "pre",
    "s",
    "small",
    "span",
    "strike",
    "strong",
    "style",
    "sub",
    "sup",
    "table",
    "tbody",
    "td",
    "th",
    "thead",
    "tr",
    "tt",
    "u",
    "ul",
];

/// Those that begin and end a line.
const BLOCKS: &[&str] = &[
    "blockquote",
    "center",
    "div",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "li",
    "ol",
    "p",
    "pre",
    "table",
    "tr",
    "ul",
];

/// Those that stand beside another one.
const CELLS: &[&str] = &["td", "th"];

/// A tag, and how long it is in the text.
struct Tag<'t> {
    name: String,
    closes: bool,
    attributes: &'t str,
    length: usize,
}

fn is_html(text: &str) -> bool {
    text.match_indices(['<', '&']).any(|(at, _)| {
        let rest = &text[at..];
        tag(rest).is_some() || entity(rest).is_some()
    })
}

/// The tag that a text opens with, if it is one that a browser would take for one.
fn tag(text: &str) -> Option<Tag<'_>> {
    let inner = text.strip_prefix('<')?;
    let end = inner.find('>')?;
    let inner = &inner[..end];
    let (closes, inner) = match inner.strip_prefix('/') {
        Some(inner) => (true, inner),
        None => (false, inner),
    };
    let name_end = inner.find(|c: char| c.is_whitespace() || c == '/').unwrap_or(inner.len());
    let name = inner[..name_end].to_ascii_lowercase();
    let attributes = &inner[name_end..];
    ELEMENTS.contains(&name.as_str()).then_some(Tag { name, closes, attributes, length: end + 2 })
}

/// The character that a text opens with in escaped form, and how long that is.
fn entity(text: &str) -> Option<(char, usize)> {
    let end = text.bytes().take(12).position(|byte| byte == b';')?;
    let name = text[..end].strip_prefix('&')?;
    let c = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        "copy" => '©',
        "reg" => '®',
        "trade" => '™',
        "deg" => '°',
        "euro" => '€',
        "pound" => '£',
        "sect" => '§',
        "middot" => '·',
        "bull" => '•',
        "hellip" => '…',
        "ndash" => '–',
        "mdash" => '—',
        "lsquo" => '‘',
        "rsquo" => '’',
        "ldquo" => '“',
        "rdquo" => '”',
        "bdquo" => '„',
        "laquo" => '«',
        "raquo" => '»',
        "auml" => 'ä',
        "ouml" => 'ö',
        "uuml" => 'ü',
        "Auml" => 'Ä',
        "Ouml" => 'Ö',
        "Uuml" => 'Ü',
        "szlig" => 'ß',
        "eacute" => 'é',
        "egrave" => 'è',
        "agrave" => 'à',
        "ccedil" => 'ç',
        "ntilde" => 'ñ',
        "times" => '×',
        _ => {
            let digits = name.strip_prefix('#')?;
            let code = match digits.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => digits.parse().ok()?,
            };
            match char::from_u32(code)? {
                '\u{a0}' => ' ',
                c if c.is_control() && c != '\n' => return None,
                c => c,
            }
        }
    };
    Some((c, end + 1))
}

/// What is shown of HTML.
fn to_text(html: &str) -> String {
    let mut out = String::with_capacity(html.len());
    // The target of the link that is open, and where its text begins.
    let mut link: Option<(String, usize)> = None;
    let mut rest = html;
    while let Some(c) = rest.chars().next() {
        if let Some(tag) = tag(rest) {
            rest = &rest[tag.length..];
            if tag.name == "style" && !tag.closes {
                rest = behind_style(rest);
            } else if tag.name == "a" {
                close_link(&mut out, link.take());
                link = target(&tag).map(|target| (target, out.len()));
            } else if tag.name == "br" {
                out.push('\n');
            } else if CELLS.contains(&tag.name.as_str()) && !tag.closes {
                next_cell(&mut out);
            } else if BLOCKS.contains(&tag.name.as_str()) {
                end_line(&mut out);
                if tag.name == "li" && !tag.closes {
                    out.push_str("- ");
                }
            }
        } else if let Some((c, length)) = entity(rest) {
            out.push(c);
            rest = &rest[length..];
        } else {
            out.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    close_link(&mut out, link);
    out.trim_matches('\n').to_owned()
}

/// What follows on the rules of a style sheet. Where nothing ends them, they are not taken for
/// rules: better they are shown than all that stands behind them is lost.
fn behind_style(rest: &str) -> &str {
    let end = rest.match_indices("</").find(|(at, _)| {
        let name = rest.get(at + 2..at + 7);
        name.is_some_and(|name| name.eq_ignore_ascii_case("style"))
    });
    end.map_or(rest, |(at, _)| &rest[at..])
}

/// Cells of one row stand side by side, and not as one word.
fn next_cell(out: &mut String) {
    if !out.is_empty() && !out.ends_with(char::is_whitespace) {
        out.push(' ');
    }
}

fn end_line(out: &mut String) {
    if !out.is_empty() && !out.ends_with('\n') {
        out.push('\n');
    }
}

/// Where a link leads, unless it closes one.
fn target(tag: &Tag<'_>) -> Option<String> {
    // In lower case the text has the same length: only ASCII letters change.
    let at = tag.attributes.to_ascii_lowercase().find("href=")?;
    let value = &tag.attributes[at + "href=".len()..];
    let value = match value.chars().next()? {
        quote @ ('"' | '\'') => value[1..].split(quote).next()?,
        _ => value.split_whitespace().next()?,
    };
    let value = value.replace("&amp;", "&");
    (!tag.closes && !value.is_empty()).then_some(value)
}

/// A link whose text does not say where it leads says it behind.
fn close_link(out: &mut String, link: Option<(String, usize)>) {
    let Some((target, from)) = link else { return };
    let shown = out[from.min(out.len())..].trim();
    let bare = |text: &str| {
        let text = text.trim_start_matches("https://").trim_start_matches("http://");
        text.trim_start_matches("mailto:").trim_end_matches('/').to_owned()
    };
    if bare(shown) != bare(&target) {
        out.push_str(&format!(" <{target}>"));
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::super::testing::{event, row, written};
    use super::*;
    use model::Field;
    use serde_json::json;

    fn read_text(html: &str) -> String {
        read(Some(html)).map(Redacted::into_inner).unwrap_or_default()
    }

    #[test]
    fn html_is_shown_as_text() {
        for (html, want) in [
            ("a < b & c > d", "a < b & c > d"),
            ("x <me@example.org>", "x <me@example.org>"),
            ("one<br>two<br/>three", "one\ntwo\nthree"),
            ("<p>one</p><p>two</p>", "one\ntwo"),
            ("<ul><li>a</li><li><b>b</b></li></ul>", "- a\n- b"),
            ("<a href=\"https://x.test/a\">here</a>!", "here <https://x.test/a>!"),
            ("<a href=\"https://x.test/\">x.test</a>", "x.test"),
            ("a &amp; b&nbsp;c &#228;", "a & b c ä"),
            ("one\r\ntwo", "one\ntwo"),
            ("<style>p {}</style><div>a</div>", "a"),
        ] {
            assert_eq!(read_text(html), want, "{html}");
        }
    }

    #[test]
    fn every_text_reads_back_as_itself() {
        for text in [
            "plain",
            "a < b & c",
            "<b>not bold</b>",
            "&amp; is an ampersand",
            "1 <br> 2\n<a href=x>y</a>",
            "if (a<b) { c & d; }",
            "Zeile äöü 日本 🎈, Komma; \\ \"x\"\n\n  indented",
        ] {
            let mut event = event(json!({}));
            event.description = Some(text.into());
            let keys = written(Field::Description, &event);
            let again = super::super::testing::event(keys);
            assert_eq!(again.description, event.description, "{text}");
        }
    }

    // quirk: google-38
    #[test]
    fn a_conference_block_is_no_text_and_stays() {
        let block = "-::~:~::~:~:~::-\nJoin with Google Meet: https://meet.google.com/a\n-::~:~::-";
        let stated = format!("Bring cake\n\n{block}");
        assert_eq!(read_text(&stated), "Bring cake");
        let held = row(json!({"description": stated}));
        let mut event = event(json!({"description": stated}));
        event.description = Some("Bring tea".into());
        let mut body = Body::new();
        write(&event, Some(&held), &mut body);
        assert_eq!(body["description"], format!("Bring tea\n\n{block}"));
    }

    // quirk: google-38
    #[test]
    fn what_is_too_long_is_cut_where_it_shows() {
        let mut event = event(json!({}));
        event.description = Some("🎈".repeat(5000).into());
        let keys = written(Field::Description, &event);
        let text = keys["description"].as_str().unwrap();
        assert!(length(text) <= LONGEST && text.ends_with(CUT), "{}", length(text));
        event.description = Some("<b>&".repeat(2000).into());
        let keys = written(Field::Description, &event);
        let text = keys["description"].as_str().unwrap();
        assert!(
            length(text) <= LONGEST && text.ends_with("&lt;…") || text.ends_with(";…"),
            "{text}"
        );
    }

    // quirk: google-38
    #[test]
    fn html_in_any_case_loses_nothing_that_is_shown() {
        for (html, want) in [
            ("<STYLE>p {}</STYLE>Bring cake", "Bring cake"),
            ("<style>p {}</Style >Bring cake", "Bring cake"),
            ("<style>Bring cake", "Bring cake"),
            ("see <A HREF=\"https://x.test/a\">here</A>", "see here <https://x.test/a>"),
            ("&copy; 2026 &ndash; M&uuml;ller", "© 2026 – Müller"),
            ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
        ] {
            let read = read(Some(html)).unwrap();
            assert_eq!(read.expose(), want, "{html}");
        }
    }
}
