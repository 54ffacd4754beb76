//! Attending to a pair: may its accounts be used, one cycle, and what that says about accounts and
//! pair. The daemon and a one-shot `sync` do exactly this.

use std::time::Duration;

use model::{AccountName, Side, Timestamp};
use provider::{Error, ErrorKind};
use store::{AccountRow, PairRow};

use crate::account::{Event, LONGEST_PATIENCE, Leave, Standing, State, TRIES};
use crate::alert::{Alert, AlertEvent};
use crate::report::{Failure, Outcome, Report};
use crate::{Context, Credential, Mode, Pair, PairSide, cycle};

/// How long an account is left alone that asked for patience without saying how long.
const PATIENCE: Duration = Duration::from_secs(60);

/// The state of a pair (PRODUCT section 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PairState {
    /// It has not had a cycle yet.
    New,
    /// The last cycle was fine.
    Ok,
    /// A cycle is running.
    Syncing,
    /// The last cycle failed, and is tried again by itself.
    Retrying,
    /// An account of it needs to be connected again.
    ReconnectNeeded,
    /// A plan waits for approval.
    Halted,
    /// Somebody paused it.
    Paused,
    /// A calendar of it can't be had.
    Misconfigured,
}

impl PairState {
    /// The word in status, log and store.
    pub const fn as_str(self) -> &'static str {
        match self {
            PairState::New => "new",
            PairState::Ok => "ok",
            PairState::Syncing => "syncing",
            PairState::Retrying => "retrying",
            PairState::ReconnectNeeded => "reconnect-needed",
            PairState::Halted => "halted",
            PairState::Paused => "paused",
            PairState::Misconfigured => "misconfigured",
        }
    }
}

/// What attending to a pair came to.
#[derive(Debug)]
pub struct Attended {
    /// The cycle's report; `None` when there was no cycle.
    pub report: Option<Report>,
    /// The pair's state now.
    pub state: PairState,
    /// Why, where it is not `ok`.
    pub reason: Option<String>,
    /// What to do about it.
    pub action: Option<String>,
    /// Nothing is to be tried before this long.
    pub not_before: Option<Duration>,
    /// What went wrong inside calpair itself or its storage, and is nobody else's fault.
    pub broken: bool,
}

impl Attended {
    /// Whether nothing is wrong but that writes have to wait.
    pub(crate) fn only_waits_to_write(&self) -> bool {
        let Some(Report { outcome: Outcome::Failed(failure), .. }) = &self.report else {
            return false;
        };
        let Failure::Provider { error, .. } = failure else { return false };
        matches!(error.kind(), ErrorKind::WritesLimited { .. })
    }

    fn without_cycle(state: PairState, reason: String, action: Option<String>) -> Self {
        Self { report: None, state, reason: Some(reason), action, not_before: None, broken: false }
    }
}

/// Attends to a pair once. `confirm` is how far apart refusals have to be to count.
pub async fn attend(ctx: &Context, pair: &Pair, confirm: Duration, mode: Mode) -> Attended {
    let attended = match before_cycle(ctx, pair, confirm).await {
        Ok(None) => {
            let report = cycle(ctx, pair, mode).await;
            let barred = barred(pair, &report).await;
            after_cycle(ctx, pair, confirm, report, barred)
        }
        Ok(Some(attended)) => Ok(attended),
        Err(error) => Err(error),
    };
    let attended = attended.unwrap_or_else(|error| Attended {
        broken: true,
        ..Attended::without_cycle(PairState::Retrying, error.to_string(), None)
    });
    match note(ctx, pair, &attended, mode) {
        Ok(()) => attended,
        Err(error) => Attended {
            broken: true,
            ..Attended::without_cycle(PairState::Retrying, error.to_string(), None)
        },
    }
}

/// Whether a side that refused the cycle allows nothing at all: then not even its owner's name may
/// be asked for, and it is about the account, not about one calendar.
async fn barred(pair: &Pair, report: &Report) -> Option<Error> {
    let Outcome::Failed(Failure::Provider { side, error }) = &report.outcome else { return None };
    if error.kind() != ErrorKind::Forbidden {
        return None;
    }
    let asked = pair.sides[*side].provider.identity().await;
    asked.err().filter(|error| error.kind() == ErrorKind::Forbidden)
}

/// Whether there may be a cycle; if not, why.
async fn before_cycle(
    ctx: &Context,
    pair: &Pair,
    confirm: Duration,
) -> store::Result<Option<Attended>> {
    let row = ctx.store.pair(&pair.name)?;
    if row.as_ref().is_some_and(|row| row.detaching) {
        let action = format!("calpair detach {} --remove-copies goes on with it", pair.name);
        let reason = "its copies are being removed".to_owned();
        return Ok(Some(Attended::without_cycle(PairState::Paused, reason, Some(action))));
    }
    if let Some(row) = row.filter(|row| row.paused) {
        // Whoever paused it said why; a pair that was busy then may have said something else since.
        let said = Some((row.reason, row.action)).filter(|_| row.state == "paused");
        let (reason, action) = said.unwrap_or_default();
        let reason = reason.unwrap_or_else(|| "paused by hand".to_owned());
        let action = action.unwrap_or_else(|| format!("calpair resume {}", pair.name));
        return Ok(Some(Attended::without_cycle(PairState::Paused, reason, Some(action))));
    }
    for side in Side::BOTH {
        let account = &pair.sides[side].account;
        let Some(row) = ctx.store.account(account)? else {
            return Ok(Some(not_connected(account, None, None)));
        };
        match standing(&row).leave(ctx.now(), confirm) {
            Leave::Granted => {}
            Leave::NotBefore(at) => return Ok(Some(too_soon(ctx, &row, at))),
            Leave::Refused => {
                return Ok(Some(not_connected(account, row.reason.as_deref(), row.action)));
            }
            Leave::ConfirmFirst => {
                let confirmed = pair.sides[side].provider.identity().await;
                if let Some(attended) = confirmation(ctx, &pair.sides[side], confirm, confirmed)? {
                    return Ok(Some(attended));
                }
            }
        }
    }
    Ok(None)
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
            provider_failed(ctx, end, confirm, &error).map(Some)
        }
    }
}

/// What a failed request says about the account, and so about the pair.
fn provider_failed(
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

/// What a cycle says about the pair's accounts and the pair.
fn after_cycle(
    ctx: &Context,
    pair: &Pair,
    confirm: Duration,
    report: Report,
    barred: Option<Error>,
) -> store::Result<Attended> {
    let look = format!("calpair sync {0} --dry-run, then calpair approve {0}", pair.name);
    let mut attended = match (&report.outcome, &report.halt) {
        (Outcome::Planned, Some(halt)) => {
            let reason = format!("it would halt: {halt}");
            let action = format!("calpair sync {0}, then calpair approve {0}", pair.name);
            Attended::without_cycle(PairState::Halted, reason, Some(action))
        }
        (Outcome::InSync | Outcome::Changed | Outcome::Planned, _) => {
            for side in Side::BOTH {
                tell(ctx, &pair.sides[side], Event::Accepted, confirm, None)?;
            }
            Attended {
                report: None,
                state: PairState::Ok,
                reason: None,
                action: None,
                not_before: None,
                broken: false,
            }
        }
        (Outcome::Halted(halt), said) => {
            let reason = said.clone().unwrap_or_else(|| halt.to_string());
            Attended::without_cycle(PairState::Halted, reason, Some(look))
        }
        (Outcome::Failed(Failure::Calendar { side, reason }), _) => {
            let action = format!("calpair calendars {}", pair.sides[*side].account);
            let reason = format!("{side}: {reason}");
            Attended::without_cycle(PairState::Misconfigured, reason, Some(action))
        }
        (Outcome::Failed(Failure::Provider { side, error }), _)
            if error.kind() == ErrorKind::Gone =>
        {
            let action = format!("calpair calendars {}", pair.sides[*side].account);
            let reason = format!("the calendar on {side} is gone: {error}");
            Attended::without_cycle(PairState::Misconfigured, reason, Some(action))
        }
        (Outcome::Failed(Failure::Provider { side, error }), _) => {
            let end = &pair.sides[*side];
            if let Some(barred) = &barred {
                tell(ctx, end, Event::Barred, confirm, Some(barred))?;
            }
            provider_failed(ctx, end, confirm, error)?
        }
        (Outcome::Failed(failure @ (Failure::Store(_) | Failure::Check(_))), _) => Attended {
            broken: true,
            ..Attended::without_cycle(PairState::Retrying, failure.to_string(), None)
        },
    };
    attended.report = Some(report);
    Ok(attended)
}

/// Records what happened to an account, and says its state.
fn tell(
    ctx: &Context,
    end: &PairSide,
    event: Event,
    confirm: Duration,
    refusal: Option<&Error>,
) -> store::Result<State> {
    let (account, now) = (&end.account, ctx.now());
    let Some(row) = ctx.store.account(account)? else { return Ok(State::Unconnected) };
    let before = standing(&row);
    let after = before.after(event, now, confirm);
    if after == before {
        return Ok(after.state);
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
const fn alert_of(state: State) -> Option<AlertEvent> {
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
        State::Suspect => (refused(format!("{} of {TRIES} tries", after.refusals)), None),
        State::ReconnectNeeded => (
            refused(format!("confirmed {} times", after.refusals)),
            Some(format!("calpair connect {}", row.name)),
        ),
    }
}

fn standing(row: &AccountRow) -> Standing {
    Standing {
        state: State::parse(&row.state).unwrap_or(State::Unconnected),
        refusals: row.refusals,
        last_refusal: row.last_try,
        not_before: row.not_before,
    }
}

/// Records the pair's state where it changed, and raises what a person must know.
fn note(ctx: &Context, pair: &Pair, attended: &Attended, mode: Mode) -> store::Result<()> {
    let Some(row) = ctx.store.pair(&pair.name)? else { return Ok(()) };
    if mode == Mode::DryRun {
        return Ok(());
    }
    let now = ctx.now();
    let state = attended.state.as_str();
    let changed = row.state != state;
    if changed || row.reason != attended.reason || row.action != attended.action {
        let since = if changed { now } else { row.since };
        let (reason, action) = (attended.reason.as_deref(), attended.action.as_deref());
        ctx.store.put_pair_state(row.id, state, since, reason, action)?;
    }
    if attended.state == PairState::Ok {
        ctx.store.put_schedule(row.id, Some(now), row.next_run)?;
    }
    alert(ctx, pair, attended, &row)
}

fn alert(ctx: &Context, pair: &Pair, attended: &Attended, row: &PairRow) -> store::Result<()> {
    let now = ctx.now();
    let raise = |event| {
        let since = if row.state == attended.state.as_str() { row.since } else { now };
        let reason = attended.reason.clone().unwrap_or_default();
        let (pair, action) = (Some(pair.name.clone()), attended.action.clone());
        ctx.alerts.raise(&Alert { event, account: None, pair, since, reason, action }, now)
    };
    match attended.state {
        PairState::Halted => raise(AlertEvent::Halted)?,
        PairState::Misconfigured => raise(AlertEvent::Misconfigured)?,
        PairState::Ok => {
            ctx.alerts.over(&pair.name, &[AlertEvent::Halted, AlertEvent::Misconfigured])?;
        }
        PairState::ReconnectNeeded | PairState::Retrying => remind(ctx, pair)?,
        PairState::New | PairState::Syncing | PairState::Paused => {}
    }
    match &attended.report {
        Some(report) if !matches!(report.outcome, Outcome::Failed(_)) => tell_open(ctx, pair, row),
        Some(_) | None => Ok(()),
    }
}

/// A dead credential is said when it dies, and each day while it lasts; so is an account that
/// needs somebody.
fn remind(ctx: &Context, pair: &Pair) -> store::Result<()> {
    for side in Side::BOTH {
        let row = ctx.store.account(&pair.sides[side].account)?;
        let event = |row: &AccountRow| alert_of(standing(row).state);
        if let Some((row, event)) = row.and_then(|row| event(&row).map(|event| (row, event))) {
            let alert = Alert {
                event,
                account: Some(row.name),
                pair: None,
                since: row.since,
                reason: row.reason.unwrap_or_default(),
                action: row.action,
            };
            ctx.alerts.raise(&alert, ctx.now())?;
        }
    }
    Ok(())
}

/// Problems and conflicts, each by itself. A UID names, it does not tell.
fn tell_open(ctx: &Context, pair: &Pair, row: &PairRow) -> store::Result<()> {
    let alert = |event, since, reason| Alert {
        event,
        account: None,
        pair: Some(pair.name.clone()),
        since,
        reason,
        action: Some(format!("calpair status {}", pair.name)),
    };
    let problems = ctx.store.problems(row.id)?.into_iter().map(|problem| {
        let (uid, side) = (&problem.uid, problem.side);
        let reason = format!("event {uid} can't be written on {side}: {}", problem.reason);
        (format!("{side} {uid}"), alert(AlertEvent::Problem, problem.since, reason))
    });
    ctx.alerts.open(&pair.name, AlertEvent::Problem, &problems.collect(), ctx.now())?;
    let conflicts = ctx.store.conflicts(row.id)?.into_iter().map(|conflict| {
        let reason =
            format!("event {} was changed on both sides; somebody must choose", conflict.uid);
        (conflict.id.to_string(), alert(AlertEvent::Conflict, conflict.since, reason))
    });
    ctx.alerts.open(&pair.name, AlertEvent::Conflict, &conflicts.collect(), ctx.now())
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
