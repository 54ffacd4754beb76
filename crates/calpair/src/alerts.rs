//! Alerts on their way out: the program of `[alerts] command` and the address of `webhook` get the
//! same JSON that PRODUCT section 5 describes.
//!
//! Whether something is said now is decided in the engine; here it is only delivered. Raising an
//! alert never waits: each of the two has a queue of its own and a task that delivers in order, a
//! bounded number of times. What can't be delivered is said in the log, and given up; what was on
//! its way when the process ended goes out with the next one.

mod command;
mod webhook;

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use engine::{Alert, Phase};
use store::{Store, Undelivered};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use crate::config;
use crate::log::alert::{self, Notice};
use crate::report::{self, At, Document};

/// Alerts that wait for one of the two. A day of a broken machine raises fewer; more would say
/// nothing new.
const QUEUE: usize = 64;

/// How long is waited before each further try. What can't be reached for twenty minutes gets the
/// reminder of the next day.
const PAUSES: [Duration; 5] = [
    Duration::from_secs(1),
    Duration::from_secs(10),
    Duration::from_secs(60),
    Duration::from_secs(5 * 60),
    Duration::from_secs(15 * 60),
];

/// How long one try may take.
const TRY: Duration = Duration::from_secs(30);

/// Where alerts go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Aim {
    Command,
    Webhook,
}

impl Aim {
    const BOTH: [Aim; 2] = [Aim::Command, Aim::Webhook];

    const fn as_str(self) -> &'static str {
        match self {
            Aim::Command => "command",
            Aim::Webhook => "webhook",
        }
    }
}

/// Takes alerts, and delivers them behind the back of whoever raised them.
#[derive(Clone, Default)]
pub(crate) struct Outbox {
    /// Where alerts are kept until they have arrived.
    store: Option<Store>,
    aims: Arc<Mutex<config::Alerts>>,
    lanes: Arc<Mutex<Vec<Lane>>>,
    resumed: Arc<AtomicBool>,
    /// What this process has put into a queue, by what the store knows it by.
    queued: Arc<Mutex<HashSet<i64>>>,
}

struct Lane {
    aim: Aim,
    queue: mpsc::Sender<Waiting>,
    task: JoinHandle<()>,
}

/// An alert on its way.
struct Waiting {
    /// What the store knows it by.
    id: Option<i64>,
    body: Bytes,
}

impl Outbox {
    /// One whose alerts outlive the process.
    pub(crate) fn kept_in(store: Store) -> Self {
        Self { store: Some(store), ..Self::default() }
    }

    /// Sends what processes before could not, and what waits behind that; once.
    ///
    /// # Errors
    /// What the store says.
    pub(crate) fn resume(&self) -> store::Result<()> {
        let Some(store) = &self.store else { return Ok(()) };
        if self.resumed.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        let aims = lock(&self.aims).clone();
        for Undelivered { id, aim, body } in store.undelivered()? {
            if lock(&self.queued).contains(&id) {
                continue;
            }
            let aim = Aim::BOTH.into_iter().find(|known| known.as_str() == aim);
            let waiting = Waiting { id: Some(id), body: body.into() };
            match aim.filter(|aim| is_set(*aim, &aims)).and_then(|aim| self.queue(aim)) {
                Some(queue) if queue.try_send(waiting).is_ok() => {}
                // Nobody waits for it any more, or newer ones are enough.
                Some(_) | None => store.delivered(id)?,
            }
        }
        Ok(())
    }

    /// Whether this process sends what another one could not.
    pub(crate) fn is_resumed(&self) -> bool {
        self.resumed.load(Ordering::Relaxed)
    }

    /// From now on alerts go there; what waits already, too.
    pub(crate) fn direct(&self, aims: config::Alerts) {
        *lock(&self.aims) = aims;
    }

    /// Says an alert of the engine in the log, and sends it on its way.
    pub(crate) fn say(&self, said: &Alert, phase: Phase) {
        let notice = Notice {
            event: said.event.as_str(),
            account: said.account.as_ref().map(|account| account.as_str()),
            pair: said.pair.as_ref().map(|pair| pair.as_str()),
            reason: &said.reason,
            action: said.action.as_deref(),
        };
        match phase {
            Phase::Ahead => {
                alert::ahead(&notice);
                let document = document(&notice, Some(At(said.since)), "ok", notice.action);
                self.post(&document);
            }
            Phase::Needed => self.needed(&notice, Some(At(said.since))),
            Phase::Over => {
                alert::over(&notice);
                self.post(&document(&notice, Some(At(said.since)), "ok", None));
            }
        }
    }

    /// Says that a person is needed.
    pub(crate) fn needed(&self, notice: &Notice<'_>, since: Option<At>) {
        alert::needed(notice);
        self.post(&document(notice, since, notice.event, notice.action));
    }

    /// Says that what is about calpair itself is over.
    pub(crate) fn over(&self, notice: &Notice<'_>) {
        alert::over(notice);
        self.post(&document(notice, None, "ok", None));
    }

    /// Waits until everything is delivered, at most `grace`.
    pub(crate) async fn close(&self, grace: Duration) {
        let deadline = Instant::now() + grace;
        let lanes = std::mem::take(&mut *lock(&self.lanes));
        for Lane { aim, queue, mut task } in lanes {
            drop(queue);
            if timeout_at(deadline, &mut task).await.is_err() {
                task.abort();
                // It holds the store until it is gone.
                let _ = task.await;
                let aim = aim.as_str();
                tracing::warn!(
                    "an alert was not delivered to [alerts] {aim} before the end; it goes out with \
                     the next `calpair run` or `calpair sync`"
                );
            }
        }
    }

    fn post(&self, alert: &Document<report::Alert>) {
        let aims = lock(&self.aims).clone();
        let body = serde_json::to_string(alert).expect("the alerts have text keys only");
        for aim in Aim::BOTH.into_iter().filter(|aim| is_set(*aim, &aims)) {
            let waits = self.waits(aim);
            let id = self.keep(aim, &body);
            if waits && id.is_some() {
                continue;
            }
            lock(&self.queued).extend(id);
            let waiting = Waiting { id, body: body.clone().into() };
            if self.queue(aim).is_none_or(|queue| queue.try_send(waiting).is_err()) {
                forget(self.store.as_ref(), id);
                let aim = aim.as_str();
                tracing::warn!("too many alerts wait for [alerts] {aim}; one was left out");
            }
        }
    }

    /// Whether what an earlier process could not send stands before whatever is said now: nobody
    /// hears that something is over before they hear that it began.
    fn waits(&self, aim: Aim) -> bool {
        let Some(store) = self.store.as_ref().filter(|_| !self.is_resumed()) else { return false };
        let queued = lock(&self.queued);
        let before = store.undelivered().unwrap_or_default();
        before.iter().any(|row| row.aim == aim.as_str() && !queued.contains(&row.id))
    }

    /// What can't be kept is sent all the same.
    fn keep(&self, aim: Aim, body: &str) -> Option<i64> {
        let kept = self.store.as_ref()?.put_undelivered(aim.as_str(), body);
        kept.inspect_err(|error| tracing::warn!(%error, "an alert can't be kept")).ok()
    }

    /// The aim's queue, with its task; `None` where nothing can be delivered.
    fn queue(&self, aim: Aim) -> Option<mpsc::Sender<Waiting>> {
        let mut lanes = lock(&self.lanes);
        if let Some(lane) = lanes.iter().find(|lane| lane.aim == aim) {
            return Some(lane.queue.clone());
        }
        let runtime = Handle::try_current().ok()?;
        let (queue, waiting) = mpsc::channel(QUEUE);
        let task = runtime.spawn(deliver(aim, Arc::clone(&self.aims), self.store.clone(), waiting));
        lanes.push(Lane { aim, queue: queue.clone(), task });
        Some(queue)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const fn is_set(aim: Aim, aims: &config::Alerts) -> bool {
    match aim {
        Aim::Command => !aims.command.is_empty(),
        Aim::Webhook => aims.webhook.is_some(),
    }
}

fn document(
    notice: &Notice<'_>,
    since: Option<At>,
    state: &str,
    action: Option<&str>,
) -> Document<report::Alert> {
    Document::new(report::Alert {
        event: notice.event.to_owned(),
        account: notice.account.map(str::to_owned),
        pair: notice.pair.map(str::to_owned),
        state: state.to_owned(),
        since,
        reason: Some(notice.reason.to_owned()),
        action: action.map(str::to_owned),
        host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
    })
}

fn forget(store: Option<&Store>, id: Option<i64>) {
    if let (Some(store), Some(id)) = (store, id)
        && let Err(error) = store.delivered(id)
    {
        tracing::warn!(%error, "an alert that has arrived may be sent again");
    }
}

async fn deliver(
    aim: Aim,
    aims: Arc<Mutex<config::Alerts>>,
    store: Option<Store>,
    mut waiting: mpsc::Receiver<Waiting>,
) {
    while let Some(Waiting { id, body }) = waiting.recv().await {
        let mut pauses = PAUSES.iter();
        loop {
            let now = lock(&aims).clone();
            let Err(error) = attempt(aim, &now, &body).await else { break };
            let aim = aim.as_str();
            let Some(pause) = pauses.next() else {
                tracing::warn!("an alert could not be delivered to [alerts] {aim}: {error}");
                break;
            };
            tracing::debug!("[alerts] {aim} is tried again: {error}");
            tokio::time::sleep(*pause).await;
        }
        forget(store.as_ref(), id);
    }
}

/// One try; the error is a sentence.
async fn attempt(aim: Aim, aims: &config::Alerts, body: &Bytes) -> Result<(), String> {
    let tried = async {
        match aim {
            Aim::Command => command::run(&aims.command, body).await,
            Aim::Webhook => webhook::post(aims.webhook.as_ref(), body, TRY).await,
        }
    };
    let slow = |_| format!("it took longer than {} seconds", TRY.as_secs());
    tokio::time::timeout(TRY, tried).await.map_err(slow)?
}

#[cfg(test)]
mod tests;
