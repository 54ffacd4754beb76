//! Sign-in: the consent page, the token endpoint, and what tokens are good for.
//!
//! The person at the consent page agrees at once, or declines by switch. Codes are good once and
//! for a few minutes, access tokens for an hour, refresh tokens until they are revoked.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::answer;
use super::state::Service;
use crate::rest::{Ask, Reply};

/// How long what is granted in Testing lasts.
const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How long an access token lives (reference, section 1.2: about 3,599 s).
const ACCESS: SignedDuration = SignedDuration::from_secs(3599);

/// How long a code can be exchanged.
const CODE: SignedDuration = SignedDuration::from_mins(10);

/// Refresh tokens that an account may have for one client; one more ends the oldest.
const MOST_REFRESH: usize = 100;

/// Where scopes begin.
const SCOPES: &str = "https://www.googleapis.com/auth/";

/// The client that is registered with the console.
pub const CLIENT_ID: &str = "123456789012-sandbox.apps.googleusercontent.com";
/// Its secret.
pub const CLIENT_SECRET: &str = "GOCSPX-sandbox";

/// What the next visitor of the consent page does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Consent {
    /// Agrees to everything.
    #[default]
    Agrees,
    /// Declines.
    Declines,
    /// 55: agrees to those of the scopes whose names end so, and unticks the others.
    Unticks(Vec<String>),
}

/// What the token endpoint does beside its duty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TokenMood {
    /// Nothing.
    #[default]
    Fair,
    /// Every refresh brings a new refresh token, and the old one is good no more.
    Rotates,
    /// The consent screen is in Testing: a refresh token lasts a week from its first use.
    Testing,
    /// 200, and no token in the answer.
    Tokenless,
    /// A page of HTML with status 503.
    OutOfOrder,
    /// `invalid_grant` with this subtype.
    Reauth(String),
    /// An error with this name and status 400, e.g. `admin_policy_enforced`.
    Refuses(String),
    /// The client's secret is wrong.
    UnknownClient,
}

/// A code on its way through a browser.
#[derive(Debug)]
struct Code {
    account: String,
    redirect: String,
    challenge: String,
    scopes: Vec<String>,
    until: Timestamp,
}

#[derive(Debug)]
struct Access {
    account: String,
    scopes: Vec<String>,
    until: Option<Timestamp>,
    /// The refresh token that it came with.
    of: Option<String>,
}

#[derive(Debug)]
struct Refresh {
    account: String,
    scopes: Vec<String>,
    is_revoked: bool,
    until: Option<Timestamp>,
}

/// Everything about tokens.
#[derive(Debug, Default)]
pub(super) struct Grants {
    codes: BTreeMap<String, Code>,
    access: BTreeMap<String, Access>,
    refresh: BTreeMap<String, Refresh>,
    /// Refresh tokens in the order in which they were given.
    order: Vec<String>,
    pub(super) consent: Consent,
    pub(super) mood: TokenMood,
    /// Who sits before the browser.
    pub(super) visitor: Option<String>,
    count: u64,
}

/// What an access token is good for.
pub(super) enum Worth<'g> {
    Nothing,
    Scopes(&'g str, &'g [String]),
}

impl Grants {
    fn name(&mut self, prefix: &str) -> String {
        self.count += 1;
        let sum = Sha256::digest(format!("{prefix}{}", self.count));
        format!("{prefix}{}", &URL_SAFE_NO_PAD.encode(sum)[..32])
    }

    pub(super) fn tokens(&self) -> Vec<String> {
        self.access.keys().chain(self.refresh.keys()).cloned().collect()
    }

    /// An access token; without an end for tests that are not about tokens.
    pub(super) fn give_access(
        &mut self,
        account: &str,
        scopes: &[String],
        until: Option<Timestamp>,
        of: Option<String>,
    ) -> String {
        let token = self.name("ya29.a0");
        let access = Access { account: account.to_owned(), scopes: scopes.to_vec(), until, of };
        self.access.insert(token.clone(), access);
        token
    }

    pub(super) fn give_refresh(&mut self, account: &str, scopes: &[String]) -> String {
        let token = self.name("1//0");
        let account = account.to_owned();
        let refresh = Refresh {
            account: account.clone(),
            scopes: scopes.to_vec(),
            is_revoked: false,
            until: None,
        };
        self.refresh.insert(token.clone(), refresh);
        self.order.push(token.clone());
        let alive = |token: &&String| {
            self.refresh.get(*token).is_some_and(|held| !held.is_revoked && held.account == account)
        };
        let living: Vec<String> = self.order.iter().filter(alive).cloned().collect();
        if living.len() > MOST_REFRESH {
            self.revoke(&living[0]);
        }
        token
    }

    /// What a token lets its bearer do now.
    pub(super) fn worth(&self, token: &str, now: Timestamp) -> Worth<'_> {
        match self.access.get(token) {
            Some(access) if access.until.is_none_or(|until| now < until) => {
                Worth::Scopes(&access.account, &access.scopes)
            }
            _ => Worth::Nothing,
        }
    }

    /// Ends a token and what came with it; false when it is unknown or ended.
    pub(super) fn revoke(&mut self, token: &str) -> bool {
        let of = self.access.get(token).and_then(|access| access.of.clone());
        let refresh = of.unwrap_or_else(|| token.to_owned());
        let known = self.refresh.get_mut(&refresh).map(|held| {
            let was = held.is_revoked;
            held.is_revoked = true;
            !was
        });
        let alone = self.access.remove(token).is_some();
        self.access.retain(|_, access| access.of.as_deref() != Some(&refresh));
        known.unwrap_or(alone)
    }

    /// Ends everything that an account has granted.
    pub(super) fn revoke_all(&mut self, account: &str) {
        self.access.retain(|_, access| access.account != account);
        let own = self.refresh.values_mut().filter(|held| held.account == account);
        own.for_each(|held| held.is_revoked = true);
    }

    /// Access tokens that exist are good no more; refresh tokens are.
    pub(super) fn expire_access(&mut self, account: &str) {
        self.access.retain(|_, access| access.account != account);
    }
}

fn refused(status: u16, error: &str, description: &str) -> Reply {
    let body = json!({"error": error, "error_description": description});
    answer::json(status, &body)
}

/// The fields of a form.
fn form(text: &str) -> BTreeMap<String, String> {
    form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}

impl Service {
    /// The consent page: goes straight back to where it was called from.
    pub(super) fn consent(&mut self, ask: &Ask, now: Timestamp) -> Reply {
        let given = form(&ask.query);
        let field = |name: &str| given.get(name).cloned().unwrap_or_default();
        let redirect = field("redirect_uri");
        let is_loopback = ["http://127.0.0.1", "http://[::1]", "http://localhost"]
            .iter()
            .any(|host| redirect.starts_with(host));
        let is_good = field("client_id") == CLIENT_ID
            && field("response_type") == "code"
            && is_loopback
            && field("code_challenge_method") == "S256"
            && !field("code_challenge").is_empty()
            && !field("state").is_empty()
            && field("scope").split(' ').all(|scope| scope.starts_with(SCOPES));
        if !is_good {
            self.violations.push("a consent page that Google would not show".to_owned());
            return answer::html(400);
        }
        let mut target = redirect.clone();
        target.push(if redirect.contains('?') { '&' } else { '?' });
        let _ = write!(target, "state={}", encoded(&field("state")));
        let asked = field("scope");
        let asked = asked.split(' ').map(str::to_owned);
        let scopes: Vec<String> = match &self.grants.consent {
            Consent::Declines => {
                target.push_str("&error=access_denied");
                return Reply::empty(302).header("Location", target);
            }
            Consent::Agrees => asked.collect(),
            // quirk: google-55
            Consent::Unticks(kept) => {
                asked.filter(|scope| kept.iter().any(|end| scope.ends_with(end.as_str()))).collect()
            }
        };
        let first = self.accounts.keys().next().cloned();
        let account = self.grants.visitor.clone().or(first).unwrap_or_default();
        let code = self.grants.name("4/0");
        let _ = write!(target, "&code={}&scope={}", encoded(&code), encoded(&scopes.join(" ")));
        let challenge = field("code_challenge");
        let until = now.saturating_add(CODE).unwrap_or(now);
        self.grants.codes.insert(code, Code { account, redirect, challenge, scopes, until });
        Reply::empty(302).header("Location", target)
    }

    /// The token endpoint.
    // quirk: google-54
    pub(super) fn token(&mut self, ask: &Ask, now: Timestamp, is_cut_off: bool) -> Reply {
        let is_form = ask
            .header("content-type")
            .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        if ask.method != "POST" || !is_form {
            self.violations.push("a token request that is no form".to_owned());
            return refused(400, "invalid_request", "Bad Request");
        }
        let given = form(&String::from_utf8_lossy(&ask.body));
        let field = |name: &str| given.get(name).map_or("", String::as_str);
        match self.grants.mood.clone() {
            TokenMood::Fair | TokenMood::Rotates | TokenMood::Testing => {}
            TokenMood::Tokenless => return answer::json(200, &json!({})),
            TokenMood::OutOfOrder => return answer::html(503),
            TokenMood::UnknownClient => return refused(401, "invalid_client", "Unauthorized"),
            TokenMood::Refuses(error) => return answer::json(400, &json!({"error": error})),
            TokenMood::Reauth(subtype) => {
                let body = json!({
                    "error": "invalid_grant", "error_subtype": subtype,
                    "error_description": format!("reauth related error ({subtype})"),
                });
                return answer::json(400, &body);
            }
        }
        if field("client_id") != CLIENT_ID {
            return refused(401, "invalid_client", "The OAuth client was not found.");
        }
        if field("client_secret") != CLIENT_SECRET {
            return refused(401, "invalid_client", "Unauthorized");
        }
        match field("grant_type") {
            "authorization_code" => self.exchange(&given, now),
            "refresh_token" => self.refresh(field("refresh_token"), now, is_cut_off),
            other => {
                let said = format!("Invalid grant_type: {other}");
                refused(400, "unsupported_grant_type", &said)
            }
        }
    }

    fn exchange(&mut self, given: &BTreeMap<String, String>, now: Timestamp) -> Reply {
        let field = |name: &str| given.get(name).map_or("", String::as_str);
        // A code is good once, also when it is not accepted.
        let Some(code) = self.grants.codes.remove(field("code")) else {
            return refused(400, "invalid_grant", "Bad Request");
        };
        let proof = URL_SAFE_NO_PAD.encode(Sha256::digest(field("code_verifier")));
        let is_good = code.redirect == field("redirect_uri")
            && code.challenge == proof
            && (43..=128).contains(&field("code_verifier").len())
            && now < code.until;
        if !is_good {
            return refused(400, "invalid_grant", "Bad Request");
        }
        let refresh = self.grants.give_refresh(&code.account, &code.scopes);
        let mut body = self.access(&code.account, &code.scopes, &refresh, now);
        body["refresh_token"] = json!(refresh);
        self.limited(&refresh, now, &mut body);
        answer::json(200, &body)
    }

    /// In Testing a token has an end, which is said.
    // quirk: google-72
    fn limited(&mut self, token: &str, now: Timestamp, body: &mut Value) {
        let is_testing = self.grants.mood == TokenMood::Testing;
        if let Some(held) = self.grants.refresh.get_mut(token).filter(|_| is_testing) {
            let until = *held.until.get_or_insert(now + WEEK);
            body["refresh_token_expires_in"] = json!(until.duration_since(now).as_secs());
        }
    }

    fn refresh(&mut self, token: &str, now: Timestamp, is_cut_off: bool) -> Reply {
        let Some(held) = self.grants.refresh.get(token) else {
            return refused(400, "invalid_grant", "Bad Request");
        };
        if held.is_revoked || is_cut_off || held.until.is_some_and(|until| until <= now) {
            return refused(400, "invalid_grant", "Token has been expired or revoked.");
        }
        let (account, scopes) = (held.account.clone(), held.scopes.clone());
        // quirk: google-56
        if self.grants.mood != TokenMood::Rotates {
            let mut body = self.access(&account, &scopes, token, now);
            self.limited(token, now, &mut body);
            return answer::json(200, &body);
        }
        self.grants.revoke(token);
        let next = self.grants.give_refresh(&account, &scopes);
        let mut body = self.access(&account, &scopes, &next, now);
        body["refresh_token"] = json!(next);
        answer::json(200, &body)
    }

    fn access(&mut self, account: &str, scopes: &[String], of: &str, now: Timestamp) -> Value {
        let until = now.saturating_add(ACCESS).unwrap_or(now);
        let token = self.grants.give_access(account, scopes, Some(until), Some(of.to_owned()));
        json!({
            "access_token": token, "expires_in": ACCESS.as_secs(), "scope": scopes.join(" "),
            "token_type": "Bearer",
        })
    }

    /// Whose refresh token a token request carries.
    pub(super) fn refresher(&self, ask: &Ask) -> String {
        let given = form(&String::from_utf8_lossy(&ask.body));
        let held = given.get("refresh_token").and_then(|token| self.grants.refresh.get(token));
        held.map(|held| held.account.clone()).unwrap_or_default()
    }

    /// The endpoint that revokes.
    pub(super) fn revoke(&mut self, ask: &Ask) -> Reply {
        let mut given = form(&ask.query);
        given.extend(form(&String::from_utf8_lossy(&ask.body)));
        let token = given.get("token").cloned().unwrap_or_default();
        if ask.method == "POST" && self.grants.revoke(&token) {
            return answer::json(200, &json!({}));
        }
        refused(400, "invalid_token", "Token expired or revoked")
    }
}

/// Percent-encoded, everything but letters and digits.
fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}
