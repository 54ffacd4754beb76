//! Supervision: one task per pair, each at its own pace, none in the way of another.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use model::{AccountName, PairName, Sides};
use tokio::sync::{Mutex as Turn, Notify, OwnedMutexGuard, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::{Attended, Context, Mode, Pair, PairState, attend, schedule};

/// A pair and its pace.
#[derive(Clone)]
pub struct Charge {
    /// The pair.
    pub pair: Pair,
    /// How often it is reconciled.
    pub interval: Duration,
    /// How far apart refusals have to be to count.
    pub confirm: Duration,
    /// Whatever it was made from, to tell whether a new configuration changes it.
    pub fingerprint: String,
}

/// Runs pairs until it is told to stop.
pub struct Supervisor {
    ctx: Context,
    tasks: TaskTracker,
    running: Mutex<HashMap<PairName, Running>>,
    ending: Mutex<Vec<Ending>>,
    /// Pairs that are not to be taken up, as often as somebody wants that.
    given_up: Mutex<Vec<PairName>>,
    heard: Arc<Heard>,
}

struct Running {
    fingerprint: String,
    stop: CancellationToken,
    wake: Arc<Notify>,
    asks: mpsc::UnboundedSender<Ask>,
    busy: Arc<AtomicBool>,
    turn: Arc<Turn<()>>,
    accounts: Sides<AccountName>,
    ended: CancellationToken,
}

/// A task that was told to stop, and may be in its last cycle.
struct Ending {
    accounts: Sides<AccountName>,
    ended: CancellationToken,
}

impl Ending {
    fn shares_account(&self, with: &Sides<AccountName>) -> bool {
        self.accounts.iter().any(|(_, own)| with.iter().any(|(_, other)| own == other))
    }
}

/// Told of every cycle.
type Heard = dyn Fn(&PairName, &Attended) + Send + Sync;

/// Somebody wants a cycle now, and its outcome.
struct Ask {
    mode: Mode,
    reply: oneshot::Sender<Attended>,
}

/// What a pair's task hears, and what it shows.
struct Ends {
    wake: Arc<Notify>,
    asks: mpsc::UnboundedReceiver<Ask>,
    busy: Arc<AtomicBool>,
    /// Held by whoever writes for the pair: a cycle, or somebody's errand.
    turn: Arc<Turn<()>>,
    heard: Arc<Heard>,
}

impl Supervisor {
    /// A supervisor without charges; `heard` is told of every cycle.
    pub fn new(ctx: Context, heard: impl Fn(&PairName, &Attended) + Send + Sync + 'static) -> Self {
        Self {
            ctx,
            tasks: TaskTracker::new(),
            running: Mutex::default(),
            ending: Mutex::default(),
            given_up: Mutex::default(),
            heard: Arc::new(heard),
        }
    }

    /// Takes up `charges`: new ones are started, changed ones restarted, those that are not in the
    /// list any more are stopped, the rest run on undisturbed. What is started waits for the last
    /// cycle of whatever is stopped at one of its accounts, under whichever name: two tasks that
    /// write into one calendar would make everything twice.
    pub fn take_up(&self, charges: Vec<Charge>) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let mut turns = HashMap::new();
        for (name, task) in std::mem::take(&mut *running) {
            let same = |charge: &Charge| {
                charge.pair.name == name && charge.fingerprint == task.fingerprint
            };
            if charges.iter().any(same) {
                running.insert(name, task);
            } else {
                turns.insert(name, Arc::clone(&task.turn));
                self.end(task);
            }
        }
        let given_up = self.given_up.lock().unwrap_or_else(PoisonError::into_inner);
        for charge in charges {
            let name = charge.pair.name.clone();
            if given_up.contains(&name) {
                continue;
            }
            let entry = running.entry(name);
            entry.or_insert_with_key(|name| self.start(charge, turns.remove(name)));
        }
    }

    /// Tells a task to stop; what it is told by when it has.
    fn end(&self, task: Running) -> CancellationToken {
        task.stop.cancel();
        let ended = task.ended.clone();
        let mut ending = self.ending.lock().unwrap_or_else(PoisonError::into_inner);
        ending.retain(|task| !task.ended.is_cancelled());
        ending.push(Ending { accounts: task.accounts, ended: task.ended });
        ended
    }

    /// Starts a task; `turn` is that of the one that it replaces.
    fn start(&self, charge: Charge, turn: Option<Arc<Turn<()>>>) -> Running {
        let stop = self.ctx.stop.child_token();
        let wake = Arc::new(Notify::new());
        let ctx = Context { stop: stop.clone(), ..self.ctx.clone() };
        let fingerprint = charge.fingerprint.clone();
        let (asks, asked) = mpsc::unbounded_channel();
        let busy = Arc::<AtomicBool>::default();
        // Nobody's errand overtakes the last cycle of a task of another name, either; one of the
        // same name has the turn itself.
        let fresh: Option<Arc<Turn<()>>> = turn.is_none().then(Arc::default);
        let waiting = fresh.as_ref().and_then(|turn| Arc::clone(turn).try_lock_owned().ok());
        let turn = turn.or(fresh).unwrap_or_default();
        let accounts = Sides::from_fn(|side| charge.pair.sides[side].account.clone());
        let predecessors: Vec<CancellationToken> = {
            let ending = self.ending.lock().unwrap_or_else(PoisonError::into_inner);
            let those = ending.iter().filter(|task| task.shares_account(&accounts));
            those.map(|task| task.ended.clone()).collect()
        };
        let ends = Ends {
            wake: Arc::clone(&wake),
            asks: asked,
            busy: Arc::clone(&busy),
            turn: Arc::clone(&turn),
            heard: Arc::clone(&self.heard),
        };
        let ended = CancellationToken::new();
        let over = ended.clone().drop_guard();
        self.tasks.spawn(async move {
            let _over = over;
            for predecessor in predecessors {
                predecessor.cancelled().await;
            }
            drop(waiting);
            run(ctx, charge, ends).await;
        });
        Running { fingerprint, stop, wake, asks, busy, turn, accounts, ended }
    }

    /// Has a pair run its next cycle now; `false` when there is no such pair.
    pub fn wake(&self, name: &PairName) -> bool {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.get(name).inspect(|task| task.wake.notify_one()).is_some()
    }

    /// Has a pair run a cycle of its own for whoever asks, as soon as the one under way is over;
    /// what it came to. `None` when there is no such pair, or it is being stopped.
    pub async fn attend(&self, name: &PairName, mode: Mode) -> Option<Attended> {
        let (reply, answer) = oneshot::channel();
        {
            let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
            running.get(name)?.asks.send(Ask { mode, reply }).ok()?;
        }
        answer.await.ok()
    }

    /// Waits until the cycle of the pair that is under way is over; as long as the answer is kept,
    /// the next one waits. `None` when there is no such pair.
    pub async fn hold(&self, name: &PairName) -> Option<OwnedMutexGuard<()>> {
        let turn = {
            let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(&running.get(name)?.turn)
        };
        Some(turn.lock_owned().await)
    }

    /// Whether a cycle of the pair is under way.
    pub fn is_busy(&self, name: &PairName) -> bool {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.get(name).is_some_and(|task| task.busy.load(Ordering::Relaxed))
    }

    /// Gives a pair up, and waits until its last cycle is over. As long as the answer is kept,
    /// nobody takes the pair up again.
    pub async fn let_go(&self, name: &PairName) -> GivenUp<'_> {
        let given_up = GivenUp { supervisor: self, name: name.clone() };
        let task = {
            let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
            let mut names = self.given_up.lock().unwrap_or_else(PoisonError::into_inner);
            names.push(name.clone());
            running.remove(name)
        };
        if let Some(task) = task {
            self.end(task).cancelled().await;
        }
        given_up
    }

    /// Stops: what is under way is finished or journalled, at most `grace` is waited for it.
    pub async fn stop(&self, grace: Duration) {
        self.ctx.stop.cancel();
        self.tasks.close();
        let finished = tokio::time::timeout(grace, self.tasks.wait()).await;
        if finished.is_err() {
            tracing::warn!("a cycle did not end in time; it is settled at the next start");
        }
    }
}

/// A pair that nobody takes up.
#[must_use]
pub struct GivenUp<'a> {
    supervisor: &'a Supervisor,
    name: PairName,
}

impl Drop for GivenUp<'_> {
    fn drop(&mut self) {
        let names = &self.supervisor.given_up;
        let mut names = names.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = names.iter().position(|name| *name == self.name) {
            names.swap_remove(at);
        }
    }
}

async fn run(ctx: Context, charge: Charge, mut ends: Ends) {
    let mut failures = 0_u32;
    let mut ask = None;
    while !ctx.stop.is_cancelled() {
        let mode = ask.as_ref().map_or(Mode::Sync, |ask: &Ask| ask.mode);
        let attended = {
            let _turn = ends.turn.lock().await;
            ends.busy.store(true, Ordering::Relaxed);
            attend(&ctx, &charge.pair, charge.confirm, mode).await
        };
        ends.busy.store(false, Ordering::Relaxed);
        (ends.heard)(&charge.pair.name, &attended);
        failures = match attended.state {
            PairState::Retrying if attended.only_waits_to_write() => 0,
            PairState::Retrying if attended.not_before.is_none() => failures.saturating_add(1),
            PairState::Retrying => failures,
            PairState::New
            | PairState::Ok
            | PairState::Syncing
            | PairState::ReconnectNeeded
            | PairState::Halted
            | PairState::Paused
            | PairState::Misconfigured => 0,
        };
        // Where it is known when to come back (a refusal to confirm, a provider's patience), that
        // is when; else the pace of the pair, slower with each failure.
        let pause = match attended.not_before {
            Some(wait) => wait.max(charge.interval.min(charge.confirm)),
            None => ctx.chance.jitter(schedule::pause(charge.interval, failures)),
        };
        note_next_run(&ctx, &charge.pair, pause);
        if let Some(Ask { reply, .. }) = ask.take() {
            // Whoever asked may have gone.
            let _ = reply.send(attended);
        }
        tokio::select! {
            () = ctx.clock.sleep(pause) => {}
            () = ends.wake.notified() => {}
            asked = ends.asks.recv() => ask = asked,
            () = ctx.stop.cancelled() => {}
        }
    }
}

fn note_next_run(ctx: &Context, pair: &Pair, pause: Duration) {
    let next_run = ctx.now() + pause;
    let noted = ctx.store.pair(&pair.name).and_then(|row| match row {
        Some(row) => ctx.store.put_schedule(row.id, row.last_success, Some(next_run)),
        None => Ok(()),
    });
    if let Err(error) = noted {
        tracing::warn!(pair = %pair.name, %error, "the next run could not be noted");
    }
}
