//! `accounts` and `calendars`: what is connected, and what is there.

use provider::{Error, ErrorKind};

use super::{Answer, Refusal, Service};
use crate::control::Reply;
use crate::exit::Exit;
use crate::report::{Account, Accounts, At, Calendar, Calendars};

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
        self.usable(&account)?;
        let reach = self.setup().roster.get(&account.name).cloned();
        let Some(reach) = reach else {
            return Err(Refusal::usage(format!("the configuration has no account `{name}`")));
        };
        let calendars = reach.adapter.provider.calendars().await;
        let calendars = calendars.map_err(|error| failed(name, &error))?;
        let report = Calendars {
            account: name.to_owned(),
            calendars: calendars.into_iter().map(Calendar::from).collect(),
        };
        Ok(Reply::report(Exit::Fine, &report))
    }

    /// Refuses to send anything with a credential that is not there or was refused for good.
    pub(super) fn usable(&self, account: &crate::config::Account) -> Result<(), Refusal> {
        let Some(row) = self.ctx.store.account(&account.name)? else { return Ok(()) };
        if !matches!(row.state.as_str(), "unconnected" | "reconnect-needed") {
            return Ok(());
        }
        let reason = row.reason.unwrap_or_else(|| row.state.clone());
        let action = row.action.unwrap_or_else(|| format!("calpair connect {}", account.name));
        let sentence = format!("account {}: {reason}; {action}", account.name);
        Err(Refusal::new(Exit::ReconnectNeeded, sentence))
    }
}

/// A failed request outside a cycle, for whoever asked. It changes no state: only cycles, spaced
/// out, count refusals.
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
