//! `connect` and `disconnect`: a credential is tried before it is kept, and whose it is decides
//! whether what calpair remembers still holds.

use std::time::Duration;

use engine::account::State;
use model::AccountName;
use provider::{Error, ErrorKind};
use secrecy::SecretString;
use store::AccountRow;
use transport::RedirectRefused;

use super::accounts::failed;
use super::{Answer, Refusal, Service};
use crate::compose::{self, Holder, Trial};
use crate::config::{Account, Provider};
use crate::control::{Password, Reply};
use crate::exit::Exit;
use crate::report::Calendar;
use crate::{google, icloud, microsoft, signin};

/// Whose credential may be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// The one whose it was before; a command is told how to take another one's.
    Same,
    /// The same, for a page, which offers no other.
    SameOnPage,
    /// Anybody's (`--replace`).
    Anybody,
}

/// What `--replace` asks for.
pub(super) const fn owner(replace: bool) -> Owner {
    if replace { Owner::Anybody } else { Owner::Same }
}

impl Service {
    /// Connects an account on the page: as the command does, in words for a page.
    pub(crate) async fn connect_on_page(
        &self,
        account: &str,
        secret: SecretString,
        lasts: Option<Duration>,
    ) -> Reply {
        let secret = Password(secret);
        let answered = self.connect(account, secret, Owner::SameOnPage, lasts).await;
        answered.unwrap_or_else(Refusal::into_reply)
    }

    /// `lasts` is how long the sign-in lasts, where the consent said so.
    pub(super) async fn connect(
        &self,
        name: &str,
        secret: Password,
        owner: Owner,
        lasts: Option<Duration>,
    ) -> Answer {
        let account = self.account_of(name)?;
        let holder = Holder::of(&account);
        let Ok(key) = &self.key else {
            let trouble = self.key_trouble().unwrap_or_default();
            return Err(Refusal::new(Exit::Failed, format!("nothing can be stored: {trouble}")));
        };
        let before = self.ctx.store.account(&account.name)?;
        let refused = |error| self.refused(&account, before.as_ref(), &error);
        let trial = Trial::begin(&account, secret.0, &self.ctx.clock).await.map_err(refused)?;
        let identity = trial.adapter.provider.identity().await.map_err(refused)?;
        let address = trial.adapter.provider.address().await.map_err(refused)?;
        let calendars = trial.adapter.provider.calendars().await.map_err(refused)?;
        let known = before.as_ref().and_then(|row| row.identity.as_deref());
        let another = known.is_some_and(|known| known != identity);
        if another {
            match owner {
                Owner::Same => return Err(another_account(&account, OF_COMMAND)),
                Owner::SameOnPage => return Err(another_account(&account, OF_PAGE)),
                Owner::Anybody => {}
            }
        }
        if another {
            self.forget_pairs_of(&account.name).await?;
        }
        self.retire(&account);
        let credential = holder.credential(trial.secret().await);
        self.ctx.store.seal_credential(&account.name, &credential.to_bytes(), key)?;
        self.ctx.store.put_account(&AccountRow {
            name: account.name.clone(),
            provider: account.provider.as_str().to_owned(),
            identity: Some(identity),
            address,
            state: State::Ok.as_str().to_owned(),
            since: self.ctx.now(),
            reason: None,
            action: None,
            refusals: 0,
            last_try: None,
            not_before: None,
            has_credential: true,
        })?;
        self.signed_in(&account, trial.lasts.or(lasts))?;
        self.ctx.alerts.reconnected(&account.name)?;
        self.renew(&account)?;
        let number = calendars.len();
        let found = calendars.into_iter().map(Calendar::from).collect();
        self.seen.note(&account.name, self.ctx.now(), Ok(found));
        if number == 0 {
            return Ok(Reply::message(Exit::Fine, no_calendar(&account)));
        }
        let plural = if number == 1 { "" } else { "s" };
        Ok(Reply::message(Exit::Fine, format!("{name} is connected: {number} calendar{plural}")))
    }

    pub(super) async fn disconnect(&self, name: &str) -> Answer {
        let account = self.account_of(name)?;
        let revoked = self.revoke(&account).await?;
        self.retire(&account);
        self.seen.forget(&account.name);
        self.ctx.store.forget_credential(&account.name)?;
        self.ctx.alerts.overtaken(&account.name)?;
        if let Some(row) = self.ctx.store.account(&account.name)? {
            // Whatever it was: without a credential it is unconnected.
            let state = State::Unconnected.as_str().to_owned();
            let reason = compose::no_credential(&account);
            let action = format!("calpair connect {name}");
            self.ctx.store.put_account(&AccountRow {
                state,
                since: self.ctx.now(),
                reason: Some(reason.to_owned()),
                action: Some(action),
                ..row
            })?;
        }
        self.renew(&account)?;
        let sentence = format!("{name} is disconnected; its mappings stay");
        Ok(Reply::message(Exit::Fine, [vec![sentence], revoked].concat().join("\n")))
    }

    /// Takes back the rights that a sign-in gave, where the provider can do that. What came of it
    /// is said, and is no reason to keep the credential.
    async fn revoke(&self, account: &Account) -> Result<Vec<String>, Refusal> {
        let client = match signin::client(account) {
            Ok(Some(client)) => client,
            Ok(None) => return Ok(Vec::new()),
            Err(reason) => return Ok(vec![unrevoked(account, &reason)]),
        };
        let stored = match compose::open(account, &self.ctx.store, &self.key)? {
            Ok(stored) => stored,
            Err(unusable) if unusable.reason == compose::no_credential(account) => {
                return Ok(Vec::new());
            }
            Err(unusable) => return Ok(vec![unrevoked(account, &unusable.reason)]),
        };
        if !client.can_revoke() {
            let (issuer, place) = (client.issuer(), connections(account));
            return Ok(vec![format!(
                "no program can revoke its access at {issuer}; take it away at {place}"
            )]);
        }
        Ok(vec![match client.revoke(&stored.secret()).await {
            Ok(()) => format!("its access at {} was revoked", client.issuer()),
            Err(error) => unrevoked(account, &error.to_string()),
        }])
    }

    /// Before a change of a credential: what is still heard of the old one counts no more.
    fn retire(&self, account: &Account) {
        let reach = self.setup().roster.get(&account.name).cloned();
        if let Some(reach) = reach {
            self.ctx.retire(&reach.retired);
        }
    }

    /// What a refusal says to whoever connects. A short while after a throttling it says nothing.
    fn refused(&self, account: &Account, known: Option<&AccountRow>, error: &Error) -> Refusal {
        let now = self.ctx.now();
        let until = known.and_then(|row| engine::refusals_mean_nothing_until(row, now));
        match until.filter(|_| error.kind() == ErrorKind::Unauthorized) {
            None => refused(account, error),
            Some(until) => {
                let sentence = format!(
                    "{} asked for patience a short while ago, and may refuse everything for some \
                     time after that: the refusal says nothing about what was given. Nothing was \
                     stored; try the same again after {until:.0}",
                    account.name
                );
                Refusal::new(Exit::TryAgain, sentence)
            }
        }
    }

    /// After a change of a credential: another adapter, and its pairs begin anew with it.
    fn renew(&self, account: &Account) -> Result<(), Refusal> {
        {
            let mut setup = self.setup();
            let store = &self.ctx.store;
            setup.roster.renew(account, store, &self.key, &self.ctx.clock)?;
        }
        let reason = "the account was connected or disconnected; the next cycle will tell";
        for row in self.ctx.store.pairs()? {
            let concerned = row.sides.iter().any(|(_, side)| side.account == account.name);
            if concerned && row.state == "reconnect-needed" {
                let now = self.ctx.now();
                self.ctx.store.put_pair_state(row.id, "retrying", now, Some(reason), None)?;
            }
        }
        self.restart_changed();
        Ok(())
    }

    /// Another account's calendars have nothing to do with what is remembered: its pairs begin as
    /// if for the first time.
    async fn forget_pairs_of(&self, account: &AccountName) -> Result<(), Refusal> {
        for row in self.ctx.store.pairs()? {
            if row.sides.iter().any(|(_, side)| side.account == *account) {
                let _given_up = self.let_go(&row.name).await;
                self.ctx.store.remove_pair(row.id)?;
            }
        }
        Ok(())
    }
}

/// The stored sign-in is forgotten here, and may live on there.
fn unrevoked(account: &Account, reason: &str) -> String {
    let place = connections(account);
    format!("its access could not be revoked ({reason}); take it away at {place}")
}

/// Where a person takes a program's access away.
fn connections(account: &Account) -> &'static str {
    match account.provider {
        Provider::Google(_) => google::CONNECTIONS,
        Provider::Microsoft(_) => microsoft::CONNECTIONS,
        Provider::ICloud(_) | Provider::CalDav(_) => "the provider's page",
    }
}

fn refused(account: &Account, error: &Error) -> Refusal {
    let checklist = match account.provider {
        Provider::ICloud(_) => icloud::REFUSED.to_owned(),
        Provider::CalDav(_) => {
            format!("the server refused this user name and password ({error})")
        }
        Provider::Google(_) | Provider::Microsoft(_) => error.to_string(),
    };
    match (error.kind(), &account.provider) {
        (ErrorKind::Unauthorized, _) => Refusal::new(Exit::ReconnectNeeded, checklist),
        (ErrorKind::Forbidden, Provider::ICloud(_)) if !is_elsewhere(error) => {
            Refusal::new(Exit::Failed, format!("{}\nIts answer: {error} (403).", icloud::LOCKED))
        }
        _ => failed(account.name.as_str(), error),
    }
}

/// Whether it was a server that named an address which no credential is sent to.
fn is_elsewhere(error: &Error) -> bool {
    std::error::Error::source(error).is_some_and(|source| source.is::<RedirectRefused>())
}

/// What to do about another account, where a command was given.
const OF_COMMAND: &str =
    "To take it all the same and begin as if for the first time, use --replace";

/// The same on the page.
const OF_PAGE: &str = "Connect it with the account that it had before. If it is to be another one \
     from now on, whoever runs calpair changes that on the command line, and calpair begins with \
     it as if for the first time";

fn another_account(account: &Account, remedy: &str) -> Refusal {
    let whose = match account.provider {
        Provider::ICloud(_) => "this is a different Apple ID",
        Provider::Google(_) => "this is a different Google account",
        Provider::Microsoft(_) => "this is a different Microsoft account",
        Provider::CalDav(_) => "this is a different account",
    };
    let sentence =
        format!("{whose} than {} was connected with; nothing was stored. {remedy}", account.name);
    Refusal::new(Exit::Failed, sentence)
}

fn no_calendar(account: &Account) -> String {
    match account.provider {
        Provider::ICloud(_) => icloud::NO_CALENDAR.to_owned(),
        Provider::Google(_) => google::NO_CALENDAR.to_owned(),
        Provider::Microsoft(_) => microsoft::NO_CALENDAR.to_owned(),
        Provider::CalDav(_) => {
            format!("{} is connected, but has no calendar yet", account.name)
        }
    }
}
