//! Microsoft Graph's calendars as they are over HTTP, with the sign-in beside them, over a world's
//! clock, faults and records.
//!
//! [`Microsoft`] is a handle; clones are the same service. [`Microsoft::answer`] takes a request
//! without a socket, [`Microsoft::serve`] puts the same on loopback. It is strict: what is not
//! described is refused and noted as a violation. What is uncertain about the real one is a switch
//! ([`Quirks`]).
//!
//! A calendar's id here is Graph's, also in the world's deeds; an event's is its immutable one.
//! Nothing of the adapter's code is in here.

mod answer;
mod batch;
mod body;
mod call;
mod catalogue;
mod delta;
mod door;
mod draft;
mod failure;
mod grants;
mod ids;
mod list;
mod paging;
mod pattern;
mod prefer;
mod query;
mod quirks;
mod recurrence;
mod render;
mod route;
mod schema;
mod seed;
mod show;
mod state;
mod times;
mod typed;
mod user;
mod write;
mod zones;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use model::CalendarId;

pub use self::grants::{CLIENT_ID, Consent, Poll, TokenMood};
pub use self::quirks::{EventsDelta, Expiry, Quirk, Quirks, RetryAfter};
use self::state::{Calendar, Service};
pub use self::user::{Dressing, MicrosoftUser};
use crate::rest::{self, Ask, Dialect, Fate, Reply};
pub use crate::rest::{Exchange, Running};
use crate::world::World;

/// The scopes that calpair asks for, in their short form.
pub const SCOPES: [&str; 3] = ["Calendars.ReadWrite", "User.Read", "offline_access"];

/// A simulated Microsoft.
#[derive(Clone)]
pub struct Microsoft {
    world: World,
    service: Arc<Mutex<Service>>,
}

impl Microsoft {
    /// A service without accounts, as rude as the real one. Its clock, faults, requests, deeds and
    /// outbox are the world's.
    pub fn new(world: &World, seed: u64) -> Self {
        let service = Service::new(seed ^ 0x365, Quirks::default());
        Self { world: world.clone(), service: Arc::new(Mutex::new(service)) }
    }

    fn service(&self) -> MutexGuard<'_, Service> {
        // A panic elsewhere is that test's failure; the service itself is still whole.
        self.service.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the switches.
    pub fn set_quirks(&self, change: impl FnOnce(&mut Quirks)) {
        change(&mut self.service().quirks);
    }

    /// Lets an account of the world have a mailbox. The id of its default calendar.
    pub fn open(&self, account: &str) -> CalendarId {
        let address = self.world.state().accounts.get(account).map(|held| held.user.clone());
        let address = address.unwrap_or_else(|| format!("{account}@example.com"));
        let mut service = self.service();
        service.accounts.insert(account.to_owned(), address);
        CalendarId::new(service.found(account, "Calendar", true))
    }

    /// Adds a calendar that the account may write to.
    pub fn add_calendar(&self, account: &str, name: &str) -> CalendarId {
        CalendarId::new(self.service().found(account, name, true))
    }

    /// Adds a calendar that the account can only read.
    // quirk: microsoft-59
    pub fn add_holidays(&self, account: &str) -> CalendarId {
        CalendarId::new(self.service().found(account, "Feiertage in Deutschland", false))
    }

    fn alter(&self, calendar: &CalendarId, change: impl FnOnce(&mut Calendar)) {
        if let Some(held) = self.service().calendars.get_mut(calendar.as_str()) {
            change(held);
        }
    }

    /// Gives or takes the right to write.
    // quirk: microsoft-59
    pub fn set_rights(&self, calendar: &CalendarId, rights: model::Rights) {
        self.alter(calendar, |held| held.can_edit = rights == model::Rights::Write);
    }

    /// From now on every write is answered 503, or no more.
    // quirk: microsoft-59
    pub fn set_health(&self, calendar: &CalendarId, health: Health) {
        self.alter(calendar, |held| held.is_broken = health == Health::Broken);
    }

    /// The calendar disappears, or is there again, with its events.
    pub fn set_gone(&self, calendar: &CalendarId, gone: crate::Gone) {
        self.alter(calendar, |held| held.is_gone = gone == crate::Gone::Yes);
    }

    /// Every token handed out for the calendar so far is expired.
    // quirk: microsoft-13
    pub fn expire_tokens(&self, calendar: &CalendarId) {
        self.alter(calendar, |held| held.epoch += 1);
    }

    /// The mailbox is moved: the calendar has another id, which is returned.
    // quirk: microsoft-60
    pub fn renumber(&self, calendar: &CalendarId) -> CalendarId {
        let mut service = self.service();
        let id = service.calendar_id();
        if let Some(mut held) = service.calendars.remove(calendar.as_str()) {
            held.id.clone_from(&id);
            service.calendars.insert(id.clone(), held);
        }
        let own = service.rows.values_mut().filter(|row| row.calendar == calendar.as_str());
        own.for_each(|row| row.calendar.clone_from(&id));
        CalendarId::new(id)
    }

    /// An access token with the scopes that calpair asks for; it does not expire.
    pub fn access_token(&self, account: &str) -> String {
        self.access_token_for(account, &SCOPES)
    }

    /// An access token with these scopes; it does not expire.
    pub fn access_token_for(&self, account: &str, scopes: &[&str]) -> String {
        let scopes: Vec<String> = scopes.iter().map(|&scope| scope.to_owned()).collect();
        self.service().grants.give_access(account, &scopes, None)
    }

    /// Every token that was ever given, for whoever looks where they have no business.
    pub fn tokens(&self) -> Vec<String> {
        self.service().grants.tokens()
    }

    /// A refresh token with the scopes that calpair asks for, good with every tenant.
    pub fn refresh_token(&self, account: &str) -> String {
        let scopes = SCOPES.map(str::to_owned);
        let now = self.world.now();
        self.service().grants.give_refresh(account, "", &scopes, now)
    }

    /// The account takes back everything that it granted.
    // quirk: microsoft-62
    pub fn revoke(&self, account: &str) {
        self.service().grants.revoke_all(account);
    }

    /// The account's access tokens are expired; its refresh tokens are not.
    // quirk: microsoft-63
    pub fn expire_access(&self, account: &str) {
        self.service().grants.expire_access(account);
    }

    /// What whoever is sent to the authorization page does.
    pub fn set_consent(&self, consent: Consent) {
        self.service().grants.consent = consent;
    }

    /// Who sits before the browser; at first the first account.
    pub fn set_visitor(&self, account: &str) {
        self.service().grants.visitor = Some(account.to_owned());
    }

    /// What the next polls for a device code find; then the person has agreed.
    // quirk: microsoft-64
    pub fn set_polls(&self, polls: &[Poll]) {
        self.service().grants.polls = polls.iter().copied().collect();
    }

    /// What the token endpoint is like from now on.
    pub fn set_token_mood(&self, mood: TokenMood) {
        self.service().grants.mood = mood;
    }

    /// Answers a request: the API below `/v1.0/`, sign-in below `/{tenant}/oauth2/v2.0/`. `None`
    /// when the connection is lost before the answer.
    pub async fn answer(&self, request: http::Request<Bytes>) -> Option<http::Response<Bytes>> {
        let reply = self.handle(&Ask::new(request)).await;
        if reply.fate == Fate::Lost { None } else { reply.response() }
    }

    /// Serves on a free port of loopback: `{url}v1.0/me`, `{url}{tenant}/oauth2/v2.0/token`.
    /// Needs a running tokio runtime with I/O.
    ///
    /// # Errors
    /// When loopback has no free port.
    pub async fn serve(&self) -> io::Result<Running> {
        rest::serve(self.clone()).await
    }

    /// Every request so far, in order, those in batches among them.
    pub fn log(&self) -> Vec<Exchange> {
        self.service().log.clone()
    }

    /// Forgets the requests so far.
    pub fn forget_log(&self) {
        self.service().log.clear();
    }

    /// Requests that no client may send, with what is wrong about them.
    pub fn violations(&self) -> Vec<String> {
        self.service().violations.clone()
    }

    /// No request broke what is described.
    ///
    /// # Panics
    /// When one did.
    pub fn assert_unviolated(&self) {
        let violations = self.violations();
        assert!(violations.is_empty(), "requests that no client may send: {violations:#?}");
    }

    /// Every write of an event that is there was conditional on its version, and every creation
    /// bore a transaction id.
    ///
    /// # Panics
    /// When one was or did not.
    pub fn assert_careful_writes(&self) {
        for exchange in self.log() {
            let what = format!("{} {} (step {})", exchange.method, exchange.path, exchange.step);
            let is_event = exchange.call.contains("/events");
            let version = exchange.headers.get("if-match").map(String::as_str);
            let is_conditional = version.is_some_and(|version| version != "*");
            let changes = matches!(exchange.method.as_str(), "PATCH" | "DELETE");
            assert!(!is_event || !changes || is_conditional, "unconditional: {what}");
            let has_id = String::from_utf8_lossy(&exchange.body).contains("\"transactionId\"");
            let creates = exchange.method == "POST" && is_event;
            assert!(!creates || has_id, "without a transaction id: {what}");
        }
    }
}

/// Whether a calendar takes writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// It does.
    Well,
    /// It never will, and says 503.
    Broken,
}

impl Dialect for Microsoft {
    async fn play(&self, ask: &Ask) -> Reply {
        self.handle(ask).await
    }
}

#[cfg(test)]
mod tests;
