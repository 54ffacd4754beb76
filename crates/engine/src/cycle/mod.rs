//! One cycle of one pair: settle, observe, plan, execute, report.
//!
//! ```text
//! resolve   which calendars (once; remembered by id), and what may be done there
//! settle    writes whose outcome a crash or a lost reply left unknown
//! rules     when they were changed: both sides are observed, then everything is touched
//! round     observe both sides, plan what was touched, execute
//! round     after a write: observe the sides that were written once more, so that the cursor
//!           stands behind our own writes before silence is believed
//! ```
//! What must survive a crash is never a list of things to do, only observations and intents; the
//! work is derived from them again.

mod execute;
mod mend;
mod observe;
mod plan;
mod reaction;
mod rehearse;
mod resolve;
mod rules;
mod settle;
mod unread;
mod work;

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::{CalendarId, CreateKey, Resource, ResourceId, Side, Sides, Timestamp, Uid};
use provider::{Error, FETCH_LIMIT};
use reconcile::{Halt, Subject, Totals};
use store::{PairId, PairRow};

use crate::account::LONGEST_PATIENCE;
use crate::report::{Failure, Outcome, Report};
use crate::{Context, Pair};

/// Observing after writes may find something new to do; a calendar that never comes to rest is left
/// for the next cycle after so many rounds.
const ROUNDS: usize = 3;

/// How often a side is listed in full although its cursor works: what a provider hid behind a
/// cursor is found at the latest after this long.
const AUDIT: std::time::Duration = std::time::Duration::from_secs(24 * 60 * 60);

/// How soon at the earliest what a side refused is tried again although nothing has changed; then
/// after as long as it has stood, and with the audit at the latest.
const TRIED_AGAIN: std::time::Duration = std::time::Duration::from_secs(60 * 60);

/// Whether a cycle writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// It does.
    Sync,
    /// It only says what it would do.
    DryRun,
}

/// Runs one cycle. Never fails as a function: how it ended is in the report. A dry run stores
/// nothing: it is a cycle over a copy of the store.
pub async fn cycle(ctx: &Context, pair: &Pair, mode: Mode) -> Report {
    match mode {
        Mode::Sync => run(ctx, pair, mode).await,
        Mode::DryRun => rehearse::cycle(ctx, pair).await,
    }
}

/// Finds out what became of the writes of a pair whose outcome is not known; plans nothing, and
/// creates nothing. From then on what calpair has made is known as such, but for what the provider
/// fails at, which stays open. No cycle of the pair may run meanwhile.
///
/// # Errors
/// [`Failure::Calendar`] where the configuration means another calendar than was observed so far;
/// then nothing is forgotten. A provider's, when it can't be asked.
pub async fn settle(ctx: &Context, pair: &Pair) -> Result<(), Failure> {
    let accounts = Sides::from_fn(|side| &pair.sides[side].account);
    let asked = Sides::from_fn(|side| pair.sides[side].asked.as_str());
    let row = ctx.store.ensure_pair(&pair.name, accounts, asked, ctx.now())?;
    resolve::by_another_name(ctx, pair, &row).await?;
    let cycle = Cycle::open(ctx, pair).await?;
    cycle.settle_without_creating().await?;
    cycle.settle_errands().await
}

/// Runs one cycle over the store of this context.
async fn run(ctx: &Context, pair: &Pair, mode: Mode) -> Report {
    let begun = ctx.now();
    let requests = Sides::from_fn(|side| (pair.sides[side].requests)());
    let mut report = Report::new(Outcome::InSync);
    let opened = Cycle::open(ctx, pair).await;
    let recorded = opened.as_ref().ok().map(|cycle| (cycle.run, mode));
    report.outcome = match opened {
        Ok(mut cycle) => cycle.run(mode, &mut report).await.unwrap_or_else(Outcome::Failed),
        Err(failure) => Outcome::Failed(failure),
    };
    report.requests =
        Sides::from_fn(|side| (pair.sides[side].requests)().saturating_sub(requests[side]));
    report.duration = ctx.now().duration_since(begun).try_into().unwrap_or_default();
    if let Some((run, Mode::Sync)) = recorded
        && let Err(error) = ctx.store.end_run(run, &report.row(), ctx.now())
    {
        report.outcome = Outcome::Failed(error.into());
    }
    report
}

/// The state of a running cycle.
struct Cycle<'a> {
    ctx: &'a Context,
    pair: &'a Pair,
    row: PairRow,
    calendars: Sides<CalendarId>,
    begun: Timestamp,
    /// UIDs that a side refused as taken although it does not list them.
    taken: HashSet<(Side, Uid)>,
    /// How often a side refused to write a series as out of date, and had nothing new to say of it.
    stale: HashMap<(Side, Subject), usize>,
    /// Resources that are known to have changed and could not be read in this cycle, and why.
    /// Nothing is planned for them on what they were before.
    unread: Mutex<HashMap<(Side, ResourceId), String>>,
    /// What has to be written although nobody has changed it.
    wanting: Mutex<Vec<(Side, Resource)>>,
    /// What was written for that reason; once in a cycle is enough.
    mended: HashSet<(Side, ResourceId)>,
    /// The run, as history and the journal refer to it.
    run: i64,
    /// Sides that take no writes for now; they are read all the same.
    limited: Sides<bool>,
    /// What was to be written there, and waits.
    held_back: Option<(Side, Error)>,
    /// A server failed under several writes at once: from now on one at a time.
    gently: bool,
    /// Sides whose rights may be others than what is known.
    doubted: Sides<bool>,
    /// Sides whose rights were asked for in this cycle.
    reviewed: Sides<bool>,
}

impl<'a> Cycle<'a> {
    async fn open(ctx: &'a Context, pair: &'a Pair) -> Result<Self, Failure> {
        let begun = ctx.now();
        let row = ctx.store.ensure_pair(
            &pair.name,
            Sides::from_fn(|side| &pair.sides[side].account),
            Sides::from_fn(|side| pair.sides[side].asked.as_str()),
            begun,
        )?;
        let calendars = resolve::calendars(ctx, pair, &row).await?;
        let row = ctx.store.pair(&pair.name)?.unwrap_or(row);
        let run = ctx.store.begin_run(row.id, begun)?;
        let (taken, unread, wanting) = (HashSet::new(), Mutex::default(), Mutex::default());
        let limited = limited(ctx, pair)?;
        let (held_back, gently) = (None, false);
        Ok(Self {
            ctx,
            pair,
            row,
            calendars,
            begun,
            taken,
            stale: HashMap::new(),
            unread,
            wanting,
            mended: HashSet::new(),
            run,
            limited,
            held_back,
            gently,
            doubted: Sides::default(),
            reviewed: Sides::default(),
        })
    }

    const fn id(&self) -> PairId {
        self.row.id
    }

    fn unread(&self) -> MutexGuard<'_, HashMap<(Side, ResourceId), String>> {
        // It is whole whatever panicked beside it.
        self.unread.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn run(&mut self, mode: Mode, report: &mut Report) -> Result<Outcome, Failure> {
        if mode == Mode::Sync {
            self.settle().await?;
            self.settle_errands().await?;
        }
        self.audit_rights().await?;
        let mut due = self.take_up_rules().await?;
        self.ctx.store.retry_problems(self.id(), self.begun, TRIED_AGAIN..AUDIT)?;
        if mode == Mode::DryRun {
            self.ctx.store.retry_read_only(self.id())?;
        }
        if let Some((from, until)) = self.window() {
            self.ctx.store.touch_entering(self.id(), from, until)?;
        }
        let mut outcome = Outcome::InSync;
        for _ in 0..ROUNDS {
            self.observe(due).await?;
            let round = match mode {
                Mode::DryRun => {
                    let totals = self.totals()?;
                    report.actions = self.dry_run(&totals)?;
                    outcome = Outcome::Planned;
                    if self.review_rights().await? {
                        due = Sides::default();
                        continue;
                    }
                    let first = self.plan(store::Position::default(), &totals)?;
                    let halt = first.and_then(|planned| planned.plan.halt);
                    report.halt = self.halted(halt.map(|halt| (halt, totals)).as_ref())?;
                    break;
                }
                Mode::Sync => self.execute(report).await?,
            };
            report.halt = self.halted(round.halt.as_ref())?;
            if let Some((halt, _)) = round.halt {
                outcome = Outcome::Halted(halt);
                break;
            }
            let mended = self.mend(report).await?;
            if round.settled > 0 || mended.left || mended.right {
                outcome = Outcome::Changed;
            }
            due = Sides::from_fn(|side| round.observe_again[side] || mended[side]);
            let anew = self.review_rights().await?;
            if !anew && !due.left && !due.right {
                break;
            }
        }
        report.problems = self.ctx.store.problems(self.id())?.len() as u64;
        report.conflicts = self.ctx.store.conflicts(self.id())?.len() as u64;
        match self.held_back.take() {
            Some((side, error)) if !matches!(outcome, Outcome::Halted(_)) => Err(at(side)(error)),
            Some(_) | None => Ok(outcome),
        }
    }

    /// What a halted plan would do, in words. Its deletions are kept, so that what is approved is
    /// what was shown; a plan that isn't halted takes them back.
    fn halted(&self, halt: Option<&(Halt, Totals)>) -> Result<Option<String>, Failure> {
        let store = &self.ctx.store;
        let Some((halt, totals)) = halt else {
            store.withdraw(self.id())?;
            return Ok(None);
        };
        let due: Vec<_> = totals.due.iter().copied().collect();
        store.propose(self.id(), &due, self.ctx.now())?;
        let mut said = halt.to_string();
        let Halt::Deletions { on, .. } = *halt;
        let beside = due.iter().filter(|(_, side)| *side != on).count();
        if beside > 0 {
            said.push_str(&format!(", and {beside} on {}", on.opposite()));
        }
        Ok(Some(said))
    }

    /// The window in which new series are taken up, as instants.
    fn window(&self) -> Option<(Timestamp, Timestamp)> {
        self.pair.rules.window.around(self.begun)
    }

    /// Fetches any number of ids, in batches.
    async fn fetch(
        &self,
        side: Side,
        ids: &[model::ResourceId],
    ) -> Result<Vec<provider::Fetched>, Failure> {
        let mut all = Vec::with_capacity(ids.len());
        for batch in ids.chunks(FETCH_LIMIT) {
            let fetched = self.pair.sides[side].provider.fetch(&self.calendars[side], batch).await;
            all.extend(fetched.map_err(at(side))?);
        }
        Ok(all)
    }
}

/// The sides whose accounts take no writes yet. A time that lies further ahead than any provider
/// asks for was written by a clock that was wrong.
fn limited(ctx: &Context, pair: &Pair) -> store::Result<Sides<bool>> {
    let now = ctx.now();
    let mut limited = Sides::new(false, false);
    for side in Side::BOTH {
        let until = ctx.store.writes_limited(&pair.sides[side].account)?;
        limited[side] = until.is_some_and(|until| until > now && until <= now + LONGEST_PATIENCE);
    }
    Ok(limited)
}

/// A provider's error as the cycle's failure.
fn at(side: Side) -> impl Fn(Error) -> Failure {
    move |error| Failure::Provider { side, error }
}

/// The UID of a copy whose original's UID is taken elsewhere.
fn own_uid(key: &CreateKey) -> Uid {
    Uid::new(format!("{key}@calpair"))
}
