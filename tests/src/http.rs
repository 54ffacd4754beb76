//! The back door into a calendar: GET, PUT, DELETE and a listing, without any of calpair's code.
//!
//! HTTP/1.0, one connection a request: the answer ends where the connection does, and there is
//! nothing to negotiate.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use base64::Engine as _;

/// No server of the tests takes longer, not even for a large calendar on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

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

    /// The names of everything in the calendar, decoded.
    ///
    /// # Panics
    /// When the server does not list.
    pub fn names(&self) -> Vec<String> {
        let body =
            b"<?xml version=\"1.0\"?><propfind xmlns=\"DAV:\"><prop><getetag/></prop></propfind>";
        let headers = [("Depth", "1"), ("Content-Type", "application/xml")];
        let answer = self.send("PROPFIND", &self.path, &headers, body);
        assert!(answer.status == 207, "PROPFIND: {}", answer.reason());
        let text = answer.text();
        let here = decode(&self.path);
        let hrefs = text.split('<').filter_map(|tag| {
            let (name, value) = tag.split_once('>')?;
            let local = name.rsplit(':').next()?;
            (local == "href" || local.starts_with("href ")).then(|| value.trim().to_owned())
        });
        let mut names: Vec<String> = hrefs
            .filter_map(|href| {
                let href = href.replace("&amp;", "&");
                let path = decode(&href);
                let name = path.rsplit('/').next()?.to_owned();
                (path.contains(here.as_str()) && !name.is_empty()).then_some(name)
            })
            .collect();
        names.sort();
        names.dedup();
        names
    }

    /// Every text in the calendar.
    pub fn texts(&self) -> Vec<Vec<u8>> {
        self.names().iter().filter_map(|name| self.get(name)).collect()
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
        let exchanged = self.exchange(method, path, headers, body);
        let whole = exchanged.unwrap_or_else(|error| panic!("{method} {path}: {error}"));
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
