//! XML both ways: requests are read by a real parser, answers are written in the style of the
//! server that is played.

use std::fmt::Write as _;

use quick_xml::NsReader;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;

/// `DAV:`.
pub(super) const DAV: &str = "DAV:";
/// CalDAV (RFC 4791).
pub(super) const CALDAV: &str = "urn:ietf:params:xml:ns:caldav";
/// Apple's Calendar Server.
pub(super) const SERVER: &str = "http://calendarserver.org/ns/";
/// Apple's calendar program.
pub(super) const APPLE: &str = "http://apple.com/ns/ical/";

/// Elements within one another in a request; clients need six.
const DEPTH: usize = 32;

/// An element.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) space: String,
    pub(super) name: String,
    pub(super) attributes: Vec<(String, String)>,
    pub(super) children: Vec<Node>,
    pub(super) text: String,
}

/// How answers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum XmlStyle {
    /// iCloud: no prefixes, each element repeats its `xmlns`, blank lines, single quotes.
    Apple,
    /// One prefix for each namespace, declared at the root.
    Prefixed,
    /// The same with upper-case prefixes and without line breaks.
    Dense,
}

/// How calendar text stands in answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TextStyle {
    Escaped,
    CharacterSection,
}

impl Node {
    pub(super) fn new(space: &str, name: &str) -> Self {
        Self { space: space.to_owned(), name: name.to_owned(), ..Self::default() }
    }

    pub(super) fn text(mut self, text: impl Into<String>) -> Self {
        self.text = text.into();
        self
    }

    pub(super) fn with(mut self, child: Node) -> Self {
        self.children.push(child);
        self
    }

    pub(super) fn all(mut self, children: impl IntoIterator<Item = Node>) -> Self {
        self.children.extend(children);
        self
    }

    pub(super) fn attribute(mut self, name: &str, value: &str) -> Self {
        self.attributes.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(super) fn is(&self, space: &str, name: &str) -> bool {
        self.space == space && self.name == name
    }

    pub(super) fn child(&self, space: &str, name: &str) -> Option<&Node> {
        self.children.iter().find(|child| child.is(space, name))
    }

    pub(super) fn named(&self, attribute: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(name, _)| name == attribute);
        found.map(|(_, value)| value.as_str())
    }
}

/// The root of a request body; `None` when it is not well-formed, has a DTD, or is too deep.
pub(super) fn parse(body: &[u8]) -> Option<Node> {
    let text = std::str::from_utf8(body).ok()?;
    let mut reader = NsReader::from_str(text);
    let mut open: Vec<Node> = Vec::new();
    let mut root = None;
    loop {
        let (space, event) = reader.read_resolved_event().ok()?;
        match event {
            Event::Start(start) => {
                let node = element(&space, &start)?;
                if root.is_some() || open.len() >= DEPTH {
                    return None;
                }
                open.push(node);
            }
            Event::Empty(start) => {
                let node = element(&space, &start)?;
                close(node, &mut open, &mut root)?;
            }
            Event::End(_) => {
                let node = open.pop()?;
                close(node, &mut open, &mut root)?;
            }
            Event::Text(piece) => append(&mut open, &piece.xml10_content())?,
            Event::CData(piece) => append(&mut open, &piece.xml10_content())?,
            Event::GeneralRef(reference) => {
                let character = match &*reference {
                    "amp" => '&',
                    "lt" => '<',
                    "gt" => '>',
                    "quot" => '"',
                    "apos" => '\'',
                    _ => reference.resolve_char_ref().ok()??,
                };
                append(&mut open, character.encode_utf8(&mut [0; 4]))?;
            }
            Event::DocType(_) => return None,
            Event::Eof => return if open.is_empty() { root } else { None },
            Event::Decl(_) | Event::Comment(_) | Event::PI(_) => {}
        }
    }
}

fn element(space: &ResolveResult<'_>, start: &BytesStart<'_>) -> Option<Node> {
    let space = match space {
        ResolveResult::Bound(namespace) => namespace.as_ref().to_owned(),
        ResolveResult::Unbound => String::new(),
        ResolveResult::Unknown(_) => return None,
    };
    let mut node = Node::new(&space, start.local_name().as_ref());
    for attribute in start.attributes() {
        let attribute = attribute.ok()?;
        let name = attribute.key.as_ref().to_owned();
        if name != "xmlns" && !name.starts_with("xmlns:") {
            let value = quick_xml::escape::unescape(&attribute.value).ok()?.into_owned();
            node.attributes.push((name, value));
        }
    }
    Some(node)
}

fn close(node: Node, open: &mut [Node], root: &mut Option<Node>) -> Option<()> {
    match open.last_mut() {
        Some(parent) => parent.children.push(node),
        None if root.is_none() => *root = Some(node),
        None => return None,
    }
    Some(())
}

fn append(open: &mut [Node], text: &str) -> Option<()> {
    match open.last_mut() {
        Some(node) => node.text.push_str(text),
        None if text.trim().is_empty() => {}
        None => return None,
    }
    Some(())
}

/// An answer as text.
pub(super) fn write(root: &Node, style: XmlStyle, text: TextStyle) -> String {
    let mut out = match style {
        XmlStyle::Apple => {
            "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n\n\n".to_owned()
        }
        XmlStyle::Prefixed => "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n".to_owned(),
        XmlStyle::Dense => "<?xml version='1.0' encoding='UTF-8'?>".to_owned(),
    };
    // quirk: icloud-13 (Apple's style)
    match style {
        XmlStyle::Apple => bare(root, "", 0, text, &mut out),
        XmlStyle::Prefixed => prefixed(root, ["d", "cal", "cs", "ical"], true, text, &mut out),
        XmlStyle::Dense => prefixed(root, ["D", "C", "CS", "A"], true, text, &mut out),
    }
    out
}

/// Elements whose `xmlns` is repeated even where it is inherited.
fn repeats(node: &Node, level: usize) -> bool {
    level <= 1
        || !matches!(node.name.as_str(), "href" | "propstat" | "prop" | "status" | "privilege")
}

fn bare(node: &Node, inherited: &str, level: usize, text: TextStyle, out: &mut String) {
    let indent = level.min(3) * 4;
    let _ = write!(out, "{:indent$}<{}", "", node.name);
    for (name, value) in &node.attributes {
        let _ = write!(out, " {name}='{}'", escaped(value));
    }
    let declared = node.space != inherited || repeats(node, level);
    if declared && inherited != "inherit" {
        let quote = if node.name == "comp" { '\'' } else { '"' };
        let _ = write!(out, " xmlns={quote}{}{quote}", node.space);
    }
    if node.children.is_empty() && node.text.is_empty() {
        out.push_str("/>\n");
        return;
    }
    out.push('>');
    out.push_str(&content(node, text));
    if !node.children.is_empty() {
        out.push('\n');
        for child in &node.children {
            bare(child, &node.space, level + 1, text, out);
        }
        let _ = write!(out, "{:indent$}", "");
    }
    let _ = writeln!(out, "</{}>", node.name);
    if level == 1 {
        out.push_str("\n\n");
    }
}

fn prefixed(node: &Node, prefixes: [&str; 4], root: bool, text: TextStyle, out: &mut String) {
    let spaces = [DAV, CALDAV, SERVER, APPLE];
    let at = spaces.iter().position(|space| *space == node.space);
    let name = match at {
        Some(at) => format!("{}:{}", prefixes[at], node.name),
        None => node.name.clone(),
    };
    let _ = write!(out, "<{name}");
    if root {
        for (prefix, space) in prefixes.iter().zip(spaces) {
            let _ = write!(out, " xmlns:{prefix}=\"{space}\"");
        }
    }
    if at.is_none() {
        let _ = write!(out, " xmlns=\"{}\"", escaped(&node.space));
    }
    for (name, value) in &node.attributes {
        let _ = write!(out, " {name}=\"{}\"", escaped(value));
    }
    if node.children.is_empty() && node.text.is_empty() {
        out.push_str("/>");
        return;
    }
    out.push('>');
    out.push_str(&content(node, text));
    for child in &node.children {
        prefixed(child, prefixes, false, text, out);
    }
    let _ = write!(out, "</{name}>");
}

fn content(node: &Node, text: TextStyle) -> String {
    let section = node.name == "calendar-data" && text == TextStyle::CharacterSection;
    if section && !node.text.is_empty() {
        // A section can't hold its own end: it is cut in two there.
        return format!("<![CDATA[{}]]>", node.text.replace("]]>", "]]]]><![CDATA[>"));
    }
    escaped(&node.text)
}

/// Text with what XML reserves as entities; carriage returns as references, so that they arrive.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\r' => out.push_str("&#13;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Node {
        let data = Node::new(CALDAV, "calendar-data").text("a & b ]]> c");
        let prop = Node::new(DAV, "prop").with(data).with(Node::new("urn:x", "odd"));
        let component = Node::new(CALDAV, "comp").attribute("name", "VEVENT");
        Node::new(DAV, "multistatus").with(Node::new(DAV, "response").with(prop).with(component))
    }

    fn trimmed(mut node: Node) -> Node {
        node.text = node.text.trim().to_owned();
        node.children = node.children.into_iter().map(trimmed).collect();
        node
    }

    #[test]
    fn every_style_means_the_same() {
        for style in [XmlStyle::Apple, XmlStyle::Prefixed, XmlStyle::Dense] {
            for text in [TextStyle::Escaped, TextStyle::CharacterSection] {
                let written = write(&sample(), style, text);
                let read = parse(written.as_bytes()).unwrap_or_else(|| panic!("{written}"));
                assert_eq!(trimmed(read), sample(), "{written}");
            }
        }
    }

    #[test]
    fn what_is_no_xml_is_refused() {
        let deep = format!("{}{}", "<a>".repeat(40), "</a>".repeat(40));
        for text in ["", "x", "<a>", "<a></b>", "<a/><b/>", "<p:a/>", "<!DOCTYPE a><a/>", &deep] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
        assert!(parse(b"<?xml version='1.0'?>\n<a xmlns='DAV:'>&amp;&#65;</a>\n").is_some());
    }
}
