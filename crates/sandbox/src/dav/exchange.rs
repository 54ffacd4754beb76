//! A request and an answer, without a socket.

use std::collections::BTreeMap;

use super::profile::Profile;
use super::xml::{self, Node, TextStyle};
use super::{Quirk, Server};

/// A request.
pub(super) struct Ask {
    /// 0 for the first host, then the partitions.
    pub(super) host: usize,
    pub(super) method: String,
    /// As it was sent, percent-encoded.
    pub(super) path: String,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Vec<u8>,
}

impl Ask {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    pub(super) fn depth(&self) -> &str {
        self.header("depth").unwrap_or("infinity")
    }
}

/// An answer, and what becomes of it.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
    pub(super) fate: Fate,
}

/// What becomes of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Delivered,
    /// The connection breaks before the first byte.
    Dropped,
    /// The connection breaks in the middle of the body.
    Cut,
}

impl Answer {
    pub(super) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new(), fate: Fate::Delivered }
    }

    pub(super) fn dropped() -> Self {
        Self { fate: Fate::Dropped, ..Self::empty(500) }
    }

    /// What the edge in front of iCloud's servers says to what it does not understand.
    pub(super) fn edge() -> Self {
        let page = "<html>\r\n<head><title>400 Bad Request</title></head>\r\n<body>\r\n<center>\
                    <h1>400 Bad Request</h1></center>\r\n<hr><center>AppleHttpServer/\
                    0123456789ab</center>\r\n</body>\r\n</html>\r\n";
        let mut answer = Self::empty(400);
        answer.body = page.as_bytes().to_vec();
        answer.header("Content-Type", "text/html").header("Connection", "close")
    }

    /// A page of a web site, with status 200.
    // quirk: icloud-68
    pub(super) fn page() -> Self {
        let mut answer = Self::empty(200);
        answer.body = b"<html><body>We'll be right back.</body></html>".to_vec();
        answer.header("Content-Type", "text/html; charset=utf-8")
    }

    pub(super) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

impl Server {
    /// An XML answer in the profile's style.
    pub(super) fn xml(&self, status: u16, root: &Node) -> Answer {
        let mut answer = Answer::empty(status);
        // quirk: icloud-14
        let text = if self.profile.has(Quirk::CharacterSections) {
            TextStyle::CharacterSection
        } else {
            TextStyle::Escaped
        };
        answer.body = xml::write(root, self.profile.xml, text).into_bytes();
        answer.header("Content-Type", "text/xml; charset=UTF-8")
    }

    /// A refusal with its precondition (RFC 4918 section 16), where it is named.
    pub(super) fn refusal(&self, status: u16, condition: Option<Node>) -> Answer {
        match condition {
            None => Answer::empty(status),
            Some(node) => self.xml(status, &Node::new(xml::DAV, "error").with(node)),
        }
    }
}

/// One `response` of a multistatus.
pub(super) struct Member {
    pub(super) href: String,
    pub(super) found: Vec<Node>,
    pub(super) missing: Vec<Node>,
    /// A status for the whole, in place of properties.
    pub(super) status: Option<u16>,
}

impl Member {
    pub(super) fn with_status(href: String, status: u16) -> Self {
        Self { href, found: Vec::new(), missing: Vec::new(), status: Some(status) }
    }

    pub(super) fn with(href: String, found: Vec<Node>) -> Self {
        Self { href, found, missing: Vec::new(), status: None }
    }

    pub(super) fn node(self, profile: &Profile) -> Node {
        let href = Node::new(xml::DAV, "href").text(self.href);
        let mut response = Node::new(xml::DAV, "response").with(href);
        if let Some(status) = self.status {
            // quirk: icloud-26 (a bare status, no reason)
            return response.with(status_line(status, Reason::Left));
        }
        let reason = if profile.has(Quirk::BareStatus) { Reason::Left } else { Reason::Given };
        // quirk: icloud-17
        let groups = if profile.has(Quirk::SplitProperties) && self.found.len() > 1 {
            let mut found = self.found;
            let second = found.split_off(found.len() / 2);
            vec![(200, found), (200, second)]
        } else {
            vec![(200, self.found)]
        };
        // quirk: icloud-16 (what is missing comes as empty elements)
        for (status, properties) in groups.into_iter().chain([(404, self.missing)]) {
            if properties.is_empty() {
                continue;
            }
            let properties = Node::new(xml::DAV, "prop").all(properties);
            let line = status_line(status, reason);
            // quirk: icloud-15
            let group = Node::new(xml::DAV, "propstat");
            response = response.with(if profile.has(Quirk::BareStatus) {
                group.with(line).with(properties)
            } else {
                group.with(properties).with(line)
            });
        }
        response
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    Given,
    Left,
}

pub(super) fn status_line(status: u16, reason: Reason) -> Node {
    let words = match status {
        200 => " OK",
        404 => " Not Found",
        507 => " Insufficient Storage",
        _ => "",
    };
    let words = if reason == Reason::Given { words } else { "" };
    Node::new(xml::DAV, "status").text(format!("HTTP/1.1 {status}{words}"))
}
