//! Asking an account: whether it may be asked now, who finds out whether a refused credential is
//! dead, and what an answer says about the account.
//!
//! Several pairs, and commands beside them, want something of one account. Where it has to be
//! confirmed that a credential is refused, one of them asks, with one harmless request; the others
//! wait for what it finds.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::{AccountName, Timestamp};
use provider::{Error, ErrorKind};
use store::AccountRow;
use tokio::sync::OwnedMutexGuard;

use crate::account::{Event, LONGEST_PATIENCE, Leave, Standing, State, TRIES};
use crate::alert::{Alert, AlertEvent};
use crate::attend::{Attended, PairState};
use crate::{Context, Credential, PairSide};

/// How long an account is left alone that asked for patience without saying how long.
const PATIENCE: Duration = Duration::from_secs(60);

/// Who asks, and who tells, one at a time.
#[derive(Clone, Default)]
pub(crate) struct Asking {
    confirming: Arc<Mutex<HashMap<AccountName, Confirming>>>,
    telling: Arc<Mutex<()>>,
}

/// Held by whoever confirms a refusal of an account.
type Confirming = Arc<tokio::sync::Mutex<()>>;

impl Asking {
    /// Waits until nobody else confirms a refusal of this account.
    async fn claim(&self, account: &AccountName) -> OwnedMutexGuard<()> {
        let confirming = {
            let mut all = self.confirming.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(all.entry(account.clone()).or_default())
        };
        confirming.lock_owned().await
    }

    /// As long as it is held, nobody else changes what is remembered of an account.
    pub(crate) fn telling(&self) -> MutexGuard<'_, ()> {
        self.telling.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether an account may be asked now: `None` if so, else why not and what to do. Where a refusal
/// is to be confirmed first, it is, and that counts.
///
/// # Errors
/// What the store says.
pub async fn ask_leave(
    ctx: &Context,
    end: &PairSide,
    confirm: Duration,
) -> store::Result<Option<Attended>> {
    let mut claim = None;
    loop {
        if let Some(attended) = without_credential(ctx, end, confirm)? {
            return Ok(Some(attended));
        }
        if end.retired.is_cancelled() {
            let reason = format!("account {} was connected or disconnected just now", end.account);
            return Ok(Some(Attended::without_cycle(PairState::Retrying, reason, None)));
        }
        let Some(row) = ctx.store.account(&end.account)? else { continue };
        match standing(&row).leave(ctx.now(), confirm) {
            Leave::Granted => return Ok(None),
            Leave::NotBefore(at) => return Ok(Some(too_soon(ctx, &row, at))),
            Leave::Refused => {}
            // What another one has found meanwhile is looked at first.
            Leave::ConfirmFirst if claim.is_none() => {
                claim = Some(ctx.asking.claim(&end.account).await);
            }
            Leave::ConfirmFirst => {
                end.provider.ask_again();
                let answer = end.provider.identity().await;
                return confirmation(ctx, end, confirm, answer);
            }
        }
    }
}

/// Until when a refused credential of this account says nothing, because its provider throttled a
/// short while ago.
pub fn refusals_mean_nothing_until(account: &AccountRow, now: Timestamp) -> Option<Timestamp> {
    standing(account).shadow(now)
}

/// An account that only a person can bring back, if it is one.
///
/// # Errors
/// What the store says.
pub fn without_credential(
    ctx: &Context,
    end: &PairSide,
    confirm: Duration,
) -> store::Result<Option<Attended>> {
    let Some(row) = ctx.store.account(&end.account)? else {
        return Ok(Some(not_connected(&end.account, None, None)));
    };
    Ok(match standing(&row).leave(ctx.now(), confirm) {
        Leave::Refused => Some(not_connected(&end.account, row.reason.as_deref(), row.action)),
        Leave::Granted | Leave::ConfirmFirst | Leave::NotBefore(_) => None,
    })
}

/// Of an account that is not connected the row knows what to do: the key may be missing.
fn not_connected(account: &AccountName, reason: Option<&str>, action: Option<String>) -> Attended {
    let reason = reason.map_or_else(
        || format!("account {account} is not connected"),
        |reason| format!("account {account}: {reason}"),
    );
    let action = action.unwrap_or_else(|| format!("calpair connect {account}"));
    Attended::without_cycle(PairState::ReconnectNeeded, reason, Some(action))
}

fn too_soon(ctx: &Context, row: &AccountRow, at: Timestamp) -> Attended {
    let wait = at.duration_since(ctx.now()).try_into().unwrap_or(PATIENCE);
    let why = match standing(row).state {
        State::Suspect => "its credential was refused and is being confirmed",
        State::Unconnected | State::Ok | State::ReconnectNeeded | State::Attention => {
            "its provider asked for patience"
        }
    };
    let reason = format!("account {}: {why}; tried again at {at:.0}", row.name);
    Attended {
        not_before: Some(wait),
        ..Attended::without_cycle(PairState::Retrying, reason, None)
    }
}

/// The answer to the harmless request that confirms or refutes a refusal.
fn confirmation(
    ctx: &Context,
    end: &PairSide,
    confirm: Duration,
    answer: provider::Result<String>,
) -> store::Result<Option<Attended>> {
    match answer {
        Ok(_) => {
            tell(ctx, end, Event::Accepted, confirm, None)?;
            Ok(None)
        }
        Err(error) => {
            if error.kind() == ErrorKind::Forbidden {
                tell(ctx, end, Event::Barred, confirm, Some(&error))?;
            }
            heard(ctx, end, confirm, &error).map(Some)
        }
    }
}

/// What a failed request says about the account, and so about the pair (or whoever asked).
///
/// # Errors
/// What the store says.
pub fn heard(
    ctx: &Context,
    end: &PairSide,
    confirm: Duration,
    error: &Error,
) -> store::Result<Attended> {
    let (account, now) = (&end.account, ctx.now());
    let mut not_before = None;
    match error.kind() {
        ErrorKind::Unauthorized => {
            let state = tell(ctx, end, Event::Refused, confirm, Some(error))?;
            if state == State::ReconnectNeeded {
                let row = ctx.store.account(account)?;
                let reason = row.and_then(|row| row.reason);
                return Ok(not_connected(account, reason.as_deref(), None));
            }
            not_before = Some(confirm);
        }
        ErrorKind::RateLimited { retry_after } => {
            let wait = retry_after.unwrap_or(PATIENCE).min(LONGEST_PATIENCE);
            tell(ctx, end, Event::Throttled(now + wait), confirm, None)?;
            not_before = Some(wait);
        }
        // It is read at the pair's pace. What says no more than that it waits changes no time.
        ErrorKind::WritesLimited { retry_after: Some(wait) } => {
            ctx.store.limit_writes(account, now + wait.min(LONGEST_PATIENCE))?;
        }
        ErrorKind::WritesLimited { retry_after: None }
        | ErrorKind::CursorExpired
        | ErrorKind::Stale
        | ErrorKind::Gone
        | ErrorKind::AlreadyExists
        | ErrorKind::Unavailable
        | ErrorKind::Forbidden
        | ErrorKind::Rejected
        | ErrorKind::Malformed => {}
    }
    let reason = format!("account {account}: {error}");
    Ok(Attended { not_before, ..Attended::without_cycle(PairState::Retrying, reason, None) })
}

/// Records what happened to an account, and says its state.
pub(crate) fn tell(
    ctx: &Context,
    end: &PairSide,
    event: Event,
    confirm: Duration,
    refusal: Option<&Error>,
) -> store::Result<State> {
    let _telling = ctx.asking.telling();
    let (account, now) = (&end.account, ctx.now());
    let Some(row) = ctx.store.account(account)? else { return Ok(State::Unconnected) };
    let before = standing(&row);
    let after = before.after(event, now, confirm);
    if after == before || end.retired.is_cancelled() {
        return Ok(before.state);
    }
    let (reason, action) = words(end.credential, end.provider.remedy(), &row, after, refusal);
    let changed = after.state != before.state;
    ctx.store.put_account(&AccountRow {
        state: after.state.as_str().to_owned(),
        since: if changed { now } else { row.since },
        reason: reason.clone(),
        action: action.clone(),
        refusals: after.refusals,
        last_try: after.last_refusal,
        not_before: after.not_before,
        ..row
    })?;
    if before.state == State::Attention && changed {
        ctx.alerts.eased(account)?;
    }
    if let Some(event) = alert_of(after.state).filter(|_| changed) {
        let alert = Alert {
            event,
            account: Some(account.clone()),
            pair: None,
            since: now,
            reason: reason.unwrap_or_default(),
            action,
        };
        ctx.alerts.raise(&alert, now)?;
    }
    Ok(after.state)
}

/// What a person must know of an account in this state.
pub(crate) const fn alert_of(state: State) -> Option<AlertEvent> {
    match state {
        State::ReconnectNeeded => Some(AlertEvent::ReconnectNeeded),
        State::Attention => Some(AlertEvent::Attention),
        State::Unconnected | State::Ok | State::Suspect => None,
    }
}

/// Reason and action of a standing, for status; `remedy` is the provider's, for an account that it
/// lets in and allows nothing.
fn words(
    credential: Credential,
    remedy: &str,
    row: &AccountRow,
    after: Standing,
    refusal: Option<&Error>,
) -> (Option<String>, Option<String>) {
    let refused = |tries: String| match (credential, refusal) {
        (Credential::AppPassword, _) => {
            Some(format!("app-specific password refused (401, {tries})"))
        }
        (Credential::SignIn, Some(refusal)) => Some(format!("{refusal} ({tries})")),
        (Credential::SignIn, None) => row.reason.clone(),
        (Credential::Password, _) => Some(format!("credential refused (401, {tries})")),
    };
    match after.state {
        State::Ok | State::Unconnected => (None, None),
        State::Attention => match refusal {
            Some(refusal) => (Some(refusal.to_string()), Some(remedy.to_owned())),
            None => (row.reason.clone(), row.action.clone()),
        },
        State::Suspect if after.refusals == 0 => (refused("then throttled".to_owned()), None),
        State::Suspect => (refused(format!("{} of {TRIES} tries", after.refusals)), None),
        State::ReconnectNeeded => (
            refused(format!("confirmed {} times", after.refusals)),
            Some(format!("calpair connect {}", row.name)),
        ),
    }
}

pub(crate) fn standing(row: &AccountRow) -> Standing {
    Standing {
        state: State::parse(&row.state).unwrap_or(State::Unconnected),
        refusals: row.refusals,
        last_refusal: row.last_try,
        not_before: row.not_before,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(
        credential: Credential,
        refusals: u32,
        refusal: Option<&Error>,
    ) -> (String, Option<String>) {
        let state = if refusals < TRIES { State::Suspect } else { State::ReconnectNeeded };
        let row = AccountRow {
            name: AccountName::new("work"),
            provider: "any".into(),
            identity: None,
            address: None,
            state: state.as_str().into(),
            since: Timestamp::UNIX_EPOCH,
            reason: Some("as before".into()),
            action: None,
            refusals,
            last_try: None,
            not_before: None,
            has_credential: true,
        };
        let after = Standing { refusals, state, ..Standing::CONNECTED };
        let (reason, action) = words(credential, "", &row, after, refusal);
        (reason.unwrap(), action)
    }

    #[test]
    fn a_refusal_is_said_with_what_it_most_likely_means() {
        let dead = Error::new(ErrorKind::Unauthorized, "the sign-in was refused: seven days");
        let connect = Some("calpair connect work".to_owned());
        let cases = [
            (Credential::AppPassword, 3, "app-specific password refused (401, confirmed 3 times)"),
            (Credential::Password, 1, "credential refused (401, 1 of 3 tries)"),
            (Credential::SignIn, 1, "the sign-in was refused: seven days (1 of 3 tries)"),
            (Credential::SignIn, 3, "the sign-in was refused: seven days (confirmed 3 times)"),
        ];
        for (credential, refusals, expected) in cases {
            let action = connect.clone().filter(|_| refusals == 3);
            assert_eq!(said(credential, refusals, Some(&dead)), (expected.to_owned(), action));
        }
        assert_eq!(
            said(Credential::SignIn, 2, None).0,
            "as before",
            "a throttling in between changes none"
        );
    }
}
