//! `explain`: why a series was or wasn't synced, from what is stored, and from what the plan would
//! say of it now. Asks nobody.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::{Redacted, Series, Side, Sides};
use provider::Provider;
use reconcile::{Contact, Decision, Held, Known, Now, Policy, Skip, Step, Totals, Touched};
use store::{FoundRow, FoundSide, NowRow, PairRow, Skipped};

use super::{Answer, Refusal, Service};
use crate::config;
use crate::control::Reply;
use crate::exit::Exit;
use crate::report::{Explanation, Explanations};

impl Service {
    pub(super) fn explain(&self, name: &str, event: &str) -> Answer {
        let pair = self.pair_of(name)?;
        let row = self.row_of(&pair)?;
        let found = self.ctx.store.find(row.id, event)?;
        if found.is_empty() {
            let mut sentence = format!(
                "{name} knows no event with this UID or title; perhaps it was not seen yet, or \
                 lies on neither side's calendar"
            );
            let providers = self.providers(&pair);
            let sides = providers.iter().flat_map(|sides| [&sides.left, &sides.right]);
            let unlisted: BTreeSet<_> = sides.filter_map(|provider| provider.unlisted()).collect();
            for what in unlisted {
                sentence.push_str("; ");
                sentence.push_str(what);
                sentence.push_str(" are never synced");
            }
            return Err(Refusal::new(Exit::Failed, sentence));
        }
        let conflicts = self.ctx.store.conflicts(row.id)?;
        let policy = self.policy(&pair, &row);
        let providers = self.providers(&pair);
        let explained = found.into_iter().map(|found| {
            let is_conflict = conflicts.iter().any(|conflict| conflict.uid == found.uid);
            let otherwise = Sides::from_fn(|side: Side| match &providers {
                Some(providers) => shown_otherwise(&found, side, providers, &policy),
                None => Vec::new(),
            });
            let mut explained = explanation(found, is_conflict, &policy);
            explained.lost_left.extend(otherwise.left);
            explained.lost_right.extend(otherwise.right);
            explained
        });
        let report = Explanations { pair: name.to_owned(), events: explained.collect() };
        Ok(Reply::report(Exit::Fine, &report))
    }

    /// The adapters of a pair.
    fn providers(&self, pair: &config::Pair) -> Option<Sides<Arc<dyn Provider>>> {
        let setup = self.setup();
        let charge = setup.roster.charge(pair, &setup.config)?;
        Some(charge.pair.sides.map(|side| side.provider))
    }

    /// The rules of a pair, as of now.
    pub(super) fn policy(&self, pair: &config::Pair, row: &PairRow) -> Policy {
        let setup = self.setup();
        let charge = setup.roster.charge(pair, &setup.config);
        let mut policy =
            Policy { rights: row.sides.as_ref().map(|side| side.rights), ..Policy::default() };
        if let Some(charge) = charge {
            let rules = charge.pair.rules;
            policy.direction = rules.direction;
            policy.conflict = rules.conflict;
            policy.window = rules.window.around(self.ctx.now());
            policy.limits = rules.limits;
            policy.crossing = rules.crossing;
            policy.fields = charge.pair.sides.map(|side| side.provider.fields());
        }
        policy
    }
}

fn explanation(found: FoundRow, is_conflict: bool, policy: &Policy) -> Explanation {
    let planned = planned(&found, policy);
    let is_left_out = planned.iter().any(|step| step.decision == Decision::Skip(Skip::Rule));
    let skipped = found.sides.iter().find_map(|(_, side)| side.as_ref()?.skipped);
    let touched = found.sides.iter().any(|(_, side)| side.as_ref().is_some_and(|s| s.touched));
    let mut reasons = Vec::new();
    let state = if let Some((side, reason)) = &found.problem {
        reasons.push(format!("it can't be written on {side}: {reason}"));
        "problem"
    } else if is_conflict {
        reasons.push("both sides changed it, and somebody must choose".to_owned());
        "conflict"
    } else if let Some(skipped) = skipped {
        reasons.push(match skipped {
            Skipped::Window => "it lies outside the window of the pair".to_owned(),
            Skipped::Rule => "a rule of the pair, or its direction, leaves it out".to_owned(),
        });
        "skipped"
    } else if found.mapping.is_some() && !touched {
        reasons.push("both sides agree on it".to_owned());
        "synced"
    } else {
        reasons.push("something about it is new; the next cycle looks at it".to_owned());
        "waiting"
    };
    // Also of a copy that is there, and that a rule keeps as it is.
    if state != "synced" || is_left_out {
        let said = planned.into_iter().map(|step| format!("the plan says: {}", step.reason));
        reasons.extend(said);
    }
    reasons.extend(found.sides.iter().filter_map(|(side, held)| {
        let held = held.as_ref()?;
        match &held.now {
            NowRow::Absent => Some(format!("it is gone from {side}")),
            NowRow::Unreadable { reason } => Some(format!("it can't be read on {side}: {reason}")),
            NowRow::Present { .. } => None,
        }
    }));
    if let (Some(left), Some(right)) =
        (found.sides.left.as_ref().and_then(series), found.sides.right.as_ref().and_then(series))
    {
        reasons.extend(reconcile::apart(Sides::new(left, right), policy));
    }
    // What a side can't hold of what the other one has.
    let lost = |side: Side| {
        let other = found.sides[side.opposite()].as_ref().and_then(series);
        other.map(|series| reconcile::cannot_hold(series, policy.fields[side])).unwrap_or_default()
    };
    Explanation {
        uid: found.uid.as_str().to_owned(),
        lost_left: lost(Side::Left),
        lost_right: lost(Side::Right),
        title: found.title.map(Redacted::into_inner),
        state: state.to_owned(),
        reasons,
    }
}

fn series(side: &FoundSide) -> Option<&Series> {
    match &side.now {
        NowRow::Present { series, .. } => Some(series),
        NowRow::Absent | NowRow::Unreadable { .. } => None,
    }
}

/// What `side` shows otherwise than the other side has it; not what it has in the same way.
fn shown_otherwise(
    found: &FoundRow,
    side: Side,
    providers: &Sides<Arc<dyn Provider>>,
    policy: &Policy,
) -> Vec<String> {
    let of_series = |of: Side| {
        let held = found.sides[of].as_ref().and_then(series);
        held.map(|series| providers[side].shown_otherwise(series)).unwrap_or_default()
    };
    let of_raw = |of: Side| {
        let held = found.sides[of].as_ref();
        held.map(|held| providers[of].unmapped(held.raw.expose())).unwrap_or_default()
    };
    let (other, own) = (of_series(side.opposite()), of_series(side));
    let unmapped = &of_raw(side.opposite()) - &of_raw(side);
    let unmapped = unmapped.into_iter().filter(|(field, _)| policy.fields[side].contains(*field));
    let said = unmapped.map(|(field, how)| format!("{field}: {how}"));
    other.into_iter().filter(|sentence| !own.contains(sentence)).chain(said).collect()
}

/// What the plan would do about this series alone.
pub(super) fn planned(found: &FoundRow, policy: &Policy) -> Vec<Step> {
    let touched = match found.mapping {
        Some(mapping) => {
            Touched { known: known(found, mapping).into_iter().collect(), contacts: Vec::new() }
        }
        None => {
            let held = found.sides.as_ref().map(|side| {
                let held = side.as_ref().and_then(|side| Some((&side.id, series(side)?)));
                held.map(|(id, series)| Held { id: id.clone(), series: series.clone() })
                    .into_iter()
                    .collect()
            });
            let contact = Contact { held, ..Contact::default() };
            Touched { known: Vec::new(), contacts: vec![contact] }
        }
    };
    reconcile::plan(&touched, policy, &Totals::default()).steps
}

fn known(found: &FoundRow, mapping: model::MappingId) -> Option<Known> {
    let base = |side: Side| found.sides[side].as_ref()?.base.clone();
    let now = |side: Side| match found.sides[side].as_ref().map(|side| &side.now) {
        Some(NowRow::Present { id, series }) => {
            Now::Present(Held { id: id.clone(), series: series.clone() })
        }
        Some(NowRow::Unreadable { reason }) => Now::Unreadable { reason: reason.clone() },
        Some(NowRow::Absent) | None => Now::Absent,
    };
    Some(Known {
        mapping,
        base: Sides::new(base(Side::Left)?, base(Side::Right)?),
        pending: Sides::default(),
        made: Sides::from_fn(|side| found.sides[side].as_ref().is_some_and(|side| side.made)),
        renew: Sides::from_fn(|side| {
            found.sides[side].as_ref().map(|side| side.renew).unwrap_or_default()
        }),
        beside: Sides::from_fn(|side| found.sides[side].as_ref().is_some_and(|side| side.beside)),
        now: Sides::from_fn(now),
    })
}
