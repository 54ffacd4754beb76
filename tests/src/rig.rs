//! A pair of calendars on servers, attended to by the engine in this process, in real time.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use caldav::CalDav;
use engine::{Attended, Chance, Clock, Context, Mode, Outcome, Pair, PairSide, Rules, attend};
use google::Google;
use microsoft::Microsoft;
use model::{AccountName, CalendarId, PairName, Side, Sides, Timestamp};
use provider::Provider;
use sandbox::InProcess;
use store::{AccountRow, ProblemRow, Store};
use tempfile::TempDir;

/// How far apart refusals count; no test waits for it.
const CONFIRM: Duration = Duration::from_secs(60);

/// A pair that is not at rest after so many cycles never will be.
const CYCLES: usize = 12;

/// More changes than any test makes.
const HISTORY: usize = 10_000;

/// The system's own time.
#[derive(Debug, Clone, Copy)]
pub struct RealClock;

#[async_trait]
impl Clock for RealClock {
    #[allow(clippy::disallowed_methods, reason = "real servers live in real time")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// A time that passes only when it is told to; clones tell the same.
#[derive(Debug, Clone)]
pub struct ToldClock(Arc<Mutex<Timestamp>>);

impl ToldClock {
    /// From now on.
    pub fn begin() -> Self {
        Self(Arc::new(Mutex::new(RealClock.now())))
    }

    /// So much later.
    pub fn pass(&self, time: Duration) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) += time;
    }
}

#[async_trait]
impl Clock for ToldClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn sleep(&self, time: Duration) {
        self.pass(time);
    }
}

/// An account, and the calendar in it that is kept the same.
pub struct End {
    provider: Arc<dyn Provider>,
    requests: Arc<dyn Fn() -> u64 + Send + Sync>,
    calendar: CalendarId,
}

impl End {
    /// A calendar of a CalDAV account.
    pub fn caldav(account: CalDav, calendar: CalendarId) -> Self {
        let provider = Arc::new(account);
        let counted = Arc::clone(&provider);
        Self { provider, requests: Arc::new(move || counted.requests()), calendar }
    }

    /// A calendar of an account in process, by its manners.
    pub fn in_process(account: InProcess, calendar: CalendarId) -> Self {
        Self { provider: Arc::new(account), requests: Arc::new(|| 0), calendar }
    }

    /// A calendar of a Microsoft account.
    pub fn microsoft(account: Microsoft, calendar: CalendarId) -> Self {
        let provider = Arc::new(account);
        let counted = Arc::clone(&provider);
        Self { provider, requests: Arc::new(move || counted.requests()), calendar }
    }

    /// A calendar of a Google account.
    pub fn google(account: Google, calendar: CalendarId) -> Self {
        let provider = Arc::new(account);
        let counted = Arc::clone(&provider);
        Self { provider, requests: Arc::new(move || counted.requests()), calendar }
    }
}

impl End {
    /// The account.
    pub fn provider(&self) -> Arc<dyn Provider> {
        Arc::clone(&self.provider)
    }
}

/// A pair, what it remembers, and its place.
pub struct Rig {
    ctx: Context,
    pair: Pair,
    _home: TempDir,
}

/// What a few cycles came to.
#[derive(Debug, Default)]
pub struct Rest {
    /// Cycles until there was nothing to do, the last of them included.
    pub cycles: usize,
    /// Writes on both sides, cycle by cycle.
    pub writes: Vec<u64>,
    /// Requests on both sides.
    pub requests: Sides<u64>,
}

impl Rig {
    /// Two accounts as `connect` leaves them.
    ///
    /// # Panics
    /// When there is no place for the database.
    pub fn new(ends: Sides<End>) -> Self {
        Self::over(ends, Arc::new(RealClock))
    }

    /// The same in a time of its own.
    ///
    /// # Panics
    /// When there is no place for the database.
    pub fn over(ends: Sides<End>, clock: Arc<dyn Clock>) -> Self {
        let home = tempfile::tempdir().expect("a folder for the database");
        let store = Store::open(home.path(), clock.now()).expect("a new database");
        let sides = sides(&ends);
        for side in Side::BOTH {
            let row = AccountRow {
                name: sides[side].account.clone(),
                provider: "caldav".to_owned(),
                identity: None,
                address: None,
                state: "ok".to_owned(),
                since: clock.now(),
                reason: None,
                action: None,
                refusals: 0,
                last_try: None,
                not_before: None,
                has_credential: true,
            };
            store.put_account(&row).expect("the database takes an account");
        }
        let pair = Pair { name: PairName::new("pair"), rules: Rules::default(), sides };
        let ctx = Context::new(store, clock, Chance::from_system());
        Self { ctx, pair, _home: home }
    }

    /// The accounts are reached anew, as after a restart.
    pub fn reach(&mut self, ends: &Sides<End>) {
        self.pair.sides = sides(ends);
    }

    /// What is remembered of a side's account.
    ///
    /// # Panics
    /// When the database can't be read.
    pub fn account(&self, side: Side) -> AccountRow {
        let row = self.ctx.store.account(&self.pair.sides[side].account);
        row.expect("the database can be read").expect("the account is there")
    }

    /// One cycle.
    pub async fn cycle(&self) -> Attended {
        attend(&self.ctx, &self.pair, CONFIRM, Mode::Sync).await
    }

    /// Cycles until one has nothing to do.
    ///
    /// # Panics
    /// When a cycle fails for another reason than a passing one, or there is no end to it.
    pub async fn rest(&self) -> Rest {
        let mut rest = Rest::default();
        let mut last = None;
        for _ in 0..CYCLES {
            let attended = self.cycle().await;
            rest.cycles += 1;
            let Some(report) = &attended.report else { panic!("there was no cycle: {attended:?}") };
            rest.writes.push(Side::BOTH.iter().map(|side| report.written[*side].total()).sum());
            for side in Side::BOTH {
                rest.requests[side] += report.requests[side];
            }
            match report.outcome {
                Outcome::InSync => return rest,
                Outcome::Changed | Outcome::Failed(_) => last = Some(attended),
                Outcome::Planned | Outcome::Halted(_) => panic!("{attended:?}"),
            }
        }
        panic!("not at rest after {CYCLES} cycles; the last one: {last:?}")
    }

    /// What was written, oldest first: where, what, and why.
    ///
    /// # Panics
    /// When the database can't be read.
    pub fn history(&self) -> Vec<String> {
        let changes = self.ctx.store.history(Some(&self.pair.name), None, HISTORY);
        let changes = changes.expect("the database can be read").into_iter().rev();
        changes.map(|one| format!("{} {}: {}", one.side, one.action, one.reason)).collect()
    }

    /// How many writes were begun whose outcome nobody knows.
    ///
    /// # Panics
    /// When the database can't be read.
    pub fn unsettled(&self) -> usize {
        let row = self.ctx.store.pair(&self.pair.name).expect("the database can be read");
        let row = row.expect("the pair has had a cycle");
        self.ctx.store.open_intents(row.id).expect("the database can be read").len()
    }

    /// What can't be synced.
    ///
    /// # Panics
    /// When the database can't be read.
    pub fn problems(&self) -> Vec<ProblemRow> {
        let row = self.ctx.store.pair(&self.pair.name).expect("the database can be read");
        let row = row.expect("the pair has had a cycle");
        self.ctx.store.problems(row.id).expect("the database can be read")
    }
}

fn sides(ends: &Sides<End>) -> Sides<PairSide> {
    Sides::from_fn(|side| PairSide {
        account: AccountName::new(side.as_str()),
        credential: engine::Credential::Password,
        provider: Arc::clone(&ends[side].provider),
        asked: ends[side].calendar.as_str().to_owned(),
        known: Some(ends[side].calendar.clone()),
        requests: Arc::clone(&ends[side].requests),
        retired: Default::default(),
    })
}
