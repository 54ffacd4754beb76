//! `restore`: what was there before a change is put back, as its owner would: the calendar in which
//! the change was made is written, between two cycles of its pair, and the next one finds an edit
//! there.
//!
//! That calendar may be on the other side by now, or in a pair of another name. Where no pair has
//! it any more, nothing is written. What can't be put back is said, and so is whether the rest
//! crosses, as far as the plan can tell from what is known.

use engine::{Errand, Ran};
use model::{People, Redacted, Resource, ResourceId, Series, Side, Sides, Uid};
use provider::{Former, Provider};
use reconcile::{Decision, Skip, Step};
use store::{ChangeRow, FoundRow, FoundSide, NowRow, PairRow};

use super::choice::name;
use super::explain::planned;
use super::{Answer, Refusal, Service};
use crate::config::{self, Crossing, Pair};
use crate::control::Reply;
use crate::exit::Exit;

/// The calendar of a change, as it is part of a pair now.
struct Found {
    pair: Pair,
    row: PairRow,
    side: Side,
}

impl Service {
    pub(super) async fn restore(&self, number: &str) -> Answer {
        let known = number.parse().ok().map(|id| self.ctx.store.change_of(id)).transpose()?;
        let Some(change) = known.flatten() else {
            let sentence = format!("there is no change {number}; `calpair history` lists them");
            return Err(Refusal::usage(sentence));
        };
        let Some(before) = change.before.clone() else {
            let sentence = "there was nothing before that change; delete the event in its calendar";
            return Err(Refusal::usage(sentence));
        };
        let waited = self.place_of(&change)?.pair;
        let _turn = self.turn(&waited).await?;
        // The cycle that was waited for may have found that the pair leads elsewhere.
        let Found { pair, side, .. } = self.place_of(&change)?;
        if pair.name != waited.name {
            let sentence =
                "the configuration was changed meanwhile; nothing was written; try again";
            return Err(Refusal::new(Exit::TryAgain, sentence));
        }
        let row = self.row_of(&pair)?;
        let name = name(&[
            "change",
            &change.id.to_string(),
            &change.at.as_microsecond().to_string(),
            change.pair.as_str(),
            change.side.as_str(),
            change.uid.as_str(),
        ]);
        let over = self.held(&row, side, &change.uid)?;
        let errand = Errand::PutBack { change: change.id, name: &name, series: &before, over };
        let (end, ran) = self.run_errand(&pair, &row, side, &errand).await?;
        if !ran.wrote {
            let sentence = format!("the {side} is as it was before that change already");
            return Ok(Reply::message(Exit::Fine, sentence));
        }
        let raw = self.ctx.store.former(change.id)?;
        let raw = raw.as_ref().map(|raw| raw.expose().as_slice());
        let former = Former { series: &before, raw };
        let what = differing(&ran);
        let mut but = missing(end.provider.as_ref(), former, ran.before.as_ref(), &ran.now);
        if ran.before.is_none() && self.was_masked(&pair, side, &change)? {
            but.push_str(&format!(
                ", as the copy that it was: what `to_{side}` leaves out or changes is not in it"
            ));
        }
        let onward = self.onward(&Found { pair, row, side }, &ran.now)?;
        let sentence = format!("the earlier version is back on the {side}{what}{but}; {onward}");
        Ok(Reply::message(Exit::Fine, sentence))
    }

    /// Where the calendar is now in which a change was made: in the pair that it was made for, if
    /// that still has it, else in the only other one that does.
    fn place_of(&self, change: &ChangeRow) -> Result<Found, Refusal> {
        let (id, name) = (change.id, &change.pair);
        let Some(place) = &change.place else {
            let sentence = format!(
                "change {id} was made before calpair kept in which calendar, and the pair that it \
                 was made for is no more; nothing was written"
            );
            return Err(Refusal::usage(sentence));
        };
        let config = self.config();
        let mut found = Vec::new();
        for pair in &config.pairs {
            let Some(row) = self.ctx.store.pair(&pair.name)? else { continue };
            let is_there = |side: &Side| {
                let known = &row.sides[*side];
                pair.sides[*side].account == place.account
                    && known.account == place.account
                    && known.observed.as_ref() == Some(&place.calendar)
            };
            if let Some(side) = Side::BOTH.into_iter().find(is_there) {
                found.push(Found { pair: pair.clone(), row, side });
            }
        }
        if let Some(at) = found.iter().position(|found| found.pair.name == *name) {
            return Ok(found.swap_remove(at));
        }
        let made = format!(
            "change {id} was made in the calendar {} of the account {}",
            place.calendar, place.account
        );
        match (found.pop(), found.len()) {
            (Some(one), 0) => Ok(one),
            (Some(_), _) => Err(Refusal::usage(format!(
                "{made}, which several pairs have, and {name} is none of them; nothing was written"
            ))),
            (None, _) => {
                let now = elsewhere(config.pair(name), change);
                Err(Refusal::usage(format!("{made}; {now}; nothing was written")))
            }
        }
    }

    /// What a side is known to hold of a series.
    fn held(&self, row: &PairRow, side: Side, uid: &Uid) -> Result<Option<ResourceId>, Refusal> {
        let found = self.ctx.store.find(row.id, uid.as_str())?;
        let found = found.into_iter().filter(|found| found.uid == *uid);
        let mut held = found.filter_map(|found| found.sides[side].clone());
        Ok(held.find(|held| !matches!(held.now, NowRow::Absent)).map(|held| held.id))
    }

    /// Whether what stood there was a copy of calpair's that does not say what its original says.
    fn was_masked(&self, pair: &Pair, side: Side, change: &ChangeRow) -> Result<bool, Refusal> {
        let crossing = &pair.crossing[side];
        let plain = Crossing { skip: crossing.skip.clone(), ..Crossing::default() };
        if *crossing == plain {
            return Ok(false);
        }
        // The first that is known of it there is that calpair made it.
        let told = self.ctx.store.history(None, Some(&change.uid), usize::MAX)?;
        let first = told.into_iter().rfind(|row| row.place == change.place);
        Ok(first.is_some_and(|row| row.action == "create"))
    }

    /// What becomes on the other side of what was put back, as the end of a sentence.
    fn onward(&self, found: &Found, now: &Resource) -> Result<String, Refusal> {
        let Found { pair, row, side } = found;
        let other = side.opposite();
        let when = if row.paused {
            format!(" once it is resumed (`calpair resume {}`)", pair.name)
        } else {
            self.when().to_owned()
        };
        let (seen, is_on_other) = self.seen_next(row, *side, now)?;
        let step = planned(&seen, &self.policy(pair, row)).into_iter().next();
        let Some(step) = step else { return Ok(format!("the next cycle looks at it{when}")) };
        let crosses = step.writes[other].is_some();
        Ok(match (&step.decision, crosses, step.writes[*side].is_some()) {
            (Decision::Conflict, ..) => {
                format!("the {other} was changed as well: somebody will have to choose{when}")
            }
            (_, true, _) => format!("it crosses{when}"),
            (_, false, true) => {
                format!("but what the {other} says comes back over it{when}: {}", step.reason)
            }
            (Decision::Skip(_) | Decision::Problem(_), false, false) => {
                stays(&step, other, is_on_other)
            }
            _ if is_on_other => format!("the {other} says the same already"),
            _ => format!("the next cycle looks at it{when}"),
        })
    }

    /// The series as the next cycle will see it, with this on one side; and whether the other one
    /// is known to hold it.
    fn seen_next(
        &self,
        row: &PairRow,
        side: Side,
        now: &Resource,
    ) -> Result<(FoundRow, bool), Refusal> {
        let other = side.opposite();
        let uid = &now.series.uid;
        let found = self.ctx.store.find(row.id, uid.as_str())?.into_iter();
        let mut found: Vec<_> = found.filter(|found| found.uid == *uid).collect();
        let mapped = found.iter().position(|found| found.mapping.is_some());
        let mut seen = match mapped {
            Some(at) => found.swap_remove(at),
            None => FoundRow {
                uid: uid.clone(),
                title: None,
                mapping: None,
                sides: {
                    let mut sides = Sides::default();
                    sides[other] = found.into_iter().find_map(|found| found.sides[other].clone());
                    sides
                },
                problem: None,
            },
        };
        let present = NowRow::Present { id: now.id.clone(), series: now.series.clone() };
        let held = seen.sides[side].take();
        seen.sides[side] = Some(match held {
            Some(held) => FoundSide { now: present, ..held },
            None => FoundSide {
                id: now.id.clone(),
                version: now.version.clone(),
                now: present,
                raw: Redacted::new(now.raw.clone()),
                base: None,
                made: false,
                renew: Default::default(),
                beside: false,
                touched: true,
                skipped: None,
            },
        });
        let there = seen.sides[other].as_ref().map(|held| &held.now);
        let is_on_other = matches!(there, Some(NowRow::Present { .. } | NowRow::Unreadable { .. }));
        Ok((seen, is_on_other))
    }
}

/// What the configuration says now of the side that a change was made on.
fn elsewhere(pair: Option<&config::Pair>, change: &ChangeRow) -> String {
    let (name, side) = (&change.pair, change.side);
    match pair {
        Some(pair) => {
            let config::End { account, calendar } = &pair.sides[side];
            format!("the {side} side of {name} is {calendar:?} of the account {account} now")
        }
        None => format!("there is no pair {name} any more, and no other one has that calendar"),
    }
}

/// Why what was put back does not cross, and what that means for it.
fn stays(step: &Step, other: Side, is_on_other: bool) -> String {
    let why = format!("it does not cross: {}", step.reason);
    match step.decision {
        Decision::Skip(Skip::Direction) if is_on_other => {
            format!("{why}; what is changed on the {other} next comes over it")
        }
        _ => why,
    }
}

/// The fields that differ from what stood there, as a part of a sentence; empty where nothing did.
fn differing(ran: &Ran) -> String {
    let Some(before) = &ran.before else { return String::new() };
    let changes = reconcile::difference(Some(&before.series), Some(&ran.now.series));
    let fields: Vec<_> = changes.into_iter().map(|change| change.field).collect();
    if fields.is_empty() { String::new() } else { format!(" ({})", fields.join(", ")) }
}

/// What of the earlier version is not back, as a part of a sentence; empty where all of it is.
fn missing(
    provider: &dyn Provider,
    former: Former<'_>,
    current: Option<&Resource>,
    put: &Resource,
) -> String {
    let people = |series: &Series| series.events().any(|event| event.people != People::default());
    let without_people = people(former.series) && !people(&put.series);
    let is_otherwise = former
        .raw
        .is_some_and(|raw| !provider.puts_back() || provider.is_edited_beside(raw, &put.raw));
    let mut but = Vec::new();
    if without_people {
        but.push("without its people, who could be told of it");
    }
    match current {
        _ if !is_otherwise => {}
        Some(_) => but.push("what calpair does not sync stays as it is there now"),
        None => but.push("without what calpair does not sync"),
    }
    but.iter().map(|but| format!(", {but}")).collect()
}
