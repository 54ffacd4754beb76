//! What a person must know: said when it begins, once a day while it lasts, once when it is over.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use model::{AccountName, PairName, Timestamp};

/// How often something that lasts is said again.
const AGAIN: Duration = Duration::from_secs(24 * 60 * 60);

/// What kind of thing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AlertEvent {
    /// A credential is dead.
    ReconnectNeeded,
    /// It was replaced by a good one.
    Reconnected,
    /// A plan waits for approval.
    Halted,
    /// A calendar of the pair can't be had.
    Misconfigured,
    /// Series can't be synced.
    Problem,
    /// Somebody must choose.
    Conflict,
}

impl AlertEvent {
    /// The word in the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            AlertEvent::ReconnectNeeded => "reconnect-needed",
            AlertEvent::Reconnected => "reconnected",
            AlertEvent::Halted => "halted",
            AlertEvent::Misconfigured => "misconfigured",
            AlertEvent::Problem => "problem",
            AlertEvent::Conflict => "conflict",
        }
    }
}

/// Something that a person must know; without private content.
#[derive(Clone, Debug)]
pub struct Alert {
    /// What happened.
    pub event: AlertEvent,
    /// To which account.
    pub account: Option<AccountName>,
    /// To which pair.
    pub pair: Option<PairName>,
    /// Since when.
    pub since: Timestamp,
    /// Why.
    pub reason: String,
    /// What to do.
    pub action: Option<String>,
}

/// Whether an alert begins (or lasts), or is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It needs a person.
    Needed,
    /// It needs nobody any more.
    Over,
}

type Key = (AlertEvent, Option<AccountName>, Option<PairName>);
type Sink = dyn Fn(&Alert, Phase) + Send + Sync;

/// Where alerts go, and when which was said last.
#[derive(Clone)]
pub struct Alerts {
    said: Arc<Mutex<HashMap<Key, (Timestamp, Alert)>>>,
    sink: Arc<Sink>,
}

impl Alerts {
    /// Alerts that go to `sink`.
    pub fn new(sink: impl Fn(&Alert, Phase) + Send + Sync + 'static) -> Self {
        Self { said: Arc::default(), sink: Arc::new(sink) }
    }

    /// Says `alert`, unless it was said within the last day. A halted plan that would do something
    /// else than was said is said again.
    pub fn raise(&self, alert: Alert, now: Timestamp) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (alert.event, alert.account.clone(), alert.pair.clone());
        let same =
            |before: &Alert| alert.event != AlertEvent::Halted || alert.reason == before.reason;
        if said.get(&key).is_some_and(|(last, before)| now < *last + AGAIN && same(before)) {
            return;
        }
        (self.sink)(&alert, Phase::Needed);
        said.insert(key, (now, alert));
    }

    /// Says that what was said of `pair` is over.
    pub fn over(&self, pair: &PairName, events: &[AlertEvent]) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        for event in events {
            if let Some((_, alert)) = said.remove(&(*event, None, Some(pair.clone()))) {
                (self.sink)(&alert, Phase::Over);
            }
        }
    }

    /// Says that an account is connected again, if it was said to need that.
    pub fn reconnected(&self, account: &AccountName) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (AlertEvent::ReconnectNeeded, Some(account.clone()), None);
        if let Some((_, alert)) = said.remove(&key) {
            let alert = Alert { event: AlertEvent::Reconnected, ..alert };
            (self.sink)(&alert, Phase::Over);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_halted_plan_that_grew_is_said_again() {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let ears = Arc::clone(&heard);
        let alerts = Alerts::new(move |alert, _| ears.lock().unwrap().push(alert.reason.clone()));
        let mut alert = Alert {
            event: AlertEvent::Halted,
            account: None,
            pair: Some(PairName::new("family")),
            since: Timestamp::UNIX_EPOCH,
            reason: String::new(),
            action: None,
        };
        for reason in ["24", "24", "84", "84"] {
            alert.reason = reason.into();
            alerts.raise(alert.clone(), Timestamp::UNIX_EPOCH);
        }
        assert_eq!(*heard.lock().unwrap(), ["24", "84"]);
    }

    #[test]
    fn an_alert_is_said_once_a_day_and_once_when_it_is_over() {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let ears = Arc::clone(&heard);
        let alerts = Alerts::new(move |alert, phase| {
            ears.lock().unwrap().push((alert.event, phase));
        });
        let pair = PairName::new("family");
        let alert = Alert {
            event: AlertEvent::Halted,
            account: None,
            pair: Some(pair.clone()),
            since: Timestamp::UNIX_EPOCH,
            reason: String::new(),
            action: None,
        };
        let hour = |hours: i64| Timestamp::from_second(hours * 3600).unwrap();
        for hours in [0, 1, 23, 24, 25] {
            alerts.raise(alert.clone(), hour(hours));
        }
        alerts.over(&pair, &[AlertEvent::Halted, AlertEvent::Problem]);
        alerts.over(&pair, &[AlertEvent::Halted]);
        use Phase::{Needed, Over};
        let halted = |phase| (AlertEvent::Halted, phase);
        assert_eq!(*heard.lock().unwrap(), [halted(Needed), halted(Needed), halted(Over)]);
    }
}
