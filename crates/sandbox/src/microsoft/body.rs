//! Bodies: kept as HTML, whatever was written; shown as HTML or as what Exchange makes text of it.
//!
//! Text to HTML and back is no identity: line ends, blanks at their ends, and one more line end.
// quirk: microsoft-30

/// What stands before and behind the body that a client wrote.
const HEAD: &str = "<html><head>\r\n<meta http-equiv=\"Content-Type\" content=\"text/html; \
                    charset=utf-8\">\r\n";
const FROM_TEXT: &str = "<meta name=\"Generator\" content=\"Microsoft Exchange Server\">\r\n\
                         <!-- converted from text -->\r\n\
                         <style><!-- .EmailQuote { margin-left: 1pt; } --></style></head>\r\n\
                         <body>\r\n<font size=\"2\"><span style=\"font-size:11pt;\">\
                         <div class=\"PlainText\">";
const FROM_TEXT_END: &str = "</div></span></font>\r\n</body>\r\n</html>\r\n";

/// Stands in the block that joins an online meeting.
pub(super) const JOIN_MARK: &str = "________________________________________________";

/// Text as it is kept.
pub(super) fn of_text(text: &str) -> String {
    if text.trim().is_empty() {
        return String::new();
    }
    let lines = text.replace("\r\n", "\n").replace('\r', "\n");
    let lines: Vec<String> = lines.split('\n').map(line).collect();
    format!("{HEAD}{FROM_TEXT}{}{FROM_TEXT_END}", lines.join("<br>\r\n"))
}

/// A line: escaped, runs of blanks and leading ones kept by blanks that do not break.
fn line(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let text = text.replace('\t', "        ");
    let mut out = String::new();
    let mut was_blank = true;
    for character in text.trim_end().chars() {
        match (character, was_blank) {
            (' ', true) => out.push_str("&nbsp;"),
            (' ', false) => out.push(' '),
            (other, _) => out.push(other),
        }
        was_blank = character == ' ';
    }
    out
}

/// HTML as it is kept.
pub(super) fn of_html(html: &str) -> String {
    if html.trim().is_empty() {
        return String::new();
    }
    if html.to_ascii_lowercase().contains("<html") {
        return html.to_owned();
    }
    format!("{HEAD}</head>\r\n<body>\r\n{html}\r\n</body>\r\n</html>\r\n")
}

/// What is kept, as text: CRLF, and one more line end.
pub(super) fn text_of(html: &str, empty_breaks: bool) -> String {
    if html.is_empty() {
        return if empty_breaks { "\r\n".to_owned() } else { String::new() };
    }
    let text = plain(html);
    format!("{}\r\n", text.trim_end().replace('\n', "\r\n"))
}

/// The text of HTML, lines ended by `\n`.
pub(super) fn plain(html: &str) -> String {
    let lower = html.to_ascii_lowercase();
    let from = lower.find("<body").and_then(|at| Some(at + lower[at..].find('>')? + 1));
    let until = lower.rfind("</body").unwrap_or(html.len());
    let inner = &html[from.unwrap_or(0).min(until)..until];
    let mut out = String::new();
    let mut links: Vec<(String, usize)> = Vec::new();
    let mut rest = inner;
    while let Some(at) = rest.find('<') {
        words(&rest[..at], &mut out);
        let Some(end) = rest[at..].find('>') else { break };
        tag(&rest[at + 1..at + end], &mut out, &mut links);
        rest = &rest[at + end + 1..];
    }
    words(rest, &mut out);
    out.trim_start_matches('\n').to_owned()
}

fn tag(tag: &str, out: &mut String, links: &mut Vec<(String, usize)>) {
    let name: String = tag.chars().take_while(|c| !c.is_whitespace()).collect();
    match name.trim_end_matches('/').to_ascii_lowercase().as_str() {
        "br" => out.push('\n'),
        "p" | "div" | "li" | "tr" if !out.is_empty() && !out.ends_with('\n') => out.push('\n'),
        "/p" if !out.ends_with("\n\n") => out.push_str("\n\n"),
        "a" => {
            let target = tag.split_once("href=\"").and_then(|(_, rest)| rest.split_once('"'));
            links.push((target.map(|(url, _)| url.to_owned()).unwrap_or_default(), out.len()));
        }
        "/a" => {
            // A link whose words are not its address is followed by it.
            if let Some((url, at)) = links.pop()
                && !url.is_empty()
                && out.get(at..).is_some_and(|words| words != url)
            {
                out.push('<');
                out.push_str(&url);
                out.push('>');
            }
        }
        _ => {}
    }
}

/// Words between tags: white space is one blank, entities are characters.
fn words(text: &str, out: &mut String) {
    let mut word = String::new();
    for character in text.chars() {
        let is_space = character.is_ascii_whitespace();
        let so_far = if word.is_empty() { out.as_str() } else { word.as_str() };
        if !is_space {
            word.push(character);
        } else if !so_far.is_empty() && !so_far.ends_with(['\n', ' ']) {
            word.push(' ');
        }
    }
    let entities =
        [("&nbsp;", " "), ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'")];
    for (entity, character) in entities {
        word = word.replace(entity, character);
    }
    out.push_str(&word.replace("&amp;", "&"));
}

#[cfg(test)]
mod tests {
    use super::*;

    // quirk: microsoft-30
    #[test]
    fn text_comes_back_almost_as_it_was() {
        for (written, read) in [
            ("Agenda", "Agenda\r\n"),
            ("one\ntwo\r\n\r\nthree  \n\n", "one\r\ntwo\r\n\r\nthree\r\n"),
            ("  a <b> & c  d", "  a <b> & c  d\r\n"),
            ("", "\r\n"),
        ] {
            assert_eq!(text_of(&of_text(written), true), read, "{written:?}");
        }
        assert_eq!(text_of("", false), "");
        let html = "<p>See <a href=\"https://x.example/\">here</a></p><p>Bye</p>";
        assert_eq!(text_of(&of_html(html), true), "See here<https://x.example/>\r\n\r\nBye\r\n");
    }
}
