//! Attending to a pair: may its accounts be used, one cycle, and what that says about accounts and
//! pair. The daemon and a one-shot `sync` do exactly this.

use std::time::Duration;

use model::Side;
use provider::{Error, ErrorKind};
use store::{AccountRow, PairRow};

use crate::account::Event;
use crate::alert::{Alert, AlertEvent};
use crate::ask::{self, alert_of, heard, standing, tell};
use crate::report::{Failure, Outcome, Report};
use crate::{Context, Mode, Pair, cycle};

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

    pub(crate) fn without_cycle(state: PairState, reason: String, action: Option<String>) -> Self {
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
    // What only a person can mend is said, whatever the other side waits for.
    for side in Side::BOTH {
        if let Some(attended) = ask::without_credential(ctx, &pair.sides[side], confirm)? {
            return Ok(Some(attended));
        }
    }
    for side in Side::BOTH {
        if let Some(attended) = ask::ask_leave(ctx, &pair.sides[side], confirm).await? {
            return Ok(Some(attended));
        }
    }
    Ok(None)
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
            heard(ctx, end, confirm, error)?
        }
        (Outcome::Failed(failure @ (Failure::Store(_) | Failure::Check(_))), _) => Attended {
            broken: true,
            ..Attended::without_cycle(PairState::Retrying, failure.to_string(), None)
        },
    };
    attended.report = Some(report);
    Ok(attended)
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
    let alert = |event, since, reason, action| Alert {
        event,
        account: None,
        pair: Some(pair.name.clone()),
        since,
        reason,
        action: Some(action),
    };
    let problems = ctx.store.problems(row.id)?.into_iter().map(|problem| {
        let (uid, side) = (&problem.uid, problem.side);
        let reason = format!("event {uid} can't be written on {side}: {}", problem.reason);
        let action = format!("calpair explain {} {}", pair.name, argument(uid.as_str()));
        (format!("{side} {uid}"), alert(AlertEvent::Problem, problem.since, reason, action))
    });
    ctx.alerts.open(&pair.name, AlertEvent::Problem, &problems.collect(), ctx.now())?;
    let conflicts = ctx.store.conflicts(row.id)?.into_iter().map(|conflict| {
        let reason =
            format!("event {} was changed on both sides; somebody must choose", conflict.uid);
        let id = conflict.id.to_string();
        let action =
            format!("calpair conflicts, then calpair resolve {id} --keep left, right or both");
        (id, alert(AlertEvent::Conflict, conflict.since, reason, action))
    });
    ctx.alerts.open(&pair.name, AlertEvent::Conflict, &conflicts.collect(), ctx.now())
}

/// The last argument of a command, whatever is in it: a UID may have been made by a stranger, and
/// actions are pasted into shells.
fn argument(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.@:/+".contains(c);
    let word = if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    };
    // It is none of the command's options.
    if text.starts_with('-') { format!("-- {word}") } else { word }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strangers_uid_is_one_argument_of_a_command() {
        let cases = [
            ("4F7A-2C1E@example.com", "4F7A-2C1E@example.com"),
            ("a b", "'a b'"),
            ("$(rm -rf ~)", "'$(rm -rf ~)'"),
            ("it's;ls", "'it'\\''s;ls'"),
            ("--json", "-- --json"),
            ("-x y", "-- '-x y'"),
            ("", "''"),
        ];
        for (uid, expected) in cases {
            assert_eq!(argument(uid), expected);
        }
    }
}
