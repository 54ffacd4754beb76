//! Google Calendar as it is over HTTP: the Calendar API (v3), the token endpoint and the consent
//! page, over a world's clock, faults and records.
//!
//! [`Google`] is a handle; clones are the same service. [`Google::answer`] takes a request without
//! a socket, [`Google::serve`] puts the same on loopback. It is strict: what the discovery
//! document does not describe is refused and noted as a violation. What is uncertain about the
//! real one is a switch ([`Quirks`]).
//!
//! A calendar's id here is Google's (`…@group.calendar.google.com`, or the account's address), also
//! in the world's deeds. Nothing of the adapter's code is in here.

mod answer;
mod call;
mod catalogue;
mod discovery;
mod door;
mod draft;
mod failure;
mod grants;
mod list;
mod merge;
mod paging;
mod quirks;
mod recurrence;
mod render;
mod seed;
mod show;
mod split;
mod state;
mod times;
mod typed;
mod user;
mod write;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use model::CalendarId;

pub use self::grants::{CLIENT_ID, CLIENT_SECRET, Consent, TokenMood};
pub use self::quirks::{OnEdit, OnMove, Quirk, Quirks, Touch, Untouched};
pub use self::state::Role;
use self::state::Service;
pub use self::user::GoogleUser;
use crate::rest::{self, Ask, Dialect, Fate, Reply};
pub use crate::rest::{Exchange, Running};
use crate::world::World;

/// The scopes that calpair asks for.
pub const SCOPES: [&str; 2] = [
    "https://www.googleapis.com/auth/calendar.events",
    "https://www.googleapis.com/auth/calendar.calendarlist.readonly",
];

/// A simulated Google.
#[derive(Clone)]
pub struct Google {
    world: World,
    service: Arc<Mutex<Service>>,
}

impl Google {
    /// A service without accounts, as rude as the real one. Its clock, faults, requests, deeds and
    /// outbox are the world's.
    pub fn new(world: &World, seed: u64) -> Self {
        let service = Service::new(seed ^ 0x600_61e, Quirks::default());
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

    /// Lets an account of the world have a Google calendar. Its default one has its address as id,
    /// which is returned.
    pub fn open(&self, account: &str) -> CalendarId {
        let address = self.world.state().accounts.get(account).map(|held| held.user.clone());
        let address = address.unwrap_or_else(|| format!("{account}@example.com"));
        let mut service = self.service();
        service.accounts.insert(account.to_owned(), address.clone());
        service.found(&address, &address, account, Role::Owner);
        CalendarId::new(address)
    }

    /// Adds a calendar that the account owns; its id is made up.
    pub fn add_calendar(&self, account: &str, name: &str) -> CalendarId {
        let mut service = self.service();
        let id = format!("c_{}@group.calendar.google.com", service.fresh_id());
        service.found(&id, name, account, Role::Owner);
        CalendarId::new(id)
    }

    /// Adds a calendar that the account can only read, with a `#` in its id.
    // quirk: google-57
    pub fn add_holidays(&self, account: &str) -> CalendarId {
        let id = "de.german#holiday@group.v.calendar.google.com";
        self.service().found(id, "Feiertage in Deutschland", account, Role::Reader);
        CalendarId::new(id)
    }

    /// What an account may do with a calendar from now on.
    // quirk: google-59, google-12
    pub fn set_role(&self, calendar: &CalendarId, account: &str, role: Role) {
        if let Some(held) = self.service().calendars.get_mut(calendar.as_str()) {
            held.roles.insert(account.to_owned(), role);
        }
    }

    /// The zone of a calendar, an IANA name. At first it is Europe/Berlin.
    pub fn set_zone(&self, calendar: &CalendarId, zone: &str) {
        if let Some(held) = self.service().calendars.get_mut(calendar.as_str()) {
            zone.clone_into(&mut held.zone);
        }
    }

    /// The calendar disappears, or is there again, with its events.
    pub fn set_gone(&self, calendar: &CalendarId, gone: crate::Gone) {
        if let Some(held) = self.service().calendars.get_mut(calendar.as_str()) {
            held.is_gone = gone == crate::Gone::Yes;
        }
    }

    /// Every sync token handed out for the calendar so far is expired.
    // quirk: google-9
    pub fn expire_tokens(&self, calendar: &CalendarId) {
        if let Some(held) = self.service().calendars.get_mut(calendar.as_str()) {
            held.floor = held.revision;
            held.epoch += 1;
        }
    }

    /// Writes of the account are over the quota for that long.
    // quirk: google-50
    pub fn exhaust_quota(&self, account: &str, how_long: Duration) {
        let how_long = jiff::SignedDuration::try_from(how_long);
        let until = self.world.now().saturating_add(how_long.unwrap_or_default());
        let until = until.unwrap_or(jiff::Timestamp::MAX);
        self.service().over_quota.insert(account.to_owned(), until);
    }

    /// From now on nothing goes wrong by itself here: quotas are as new, the token endpoint does
    /// its duty, and no event changes once more after its insertion. The world has its own
    /// [`World::calm`].
    pub fn calm(&self) {
        let mut service = self.service();
        service.over_quota.clear();
        service.grants.mood = TokenMood::Fair;
        service.quirks.touch = Touch::Never;
        service.calendars.values_mut().for_each(|held| held.restless = None);
    }

    /// Switches the API off in the client's project, or on.
    pub fn set_api(&self, is_on: Api) {
        self.service().is_disabled = is_on == Api::Off;
    }

    /// An access token with the scopes that calpair asks for; it does not expire.
    pub fn access_token(&self, account: &str) -> String {
        self.access_token_for(account, &SCOPES)
    }

    /// An access token with these scopes; it does not expire.
    pub fn access_token_for(&self, account: &str, scopes: &[&str]) -> String {
        let scopes: Vec<String> = scopes.iter().map(|&scope| scope.to_owned()).collect();
        self.service().grants.give_access(account, &scopes, None, None)
    }

    /// Every token that was ever given, for whoever looks where they have no business.
    pub fn tokens(&self) -> Vec<String> {
        self.service().grants.tokens()
    }

    /// A refresh token with the scopes that calpair asks for.
    pub fn refresh_token(&self, account: &str) -> String {
        let scopes = SCOPES.map(str::to_owned);
        self.service().grants.give_refresh(account, &scopes)
    }

    /// The account takes back everything that it granted.
    // quirk: google-54
    pub fn revoke(&self, account: &str) {
        self.service().grants.revoke_all(account);
    }

    /// The account's access tokens are expired; its refresh tokens are not.
    // quirk: google-53
    pub fn expire_access(&self, account: &str) {
        self.service().grants.expire_access(account);
    }

    /// What whoever is sent to the consent page does.
    pub fn set_consent(&self, consent: Consent) {
        self.service().grants.consent = consent;
    }

    /// Who sits before the browser that comes to the consent page; at first the first account.
    pub fn set_visitor(&self, account: &str) {
        self.service().grants.visitor = Some(account.to_owned());
    }

    /// What the token endpoint is like from now on.
    pub fn set_token_mood(&self, mood: TokenMood) {
        self.service().grants.mood = mood;
    }

    /// Answers a request: API below `/calendar/v3/`, `/token`, `/revoke`, `/auth`. `None` when the
    /// connection is lost before the answer.
    #[expect(clippy::unused_async, reason = "a wire is asynchronous")]
    pub async fn answer(&self, request: http::Request<Bytes>) -> Option<http::Response<Bytes>> {
        let reply = self.handle(&Ask::new(request));
        if reply.fate == Fate::Lost { None } else { reply.response() }
    }

    /// Serves on a free port of loopback: `{url}calendar/v3`, `{url}token`, `{url}auth`.
    /// Needs a running tokio runtime with I/O.
    ///
    /// # Errors
    /// When loopback has no free port.
    pub async fn serve(&self) -> io::Result<Running> {
        rest::serve(self.clone()).await
    }

    /// Every request so far, in order.
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

    /// No request broke what the discovery document describes.
    ///
    /// # Panics
    /// When one did.
    pub fn assert_unviolated(&self) {
        let violations = self.violations();
        assert!(violations.is_empty(), "requests that no client may send: {violations:#?}");
    }

    /// No request said anything of guests, of the organizer or of the sequence.
    ///
    /// # Panics
    /// When one did.
    pub fn assert_people_left_alone(&self) {
        for exchange in self.log() {
            let body: serde_json::Value =
                serde_json::from_slice(&exchange.body).unwrap_or_default();
            for name in ["attendees", "organizer", "sequence", "guestsCanModify"] {
                let (method, path) = (&exchange.method, &exchange.path);
                assert!(body[name].is_null(), "`{name}` was written: {method} {path}");
            }
        }
    }

    /// Every write of an event that is there was conditional on its version, and every write said
    /// that nobody is to be mailed.
    ///
    /// # Panics
    /// When one was or did not.
    // quirk: google-63
    pub fn assert_careful_writes(&self) {
        for exchange in self.log() {
            let what = format!("{} {} (step {})", exchange.method, exchange.path, exchange.step);
            let is_write = matches!(
                exchange.call,
                "calendar.events.insert"
                    | "calendar.events.patch"
                    | "calendar.events.update"
                    | "calendar.events.delete"
                    | "calendar.events.move"
            );
            let is_quiet = exchange.query.split('&').any(|pair| pair == "sendUpdates=none");
            assert!(!is_write || is_quiet, "without sendUpdates=none: {what}");
            let version = exchange.headers.get("if-match").map(String::as_str);
            let is_conditional = version.is_some_and(|version| version != "*");
            let needs = is_write && exchange.call != "calendar.events.insert";
            assert!(!needs || is_conditional, "unconditional: {what}");
        }
    }
}

/// Whether the API is switched on in the client's project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Api {
    /// It is.
    On,
    /// It is not.
    Off,
}

impl Dialect for Google {
    async fn play(&self, ask: &Ask) -> Reply {
        self.handle(ask)
    }
}

#[cfg(test)]
mod tests;
