//! `resolve`: what somebody decides about one event, and how that is written outside a cycle.
//!
//! A choice in a conflict is carried out by the next cycle. What is written for it is written
//! between two cycles of the pair, and the next one finds an edit there.

use std::time::Duration;

use engine::{Errand, Failure, PairSide, Place, Ran};
use model::Side;
use provider::{Error, ErrorKind};
use store::{NowRow, PairRow};
use tokio::sync::OwnedMutexGuard;

use super::{Answer, Refusal, Service};
use crate::config::Pair;
use crate::control::{Keep, Reply};
use crate::exit::Exit;

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

    /// Runs what somebody asked for on a side.
    pub(super) async fn run_errand(
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
    pub(super) async fn turn(&self, pair: &Pair) -> Result<Option<OwnedMutexGuard<()>>, Refusal> {
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
            None => {
                let sentence = format!(
                    "which calendar the {side} side of {0} is now, only a cycle finds out; nothing \
                     was written; `calpair sync {0}` first",
                    pair.name
                );
                Err(Refusal::new(Exit::TryAgain, sentence))
            }
        }
    }
}

/// What tells an errand from every other one: of the same words the same; nothing of them shows.
pub(super) fn name(words: &[&str]) -> String {
    let digest = store::digest_bytes(words.join("\n").as_bytes());
    digest.0.iter().map(|byte| format!("{byte:02x}")).collect()
}
