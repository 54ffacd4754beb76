//! OAuth 2.0 for a program on somebody's own machine (RFC 8252): consent in the browser with a
//! loopback redirect and PKCE, the exchange of the code, renewal, revocation.
//!
//! [`Client`] speaks to a provider's endpoints; [`Tokens`] keeps one account supplied with access
//! tokens. What decides is the `error` of an answer (RFC 6749 section 5.2) and its subtype, never
//! its description: an error that says that the grant is dead is
//! [`ErrorKind::Unauthorized`](provider::ErrorKind), everything that may pass by itself is not.
//! What a refusal most likely means at one provider is not known here: the program says it.

mod answer;
mod consent;
mod device;
mod tokens;

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http::header::{ACCEPT, CONTENT_TYPE};
use provider::{Error, ErrorKind, Result};
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

pub use self::answer::{Grant, Refusal, Stage};
pub use self::consent::{Consent, ConsentError};
pub use self::device::{DeviceCode, Poll};
pub use self::tokens::{Access, Clock, Keep, Note, Tokens};
use crate::{Account, Credential, Options, Wire};

/// How long an endpoint may take: a person or a cycle waits for it, and the answer is small.
const DEADLINE: Duration = Duration::from_secs(30);

/// Requests at once: one renewal runs at a time, and a revocation may run beside it.
const IN_FLIGHT: usize = 2;

/// What a request to an endpoint is called in the words of people, by refusal.
pub type Explain = fn(&Refusal) -> Option<String>;

/// A right that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope {
    /// Its name.
    pub name: &'static str,
    /// Wider ones that hold it too.
    pub within: &'static [&'static str],
    /// What it is for, as a person reads it ("see and change events").
    pub purpose: &'static str,
}

/// How this machine's loopback is called in a redirect (RFC 8252 section 7.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redirect {
    /// `http://127.0.0.1:PORT/`.
    Address,
    /// `http://localhost:PORT`, without a path: Microsoft takes no address, and compares paths.
    Name,
}

impl Redirect {
    /// The redirect to this port.
    pub fn to(self, port: u16) -> String {
        match self {
            Redirect::Address => format!("http://127.0.0.1:{port}/"),
            Redirect::Name => format!("http://localhost:{port}"),
        }
    }
}

/// A provider's endpoints, and this program as it knows it.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// Who issues the tokens, for sentences: "Google".
    pub issuer: &'static str,
    /// The client's id.
    pub client_id: String,
    /// The client's secret, where it has one.
    pub client_secret: Option<SecretString>,
    /// Where people consent.
    pub auth_url: Url,
    /// Where codes and refresh tokens are exchanged.
    pub token_url: Url,
    /// Where tokens are revoked (RFC 7009), where that can be done.
    pub revoke_url: Option<Url>,
    /// Where a sign-in on another device begins (RFC 8628), where there is such a thing.
    pub device_url: Option<Url>,
    /// What is asked for.
    pub scopes: &'static [Scope],
    /// Where a browser on this machine comes back to.
    pub redirect: Redirect,
    /// What the consent page is given beside the usual.
    pub extra: &'static [(&'static str, &'static str)],
    /// What a refusal most likely means.
    pub explain: Explain,
    /// What carries the requests.
    pub wire: Wire,
}

/// The way to a provider's token endpoints.
pub struct Client {
    options: ClientOptions,
    token: Account,
    revoke: Option<Account>,
    device: Option<Account>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("issuer", &self.options.issuer).finish_non_exhaustive()
    }
}

impl Client {
    /// A client; sends nothing yet.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] for an address that no secret may be sent to.
    pub fn new(options: ClientOptions) -> Result<Self> {
        let account = |url: &Url| {
            let mut policy = Options::new(url.clone(), Credential::None);
            policy.deadline = DEADLINE;
            policy.in_flight = IN_FLIGHT;
            policy.wire = options.wire.clone();
            Account::new(policy)
        };
        crate::allow::check_origin(&options.auth_url)?;
        let token = account(&options.token_url)?;
        let revoke = options.revoke_url.as_ref().map(account).transpose()?;
        let device = options.device_url.as_ref().map(account).transpose()?;
        Ok(Self { options, token, revoke, device })
    }

    /// Who issues the tokens, for sentences.
    pub fn issuer(&self) -> &'static str {
        self.options.issuer
    }

    /// Where a browser on this machine comes back to.
    pub fn redirect(&self) -> Redirect {
        self.options.redirect
    }

    /// A new request for somebody's consent, answered at `redirect`. `chance` must be unguessable;
    /// `hint` names the account that is meant, where it is known.
    pub fn consent(&self, redirect: &str, chance: &[u8; 64], hint: Option<&str>) -> Consent {
        Consent::new(&self.options, redirect, chance, hint)
    }

    /// Exchanges the code that a consent ended with. The grant has a refresh token.
    ///
    /// # Errors
    /// - [`ErrorKind::Unauthorized`]: refused; the source is the [`Refusal`].
    /// - [`ErrorKind::Forbidden`]: accepted without the rights that were asked for, or without a
    ///   refresh token.
    /// - [`ErrorKind::Unavailable`], [`ErrorKind::RateLimited`]: try again later.
    pub async fn exchange(&self, code: &SecretString, consent: &Consent) -> Result<Grant> {
        let grant = self
            .ask(
                Stage::Exchange,
                &[
                    ("grant_type", "authorization_code"),
                    ("code", code.expose_secret()),
                    ("code_verifier", consent.verifier()),
                    ("redirect_uri", consent.redirect()),
                ],
            )
            .await?;
        self.whole(grant)
    }

    /// A grant with every right, and with a refresh token.
    fn whole(&self, grant: Grant) -> Result<Grant> {
        self.check(&grant)?;
        if grant.refresh.is_none() {
            let issuer = self.issuer();
            let sentence = format!(
                "{issuer} gave access for an hour only (no refresh token); take calpair's access \
                 away in the settings of the account and connect again"
            );
            return Err(Error::new(ErrorKind::Forbidden, sentence));
        }
        Ok(grant)
    }

    /// Gets a new access token.
    ///
    /// # Errors
    /// As [`Client::exchange`], but for the rights: [`Client::check`] looks at those.
    pub async fn renew(&self, refresh: &SecretString) -> Result<Grant> {
        self.ask(
            Stage::Renewal,
            &[("grant_type", "refresh_token"), ("refresh_token", refresh.expose_secret())],
        )
        .await
    }

    /// Checks that a grant has every right that was asked for. An answer that names none has them
    /// all (RFC 6749 section 5.1).
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] says which are missing.
    pub fn check(&self, grant: &Grant) -> Result<()> {
        let missing: Vec<&str> = self
            .options
            .scopes
            .iter()
            .filter(|scope| !grant.holds(scope))
            .map(|scope| scope.purpose)
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let sentence = format!(
            "the consent lacks what calpair needs: {}; connect again and tick every box",
            missing.join(", ")
        );
        Err(Error::new(ErrorKind::Forbidden, sentence))
    }

    /// Whether tokens of this provider can be revoked.
    pub fn can_revoke(&self) -> bool {
        self.revoke.is_some()
    }

    /// Takes a refresh token's rights away. One that has none any more is revoked.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] and the like; [`ErrorKind::Rejected`] when it is refused for
    /// another reason than that there is nothing to revoke.
    pub async fn revoke(&self, refresh: &SecretString) -> Result<()> {
        let (Some(account), Some(url)) = (&self.revoke, &self.options.revoke_url) else {
            return Ok(());
        };
        let request = form(url, &[("token", refresh.expose_secret())])?;
        let response = account.send(request).await?;
        answer::revoked(self.issuer(), &response)
    }

    async fn ask(&self, stage: Stage, fields: &[(&str, &str)]) -> Result<Grant> {
        let mut fields = fields.to_vec();
        fields.push(("client_id", &self.options.client_id));
        if let Some(secret) = &self.options.client_secret {
            fields.push(("client_secret", secret.expose_secret()));
        }
        let request = form(&self.options.token_url, &fields)?;
        let response = self.token.send(request).await.map_err(passing)?;
        let verdict = answer::read(stage, &response);
        verdict.map_err(|verdict| verdict.into_error(&self.options, &self.token))
    }
}

/// Whatever an endpoint does beside answering says nothing about the grant.
fn passing(error: Error) -> Error {
    match error.kind() {
        ErrorKind::Malformed => {
            let sentence = error.sentence().to_owned();
            Error::new(ErrorKind::Unavailable, sentence).because(error)
        }
        _ => error,
    }
}

fn form(url: &Url, fields: &[(&str, &str)]) -> Result<Request<Bytes>> {
    // The encoding of forms is that of queries; a url is at hand that can do it.
    let mut encoder = url.clone();
    encoder.query_pairs_mut().clear().extend_pairs(fields);
    let body = encoder.query().unwrap_or_default().to_owned();
    Request::post(url.as_str())
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(ACCEPT, "application/json")
        .body(Bytes::from(body))
        .map_err(|error| {
            Error::new(ErrorKind::Malformed, "an address can't be read").because(error)
        })
}

#[cfg(test)]
mod tests;
