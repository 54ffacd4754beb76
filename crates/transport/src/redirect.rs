//! Redirects, decided here and by no library: method and body stay, the credential stays with the
//! account, and a write is repeated only where nothing but the host changes.

use std::fmt;

use http::{HeaderMap, Method, StatusCode};
use provider::{Error, ErrorKind, Result};
use reqwest::Url;

use crate::Allow;
use crate::allow::place;

/// Hops of one request: discovery needs two, a partition move one more; a loop needs endless ones.
pub(crate) const MOST_REDIRECTS: usize = 5;

/// A redirect that is not followed; the source of the error that says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedirectRefused {
    /// Where it leads, without query; `None` when the answer does not say legibly.
    pub to: Option<String>,
}

impl fmt::Display for RedirectRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.to {
            Some(to) => write!(f, "redirected to {to}"),
            None => f.write_str("redirected without a legible address"),
        }
    }
}

impl std::error::Error for RedirectRefused {}

/// Whether the status is a redirect.
pub(crate) fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// Where to send the request next.
///
/// # Errors
/// [`ErrorKind::Malformed`] with [`RedirectRefused`] as the source: the request was not executed,
/// and is not sent anywhere else.
// quirk: icloud-6, icloud-7, icloud-8
pub(crate) fn next(
    allow: Allow,
    origin: &Url,
    from: &Url,
    method: &Method,
    status: StatusCode,
    headers: &HeaderMap,
) -> Result<Url> {
    let here = place(from);
    let location = headers.get(http::header::LOCATION).and_then(|value| value.to_str().ok());
    let Some(to) = location.and_then(|location| from.join(location).ok()) else {
        return Err(refused(format!("{here} redirects to nowhere legible"), None));
    };
    if from.scheme() == "https" && to.scheme() == "http" {
        return Err(refused(
            format!("{here} redirects to an unencrypted address; nothing was sent there"),
            Some(&to),
        ));
    }
    if !allow.permits(origin, &to) {
        return Err(refused(
            format!(
                "{here} redirects to {}, which is not part of the account; nothing was sent \
                 there. If that is right, put it into the account's url",
                place(&to)
            ),
            Some(&to),
        ));
    }
    let repeatable = match method.as_str() {
        "GET" | "HEAD" | "OPTIONS" | "PROPFIND" | "REPORT" => true,
        "PUT" | "DELETE" => {
            matches!(status.as_u16(), 307 | 308)
                && to.path() == from.path()
                && to.query() == from.query()
        }
        _ => false,
    };
    if repeatable {
        Ok(to)
    } else {
        Err(refused(format!("{here} redirects a write; it was not repeated"), Some(&to)))
    }
}

/// The error for a chain that does not end.
pub(crate) fn too_many(from: &Url) -> Error {
    let sentence = format!("{} redirects more than {MOST_REDIRECTS} times", place(from));
    refused(sentence, Some(from))
}

fn refused(sentence: String, to: Option<&Url>) -> Error {
    let to = to.map(|url| format!("{}://{}{}", url.scheme(), place(url), url.path()));
    Error::new(ErrorKind::Malformed, sentence).because(RedirectRefused { to })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(
        method: &str,
        status: u16,
        from: &str,
        to: &str,
    ) -> std::result::Result<String, String> {
        let origin = Url::parse("https://caldav.icloud.com/").unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("location", to.parse().unwrap());
        next(
            Allow::ICloud,
            &origin,
            &Url::parse(from).unwrap(),
            &method.parse().unwrap(),
            StatusCode::from_u16(status).unwrap(),
            &headers,
        )
        .map(|url| url.to_string())
        .map_err(|error| error.sentence().to_owned())
    }

    #[test]
    fn reads_follow_within_the_account_and_writes_only_to_the_same_path() {
        let root = "https://caldav.icloud.com/1/calendars/x.ics";
        let same = "https://p42-caldav.icloud.com/1/calendars/x.ics";
        for status in [301, 302, 303, 307, 308] {
            assert_eq!(
                decide("PROPFIND", status, root, "/2/").unwrap(),
                "https://caldav.icloud.com/2/"
            );
            assert_eq!(decide("REPORT", status, root, same).unwrap(), same);
            let write = decide("PUT", status, root, same);
            assert_eq!(write.is_ok(), status >= 307, "{status}");
            assert!(decide("DELETE", status, root, "/1/calendars/").is_err());
            assert!(decide("POST", status, root, same).is_err());
        }
        assert!(
            decide("GET", 302, root, "http://caldav.icloud.com/")
                .unwrap_err()
                .contains("unencrypted")
        );
        assert!(
            decide("GET", 302, root, "https://evil.example/").unwrap_err().contains("evil.example")
        );
        assert!(decide("GET", 302, root, "//evil.example/").is_err());
        assert!(decide("GET", 302, root, "https://[").unwrap_err().contains("nowhere"));
    }
}
