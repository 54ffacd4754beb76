//! Errands: writes that a person asks for, outside any cycle. An earlier version is put back where
//! it stood, or what one side of a conflict says becomes an event of its own.
//!
//! Like every write they are conditional and journalled, and history shows them. Unlike a cycle's
//! they are somebody's edits: what the side is known to hold stays as it is, and the next cycle
//! finds there what was written, and carries it across.
//!
//! The same errand twice makes one event. Its key follows from what was asked for, and what it
//! made is looked for before it is made again; once that is gone, because its owner has deleted it,
//! it is made anew, under another key: no provider has to forget what it has deleted.

use model::{CalendarId, CreateKey, Resource, ResourceId, Series, Side, Uid};
use provider::{Error, ErrorKind, FETCH_LIMIT, Former, Outcome, Provider};
use store::{ErrandId, ErrandRow, NewErrand, PairId};

use crate::Context;
use crate::report::Failure;

/// How long, in seconds, what never arrived is still written: who has waited for an hour may have
/// made it by hand.
const PATIENCE: i64 = 60 * 60;

/// A side, as errands write it.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    /// The pair.
    pub pair: PairId,
    /// Which side of it.
    pub side: Side,
    /// How to reach it.
    pub provider: &'a dyn Provider,
    /// Its calendar.
    pub calendar: &'a CalendarId,
}

/// What somebody wants.
#[derive(Clone, Debug)]
pub enum Errand<'a> {
    /// What was there before a change is to be there again.
    PutBack {
        /// The change in history.
        change: i64,
        /// Tells it from every other change, those of other databases included.
        name: &'a str,
        /// What was there before it.
        series: &'a Series,
        /// What the side is known to hold of it now.
        over: Option<ResourceId>,
    },
    /// This is to be an event of its own, and the left side wins the conflict.
    KeepApart {
        /// The conflict.
        conflict: i64,
        /// Tells it from every other conflict, and from another content of this one.
        name: &'a str,
        /// The content.
        series: &'a Series,
    },
}

/// What an errand came to.
#[derive(Debug)]
pub struct Ran {
    /// What stood there before.
    pub before: Option<Resource>,
    /// What stands there now.
    pub now: Resource,
    /// Whether anything was written: else it was so already.
    pub wrote: bool,
}

impl Errand<'_> {
    const fn name(&self) -> &str {
        match self {
            Errand::PutBack { name, .. } | Errand::KeepApart { name, .. } => name,
        }
    }

    /// What is to be there, made under this key.
    fn target(&self, key: &CreateKey) -> Series {
        match self {
            Errand::PutBack { series, .. } => (*series).clone(),
            Errand::KeepApart { series, .. } => {
                Series { uid: Uid::new(key.as_str()), ..(*series).clone() }
            }
        }
    }

    const fn change(&self) -> Option<i64> {
        match self {
            Errand::PutBack { change, .. } => Some(*change),
            Errand::KeepApart { .. } => None,
        }
    }

    const fn conflict(&self) -> Option<i64> {
        match self {
            Errand::PutBack { .. } => None,
            Errand::KeepApart { conflict, .. } => Some(*conflict),
        }
    }

    /// For history.
    fn reason(&self) -> String {
        match self {
            Errand::PutBack { change, .. } => format!("restored from change {change}"),
            Errand::KeepApart { conflict, .. } => {
                format!("kept as an event of its own after conflict {conflict}")
            }
        }
    }
}

/// The key of what an errand creates. Cut like a key by chance: 128 bits in hexadecimal.
fn key(name: &str, attempt: u32) -> CreateKey {
    let digest = store::digest_bytes(format!("calpair errand\n{name}\n{attempt}").as_bytes());
    let text: String = digest.0[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    CreateKey::new(text)
}

/// Runs an errand; no cycle of the pair may run meanwhile.
///
/// # Errors
/// A provider's `Stale` or `Gone`: somebody else was writing, twice in a row, and nothing was
/// written. `Unavailable` or `Malformed`: whether it was written is not known, and the next cycle
/// finds out. Any other: nothing was written.
pub async fn run(ctx: &Context, place: &Place<'_>, errand: &Errand<'_>) -> Result<Ran, Failure> {
    let open = ctx.store.open_errands(place.pair)?.into_iter();
    for open in open.filter(|open| open.side == place.side && open.name == errand.name()) {
        settle_one(ctx, place, &open).await?;
    }
    match once(ctx, place, errand).await {
        Err(Failure::Provider { error, .. })
            if matches!(error.kind(), ErrorKind::Stale | ErrorKind::Gone) =>
        {
            once(ctx, place, errand).await
        }
        outcome => outcome,
    }
}

async fn once(ctx: &Context, place: &Place<'_>, errand: &Errand<'_>) -> Result<Ran, Failure> {
    let (attempt, before) = found(ctx, place, errand).await?;
    let key = key(errand.name(), attempt);
    let target = errand.target(&key);
    let raw = former(ctx, errand.change())?;
    let raw = raw.as_deref();
    if let Some(now) = before.as_ref().filter(|now| is_so(place, errand, now, &target, raw)) {
        if let Some(conflict) = errand.conflict() {
            ctx.store.choose(place.pair, conflict, Side::Left)?;
        }
        return Ok(Ran { now: now.clone(), before, wrote: false });
    }
    let reason = errand.reason();
    let new = NewErrand {
        name: errand.name(),
        attempt,
        side: place.side,
        change: errand.change(),
        conflict: errand.conflict(),
        over: before.as_ref().map(|before| &before.id),
        before: before.as_ref().map(|before| &before.series),
        former: before.as_ref().filter(|_| place.provider.puts_back()).map(|now| &*now.raw),
        target: &target,
        run: ctx.store.begin_run(place.pair, ctx.now())?,
        reason: &reason,
    };
    let id = ctx.store.begin_errand(place.pair, &new, ctx.now())?;
    let former = Former { series: &target, raw };
    match write(ctx, place, id, former, before.as_ref(), &key).await {
        Ok(now) => Ok(Ran { before, now, wrote: true }),
        Err(failure) => {
            if let Failure::Provider { error, .. } = &failure
                && fate(error.kind()) != Fate::Unknown
            {
                ctx.store.drop_errand(id)?;
            }
            Err(failure)
        }
    }
}

/// What stands there of what an errand is about, and which of the events that it ever made the next
/// one would be.
async fn found(
    ctx: &Context,
    place: &Place<'_>,
    errand: &Errand<'_>,
) -> Result<(u32, Option<Resource>), Failure> {
    let (over, uid) = match errand {
        Errand::PutBack { series, over, .. } => (over.clone(), series.uid.clone()),
        Errand::KeepApart { .. } => (None, Uid::new(errand.name())),
    };
    let made =
        ctx.store.made_by_errands(place.pair, place.side, errand.name(), &uid, FETCH_LIMIT - 1)?;
    let last = made.iter().filter(|made| made.name == errand.name()).map(|made| made.attempt).max();
    let attempt = last.map_or(0, |last| last.saturating_add(1));
    let mut ids: Vec<ResourceId> = Vec::new();
    for id in over.into_iter().chain(made.into_iter().map(|made| made.resource)) {
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Ok((attempt, look(place, &ids).await?))
}

/// The first of these resources that is there.
async fn look(place: &Place<'_>, ids: &[ResourceId]) -> Result<Option<Resource>, Failure> {
    if ids.is_empty() {
        return Ok(None);
    }
    let fetched = place.provider.fetch(place.calendar, ids).await.map_err(at(place))?;
    let mut there = None;
    for one in fetched {
        let place_of = |id: &ResourceId| ids.iter().position(|known| known == id);
        match one.outcome {
            Outcome::Found(resource) => {
                let is_first = there
                    .as_ref()
                    .is_none_or(|before: &Resource| place_of(&resource.id) < place_of(&before.id));
                if is_first {
                    there = Some(*resource);
                }
            }
            Outcome::Gone | Outcome::NoEvent => {}
            Outcome::Unreadable(_) => {
                let sentence = "what stands there now can't be read, and is left as it is";
                return Err(at(place)(Error::new(ErrorKind::Rejected, sentence)));
            }
            Outcome::Withheld(error) | Outcome::Failed(error) => return Err(at(place)(error)),
        }
    }
    Ok(there)
}

/// Whether what stands there is what is asked for.
fn is_so(
    place: &Place<'_>,
    errand: &Errand<'_>,
    now: &Resource,
    target: &Series,
    raw: Option<&[u8]>,
) -> bool {
    match errand {
        Errand::PutBack { .. } => {
            let is_beside = raw.is_some_and(|raw| place.provider.is_edited_beside(raw, &now.raw));
            now.series.same_content(target) && !is_beside
        }
        // Whatever its owner has made of it since.
        Errand::KeepApart { .. } => true,
    }
}

/// Sends what was begun, and records that it was made.
async fn write(
    ctx: &Context,
    place: &Place<'_>,
    id: ErrandId,
    former: Former<'_>,
    over: Option<&Resource>,
    key: &CreateKey,
) -> Result<Resource, Failure> {
    let put = place.provider.put_back(place.calendar, former, over, key).await;
    let now = put.map_err(at(place))?;
    ctx.store.ran_errand(id, &now.id)?;
    Ok(now)
}

/// What an error says of the write that met it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It was not made.
    Refused,
    /// It was not made, and nothing would be now.
    NotNow,
    /// It may have been made.
    Unknown,
}

const fn fate(kind: ErrorKind) -> Fate {
    match kind {
        ErrorKind::Unavailable | ErrorKind::Malformed => Fate::Unknown,
        ErrorKind::WritesLimited { .. }
        | ErrorKind::RateLimited { .. }
        | ErrorKind::Unauthorized => Fate::NotNow,
        ErrorKind::Stale
        | ErrorKind::Gone
        | ErrorKind::AlreadyExists
        | ErrorKind::Forbidden
        | ErrorKind::Rejected
        | ErrorKind::CursorExpired => Fate::Refused,
    }
}

/// Finds out what became of an errand whose answer was lost, and finishes what never arrived: it
/// was asked for. What can't be found out now stays open, at most for an hour; after it nothing
/// more is written.
///
/// # Errors
/// When it could not be found out. It is no reason to do nothing else: whatever became of it reads
/// as somebody's edit, or is not there.
pub(crate) async fn settle_one(
    ctx: &Context,
    place: &Place<'_>,
    row: &ErrandRow,
) -> Result<(), Failure> {
    // A time ahead was written by a clock that was wrong.
    let age = ctx.now().as_second().saturating_sub(row.at.as_second());
    let is_old = !(0..=PATIENCE).contains(&age);
    let mode = if is_old { Settle::Look } else { Settle::Finish };
    let Err(failure) = try_settle(ctx, place, row, mode).await else { return Ok(()) };
    let Failure::Provider { error, .. } = &failure else { return Err(failure) };
    match (fate(error.kind()), &row.over) {
        (Fate::Unknown | Fate::NotNow, _) if !is_old => return Err(failure),
        // What it may have replaced is not lost.
        (Fate::Unknown, Some(id)) => ctx.store.ran_errand(row.id, id)?,
        (Fate::Unknown | Fate::NotNow | Fate::Refused, _) => ctx.store.drop_errand(row.id)?,
    }
    let (side, uid, name) = (place.side, &row.target.uid, &row.name);
    tracing::warn!(%side, %uid, name, %error, "what was asked for could not be written");
    Ok(())
}

/// How far settling goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Settle {
    /// What never arrived is written.
    Finish,
    /// It is only looked for.
    Look,
}

async fn try_settle(
    ctx: &Context,
    place: &Place<'_>,
    row: &ErrandRow,
    mode: Settle,
) -> Result<(), Failure> {
    let mut over = None;
    if let Some(id) = &row.over {
        over = match look(place, std::slice::from_ref(id)).await {
            Err(Failure::Provider { error, .. }) if error.kind() == ErrorKind::Rejected => None,
            looked => looked?,
        };
        let is = |wanted: &Series| over.as_ref().is_some_and(|now| now.series.same_content(wanted));
        let is_untouched = row.before.as_ref().is_some_and(is) && !is(&row.target);
        if !is_untouched {
            if !is(&row.target) {
                let (side, uid, change) = (place.side, &row.target.uid, row.change);
                tracing::warn!(
                    %side, %uid, change,
                    "what was to be put back is there in part only, or was written over since; \
                     look at it, and `calpair restore` the change again where it is not as it was"
                );
            }
            // History keeps it whatever is there, so that what it replaced is not lost.
            return Ok(ctx.store.ran_errand(row.id, id)?);
        }
    }
    if mode == Settle::Look {
        return Ok(ctx.store.drop_errand(row.id)?);
    }
    let raw = former(ctx, row.change)?;
    let former = Former { series: &row.target, raw: raw.as_deref() };
    let key = key(&row.name, row.attempt);
    write(ctx, place, row.id, former, over.as_ref(), &key).await.map(drop)
}

/// What stood there before a change, in the provider's own form.
fn former(ctx: &Context, change: Option<i64>) -> store::Result<Option<Vec<u8>>> {
    let former = change.map(|change| ctx.store.former(change)).transpose()?;
    Ok(former.flatten().map(model::Redacted::into_inner))
}

/// A provider's error as a failure of this side.
fn at(place: &Place<'_>) -> impl Fn(Error) -> Failure {
    let side = place.side;
    move |error| Failure::Provider { side, error }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_follows_from_what_is_asked_for_and_from_nothing_else() {
        let keys = [("a", 0), ("a", 1), ("b", 0)].map(|(name, attempt)| key(name, attempt));
        assert_eq!(keys[0], key("a", 0));
        assert!(keys[0] != keys[1] && keys[0] != keys[2] && keys[1] != keys[2]);
        assert!(keys[0].as_str().len() == 32 && keys[0].as_str().is_ascii());
    }
}
