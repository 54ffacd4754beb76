//! `[accounts.NAME]`: one provider each, with the keys that it has and no others.

use std::path::PathBuf;

use model::AccountName;

use super::section::{At, Section, Wrong, quoted};
use super::value::{self, Endpoint};

/// An account as the file describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its name in the file.
    pub name: AccountName,
    /// Who holds it, and how it is reached.
    pub provider: Provider,
}

/// Who holds an account, with what the file says about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Provider {
    /// iCloud: CalDAV with an app-specific password.
    ICloud(Dav),
    /// Another CalDAV server.
    CalDav(Dav),
    /// Google Calendar.
    Google(Google),
    /// Microsoft 365 and Outlook.com.
    Microsoft(Microsoft),
}

/// How a CalDAV account is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dav {
    /// Where discovery begins.
    pub url: Endpoint,
    /// Who signs in.
    pub username: String,
}

/// How a Google account is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Google {
    /// The OAuth client.
    pub client_id: String,
    /// Where the client's secret is, if it has one.
    pub client_secret_file: Option<PathBuf>,
    /// The calendar API, in place of Google's.
    pub api_url: Option<Endpoint>,
    /// The consent page, in place of Google's.
    pub auth_url: Option<Endpoint>,
    /// Where tokens come from, in place of Google's.
    pub token_url: Option<Endpoint>,
    /// Where tokens are revoked, in place of Google's.
    pub revoke_url: Option<Endpoint>,
}

/// How a Microsoft account is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Microsoft {
    /// The OAuth client.
    pub client_id: String,
    /// `common`, `consumers`, `organizations` or a tenant id.
    pub tenant: String,
    /// Which of Microsoft's clouds.
    pub cloud: Cloud,
    /// The Graph API, in place of the cloud's.
    pub api_url: Option<Endpoint>,
    /// Where tokens come from, in place of the cloud's.
    pub authority_url: Option<Endpoint>,
}

/// Microsoft's clouds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cloud {
    /// Everybody's.
    Global,
    /// US government.
    UsGov,
    /// US department of defense.
    UsDod,
    /// Operated by 21Vianet.
    China,
}

impl Provider {
    /// `icloud`, `caldav`, `google` or `microsoft`.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Provider::ICloud(_) => "icloud",
            Provider::CalDav(_) => "caldav",
            Provider::Google(_) => "google",
            Provider::Microsoft(_) => "microsoft",
        }
    }

    /// Whether every address of it is this machine's.
    pub fn is_loopback(&self) -> bool {
        let local =
            |endpoint: &Option<Endpoint>| endpoint.as_ref().is_some_and(Endpoint::is_loopback);
        match self {
            Provider::ICloud(dav) | Provider::CalDav(dav) => dav.url.is_loopback(),
            Provider::Google(google) => local(&google.api_url),
            Provider::Microsoft(microsoft) => local(&microsoft.api_url),
        }
    }
}

#[derive(Clone, Copy)]
enum Kind {
    ICloud,
    CalDav,
    Google,
    Microsoft,
}

const KINDS: [(&str, Kind); 4] = [
    ("icloud", Kind::ICloud),
    ("caldav", Kind::CalDav),
    ("google", Kind::Google),
    ("microsoft", Kind::Microsoft),
];

/// Which keys are whose, to say where a key belongs that stands in the wrong place.
const KEYS: [(&str, &str); 12] = [
    ("url", "icloud and caldav"),
    ("username", "icloud and caldav"),
    ("client_id", "google and microsoft"),
    ("client_secret_file", "google"),
    ("auth_url", "google"),
    ("token_url", "google"),
    ("revoke_url", "google"),
    ("api_url", "google and microsoft"),
    ("tenant", "microsoft"),
    ("cloud", "microsoft"),
    ("authority_url", "microsoft"),
    ("provider", "all"),
];

/// Where iCloud is, unless the file says otherwise.
const ICLOUD: &str = "https://caldav.icloud.com";

/// The name of an account, from its key.
pub(super) fn name(key: &At<&str>) -> Result<AccountName, Wrong> {
    value::name(key.value).map(AccountName::new)
}

/// Reads an account; `None` when something about it is wrong, which has been noted.
pub(super) fn read(name: AccountName, mut section: Section<'_>) -> Option<Account> {
    let before = section.notes().count();
    section.require("provider", "\"icloud\"");
    let kind = section.choice("provider", &KINDS);
    let Some(kind) = kind else {
        // Without its kind nobody can say which keys are unknown.
        return None;
    };
    let (provider, word) = match kind.value {
        Kind::ICloud => (dav(&mut section, Some(ICLOUD)).map(Provider::ICloud), "icloud"),
        Kind::CalDav => (dav(&mut section, None).map(Provider::CalDav), "caldav"),
        Kind::Google => (google(&mut section).map(Provider::Google), "google"),
        Kind::Microsoft => (microsoft(&mut section).map(Provider::Microsoft), "microsoft"),
    };
    let notes = section.notes();
    section.finish(|key| misplaced(key, word, &name));
    let provider = provider.filter(|_| notes.count() == before)?;
    Some(Account { name, provider })
}

/// What to do about a key that this provider doesn't have.
fn misplaced(key: &str, provider: &str, account: &AccountName) -> Option<String> {
    let lower = key.to_ascii_lowercase();
    if lower.contains("client_secret") || lower.contains("client-secret") {
        return Some(String::from(
            "no secret stands in this file; write it to a file of mode 0600 and name that with \
             `client_secret_file`",
        ));
    }
    if ["pass", "token", "secret"].iter().any(|word| lower.contains(word))
        && !KEYS.iter().any(|(known, _)| *known == key)
    {
        return Some(format!(
            "no secret stands in this file; take it out and run `calpair connect {account}`"
        ));
    }
    let (_, whose) = KEYS.iter().find(|(known, _)| *known == key)?;
    Some(format!("`{}` is for {whose} accounts, this is {provider}", quoted(key)))
}

fn dav(section: &mut Section<'_>, default: Option<&str>) -> Option<Dav> {
    section.require("username", "\"me@icloud.com\"");
    let username = section.parsed("username", value::username);
    let url = match default {
        Some(url) if !section.has("url") => value::endpoint(url).ok(),
        Some(_) | None => None,
    };
    if default.is_none() {
        section.require("url", "\"https://dav.example.org/\"");
    }
    let written = section.parsed("url", value::endpoint).map(|url| url.value);
    Some(Dav { url: written.or(url)?, username: username?.value })
}

fn google(section: &mut Section<'_>) -> Option<Google> {
    section.require("client_id", "\"1234.apps.googleusercontent.com\"");
    let client_id = section.parsed("client_id", value::words);
    let client_secret_file = section.parsed("client_secret_file", value::path).map(|at| at.value);
    let mut endpoint = |key| section.parsed(key, value::endpoint).map(|at| at.value);
    Some(Google {
        client_secret_file,
        api_url: endpoint("api_url"),
        auth_url: endpoint("auth_url"),
        token_url: endpoint("token_url"),
        revoke_url: endpoint("revoke_url"),
        client_id: client_id?.value,
    })
}

fn microsoft(section: &mut Section<'_>) -> Option<Microsoft> {
    section.require("client_id", "\"00000000-0000-0000-0000-000000000000\"");
    let client_id = section.parsed("client_id", value::words);
    let tenant = section.parsed("tenant", tenant).map(|at| at.value);
    let clouds = [
        ("global", Cloud::Global),
        ("us-gov", Cloud::UsGov),
        ("us-dod", Cloud::UsDod),
        ("china", Cloud::China),
    ];
    let cloud = section.choice("cloud", &clouds).map_or(Cloud::Global, |at| at.value);
    let mut endpoint = |key| section.parsed(key, value::endpoint).map(|at| at.value);
    Some(Microsoft {
        tenant: tenant.unwrap_or_else(|| String::from("common")),
        cloud,
        api_url: endpoint("api_url"),
        authority_url: endpoint("authority_url"),
        client_id: client_id?.value,
    })
}

/// A tenant is a part of an address: a word, an id or a domain.
fn tenant(text: &str) -> Result<String, Wrong> {
    let fits = !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
        && text.bytes().any(|b| b.is_ascii_alphanumeric());
    if fits {
        return Ok(text.to_owned());
    }
    let help = String::from("common, consumers, organizations, or a tenant's id or domain");
    Err(Wrong::new(format!("`{}` is not a tenant", quoted(text))).help(help))
}
