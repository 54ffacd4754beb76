//! Addresses: what a path names, and how a thing's path is written.

use std::fmt::Write as _;

use super::{Layout, Quirk, Server};
use crate::world::State;

/// What a path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// `/`, or what the well-known address leads to.
    Root,
    /// `/.well-known/caldav`.
    WellKnown,
    /// An account.
    Principal(String),
    /// An account's calendars.
    Home(String),
    /// A collection in a home: account and segment.
    Collection(String, String),
    /// A resource: account, segment, name.
    Item(String, String, String),
    /// Nothing that is here.
    Nowhere,
}

impl Server {
    /// What a percent-encoded path names.
    pub(super) fn place(&self, state: &State, path: &str) -> Place {
        let Some(segments) = segments(path) else { return Place::Nowhere };
        let mut parts: Vec<&str> = segments.iter().map(String::as_str).collect();
        let slash = parts.last() == Some(&"");
        if slash {
            parts.pop();
        }
        let known = |name: &str| -> Option<String> {
            let found = self.accounts.iter().find(|account| match self.profile.layout {
                Layout::Plain => account.as_str() == name,
                Layout::Apple => {
                    state.accounts.get(*account).is_some_and(|held| held.dsid.to_string() == name)
                }
            });
            found.cloned()
        };
        let (account, rest) = match (self.profile.layout, parts.as_slice()) {
            (_, []) => return Place::Root,
            (_, [".well-known", "caldav"]) => return Place::WellKnown,
            (Layout::Plain, ["dav"]) => return Place::Root,
            (Layout::Plain, ["dav", "principals", name]) => {
                return known(name).map_or(Place::Nowhere, Place::Principal);
            }
            (Layout::Apple, [name, "principal"]) => {
                return known(name).map_or(Place::Nowhere, Place::Principal);
            }
            (Layout::Plain, ["dav", "calendars", name, rest @ ..]) => (known(name), rest),
            (Layout::Apple, [name, "calendars", rest @ ..]) => (known(name), rest),
            _ => return Place::Nowhere,
        };
        let Some(account) = account else { return Place::Nowhere };
        match rest {
            [] => Place::Home(account),
            [segment] => Place::Collection(account, (*segment).to_owned()),
            [segment, name] => Place::Item(account, (*segment).to_owned(), (*name).to_owned()),
            _ => Place::Nowhere,
        }
    }

    pub(super) fn principal_path(&self, state: &State, account: &str) -> String {
        match self.profile.layout {
            Layout::Plain => format!("/dav/principals/{}/", encoded(account, Hex::Upper)),
            Layout::Apple => format!("/{}/principal/", dsid(state, account)),
        }
    }

    pub(super) fn home_path(&self, state: &State, account: &str) -> String {
        match self.profile.layout {
            Layout::Plain => format!("/dav/calendars/{}/", encoded(account, Hex::Upper)),
            Layout::Apple => format!("/{}/calendars/", dsid(state, account)),
        }
    }

    pub(super) fn collection_path(&self, state: &State, account: &str, segment: &str) -> String {
        format!("{}{}/", self.home_path(state, account), encoded(segment, Hex::Upper))
    }

    pub(super) fn item_path(&self, state: &State, place: (&str, &str), name: &str) -> String {
        let (account, segment) = place;
        let collection = self.collection_path(state, account, segment);
        // quirk: icloud-12
        let flipped = self.profile.has(Quirk::FlippedEncoding) && state.step.is_multiple_of(2);
        let hex = if flipped { Hex::Lower } else { Hex::Upper };
        let path = format!("{collection}{}", encoded(name, hex));
        // quirk: icloud-11
        match (self.profile.has(Quirk::MixedAddresses), state.step % 3) {
            (true, 0) => format!("{}{path}", self.origins[0]),
            (true, 1) => format!("{}{path}", self.partition_origin()),
            _ => path,
        }
    }

    /// The path of an address that a client sent, be it absolute or not.
    pub(super) fn path_of<'a>(&self, address: &'a str) -> Option<&'a str> {
        let address = address.trim();
        if address.starts_with('/') {
            return Some(address);
        }
        self.origins.iter().find_map(|origin| address.strip_prefix(origin.as_str()))
    }
}

fn dsid(state: &State, account: &str) -> u64 {
    state.accounts.get(account).map_or(0, |account| account.dsid)
}

/// The decoded segments of a path, with an empty one at the end for a path that ends in `/`;
/// `None` for a bad encoding or a way upwards.
fn segments(path: &str) -> Option<Vec<String>> {
    let path = path.strip_prefix('/')?;
    if path.is_empty() {
        return Some(Vec::new());
    }
    let decoded: Option<Vec<String>> = path.split('/').map(decoded).collect();
    decoded.filter(|segments| !segments.iter().any(|segment| segment == "." || segment == ".."))
}

fn decoded(segment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'%' {
            let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
            (digit(rest.next())? * 16 + digit(rest.next())?) as u8
        } else {
            byte
        });
    }
    String::from_utf8(bytes).ok()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Hex {
    /// `%2F`, and `@` as it is.
    Upper,
    /// `%2f`, and `%40`.
    Lower,
}

/// A segment as RFC 3986 section 3.3 wants it.
fn encoded(segment: &str, hex: Hex) -> String {
    let mut out = String::with_capacity(segment.len());
    for byte in segment.bytes() {
        let plain = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        match hex {
            _ if plain => out.push(char::from(byte)),
            Hex::Upper if byte == b'@' => out.push('@'),
            Hex::Upper => drop(write!(out, "%{byte:02X}")),
            Hex::Lower => drop(write!(out, "%{byte:02x}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded() {
        for name in ["a.ics", "a/b c.ics", "ü@日%41.ics"] {
            for hex in [Hex::Upper, Hex::Lower] {
                assert_eq!(decoded(&encoded(name, hex)).as_deref(), Some(name));
            }
        }
        assert_eq!(decoded("%4"), None);
        assert_eq!(segments("/a/../b"), None);
        assert_eq!(segments("/a/%2e%2e/b"), None);
    }
}
