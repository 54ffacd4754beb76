//! What a person must know, said in the log.

use engine::{Alert, Phase};

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
