//! What a person must know, said in the log.

use engine::account::State;
use engine::{Alert, AlertEvent, Attended, Context, PairState, Phase};

use crate::log::alert::{self, Notice};

/// Says an alert, or that it is over.
pub(super) fn say(alert: &Alert, phase: Phase) {
    let notice = Notice {
        event: alert.event.as_str(),
        account: alert.account.as_ref().map(|account| account.as_str()),
        pair: alert.pair.as_ref().map(|pair| pair.as_str()),
        reason: &alert.reason,
        action: alert.action.as_deref(),
    };
    match phase {
        Phase::Needed => alert::needed(&notice),
        Phase::Over => alert::over(&notice),
    }
}

/// Raises again what lasts: the engine raises a dead credential when it dies, a person must hear of
/// it each day, and after a restart.
pub(super) fn remind(ctx: &Context, attended: &Attended) {
    if attended.state != PairState::ReconnectNeeded {
        return;
    }
    let Ok(rows) = ctx.store.accounts() else { return };
    for row in rows.into_iter().filter(|row| row.state == State::ReconnectNeeded.as_str()) {
        let alert = Alert {
            event: AlertEvent::ReconnectNeeded,
            account: Some(row.name),
            pair: None,
            since: row.since,
            reason: row.reason.unwrap_or_default(),
            action: row.action,
        };
        ctx.alerts.raise(alert, ctx.now());
    }
}
