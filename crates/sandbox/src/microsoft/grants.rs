//! Sign-in: the authorization page, the device code and the token endpoint, and what tokens are
//! good for.
//!
//! The person at the page agrees at once, or declines by switch. A refresh gives a new refresh
//! token; the old one is good a few times more. Whoever is idle for 90 days is unlinked.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::answer;
use super::query::pairs;
use super::state::Service;
use crate::rest::{Ask, Reply};

/// How long a code can be exchanged.
const CODE: SignedDuration = SignedDuration::from_mins(10);

/// How long a device code can be entered, and how often may be asked for it, in seconds.
const DEVICE: i64 = 900;
const INTERVAL: i64 = 5;

/// After so long without use a refresh token is expired.
// quirk: microsoft-61
const IDLE: SignedDuration = SignedDuration::from_hours(90 * 24);

/// Where scopes of Graph begin in their long form.
const GRAPH: &str = "https://graph.microsoft.com/";

/// The application that is registered.
pub const CLIENT_ID: &str = "11112222-3333-4444-5555-sandbox00000";

/// What whoever is sent to the page does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Consent {
    /// Agrees.
    #[default]
    Agrees,
    /// Declines.
    Declines,
}

/// What a poll for a device code finds.
// quirk: microsoft-64
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Poll {
    /// Nobody has entered it yet.
    Pending,
    /// Asked too often.
    SlowDown,
    /// The person declined.
    Declined,
    /// It is too late.
    Expired,
}

/// What the token endpoint does beside its duty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TokenMood {
    /// Nothing.
    #[default]
    Fair,
    /// 65: scopes in their short form, in another order.
    ShortScopes,
    /// A refresh gives no refresh token.
    Keeps,
    /// A page of HTML with status 503.
    OutOfOrder,
    /// 429 with Retry-After.
    Throttled,
    /// 62: an error with this number (AADSTS), name and, where not empty, suberror.
    Refuses(u32, String, String),
}

#[derive(Debug)]
struct Code {
    account: String,
    tenant: String,
    redirect: String,
    challenge: String,
    scopes: Vec<String>,
    until: Timestamp,
}

#[derive(Debug)]
struct Device {
    tenant: String,
    scopes: Vec<String>,
    until: Timestamp,
    interval: i64,
    asked: Option<Timestamp>,
}

#[derive(Debug)]
struct Access {
    account: String,
    scopes: Vec<String>,
    until: Option<Timestamp>,
}

#[derive(Debug)]
struct Refresh {
    account: String,
    /// Empty for those that tests are given: good with every tenant.
    tenant: String,
    scopes: Vec<String>,
    issued: Timestamp,
    is_revoked: bool,
    /// How often it is still good, once its successor was given.
    left: Option<u32>,
}

/// Everything about tokens.
#[derive(Debug, Default)]
pub(super) struct Grants {
    codes: BTreeMap<String, Code>,
    devices: BTreeMap<String, Device>,
    access: BTreeMap<String, Access>,
    refresh: BTreeMap<String, Refresh>,
    pub(super) consent: Consent,
    pub(super) mood: TokenMood,
    /// Who sits before the browser.
    pub(super) visitor: Option<String>,
    /// What the next polls find; then the person has agreed.
    pub(super) polls: VecDeque<Poll>,
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
        format!("{prefix}{}", URL_SAFE_NO_PAD.encode(sum))
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
    ) -> String {
        let token = self.name("EwB4A8l6BAAU");
        let access = Access { account: account.to_owned(), scopes: scopes.to_vec(), until };
        self.access.insert(token.clone(), access);
        token
    }

    pub(super) fn give_refresh(
        &mut self,
        account: &str,
        tenant: &str,
        scopes: &[String],
        now: Timestamp,
    ) -> String {
        let token = self.name("M.C552_BAY.0.U.-");
        let refresh = Refresh {
            account: account.to_owned(),
            tenant: tenant.to_owned(),
            scopes: scopes.to_vec(),
            issued: now,
            is_revoked: false,
            left: None,
        };
        self.refresh.insert(token.clone(), refresh);
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

/// A refusal of the token endpoint.
// quirk: microsoft-62
fn refused(number: u32, error: &str, suberror: &str, what: &str, now: Timestamp) -> Reply {
    let at = now.strftime("%Y-%m-%d %H:%M:%SZ").to_string();
    let trace = "6a1f0000-0000-4000-8000-000000000001";
    let description = format!(
        "AADSTS{number}: {what}\r\nTrace ID: {trace}\r\nCorrelation ID: {trace}\r\nTimestamp: {at}"
    );
    let mut body = json!({
        "error": error, "error_description": description, "error_codes": [number],
        "timestamp": at, "trace_id": trace, "correlation_id": trace,
        "error_uri": format!("https://login.microsoftonline.com/error?code={number}"),
    });
    if !suberror.is_empty() {
        body["suberror"] = json!(suberror);
    }
    token_json(if error == "invalid_client" { 401 } else { 400 }, &body)
}

fn token_json(status: u16, body: &Value) -> Reply {
    let reply = Reply { body: body.to_string().into_bytes(), ..Reply::empty(status) };
    let reply = reply.header("Content-Type", "application/json; charset=utf-8");
    reply.header("Cache-Control", "no-store, no-cache")
}

/// Scopes in their short form, without those that are not of Graph.
fn granted(text: &str) -> Vec<String> {
    let apart = ["offline_access", "openid", "profile", "email"];
    let scopes = text.split(' ').filter(|scope| !scope.is_empty() && !apart.contains(scope));
    let mut scopes: Vec<String> = scopes
        .map(|scope| scope.rsplit_once('/').map_or(scope, |(_, name)| name).to_owned())
        .collect();
    scopes.sort();
    scopes
}

type Form = BTreeMap<String, String>;

fn form(text: &str) -> Form {
    pairs(text).into_iter().collect()
}

fn is_tenant(tenant: &str) -> bool {
    ["common", "organizations", "consumers"].contains(&tenant)
        || tenant.len() == 36
        || tenant.contains('.')
}

impl Service {
    fn visitor(&self) -> String {
        let first = self.accounts.keys().next().cloned();
        self.grants.visitor.clone().or(first).unwrap_or_default()
    }

    /// The authorization page: goes straight back to where it was called from.
    // quirk: microsoft-67
    pub(super) fn authorize(&mut self, ask: &Ask, tenant: &str, now: Timestamp) -> Reply {
        let given = form(&ask.query);
        let field = |name: &str| given.get(name).map_or("", String::as_str);
        let redirect = field("redirect_uri");
        let is_good = ask.method == "GET"
            && is_tenant(tenant)
            && field("client_id") == CLIENT_ID
            && field("response_type") == "code"
            && matches!(field("response_mode"), "" | "query")
            && is_loopback(redirect)
            && field("code_challenge_method") == "S256"
            && field("code_challenge").len() >= 43
            && !field("state").is_empty()
            && !granted(field("scope")).is_empty();
        if !is_good {
            self.violations.push("an authorization page that is not shown (AADSTS50011 …)".into());
            return answer::html(400);
        }
        // An address without a path comes back with one.
        let slash = if redirect.matches('/').count() == 2 { "/" } else { "" };
        let mut target = format!("{redirect}{slash}?");
        if self.grants.consent == Consent::Declines {
            let said = "error=access_denied&error_description=the+user+denied&state=";
            let _ = write!(target, "{said}{}", encoded(field("state")));
            return Reply::empty(302).header("Location", target);
        }
        let code = self.grants.name("M.C107_SN1.2.U.");
        let state = encoded(field("state"));
        let session = "session_state=0f7e0000-0000-4000-8000-000000000002";
        let _ = write!(target, "code={}&state={state}&{session}", encoded(&code));
        let code_of = Code {
            account: self.visitor(),
            tenant: tenant.to_owned(),
            redirect: redirect.to_owned(),
            challenge: field("code_challenge").to_owned(),
            scopes: all_scopes(field("scope")),
            until: now.saturating_add(CODE).unwrap_or(now),
        };
        self.grants.codes.insert(code, code_of);
        Reply::empty(302).header("Location", target)
    }

    /// A device code.
    pub(super) fn device_code(&mut self, ask: &Ask, tenant: &str, now: Timestamp) -> Reply {
        let given = form(&String::from_utf8_lossy(&ask.body));
        let field = |name: &str| given.get(name).map_or("", String::as_str);
        if let Some(reply) = self.wrong_client(&given, tenant, now) {
            return reply;
        }
        let code = self.grants.name("GAQABIQEAAAAm");
        let wait = SignedDuration::from_secs(DEVICE);
        let device = Device {
            tenant: tenant.to_owned(),
            scopes: all_scopes(field("scope")),
            until: now.saturating_add(wait).unwrap_or(now),
            interval: INTERVAL,
            asked: None,
        };
        self.grants.devices.insert(code.clone(), device);
        let page = if tenant == "consumers" {
            "https://www.microsoft.com/link"
        } else {
            "https://microsoft.com/devicelogin"
        };
        let message = format!(
            "To sign in, use a web browser to open the page {page} and enter the code GTHKQPMN to \
             authenticate."
        );
        let body = json!({
            "user_code": "GTHKQPMN", "device_code": code, "verification_uri": page,
            "expires_in": DEVICE, "interval": INTERVAL, "message": message,
        });
        token_json(200, &body)
    }

    fn wrong_client(&mut self, given: &Form, tenant: &str, now: Timestamp) -> Option<Reply> {
        let field = |name: &str| given.get(name).map_or("", String::as_str);
        if !is_tenant(tenant) {
            let what = format!("Tenant '{tenant}' not found.");
            return Some(refused(90002, "invalid_request", "", &what, now));
        }
        if given.contains_key("client_secret") {
            self.violations.push("a public client sent a secret".to_owned());
            let what = "Client is public so neither 'client_assertion' nor 'client_secret' should \
                        be presented.";
            return Some(refused(700_025, "invalid_client", "", what, now));
        }
        if field("client_id") != CLIENT_ID {
            let what = "Application was not found in the directory.";
            return Some(refused(700_016, "unauthorized_client", "", what, now));
        }
        None
    }

    /// The token endpoint.
    pub(super) fn token(
        &mut self,
        ask: &Ask,
        tenant: &str,
        now: Timestamp,
        is_cut_off: bool,
    ) -> Reply {
        let is_form = ask
            .header("content-type")
            .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        if ask.method != "POST" || !is_form {
            self.violations.push("a token request that is no form".to_owned());
            let what = "The request body must be a form.";
            return refused(900_144, "invalid_request", "", what, now);
        }
        match self.grants.mood.clone() {
            TokenMood::Fair | TokenMood::ShortScopes | TokenMood::Keeps => {}
            TokenMood::OutOfOrder => return answer::html(503),
            TokenMood::Throttled => return Reply::empty(429).header("Retry-After", "17"),
            TokenMood::Refuses(number, error, suberror) => {
                return refused(number, &error, &suberror, "The request is refused.", now);
            }
        }
        let given = form(&String::from_utf8_lossy(&ask.body));
        if let Some(reply) = self.wrong_client(&given, tenant, now) {
            return reply;
        }
        match given.get("grant_type").map_or("", String::as_str) {
            "authorization_code" => self.exchange(&given, tenant, now),
            "refresh_token" => self.refresh(&given, tenant, now, is_cut_off),
            "urn:ietf:params:oauth:grant-type:device_code" => self.poll(&given, tenant, now),
            _ => refused(70003, "unsupported_grant_type", "", "Unsupported grant type.", now),
        }
    }

    fn exchange(&mut self, given: &Form, tenant: &str, now: Timestamp) -> Reply {
        let field = |name: &str| given.get(name).map_or("", String::as_str);
        // A code is good once, also when it is not accepted.
        let Some(code) = self.grants.codes.remove(field("code")) else {
            return refused(70000, "invalid_grant", "", "The code is not valid.", now);
        };
        let proof = URL_SAFE_NO_PAD.encode(Sha256::digest(field("code_verifier")));
        let is_good = code.redirect == field("redirect_uri")
            && code.tenant == tenant
            && code.challenge == proof
            && (43..=128).contains(&field("code_verifier").len())
            && now < code.until;
        if !is_good {
            return refused(70000, "invalid_grant", "", "The code does not fit.", now);
        }
        self.issue(&code.account, tenant, &code.scopes, now)
    }

    fn poll(&mut self, given: &Form, tenant: &str, now: Timestamp) -> Reply {
        let code = given.get("device_code").cloned().unwrap_or_default();
        let scripted = self.grants.polls.pop_front();
        let account = self.visitor();
        let declines = self.grants.consent == Consent::Declines;
        let Some(device) = self.grants.devices.get_mut(&code) else {
            return refused(70000, "bad_verification_code", "", "The code is not known.", now);
        };
        let asked = device.asked.replace(now);
        let is_early = asked.is_some_and(|asked| {
            now.duration_since(asked) < SignedDuration::from_secs(device.interval)
        });
        if is_early || scripted == Some(Poll::SlowDown) {
            device.interval += 5;
            if is_early {
                self.violations.push("a device code was asked for too often".to_owned());
            }
            return refused(70016, "slow_down", "", "Polling too fast.", now);
        }
        if now >= device.until || scripted == Some(Poll::Expired) {
            return refused(70020, "expired_token", "", "The device code has expired.", now);
        }
        if device.tenant != tenant {
            return refused(70000, "invalid_grant", "", "Another tenant's code.", now);
        }
        if scripted == Some(Poll::Declined) || (scripted.is_none() && declines) {
            let what = "The user declined.";
            return refused(65004, "authorization_declined", "", what, now);
        }
        if scripted == Some(Poll::Pending) {
            let what = "OAuth 2.0 device flow error. Authorization is pending. Continue polling.";
            return refused(70016, "authorization_pending", "", what, now);
        }
        let scopes = device.scopes.clone();
        self.grants.devices.remove(&code);
        self.issue(&account, tenant, &scopes, now)
    }

    // quirk: microsoft-61
    fn refresh(&mut self, given: &Form, tenant: &str, now: Timestamp, is_cut_off: bool) -> Reply {
        let token = given.get("refresh_token").cloned().unwrap_or_default();
        let Some(held) = self.grants.refresh.get_mut(&token) else {
            return refused(70000, "invalid_grant", "", "The refresh token is malformed.", now);
        };
        if held.is_revoked || is_cut_off {
            let what = "The provided grant has expired due to it being revoked.";
            return refused(50173, "invalid_grant", "bad_token", what, now);
        }
        if now.duration_since(held.issued) > IDLE {
            let what = "The refresh token has expired due to inactivity.";
            return refused(700_082, "invalid_grant", "bad_token", what, now);
        }
        if !held.tenant.is_empty() && held.tenant != tenant {
            return refused(70000, "invalid_grant", "", "Another tenant's token.", now);
        }
        let wanted = given.get("scope").map(|text| all_scopes(text)).unwrap_or_default();
        if wanted.iter().any(|scope| !held.scopes.contains(scope)) {
            let what = "The user or administrator has not consented to use the application.";
            return refused(65001, "invalid_grant", "consent_required", what, now);
        }
        match &mut held.left {
            Some(0) => {
                return refused(70000, "invalid_grant", "", "The token was used before.", now);
            }
            Some(left) => *left -= 1,
            None => held.left = Some(self.quirks.old_refresh_uses),
        }
        let (account, own) = (held.account.clone(), held.tenant.clone());
        let scopes = if wanted.is_empty() { held.scopes.clone() } else { wanted };
        if self.grants.mood == TokenMood::Keeps {
            if let Some(held) = self.grants.refresh.get_mut(&token) {
                held.left = None;
            }
            let body = self.access(&account, &scopes, now);
            return token_json(200, &body);
        }
        self.issue(&account, &own, &scopes, now)
    }

    /// An access token, and a refresh token where that was asked for.
    fn issue(&mut self, account: &str, tenant: &str, scopes: &[String], now: Timestamp) -> Reply {
        let mut body = self.access(account, scopes, now);
        if scopes.iter().any(|scope| scope == "offline_access") {
            let refresh = self.grants.give_refresh(account, tenant, scopes, now);
            body["refresh_token"] = json!(refresh);
        }
        token_json(200, &body)
    }

    // quirk: microsoft-65, microsoft-66
    fn access(&mut self, account: &str, scopes: &[String], now: Timestamp) -> Value {
        let seconds = 3599 + self.random.below(1801) as i64;
        let until = now.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(now);
        let token = self.grants.give_access(account, scopes, Some(until));
        let mut shown: Vec<String> =
            scopes.iter().filter(|scope| *scope != "offline_access").cloned().collect();
        if self.grants.mood == TokenMood::ShortScopes {
            shown.reverse();
        } else {
            shown.iter_mut().for_each(|scope| *scope = format!("{GRAPH}{scope}"));
        }
        json!({
            "token_type": "Bearer", "scope": shown.join(" "), "expires_in": seconds,
            "ext_expires_in": seconds, "access_token": token,
        })
    }

    /// Whose refresh token a token request carries.
    pub(super) fn refresher(&self, ask: &Ask) -> String {
        let given = form(&String::from_utf8_lossy(&ask.body));
        let held = given.get("refresh_token").and_then(|token| self.grants.refresh.get(token));
        held.map(|held| held.account.clone()).unwrap_or_default()
    }
}

/// The scopes of a request, with the one that gives a refresh token.
fn all_scopes(text: &str) -> Vec<String> {
    let mut scopes = granted(text);
    if text.split(' ').any(|scope| scope == "offline_access") {
        scopes.push("offline_access".to_owned());
    }
    scopes
}

/// `http://localhost` with any port and no path.
fn is_loopback(redirect: &str) -> bool {
    let Some(rest) = redirect.strip_prefix("http://localhost") else { return false };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    match rest.strip_prefix(':') {
        Some(port) => port.parse::<u16>().is_ok(),
        None => rest.is_empty(),
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
