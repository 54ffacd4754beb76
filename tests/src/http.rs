//! The back door into a calendar: GET, PUT, DELETE and a listing, without any of calpair's code.
//!
//! HTTP/1.0, one connection a request: the answer ends where the connection does, and there is
//! nothing to negotiate.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use base64::Engine as _;

/// A server of the tests that takes longer, on however busy a machine, does not answer at all.
const PATIENCE: Duration = Duration::from_secs(20);

/// The status of an answer that never came.
pub const NO_ANSWER: u16 = 0;

/// A calendar, as somebody else's client sees it.
#[derive(Clone, Debug)]
pub struct Collection {
    authority: String,
    path: String,
    authorization: String,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// One that came over no wire.
    pub const fn made(status: u16) -> Self {
        Self { status, body: Vec::new() }
    }

    /// The body as text, what is none replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Status and what the server says about it, in one line.
    pub fn reason(&self) -> String {
        let text = self.text();
        let mut words = String::new();
        let mut inside = false;
        for c in text.chars() {
            match c {
                '<' => inside = true,
                '>' => {
                    inside = false;
                    words.push(' ');
                }
                c if !inside || !text.contains("</") => words.push(c),
                _ => {}
            }
        }
        let names: Vec<&str> = text
            .split('<')
            .filter_map(|tag| tag.split(['>', ' ', '/']).next())
            .filter(|name| name.contains('-') && !name.starts_with(['!', '?']))
            .collect();
        let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
        let words: String = words.chars().take(100).collect();
        format!("{} {} {words}", self.status, names.join(" ")).trim_end().to_owned()
    }
}

impl Collection {
    /// The calendar at an `http` address, for that user.
    ///
    /// # Panics
    /// For any other address.
    pub fn new(url: &str, user: &str, password: &str) -> Self {
        let rest = url.strip_prefix("http://").unwrap_or_else(|| panic!("{url} is not http"));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let credential = base64::prelude::BASE64_STANDARD.encode(format!("{user}:{password}"));
        Self {
            authority: authority.to_owned(),
            path: format!("/{path}"),
            authorization: format!("Basic {credential}"),
        }
    }

    /// Stores a text under a name, whatever is there.
    pub fn put(&self, name: &str, raw: &[u8]) -> Answer {
        let headers = [("Content-Type", "text/calendar; charset=utf-8")];
        self.send("PUT", &self.place(name), &headers, raw)
    }

    /// The text under a name; `None` when nothing is there.
    pub fn get(&self, name: &str) -> Option<Vec<u8>> {
        let answer = self.send("GET", &self.place(name), &[], b"");
        (answer.status == 200).then_some(answer.body)
    }

    /// Deletes what is under a name.
    pub fn delete(&self, name: &str) -> Answer {
        self.send("DELETE", &self.place(name), &[], b"")
    }

    /// The names of everything in the calendar, decoded, and the version of each.
    ///
    /// # Panics
    /// When the server does not list.
    pub fn versions(&self) -> BTreeMap<String, String> {
        let body = b"<propfind xmlns=\"DAV:\"><prop><getetag/></prop></propfind>";
        let headers = [("Depth", "1"), ("Content-Type", "application/xml")];
        let answer = self.send("PROPFIND", &self.path, &headers, body);
        assert!(answer.status == 207, "PROPFIND: {}", answer.reason());
        let text = answer.text();
        let here = decode(&self.path);
        let one = |response: &str| {
            let (mut name, mut version) = (None, None);
            for tag in response.split('<') {
                let Some((tag, value)) = tag.split_once('>') else { continue };
                let local = tag.split(' ').next().and_then(|tag| tag.rsplit(':').next());
                let value = value.trim().replace("&amp;", "&").replace("&quot;", "\"");
                match local {
                    Some("href") => name = name.or(Some(decode(&value))),
                    Some("getetag") => version = Some(value),
                    _ => {}
                }
            }
            let path = name.filter(|path| path.contains(here.as_str()))?;
            let last = path.rsplit('/').next().filter(|last| !last.is_empty())?;
            Some((last.to_owned(), version?))
        };
        text.split("response>").filter_map(one).collect()
    }

    /// Every text in the calendar.
    pub fn texts(&self) -> Vec<Vec<u8>> {
        self.versions().keys().filter_map(|name| self.get(name)).collect()
    }

    fn place(&self, name: &str) -> String {
        let mut path = self.path.clone();
        for byte in name.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                path.push(char::from(byte));
            } else {
                // Writing to a String can't fail.
                let _ = write!(path, "%{byte:02X}");
            }
        }
        path
    }

    fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let whole = match self.exchange(method, path, headers, body) {
            Ok(whole) => whole,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                let said = format!("no answer within {} s", PATIENCE.as_secs());
                return Answer { status: NO_ANSWER, body: said.into_bytes() };
            }
            Err(error) => panic!("{method} {path}: {error}"),
        };
        let split = whole.windows(4).position(|four| four == b"\r\n\r\n");
        let split = split.unwrap_or_else(|| panic!("{method} {path}: no answer"));
        let head = String::from_utf8_lossy(&whole[..split]).into_owned();
        let status = head.split_whitespace().nth(1).and_then(|status| status.parse().ok());
        let status = status.unwrap_or_else(|| panic!("{method} {path}: {head}"));
        Answer { status, body: whole[split + 4..].to_vec() }
    }

    fn exchange(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> std::io::Result<Vec<u8>> {
        let Self { authority, authorization, .. } = self;
        let length = body.len();
        let mut head = format!(
            "{method} {path} HTTP/1.0\r\nHost: {authority}\r\nAuthorization: {authorization}\r\n\
             User-Agent: tests\r\nContent-Length: {length}\r\nConnection: close\r\n"
        );
        for (name, value) in headers {
            // Writing to a String can't fail.
            let _ = write!(head, "{name}: {value}\r\n");
        }
        let mut stream = TcpStream::connect(authority)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(format!("{head}\r\n").as_bytes())?;
        stream.write_all(body)?;
        let mut whole = Vec::new();
        stream.read_to_end(&mut whole)?;
        Ok(whole)
    }
}

/// A path without its escapes.
fn decode(path: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        match byte {
            b'%' => match (digit(rest.next()), digit(rest.next())) {
                (Some(high), Some(low)) => bytes.extend(u8::try_from(high * 16 + low)),
                _ => bytes.push(byte),
            },
            _ => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
