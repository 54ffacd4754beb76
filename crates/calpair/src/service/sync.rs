//! `sync`: one cycle of pairs now, side by side.

use std::sync::{Arc, Mutex, PoisonError};

use engine::supervise::Charge;
use engine::{Attended, Counts, Mode, Outcome as Ended, PairState, PlannedAction, Progress};
use model::{PairName, Redacted};
use tokio::task::JoinSet;

use super::{Answer, Refusal, Service};
use crate::config;
use crate::control::Reply;
use crate::exit::Exit;
use crate::report::{Action, FieldChange, Outcome, PairSync, Requests, Sync, Written};
use crate::terminal::Screen;

/// What `--dry-run` asks for.
pub(super) const fn mode(dry_run: bool) -> Mode {
    if dry_run { Mode::DryRun } else { Mode::Sync }
}

impl Service {
    pub(super) async fn sync(&self, names: &[String], mode: Mode) -> Answer {
        let (charges, left_out) = self.chosen(names)?;
        for charge in charges.iter().filter(|_| mode == Mode::Sync) {
            if let Some(row) = self.ctx.store.pair(&charge.pair.name)? {
                self.ctx.store.retry_read_only(row.id)?;
            }
        }
        if self.supervisor.is_none() && mode == Mode::Sync {
            self.resume_alerts()?;
        }
        let mut pairs = Vec::with_capacity(charges.len());
        if let Some(supervisor) = &self.supervisor {
            for charge in charges {
                let name = charge.pair.name;
                let attended = supervisor.attend(&name, mode).await;
                let stopping = || Refusal::new(Exit::TryAgain, "the daemon is busy; try again");
                pairs.push(reported(&name, attended.ok_or_else(stopping)?, mode));
            }
        } else {
            for (name, attended) in self.attend_all(charges, mode).await {
                pairs.push(reported(&name, attended, mode));
            }
            if mode == Mode::Sync
                && let Err(error) = self.keep_copy()
            {
                tracing::warn!(%error, "the daily copy of the database was not made");
            }
            if mode == Mode::Sync {
                self.look_ahead()?;
            }
        }
        for pair in &pairs {
            self.was_shown(&PairName::new(&pair.name))?;
        }
        let exit = Exit::gravest(pairs.iter().map(Exit::of_pair));
        let mut reply = Reply::report(exit, &Sync { pairs });
        let sentences: Vec<_> = left_out.into_iter().map(|left| left.sentence).collect();
        reply.message = Some(sentences.join("\n")).filter(|message| !message.is_empty());
        Ok(reply)
    }

    /// Whoever asked is told what a halted plan would do.
    fn was_shown(&self, name: &PairName) -> store::Result<()> {
        match self.ctx.store.pair(name)? {
            Some(row) => self.ctx.store.proposal_shown(row.id),
            None => Ok(()),
        }
    }

    /// The pairs that are meant: those named, else all that can be synced; and why others can't.
    fn chosen(&self, names: &[String]) -> Result<(Vec<Charge>, Vec<Refusal>), Refusal> {
        let config = self.config();
        let mut left_out = Vec::new();
        for name in names {
            if let Some(refusal) = self.is_left_out(&self.pair_of(name)?)? {
                // Whoever names a pair wants that one.
                return Err(Refusal::usage(refusal.sentence));
            }
        }
        for pair in config.pairs.iter().filter(|_| names.is_empty()) {
            left_out.extend(self.is_left_out(pair)?.map(|why| (pair.name.clone(), why)));
        }
        let is_meant = |name: &PairName| match names {
            [] => left_out.iter().all(|(left, _)| left != name),
            names => names.iter().any(|named| named == name.as_str()),
        };
        let mut charges = self.charges();
        charges.retain(|charge| is_meant(&charge.pair.name));
        Ok((charges, left_out.into_iter().map(|(_, why)| why).collect()))
    }

    /// Why a pair is not synced at all, if so; a paused one is as somebody wanted it.
    fn is_left_out(&self, pair: &config::Pair) -> Result<Option<Refusal>, Refusal> {
        let name = &pair.name;
        let row = self.ctx.store.pair(name)?.filter(|row| row.paused);
        Ok(row.map(|row| {
            let reason = row.reason.as_deref().unwrap_or("paused by hand");
            let action = row.action.unwrap_or_else(|| format!("calpair resume {name}"));
            let sentence = format!("{name} is paused and not synced: {reason}; {action}");
            Refusal::new(Exit::Fine, sentence)
        }))
    }

    /// Attends to all of them at once; the outcomes in their order.
    async fn attend_all(&self, charges: Vec<Charge>, mode: Mode) -> Vec<(PairName, Attended)> {
        let mut tasks = JoinSet::new();
        for (at, charge) in charges.into_iter().enumerate() {
            let mut ctx = self.ctx.clone();
            if let Some(screen) = &self.screen {
                ctx.progress = shown(screen, &charge.pair.name);
            }
            tasks.spawn(async move {
                let attended = engine::attend(&ctx, &charge.pair, charge.confirm, mode).await;
                (at, charge.pair.name, attended)
            });
        }
        let mut ended = tasks.join_all().await;
        ended.sort_by_key(|(at, _, _)| *at);
        ended.into_iter().map(|(_, name, attended)| (name, attended)).collect()
    }
}

/// Shows how far a pair is. Nothing is drawn before there is something to show.
fn shown(screen: &Screen, pair: &PairName) -> Arc<dyn Fn(Progress) + Send + std::marker::Sync> {
    let (screen, pair) = (screen.clone(), pair.clone());
    let bar = Mutex::new(None);
    Arc::new(move |progress| {
        let mut bar = bar.lock().unwrap_or_else(PoisonError::into_inner);
        let bar = bar.get_or_insert_with(|| screen.progress(pair.as_str()));
        match progress {
            Progress::Read(more) => bar.read(more),
            Progress::Planned(more) => bar.planned(more),
            Progress::Done(more) => bar.done(more),
        }
    })
}

/// What a pair's cycle came to, as `sync --json` says it.
fn reported(name: &PairName, attended: Attended, mode: Mode) -> PairSync {
    let outcome = outcome(&attended);
    let (reason, action_of_pair) = (attended.reason, attended.action);
    let mut pair = PairSync {
        name: name.as_str().to_owned(),
        outcome,
        left: Written::default(),
        right: Written::default(),
        adopted: 0,
        merged: 0,
        conflicts: 0,
        problems: 0,
        requests: Requests::default(),
        duration_ms: 0,
        reason,
        action: action_of_pair,
        actions: (mode == Mode::DryRun).then(Vec::new),
    };
    let Some(report) = attended.report else { return pair };
    pair.left = written(report.written.left);
    pair.right = written(report.written.right);
    (pair.adopted, pair.merged) = (report.adopted, report.merged);
    (pair.conflicts, pair.problems) = (report.conflicts, report.problems);
    pair.requests = Requests { left: report.requests.left, right: report.requests.right };
    pair.duration_ms = u64::try_from(report.duration.as_millis()).unwrap_or(u64::MAX);
    if mode == Mode::DryRun {
        pair.actions = Some(report.actions.into_iter().map(action).collect());
    }
    pair
}

fn outcome(attended: &Attended) -> Outcome {
    match attended.report.as_ref().map(|report| &report.outcome) {
        Some(Ended::InSync) => return Outcome::InSync,
        Some(Ended::Changed) => return Outcome::Changed,
        Some(Ended::Planned) => return Outcome::Planned,
        Some(Ended::Halted(_)) => return Outcome::Halted,
        Some(Ended::Failed(_)) | None => {}
    }
    match attended.state {
        PairState::ReconnectNeeded => Outcome::ReconnectNeeded,
        PairState::Retrying if !attended.broken => Outcome::Retrying,
        PairState::Retrying
        | PairState::New
        | PairState::Ok
        | PairState::Syncing
        | PairState::Halted
        | PairState::Paused
        | PairState::Misconfigured => Outcome::Failed,
    }
}

const fn written(counts: Counts) -> Written {
    let Counts { created, updated, deleted } = counts;
    Written { created, updated, deleted }
}

fn action(planned: PlannedAction) -> Action {
    Action {
        action: planned.action.to_owned(),
        side: planned.side.into(),
        uid: planned.uid.as_str().to_owned(),
        title: planned.title.map(Redacted::into_inner),
        fields: planned.fields.into_iter().map(FieldChange::from).collect(),
        reason: planned.reason,
    }
}
