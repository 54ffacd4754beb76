//! `detach`: the end of a pair. With `--remove-copies`, what calpair made on each side goes too.
//!
//! First the copies are looked for: a calendar may be named otherwise in the configuration, and the
//! outcome of a creation may not be known. A pair that was led away from them is refused.
//!
//! Copies are deleted one by one, only as they were last seen, each journalled before and in
//! history after, like every write. Where it made both sides' (one of them was led to another
//! calendar), the older one stays: its owner must keep one. From the first one on no cycle of the
//! pair runs any more, and each series is forgotten in the moment in which its deletion is
//! recorded: whatever happens in between, no deletion crosses to the other side, and a second
//! `detach` goes on with what is left.
//! A pair that still stands in the configuration is paused, so that it does not begin anew by
//! itself, until a configuration without it was taken up.

use engine::{AlertEvent, Failure};
use model::{Side, Sides, Uid};
use provider::{ErrorKind, Provider};
use store::{ActionKind, CopyRow, IntentId, NewIntent, PairRow, SubjectRow};

use super::{Answer, Refusal, Service};
use crate::config::{self, Config};
use crate::control::Reply;
use crate::exit::Exit;

/// So many deletions are journalled at once: each time costs a wait for the disk.
const BATCH: usize = 50;

/// Why a copy is deleted, for history.
const REASON: &str = "detached with --remove-copies; calpair had made this copy";

/// What becomes of copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Copies {
    /// They stay.
    Keep,
    /// They are deleted, unless they were changed since.
    Remove,
}

/// What `--remove-copies` asks for.
pub(super) const fn copies(remove: bool) -> Copies {
    if remove { Copies::Remove } else { Copies::Keep }
}

/// How many kept copies are named in the answer: a screen of them. The log names all.
const NAMED: usize = 20;

/// What became of a side's copies.
#[derive(Clone, Default)]
struct Removed {
    /// They are gone.
    deleted: u64,
    /// They were changed since, or the provider does not let them go: each one's UID, and why.
    kept: Vec<(Uid, String)>,
    /// Calpair had made them, and what was on the other side from them: one of the two stays.
    sources: u64,
    /// The provider did not answer: they are still to be deleted.
    left: u64,
}

/// What became of one copy.
enum Fate {
    Deleted,
    /// Why, as words.
    Kept(String),
    /// Neither it nor another can be deleted now.
    Unknown,
}

impl Service {
    pub(super) async fn detach(&self, name: &str, copies: Copies) -> Answer {
        let pair = self.pair_of(name)?;
        if copies == Copies::Remove {
            self.in_order(&pair).await?;
        }
        let given_up = self.let_go(&pair.name).await;
        let ended = self.end(&pair, copies).await;
        drop(given_up);
        // Whatever it came to: a pair that goes on is kept again.
        self.restart_changed();
        ended
    }

    async fn end(&self, pair: &config::Pair, copies: Copies) -> Answer {
        let (store, name) = (&self.ctx.store, &pair.name);
        if copies == Copies::Remove {
            self.settled(pair).await?;
        }
        let row = self.row_of(pair)?;
        let removed = match copies {
            Copies::Keep => Sides::default(),
            Copies::Remove => self.remove_copies(pair, &row).await?,
        };
        let mut said: Vec<String> = removed.iter().filter_map(told).collect();
        if copies == Copies::Remove && said.is_empty() {
            said.push("nothing was deleted: calpair knows of no copy of its own there".to_owned());
        }
        said.extend(kept(&removed));
        let left = removed.left.left + removed.right.left;
        let unknown = match copies {
            Copies::Keep => 0,
            Copies::Remove => unknown(&store.open_intents(row.id)?),
        };
        if left > 0 || unknown > 0 {
            if left > 0 {
                let still = "copies are still there; nothing of the rest is lost";
                said.insert(0, format!("{left} {still}"));
            }
            if unknown > 0 {
                said.push(format!(
                    "of {unknown} that calpair began to make it is not known whether they are there"
                ));
            }
            said.push(format!("`calpair detach {name} --remove-copies` goes on"));
            return Err(Refusal::new(Exit::TryAgain, said.join("\n")));
        }
        store.remove_pair(row.id)?;
        self.ctx.alerts.over(name, &AlertEvent::OF_PAIRS)?;
        let anew = self.row_of(pair)?;
        store.set_detached(anew.id)?;
        let (reason, now) = ("detached; take it out of the configuration", self.ctx.now());
        let action = format!("calpair resume {name} begins it anew");
        store.put_pair_state(anew.id, "paused", now, Some(reason), Some(&action))?;
        said.insert(0, format!("{name} is detached; take it out of the configuration now"));
        Ok(Reply::message(Exit::Fine, said.join("\n")))
    }

    /// Forgets the detached pairs that this configuration no longer has.
    pub(super) fn forget_detached(&self, config: &Config) -> store::Result<()> {
        let rows = self.ctx.store.pairs()?.into_iter();
        for row in rows.filter(|row| row.detached && config.pair(&row.name).is_none()) {
            self.ctx.store.remove_pair(row.id)?;
        }
        Ok(())
    }

    /// Both accounts can be used, and their servers answer.
    async fn in_order(&self, pair: &config::Pair) -> Result<(), Refusal> {
        for (_, end) in pair.sides.iter() {
            let account = self.account_of(end.account.as_str())?;
            let end = self.may_ask(&account).await?;
            end.provider.identity().await.map_err(|error| self.met(&end, &error))?;
        }
        Ok(())
    }

    /// The pair's calendars are those with its copies in them, and what was begun there is known.
    async fn settled(&self, pair: &config::Pair) -> Result<(), Refusal> {
        let (store, name) = (&self.ctx.store, &pair.name);
        let Some(row) = store.pair(name)? else { return Ok(()) };
        let copies = store.mapped_copies(row.id)?;
        let made = copies.left.len() + copies.right.len();
        if made == 0 && store.open_intents(row.id)?.is_empty() {
            return Ok(());
        }
        let elsewhere = |side: Side, what: &str| {
            let sentence = format!(
                "nothing was deleted: the {side} side of {name} is not the calendar any more in \
                 which calpair knows its copies, {made} on both sides: {what}. To have them \
                 deleted, lead the pair back there in the configuration first; `calpair detach \
                 {name}` ends it and leaves them where they are"
            );
            Refusal::usage(sentence)
        };
        for (side, end) in pair.sides.iter() {
            let (was, now) = (&row.sides[side].account, &end.account);
            if was != now {
                let what = format!("it was one of the account {was}, and is one of {now} now");
                return Err(elsewhere(side, &what));
            }
        }
        let charge = self.charges().into_iter().find(|charge| charge.pair.name == *name);
        let Some(charge) = charge else { return Ok(()) };
        match engine::settle(&self.ctx, &charge.pair).await {
            Ok(()) => Ok(()),
            Err(Failure::Calendar { side, reason }) => Err(elsewhere(side, &reason)),
            Err(Failure::Store(error)) => Err(error.into()),
            Err(Failure::Provider { side, error }) => {
                let refusal = self.met(&charge.pair.sides[side], &error);
                let sentence = format!("nothing was deleted: {}", refusal.sentence);
                Err(Refusal::new(refusal.exit, sentence))
            }
            Err(failure @ Failure::Check(_)) => {
                Err(Refusal::new(Exit::Failed, failure.to_string()))
            }
        }
    }

    /// Deletes what calpair made on each side and nobody has changed since.
    async fn remove_copies(
        &self,
        pair: &config::Pair,
        row: &PairRow,
    ) -> Result<Sides<Removed>, Refusal> {
        let (store, now) = (&self.ctx.store, self.ctx.now());
        store.begin_detach(row.id)?;
        let action = format!("calpair detach {} --remove-copies goes on with it", pair.name);
        let reason = Some("its copies are being removed");
        store.put_pair_state(row.id, "paused", now, reason, Some(&action))?;
        let run = store.begin_run(row.id, now)?;
        let copies = store.mapped_copies(row.id)?;
        let sources = |copies: Vec<CopyRow>| copies.iter().filter(|copy| copy.is_source).count();
        let mut removed =
            copies.map(|copies| Removed { sources: sources(copies) as u64, ..Removed::default() });
        for side in Side::BOTH {
            // Anew: what went from the other side is forgotten on this one, too.
            let mut copies = std::mem::take(&mut store.mapped_copies(row.id)?[side]);
            copies.retain(|copy| !copy.is_source);
            let (copies, changed): (Vec<_>, Vec<_>) = copies.iter().partition(|c| !c.changed);
            for copy in changed {
                let (pair, uid) = (&pair.name, &copy.uid);
                tracing::warn!(%pair, %side, %uid, "a copy was changed since; it stays");
                removed[side].kept.push((uid.clone(), "changed since".to_owned()));
            }
            let reach = self.setup().roster.get(&pair.sides[side].account).cloned();
            let calendar = row.sides[side].calendar.clone();
            let (Some(reach), Some(calendar)) = (reach, calendar) else {
                removed[side].left += copies.len() as u64;
                continue;
            };
            let provider = reach.adapter.provider.as_ref();
            let here = Here { service: self, row, side, calendar, provider, run };
            here.remove(&copies, &mut removed[side]).await?;
        }
        Ok(removed)
    }
}

/// A side whose copies are removed.
struct Here<'a> {
    service: &'a Service,
    row: &'a PairRow,
    side: Side,
    calendar: model::CalendarId,
    provider: &'a dyn Provider,
    run: i64,
}

impl Here<'_> {
    async fn remove(&self, copies: &[&CopyRow], removed: &mut Removed) -> Result<(), Refusal> {
        let (store, stop) = (&self.service.ctx.store, &self.service.ctx.stop);
        let mut goes_on = true;
        for batch in copies.chunks(BATCH) {
            if !goes_on {
                removed.left += batch.len() as u64;
                continue;
            }
            for (copy, intent) in batch.iter().zip(self.journal(batch)?) {
                if !goes_on || stop.is_cancelled() {
                    goes_on = false;
                    store.abandon(intent)?;
                    removed.left += 1;
                    continue;
                }
                match self.remove_one(copy, intent).await? {
                    Fate::Deleted => removed.deleted += 1,
                    Fate::Kept(why) => removed.kept.push((copy.uid.clone(), why)),
                    Fate::Unknown => {
                        goes_on = false;
                        removed.left += 1;
                    }
                }
            }
        }
        Ok(())
    }

    /// The journal's entry of each copy; what an earlier detach began is used again.
    fn journal(&self, batch: &[&CopyRow]) -> Result<Vec<IntentId>, Refusal> {
        let (ctx, pair) = (&self.service.ctx, self.row.id);
        let open = ctx.store.open_intents(pair)?;
        let begun = |copy: &CopyRow| {
            let is_same = |intent: &&store::IntentRow| {
                intent.subject == SubjectRow::Known(copy.mapping)
                    && (intent.action, intent.side) == (ActionKind::Delete, self.side)
            };
            open.iter().find(is_same).map(|intent| intent.id)
        };
        let mut intents = Vec::with_capacity(batch.len());
        let mut fresh = Vec::new();
        for copy in batch {
            intents.push(begun(copy));
            if begun(copy).is_none() {
                let held = ctx.store.resource(pair, self.side, &copy.resource)?;
                fresh.push((copy, held.map(|held| held.series)));
            }
        }
        let new: Vec<NewIntent<'_>> = fresh
            .iter()
            .map(|(copy, before)| NewIntent {
                subject: SubjectRow::Known(copy.mapping),
                side: self.side,
                action: ActionKind::Delete,
                key: None,
                resource: Some(&copy.resource),
                before: before.as_ref(),
                target: None,
                run: self.run,
                reason: REASON,
                // Nobody has changed it: its series says all that it says.
                keeps_former: false,
            })
            .collect();
        let mut new = ctx.store.begin(pair, &new, ctx.now())?.into_iter();
        Ok(intents.into_iter().filter_map(|known| known.or_else(|| new.next())).collect())
    }

    async fn remove_one(&self, copy: &CopyRow, intent: IntentId) -> Result<Fate, Refusal> {
        let ctx = &self.service.ctx;
        let held = ctx.store.resource(self.row.id, self.side, &copy.resource)?;
        let Some(held) = held else {
            ctx.store.abandon(intent)?;
            return Ok(Fate::Kept("it can't be read".to_owned()));
        };
        let Err(error) = self.provider.delete(&self.calendar, &held).await else {
            ctx.store.removed(intent, ctx.now())?;
            return Ok(Fate::Deleted);
        };
        let (pair, side, uid) = (&self.row.name, self.side, &copy.uid);
        match error.kind() {
            ErrorKind::Gone => {
                ctx.store.removed(intent, ctx.now())?;
                Ok(Fate::Deleted)
            }
            ErrorKind::Stale => {
                tracing::warn!(%pair, %side, %uid, "a copy was changed since; it stays");
                ctx.store.abandon(intent)?;
                Ok(Fate::Kept("changed since".to_owned()))
            }
            ErrorKind::Forbidden
            | ErrorKind::Rejected
            | ErrorKind::AlreadyExists
            | ErrorKind::CursorExpired => {
                tracing::warn!(%pair, %side, %uid, %error, "a copy could not be deleted; it stays");
                ctx.store.abandon(intent)?;
                Ok(Fate::Kept(error.sentence().to_owned()))
            }
            // Whether it is gone is not known: the intent stays open, and the next try finds out.
            ErrorKind::Unavailable
            | ErrorKind::Malformed
            | ErrorKind::Unauthorized
            | ErrorKind::RateLimited { .. }
            | ErrorKind::WritesLimited { .. } => {
                tracing::warn!(%pair, %side, %error, "copies could not be deleted now");
                Ok(Fate::Unknown)
            }
        }
    }
}

/// How many creations have an outcome that is not known.
fn unknown(open: &[store::IntentRow]) -> usize {
    open.iter().filter(|intent| intent.action == ActionKind::Create).count()
}

/// What is said of a side; nothing where calpair had made nothing.
fn told((side, removed): (Side, &Removed)) -> Option<String> {
    let Removed { deleted, kept, sources, left } = removed;
    let kept = kept.len();
    let mut rest = String::new();
    if *sources > 0 {
        let other = side.opposite();
        rest = format!(", {sources} left alone: those on the {other} were made from them");
    }
    if *left > 0 {
        rest = format!(", {left} still to be deleted{rest}");
    }
    (*deleted > 0 || kept > 0 || !rest.is_empty())
        .then(|| format!("{side}: {deleted} copies deleted, {kept} kept{rest}"))
}

/// The copies that stay, by UID, and what to do about them.
fn kept(removed: &Sides<Removed>) -> Vec<String> {
    let all: Vec<_> = removed
        .iter()
        .flat_map(|(side, removed)| removed.kept.iter().map(move |(uid, why)| (side, uid, why)))
        .collect();
    if all.is_empty() {
        return Vec::new();
    }
    let named = all.iter().take(NAMED).map(|(side, uid, why)| format!("  {side}: {uid} ({why})"));
    let mut said =
        vec!["kept; delete them yourself in the calendar if you don't want them:".into()];
    said.extend(named);
    if all.len() > NAMED {
        said.push(format!("  and {} more; the log names them all", all.len() - NAMED));
    }
    said
}
