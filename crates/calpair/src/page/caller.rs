//! Who asks: a browser, known by a cookie that nobody can guess, and what it may see.

use axum::extract::Request;
use axum::http::header::{self, HeaderMap, HeaderValue};
use axum::http::{Method, Uri};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;

use super::site::Site;
use crate::secrets::Lock;

/// The cookie's name.
const COOKIE: &str = "calpair";

/// The letters of a browser's name.
const LETTERS: usize = 64;

/// Where the part of the page begins that people are sent to.
const CONNECT: &str = "/connect/";

/// The longest address that somebody is brought back to: an account, a way back and what an
/// application wants to hear again.
const LONGEST: usize = 4096;

/// What somebody may see and do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// No password is set, and none is wanted: whoever is on this machine. Sees no titles.
    Local,
    /// Has given the page's password.
    Entered,
    /// Has not.
    Stranger,
}

/// Who asks.
#[derive(Clone)]
pub(super) struct Caller {
    /// Names the browser.
    pub(super) browser: String,
    is_new: bool,
    /// The name by which it came, with its port.
    pub(super) host: String,
    pub(super) standing: Standing,
    /// The address of the connect flow that is looked at, to come back to after signing in.
    pub(super) place: Option<Place>,
}

/// An address of the connect flow, with what stands behind its `?`; no link's secret is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place(String);

impl Place {
    /// The address, if it is one: never one of another page, however it is written.
    pub(super) fn read(text: &str) -> Option<Self> {
        let address: Uri = text.parse().ok()?;
        let has_link = address
            .query()
            .unwrap_or_default()
            .split('&')
            .any(|pair| pair.split('=').next().is_some_and(|key| key == "link"));
        let is_ours = address.authority().is_none() && address.path().starts_with(CONNECT);
        (is_ours && !has_link && text.len() <= LONGEST).then(|| Self(text.to_owned()))
    }

    /// As it stands in a form, and in a redirect.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Caller {
    /// Reads a request's head.
    pub(super) fn of(site: &Site, request: &Request, host: String) -> Self {
        let headers = request.headers();
        let known = cookie(headers, COOKIE).filter(|value| {
            value.len() == LETTERS && value.bytes().all(|byte| byte.is_ascii_hexdigit())
        });
        let is_new = known.is_none();
        let browser = known.unwrap_or_else(|| site.new_browser());
        let standing = match site.lock() {
            Lock::Open if !site.wants_password() => Standing::Local,
            Lock::Password(password) if site.has_entered(&browser, &password) => Standing::Entered,
            Lock::Open | Lock::Password(_) | Lock::Broken => Standing::Stranger,
        };
        let place = Place::read(&request.uri().to_string());
        let place = place.filter(|_| request.method() == Method::GET);
        Self { browser, is_new, host, standing, place }
    }

    /// Whether the page is shown.
    pub(super) fn may_look(&self) -> bool {
        match self.standing {
            Standing::Local | Standing::Entered => true,
            Standing::Stranger => false,
        }
    }

    /// The cookie for a browser that has none yet.
    pub(super) fn cookie(&self, site: &Site) -> Option<HeaderValue> {
        self.is_new.then(|| self.named(site, &self.browser)).flatten()
    }

    /// What a cookie says where this caller's way here is encrypted.
    pub(super) fn secure(&self, site: &Site) -> &'static str {
        let public = site.public_url();
        let secure = public.is_some_and(|url| {
            url.origin().strip_prefix("https://").is_some_and(|host| host == self.host)
        });
        if secure { "; Secure" } else { "" }
    }

    /// The cookie that names a browser.
    pub(super) fn named(&self, site: &Site, browser: &str) -> Option<HeaderValue> {
        kept(COOKIE, browser, self.secure(site))
    }
}

/// A cookie's value.
pub(super) fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|value| value.split(';')).filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| key.trim() == name).map(|(_, value)| value.trim().to_owned())
}

/// Whether a program that can't sign in has the password with it (RFC 7617; the user is not
/// looked at).
pub(super) async fn is_authorized(site: &Site, headers: &HeaderMap) -> bool {
    let (Some(password), Some(header)) = (site.password(), headers.get(header::AUTHORIZATION))
    else {
        return false;
    };
    if site.was_authorized(header.as_bytes(), &password) {
        return true;
    }
    if site.was_refused(header.as_bytes(), &password) {
        return false;
    }
    let Some(typed) = basic(header) else { return false };
    // Apart from the form's: a program with an old password keeps no person out.
    if !site.may_try("basic") {
        return false;
    }
    let checked = password.clone();
    let right = tokio::task::spawn_blocking(move || checked.is(&typed)).await.unwrap_or(false);
    if right {
        site.tried_well("basic");
        site.authorized(header.as_bytes(), password);
    } else {
        site.refused(header.as_bytes(), password);
    }
    right
}

/// A cookie as a browser keeps it until it is closed: none for scripts, and (`Lax`) sent along by
/// who comes from a consent page.
pub(super) fn kept(name: &str, value: &str, secure: &str) -> Option<HeaderValue> {
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::from_str(&text).ok()
}

fn basic(header: &HeaderValue) -> Option<SecretString> {
    let (scheme, value) = header.to_str().ok()?.split_once(' ')?;
    let decoded = STANDARD.decode(value.trim()).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (_, password) = text.split_once(':')?;
    scheme.eq_ignore_ascii_case("basic").then(|| SecretString::from(password))
}
