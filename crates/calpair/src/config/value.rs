//! Values that are written as text: durations, addresses, names, zones. One reader each, from text
//! to a type that can hold only what is allowed.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use http::Uri;

use super::section::{Wrong, did_you_mean, quoted};

/// Ten thousand days: longer than any calendar is synced for, short enough to compute with.
const LONGEST: Duration = Duration::from_secs(10_000 * DAY);
const DAY: u64 = 24 * 60 * 60;

/// Names are typed on command lines and stand in addresses and metrics.
const LONGEST_NAME: usize = 64;

/// `60s`, `15m`, `1h30m`, `90d`, `2w`: whole numbers with units, largest first or not.
pub(super) fn duration(text: &str) -> Result<Duration, Wrong> {
    let wrong = || {
        Wrong::new(format!("`{}` is not a duration", quoted(text))).help(String::from(
            "a whole number and a unit: s, m, h, d or w, for example \"60s\", \"15m\" or \"90d\"",
        ))
    };
    let trimmed = text.trim();
    if !trimmed.is_empty() && trimmed.bytes().all(|byte| byte.is_ascii_digit()) {
        let help = format!("it has no unit; did you mean \"{trimmed}s\"?");
        return Err(Wrong { help: Some(help), ..wrong() });
    }
    let (mut total, mut rest) = (0u64, trimmed);
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = rest[..digits].parse().map_err(|_| wrong())?;
        let seconds = match rest[digits..].chars().next() {
            Some('s') => 1,
            Some('m') => 60,
            Some('h') => 60 * 60,
            Some('d') => DAY,
            Some('w') => 7 * DAY,
            Some(_) | None => return Err(wrong()),
        };
        total = total.saturating_add(number.saturating_mul(seconds));
        rest = rest[digits + 1..].trim_start();
    }
    let duration = Duration::from_secs(total);
    if duration > LONGEST {
        let help = String::from("at most 10000d; to leave nothing out, write \"all\"");
        return Err(Wrong::new(format!("`{}` is too long", quoted(text))).help(help));
    }
    Ok(duration)
}

/// How often something is done: at least a second.
pub(super) fn interval(text: &str) -> Result<Duration, Wrong> {
    let interval = duration(text)?;
    if interval < Duration::from_secs(1) {
        let help = String::from("at least \"1s\"; \"60s\" is usual");
        return Err(Wrong::new(format!("`{}` is too short", quoted(text))).help(help));
    }
    Ok(interval)
}

/// The name of an account or a pair.
pub(super) fn name(text: &str) -> Result<String, Wrong> {
    let allowed = |c: char| c.is_alphanumeric() || "-_.@+".contains(c);
    let help = "letters, digits, `-`, `_`, `.`, `@` and `+`, at most 64, and no `-` in front";
    let fits = !text.is_empty()
        && text.chars().count() <= LONGEST_NAME
        && text.chars().all(allowed)
        && !text.starts_with('-');
    if fits {
        Ok(text.to_owned())
    } else {
        Err(Wrong::new(format!("`{}` can't be a name", quoted(text))).help(help.to_owned()))
    }
}

/// Any text with something in it and no control characters.
pub(super) fn words(text: &str) -> Result<String, Wrong> {
    if text.trim().is_empty() {
        let help = String::from("write something between the quotes, or take the key out");
        return Err(Wrong::new("this is empty").help(help));
    }
    if text.chars().any(char::is_control) {
        return Err(Wrong::new(format!("`{}` has a control character", quoted(text))));
    }
    Ok(text.to_owned())
}

/// A calendar: its name, its id, its address, or `primary`.
pub(super) fn calendar(text: &str) -> Result<String, Wrong> {
    words(text).map_err(|wrong| {
        let help = "a name or an id, as `calpair calendars ACCOUNT` lists them, or \"primary\"";
        wrong.help(help.to_owned())
    })
}

/// A user name as Basic authentication can carry it (RFC 7617 section 2: no colon).
pub(super) fn username(text: &str) -> Result<String, Wrong> {
    let text = words(text)?;
    if text.contains(':') {
        let help = String::from("the password is asked for by `calpair connect`");
        return Err(Wrong::new("a user name has no colon").help(help).secret());
    }
    Ok(text)
}

/// An absolute path: a daemon has no folder to start from.
pub(super) fn path(text: &str) -> Result<PathBuf, Wrong> {
    let path = PathBuf::from(words(text)?);
    if path.is_absolute() {
        return Ok(path);
    }
    let help = String::from("write it from the root: \"/…\"; `~` and variables are not replaced");
    Err(Wrong::new(format!("`{}` is not an absolute path", quoted(text))).help(help))
}

/// The name of an IANA time zone, in its usual spelling.
pub(super) fn time_zone(text: &str) -> Result<String, Wrong> {
    if let Ok(zone) = jiff::tz::TimeZone::get(text)
        && let Some(name) = zone.iana_name()
    {
        return Ok(name.to_owned());
    }
    let known: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let help = did_you_mean(text, &known)
        .unwrap_or_else(|| String::from("an IANA name, for example \"Europe/Berlin\""));
    Err(Wrong::new(format!("`{}` is not a time zone", quoted(text))).help(help))
}

/// Where the page listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listen {
    /// At this address.
    At(SocketAddr),
    /// Nowhere.
    Off,
}

pub(super) fn listen(text: &str) -> Result<Listen, Wrong> {
    if text == "off" {
        return Ok(Listen::Off);
    }
    if let Ok(address) = text.parse() {
        return Ok(Listen::At(address));
    }
    let local = text.strip_prefix("localhost").filter(|port| port.starts_with(':'));
    let help = match local {
        Some(port) => format!("did you mean \"127.0.0.1{port}\"?"),
        None => String::from("an address and a port, for example \"127.0.0.1:8437\", or \"off\""),
    };
    Err(Wrong::new(format!("`{}` is not an address to listen at", quoted(text))).help(help))
}

/// Where a server is reached: `https`, or `http` on this machine; no user name, no fragment.
/// `Debug` shows the origin only, because a path can be a secret (a webhook's often is).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    text: String,
    origin: String,
    loopback: bool,
}

impl Endpoint {
    /// Reads an address; the error says what is wrong with it, without repeating a secret.
    ///
    /// # Errors
    /// A sentence for the person who wrote the address.
    pub fn parse(text: &str) -> Result<Self, String> {
        endpoint(text).map_err(|wrong| wrong.sentence)
    }

    /// The address as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Scheme, host and port, lower case, the port only where it was written.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Whether the host is this machine.
    pub const fn is_loopback(&self) -> bool {
        self.loopback
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin)
    }
}

pub(super) fn endpoint(text: &str) -> Result<Endpoint, Wrong> {
    let wrong = |why: &str| Wrong::new(format!("`{}` {why}", quoted(text)));
    let example = || String::from("for example \"https://dav.example.org/\"");
    if !text.contains("://") {
        let host = text.contains('.') && !text.contains([' ', ':']);
        let help = if host { format!("did you mean \"https://{text}\"?") } else { example() };
        return Err(wrong("is not an address").help(help));
    }
    if text.contains('#') {
        return Err(wrong("has a fragment (`#…`), which no server is sent"));
    }
    let uri: Uri = text.parse().map_err(|_| wrong("is not an address").help(example()))?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(wrong("is not an address").help(example()));
    };
    if authority.as_str().contains('@') {
        let help = String::from("leave it out; the password is asked for by `calpair connect`");
        let sentence = "an address carries no user name or password";
        return Err(Wrong::new(sentence).help(help).secret());
    }
    let host = authority.host();
    if host.is_empty() || (authority.as_str() != host && authority.port_u16().is_none()) {
        return Err(wrong("is not an address").help(example()));
    }
    let loopback = is_loopback(host);
    match scheme {
        "https" => {}
        "http" if loopback => {}
        "http" => {
            let help = format!("did you mean \"https{}\"?", &text["http".len()..]);
            return Err(wrong("would send passwords in the clear").help(help));
        }
        _ => return Err(wrong("is neither https nor http").help(example())),
    }
    let origin = format!("{scheme}://{authority}").to_lowercase();
    Ok(Endpoint { text: text.to_owned(), origin, loopback })
}

/// Loopback by its own look: a name that only resolves there isn't trusted with a password.
fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_with_their_units() {
        let cases = [
            ("60s", 60),
            ("15m", 900),
            ("1h30m", 5400),
            ("90d", 90 * DAY),
            ("2w", 14 * DAY),
            (" 1h 5s ", 3605),
            ("0s", 0),
            ("10000d", 10_000 * DAY),
        ];
        for (text, seconds) in cases {
            assert_eq!(duration(text).unwrap(), Duration::from_secs(seconds), "{text}");
        }
        let wrong = [
            "",
            " ",
            "s",
            "60",
            "1.5h",
            "-1s",
            "1y",
            "60 s",
            "5ms",
            "1h x",
            "10001d",
            "99999999999999999999s",
            "9999999999999999w",
            "6é",
        ];
        for text in wrong {
            assert!(duration(text).is_err(), "{text}");
        }
        assert!(interval("0s").is_err() && interval("1s").is_ok());
    }

    #[test]
    fn http_is_for_this_machine_only() {
        let local = [
            "http://127.0.0.1:8080/dav/",
            "http://localhost",
            "http://[::1]:1/",
            "http://127.9.9.9",
            "https://LOCALHOST:1",
        ];
        for text in local {
            assert!(endpoint(text).unwrap().is_loopback(), "{text}");
        }
        let remote =
            ["https://dav.example.org/", "https://dav.example.org:8443", "https://10.0.0.1/x?y=z"];
        for text in remote {
            assert!(!endpoint(text).unwrap().is_loopback(), "{text}");
        }
        let wrong = [
            "http://example.org",
            "http://10.0.0.1",
            "http://localhost.example.org",
            "ftp://a.example",
            "https://",
            "https:///x",
            "https://a b",
            "example.org",
            "https://u:p@example.org",
            "http://u@localhost",
            "https://example.org/#x",
            "https://example.org:99999/",
            "",
            "://",
            "http://2130706433/",
            "http://127.0.0.1.nip.io/",
            "file:///etc/passwd",
        ];
        for text in wrong {
            assert!(endpoint(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_address_keeps_its_path_to_itself() {
        let endpoint = endpoint("https://Ntfy.example.org:8443/topic").unwrap();
        assert_eq!(format!("{endpoint:?}"), "https://ntfy.example.org:8443");
        assert_eq!(endpoint.as_str(), "https://Ntfy.example.org:8443/topic");
    }

    #[test]
    fn zones_and_names_are_checked() {
        assert_eq!(time_zone("europe/berlin").unwrap(), "Europe/Berlin");
        let wrong = time_zone("Europe/Berln").unwrap_err();
        assert_eq!(wrong.help.unwrap(), "did you mean `Europe/Berlin`?");
        for text in ["family", "me@icloud.com", "Büro", "a.b-c_d"] {
            assert!(name(text).is_ok(), "{text}");
        }
        for text in ["", "a b", "-x", "a/b", "a\n", &"x".repeat(65)] {
            assert!(name(text).is_err(), "{text}");
        }
    }
}
