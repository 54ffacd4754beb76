//! Carrying a plan out. The executor makes no choice: it journals an intent, writes, records what
//! came of it. What a write meets decides only whether the series is done, set aside, or planned
//! again from what is there now.

use futures_util::stream::{self, StreamExt};
use model::{CreateKey, Resource, ResourceId, Series, Side, Sides, Uid};
use provider::{Error, ErrorKind};
use reconcile::{Decision, Halt, Plan, Skip, Step, Subject, Totals, Touched, Write};
use store::{
    ActionKind, Agreement, IntentId, NewIntent, OverruledRow, Position, SubjectRow, Wrote,
};

use super::observe::{Look, sighting};
use super::reaction::{Brake, Reaction, reaction};
use super::work::{Work, Writing};
use super::{Cycle, ROUNDS, at, own_uid};
use crate::Progress;
use crate::report::{Failure, Report};

/// Steps under way at once; each account's gate holds the number of its requests below its own
/// limit.
const STEPS_IN_FLIGHT: usize = 16;

/// Why a write waits that was refused as out of date in every round of a cycle. Where a server's
/// readers lag behind its writers, it is planned again as soon as the newer version shows.
const UNMOVED: &str = "its provider refuses the change as out of date, and shows the event as it \
                       was; it is tried again later";

/// How a round ended.
#[derive(Debug, Default)]
pub(super) struct Round {
    /// Nothing was carried out, and what it was about.
    pub(super) halt: Option<(Halt, Totals)>,
    /// Series that needed something, and got it.
    pub(super) settled: u64,
    /// Sides to observe again.
    pub(super) observe_again: Sides<bool>,
}

/// What a step came to.
enum End {
    /// All of it was written.
    Done(Sides<Option<ResourceId>>),
    /// It was never begun.
    NotBegun,
    /// A write met something.
    Met { side: Side, error: Error },
    /// The store failed.
    Store(store::Error),
}

impl Cycle<'_> {
    /// Plans and carries out everything touched, batch by batch.
    pub(super) async fn execute(&mut self, report: &mut Report) -> Result<Round, Failure> {
        let mut round = Round::default();
        let totals = self.totals()?;
        let mut after = Position::default();
        while let Some(planned) = self.plan(after, &totals)? {
            if let Some(halt) = planned.plan.halt {
                round.halt = Some((halt, totals));
                return Ok(round);
            }
            self.carry_out(&planned.plan, &planned.touched, report, &mut round).await?;
            let Some(next) = planned.next.filter(|_| !self.ctx.stop.is_cancelled()) else { break };
            after = next;
        }
        Ok(round)
    }

    /// Carries out one batch. Nothing in the log is private: a UID names, it does not tell.
    async fn carry_out(
        &mut self,
        plan: &Plan,
        touched: &Touched,
        report: &mut Report,
        round: &mut Round,
    ) -> Result<(), Failure> {
        let (writing, local): (Vec<&Step>, Vec<&Step>) = plan
            .steps
            .iter()
            .partition(|step| step.writes.left.is_some() || step.writes.right.is_some());
        for step in &plan.steps {
            let (uid, decision, reason) = (&step.uid, &step.decision, &step.reason);
            tracing::debug!(pair = %self.pair.name, %uid, ?decision, reason, "step");
            self.note_waiting(step);
        }
        self.carry_out_local(&local, touched, report, round)?;
        if writing.is_empty() {
            return Ok(());
        }
        (self.ctx.progress)(Progress::Planned(writing.len() as u64));
        let works = self.journal(&writing, touched)?;
        let brake = Brake::default();
        for side in Side::BOTH.into_iter().filter(|side| self.limited[*side]) {
            brake.pull_for(side);
        }
        let in_flight = if self.gently { 1 } else { STEPS_IN_FLIGHT };
        let running: Vec<_> =
            works.into_iter().map(|work| self.carry_out_one(work, &brake)).collect();
        let ends: Vec<(Work<'_>, End)> =
            stream::iter(running).buffer_unordered(in_flight).collect().await;
        self.conclude(ends, touched, report, round).await
    }

    /// Steps that write nothing at a provider.
    fn carry_out_local(
        &mut self,
        steps: &[&Step],
        touched: &Touched,
        report: &mut Report,
        round: &mut Round,
    ) -> Result<(), Failure> {
        let store = &self.ctx.store;
        let mut agreements = Vec::new();
        let mut open = Vec::new();
        for step in steps {
            let held = held_ids(step, touched);
            let subject = subject_row(&step.subject);
            match &step.decision {
                Decision::Problem(_) => self.keep_open(step)?,
                Decision::Skip(why) => {
                    store.skip(self.row.id, &subject, *why == Skip::Window)?;
                }
                Decision::Conflict => {
                    agreements.push(self.agreement(step, touched, held)?);
                    open.push(*step);
                }
                Decision::Adopt => {
                    report.adopted += 1;
                    round.settled += 1;
                    agreements.push(self.agreement(step, touched, held)?);
                }
                Decision::Forget => {
                    agreements.push(self.agreement(step, touched, Sides::default())?);
                }
                Decision::Keep | Decision::Copy(_) | Decision::Delete(_) | Decision::Merge => {
                    agreements.push(self.agreement(step, touched, held)?);
                }
            }
        }
        store.agree(self.row.id, &agreements)?;
        // After the agreements, which clear what they settle.
        open.into_iter().try_for_each(|step| self.keep_open(step))
    }

    /// The agreement that a step comes to, when the sides hold it in `held` now.
    fn agreement(
        &self,
        step: &Step,
        touched: &Touched,
        held: Sides<Option<ResourceId>>,
    ) -> Result<Agreement, Failure> {
        let (subject, renew) = (subject_row(&step.subject), step.renew);
        if step.waiting.is_empty() {
            return Ok(Agreement { subject, held, base: None, renew });
        }
        let mut series = Sides::new(None, None);
        for side in Side::BOTH {
            if let Some(id) = &held[side] {
                let resource = self.ctx.store.resource(self.row.id, side, id)?;
                series[side] = resource.map(|resource| resource.series);
            }
        }
        let base = match (&series.left, &series.right) {
            (Some(left), Some(right)) => {
                let base = touched.base(&step.subject);
                Some(reconcile::agreed(step, base, Sides::new(left, right)))
            }
            _ => None,
        };
        Ok(Agreement { subject, held, base, renew })
    }

    /// Records what a step leaves open for a person: a problem, or a conflict.
    fn keep_open(&self, step: &Step) -> Result<(), Failure> {
        match &step.decision {
            Decision::Problem(side) => {
                let subject = subject_row(&step.subject);
                let (uid, reason, now) = (&step.uid, &step.reason, self.ctx.now());
                Ok(self.ctx.store.set_aside(self.row.id, &subject, *side, uid, reason, now)?)
            }
            Decision::Conflict => self.put_conflict(step),
            Decision::Keep
            | Decision::Adopt
            | Decision::Forget
            | Decision::Copy(_)
            | Decision::Delete(_)
            | Decision::Merge
            | Decision::Skip(_) => Ok(()),
        }
    }

    fn put_conflict(&self, step: &Step) -> Result<(), Failure> {
        let fields: Vec<(String, Sides<String>)> = step
            .clashes
            .iter()
            .map(|clash| {
                let value = |side: Side| clash.values[side].expose().clone();
                (clash.field.clone(), Sides::from_fn(value))
            })
            .collect();
        let title = step.title.as_ref().map(|title| title.expose().as_str());
        self.ctx.store.put_conflict(
            self.row.id,
            &subject_row(&step.subject),
            &step.uid,
            title,
            self.ctx.now(),
            &fields,
        )?;
        Ok(())
    }

    /// Journals every write of the batch, durably, before the first one is sent.
    fn journal<'p>(&self, steps: &[&'p Step], touched: &Touched) -> Result<Vec<Work<'p>>, Failure> {
        let mut planned = Vec::new();
        for step in steps {
            for (side, write) in step.writes.iter() {
                if let Some(write) = write {
                    let key = self.ctx.chance.create_key();
                    planned.push((*step, side, self.with_free_uid(write, side, &key)?, key));
                }
            }
        }
        let intents: Vec<NewIntent<'_>> = planned
            .iter()
            .map(|(step, side, write, key)| NewIntent {
                keeps_former: self.pair.sides[*side].provider.puts_back(),
                ..intent(step, *side, write, key, touched, self.run)
            })
            .collect();
        let ids = self.ctx.store.begin(self.row.id, &intents, self.ctx.now())?;
        let mut works: Vec<Work<'p>> = Vec::with_capacity(steps.len());
        for ((step, side, write, key), intent) in planned.into_iter().zip(ids) {
            if works.last().is_none_or(|work| !std::ptr::eq(work.step, step)) {
                let held = held_ids(step, touched);
                works.push(Work { step, writes: Sides::default(), held });
            }
            let work = works.last_mut().expect("one was pushed above if there was none");
            work.writes[side] = Some(Writing { intent, key, write });
        }
        Ok(works)
    }

    /// The write, under another UID where the provider holds this one in another calendar.
    fn with_free_uid(&self, write: &Write, side: Side, key: &CreateKey) -> Result<Write, Failure> {
        Ok(match write {
            Write::Create(series) if self.is_taken_elsewhere(side, &series.uid)? => {
                Write::Create(Series { uid: own_uid(key), ..series.clone() })
            }
            Write::Create(_) | Write::Update(_) | Write::Delete => write.clone(),
        })
    }

    /// Whether a UID was refused as taken, and a full listing since has shown that it is not taken
    /// in this calendar.
    fn is_taken_elsewhere(&self, side: Side, uid: &Uid) -> Result<bool, Failure> {
        if !self.taken.contains(&(side, uid.clone())) {
            return Ok(false);
        }
        // The refusal took the time of the last full listing away: this one came after it.
        let row = self.ctx.store.pair(&self.pair.name)?;
        Ok(row.is_some_and(|row| row.sides[side].full_at.is_some()))
    }

    async fn carry_out_one<'p>(&self, work: Work<'p>, brake: &Brake) -> (Work<'p>, End) {
        let end = self.carry_out_step(&work, brake).await;
        match &end {
            End::Done(_) => brake.succeeded(),
            End::NotBegun => return (work, end),
            End::Met { side, error } => brake.met(*side, error),
            End::Store(_) => brake.pull(),
        }
        (self.ctx.progress)(Progress::Done(1));
        (work, end)
    }

    async fn carry_out_step(&self, work: &Work<'_>, brake: &Brake) -> End {
        let mut held = work.held.clone();
        let mut begun = false;
        let barred = work.writes.iter().any(|(side, one)| one.is_some() && brake.is_on_for(side));
        for (side, writing) in work.writes.iter() {
            let Some(writing) = writing else { continue };
            if !begun && (barred || brake.is_on() || self.ctx.stop.is_cancelled()) {
                return End::NotBegun;
            }
            begun = true;
            match self.write(side, writing, held[side].as_ref()).await {
                Ok(Ok(id)) => held[side] = id,
                Ok(Err(error)) => return End::Store(error),
                Err(error) => return End::Met { side, error },
            }
        }
        End::Done(held)
    }

    /// One write, and its record.
    async fn write(
        &self,
        side: Side,
        writing: &Writing,
        held: Option<&ResourceId>,
    ) -> Result<store::Result<Option<ResourceId>>, Error> {
        let provider = &self.pair.sides[side].provider;
        let calendar = &self.calendars[side];
        let store = &self.ctx.store;
        let known = |id: Option<&ResourceId>| match id {
            Some(id) => store.resource(self.row.id, side, id),
            None => Ok(None),
        };
        let written = match &writing.write {
            Write::Create(series) => provider.create(calendar, series, &writing.key).await?,
            Write::Update(target) => match known(held) {
                Ok(Some(current)) => provider.update(calendar, &current, target).await?,
                Ok(None) => return Err(vanished()),
                Err(error) => return Ok(Err(error)),
            },
            Write::Delete => {
                match known(held) {
                    Ok(Some(current)) => provider.delete(calendar, &current).await?,
                    Ok(None) => {}
                    Err(error) => return Ok(Err(error)),
                }
                let deleted = store.wrote(writing.intent, Wrote::Deleted, self.ctx.now());
                return Ok(deleted.map(|()| None));
            }
        };
        Ok(self.record(side, writing.intent, &written, None).map(|()| Some(written.id)))
    }

    /// Records a resource that was written. `base`: what of it is ours, where that is not all.
    pub(super) fn record(
        &self,
        side: Side,
        intent: IntentId,
        written: &Resource,
        base: Option<&Series>,
    ) -> store::Result<()> {
        let seen = sighting(written);
        let stored = Wrote::Stored {
            resource: written,
            digest: seen.digest,
            likeness: seen.likeness,
            verified: self.pair.sides[side].provider.answers_in_full(),
            base,
        };
        self.ctx.store.wrote(intent, stored, self.ctx.now())
    }

    /// After the batch: agreements, problems, another look where something was not as known.
    async fn conclude(
        &mut self,
        ends: Vec<(Work<'_>, End)>,
        touched: &Touched,
        report: &mut Report,
        round: &mut Round,
    ) -> Result<(), Failure> {
        let mut agreements = Vec::new();
        let mut open = Vec::new();
        let mut failure = None;
        let (mut unknown, mut stopped) = (false, false);
        for (work, end) in ends {
            let is_done = matches!(end, End::Done(_));
            for (side, writing) in work.writes.iter() {
                let is_known = is_done && self.pair.sides[side].provider.answers_in_full();
                round.observe_again[side] |= writing.is_some() && !is_known;
            }
            match end {
                End::Done(held) => {
                    count(&work, report);
                    round.settled += 1;
                    self.keep_overruled(work.step)?;
                    agreements.push(self.agreement(work.step, touched, held)?);
                    open.push(work.step);
                }
                End::NotBegun => {
                    self.abandon(&work)?;
                    let limited = |side: &Side| work.writes[*side].is_some() && self.limited[*side];
                    if let Some(side) = Side::BOTH.into_iter().find(limited)
                        && self.held_back.is_none()
                    {
                        self.held_back = Some((side, waits()));
                    }
                }
                End::Store(error) => failure = failure.or(Some(Failure::Store(error))),
                End::Met { side, error } => match reaction(error.kind()) {
                    Reaction::Unknown => {
                        unknown = true;
                        tracing::debug!(%side, %error, "the outcome of a write is unknown");
                        failure = failure.or(Some(at(side)(error)));
                    }
                    Reaction::StopSide => {
                        self.abandon(&work)?;
                        self.limited[side] = true;
                        self.held_back = Some((side, error));
                    }
                    Reaction::Stop => {
                        self.abandon(&work)?;
                        stopped = true;
                        failure = Some(at(side)(error));
                    }
                    Reaction::LookAgain | Reaction::Taken | Reaction::SetAside => {
                        self.abandon(&work)?;
                        self.meet(&work, side, &error, touched).await?;
                    }
                },
            }
        }
        self.ctx.store.agree(self.row.id, &agreements)?;
        open.into_iter().try_for_each(|step| self.keep_open(step))?;
        match failure {
            Some(Failure::Provider { .. }) if unknown && !stopped => {
                self.gently = true;
                self.settle_what_failed().await
            }
            Some(failure) => Err(failure),
            None => Ok(()),
        }
    }

    /// A write that met something which concerns only its series.
    async fn meet(
        &mut self,
        work: &Work<'_>,
        side: Side,
        error: &Error,
        touched: &Touched,
    ) -> Result<(), Failure> {
        match reaction(error.kind()) {
            Reaction::LookAgain => self.look_and_count(work, side, error, touched).await,
            // Either it is in another calendar, or what is known of this one is not all. Where
            // something there was never read, no copy under another UID is made: it may be that.
            Reaction::Taken
                if !work.has_own_uid(side)
                    && !self.may_be_unread(side)?
                    && !self.is_taken_elsewhere(side, &work.uid(side))? =>
            {
                self.taken.insert((side, work.uid(side)));
                Ok(self.ctx.store.forget_cursor(self.row.id, side)?)
            }
            Reaction::Taken
            | Reaction::SetAside
            | Reaction::Unknown
            | Reaction::StopSide
            | Reaction::Stop => {
                if error.kind() == ErrorKind::Forbidden {
                    self.doubt(side);
                }
                self.set_aside(work, side, error.sentence())
            }
        }
    }

    /// Reads again what was refused as out of date. What is refused so in every round, and is what
    /// it was, is set aside; what changed or could not be read is planned when it is known.
    async fn look_and_count(
        &mut self,
        work: &Work<'_>,
        side: Side,
        error: &Error,
        touched: &Touched,
    ) -> Result<(), Failure> {
        let subject = &work.step.subject;
        let (is_news, reason) = match touched.held(subject, side) {
            Some(held) => (self.look_again(side, &held.id).await? == Look::News, UNMOVED),
            None => (false, error.sentence()),
        };
        let refusals = self.stale.entry((side, subject.clone())).or_default();
        *refusals += usize::from(!is_news);
        if *refusals < ROUNDS { Ok(()) } else { self.set_aside(work, side, reason) }
    }

    fn set_aside(&self, work: &Work<'_>, side: Side, reason: &str) -> Result<(), Failure> {
        let subject = subject_row(&work.step.subject);
        let (uid, now) = (&work.step.uid, self.ctx.now());
        Ok(self.ctx.store.set_aside(self.row.id, &subject, side, uid, reason, now)?)
    }

    fn abandon(&self, work: &Work<'_>) -> Result<(), Failure> {
        for (_, writing) in work.writes.iter() {
            if let Some(writing) = writing {
                self.ctx.store.abandon(writing.intent)?;
            }
        }
        Ok(())
    }

    fn keep_overruled(&self, step: &Step) -> Result<(), Failure> {
        for lost in &step.overruled {
            let row = OverruledRow {
                run: self.run,
                side: lost.side,
                before: &lost.before,
                after: &lost.after,
                reason: &step.reason,
            };
            self.ctx.store.overruled(self.row.id, &row, self.ctx.now())?;
        }
        Ok(())
    }
}

/// Of a side that said so in an earlier cycle.
fn waits() -> Error {
    let kind = ErrorKind::WritesLimited { retry_after: None };
    Error::new(kind, "its provider takes no more changes for now")
}

fn vanished() -> Error {
    Error::new(ErrorKind::Stale, "the resource is no longer known")
}

fn intent<'s>(
    step: &'s Step,
    side: Side,
    write: &'s Write,
    key: &'s CreateKey,
    touched: &'s Touched,
    run: i64,
) -> NewIntent<'s> {
    let held = |side| touched.held(&step.subject, side);
    let (action, before, target) = match write {
        // A creation has no state before it; what matters after a crash is what the other side
        // held when it was decided.
        Write::Create(series) => (ActionKind::Create, held(side.opposite()), Some(series)),
        Write::Update(series) => (ActionKind::Update, held(side), Some(series)),
        Write::Delete => (ActionKind::Delete, held(side), None),
    };
    NewIntent {
        subject: subject_row(&step.subject),
        side,
        action,
        key: (action == ActionKind::Create).then_some(key),
        resource: held(side).map(|held| &held.id),
        before: before.map(|held| &held.series),
        target,
        run,
        reason: &step.reason,
        keeps_former: false,
    }
}

fn subject_row(subject: &Subject) -> SubjectRow {
    match subject {
        Subject::Known(mapping) => SubjectRow::Known(*mapping),
        Subject::New(ids) => SubjectRow::New(ids.clone()),
    }
}

fn held_ids(step: &Step, touched: &Touched) -> Sides<Option<ResourceId>> {
    Sides::from_fn(|side| touched.held(&step.subject, side).map(|held| held.id.clone()))
}

fn count(work: &Work<'_>, report: &mut Report) {
    if work.step.decision == Decision::Merge {
        report.merged += 1;
    }
    for (side, writing) in work.writes.iter() {
        let counts = &mut report.written[side];
        match writing.as_ref().map(|writing| &writing.write) {
            Some(Write::Create(_)) => counts.created += 1,
            Some(Write::Update(_)) => counts.updated += 1,
            Some(Write::Delete) => counts.deleted += 1,
            None => {}
        }
    }
}
