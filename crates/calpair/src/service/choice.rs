//! `resolve` and `restore`: what somebody decides about one event.
//!
//! A choice in a conflict is carried out by the next cycle. An earlier version is put back as its
//! owner would: the side is written, between two cycles of the pair, and the next one finds an edit
//! there. What can't be put back is said.

use std::time::Duration;

use engine::{Errand, Failure, PairSide, Place, Ran};
use model::{People, Resource, ResourceId, Series, Side};
use provider::{Error, ErrorKind, Former, Provider};
use store::{ChangeRow, NowRow, PairRow};
use tokio::sync::OwnedMutexGuard;

use super::{Answer, Refusal, Service};
use crate::config::Pair;
use crate::control::{Keep, Reply};
use crate::exit::Exit;

/// How far back `restore` looks: months of a pair in which something happens daily.
const CHANGES: usize = 100_000;

/// How long whoever asks waits for a cycle to end: only a first sync takes longer.
const PATIENCE: Duration = Duration::from_secs(30);

impl Service {
    pub(super) async fn resolve(&self, id: &str, keep: Keep) -> Answer {
        let Some((pair, row)) = self.conflicting(id)? else {
            let sentence =
                format!("there is no open conflict {id}; `calpair conflicts` lists them");
            return Err(Refusal::usage(sentence));
        };
        let number: i64 = id.parse().unwrap_or_default();
        match keep {
            Keep::Both => self.keep_apart(&pair, &row, number).await?,
            Keep::Left => drop(self.ctx.store.choose_instead(row.id, number, Side::Left)?),
            Keep::Right => drop(self.ctx.store.choose_instead(row.id, number, Side::Right)?),
        }
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
        let _turn = self.turn(pair).await?;
        let conflicts = self.ctx.store.conflicts(row.id)?;
        let Some(known) = conflicts.into_iter().find(|known| known.id == conflict) else {
            return Err(Refusal::new(Exit::Failed, "the conflict is no more"));
        };
        let found = self.ctx.store.find(row.id, known.uid.as_str())?;
        let mut held = found.into_iter().filter_map(|found| found.sides.right);
        let series = held.find_map(|side| match side.now {
            NowRow::Present { series, .. } => Some(series),
            NowRow::Absent | NowRow::Unreadable { .. } => None,
        });
        let Some(series) = series else {
            return Err(Refusal::new(Exit::Failed, "the right side does not have it any more"));
        };
        let (at, content) = (known.since.as_microsecond(), store::digest(&series).0);
        let name = name(&[
            "apart",
            &conflict.to_string(),
            &at.to_string(),
            pair.name.as_str(),
            known.uid.as_str(),
            &format!("{content:02x?}"),
        ]);
        let errand = Errand::KeepApart { conflict, name: &name, series: &series };
        self.run_errand(pair, row, Side::Right, &errand).await.map(drop)
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
        let _turn = self.turn(&pair).await?;
        let row = self.row_of(&pair)?;
        let name = name(&[
            "change",
            &change.id.to_string(),
            &change.at.as_microsecond().to_string(),
            change.pair.as_str(),
            change.side.as_str(),
            change.uid.as_str(),
        ]);
        let over = self.held(&row, &change)?;
        let errand = Errand::PutBack { change: change.id, name: &name, series: &before, over };
        let (end, ran) = self.run_errand(&pair, &row, change.side, &errand).await?;
        let side = change.side;
        if !ran.wrote {
            let sentence = format!("the {side} is as it was before that change already");
            return Ok(Reply::message(Exit::Fine, sentence));
        }
        let raw = self.ctx.store.former(change.id)?;
        let raw = raw.as_ref().map(|raw| raw.expose().as_slice());
        let former = Former { series: &before, raw };
        let what = differing(&ran);
        let but = missing(end.provider.as_ref(), former, ran.before.as_ref(), &ran.now);
        let when = self.when();
        let sentence =
            format!("the earlier version is back on the {side}{what}{but}; it crosses{when}");
        Ok(Reply::message(Exit::Fine, sentence))
    }

    /// What the changed side is known to hold of the series.
    fn held(&self, row: &PairRow, change: &ChangeRow) -> Result<Option<ResourceId>, Refusal> {
        let found = self.ctx.store.find(row.id, change.uid.as_str())?;
        let found = found.into_iter().filter(|found| found.uid == change.uid);
        let mut held = found.filter_map(|found| found.sides[change.side].clone());
        Ok(held.find(|held| !matches!(held.now, NowRow::Absent)).map(|held| held.id))
    }

    /// Runs what somebody asked for on a side.
    async fn run_errand(
        &self,
        pair: &Pair,
        row: &PairRow,
        side: Side,
        errand: &Errand<'_>,
    ) -> Result<(PairSide, Ran), Refusal> {
        let (end, calendar) = self.at(pair, row, side).await?;
        let provider = end.provider.as_ref();
        let place = Place { pair: row.id, side, provider, calendar: &calendar };
        match engine::run_errand(&self.ctx, &place, errand).await {
            Ok(ran) => {
                self.wake(&row.name);
                Ok((end, ran))
            }
            Err(Failure::Provider { error, .. }) => Err(self.not_run(&end, &error)),
            Err(Failure::Store(error)) => Err(error.into()),
            Err(failure @ (Failure::Calendar { .. } | Failure::Check(_))) => {
                Err(Refusal::new(Exit::Failed, failure.to_string()))
            }
        }
    }

    /// What a provider's refusal means for whoever asked.
    fn not_run(&self, end: &PairSide, error: &Error) -> Refusal {
        let (exit, more) = match error.kind() {
            ErrorKind::Stale | ErrorKind::Gone => (
                Exit::TryAgain,
                "somebody is changing it right now; nothing was written; try again",
            ),
            ErrorKind::AlreadyExists => {
                (Exit::Failed, "if it is in this calendar, try again after the next cycle")
            }
            ErrorKind::Unavailable | ErrorKind::Malformed => (
                Exit::TryAgain,
                "whether it was written is not known; the next cycle looks, and writes it if not",
            ),
            ErrorKind::CursorExpired
            | ErrorKind::WritesLimited { .. }
            | ErrorKind::RateLimited { .. }
            | ErrorKind::Unauthorized
            | ErrorKind::Forbidden
            | ErrorKind::Rejected => return self.met(end, error),
        };
        Refusal::new(exit, format!("{}; {more}", self.met(end, error).sentence))
    }

    /// Waits until no cycle of the pair is under way; none begins while the answer is kept.
    async fn turn(&self, pair: &Pair) -> Result<Option<OwnedMutexGuard<()>>, Refusal> {
        let Some(supervisor) = &self.supervisor else { return Ok(None) };
        tokio::select! {
            biased;
            turn = supervisor.hold(&pair.name) => Ok(turn),
            () = self.ctx.clock.sleep(PATIENCE) => {
                let sentence = format!(
                    "a cycle of {} is under way and takes long; nothing was written; try again \
                     when it is over",
                    pair.name
                );
                Err(Refusal::new(Exit::TryAgain, sentence))
            }
        }
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

/// What tells an errand from every other one: of the same words the same; nothing of them shows.
fn name(words: &[&str]) -> String {
    let digest = store::digest_bytes(words.join("\n").as_bytes());
    digest.0.iter().map(|byte| format!("{byte:02x}")).collect()
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
