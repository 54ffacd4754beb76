//! `body`: Exchange keeps HTML, and gives it as text where that is preferred: with CRLF, blanks
//! that don't break, and a line break at the end, of which a text has none. A meeting online keeps
//! its way in in the body: that one is never written.

use model::{Event, Redacted};
use serde_json::json;

use super::Body;
use crate::row::Row;

pub(super) fn read(row: &Row) -> Option<Redacted<String>> {
    let body = row.get("body")?;
    let content = body.get("content")?.as_str()?;
    let is_html = body.get("contentType").and_then(|kind| kind.as_str()) == Some("html");
    let text = if is_html { of_html(content) } else { content.to_owned() };
    let text = plain(&text);
    (!text.is_empty()).then(|| text.as_str().into())
}

// quirk: microsoft-30, microsoft-56
pub(super) fn write(event: &Event, held: Option<&Row>, patch: &mut Body) {
    if held.is_some_and(Row::is_online) {
        return;
    }
    let text = event.description.as_ref().map(|text| text.expose().as_str()).unwrap_or_default();
    patch.insert("body".to_owned(), json!({"contentType": "text", "content": text}));
}

/// A text without what Exchange does to it.
// quirk: microsoft-30
fn plain(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace(['\r'], "\n").replace('\u{a0}', " ");
    let lines: Vec<&str> =
        text.split('\n').map(|line| line.trim_end_matches([' ', '\t'])).collect();
    lines.join("\n").trim_end().to_owned()
}

/// HTML as text: for answers to which the preference for text was not applied.
fn of_html(html: &str) -> String {
    let mut text = String::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        push(&mut text, &rest[..at]);
        let Some(end) = rest[at..].find('>') else { break };
        let tag = &rest[at + 1..at + end];
        let name = tag.trim_start_matches('/').split([' ', '/', '\r', '\n', '\t']).next();
        let name = name.unwrap_or_default().to_ascii_lowercase();
        rest = &rest[at + end + 1..];
        match (name.as_str(), tag.starts_with('/')) {
            ("br", _) | ("p" | "div" | "li" | "tr" | "h1" | "h2" | "h3", true) => text.push('\n'),
            ("head" | "style" | "script" | "title", false) => {
                let close = format!("</{name}");
                let skipped = rest.to_ascii_lowercase().find(&close);
                rest = skipped.map_or("", |at| &rest[at..]);
            }
            _ if tag.starts_with("!--") => {}
            _ => {}
        }
    }
    push(&mut text, rest);
    text.trim().to_owned()
}

/// Text between tags: white space is one blank, and letters may have names.
fn push(text: &mut String, piece: &str) {
    let mut blank = text.is_empty() || text.ends_with(['\n', ' ']);
    let mut folded = String::new();
    for c in piece.chars() {
        let is_blank = matches!(c, ' ' | '\t' | '\r' | '\n');
        if is_blank && blank {
            continue;
        }
        blank = is_blank;
        folded.push(if is_blank { ' ' } else { c });
    }
    for (name, letter) in
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&nbsp;", " ")]
    {
        folded = folded.replace(name, letter);
    }
    text.push_str(&folded.replace("&amp;", "&"));
}

#[cfg(test)]
mod tests {
    use super::super::testing::{event, frame, round_trip, row, written};
    use super::super::{self as fields, Body};
    use model::Field;
    use serde_json::json;

    fn text(content: &str) -> serde_json::Value {
        json!({"body": {"contentType": "text", "content": content}})
    }

    // quirk: microsoft-30
    #[test]
    fn what_exchange_does_to_a_text_is_no_change() {
        let written = "One\n\ttwo  <three>";
        let read = round_trip(Field::Description, text("One\r\n\ttwo\u{a0} <three>\r\n"));
        assert_eq!(read.description.unwrap().expose(), written);
        for empty in [text("\r\n"), text(""), json!({"body": null}), json!({})] {
            assert_eq!(event(empty).description, None);
        }
    }

    #[test]
    fn html_is_read_as_the_text_that_it_shows() {
        let html = "<html><head><meta http-equiv=\"x\"><style>p {}</style></head>\r\n<body>\r\n\
                    <!-- converted --><p>Bring:<br>pens &amp; <b>paper</b></p></body></html>";
        let keys = json!({"body": {"contentType": "html", "content": html}});
        assert_eq!(event(keys).description.unwrap().expose(), "Bring:\npens & paper");
    }

    // quirk: microsoft-56
    #[test]
    fn the_body_of_a_meeting_online_is_never_written() {
        let held = row(json!({"isOnlineMeeting": true}));
        let mut patch = Body::new();
        let event = event(text("x"));
        fields::write(Field::Description, &event, Some(&held), &frame(), &mut patch).unwrap();
        assert!(patch.is_empty());
        assert_eq!(written(Field::Description, &event), text("x"));
    }
}
