//! The decision table: what becomes of one series, from what its sides were and are.
//!
//! An edit beats a deletion, even one of what no series says. What can't be read is not touched,
//! and the other side waits for it.
//! What has to be written where nothing may be written waits as well: as a problem on a read-only
//! side, without a word where the pair's direction or a rule of the configuration says so.

use std::collections::BTreeSet;

use model::{Field, FieldSet, Origin, Rights, Series, Side, Sides, Uid};

use crate::align::Aligned;
use crate::crossing::Lens;
use crate::explain;
use crate::merge::{Merged, Merging, edited, merge};
use crate::plan::{Decision, Skip, Step, Subject, Waiting, Write};
use crate::policy::{Conflict, Direction, Policy};
use crate::skip::kept_back;
use crate::touched::{Contact, Held, Known, Now, Pending};
use crate::unagreed;
use crate::veil;

/// How a side of a mapped series stands to its base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// Gone.
    Absent,
    /// As the base says, in everything that crosses.
    Unchanged,
    /// Changed by somebody.
    Edited,
    /// Present, but nobody knows how.
    Unreadable,
}

/// Whether a side may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gate {
    Open,
    /// The pair's direction leads away from it.
    Direction,
    /// A rule keeps the other side's series from crossing.
    Rule,
    /// Read only.
    Rights,
}

/// Decides about a mapped series.
pub(crate) fn known(known: &Known, policy: &Policy) -> Step {
    use Standing::{Absent, Edited, Unchanged, Unreadable};
    let lens = Lens::between(policy, Some(known));
    let case = Case { known, policy, lens: &lens };
    let standing = Sides::from_fn(|side| case.standing(side));
    match (standing.left, standing.right) {
        (Unreadable, _) => case.unreadable(Side::Left),
        (_, Unreadable) => case.unreadable(Side::Right),
        (Absent, Absent) => case.step(Decision::Forget, "it is gone from both sides"),
        (Unchanged, Absent) => case.delete(Side::Left),
        (Absent, Unchanged) => case.delete(Side::Right),
        (Edited, Absent) => case.recreate(Side::Right),
        (Absent, Edited) => case.recreate(Side::Left),
        (Unchanged | Edited, Unchanged | Edited) => case.merge(standing),
    }
}

/// Decides about what a first contact has put together; it is part of `contact`.
pub(crate) fn aligned(aligned: &Aligned<'_>, contact: &Contact, policy: &Policy) -> Step {
    match aligned {
        Aligned::Double(side, held) => {
            let mut step = new_step(Sides::from_fn(|s| (s == *side).then_some(*held)));
            step.decision = Decision::Problem(side.opposite());
            step.reason = format!(
                "two events with the same UID on {side}: only the first of them can be synced"
            );
            step
        }
        Aligned::Series(held) => match (held.left, held.right) {
            (Some(left), Some(right)) => meet(Sides { left, right }, contact, policy),
            (Some(one), None) => create(one, Side::Right, policy),
            (None, Some(one)) => create(one, Side::Left, policy),
            (None, None) => new_step(*held),
        },
    }
}

/// Creates nothing where a mapped series has the UID, unless that one goes: a server refuses it,
/// and under another UID it would be there twice.
pub(crate) fn refuse_taken_uid(
    step: &mut Step,
    taken: &Sides<BTreeSet<&Uid>>,
    freed: &Sides<BTreeSet<Uid>>,
) {
    for side in Side::BOTH {
        let Some(Write::Create(series)) = &step.writes[side] else { continue };
        if taken[side].contains(&series.uid) && !freed[side].contains(&series.uid) {
            step.decision = Decision::Problem(side);
            step.reason = format!("another event with the same UID is synced on {side} already");
            step.writes[side] = None;
        }
    }
}

struct Case<'a> {
    known: &'a Known,
    policy: &'a Policy,
    lens: &'a Lens<'a>,
}

impl Case<'_> {
    fn standing(&self, side: Side) -> Standing {
        match &self.known.now[side] {
            Now::Absent => Standing::Absent,
            Now::Unreadable { .. } => Standing::Unreadable,
            Now::Present(held) => {
                let base = self.known.base.as_ref();
                let mut now = base;
                now[side] = &held.series;
                if edited(&self.merging(now), side) {
                    Standing::Edited
                } else {
                    Standing::Unchanged
                }
            }
        }
    }

    fn merging<'a>(&'a self, now: Sides<&'a Series>) -> Merging<'a> {
        let gates = Sides::from_fn(|to| gate(self.policy, to, now[to.opposite()]));
        Merging {
            lens: self.lens,
            base: Some(self.known.base.as_ref()),
            pending: pending(self.known),
            now,
            one_way: gates.map(|gate| gate == Gate::Direction),
            closed: gates.map(|gate| matches!(gate, Gate::Rule | Gate::Rights)),
            winner: winner(self.policy, now),
            origin: Sides::default(),
        }
    }

    fn held(&self, side: Side) -> Option<&Series> {
        match &self.known.now[side] {
            Now::Present(held) => Some(&held.series),
            Now::Absent | Now::Unreadable { .. } => None,
        }
    }

    fn step(&self, decision: Decision, reason: impl Into<String>) -> Step {
        let base = &self.known.base;
        let shown = self.held(Side::Left).or_else(|| self.held(Side::Right)).unwrap_or(&base.left);
        Step {
            subject: Subject::Known(self.known.mapping),
            uid: shown.uid.clone(),
            title: shown.face().and_then(|face| face.title.clone()),
            decision,
            writes: Sides::default(),
            overruled: Vec::new(),
            clashes: Vec::new(),
            waiting: Waiting::default(),
            renew: self.known.renew,
            reason: reason.into(),
        }
    }

    fn unreadable(&self, side: Side) -> Step {
        let why = Side::BOTH.into_iter().find_map(|side| match &self.known.now[side] {
            Now::Unreadable { reason } => Some(reason.as_str()),
            Now::Absent | Now::Present(_) => None,
        });
        let reason = format!("it can't be read on {side}: {}", why.unwrap_or_default());
        self.step(Decision::Problem(side), reason)
    }

    fn delete(&self, on: Side) -> Step {
        let held = self.held(on).unwrap_or(&self.known.base[on]);
        let gone = on.opposite();
        let was_original = self.known.made[on] && !self.known.made[gone];
        let away = !was_original && matches!(gate(self.policy, gone, held), Gate::Rule);
        // Rules keep back what a series says; that it is gone says nothing.
        match way(self.policy, on) {
            // Taking away a copy that should not be there is no deletion of the original.
            // It must not look like one either when the rule is gone, so it is a copy no more.
            Gate::Open if away => self.step(
                Decision::Forget,
                format!("a rule keeps it from crossing to {gone}, and its copy was taken away"),
            ),
            // An edit of what does not cross is an edit all the same.
            Gate::Open if !self.is_as_agreed(on) => self.recreate(gone),
            Gate::Open | Gate::Rule => {
                let mut step = self
                    .step(Decision::Delete(on), format!("deleted on {gone}, unchanged on {on}"));
                step.writes[on] = Some(Write::Delete);
                step.uid = held.uid.clone();
                step
            }
            Gate::Direction => self.step(
                Decision::Skip(Skip::Direction),
                format!("deleted on {gone}, and nothing is written on {on}"),
            ),
            Gate::Rights => self
                .step(Decision::Problem(on), format!("deleted on {gone}, but {on} is read-only")),
        }
    }

    /// Whether a side holds what it held when both agreed, or what an unfinished write of ours made
    /// of that, and nobody changed what it says beside that.
    fn is_as_agreed(&self, side: Side) -> bool {
        let Some(held) = self.held(side).filter(|_| !self.known.beside[side]) else {
            return false;
        };
        let writes = self.known.pending[side].iter().map(|write| (&write.before, &write.target));
        let same = |one: &Series, other: &Series| one.same_content(other);
        same(held, &self.known.base[side]) || unagreed::put(writes, held, same)
    }

    fn recreate(&self, to: Side) -> Step {
        let from = to.opposite();
        let Some(source) = self.held(from) else {
            return self.step(Decision::Keep, "there is nothing to do");
        };
        match gate(self.policy, to, source) {
            Gate::Open => {}
            closed => {
                let what = "deleted there, but changed on the other side";
                return because(self.closed(closed, to, what), self.policy, to, source);
            }
        }
        // What the side lost, with the other side's edits: so it gets back what never crossed. What
        // an unfinished write of ours brought there came from the side that is gone, and goes back.
        let mut now = self.known.base.as_ref();
        now[from] = source;
        let mut merging = self.merging(now);
        merging.pending = Sides::new(&[], &[]);
        let merged = merge(&merging);
        let mut target = merged.targets[to].clone();
        without_people(&mut target);
        let mut step = self.step(
            Decision::Copy(to),
            format!("deleted on {to}, but changed on {from}: an edit beats a deletion"),
        );
        step.writes[to] = Some(Write::Create(target));
        if !merged.renewed[from].is_empty() {
            step.decision = Decision::Merge;
            step.writes[from] = Some(Write::Update(merged.targets[from].clone()));
        }
        step.waiting = merged.waiting;
        step.waiting.without(merged.renewed[to].intersection(self.lens.masks(to)));
        // What is made now is as the rules make it now.
        step.renew = Sides::from_fn(|side| match side == to {
            true => FieldSet::NONE,
            false => merged.renew[side],
        });
        step
    }

    fn closed(&self, gate: Gate, to: Side, what: &str) -> Step {
        match gate {
            Gate::Open => self.step(Decision::Keep, what),
            Gate::Direction => self.step(
                Decision::Skip(Skip::Direction),
                format!("{what}; nothing is written on {to}"),
            ),
            Gate::Rule => self.step(
                Decision::Skip(Skip::Rule),
                format!("{what}; a rule keeps it from crossing to {to}"),
            ),
            Gate::Rights => self.step(Decision::Problem(to), format!("{what}; {to} is read-only")),
        }
    }

    fn merge(&self, standing: Sides<Standing>) -> Step {
        let (Some(left), Some(right)) = (self.held(Side::Left), self.held(Side::Right)) else {
            return self.step(Decision::Keep, "there is nothing to do");
        };
        let now = Sides { left, right };
        let merged = merge(&self.merging(now));
        let idle = if standing == Sides::new(Standing::Unchanged, Standing::Unchanged)
            && self.known.pending.left.is_empty()
            && self.known.pending.right.is_empty()
        {
            Decision::Keep
        } else {
            Decision::Adopt
        };
        let gates = Sides::from_fn(|to| gate(self.policy, to, now[to.opposite()]));
        let step = outcome(self.step(idle, ""), merged, now, gates);
        let ruled_out = Side::BOTH.into_iter().find(|side| gates[*side] == Gate::Rule);
        match ruled_out {
            // It was synced before the rule was made: its copy stays, and learns nothing more.
            Some(to) if step.decision == Decision::Keep => {
                let what = "both sides have it, and nothing has to cross";
                because(self.closed(Gate::Rule, to, what), self.policy, to, now[to.opposite()])
            }
            Some(to) => because(step, self.policy, to, now[to.opposite()]),
            None => step,
        }
    }
}

/// First contact of two resources: adopted where they agree, else merged; never doubled.
fn meet(held: Sides<&Held>, contact: &Contact, policy: &Policy) -> Step {
    let now = held.map(|held| &held.series);
    let mut step = new_step(held.map(Some));
    if Side::BOTH.into_iter().all(|side| outside(policy, now[side])) {
        return skip(step, Skip::Window);
    }
    let gates = Sides::from_fn(|to| gate(policy, to, now[to.opposite()]));
    if let Some(to) = Side::BOTH.into_iter().find(|to| gates[*to] == Gate::Rule) {
        return because(skip(step, Skip::Rule), policy, to, now[to.opposite()]);
    }
    let lens = Lens::between(policy, None);
    let origin = Sides::from_fn(|side| {
        let stated = contact.origins[side].get(&held[side].id).copied().unwrap_or_default();
        veil::origin(stated, now[side])
    });
    // Beside an original, nothing that a sealed copy says is anybody's edit.
    let sealed = veil::copy(origin).filter(|copy| origin[*copy] == Origin::Sealed);
    let pending = Sides::from_fn(|side| match contact.pending[side].get(&held[side].id) {
        _ if sealed == Some(side) => vec![veil::made_whole(now[side])],
        Some(pending) => pending.clone(),
        None => Vec::new(),
    });
    let merged = merge(&Merging {
        lens: &lens,
        base: None,
        pending: pending.as_ref().map(Vec::as_slice),
        now,
        one_way: gates.map(|gate| gate == Gate::Direction),
        closed: gates.map(|gate| gate == Gate::Rights),
        winner: winner(policy, now),
        origin,
    });
    step.decision = Decision::Adopt;
    outcome(step, merged, now, gates)
}

/// A resource that the other side lacks.
fn create(held: &Held, to: Side, policy: &Policy) -> Step {
    let series = &held.series;
    let mut step = new_step(Sides::from_fn(|side| (side != to).then_some(held)));
    match gate(policy, to, series) {
        Gate::Direction => return skip(step, Skip::Direction),
        Gate::Rule => return because(skip(step, Skip::Rule), policy, to, series),
        Gate::Open | Gate::Rights if outside(policy, series) => return skip(step, Skip::Window),
        Gate::Open => {}
        Gate::Rights => {
            step.decision = Decision::Problem(to);
            step.reason = format!("new on {}, but {to} is read-only", to.opposite());
            return step;
        }
    }
    let repeats = !series.recurrence.is_empty();
    if repeats && !policy.fields[to].contains(Field::Recurrence) {
        step.decision = Decision::Problem(to);
        step.reason = format!("it repeats, and {to} can't hold events that repeat");
        return step;
    }
    let copy = Lens::for_a_copy(policy).copy(series, to);
    step.decision = Decision::Copy(to);
    step.reason = format!("new on {}", to.opposite());
    step.writes[to] = Some(Write::Create(copy));
    step
}

/// Puts into a step what a merge came to.
fn outcome(mut step: Step, merged: Merged, now: Sides<&Series>, gates: Sides<Gate>) -> Step {
    let changes = Sides::from_fn(|side| !merged.targets[side].same_content(now[side]));
    let held_up = Side::BOTH.into_iter().filter(|side| merged.held_up[*side]);
    let read_only = held_up.clone().find(|side| gates[*side] == Gate::Rights);
    let ruled_out = held_up.clone().any(|side| gates[side] == Gate::Rule);
    let one_way = gates.left == Gate::Direction || gates.right == Gate::Direction;
    step.decision = if !merged.clashes.is_empty() {
        Decision::Conflict
    } else if let Some(side) = read_only {
        Decision::Problem(side)
    } else {
        match (changes.left, changes.right) {
            (true, true) => Decision::Merge,
            (true, false) => Decision::Copy(Side::Left),
            (false, true) => Decision::Copy(Side::Right),
            (false, false) if ruled_out => Decision::Skip(Skip::Rule),
            (false, false) if merged.waiting.is_empty() => step.decision,
            (false, false) if one_way && !merged.masked => Decision::Skip(Skip::Direction),
            (false, false) => Decision::Skip(Skip::Rule),
        }
    };
    step.reason = explain::reason(&step.decision, &merged);
    let Sides { left, right } = merged.targets;
    step.writes.left = changes.left.then_some(Write::Update(left));
    step.writes.right = changes.right.then_some(Write::Update(right));
    step.overruled = merged.overruled;
    step.clashes = merged.clashes;
    step.waiting = merged.waiting;
    step.renew = merged.renew;
    step
}

fn new_step(held: Sides<Option<&Held>>) -> Step {
    let shown = held.left.or(held.right);
    let face = shown.and_then(|held| held.series.face());
    Step {
        uid: shown.map_or_else(|| "".into(), |held| held.series.uid.clone()),
        title: face.and_then(|face| face.title.clone()),
        subject: Subject::New(held.map(|held| held.map(|held| held.id.clone()))),
        decision: Decision::Keep,
        writes: Sides::default(),
        overruled: Vec::new(),
        clashes: Vec::new(),
        waiting: Waiting::default(),
        renew: Sides::default(),
        reason: "there is nothing to do".to_owned(),
    }
}

fn skip(mut step: Step, why: Skip) -> Step {
    step.decision = Decision::Skip(why);
    step.reason = match why {
        Skip::Window => "it lies outside the pair's window",
        Skip::Rule => "a rule keeps it from being synced",
        Skip::Direction => "the pair's direction keeps it from being synced",
    }
    .to_owned();
    step
}

/// Which rule it was that keeps something from crossing to a side.
fn because(mut step: Step, policy: &Policy, to: Side, source: &Series) -> Step {
    let why = kept_back(&policy.crossing[to].skip, source);
    if let (Decision::Skip(Skip::Rule), Some(why)) = (&step.decision, why) {
        step.reason = format!("{}: {why}", step.reason);
    }
    step
}

fn gate(policy: &Policy, to: Side, source: &Series) -> Gate {
    match way(policy, to) {
        Gate::Open | Gate::Rights if kept_back(&policy.crossing[to].skip, source).is_some() => {
            Gate::Rule
        }
        way => way,
    }
}

/// The gate as far as it does not depend on what crosses.
fn way(policy: &Policy, to: Side) -> Gate {
    let away = match policy.direction {
        Direction::Both => None,
        Direction::LeftToRight => Some(Side::Left),
        Direction::RightToLeft => Some(Side::Right),
    };
    match policy.rights[to] {
        _ if away == Some(to) => Gate::Direction,
        Rights::Write => Gate::Open,
        Rights::Read => Gate::Rights,
    }
}

fn outside(policy: &Policy, series: &Series) -> bool {
    policy.window.is_some_and(|(from, until)| !series.extent.overlaps(from, until))
}

/// Who wins where both sides changed one thing.
fn winner(policy: &Policy, now: Sides<&Series>) -> Option<Side> {
    match policy.conflict {
        Conflict::Left => Some(Side::Left),
        Conflict::Right => Some(Side::Right),
        Conflict::Ask => None,
        Conflict::Newest => match (now.left.modified, now.right.modified) {
            (Some(left), Some(right)) if right > left => Some(Side::Right),
            (Some(_) | None, Some(_) | None) => Some(Side::Left),
        },
    }
}

fn pending(known: &Known) -> Sides<&[Pending]> {
    known.pending.as_ref().map(Vec::as_slice)
}

/// Whoever creates an event with people in it invites them.
fn without_people(series: &mut Series) {
    series.master.iter_mut().for_each(|event| event.people = model::People::default());
    for exception in series.exceptions.values_mut() {
        match exception {
            model::Exception::Cancelled => {}
            model::Exception::Override(event) => event.people = model::People::default(),
        }
    }
}
