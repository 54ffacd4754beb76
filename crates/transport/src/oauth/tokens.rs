//! One account's supply of access tokens: renewed a minute before they expire or when one is
//! refused, one renewal at a time, however many requests wait for it.
//!
//! A refresh token that was replaced is kept durably before the access token that came with it is
//! used: a crash at any moment leaves one that works.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use provider::{Error, ErrorKind, Result};
use secrecy::SecretString;
use tokio::sync::{Mutex, MutexGuard};

use super::{Client, Grant};

/// A token is renewed this long before it expires: longer than a clock is usually wrong and than a
/// request takes.
const MARGIN: Duration = Duration::from_secs(60);

/// What time it is.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Stores a refresh token durably in place of the one before.
pub type Keep = Arc<dyn Fn(&SecretString) -> Result<()> + Send + Sync>;

/// Told of every renewal: how long the refresh token is good for from now on, where that was said.
pub type Note = Arc<dyn Fn(Option<Duration>) + Send + Sync>;

/// An access token.
#[derive(Clone, Debug)]
pub struct Access {
    token: SecretString,
    /// Counts up: which of them was refused.
    serial: u64,
    issued: Timestamp,
    lifetime: Duration,
}

impl Access {
    pub(crate) fn token(&self) -> &SecretString {
        &self.token
    }

    /// How long it has lasted. A clock that went back makes it as good as new: when that is wrong,
    /// it is refused, and renewed then.
    fn age(&self, now: Timestamp) -> Duration {
        Duration::try_from(now.duration_since(self.issued)).unwrap_or_default()
    }

    fn is_fresh(&self, now: Timestamp) -> bool {
        let margin = MARGIN.min(self.lifetime / 2);
        self.age(now) < self.lifetime - margin
    }

    fn is_good(&self, now: Timestamp) -> bool {
        self.age(now) < self.lifetime
    }
}

/// See the module.
pub struct Tokens {
    client: Arc<Client>,
    clock: Clock,
    keep: Keep,
    note: Option<Note>,
    state: Mutex<State>,
    /// Renewals that ended, well or not.
    ended: AtomicU64,
}

struct State {
    refresh: SecretString,
    /// Whether `refresh` is one that could not be kept yet.
    unkept: bool,
    access: Option<Access>,
    serials: u64,
    /// What the last renewal failed with, for those that waited for it.
    failure: Option<(ErrorKind, String)>,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("client", &self.client).finish_non_exhaustive()
    }
}

impl Tokens {
    /// The supply that this refresh token gives; asks for nothing yet.
    pub fn new(client: Arc<Client>, refresh: SecretString, clock: Clock, keep: Keep) -> Self {
        let state = State { refresh, unkept: false, access: None, serials: 0, failure: None };
        let (state, ended) = (Mutex::new(state), AtomicU64::new(0));
        Self { client, clock, keep, note: None, state, ended }
    }

    /// From now on `note` is told of every renewal.
    #[must_use]
    pub fn noting(self, note: Note) -> Self {
        Self { note: Some(note), ..self }
    }

    /// The same, with what a consent or a renewal has just given: `refresh` is the token that was
    /// used, where there is one. Nothing of it has been kept.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`] when there is no refresh token at all.
    pub fn granted(
        client: Arc<Client>,
        grant: Grant,
        refresh: Option<SecretString>,
        clock: Clock,
        keep: Keep,
    ) -> Result<Self> {
        let Some(refresh) = grant.refresh.clone().or(refresh) else {
            return Err(Error::new(ErrorKind::Forbidden, "there is no refresh token"));
        };
        let mut tokens = Self::new(client, refresh, clock, keep);
        let now = (tokens.clock)();
        tokens.state.get_mut().put(grant, now);
        Ok(tokens)
    }

    /// The refresh token as it is now.
    pub async fn refresh_token(&self) -> SecretString {
        self.state.lock().await.refresh.clone()
    }

    /// An access token that is good for the next request.
    ///
    /// # Errors
    /// As [`Client::renew`]; [`ErrorKind::Unavailable`] when a new refresh token can't be kept.
    pub(crate) async fn access(self: &Arc<Self>) -> Result<Access> {
        let before = self.ended.load(Ordering::Acquire);
        {
            let mut state = self.state.lock().await;
            self.keep_pending(&mut state)?;
            if let Some(access) = &state.access
                && access.is_fresh((self.clock)())
            {
                return Ok(access.clone());
            }
        }
        self.supplied(None, before).await
    }

    /// Another access token, after the provider refused this one.
    ///
    /// # Errors
    /// As [`Tokens::access`].
    pub(crate) async fn after_refusal(self: &Arc<Self>, refused: &Access) -> Result<Access> {
        let before = self.ended.load(Ordering::Acquire);
        self.supplied(Some(refused.serial), before).await
    }

    /// A renewal goes on when nobody waits for it any more: its answer may hold the only refresh
    /// token that is still good.
    async fn supplied(self: &Arc<Self>, refused: Option<u64>, before: u64) -> Result<Access> {
        let this = Arc::clone(self);
        let renewal = tokio::spawn(async move { this.supply(refused, before).await });
        renewal.await.unwrap_or_else(|error| {
            let sentence = "the renewal of a sign-in was given up";
            Err(Error::new(ErrorKind::Unavailable, sentence).because(error))
        })
    }

    async fn supply(&self, refused: Option<u64>, before: u64) -> Result<Access> {
        let mut state = self.state.lock().await;
        self.keep_pending(&mut state)?;
        let now = (self.clock)();
        let current = state.access.clone();
        match current.filter(|access| Some(access.serial) != refused) {
            Some(access) if refused.is_some() || access.is_fresh(now) => Ok(access),
            Some(access) => match self.renew(&mut state, before).await {
                // It has a minute left: trouble that may pass is no reason to stop.
                Err(error) if access.is_good(now) && may_pass(error.kind()) => Ok(access),
                renewed => renewed,
            },
            None => {
                state.access = None;
                self.renew(&mut state, before).await
            }
        }
    }

    async fn renew(&self, state: &mut MutexGuard<'_, State>, before: u64) -> Result<Access> {
        if self.ended.load(Ordering::Acquire) != before
            && let Some((kind, sentence)) = &state.failure
        {
            // Somebody else's renewal failed while this one waited for it.
            return Err(Error::new(*kind, sentence.clone()));
        }
        let renewed = self.ask(state.refresh.clone()).await;
        self.ended.fetch_add(1, Ordering::Release);
        match renewed {
            Ok(grant) => {
                state.failure = None;
                if let Some(note) = &self.note {
                    note(grant.lasts);
                }
                // From the moment the answer is here until it is kept, nothing waits.
                state.unkept |= grant.refresh.is_some();
                let access = state.put(grant, (self.clock)());
                self.keep_pending(state)?;
                Ok(access)
            }
            Err(error) => {
                state.failure = Some((error.kind(), error.sentence().to_owned()));
                Err(error)
            }
        }
    }

    /// A request may wait for a token, which is got by a request: the way round is closed here.
    fn ask(&self, refresh: SecretString) -> Pin<Box<dyn Future<Output = Result<Grant>> + Send>> {
        let client = Arc::clone(&self.client);
        Box::pin(async move { client.renew(&refresh).await })
    }

    fn keep_pending(&self, state: &mut State) -> Result<()> {
        if state.unkept {
            (self.keep)(&state.refresh)?;
            state.unkept = false;
        }
        Ok(())
    }
}

impl State {
    fn put(&mut self, grant: Grant, now: Timestamp) -> Access {
        if let Some(refresh) = grant.refresh {
            self.refresh = refresh;
        }
        self.serials += 1;
        let (token, lifetime) = (grant.access, grant.lifetime);
        let access = Access { token, serial: self.serials, issued: now, lifetime };
        self.access = Some(access.clone());
        access
    }
}

fn may_pass(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Unavailable | ErrorKind::RateLimited { .. })
}
