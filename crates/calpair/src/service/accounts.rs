//! `accounts` and `calendars`: what is connected, and what is there.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use engine::{Attended, PairSide, PairState};
use model::{AccountName, Timestamp};
use provider::{Error, ErrorKind};

use super::{Answer, Refusal, Service};
use crate::config;
use crate::control::Reply;
use crate::exit::Exit;
use crate::report::{Account, Accounts, At, Calendar, Calendars};

/// How long what was found is shown without asking again: a new calendar is there after so long.
const SEEN: Duration = Duration::from_secs(60);

impl Service {
    pub(super) fn accounts(&self) -> Answer {
        let rows = self.ctx.store.accounts()?;
        let config = self.config();
        let mut accounts = Vec::new();
        for account in config.accounts.values() {
            let row = rows.iter().find(|row| row.name == account.name);
            let (reason, action) = self.account_words(account, row)?;
            accounts.push(Account {
                name: account.name.as_str().to_owned(),
                provider: account.provider.as_str().to_owned(),
                identity: row.and_then(|row| row.address.clone().or_else(|| row.identity.clone())),
                state: row.map_or("unconnected", |row| row.state.as_str()).to_owned(),
                since: row.map(|row| At(row.since)),
                reason,
                action,
            });
        }
        Ok(Reply::report(Exit::Fine, &Accounts { accounts }))
    }

    pub(super) async fn calendars(&self, name: &str) -> Answer {
        let account = self.account_of(name)?;
        let calendars = self.ask_calendars(&account).await?;
        Ok(Reply::report(Exit::Fine, &Calendars { account: name.to_owned(), calendars }))
    }

    async fn ask_calendars(&self, account: &config::Account) -> Result<Vec<Calendar>, Refusal> {
        let end = self.may_ask(account).await?;
        let listed = end.provider.calendars().await;
        let listed = listed.map_err(|error| self.met(&end, &error));
        let listed: Result<Vec<Calendar>, _> =
            listed.map(|all| all.into_iter().map(Calendar::from).collect());
        let said = listed.as_ref().map_err(|refusal| refusal.sentence.clone());
        self.seen.note(&account.name, self.ctx.now(), said.cloned());
        listed
    }

    /// The account's calendars as they were found a moment ago, for a page that is loaded again
    /// and again; asked for where that is too long ago. The error is a sentence.
    pub(crate) async fn calendars_seen(&self, name: &AccountName) -> Result<Vec<Calendar>, String> {
        if let Some(seen) = self.seen.get(name, self.ctx.now()) {
            return seen;
        }
        let account = self.account_of(name.as_str()).map_err(|refusal| refusal.sentence)?;
        self.ask_calendars(&account).await.map_err(|refusal| refusal.sentence)
    }

    /// The account, if it may be asked now. A refused credential is not sent by a command either
    /// but to confirm it, spaced out as cycles do; a provider's patience holds for commands too.
    pub(super) async fn may_ask(&self, account: &config::Account) -> Result<PairSide, Refusal> {
        let end = self.setup().roster.end(&account.name);
        let missing = || format!("the configuration has no account `{}`", account.name);
        let end = end.ok_or_else(|| Refusal::usage(missing()))?;
        let confirm = self.config().daemon.confirm;
        match engine::ask_leave(&self.ctx, &end, confirm).await? {
            None => Ok(end),
            Some(attended) => Err(refusal(attended)),
        }
    }

    /// A failed request outside a cycle, for whoever asked. What it says about the account counts
    /// as in a cycle.
    pub(super) fn met(&self, end: &PairSide, error: &Error) -> Refusal {
        if !error.kind().is_of_account() {
            return failed(end.account.as_str(), error);
        }
        let heard = engine::heard(&self.ctx, end, self.config().daemon.confirm, error);
        let mut refusal = heard.map_or_else(Refusal::from, refusal);
        if error.kind() == ErrorKind::Unauthorized && refusal.exit == Exit::TryAgain {
            refusal.sentence.push_str("; one refusal proves nothing: try again in a few minutes");
        }
        refusal
    }
}

/// Why an account is not asked: somebody must connect it, or it waits.
fn refusal(attended: Attended) -> Refusal {
    let sentence = [attended.reason, attended.action].into_iter().flatten();
    let sentence = sentence.collect::<Vec<_>>().join("; ");
    let exit = match attended.state {
        PairState::ReconnectNeeded => Exit::ReconnectNeeded,
        PairState::New
        | PairState::Ok
        | PairState::Syncing
        | PairState::Retrying
        | PairState::Halted
        | PairState::Paused
        | PairState::Misconfigured => Exit::TryAgain,
    };
    Refusal::new(exit, sentence)
}

/// A request that failed for no fault of the credential (or one that nobody remembers), for whoever
/// asked.
pub(super) fn failed(account: &str, error: &Error) -> Refusal {
    let exit = match error.kind() {
        ErrorKind::Unauthorized => Exit::ReconnectNeeded,
        ErrorKind::RateLimited { .. }
        | ErrorKind::WritesLimited { .. }
        | ErrorKind::Unavailable => Exit::TryAgain,
        ErrorKind::CursorExpired
        | ErrorKind::Stale
        | ErrorKind::Gone
        | ErrorKind::AlreadyExists
        | ErrorKind::Forbidden
        | ErrorKind::Rejected
        | ErrorKind::Malformed => Exit::Failed,
    };
    Refusal::new(exit, format!("account {account}: {error}"))
}

/// What was found when accounts were last asked for their calendars; an error is a sentence.
#[derive(Default)]
pub(super) struct Seen(Mutex<BTreeMap<AccountName, (Timestamp, Found)>>);

type Found = Result<Vec<Calendar>, String>;

impl Seen {
    pub(super) fn note(&self, account: &AccountName, now: Timestamp, found: Found) {
        self.all().insert(account.clone(), (now, found));
    }

    pub(super) fn forget(&self, account: &AccountName) {
        self.all().remove(account);
    }

    fn get(&self, account: &AccountName, now: Timestamp) -> Option<Found> {
        let all = self.all();
        let (at, found) = all.get(account)?;
        // One from the future was noted by a clock that was wrong.
        let is_fresh = *at <= now && now < *at + SEEN;
        // Whoever has no calendar yet makes one, and looks whether it is there.
        let is_worth =
            found.is_err() || found.as_ref().is_ok_and(|calendars| !calendars.is_empty());
        (is_fresh && is_worth).then(|| found.clone())
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<AccountName, (Timestamp, Found)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
