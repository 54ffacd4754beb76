//! From the configuration to what the engine runs: accounts with their adapters, pairs with their
//! rules.
//!
//! An account has one adapter, which all its pairs share, so that what a provider asks for
//! (patience, few requests at a time) holds for all of them. An account whose credential can't be
//! had gets an adapter that sends nothing, and is remembered as `unconnected` with the reason.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use caldav::{CalDav, CalDavOptions, Flavour};
use engine::account::State;
use engine::supervise::Charge;
use engine::{Clock, Pair, PairSide, Rules, Window};
use model::{
    AccountName, Calendar, CalendarId, CreateKey, Cursor, Resource, ResourceId, Series, Sides,
};
use provider::{Changes, Error, ErrorKind, Fetched, Provider};
use secrecy::SecretString;
use store::{AccountRow, Store};
use transport::Url;

use crate::config::{self, Account, Config};
use crate::secrets::Credential;

/// The key that credentials are sealed with, or why there is none.
pub(crate) type KeyOrReason = Result<store::Key, String>;

/// An account as this process reaches it.
#[derive(Clone)]
pub(crate) struct Reach {
    pub(crate) account: Account,
    pub(crate) provider: Arc<dyn Provider>,
    dav: Option<Arc<CalDav>>,
    /// Another one each time the adapter is made anew, so that its pairs notice.
    generation: u64,
}

/// Every account of a configuration.
#[derive(Clone, Default)]
pub(crate) struct Roster {
    reaches: BTreeMap<AccountName, Reach>,
    generations: u64,
}

impl Roster {
    /// Takes up the accounts of a configuration: new and changed ones get an adapter, the others
    /// keep theirs.
    ///
    /// # Errors
    /// The store can't be read or written.
    pub(crate) fn take_up(
        &mut self,
        config: &Config,
        store: &Store,
        key: &KeyOrReason,
        clock: &Arc<dyn Clock>,
    ) -> store::Result<()> {
        self.reaches.retain(|name, reach| config.accounts.get(name) == Some(&reach.account));
        for (name, account) in &config.accounts {
            if !self.reaches.contains_key(name) {
                self.renew(account, store, key, clock)?;
            }
        }
        Ok(())
    }

    /// Makes an account's adapter anew, with the credential that is stored now.
    ///
    /// # Errors
    /// The store can't be read or written.
    pub(crate) fn renew(
        &mut self,
        account: &Account,
        store: &Store,
        key: &KeyOrReason,
        clock: &Arc<dyn Clock>,
    ) -> store::Result<()> {
        let made = stored(account, store, key)?.and_then(|password| {
            dav(account, password, clock).map_err(|reason| Unusable { reason, action: None })
        });
        remember(account, made.as_ref().err(), store, clock)?;
        self.generations += 1;
        let (provider, dav): (Arc<dyn Provider>, _) = match made {
            Ok(dav) => (Arc::clone(&dav) as _, Some(dav)),
            Err(unusable) => (Arc::new(Unconnected(unusable.reason)), None),
        };
        let reach = Reach { account: account.clone(), provider, dav, generation: self.generations };
        self.reaches.insert(account.name.clone(), reach);
        Ok(())
    }

    /// The account of this name.
    pub(crate) fn get(&self, name: &AccountName) -> Option<&Reach> {
        self.reaches.get(name)
    }

    /// The pair as the engine runs it. `None` when one of its providers is not built into this
    /// version.
    pub(crate) fn charge(&self, pair: &config::Pair, config: &Config) -> Option<Charge> {
        let reaches = pair.sides.as_ref().map(|end| self.reaches.get(&end.account));
        let (Some(left), Some(right)) = (reaches.left, reaches.right) else { return None };
        let reaches = Sides::new(left, right);
        if reaches.iter().any(|(_, reach)| reach.account.dav().is_err()) {
            return None;
        }
        let generations = reaches.as_ref().map(|reach| reach.generation);
        let confirm = config.daemon.confirm;
        let sides = Sides::from_fn(|side| side_of(&pair.sides[side], reaches[side]));
        Some(Charge {
            pair: Pair { name: pair.name.clone(), rules: rules(pair), sides },
            interval: pair.interval,
            confirm,
            fingerprint: format!("{pair:?} {generations:?} {confirm:?}"),
        })
    }
}

fn side_of(end: &config::End, reach: &Reach) -> PairSide {
    let dav = reach.dav.clone();
    PairSide {
        account: end.account.clone(),
        provider: Arc::clone(&reach.provider),
        asked: end.calendar.clone(),
        known: dav.as_ref().and_then(|dav| dav.calendar_id(&end.calendar)),
        requests: Arc::new(move || dav.as_ref().map_or(0, |dav| dav.requests())),
    }
}

fn rules(pair: &config::Pair) -> Rules {
    let config::Window { past, future } = pair.window;
    Rules {
        direction: pair.direction,
        conflict: pair.conflict,
        window: Window { past, future },
        limits: pair.limits,
        crossing: pair.crossing.as_ref().map(config::Crossing::rules),
    }
}

/// An adapter for an account with this password; sends nothing yet. The error is a sentence.
pub(crate) fn dav(
    account: &Account,
    password: SecretString,
    clock: &Arc<dyn Clock>,
) -> Result<Arc<CalDav>, String> {
    let reached = account.dav().map_err(|error| error.to_string())?;
    let url = Url::parse(reached.url.as_str())
        .map_err(|error| format!("{} is not an address: {error}", reached.url.origin()))?;
    let clock = Arc::clone(clock);
    let options = CalDavOptions {
        url,
        username: reached.username.clone(),
        password,
        flavour: match account.provider {
            config::Provider::ICloud(_) => Flavour::ICloud,
            config::Provider::CalDav(_)
            | config::Provider::Google(_)
            | config::Provider::Microsoft(_) => Flavour::Generic,
        },
        clock: Arc::new(move || clock.now()),
        deadline: None,
        in_flight: None,
    };
    CalDav::new(options).map(Arc::new).map_err(|error| error.to_string())
}

/// Why an account can't be used, and what to do.
struct Unusable {
    reason: String,
    action: Option<String>,
}

/// The account's password, if it is stored, can be opened, and is meant for this user and server.
fn stored(
    account: &Account,
    store: &Store,
    key: &KeyOrReason,
) -> store::Result<Result<SecretString, Unusable>> {
    let name = &account.name;
    let reached = match account.dav() {
        Ok(reached) => reached,
        Err(error) => return Ok(Err(Unusable { reason: error.to_string(), action: None })),
    };
    let unusable =
        |reason: String, action: String| Ok(Err(Unusable { reason, action: Some(action) }));
    let key = match key {
        Ok(key) => key,
        Err(reason) => return unusable(reason.clone(), "calpair doctor".into()),
    };
    let connect = format!("calpair connect {name}");
    let opened = match store.credential(name, key) {
        Ok(Some(bytes)) => Credential::from_bytes(&bytes),
        Ok(None) => return unusable("no password is stored".into(), connect),
        Err(error) if is_about_key(&error) => {
            return unusable(
                error.sentence().to_owned(),
                format!("put the key back, or {connect}"),
            );
        }
        Err(error) => return Err(error),
    };
    match opened {
        Some(opened)
            if opened.username == reached.username && opened.origin == reached.url.origin() =>
        {
            Ok(Ok(opened.password))
        }
        Some(_) => {
            unusable("the password was given for another user name or server".into(), connect)
        }
        None => unusable("what is stored is no password".into(), connect),
    }
}

fn is_about_key(error: &store::Error) -> bool {
    matches!(error.kind(), store::ErrorKind::WrongKey | store::ErrorKind::Forged)
}

/// Sees to it that the account's row says whether there is a credential. A refused one stays
/// refused, whatever became of the key.
fn remember(
    account: &Account,
    unusable: Option<&Unusable>,
    store: &Store,
    clock: &Arc<dyn Clock>,
) -> store::Result<()> {
    let row = store.account(&account.name)?;
    let unconnected = State::Unconnected.as_str();
    let provider = account.provider.as_str();
    let known = row.as_ref().map(|row| row.state.as_str());
    let (state, reason, action) = match unusable {
        Some(_) if known == Some(State::ReconnectNeeded.as_str()) => return Ok(()),
        Some(unusable) => (unconnected, Some(unusable.reason.clone()), unusable.action.clone()),
        None if known.is_some_and(|state| state != unconnected) => return Ok(()),
        None => (State::Ok.as_str(), None, None),
    };
    let same =
        |row: &AccountRow| row.state == state && row.reason == reason && row.action == action;
    if row.as_ref().is_some_and(|row| same(row) && row.provider == provider) {
        return Ok(());
    }
    let since = row.as_ref().filter(|row| row.state == state).map(|row| row.since);
    store.put_account(&AccountRow {
        name: account.name.clone(),
        provider: provider.to_owned(),
        identity: row.and_then(|row| row.identity),
        state: state.to_owned(),
        since: since.unwrap_or_else(|| clock.now()),
        reason,
        action,
        refusals: 0,
        last_try: None,
        not_before: None,
        has_credential: false,
    })
}

/// In the place of an adapter: an account that can't be used. It sends nothing.
struct Unconnected(String);

impl Unconnected {
    fn error(&self) -> Error {
        Error::new(ErrorKind::Unauthorized, self.0.clone())
    }
}

#[async_trait]
impl Provider for Unconnected {
    async fn identity(&self) -> provider::Result<String> {
        Err(self.error())
    }

    async fn calendars(&self) -> provider::Result<Vec<Calendar>> {
        Err(self.error())
    }

    async fn changes(&self, _: &CalendarId, _: Option<&Cursor>) -> provider::Result<Changes> {
        Err(self.error())
    }

    async fn fetch(&self, _: &CalendarId, _: &[ResourceId]) -> provider::Result<Vec<Fetched>> {
        Err(self.error())
    }

    async fn create(
        &self,
        _: &CalendarId,
        _: &Series,
        _: &CreateKey,
    ) -> provider::Result<Resource> {
        Err(self.error())
    }

    async fn update(&self, _: &CalendarId, _: &Resource, _: &Series) -> provider::Result<Resource> {
        Err(self.error())
    }

    async fn delete(&self, _: &CalendarId, _: &Resource) -> provider::Result<()> {
        Err(self.error())
    }
}
