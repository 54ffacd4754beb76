//! `resolve` and `restore`: what somebody decides about one event.
//!
//! A choice in a conflict is carried out by the next cycle. An earlier version is put back as its
//! owner would: the side is written, and the next cycle finds an edit there. What can't be put back
//! is said.

use engine::PairSide;
use model::{People, Resource, Series, Side, Uid};
use provider::{Error, Former, Provider};
use store::{ChangeRow, NowRow, PairRow};

use super::{Answer, Refusal, Service};
use crate::config::Pair;
use crate::control::{Keep, Reply};
use crate::exit::Exit;

/// How far back `restore` looks: months of a pair in which something happens daily.
const CHANGES: usize = 100_000;

impl Service {
    pub(super) async fn resolve(&self, id: &str, keep: Keep) -> Answer {
        let Some((pair, row)) = self.conflicting(id)? else {
            let sentence =
                format!("there is no open conflict {id}; `calpair conflicts` lists them");
            return Err(Refusal::usage(sentence));
        };
        let number: i64 = id.parse().unwrap_or_default();
        let side = match keep {
            Keep::Left | Keep::Both => Side::Left,
            Keep::Right => Side::Right,
        };
        if keep == Keep::Both {
            self.keep_apart(&pair, &row, number).await?;
        }
        self.ctx.store.choose(row.id, number, side)?;
        self.wake(&row.name);
        let what = match keep {
            Keep::Left => "what the left side says is kept",
            Keep::Right => "what the right side says is kept",
            Keep::Both => "both are kept, as two events",
        };
        Ok(Reply::message(Exit::Fine, format!("{what}{}", self.when())))
    }

    /// The pair that has this conflict.
    fn conflicting(&self, id: &str) -> Result<Option<(Pair, PairRow)>, Refusal> {
        for pair in &self.config().pairs {
            let Some(row) = self.ctx.store.pair(&pair.name)? else { continue };
            let conflicts = self.ctx.store.conflicts(row.id)?;
            if conflicts.iter().any(|conflict| conflict.id.to_string() == id) {
                return Ok(Some((pair.clone(), row)));
            }
        }
        Ok(None)
    }

    /// What the right side says becomes an event of its own there; the left side's goes on.
    async fn keep_apart(&self, pair: &Pair, row: &PairRow, conflict: i64) -> Result<(), Refusal> {
        let conflicts = self.ctx.store.conflicts(row.id)?;
        let uid = conflicts.into_iter().find(|known| known.id == conflict).map(|known| known.uid);
        let found = self.ctx.store.find(row.id, uid.as_ref().map_or("", Uid::as_str))?;
        let mut held = found.into_iter().filter_map(|found| found.sides.right);
        let series = held.find_map(|side| match side.now {
            NowRow::Present { series, .. } => Some(series),
            NowRow::Absent | NowRow::Unreadable { .. } => None,
        });
        let Some(mut series) = series else {
            return Err(Refusal::new(Exit::Failed, "the right side does not have it any more"));
        };
        let key = self.ctx.chance.create_key();
        series.uid = Uid::new(key.as_str());
        let (end, calendar) = self.at(pair, row, Side::Right).await?;
        let made = end.provider.create(&calendar, &series, &key).await;
        made.map(drop).map_err(|error: Error| self.met(&end, &error))
    }

    pub(super) async fn restore(&self, change: &str) -> Answer {
        let all = self.ctx.store.history(None, None, CHANGES)?;
        let Some(change) = all.into_iter().find(|row| row.id.to_string() == change) else {
            let sentence = format!("there is no change {change}; `calpair history` lists them");
            return Err(Refusal::usage(sentence));
        };
        let Some(before) = change.before.clone() else {
            let sentence = "there was nothing before that change; delete the event in its calendar";
            return Err(Refusal::usage(sentence));
        };
        let pair = self.pair_of(change.pair.as_str())?;
        let row = self.row_of(&pair)?;
        let (end, calendar) = self.at(&pair, &row, change.side).await?;
        let raw = self.ctx.store.former(change.id)?;
        let raw = raw.as_ref().map(|raw| raw.expose().as_slice());
        let former = Former { series: &before, raw };
        let current = self.held(&row, &change)?;
        let key = self.ctx.chance.create_key();
        let put = end.provider.put_back(&calendar, former, current.as_ref(), &key).await;
        let put = put.map_err(|error| self.met(&end, &error))?;
        self.wake(&row.name);
        let (side, when) = (change.side, self.when());
        let but = missing(end.provider.as_ref(), former, current.as_ref(), &put);
        let sentence = format!("the earlier version is back on the {side}{but}; it crosses{when}");
        Ok(Reply::message(Exit::Fine, sentence))
    }

    /// What the changed side holds of the series now.
    fn held(&self, row: &PairRow, change: &ChangeRow) -> Result<Option<Resource>, Refusal> {
        let found = self.ctx.store.find(row.id, change.uid.as_str())?;
        for found in found.into_iter().filter(|found| found.uid == change.uid) {
            if let Some(side) = &found.sides[change.side]
                && matches!(side.now, NowRow::Present { .. })
            {
                return Ok(self.ctx.store.resource(row.id, change.side, &side.id)?);
            }
        }
        Ok(None)
    }

    /// How one side of a pair is written.
    async fn at(
        &self,
        pair: &Pair,
        row: &PairRow,
        side: Side,
    ) -> Result<(PairSide, model::CalendarId), Refusal> {
        let account = self.account_of(pair.sides[side].account.as_str())?;
        let end = self.may_ask(&account).await?;
        match &row.sides[side].calendar {
            Some(calendar) => Ok((end, calendar.clone())),
            None => Err(Refusal::new(Exit::TryAgain, "the pair has not had a cycle yet")),
        }
    }
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
