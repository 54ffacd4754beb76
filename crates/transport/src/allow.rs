//! Where a credential may go. Everything else that a server names, in a redirect or in an answer,
//! gets neither the credential nor the request.

use std::net::IpAddr;

use provider::{Error, ErrorKind, Result};
use reqwest::Url;

/// Which addresses belong to the account, beside its configured origin (scheme, host, port).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allow {
    /// None.
    Origin,
    /// iCloud's partition hosts: `p<digits>-caldav.icloud.com`, or `.com.cn` for an account there.
    /// For a loopback origin: every loopback address, so that partitions can be simulated.
    ICloud,
}

impl Allow {
    /// Whether `url` belongs to the account whose configured origin is `origin`.
    pub(crate) fn permits(self, origin: &Url, url: &Url) -> bool {
        if same_origin(origin, url) {
            return true;
        }
        if origin.scheme() == "https" && url.scheme() != "https" {
            return false;
        }
        match self {
            Allow::Origin => false,
            Allow::ICloud if is_loopback(origin) => is_loopback(url),
            Allow::ICloud => {
                url.scheme() == "https"
                    && url.port_or_known_default() == Some(443)
                    && url.host_str().is_some_and(|host| is_partition(origin, host))
            }
        }
    }
}

/// Checks that an origin can be spoken to at all.
///
/// # Errors
/// [`ErrorKind::Forbidden`] for another scheme than http and https, for plain http beyond
/// loopback, and for a user name or password in the address.
pub(crate) fn check_origin(origin: &Url) -> Result<()> {
    let refuse = |sentence: String| Err(Error::new(ErrorKind::Forbidden, sentence));
    if !origin.username().is_empty() || origin.password().is_some() {
        return refuse("an address must not carry a user name or password".into());
    }
    let Some(host) = origin.host_str() else {
        return refuse("the address names no host".into());
    };
    match origin.scheme() {
        "https" => Ok(()),
        "http" if is_loopback(origin) => Ok(()),
        "http" => refuse(format!("http://{host} is not encrypted; use https://{host}")),
        other => refuse(format!("{other}: is not an address that calpair can ask; use https")),
    }
}

/// The host (and port, where it is not the scheme's own) for sentences and the log.
pub(crate) fn place(url: &Url) -> String {
    let host = url.host_str().unwrap_or("the server");
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// Whether the address stays on this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    url.host_str().is_some_and(|host| {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        host.eq_ignore_ascii_case("localhost")
            || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    })
}

fn same_origin(one: &Url, other: &Url) -> bool {
    one.scheme() == other.scheme()
        && one.host_str() == other.host_str()
        && one.port_or_known_default() == other.port_or_known_default()
}

// quirk: icloud-7, icloud-9
fn is_partition(origin: &Url, host: &str) -> bool {
    let chinese = origin.host_str().is_some_and(|host| host.ends_with(".icloud.com.cn"));
    let domain = if chinese { "caldav.icloud.com.cn" } else { "caldav.icloud.com" };
    if host == domain {
        return true;
    }
    host.strip_suffix(domain)
        .and_then(|rest| rest.strip_prefix('p'))
        .and_then(|rest| rest.strip_suffix('-'))
        .is_some_and(|digits| {
            !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn a_credential_stays_with_the_account() {
        let cases = [
            (Allow::Origin, "https://dav.example.org/", "https://dav.example.org:443/x", true),
            (Allow::Origin, "https://dav.example.org/", "https://dav.example.org:8443/", false),
            (Allow::Origin, "https://dav.example.org/", "http://dav.example.org/", false),
            (Allow::Origin, "https://dav.example.org/", "https://www.dav.example.org/", false),
            (Allow::Origin, "http://127.0.0.1:80/", "http://127.0.0.2:9/", false),
            (
                Allow::ICloud,
                "https://caldav.icloud.com",
                "https://p42-caldav.icloud.com:443/",
                true,
            ),
            (
                Allow::ICloud,
                "https://caldav.icloud.com",
                "https://p42-caldav.icloud.com:8443/",
                false,
            ),
            (Allow::ICloud, "https://caldav.icloud.com", "http://p42-caldav.icloud.com/", false),
            (Allow::ICloud, "https://caldav.icloud.com", "https://p-caldav.icloud.com/", false),
            (Allow::ICloud, "https://caldav.icloud.com", "https://p4x-caldav.icloud.com/", false),
            (Allow::ICloud, "https://caldav.icloud.com", "https://xp42-caldav.icloud.com/", false),
            (
                Allow::ICloud,
                "https://caldav.icloud.com",
                "https://p42-caldav.icloud.com.evil.example/",
                false,
            ),
            (
                Allow::ICloud,
                "https://caldav.icloud.com",
                "https://p42-caldav.icloud.com.cn/",
                false,
            ),
            (
                Allow::ICloud,
                "https://caldav.icloud.com.cn",
                "https://p42-caldav.icloud.com.cn/",
                true,
            ),
            (Allow::ICloud, "https://caldav.icloud.com", "https://www.icloud.com/", false),
            (Allow::ICloud, "http://127.0.0.1:4000/", "http://127.0.0.2:4001/", true),
            (Allow::ICloud, "http://127.0.0.1:4000/", "http://192.0.2.1:4001/", false),
            (Allow::ICloud, "https://127.0.0.1:4000/", "http://127.0.0.1:4001/", false),
        ];
        for (allow, origin, to, expected) in cases {
            assert_eq!(allow.permits(&url(origin), &url(to)), expected, "{origin} -> {to}");
        }
    }

    #[test]
    fn plain_http_is_for_loopback_only() {
        for good in ["https://dav.example.org/", "http://localhost:1/", "http://[::1]:1/"] {
            assert!(check_origin(&url(good)).is_ok(), "{good}");
        }
        for bad in ["http://dav.example.org/", "ftp://x/", "https://me:pw@dav.example.org/"] {
            let error = check_origin(&url(bad)).unwrap_err();
            assert!(!error.sentence().contains("pw"), "{error}");
        }
    }
}
