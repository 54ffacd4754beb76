//! What a token endpoint answers (RFC 6749 sections 5.1 and 5.2), and what it means.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode};
use provider::{Error, ErrorKind, Result};
use secrecy::SecretString;
use serde_json::{Map, Value};

use super::{ClientOptions, Scope};
use crate::{Account, retry_after};

/// How long an access token lasts whose answer does not say: short, since a token that is renewed
/// too early costs one request and one that is used too long costs three.
const UNSAID: Duration = Duration::from_secs(5 * 60);

/// No access token is used for longer, whatever is promised.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// No end of a sign-in is believed that lies further ahead: nobody waits for it.
const LONGEST_GRANT: Duration = Duration::from_secs(10 * 366 * 24 * 60 * 60);

/// The longest code that is taken for one.
const CODE: usize = 64;

/// Asks for a refresh token (OpenID Connect Core, section 11). That one was given is told by the
/// token itself, not by the list of rights.
const OFFLINE: &str = "offline_access";

/// Errors that no repetition heals: a person must do something.
///
/// A client that the provider doesn't know is none of them: the sign-in may be as good as ever once
/// the configuration is right.
const FINAL: [&str; 6] = [
    "invalid_grant",
    "unauthorized_client",
    "admin_policy_enforced",
    "interaction_required",
    "consent_required",
    "login_required",
];

/// Errors that pass, whatever status they come with.
const PASSING: [&str; 3] = ["temporarily_unavailable", "server_error", "internal_failure"];

/// Errors that mean too many requests.
const THROTTLING: [&str; 2] = ["rate_limit_exceeded", "quota_exceeded"];

/// What a token endpoint was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Tokens for a code.
    Exchange,
    /// An access token for a refresh token.
    Renewal,
}

/// Tokens.
#[derive(Debug)]
pub struct Grant {
    /// What requests carry.
    pub access: SecretString,
    /// How long it is good for.
    pub lifetime: Duration,
    /// What gets the next one; `None` keeps the one there is.
    pub refresh: Option<SecretString>,
    /// How long the refresh token is good for from now on, however often it is used; `None` where
    /// the answer does not say.
    pub lasts: Option<Duration>,
    scopes: Option<Vec<String>>,
}

impl Grant {
    /// Whether the grant has this right. Names count without what stands before their last slash,
    /// which providers leave out as they please.
    pub(super) fn holds(&self, scope: &Scope) -> bool {
        if scope.name == OFFLINE {
            return true;
        }
        let Some(scopes) = &self.scopes else { return true };
        let wanted = std::iter::once(&scope.name).chain(scope.within);
        wanted.into_iter().any(|wanted| scopes.iter().any(|held| bare(held) == bare(wanted)))
    }
}

fn bare(scope: &str) -> String {
    scope.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_ascii_lowercase()
}

/// What an endpoint says when it refuses: codes only. The source of the error that says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What was asked for.
    pub stage: Stage,
    /// The status.
    pub status: u16,
    /// `error`.
    pub error: String,
    /// `error_subtype` (Google) or `suberror` (Microsoft).
    pub subtype: Option<String>,
    /// `error_codes` (Microsoft's AADSTS numbers), for people.
    pub codes: Vec<u64>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status, self.error)?;
        if let Some(subtype) = &self.subtype {
            write!(f, " ({subtype})")?;
        }
        for code in &self.codes {
            write!(f, " {code}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Refusal {}

/// Why there are no tokens.
#[derive(Debug)]
pub(super) enum Verdict {
    Refused(Refusal),
    /// With what the answer asks for.
    Throttled(Option<Duration>),
    /// It may pass.
    Passing(u16),
}

impl Verdict {
    pub(super) fn into_error(self, options: &ClientOptions, endpoint: &Account) -> Error {
        let issuer = options.issuer;
        match self {
            Verdict::Throttled(asked) => endpoint.throttled(asked),
            Verdict::Passing(status) => {
                let sentence = format!("{issuer}'s sign-in service gave no token ({status})");
                Error::new(ErrorKind::Unavailable, sentence)
            }
            Verdict::Refused(refusal) => {
                let what = match refusal.stage {
                    Stage::Exchange => "gave no sign-in",
                    Stage::Renewal => "refused the sign-in",
                };
                let code = match &refusal.subtype {
                    Some(subtype) => format!("{}, {subtype}", refusal.error),
                    None => refusal.error.clone(),
                };
                let sentence = match (options.explain)(&refusal) {
                    Some(cause) => format!("{issuer} {what} ({code}): {cause}"),
                    None => format!("{issuer} {what} ({code})"),
                };
                let kind = if FINAL.contains(&refusal.error.as_str()) {
                    ErrorKind::Unauthorized
                } else {
                    ErrorKind::Forbidden
                };
                Error::new(kind, sentence).because(refusal)
            }
        }
    }
}

/// Reads an answer. Only a legible refusal is one: a page of a proxy, an empty body, a 200 without
/// a token say nothing about the grant.
pub(super) fn read(
    stage: Stage,
    response: &Response<Bytes>,
) -> std::result::Result<Grant, Verdict> {
    let status = response.status();
    let body = serde_json::from_slice::<Map<String, Value>>(response.body()).unwrap_or_default();
    if let Some(refusal) = refusal(stage, status, &body) {
        let error = refusal.error.as_str();
        return Err(match () {
            () if THROTTLING.contains(&error) => {
                Verdict::Throttled(retry_after::read(response.headers()))
            }
            () if status.is_server_error() || PASSING.contains(&error) => {
                Verdict::Passing(status.as_u16())
            }
            () => Verdict::Refused(refusal),
        });
    }
    let text = |key: &str| body.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    match text("access_token") {
        Some(access) if status == StatusCode::OK => Ok(Grant {
            access: SecretString::from(access),
            lifetime: lifetime(body.get("expires_in")),
            refresh: text("refresh_token").map(SecretString::from),
            lasts: seconds(body.get("refresh_token_expires_in"))
                .map(|lasts| lasts.min(LONGEST_GRANT)),
            scopes: text("scope").map(|list| list.split_whitespace().map(String::from).collect()),
        }),
        _ => Err(Verdict::Passing(status.as_u16())),
    }
}

fn refusal(stage: Stage, status: StatusCode, body: &Map<String, Value>) -> Option<Refusal> {
    if !status.is_client_error() && !status.is_server_error() {
        return None;
    }
    let word = |key: &str| body.get(key).and_then(Value::as_str).filter(|word| is_code(word));
    let codes = body.get("error_codes").and_then(Value::as_array);
    Some(Refusal {
        stage,
        status: status.as_u16(),
        error: word("error")?.to_owned(),
        subtype: word("error_subtype").or(word("suberror")).map(String::from),
        codes: codes.into_iter().flatten().filter_map(Value::as_u64).take(4).collect(),
    })
}

/// What is repeated in sentences is a word, never a text that could hold anything.
fn is_code(word: &str) -> bool {
    !word.is_empty()
        && word.len() <= CODE
        && word
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

fn lifetime(stated: Option<&Value>) -> Duration {
    seconds(stated).unwrap_or(UNSAID).min(LONGEST)
}

/// Seconds, as a number or as some write it, in quotes.
fn seconds(stated: Option<&Value>) -> Option<Duration> {
    let seconds = match stated? {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_u64(),
    };
    seconds.map(Duration::from_secs)
}

/// Reads the answer to a revocation.
pub(super) fn revoked(issuer: &str, response: &Response<Bytes>) -> Result<()> {
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    let body = serde_json::from_slice::<Map<String, Value>>(response.body()).unwrap_or_default();
    let code = body.get("error").and_then(Value::as_str).filter(|word| is_code(word));
    match code {
        // Nothing to revoke: it was revoked or has expired.
        Some("invalid_token" | "invalid_grant") => Ok(()),
        Some(code) if status.is_client_error() => {
            let sentence = format!("{issuer} refused to revoke the sign-in ({code})");
            Err(Error::new(ErrorKind::Rejected, sentence))
        }
        _ => {
            let status = status.as_u16();
            let sentence = format!("{issuer} did not revoke the sign-in ({status})");
            Err(Error::new(ErrorKind::Unavailable, sentence))
        }
    }
}
