//! What is known of accounts without asking anybody. That a sign-in ends by itself is said some
//! days before, while a pair still syncs, and only where the date is known: a provider said when,
//! or ends what nobody uses. That a credential can't be used, because the configuration means
//! another user or server now, or because its key is gone, is said as long as it lasts.

use std::time::Duration;

use engine::account::State;
use engine::{Alert, AlertEvent};
use model::Timestamp;
use store::{AccountRow, SignIn};

use super::Service;
use crate::config::{Account, Provider};

/// How long before its end a sign-in is spoken of: a weekend is no reason to miss it, and of the
/// week that Google gives in Testing the better half is quiet.
const AHEAD: Duration = Duration::from_secs(3 * 24 * 60 * 60);

/// How long a sign-in at Microsoft lasts without use.
/// <https://learn.microsoft.com/entra/identity-platform/refresh-tokens>
const UNUSED: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// How long before that it is spoken of: who paused a pair for months may be away.
const AHEAD_OF_UNUSED: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// The end of a sign-in, soon enough to be spoken of.
pub(super) struct Ending {
    since: Timestamp,
    pub(super) reason: String,
    pub(super) action: String,
}

impl Service {
    /// Says what the key and the accounts need, and which sign-ins will end by themselves; each at
    /// most once a day.
    ///
    /// # Errors
    /// What the store says.
    pub fn look_ahead(&self) -> store::Result<()> {
        let now = self.ctx.now();
        self.look_at_key(now)?;
        for account in self.config().accounts.values() {
            let name = &account.name;
            let row = self.ctx.store.account(name)?;
            if let Some(row) = row.as_ref().filter(|row| self.is_unusable(row)) {
                let event = AlertEvent::ReconnectNeeded;
                let (reason, action) = (row.reason.clone().unwrap_or_default(), row.action.clone());
                let (account, since) = (Some(name.clone()), row.since);
                let alert = Alert { event, account, pair: None, since, reason, action };
                self.ctx.alerts.raise(&alert, now)?;
            }
            match row.as_ref().and_then(|row| self.ending(account, row).transpose()).transpose()? {
                Some(Ending { since, reason, action }) => {
                    let (event, action) = (AlertEvent::Expiring, Some(action));
                    let account = Some(name.clone());
                    let alert = Alert { event, account, pair: None, since, reason, action };
                    self.ctx.alerts.raise(&alert, now)?;
                }
                None if row.is_some_and(|row| row.state == State::Ok.as_str()) => {
                    self.ctx.alerts.averted(name)?;
                }
                // What has come since is said by itself.
                None => self.ctx.alerts.overtaken(name)?,
            }
        }
        Ok(())
    }

    /// Says of accounts that could not be used `before`, and can now, that nobody is needed.
    pub(super) fn say_usable_again(&self, before: &[AccountRow]) -> store::Result<()> {
        for old in before.iter().filter(|old| old.state == State::Unconnected.as_str()) {
            let now = self.ctx.store.account(&old.name)?;
            if now.is_some_and(|row| row.state == State::Ok.as_str()) {
                self.ctx.alerts.reconnected(&old.name)?;
            }
        }
        Ok(())
    }

    /// Says that credentials can't be opened, and when that is over.
    fn look_at_key(&self, now: Timestamp) -> store::Result<()> {
        let Some(reason) = self.key_trouble().map(str::to_owned) else {
            return self.ctx.alerts.relieved();
        };
        let since = self.ctx.alerts.troubled_since()?.unwrap_or(now);
        let (event, action) = (AlertEvent::Attention, Some("calpair doctor".to_owned()));
        let alert = Alert { event, account: None, pair: None, since, reason, action };
        self.ctx.alerts.raise(&alert, now)
    }

    /// Whether somebody has connected this account, and what is stored is not for it, or can't be
    /// opened. Without any key that is said once, and not of each account.
    fn is_unusable(&self, row: &AccountRow) -> bool {
        row.state == State::Unconnected.as_str() && row.has_credential && self.key.is_ok()
    }

    /// The end of an account's sign-in, if it is near and nothing worse has come.
    pub(super) fn ending(
        &self,
        account: &Account,
        row: &AccountRow,
    ) -> store::Result<Option<Ending>> {
        if row.state != State::Ok.as_str() {
            return Ok(None);
        }
        let known = self.ctx.store.sign_in(&account.name)?;
        Ok(known.and_then(|known| ending(account, known, self.ctx.now())))
    }

    /// Somebody has signed in, for so long.
    pub(super) fn signed_in(
        &self,
        account: &Account,
        lasts: Option<Duration>,
    ) -> store::Result<()> {
        let used = self.ctx.now();
        let ends = lasts.map(|lasts| used + lasts);
        match account.provider {
            Provider::Google(_) | Provider::Microsoft(_) => {
                self.ctx.store.put_sign_in(&account.name, SignIn { used, ends })?;
            }
            Provider::ICloud(_) | Provider::CalDav(_) => return Ok(()),
        }
        self.look_ahead()
    }
}

fn ending(account: &Account, known: SignIn, now: Timestamp) -> Option<Ending> {
    let name = &account.name;
    let by_itself = |at: Timestamp, why: &str| {
        let verb = if at > now { "ends" } else { "ended" };
        Ending {
            since: at - AHEAD,
            reason: format!("the sign-in {verb} at {at:.0}: {why}"),
            action: format!("calpair connect {name}"),
        }
    };
    let ending = match (&account.provider, known.ends) {
        (Provider::ICloud(_) | Provider::CalDav(_), _) | (Provider::Google(_), None) => None,
        (Provider::Google(_), Some(at)) => Some(by_itself(
            at,
            "Google gave it for a limited time, as it does while the consent screen is in Testing \
             (publish it first: docs/google.md, step 5)",
        )),
        (Provider::Microsoft(_), Some(at)) => {
            Some(by_itself(at, "Microsoft gave it for a limited time (docs/microsoft.md)"))
        }
        (Provider::Microsoft(_), None) => {
            let (used, at) = (known.used, known.used + UNUSED);
            let verb = if at > now { "ends" } else { "has ended" };
            Some(Ending {
                since: at - AHEAD_OF_UNUSED,
                reason: format!(
                    "the sign-in was last used at {used:.0}, and Microsoft {verb} what is not used \
                     for 90 days; any use keeps it"
                ),
                action: format!("calpair calendars {name}"),
            })
        }
    };
    ending.filter(|ending| ending.since <= now)
}
