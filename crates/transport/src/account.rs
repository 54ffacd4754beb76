//! One account's way to its server: every request of it goes through [`Account::send`].

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, IF_MATCH, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use provider::{Error, ErrorKind, Result};
use reqwest::Url;
use tokio::time::Instant;

use crate::allow::{self, place};
use crate::credential::{Credential, Proof, Scheme};
use crate::gate::{Company, Entry, Gate};
use crate::trust::Trust;
use crate::wire::{Connection, Line, Wire};
use crate::{Allow, challenge, failure, redirect, retry_after};

/// How an account is asked.
#[derive(Clone, Debug)]
pub struct Options {
    /// The configured address; its scheme, host and port are where the credential may go.
    pub origin: Url,
    /// What proves the account.
    pub credential: Credential,
    /// Where else the credential may go.
    pub allow: Allow,
    /// How long one request may take, from sending it to the last byte of its answer, redirects
    /// included. Large listings of slow servers take half a minute.
    pub deadline: Duration,
    /// How many requests run at once.
    pub in_flight: usize,
    /// What carries the requests.
    pub wire: Wire,
}

impl Options {
    /// The usual: 120 s, 8 requests at once, nothing beyond the origin, over the network.
    pub fn new(origin: Url, credential: Credential) -> Self {
        let deadline = Duration::from_secs(120);
        let wire = Wire::Network;
        Self { origin, credential, allow: Allow::Origin, deadline, in_flight: 8, wire }
    }
}

/// Where the answer came from in the end: an extension of every response, because what an answer
/// names relatively is relative to that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached(pub Url);

impl Reached {
    /// The host (and port, where it is not the scheme's own), for sentences.
    pub fn place(&self) -> String {
        place(&self.0)
    }
}

/// An extension of an answer to a request that was sent before, without an answer. The first one
/// may have arrived: what is refused now because something changed may have been changed by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeated;

tokio::task_local! {
    static ON_BEHALF_OF: Arc<AtomicU64>;
}

/// Does `work`, and counts in `sent` the requests that it sends: an account is asked on behalf of
/// several at once, and its own number tells them not apart. What `work` spawns is not counted.
pub async fn counted<F: Future>(sent: &Arc<AtomicU64>, work: F) -> F::Output {
    ON_BEHALF_OF.scope(Arc::clone(sent), work).await
}

/// One account: its connections, its gate, its credential.
#[derive(Debug)]
pub struct Account {
    options: Options,
    proof: Proof,
    gate: Gate,
    trust: Trust,
    line: Line,
    requests: AtomicU64,
}

impl Account {
    /// An account; sends nothing yet.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] for an address that no credential may be sent to (plain http
    /// beyond loopback); [`ErrorKind::Unauthorized`] for a credential that can't be sent.
    pub fn new(options: Options) -> Result<Self> {
        allow::check_origin(&options.origin)?;
        let proof = options.credential.proof()?;
        let line = Line::new(&options.wire, &options.origin, options.in_flight)?;
        let gate = Gate::new(place(&options.origin), options.in_flight);
        let (trust, requests) = (Trust::default(), AtomicU64::new(0));
        Ok(Self { options, proof, gate, trust, line, requests })
    }

    /// The configured address.
    pub fn origin(&self) -> &Url {
        &self.options.origin
    }

    /// Whether the address belongs to the account, so that it may be asked.
    pub fn permits(&self, url: &Url) -> bool {
        self.options.allow.permits(&self.options.origin, url)
    }

    /// How many requests went out so far, redirects and repetitions included.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Sends a request and reads its answer whole. The status is the caller's to interpret, but
    /// for throttling (429, 503) and redirects. The answer carries [`Reached`].
    ///
    /// # Errors
    /// - [`ErrorKind::Unavailable`]: no answer, no secure connection, an answer too slow.
    /// - [`ErrorKind::RateLimited`]: throttled now or before; then nothing was sent.
    /// - [`ErrorKind::Unauthorized`]: the password was refused before; then nothing was sent, until
    ///   [`Account::ask_again`]. (The refusal itself is an answer.)
    /// - [`ErrorKind::Malformed`]: the answer broke off, is too large ([`crate::TooLarge`]), or is
    ///   a redirect that is not followed ([`crate::RedirectRefused`]).
    /// - [`ErrorKind::Forbidden`]: the request is not for the account's addresses, or the server
    ///   wants another kind of credential.
    pub async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>> {
        self.send_in(request, Company::Shared).await
    }

    /// The same with nothing else of this account in flight, for what a server can't do side by
    /// side.
    ///
    /// # Errors
    /// As [`Account::send`].
    pub async fn send_alone(&self, request: Request<Bytes>) -> Result<Response<Bytes>> {
        self.send_in(request, Company::Alone).await
    }

    /// The same for a request of several parts, which the server runs side by side and counts one
    /// by one.
    ///
    /// # Errors
    /// As [`Account::send`].
    pub async fn send_several(
        &self,
        request: Request<Bytes>,
        parts: u32,
    ) -> Result<Response<Bytes>> {
        self.send_in(request, Company::Several(parts)).await
    }

    /// Notes a throttling that only the adapter can read from an answer (a status of its own, a
    /// reason in the body): the account is left alone as after a 429. Returns the error for it.
    pub fn throttled(&self, retry_after: Option<Duration>) -> Error {
        self.gate.throttled_again(retry_after)
    }

    /// A password that was refused is to be sent again: with one request, and with all others if
    /// that is answered.
    pub fn ask_again(&self) {
        self.trust.again();
    }

    async fn send_in(&self, request: Request<Bytes>, company: Company) -> Result<Response<Bytes>> {
        let url = self.target(&request)?;
        let by_password = self.by_password();
        let _lead = if by_password { self.trust.lead().await? } else { None };
        let entry = self.gate.enter(company).await?;
        if by_password {
            // It may have been refused while this one waited for its place.
            self.trust.check()?;
        }
        let pass = self.proof.pass().await?;
        let (mut response, mut reached) = self.within(&request, &url, pass.header()).await?;
        if response.status() == StatusCode::UNAUTHORIZED
            && let Some(pass) = self.proof.another(pass).await?
        {
            // A refused request was not carried out: it is repeated whatever it does.
            (response, reached) = self.within(&request, &url, pass.header()).await?;
        }
        self.judge(response, reached, &entry)
    }

    /// One request with its redirects, in the time allowed.
    async fn within(
        &self,
        request: &Request<Bytes>,
        url: &Url,
        authorization: Option<&HeaderValue>,
    ) -> Result<(Response<Bytes>, Url)> {
        let deadline = self.options.deadline;
        let answer = self.follow(request, url.clone(), authorization);
        match tokio::time::timeout(deadline, answer).await {
            Ok(result) => result,
            Err(_) => {
                tracing::debug!(method = %request.method(), host = %place(url), "no answer");
                Err(failure::too_slow(url, deadline))
            }
        }
    }

    fn target(&self, request: &Request<Bytes>) -> Result<Url> {
        let url = Url::parse(&request.uri().to_string()).map_err(|error| {
            Error::new(ErrorKind::Malformed, "an address can't be read").because(error)
        })?;
        if self.permits(&url) {
            return Ok(url);
        }
        Err(Error::new(
            ErrorKind::Forbidden,
            format!("{} is not part of the account; nothing was sent there", place(&url)),
        ))
    }

    async fn follow(
        &self,
        request: &Request<Bytes>,
        mut url: Url,
        authorization: Option<&HeaderValue>,
    ) -> Result<(Response<Bytes>, Url)> {
        for _ in 0..=redirect::MOST_REDIRECTS {
            let response = self.attempt(request, &url, authorization).await?;
            let status = response.status();
            if !redirect::is_redirect(status) {
                return Ok((response, url));
            }
            let (allow, origin) = (self.options.allow, &self.options.origin);
            url =
                redirect::next(allow, origin, &url, request.method(), status, response.headers())?;
        }
        Err(redirect::too_many(&url))
    }

    fn by_password(&self) -> bool {
        self.proof.scheme() == Scheme::Basic
    }

    fn judge(
        &self,
        mut response: Response<Bytes>,
        url: Url,
        entry: &Entry<'_>,
    ) -> Result<Response<Bytes>> {
        let by_password = self.by_password();
        if response.status() != StatusCode::UNAUTHORIZED {
            self.trust.taken();
        }
        match response.status() {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                return Err(self.gate.throttled(entry, retry_after::read(response.headers())));
            }
            // quirk: icloud-2
            StatusCode::UNAUTHORIZED if by_password && self.gate.in_penalty() => {
                return Err(self.gate.doubted());
            }
            StatusCode::UNAUTHORIZED if by_password => {
                check_challenge(self.options.allow, &url, response.headers())?;
                self.trust.refused();
            }
            // A 401 is no acceptance, and a 403 may be a throttling that only the adapter can read.
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {}
            status if !status.is_server_error() => self.gate.accepted(entry),
            _ => {}
        }
        response.extensions_mut().insert(Reached(url));
        Ok(response)
    }

    /// One hop, repeated once on a connection of its own where that can't do harm.
    async fn attempt(
        &self,
        request: &Request<Bytes>,
        url: &Url,
        authorization: Option<&HeaderValue>,
    ) -> Result<Response<Bytes>> {
        let repeatable = is_repeatable(request);
        let was_lost = match self.exchange(Connection::Kept, request, url, authorization).await? {
            // quirk: icloud-70
            Ok(response) if repeatable && response.status() == StatusCode::MISDIRECTED_REQUEST => {
                false
            }
            Ok(response) => return Ok(response),
            Err(lost) if !repeatable => return Err(lost),
            Err(_) => true,
        };
        let mut response = self.exchange(Connection::Fresh, request, url, authorization).await??;
        if was_lost && request.method() == Method::PATCH && !response.status().is_success() {
            // The first try may have arrived: what the second one met says nothing of it.
            let sentence = format!("{} may have been changed, and did not say so", place(url));
            return Err(Error::new(ErrorKind::Unavailable, sentence));
        }
        if was_lost {
            response.extensions_mut().insert(Repeated);
        }
        Ok(response)
    }

    /// The inner error is a connection that was lost before an answer.
    async fn exchange(
        &self,
        connection: Connection,
        request: &Request<Bytes>,
        url: &Url,
        authorization: Option<&HeaderValue>,
    ) -> Result<Result<Response<Bytes>>> {
        let started = Instant::now();
        let number = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        // Nobody counts what is asked outside of any work.
        let _ = ON_BEHALF_OF.try_with(|sent| sent.fetch_add(1, Ordering::Relaxed));
        let mut outgoing = request.clone();
        if let Some(authorization) = authorization {
            outgoing.headers_mut().insert(AUTHORIZATION, authorization.clone());
        }
        let (method, host) = (request.method(), place(url));
        let answer = self.line.exchange(connection, &self.options.origin, outgoing, url).await;
        match &answer {
            Ok(Ok(answer)) => {
                let (code, bytes, ms) =
                    (answer.status().as_u16(), answer.body().len(), ms(started));
                tracing::debug!(%method, number, host, status = code, bytes, ms, "answered");
            }
            Ok(Err(error)) | Err(error) => {
                tracing::debug!(%method, number, host, ms = ms(started), "{error}");
            }
        }
        answer
    }
}

fn ms(started: Instant) -> u64 {
    u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// Whether sending it twice does no more than sending it once: reads, and writes under a condition,
/// which fails the second time if the first one arrived.
// quirk: icloud-66, icloud-71
fn is_repeatable(request: &Request<Bytes>) -> bool {
    match request.method().as_str() {
        "GET" | "HEAD" | "OPTIONS" | "PROPFIND" | "REPORT" => true,
        "PUT" | "PATCH" | "DELETE" => {
            let headers = request.headers();
            headers.contains_key(IF_MATCH) || headers.contains_key(IF_NONE_MATCH)
        }
        _ => false,
    }
}

/// A 401 that offers something else than Basic says nothing about the password, nor does the answer
/// of whoever stands between: iCloud always offers Basic and never shows a web page, others show
/// one only with an offer of Basic.
// quirk: icloud-1
fn check_challenge(allow: Allow, url: &Url, headers: &HeaderMap) -> Result<()> {
    let schemes = challenge::schemes(headers);
    let offers_basic = schemes.iter().any(|scheme| scheme == "basic");
    if !schemes.is_empty() && !offers_basic {
        let sentence = format!(
            "{} does not take a user name and password (Basic), only {}",
            place(url),
            schemes.join(", ")
        );
        return Err(Error::new(ErrorKind::Forbidden, sentence));
    }
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let is_page = content_type.is_some_and(|text| text.to_ascii_lowercase().contains("html"));
    let shows_pages = match allow {
        Allow::ICloud => false,
        Allow::Origin => offers_basic,
    };
    if is_page && !shows_pages {
        let sentence = format!("{} answered with a web page (401)", place(url));
        return Err(Error::new(ErrorKind::Malformed, sentence));
    }
    if schemes.is_empty() && allow == Allow::ICloud {
        let sentence = format!(
            "{} refused without saying how to sign in (401), which Apple never does: something in \
             between answered",
            place(url)
        );
        return Err(Error::new(ErrorKind::Malformed, sentence));
    }
    Ok(())
}
