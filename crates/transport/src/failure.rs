//! What a failed exchange means, and the sentence that says so. A reqwest error is taken apart
//! here and nowhere else.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::time::Duration;

use provider::{Error, ErrorKind};
use reqwest::Url;

use crate::allow::place;

/// The answer was larger than allowed; the source of the error that says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge {
    /// The limit in bytes.
    pub limit: usize,
}

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "more than {} MiB", self.limit >> 20)
    }
}

impl StdError for TooLarge {}

/// The answer took longer than allowed; the source of the error that says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooSlow {
    /// How long it was waited for.
    pub after: Duration,
}

impl fmt::Display for TooSlow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "given up after {} s", self.after.as_secs())
    }
}

impl StdError for TooSlow {}

pub(crate) fn too_large(url: &Url, limit: usize) -> Error {
    Error::new(ErrorKind::Malformed, format!("the answer of {} is far too large", place(url)))
        .because(TooLarge { limit })
}

pub(crate) fn too_slow(url: &Url, after: Duration) -> Error {
    Error::new(ErrorKind::Unavailable, format!("{} did not answer in time", place(url)))
        .because(TooSlow { after })
}

/// Whether the connection was lost before anything of an answer arrived: what a kept connection
/// does that the server has closed in the meantime.
// quirk: icloud-71
pub(crate) fn is_lost_connection(error: &reqwest::Error) -> bool {
    error.is_request() && !error.is_connect() && !error.is_timeout() && !error.is_builder()
}

/// No answer arrived.
pub(crate) fn no_answer(url: &Url, error: reqwest::Error) -> Error {
    let place = place(url);
    let sentence = if let Some(tls) = find::<rustls::Error>(&error) {
        certificate(&place, tls)
    } else if error.is_timeout() {
        format!("{place} can't be reached: no connection within the time allowed")
    } else if error.is_connect() {
        match find::<io::Error>(&error).map(io::Error::kind) {
            Some(io::ErrorKind::ConnectionRefused) => format!("{place} refuses connections"),
            _ if says(&error, "dns error") => {
                format!("the name of {place} can't be resolved; check the network")
            }
            _ => format!("{place} can't be reached; check the network"),
        }
    } else if is_lost_connection(&error) {
        format!("{place} closed the connection without an answer")
    } else {
        format!("the request to {place} could not be sent")
    };
    Error::new(ErrorKind::Unavailable, sentence).because(error.without_url())
}

/// An answer began and did not end as announced.
pub(crate) fn broken_answer(url: &Url, error: reqwest::Error) -> Error {
    let lost = find::<io::Error>(&error).is_some_and(|error| {
        matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)
    });
    let kind = if lost { ErrorKind::Unavailable } else { ErrorKind::Malformed };
    Error::new(kind, format!("the answer of {} broke off", place(url))).because(error.without_url())
}

fn certificate(place: &str, error: &rustls::Error) -> String {
    use rustls::CertificateError as Bad;
    let why = match error {
        rustls::Error::InvalidCertificate(bad) => match bad {
            Bad::Expired | Bad::ExpiredContext { .. } => "its certificate has expired",
            Bad::NotValidYet | Bad::NotValidYetContext { .. } => {
                "its certificate is not valid yet (is this machine's clock right?)"
            }
            Bad::NotValidForName | Bad::NotValidForNameContext { .. } => {
                "its certificate is for another name"
            }
            Bad::UnknownIssuer => {
                "its certificate is from an issuer that this machine doesn't know"
            }
            Bad::Revoked => "its certificate was revoked",
            _ => "its certificate is not acceptable",
        },
        rustls::Error::PeerIncompatible(_)
        | rustls::Error::AlertReceived(rustls::AlertDescription::ProtocolVersion) => {
            "it speaks no TLS version that is safe"
        }
        _ => "the TLS handshake failed",
    };
    format!("no secure connection to {place}: {why}; nothing was sent")
}

/// Looks through the causes, those inside an `io::Error` too.
fn find<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if let Some(inner) = inner
            && let Some(found) = find_boxed::<T>(inner)
        {
            return Some(found);
        }
        next = error.source();
    }
    None
}

fn find_boxed<'a, T: StdError + 'static>(
    error: &'a (dyn StdError + Send + Sync + 'static),
) -> Option<&'a T> {
    find::<T>(error as &(dyn StdError + 'static))
}

fn says(error: &reqwest::Error, words: &str) -> bool {
    let mut next = error.source();
    while let Some(error) = next {
        if error.to_string().starts_with(words) {
            return true;
        }
        next = error.source();
    }
    false
}
