//! What a person must know: said when it begins, once a day while it lasts, once when it is over;
//! what is known to come, some days before.
//!
//! What was said stands in the store, so that one command a minute says no more than a daemon. Of
//! several things of one kind each is said by itself; of many at once, some, and how many more.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use model::{AccountName, PairName, Timestamp};
use store::{AlertRow, Store};

/// How often something that lasts is said again.
const AGAIN: Duration = Duration::from_secs(24 * 60 * 60);

/// So many of one kind are said one by one in a cycle; more would bury everything else in the log.
const EACH: usize = 5;

/// What kind of thing happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AlertEvent {
    /// A credential is dead.
    ReconnectNeeded,
    /// It was replaced by a good one.
    Reconnected,
    /// An account needs somebody, not for its credential.
    Attention,
    /// A credential that is good will end by itself.
    Expiring,
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
    /// Those that are about a pair.
    pub const OF_PAIRS: [AlertEvent; 4] =
        [AlertEvent::Halted, AlertEvent::Misconfigured, AlertEvent::Problem, AlertEvent::Conflict];

    /// The word in the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            AlertEvent::ReconnectNeeded => "reconnect-needed",
            AlertEvent::Reconnected => "reconnected",
            AlertEvent::Attention => "attention",
            AlertEvent::Expiring => "expiring",
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
    /// It will need a person, unless one does something before.
    Ahead,
    /// It needs a person.
    Needed,
    /// It needs nobody any more.
    Over,
}

type Sink = dyn Fn(&Alert, Phase) + Send + Sync;

/// Where alerts go, and what was said when.
#[derive(Clone)]
pub struct Alerts {
    store: Store,
    sink: Arc<Sink>,
}

impl Alerts {
    /// Alerts that go to `sink`; `store` knows what was said.
    pub fn new(store: Store, sink: impl Fn(&Alert, Phase) + Send + Sync + 'static) -> Self {
        Self { store, sink: Arc::new(sink) }
    }

    /// Says `alert`, unless it was said within the last day. A halted plan that would do something
    /// else than was said is said again.
    ///
    /// # Errors
    /// When it can't be noted that it was said.
    pub fn raise(&self, alert: &Alert, now: Timestamp) -> store::Result<()> {
        let said = self.store.alerts(alert.account.as_ref(), alert.pair.as_ref())?;
        let said = said.iter().find(|row| row.event == alert.event.as_str());
        let same = |row: &AlertRow| alert.event != AlertEvent::Halted || alert.reason == row.reason;
        if said.is_some_and(|row| is_fresh(row, now) && same(row)) {
            return Ok(());
        }
        let phase = match alert.event {
            AlertEvent::Expiring => Phase::Ahead,
            AlertEvent::ReconnectNeeded
            | AlertEvent::Reconnected
            | AlertEvent::Attention
            | AlertEvent::Halted
            | AlertEvent::Misconfigured
            | AlertEvent::Problem
            | AlertEvent::Conflict => Phase::Needed,
        };
        (self.sink)(alert, phase);
        self.store.note_alerts(&[alert.row("", now)], &[])
    }

    /// Of what is open of one kind in a pair, says what began, what has lasted another day, and
    /// what of it is over. Each is told from the others by its subject.
    ///
    /// # Errors
    /// When it can't be noted what was said.
    pub fn open(
        &self,
        pair: &PairName,
        event: AlertEvent,
        open: &HashMap<String, Alert>,
        now: Timestamp,
    ) -> store::Result<()> {
        let mut before = self.store.alerts(None, Some(pair))?;
        before.retain(|row| row.event == event.as_str());
        if open.is_empty() && before.is_empty() {
            return Ok(());
        }
        let fresh: HashMap<&str, bool> =
            before.iter().map(|row| (row.subject.as_str(), is_fresh(row, now))).collect();
        let mut due: Vec<(&String, &Alert)> = open
            .iter()
            .filter(|(subject, _)| !fresh.get(subject.as_str()).copied().unwrap_or(false))
            .collect();
        due.sort_by_key(|(subject, alert)| (alert.since, *subject));
        let over: Vec<AlertRow> =
            before.iter().filter(|row| !open.contains_key(&row.subject)).cloned().collect();
        self.say(due.iter().map(|(_, alert)| (*alert).clone()), Phase::Needed);
        self.say(over.iter().map(|row| Alert::of_row(event, row)), Phase::Over);
        let said: Vec<AlertRow> =
            due.iter().map(|(subject, alert)| alert.row(subject, now)).collect();
        self.store.note_alerts(&said, &over)
    }

    /// Says some of them, and how many more there are.
    fn say(&self, alerts: impl ExactSizeIterator<Item = Alert>, phase: Phase) {
        let more = alerts.len().saturating_sub(EACH);
        for (at, alert) in alerts.take(EACH + 1).enumerate() {
            if at < EACH {
                (self.sink)(&alert, phase);
            } else {
                let reason = format!("and {more} more");
                // The action of one of them is none for the others.
                let action = alert.pair.as_ref().map(|pair| format!("calpair status {pair}"));
                (self.sink)(&Alert { reason, action, ..alert }, phase);
            }
        }
    }

    /// Says that what was said of `pair` is over.
    ///
    /// # Errors
    /// When that can't be noted.
    pub fn over(&self, pair: &PairName, events: &[AlertEvent]) -> store::Result<()> {
        let said = self.store.alerts(None, Some(pair))?;
        for event in events {
            let over = said.iter().filter(|row| row.event == event.as_str());
            let over: Vec<AlertRow> = over.cloned().collect();
            self.say(over.iter().map(|row| Alert::of_row(*event, row)), Phase::Over);
            self.store.note_alerts(&[], &over)?;
        }
        Ok(())
    }

    /// Says that an account is connected again, if it was said to need that.
    ///
    /// # Errors
    /// When that can't be noted.
    pub fn reconnected(&self, account: &AccountName) -> store::Result<()> {
        self.eased(account)?;
        self.account_over(account, AlertEvent::ReconnectNeeded, AlertEvent::Reconnected)
    }

    /// Says that an account needs nobody's attention any more, if it was said to.
    ///
    /// # Errors
    /// When that can't be noted.
    pub fn eased(&self, account: &AccountName) -> store::Result<()> {
        self.account_over(account, AlertEvent::Attention, AlertEvent::Attention)
    }

    /// Says that what was foreseen of an account doesn't come.
    ///
    /// # Errors
    /// When that can't be noted.
    pub fn averted(&self, account: &AccountName) -> store::Result<()> {
        self.account_over(account, AlertEvent::Expiring, AlertEvent::Expiring)
    }

    /// Says that calpair itself needs nobody any more, if it was said to.
    ///
    /// # Errors
    /// When that can't be noted.
    pub fn relieved(&self) -> store::Result<()> {
        let said = self.store.alerts(None, None)?;
        let of_row = |row| Alert::of_row(AlertEvent::Attention, row);
        self.say(said.iter().map(of_row), Phase::Over);
        self.store.note_alerts(&[], &said)
    }

    /// Since when calpair itself needs somebody, as far as that was said.
    ///
    /// # Errors
    /// When that can't be read.
    pub fn troubled_since(&self) -> store::Result<Option<Timestamp>> {
        Ok(self.store.alerts(None, None)?.first().map(|row| row.since))
    }

    /// What was foreseen of an account has come, or the account is no more: nothing is said.
    ///
    /// # Errors
    /// When that can't be noted.
    pub fn overtaken(&self, account: &AccountName) -> store::Result<()> {
        let mut said = self.store.alerts(Some(account), None)?;
        said.retain(|row| row.event == AlertEvent::Expiring.as_str());
        self.store.note_alerts(&[], &said)
    }

    fn account_over(
        &self,
        account: &AccountName,
        event: AlertEvent,
        over: AlertEvent,
    ) -> store::Result<()> {
        let mut said = self.store.alerts(Some(account), None)?;
        said.retain(|row| row.event == event.as_str());
        self.say(said.iter().map(|row| Alert::of_row(over, row)), Phase::Over);
        self.store.note_alerts(&[], &said)
    }
}

impl Alert {
    fn row(&self, subject: &str, now: Timestamp) -> AlertRow {
        AlertRow {
            event: self.event.as_str().to_owned(),
            account: self.account.clone(),
            pair: self.pair.clone(),
            subject: subject.to_owned(),
            said: now,
            since: self.since,
            reason: self.reason.clone(),
            action: self.action.clone(),
        }
    }

    fn of_row(event: AlertEvent, row: &AlertRow) -> Self {
        Self {
            event,
            account: row.account.clone(),
            pair: row.pair.clone(),
            since: row.since,
            reason: row.reason.clone(),
            action: row.action.clone(),
        }
    }
}

/// Whether it was said within the last day; not so if a clock that was wrong says when that was.
fn is_fresh(row: &AlertRow, now: Timestamp) -> bool {
    now < row.said + AGAIN && row.said < now + AGAIN
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    type Heard = Arc<Mutex<Vec<String>>>;

    /// Alerts over a store, and what was heard of them.
    fn alerts(store: &Store) -> (Alerts, Heard) {
        let heard = Heard::default();
        let ears = Arc::clone(&heard);
        let alerts = Alerts::new(store.clone(), move |alert, phase| {
            let word = match phase {
                Phase::Ahead => "ahead",
                Phase::Needed => "needed",
                Phase::Over => "over",
            };
            ears.lock().unwrap().push(format!("{} {word}: {}", alert.event.as_str(), alert.reason));
        });
        (alerts, heard)
    }

    fn alert(event: AlertEvent, reason: &str) -> Alert {
        Alert {
            event,
            account: None,
            pair: Some(PairName::new("family")),
            since: Timestamp::UNIX_EPOCH,
            reason: reason.to_owned(),
            action: None,
        }
    }

    fn hour(hours: i64) -> Timestamp {
        Timestamp::from_second(1_767_225_600 + hours * 3600).unwrap()
    }

    fn take(heard: &Heard) -> Vec<String> {
        std::mem::take(&mut heard.lock().unwrap())
    }

    #[test]
    fn an_alert_is_said_once_a_day_and_once_when_it_is_over_whatever_process_says_it() {
        let store = Store::in_memory().unwrap();
        let halted = alert(AlertEvent::Halted, "24");
        let mut all = Vec::new();
        for hours in [0, 1, 23, 24, 25] {
            // Each a process of its own.
            let (alerts, heard) = alerts(&store);
            alerts.raise(&halted, hour(hours)).unwrap();
            all.extend(take(&heard));
        }
        let (alerts, heard) = alerts(&store);
        let pair = PairName::new("family");
        alerts.over(&pair, &[AlertEvent::Halted, AlertEvent::Problem]).unwrap();
        alerts.over(&pair, &[AlertEvent::Halted]).unwrap();
        all.extend(take(&heard));
        assert_eq!(all, ["halted needed: 24", "halted needed: 24", "halted over: 24"]);
    }

    #[test]
    fn a_halted_plan_that_grew_is_said_again() {
        let store = Store::in_memory().unwrap();
        let (alerts, heard) = alerts(&store);
        for reason in ["24", "24", "84", "84"] {
            alerts.raise(&alert(AlertEvent::Halted, reason), hour(0)).unwrap();
        }
        assert_eq!(take(&heard), ["halted needed: 24", "halted needed: 84"]);
    }

    #[test]
    fn a_clock_that_was_wrong_silences_nothing() {
        let store = Store::in_memory().unwrap();
        let (alerts, heard) = alerts(&store);
        let halted = alert(AlertEvent::Halted, "24");
        alerts.raise(&halted, hour(10_000)).unwrap();
        alerts.raise(&halted, hour(0)).unwrap();
        alerts.raise(&halted, hour(1)).unwrap();
        assert_eq!(take(&heard).len(), 2);
    }

    #[test]
    fn of_many_problems_each_is_said_when_it_begins_and_when_it_is_over_within_bounds() {
        let store = Store::in_memory().unwrap();
        let (alerts, heard) = alerts(&store);
        let pair = PairName::new("family");
        let say = |subjects: std::ops::Range<u32>, at| {
            let problem = |n: u32| (n.to_string(), alert(AlertEvent::Problem, &n.to_string()));
            let open: HashMap<String, Alert> = subjects.map(problem).collect();
            alerts.open(&pair, AlertEvent::Problem, &open, hour(at)).unwrap();
            take(&heard)
        };
        assert_eq!(say(0..1, 0), ["problem needed: 0"]);
        assert_eq!(say(0..2, 1), ["problem needed: 1"], "a new one beside an open one");
        assert_eq!(say(0..2, 2), Vec::<String>::new());
        assert_eq!(say(1..2, 3), ["problem over: 0"]);
        assert_eq!(say(1..2, 26), ["problem needed: 1"], "a day later");
        let many = say(1..9, 27);
        assert_eq!(many.len(), 6, "{many:?}");
        assert_eq!(many[5], "problem needed: and 2 more");
        assert_eq!(say(1..9, 28), Vec::<String>::new());
        let over = say(0..0, 29);
        assert_eq!((over.len(), over[5].as_str()), (6, "problem over: and 3 more"));
    }

    #[test]
    fn an_account_is_said_to_be_connected_again_only_if_it_was_said_not_to_be() {
        let store = Store::in_memory().unwrap();
        let (alerts, heard) = alerts(&store);
        let home = AccountName::new("home");
        alerts.reconnected(&home).unwrap();
        let (account, pair) = (Some(home.clone()), None);
        let dead = Alert { account, pair, ..alert(AlertEvent::ReconnectNeeded, "401") };
        alerts.raise(&dead, hour(0)).unwrap();
        alerts.reconnected(&home).unwrap();
        alerts.reconnected(&home).unwrap();
        assert_eq!(take(&heard), ["reconnect-needed needed: 401", "reconnected over: 401"]);
    }

    #[test]
    fn what_is_foreseen_is_said_daily_and_over_only_if_it_did_not_come() {
        let store = Store::in_memory().unwrap();
        let (alerts, heard) = alerts(&store);
        let work = AccountName::new("work");
        let (account, pair) = (Some(work.clone()), None);
        let expiring = Alert { account, pair, ..alert(AlertEvent::Expiring, "soon") };
        for hours in [0, 1, 24, 25] {
            alerts.raise(&expiring, hour(hours)).unwrap();
        }
        alerts.averted(&work).unwrap();
        alerts.averted(&work).unwrap();
        assert_eq!(
            take(&heard),
            ["expiring ahead: soon", "expiring ahead: soon", "expiring over: soon"]
        );
        alerts.raise(&expiring, hour(26)).unwrap();
        alerts.overtaken(&work).unwrap();
        alerts.averted(&work).unwrap();
        assert_eq!(take(&heard), ["expiring ahead: soon"]);
    }
}
