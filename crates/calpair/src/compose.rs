//! From the configuration to what the engine runs: accounts with their adapters, pairs with their
//! rules.
//!
//! An account has one adapter, which all its pairs share, so that what a provider asks for
//! (patience, few requests at a time) holds for all of them. An account whose credential can't be
//! had gets an adapter that sends nothing, and is remembered as `unconnected` with the reason.

mod adapter;
mod counted;
mod stored;

use std::cell::LazyCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use caldav::Flavour;
use engine::account::State;
use engine::supervise::Charge;
use engine::{Clock, Pair, PairSide, Rules, Window};
use microsoft::Horizon;
use model::{AccountName, Side, Sides};
use provider::{Error, ErrorKind};
use secrecy::SecretString;
use sha2::{Digest as _, Sha256};
use store::{AccountRow, Store};
use tokio_util::sync::CancellationToken;
use transport::oauth::{self, Tokens};

pub(crate) use self::adapter::Adapter;
use self::adapter::Scope;
use self::counted::Counted;
pub(crate) use self::stored::{Holder, KeyOrReason, no_credential, open};
use self::stored::{Stored, Unusable};
use crate::config::{self, Account, Config};
use crate::signin;

/// An account as this process reaches it.
#[derive(Clone)]
pub(crate) struct Reach {
    pub(crate) account: Account,
    pub(crate) adapter: Adapter,
    /// Whether the adapter is one that sends anything.
    is_usable: bool,
    /// What the adapter was made for.
    scope: Scope,
    /// Another one each time the adapter is made anew, so that its pairs notice.
    generation: u64,
    /// Cancelled when the account has another credential than the adapter.
    pub(crate) retired: CancellationToken,
}

/// Every account of a configuration.
#[derive(Clone, Default)]
pub(crate) struct Roster {
    reaches: BTreeMap<AccountName, Reach>,
    scopes: BTreeMap<AccountName, Scope>,
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
        self.scopes = scopes(config);
        // What made an account unusable may lie beside the configuration (a client's secret).
        self.reaches.retain(|name, reach| {
            let is_same = config.accounts.get(name) == Some(&reach.account);
            reach.is_usable && is_same && self.scopes.get(name) == Some(&reach.scope)
        });
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
        let scope = self.scopes.get(&account.name).cloned().unwrap_or_default();
        let made = stored::open(account, store, key)?.and_then(|stored| {
            adapter(account, stored, &scope, clock)
                .map_err(|reason| Unusable { reason, action: None })
        });
        remember(account, made.as_ref().err(), store, clock)?;
        self.generations += 1;
        let is_usable = made.is_ok();
        let adapter = made.unwrap_or_else(|unusable| Adapter::unconnected(unusable.reason));
        let (account, generation) = (account.clone(), self.generations);
        let retired = CancellationToken::new();
        let reach = Reach { account, adapter, is_usable, scope, generation, retired };
        if let Some(old) = self.reaches.insert(reach.account.name.clone(), reach) {
            old.retired.cancel();
        }
        Ok(())
    }

    /// The account of this name.
    pub(crate) fn get(&self, name: &AccountName) -> Option<&Reach> {
        self.reaches.get(name)
    }

    /// An account by itself, as a command asks it.
    pub(crate) fn end(&self, name: &AccountName) -> Option<PairSide> {
        self.reaches.get(name).map(|reach| end(reach, "", ""))
    }

    /// The pair as the engine runs it. `None` when an account of it is not known.
    pub(crate) fn charge(&self, pair: &config::Pair, config: &Config) -> Option<Charge> {
        let reaches = pair.sides.as_ref().map(|end| self.reaches.get(&end.account));
        let (Some(left), Some(right)) = (reaches.left, reaches.right) else { return None };
        let reaches = Sides::new(left, right);
        let generations = reaches.as_ref().map(|reach| reach.generation);
        let confirm = config.daemon.confirm;
        let hand = hand(pair, &reaches);
        let asked = |side: Side| pair.sides[side].calendar.as_str();
        let sides = Sides::from_fn(|side| end(reaches[side], asked(side), &hand));
        Some(Charge {
            pair: Pair { name: pair.name.clone(), rules: rules(pair), sides },
            interval: pair.interval,
            confirm,
            fingerprint: format!("{pair:?} {generations:?} {confirm:?}"),
        })
    }
}

/// What a pair's writes are told by from those of any other pair that has one of its calendars,
/// here or elsewhere: the same for the same pair with another state.
fn hand(pair: &config::Pair, reaches: &Sides<&Reach>) -> String {
    let ends = reaches.iter().map(|(side, reach)| {
        let account = match &reach.account.provider {
            config::Provider::ICloud(dav) | config::Provider::CalDav(dav) => {
                format!("{} {}", dav.url.as_str(), dav.username)
            }
            config::Provider::Google(_) => format!("google {}", reach.account.name),
            config::Provider::Microsoft(_) => format!("microsoft {}", reach.account.name),
        };
        format!("{account} {}", pair.sides[side].calendar)
    });
    let words: Vec<String> = std::iter::once(pair.name.to_string()).chain(ends).collect();
    let sum = Sha256::digest(words.join("\n"));
    sum.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// What `asked` names in an account, on behalf of the pair that `hand` names.
fn end(reach: &Reach, asked: &str, hand: &str) -> PairSide {
    let provider = Counted::new(reach.adapter.for_pair(hand));
    let sent = provider.sent();
    PairSide {
        account: reach.account.name.clone(),
        credential: match reach.account.provider {
            config::Provider::ICloud(_) => engine::Credential::AppPassword,
            config::Provider::CalDav(_) => engine::Credential::Password,
            config::Provider::Google(_) | config::Provider::Microsoft(_) => {
                engine::Credential::SignIn
            }
        },
        provider: Arc::new(provider),
        asked: asked.to_owned(),
        known: (reach.adapter.calendar_id)(asked),
        requests: Arc::new(move || sent.load(Ordering::Relaxed)),
        retired: reach.retired.clone(),
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

/// What each account's adapter is made for. An account without a pair looks nowhere in particular.
fn scopes(config: &Config) -> BTreeMap<AccountName, Scope> {
    let horizons = horizons(config);
    // To know the machine's means to look through all there are: a sixth of a quiet sync.
    let zone = LazyCell::new(|| zone(config.daemon.time_zone.as_deref()));
    let scope = |account: &Account| Scope {
        horizon: horizons.get(&account.name).copied().unwrap_or_default(),
        zone: match &account.provider {
            config::Provider::Microsoft(_) => (*zone).clone(),
            config::Provider::ICloud(_)
            | config::Provider::CalDav(_)
            | config::Provider::Google(_) => None,
        },
    };
    config.accounts.iter().map(|(name, account)| (name.clone(), scope(account))).collect()
}

/// The zone for times that have none: the configured one, else the machine's.
fn zone(configured: Option<&str>) -> Option<String> {
    let of_machine = || Some(jiff::tz::TimeZone::try_system().ok()?.iana_name()?.to_owned());
    configured.map(str::to_owned).or_else(of_machine)
}

/// How far the pairs of each account look: one adapter serves them all, so the farthest counts.
fn horizons(config: &Config) -> BTreeMap<AccountName, Horizon> {
    let mut horizons: BTreeMap<AccountName, Horizon> = BTreeMap::new();
    for pair in &config.pairs {
        let config::Window { past, future } = pair.window;
        let own = Horizon::over(past, future);
        for (_, end) in pair.sides.iter() {
            let held = horizons.entry(end.account.clone()).or_insert(own);
            *held = held.and(own);
        }
    }
    horizons
}

/// An adapter for an account with what is stored for it; sends nothing yet. The error is a
/// sentence.
fn adapter(
    account: &Account,
    stored: Stored,
    scope: &Scope,
    clock: &Arc<dyn Clock>,
) -> Result<Adapter, String> {
    let secret = stored.secret();
    let Some(client) = signin::client(account)? else {
        return with_password(account, secret, clock);
    };
    let note = stored.note(time(clock));
    let tokens = Tokens::new(client, secret, time(clock), stored.keep()).noting(note);
    with_tokens(account, Arc::new(tokens), scope, clock)
}

fn with_tokens(
    account: &Account,
    tokens: Arc<Tokens>,
    scope: &Scope,
    clock: &Arc<dyn Clock>,
) -> Result<Adapter, String> {
    match &account.provider {
        config::Provider::Google(google) => Adapter::google(google, tokens, clock),
        config::Provider::Microsoft(of) => Adapter::microsoft(of, tokens, scope, clock),
        config::Provider::ICloud(_) | config::Provider::CalDav(_) => {
            Err(format!("account {} has no sign-in", account.name))
        }
    }
}

fn with_password(
    account: &Account,
    password: SecretString,
    clock: &Arc<dyn Clock>,
) -> Result<Adapter, String> {
    match &account.provider {
        config::Provider::ICloud(dav) => Adapter::dav(dav, Flavour::ICloud, password, clock),
        config::Provider::CalDav(dav) => Adapter::dav(dav, Flavour::Generic, password, clock),
        config::Provider::Google(_) | config::Provider::Microsoft(_) => {
            Err(format!("account {} has no password", account.name))
        }
    }
}

fn time(clock: &Arc<dyn Clock>) -> oauth::Clock {
    let clock = Arc::clone(clock);
    Arc::new(move || clock.now())
}

/// A credential that is tried before it is kept.
pub(crate) struct Trial {
    pub(crate) adapter: Adapter,
    secret: SecretString,
    tokens: Option<Arc<Tokens>>,
    /// How long the sign-in lasts, where the provider says so.
    pub(crate) lasts: Option<Duration>,
}

impl Trial {
    /// Makes an adapter for a password, or for a refresh token that gives every right that is
    /// needed: that is asked for here.
    ///
    /// # Errors
    /// [`ErrorKind::Forbidden`](provider::ErrorKind) when the configuration doesn't do, or a right
    /// is missing; as [`oauth::Client::renew`].
    pub(crate) async fn begin(
        account: &Account,
        secret: SecretString,
        clock: &Arc<dyn Clock>,
    ) -> provider::Result<Self> {
        let unusable = |reason: String| Error::new(ErrorKind::Forbidden, reason);
        let Some(client) = signin::client(account).map_err(unusable)? else {
            let adapter = with_password(account, secret.clone(), clock).map_err(unusable)?;
            return Ok(Self { adapter, secret, tokens: None, lasts: None });
        };
        let grant = client.renew(&secret).await?;
        client.check(&grant)?;
        let lasts = grant.lasts;
        // Nothing is kept before it is known whose it is.
        let (time, keep) = (time(clock), Arc::new(|_: &SecretString| Ok(())));
        let tokens = Tokens::granted(client, grant, Some(secret.clone()), time, keep)?;
        let tokens = Arc::new(tokens);
        // Who is signed in and which calendars there are depends on no window and no zone.
        let made = with_tokens(account, Arc::clone(&tokens), &Scope::default(), clock);
        Ok(Self { adapter: made.map_err(unusable)?, secret, tokens: Some(tokens), lasts })
    }

    /// What is to be kept: a refresh token may have been replaced by now.
    pub(crate) async fn secret(&self) -> SecretString {
        match &self.tokens {
            Some(tokens) => tokens.refresh_token().await,
            None => self.secret.clone(),
        }
    }
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
        address: row.as_ref().and_then(|row| row.address.clone()),
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
