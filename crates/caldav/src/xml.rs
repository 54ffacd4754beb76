//! XML as WebDAV servers write it, over quick-xml: elements by namespace and local name whatever
//! their prefix, text in one piece whatever it was cut into, and nothing that a document type
//! could bring along.
//!
//! A document is walked once, by recursive descent: every element is either entered
//! ([`Xml::children`]), read as text ([`Xml::text`]) or passed over ([`Xml::skip`]).

use std::borrow::Cow;
use std::fmt;

use quick_xml::NsReader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;

/// WebDAV answers nest about ten levels; no server needs more than this, a bomb does.
const DEEPEST: usize = 64;

/// Why a document is not believed.
#[derive(Debug)]
pub(crate) struct Broken(Cow<'static, str>);

impl Broken {
    pub(crate) fn new(why: impl Into<Cow<'static, str>>) -> Self {
        Self(why.into())
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Broken {}

pub(crate) type Result<T> = std::result::Result<T, Broken>;

/// The namespaces that calendars are described in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Space {
    /// `DAV:`
    Dav,
    /// `urn:ietf:params:xml:ns:caldav`
    CalDav,
    /// `http://calendarserver.org/ns/`
    CalendarServer,
    /// `http://apple.com/ns/ical/`
    Apple,
    /// Any other, and none.
    Other,
}

/// An element's name and what calpair reads of its attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) space: Space,
    pub(crate) local: String,
    /// The `name` attribute (of CALDAV:comp).
    pub(crate) label: Option<String>,
}

impl Name {
    /// The name as it is matched.
    pub(crate) fn parts(&self) -> (Space, &str) {
        (self.space, &self.local)
    }
}

/// A document being read.
pub(crate) struct Xml<'a> {
    reader: NsReader<&'a [u8]>,
    depth: usize,
}

enum Piece<'a> {
    Open(Name),
    Close,
    Text(Cow<'a, str>),
    End,
}

impl<'a> Xml<'a> {
    /// A document; UTF-8, with or without a byte order mark.
    pub(crate) fn new(body: &'a [u8]) -> Result<Self> {
        let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
        let text = std::str::from_utf8(body).map_err(|_| Broken::new("it is not UTF-8"))?;
        let mut reader = NsReader::from_str(text);
        let config = reader.config_mut();
        config.expand_empty_elements = true;
        config.check_end_names = true;
        Ok(Self { reader, depth: 0 })
    }

    /// Reads the root element with `read`, then requires that nothing follows.
    pub(crate) fn root<T>(&mut self, read: impl FnOnce(&mut Self, Name) -> Result<T>) -> Result<T> {
        let value = loop {
            match self.next()? {
                Piece::Open(name) => break read(self, name)?,
                Piece::Text(text) if text.trim().is_empty() => {}
                Piece::Text(_) => return Err(Broken::new("text stands before the first element")),
                Piece::Close | Piece::End => return Err(Broken::new("it has no element")),
            }
        };
        loop {
            match self.next()? {
                Piece::End => return Ok(value),
                Piece::Text(text) if text.trim().is_empty() => {}
                _ => return Err(Broken::new("something follows the last element")),
            }
        }
    }

    /// Hands each child of the element that was just opened to `read`, which must read all of it;
    /// ends after the closing tag.
    pub(crate) fn children(
        &mut self,
        mut read: impl FnMut(&mut Self, Name) -> Result<()>,
    ) -> Result<()> {
        loop {
            match self.next()? {
                Piece::Open(name) => read(self, name)?,
                Piece::Close => return Ok(()),
                Piece::Text(_) => {}
                Piece::End => return Err(Broken::new("it ends before its last element does")),
            }
        }
    }

    /// The text of the element that was just opened, trimmed; elements in it are passed over.
    // quirk: icloud-14
    pub(crate) fn text(&mut self) -> Result<String> {
        let mut text = String::new();
        loop {
            match self.next()? {
                Piece::Open(_) => self.skip()?,
                Piece::Close => break,
                Piece::Text(piece) if text.is_empty() => text = piece.into_owned(),
                Piece::Text(piece) => text.push_str(&piece),
                Piece::End => return Err(Broken::new("it ends before its last element does")),
            }
        }
        let trimmed = text.trim();
        Ok(if trimmed.len() == text.len() { text } else { trimmed.to_owned() })
    }

    /// Passes over the element that was just opened.
    pub(crate) fn skip(&mut self) -> Result<()> {
        let outside = self.depth - 1;
        while self.depth > outside {
            if let Piece::End = self.next()? {
                return Err(Broken::new("it ends before its last element does"));
            }
        }
        Ok(())
    }

    fn next(&mut self) -> Result<Piece<'a>> {
        loop {
            let event = self.reader.read_event().map_err(|error| {
                // The position helps nobody and the cause may quote the document.
                let _ = error;
                Broken::new("it is not well-formed")
            })?;
            return Ok(match event {
                Event::Start(start) => {
                    self.depth += 1;
                    if self.depth > DEEPEST {
                        return Err(Broken::new("it nests too deeply"));
                    }
                    Piece::Open(self.name(&start)?)
                }
                Event::End(_) => {
                    self.depth -= 1;
                    Piece::Close
                }
                Event::Text(text) => Piece::Text(text.into_inner()),
                Event::CData(text) => Piece::Text(text.into_inner()),
                Event::GeneralRef(reference) => {
                    let character = reference
                        .resolve_char_ref()
                        .map_err(|_| Broken::new("it names a character that is none"))?;
                    match character {
                        Some(character) => Piece::Text(character.to_string().into()),
                        None => resolve_predefined_entity(&reference.into_inner())
                            .map(|text| Piece::Text(text.into()))
                            .ok_or(Broken::new("it names an entity that XML doesn't have"))?,
                    }
                }
                Event::Eof if self.depth > 0 => {
                    return Err(Broken::new("it ends before its last element does"));
                }
                Event::Eof => Piece::End,
                Event::DocType(_) => return Err(Broken::new("it has a document type")),
                Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) => continue,
            });
        }
    }

    fn name(&self, start: &BytesStart<'_>) -> Result<Name> {
        let (space, local) = self.reader.resolver().resolve_element(start.name());
        let space = match space {
            ResolveResult::Bound(namespace) => match namespace.0 {
                "DAV:" => Space::Dav,
                "urn:ietf:params:xml:ns:caldav" => Space::CalDav,
                "http://calendarserver.org/ns/" => Space::CalendarServer,
                "http://apple.com/ns/ical/" => Space::Apple,
                _ => Space::Other,
            },
            ResolveResult::Unbound => Space::Other,
            ResolveResult::Unknown(_) => return Err(Broken::new("it uses an undeclared prefix")),
        };
        let local = local.into_inner().to_owned();
        let label = match (space, local.as_str()) {
            (Space::CalDav, "comp") => start
                .try_get_attribute("name")
                .map_err(|_| Broken::new("it is not well-formed"))?
                .map(|attribute| attribute.value.into_owned()),
            _ => None,
        };
        Ok(Name { space, local, label })
    }
}

/// Text as it may stand in an element.
pub(crate) fn escape(text: &str) -> Cow<'_, str> {
    quick_xml::escape::partial_escape(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The document as nested lists: `{space}local[...]` and text in quotes.
    fn outline(body: &[u8]) -> std::result::Result<String, String> {
        fn element(xml: &mut Xml<'_>, name: Name, out: &mut String) -> Result<()> {
            out.push_str(&format!("{:?}:{}[", name.space, name.local));
            if name.local == "t" {
                out.push_str(&xml.text()?);
            } else {
                xml.children(|xml, child| element(xml, child, out))?;
            }
            out.push(']');
            Ok(())
        }
        let mut out = String::new();
        let mut xml = Xml::new(body).map_err(|error| error.to_string())?;
        xml.root(|xml, name| element(xml, name, &mut out)).map_err(|error| error.to_string())?;
        Ok(out)
    }

    // quirk: icloud-13, icloud-14
    #[test]
    fn names_are_read_by_namespace_and_text_in_one_piece() {
        let cases = [
            ("<a xmlns='DAV:'/>", "Dav:a[]"),
            (
                "\u{FEFF}<?xml version='1.0'?>\n\n<D:a xmlns:D=\"DAV:\"><D:b/></D:a>\n",
                "Dav:a[Dav:b[]]",
            ),
            (
                "<a xmlns='DAV:'><b xmlns='urn:ietf:params:xml:ns:caldav'><c/></b><b/></a>",
                "Dav:a[CalDav:b[CalDav:c[]]Dav:b[]]",
            ),
            ("<a><x:b xmlns:x='http://apple.com/ns/ical/'/></a>", "Other:a[Apple:b[]]"),
            ("<t>&quot;1&quot;</t>", "Other:t[\"1\"]"),
            ("<t> a&amp;<![CDATA[<b>]]>&#x63;&#13;\r\n<!-- no -->d </t>", "Other:t[a&<b>c\r\r\nd]"),
            ("<t>a<b>no</b>c</t>", "Other:t[ac]"),
        ];
        for (body, expected) in cases {
            assert_eq!(outline(body.as_bytes()).as_deref(), Ok(expected), "{body}");
        }
    }

    #[test]
    fn what_is_not_whole_or_not_harmless_is_refused() {
        let deep = format!("{}{}", "<a>".repeat(100_000), "</a>".repeat(100_000));
        let bomb = "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>";
        let outside = "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>";
        let cases: [(&[u8], &str); 13] = [
            (b"", "no element"),
            (b"plain text", "text stands before"),
            (b"<a><b></b>", "ends before"),
            (b"<a><b></a>", "well-formed"),
            (b"<a", "well-formed"),
            (b"<a/><a/>", "follows"),
            (b"<a/>x", "follows"),
            (b"<x:a/>", "undeclared prefix"),
            (b"<a>&b;</a>", "entity"),
            (b"<a>\xFF</a>", "UTF-8"),
            (deep.as_bytes(), "deeply"),
            (bomb.as_bytes(), "document type"),
            (outside.as_bytes(), "document type"),
        ];
        for (body, expected) in cases {
            let said = outline(body).unwrap_err();
            assert!(said.contains(expected), "{said}: {:?}", &body[..body.len().min(40)]);
        }
    }
}
