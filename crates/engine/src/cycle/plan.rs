//! From the store's touched rows to a plan that passed its check.

use model::{MappingId, Origin, ResourceId, Rights, Side, Sides};
use reconcile::{
    Conflict, Contact, Decision, Held, Known, Now, Pending, Plan, Policy, Step, Totals, Touched,
    Write,
};
use store::{Batch, KnownRow, NowRow, PendingRow, Position};

use super::Cycle;
use crate::report::{Failure, PlannedAction};

/// How many series are planned at once: enough to keep writes in flight, few enough that a first
/// sync of any size fits in memory.
const BATCH: usize = 256;

/// A batch of work, planned and checked.
pub(super) struct Planned {
    pub(super) plan: Plan,
    pub(super) touched: Touched,
    /// Where the next batch starts.
    pub(super) next: Option<Position>,
}

impl Cycle<'_> {
    /// What the guard has to know of the whole pair: what a plan of all that is touched would
    /// delete, found out by planning all that one side has lost.
    pub(super) fn totals(&self) -> Result<Totals, Failure> {
        let store = &self.ctx.store;
        let vanished = store.vanished(self.id())?;
        let (policy, mut due) = (self.policy(), Vec::new());
        for part in vanished.chunks(BATCH) {
            let mappings: Vec<MappingId> = part.iter().map(|(mapping, _)| *mapping).collect();
            let known = store.known(&mappings)?.into_iter().map(known).collect();
            let mut touched = Touched { known, contacts: Vec::new() };
            self.note_origins(&mut touched)?;
            due.extend(reconcile::due(&touched.known, &policy));
        }
        let store::Totals { series, deletions } = store.totals(self.id(), &due)?;
        Ok(Totals { series, deletions, due: due.into_iter().collect() })
    }

    /// Plans the batch after `after`; `None` when nothing is touched there.
    pub(super) fn plan(
        &self,
        after: Position,
        totals: &Totals,
    ) -> Result<Option<Planned>, Failure> {
        let batch = self.ctx.store.touched(self.id(), after, BATCH)?;
        if batch.known.is_empty() && batch.contacts.is_empty() {
            return Ok(None);
        }
        let next = batch.next;
        let mut touched = self.only_what_was_read(touched(batch));
        self.note_origins(&mut touched)?;
        let mut whole = Planned {
            plan: Plan { steps: Vec::new(), halt: None },
            touched: Touched::default(),
            next,
        };
        for (policy, touched) in self.by_choice(touched)? {
            let plan = reconcile::plan(&touched, &policy, totals);
            let violations = reconcile::check(&plan, &touched, &policy, totals);
            if let Some(violation) = violations.first() {
                return Err(Failure::Check(violation.to_string()));
            }
            whole.plan.steps.extend(plan.steps);
            whole.plan.halt = whole.plan.halt.or(plan.halt);
            whole.touched.known.extend(touched.known);
            whole.touched.contacts.extend(touched.contacts);
        }
        Ok(Some(whole))
    }

    /// What is planned under which policy: somebody's choice in a conflict goes before the pair's
    /// own rule, for that series.
    fn by_choice(&self, mut touched: Touched) -> Result<Vec<(Policy, Touched)>, Failure> {
        let policy = self.policy();
        let choices = self.ctx.store.choices(self.id())?;
        let mut parts = Vec::new();
        for side in Side::BOTH {
            let chosen: Vec<_> = choices.iter().filter(|choice| choice.keep == side).collect();
            let is_known = |known: &mut Known| {
                chosen.iter().any(|choice| choice.mapping == Some(known.mapping))
            };
            let is_met = |contact: &mut Contact| {
                let held = |(side, held): (Side, &Vec<Held>)| {
                    held.iter().any(|held| {
                        chosen.iter().any(|choice| choice.rows[side].as_ref() == Some(&held.id))
                    })
                };
                contact.held.iter().any(held)
            };
            let part = Touched {
                known: touched.known.extract_if(.., is_known).collect(),
                contacts: touched.contacts.extract_if(.., is_met).collect(),
            };
            let conflict = match side {
                Side::Left => Conflict::Left,
                Side::Right => Conflict::Right,
            };
            if !part.known.is_empty() || !part.contacts.is_empty() {
                parts.push((Policy { conflict, ..policy.clone() }, part));
            }
        }
        parts.push((policy, touched));
        Ok(parts)
    }

    /// Asks the providers who made what the plan can't tell by itself: of two that meet, and of
    /// copies that changed.
    fn note_origins(&self, touched: &mut Touched) -> Result<(), Failure> {
        for known in &mut touched.known {
            for side in Side::BOTH {
                if let Now::Present(held) = &known.now[side]
                    && known.made[side]
                    && !held.series.same_content(&known.base[side])
                {
                    let id = held.id.clone();
                    known.note_origin(side, self.origin(side, &id)?);
                }
            }
        }
        for contact in &mut touched.contacts {
            if contact.held.left.is_empty() || contact.held.right.is_empty() {
                continue;
            }
            for side in Side::BOTH {
                for held in &contact.held[side] {
                    let origin = self.origin(side, &held.id)?;
                    contact.origins[side].insert(held.id.clone(), origin);
                }
            }
        }
        Ok(())
    }

    fn origin(&self, side: Side, id: &ResourceId) -> Result<Origin, Failure> {
        let resource = self.ctx.store.resource(self.id(), side, id)?;
        let provider = &self.pair.sides[side].provider;
        Ok(resource.map(|resource| provider.origin(&resource)).unwrap_or_default())
    }

    /// Without the series of which a side changed and could not be read.
    fn only_what_was_read(&self, mut touched: Touched) -> Touched {
        let unread = self.unread();
        if unread.is_empty() {
            return touched;
        }
        touched.known.retain(|known| {
            known.now.iter().all(|(side, now)| match now {
                Now::Present(held) => !unread.contains_key(&(side, held.id.clone())),
                Now::Absent | Now::Unreadable { .. } => true,
            })
        });
        touched.contacts.retain(|contact| {
            let read = |(side, held): (Side, &Vec<Held>)| {
                held.iter().all(|held| !unread.contains_key(&(side, held.id.clone())))
            };
            contact.held.iter().all(read)
        });
        touched
    }

    /// What the user decided, as of this cycle.
    fn policy(&self) -> Policy {
        let rules = &self.pair.rules;
        Policy {
            direction: rules.direction,
            conflict: rules.conflict,
            window: self.window(),
            limits: rules.limits,
            crossing: rules.crossing.clone(),
            fields: Sides::from_fn(|side| self.pair.sides[side].provider.fields()),
            rights: Sides::from_fn(|side| self.row.sides[side].rights),
        }
    }

    /// What waits for a side that may only be read is a reason to ask whether that is still so.
    pub(super) fn note_waiting(&mut self, step: &Step) {
        if let Decision::Problem(side) = step.decision
            && self.row.sides[side].rights == Rights::Read
        {
            self.doubt(side);
        }
    }

    /// Every planned action, nothing done.
    pub(super) fn dry_run(&mut self, totals: &Totals) -> Result<Vec<PlannedAction>, Failure> {
        let mut actions = Vec::new();
        let mut after = Position::default();
        while let Some(planned) = self.plan(after, totals)? {
            for step in &planned.plan.steps {
                self.note_waiting(step);
                actions.extend(actions_of(step, &planned.touched));
            }
            let Some(next) = planned.next else { break };
            after = next;
        }
        Ok(actions)
    }
}

/// The actions of a step, as a dry run names them.
fn actions_of(step: &Step, touched: &Touched) -> Vec<PlannedAction> {
    let action = |action, side, fields| PlannedAction {
        action,
        side,
        uid: step.uid.clone(),
        title: step.title.clone(),
        fields,
        reason: step.reason.clone(),
    };
    let writes: Vec<PlannedAction> = step
        .writes
        .iter()
        .filter_map(|(side, write)| {
            let before = touched.held(&step.subject, side).map(|held| &held.series);
            Some(match write.as_ref()? {
                Write::Create(series) => {
                    action("create", side, reconcile::difference(None, Some(series)))
                }
                Write::Update(series) => {
                    action("update", side, reconcile::difference(before, Some(series)))
                }
                Write::Delete => action("delete", side, reconcile::difference(before, None)),
            })
        })
        .collect();
    match step.decision {
        Decision::Adopt => vec![action("adopt", Side::Left, Vec::new())],
        Decision::Forget => vec![action("forget", Side::Left, Vec::new())],
        Decision::Keep
        | Decision::Copy(_)
        | Decision::Delete(_)
        | Decision::Merge
        | Decision::Conflict
        | Decision::Problem(_)
        | Decision::Skip(_) => writes,
    }
}

fn touched(batch: Batch) -> Touched {
    Touched {
        known: batch.known.into_iter().map(known).collect(),
        contacts: batch
            .contacts
            .into_iter()
            .map(|row| Contact {
                held: row
                    .held
                    .map(|held| held.into_iter().map(|(id, series)| Held { id, series }).collect()),
                taken: row.taken,
                pending: row.pending.map(|writes| {
                    writes.into_iter().map(|(id, writes)| (id, pending_writes(writes))).collect()
                }),
                origins: Sides::default(),
            })
            .collect(),
    }
}

fn known(row: KnownRow) -> Known {
    Known {
        mapping: row.mapping,
        base: row.base,
        pending: row.pending.map(pending_writes),
        made: row.made,
        renew: row.renew,
        beside: row.beside,
        now: row.now.map(now),
    }
}

fn pending_writes(rows: Vec<PendingRow>) -> Vec<Pending> {
    let pending = |row: PendingRow| Pending { before: row.before, target: row.target };
    rows.into_iter().map(pending).collect()
}

fn now(row: NowRow) -> Now {
    match row {
        NowRow::Absent => Now::Absent,
        NowRow::Present { id, series } => Now::Present(Held { id, series }),
        NowRow::Unreadable { reason } => Now::Unreadable { reason },
    }
}
